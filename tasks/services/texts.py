"""What an agent is sent: the task's text with its values in it, and the result before where only changes are wanted.

The language of the places is `tasks.templating`'s; here is which names there are, and where their values come from.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from tasks import templating
from tasks.errors import InvalidInput
from tasks.models import Task, TaskRun
from tasks.services import order
from tasks.states import BY_SCHEDULE, RunStatus, Trigger
from tasks.templating import CannotRender

__all__ = ["CannotRender", "check", "given_by_event", "is_unchanged", "previewed", "written"]

EVERYWHERE = frozenset({"scheduled_for"})
RECURRING = frozenset({"previous.result", "previous.finished_at", "run_number", "event.*"})
ELSEWHERE = {
    "previous": "only a recurring task has a run before.",
    "run_number": "only the runs of a recurring task are numbered.",
    "event": "only a recurring task is started by events; give it a schedule, or on_event.",
}

SHOWN_ABOVE = "The answer is shown above."
"""The result of a run that answered with charts or cards only: two of them may differ all the same."""
NO_CHANGE = "No change."
"""What an agent is asked to answer if there is nothing new."""
ONLY_CHANGES = """{text}

You answered this before, at {finished_at}; that answer stands below, between the lines of dashes. Tell only what has \
changed since. If nothing has, answer exactly: {no_change}
-----
{result}
-----"""
"""The form in which a task with `only_changes` is sent, from its second result on (docs/schedules.md)."""


def check(text: str, *, recurring: bool, keys: Collection[str] = (), field: str = "query") -> None:
    """Raise `InvalidInput` on `field` if `text` cannot be rendered; `keys` are those of the tasks that come before."""
    if not templating.is_template(text):
        return
    allowed = {*EVERYWHERE, *(f"tasks.{key}.{part}" for key in keys for part in ("result", "status"))}
    if recurring:
        allowed |= RECURRING
    there = f"here these are: {', '.join(sorted(keys))}." if keys else "here none does."
    elsewhere = {} if recurring else ELSEWHERE
    words = f"name a task of the same plan that comes before this one (or stands in depends_on); {there}"
    problems = templating.check(text, allowed=allowed, elsewhere={**elsewhere, "tasks": words})
    if problems:
        raise InvalidInput({field: problems})


def check_of(task: Task, text: str, *, recurring: bool | None = None, field: str = "query") -> None:
    """The same for a text of a task that there is; `recurring` says what it is about to be."""
    keys: Sequence[str] = ()
    if templating.uses(text, "tasks"):
        keys = [other.key for other in order.before(task, list(task.plan.tasks.all())) if other.key]
    check(text, recurring=task.recurring if recurring is None else recurring, keys=keys, field=field)


def given_by_event(task: Task, event: Any, *, now: datetime) -> dict[str, Any]:
    """What a run that `event` starts is given for its text (`TaskRun.given`): of the event, what the text names.

    Raises `CannotRender` where the text asks for something that the event does not have, or becomes too long with it.
    """
    run = TaskRun(task=task, scheduled_for=now, trigger=Trigger.EVENT, input=task.query, given={"event": event})
    earlier = _before(task, run) if templating.uses(task.query, "previous") else None
    templating.render(task.query, _values(task, run, task.query, earlier))
    return {"event": templating.pick(task.query, "event", event)}


def written(task: Task, run: TaskRun) -> str:
    """The text as the agent of `run` is sent it. Raises `CannotRender`."""
    text = run.input or task.query
    if run.rendered:
        return text
    earlier = _before(task, run) if task.only_changes or templating.uses(text, "previous") else None
    if templating.is_template(text):
        text = templating.render(text, _values(task, run, text, earlier))
    if task.only_changes and earlier is not None and earlier.result != SHOWN_ABOVE:
        text = ONLY_CHANGES.format_map(
            {
                "text": text,
                "finished_at": _moment(earlier.finished_at, task),
                "no_change": NO_CHANGE,
                "result": earlier.result,
            }
        )
    return text


def previewed(task: Task, text: str, *, event: Any = None, now: datetime) -> str:
    """What the agent of `task` would get with `text` at its next run: with its last result, and `event` if it has one.

    `task` may be one that there is not yet. Nothing is written. Raises `InvalidInput` on `query`, or on `event` where a
    value is missing that an event has to bring.
    """
    run = TaskRun(
        task=task,
        scheduled_for=task.next_slot_at or now,
        trigger=Trigger.SCHEDULE if event is None else Trigger.EVENT,
        input=text,
        given=None if event is None else {"event": event},
    )
    task.run_count += 1  # (of this copy only: the run that is looked ahead to is the next one)
    try:
        return written(task, run)
    except CannotRender as error:
        asked = next((name for name in templating.names(text) if f"“{name}”" in str(error)), "")
        if not asked.startswith("event"):
            raise InvalidInput({"query": [str(error)]}) from None
        say = str(error) if event is not None else f"The text asks for “{asked}”: send an event to try it with."
        raise InvalidInput({"event": [say]}) from None


def is_unchanged(task: Task, run: TaskRun, result: str) -> bool:
    """Whether `result` says what the result before said, whitespace aside, or that nothing changed."""
    if not task.only_changes or not result.strip() or result == SHOWN_ABOVE:
        return False
    earlier = _before(task, run)
    if earlier is None:
        return False
    return _bare(result) in (_bare(earlier.result), _bare(NO_CHANGE), _bare(NO_CHANGE.rstrip(".")))


def _before(task: Task, run: TaskRun) -> TaskRun | None:
    """The latest run before `run` that said something new: a failure, no output and an unchanged result are none."""
    return with_something_new(TaskRun.objects.filter(task=task, id__lt=run.id)).order_by("-id").first()


def with_something_new(runs: QuerySet[TaskRun]) -> QuerySet[TaskRun]:
    """Those of `runs` whose result is one to compare with, and what `previous` means."""
    return runs.filter(status=RunStatus.SUCCEEDED, unchanged=False, no_output=False)


def _values(task: Task, run: TaskRun, text: str, earlier: TaskRun | None) -> Mapping[str, Any]:
    """The values that `text` asks for; no others are looked up."""
    values: dict[str, Any] = dict(run.given or {})
    values["scheduled_for"] = _moment(run.for_slot or run.scheduled_for, task)
    if templating.uses(text, "previous"):
        values["previous"] = {
            "result": earlier.result if earlier else "",
            "finished_at": _moment(earlier.finished_at, task) if earlier else "",
        }
    if templating.uses(text, "run_number"):
        values["run_number"] = _number(task, run)
    if templating.uses(text, "tasks"):
        values["tasks"] = _of_plan(task)
    return values


def _number(task: Task, run: TaskRun) -> int:
    """The how manieth run it is, of those that schedule and events started; one by hand counts as the latest."""
    later = TaskRun.objects.filter(
        task=task, scheduled_for__gt=run.scheduled_for, attempt=1, trigger__in=BY_SCHEDULE
    ).exclude(status__in=[RunStatus.SKIPPED, RunStatus.MISSED])
    return max(1, task.run_count - later.count())


def _of_plan(task: Task) -> dict[str, dict[str, str]]:
    """Result and status of the tasks that come before `task` and have a key; no result is an empty text."""
    earlier = [other for other in order.before(task, list(task.plan.tasks.all())) if other.key]
    found: dict[str, dict[str, str]] = {}
    for other in earlier:
        run = other.runs.filter(status=RunStatus.SUCCEEDED).order_by("-id").only("result").first()
        found[other.key] = {"result": run.result if run else "", "status": str(other.status)}
    return found


def _moment(moment: datetime | None, task: Task) -> str:
    return moment.astimezone(ZoneInfo(task.timezone)).isoformat(timespec="seconds") if moment else ""


def _bare(text: str) -> str:
    return " ".join(text.split())
