"""Claims: due tasks become runs, and their next slot is planned, in one transaction that any number of runners try."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import F, OuterRef, Subquery

from conversations import faults, journal
from conversations.changes import Change
from conversations.ids import new_id
from conversations.models import Conversation
from tasks import metrics, wakeup
from tasks.models import Agent, Task, TaskRun, TaskTransition
from tasks.models.run import TaskRunQuerySet
from tasks.services import cancelling, creation, history, limits, pausing, switches, transcript
from tasks.services.limits import Limit
from tasks.services.rows import insert_rows, like, write_columns
from tasks.services.ticks import LIMIT_OF_DAY, Decision, Due, Row, arrive, decide, miss
from tasks.states import RUN_ACTIVE, CatchUp, Overlap, RunStatus, TaskStatus, Trigger

BATCH = 500
"""Tasks claimed in one transaction: about 100 ms of SQLite's writer."""


def claim_due(*, now: datetime, limit: int = BATCH, by: str = "") -> int:
    """Claim up to `limit` due tasks; returns how many it were (fewer than `limit`: nothing more is due).

    Nothing is claimed while the operator holds all runs, or drains the process that is called `by`.

    1. Lock the due tasks, higher priority first, then older; those that another runner has locked are passed over.
    2. Read what the decisions need, in one query each: active runs, today's runs, agents.
    3. Decide for each task (`ticks.decide`, pure) and write all runs, all tasks and the history in bulk.
    4. End what has no slot left, and tell the workers.

    The queries do not grow with the number of tasks. The loser of a race finds the tasks moved on or locked, or, where
    a clock was set back, the slot's row there already (and `run_slot_once` would refuse a second): it writes nothing.
    """
    # A look first: most calls find nothing, and on SQLite the transaction below takes the one writer's turn.
    if not Task.objects.due(now).exists() or switches.stops(by):
        return 0
    with transaction.atomic():
        tasks = list(
            Task.objects.due(now)
            .select_for_update(skip_locked=True, of=("self",))
            .annotate(owner_active=F("user__is_active"))
            .order_by("-priority", "next_run_at", "id")[:limit]
        )
        if not tasks:
            return 0
        going, orphaned = _by_owner(tasks)
        pausing.for_owners(orphaned, now=now)
        going, gone = _by_agent(going)
        if gone:
            pausing.for_agents(gone, now=now)
        if going:
            _claim(going, now)
        wakeup.moved()
        faults.reached("claim.before_commit")
    metrics.CLAIMED.inc(len(tasks))
    faults.reached("claim.committed")
    return len(tasks)


def record_missed(task: Task, *, now: datetime, reason: str) -> None:
    """Write the row of the due slots of a locked, recurring `task` that nothing will run, and plan the first after now.

    The caller saves the task.
    """
    record_rested([task], [], now=now, reason=reason)


def record_rested(missed: Sequence[Task], limited: Sequence[Task], *, now: datetime, reason: str) -> None:
    """Write the rows of what was due for locked, recurring tasks while they rested, and plan their next slots.

    Of `missed`: the slots until now, with this reason. Of `limited`, which rested because a limit was reached: those
    that came before `paused_until`, as skipped; what came after is due as ever. The caller saves the tasks. The queries
    do not grow with the number of tasks.
    """
    ends = [(task, now, reason, RunStatus.MISSED) for task in missed]
    for task in limited:
        end = now if task.paused_until is None else min(now, task.paused_until - timedelta(microseconds=1))
        ends.append((task, end, pausing.limit_of(task), RunStatus.SKIPPED))
    due = [entry for entry in ends if entry[0].next_run_at is not None and entry[0].next_run_at <= entry[1]]
    if not due:
        return
    before = _slots_before([task for task, *_ in due])
    work = _Work(now)
    for task, end, why, status in due:
        work.take(task, miss(_due(task, [], None), end, why, status), before[task.pk], [])
    insert_rows(work.runs)
    write_columns(work.extended, ["slots", "last_slot", "finished_at"])
    history.announce([task for task, *_ in due], [*work.runs, *work.extended])


