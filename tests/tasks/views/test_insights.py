"""The insights page: what its figures add up to, whose they are, and how far back they go."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from conversations.models import Conversation
from tasks.models import Agent, Task, TaskRun
from tasks.views import figures
from tasks.views.figures import Span
from tests.helpers.tasks import HOUR, MINUTE, NOW, TaskMaker

BERLIN = ZoneInfo("Europe/Berlin")


def ran(task: Task, at: datetime, status: str = "succeeded", **columns: Any) -> TaskRun:
    """A run that was due at `at`, began two seconds later and took ten."""
    never = status in ("skipped", "missed")
    values: dict[str, Any] = {
        "trigger": "schedule",
        "agent_name": task.agent_name,
        "created_at": at,
        "ready_at": at,
        "started_at": None if never else at + timedelta(seconds=2),
        "finished_at": at if never else at + timedelta(seconds=12),
    }
    return TaskRun.objects.create(
        task=task,
        user=task.user,
        conversation=task.conversation,
        scheduled_for=at,
        status=status,
        **{**values, **columns},
    )


def past(user: User | None, span: Span = Span.DAY, now: datetime = NOW) -> figures.Past:
    moments = figures.edges(span, now=now, zone=UTC)
    return figures.past(figures.runs_of(user, since=moments[0], now=now), moments)


def test_what_ran_is_added_up_by_hour_and_agent(make_task: TaskMaker, user: User) -> None:
    Agent.objects.create(name="Other", slug="Other", url="http://127.0.0.1:9/")
    task, other = make_task(), make_task(agent_name="Other")
    ran(task, NOW - 3 * HOUR)
    ran(task, NOW - 3 * HOUR + MINUTE, "failed", error="no", finished_at=NOW - 3 * HOUR + 2 * MINUTE)
    ran(other, NOW - HOUR, "interrupted")
    ran(task, NOW - 2 * HOUR, "skipped", slots=7)
    ran(task, NOW - 2 * HOUR + MINUTE, "cancelled")
    found = past(user)
    total = found.total
    assert (total.succeeded, total.failed, total.passed_over, total.cancelled, total.ended) == (1, 2, 7, 1, 3)
    assert total.rate == pytest.approx(100 / 3)
    assert (total.longest, total.mean_time) == (58.0, pytest.approx((10 + 58 + 10) / 3))
    assert (total.latest, total.mean_lateness) == (2.0, 2.0)
    assert [part.ended for part in found.parts][-5:] == [0, 2, 0, 1, 0]
    assert [(name, sums.ended) for name, sums in found.agents] == [("Echo", 2), ("Other", 1)]


def test_of_several_attempts_the_last_one_counts(make_task: TaskMaker, user: User) -> None:
    task = make_task()
    ran(task, NOW - HOUR, "failed")
    ran(task, NOW - HOUR, "succeeded", attempt=2, trigger="retry", started_at=NOW - HOUR + MINUTE)
    total = past(user).total
    assert (total.succeeded, total.failed) == (1, 0)
    assert total.mean_lateness is None, "the wait for a retry is no lateness"


def test_what_goes_on_or_lies_further_back_is_not_counted(make_task: TaskMaker, user: User) -> None:
    task = make_task()
    ran(task, NOW - HOUR, "running", finished_at=None)
    ran(task, NOW - 25 * HOUR)
    assert past(user).total.ended == 0
    assert past(user, Span.WEEK).total.ended == 1


def test_one_person_sees_their_own_and_everybody_is_all(
    make_task: TaskMaker, user: User, other_user: User, agent: Agent
) -> None:
    ran(make_task(), NOW - HOUR)
    theirs = TaskMaker(Conversation.objects.create(user=other_user))()
    ran(theirs, NOW - HOUR, "failed")
    assert (past(user).total.succeeded, past(user).total.failed) == (1, 0)
    assert (past(other_user).total.succeeded, past(other_user).total.failed) == (0, 1)
    assert (past(None).total.succeeded, past(None).total.failed) == (1, 1)


def test_failures_that_differ_in_numbers_alone_have_one_reason(make_task: TaskMaker, user: User) -> None:
    task = make_task()
    for n in range(3):
        ran(task, NOW - HOUR + n * MINUTE, "failed", error=f"No answer within {n}.5 s from 10.0.0.{n}")
    ran(task, NOW - 2 * HOUR, "failed", error="Quota reached")
    ran(task, NOW - 3 * HOUR, "interrupted", reason="Cut by a crash")
    runs = figures.runs_of(user, since=NOW - 24 * HOUR, now=NOW)
    found = [(reason.count, reason.agent_name, reason.text) for reason in figures.reasons(runs)]
    assert [count for count, *_ in found] == [3, 1, 1]
    assert found[0][2].startswith("No answer within ")
    assert {text for _, _, text in found[1:]} == {"Quota reached", "Cut by a crash"}


def test_parts_are_hours_quarters_of_days_and_days_of_the_persons_zone() -> None:
    now = datetime(2026, 10, 25, 12, 30, tzinfo=UTC)  # Berlin turned its clocks back this night
    day = figures.edges(Span.DAY, now=now, zone=BERLIN)
    assert (len(day), day[-1] - day[0]) == (25, 24 * HOUR)
    week = figures.edges(Span.WEEK, now=now, zone=BERLIN)
    assert week[0] == datetime(2026, 10, 19, tzinfo=BERLIN)
    assert week[-1] == datetime(2026, 10, 25, 18, tzinfo=BERLIN)
    month = figures.edges(Span.MONTH, now=now, zone=BERLIN)
    assert len(month) == 31
    assert month[-1].astimezone(UTC) - month[-2].astimezone(UTC) == 25 * HOUR


@pytest.mark.parametrize(
    ("schedule", "count"),
    [
        ({"interval_minutes": 60}, 24),
        ({"interval_minutes": 1}, 24 * 60),
        ({"interval_minutes": 1, "max_runs": 70}, 70),
        ({"interval_minutes": 60, "max_runs": 5}, 5),
        ({"cron": "*/5 * * * *"}, 24 * 12),
        ({"daily_time": ["10:00", "18:00"]}, 2),
        (None, 1),
    ],
)
def test_the_coming_day_is_counted_run_by_run(make_task: TaskMaker, user: User, schedule: Any, count: int) -> None:
    make_task(**({"schedule": schedule} if schedule else {}), now=NOW)
    moments = figures.hours_ahead(now=NOW, zone=UTC)
    found = figures.coming(user, moments=moments)
    assert (sum(found.hours), found.tasks[0].count, found.left_out) == (count, count, 0)
    assert (moments[0], moments[-1], len(found.hours)) == (NOW, NOW + 24 * HOUR, len(moments) - 1)


def test_what_rests_or_comes_later_is_not_coming(make_task: TaskMaker, user: User) -> None:
    make_task(schedule={"interval_minutes": 60}, paused_at=NOW)
    make_task(schedule={"start_at": (NOW + 25 * HOUR).isoformat()})
    assert figures.coming(user, moments=figures.hours_ahead(now=NOW, zone=UTC)).tasks == []


def test_schedules_beyond_the_limit_are_told(make_task: TaskMaker, user: User, monkeypatch: Any) -> None:
    monkeypatch.setattr(figures, "SCHEDULES_MOST", 2)
    for _ in range(5):
        make_task(schedule={"interval_minutes": 60})
    found = figures.coming(user, moments=figures.hours_ahead(now=NOW, zone=UTC))
    assert (len(found.tasks), found.left_out) == (2, 3)


def test_the_page_says_rate_failures_and_what_comes(visit: Client, make_task: TaskMaker) -> None:
    now = timezone.now()
    task = make_task(schedule={"interval_minutes": 60}, title="Hourly <b>look</b>", now=now)
    for n in range(3):
        ran(task, now - (n + 1) * MINUTE)
    ran(task, now - 5 * MINUTE, "failed", error="<script>alert(1)</script> is down")
    page = visit.get("/insights/?span=24h")
    shown = page.content.decode()
    assert "75.0 %" in shown and "1 failed" in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt; is down" in shown and "<script>alert" not in shown
    assert "Hourly &lt;b&gt;look&lt;/b&gt;" in shown
    assert page.context["charts"]["runs"][0] == ["When", "succeeded", "failed", "skipped or missed"]
    assert sum(row[1] for row in page.context["charts"]["runs"][1:]) == 3


@pytest.mark.parametrize("query", ["span=century", "span=", "who=all&span=%00", "span=7d&span=30d"])
def test_an_address_that_means_nothing_shows_something(visit: Client, query: str) -> None:
    assert visit.get(f"/insights/?{query}").status_code == 200


def test_only_staff_can_look_at_everybodys(visit: Client, user: User, other_user: User, agent: Agent) -> None:
    ran(TaskMaker(Conversation.objects.create(user=other_user))(title="Theirs"), timezone.now() - MINUTE)
    page = visit.get("/insights/?who=all")
    assert (page.context["everybody"], page.context["anything"]) == (False, 0)
    assert "Everybody" not in page.content.decode()
    User.objects.filter(pk=user.pk).update(is_staff=True)
    assert visit.get("/insights/").context["anything"] == 0
    page = visit.get("/insights/?who=all")
    assert (page.context["everybody"], page.context["anything"]) == (True, 1)
