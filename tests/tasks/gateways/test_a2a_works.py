"""Remote tasks are plans: by which ids they are found, what a list costs, what one task of several is."""

from typing import Any

import pytest
from a2a.types import ListTasksRequest, TaskState
from a2a.utils.errors import TaskNotCancelableError, TaskNotFoundError
from django.contrib.auth.models import User

from conversations.models import Conversation
from tasks.gateways.a2a import listing, works
from tasks.gateways.caller import Caller
from tasks.models import Task
from tasks.requests import submit_message
from tasks.schemas.inputs import MessageIn
from tasks.scopes import EVERYTHING
from tests.helpers.tasks import HOUR, MINUTE, NOW, TaskMaker

pytestmark = pytest.mark.django_db


@pytest.fixture
def caller(user: User) -> Caller:
    return Caller(user=user, scopes=EVERYTHING, credential=("bearer", "x"))


def listed(caller: Caller, **wanted: Any) -> list[str]:
    return [task.id for task in listing.page(caller, ListTasksRequest(**wanted)).tasks]


def test_a_plan_of_one_task_goes_by_the_tasks_id_and_is_found_by_both(caller: Caller, make_task: TaskMaker):
    task = make_task()
    assert listed(caller) == [str(task.pk)]
    for asked in (task.pk, task.plan_id):
        assert works.show(caller, str(asked)).id == str(asked)
        assert works.find(caller, str(asked)).tasks == (task,)


def test_a_plan_of_several_goes_by_its_own_id_and_each_task_is_one_by_itself(caller: Caller, make_task: TaskMaker):
    plan = make_task.plan([{"title": "a"}, {"title": "b"}])
    first, second = plan.tasks.order_by("place")
    assert listed(caller) == [str(plan.pk)]
    assert [task["title"] for task in works.show(caller, str(plan.pk)).metadata["tasks"]] == ["a", "b"]
    gone = works.cancel(caller, str(second.pk), now=NOW)
    assert gone.status == "cancelled"
    assert works.find(caller, str(plan.pk)).status != "cancelled"
    assert Task.objects.get(pk=first.pk).status == "pending"
    works.cancel(caller, str(plan.pk), now=NOW)
    assert {task.status for task in plan.tasks.all()} == {"cancelled"}
    with pytest.raises(TaskNotCancelableError):
        works.cancel(caller, str(plan.pk), now=NOW)


def test_a_plan_that_asked_before_it_had_tasks_keeps_its_own_id(caller: Caller, conversation: Conversation, agent: Any):
    plan = submit_message(conversation, MessageIn(text="every day at 9 say hello"), user=caller.user, now=NOW)
    assert works.show(caller, str(plan.pk)).status.state == TaskState.TASK_STATE_INPUT_REQUIRED
    submit_message(conversation, MessageIn(text="yes"), user=caller.user, now=NOW + MINUTE)
    assert listed(caller) == [str(plan.pk)]


def test_what_is_about_to_be_deleted_is_not_there(caller: Caller, make_task: TaskMaker, conversation: Conversation):
    task = make_task()
    Conversation.objects.filter(pk=conversation.pk).update(delete_at=NOW + HOUR)
    assert listed(caller) == []
    with pytest.raises(TaskNotFoundError):
        works.find(caller, str(task.pk))


STATES = {
    "pending": TaskState.TASK_STATE_SUBMITTED,
    "running": TaskState.TASK_STATE_WORKING,
    "waiting_input": TaskState.TASK_STATE_INPUT_REQUIRED,
    "completed": TaskState.TASK_STATE_COMPLETED,
    "failed": TaskState.TASK_STATE_FAILED,
    "cancelled": TaskState.TASK_STATE_CANCELED,
}


def test_a_list_of_one_state_has_those_and_no_others_that_show_it(caller: Caller, make_task: TaskMaker):
    plans = []
    for first in STATES:
        for second in (None, *STATES):
            plan = make_task.plan([{}] if second is None else [{}, {}])
            for task, status in zip(plan.tasks.order_by("place"), (first, second), strict=False):
                Task.objects.filter(pk=task.pk).update(status=status, next_run_at=None, next_slot_at=None)
            plans.append(str(plan.pk))
    shown = {plan: works.show(caller, plan).status.state for plan in plans}
    for state in STATES.values():
        found = {str(works.find(caller, pk).plan.pk) for pk in listed(caller, status=state, page_size=100)}
        assert found == {plan for plan, is_ in shown.items() if is_ == state}
    assert listed(caller, status=TaskState.TASK_STATE_REJECTED) == []


def test_a_list_follows_the_last_change_and_pages_lose_nothing(caller: Caller, make_task: TaskMaker):
    tasks = [make_task(now=NOW + MINUTE * (number // 2)) for number in range(7)]
    Task.objects.filter(pk=tasks[0].pk).update(updated_at=NOW + HOUR)
    seen, token = [], ""
    while True:
        page = listing.page(caller, ListTasksRequest(page_size=2, page_token=token))
        seen += [task.id for task in page.tasks]
        if not (token := page.next_page_token):
            break
    assert seen == [str(task.pk) for task in (tasks[0], *reversed(tasks[1:]))]
    after = ListTasksRequest()
    after.status_timestamp_after.FromDatetime(NOW + MINUTE * 2)
    assert [task.id for task in listing.page(caller, after).tasks] == [str(tasks[0].pk), str(tasks[6].pk)]


@pytest.mark.parametrize("artifacts", [False, True])
def test_a_list_costs_as_many_statements_for_three_as_for_one(
    caller: Caller, make_task: TaskMaker, artifacts: bool, django_assert_num_queries: Any
):
    make_task()
    wanted = ListTasksRequest(include_artifacts=artifacts)
    with django_assert_num_queries(4):
        listing.page(caller, wanted)
    make_task.plan([{}, {}])
    Task.objects.filter(pk=make_task().pk).update(status="waiting_input", next_run_at=None, next_slot_at=None)
    with django_assert_num_queries(4):
        assert len(listing.page(caller, wanted).tasks) == 3
