"""An agent calls back about a run: proven by the run's token, counted in its row, and nothing else is changed."""

import json
import logging
import time
from collections import OrderedDict
from typing import NoReturn
from uuid import UUID

from django.db.models import F

from tasks.agents import callbacks
from tasks.errors import NotFound, TaskError
from tasks.models import TaskRun
from tasks.states import RUN_ACTIVE

logger = logging.getLogger(__name__)

APART = 0.5
"""Seconds between two notifications of working state that are counted: an agent may send one for each word."""
REMEMBERED = 10_000
"""Runs of which this process knows when the last one was counted."""
_counted: OrderedDict[UUID, float] = OrderedDict()


class NotProven(TaskError):
    """The token is not this run's, or its run is over."""

    code = "not_proven"


def receive(run_id: UUID | None, *, token: str, body: bytes) -> None:
    """Take one notification in.

    1. The token must be the run's, and the run must not have ended: else NotProven, the same for every reason.
    2. What the body says of a task must be of the run's: else NotFound. A body that says nothing of one is a nudge.
    3. The run is counted up, on the condition that it still goes on, and whoever waits for it looks its task up.
    """
    if run_id is None or not callbacks.proven(run_id, token):
        _refused(run_id, "wrong token")
    run = TaskRun.objects.filter(pk=run_id, status__in=RUN_ACTIVE).values("remote_task_id", "agent_name").first()
    if run is None:
        _refused(run_id, "its run is over")
    task_id, working = _said(body)
    if task_id and run["remote_task_id"] and task_id != run["remote_task_id"]:
        ids = {"event": "push.foreign", "run_id": str(run_id), "agent": run["agent_name"]}
        logger.warning("an agent called back about another task", extra=ids)
        raise NotFound("This is no task of the run.")
    if working and _just_counted(run_id):
        return
    if not TaskRun.objects.filter(pk=run_id, status__in=RUN_ACTIVE).update(pushes=F("pushes") + 1):
        _refused(run_id, "its run is over")
    callbacks.came_in(run_id)


def _refused(run_id: UUID | None, why: str) -> NoReturn:
    name = TaskRun.objects.filter(pk=run_id).values_list("agent_name", flat=True).first() if run_id else None
    ids = {"event": "push.refused", "run_id": str(run_id), "agent": name or "unknown"}
    logger.warning("a callback was refused: %s", why, extra=ids)
    raise NotProven("The token of this notification is not valid, or not any more.")


def _just_counted(run_id: UUID) -> bool:
    now = time.monotonic()
    if now - _counted.get(run_id, -APART) < APART:
        return True
    _counted[run_id] = now
    _counted.move_to_end(run_id)
    while len(_counted) > REMEMBERED:
        _counted.popitem(last=False)
    return False


def _said(body: bytes) -> tuple[str, bool]:
    """The agent's id of the task that a notification is about, and whether it says no more than that work goes on.

    1.0 sends a StreamResponse, 0.3 a bare Task or update; what is none of them is about no task.
    """
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return "", False
    if not isinstance(said, dict):
        return "", False
    inner = next((said[key] for key in ("task", "statusUpdate", "artifactUpdate", "message") if key in said), said)
    if not isinstance(inner, dict):
        return "", False
    task_id = inner.get("taskId") or ("" if "messageId" in inner else inner.get("id")) or ""
    status = inner.get("status")
    state = status.get("state") if isinstance(status, dict) else None
    working = "artifact" in inner or state in ("TASK_STATE_WORKING", "TASK_STATE_SUBMITTED", "working", "submitted")
    return (task_id if isinstance(task_id, str) else ""), working
