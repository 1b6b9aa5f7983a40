"""From what a person says to what will run: a message becomes a plan with tasks, or the answer to a question."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from conversations import journal
from conversations.changes import Change, Pass, Put, Scope
from conversations.events import Event, Role
from conversations.hub import hub
from conversations.ids import new_id
from conversations.models import Conversation
from conversations.services import ConversationService
from tasks import schedules
from tasks.errors import InvalidInput, NotFound, NotWaiting
from tasks.models import Agent, ExecutionPlan, Task
from tasks.planner import Answer, Candidate, Request, Step, next_step, planner
from tasks.schedules import Schedule, ScheduleError
from tasks.schemas.inputs import MessageIn, TaskIn, TaskOptions
from tasks.services import TaskDraft, TaskService, order, questions, texts
from tasks.services.operations import options
from tasks.services.transcript import thread_started

PLANNER = "Planner"
"""Who speaks when the planner does."""
TITLE_MAX = 80
GONE_CODE = 4404


def submit_message(conversation: Conversation, message: MessageIn, *, user: User, now: datetime) -> ExecutionPlan:
    """Take a message: it answers the question that it means, or starts a plan. Its tasks exist when this returns.

    Which question it means is the contract's section 3, `answer_to`. Raises `InvalidInput` (unknown agent, bad
    schedule, foreign `answer_to`) and `NotWaiting` (that question was answered before).
    """
    with _there(conversation):
        asked = questions.meant(conversation, message)
        if isinstance(asked, Task):
            return _answer_task(conversation, asked, message, user=user, now=now)
        if isinstance(asked, ExecutionPlan):
            return _answer_plan(asked, message, now=now)
        return _start(conversation, message, user=user, now=now)


def submit_tasks(
    conversation: Conversation, tasks: Sequence[TaskIn], *, user: User, now: datetime, query: str = ""
) -> ExecutionPlan:
    """Make a plan of tasks that name their agents. Raises `InvalidInput`, its fields named `tasks.0.agent_name`
    where there are several.

    As soon as one of them says what it depends on, all of them are a graph: the others depend on nothing.
    """
    with _there(conversation):
        drafts: list[TaskDraft] = []
        keys: set[str] = set()
        graph = any(task.depends_on is not None for task in tasks)
        before = _keys_before(tasks)
        for number, task in enumerate(tasks):
            prefix = f"tasks.{number}." if len(tasks) > 1 else ""
            try:
                if task.key and task.key in keys:
                    raise InvalidInput({"key": ["Two tasks of one plan cannot have the same key."]})
                keys.add(task.key or "")
                where = _conversation_of(task, conversation, user)
                drafts.append(
                    _draft(
                        task,
                        task.query,
                        _enabled(task.agent_name),
                        now=now,
                        key=task.key or "",
                        depends_on=(task.depends_on or []) if graph else None,
                        keys_before=before[number],
                        where=where,
                    )
                )
            except InvalidInput as error:
                raise InvalidInput({prefix + name: texts for name, texts in error.fields.items()}) from None
        text = query or "\n".join(task.query for task in tasks)
        thread_id = new_id()
        changes = _opening(conversation, thread_id, text)
        plan, more = TaskService.create_plan(conversation, drafts, user=user, query=text, now=now, thread_id=thread_id)
        journal.write([*changes, *more])
        return plan


@contextmanager
def _there(conversation: Conversation) -> Iterator[None]:
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


def _keys_before(tasks: Sequence[TaskIn]) -> list[list[str]]:
    """For each task the keys of those that come before it. Raises `InvalidInput` where they cannot be put in order."""
    keys = [task.key or "" for task in tasks]
    if all(task.depends_on is None for task in tasks):
        return [[key for key in keys[:number] if key] for number in range(len(keys))]
    wrong = order.problems(keys, [task.depends_on or [] for task in tasks])
    if wrong:
        prefix = "tasks.{}." if len(tasks) > 1 else ""
        raise InvalidInput({f"{prefix.format(number)}depends_on": words for number, words in wrong.items()})
    graph = {task.key: task.depends_on or [] for task in tasks if task.key}
    return [sorted(order.closure(graph, task.depends_on or ())) for task in tasks]


def delete_conversation(conversation: Conversation, *, user: User | None, now: datetime) -> None:
    """Cancel what runs in a conversation and delete it with everything in it; open pages hear that it is gone."""
    TaskService.leave_conversation(conversation.pk, actor=user, now=now)
    conversation_id = conversation.pk
    with transaction.atomic():
        conversation.delete()
        transaction.on_commit(lambda: hub.close_conversation(conversation_id, GONE_CODE))


def _start(conversation: Conversation, message: MessageIn, *, user: User, now: datetime) -> ExecutionPlan:
    thread_id = new_id()
    changes = _opening(conversation, thread_id, message.text)
    name = message.agent_name or conversation.agent_name
    step = Step()
    if name:
        drafts = [_draft(message, message.text, _enabled(name), now=now)]
    else:
        # A bad schedule is told at once, not after a question was answered.
        explicit = _schedule(message, now)
        asked = _request(message, now)
        step = next_step(asked, _candidates(), planner(), now=now)
        texts.check(message.text, recurring=step.recurring or explicit.recurring, field="text")
        drafts = _drafts(message, step, now)
    if step.guidance:
        changes.append(_planner_says(conversation, thread_id, step.guidance))
    plan, more = TaskService.create_plan(
        conversation,
        drafts,
        user=user,
        query=message.text,
        now=now,
        thread_id=thread_id,
        guidance=step.guidance,
    )
    if step.question:
        more = [*more, _ask(plan, message, asked, step)]
        ConversationService.set_waiting([conversation.pk], waiting=True)
    journal.write([*changes, *more])
    return plan


def _answer_task(
    conversation: Conversation, task: Task, message: MessageIn, *, user: User, now: datetime
) -> ExecutionPlan:
    more = TaskService.answer(task.pk, message.text, actor=user, now=now)
    said = thread_started(conversation_id=conversation.pk, thread_id=task.thread_id, text=message.text, task_id=task.pk)
    journal.write([said, *more])
    return task.plan


def _answer_plan(plan: ExecutionPlan, message: MessageIn, *, now: datetime) -> ExecutionPlan:
    plan = ExecutionPlan.objects.select_for_update(of=("self",)).select_related("conversation").get(pk=plan.pk)
    if not plan.question:
        raise NotWaiting("This question was answered already.")
    said = thread_started(conversation_id=plan.conversation_id, thread_id=plan.thread_id, text=message.text)
    original = MessageIn.model_validate(plan.draft["message"])
    agent_name = _enabled(message.agent_name) if message.agent_name else ""
    asked = _asked(plan, Answer(text=message.text, at=now, agent_name=agent_name))
    step = next_step(asked, _candidates(), planner(), now=now)
    if step.question:
        # What was not understood is not kept, or every later answer would be read behind it.
        kept = asked if step.moved else _asked(plan)
        journal.write([said, _ask(plan, original, kept, step)])
        return plan
    drafts = _drafts(original, step, now)
    plan.question, plan.draft = "", {}
    plan.save(update_fields=["question", "draft"])
    told = [_planner_says(plan.conversation, plan.thread_id, step.guidance)] if step.declined else []
    journal.write([said, *told, *TaskService.add_tasks(plan, drafts, now=now)])
    questions.closed([plan.conversation_id])
    return plan


def _request(message: MessageIn, now: datetime) -> Request:
    """A message without an agent, as the planner takes it."""
    return Request(
        text=message.text,
        said_at=now,
        timezone=timezone.get_current_timezone_name(),
        scheduled=message.schedule is not None,
    )


def _asked(plan: ExecutionPlan, *more: Answer) -> Request:
    """The exchange that a waiting plan keeps, with what was said now."""
    kept = plan.draft
    answers = [
        Answer(text=answer["text"], at=datetime.fromisoformat(answer["at"]), agent_name=answer["agent_name"])
        for answer in kept["answers"]
    ]
    return Request(
        text=kept["message"]["text"],
        said_at=datetime.fromisoformat(kept["said_at"]),
        timezone=kept["timezone"],
        scheduled=kept["message"].get("schedule") is not None,
        answers=(*answers, *more),
    )


def _drafts(message: MessageIn, step: Step, now: datetime) -> list[TaskDraft]:
    """The step's tasks, with the schedule that was understood where none was sent."""
    source = message.model_copy(update={"schedule": step.schedule}) if step.schedule else message
    return [_draft(source, task.query, _enabled(task.agent_name), now=now) for task in step.tasks]


