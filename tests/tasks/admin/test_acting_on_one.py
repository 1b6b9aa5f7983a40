"""What is done to one task from its page in admin: edit, backfill, clone, snooze, run again."""

import json
import re
from datetime import timedelta

import pytest
from django.utils import timezone

from tasks import schedules
from tasks.models import Task, TaskRun, TaskTransition
from tasks.services import TaskService
from tasks.services.operations import COLUMNS
from tests.helpers.tasks import fail, started
from tests.tasks.admin.conftest import TASKS

pytestmark = pytest.mark.usefixtures("agent")
YES = {"confirmed": "yes"}


@pytest.fixture
def hourly(make_task) -> Task:
    return make_task(title="Report", query="say hello", schedule={"interval_minutes": 60}, now=timezone.now())


def as_shown(task: Task) -> dict[str, str]:
    return {"title": task.title, "query": task.query, "schedule": json.dumps(schedules.to_dict(task.schedule))}


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


def test_every_option_is_edited_and_what_was_not_sent_stays(signed_in, hourly):
    written = as_shown(hourly)
    path = f"{TASKS}{hourly.pk}/edit/"
    page = signed_in.get(path).content.decode()
    for name in COLUMNS:
        assert f'name="{name}' in page
    sent = {
        "overlap": "queue",
        "catch_up": "all",
        "catch_up_window_minutes": "90",
        "on_interrupt": "rerun",
        "priority": "9",
        "max_attempts": "5",
        "timeout_seconds": "60",
        "deadline_at": "2099-01-01T09:00",
        "conversation_mode": "new",
        "only_changes": "true",
        "notify": "failures",
        "retention_days": "7",
        "max_runs_per_day": "4",
        "budget.tokens_per_day": "1000",
        "budget.cost_per_month": "2.5",
    }
    assert signed_in.post(path, {**YES, **written, **sent}).status_code == 302
    task = TaskService.get(hourly.pk)
    assert task.deadline_at is not None and timezone.localtime(task.deadline_at).isoformat()[:16] == "2099-01-01T09:00"
    assert {name: getattr(task, name) for name in COLUMNS if name != "deadline_at"} == {
        **{name: value for name, value in sent.items() if "." not in name and name != "deadline_at"},
        "catch_up_window_minutes": 90,
        "priority": 9,
        "max_attempts": 5,
        "timeout_seconds": 60,
        "only_changes": True,
        "retention_days": 7,
        "max_runs_per_day": 4,
        "budget": {"tokens_per_day": 1000, "cost_per_month": 2.5},
    }
    row = TaskTransition.objects.latest("id")
    assert sorted(row.changes) == sorted(COLUMNS)
    # Empty takes away what need not be there; a limit of the budget that was not sent goes with its emptied field only.
    gone = {"deadline_at": "", "max_runs_per_day": "", "retention_days": "", "budget.tokens_per_day": ""}
    signed_in.post(path, {**YES, **written, **sent, **gone})
    task.refresh_from_db()
    assert (task.deadline_at, task.max_runs_per_day, task.retention_days) == (None, None, None)
    assert (task.budget, task.priority) == ({"cost_per_month": 2.5}, 9)


def test_every_wrong_option_is_said_beside_its_field_in_the_words_of_the_api(signed_in, hourly):
    written = as_shown(hourly)
    wrong = {
        "overlap": "never",
        "priority": "12",
        "max_attempts": "",
        "timeout_seconds": "soon",
        "retention_days": "-1",
        "budget.tokens_per_day": "0",
        "title": " ",
    }
    sent = {**YES, **written, **wrong}
    form = signed_in.post(f"{TASKS}{hourly.pk}/edit/", sent).context["form"]
    assert set(form.errors) == set(wrong)
    assert form.errors["priority"] == ["Write 9 or less."]
    late = {**YES, **written, "deadline_at": "2001-01-01T09:00"}
    form = signed_in.post(f"{TASKS}{hourly.pk}/edit/", late).context["form"]
    assert form.errors == {"deadline_at": ["It is past already: give a moment in the future."]}
    hourly.refresh_from_db()
    assert (hourly.priority, hourly.max_attempts, hourly.deadline_at) == (5, 3, None)


def test_a_task_that_runs_once_is_asked_for_what_has_an_effect_on_it(signed_in, make_task):
    once = make_task()
    page = signed_in.get(f"{TASKS}{once.pk}/edit/").content.decode()
    assert 'name="priority"' in page and 'name="retention_days"' in page
    assert not any(f'name="{name}' in page for name in ("overlap", "budget", "catch_up", "schedule"))
    later = make_task(schedule={"start_at": "2099-01-01T09:00:00+00:00"})
    assert 'name="catch_up"' in signed_in.get(f"{TASKS}{later.pk}/edit/").content.decode()


def test_its_page_leads_whoever_may_operate_to_the_form_that_edits_it(signed_in, looker, hourly):
    page = signed_in.get(f"{TASKS}{hourly.pk}/change/").content.decode()
    address = re.search(r'<a href="([^"]+)"[^>]*>Open and edit</a>', page)
    assert address is not None
    assert signed_in.get(address[1]).status_code == 200
    assert "Open and edit" not in looker.get(f"{TASKS}{hourly.pk}/change/").content.decode()


def test_of_an_ended_task_name_and_retention_are_asked_for_and_nothing_else(signed_in, hourly):
    Task.objects.update(status="failed", next_run_at=None)
    path = f"{TASKS}{hourly.pk}/edit/"
    form = signed_in.get(path).context["form"]
    assert set(form.fields) == {"title", "retention_days"}
    assert signed_in.post(path, {**YES, "title": "Kept", "retention_days": "0"}).status_code == 302
    hourly.refresh_from_db()
    assert (hourly.title, hourly.retention_days, hourly.status) == ("Kept", 0, "failed")


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
