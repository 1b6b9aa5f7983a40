"""Filter, rate limit, redeliveries, pauses, overlap, limits: what a delivery comes to, and the row that it leaves."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import close_old_connections
from django.utils import timezone

from tasks.hooks import incoming
from tasks.models import Agent, HookDelivery, Task
from tasks.schemas.inputs import TaskPatch
from tasks.services import TaskService
from tests.helpers.tasks import TaskMaker, fail, run_statuses, started, statuses, succeed
from tests.tasks.hooks.conftest import Sender, text

MakeHook = Callable[..., Sender]
EVENT = {"title": "a door"}


def reasons() -> list[str]:
    return list(HookDelivery.objects.order_by("id").values_list("reason", flat=True))


def test_the_filter_keeps_out_what_is_not_wanted_and_says_why(task: Task, make_hook: MakeHook) -> None:
    wanted = {
        "action": ["opened", "reopened"],
        "repo.private": False,
        "labels.0.name": {"exists": True},
        "header:X-GitHub-Event": "issues",
    }
    send = make_hook(task, filter=wanted)
    event = {"title": "x", "action": "opened", "repo": {"private": False}, "labels": [{"name": "bug"}]}
    assert send.outcome(event, X_GitHub_Event="issues") == "started"
    assert send.outcome({**event, "action": "closed"}, X_GitHub_Event="issues") == "filtered"
    assert send.outcome({**event, "repo": {"private": 0}}, X_GitHub_Event="issues") == "filtered"
    assert send.outcome({**event, "labels": []}, X_GitHub_Event="issues") == "filtered"
    assert send.outcome(event, X_GitHub_Event="push") == "filtered"
    assert reasons() == [
        "",
        "action is “closed”.",
        "repo.private is 0.",
        "labels.0.name is not there.",
        "header:X-GitHub-Event is “push”.",
    ]
    assert task.runs.count() == 1


def test_the_rate_limit_lets_so_many_a_minute_through(task: Task, make_hook: MakeHook) -> None:
    Task.objects.filter(pk=task.pk).update(overlap="parallel")
    send = make_hook(task, rate_limit=2, filter={"title": {"exists": True}})
    assert send.outcome({}) == "filtered"  # what the filter keeps out does not count
    assert [send.outcome(EVENT) for _ in range(3)] == ["started", "started", "limited"]
    assert reasons()[-1] == "More than 2 in a minute."
    HookDelivery.objects.update(received_at=timezone.now() - timedelta(seconds=61))
    assert send.outcome(EVENT) == "started"


def test_more_than_the_api_takes_is_a_429_that_writes_nothing(send: Sender, settings: Any) -> None:
    settings.API_RATE = 2
    assert [send(EVENT).status_code for _ in range(3)] == [202, 202, 429]
    answer = send(EVENT)
    assert answer.json()["error"]["code"] == "too_many_requests"
    assert 1 <= int(answer["Retry-After"]) <= 60
    assert HookDelivery.objects.count() == 2


@pytest.mark.parametrize("name", ["Idempotency-Key", "X-GitHub-Delivery"])
def test_a_redelivery_gets_its_first_answer_and_starts_nothing(send: Sender, task: Task, name: str) -> None:
    first = send(EVENT, **{name: "delivery-1"})
    again = send({"title": "another"}, **{name: "delivery-1"})
    assert (first.status_code, again.status_code) == (202, 200)
    assert again.json() == first.json()
    assert task.runs.count() == HookDelivery.objects.count() == 1


def test_a_redelivery_is_known_for_thirty_days(send: Sender) -> None:
    send(EVENT, Idempotency_Key="k")
    HookDelivery.objects.update(received_at=timezone.now() - timedelta(days=29, hours=23))
    assert send(EVENT, Idempotency_Key="k").status_code == 200
    HookDelivery.objects.update(received_at=timezone.now() - timedelta(days=30, hours=1))
    assert send(EVENT, Idempotency_Key="k").status_code == 202
    assert incoming.forget_old(now=timezone.now()) == 1
    assert HookDelivery.objects.count() == 1


def test_the_same_key_at_another_hook_is_another_delivery(send: Sender, task: Task, make_hook: MakeHook) -> None:
    assert send(EVENT, Idempotency_Key="k").status_code == 202
    assert make_hook(task)(EVENT, Idempotency_Key="k").status_code == 202


def test_a_very_long_key_is_a_key_too(send: Sender) -> None:
    assert send(EVENT, Idempotency_Key="k" * 2_000).status_code == 202
    assert send(EVENT, Idempotency_Key="k" * 2_000).status_code == 200
    assert send(EVENT, Idempotency_Key="k" * 2_001).status_code == 202


@pytest.mark.django_db(transaction=True)
def test_redeliveries_that_come_together_start_one_run(
    in_threads: Callable[..., list[Any]], send: Sender, task: Task
) -> None:
    def deliver(_number: int) -> tuple[int, str]:
        answer = Sender(hook=send.hook)(EVENT, Idempotency_Key="k")
        close_old_connections()
        return answer.status_code, answer.json()["delivery_id"]

    answers = in_threads(4, deliver)
    assert sorted(status for status, _ in answers) == [200, 200, 200, 202]
    assert len({delivery for _, delivery in answers}) == 1
    assert task.runs.count() == 1


def test_a_paused_task_takes_none_and_one_row_says_how_many_there_were(send: Sender, task: Task) -> None:
    TaskService.pause(task.pk, actor=None, now=timezone.now())
    assert [send.outcome(EVENT) for _ in range(3)] == ["skipped"] * 3
    assert reasons() == ["The schedule was paused."] * 3
    run = task.runs.get()
    assert (run.status, run.trigger, run.slots, run.reason) == ("skipped", "event", 3, "The schedule was paused.")
    TaskService.resume(task.pk, actor=None, now=timezone.now())
    assert send.outcome(EVENT) == "started"


OVERLAPS = [
    ("skip", ["started", "skipped", "skipped"], ["queued", "skipped"]),
    ("parallel", ["started"] * 3, ["queued"] * 3),
    ("cancel_running", ["started"] * 3, ["cancelled", "cancelled", "queued"]),
]


@pytest.mark.parametrize(("overlap", "outcomes", "rows"), OVERLAPS)
def test_an_event_while_a_run_goes_on_follows_the_overlap(
    make_task: TaskMaker, make_hook: MakeHook, overlap: str, outcomes: list[str], rows: list[str]
) -> None:
    task = make_task(now=timezone.now(), schedule={"on_event": True}, overlap=overlap)
    send = make_hook(task)
    assert [send.outcome() for _ in range(3)] == outcomes
    assert run_statuses(task) == rows


def test_one_event_waits_behind_the_run_that_goes_on_and_the_next_is_skipped(
    make_task: TaskMaker, make_hook: MakeHook
) -> None:
    task = make_task(now=timezone.now(), schedule={"on_event": True}, overlap="queue")
    send = make_hook(task)
    assert send.outcome() == "started"
    TaskService.start(worker="w", capacity=1, now=timezone.now())
    assert [send.outcome(), send.outcome()] == ["queued", "skipped"]
    assert run_statuses(task) == ["running", "queued", "skipped"]


def test_runs_a_day_and_max_runs_hold_for_events_and_the_last_ends_the_schedule(
    make_task: TaskMaker, make_hook: MakeHook
) -> None:
    now = timezone.now()
    task = make_task(now=now, schedule={"on_event": True, "max_runs": 2}, overlap="parallel", max_runs_per_day=1)
    send = make_hook(task)
    assert [send.outcome(), send.outcome()] == ["started", "skipped"]
    assert reasons()[-1] == "The limit of runs a day was reached."
    TaskService.update(task.pk, TaskPatch(max_runs_per_day=None), actor=None, now=timezone.now())
    assert [send.outcome(), send.outcome()] == ["started", "skipped"]
    assert reasons()[-1] == "It had all of its runs (max_runs)."
    for lease in TaskService.start(worker="w", capacity=2, now=timezone.now()):
        succeed(lease, now=timezone.now())
    assert statuses(task)[-1] == ("running", "completed")
    assert send.outcome() == "skipped"
    assert reasons()[-1] == "The task is completed."


def test_a_hook_beside_a_schedule_leaves_its_next_time_where_it_is(make_task: TaskMaker, make_hook: MakeHook) -> None:
    task = make_task(now=timezone.now(), schedule={"interval_minutes": 60, "start_at": "2099-01-01T00:00:00+00:00"})
    before = (task.next_run_at, task.next_slot_at)
    send = make_hook(task)
    # Its time has not come: nothing starts it, not even an event.
    assert send.outcome() == "skipped"
    assert "start_at" in reasons()[-1]
    Task.objects.filter(pk=task.pk).update(start_at=None)
    assert send.outcome() == "started"
    task.refresh_from_db()
    assert (task.next_run_at, task.next_slot_at) == before
    assert task.status == "running"


def test_days_on_which_it_rests_and_its_end_hold_for_events(make_task: TaskMaker, make_hook: MakeHook) -> None:
    now = timezone.now()
    task = make_task(now=now, schedule={"on_event": True, "timezone": "UTC", "exclude": [now.date().isoformat()]})
    assert make_hook(task).outcome() == "skipped"
    assert "(exclude)" in reasons()[-1]
    ends = make_task(now=now, schedule={"on_event": True, "end_at": (now + timedelta(hours=1)).isoformat()})
    Task.objects.filter(pk=ends.pk).update(end_at=now - timedelta(hours=1))
    assert make_hook(ends).outcome() == "skipped"
    assert "(end_at)" in reasons()[-1]


def test_a_task_that_only_events_start_ends_when_its_time_is_over(make_task: TaskMaker) -> None:
    now = timezone.now()
    task = make_task(now=now, schedule={"on_event": True, "end_at": (now + timedelta(hours=1)).isoformat()})
    assert TaskService.end_over(now=now + timedelta(minutes=59)) == 0
    TaskService.end_over(now=now + timedelta(minutes=61))
    assert statuses(task)[-1] == ("pending", "completed")


def test_a_task_whose_agent_is_gone_rests_and_says_so(send: Sender, task: Task) -> None:
    Agent.objects.update(enabled=False)
    assert send.outcome(EVENT) == "skipped"
    task.refresh_from_db()
    assert task.paused_reason == "agent_gone"
    assert "Echo" in reasons()[-1]


def test_what_an_event_started_waits_while_the_schedule_rests(send: Sender, task: Task) -> None:
    send(EVENT)
    TaskService.pause(task.pk, actor=None, now=timezone.now())
    assert TaskService.start(worker="w", capacity=1, now=timezone.now()) == []
    TaskService.resume(task.pk, actor=None, now=timezone.now())
    assert len(TaskService.start(worker="w", capacity=1, now=timezone.now())) == 1


def test_failed_runs_of_events_count_like_any_tick(send: Sender, task: Task) -> None:
    for _ in range(5):
        send(EVENT)
        fail(started(task, now=timezone.now()), now=timezone.now())
    task.refresh_from_db()
    assert task.paused_reason == "failures"


def test_a_run_by_event_may_have_a_conversation_of_its_own(make_task: TaskMaker, make_hook: MakeHook) -> None:
    task = make_task(now=timezone.now(), schedule={"on_event": True}, conversation_mode="new")
    make_hook(task)()
    assert task.runs.get().conversation_id != task.conversation_id


def test_the_previous_result_can_be_asked_for_beside_the_event(make_task: TaskMaker, make_hook: MakeHook) -> None:
    words = "{{ event.title }} after {{ previous.result }}, no. {{ run_number }}"
    task = make_task(now=timezone.now(), schedule={"on_event": True}, query=words)
    send = make_hook(task)
    send(EVENT)
    succeed(started(task, now=timezone.now()), result="{{ event }}", now=timezone.now())
    send({"title": "b"})
    assert text(task) == "b after {{ event }}, no. 2"
