"""A task with a hook, and what senders elsewhere send to it."""

import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tasks.hooks import keeping
from tasks.models import Task, TaskHook, TaskRun
from tasks.services import texts
from tests.api_client import ana, ben, boss, echo  # noqa: F401 (fixtures)
from tests.helpers.tasks import TaskMaker


@dataclass(kw_only=True)
class Sender:
    """Somebody elsewhere who was given a hook's address and secret."""

    hook: TaskHook
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    def __call__(self, event: Any = None, *, body: bytes | None = None, kind: str = "application/json", **headers: str):
        """Send with the bearer secret, unless other headers are given."""
        content = json.dumps({} if event is None else event).encode() if body is None else body
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if not any("signature" in name.lower() or name == "Authorization" for name in given):
            given["Authorization"] = f"Bearer {self.hook.secret}"
        return self.client.generic("POST", f"/hooks/{self.hook.pk}/", content, content_type=kind, headers=given)

    def outcome(self, event: Any = None, **headers: str) -> str:
        """What became of it."""
        return self(event, **headers).json()["outcome"]


def text(task: Task) -> str:
    """What the agent will be sent in the latest run of `task`."""
    run = TaskRun.objects.filter(task=task).latest("id")
    return texts.written(run.task, run)


def as_github(secret: str, body: bytes) -> str:
    """The header that GitHub would send, computed as its documentation says."""
    return "sha256=" + hmac.new(secret.encode(), body, "sha256").hexdigest()


def as_standard(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The header of Standard Webhooks, computed as its specification says."""
    key = b64decode(secret.split("_", 1)[1])
    signed = b".".join([message_id.encode(), str(timestamp).encode(), body])
    return "v1," + b64encode(hmac.new(key, signed, "sha256").digest()).decode()


@pytest.fixture
def task(make_task: TaskMaker) -> Task:
    """A task that only events start."""
    return make_task(now=timezone.now(), query="Look at {{ event.title }}", schedule={"on_event": True})


@pytest.fixture
def make_hook() -> Callable[..., Sender]:
    """Makes a hook of a task, and its sender."""

    def make(task: Task, *, rate_limit: int | None = None, **wanted: Any) -> Sender:
        hook = keeping.create(
            task.pk, wanted=wanted.get("filter", {}), rate_limit=rate_limit, actor=task.user, now=timezone.now()
        )
        return Sender(hook=hook)

    return make


@pytest.fixture
def send(task: Task, make_hook: Callable[..., Sender]) -> Sender:
    """A sender to a hook of `task`."""
    return make_hook(task)