def take_event(task: Task, *, given: dict[str, Any], now: datetime) -> TaskRun:
    """Give the locked, recurring `task` the row of an event that comes at `now`: a run, or a skipped one.

    `given` is what the run's text needs of the event (`texts.given_by_event`).

    Its overlap and limits decide, as for a tick (`ticks.arrive`, pure).
    """
    active = list(TaskRun.objects.active().filter(task=task))
    limit = limits.of([task], now).get(task.pk)
    due = _due(task, active, limit)
    slot = now
    while any(run.scheduled_for == slot for run in active):
        slot += timedelta(microseconds=1)  # retries are told apart by task and moment
    decision = arrive(due, slot)
    row = decision.rows[0]
    if row.status == RunStatus.SKIPPED:
        if decision.limited and limit is not None:
            pausing.for_limits([(task, limit)], now=now)
        return skip_event(task, reason=row.reason, now=slot)
    work = _Work(now)
    run = work._run(task, row)
    run.task, run.given = task, given
    Conversation.objects.bulk_create(work.conversations)
    run.save(force_insert=True)
    if decision.replaces_active:
        _replace(active, now)
        task.refresh_from_db(fields=["status"])
    task.run_count += 1
    if decision.next_slot is None:
        creation.plan_slot(task, None)
    task.updated_at = now
    task.save(update_fields=["run_count", "next_slot_at", "next_run_at", "updated_at"])
    if task.status == TaskStatus.PENDING:
        history.move(task, TaskStatus.RUNNING, now=now, run=run, reason="an event came", started_at=now)
    history.announce([task], [run])
    wakeup.moved()
    return run


def skip_event(task: Task, *, reason: str, now: datetime) -> TaskRun:
    """Record that an event at `now` did not start the locked `task`; neighbours with the same fate share a row."""
    latest = task.runs.order_by("-id").first()
    row = Row(status=RunStatus.SKIPPED, trigger=Trigger.EVENT, slot=now, reason=reason)
    if latest is not None and latest.trigger == Trigger.EVENT and _is_neighbour(latest, row):
        latest.slots += 1
        latest.last_slot = latest.finished_at = now
        latest.save(update_fields=["slots", "last_slot", "finished_at"])
    else:
        latest = _Work(now)._run(task, row)
        latest.task = task
        latest.save(force_insert=True)
    history.announce([task], [latest])
    return latest


def _by_owner(tasks: Sequence[Task]) -> tuple[list[Task], list[Task]]:
    """Those whose owner's account is active, and those whose is not (any more, and nobody has rested them yet)."""
    going = [task for task in tasks if task.owner_active]  # type: ignore[attr-defined]
    return going, [task for task in tasks if not task.owner_active]  # type: ignore[attr-defined]


def _by_agent(tasks: Sequence[Task]) -> tuple[list[Task], list[Task]]:
    """Those whose agent may be given work, and those whose agent was removed or disabled."""
    names = {task.agent_name for task in tasks}
    enabled = set(Agent.objects.enabled().filter(name__in=names).values_list("name", flat=True))
    going = [task for task in tasks if task.agent_name in enabled]
    return going, [task for task in tasks if task.agent_name not in enabled]


def _claim(tasks: Sequence[Task], now: datetime) -> None:
    active: dict[UUID, list[TaskRun]] = defaultdict(list)
    going = TaskRun.objects.active().filter(task__in=tasks).order_by()
    for run in going.only("id", "task_id", "status", "trigger", "remote_task_id"):
        active[run.task_id].append(run)
    limited = limits.of(tasks, now)
    before = _slots_before(tasks)
    work = _Work(now)
    to_rest: list[tuple[Task, Limit]] = []
    for task in tasks:
        # What is made up for the past does not stand in the way of what is due: it waits behind it.
        overlapped = [run for run in active[task.pk] if run.trigger != Trigger.BACKFILL]
        decision = decide(_due(task, overlapped, limited.get(task.pk)), now)
        work.take(task, decision, before[task.pk], active[task.pk])
        if decision.limited and decision.next_slot is not None:
            to_rest.append((task, limited[task.pk]))
    Conversation.objects.bulk_create(work.conversations)
    insert_rows(work.runs)
    write_columns(work.extended, ["slots", "last_slot", "finished_at"])
    write_columns(tasks, ["status", "next_slot_at", "next_run_at", "run_count", "started_at", "updated_at"])
    insert_rows(work.transitions)
    if work.replaced:
        _replace(work.replaced, now)
    _end_without_run(work.ended, now)
    pausing.for_limits(to_rest, now=now)
    history.announce(tasks, [*work.runs, *work.extended])


