"""A task's results in a feed reader: behind a private link, as text that no reader takes for markup."""

from datetime import timedelta
from urllib.parse import urlsplit
from uuid import uuid4
from xml.etree import ElementTree

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tasks.models import Task, TaskRun
from tasks.views.results_feed import ENTRIES
from tests.helpers.tasks import NOW, TaskMaker

ATOM = "{http://www.w3.org/2005/Atom}"


def _ran(task: Task, *results: str, status: str = "succeeded") -> None:
    begin = 0 if status == "succeeded" else 1000
    for number, result in enumerate(results, begin):
        at = NOW + timedelta(minutes=number)
        TaskRun.objects.create(
            task=task,
            user=task.user,
            conversation=task.conversation,
            agent_name=task.agent_name,
            trigger="schedule",
            scheduled_for=at,
            finished_at=at,
            status=status,
            result=result,
        )


def _link(visit: Client, task: Task) -> str:
    return urlsplit(visit.post(f"/tasks/{task.pk}/feed/").json()["url"]).path


def test_the_link_needs_no_session_and_shows_the_newest_results(visit: Client, make_task: TaskMaker) -> None:
    task = make_task(title="Tides & <b>waves</b>", schedule={"daily_time": "08:00"})
    _ran(task, *(f"Result {number}" for number in range(ENTRIES + 2)))
    _ran(task, "Not this", status="failed")
    link = _link(visit, task)
    assert _link(visit, task) == link
    response = Client().get(link)
    assert (response.status_code, response["Content-Type"]) == (200, "application/atom+xml; charset=utf-8")
    assert response["Referrer-Policy"] == "no-referrer"
    feed = ElementTree.fromstring(response.content)  # noqa: S314 (our own)
    entries = feed.findall(f"{ATOM}entry")
    assert feed.findtext(f"{ATOM}title") == "Tides & <b>waves</b>"
    assert len(entries) == ENTRIES
    assert entries[0].findtext(f"{ATOM}summary") == f"<p>Result {ENTRIES + 1}</p>"
    newest = TaskRun.objects.filter(status="succeeded").order_by("-id")[0]
    assert entries[0].findtext(f"{ATOM}id") == f"urn:uuid:{newest.pk}"
    assert Client().get(link).content == response.content


def test_hostile_results_stay_text(visit: Client, make_task: TaskMaker) -> None:
    task = make_task()
    _ran(task, "<script>alert(1)</script>]]>\x08\x1b[31m\ufffe one\ntwo")
    feed = ElementTree.fromstring(Client().get(_link(visit, task)).content)  # noqa: S314 (our own)
    told = feed.findtext(f"{ATOM}entry/{ATOM}summary")
    assert told == "<p>&lt;script&gt;alert(1)&lt;/script&gt;]]&gt;[31m one<br>two</p>"


def test_a_link_opens_one_task_until_it_is_revoked(visit: Client, user: User, make_task: TaskMaker) -> None:
    task, other = make_task(), make_task()
    link = _link(visit, task)
    assert Client().get(link.replace(str(task.pk), str(other.pk))).status_code == 404
    assert Client().get(link.replace(".atom", "x.atom")).status_code == 404
    assert Client().get(link.replace(str(task.pk), str(uuid4()))).status_code == 404
    user.is_active = False
    user.save()
    assert Client().get(link).status_code == 404
    user.is_active = True
    user.save()
    visit.force_login(user)
    assert Client().get(link).status_code == 200
    visit.post("/calendar/feed/", {"act": "make"})
    assert Client().get(link).status_code == 404
    fresh = _link(visit, task)
    visit.post("/calendar/feed/", {"act": "revoke"})
    assert Client().get(fresh).status_code == 404


@pytest.mark.parametrize("whose", ["nobody", "another"])
def test_only_its_owner_makes_the_link(make_task: TaskMaker, whose: str) -> None:
    task, client = make_task(), Client()
    if whose == "another":
        client.force_login(User.objects.create_user("another"))
    assert client.post(f"/tasks/{task.pk}/feed/").status_code == {"nobody": 302, "another": 404}[whose]
