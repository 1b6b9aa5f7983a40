"""What the database itself keeps: constraints that no code can go round, and indexes that the hot queries use."""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, models, transaction
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from conversations import feed
from conversations.models import Conversation, ConversationItem, ItemTail
from tasks.execution import recovery
from tasks.models import Agent, Task, TaskRun
from tasks.runner import clock
from tasks.services import TaskService
from tasks.views import figures
from tests.helpers.tasks import NOW, claim, many_due

pytestmark = pytest.mark.django_db

NEVER = ("completed", "failed", "cancelled")


def refused(rows: QuerySet[Any], **columns: Any) -> None:
    """Write straight into the rows, past all code, and be refused by the database."""
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(**columns)


@pytest.mark.parametrize(
    "columns",
    [
        {"status": "sleeping"},
        {"overlap": "perhaps"},
        {"catch_up": "some"},
        {"priority": 10},
        {"max_attempts": 0},
        {"pattern": "recurring"},
        {"pattern": "often"},
        {"interval_minutes": 5},
        {"pattern": "recurring", "interval_minutes": 0},
        {"pattern": "recurring", "interval_minutes": 5, "crons": ["* * * * *"]},
        {"pattern": "recurring", "daily_times": ["09:00"], "crons": ["* * * * *"]},
        {"pattern": "recurring", "interval_minutes": 5, "on_event": True},
        {"on_event": True},
        *({"status": status, "next_run_at": NOW} for status in NEVER),
    ],
    ids=str,
)
def test_the_database_refuses_tasks_that_make_no_sense(task: Task, columns: dict[str, Any]) -> None:
    refused(Task.objects.filter(pk=task.pk), **columns)


@pytest.mark.parametrize(
    "columns",
    [{"status": "asleep"}, {"trigger": "mood"}, {"slots": 0}, {"task": None}, {"conversation": None}],
    ids=str,
)
def test_the_database_refuses_runs_that_make_no_sense(task: Task, columns: dict[str, Any]) -> None:
    claim()
    refused(TaskRun.objects.all(), **columns)


@pytest.mark.parametrize("trigger", ["schedule", "catch_up", "retry"])
def test_a_slot_has_one_run_an_attempt_whatever_started_it(task: Task, trigger: str) -> None:
    claim()
    run = TaskRun.objects.get()
    again = {"task": task, "user": task.user, "conversation": task.conversation, "agent_name": "Echo"}
    again["scheduled_for"] = run.scheduled_for
    with pytest.raises(IntegrityError), transaction.atomic():
        TaskRun.objects.create(**again, trigger=trigger, status="queued")
    TaskRun.objects.create(**again, trigger=trigger, status="queued", attempt=2)


def test_runs_by_hand_take_no_slot(task: Task) -> None:
    claim()
    run = TaskRun.objects.get()
    for _ in range(2):
        TaskRun.objects.create(
            task=task,
            user=task.user,
            conversation=task.conversation,
            scheduled_for=run.scheduled_for,
            agent_name="Echo",
            trigger="manual",
            status="queued",
        )


def test_a_conversation_has_a_known_status(conversation: Conversation) -> None:
    refused(Conversation.objects.all(), status="asleep")


def test_an_agents_name_is_its_own(agent: Agent) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Agent.objects.create(name=agent.name, slug="other", url="http://127.0.0.1:9/")


# --- indexes ---

MODELS = (Conversation, ConversationItem, ItemTail, Task, TaskRun)
TABLES = {model._meta.db_table for model in MODELS}
PARTIAL = {index.name for model in MODELS for index in model._meta.indexes if index.condition is not None}
"""Indexes that hold only what is looked for: reading one of them whole is what it is for."""


