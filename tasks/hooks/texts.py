"""Puts an event into a task's text: `{{ event.issue.title }}`. Values are data, and never read as a text again."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from tasks import templating
from tasks.models import Task
from tasks.services.events import CannotSay, MakeText
from tasks.states import RunStatus


def maker(event: Any, *, now: datetime) -> MakeText:
    """A function that fills a task's text with `event`, which came at `now`; it raises `CannotSay` where the text names
    what the event has not.
    """

    def make(task: Task) -> str:
        if not templating.is_template(task.query):
            return task.query
        try:
            return templating.render(task.query, {"event": event, **_of_task(task, now)})
        except templating.CannotRender as error:
            raise CannotSay(str(error)) from None

    return make


def _of_task(task: Task, now: datetime) -> dict[str, Any]:
    """What a text may name besides the event, as for a run by time."""
    before = task.runs.filter(status=RunStatus.SUCCEEDED).order_by("-id").first()
    zone = ZoneInfo(task.timezone)
    finished = before.finished_at.astimezone(zone).isoformat() if before and before.finished_at else None
    return {
        "previous": {"result": before.result if before else "", "finished_at": finished},
        "scheduled_for": now.astimezone(zone).isoformat(),
        "run_number": task.run_count + 1,
    }
