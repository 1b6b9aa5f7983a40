"""What can be wrong with what is asked of a task: one class a cause, each with words for the person who reads it.

TaskError
├── InvalidInput          something in what was sent: says which field, and what to write instead
├── NotFound              no such thing, or somebody else's (the same answer)
└── WrongMoment           right, but not now: says what happened
    ├── AlreadyFinished       the task has ended
    ├── IllegalTransition     the table of `tasks.states` has no such row
    └── NotWaiting            no question is open (or somebody answered it before)
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class TaskError(Exception):
    """Something asked of a task cannot be done. `code` is stable; `message` is for people."""

    code = "error"

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code


class InvalidInput(TaskError):
    """`fields` maps each wrong field's name to what is wrong with it and what to write instead."""

    code = "invalid"

    def __init__(self, fields: Mapping[str, list[str]], message: str = "") -> None:
        # Several fields may have one fault between them; it is said once.
        super().__init__(message or " ".join(dict.fromkeys(text for texts in fields.values() for text in texts)))
        self.fields = {name: list(texts) for name, texts in fields.items()}


class Faults:
    """Collects what several checks refuse, so that a person hears it all at once."""

    def __init__(self) -> None:
        self.fields: dict[str, list[str]] = {}

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """Keeps what the block refuses, instead of letting it through."""
        try:
            yield
        except InvalidInput as error:
            for name, texts in error.fields.items():
                self.fields.setdefault(name, []).extend(texts)

    def stop_if_any(self) -> None:
        """Raise `InvalidInput` with all of it."""
        if self.fields:
            raise InvalidInput(self.fields)


class NotFound(TaskError):
    """There is no such thing for this person."""

    code = "not_found"


class WrongMoment(TaskError):
    """The request is well formed, and what it is about has moved on."""

    code = "wrong_moment"


class AlreadyFinished(WrongMoment):
    """The task has ended."""

    code = "already_finished"


class IllegalTransition(WrongMoment):
    """The state found allows no such change; names the state that was found."""

    code = "illegal_transition"

    def __init__(self, what: str, *, found: str, wanted: str) -> None:
        super().__init__(f"{what} is {found} and cannot become {wanted}.")
        self.found = found
        self.wanted = wanted


class NotWaiting(WrongMoment):
    """Nobody asked anything, or the question was answered before."""

    code = "not_waiting"
