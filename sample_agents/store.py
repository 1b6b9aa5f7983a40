"""Keeps the agents' A2A tasks: bounded in memory and, given a file, over restarts.

A question that an agent asked has to be answerable after a restart, and a client that comes back must be able
to learn how its task ended. The SDK's in-memory store forgets both, and grows for ever.
"""

import sqlite3
from collections import OrderedDict
from pathlib import Path

from a2a.helpers import new_text_message
from a2a.server.context import ServerCallContext
from a2a.server.tasks import InMemoryTaskStore
from a2a.types import Role, Task, TaskState

KEEP_IN_MEMORY = 200
"""Finished tasks of one agent that stay in memory: some 50 kB each."""
KEEP_ON_DISK = 2_000
"""Tasks of one agent that stay in the file."""
PRUNE_EVERY = 200
"""Rows written between two prunings of the file."""

UNFINISHED = (TaskState.TASK_STATE_SUBMITTED, TaskState.TASK_STATE_WORKING)
FINAL = (
    TaskState.TASK_STATE_COMPLETED,
    TaskState.TASK_STATE_FAILED,
    TaskState.TASK_STATE_CANCELED,
    TaskState.TASK_STATE_REJECTED,
)
RESTARTED = "The agent was restarted while it worked on this."


class SampleTaskStore(InMemoryTaskStore):
    """The SDK's in-memory store with a bound, and a task's row in a SQLite file when its state changes."""

    def __init__(self, agent_name: str, path: Path | None = None) -> None:
        """agent_name: whose tasks; agents share a file. path: made if absent; None keeps nothing."""
        super().__init__()
        self._agent = agent_name
        self._states: OrderedDict[str, int] = OrderedDict()
        self._written = 0
        self._file: sqlite3.Connection | None = None
        if path is not None:
            self._file = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._file.execute("PRAGMA journal_mode=WAL")
            self._file.execute("PRAGMA synchronous=NORMAL")
            self._file.execute(
                "CREATE TABLE IF NOT EXISTS tasks (agent TEXT, id TEXT, state INTEGER, task BLOB, "
                "PRIMARY KEY (agent, id))"
            )
            self._fail_unfinished(self._file)
            self._prune(self._file)

    async def save(self, task: Task, context: ServerCallContext) -> None:
        """Keep the task; write it to the file when its state is another than at the last call.

        The write is synchronous: a few hundred microseconds, three or four times a task.
        """
        await super().save(task, context)
        if self._states.get(task.id) != task.status.state:
            self._write(task)
            self._states[task.id] = task.status.state
            self._states.move_to_end(task.id)
            await self._forget_oldest(context)

    async def get(self, task_id: str, context: ServerCallContext) -> Task | None:
        """The task, from memory or else from the file; None if neither knows it."""
        task = await super().get(task_id, context)
        if task is None and self._file is not None:
            row = self._file.execute(
                "SELECT task FROM tasks WHERE agent = ? AND id = ?", (self._agent, task_id)
            ).fetchone()
            if row is not None:
                task = Task.FromString(row[0])
        return task

    def close(self) -> None:
        """Close the file; the store is not to be used after it."""
        if self._file is not None:
            self._file.close()
            self._file = None

    async def _forget_oldest(self, context: ServerCallContext) -> None:
        finished = [task_id for task_id, state in self._states.items() if state in FINAL]
        for task_id in finished[: max(0, len(finished) - KEEP_IN_MEMORY)]:
            del self._states[task_id]
            await super().delete(task_id, context)

    def _write(self, task: Task) -> None:
        if self._file is None:
            return
        # REPLACE gives the row a new rowid, so that rowid orders by the last change; _prune relies on it.
        self._file.execute(
            "REPLACE INTO tasks (agent, id, state, task) VALUES (?, ?, ?, ?)",
            (self._agent, task.id, int(task.status.state), task.SerializeToString()),
        )
        self._written += 1
        if self._written % PRUNE_EVERY == 0:
            self._prune(self._file)

    def _prune(self, file: sqlite3.Connection) -> None:
        file.execute(
            "DELETE FROM tasks WHERE agent = ? AND rowid NOT IN "
            "(SELECT rowid FROM tasks WHERE agent = ? ORDER BY rowid DESC LIMIT ?)",
            (self._agent, self._agent, KEEP_ON_DISK),
        )

    def _fail_unfinished(self, file: sqlite3.Connection) -> None:
        """Say the truth about tasks that a former process was working on: nobody will finish them."""
        rows = file.execute(
            "SELECT task FROM tasks WHERE agent = ? AND state IN (?, ?)",
            (self._agent, *(int(state) for state in UNFINISHED)),
        ).fetchall()
        for (blob,) in rows:
            task = Task.FromString(blob)
            task.status.state = TaskState.TASK_STATE_FAILED
            task.status.message.CopyFrom(
                new_text_message(RESTARTED, context_id=task.context_id, task_id=task.id, role=Role.ROLE_AGENT)
            )
            self._write(task)
