"""What a worker must know to carry out one run, read in one go, so that the exchange itself needs no ORM."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef

from conversations.changes import Response, Scope
from conversations.events import Event, made_storable
from conversations.models import ConversationItem
from tasks.agents.remote import AgentRef, Attached
from tasks.models import Agent, Task, TaskRun
from tasks.services import Lease, texts
from tasks.services.transcript import task_scope
from tasks.states import BY_SCHEDULE, RunStatus

LEAD = timedelta(milliseconds=50)
"""How long before its moment a run is claimed, leased and read, so that it begins on time; nothing of it is said or
sent before. A pause or an edit that comes later than this finds it claimed."""

ANSWER = frozenset({Event.MESSAGE_CHUNK, Event.MESSAGE})
REASONING = frozenset({Event.REASONING_STARTED, Event.REASONING, Event.REASONING_COMPLETED})
OPEN = frozenset({Event.MESSAGE_CHUNK, Event.REASONING_STARTED, Event.REASONING})
"""Events of items whose text may still have been growing."""


@dataclass(frozen=True, kw_only=True)
class OpenItem:
    """The last item of a run that is taken up again: its text goes on in the same paragraph."""

    item_id: UUID
    event: Event
    content: str


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What an earlier worker of a run left in its transcript: the router leaves out what is here already."""

    text: str = ""
    reasoning: str = ""
    components: Sequence[tuple[str, str]] = ()
    keyed: Mapping[str, UUID] = field(default_factory=dict)
    open_item: OpenItem | None = None
    said: Sequence[Response] = ()
    """All of it, item by item: the result of the run is made of this and of what follows."""


@dataclass(frozen=True, kw_only=True)
class RunContext:
    """A run as its worker needs it."""

    lease: Lease
    scope: Scope
    agent_name: str
    agent: AgentRef | None
    """None: there is no such agent, or it is disabled."""
    attempt: int
    recurring: bool
    first: bool
    """The first run of its task: the transcript shows how its agent was reached."""
    own_conversation: bool
    """The run has a conversation of its own, in which nothing was said yet."""
    text: str
    problem: str
    """Why its text cannot be sent; empty: it can."""
    answer: str
    pushes: int
    """Its agent's notifications that came in so far."""
    was_sent: bool
    remote_task_id: str
    remote_context_id: str
    context_id: str
    """What its agent calls the conversation; the conversation's own id, where it has no name of its own."""
    language: str
    timezone: str
    timeout_seconds: int
    deadline_at: datetime | None
    not_before: datetime
    stored: Stored
    files: Sequence[Attached] = ()

    def early(self, now: datetime) -> float:
        """Seconds until it may begin; at most LEAD, however the clocks of two machines differ."""
        return max(timedelta(0), min(self.not_before - now, LEAD)).total_seconds()


def load(lease: Lease) -> RunContext | None:
    """Read the context of a leased run; None if the lease does not hold any more."""
    return load_many([lease])[0]


def load_many(leases: Sequence[Lease]) -> list[RunContext | None]:
    """The same for many, in their order. What is read of all takes one query each, however many they are."""
    earlier = TaskRun.objects.filter(task=OuterRef("task"), pk__lt=OuterRef("pk"), started_at__isnull=False)
    runs = {
        run.pk: run
        for run in TaskRun.objects.select_related("task")
        .filter(pk__in=[lease.run_id for lease in leases], status=RunStatus.RUNNING)
        .annotate(is_later=Exists(earlier))
        .order_by()
    }
    names = {run.task.agent_name for run in runs.values()}
    agents = {agent.name: AgentRef.of(agent) for agent in Agent.objects.enabled().filter(name__in=names)}
    found: list[RunContext | None] = []
    for lease in leases:
        run = runs.get(lease.run_id)
        held = run is not None and run.token == lease.token
        if run is None or not held:
            found.append(None)
            continue
        agent = agents.get(run.task.agent_name)
        context_id = _agents_context(run) if agent is not None and agent.names_contexts else ""
        found.append(_context(lease, run, agent, context_id))
    return found


