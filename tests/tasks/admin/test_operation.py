"""The operator's page: what waits, runs and fails, and the switches that all processes obey."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conversations.models import Conversation
from tasks.admin import overview
from tasks.models import Agent, RunnerProcess, TaskRun, Worker
from tasks.services import TaskService
from tests.helpers.tasks import TaskMaker, fail, many_due, started
from tests.tasks.admin.conftest import messages
from valuecell_site.models import AuditRecord

PAGE = "/admin/tasks/switches/"


def failed(make_task: TaskMaker, error: str) -> None:
    now = timezone.now()
    fail(started(make_task(now=now), now=now), error=error, now=now)


def test_it_shows_queue_processes_agents_and_failures(signed_in: Client, make_task: TaskMaker, agent: Agent) -> None:
    now = timezone.now()
    for reason in ("no money <b>left</b>", "no money <b>left</b>", "asleep"):
        failed(make_task, reason)
    make_task(now=now - timedelta(minutes=5), title="The oldest")
    TaskService.runner_present("host:1:aa", concurrency=100, now=now)
    TaskService.worker_present("host:2:bb", concurrency=20, now=now)
    Worker.objects.create(name="host:3:cc", concurrency=7, seen_at=now - timedelta(minutes=3))
    Agent.objects.update(last_error="it slammed the door")
    answer = signed_in.get(PAGE)
    page = answer.content.decode()
    for word in ("The oldest", "host:1:aa", "host:2:bb", "host:3:cc", "silent since", "it slammed the door"):
        assert word in page
    assert "no money &lt;b&gt;left&lt;/b&gt;" in page, "what agents say is text"
    found = answer.context["now"]
    assert [(one.number, one.reason) for one in found.failures] == [(2, "no money <b>left</b>"), (1, "asleep")]
    assert (found.due.number, found.room) == (1, 120)
    assert [task.title for task in found.oldest_due] == ["The oldest"]


def test_failures_of_yesterday_are_not_todays(make_task: TaskMaker) -> None:
    failed(make_task, "long ago")
    assert overview.read(now=timezone.now() + timedelta(days=2)).failures == []


def test_the_page_asks_as_much_of_many_rows_as_of_few_and_counts_to_a_bound(
    signed_in: Client, conversation: Conversation, make_task: TaskMaker, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, "COUNTED", 50)
    make_task(now=timezone.now() - timedelta(minutes=1))
    failed(make_task, "one")
    make_task(now=timezone.now() - timedelta(minutes=1))
    signed_in.get(PAGE)
    with CaptureQueriesContext(connection) as few:
        signed_in.get(PAGE)
    now = timezone.now()
    many_due(conversation, 60)
    for nth in range(8):
        failed(make_task, f"reason {nth}")
        TaskService.runner_present(f"runner {nth}", concurrency=1, now=now)
        TaskService.worker_present(f"worker {nth}", concurrency=1, now=now)
        Agent.objects.create(name=f"Agent {nth}", slug=f"agent-{nth}", url="http://127.0.0.1:9/")
    many_due(conversation, 60)
    with CaptureQueriesContext(connection) as many:
        page = signed_in.get(PAGE)
    assert len(many) == len(few)
    assert page.context["now"].due.words == "more than 50"
    ours = [
        query["sql"] for query in many.captured_queries if "COUNT(" in query["sql"] and "tasks_task" in query["sql"]
    ]
    unbounded = [sql for sql in ours if "LIMIT" not in sql and "GROUP BY" not in sql]
    assert ours and not unbounded


def test_pausing_all_runs_is_seen_everywhere_and_recorded(
    signed_in: Client, looker: Client, client: Client, make_task: TaskMaker, user: Any
) -> None:
    pressed = signed_in.post(PAGE, {"switch": "hold", "reason": "disk full"})
    assert "All runs are paused" in messages(pressed)
    now = timezone.now()
    make_task(now=now)
    assert TaskService.claim_due(now=now) == 0
    assert "All runs are paused" in looker.get("/admin/tasks/task/").content.decode(), "a badge on each page of admin"
    client.force_login(user)
    page = client.get("/tasks/").content.decode()
    assert "The operator has paused all runs" in page and "disk full" in page
    answer = client.get("/readyz")
    assert answer.status_code == 200 and "paused by an operator since" in json.loads(answer.content)["notes"]["runs"]
    assert "valuecell_runs_held 1.0" in client.get("/metrics").content.decode()

    assert "Runs start again" in messages(signed_in.post(PAGE, {"switch": "release"}))
    assert TaskService.claim_due(now=now) == 1
    assert "notes" not in json.loads(client.get("/readyz").content)
    assert "The operator has paused" not in client.get("/tasks/").content.decode()
    rows = AuditRecord.objects.filter(act__startswith="runs_").order_by("id")
    assert [(row.act, row.actor_name, row.details) for row in rows] == [
        ("runs_held", "olga", {"reason": "disk full"}),
        ("runs_released", "olga", {}),
    ]


def test_a_process_is_drained_and_let_go_and_that_is_recorded(signed_in: Client) -> None:
    TaskService.runner_present("host:1:aa", concurrency=100, now=timezone.now())
    assert "takes nothing new" in messages(signed_in.post(PAGE, {"switch": "drain", "process": "host:1:aa"}))
    assert TaskService.stops("host:1:aa") and not TaskService.stops("host:2:bb")
    assert "takes runs again" in messages(signed_in.post(PAGE, {"switch": "undrain", "process": "host:1:aa"}))
    assert not TaskService.stops("host:1:aa")
    assert "Nothing changed" in messages(signed_in.post(PAGE, {"switch": "drain", "process": "gone"}))
    acts = AuditRecord.objects.filter(act__startswith="process_").order_by("id").values_list("act", "subject_name")
    assert list(acts) == [("process_drained", "host:1:aa"), ("process_released", "host:1:aa")]


def test_who_may_only_look_presses_nothing_and_who_may_not_sees_nothing(
    looker: Client, client: Client, user: Any
) -> None:
    TaskService.runner_present("host:1:aa", concurrency=100, now=timezone.now())
    page = looker.get(PAGE)
    assert page.status_code == 200 and b"Pause all runs" not in page.content and b"Drain" not in page.content
    assert looker.post(PAGE, {"switch": "hold"}).status_code == 403
    assert not TaskService.held().everywhere
    user.is_staff = True
    user.save()
    client.force_login(user)
    assert client.get(PAGE).status_code == 403


def test_an_unknown_switch_changes_nothing(signed_in: Client) -> None:
    assert "no such switch" in messages(signed_in.post(PAGE, {"switch": "explode"}))
    assert not TaskService.held().everywhere and not RunnerProcess.objects.exists() and not TaskRun.objects.exists()
