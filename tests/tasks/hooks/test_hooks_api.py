"""Hooks by the JSON API: made, listed, removed and tried by their task's owner alone."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tasks.models import HookDelivery, Task, TaskHook
from tests.api_client import Program
from tests.tasks.hooks.conftest import text

WANTED = {"schedule": {"on_event": True}}


def path(task: dict[str, Any], *rest: str) -> str:
    return "/".join([f"/tasks/{task['id']}/hooks", *rest])


def send(hook: dict[str, Any], event: str = '{"a": 1}') -> Any:
    headers = {"Authorization": f"Bearer {hook['secret']}"}
    address = hook["url"].split("://", 1)[1].partition("/")[2]
    return Client().post(f"/{address}", event, content_type="application/json", headers=headers)


def test_a_hook_is_made_with_its_secret_which_is_shown_this_once(ana: Program, settings: Any) -> None:
    settings.PUBLIC_URL = "https://tasks.example"
    task = ana.task(**WANTED)
    made = ana("POST", path(task), {"filter": {"a": 1}, "rate_limit": 60})
    assert made.status == 201
    assert made.data["url"] == f"https://tasks.example/hooks/{made.data['id']}/"
    assert made.data["secret"].startswith("whsec_")
    listed = ana("GET", path(task)).data
    assert listed["items"] == [{key: value for key, value in made.data.items() if key != "secret"}]
    assert listed["next_cursor"] is None
    row = TaskHook.objects.get()
    assert made.data["secret"] not in [str(value) for value in vars(row).values()]
    assert send(made.data).status_code == 202


def test_secrets_differ_and_a_new_hook_beside_the_old_one_changes_them_without_a_gap(ana: Program) -> None:
    task = ana.task(**WANTED, overlap="parallel")
    old, new = (ana("POST", path(task)).data for _ in range(2))
    assert old["secret"] != new["secret"]
    assert [send(old).status_code, send(new).status_code] == [202, 202]
    assert ana("DELETE", path(task, old["id"])).status == 204
    assert [send(old).status_code, send(new).status_code] == [404, 202]
    assert ana("DELETE", path(task, old["id"])).status == 404


def test_deliveries_are_listed_newest_first_in_pages(ana: Program) -> None:
    task = ana.task(**WANTED)
    hook = ana("POST", path(task), {"filter": {"a": 1}}).data
    outcomes = [send(hook, body).json()["outcome"] for body in ('{"a": 1}', '{"a": 1}', '{"a": 2}')]
    assert outcomes == ["started", "skipped", "filtered"]
    first = ana("GET", path(task, hook["id"], "deliveries") + "?limit=2").data
    rest = ana("GET", path(task, hook["id"], "deliveries") + f"?limit=2&cursor={first['next_cursor']}").data
    rows = first["items"] + rest["items"]
    assert [row["outcome"] for row in rows] == outcomes[::-1]
    assert [row["reason"] for row in rows] == ["a is 2.", "The run before it was still going.", None]
    assert set(rows[0]) == {"id", "received_at", "outcome", "reason", "run_id"}
    runs = ana("GET", f"/tasks/{task['id']}/runs").data["items"]
    assert [row["run_id"] for row in rows] == [None, *(run["id"] for run in runs)]
    assert [run["trigger"] for run in runs] == ["event", "event"]


def test_a_hook_can_be_tried_with_an_event_of_ones_own(ana: Program) -> None:
    task = ana.task(**WANTED, query="Say {{ event.word }}")
    hook = ana("POST", path(task)).data
    assert ana("POST", path(task, hook["id"], "test")).data["outcome"] == "failed"
    tried = ana("POST", path(task, hook["id"], "test"), {"event": {"word": "hello"}})
    assert (tried.status, tried.data["outcome"]) == (201, "started")
    assert text(Task.objects.get(pk=task["id"])) == "Say hello"


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"filter": {"a": {"is": 1}}}, "filter"),
    ({"filter": {"a": []}}, "filter"),
    ({"filter": {"": 1}}, "filter"),
    ({"filter": {f"a{n}": 1 for n in range(21)}}, "filter"),
    ({"filter": "a"}, "filter"),
    ({"rate_limit": 0}, "rate_limit"),
    ({"rate_limit": 10_001}, "rate_limit"),
    ({"rate_limit": "5"}, "rate_limit"),
    ({"secret": "mine"}, "secret"),
]


@pytest.mark.parametrize(("body", "field"), REFUSED)
def test_what_is_wrong_is_named(ana: Program, body: dict[str, Any], field: str) -> None:
    answer = ana("POST", path(ana.task(**WANTED)), body)
    assert (answer.status, list(answer.fields)) == (422, [field])


def test_a_task_that_runs_once_or_has_ended_takes_no_hook(ana: Program) -> None:
    once = ana("POST", path(ana.task(schedule={"start_at": (timezone.now() + timedelta(days=1)).isoformat()})))
    assert (once.status, once.error["code"]) == (409, "not_recurring")
    task = ana.task(**WANTED)
    ana("POST", f"/tasks/{task['id']}/cancel")
    assert ana("POST", path(task)).error["code"] == "already_finished"


def test_hooks_of_others_do_not_exist(ana: Program, ben: Program) -> None:
    task = ana.task(**WANTED)
    hook = ana("POST", path(task)).data
    mine = ben.task(**WANTED)
    for method, address in [
        ("GET", path(task)),
        ("POST", path(task)),
        ("DELETE", path(task, hook["id"])),
        ("GET", path(task, hook["id"], "deliveries")),
        ("POST", path(task, hook["id"], "test")),
        ("DELETE", path(mine, hook["id"])),
        ("GET", path(mine, hook["id"], "deliveries")),
        ("DELETE", path(mine, "nothing")),
    ]:
        assert ben(method, address).status == 404, address
    assert TaskHook.objects.count() == 1


def test_making_and_removing_is_in_the_tasks_history(ana: Program) -> None:
    task = ana.task(**WANTED)
    hook = ana("POST", path(task)).data
    ana("DELETE", path(task, hook["id"]))
    lines = ana("GET", f"/tasks/{task['id']}/transitions").data["items"]
    assert [(line["reason"], line["actor"]) for line in lines[:2]] == [
        (f"hook {hook['id']} removed", "ana"),
        (f"hook {hook['id']} made", "ana"),
    ]


def test_a_hook_goes_with_its_task_and_its_deliveries_with_it(ana: Program) -> None:
    task = ana.task(**WANTED)
    send(ana("POST", path(task)).data)
    Task.objects.get(pk=task["id"]).delete()
    assert not TaskHook.objects.exists() and not HookDelivery.objects.exists()
