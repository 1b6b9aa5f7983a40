"""What a token may be used for: three words that programs, gateways and the command that makes tokens share. Pure."""

from collections.abc import Iterable
from enum import StrEnum


class Scope(StrEnum):
    """One thing that a token may be used for. A token without scopes may be used for everything."""

    READ = "read"
    """See what its owner has: conversations, tasks, runs, results."""
    RUN = "run"
    """Give work: messages, tasks, schedules, answers, runs by hand."""
    MANAGE = "manage"
    """Change and stop what is there: edit, pause, cancel, delete; hooks, webhooks, agents."""


EVERYTHING = frozenset(Scope)


def granted(stored: Iterable[str]) -> frozenset[Scope]:
    """The scopes that a token's stored list grants; an empty list grants everything.

    A word that is not known here (of a later version) grants nothing, and does not make an empty list of the rest.
    """
    names = list(stored)
    return frozenset(Scope(name) for name in names if name in EVERYTHING) if names else EVERYTHING


def missing(scope: Scope, held: Iterable[Scope]) -> str:
    """What to tell the holder of a token that lacks `scope`."""
    has = ", ".join(sorted(held)) or "nothing"
    return (
        f"This token may not be used for this: it needs the scope “{scope}” and has {has}. "
        f"Make one that has it: manage.py create_api_token USERNAME --scope {scope}"
    )
