"""One run from its claim to its end, with real agents on loopback: what the transcript and the rows hold then."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from conversations.changes import Response
from conversations.events import Event
from conversations.hub import hub
from conversations.journal import journal, write
from conversations.models import Conversation, ItemTail
from conversations.paragraphs import Paragraphs
from sample_agents.base import ask, component, message_chunk, reasoning
from tasks.models import Agent, Task, TaskRun
from tasks.services import TaskService
from tasks.services.transcript import task_scope
from tests.helpers.agents import Asking, Echo, Failing, Saying, Waiting, one_of_each
from tests.helpers.runners import sync, until, until_over, working_runner
from tests.helpers.tasks import (
    TaskMaker,
    components,
    contents,
    events,
    history,
    run_statuses,
    runs,
    say,
    started,
    statuses,
)
from tests.helpers.transcript import Viewer

pytestmark = pytest.mark.django_db(transaction=True)

Serve = Callable[..., Agent]
HOURLY = {"interval_minutes": 60}


@pytest.fixture
def pushed(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The envelopes of all conversations, as they were pushed."""
    found: list[Any] = []
    monkeypatch.setattr(hub, "publish", lambda _, envelopes: found.extend(envelopes))
    return found


def status(task: Task) -> str:
    return str(Task.objects.get(pk=task.pk).status)


async def test_a_once_task_is_answered(
    make_task: TaskMaker, serve_agent: Serve, running_runner: Any, conversation: Conversation
) -> None:
    echo = Echo()
    await sync(serve_agent, echo)
    task = await sync(make_task, now=timezone.now(), query="good morning")
    await until_over(task)
    assert echo.received == ["good morning"]
    assert await sync(run_statuses, task) == ["succeeded"]
    assert await sync(status, task) == "completed"
    assert await sync(contents, conversation, "message_chunk") == ["You said: good morning"]
    (run,) = await sync(runs, task)
    assert (run.result, run.remote_task_id) == ("You said: good morning", echo.tasks[0])


async def test_the_events_of_a_plan_come_in_valuecells_order(
    make_task: TaskMaker, serve_agent: Serve, running_runner: Any, conversation: Conversation, pushed: list[Any]
) -> None:
    await sync(serve_agent, Saying(*one_of_each()))
    task = await sync(make_task, now=timezone.now())
    await until_over(task)
    names = []
    for envelope in pushed:
        if not names or names[-1] != envelope["event"]:
            names.append(envelope["event"])
    assert [name for name in names if name != "reasoning"] == [
        "conversation_started",
        "thread_started",
        "tool_call_started",  # connect_agent
        "tool_call_completed",
        "task_started",
        "reasoning_started",
        "reasoning_completed",
        "tool_call_started",
        "tool_call_completed",
        "message_chunk",
        "component_generator",
        "message_chunk",
        "task_completed",
        "done",
    ]
    viewer = Viewer().take(pushed)
    assert viewer.shown() == await sync(history, conversation)


async def test_the_first_call_of_a_run_is_connect_agent(
    make_task: TaskMaker, serve_agent: Serve, running_runner: Any, conversation: Conversation
) -> None:
    await sync(serve_agent, Echo())
    task = await sync(make_task, now=timezone.now())
    await until_over(task)
    call = (await sync(history, conversation))[1]
    assert call["event"] == "tool_call_completed"
    payload = call["data"]["payload"]
    assert (payload["tool_name"], payload["tool_result"]) == ("connect_agent", "connected")


async def test_a_call_that_a_dead_worker_left_open_is_ended_by_the_next(
    task: Task, serve_agent: Serve, conversation: Conversation
) -> None:
    await sync(serve_agent, Echo())

    def dies() -> None:
        lease = started(task)
        run = TaskRun.objects.get(pk=lease.run_id)
        call = {"tool_call_id": f"connect-{run.pk}", "tool_name": "connect_agent", "tool_result": None}
        left = Response(event=Event.TOOL_CALL_STARTED, payload=call, key=call["tool_call_id"])
        with transaction.atomic():
            write(Paragraphs(task_scope(task, run)).apply(left))
        TaskService.hand_back([lease], now=timezone.now())

    await sync(dies)
    async with working_runner():
        await until_over(task)
    assert await sync(events, conversation) == ["thread_started", "tool_call_completed", "message_chunk"]


