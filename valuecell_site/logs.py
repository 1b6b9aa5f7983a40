"""How a log line reads: its message, then the event's stable name and whom it concerns; or all of it as JSON."""

import json
import logging
from datetime import UTC, datetime

CONTEXT = ("event", "conversation_id", "task_id", "run_id")
"""What a record of the run path carries in `extra`, in the order in which it is written."""


class EventFormatter(logging.Formatter):
    """Appends `event=… task_id=…` to the message where the record has them, so that one task's lines can be found."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's name)
        """The first line of a record; a traceback follows below it as usual."""
        known = [(name, getattr(record, name, None)) for name in CONTEXT]
        told = " ".join(f"{name}={value}" for name, value in known if value)
        line = super().formatMessage(record)
        return f"{line} [{told}]" if told else line


class WithoutTraceback(logging.Filter):
    """Keeps the line and drops the traceback of what was somebody else's mistake or scan, not ours: what Django tells
    its security loggers of, as foreign host names or forms with too many fields.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Always true: the record is changed, not left out."""
        if not (record.name or "").startswith("django.security"):
            return True
        record.exc_info, record.exc_text = None, None
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, the names of CONTEXT and whatever else was given."""

    def format(self, record: logging.LogRecord) -> str:
        """The record, on one line."""
        given = {name: value for name, value in vars(record).items() if name not in _OWN}
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **given,
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


_OWN = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime", "taskName", "request", "status_code"})
"""What every record has, and what of Django's holds objects."""
