"""When a task is due: what a schedule means, its next times and its words.

Pure: no database, no clock, no Django. `now` always comes from the caller, every time that goes in or out is
aware, and what comes out is UTC. The meaning is written down in docs/schedules.md.

`schedule` is the value, `reading` its JSON form with every refusal, `cron` the five fields, `zones` the clock
changes, `when` the next times, `words` the summary and `preview` the first times with their notes.
"""

from tasks.schedules.preview import Note, preview
from tasks.schedules.reading import KINDS, from_dict, merge, parse, to_dict
from tasks.schedules.schedule import Schedule, ScheduleError
from tasks.schedules.when import count_between, first_slot, jitter_for, next_after, slots_between, why_at_rest
from tasks.schedules.words import describe
from tasks.schedules.zones import zone_names

__all__ = [
    "KINDS",
    "Note",
    "Schedule",
    "ScheduleError",
    "count_between",
    "describe",
    "first_slot",
    "from_dict",
    "jitter_for",
    "merge",
    "next_after",
    "parse",
    "preview",
    "slots_between",
    "to_dict",
    "why_at_rest",
    "zone_names",
]