async def test_paragraphs_are_cut_where_something_else_comes_between_and_nothing_stays_open(
    make_task: TaskMaker, serve_agent: Serve, running_runner: Any, conversation: Conversation
) -> None:
    await sync(serve_agent, Saying(*one_of_each()))
    task = await sync(make_task, now=timezone.now())
    await until_over(task)
    assert await sync(contents, conversation, "message_chunk") == ["First part.", "Second part."]
    assert await sync(contents, conversation, "reasoning_completed") == ["I think"]
    assert (await sync(runs, task))[0].result == "First part.\n\nSecond part."
    assert await sync(ItemTail.objects.count) == 0


async def test_a_recurring_run_becomes_one_result_and_its_reasoning_and_calls_are_not_shown(
    make_task: TaskMaker, serve_agent: Serve, running_runner: Any, conversation: Conversation
) -> None:
    await sync(serve_agent, Saying(*one_of_each()))
    task = await sync(make_task, now=timezone.now(), schedule=HOURLY)
    await until_over(task)
    assert [r["result"] for r in await sync(components, conversation, "scheduled_task_result")] == [
        "First part.\n\nSecond part."
    ]
    assert await sync(events, conversation) == [
        "thread_started",
        "component_generator",  # the controller
        "tool_call_completed",  # connect_agent, of the first run
        "component_generator",  # the agent's report
        "component_generator",  # the result
    ]
    await sync(TaskService.trigger, task.pk, actor=None, now=timezone.now())
    await until_over(task)
    await until(lambda: len(components(conversation, "scheduled_task_result")) == 2)
    assert (await sync(events, conversation)).count("tool_call_completed") == 1


async def test_a_recurring_run_thatsays_nothingsays_so(
    make_task: TaskMaker, serve_agent: Serve, running_runner: Any, conversation: Conversation
) -> None:
    await sync(serve_agent, Saying(reasoning("Hm.")))
    task = await sync(make_task, now=timezone.now(), schedule=HOURLY)
    await until_over(task)
    (result,) = await sync(components, conversation, "scheduled_task_result")
    assert result["result"] == "Task completed without output."
    assert (await sync(runs, task))[0].no_output is True


async def test_a_component_id_replaces_the_component_of_the_run_before(
    make_task: TaskMaker, serve_agent: Serve, running_runner: Any, conversation: Conversation
) -> None:
    await sync(serve_agent, Saying(component("report", '{"title": "Now"}', component_id="r")))
    for _ in range(2):
        task = await sync(make_task, now=timezone.now())
        await until_over(task)
    assert await sync(components, conversation, "report") == [{"title": "Now"}]


async def test_each_run_of_a_task_that_chose_so_has_a_conversation_of_its_own(
    make_task: TaskMaker, serve_agent: Serve, running_runner: Any, conversation: Conversation
) -> None:
    await sync(serve_agent, Echo())
    task = await sync(make_task, now=timezone.now(), schedule=HOURLY, conversation_mode="new")
    await until_over(task)
    own = await sync(lambda: TaskRun.objects.get().conversation)
    assert own.pk != conversation.pk
    assert (await sync(events, own))[0] == "thread_started"
    assert await sync(contents, own, "thread_started") == ["say hello"]
    assert [r["result"] for r in await sync(components, own, "scheduled_task_result")] == ["You said: say hello"]
    assert await sync(components, conversation, "scheduled_task_result") == []


