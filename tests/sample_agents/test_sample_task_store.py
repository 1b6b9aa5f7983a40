"""The store of the sample agents' tasks: bounded in memory and on disk, and nothing else forgotten."""

from pathlib import Path

import pytest
from a2a.server.context import ServerCallContext
from a2a.types import Task, TaskState, TaskStatus

from sample_agents import store
from sample_agents.store import SampleTaskStore

pytestmark = pytest.mark.database_independent
CONTEXT = ServerCallContext()


def task(number: int, state: TaskState) -> Task:
    return Task(id=f"task-{number}", context_id="c", status=TaskStatus(state=state))


async def finish(kept: SampleTaskStore, numbers: range) -> None:
    for number in numbers:
        await kept.save(task(number, TaskState.TASK_STATE_WORKING), CONTEXT)
        await kept.save(task(number, TaskState.TASK_STATE_COMPLETED), CONTEXT)


async def known(kept: SampleTaskStore, numbers: range) -> list[int]:
    return [number for number in numbers if await kept.get(f"task-{number}", CONTEXT) is not None]


async def test_memory_alone_keeps_the_newest_finished_tasks_and_all_others(monkeypatch):
    monkeypatch.setattr(store, "KEEP_IN_MEMORY", 10)
    kept = SampleTaskStore("A")
    await kept.save(task(0, TaskState.TASK_STATE_INPUT_REQUIRED), CONTEXT)
    await finish(kept, range(1, 26))
    assert await known(kept, range(26)) == [0, *range(16, 26)]


async def test_a_file_knows_what_memory_forgot_up_to_its_own_bound(monkeypatch, tmp_path: Path):
    monkeypatch.setattr(store, "KEEP_IN_MEMORY", 2)
    monkeypatch.setattr(store, "KEEP_ON_DISK", 20)
    monkeypatch.setattr(store, "PRUNE_EVERY", 10)
    kept = SampleTaskStore("A", tmp_path / "tasks.sqlite3")
    await finish(kept, range(25))
    assert await known(kept, range(25)) == list(range(5, 25))
    kept.close()
    again = SampleTaskStore("A", tmp_path / "tasks.sqlite3")
    assert await known(again, range(25)) == list(range(5, 25))
    again.close()


async def test_agents_that_share_a_file_do_not_see_each_other_s_tasks(tmp_path: Path):
    one, other = (SampleTaskStore(name, tmp_path / "tasks.sqlite3") for name in ("A", "B"))
    await finish(one, range(1))
    assert await known(one, range(1)) == [0]
    assert await known(other, range(1)) == []
    one.close()
    other.close()
