"""What must hold after a trial, whatever died: database, transcript and the agent's own record side by side."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta

from conversations.models import ConversationItem, ItemTail
from tasks.models import Task, TaskRun
from tests.faults.stage import Stage

ENDED = {"succeeded", "failed", "interrupted", "cancelled", "skipped", "missed"}
GROWING = {"reasoning_started", "reasoning", "tool_call_started"}
"""Events of items that are not closed: an ended run leaves none."""


def violations(stage: Stage, *, turns: int = 1, next_slot: timedelta | None = None) -> Iterator[str]:
    """Each rule that does not hold, in words. `turns`: messages that each remote task gets. `next_slot`: when the
    trial's schedules are due next, from its beginning on.
    """
    for task in stage.tasks:
        yield from _of_task(stage, task, next_slot)
    yield from _of_agent(stage, turns)
    yield from _of_transcript(stage)
    yield from _of_conversation(stage)


def _of_task(stage: Stage, task: Task, next_slot: timedelta | None) -> Iterator[str]:
    runs = list(task.runs.order_by("id"))
    name = task.query
    if not runs and task.status != "cancelled":
        yield f"{name}: a tick was lost: it has no run"
    for run in runs:
        if run.status not in ENDED:
            yield f"{name}: a run is {run.status} for ever"
        if run.status in ENDED and run.finished_at is None:
            yield f"{name}: a run that ended has no end"
        if run.status == "interrupted" and not run.reason:
            yield f"{name}: a run was interrupted without a reason"
    slots = Counter((run.scheduled_for, run.attempt) for run in runs)
    if any(number > 1 for number in slots.values()):
        yield f"{name}: a slot ran twice: {slots}"
    attempts = [run.attempt for run in runs if run.scheduled_for == runs[0].scheduled_for]
    if attempts != list(range(1, len(attempts) + 1)):
        yield f"{name}: attempts are {attempts}"
    yield from _of_status(stage, task, runs, next_slot)


def _of_status(stage: Stage, task: Task, runs: Sequence[TaskRun], next_slot: timedelta | None) -> Iterator[str]:
    name = task.query
    if task.recurring and task.status != "cancelled":
        if task.status != "running":
            yield f"{name}: the schedule is {task.status}"
        if next_slot is not None and task.next_slot_at != stage.begun + next_slot:
            yield f"{name}: its next slot is {task.next_slot_at}"
    if not task.recurring and task.status not in ("completed", "failed", "cancelled"):
        yield f"{name}: the task is {task.status} for ever"
    if not task.recurring and runs:
        fits = {"succeeded": "completed", "failed": "failed", "interrupted": "failed", "cancelled": "cancelled"}
        if fits.get(runs[-1].status) != task.status:
            yield f"{name}: its last run {runs[-1].status}, and the task is {task.status}"


def _of_agent(stage: Stage, turns: int) -> Iterator[str]:
    """The agent's record: each message reached it at most as often as a run was sent, and each result has its own."""
    received = Counter(zip(stage.agent.tasks, stage.agent.received, strict=True))
    runs = list(TaskRun.objects.filter(task__conversation=stage.conversation))
    of_remote = Counter(run.remote_task_id for run in runs if run.remote_task_id)
    if any(number > 1 for number in of_remote.values()):
        yield f"two runs share a task at the agent: {of_remote}"
    for task in stage.tasks:
        mine = [remote for remote, query in received.elements() if query == task.query]
        sent = [run for run in task.runs.all() if run.sent_at is not None]
        if len(mine) > len(sent):
            yield f"{task.query}: reached the agent {len(mine)} times, and was sent {len(sent)} times"
        known = {run.remote_task_id for run in sent if run.remote_task_id}
        nameless = [run for run in sent if not run.remote_task_id]
        if any(run.status not in ("interrupted", "cancelled", "failed") for run in nameless):
            yield f"{task.query}: a run ended well, and no task of its agent stands for it"
        if len(strangers := set(mine) - known) > len(nameless):
            yield f"{task.query}: the agent worked on {strangers}, of which no run knows"
    for run in runs:
        if run.status == "succeeded":
            times = stage.agent.tasks.count(run.remote_task_id)
            if times != turns:
                yield f"{run.input}: a run that succeeded reached the agent {times} times"


def _of_transcript(stage: Stage) -> Iterator[str]:
    """Nothing doubled, missing or still growing; `seq` and `position` of each item its own, up to the last."""
    stage.conversation.refresh_from_db()
    items = list(ConversationItem.objects.filter(conversation=stage.conversation).order_by("position"))
    seqs = [item.seq for item in items]
    if len(set(seqs)) != len(seqs):
        yield "two items have the same seq"
    if max(seqs, default=0) != stage.conversation.last_seq:
        yield f"the last seq is {stage.conversation.last_seq}, and that of the items {max(seqs, default=0)}"
    if len({item.position for item in items}) != len(items):
        yield "two items have the same place"
    if ItemTail.objects.filter(item__conversation=stage.conversation).exists():
        yield "text was left growing"
    over = set(
        TaskRun.objects.filter(task__conversation=stage.conversation, status__in=ENDED).values_list("pk", flat=True)
    )
    if left := [item.event for item in items if item.event in GROWING and item.run_id in over]:
        yield f"left open: {left}"
    ends = Counter((item.task_id, item.event) for item in items if item.event in ("task_failed", "task_cancelled"))
    runs = {
        task.pk: task.runs.filter(status__in=["interrupted", "failed", "cancelled"]).count() for task in stage.tasks
    }
    for (task_id, event), number in ends.items():
        if task_id is not None and number > max(1, runs.get(task_id, 0)):
            yield f"{event} is said {number} times"
    calls = Counter(
        item.run_id for item in items if item.payload.get("tool_name") == "connect_agent" and item.run_id is not None
    )
    if any(number > 1 for number in calls.values()):
        yield "the transcript shows twice how the agent was reached"
    for task in stage.tasks:
        for run in task.runs.filter(status="succeeded"):
            yield from _of_answer(run, task, items)


def _of_answer(run: TaskRun, task: Task, items: list[ConversationItem]) -> Iterator[str]:
    mine = [item for item in items if item.run_id == run.pk]
    said = "".join(str(item.payload.get("content")) for item in mine if item.event == "message_chunk")
    results = [item for item in mine if item.payload.get("component_type") == "scheduled_task_result"]
    if task.recurring:
        if len(results) != 1:
            yield f"{task.query}: the transcript shows {len(results)} results of a run"
    elif "".join(said.split()) != "".join(run.result.split()):
        yield f"{task.query}: the transcript says {said!r}, the result {run.result!r}"


def _of_conversation(stage: Stage) -> Iterator[str]:
    waits = TaskRun.objects.filter(conversation=stage.conversation, status="waiting_input").exists()
    status = stage.conversation.status
    if (status == "require_user_input") != waits:
        yield f"the conversation is {status}, and {'a' if waits else 'no'} run waits for an answer"
