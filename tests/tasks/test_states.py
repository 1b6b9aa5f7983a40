"""The table of legal transitions, row by row, through the one function that makes them."""

import itertools
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from tasks.errors import IllegalTransition
from tasks.models import Task
from tasks.services.history import locked, move
from tasks.states import (
    RUN_ACTIVE,
    RUN_ENDED,
    RUN_TRANSITIONS,
    TASK_ENDED,
    TASK_TRANSITIONS,
    TASK_UNFINISHED,
    RunStatus,
    TaskStatus,
    run_sources,
    task_sources,
)
from tests.helpers.tasks import NOW, TaskMaker

LEGAL = [(old, new) for old, targets in TASK_TRANSITIONS.items() for new in sorted(targets)]
RUN_LEGAL = [(old, new) for old, targets in RUN_TRANSITIONS.items() for new in sorted(targets)]
ILLEGAL = [pair for pair in itertools.product(TaskStatus, TaskStatus) if pair not in LEGAL]


def _in(task: Task, status: TaskStatus) -> Task:
    Task.objects.filter(pk=task.pk).update(status=status, next_run_at=None, next_slot_at=None)
    return locked(task.pk)


def test_the_table_is_the_one_that_the_contract_and_the_documents_tell() -> None:
    assert {(str(old), str(new)) for old, new in LEGAL} == {
        ("pending", "running"),
        ("pending", "completed"),
        ("pending", "failed"),
        ("pending", "cancelled"),
        ("running", "waiting_input"),
        ("running", "completed"),
        ("running", "failed"),
        ("running", "cancelled"),
        ("waiting_input", "running"),
        ("waiting_input", "completed"),
        ("waiting_input", "failed"),
        ("waiting_input", "cancelled"),
        ("completed", "running"),
        ("failed", "running"),
        ("cancelled", "running"),
    }


@pytest.mark.parametrize(("old", "new"), LEGAL)
def test_a_legal_transition_is_made_and_is_a_row(task: Task, user: User, old: TaskStatus, new: TaskStatus) -> None:
    found = _in(task, old)
    move(found, new, now=NOW, reason="for a test", actor=user)
    task.refresh_from_db()
    assert (found.status, task.status) == (new, new)
    row = task.transitions.latest("id")
    assert (row.old_status, row.new_status, row.reason, row.actor, row.created_at) == (
        old,
        new,
        "for a test",
        user,
        NOW,
    )
    assert (task.completed_at == NOW) is (new in TASK_ENDED)


@pytest.mark.parametrize(("old", "new"), ILLEGAL)
def test_an_illegal_transition_names_the_state_found_and_changes_nothing(
    task: Task, old: TaskStatus, new: TaskStatus
) -> None:
    found = _in(task, old)
    rows = task.transitions.count()
    with pytest.raises(IllegalTransition) as refused:
        move(found, new, now=NOW)
    assert (refused.value.found, refused.value.wanted) == (old, new)
    assert str(old) in str(refused.value)
    assert task.transitions.count() == rows
    assert Task.objects.get(pk=task.pk).status == old


def test_the_loser_of_a_race_is_told_the_state_that_the_winner_left(task: Task) -> None:
    read = locked(task.pk)
    Task.objects.filter(pk=task.pk).update(status=TaskStatus.CANCELLED, next_run_at=None)
    with pytest.raises(IllegalTransition) as refused:
        move(read, TaskStatus.RUNNING, now=NOW)
    assert (refused.value.found, refused.value.wanted) == ("cancelled", "running")


def test_the_end_of_a_task_disarms_it(make_task: TaskMaker) -> None:
    task = make_task(schedule={"interval_minutes": 5, "start_at": (NOW + timedelta(hours=1)).isoformat()})
    assert task.next_run_at is not None
    move(locked(task.pk), TaskStatus.CANCELLED, now=NOW)
    task.refresh_from_db()
    assert (task.next_run_at, task.next_slot_at) == (None, None)


def test_every_status_is_either_active_or_ended() -> None:
    assert set(TaskStatus) == TASK_ENDED | TASK_UNFINISHED
    assert not TASK_ENDED & TASK_UNFINISHED
    assert set(RunStatus) == RUN_ACTIVE | RUN_ENDED
    assert all(not RUN_TRANSITIONS[status] for status in RUN_ENDED)
    assert all(RUN_TRANSITIONS[status] for status in RUN_ACTIVE)


def test_sources_are_the_table_read_backwards() -> None:
    assert task_sources(TaskStatus.WAITING_INPUT) == {TaskStatus.RUNNING}
    assert run_sources(RunStatus.RUNNING) == {RunStatus.QUEUED}
    assert run_sources(RunStatus.SKIPPED) == frozenset()


def test_the_document_tells_every_transition_and_no_other() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "architecture.md").read_text()
    for heading, legal in (("a task that is", LEGAL), ("a run that is", RUN_LEGAL)):
        table = text.split(f"| {heading} |")[1].split("\n\n")[0].splitlines()[2:]
        told = set()
        for line in table:
            old, new, _ = (cell.strip() for cell in line.strip("|").split("|"))
            told |= {(a, b) for a in old.split(", ") for b in new.split(", ")}
        assert told == {(str(old), str(new)) for old, new in legal}, heading
