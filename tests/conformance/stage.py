"""Runs scripts through the real executor, and reads what the database has of them afterwards."""

import json
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from conversations import feed
from conversations.journal import journal
from conversations.models import Conversation
from tasks.agents import connection, polling
from tasks.execution import quiet as quiet_streams
from tasks.models import Agent, Task, TaskRun
from tasks.requests import submit_message
from tasks.schemas.inputs import MessageIn
from tests.conformance.agents.raw import served_card
from tests.conformance.agents.record import order
from tests.conformance.case import Case
from tests.conformance.proxy import Fault, Plan, Proxy
from tests.conformance.servers import Served
from tests.helpers.runners import short_intervals, sync, until, working_runner
from tests.helpers.tasks import TaskMaker

ANSWER = "blue"
OWN = ("connect_agent",)
"""Tool calls that the application says itself."""
MODES = re.compile("Echo (stream|detached|poll)")
_numbers = count(1)


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One run of one case: how it is sent, how the agent says it, and what goes wrong."""

    case: Case
    mode: str = "stream"
    """`stream`, `detached`, or `poll` (an agent that does not say that it streams)."""
    dress: str = ""
    pause: int = -1
    """Events after which the agent waits until the client is back."""
    faults: tuple[Fault, ...] = ()
    go_after: int = -1
    attempts: int = 1
    key: str = field(default_factory=lambda: f"r{next(_numbers)}")

    @property
    def query(self) -> str:
        """The message that asks for it."""
        return f"{self.case.name}/{self.key}/{self.pause}/{self.dress}"

    def __str__(self) -> str:
        faults = ", ".join(f"{f.kind} {f.request}:{f.after}" for f in self.faults)
        parts = (self.case.name, self.mode, self.dress, faults, f"pause {self.pause}" if self.pause >= 0 else "")
        return " · ".join(part for part in parts if part)


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the database has of one run. Two of them are equal if a person was told the same."""

    status: str
    run_status: str
    answer: str
    """Messages and chunks, joined in order."""
    reasoning: str
    artifacts: dict[str, Any]
    others: tuple[Any, ...]
    """Tool calls and components in order."""
    questions: tuple[str, ...]
    error: str
    result: str
    items: tuple[tuple[str, str], ...] = field(compare=False, default=())
    """All of it in order, as the page shows it."""
    whole_result: str = field(compare=False, default="")
    """The result as it is: `result` is without white space where texts and other items stood in turn."""
    recovered: bool = field(compare=False, default=False)
    attempts: int = field(compare=False, default=1)
    sent: tuple[str, ...] = field(compare=False, default=())
    """The methods that the agent was asked for."""
    delivered: tuple[str, ...] = field(compare=False, default=())
    """Those that reached it."""
    hit: tuple[str, ...] = field(compare=False, default=())
    frames: int = field(compare=False, default=0)

    @property
    def words(self) -> str:
        """Everything that was said, whatever its kind."""
        return "".join(content for event, content in self.items if event in ("answer", "reasoning"))


class Stage:
    """Agents on file for one server behind a proxy, and a runner at work."""

    def __init__(self, served: Served, proxy: Proxy, user: User) -> None:
        self.served = served
        self.proxy = proxy
        self._user = user

    async def play(self, variants: Sequence[Variant]) -> list[Told]:
        """Run them side by side, answer what they ask, and return what became of each."""
        for variant in variants:
            self.proxy.plans[variant.key] = Plan(faults=variant.faults, go_after=variant.go_after)
        tasks = await sync(self._make, variants)
        open_tasks = list(zip(variants, tasks, strict=True))
        asked: dict[Any, int] = {}
        while open_tasks:
            await until(lambda: self._resting(open_tasks), f"runs did not end: {[str(v) for v, _ in open_tasks]}")
            for variant, task in list(open_tasks):
                status = await sync(self._status, task)
                if status == "waiting_input" and asked.get(task.pk, 0) < len(variant.case.turns) - 1:
                    asked[task.pk] = asked.get(task.pk, 0) + 1
                    await sync(self._answer, task)
                elif status not in ("running", "pending"):
                    open_tasks.remove((variant, task))
        await journal.flush()
        return await sync(lambda: [self._told(v, t) for v, t in zip(variants, tasks, strict=True)])

    def _make(self, variants: Sequence[Variant]) -> list[Task]:
        made = []
        for variant in variants:
            now = timezone.now()
            conversation = Conversation.objects.create(user=self._user, created_at=now, updated_at=now)
            make = TaskMaker(conversation)
            name = f"Echo {variant.mode}"
            made.append(make(now=now, query=variant.query, agent_name=name, max_attempts=variant.attempts))
        return made

    def _resting(self, open_tasks: list[tuple[Variant, Task]]) -> bool:
        found = Task.objects.filter(pk__in=[task.pk for _, task in open_tasks]).values_list("status", flat=True)
        return any(status not in ("running", "pending") for status in found)

    def _status(self, task: Task) -> str:
        return str(Task.objects.values_list("status", flat=True).get(pk=task.pk))

    def _answer(self, task: Task) -> None:
        message = MessageIn(text=ANSWER, answer_to=str(task.pk))
        conversation = Conversation.objects.get(pk=task.conversation_id)
        submit_message(conversation, message, user=self._user, now=timezone.now())

    def _told(self, variant: Variant, task: Task) -> Told:
        task.refresh_from_db()
        runs = list(TaskRun.objects.filter(task=task).order_by("id"))
        plan = self.proxy.plans[variant.key]
        return told(
            feed.page_before(task.conversation_id, None, 10_000),
            status=task.status,
            runs=runs,
            plan=plan,
        )


