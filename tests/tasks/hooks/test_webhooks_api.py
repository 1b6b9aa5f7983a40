"""Webhooks by the JSON API: made, listed, changed, tried and removed by their person alone."""

from typing import Any

import pytest
from django.utils import timezone

from tasks.hooks import outgoing
from tasks.models import Webhook
from tests.api_client import Program

URL = "https://receiver.example/in"


def test_a_webhook_is_made_with_its_secret_which_is_shown_this_once(ana: Program) -> None:
    made = ana("POST", "/webhooks", {"url": URL, "events": ["task_failed", "run_finished", "task_failed"]})
    assert made.status == 201
    assert made.data["secret"].startswith("whsec_")
    assert (made.data["events"], made.data["enabled"]) == (["run_finished", "task_failed"], True)
    listed = ana("GET", "/webhooks").data["items"]
    assert listed == [{key: value for key, value in made.data.items() if key != "secret"}]


def test_without_events_it_is_told_of_all(ana: Program) -> None:
    assert len(ana("POST", "/webhooks", {"url": URL}).data["events"]) == 5


def test_it_can_be_switched_off_and_its_events_chosen(ana: Program) -> None:
    pk = ana("POST", "/webhooks", {"url": URL}).data["id"]
    changed = ana("PATCH", f"/webhooks/{pk}", {"enabled": False, "events": ["task_paused"]})
    assert (changed.status, changed.data["enabled"], changed.data["events"]) == (200, False, ["task_paused"])
    assert ana("DELETE", f"/webhooks/{pk}").status == 204
    assert ana("GET", "/webhooks").data["items"] == []


def test_a_test_is_in_the_log_at_once_and_says_what_became_of_it(ana: Program, settings: Any) -> None:
    settings.ALLOW_PRIVATE_AGENTS = True
    pk = ana("POST", "/webhooks", {"url": "http://127.0.0.1:9/"}).data["id"]
    sent = ana("POST", f"/webhooks/{pk}/test")
    assert (sent.status, sent.data["event"], sent.data["status"], sent.data["attempts"]) == (201, "test", "pending", 0)
    [parcel] = outgoing.take(now=timezone.now())
    answer = outgoing.Answer(delivered=True, status=204)
    outgoing.settle([(parcel, answer)], now=timezone.now())
    [row] = ana("GET", f"/webhooks/{pk}/deliveries").data["items"]
    assert (row["id"], row["status"], row["response_status"], row["next_try_at"]) == (
        sent.data["id"],
        "delivered",
        204,
        None,
    )


def test_the_log_is_in_pages(ana: Program) -> None:
    pk = ana("POST", "/webhooks", {"url": URL}).data["id"]
    ids = [ana("POST", f"/webhooks/{pk}/test").data["id"] for _ in range(3)]
    first = ana("GET", f"/webhooks/{pk}/deliveries?limit=2").data
    rest = ana("GET", f"/webhooks/{pk}/deliveries?cursor={first['next_cursor']}").data
    assert [row["id"] for row in first["items"] + rest["items"]] == ids[::-1]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({}, "url"),
    ({"url": "receiver"}, "url"),
    ({"url": "ftp://receiver.example/"}, "url"),
    ({"url": "https://"}, "url"),
    ({"url": "https://[::1"}, "url"),
    ({"url": "https://a.example:99999/"}, "url"),
    ({"url": "https://ann:pw@receiver.example/"}, "url"),
    ({"url": "https://receiver.example/a b"}, "url"),
    ({"url": "http://127.0.0.1:8000/"}, "url"),
    ({"url": "http://localhost/"}, "url"),
    ({"url": "http://[::ffff:10.0.0.1]/"}, "url"),
    ({"url": "https://a.example/" + "a" * 2000}, "url"),
    ({"url": URL, "events": []}, "events"),
    ({"url": URL, "events": ["everything"]}, "events.0"),
    ({"url": URL, "secret": "mine"}, "secret"),
]


@pytest.mark.parametrize(("body", "field"), REFUSED)
def test_what_is_wrong_is_named(ana: Program, body: dict[str, Any], field: str) -> None:
    answer = ana("POST", "/webhooks", body)
    assert (answer.status, list(answer.fields)) == (422, [field])


def test_twenty_are_enough(ana: Program) -> None:
    for _ in range(20):
        assert ana("POST", "/webhooks", {"url": URL}).status == 201
    assert ana("POST", "/webhooks", {"url": URL}).error["code"] == "too_many_webhooks"


def test_webhooks_of_others_do_not_exist(ana: Program, ben: Program) -> None:
    pk = ana("POST", "/webhooks", {"url": URL}).data["id"]
    for method, path in [
        ("PATCH", f"/webhooks/{pk}"),
        ("DELETE", f"/webhooks/{pk}"),
        ("GET", f"/webhooks/{pk}/deliveries"),
        ("POST", f"/webhooks/{pk}/test"),
        ("DELETE", "/webhooks/nothing"),
    ]:
        assert ben(method, path).status == 404, path
    assert ben("GET", "/webhooks").data["items"] == []
    assert Webhook.objects.count() == 1
