"""What a person does with a task by the API: edit, pause, resume, start by hand, run again, cancel."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tasks.models import Task
from tasks.states import TaskStatus
from tests.api_client import Program


def test_cancel_says_which_items_changed_and_is_harmless_again(ana: Program):
    task = ana.task(schedule={"interval_minutes": 5})
    path = f"/tasks/{task['id']}/cancel"
    first = ana("POST", path)
    assert first.status == 200
    assert (first.data["task_id"], first.data["success"]) == (task["id"], True)
    items = ana("GET", f"/conversations/{task['conversation_id']}/items").data["items"]
    controllers = [
        row["data"]["item_id"]
        for row in items
        if row["data"]["payload"].get("component_type") == "scheduled_task_controller"
    ]
    assert first.data["updated_component_ids"] == controllers
    again = ana("POST", path)
    assert (again.status, again.data) == (200, {"task_id": task["id"], "success": True, "updated_component_ids": []})
    now = ana("GET", f"/tasks/{task['id']}").data
    assert (now["status"], now["phase"], now["next_run_at"]) == ("cancelled", "cancelled", None)


@pytest.mark.parametrize("status", [TaskStatus.COMPLETED, TaskStatus.FAILED])
def test_cancelling_what_ended_is_409_and_says_what_happened(ana: Program, status):
    task = ana.task()
    Task.objects.filter(pk=task["id"]).update(status=status, next_run_at=None, next_slot_at=None)
    refused = ana("POST", f"/tasks/{task['id']}/cancel")
    assert (refused.status, refused.error["code"]) == (409, "already_finished")
    assert status in refused.error["message"]


def test_pause_and_resume_answer_the_task(ana: Program):
    task = ana.task(schedule={"interval_minutes": 5})
    paused = ana("POST", f"/tasks/{task['id']}/pause", {"reason": "holiday"})
    assert (paused.status, paused.data["phase"], paused.data["paused_reason"]) == (200, "paused", "manual")
    assert paused.data["paused_at"] is not None
    resumed = ana("POST", f"/tasks/{task['id']}/resume")
    assert (resumed.status, resumed.data["paused_at"], resumed.data["paused_reason"]) == (200, None, None)


def test_times_are_taken_with_any_offset(ana: Program):
    task = ana.task(schedule={"interval_minutes": 5}, deadline_at="2099-05-01T09:00:00+02:00")
    assert task["deadline_at"] == "2099-05-01T07:00:00+00:00"
    path = f"/tasks/{task['id']}"
    assert ana("PATCH", path, {"deadline_at": "2099-05-01T09:00:00Z"}).data["deadline_at"].startswith("2099-05-01T09")
    assert ana("PATCH", path, {"deadline_at": None}).data["deadline_at"] is None
    assert ana("POST", f"{path}/pause", {"until": "2099-01-01T00:00:00.5-05:00"}).status == 200


def test_a_pause_into_the_past_is_422(ana: Program):
    task = ana.task(schedule={"interval_minutes": 5})
    past = (timezone.now() - timedelta(minutes=1)).isoformat()
    assert list(ana("POST", f"/tasks/{task['id']}/pause", {"until": past}).fields) == ["until"]


def test_a_schedule_is_merged_key_by_key(ana: Program):
    task = ana.task(schedule={"interval_minutes": 5, "timezone": "Asia/Tokyo", "jitter_seconds": 10})
    path = f"/tasks/{task['id']}"
    changed = ana("PATCH", path, {"schedule": {"daily_time": "09:00", "jitter_seconds": None}})
    assert changed.status == 200
    assert changed.data["schedule"] == {"daily_time": "09:00", "timezone": "Asia/Tokyo"}
    wrong = ana("PATCH", path, {"schedule": {"cron": "61 * * * *"}})
    assert list(wrong.fields) == ["schedule.cron"]
    assert ana("GET", path).data == changed.data


def test_what_is_written_at_creation_only_is_422_in_a_patch(ana: Program):
    path = f"/tasks/{ana.task()['id']}"
    for field in ("agent_name", "conversation_id", "key", "status", "pattern", "next_run_at", "paused_at"):
        assert list(ana("PATCH", path, {field: "x"}).fields) == [field]


def test_run_again_of_an_ended_task_adds_a_run_with_its_text_or_another(ana: Program):
    task = ana.task(query="first")
    path = f"/tasks/{task['id']}"
    run = ana("POST", f"{path}/trigger")
    assert (run.status, run.data["input"]) == (201, "first")
    assert ana("POST", f"{path}/run-again").status == 409
    ana("POST", f"{path}/cancel")
    again = ana("POST", f"{path}/run-again", {"run_id": run.data["id"]})
    assert (again.status, again.data["input"]) == (201, "first")
    assert ana("GET", path).data["status"] == "running"
    ana("POST", f"{path}/cancel")
    assert ana("POST", f"{path}/run-again", {"query": "second"}).data["input"] == "second"


def test_a_plan_is_cancelled_as_a_whole(ana: Program):
    tasks = [{"query": f"do {number}", "agent_name": "Echo"} for number in range(3)]
    plan = ana("POST", "/plans", {"conversation_id": ana.conversation(), "tasks": tasks}).data
    assert ana("POST", f"/plans/{plan['id']}/cancel").data == {"cancelled": 3}
    assert ana("POST", f"/plans/{plan['id']}/cancel").data == {"cancelled": 0}
    assert ana("GET", f"/plans/{plan['id']}").data["status"] == "cancelled"


def test_two_tasks_of_a_plan_cannot_have_one_key(ana: Program):
    tasks = [{"query": "a", "agent_name": "Echo", "key": "k"}] * 2
    refused = ana("POST", "/plans", {"conversation_id": ana.conversation(), "tasks": tasks})
    assert list(refused.fields) == ["tasks.1.key"]
    assert Task.objects.count() == 0


def test_a_single_tasks_faults_are_numbered_in_a_plan_and_not_alone(ana: Program):
    conversation = ana.conversation()
    task = {"query": "a", "agent_name": "Nobody"}
    assert list(ana("POST", "/plans", {"conversation_id": conversation, "tasks": [task]}).fields) == [
        "tasks.0.agent_name"
    ]
    assert list(ana("POST", "/tasks", {**task, "conversation_id": conversation}).fields) == ["agent_name"]


WRONG = {"schedule": {"interval_minutes": 5, "max_runs": 0, "jitter_seconds": 301}, "priority": 12, "notify": "nobody"}
NAMED = {"schedule.max_runs", "schedule.jitter_seconds", "priority", "notify"}


def test_every_wrong_field_is_named_at_once_in_an_edit_a_copy_and_a_new_task(ana: Program):
    task = ana.task(schedule={"interval_minutes": 5})
    anew = {"conversation_id": task["conversation_id"], "agent_name": task["agent_name"], "query": "x", **WRONG}
    for refused in (
        ana("PATCH", f"/tasks/{task['id']}", WRONG),
        ana("POST", f"/tasks/{task['id']}/clone", WRONG),
        ana("POST", "/tasks", anew),
        ana("POST", f"/conversations/{task['conversation_id']}/messages", {"text": "x", **WRONG}),
    ):
        assert refused.status == 422
        assert set(refused.error["fields"]) == NAMED
    late = {"deadline_at": "2001-01-01T09:00:00Z", "query": "{{ nobody }}", "schedule": {"end_at": "soon"}}
    refused = ana("PATCH", f"/tasks/{task['id']}", late)
    assert set(refused.error["fields"]) == {"deadline_at", "query", "schedule.end_at"}
    refused = ana("PATCH", f"/tasks/{task['id']}", {**late, "schedule": {"max_runs": 3}})
    assert set(refused.error["fields"]) == {"deadline_at", "query"}
    assert ana("GET", f"/tasks/{task['id']}").data == task


def test_an_ended_task_is_renamed_and_kept_and_nothing_else(ana: Program):
    task = ana.task()
    ana("POST", f"/tasks/{task['id']}/cancel")
    kept = ana("PATCH", f"/tasks/{task['id']}", {"title": "A better name", "retention_days": 0})
    assert (kept.status, kept.data["title"], kept.data["retention_days"]) == (200, "A better name", 0)
    assert kept.data["status"] == "cancelled"
    refused = ana("PATCH", f"/tasks/{task['id']}", {"title": "Another", "notify": "always"})
    assert (refused.status, refused.error["code"]) == (409, "already_finished")