def told(envelopes: Sequence[Any], *, status: str, runs: Sequence[TaskRun], plan: Plan) -> Told:
    """What a transcript and its runs come to."""
    answer, reasoning, error = "", "", ""
    artifacts: dict[str, Any] = {}
    others: list[Any] = []
    questions: list[str] = []
    items: list[tuple[str, str]] = []
    recovered = False
    for envelope in envelopes:
        event, payload = envelope["event"], envelope["data"]["payload"] or {}
        recovered |= bool((envelope["data"]["metadata"] or {}).get("recovered"))
        content = MODES.sub("Echo", str(payload.get("content") or ""))
        if event in ("message_chunk", "message"):
            answer += content
            items.append(("answer", content))
        elif event.startswith("reasoning"):
            reasoning += content
            items.append(("reasoning", content))
        elif event.startswith("tool_call") and payload.get("tool_name") not in OWN:
            others.append((event, payload.get("tool_name"), payload.get("tool_result")))
            items.append((event, f"{payload.get('tool_name')}: {payload.get('tool_result')}"))
        elif event == "component_generator" and payload.get("component_type") == "artifact":
            artifacts[payload["artifact_id"]] = _artifact(payload)
            items.append(("artifact " + payload["artifact_id"], _short(artifacts[payload["artifact_id"]])))
        elif event == "component_generator":
            others.append((event, payload.get("component_type"), content))
            items.append((f"component {payload.get('component_type')}", content))
        elif event == "plan_require_user_input":
            questions.append(content)
            items.append(("question", content))
        elif event in ("task_failed", "task_cancelled"):
            error = content
            items.append((event, content))
    last = runs[-1]
    # A rejoin tells texts before artifacts, so what stood between two paragraphs may not divide them any more.
    plain = not (artifacts or others)
    return Told(
        status=status,
        run_status=last.status,
        answer=answer,
        reasoning=reasoning,
        artifacts=artifacts,
        others=tuple(others),
        questions=tuple(questions),
        error=error,
        result=last.result if plain else "".join(last.result.split()),
        items=tuple(items),
        whole_result=last.result,
        recovered=recovered,
        attempts=len(runs),
        sent=tuple(plan.requests),
        delivered=tuple(plan.delivered),
        hit=tuple(plan.hit),
        frames=plan.frames,
    )


def _artifact(payload: dict[str, Any]) -> Any:
    """An artifact without what is ours of it: where a file was put."""
    files = [{**file, "url": _where(str(file.get("url") or ""))} for file in payload.get("files", [])]
    found = {key: payload.get(key) for key in ("name", "media_type", "content", "data")}
    return {**found, "files": files}


def _where(url: str) -> str:
    return url if url.startswith("https://example.org/") else ""


def _short(artifact: dict[str, Any]) -> str:
    shown = {key: value for key, value in artifact.items() if value not in (None, "", [])}
    return "; ".join(f"{key} {json.dumps(value, ensure_ascii=False, sort_keys=True)}" for key, value in shown.items())


@asynccontextmanager
async def staged(served: Served, user: User, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """A stage for one server, with everything that waits for time waiting little."""
    quick(monkeypatch)
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(Proxy(served.url, lambda text: order(text)[1]))
        await sync(on_file, served, proxy.url)
        await stack.enter_async_context(working_runner())
        yield Stage(served, proxy, user)


def on_file(served: Served, url: str) -> None:
    """The server as three agents: one a mode."""
    for mode in ("stream", "detached", "poll"):
        name = f"Echo {mode}"
        card = served_card(name, url, served.version, streaming=mode != "poll")
        columns = {"slug": name, "url": url, "card": card, "max_concurrency": 100}
        columns["send_mode"] = "detached" if mode == "detached" else "stream"
        Agent.objects.update_or_create(name=name, defaults=columns)


def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short intervals for runner, rejoins, polls and silences."""
    short_intervals(monkeypatch)
    monkeypatch.setattr(polling, "POLL_FIRST", 0.02)
    monkeypatch.setattr(polling, "POLL_MOST", 0.1)
    monkeypatch.setattr(connection, "SUBSCRIBED_WITHIN", 0.05)
    monkeypatch.setattr(connection, "PATIENCE_AFTER_CUT", 1.0)
    monkeypatch.setattr(connection, "CALL_TIMEOUT", 2.0)
    monkeypatch.setattr(quiet_streams, "QUIET_AFTER", 0.2)
