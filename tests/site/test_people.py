"""Who is made inactive is cut off at once, and everything goes on when they are active again."""

import asyncio
import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import Client

from conversations.hub import Close, hub
from tasks.hooks import outgoing
from tasks.models import Outgoing, Task
from tests.api_client import Program
from tests.helpers.tasks import NOW


@pytest.fixture
def switch(ana: Program, django_capture_on_commit_callbacks: Any) -> Any:
    """`switch(False)`: as admin does it, the row is saved and the transaction ends."""

    def switch(active: bool) -> None:
        ana.user.is_active = active
        with django_capture_on_commit_callbacks(execute=True):
            ana.user.save()

    return switch


def test_session_token_and_hook_open_nothing_until_they_are_back(ana: Program, switch: Any) -> None:
    task = ana.task(schedule={"on_event": True})["id"]
    hook = ana("POST", f"/tasks/{task}/hooks", {}).data
    browser = Client()
    browser.force_login(ana.user)
    headers = {"Authorization": f"Bearer {hook['secret']}"}

    def opened() -> list[int]:
        sent = Client().post(
            f"/hooks/{hook['id']}/", json.dumps({"x": 1}), content_type="application/json", headers=headers
        )
        return [ana("GET", "/tasks").status, browser.get("/tasks/").status_code, sent.status_code]

    assert opened() == [200, 200, 202]
    switch(False)
    assert opened() == [401, 302, 404]
    switch(True)
    assert opened()[::2] == [200, 202]


def test_their_tasks_rest_and_go_on(ana: Program, ben: Program, switch: Any) -> None:
    task, bens = (who.task(schedule={"interval_minutes": 60})["id"] for who in (ana, ben))

    def reasons() -> list[str]:
        return [Task.objects.get(pk=pk).paused_reason for pk in (task, bens)]

    switch(False)
    assert reasons() == ["owner_inactive", ""]
    switch(True)
    assert reasons() == ["", ""]
    assert ana("GET", f"/tasks/{task}").data["paused_at"] is None


def test_nothing_is_sent_to_them_meanwhile(ana: Program, switch: Any) -> None:
    Outgoing.objects.create(user=ana.user, event="test", payload={"subject": "s", "text": "t"}, next_try_at=NOW)
    switch(False)
    assert outgoing.take(now=NOW) == []
    switch(True)
    assert len(outgoing.take(now=NOW)) == 1


def test_a_sign_in_changes_nothing(ana: Program, django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks() as following:
        ana.user.save(update_fields=["last_login"])
    assert following == []


@pytest.mark.django_db(transaction=True)
async def test_their_open_sockets_close_and_other_peoples_stay() -> None:
    ann = await User.objects.acreate(username="ann")
    bob = await User.objects.acreate(username="bob")
    closed: dict[str, list[int]] = {"ann": [], "bob": []}
    with (
        hub.connected(ann.pk, ("session", "a"), closed["ann"].append),
        hub.connected(bob.pk, ("session", "b"), closed["bob"].append),
    ):
        ann.is_active = False
        await sync_to_async(ann.save)()
        await asyncio.sleep(0.05)
    assert closed == {"ann": [Close.SIGNED_OUT], "bob": []}
