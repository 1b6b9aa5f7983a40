"""A schedule that is looked at before anything is made of it: its next times, in words and with notes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from tasks import schedules


def previewed(keys: Mapping[str, Any], *, count: int, timezone: str, now: datetime) -> dict[str, Any]:
    """`POST /schedules/preview`'s answer for a schedule's own keys.

    Counts from `start_at`, itself included and also where it is past; without it from `now`. `timezone` is that of a
    schedule which names none. Raises `ScheduleError`.
    """
    schedule = schedules.parse(keys, now=now, default_timezone=timezone, allow_past=True)
    zone = ZoneInfo(schedule.timezone)
    times, notes = schedules.preview(schedule, now=now, count=count)
    return {
        "times": [time.astimezone(zone).isoformat() for time in times],
        "summary": schedules.describe(schedule),
        "notes": [
            {"time": note.time.astimezone(zone).isoformat(), "text": note.text}
            if note.time is not None
            else {"text": note.text}
            for note in notes
        ],
    }


def known_zone(name: str | None, default: str, now: datetime) -> str:
    """`name`, or `default` without one. Raises `ScheduleError`, with the name that was probably meant."""
    zone = name or default
    if zone not in schedules.zone_names():
        schedules.parse({"timezone": zone}, now=now, default_timezone="UTC")
    return zone
