"""Events are in the outbox with what they tell of, and are sent signed, again where that fails, for a day."""

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from tasks.hooks import outgoing, watching
from tasks.models import Agent, Outgoing, Webhook
from tasks.services import TaskService
from tests.helpers.agents import Echo
from tests.helpers.receivers import Receiver, receiving
from tests.helpers.runners import sync, until
from tests.helpers.tasks import EVERY_MINUTE, MINUTE, NOW, TaskMaker, ask, fail, started, succeed
from tests.tasks.hooks.conftest import as_standard

MakeWebhook = Callable[..., Webhook]


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.ALLOW_PRIVATE_AGENTS = True
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def make_webhook(user: User, receiver: Receiver) -> MakeWebhook:
    def make(*events: str, url: str = "") -> Webhook:
        return watching.create(user=user, url=url or receiver.url, events=events, now=timezone.now())

    return make


def send(now: datetime | None = None) -> int:
    """What the runner does every second, once, in the test's own transaction."""
    now = now or timezone.now()
    parcels = outgoing.take(now=now)
    outgoing.settle(asyncio.run(outgoing.attempt(parcels, now=now)), now=now)
    return len(parcels)


def told() -> list[str]:
    return list(Outgoing.objects.filter(webhook__isnull=False).order_by("id").values_list("event", flat=True))


def test_what_is_sent_is_signed_and_holds_task_and_run(
    make_webhook: MakeWebhook, make_task: TaskMaker, receiver: Receiver
) -> None:
    webhook = make_webhook("run_finished")
    task = make_task()
    succeed(started(task), result="fine ☂")
    assert send() == 1
    headers, body = receiver.received[0]
    event = json.loads(body)
    assert (event["type"], event["timestamp"]) == ("run_finished", NOW.isoformat())
    assert (event["data"]["task"]["id"], event["data"]["task"]["status"]) == (str(task.pk), "completed")
    assert (event["data"]["run"]["status"], event["data"]["run"]["result"]) == ("succeeded", "fine ☂")
    row = Outgoing.objects.get()
    assert headers["webhook-id"] == str(row.pk)
    stamp = int(headers["webhook-timestamp"])
    assert abs(stamp - timezone.now().timestamp()) < 60
    assert headers["webhook-signature"] == as_standard(webhook.secret, str(row.pk), stamp, body)
    assert (row.status, row.response_status, row.response_excerpt, row.attempts) == ("delivered", 200, "thanks", 1)
    assert send() == 0


def test_each_event_is_told_at_its_moment(make_webhook: MakeWebhook, make_task: TaskMaker) -> None:
    make_webhook()
    once = make_task()
    ask(started(once), question="Which?")
    assert told() == ["waiting_for_input"]
    assert Outgoing.objects.get().payload["data"]["question"] == "Which?"
    fail(started(make_task()))
    assert sorted(told()[1:]) == ["run_finished", "task_failed"]
    Outgoing.objects.all().delete()
    make_task(schedule=EVERY_MINUTE)
    Agent.objects.update(enabled=False)
    TaskService.claim_due(now=NOW + MINUTE)
    assert told() == ["task_paused"]


def test_an_attempt_that_is_tried_again_is_no_end(make_webhook: MakeWebhook, make_task: TaskMaker) -> None:
    make_webhook("run_finished")
    fail(started(make_task()), retryable=True)
    assert told() == []


@pytest.mark.parametrize(
    ("notify", "heard"),
    [
        ("always", ["one", "one", "", "failed", "two"]),
        ("news", ["one", "", "failed", "two"]),
        ("findings", ["one", "failed", "two"]),
        ("failures", ["failed"]),
    ],
)
def test_a_schedule_tells_of_all_its_runs_of_findings_or_of_failures_only(
    make_webhook: MakeWebhook, make_task: TaskMaker, notify: str, heard: list[str]
) -> None:
    make_webhook("run_finished")
    task = make_task(schedule=EVERY_MINUTE, only_changes=True, notify=notify)
    for minute, said in enumerate(["one", "one", "", "failed", "two"]):
        lease = started(task, now=NOW + minute * MINUTE)
        end = fail if said == "failed" else succeed
        end(lease, now=NOW + minute * MINUTE, **({"error": said} if said == "failed" else {"result": said}))
    runs = [row.payload["data"]["run"] for row in Outgoing.objects.order_by("id")]
    assert [run["result"] or run["error"] or "" for run in runs] == heard


def test_only_what_a_webhook_wants_of_its_own_persons_tasks_is_told(
    make_webhook: MakeWebhook, make_task: TaskMaker, other_user: User, receiver: Receiver
) -> None:
    make_webhook("task_failed")
    watching.create(user=other_user, url=receiver.url, events=[], now=NOW)
    off = make_webhook("run_finished")
    Webhook.objects.filter(pk=off.pk).update(enabled=False)
    succeed(started(make_task()))
    assert told() == []


def test_what_is_rolled_back_is_not_told(make_webhook: MakeWebhook, make_task: TaskMaker) -> None:
    make_webhook("run_finished")
    lease = started(make_task())
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        succeed(lease)
        raise ZeroDivisionError
    assert told() == []


def test_a_failed_attempt_is_made_again_ever_later_and_given_up_after_a_day(
    make_webhook: MakeWebhook, receiver: Receiver
) -> None:
    webhook = make_webhook()
    receiver.answers = [500] * 20
    now = timezone.now()
    row = watching.send_test(webhook, now=now)
    waits = []
    while True:
        assert send(now) == 1
        row.refresh_from_db()
        if row.next_try_at is None:
            break
        waits.append(row.next_try_at - now)
        assert send(row.next_try_at - timedelta(seconds=1)) == 0
        now = row.next_try_at
    assert waits == list(outgoing.WAITS) == sorted(waits)
    assert timedelta(hours=18) < sum(waits, timedelta()) < timedelta(hours=30)
    assert (row.status, row.attempts, row.response_status) == ("failed", 9, 500)
    assert len({headers["webhook-id"] for headers, _ in receiver.received}) == 1


