"""What is done to one task from its page in admin: edit, backfill, clone, snooze, run again."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from tasks.models import Task, TaskRun, TaskTransition
from tests.helpers.tasks import fail, started
from tests.tasks.admin.conftest import TASKS

pytestmark = pytest.mark.usefixtures("agent")
YES = {"confirmed": "yes"}


@pytest.fixture
def hourly(make_task) -> Task:
    return make_task(title="Report", query="say hello", schedule={"interval_minutes": 60}, now=timezone.now())


def test_its_page_offers_every_act(signed_in, hourly):
    page = signed_in.get(f"{TASKS}{hourly.pk}/change/").content.decode()
    for name in ("run", "pause", "resume", "cancel", "run-again", "snooze", "edit", "backfill", "clone"):
        assert f"/{hourly.pk}/{name}/" in page


def test_text_and_schedule_are_edited_in_place_and_the_history_says_who(signed_in, hourly, operator):
    path = f"{TASKS}{hourly.pk}/edit/"
    page = signed_in.get(path).content.decode()
    assert "say hello" in page and "interval_minutes" in page
    schedule = {"daily_time": "09:00", "timezone": "Asia/Tokyo"}
    sent = {**YES, "title": "Report", "query": "say\r\nbye", "schedule": json.dumps(schedule)}
    assert signed_in.post(path, sent)["Location"] == f"{TASKS}{hourly.pk}/change/"
    hourly.refresh_from_db()
    assert (hourly.query, hourly.daily_times, hourly.interval_minutes) == ("say\nbye", ["09:00"], None)
    row = TaskTransition.objects.latest("id")
    assert (row.actor, sorted(row.changes)) == (operator, ["query", "schedule"])


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("query", " ", "Write what the agent should do."),
        ("query", "{{ nobody }}", "nobody"),
        ("title", "", "This field is required."),
        ("schedule", "{", "Enter a valid JSON."),
        ("schedule", "5", "Write an object"),
        ("schedule", '{"cron": "61 * * * *"}', "61"),
        ("schedule", "{}", "Taken away without another"),
    ],
)
def test_a_wrong_edit_is_said_beside_its_field_and_what_was_written_stays(signed_in, hourly, field, value, words):
    sent = {**YES, "title": "Report", "query": "kept words", "schedule": '{"interval_minutes": 30}', field: value}
    page = signed_in.post(f"{TASKS}{hourly.pk}/edit/", sent)
    assert page.status_code == 200
    assert words in page.content.decode()
    assert field == "query" or "kept words" in page.content.decode()
    hourly.refresh_from_db()
    assert (hourly.query, hourly.interval_minutes) == ("say hello", 60)


def test_an_ended_task_is_not_edited_and_the_page_says_what_happened(signed_in, hourly):
    Task.objects.update(status="failed", next_run_at=None)
    sent = {**YES, "title": "Other", "query": "x", "schedule": '{"interval_minutes": 60}'}
    page = signed_in.post(f"{TASKS}{hourly.pk}/edit/", sent).content.decode()
    assert "“Report” is failed already, so it cannot be changed." in page.replace("&#x27;", "'")


def test_a_past_range_is_made_up_for(signed_in, hourly):
    Task.objects.update(anchor_at=timezone.now() - timedelta(days=2))
    local = timezone.localtime()
    ends = {"begin": f"{local - timedelta(hours=3, minutes=30):%Y-%m-%dT%H:%M}", "to": f"{local:%Y-%m-%dT%H:%M}"}
    path = f"{TASKS}{hourly.pk}/backfill/"
    assert signed_in.post(path, {**YES, **ends}).status_code == 302
    assert set(TaskRun.objects.values_list("trigger", flat=True)) == {"backfill"}
    assert TaskRun.objects.count() in (3, 4)
    wrong = {"begin": ends["to"], "to": ends["begin"]}
    assert "It lies before the beginning" in signed_in.post(path, {**YES, **wrong}).content.decode()


def test_a_clone_belongs_to_the_same_person_and_says_who_made_it(signed_in, hourly, operator):
    path = f"{TASKS}{hourly.pk}/clone/"
    assert signed_in.get(path).status_code == 200
    assert Task.objects.count() == 1
    signed_in.post(path, {**YES, "title": "Another"})
    copy = Task.objects.exclude(pk=hourly.pk).get()
    assert (copy.title, copy.user, copy.interval_minutes) == ("Another", hourly.user, 60)
    row = copy.transitions.latest("id")
    assert (row.actor, row.reason) == (operator, "cloned from “Report”")


def test_it_is_put_off_and_a_failed_one_runs_again(signed_in, hourly, make_task):
    signed_in.post(f"{TASKS}{hourly.pk}/snooze/", {**YES, "until": "2099-01-01T09:00"})
    hourly.refresh_from_db()
    assert hourly.paused_until is not None and hourly.paused_until.year == 2099
    once = make_task(max_attempts=1)
    fail(started(once))
    signed_in.post(f"{TASKS}{once.pk}/run-again/", YES)
    once.refresh_from_db()
    assert once.status == "running"


def test_who_may_only_look_can_do_none_of_it(looker, hourly):
    for name in ("edit", "backfill", "clone", "snooze", "run-again"):
        assert looker.get(f"{TASKS}{hourly.pk}/{name}/").status_code == 403
