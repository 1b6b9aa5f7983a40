"""Acts on many tasks by the API, copies, and later moments."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tasks.models import Task, TaskRun
from tests.api_client import Program

HOURLY = {"interval_minutes": 60}
SOON = "2099-05-01T09:00:00+00:00"


def test_an_act_on_named_tasks_answers_counts_and_who_was_left_out(ana: Program):
    going, ended = ana.task(schedule=HOURLY), ana.task(title="Old one")
    ana("POST", f"/tasks/{ended['id']}/cancel")
    body = {"action": "pause", "task_ids": [going["id"], ended["id"]], "reason": "holiday", "until": SOON}
    answer = ana("POST", "/tasks/bulk", body)
    assert (answer.status, answer.data) == (
        200,
        {
            "action": "pause",
            "matched": 2,
            "done": 1,
            "left_out_count": 1,
            "left_out": [
                {
                    "task_id": ended["id"],
                    "title": "Old one",
                    "code": "already_finished",
                    "reason": "“Old one” is cancelled already, so it cannot be paused.",
                }
            ],
        },
    )
    now = ana("GET", f"/tasks/{going['id']}").data
    assert (now["phase"], now["paused_reason"], now["paused_note"]) == ("paused", "manual", "holiday")
    assert now["paused_until"] == SOON


def test_an_act_by_filter_means_the_persons_own_tasks_that_match(ana: Program, ben: Program):
    here = ana.conversation()
    inside = [ana.task(conversation_id=here, schedule=HOURLY)["id"] for _ in range(3)]
    ana.task(schedule=HOURLY)
    ben.task(schedule=HOURLY)
    told = ana("POST", "/tasks/bulk", {"action": "pause", "filter": {"conversation_id": here}}).data
    assert (told["matched"], told["done"]) == (3, 3)
    assert {str(task.pk) for task in Task.objects.exclude(paused_at=None)} == set(inside)
    assert ana("POST", "/tasks/bulk", {"action": "resume", "filter": {"phase": "paused"}}).data["done"] == 3
    assert ana("POST", "/tasks/bulk", {"action": "cancel", "filter": {}}).data["done"] == 4
    assert Task.objects.filter(user=ben.user, status="pending").count() == 1


@pytest.mark.parametrize("name", ["conversation_id", "agent_name"])
def test_a_filter_that_nothing_fits_does_nothing(ana: Program, ben: Program, name):
    ana.task()
    foreign = ben.conversation() if name == "conversation_id" else "Nobody"
    for value in (foreign, "no id"):
        told = ana("POST", "/tasks/bulk", {"action": "cancel", "filter": {name: value}})
        assert (told.status, told.data["matched"]) == (200, 0)
    assert not Task.objects.filter(status="cancelled").exists()


def test_trigger_run_again_and_snooze_of_many(ana: Program):
    tasks = [ana.task(schedule={**HOURLY, "start_at": SOON})["id"] for _ in range(2)]
    assert ana("POST", "/tasks/bulk", {"action": "trigger", "task_ids": tasks}).data["done"] == 2
    assert TaskRun.objects.filter(status="queued").count() == 2
    again = ana("POST", "/tasks/bulk", {"action": "run_again", "task_ids": tasks}).data
    assert (again["done"], {row["code"] for row in again["left_out"]}) == (0, {"still_running"})
    ana("POST", "/tasks/bulk", {"action": "cancel", "task_ids": tasks})
    assert ana("POST", "/tasks/bulk", {"action": "run_again", "task_ids": tasks}).data["done"] == 2
    # A run again lets no ended schedule go on.
    snoozed = ana("POST", "/tasks/bulk", {"action": "snooze", "task_ids": tasks, "until": SOON}).data
    assert (snoozed["done"], {row["code"] for row in snoozed["left_out"]}) == (0, {"already_finished"})
    others = [ana.task(schedule={**HOURLY, "start_at": SOON})["id"] for _ in range(2)]
    assert ana("POST", "/tasks/bulk", {"action": "snooze", "task_ids": others, "until": SOON}).data["done"] == 2


def test_counting_only_changes_nothing(ana: Program):
    ana.task(schedule=HOURLY)
    told = ana("POST", "/tasks/bulk", {"action": "cancel", "filter": {}, "count_only": True}).data
    assert (told["matched"], told["done"]) == (1, 0)
    assert Task.objects.get().status == "pending"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"action": "explode", "filter": {}}, "action"),
        ({"action": "pause", "filter": {"staus": "failed"}}, "filter.staus"),
        ({"action": "pause", "task_ids": []}, "task_ids"),
        ({"action": "snooze", "filter": {}}, "until"),
        ({"action": "snooze", "filter": {}, "until": "2020-01-01T00:00:00Z"}, "until"),
        ({"action": "resume", "filter": {}, "until": SOON}, "until"),
        ({"action": "cancel", "filter": {}, "reason": "x"}, "reason"),
        ({"action": "pause", "filter": {}, "reason": "x" * 501}, "reason"),
    ],
)
def test_what_is_wrong_or_has_no_effect_is_422_on_its_field_and_nothing_is_done(ana: Program, body, field):
    ana.task(schedule=HOURLY)
    assert list(ana("POST", "/tasks/bulk", body).fields) == [field]
    task = Task.objects.get()
    assert (task.status, task.paused_at) == ("pending", None)


@pytest.mark.parametrize("both", [True, False])
def test_ids_and_filter_are_one_of_both(ana: Program, both):
    task = ana.task()
    body = {"action": "cancel", **({"task_ids": [task["id"]], "filter": {}} if both else {})}
    refused = ana("POST", "/tasks/bulk", body)
    assert refused.status == 422 and "one of both" in refused.error["message"]


def test_a_task_of_somebody_else_among_the_ids_is_422_and_nothing_is_done(ana: Program, ben: Program):
    own, foreign = ana.task()["id"], ben.task()["id"]
    for wrong in (foreign, "no id"):
        refused = ana("POST", "/tasks/bulk", {"action": "cancel", "task_ids": [own, wrong]})
        assert list(refused.fields) == ["task_ids"]
    assert not Task.objects.filter(status="cancelled").exists()


def test_snooze_moves_a_once_task_to_its_moment_and_refuses_one_that_ended(ana: Program):
    path = f"/tasks/{ana.task(schedule={'start_at': '2098-01-01T00:00:00Z'})['id']}"
    assert ana("POST", f"{path}/snooze", {"until": SOON}).data["next_run_at"] == SOON
    assert list(ana("POST", f"{path}/snooze", {"until": "2020-01-01T00:00:00Z"}).fields) == ["until"]
    assert list(ana("POST", f"{path}/snooze").fields) == ["until"]
    ana("POST", f"{path}/cancel")
    refused = ana("POST", f"{path}/snooze", {"until": SOON})
    assert (refused.status, refused.error["code"]) == (409, "already_finished")


OPTIONS = {
    "title": "Report",
    "overlap": "queue",
    "catch_up": "all",
    "catch_up_window_minutes": 90,
    "on_interrupt": "rerun",
    "priority": 8,
    "max_attempts": 2,
    "timeout_seconds": 60,
    "deadline_at": SOON,
    "conversation_mode": "new",
    "only_changes": True,
    "max_runs_per_day": 4,
    "budget": {"tokens_per_day": 5},
    "retention_days": 7,
}
OWN = {"id", "plan_id", "thread_id", "next_run_at", "created_at", "updated_at"}


def test_a_clone_has_everything_that_can_be_written_and_nothing_of_the_past(ana: Program):
    schedule = {"daily_time": "09:00", "timezone": "Asia/Tokyo", "exclude": ["SUN"], "max_runs": 9, "end_at": SOON}
    task = ana.task(schedule=schedule, key="k", **OPTIONS)
    ana("POST", f"/tasks/{task['id']}/trigger")
    ana("POST", f"/tasks/{task['id']}/pause")
    copy = ana("POST", f"/tasks/{task['id']}/clone")
    assert copy.status == 201
    assert {name for name, value in copy.data.items() if value != task[name]} == OWN - {"next_run_at"} | {"key"}
    assert (copy.data["status"], copy.data["paused_at"]) == ("pending", None)
    assert ana("GET", f"/tasks/{copy.data['id']}/runs").data["items"] == []


def test_a_clone_takes_what_its_body_changes_and_merges_the_schedule(ana: Program):
    task = ana.task(schedule={"daily_time": "09:00", "timezone": "Asia/Tokyo", "max_runs": 9}, max_runs_per_day=3)
    body = {
        "query": "say bye",
        "priority": 1,
        "max_runs_per_day": None,
        "schedule": {"cron": "0 7 * * *", "max_runs": None},
    }
    copy = ana("POST", f"/tasks/{task['id']}/clone", body).data
    assert (copy["query"], copy["priority"], copy["max_runs_per_day"]) == ("say bye", 1, None)
    assert copy["schedule"] == {"cron": "0 7 * * *", "timezone": "Asia/Tokyo"}
    elsewhere = ana.conversation()
    assert (
        ana("POST", f"/tasks/{task['id']}/clone", {"conversation_id": elsewhere}).data["conversation_id"] == elsewhere
    )


def test_a_clone_of_an_interval_goes_on_in_its_grid_and_catches_nothing_up(ana: Program):
    begin = timezone.now() - timedelta(minutes=90)
    task = ana.task(schedule={**HOURLY, "start_at": begin.isoformat()}, catch_up="all")
    copy = ana("POST", f"/tasks/{task['id']}/clone").data
    assert copy["next_run_at"] == (begin + timedelta(hours=2)).isoformat()


def test_a_clone_of_a_once_task_whose_moment_is_over_runs_at_once(ana: Program):
    task = ana.task(schedule={"start_at": SOON})
    Task.objects.update(start_at=timezone.now() - timedelta(minutes=5))
    ana("POST", f"/tasks/{task['id']}/cancel")
    copy = ana("POST", f"/tasks/{task['id']}/clone").data
    assert (copy["schedule"], copy["pattern"], copy["status"]) == (None, "once", "pending")


def test_a_clone_whose_end_is_over_says_which_field_to_change(ana: Program):
    task = ana.task(schedule={**HOURLY, "end_at": SOON})
    Task.objects.update(end_at=timezone.now() - timedelta(hours=1))
    assert list(ana("POST", f"/tasks/{task['id']}/clone").fields) == ["schedule.end_at"]
    path = f"/tasks/{task['id']}/clone"
    assert ana("POST", path, {"schedule": {"end_at": "2098-01-01T00:00:00Z"}}).status == 201


def test_what_a_clone_cannot_be_is_422_by_its_field(ana: Program, ben: Program):
    path = f"/tasks/{ana.task(schedule=HOURLY)['id']}/clone"
    assert list(ana("POST", path, {"agent_name": "Nobody"}).fields) == ["agent_name"]
    assert list(ana("POST", path, {"priority": 10}).fields) == ["priority"]
    assert list(ana("POST", path, {"status": "running"}).fields) == ["status"]
    assert list(ana("POST", path, {"query": "{{ tasks.a.result }}"}).fields) == ["query"]
    assert list(ana("POST", path, {"conversation_id": ben.conversation()}).fields) == ["conversation_id"]
    assert ana("POST", f"/tasks/{ben.task()['id']}/clone").status == 404
    assert Task.objects.filter(user=ana.user).count() == 1


def test_one_key_makes_one_clone(ana: Program):
    path = f"/tasks/{ana.task()['id']}/clone"
    first, second = (ana("POST", path, {}, Idempotency_Key="k") for _ in range(2))
    assert first.data == second.data
    assert Task.objects.count() == 2
