"""Cancelling: one task with everything that belongs to it, or very many by statements over sets."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from conversations.changes import Response
from conversations.events import Event
from conversations.journal import write
from conversations.models import Conversation, ConversationItem, ItemTail
from conversations.paragraphs import Paragraphs
from tasks.errors import AlreadyFinished, NotFound
from tasks.models import Agent, Task, TaskRun, TaskTransition
from tasks.services import Known, TaskService
from tasks.services.transcript import task_scope
from tests.helpers.tasks import (
    MINUTE,
    NOW,
    TaskMaker,
    ask,
    claim,
    components,
    contents,
    events,
    many_due,
    run_statuses,
    runs,
    start,
    started,
    statuses,
    succeed,
)

pytestmark = pytest.mark.django_db

HOURLY = {"interval_minutes": 60}


def cancel(task: Task, **fields: Any) -> Any:
    return TaskService.cancel(task.pk, **{"actor": None, "now": NOW, **fields})


def tell() -> int:
    """Tell all transcripts; returns in how many transactions."""
    number = 0
    while TaskService.tell_cancelled(now=NOW):
        number += 1
    return number


def test_a_pending_task_is_cancelled_and_never_fires(task: Task, user: User, conversation: Conversation) -> None:
    assert cancel(task, actor=user, reason="not needed").already is False
    task.refresh_from_db()
    assert (task.status, task.next_run_at, task.completed_at) == ("cancelled", None, NOW)
    assert claim(now=NOW + MINUTE) == []
    row = task.transitions.latest("id")
    assert (row.old_status, row.new_status, row.actor, row.reason) == ("pending", "cancelled", user, "not needed")
    assert contents(conversation, "task_cancelled") == ["not needed"]


def test_a_running_task_is_cancelled_with_its_run_and_says_so_once(task: Task, conversation: Conversation) -> None:
    started(task)
    cancel(task)
    (run,) = runs(task)
    assert (run.status, run.finished_at) == ("cancelled", NOW)
    assert contents(conversation, "task_cancelled") == ["Cancelled."]


def test_the_controller_shows_it_and_is_named_in_the_answer(make_task: TaskMaker, conversation: Conversation) -> None:
    task = make_task(schedule=HOURLY)
    done = cancel(task)
    item = ConversationItem.objects.get(pk=done.updated_component_ids[0])
    assert item.payload["component_type"] == "scheduled_task_controller"
    assert [c["task_status"] for c in components(conversation, "scheduled_task_controller")] == ["cancelled"]


@pytest.mark.parametrize("many", [False, True])
def test_what_a_run_had_begun_to_say_is_closed_with_it(
    make_task: TaskMaker, conversation: Conversation, many: bool
) -> None:
    task = make_task()
    run = TaskRun.objects.get(pk=started(task).run_id)
    said = Paragraphs(task_scope(task, run))
    call = {"tool_call_id": "c", "tool_name": "look", "tool_result": None}
    with transaction.atomic():
        write(said.apply(Response(event=Event.TOOL_CALL_STARTED, payload=call, key="c")))
        write(said.apply(Response(event=Event.REASONING_STARTED, payload={"content": ""})))
        write(said.apply(Response(event=Event.REASONING, payload={"content": "I thi"})))
    with transaction.atomic():
        write(said.apply(Response(event=Event.REASONING, payload={"content": "nk"})))
    if many:
        TaskService.cancel_conversation_tasks([conversation.pk], actor=None, now=NOW)
        TaskService.tell_cancelled(now=NOW)
    else:
        TaskService.cancel(task.pk, actor=None, now=NOW)
    assert [(item.event, item.payload.get("content")) for item in conversation.items.order_by("position")][-3:] == [
        ("tool_call_completed", None),
        ("reasoning_completed", "I think"),
        ("task_cancelled", "Cancelled."),
    ]
    call_item = conversation.items.get(event="tool_call_completed")
    assert call_item.payload["tool_result"] == "ERROR: stopped before it ended"
    assert not ItemTail.objects.exists()


def test_cancelling_twice_is_harmless(make_task: TaskMaker, conversation: Conversation) -> None:
    task = make_task(schedule=HOURLY)
    started(task)
    cancel(task)
    before = (events(conversation), statuses(task))
    again = cancel(task)
    assert (again.already, again.updated_component_ids) == (True, [])
    assert (events(conversation), statuses(task)) == before


def test_what_completed_or_failed_cannot_be_cancelled(make_task: TaskMaker) -> None:
    task = make_task()
    succeed(started(task))
    with pytest.raises(AlreadyFinished, match="completed"):
        cancel(task)


def test_a_task_that_is_not_there_is_not_found(task: Task) -> None:
    task.delete()
    with pytest.raises(NotFound):
        cancel(task)


def test_a_waiting_task_asks_no_more(task: Task, conversation: Conversation) -> None:
    ask(started(task))
    cancel(task)
    conversation.refresh_from_db()
    assert (conversation.status, run_statuses(task)) == ("active", ["cancelled"])


def test_another_open_question_of_the_conversation_stays_open(make_task: TaskMaker, conversation: Conversation) -> None:
    task, other = make_task(), make_task()
    ask(started(task))
    ask(started(other))
    cancel(task)
    conversation.refresh_from_db()
    assert conversation.status == "require_user_input"
    cancel(other)
    conversation.refresh_from_db()
    assert conversation.status == "active"


def test_the_planners_open_question_stays_open(task: Task, conversation: Conversation) -> None:
    plan = conversation.plans.create(user=conversation.user, orig_query="?", question="Which agent?")
    Conversation.objects.update(status="require_user_input")
    ask(started(task))
    cancel(task)
    conversation.refresh_from_db()
    assert (plan.question, conversation.status) == ("Which agent?", "require_user_input")


def test_the_question_of_a_run_in_a_conversation_of_its_own_is_closed_there(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY, conversation_mode="new")
    ask(started(task))
    (run,) = runs(task)
    assert run.conversation.status == "require_user_input"
    cancel(task)
    run.conversation.refresh_from_db()
    assert run.conversation.status == "active"


def test_a_conversation_that_its_person_put_aside_stays_so(task: Task, conversation: Conversation) -> None:
    Conversation.objects.update(status="inactive")
    started(task)
    cancel(task)
    conversation.refresh_from_db()
    assert conversation.status == "inactive"


def test_the_next_task_of_the_plan_goes_on(make_task: TaskMaker) -> None:
    plan = make_task.plan([{"query": "first"}, {"query": "second"}])
    first, second = plan.tasks.order_by("place")
    cancel(first)
    second.refresh_from_db()
    assert second.next_run_at == NOW


def test_a_run_that_its_agent_knows_is_marked_until_the_agent_was_told(task: Task) -> None:
    lease = started(task)
    TaskService.known_at_agent([Known(lease=lease, remote_task_id="r-1", remote_context_id="c-1", at=NOW)])
    cancel(task)
    run = TaskRun.objects.get()
    assert (run.status, run.cancel_due) == ("cancelled", True)
    TaskService.told_cancel(run.pk)
    assert TaskRun.objects.get().cancel_due is False


def test_a_run_that_no_agent_knows_needs_no_telling(task: Task) -> None:
    started(task)
    cancel(task)
    assert TaskRun.objects.get().cancel_due is False


# --- many ---


def test_many_are_cancelled_at_once_and_the_transcripts_told_afterwards(
    make_task: TaskMaker, conversation: Conversation, user: User
) -> None:
    once, recurring, waiting, over = make_task(), make_task(schedule=HOURLY), make_task(), make_task()
    succeed(started(over))
    ask(started(waiting))
    assert TaskService.cancel_conversation_tasks([conversation.pk], actor=user, now=NOW, reason="enough") == 3
    assert [Task.objects.get(pk=t.pk).status for t in (once, recurring, waiting, over)] == [
        "cancelled",
        "cancelled",
        "cancelled",
        "completed",
    ]
    assert contents(conversation, "task_cancelled") == []
    conversation.refresh_from_db()
    assert conversation.status == "active"
    tell()
    assert len(contents(conversation, "task_cancelled")) == 3
    assert [c["task_status"] for c in components(conversation, "scheduled_task_controller")] == ["cancelled"]
    rows = TaskTransition.objects.filter(new_status="cancelled")
    assert {(row.task_id, row.old_status, row.reason, row.actor_id) for row in rows} == {
        (once.pk, "running", "enough", user.pk),
        (recurring.pk, "running", "enough", user.pk),
        (waiting.pk, "waiting_input", "enough", user.pk),
    }
    assert tell() == 0


def test_telling_twice_tells_once(make_task: TaskMaker, conversation: Conversation) -> None:
    make_task()
    TaskService.cancel_conversation_tasks([conversation.pk], actor=None, now=NOW)
    tell()
    before = events(conversation)
    assert tell() == 0
    assert events(conversation) == before


def test_a_plans_tasks_are_cancelled_and_none_of_them_is_armed_by_it(make_task: TaskMaker) -> None:
    plan = make_task.plan([{"query": "first"}, {"query": "second"}, {"query": "third"}])
    other = make_task()
    assert TaskService.cancel_plan(plan.pk, actor=None, now=NOW) == 3
    tell()
    assert set(plan.tasks.values_list("status", "next_run_at")) == {("cancelled", None)}
    other.refresh_from_db()
    assert other.status == "pending"


def _crowd(user: User, *, conversations: int, each: int) -> list[Conversation]:
    made = Conversation.objects.bulk_create(Conversation(user=user) for _ in range(conversations))
    for conversation in made:
        many_due(conversation, each)
    return made


def test_a_thousand_tasks_in_twenty_conversations_take_a_few_statements(user: User, agent: Agent) -> None:
    counts = []
    for each in (5, 50):
        crowd = _crowd(user, conversations=20, each=each)
        claim()
        start(capacity=20)
        with CaptureQueriesContext(connection) as queries:
            ids = [conversation.pk for conversation in crowd]
            number = TaskService.cancel_conversation_tasks(ids, actor=user, now=NOW)
        assert number == 20 * each
        assert not TaskRun.objects.active().exists()
        counts.append(len(queries))
    # Django gives SQLite at most 999 values a statement, so the history's rows come in several there.
    columns = len(TaskTransition._meta.concrete_fields)
    assert counts[1] - counts[0] <= (2 if connection.vendor == "postgresql" else 1000 * columns // 999 + 3)
    assert counts[0] <= 15


def test_telling_a_thousand_takes_statements_over_sets_too(user: User, agent: Agent) -> None:
    counts = []
    for each in (1, 4):
        crowd = _crowd(user, conversations=20, each=each)
        TaskService.cancel_conversation_tasks([c.pk for c in crowd], actor=user, now=NOW)
        with CaptureQueriesContext(connection) as queries:
            assert TaskService.tell_cancelled(now=NOW) == 20 * each
        counts.append(len(queries))
        assert ConversationItem.objects.filter(event="task_cancelled").count() == 20 * each
        ConversationItem.objects.all().delete()
    assert counts[1] - counts[0] <= 3


@pytest.mark.django_db(transaction=True)
def test_a_crash_between_states_and_items_loses_nothing(make_task: TaskMaker, conversation: Conversation) -> None:
    tasks = [make_task(schedule=HOURLY) for _ in range(3)]
    TaskService.cancel_conversation_tasks([conversation.pk], actor=None, now=NOW)
    with pytest.raises(RuntimeError), transaction.atomic():
        TaskService.tell_cancelled(now=NOW)
        raise RuntimeError("the process dies before the commit")
    assert contents(conversation, "task_cancelled") == []
    tell()
    assert len(contents(conversation, "task_cancelled")) == len(tasks)
    states = [c["task_status"] for c in components(conversation, "scheduled_task_controller")]
    assert states == ["cancelled"] * 3


@pytest.mark.django_db(transaction=True)
def test_one_of_two_cancels_at_once_does_it_and_the_other_is_harmless(
    make_task: TaskMaker, conversation: Conversation, in_threads: Callable[..., list[Any]]
) -> None:
    task = make_task(schedule=HOURLY)
    started(task)
    found = in_threads(2, lambda _: cancel(task))
    assert sorted(done.already for done in found) == [False, True]
    assert len(contents(conversation, "task_cancelled")) == 1
    assert statuses(task).count(("running", "cancelled")) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt", range(5))
def test_of_cancel_and_complete_at_once_one_wins_and_the_other_is_told(
    make_task: TaskMaker, conversation: Conversation, in_threads: Callable[..., list[Any]], attempt: int
) -> None:
    task = make_task()
    lease = started(task)

    def act(number: int) -> str:
        if number == 0:
            try:
                cancel(task)
            except AlreadyFinished:
                return "too late"
            return "cancelled"
        try:
            succeed(lease)
        except AssertionError:  # the gate: nothing was written
            return "too late"
        return "completed"

    found = in_threads(2, act)
    task.refresh_from_db()
    (run,) = runs(task)
    assert sorted([*found, str(task.status)]) == sorted([str(task.status), str(task.status), "too late"])
    assert (task.status, run.status) in {("cancelled", "cancelled"), ("completed", "succeeded")}
    assert len(contents(conversation, "task_cancelled")) == (task.status == "cancelled")
