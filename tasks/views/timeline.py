"""Past and coming runs of the listed tasks on one line of time, now in its middle: a lane a task, a mark a run.

Marks are placed in hundredths of the lane's width, so that the page can be as wide as it is without a script.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from tasks.models import Task, TaskRun
from tasks.views.pace import next_times
from tasks.views.words import run_word

SPANS = {
    "1d": (timedelta(days=1), lazy("a day")),
    "7d": (timedelta(days=7), lazy("a week")),
    "30d": (timedelta(days=30), lazy("a month")),
}
"""How much is shown before and after now, by the value of `?around=`."""
MARKS = 60
"""Runs, and as many coming times, that a lane marks; what lies beyond them is one band."""
THIN = 0.3
"""The least width of a mark, in per cent: what has none would not be drawn."""
_TICKS = 4
"""Lines before and after now."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A run, a coming time, or a band of either that is not drawn one by one. `x` and `width` in per cent, as text."""

    x: str
    width: str
    state: str
    says: str
    run_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class Window:
    """The time that is shown."""

    now: datetime
    reach: timedelta

    def at(self, moment: datetime) -> float:
        """Where a moment stands, in per cent; outside of the window it stands at its edge."""
        part = (moment - self.now + self.reach) / (2 * self.reach)
        return 100 * min(1.0, max(0.0, part))

    def ticks(self) -> list[dict[str, str]]:
        """The lines and their words, now left out."""
        steps = [n for n in range(-_TICKS + 1, _TICKS) if n]
        pattern = "H:i" if self.reach <= timedelta(days=1) else "D j M"
        moments = [self.now + n * self.reach / _TICKS for n in steps]
        return [{"x": _text(self.at(one)), "word": date_format(localtime(one), pattern)} for one in moments]


def lane(task: Task, runs: Iterable[TaskRun], window: Window) -> dict[str, Any]:
    """What a task's lane shows: its marks, and all of them in a sentence. `runs` are its newest, newest first."""
    begin, end = window.now - window.reach, window.now + window.reach
    newest = list(runs)
    shown = [run for run in newest if begin <= run.scheduled_for <= end]
    marks = [_mark(run, window) for run in reversed(shown)]
    more = len(newest) >= MARKS and len(shown) == len(newest)
    if more:
        marks.insert(0, _band(window, begin, shown[-1].scheduled_for, "earlier", _("earlier runs")))
    times = [at for at in next_times(task, now=window.now, limit=MARKS) if at <= end]
    coming = [
        Mark(x=_text(window.at(at)), width=_text(THIN), state="coming", says=f"{_moment(at)}: {_('planned')}")
        for at in times
        if at >= window.now
    ]
    if len(times) >= MARKS:
        coming.append(_band(window, times[-1], end, "later", _("later times")))
    return {"marks": [*marks, *coming], "says": _sentence(shown, times, more=more)}


def _mark(run: TaskRun, window: Window) -> Mark:
    begin = run.started_at or run.scheduled_for
    until = run.finished_at or (window.now if run.started_at else begin)
    x = window.at(begin)
    return Mark(
        x=_text(x),
        width=_text(max(THIN, window.at(max(begin, until)) - x)),
        state=run.status,
        says=f"{_moment(run.scheduled_for)}: {run_word(run.status)}",
        run_id=run.pk,
    )


def _band(window: Window, begin: datetime, end: datetime, state: str, says: str) -> Mark:
    x = window.at(begin)
    return Mark(x=_text(x), width=_text(max(0.0, window.at(end) - x)), state=state, says=says)


def _sentence(runs: Sequence[TaskRun], times: Sequence[datetime], *, more: bool) -> str:
    counts = Counter(run_word(run.status) for run in runs)
    past = ", ".join(f"{number} {word}" for word, number in counts.most_common()) or _("no runs")
    if more:
        past = _("%(past)s, and earlier ones") % {"past": past}
    if not times:
        return _("%(past)s; nothing planned") % {"past": past}
    number = f"{len(times)}+" if len(times) >= MARKS else str(len(times))
    return _("%(past)s; planned: %(n)s, the next %(at)s") % {"past": past, "n": number, "at": _moment(times[0])}


def _moment(at: datetime) -> str:
    return date_format(localtime(at), "D j M, H:i")


def _text(per_cent: float) -> str:
    """Never in the language's own way of writing numbers, which is no length."""
    return f"{per_cent:.2f}"
