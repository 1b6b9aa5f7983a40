"""The list of everybody's tasks: filters, search, and what it costs."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conversations.admin import lists
from tests.helpers.tasks import NOW, claim
from tests.tasks.admin.conftest import TASKS, many


def shown(client, query="") -> list[str]:
    """The titles that the list shows, sorted."""
    response = client.get(f"{TASKS}{query}")
    assert response.status_code == 200, response
    return sorted(task.title for task in response.context["cl"].result_list)


def test_each_filter_finds_its_tasks_and_no_others(signed_in, make_task, agent, user):
    make_task(title="once, due")
    make_task(title="every hour", schedule={"interval_minutes": 60})
    make_task(title="over", status="completed", next_run_at=None, next_slot_at=None)
    make_task(title="another")
    type(agent).objects.create(name="Other", slug="Other", url="http://127.0.0.1:9/")
    make_task(title="of another agent", agent_name="Other")
    assert shown(signed_in, "?status__exact=completed") == ["over"]
    assert shown(signed_in, "?pattern__exact=recurring") == ["every hour"]
    assert shown(signed_in, "?agent_name=Other") == ["of another agent"]
    assert len(shown(signed_in, f"?user__id__exact={user.pk}")) == 5
    assert shown(signed_in, "?status__exact=completed&agent_name=Other") == []


def test_a_conversation_is_chosen_by_the_filter(signed_in, make_task, conversation, user):
    make_task(title="here")
    other = type(conversation).objects.create(user=user)
    many(other, 1)
    assert shown(signed_in, f"?conversation__id__exact={conversation.pk}") == ["here"]


def test_both_days_of_a_range_are_included(signed_in, make_task):
    task = make_task(title="of today")
    # Ids are made by the clock, so the row's own time has to be of this day too.
    moment = datetime.now(UTC)
    type(task).objects.filter(pk=task.pk).update(created_at=moment)
    today, day_before = f"{moment:%Y-%m-%d}", f"{moment - timedelta(days=1):%Y-%m-%d}"
    assert shown(signed_in, f"?created_at_from={today}&created_at_to={today}") == ["of today"]
    assert shown(signed_in, f"?created_at_to={day_before}") == []
    assert shown(signed_in, "?created_at_from=nonsense") == ["of today"]


def test_words_and_ids_are_found(signed_in, make_task):
    task = make_task(title="Weekly report", query="about batteries")
    make_task(title="Something else", query="about trains")
    for query in ("weekly", "batteries", f"{task.pk}", f"{task.plan_id}"):
        assert shown(signed_in, f"?q={query}") == ["Weekly report"], query
    assert shown(signed_in, f"?q={task.conversation_id}") == ["Something else", "Weekly report"]


def test_a_removed_agent_can_still_be_filtered_by(signed_in, make_task, agent):
    make_task(title="orphan")
    agent.delete()
    assert shown(signed_in, "?agent_name=Echo") == ["orphan"]


@pytest.mark.parametrize("query", ["?conversation__id__exact=nonsense", "?user__id__exact=0x", "?p=999999", "?p=-1"])
def test_a_wrong_filter_is_no_fault_of_the_server(signed_in, make_task, query):
    make_task()
    assert signed_in.get(f"{TASKS}{query}", follow=True).status_code == 200


def test_the_phase_is_shown_as_pages_say_it(signed_in, make_task):
    make_task(schedule={"interval_minutes": 60, "start_at": (NOW + timedelta(days=9000)).isoformat()})
    assert "scheduled" in signed_in.get(TASKS).content.decode().lower()


@pytest.mark.parametrize(
    "path",
    [
        TASKS,
        "/admin/tasks/taskrun/",
        "/admin/tasks/executionplan/",
        "/admin/tasks/tasktransition/",
        "/admin/conversations/conversation/",
        "/admin/conversations/conversationitem/",
    ],
)
def test_a_list_costs_as_many_queries_for_fifty_rows_as_for_one(signed_in, conversation, make_task, path, user):
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert signed_in.get(path).status_code == 200
        return len(queries)

    make_task(schedule={"interval_minutes": 60})
    claim()
    cost()  # content types and the like are looked up once a process
    one = cost()
    for _ in range(49):
        other = type(conversation).objects.create(user=user)
        many(other, 1, schedule={"interval_minutes": 60})
    claim()
    assert cost() == one
    assert one <= 8


def test_nothing_is_counted_beyond_the_bound(signed_in, conversation, agent, monkeypatch):
    monkeypatch.setattr(lists, "COUNT_AHEAD", 3)
    monkeypatch.setattr(lists.ListAdmin, "list_per_page", 2)
    many(conversation, 9)
    with CaptureQueriesContext(connection) as queries:
        page = signed_in.get(TASKS).content.decode()
    assert "more than 5 tasks" in page
    assert "Select all that match" in page
    counts = [query["sql"] for query in queries if "COUNT(" in query["sql"] and "tasks_task" in query["sql"]]
    assert len(counts) == 1 and "LIMIT 6" in counts[0] and "phase" not in counts[0]
    assert "9 tasks" in signed_in.get(f"{TASKS}?p=3").content.decode()


def test_the_pages_that_are_left_out_are_dots_and_no_link(signed_in, conversation, agent, monkeypatch):
    monkeypatch.setattr(lists.ListAdmin, "list_per_page", 1)
    many(conversation, 30)
    page = signed_in.get(TASKS).content.decode()
    assert '<span aria-hidden="true">…</span>' in page
    assert 'p=30"' in page and "p=%E2%80%A6" not in page


def test_a_task_with_many_runs_shows_a_page_of_them(signed_in, make_task):
    task = make_task(schedule={"interval_minutes": 1, "start_at": NOW.isoformat()}, overlap="parallel")
    for nth in range(15):
        claim(now=NOW + timedelta(minutes=nth))
    page = signed_in.get(f"{TASKS}{task.pk}/change/")
    assert page.status_code == 200
    (inline,) = page.context["inline_admin_formsets"]
    assert len(inline.formset.forms) == 10
    assert f"task__id__exact={task.pk}" in page.content.decode()
