"""Cancelling everything unfinished in selected conversations, and deleting conversations."""

from collections import Counter
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conversations.models import Conversation, ConversationItem
from tasks.models import Task, TaskRun, TaskTransition
from tasks.states import TASK_UNFINISHED
from tests.tasks.admin.conftest import CONVERSATIONS, TASKS, many, messages
from valuecell_site.seeding import Wanted, seed


@pytest.fixture
def thousand(operator: User) -> None:
    """1,000 tasks in 20 conversations."""
    seed(operator, Wanted(conversations=20, tasks=1000, items=2000, runs=800), now=timezone.now())


def unfinished() -> Counter[object]:
    return Counter(Task.objects.unfinished().values_list("conversation", flat=True))


@pytest.mark.usefixtures("thousand")
def test_a_thousand_tasks_are_filtered_and_cancelled_by_conversation(act, signed_in, operator):
    listed = signed_in.get(f"{TASKS}?status__exact=failed&pattern__exact=once&agent_name=MachineAgent")
    assert {(task.status, task.agent_name) for task in listed.context["cl"].result_list} == {("failed", "MachineAgent")}
    before = unfinished()
    chosen = list(Conversation.objects.order_by("id")[:5])
    inside = {conversation.pk for conversation in chosen}
    ended = set(Task.objects.exclude(status__in=TASK_UNFINISHED).values_list("pk", "status"))
    number = sum(before[pk] for pk in inside)
    page = act(CONVERSATIONS, "cancel_unfinished", chosen, confirmed=False).content.decode()
    assert f"Cancel: {number} tasks of 5 selected conversations?" in page
    assert f"Cancelled {number} tasks." in messages(act(CONVERSATIONS, "cancel_unfinished", chosen))
    assert unfinished() == Counter({pk: count for pk, count in before.items() if pk not in inside})
    assert ended <= set(Task.objects.values_list("pk", "status")), "what had ended stays as it was"
    who = TaskTransition.objects.filter(new_status="cancelled", created_at__gte=timezone.now() - timedelta(minutes=1))
    assert who.filter(actor=operator).count() == number
    assert not TaskRun.objects.active().filter(conversation__in=inside).exists()


@pytest.mark.usefixtures("thousand")
def test_it_costs_the_same_for_one_conversation_as_for_three(act):
    def cost(conversations: list[Conversation]) -> int:
        with CaptureQueriesContext(connection) as queries:
            act(CONVERSATIONS, "cancel_unfinished", conversations)
        return len(queries)

    everyone = list(Conversation.objects.filter(status="require_user_input").order_by("id"))
    assert len(everyone) >= 5
    cost(everyone[:1])
    # Below the number of rows at which Django cuts an insert in two on SQLite.
    assert cost(everyone[1:2]) == cost(everyone[2:5])


@pytest.mark.usefixtures("thousand")
def test_all_that_match_are_all(act):
    first = list(Conversation.objects.all()[:1])
    number = Task.objects.unfinished().count()
    assert f"Cancelled {number} tasks." in messages(act(CONVERSATIONS, "cancel_unfinished", first, everything=True))
    assert not Task.objects.unfinished().exists()


def test_the_list_counts_what_is_unfinished(signed_in, conversation, agent):
    many(conversation, 3)
    Task.objects.filter(place=2).update(status="completed", next_run_at=None)
    (row,) = signed_in.get(CONVERSATIONS).context["cl"].result_list
    assert row.unfinished_tasks == 2


def test_deleting_says_how_much_goes_and_cancels_first(signed_in, conversation, agent, user):
    many(conversation, 2)
    path = f"{CONVERSATIONS}{conversation.pk}/delete/"
    page = signed_in.get(path)
    assert dict(page.context["model_count"])["tasks"] == "2"
    assert signed_in.post(path, {"post": "yes"}).status_code == 302
    assert not Conversation.objects.exists() and not Task.objects.exists() and not ConversationItem.objects.exists()


def test_the_page_that_asks_loads_no_items(signed_in, conversation, agent):
    many(conversation, 5)
    with CaptureQueriesContext(connection) as queries:
        signed_in.get(f"{CONVERSATIONS}{conversation.pk}/delete/")
    read = [query["sql"] for query in queries if "conversations_conversationitem" in query["sql"]]
    assert len(read) == 1 and "LIMIT 10001" in read[0]


def test_a_selection_is_deleted_once_that_is_confirmed(act, signed_in, conversation, agent, user):
    many(conversation, 1)
    kept = Conversation.objects.create(user=user)
    assert act(CONVERSATIONS, "delete_selected", [conversation], confirmed=False).status_code == 200
    assert Conversation.objects.count() == 2
    data = {"action": "delete_selected", "_selected_action": [str(conversation.pk)], "post": "yes"}
    assert "Cancelled 1 task in them." in messages(signed_in.post(CONVERSATIONS, data))
    assert Conversation.objects.get() == kept
