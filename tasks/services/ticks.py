"""What becomes of a task's due slots: one pure decision over schedule, overlap, catch-up and limits."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tasks import schedules
from tasks.schedules import Schedule
from tasks.states import CatchUp, Overlap, RunStatus, Trigger

ON_TIME = timedelta(seconds=60)
"""A slot that is claimed this late at most is simply a tick: a busy machine is not downtime."""
SLOTS_MAX = 10_000
"""Slots that are counted one by one after a downtime; a year of minutes would be half a million."""
CATCH_UP_MAX = 500
"""Slots that `catch_up: all` runs one after another; the earlier ones are recorded as missed."""


@dataclass(frozen=True, kw_only=True)
class Due:
    """A task whose `next_run_at` has come, as far as the decision needs to know it."""

    schedule: Schedule
    recurring: bool
    anchor: datetime
    slot: datetime
    """The first slot that is due: `next_slot_at`."""
    overlap: Overlap
    catch_up: CatchUp
    window: timedelta
    run_count: int
    active: Sequence[RunStatus] = ()
    """The statuses of the task's runs that have not ended."""
    left_today: int | None = None
    """Runs left of `max_runs_per_day`; None: no limit."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A run to write: `queued`, or a record of slots that did not run."""

    status: RunStatus
    trigger: Trigger
    slot: datetime
    slots: int = 1
    last_slot: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The rows to write, whether they take the place of what runs, and the slot after them (None: there is none)."""

    rows: list[Row] = field(default_factory=list)
    replaces_active: bool = False
    next_slot: datetime | None = None


def decide(due: Due, now: datetime) -> Decision:
    """Decide what becomes of every slot of `due` up to `now`.

    1. List the slots that are due, from the one that was planned.
    2. Sort out those that are too late, by catch-up and its window.
    3. Cut what the limits leave no room for.
    4. Let the overlap policy say what happens to the rest while a run still goes.
    """
    if not due.recurring:
        return _decide_once(due, now)
    slots, total = _due_slots(due, now)
    keep, rows = _catch_up(due, slots, total, now)
    if due.schedule.max_runs is not None:
        keep = keep[: max(0, due.schedule.max_runs - due.run_count)]
    if due.left_today is not None and len(keep) > due.left_today:
        over = keep[due.left_today :]
        keep = keep[: due.left_today]
        rows.append(_record(RunStatus.SKIPPED, over, "The limit of runs a day was reached."))
    replaces = False
    if keep and due.active:
        keep, skipped, replaces = _overlap(due, keep)
        if skipped:
            rows.append(_record(RunStatus.SKIPPED, skipped, _why_skipped(due)))
    rows.extend(
        Row(
            status=RunStatus.QUEUED,
            trigger=Trigger.SCHEDULE if now - slot <= ON_TIME else Trigger.CATCH_UP,
            slot=slot,
        )
        for slot in keep
    )
    # Counted last: a slot that was skipped uses up none of them.
    exhausted = due.schedule.max_runs is not None and due.run_count + len(keep) >= due.schedule.max_runs
    following = None if exhausted else schedules.next_after(due.schedule, max(now, slots[-1]), anchor=due.anchor)
    return Decision(rows=rows, replaces_active=replaces, next_slot=following)


def _decide_once(due: Due, now: datetime) -> Decision:
    late = now - due.slot
    if late > ON_TIME and (due.catch_up == CatchUp.NONE or late > due.window):
        reason = "Its moment passed while nothing could run it."
        return Decision(rows=[_record(RunStatus.MISSED, [due.slot], reason)])
    trigger = Trigger.SCHEDULE if late <= ON_TIME else Trigger.CATCH_UP
    return Decision(rows=[Row(status=RunStatus.QUEUED, trigger=trigger, slot=due.slot)])


def _due_slots(due: Due, now: datetime) -> tuple[list[datetime], int]:
    """The due slots (the newest `SLOTS_MAX` of them), and how many they are in all."""
    later = schedules.slots_between(due.schedule, due.slot, now, anchor=due.anchor, limit=SLOTS_MAX)
    slots = [due.slot, *later]
    if len(later) < SLOTS_MAX:
        return slots, len(slots)
    total = 1 + schedules.count_between(due.schedule, due.slot, now, anchor=due.anchor, limit=10_000_000)
    recent = schedules.slots_between(due.schedule, now - due.window, now, anchor=due.anchor, limit=SLOTS_MAX)
    return [due.slot, *(slot for slot in recent if slot > due.slot)], total


def _catch_up(due: Due, slots: list[datetime], total: int, now: datetime) -> tuple[list[datetime], list[Row]]:
    """Split the due slots into those to run and a record of those that were missed."""
    latest = slots[-1]
    on_time = [slot for slot in slots if now - slot <= ON_TIME]
    if len(slots) == 1 and on_time:
        return slots, []
    in_window = [slot for slot in slots if now - slot <= due.window or slot in on_time]
    if due.catch_up == CatchUp.ALL:
        keep = in_window[-CATCH_UP_MAX:]
    elif due.catch_up == CatchUp.NONE:
        keep = on_time[-1:]
    else:
        keep = in_window[-1:]
    missed = [slot for slot in slots if slot not in set(keep)]
    if not missed:
        return keep, []
    if latest in keep and due.catch_up == CatchUp.ONE:
        reason = "Nothing could run it in time; one run stands for all."
    elif due.catch_up == CatchUp.NONE:
        reason = "Nothing could run it in time, and the schedule does not catch up."
    else:
        reason = "Nothing could run it within the catch-up window."
    row = Row(
        status=RunStatus.MISSED,
        trigger=Trigger.SCHEDULE,
        slot=missed[0],
        slots=max(1, total - len(keep)),
        last_slot=missed[-1] if len(missed) > 1 else None,
        reason=reason,
    )
    return keep, [row]


def _overlap(due: Due, keep: list[datetime]) -> tuple[list[datetime], list[datetime], bool]:
    """What runs, what is skipped, and whether the active runs make room."""
    if due.overlap == Overlap.PARALLEL:
        return keep, [], False
    if due.overlap == Overlap.CANCEL_RUNNING:
        return keep[-1:], keep[:-1], True
    if due.overlap == Overlap.QUEUE and RunStatus.QUEUED not in due.active:
        return keep[:1], keep[1:], False
    return [], keep, False


def _why_skipped(due: Due) -> str:
    if RunStatus.WAITING_INPUT in due.active:
        return "The run before it waits for an answer."
    if due.overlap == Overlap.QUEUE:
        return "One run waits already behind the one that still goes."
    if due.overlap == Overlap.CANCEL_RUNNING:
        return "A newer slot took its place."
    return "The run before it was still going."


def _record(status: RunStatus, slots: Sequence[datetime], reason: str) -> Row:
    return Row(
        status=status,
        trigger=Trigger.SCHEDULE,
        slot=slots[0],
        slots=len(slots),
        last_slot=slots[-1] if len(slots) > 1 else None,
        reason=reason,
    )
