"""A log line of the run path says which event it is and whom it concerns."""

import logging

from valuecell_site.logs import EventFormatter


def line(**extra: object) -> str:
    record = logging.makeLogRecord({"msg": "run %s", "args": ("failed",), "levelname": "INFO", **extra})
    return EventFormatter("%(levelname)s %(message)s").format(record)


def test_the_events_name_and_the_ids_follow_the_message():
    assert line(event="run_failed", run_id=7, task_id=3) == "INFO run failed [event=run_failed task_id=3 run_id=7]"


def test_a_line_without_them_stays_as_it_is():
    assert line() == "INFO run failed"
