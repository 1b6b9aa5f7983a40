"""Pages are for the person whose things they show: others get the answer of what does not exist."""

import uuid
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from conversations.models import Conversation
from tasks.models import Task

PAGES = ["/", "/tasks/", "/agents/", "/settings/", "/calendar/", "/insights/"]


@pytest.mark.parametrize("path", [*PAGES, f"/tasks/{uuid.uuid4()}/", f"/runs/{uuid.uuid4()}/"])
def test_nobody_is_sent_to_sign_in_and_comes_back(client: Client, db: None, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, response["Location"]) == (302, f"/accounts/login/?next={path}")


@pytest.mark.parametrize("path", PAGES)
def test_each_page_shows_for_somebody_who_has_nothing(visit: Client, path: str) -> None:
    assert visit.get(path).status_code == 200


def test_other_peoples_things_are_not_there(
    client: Client,
    other_user: User,
    conversation: Conversation,
    make_tasks: Callable[[int], list[Task]],
) -> None:
    task = make_tasks(1)[0]
    client.force_login(other_user)
    for path in (
        f"/conversations/{conversation.pk}/",
        f"/tasks/{task.pk}/",
        f"/runs/{task.runs.get(result='Result 0').pk}/",
    ):
        response = client.get(path)
        assert (response.status_code, b"There is nothing here" in response.content) == (404, True)
    assert task.title.encode() not in client.get("/tasks/").content
    assert client.get(f"/tasks/?conversation={conversation.pk}").context["rows"] == []


@pytest.mark.parametrize("path", ["/conversations/x/", "/tasks/1/", "/runs/%00/", "/no/such/page/"])
def test_what_is_no_address_is_not_there(visit: Client, path: str) -> None:
    assert visit.get(path).status_code == 404


def test_only_staff_see_disabled_agents_and_addresses(visit: Client, user: User, agent: object) -> None:
    assert b"http://127.0.0.1:9/" not in visit.get("/agents/").content
    User.objects.filter(pk=user.pk).update(is_staff=True)
    page = visit.get("/agents/").content
    assert b"http://127.0.0.1:9/" in page and b"Add agent" in page