def test_a_receiver_that_comes_back_gets_it(make_webhook: MakeWebhook, receiver: Receiver) -> None:
    receiver.answers = [503]
    row = watching.send_test(make_webhook(), now=timezone.now())
    send()
    send(timezone.now() + timedelta(seconds=6))
    row.refresh_from_db()
    assert (row.status, row.attempts) == ("delivered", 2)


def test_redirects_are_not_followed(make_webhook: MakeWebhook, receiver: Receiver) -> None:
    receiver.answers = [307]
    row = watching.send_test(make_webhook(), now=timezone.now())
    send()
    row.refresh_from_db()
    assert (row.status, row.response_status, len(receiver.received)) == ("pending", 307, 1)


def test_gone_switches_the_webhook_off(make_webhook: MakeWebhook, receiver: Receiver) -> None:
    webhook = make_webhook()
    receiver.answers = [410]
    for _ in range(2):
        watching.send_test(webhook, now=timezone.now())
    send()
    webhook.refresh_from_db()
    assert not webhook.enabled
    row = watching.send_test(webhook, now=timezone.now())
    send()
    row.refresh_from_db()
    assert (row.status, row.response_excerpt) == ("failed", "The webhook was switched off.")
    assert len(receiver.received) == 2


def test_nobody_there_is_in_the_log_in_words(make_webhook: MakeWebhook) -> None:
    row = watching.send_test(make_webhook(url="http://127.0.0.1:9/"), now=timezone.now())
    send()
    row.refresh_from_db()
    assert (row.status, row.response_status) == ("pending", None)
    assert "ConnectError" in row.response_excerpt


def test_private_addresses_are_reached_only_where_the_operator_allows_it(
    make_webhook: MakeWebhook, receiver: Receiver, settings: Any
) -> None:
    webhook = make_webhook()
    settings.ALLOW_PRIVATE_AGENTS = False
    # A name may lead anywhere, and elsewhere tomorrow: the address is looked at with each delivery.
    Webhook.objects.filter(pk=webhook.pk).update(url=receiver.url.replace("127.0.0.1", "localhost"))
    row = watching.send_test(webhook, now=timezone.now())
    send()
    row.refresh_from_db()
    assert "private address" in row.response_excerpt
    assert receiver.received == []


def test_a_dead_receiver_puts_off_its_own_events_only(make_webhook: MakeWebhook, receiver: Receiver) -> None:
    dead, alive = make_webhook(url="http://127.0.0.1:9/"), make_webhook()
    now = timezone.now() - timedelta(seconds=1)
    for _ in range(outgoing.BATCH + 10):
        watching.send_test(dead, now=now)
    watching.send_test(alive, now=now + timedelta(milliseconds=1))
    assert send() == outgoing.BATCH
    assert send() == 1
    assert len(receiver.received) == 1


def test_a_sender_that_died_is_followed_by_another(make_webhook: MakeWebhook, receiver: Receiver) -> None:
    row = watching.send_test(make_webhook(), now=timezone.now())
    now = timezone.now()
    [parcel] = outgoing.take(now=now)
    assert outgoing.take(now=now + outgoing.LEASE - timedelta(seconds=1)) == []
    assert send(now + outgoing.LEASE) == 1
    # The first one was only slow: what it has to say counts no more.
    outgoing.settle([(parcel, outgoing.Answer(delivered=False, excerpt="late"))], now=now)
    row.refresh_from_db()
    assert (row.status, row.response_excerpt) == ("delivered", "thanks")


def test_an_answer_of_any_size_is_kept_in_part(make_webhook: MakeWebhook, receiver: Receiver) -> None:
    receiver.text = b"\xff\x00" + b"x" * 500_000
    row = watching.send_test(make_webhook(), now=timezone.now())
    send()
    row.refresh_from_db()
    assert (row.status, len(row.response_excerpt)) == ("delivered", outgoing.EXCERPT)


def test_the_log_is_kept_for_thirty_days(make_webhook: MakeWebhook) -> None:
    now = timezone.now()
    for age in (29, 31):
        watching.send_test(make_webhook(), now=now - timedelta(days=age))
    send(now)
    assert outgoing.forget_old(now=now) == 1
    assert Outgoing.objects.count() == 1


def test_pausing_many_costs_a_query_more_where_nobody_listens(
    make_task: TaskMaker, django_assert_max_num_queries: Any
) -> None:
    for _ in range(20):
        make_task(schedule=EVERY_MINUTE)
    Agent.objects.update(enabled=False)
    with django_assert_max_num_queries(12):
        TaskService.claim_due(now=NOW + MINUTE)
    assert not Outgoing.objects.exists()


async def test_the_runner_sends_what_its_runs_make_due(
    make_task: TaskMaker, serve_agent: Callable[..., Agent], running_runner: Any, user: User, settings: Any
) -> None:
    settings.ALLOW_PRIVATE_AGENTS = True
    await sync(serve_agent, Echo())
    with receiving() as receiver:
        await sync(watching.create, user=user, url=receiver.url, events=["run_finished"], now=timezone.now())
        await sync(make_task, now=timezone.now())
        await until(lambda: len(receiver.received) == 1)
        assert json.loads(receiver.received[0][1])["data"]["run"]["result"] == "You said: say hello"
