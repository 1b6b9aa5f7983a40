"""What a message and a program's tasks have in common: drafts of tasks, the agents there are, and the opening words."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from conversations.changes import Change, Pass, Put, Scope
from conversations.events import Event, Role
from conversations.ids import new_id
from conversations.models import Conversation
from conversations.services import ConversationService
from tasks import schedules
from tasks.errors import Faults, InvalidInput, NotFound
from tasks.models import Agent
from tasks.planner import Candidate
from tasks.schedules import Schedule, ScheduleError
from tasks.schemas.inputs import MessageIn, TaskOptions
from tasks.services import TaskDraft, texts
from tasks.services.operations import options
from tasks.services.transcript import thread_started

PLANNER = "Planner"
"""Who speaks when the planner does."""
TITLE_MAX = 80


@contextmanager
def there(conversation: Conversation) -> Iterator[None]:
    """A transaction in a conversation that may be deleted at the same moment: then there is nothing, and nobody asked.

    On SQLite the look is enough, since nobody else writes until the commit; on PostgreSQL the keys of what is written
    say so.
    """
    gone = NotFound("There is no such conversation.")
    try:
        with transaction.atomic():
            if not Conversation.objects.filter(pk=conversation.pk).exists():
                raise gone
            yield
    except IntegrityError:
        if Conversation.objects.filter(pk=conversation.pk).exists():
            raise
        raise gone from None


def opening(
    conversation: Conversation, thread_id: UUID, text: str, files: Sequence[Mapping[str, Any]] = ()
) -> list[Change]:
    """What a request puts into the transcript before anybody works on it; `files` as `files.told` says them."""
    ConversationService.name_after(conversation, text)
    said = thread_started(conversation_id=conversation.pk, thread_id=thread_id, text=text, files=files)
    if conversation.last_seq:
        return [said]
    system = Scope(conversation_id=conversation.pk, role=Role.SYSTEM, thread_id=thread_id)
    return [Pass(scope=system, event=Event.CONVERSATION_STARTED), said]


def planner_says(conversation: Conversation, thread_id: UUID, text: str) -> Put:
    """A word of the planner that asks nothing."""
    scope = Scope(conversation_id=conversation.pk, role=Role.AGENT, agent_name=PLANNER, thread_id=thread_id)
    return Put(scope=scope, item_id=new_id(), event=Event.MESSAGE_CHUNK, payload={"content": text})


def draft(
    source: TaskOptions,
    query: str,
    agent_name: str,
    *,
    now: datetime,
    key: str = "",
    depends_on: Sequence[str] | None = None,
    keys_before: Sequence[str] = (),
    on_failure: str | None = None,
    where: Conversation | None = None,
) -> TaskDraft:
    """A task with the fields of `source`.

    `keys_before` are those that its text may name; the other arguments are `TaskDraft`'s. Raises `InvalidInput` for a
    bad schedule, a text that cannot be rendered, a limit that makes no sense.
    """
    faults = Faults()
    wanted: dict[str, Any] = {}
    with faults.gathered():
        wanted = options(source, now=now)
    with faults.gathered():
        when = schedule(source, now)
        field = "text" if isinstance(source, MessageIn) else "query"
        texts.check(query, recurring=when.recurring, keys=keys_before, field=field)
        first = schedules.first_slot(when, now=now, anchor=when.start_at or now)
        if first is not None and wanted.get("deadline_at") is not None and wanted["deadline_at"] <= first:
            raise InvalidInput({"deadline_at": ["It passes before the first run: give a later moment, or none."]})
    faults.stop_if_any()
    if isinstance(source, MessageIn) and source.meanwhile == "wait":
        wanted["in_line"] = True
    if on_failure:
        wanted["on_failure"] = on_failure
    return TaskDraft(
        query=query,
        agent_name=agent_name,
        title=source.title or title(query),
        schedule=when,
        key=key,
        depends_on=depends_on,
        conversation=where,
        options=wanted,
    )


def refusals(source: TaskOptions, *, now: datetime) -> None:
    """Raise `InvalidInput` with what is wrong with the schedule and the options of `source`."""
    faults = Faults()
    with faults.gathered():
        options(source, now=now)
    with faults.gathered():
        schedule(source, now)
    faults.stop_if_any()


def schedule(source: TaskOptions, now: datetime) -> Schedule:
    """The schedule that was sent along; one that runs once, at once, where none was. Raises `InvalidInput`."""
    zone = timezone.get_current_timezone_name()
    try:
        return schedules.parse(source.schedule or {}, now=now, default_timezone=zone)
    except ScheduleError as error:
        raise InvalidInput({f"schedule.{name}": texts for name, texts in error.fields.items()}) from None


def title(query: str) -> str:
    """The first line that says anything, at most `TITLE_MAX` characters."""
    line = next((line.strip() for line in query.splitlines() if line.strip()), query)
    return line if len(line) <= TITLE_MAX else line[: TITLE_MAX - 1].rstrip() + "…"


def enabled(name: str) -> str:
    """The name of the enabled agent that `name` means, or `InvalidInput` that lists those that there are."""
    if Agent.objects.enabled().filter(name=name).exists():
        return name
    known = ", ".join(Agent.objects.offered().values_list("name", flat=True)[:20]) or "none yet"
    known_but_off = Agent.objects.filter(name=name).exists()
    why = "is disabled" if known_but_off else "is not known here"
    raise InvalidInput({"agent_name": [f"The agent “{name}” {why}. Write one of these: {known}."]})


def candidates() -> list[Candidate]:
    """The agents that are offered (at least one), as a planner sees them. Raises `InvalidInput` where there is none."""
    found = [
        Candidate(
            name=agent.name,
            display_name=agent.display_name,
            description=agent.description,
            skills=agent.skills,
            passthrough=agent.planner_passthrough,
        )
        for agent in Agent.objects.offered()
    ]
    if not found:
        raise InvalidInput({"agent_name": ["No agent is enabled here yet: add one, or enable one."]})
    return found
