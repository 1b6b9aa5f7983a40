"""Cancelling, pausing, resuming and starting a selection."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tasks.admin.bulk import PAUSE
from tasks.models import Task, TaskRun, TaskTransition
from tests.helpers.tasks import claim
from tests.tasks.admin.conftest import TASKS, many, messages

pytestmark = pytest.mark.usefixtures("agent")


def statuses() -> dict[str, int]:
    found: dict[str, int] = {}
    for status in Task.objects.values_list("status", flat=True):
        found[status] = found.get(status, 0) + 1
    return found


def test_it_asks_first_and_names_the_number(act, conversation):
    tasks = many(conversation, 3)
    Task.objects.filter(pk=tasks[0].pk).update(status="completed", next_run_at=None)
    page = act(TASKS, "cancel_selected", tasks, confirmed=False)
    assert "Cancel: 2 tasks of 3 selected tasks?" in page.content.decode()
    assert statuses() == {"completed": 1, "pending": 2}


def test_cancel_stops_the_unfinished_ones_and_says_how_many(act, conversation, operator):
    tasks = many(conversation, 4)
    Task.objects.filter(pk=tasks[0].pk).update(status="failed", next_run_at=None)
    claim()
    assert "Cancelled 2 tasks." in messages(act(TASKS, "cancel_selected", tasks[:3]))
    assert statuses() == {"failed": 1, "cancelled": 2, "pending": 1}
    assert not TaskRun.objects.filter(task__in=tasks[:3]).active().exists()
    who = TaskTransition.objects.filter(new_status="cancelled").values_list("actor__username", flat=True)
    assert list(who) == [operator.username] * 2


def test_all_that_match_means_the_filter_and_not_the_page(act, conversation, user):
    here = many(conversation, 120)
    elsewhere = many(type(conversation).objects.create(user=user), 2)
    path = f"{TASKS}?conversation__id__exact={conversation.pk}"
    assert (
        "120 tasks of all tasks that match"
        in act(path, "cancel_selected", here[:1], everything=True, confirmed=False).content.decode()
    )
    assert "Cancelled 120 tasks." in messages(act(path, "cancel_selected", here[:1], everything=True))
    assert statuses() == {"cancelled": 120, "pending": len(elsewhere)}


def test_cancelling_costs_as_many_queries_for_fifty_tasks_as_for_five(act, conversation, user):
    def cost(number: int) -> int:
        tasks = many(type(conversation).objects.create(user=user), number)
        claim()
        with CaptureQueriesContext(connection) as queries:
            act(TASKS, "cancel_selected", tasks)
        assert Task.objects.filter(pk__in=[task.pk for task in tasks], status="cancelled").count() == number
        return len(queries)

    cost(2)
    assert cost(50) == cost(5)


def test_where_nothing_fits_there_is_nothing_to_press(act, conversation):
    tasks = many(conversation, 1)
    Task.objects.update(status="cancelled", next_run_at=None)
    page = act(TASKS, "cancel_selected", tasks, confirmed=False).content.decode()
    assert "Nothing to do" in page and 'name="confirmed"' not in page


def test_pause_and_resume_go_through_the_service(act, conversation, operator):
    tasks = many(conversation, 2, schedule={"interval_minutes": 60})
    assert "Paused 2 tasks." in messages(act(TASKS, "pause_selected", tasks))
    assert set(Task.objects.values_list("paused_reason", flat=True)) == {"manual"}
    assert "Resumed 1 task." in messages(act(TASKS, "resume_selected", tasks[:1]))
    assert Task.objects.filter(paused_at=None).get() == tasks[0]
    rows = TaskTransition.objects.filter(actor=operator).order_by("id").values_list("reason", flat=True)
    assert list(rows) == ["paused", "paused", "resumed"]


def test_run_now_starts_a_run_of_each(act, conversation):
    tasks = many(conversation, 2, schedule={"interval_minutes": 60, "start_at": "2099-01-01T00:00:00Z"})
    assert "Started a run of 2 tasks." in messages(act(TASKS, "run_selected", tasks))
    assert set(TaskRun.objects.values_list("task", "trigger", "status")) == {
        (task.pk, "manual", "queued") for task in tasks
    }


def test_too_many_at_once_are_refused_with_what_to_do(act, conversation, monkeypatch):
    monkeypatch.setattr("tasks.admin.acting.PAUSE", replace(PAUSE, most=2))
    tasks = many(conversation, 3, schedule={"interval_minutes": 60})
    page = act(TASKS, "pause_selected", tasks, confirmed=False).content.decode()
    assert "At most 2 at once" in page and 'name="confirmed"' not in page
    act(TASKS, "pause_selected", tasks)
    assert not Task.objects.filter(paused_at__isnull=False).exists()


def test_a_pause_of_many_takes_a_reason_and_a_moment(act, conversation):
    tasks = many(conversation, 2, schedule={"interval_minutes": 60})
    page = act(TASKS, "pause_selected", tasks, confirmed=False).content.decode()
    assert 'name="reason"' in page and 'type="datetime-local"' in page
    act(TASKS, "pause_selected", tasks, until="2099-01-01T09:00", reason="holiday")
    assert set(Task.objects.values_list("paused_note", "paused_until__year")) == {("holiday", 2099)}
    who = TaskTransition.objects.filter(reason__startswith="paused").values_list("actor__username", flat=True)
    assert list(who) == ["olga"] * 2


def test_what_a_form_lacks_or_has_wrong_is_said_beside_its_field_and_nothing_is_done(act, conversation):
    tasks = many(conversation, 2, schedule={"interval_minutes": 60})
    assert "This field is required" in act(TASKS, "snooze_selected", tasks).content.decode()
    assert "It is past already" in act(TASKS, "snooze_selected", tasks, until="2020-01-01T09:00").content.decode()
    assert not Task.objects.filter(paused_at__isnull=False).exists()


def test_snooze_and_run_again_of_a_selection_name_what_they_left_as_it_was(act, conversation):
    tasks = many(conversation, 3, schedule={"interval_minutes": 60})
    Task.objects.filter(pk=tasks[0].pk).update(status="failed", next_run_at=None, completed_at=tasks[0].created_at)
    said = messages(act(TASKS, "snooze_selected", tasks, until="2099-01-01T09:00"))
    assert "Put off 2 tasks." in said
    assert "Left as found: “Task 0” is failed already, so it cannot be snoozed." in said
    assert "Started again 3 tasks." in messages(act(TASKS, "again_selected", tasks))
    said = messages(act(TASKS, "again_selected", tasks[:1]))
    assert "Left as found: “Task 0”: That run still goes on" in said


@pytest.mark.parametrize(
    ("action", "given"),
    [("pause_selected", {"reason": "holiday"}), ("resume_selected", {}), ("run_selected", {}), ("again_selected", {})],
)
def test_every_act_costs_as_many_queries_for_fifty_tasks_as_for_five(act, conversation, user, action, given):
    def cost(number: int) -> int:
        place = type(conversation).objects.create(user=user)
        tasks = many(place, number, schedule={"interval_minutes": 60, "start_at": "2099-01-01T00:00:00Z"})
        if action == "resume_selected":
            Task.objects.filter(conversation=place).update(paused_at=tasks[0].created_at, paused_reason="manual")
        with CaptureQueriesContext(connection) as queries:
            assert act(TASKS, action, tasks, **given).status_code == 302
        assert TaskTransition.objects.filter(task__conversation=place, actor__username="olga").count() == number
        return len(queries)

    cost(2)
    assert cost(50) == cost(5)


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("cancel", {"status": "cancelled"}),
        ("pause", {"paused_reason": "manual"}),
        ("run", {"status": "running"}),
    ],
)
def test_one_task_is_acted_on_from_its_page_and_never_by_a_link_alone(signed_in, make_task, name, changed):
    task = make_task(schedule={"interval_minutes": 60})
    path = f"{TASKS}{task.pk}/{name}/"
    assert signed_in.get(path).status_code == 200
    task.refresh_from_db()
    assert task.status == "pending" and task.paused_at is None
    assert signed_in.post(path, {"confirmed": "yes"})["Location"] == f"{TASKS}{task.pk}/change/"
    assert Task.objects.filter(pk=task.pk, **changed).exists()


def test_a_paused_task_is_resumed_from_its_page(signed_in, make_task):
    task = make_task(schedule={"interval_minutes": 60})
    Task.objects.update(paused_at=task.created_at + timedelta(minutes=1), paused_reason="manual")
    signed_in.post(f"{TASKS}{task.pk}/resume/", {"confirmed": "yes"})
    assert Task.objects.get().paused_at is None


def test_who_may_only_look_cannot_act(looker, make_task):
    task = make_task()
    assert looker.get(TASKS).status_code == 200
    assert "cancel_selected" not in looker.get(TASKS).content.decode()
    data = {"action": "cancel_selected", "index": "0", "_selected_action": [str(task.pk)], "confirmed": "yes"}
    looker.post(TASKS, data)
    assert looker.post(f"{TASKS}{task.pk}/cancel/", {"confirmed": "yes"}).status_code == 403
    assert Task.objects.get().status == "pending"