def _slots_before(tasks: Sequence[Task]) -> dict[UUID, list[TaskRun]]:
    """By task, the row of the latest slot so far, or of every slot that is due again (a clock was set back)."""
    # In two queries: of an OR of both, SQLite makes a walk through all runs.
    of_slots = TaskRun.objects.filter(trigger__in=[Trigger.SCHEDULE, Trigger.CATCH_UP, Trigger.RETRY], attempt=1)
    of_slots = of_slots.order_by("scheduled_for")
    newest = of_slots.filter(task=OuterRef("pk")).order_by("-scheduled_for").values("pk")[:1]
    ids = Task.objects.filter(pk__in=[task.pk for task in tasks]).order_by().values(newest=Subquery(newest))
    latest = {run.task_id: run for run in _records(of_slots.filter(pk__in=ids))}
    found = defaultdict(list, {task_id: [run] for task_id, run in latest.items()})
    again = {
        task.pk: task.next_slot_at
        for task in tasks
        if task.next_slot_at and task.pk in latest and latest[task.pk].scheduled_for >= task.next_slot_at
    }
    if again:
        found.update((task_id, []) for task_id in again)
        for run in _records(of_slots.filter(task__in=list(again), scheduled_for__gte=min(again.values()))):
            found[run.task_id].append(run)
    return found


_OF_RECORD = ("id", "task_id", "user_id", "scheduled_for", "status", "slots", "last_slot", "reason", "finished_at")


def _records(runs: TaskRunQuerySet) -> Iterator[TaskRun]:
    """The rows with those of their columns that decide about slots; for most tasks nothing else is made of them."""
    template = TaskRun()
    for values in runs.values_list(*_OF_RECORD):
        yield like(template, **dict(zip(_OF_RECORD, values, strict=True)))