def _opening(conversation: Conversation, thread_id: UUID, text: str) -> list[Change]:
    """What a request puts into the transcript before anybody works on it."""
    ConversationService.name_after(conversation, text)
    said = thread_started(conversation_id=conversation.pk, thread_id=thread_id, text=text)
    if conversation.last_seq:
        return [said]
    system = Scope(conversation_id=conversation.pk, role=Role.SYSTEM, thread_id=thread_id)
    return [Pass(scope=system, event=Event.CONVERSATION_STARTED), said]


def _planner_says(conversation: Conversation, thread_id: UUID, text: str) -> Put:
    scope = Scope(conversation_id=conversation.pk, role=Role.AGENT, agent_name=PLANNER, thread_id=thread_id)
    return Put(scope=scope, item_id=new_id(), event=Event.MESSAGE_CHUNK, payload={"content": text})


def _ask(plan: ExecutionPlan, message: MessageIn, asked: Request, step: Step) -> Put:
    """Let the plan wait for an answer to the step's question; returns the question's item."""
    plan.question = step.question
    plan.draft = {
        "message": message.model_dump(mode="json", exclude_unset=True),
        "said_at": asked.said_at.isoformat(),
        "timezone": asked.timezone,
        "asks": step.asks,
        "answers": [
            {"text": answer.text, "at": answer.at.isoformat(), "agent_name": answer.agent_name}
            for answer in asked.answers
        ],
    }
    plan.save(update_fields=["question", "draft"])
    # Pages offer buttons by `asks`, and show the times of `proposal` as they show any schedule's.
    metadata: dict[str, Any] = {"plan_id": str(plan.pk), "asks": step.asks}
    if step.proposal:
        metadata["proposal"] = step.proposal
    scope = Scope(conversation_id=plan.conversation_id, role=Role.AGENT, agent_name=PLANNER, thread_id=plan.thread_id)
    return Put(
        scope=scope,
        item_id=new_id(),
        event=Event.PLAN_REQUIRE_USER_INPUT,
        payload={"content": plan.question},
        metadata=metadata,
    )


