"""Finding what a request is about: the person's own objects, and nobody else's."""

from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest

from conversations.models import Conversation
from conversations.wire import Absent, Invalid, optional_id, path_id, person
from tasks.models import ExecutionPlan, Task, TaskRun


def own_task(request: HttpRequest, task_id: str) -> Task:
    """The person's task, with its phase; raises Absent."""
    found = Task.objects.for_user(person(request)).with_phase().filter(pk=path_id(task_id)).first()
    if found is None:
        raise Absent("There is no such task here.")
    return found


def own_run(request: HttpRequest, run_id: str) -> TaskRun:
    """A run of one of the person's tasks; raises Absent."""
    found = TaskRun.objects.filter(pk=path_id(run_id), task__user=person(request)).first()
    if found is None:
        raise Absent("There is no such run here.")
    return found


def own_plans(request: HttpRequest) -> QuerySet[ExecutionPlan]:
    """The person's plans, newest first, with their tasks in order: two queries for any number."""
    tasks = Task.objects.with_phase().order_by("place")
    plans = ExecutionPlan.objects.filter(user=person(request)).order_by("-id")
    return plans.prefetch_related(Prefetch("tasks", queryset=tasks))


def own_plan(request: HttpRequest, plan_id: str) -> ExecutionPlan:
    """The person's plan; raises Absent."""
    found = own_plans(request).filter(pk=path_id(plan_id)).first()
    if found is None:
        raise Absent("There is no such plan here.")
    return found


def named_conversation(request: HttpRequest, conversation_id: str) -> Conversation:
    """The conversation that a body names; raises Invalid on `conversation_id` for none or somebody else's."""
    pk = optional_id(conversation_id)
    found = Conversation.objects.for_user(person(request)).filter(pk=pk).first() if pk else None
    if found is None:
        raise Invalid.at("conversation_id", "You have no such conversation: send the id of one of yours.")
    return found
