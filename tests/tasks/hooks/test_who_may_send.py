"""Whose deliveries are taken: three forms of proof, and nothing is written for anybody else."""

import json
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tasks.models import HookDelivery, Task, TaskRun
from tests.tasks.hooks.conftest import Sender, as_github, as_standard, text

BODY = json.dumps({"title": "Zürich ☂"}).encode()


def test_the_bearer_secret_starts_a_run(send: Sender, task: Task) -> None:
    answer = send({"title": "a door"})
    assert answer.status_code == 202
    run = task.runs.get()
    delivery = HookDelivery.objects.get()
    assert answer.json() == {"delivery_id": str(delivery.pk), "outcome": "started", "run_id": str(run.pk)}
    assert (run.trigger, run.status, text(task)) == ("event", "queued", "Look at a door")


def test_a_signature_as_github_makes_it_starts_a_run(send: Sender, task: Task) -> None:
    answer = send(body=BODY, X_Hub_Signature_256=as_github(send.hook.secret, BODY))
    assert (answer.status_code, text(task)) == (202, "Look at Zürich ☂")


@pytest.mark.parametrize("prefix", ["webhook", "svix"])
def test_a_signature_of_standard_webhooks_starts_a_run(send: Sender, task: Task, prefix: str) -> None:
    now = int(time.time())
    right = as_standard(send.hook.secret, "msg_1", now, BODY)
    headers = {f"{prefix}-id": "msg_1", f"{prefix}-timestamp": str(now), f"{prefix}-signature": f"v1,AAAA {right}"}
    assert send(body=BODY, **headers).status_code == 202
    assert task.runs.count() == 1


def standard(secret: str, *, age: int = 0, message_id: str = "msg_1", body: bytes = BODY) -> dict[str, str]:
    timestamp = int(time.time()) - age
    signature = as_standard(secret, message_id, timestamp, body)
    return {"webhook-id": "msg_1", "webhook-timestamp": str(timestamp), "webhook-signature": signature}


WRONG: list[Callable[[str], dict[str, str]]] = [
    lambda _secret: {"Authorization": "Bearer whsec_wrong"},
    lambda secret: {"Authorization": f"Bearer {secret}é"},
    lambda _secret: {"Authorization": "Basic YTpi"},
    lambda _secret: {"X-Hub-Signature-256": as_github("another", BODY)},
    lambda secret: {"X-Hub-Signature-256": as_github(secret, BODY + b" ")},
    lambda _secret: {"X-Hub-Signature-256": ""},
    lambda secret: standard(secret, message_id="another"),
    lambda secret: standard(secret, body=b"{}"),
    lambda secret: standard(secret, age=301),
    lambda secret: standard(secret, age=-310),
    lambda secret: {**standard(secret), "webhook-timestamp": "soon"},
    lambda secret: {**standard(secret), "webhook-timestamp": "9" * 400},
    # One good proof beside a bad one is no proof: somebody tampered with it.
    lambda secret: {"Authorization": f"Bearer {secret}", "X-Hub-Signature-256": as_github("another", BODY)},
]


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_a_wrong_signature_costs_the_sender_a_401_and_us_no_write(send: Sender, number: int) -> None:
    headers = WRONG[number](send.hook.secret)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        answer = send(body=BODY, **headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "not_signed")
    assert [query["sql"].split()[0] for query in queries] == ["SELECT"]
    assert not HookDelivery.objects.exists() and not TaskRun.objects.exists()


def test_the_secret_of_one_hook_does_not_open_another(
    send: Sender, task: Task, make_hook: Callable[[Task], Sender]
) -> None:
    other = make_hook(task)
    assert send(body=BODY, Authorization=f"Bearer {other.hook.secret}").status_code == 401


@pytest.mark.parametrize("hook_id", [str(uuid4()), "nothing", "%00", "../../admin"])
def test_an_unknown_hook_is_a_404_in_the_one_error_shape(db: None, hook_id: str) -> None:
    answer = Client().post(f"/hooks/{hook_id}/", b"{}", content_type="application/json")
    if answer["Content-Type"].startswith("application/json"):
        assert answer.json()["error"]["code"] == "not_found"
    assert answer.status_code == 404


def test_a_removed_hook_is_unknown(send: Sender) -> None:
    secret = send.hook.secret
    pk = send.hook.pk
    send.hook.delete()
    send.hook.pk = pk
    assert send({"title": "x"}, Authorization=f"Bearer {secret}").status_code == 404


@pytest.mark.parametrize("method", ["get", "put", "delete", "head"])
def test_only_post_is_taken(send: Sender, method: str) -> None:
    answer: Any = getattr(send.client, method)(f"/hooks/{send.hook.pk}/")
    assert (answer.status_code, answer["Allow"]) == (405, "POST")


def test_the_address_works_without_its_slash_and_needs_no_session(send: Sender) -> None:
    client = Client(enforce_csrf_checks=True)
    headers = {"Authorization": f"Bearer {send.hook.secret}"}
    answer = client.post(f"/hooks/{send.hook.pk}", BODY, content_type="application/json", headers=headers)
    assert answer.status_code == 202
    assert not answer.cookies
