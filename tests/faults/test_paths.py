"""The same for the longer paths: a retry, a question and its answer, tasks one after the other, and death after death.

`make test` walks a sample, `make faults` all of it.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence

import pytest
from django.utils import timezone

from conversations import journal
from conversations.models import Conversation, ConversationItem, ItemTail
from tasks.models import Agent, ExecutionPlan, Task, TaskRun
from tasks.requests import submit_tasks
from tasks.schemas.inputs import TaskIn
from tasks.services import TaskService
from tests.faults.dying import PATIENCE, die, settled
from tests.faults.test_every_point import WHOLE, Telling, over, text_of
from tests.helpers.agents import Asking, Echo, Failing, TestAgent
from tests.helpers.processes import runner
from tests.helpers.tasks import TaskMaker

pytestmark = pytest.mark.django_db(transaction=True)

Serve = Callable[..., Agent]


def points(*sample: str, more: Sequence[str] = ()) -> Sequence[str]:
    return [*sample, *(more if WHOLE else ())]


def live_on(condition: Callable[[], bool]) -> None:
    """Run a healthy runner until `condition` holds."""
    with runner() as process:
        end = time.monotonic() + PATIENCE
        while not condition():
            assert process.poll() is None
            assert time.monotonic() < end, list(TaskRun.objects.values("status", "reason", "error"))
            time.sleep(0.05)


def audit(agent: TestAgent, *tasks: Task) -> None:
    """What holds whatever died: no run twice at the agent, nothing left over, a transcript without gap or double."""
    received = Counter(agent.received)
    for task in tasks:
        sent = [run for run in task.runs.all() if run.sent_at is not None]
        assert received[task.query] <= len(sent), f"{task.query} reached the agent more often than it was sent"
    assert not TaskRun.objects.filter(status__in=["queued", "running"]).exists()
    assert not ItemTail.objects.exists()
    for conversation in Conversation.objects.all():
        items = ConversationItem.objects.filter(conversation=conversation)
        seqs = list(items.values_list("seq", flat=True))
        positions = list(items.order_by("position").values_list("position", flat=True))
        assert len(set(seqs)) == len(seqs)
        assert max(seqs, default=0) == conversation.last_seq
        assert positions == sorted(set(positions))
        ends = Counter(
            items.filter(event__in=["task_failed", "task_cancelled"]).values_list("run_id", "task_id", "event")
        )
        assert all(number == 1 for number in ends.values())


@pytest.mark.parametrize(
    "point",
    points(
        "run.failed",
        "lease.committed:2",
        more=[
            "lease.before_commit:2",
            "run.before_sent:2",
            "run.sent:2",
            "run.before_settle:2",
            *(f"journal.before_commit:{n}" for n in range(1, 7)),
            *(f"journal.committed:{n}" for n in range(1, 7)),
        ],
    ),
)
def test_a_retry_happens_once_whatever_dies(point: str, serve_agent: Serve, make_task: TaskMaker) -> None:
    agent = Failing(times=1)
    serve_agent(agent)
    task = make_task(query="water", now=timezone.now())
    die(point)
    live_on(over)
    audit(agent, task)
    task.refresh_from_db()
    statuses = list(task.runs.order_by("attempt").values_list("attempt", "status"))
    assert [attempt for attempt, _ in statuses] == list(range(1, len(statuses) + 1))
    assert len(agent.received) <= 2
    last = statuses[-1][1]
    assert (last, task.status) in {("succeeded", "completed"), ("interrupted", "failed")}, statuses
    if last == "succeeded":
        assert [status for _, status in statuses] == ["failed", "succeeded"]
        assert task.runs.get(status="succeeded").result == "Water!"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (first, second)
        for first in points("run.event:3", more=["run.before_settle", "journal.committed:2", "journal.committed:3"])
        for second in points(
            "lease.committed",
            "run.event:1",
            more=[
                "lease.before_commit",
                "run.event:2",
                "run.before_settle",
                "journal.committed:1",
                "journal.committed:2",
            ],
        )
    ],
)
def test_an_answer_reaches_the_same_remote_task_once_whatever_dies(
    first: str, second: str, serve_agent: Serve, make_task: TaskMaker, conversation: Conversation
) -> None:
    agent = Asking()
    serve_agent(agent)
    task = make_task(query="paint it", now=timezone.now())
    die(first)
    live_on(settled)
    run = task.runs.get()
    if run.status == "interrupted":
        audit(agent, task)
        return
    assert run.status == "waiting_input"
    assert ConversationItem.objects.filter(event="plan_require_user_input").count() == 1
    with journal.transaction.atomic():
        journal.write(TaskService.answer(task.pk, "blue", actor=task.user, now=timezone.now()))
    die(second)
    live_on(over)
    audit(agent, task)
    run.refresh_from_db()
    assert (run.status, run.result) == ("succeeded", "Let me see.It is blue.")
    assert agent.received.count("blue") == 1
    assert len(set(agent.tasks)) == 1, "the answer went to another task than the question came from"


@pytest.mark.parametrize(
    "point",
    points(
        "run.before_settle",
        "claim.committed:2",
        more=[
            "claim.before_commit:2",
            "lease.committed:2",
            "run.before_sent:2",
            "run.sent:2",
            "run.before_settle:2",
            *(f"journal.committed:{n}" for n in range(1, 9)),
            *(f"journal.before_commit:{n}" for n in range(1, 9)),
        ],
    ),
)
def test_the_next_task_of_a_plan_starts_once_whatever_dies(
    point: str, serve_agent: Serve, conversation: Conversation
) -> None:
    agent = Echo()
    serve_agent(agent)
    queries = ["first", "second", "third"]
    wanted = [TaskIn(agent_name="Echo", query=query) for query in queries]
    plan = submit_tasks(conversation, wanted, user=conversation.user, now=timezone.now())

    def done() -> bool:
        return all(task.completed_at is not None for task in Task.objects.filter(plan=plan))

    die(point)
    live_on(done)
    tasks = list(Task.objects.filter(plan=ExecutionPlan.objects.get(pk=plan.pk)).order_by("place"))
    audit(agent, *tasks)
    assert [task.query for task in tasks] == queries
    assert all(task.runs.count() == 1 for task in tasks)
    order = [query for query in agent.received if query in queries]
    assert order == sorted(order, key=queries.index)
    assert all(agent.received.count(query) <= 1 for query in queries)


@pytest.mark.parametrize(
    "deaths",
    points(
        "lease.committed run.event:5 run.event:2",
        more=[
            "claim.committed lease.committed run.sent",
            "run.event:2 run.event:2 run.event:2 run.event:2",
            "run.event:9 journal.before_commit:1 run.before_settle",
            "journal.committed:2 journal.committed:1 journal.committed:1",
            "run.before_settle run.before_settle run.before_settle",
            "lease.before_commit lease.before_commit claim.before_commit",
        ],
    ),
)
def test_death_after_death_loses_and_doubles_nothing(deaths: str, serve_agent: Serve, make_task: TaskMaker) -> None:
    agent = Telling()
    serve_agent(agent)
    task = make_task(query="a story", now=timezone.now())
    for point in deaths.split():
        die(point)
    live_on(over)
    audit(agent, task)
    (run,) = task.runs.all()
    assert agent.received.count("a story") <= 1
    assert run.status in ("succeeded", "interrupted")
    if run.status == "succeeded":
        assert text_of(run) == run.result + " " or text_of(run).strip() == run.result