async def test_what_is_sent_is_what_valuecells_agents_expect(
    make_task: TaskMaker, serve_agent: Serve, running_runner: Any
) -> None:
    echo = Echo()
    await sync(serve_agent, echo)
    schedule = {**HOURLY, "timezone": "Europe/Berlin"}
    task = await sync(make_task, now=timezone.now(), schedule=schedule)
    await until_over(task)
    sent = dict(echo.dependencies[0])
    sent.pop("history")
    assert sent == {
        "user_profile": {},
        "current_context": {},
        "language": "en-US",
        "timezone": "Europe/Berlin",
    }


async def test_a_failing_agent_is_asked_again_and_then_the_task_has_failed_with_its_words(
    make_task: TaskMaker, serve_agent: Serve, running_runner: Any, conversation: Conversation
) -> None:
    failing = Failing()
    await sync(serve_agent, failing)
    task = await sync(make_task, now=timezone.now())
    await until(lambda: status(task) == "failed")
    assert len(failing.received) == 3
    assert await sync(run_statuses, task) == ["failed"] * 3
    assert await sync(contents, conversation, "task_failed") == ["The well is dry."]


async def test_a_second_attempt_that_succeeds_makes_the_task_complete(
    make_task: TaskMaker, serve_agent: Serve, running_runner: Any, conversation: Conversation
) -> None:
    await sync(serve_agent, Failing(times=1))
    task = await sync(make_task, now=timezone.now())
    await until(lambda: status(task) == "completed")
    assert await sync(run_statuses, task) == ["failed", "succeeded"]
    assert await sync(contents, conversation, "task_failed") == []
    assert (await sync(contents, conversation, "message_chunk"))[-1] == "Water!"


async def test_a_question_parks_the_run_and_the_answer_resumes_the_same_remote_task(
    make_task: TaskMaker, serve_agent: Serve, running_runner: Any, conversation: Conversation
) -> None:
    asking = Asking()
    await sync(serve_agent, asking)
    task = await sync(make_task, now=timezone.now())
    await until(lambda: status(task) == "waiting_input")
    assert await sync(contents, conversation, "plan_require_user_input") == ["Which colour?"]
    await sync(say, conversation, "blue")
    await until(lambda: status(task) == "completed")
    assert len(set(asking.tasks)) == 1
    assert asking.received == ["say hello", "blue"]
    assert await sync(contents, conversation, "message_chunk") == ["Let me see.", "It is blue."]
    assert await sync(run_statuses, task) == ["succeeded"]
    assert (await sync(statuses, task))[1:] == [
        ("pending", "running"),
        ("running", "waiting_input"),
        ("waiting_input", "running"),
        ("running", "completed"),
    ]


async def test_a_task_can_ask_twice(
    make_task: TaskMaker, serve_agent: Serve, running_runner: Any, conversation: Conversation
) -> None:
    await sync(serve_agent, Saying(ask("And now?")))
    task = await sync(make_task, now=timezone.now())
    for number in (1, 2):
        await until(lambda: status(task) == "waiting_input")
        assert await sync(contents, conversation, "plan_require_user_input") == ["And now?"] * number
        await sync(say, conversation, "go on")
    await until(lambda: status(task) == "waiting_input")


async def test_a_cancel_while_it_runs_keeps_what_was_said_tells_the_agent_and_writes_nothing_after(
    make_task: TaskMaker, serve_agent: Serve, running_runner: Any, conversation: Conversation, pushed: list[Any]
) -> None:
    waiting = Waiting()
    await sync(serve_agent, waiting)
    task = await sync(make_task, now=timezone.now(), schedule=HOURLY)
    once = await sync(make_task, now=timezone.now())
    await until(lambda: contents(conversation, "message_chunk") == ["One, "])
    await until(lambda: TaskRun.objects.exclude(remote_task_id="").count() == 2)
    for each in (task, once):
        await sync(TaskService.cancel, each.pk, actor=None, now=timezone.now())
    (controller,) = await sync(components, conversation, "scheduled_task_controller")
    assert controller["task_status"] == "cancelled"
    await until(lambda: not TaskRun.objects.filter(cancel_due=True).exists(), "the agent was not told")
    assert sorted(waiting.stopped) == sorted(waiting.tasks)
    before = await sync(events, conversation)
    waiting.go.set()
    await until(lambda: not running_runner._backend._going)
    await journal.flush()
    assert await sync(events, conversation) == before
    assert before.count("task_cancelled") == 2
    assert await sync(contents, conversation, "message_chunk") == ["One, "]
    assert await sync(components, conversation, "scheduled_task_result") == []
    Viewer().take(pushed)