def _agents_context(run: TaskRun) -> str:
    """What the agent called this conversation last; empty where it has not named it yet."""
    before = TaskRun.objects.filter(conversation=run.conversation_id, agent_name=run.agent_name)
    named = before.exclude(remote_context_id="").order_by("-id").values_list("remote_context_id", flat=True)
    return named.first() or ""


def _context(lease: Lease, run: Any, agent: AgentRef | None, context_id: str) -> RunContext:
    """The context of a `run` that `load_many` read."""
    task: Task = run.task
    text, problem = _text(run, task)
    return RunContext(
        lease=lease,
        scope=task_scope(task, run),
        agent_name=task.agent_name,
        agent=agent,
        attempt=run.attempt,
        recurring=task.recurring,
        first=run.attempt == 1 and not run.is_later,
        own_conversation=run.conversation_id != task.conversation_id,
        text=text,
        problem=problem,
        answer=run.answer,
        pushes=run.pushes,
        was_sent=run.sent_at is not None,
        remote_task_id=run.remote_task_id,
        remote_context_id=run.remote_context_id,
        context_id=context_id or str(run.conversation_id),
        language=task.language,
        timezone=task.timezone,
        timeout_seconds=min(task.timeout_seconds, (agent and agent.max_seconds) or task.timeout_seconds),
        deadline_at=task.deadline_at,
        not_before=run.scheduled_for if run.trigger in BY_SCHEDULE else run.ready_at,
        stored=_stored(run, task),
        files=_files(task),
    )


def _files(task: Task) -> Sequence[Attached]:
    if not task.file_count:
        return ()
    return [
        Attached(name=file.name, media_type=file.media_type, content=bytes(file.content)) for file in task.files.all()
    ]


def _text(run: TaskRun, task: Task) -> tuple[str, str]:
    """The text to send, or why there is none. With values in it, it becomes the run's input before it leaves."""
    if run.rendered or run.sent_at is not None:
        return run.input or task.query, ""
    try:
        text = made_storable(texts.written(task, run))
    except texts.CannotRender as error:
        return run.input or task.query, str(error)
    if text != run.input:
        held = TaskRun.objects.filter(pk=run.pk, token=run.token, status=RunStatus.RUNNING)
        held.update(input=text, rendered=True)
    return text, ""


def _stored(run: TaskRun, task: Task) -> Stored:
    if run.sent_at is None:
        return Stored()
    items = (
        ConversationItem.objects.filter(run_id=run.pk, agent_name=task.agent_name)
        .order_by("position")
        .prefetch_related("tail")
    )
    text: list[str] = []
    reasoning: list[str] = []
    components: list[tuple[str, str]] = []
    keyed: dict[str, UUID] = {}
    open_item: OpenItem | None = None
    said: list[Response] = []
    for item in items:
        if item.key:
            keyed[item.key] = item.pk
        content = str(item.payload.get("content") or "") + "".join(piece.text for piece in item.tail.all())
        event = Event(item.event)
        said.append(Response(event=event, payload={**item.payload, "content": content}, key=item.key))
        # Only the last item can go on, and only if nothing but its id names it.
        open_item = OpenItem(item_id=item.pk, event=event, content=content) if event in OPEN and not item.key else None
        if event in ANSWER:
            text.append(content)
        elif event in REASONING:
            reasoning.append(content)
        elif event == Event.COMPONENT_GENERATOR and not item.key:
            components.append((str(item.payload.get("component_type")), content))
    return Stored(
        text="".join(text),
        reasoning="".join(reasoning),
        components=components,
        keyed=keyed,
        open_item=open_item,
        said=said,
    )


def goes_on_elsewhere(lease: Lease) -> bool:
    """Whether another worker has the run, or will have it: then its agent must not be told to stop."""
    return TaskRun.objects.active().filter(pk=lease.run_id).exists()
