"""What admin never writes: runs, items, plans, transitions, and the status of a task."""

from typing import Any

import pytest

from conversations.models import ConversationItem
from tasks.models import ExecutionPlan, Task, TaskRun, TaskTransition
from tests.helpers.tasks import claim

PATHS: dict[Any, str] = {
    Task: "/admin/tasks/task/",
    TaskRun: "/admin/tasks/taskrun/",
    ExecutionPlan: "/admin/tasks/executionplan/",
    TaskTransition: "/admin/tasks/tasktransition/",
    ConversationItem: "/admin/conversations/conversationitem/",
}


@pytest.fixture
def rows(make_task):
    make_task(schedule={"interval_minutes": 60})
    claim()
    return {model: model.objects.first() for model in PATHS}


@pytest.mark.parametrize("model", PATHS)
def test_rows_are_looked_at_and_neither_added_changed_nor_deleted(signed_in, rows, model):
    row, path = rows[model], PATHS[model]
    before = list(model.objects.values())
    assert signed_in.get(f"{path}{row.pk}/change/").status_code == 200
    assert signed_in.get(f"{path}add/").status_code == 403
    assert signed_in.post(f"{path}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert signed_in.post(f"{path}{row.pk}/change/", {"status": "completed", "reason": "x"}).status_code == 403
    signed_in.post(path, {"action": "delete_selected", "_selected_action": [str(row.pk)], "post": "yes"})
    assert list(model.objects.values()) == before


def test_an_unknown_id_leads_back_to_the_list(signed_in, db):
    for path in PATHS.values():
        assert signed_in.get(f"{path}nonsense/change/", follow=True).status_code == 200
    assert signed_in.get("/admin/tasks/task/nonsense/cancel/").status_code == 404


def test_nobody_without_staff_rights_gets_in(client, user):
    client.force_login(user)
    assert client.get("/admin/tasks/task/").status_code == 302


def test_a_person_with_conversations_cannot_be_deleted(signed_in, conversation, user):
    assert signed_in.post(f"/admin/auth/user/{user.pk}/delete/", {"post": "yes"}).status_code == 403
    page = signed_in.get("/admin/auth/user/").content.decode()
    assert "delete_selected" not in page


def test_a_tasks_history_are_its_transitions(signed_in, make_task):
    task = make_task()
    page = signed_in.get(f"/admin/tasks/task/{task.pk}/history/", follow=True)
    assert [row.task_id for row in page.context["cl"].result_list] == [task.pk]
