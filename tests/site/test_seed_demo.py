"""`manage.py seed_demo`: exactly the numbers asked for, consistent with everything that the application relies on."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import pairwise

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db.models import Count, F, Max, Min

from conversations.events import ComponentType, Event
from conversations.models import Conversation, ConversationItem
from tasks import schedules
from tasks.models import Agent, ExecutionPlan, Task, TaskRun, TaskTransition
from tasks.services import TaskService
from tasks.states import TASK_ENDED, TASK_TRANSITIONS, RunStatus, TaskStatus
from valuecell_site.seeding import NotPossible, Wanted, seed

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


@pytest.fixture
def owner(db: None) -> User:
    return User.objects.create_user("ann")


@pytest.fixture
def seeded(owner: User) -> User:
    seed(owner, Wanted(conversations=12, tasks=400, items=3000, runs=1500), now=NOW)
    return owner


def made() -> tuple[int, int, int, int]:
    return tuple(model.objects.count() for model in (Conversation, Task, ConversationItem, TaskRun))  # type: ignore[return-value]


@pytest.mark.parametrize(
    "numbers",
    [
        (1, 1, 1, 1),
        (1, 1, 10, 50),
        (3, 0, 20, 0),
        (3, 7, 0, 0),
        (2, 50, 3, 0),
        (5, 40, 1000, 3),
        (4, 30, 100, 700),
        (1, 2, 2500, 2500),
        (7, 3, 0, 100),
        (2, 0, 0, 0),
        (0, 0, 0, 0),
    ],
)
def test_there_are_exactly_as_many_as_were_asked_for(owner, numbers):
    conversations, tasks, items, runs = numbers
    for seed_number in (0, 1):
        seed(
            owner, Wanted(conversations=conversations, tasks=tasks, items=items, runs=runs), now=NOW, number=seed_number
        )
    assert made() == tuple(2 * number for number in numbers)


def test_positions_and_seqs_have_no_gaps(seeded):
    figures = Conversation.objects.annotate(
        number=Count("items"), first=Min("items__position"), last=Max("items__position"), highest=Max("items__seq")
    ).values_list("last_seq", "number", "first", "last", "highest")
    assert len(figures) == 12
    for last_seq, number, first, last, highest in figures:
        assert last_seq == number == last == highest and first == 1
    assert not ConversationItem.objects.exclude(seq=F("position")).exists()


def test_a_transcript_is_told_in_the_order_of_time(seeded):
    for conversation in Conversation.objects.all():
        moments = list(conversation.items.order_by("position").values_list("created_at", flat=True))
        assert all(later > earlier - timedelta(seconds=30) for earlier, later in pairwise(moments))
    assert not ConversationItem.objects.filter(created_at__gt=NOW).exists()


def test_nothing_fires_within_hours_and_nothing_waits_for_a_worker(seeded):
    soon = NOW + timedelta(hours=6)
    assert not Task.objects.due(soon).exists()
    assert TaskService.claim_due(now=NOW) == 0
    assert not TaskRun.objects.filter(status__in=[RunStatus.QUEUED, RunStatus.RUNNING]).exists()
    assert not Task.objects.filter(untold=True).exists()


def test_a_third_is_armed_and_the_rest_is_paused_asks_or_has_ended(seeded):
    armed = Task.objects.filter(next_run_at__isnull=False, paused_at=None).count()
    paused = Task.objects.filter(paused_at__isnull=False).count()
    ended = Task.objects.filter(status__in=TASK_ENDED).count()
    asking = Task.objects.filter(status=TaskStatus.WAITING_INPUT).count()
    assert armed + paused + ended + asking == 400
    assert 0.25 < armed / 400 < 0.45 and paused > 20 and ended > 150 and asking


def test_every_schedule_is_one_that_a_person_could_have_made(seeded):
    for task in Task.objects.all():
        again = schedules.parse(schedules.to_dict(task.schedule), now=task.created_at, default_timezone="UTC")
        assert again == task.schedule
        task.full_clean(exclude=["plan", "conversation", "user"])


def test_the_next_run_of_a_schedule_is_its_next_slot(seeded):
    armed = Task.objects.filter(pattern="recurring", paused_at=None, next_run_at__isnull=False)
    assert armed.count() > 50
    for task in armed:
        assert task.next_run_at == schedules.next_after(task.schedule, NOW, anchor=task.anchor_at)


def test_runs_lie_on_slots_of_their_schedules(seeded):
    checked = 0
    for run in TaskRun.objects.filter(task__pattern="recurring").select_related("task"):
        schedule, slot = run.task.schedule, run.scheduled_for
        before = slot - timedelta(microseconds=1)
        assert schedules.next_after(schedule, before, anchor=run.task.anchor_at) == slot, run.task.schedule
        assert run.task.created_at <= slot
        checked += 1
    assert checked > 1000


def test_runs_fit_their_tasks(seeded):
    for task in Task.objects.prefetch_related("runs"):
        statuses = Counter(run.status for run in task.runs.all())
        given = sum(run.attempt == 1 and run.status not in ("skipped", "missed") for run in task.runs.all())
        assert task.run_count == given
        if task.pattern == "once" and task.status == TaskStatus.COMPLETED:
            assert statuses == {"succeeded": 1}
        if task.pattern == "once" and task.status == TaskStatus.FAILED:
            assert statuses == {"failed": 1} and task.error_message
        if task.status == TaskStatus.WAITING_INPUT:
            assert statuses == {"waiting_input": 1}
            assert task.conversation.status == Conversation.Status.REQUIRE_USER_INPUT
        if task.status == TaskStatus.PENDING:
            assert not statuses and task.started_at is None
    started = TaskRun.objects.filter(started_at__isnull=False)
    assert not started.filter(started_at__lt=F("scheduled_for")).exists()
    assert not started.filter(finished_at__lte=F("started_at")).exists()
    second = TaskRun.objects.filter(attempt=2)
    assert second and all(
        TaskRun.objects.filter(task=run.task_id, scheduled_for=run.scheduled_for, attempt=1, status="failed").exists()
        for run in second
    )


def test_the_history_of_each_task_leads_by_legal_steps_to_where_it_is(seeded):
    steps: dict[object, list[TaskTransition]] = {}
    for row in TaskTransition.objects.order_by("id"):
        steps.setdefault(row.task_id, []).append(row)
    for task in Task.objects.all():
        status = ""
        for row in steps[task.pk]:
            assert row.old_status == status
            if row.old_status and row.old_status != row.new_status:
                assert row.new_status in TASK_TRANSITIONS[TaskStatus(row.old_status)]
            status = row.new_status
        assert status == task.status


def test_plans_hold_their_tasks_in_order(seeded):
    plans = ExecutionPlan.objects.prefetch_related("tasks")
    assert sum(len(plan.tasks.all()) > 1 for plan in plans)
    for plan in plans:
        assert sorted(task.place for task in plan.tasks.all()) == list(range(len(plan.tasks.all())))
        assert {task.conversation_id for task in plan.tasks.all()} == {plan.conversation_id}
        assert plan.status


def test_items_of_all_kinds_are_there(seeded):
    assert set(ConversationItem.objects.values_list("event", flat=True)) >= {
        Event.THREAD_STARTED,
        Event.MESSAGE_CHUNK,
        Event.MESSAGE,
        Event.REASONING_COMPLETED,
        Event.TOOL_CALL_COMPLETED,
        Event.COMPONENT_GENERATOR,
        Event.PLAN_REQUIRE_USER_INPUT,
        Event.TASK_FAILED,
        Event.TASK_CANCELLED,
    }
    kinds = {item.payload["component_type"] for item in ConversationItem.objects.filter(event="component_generator")}
    assert kinds >= set(ComponentType) - {ComponentType.PROFILE, ComponentType.SUBAGENT_CONVERSATION}


def test_a_controller_shows_the_status_of_its_task(seeded):
    controllers = [
        json.loads(item.payload["content"])
        for item in ConversationItem.objects.filter(event="component_generator").exclude(key="")
        if item.payload["component_type"] == "scheduled_task_controller"
    ]
    statuses = {str(pk): status for pk, status in Task.objects.values_list("pk", "status")}
    assert len(controllers) > 100
    assert all(statuses[shown["task_id"]] == shown["task_status"] for shown in controllers)


def test_the_same_seed_gives_the_same_data(owner):
    def rows() -> list[object]:
        seed(owner, Wanted(conversations=2, tasks=20, items=50, runs=30), now=NOW, number=7)
        found: list[object] = [
            list(model.objects.order_by("pk").values()) for model in (Conversation, Task, TaskRun, ConversationItem)
        ]
        Conversation.objects.all().delete()
        return found

    assert rows() == rows()


def test_the_agents_that_tasks_name_exist(seeded):
    named = set(Task.objects.values_list("agent_name", flat=True))
    assert named <= set(Agent.objects.enabled().values_list("name", flat=True))


@pytest.mark.parametrize(
    "numbers",
    [
        {"tasks": 5},
        {"items": 5},
        {"conversations": 2, "runs": 5},
        {"conversations": -1},
        {"conversations": 1, "tasks": 2, "runs": 1_000_000},
    ],
)
def test_numbers_that_do_not_fit_together_are_refused_and_nothing_is_written(owner, numbers):
    with pytest.raises(NotPossible):
        seed(owner, Wanted(**numbers), now=NOW)
    assert made() == (0, 0, 0, 0)


def test_the_command_makes_the_person_and_says_what_it_made(db):
    out = StringIO()
    call_command("seed_demo", user="zoe", conversations=2, tasks=30, items=60, runs=40, stdout=out)
    zoe = User.objects.get(username="zoe")
    assert not zoe.has_usable_password()
    assert set(Task.objects.values_list("user", flat=True)) == {zoe.pk}
    said = out.getvalue()
    assert "changepassword zoe" in said and "have a next run in the future" in said
    assert f"{'tasks':<14}{30:>12,}" in said and f"{'items':<14}{60:>12,}" in said


def test_the_command_refuses_in_words(db):
    with pytest.raises(CommandError, match="at least one conversation"):
        call_command("seed_demo", conversations=0, tasks=3, items=0, runs=0)
