"""Objects look as the contract lists them, key by key and in that order."""

from django.utils import timezone

from tasks.models import Agent, ExecutionPlan
from tests.api_client import Program

CONVERSATION = "id title agent_name status unread pinned_at archived_at created_at updated_at"
PLAN = "id conversation_id query guidance_message status created_at tasks"
TASK = (
    "id key conversation_id plan_id thread_id agent_name title query pattern status phase schedule overlap catch_up "
    "catch_up_window_minutes on_interrupt priority max_attempts timeout_seconds deadline_at conversation_mode "
    "only_changes notify max_runs_per_day budget retention_days depends_on on_failure next_run_at paused_at "
    "paused_until paused_reason paused_note error_message created_at started_at completed_at updated_at"
)
RUN = (
    "id task_id conversation_id trigger scheduled_for for_slot attempt status slots reason started_at finished_at "
    "remote_task_id input result no_output unchanged usage error"
)
AGENT = "name slug display_name url description skills enabled max_concurrency send_mode last_seen_at last_error"


def test_a_conversation(ana: Program):
    made = ana("POST", "/conversations", {"title": " Größe  <b> ", "agent_name": "Echo"})
    assert made.status == 201
    assert list(made.data) == CONVERSATION.split()
    assert made.data["title"] == "Größe <b>"
    assert made.data["status"] == "active"
    assert made.data["created_at"].endswith("+00:00")
    assert ana("GET", f"/conversations/{made.data['id']}").data == made.data


def test_a_task_has_the_contracts_defaults(ana: Program):
    task = ana.task(key="first")
    assert list(task) == TASK.split()
    assert task["phase"] in ("queued", "scheduled")  # due at once, and claimed as soon as a runner looks
    assert {name: task[name] for name in TASK.split()[8:28] if name != "phase"} == {
        "pattern": "once",
        "status": "pending",
        "schedule": None,
        "overlap": "skip",
        "catch_up": "one",
        "catch_up_window_minutes": 1440,
        "on_interrupt": "fail",
        "priority": 5,
        "max_attempts": 3,
        "timeout_seconds": 3600,
        "deadline_at": None,
        "conversation_mode": "append",
        "only_changes": False,
        "notify": "news",
        "max_runs_per_day": None,
        "budget": None,
        "retention_days": None,
        "depends_on": [],
        "on_failure": "continue",
    }
    assert task["key"] == "first"
    assert task["paused_reason"] is None


def test_a_schedule_leaves_out_what_was_not_set(ana: Program):
    task = ana.task(schedule={"interval_minutes": 5, "timezone": "Europe/Berlin", "end_at": None})
    assert task["pattern"] == "recurring"
    assert task["on_interrupt"] == "next"
    assert task["schedule"] == {"interval_minutes": 5, "timezone": "Europe/Berlin"}


def test_once_at_a_moment_is_a_schedule_with_that_moment_alone(ana: Program):
    start = f"{timezone.now().year + 1}-05-01T09:00:00+00:00"
    task = ana.task(schedule={"start_at": start, "timezone": "UTC"})
    assert (task["pattern"], task["phase"]) == ("once", "scheduled")
    assert task["schedule"] == {"timezone": "UTC", "start_at": start}
    assert task["next_run_at"] == start


def test_a_plan_holds_its_tasks_in_order(ana: Program):
    tasks = [{"query": f"do {number}", "agent_name": "Echo", "key": f"k{number}"} for number in range(3)]
    made = ana("POST", "/plans", {"conversation_id": ana.conversation(), "query": "do all", "tasks": tasks})
    assert made.status == 201
    assert list(made.data) == PLAN.split()
    assert made.data["query"] == "do all"
    assert [task["key"] for task in made.data["tasks"]] == ["k0", "k1", "k2"]
    assert list(made.data["tasks"][0]) == TASK.split()
    assert ana("GET", f"/plans/{made.data['id']}").data == made.data


def test_a_run(ana: Program):
    task = ana.task(schedule={"interval_minutes": 5})
    run = ana("POST", f"/tasks/{task['id']}/trigger", {"query": "now"})
    assert run.status == 201
    assert list(run.data) == RUN.split()
    assert (run.data["trigger"], run.data["status"], run.data["input"]) == ("manual", "queued", "now")
    assert (run.data["attempt"], run.data["slots"]) == (1, 1)
    assert ana("GET", f"/runs/{run.data['id']}").data == run.data
    assert ana("GET", f"/tasks/{task['id']}/runs").data["items"][0] == run.data


def test_an_agent_shows_how_many_runs_it_takes_at_once(ana: Program, echo: Agent):
    agent = ana("GET", "/agents/Echo").data
    assert list(agent) == AGENT.split()
    assert agent["max_concurrency"] == 20
    assert agent["display_name"] == "Echo"
    assert agent["skills"] == [{"id": "say", "name": "Say it again"}]


def test_a_line_of_history_says_who_did_what(ana: Program):
    task = ana.task(schedule={"interval_minutes": 5})
    ana("PATCH", f"/tasks/{task['id']}", {"priority": 9})
    edit, creation = ana("GET", f"/tasks/{task['id']}/transitions").data["items"]
    assert (creation["old_status"], creation["new_status"], creation["actor"]) == (None, "pending", "ana")
    assert edit["changes"] == {"priority": {"old": 5, "new": 9}}


def test_texts_are_unescaped(ana: Program):
    text = "<script>alert('ü')</script> & “quotes” 🙂"
    task = ana.task(query=text)
    assert task["query"] == text
    assert ExecutionPlan.objects.get().orig_query == text
