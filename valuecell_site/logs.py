"""How a log line reads: its message, then the event's stable name and whom it concerns."""

import logging

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
