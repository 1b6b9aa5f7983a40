"""The examples of docs/schedules.md are carried out: each time and each row in them is what the product says.

A block `slots` has a schedule, the moments between which one looks, and its slots. A block `rows` has the fields of a
task, what happens (`down`, `runs take`, `paused`, `fails until`), and the rows of its history.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tasks import schedules
from tasks.models import TaskRun
from tasks.services import Lease, TaskService
from tests.helpers.tasks import MINUTE, TaskMaker, fail, runs, start, succeed

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "schedules.md"
DAY = datetime(2026, 11, 2, tzinfo=UTC)
"""The day of the blocks `rows`: a Monday, in UTC."""


def blocks(kind: str) -> list[Any]:
    """The blocks of a kind, each named after the heading above it."""
    found: list[Any] = []
    heading = ""
    for match in re.finditer(r"^##+ ([^\n]+)$|^```(\w+)\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL):
        heading = match[1] or heading
        if match[2] == kind:
            found.append(pytest.param(match[3].strip().splitlines(), id=f"{heading}-{len(found)}"))
    return found


@pytest.mark.database_independent
@pytest.mark.parametrize("lines", blocks("slots"))
def test_the_times_in_the_document_are_those_of_the_product(lines: list[str]) -> None:
    data = json.loads(lines[0])
    zone = ZoneInfo(data["timezone"])
    span = re.fullmatch(r"from (\S+) to (\S+):", lines[1])
    assert span is not None, lines[1]
    begin, end = (datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC) for text in span.groups())
    schedule = schedules.parse(data, now=begin, default_timezone="UTC", allow_past=True)
    anchor = schedule.start_at or begin
    found = schedules.slots_between(schedule, begin - timedelta(microseconds=1), end, anchor=anchor, limit=100)
    assert lines[2:] == [f"{slot.astimezone(zone):%a %d %b %Y %H:%M %z}" for slot in found]


class Story:
    """What happens in a block `rows`, minute by minute."""

    def __init__(self, lines: list[str]) -> None:
        self.fields = json.loads(lines[0])
        self.rows = [line for line in lines[1:] if re.match(r"\d\d:\d\d", line)]
        said = " ".join(line for line in lines[1:] if not re.match(r"\d\d:\d\d", line))
        self.down = self._span(r"down from (\S+) to (\S+?)[;.]", said)
        self.paused = self._span(r"paused from (\S+) to (\S+?)[;.]", said)
        self.failing = self._span(r"fails from (\S+) to (\S+?)[;.]", said)
        self.span = self._span(r"from (\S+) to (\S+):", said)
        takes = re.search(r"A run takes (\d+) min", said)
        self.takes = timedelta(minutes=int(takes[1])) if takes else timedelta(0)

    @staticmethod
    def _span(pattern: str, said: str) -> tuple[datetime, datetime]:
        match = re.search(rf"(?:^|[.;] ){pattern}", said, re.IGNORECASE)
        if match is None:
            return DAY, DAY
        return tuple(datetime.fromisoformat(f"{DAY:%Y-%m-%d}T{text}Z") for text in match.groups())  # type: ignore[return-value]

    def minutes(self) -> Iterator[datetime]:
        now, end = self.span
        while now <= end:
            yield now
            now += MINUTE


@pytest.mark.django_db
@pytest.mark.parametrize("lines", blocks("rows"))
def test_the_rows_in_the_document_are_those_of_the_product(make_task: TaskMaker, lines: list[str]) -> None:
    story = Story(lines)
    begin, _ = story.span
    task = make_task(now=begin, max_attempts=1, **story.fields)
    going: dict[Lease, datetime] = {}
    for now in story.minutes():
        if now == story.paused[0] != DAY:
            TaskService.pause(task.pk, actor=None, now=now)
        if now == story.paused[1] != DAY:
            TaskService.resume(task.pk, actor=None, now=now)
        end_what_is_over(going, story, now)
        if story.down[0] <= now < story.down[1]:
            continue
        TaskService.resume_due(now=now)
        TaskService.claim_due(now=now)
        while leases := start(now=now):
            going.update((lease, now + story.takes) for lease in leases)
            end_what_is_over(going, story, now)
    assert story.rows == [told(run) for run in runs(task)]


def end_what_is_over(going: dict[Lease, datetime], story: Story, now: datetime) -> None:
    """End the runs whose time is over, unless somebody else ended them."""
    for lease in [lease for lease, until in going.items() if until <= now]:
        del going[lease]
        if TaskRun.objects.filter(pk=lease.run_id, status="running").exists():
            (fail if story.failing[0] <= now < story.failing[1] else succeed)(lease, now=now)


def told(run: Any) -> str:
    """A row as the document writes it: its slots, when it began, what became of it, and why."""
    slots = f"{run.scheduled_for:%H:%M}" + (f" to {run.last_slot:%H:%M}" if run.last_slot else "")
    began = f" from {run.started_at:%H:%M} on" if run.started_at and run.started_at != run.scheduled_for else ""
    trigger = f" ({run.trigger})" if run.trigger != "schedule" else ""
    return f"{slots} {run.status}{trigger}{began}{': ' + run.reason if run.reason else ''}"


def test_there_are_examples_of_both() -> None:
    assert len(blocks("slots")) >= 6
    assert len(blocks("rows")) >= 6