def _draft(
    source: TaskOptions,
    query: str,
    agent_name: str,
    *,
    now: datetime,
    key: str = "",
    depends_on: Sequence[str] | None = None,
    keys_before: Sequence[str] = (),
    where: Conversation | None = None,
) -> TaskDraft:
    schedule = _schedule(source, now)
    field = "text" if isinstance(source, MessageIn) else "query"
    texts.check(query, recurring=schedule.recurring, keys=keys_before, field=field)
    wanted = _options(source, now)
    if isinstance(source, TaskIn) and source.on_failure:
        wanted["on_failure"] = source.on_failure
    return TaskDraft(
        query=query,
        agent_name=agent_name,
        title=source.title or _title(query),
        schedule=schedule,
        key=key,
        depends_on=depends_on,
        conversation=where,
        options=wanted,
    )


def _schedule(source: TaskOptions, now: datetime) -> Schedule:
    zone = timezone.get_current_timezone_name()
    try:
        return schedules.parse(source.schedule or {}, now=now, default_timezone=zone)
    except ScheduleError as error:
        raise InvalidInput({f"schedule.{name}": texts for name, texts in error.fields.items()}) from None


def _options(source: TaskOptions, now: datetime) -> dict[str, Any]:
    return options(source, now=now)


def _title(query: str) -> str:
    line = next((line.strip() for line in query.splitlines() if line.strip()), query)
    return line if len(line) <= TITLE_MAX else line[: TITLE_MAX - 1].rstrip() + "…"


def _enabled(name: str) -> str:
    """The name of the enabled agent that `name` means, or `InvalidInput` that lists those that there are."""
    if Agent.objects.enabled().filter(name=name).exists():
        return name
    known = ", ".join(Agent.objects.offered().values_list("name", flat=True)[:20]) or "none yet"
    known_but_off = Agent.objects.filter(name=name).exists()
    why = "is disabled" if known_but_off else "is not known here"
    raise InvalidInput({"agent_name": [f"The agent “{name}” {why}. Write one of these: {known}."]})


def _candidates() -> list[Candidate]:
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


def _conversation_of(task: TaskIn, conversation: Conversation, user: User) -> Conversation | None:
    if task.conversation_id is None or task.conversation_id == str(conversation.pk):
        return None
    try:
        found = Conversation.objects.for_user(user).filter(pk=UUID(task.conversation_id)).first()
    except ValueError:
        found = None
    if found is None:
        raise InvalidInput({"conversation_id": ["There is no such conversation."]})
    return found
