"""What becomes of a task's due slots: one pure decision over schedule, overlap, catch-up and limits."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tasks import schedules
from tasks.schedules import Schedule
from tasks.states import CatchUp, Overlap, RunStatus, Trigger

ON_TIME = timedelta(seconds=60)
"""A slot that is claimed this late at most is simply a tick: a busy machine is not downtime."""
SLOTS_MAX = 1_000
"""Slots that are looked at one by one after a downtime; a year of minutes, which is half a million, is counted."""
NO_TIME = timedelta(0)
HOUR = timedelta(hours=1)
LIMIT_OF_DAY = "The limit of runs a day was reached."
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
    key: str = ""
    """The task's name for its jitter."""
    active: Sequence[RunStatus] = ()
    """The statuses of the task's runs that have not ended."""
    left_today: int | None = None
    """Runs left of the day's limit, or none of a budget that is used up; None: no limit."""
    limit: str = LIMIT_OF_DAY
    """The reason of slots that the limit leaves no room for."""


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
    limited: bool = False
    """A limit left no room for something that would have run."""


def decide(due: Due, now: datetime) -> Decision:
    """Decide what becomes of every slot of `due` whose moment has come by `now`: each is in exactly one row.

    1. List the slots that are due, from the one that was planned.
    2. Sort out those that are too late, by catch-up and its window.
    3. Let the overlap policy say what happens to the rest while a run still goes.
    4. Cut what the limits leave no room for. The last of `max_runs` ends the schedule: what follows it is no slot.
    """
    if not due.recurring:
        return _decide_once(due, now)
    slots, total = _due_slots(due, now)
    keep, rows = _catch_up(due, slots, total, now)
    replaces = False
    if keep and due.active:
        keep, skipped, replaces = _overlap(due, keep)
        if skipped:
            rows.append(_record(RunStatus.SKIPPED, skipped, _why_skipped(due)))
    limited = due.left_today is not None and len(keep) > due.left_today
    if limited:
        rows.append(_record(RunStatus.SKIPPED, keep[due.left_today :], due.limit))
        keep = keep[: due.left_today]
    # Counted last: a slot that was skipped uses up none of them.
    room = None if due.schedule.max_runs is None else max(0, due.schedule.max_runs - due.run_count)
    exhausted = room is not None and len(keep) >= room
    if exhausted and keep:
        keep = keep[:room]
        rows = [row for row in rows if row.slot < keep[-1]]
    rows.extend(_run(due, slot, now) for slot in keep)
    following = None if exhausted else schedules.next_after(due.schedule, slots[-1], anchor=due.anchor)
    return Decision(
        rows=sorted(rows, key=lambda row: row.slot),
        replaces_active=replaces and bool(keep),
        next_slot=following,
        limited=limited,
    )


def miss(due: Due, now: datetime, reason: str, status: RunStatus = RunStatus.MISSED) -> Decision:
    """What becomes of due slots that nothing will run, whatever the catch-up: a pause or an edit took them away, or
    (`skipped`) a limit.
    """
    slots, total = _due_slots(due, now)
    row = Row(
        status=status,
        trigger=Trigger.SCHEDULE,
        slot=slots[0],
        slots=total,
        last_slot=slots[-1] if total > 1 else None,
        reason=reason,
    )
    return Decision(rows=[row], next_slot=schedules.next_after(due.schedule, slots[-1], anchor=due.anchor))


def arrive(due: Due, now: datetime) -> Decision:
    """What becomes of an event that comes at `now`, by the same rules as for a tick: one row, which says why if it did
    not run. The planned slot stays where it is, unless this is the last of `max_runs`.
    """
    schedule = due.schedule
    room = None if schedule.max_runs is None else schedule.max_runs - due.run_count
    skipped, replaces = schedules.why_at_rest(schedule, now), False
    if not skipped and room is not None and room <= 0:
        skipped = "It had all of its runs (max_runs)."
    limited = not skipped and due.left_today is not None and due.left_today <= 0
    if limited:
        skipped = due.limit
    if not skipped and due.active:
        keep, _, replaces = _overlap(due, [now])
        skipped = "" if keep else _why_skipped(due)
    row = Row(
        status=RunStatus.SKIPPED if skipped else RunStatus.QUEUED, trigger=Trigger.EVENT, slot=now, reason=skipped
    )
    over = room is not None and room <= (0 if skipped else 1)
    return Decision(rows=[row], replaces_active=replaces, next_slot=None if over else due.slot, limited=limited)