class _Work:
    """What one claim writes, over all its tasks."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self._run_template = TaskRun(ready_at=now, created_at=now)
        self._transition = TaskTransition(created_at=now)
        self.runs: list[TaskRun] = []
        self.extended: list[TaskRun] = []
        """Records of slots that did not run, which now stand for their neighbours too."""
        self.conversations: list[Conversation] = []
        self.transitions: list[TaskTransition] = []
        self.replaced: list[TaskRun] = []
        self.ended: list[Task] = []

    def take(self, task: Task, decision: Decision, before: Sequence[TaskRun], active: Sequence[TaskRun]) -> None:
        """Make the rows of one task, plan its next slot and count its runs."""
        rows = [row for row in decision.rows if not any(_stands_for(run, row.slot) for run in before)]
        if rows and before and _is_neighbour(before[-1], rows[0]):
            self._extend(before[-1], rows.pop(0))
        self.runs.extend(self._run(task, row) for row in rows)
        queued = sum(row.status == RunStatus.QUEUED for row in rows)
        if decision.replaces_active and queued:
            self.replaced.extend(active)
        creation.plan_slot(task, decision.next_slot)
        task.run_count += queued
        task.updated_at = self.now
        if queued and task.status == TaskStatus.PENDING:
            self._move(task, TaskStatus.RUNNING, "first run claimed")
            task.started_at = self.now
        if decision.next_slot is None and not queued and not active:
            self.ended.append(task)

    def _move(self, task: Task, status: TaskStatus, reason: str) -> None:
        self.transitions.append(
            like(
                self._transition,
                {"task": task},
                id=new_id(),
                task_id=task.pk,
                old_status=task.status,
                new_status=status,
                reason=reason,
            )
        )
        task.status = status

    def _extend(self, record: TaskRun, row: Row) -> None:
        record.slots += row.slots
        record.last_slot = row.last_slot or row.slot
        record.finished_at = self.now
        self.extended.append(record)

    def _run(self, task: Task, row: Row) -> TaskRun:
        """A row; a run has a conversation of its own where the owner chose so."""
        conversation_id = task.conversation_id
        queued = row.status == RunStatus.QUEUED
        if queued and task.conversation_mode == "new":
            local = row.slot.astimezone(ZoneInfo(task.timezone))
            conversation = Conversation(
                user_id=task.user_id,
                title=f"{task.title[:170]} · {local:%d %b %Y, %H:%M}",
                agent_name=task.agent_name,
                created_at=self.now,
                updated_at=self.now,
            )
            self.conversations.append(conversation)
            conversation_id = conversation.pk
        return like(
            self._run_template,
            {"task": task},
            id=new_id(),
            task_id=task.pk,
            user_id=task.user_id,
            conversation_id=conversation_id,
            trigger=row.trigger,
            scheduled_for=row.slot,
            status=row.status,
            slots=row.slots,
            last_slot=row.last_slot,
            reason=row.reason,
            priority=task.priority,
            agent_name=task.agent_name,
            input=task.query if queued else "",
            finished_at=None if queued else self.now,
        )


def _stands_for(record: TaskRun, slot: datetime) -> bool:
    """Whether `record` is the row of `slot`, alone or among its neighbours."""
    return record.scheduled_for <= slot <= (record.last_slot or record.scheduled_for)


def _is_neighbour(record: TaskRun, row: Row) -> bool:
    """Whether `row` records the slots that follow those of `record`, with the same fate."""
    return (
        row.status in (RunStatus.SKIPPED, RunStatus.MISSED)
        and (record.status, record.reason) == (row.status, row.reason)
        and record.scheduled_for < row.slot
    )


def _due(task: Task, active: Sequence[TaskRun], limit: Limit | None) -> Due:
    return Due(
        schedule=task.schedule,
        recurring=task.recurring,
        anchor=task.anchor_at,
        slot=task.next_slot_at or task.next_run_at or task.created_at,
        overlap=Overlap(task.overlap),
        catch_up=CatchUp(task.catch_up),
        window=timedelta(minutes=task.catch_up_window_minutes),
        run_count=task.run_count,
        key=str(task.pk),
        active=[RunStatus(run.status) for run in active],
        left_today=None if limit is None else limit.left,
        limit=LIMIT_OF_DAY if limit is None else limit.reason,
    )


def _replace(runs: Sequence[TaskRun], now: datetime) -> None:
    """`overlap: cancel_running`: the runs that still go make room for the new slot."""
    locked = list(
        TaskRun.objects.select_for_update(of=("self",))
        .filter(pk__in=[run.pk for run in runs], status__in=RUN_ACTIVE)
        .select_related("task")
        .order_by("id")
    )
    journal.write(cancelling.make_room(locked, now=now, reason="A newer slot took its place."))


def _end_without_run(tasks: Sequence[Task], now: datetime) -> None:
    """Tasks whose last slots passed without a run: once tasks have failed, schedules are over."""
    if not tasks:
        return
    over = [task for task in tasks if task.recurring]
    failed = [task for task in tasks if not task.recurring]
    why = "Its moment passed while nothing could run it."
    for task in failed:
        task.error_message = why
    changes: list[Change] = []
    if over:
        history.move_many(over, TaskStatus.COMPLETED, now=now, reason="The schedule has no time left.")
        changes.extend(transcript.controller(task) for task in over)
    if failed:
        history.move_many(failed, TaskStatus.FAILED, now=now, reason=why, columns=["error_message"])
        changes.extend(transcript.failed(task, None, why) for task in failed)
    changes.extend(transcript.ending(tasks))
    changes.extend(creation.arm_after(tasks, now=now))
    journal.write(changes)
