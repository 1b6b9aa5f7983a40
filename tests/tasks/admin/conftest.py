"""People who use admin, and what their browsers send."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from conversations.models import Conversation
from tasks.models import Task
from tests.helpers.tasks import NOW, TaskMaker

Act = Callable[..., Any]
TASKS = "/admin/tasks/task/"
CONVERSATIONS = "/admin/conversations/conversation/"


@pytest.fixture
def operator(db: None) -> User:
    """Somebody who may do everything."""
    return User.objects.create_superuser("olga")


@pytest.fixture
def signed_in(operator: User) -> Client:
    """The operator's browser."""
    client = Client()
    client.force_login(operator)
    return client


@pytest.fixture
def looker(db: None) -> Client:
    """The browser of somebody who may look at everything and change nothing."""
    user = User.objects.create_user("lou", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def act(signed_in: Client) -> Act:
    """Choose rows of a list and an action, as the list's form sends it; `confirmed`: press the button that follows,
    with what is `given` in its form.
    """

    def send(
        path: str, action: str, rows: Sequence[Any], *, confirmed: bool = True, everything: bool = False, **given: str
    ) -> Any:
        data: dict[str, Any] = {
            "action": action,
            "index": "0",
            "select_across": "1" if everything else "0",
            "_selected_action": [str(row.pk) for row in rows],
        }
        if confirmed:
            data |= {"confirmed": "yes", **given}
        return signed_in.post(path, data)

    return send


def many(conversation: Conversation, number: int, **columns: Any) -> list[Task]:
    """`number` tasks of one conversation."""
    plan = TaskMaker(conversation).plan([{"title": f"Task {nth}", **columns} for nth in range(number)], now=NOW)
    return list(plan.tasks.order_by("place"))


def messages(response: Any) -> str:
    """What admin says about it on the next page, which is looked at."""
    following = response.client.get(response["Location"])
    return " ".join(str(message) for message in following.context["messages"])
