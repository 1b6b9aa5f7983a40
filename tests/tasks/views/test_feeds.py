"""The calendar that other programs read: a private link, and lines as RFC 5545 wants them."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client, override_settings

from tasks.models import CalendarFeed, Task
from tasks.views import feeds
from tasks.views.feeds import coming
from tasks.views.ical import Event, calendar
from tests.helpers.tasks import NOW, TaskMaker

FAR = datetime(2033, 5, 1, 8, 0, tzinfo=UTC)


@pytest.fixture
def link(user: User) -> str:
    """`user`'s private address, without its host."""
    return f"/feeds/{CalendarFeed.objects.create(user=user).token}.ics"


def _lines(content: bytes) -> list[str]:
    """The content lines, unfolded."""
    return content.decode().replace("\r\n ", "").removesuffix("\r\n").split("\r\n")


def _values(content: bytes, name: str) -> list[str]:
    return [line.partition(":")[2] for line in _lines(content) if line.partition(":")[0] == name]


def test_the_link_needs_no_session_and_shows_the_next_runs(client: Client, link: str, make_task: TaskMaker) -> None:
    task = make_task(schedule={"daily_time": "08:00", "timezone": "UTC", "start_at": FAR.isoformat()}, title="Tides")
    response = client.get(link)
    assert (response.status_code, response["Content-Type"]) == (200, "text/calendar; charset=utf-8")
    assert response["Referrer-Policy"] == "no-referrer"
    starts = _values(response.content, "DTSTART")
    assert starts[:2] == ["20330501T080000Z", "20330502T080000Z"]
    assert len(starts) == feeds.RUNS == len(set(_values(response.content, "UID")))
    assert set(_values(response.content, "SUMMARY")) == {"Tides"}
    assert _values(response.content, "URL")[0].endswith(f"/tasks/{task.pk}/")
    assert "RRULE" not in response.content.decode()
    assert client.get(link).content == response.content  # A calendar that is read again finds the same events.


def test_a_revoked_or_remade_link_opens_nothing_any_more(visit: Client, client: Client, user: User, link: str) -> None:
    assert visit.post("/calendar/feed/", {"act": "make", "next": "/settings/"})["Location"] == "/settings/#feed"
    assert Client().get(link).status_code == 404
    fresh = f"/feeds/{CalendarFeed.objects.get(user=user).token}.ics"
    assert Client().get(fresh).status_code == 200
    assert fresh in visit.get("/calendar/").content.decode() and fresh in visit.get("/settings/").content.decode()
    visit.post("/calendar/feed/", {"act": "revoke"})
    assert Client().get(fresh).status_code == 404
    assert fresh not in visit.get("/calendar/").content.decode()


def test_a_link_cannot_be_made_from_the_database_alone(client: Client, user: User, link: str) -> None:
    with override_settings(SECRET_KEY="another one"):
        assert client.get(link).status_code == 404
    token = link.removeprefix("/feeds/").removesuffix(".ics")
    forged = token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB")
    for wrong in (forged, token[:-1], "x", "é", "A" * 43, "%00"):
        assert client.get(f"/feeds/{wrong}.ics").status_code == 404
    assert client.get(link).status_code == 200
    assert client.post(link).status_code == 405


def test_who_may_not_sign_in_any_more_has_no_calendar(client: Client, user: User, link: str) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert client.get(link).status_code == 404


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", ""])
def test_making_a_link_leads_nowhere_else(visit: Client, elsewhere: str) -> None:
    assert visit.post("/calendar/feed/", {"act": "make", "next": elsewhere})["Location"] == "/calendar/#feed"


def test_the_next_runs_of_all_tasks_come_in_order_and_end_with_their_limits(
    user: User, make_task: TaskMaker, django_assert_num_queries: Any
) -> None:
    often = make_task(schedule={"interval_minutes": 60})
    few = make_task(schedule={"interval_minutes": 90, "max_runs": 2})
    make_task(schedule={"interval_minutes": 1}, paused_at=NOW)
    once = make_task(schedule={"start_at": (NOW + timedelta(minutes=100)).isoformat()})
    with django_assert_num_queries(1):
        found = coming(user, now=NOW, limit=6)
    hour = timedelta(hours=1)
    assert [(slot - NOW, task) for slot, task in found] == [
        (0 * hour, often),
        (0 * hour, few),
        (1 * hour, often),
        (1.5 * hour, few),
        (timedelta(minutes=100), once),
        (2 * hour, often),
    ]


def test_frequent_tasks_hide_no_other_in_the_calendar(user: User, make_task: TaskMaker) -> None:
    often = [make_task(schedule={"interval_minutes": 1}) for _ in range(3)]
    seldom = make_task(schedule={"start_at": (NOW + timedelta(days=30)).isoformat()})
    found = coming(user, now=NOW, limit=20)
    assert len(found) == 20
    assert found[-1] == (NOW + timedelta(days=30), seldom)
    assert [task for _, task in found[:3]] == often


def test_a_calendar_of_nothing_is_still_a_calendar(client: Client, link: str, make_task: TaskMaker) -> None:
    make_task()
    Task.objects.update(next_run_at=None, next_slot_at=None)
    lines = _lines(client.get(link).content)
    assert (lines[0], lines[-1]) == ("BEGIN:VCALENDAR", "END:VCALENDAR")
    assert "BEGIN:VTIMEZONE" in lines  # section 3.6: at least one component


def test_texts_are_escaped_and_lines_folded_between_characters() -> None:
    title = "半小时检查一次；" * 20 + r" a,b;c\d" + "\r\nnew\x00line"
    event = Event(
        uid="1@x", start=NOW, duration=timedelta(minutes=15), changed=NOW, summary=title, category="Market, data"
    )
    content = calendar("Tasks of ann", [event], refresh=timedelta(minutes=15))
    assert content.endswith(b"END:VCALENDAR\r\n") and b"\n" not in content.replace(b"\r\n", b"")
    raw = content.split(b"\r\n")
    assert max(map(len, raw)) <= 75
    for line in raw:
        line.decode()  # No character is cut in two.
    (said,) = _values(content, "SUMMARY")
    assert said == "半小时检查一次；" * 20 + r" a\,b\;c\\d" + r"\nnewline"
    assert _values(content, "CATEGORIES") == [r"Market\, data"]
    assert _values(content, "DTSTART") == ["20261102T090000Z"] == _values(content, "DTSTAMP")
    names = [re.match(r"[A-Z-]+", line) for line in _lines(content)]
    assert all(names)