async def test_a_run_that_takes_too_long_is_stopped_and_the_agent_told(
    make_task: TaskMaker, serve_agent: Serve, running_runner: Any, conversation: Conversation
) -> None:
    waiting = Waiting()
    await sync(serve_agent, waiting)
    task = await sync(make_task, now=timezone.now(), timeout_seconds=1, max_attempts=1)
    await until(lambda: status(task) == "failed")
    assert await sync(contents, conversation, "task_failed") == ["Echo was not done after 1 seconds."]
    assert waiting.stopped == waiting.tasks


async def test_a_run_cut_by_its_deadlinesays_so(
    make_task: TaskMaker, serve_agent: Serve, running_runner: Any, conversation: Conversation
) -> None:
    await sync(serve_agent, Waiting())
    deadline = (timezone.now() + timedelta(seconds=0.4)).isoformat()
    task = await sync(make_task, now=timezone.now(), deadline_at=deadline)
    await until(lambda: status(task) == "failed")
    assert await sync(contents, conversation, "task_failed") == ["Its deadline passed before it ended."]


async def test_the_final_status_is_visible_only_with_all_items(
    make_task: TaskMaker, serve_agent: Serve, running_runner: Any, conversation: Conversation
) -> None:
    await sync(serve_agent, Saying(*(message_chunk(f"{n} ") for n in range(300))))
    task = await sync(make_task, now=timezone.now())

    def seen() -> tuple[str, list[str]]:
        found = status(task)
        return found, contents(conversation, "message_chunk")

    found, texts = await until(lambda: (s := seen()) and s[0] == "completed" and s)
    assert (found, texts) == ("completed", ["".join(f"{n} " for n in range(300))])


async def test_tasks_of_a_plan_run_one_after_the_other_and_a_failure_does_not_stop_the_next(
    make_task: TaskMaker, serve_agent: Serve, running_runner: Any
) -> None:
    failing = Failing(times=1)
    await sync(serve_agent, failing)
    plan = await sync(
        make_task.plan,
        [{"query": "one", "max_attempts": 1}, {"query": "two"}, {"query": "three"}],
        now=timezone.now(),
    )
    await until(lambda: str(type(plan).objects.get(pk=plan.pk).status) == "failed")
    assert failing.received == ["one", "two", "three"]


async def test_one_conversation_hears_many_runs_at_once_without_a_gap(
    make_task: TaskMaker, serve_agent: Serve, running_runner: Any, conversation: Conversation, pushed: list[Any]
) -> None:
    await sync(serve_agent, Saying(*one_of_each()))
    tasks = [await sync(make_task, now=timezone.now()) for _ in range(8)]
    await until_over(*tasks)
    viewer = Viewer().take(sorted((e for e in pushed if e["seq"]), key=lambda envelope: envelope["seq"]))
    assert viewer.shown() == await sync(history, conversation)
    assert (await sync(contents, conversation, "message_chunk")).count("First part.") == 8


async def test_text_of_any_script_is_kept_and_nul_replaced(
    make_task: TaskMaker, serve_agent: Serve, running_runner: Any, conversation: Conversation, pushed: list[Any]
) -> None:
    pieces = ["👩‍🚀", "é", "a\0b", "字"] * 25
    await sync(serve_agent, Saying(*(message_chunk(piece) for piece in pieces)))
    task = await sync(make_task, now=timezone.now())
    await until_over(task)
    assert await sync(status, task) == "completed"
    expected = "".join(pieces).replace("\0", "\ufffd")
    assert await sync(contents, conversation, "message_chunk") == [expected]
    assert Viewer().take(pushed).shown() == await sync(history, conversation)
