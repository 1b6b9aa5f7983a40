"""What a delivery may bring: JSON or a form, of a size that somebody means."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from tasks.hooks import bodies
from tasks.models import HookDelivery, Task
from tests.tasks.hooks.conftest import Sender, text

FORM = "application/x-www-form-urlencoded"


def test_a_form_is_an_event_too(send: Sender, task: Task) -> None:
    assert send(body=urlencode({"title": "a & b"}).encode(), kind=FORM).status_code == 202
    assert text(task) == "Look at a & b"


def test_a_form_may_hold_its_json_in_payload_as_githubs_does(send: Sender, task: Task) -> None:
    send(body=urlencode({"payload": json.dumps({"title": "inner"})}).encode(), kind=f"{FORM}; charset=utf-8")
    assert text(task) == "Look at inner"


def test_the_values_are_data_and_are_never_read_as_a_text_again(send: Sender, task: Task) -> None:
    title = "{{ event.secret }} {% if 1 %}{{ 7*7 }}{% endif %} <script>"
    send({"title": title, "secret": "s3cret"})
    assert text(task) == f"Look at {title}"


def test_a_name_that_is_missing_fails_that_delivery_and_says_which(send: Sender, task: Task) -> None:
    answer = send({"name": "x"})
    assert (answer.status_code, answer.json()["outcome"], answer.json()["run_id"]) == (202, "failed", None)
    assert "event.title" in HookDelivery.objects.get().reason
    assert not task.runs.exists()


def test_a_megabyte_is_taken_and_more_is_not(send: Sender, task: Task) -> None:
    frame = len(b'{"title": "x", "more": ""}')
    exact = json.dumps({"title": "x", "more": "m" * (bodies.BODY_MAX - frame)}).encode()
    assert len(exact) == bodies.BODY_MAX
    assert send(body=exact).status_code == 202
    answer = send(body=exact + b" ")
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
    assert send(body=b" " * 3_000_000).status_code == 413
    assert HookDelivery.objects.count() == 1


UNREADABLE: list[tuple[bytes, str]] = [
    (b"{", "is not JSON"),
    (b"title=x", "is not JSON"),
    (b"\xff\xfe", "not UTF-8"),
    (b"[" * 100_000, "nested too deeply"),
    (b"[" * 50 + b"]" * 50, "nested too deeply"),
    (b"NaN", "is not JSON"),
    (b"[1e999]", "too large"),
    (b"9" * 5_000, "is not JSON"),
]


@pytest.mark.parametrize("number", range(len(UNREADABLE)))
def test_a_body_that_cannot_be_read_is_a_422_that_says_why(send: Sender, number: int) -> None:
    body, says = UNREADABLE[number]
    answer = send(body=body)
    assert answer.status_code == 422
    assert says in answer.json()["error"]["fields"]["body"][0]
    assert not HookDelivery.objects.exists()


STRANGE: list[Any] = [[], "text", 5, True, [{"title": 1}], {"": {"": []}}]


@pytest.mark.parametrize("event", STRANGE)
def test_any_json_is_an_event(send: Sender, event: Any) -> None:
    assert send(event).status_code == 202
    assert HookDelivery.objects.get().payload == event


def test_nothing_at_all_is_an_empty_event(send: Sender) -> None:
    send(body=b"")
    assert HookDelivery.objects.get().payload == {}


def test_characters_that_no_database_stores_do_not_keep_an_event_out(send: Sender, task: Task) -> None:
    assert send(body=b'{"title": "a\\u0000b\\ud83d"}').status_code == 202
    assert text(task) == "Look at a\ufffdb\ufffd"


def test_a_large_event_starts_a_run_and_is_not_kept_whole(send: Sender, task: Task) -> None:
    send({"title": "x", "more": "m" * 70_000})
    assert task.runs.count() == 1
    assert HookDelivery.objects.get().payload is None
