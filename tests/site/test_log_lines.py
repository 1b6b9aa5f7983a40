"""A log line of the run path says which event it is and whom it concerns."""

import json
import logging
import sys

from valuecell_site.logs import EventFormatter, JsonFormatter


def line(**extra: object) -> str:
    record = logging.makeLogRecord({"msg": "run %s", "args": ("failed",), "levelname": "INFO", **extra})
    return EventFormatter("%(levelname)s %(message)s").format(record)


def test_the_events_name_and_the_ids_follow_the_message():
    assert line(event="run_failed", run_id=7, task_id=3) == "INFO run failed [event=run_failed task_id=3 run_id=7]"


def test_a_line_without_them_stays_as_it_is():
    assert line() == "INFO run failed"


def test_as_json_a_record_is_one_line_with_its_ids_and_its_exception() -> None:
    try:
        raise ValueError("a dry well")
    except ValueError:
        record = logging.LogRecord("tasks", logging.ERROR, "", 0, "run %s\nfailed", ("7",), sys.exc_info())
    record.event, record.run_id = "run.failed", "7"
    line = JsonFormatter().format(record)
    assert "\n" not in line
    told = json.loads(line)
    assert (told["level"], told["message"], told["event"], told["run_id"]) == (
        "ERROR",
        "run 7\nfailed",
        "run.failed",
        "7",
    )
    assert "a dry well" in told["exception"]
