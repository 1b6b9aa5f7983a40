"""What a person types: it answers the question that it means, or starts a plan."""

from dataclasses import dataclass, replace
from datetime import datetime

from django.contrib.auth.models import User
from django.db import connection

from conversations import journal
from conversations.ids import new_id
from conversations.models import Conversation
from conversations.services import ConversationService
from tasks.errors import NotWaiting, TaskError
from tasks.models import ExecutionPlan, Task
from tasks.planner import Answer, Planned, PlannedTask, Request, Step, inquiry, next_step, planner
from tasks.requests import exchange, files
from tasks.requests.drafts import candidates, draft, enabled, opening, planner_says, schedule, there, title
from tasks.schemas.inputs import MessageIn
from tasks.services import TaskDraft, TaskService, questions, texts
from tasks.services.transcript import thread_started
from tasks.states import OnFailure


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What a planner was told before a message is carried out."""

    text: str
    """The wording that it asked about; if the exchange has come to another one meanwhile, the advice does not count."""
    planned: Planned


def consult(conversation: Conversation, message: MessageIn, *, now: datetime) -> Advice | None:
    """What the planner is told about a message by those whom it consults; for `submit_message`, which comes next.

    Takes as long as a model takes (`Planner.consult` bounds it), so it stands outside of transactions, and gives the
    database's connection back meanwhile. None: nobody is consulted, or gave anything usable; or the message is wrong
    in a way that `submit_message` will tell.
    """
    chosen = planner()
    if not chosen.consults:
        return None
    try:
        request = _exchange(conversation, message, now)
        agents = candidates()
    except TaskError:
        return None
    about = inquiry(request, agents, chosen, now=now) if request else None
    if about is None:
        return None
    if not connection.in_atomic_block:
        connection.close()
    planned = chosen.consult(about, agents)
    return Advice(text=about.text, planned=planned) if planned else None


def submit_message(
    conversation: Conversation, message: MessageIn, *, user: User, now: datetime, advice: Advice | None = None
) -> ExecutionPlan:
    """Take a message: it answers the question that it means, or starts a plan. Its tasks exist when this returns.

    Which question it means is the contract's section 3, `answer_to`. `advice` is what `consult` gave. Raises
    `InvalidInput` (unknown agent, bad schedule, foreign `answer_to`) and `NotWaiting` (that question was answered
    before).
    """
    with there(conversation):
        asked = questions.meant(conversation, message)
        if asked is not None:
            files.refuse(message.files)
        if isinstance(asked, Task):
            return _answer_task(conversation, asked, message, user=user, now=now)
        if isinstance(asked, ExecutionPlan):
            return _answer_plan(asked, message, now=now, advice=advice)
        return _start(conversation, message, user=user, now=now, advice=advice)


def _exchange(conversation: Conversation, message: MessageIn, now: datetime) -> Request | None:
    """The exchange as it will be with `message`; None where its agent is named, or it answers an agent's question."""
    asked = questions.meant(conversation, message)
    if isinstance(asked, Task):
        return None
    if isinstance(asked, ExecutionPlan):
        return exchange.kept(asked, _answer(message, now)) if asked.question else None
    if message.agent_name or conversation.agent_name:
        return None
    schedule(message, now)
    return exchange.begun(message, now=now)


def _start(
    conversation: Conversation, message: MessageIn, *, user: User, now: datetime, advice: Advice | None
) -> ExecutionPlan:
    thread_id = new_id()
    changes = opening(conversation, thread_id, message.text, files.told(message.files))
    name = message.agent_name or conversation.agent_name
    files.check(message.files, name)
    step = Step()
    if name:
        drafts = [replace(draft(message, message.text, enabled(name), now=now), files=message.files)]
    else:
        # A bad schedule is told at once, not after a question was answered.
        explicit = schedule(message, now)
        asked = _with(advice, exchange.begun(message, now=now))
        step = next_step(asked, candidates(), planner(), now=now)
        texts.check(message.text, recurring=step.recurring or explicit.recurring, field="text")
        drafts = _drafts(message, step, now)
    if step.guidance:
        changes.append(planner_says(conversation, thread_id, step.guidance))
    if drafts and message.meanwhile == "interrupt":
        TaskService.interrupt_conversation(conversation.pk, actor=user, now=now)
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
        more = [*more, exchange.ask(plan, message, asked, step)]
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


def _answer_plan(plan: ExecutionPlan, message: MessageIn, *, now: datetime, advice: Advice | None) -> ExecutionPlan:
    plan = ExecutionPlan.objects.select_for_update(of=("self",)).select_related("conversation").get(pk=plan.pk)
    if not plan.question:
        raise NotWaiting("This question was answered already.")
    said = thread_started(conversation_id=plan.conversation_id, thread_id=plan.thread_id, text=message.text)
    original = MessageIn.model_validate(plan.draft["message"])
    asked = _with(advice, exchange.kept(plan, _answer(message, now)))
    step = next_step(asked, candidates(), planner(), now=now)
    if step.question:
        # What was not understood is not kept, or every later answer would be read behind it.
        journal.write([said, exchange.ask(plan, original, asked if step.moved else exchange.kept(plan), step)])
        return plan
    drafts = _drafts(original, step, now)
    if drafts and original.meanwhile == "interrupt":
        TaskService.interrupt_conversation(plan.conversation_id, actor=plan.user, now=now)
    plan.question, plan.draft = "", {}
    plan.save(update_fields=["question", "draft"])
    told = [planner_says(plan.conversation, plan.thread_id, step.guidance)] if step.declined else []
    journal.write([said, *told, *TaskService.add_tasks(plan, drafts, now=now)])
    questions.closed([plan.conversation_id])
    return plan


def _answer(message: MessageIn, now: datetime) -> Answer:
    return Answer(text=message.text, at=now, agent_name=enabled(message.agent_name) if message.agent_name else "")


def _with(advice: Advice | None, request: Request) -> Request:
    return exchange.advised(request, advice.text, advice.planned) if advice else request


def _drafts(message: MessageIn, step: Step, now: datetime) -> list[TaskDraft]:
    """The step's tasks, with the schedule that was understood where none was sent.

    Of several, one that others depend on stops them if it fails: without its result they would be asked about nothing.
    A moment is that of the first ones; those that depend on them run when they have ended.
    """
    source = message.model_copy(update={"schedule": step.schedule}) if step.schedule else message
    if len(step.tasks) == 1:
        (task,) = step.tasks
        return [draft(source, task.query, enabled(task.agent_name), now=now)]
    source = source.model_copy(update={"title": None})
    moment = source.schedule or {}
    later = source.model_copy(update={"schedule": {key: moment[key] for key in moment if key != "start_at"}})
    needed = {key for task in step.tasks for key in task.depends_on}
    by_key = {task.key: task for task in step.tasks}
    return [
        draft(
            later if task.depends_on else source,
            _with_results(task, [by_key[key] for key in task.depends_on]),
            enabled(task.agent_name),
            now=now,
            key=task.key,
            depends_on=task.depends_on,
            keys_before=task.depends_on,
            on_failure=OnFailure.STOP if task.key in needed else None,
        )
        for task in step.tasks
    ]


def _with_results(task: PlannedTask, earlier: list[PlannedTask]) -> str:
    """The task's text, with the places for the results that it builds on (docs/schedules.md) below it."""
    places = [f"Result of “{title(other.query)}”:\n{{{{ tasks.{other.key}.result }}}}" for other in earlier]
    return "\n\n".join([task.query, *places])
