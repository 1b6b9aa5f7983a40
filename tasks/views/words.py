"""How pages say states, triggers, schedules and spans of time."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from tasks.models import Task, TaskRun
from tasks.schedules import describe
from tasks.states import OnFailure, Phase, RunStatus, Trigger

_TAKES_NO_INK = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp", "Mn", "Me", "Mc"})
"""Categories of characters that show nothing by themselves: a zero-width space, for one."""
_BLANK_LETTERS = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters and signs that are blank by design."""
PHASES = {
    Phase.SCHEDULED: lazy("scheduled"),
    Phase.QUEUED: lazy("queued"),
    Phase.RUNNING: lazy("running"),
    Phase.WAITING_INPUT: lazy("needs an answer"),
    Phase.PAUSED: lazy("paused"),
    Phase.COMPLETED: lazy("completed"),
    Phase.FAILED: lazy("failed"),
    Phase.CANCELLED: lazy("cancelled"),
}
_RUNS = {
    RunStatus.QUEUED: lazy("queued"),
    RunStatus.RUNNING: lazy("running"),
    RunStatus.WAITING_INPUT: lazy("needs an answer"),
    RunStatus.SUCCEEDED: lazy("succeeded"),
    RunStatus.FAILED: lazy("failed"),
    RunStatus.CANCELLED: lazy("cancelled"),
    RunStatus.SKIPPED: lazy("skipped"),
    RunStatus.MISSED: lazy("missed"),
    RunStatus.INTERRUPTED: lazy("interrupted"),
}
_TRIGGERS = {
    Trigger.SCHEDULE: lazy("its schedule"),
    Trigger.CATCH_UP: lazy("catching up"),
    Trigger.MANUAL: lazy("a person"),
    Trigger.RETRY: lazy("a retry"),
    Trigger.BACKFILL: lazy("a backfill"),
    Trigger.EVENT: lazy("an event"),
}
_PAUSED = {
    "failures": lazy("paused · failures"),
    "budget": lazy("paused · budget"),
    "agent_gone": lazy("paused · agent gone"),
    "owner_inactive": lazy("paused · owner inactive"),
}
_AT_AGENT = {
    "canceled": lazy("it stopped"),
    "completed": lazy("it was completed all the same"),
    "failed": lazy("it failed"),
    "rejected": lazy("it was rejected"),
    "working": lazy("it refused to stop, and goes on"),
    "input_required": lazy("it refused to stop, and waits for an answer"),
    "auth_required": lazy("it refused to stop, and waits for a credential"),
    "unknown": lazy("it does not know the task any more"),
}
_CATCH_UP = {
    "one": lazy("one run, late"),
    "none": lazy("no run"),
    "all": lazy("a run for each time"),
}


def named(title: str) -> str:
    """`title` where something of it can be seen, else the word for what has none (scripts: site/names.js)."""
    seen = any(unicodedata.category(sign) not in _TAKES_NO_INK and sign not in _BLANK_LETTERS for sign in title)
    return title if seen else _("Untitled")


def phase_word(phase: str, paused_reason: str = "") -> str:
    """A task's phase as its pill says it; a pause says why, where it was not a person's."""
    if phase == Phase.PAUSED and paused_reason in _PAUSED:
        return str(_PAUSED[paused_reason])
    return str(PHASES.get(Phase(phase), phase))


def run_word(status: str) -> str:
    """A run's status as its pill says it."""
    return str(_RUNS.get(RunStatus(status), status))


def strip(runs: Sequence[TaskRun], coming: Sequence[datetime] = ()) -> dict[str, Any] | None:
    """The strip of a task's last runs (newest first): its bars, oldest first, and all of it in a sentence. Behind them
    stand the times that are to come.
    """
    if not runs:
        return None
    counts = Counter(run_word(run.status) for run in runs)
    told = ", ".join(f"{number} {word}" for word, number in counts.most_common())
    bars = [
        {
            "status": run.status,
            "title": f"{date_format(localtime(run.scheduled_for), 'D j M, H:i')}: {run_word(run.status)}",
        }
        for run in reversed(runs)
    ]
    bars += [
        {"status": "coming", "title": f"{date_format(localtime(at), 'D j M, H:i')}: {_('planned')}"} for at in coming
    ]
    return {"says": _("Last runs: %(told)s") % {"told": told}, "runs": bars}


def trigger_word(trigger: str) -> str:
    """What started a run."""
    return str(_TRIGGERS.get(Trigger(trigger), trigger))


def at_agent_word(remote_state: str) -> str:
    """What became of a cancelled run's task at its agent; empty where that is not known, or nothing was cancelled."""
    return str(_AT_AGENT.get(remote_state, ""))


def catch_up_word(catch_up: str) -> str:
    """What becomes of a missed time."""
    return str(_CATCH_UP.get(catch_up, catch_up))


def when_words(task: Task) -> str:
    """When a task runs, in one line, with the zone's city where the zone matters."""
    if not task.recurring and task.start_at is None:
        return _("Once")
    return describe(task.schedule, zone=True)


def after_words(task: Task) -> str:
    """What a task of a graph waits for, and that its failure stops others; empty where there is nothing to say."""
    told = [_("after %(keys)s") % {"keys": ", ".join(task.depends_on)}] if task.depends_on else []
    if task.on_failure == OnFailure.STOP:
        told.append(_("its failure stops what follows"))
    return " · ".join(told)


def span(length: timedelta) -> str:
    """A length of time as its two largest units: "14 h 22 min", "6.2 s"."""
    seconds = max(0.0, length.total_seconds())
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 10:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours and days < 7 else f"{days} d"


def lateness(run: TaskRun) -> str:
    """How long after its time a run started; empty for what time did not start."""
    if run.started_at is None or run.trigger not in (Trigger.SCHEDULE, Trigger.CATCH_UP):
        return ""
    return span(run.started_at - run.scheduled_for)


def queue_time(run: TaskRun) -> str:
    """How long a run stood ready before a worker took it."""
    if run.started_at is None:
        return ""
    # An answered question makes a run ready again, after its start: then only its claim counts.
    ready = max(run.created_at, run.ready_at) if run.ready_at <= run.started_at else run.created_at
    return span(run.started_at - ready)


def duration(run: TaskRun) -> str:
    """How long a run took; empty while it goes on and for what never started."""
    if run.started_at is None or run.finished_at is None:
        return ""
    return span(run.finished_at - run.started_at)
