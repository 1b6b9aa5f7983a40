"""A process dies at a labelled point of claim, start, send, each event, or end; the next one brings all to an end.

With the command that a person starts. `make faults` walks all points of all paths, with processes that begin faster.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from conversations.models import Conversation, ConversationItem
from sample_agents.base import Event, message_chunk, reasoning, tool_call_completed, tool_call_started
from tasks.models import Agent, Task, TaskRun
from tests.faults.dying import PATIENCE, die
from tests.helpers.agents import TestAgent
from tests.helpers.processes import runner
from tests.helpers.tasks import TaskMaker

PIECES = [f"piece {number} of the answer, " for number in range(12)]

POINTS = ["claim.committed", "lease.committed", "run.sent", "run.event:5", "journal.committed:3", "run.before_settle"]


class Telling(TestAgent):
    """Tells a story slowly enough to be cut in the middle of it."""

    async def answer(self, query: str) -> AsyncIterator[Event]:  # noqa: ARG002
        yield reasoning("let me think")
        yield tool_call_started("call", "look_up")
        yield tool_call_completed("call", "look_up", "found")
        for piece in PIECES:
            await asyncio.sleep(0.08)
            yield message_chunk(piece)


def over() -> bool:
    active = TaskRun.objects.active().exists()
    due = Task.objects.due(timezone.now()).exists()
    return not active and not due and TaskRun.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("point", POINTS)
def test_whatever_dies_nothing_is_lost_doubled_or_left_running(
    point: str, conversation: Conversation, serve_agent: Callable[..., Agent], make_task: TaskMaker
) -> None:
    agent = Telling()
    serve_agent(agent)
    now = timezone.now()
    once = make_task(query="once", now=now)
    hourly = make_task(query="hourly", schedule={"interval_minutes": 60}, now=now)

    if not die(point):
        # How many commits a run takes depends on how busy the machine is.
        pytest.skip(f"nothing died: the runs were over before {point}")
    with runner() as process:
        end = time.monotonic() + PATIENCE
        while not over():
            assert process.poll() is None
            assert time.monotonic() < end, list(TaskRun.objects.values("status", "reason", "error"))
            time.sleep(0.1)

    # Nothing is left running, and no slot is lost: each has a run that ended and says how.
    ended = {"succeeded", "failed", "interrupted"}
    for task in (once, hourly):
        runs = list(task.runs.order_by("id"))
        assert runs, task.query
        assert {run.status for run in runs} <= ended
        assert {run.scheduled_for for run in runs} == {runs[0].scheduled_for}
    # Nothing reached the agent twice: a run that was interrupted may have reached it or not, and was not sent again.
    received = Counter(agent.received)
    for task in (once, hourly):
        last = task.runs.latest("id")
        assert received[task.query] <= 1
        assert received[task.query] == 1 or last.status == "interrupted"
        assert last.status in ("succeeded", "interrupted"), (last.error, last.reason)
    # What the agent said stands in the transcript once, whole and in order.
    answer = "".join(PIECES)
    if once.runs.latest("id").status == "succeeded":
        assert text_of(once.runs.latest("id")) == answer
        assert once.runs.latest("id").result == answer.strip()
    if hourly.runs.latest("id").status == "succeeded":
        assert hourly.runs.latest("id").result == answer.strip()
        assert results_of(hourly) == 1
    seqs = list(ConversationItem.objects.filter(conversation=conversation).values_list("seq", flat=True))
    assert len(set(seqs)) == len(seqs)
    once.refresh_from_db()
    hourly.refresh_from_db()
    assert once.status in ("completed", "failed")
    assert (hourly.status, hourly.next_slot_at) == ("running", now + timedelta(hours=1))


def text_of(run: Any) -> str:
    """The answer's text in the transcript, over its paragraphs."""
    items = ConversationItem.objects.filter(run_id=run.pk, event="message_chunk").order_by("position")
    return "".join(
        (item.payload.get("content") or "") + "".join(item.tail.order_by("offset").values_list("text", flat=True))
        for item in items
    )


def results_of(task: Task) -> int:
    """How many results the transcript shows."""
    items = ConversationItem.objects.filter(task_id=task.pk, event="component_generator")
    return sum(item.payload.get("component_type") == "scheduled_task_result" for item in items)