def read_whole(sql: str) -> list[str]:
    """The tables (or their indexes) that the database reads from one end to the other for a statement."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}")
            return list(_seq_scans(cursor.fetchone()[0][0]["Plan"]))
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        lines = [row[-1] for row in cursor.fetchall()]
    scans = [re.match(r"SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?", line) for line in lines]
    return [scan[0] for scan in scans if scan and scan[1] in TABLES and scan[2] not in PARTIAL]


def _seq_scans(node: dict[str, Any]) -> Iterable[str]:
    if node["Node Type"] == "Seq Scan" and node["Relation Name"] in TABLES:
        yield f"Seq Scan {node['Relation Name']}"
    for inner in node.get("Plans", []):
        # What is hashed once for a subquery is small or not there in a real table; its outer part is what counts.
        if inner.get("Parent Relationship") != "SubPlan":
            yield from _seq_scans(inner)


@pytest.fixture
def crowd(conversation: Conversation, agent: Agent) -> Conversation:
    """Two thousand tasks of which few are due, runs of which few go on, with the statistics that planners look at."""
    later = NOW + timedelta(days=30)
    many_due(conversation, 1900, next_run_at=later, next_slot_at=later)
    many_due(conversation, 100)
    claim()
    ended = TaskRun.objects.values("pk")[:90]
    TaskRun.objects.filter(pk__in=list(ended.values_list("pk", flat=True))).update(status="failed", finished_at=NOW)
    where = {"conversation": conversation, "event": "message", "role": "agent"}
    ConversationItem.objects.bulk_create(ConversationItem(position=n, seq=n, **where) for n in range(1, 501))
    many_due(conversation, 20)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return conversation


def looked_at(user: User | None) -> None:
    """What the insights page asks."""
    moments = figures.edges(figures.Span.MONTH, now=NOW + timedelta(hours=1), zone=UTC)
    runs = figures.runs_of(user, since=moments[0], now=NOW + timedelta(hours=1))
    figures.past(runs, moments)
    figures.reasons(runs)
    figures.coming(user, moments=figures.hours_ahead(now=NOW, zone=UTC))


def hot(conversation: Conversation) -> dict[str, Callable[[], Any]]:
    """What is asked all the time, or of large tables."""
    lists = {"user": conversation.user, "limit": 50}
    return {
        "the clock": clock._earliest,
        "the poll": clock._anything_ready,
        "a claim": lambda: TaskService.claim_due(now=NOW),
        "a lease": lambda: TaskService.start(worker="w", capacity=10, now=NOW),
        "stale runs": lambda: recovery.take_up_stale(now=NOW),
        "deadlines": lambda: recovery.miss_deadlines(now=NOW),
        "pauses": lambda: TaskService.resume_due(now=NOW),
        "who is back": TaskService.owners_back,
        "untold cancels": lambda: TaskService.tell_cancelled(now=NOW),
        "unheard cancels": lambda: recovery.due_cancels(now=NOW),
        "what changed": lambda: feed.changed_since(conversation.pk, 400, 50),
        "an older page": lambda: feed.page_before(conversation.pk, 400, 50),
        "a list": lambda: TaskService.list_tasks(**lists),
        "a list by status": lambda: TaskService.list_tasks(**lists, status="waiting_input"),
        "insights, of one person": lambda: looked_at(conversation.user),
        "insights, of everybody": lambda: looked_at(None),
        "the list of a conversation": lambda: TaskService.list_tasks(**lists, conversation_id=conversation.pk),
    }


def test_nothing_that_is_asked_all_the_time_reads_a_table_whole(crowd: Conversation) -> None:
    found: list[str] = []
    for name, ask in hot(crowd).items():
        with CaptureQueriesContext(connection) as captured:
            ask()
        statements = {query["sql"] for query in captured if query["sql"].startswith("SELECT")}
        assert statements, name
        if connection.vendor == "postgresql":
            # A test's tables are small: without this, reading them whole is right.
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL enable_seqscan = off")
        found += [f"{name}: {whole}: {sql[:1500]}" for sql in statements for whole in read_whole(sql)]
    assert not found, "\n".join(found)


def test_a_query_that_reads_a_table_whole_is_found_out(crowd: Conversation) -> None:
    with CaptureQueriesContext(connection) as captured:
        list(Task.objects.filter(title="nobody's").order_by())
    assert read_whole(captured[0]["sql"])


def test_every_foreign_key_is_kept(task: Task) -> None:
    claim()
    for model in (Task, TaskRun, ConversationItem):
        keys = [field for field in model._meta.concrete_fields if isinstance(field, models.ForeignKey)]
        assert keys
        assert all(field.db_constraint for field in keys)
