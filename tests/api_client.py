"""Talking to the API in tests as a program does, and the people and agents that it talks about."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tasks.models import Agent
from valuecell_site import middleware
from valuecell_site.models import ApiToken
from valuecell_site.ratelimit import RateLimit


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back; `data` is the JSON, None where there is none."""

    status: int
    data: Any
    headers: Any
    content: bytes

    @property
    def error(self) -> dict[str, Any]:
        """The error's body; fails where the answer is not in the one error shape."""
        assert set(self.data) == {"error"}, self.data
        assert {"code", "message"} <= set(self.data["error"]) <= {"code", "message", "fields"}
        return self.data["error"]

    @property
    def fields(self) -> dict[str, list[str]]:
        """The wrong fields."""
        return self.error.get("fields", {})


class Program:
    """A client with one person's token."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.token = ApiToken.issue(user_id=user.pk)[1]
        self.client = Client(raise_request_exception=False)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send `body` as JSON (bytes: as they are) to `/api/v1{path}`."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        given = {"Authorization": f"Bearer {self.token}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        response = self.client.generic(
            method, f"/api/v1{path}", content, content_type="application/json", headers=given
        )
        raw = b"" if response.streaming else response.content
        return Answer(
            status=response.status_code,
            data=json.loads(raw) if raw else None,
            headers=response.headers,
            content=raw,
        )

    def conversation(self, **fields: Any) -> str:
        """The id of a new conversation."""
        return self("POST", "/conversations", fields).data["id"]

    def task(self, **fields: Any) -> dict[str, Any]:
        """A new task of the agent Echo."""
        wanted = {"query": "say hello", "agent_name": "Echo", **fields}
        if "conversation_id" not in wanted:
            wanted["conversation_id"] = self.conversation()
        answer = self("POST", "/tasks", wanted)
        assert answer.status == 201, answer.data
        return answer.data


@pytest.fixture
def echo(db: None, monkeypatch: pytest.MonkeyPatch) -> Agent:
    """An agent that is on file; nothing listens at its address. With it begins a minute in which nobody asked yet."""
    # People of different tests have the same number, and many tests fit into one minute.
    monkeypatch.setattr(middleware, "_rate", RateLimit())
    return Agent.objects.create(
        name="Echo", slug="Echo", url="http://127.0.0.1:9/", card={"skills": [{"id": "say", "name": "Say it again"}]}
    )


@pytest.fixture
def ana(echo: Agent) -> Program:
    """A person's program."""
    return Program(User.objects.create_user("ana"))


@pytest.fixture
def ben(echo: Agent) -> Program:
    """Somebody else's."""
    return Program(User.objects.create_user("ben"))


@pytest.fixture
def boss(echo: Agent) -> Program:
    """Staff."""
    return Program(User.objects.create_user("boss", is_staff=True))
