"""Tasks that name their agents become a plan."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from uuid import UUID

from django.contrib.auth.models import User

from conversations import journal
from conversations.ids import new_id
from conversations.models import Conversation
from tasks.errors import InvalidInput
from tasks.models import ExecutionPlan
from tasks.requests.drafts import draft, enabled, opening, there
from tasks.schemas.inputs import TaskIn
from tasks.services import TaskDraft, TaskService, order


def submit_tasks(
    conversation: Conversation, tasks: Sequence[TaskIn], *, user: User, now: datetime, query: str = ""
) -> ExecutionPlan:
    """Make a plan of tasks that name their agents. Raises `InvalidInput`, its fields named `tasks.0.agent_name`
    where there are several.

    As soon as one of them says what it depends on, all of them are a graph: the others depend on nothing.
    """
    with there(conversation):
        drafts: list[TaskDraft] = []
        keys: set[str] = set()
        graph = any(task.depends_on is not None for task in tasks)
        before = _keys_before(tasks)
        agent_of = cache(enabled)  # asked once for each name
        for number, task in enumerate(tasks):
            prefix = f"tasks.{number}." if len(tasks) > 1 else ""
            try:
                if task.key and task.key in keys:
                    raise InvalidInput({"key": ["Two tasks of one plan cannot have the same key."]})
                keys.add(task.key or "")
                drafts.append(
                    draft(
                        task,
                        task.query,
                        agent_of(task.agent_name),
                        now=now,
                        key=task.key or "",
                        depends_on=(task.depends_on or []) if graph else None,
                        keys_before=before[number],
                        on_failure=task.on_failure,
                        where=_conversation_of(task, conversation, user),
                    )
                )
            except InvalidInput as error:
                raise InvalidInput({prefix + name: texts for name, texts in error.fields.items()}) from None
        text = query or "\n".join(task.query for task in tasks)
        thread_id = new_id()
        changes = opening(conversation, thread_id, text)
        plan, more = TaskService.create_plan(conversation, drafts, user=user, query=text, now=now, thread_id=thread_id)
        journal.write([*changes, *more])
        return plan


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
