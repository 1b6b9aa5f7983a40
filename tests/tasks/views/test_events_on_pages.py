"""What pages show of events: a task's hooks and what came in, a person's webhooks and what went out."""

import asyncio
from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from tasks.hooks import incoming, keeping, outgoing, watching
from tasks.models import Task
from tests.helpers.tasks import EVERY_MINUTE, TaskMaker


def shown(visit: Client, path: str) -> str:
    answer = visit.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_tasks_page_lists_its_hooks_and_what_became_of_each_delivery(visit: Client, make_task: TaskMaker) -> None:
    task = make_task(now=timezone.now(), schedule={"on_event": True})
    hook = keeping.create(task.pk, wanted={"kind": ["a", "<b>"]}, rate_limit=5, actor=task.user, now=timezone.now())
    for kind in ("a", "<i>"):
        incoming.receive_sample(hook, {"kind": kind}, now=timezone.now())
    page = shown(visit, f"/tasks/{task.pk}/")
    assert hook.url in page and hook.secret not in page
    assert "kind = a or &lt;b&gt;" in page and "at most 5 a minute" in page
    assert '<span class="pill succeeded">started</span>' in page
    assert '<span class="pill skipped">filtered</span>' in page
    assert "kind is “&lt;i&gt;”." in page
    assert f"/runs/{task.runs.get().pk}/" in page


def test_a_once_task_has_no_such_section_and_an_ended_one_takes_no_more_hooks(
    visit: Client, make_task: TaskMaker
) -> None:
    assert 'id="hooks" hidden' in shown(visit, f"/tasks/{make_task().pk}/")
    task = make_task(schedule=EVERY_MINUTE)
    keeping.create(task.pk, wanted={}, rate_limit=None, actor=None, now=timezone.now())
    assert 'data-act="add"' in shown(visit, f"/tasks/{task.pk}/")
    Task.objects.filter(pk=task.pk).update(status="cancelled", next_run_at=None)
    page = shown(visit, f"/tasks/{task.pk}/")
    assert 'data-act="add"' not in page and 'data-act="remove"' in page


def test_the_settings_list_webhooks_and_what_was_sent(visit: Client, user: User, settings: Any) -> None:
    settings.ALLOW_PRIVATE_AGENTS = True
    webhook = watching.create(user=user, url="http://127.0.0.1:9/in", events=["task_failed"], now=timezone.now())
    watching.send_test(webhook, now=timezone.now())
    parcels = outgoing.take(now=timezone.now())
    outgoing.settle(asyncio.run(outgoing.attempt(parcels, now=timezone.now())), now=timezone.now())
    page = shown(visit, "/settings/")
    assert "http://127.0.0.1:9/in" in page and webhook.secret not in page
    assert "a task failed" in page and "a test" in page
    assert '<span class="pill queued">waiting</span>' in page
    assert "ConnectError" in page


def test_webhooks_of_others_are_not_shown(visit: Client, other_user: User) -> None:
    watching.create(user=other_user, url="https://receiver.example/", events=[], now=timezone.now())
    assert "receiver.example" not in shown(visit, "/settings/")