def _decide_once(due: Due, now: datetime) -> Decision:
    late = _late(due, due.slot, now)
    if late > ON_TIME and (due.catch_up == CatchUp.NONE or late > due.window):
        reason = "Its moment passed while nothing could run it."
        return Decision(rows=[_record(RunStatus.MISSED, [due.slot], reason)])
    return Decision(rows=[_run(due, due.slot, now)])


def _late(due: Due, slot: datetime, now: datetime) -> timedelta:
    """How long ago the moment of `slot` was, its jitter included; negative: it is still to come."""
    return now - slot - schedules.jitter_for(due.schedule, due.key, slot)


def _run(due: Due, slot: datetime, now: datetime) -> Row:
    trigger = Trigger.SCHEDULE if _late(due, slot, now) <= ON_TIME else Trigger.CATCH_UP
    return Row(status=RunStatus.QUEUED, trigger=trigger, slot=slot)


def _due_slots(due: Due, now: datetime) -> tuple[list[datetime], int]:
    """The due slots, oldest first, and how many they are: after a long downtime only the first and the newest."""
    later = schedules.slots_between(due.schedule, due.slot, now, anchor=due.anchor, limit=SLOTS_MAX)
    total = 1 + len(later)
    if len(later) == SLOTS_MAX:
        total = 1 + schedules.count_between(due.schedule, due.slot, now, anchor=due.anchor, limit=10_000_000)
        later = _newest(due, now)
    # Its jitter may put off the last one: claimed now, it would start before its moment.
    while later and _late(due, later[-1], now) < NO_TIME:
        later.pop()
        total -= 1
    return [due.slot, *later], total


def _newest(due: Due, now: datetime) -> list[datetime]:
    """At least as many of the newest slots as can be caught up, or all after the first."""
    end = now if due.schedule.end_at is None else min(now, due.schedule.end_at)
    # Jitter is no longer than the time between two slots, so it puts off a few at most.
    wanted = 2 * CATCH_UP_MAX
    # The shortest time before the end that holds so many, to the hour: slots may come in bursts.
    short, long = 0, (end - due.slot) // HOUR + 1
    while long - short > 1:
        middle = (short + long) // 2
        if schedules.count_between(due.schedule, end - middle * HOUR, end, anchor=due.anchor, limit=wanted) < wanted:
            short = middle
        else:
            long = middle
    after = max(due.slot, end - long * HOUR)
    return schedules.slots_between(due.schedule, after, end, anchor=due.anchor, limit=10_000_000)


def _catch_up(due: Due, slots: list[datetime], total: int, now: datetime) -> tuple[list[datetime], list[Row]]:
    """Split the due slots into those to run and a record of those that were missed."""
    late = {slot: _late(due, slot, now) for slot in slots}
    if len(slots) == 1 and late[slots[0]] <= ON_TIME:
        return slots, []
    in_window = [slot for slot in slots if late[slot] <= max(due.window, ON_TIME)]
    if due.catch_up == CatchUp.ALL:
        keep = in_window[-CATCH_UP_MAX:]
    elif due.catch_up == CatchUp.NONE:
        keep = [slot for slot in in_window if late[slot] <= ON_TIME][-1:]
    else:
        keep = in_window[-1:]
    kept = set(keep)
    missed = [slot for slot in slots if slot not in kept]
    if not missed:
        return keep, []
    if keep and due.catch_up == CatchUp.ONE:
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
