"""Who did what: the words for it, and the one function that every floor calls. The rows are kept upstairs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from django.contrib.auth.models import User
from django.db.models import Model
from django.http import HttpRequest


class Act(StrEnum):
    """What somebody did. These words stand in the database, in exports and in the log: they never change."""

    SIGNED_IN = "signed_in"
    SIGN_IN_FAILED = "sign_in_failed"
    """A wrong name or password. Tries that have to wait are in the log only: nobody looked at their password."""
    SIGNED_OUT = "signed_out"
    DEVICES_SIGNED_OUT = "devices_signed_out"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105  (a word)
    PASSWORD_SET_BY_LINK = "password_set_by_link"  # noqa: S105  (a word)
    TOKEN_MADE = "token_made"  # noqa: S105  (a word)
    TOKEN_REVOKED = "token_revoked"  # noqa: S105  (a word)
    PERSON_ADDED = "person_added"
    PERSON_CHANGED = "person_changed"
    PERSON_DEACTIVATED = "person_deactivated"
    PERSON_ACTIVATED = "person_activated"
    PERSON_DELETED = "person_deleted"
    GROUP_ADDED = "group_added"
    GROUP_CHANGED = "group_changed"
    GROUP_DELETED = "group_deleted"
    AGENT_ADDED = "agent_added"
    AGENT_CHANGED = "agent_changed"
    AGENT_ENABLED = "agent_enabled"
    AGENT_DISABLED = "agent_disabled"
    AGENT_DELETED = "agent_deleted"
    TASKS_ACTED_ON = "tasks_acted_on"
    """Any act on many tasks at once, and any in admin on somebody's; `action` says which, `count` on how many."""
    CONVERSATIONS_DELETED = "conversations_deleted"
    """By an operator. What people do with their own is no matter of the audit."""
    SHARE_MADE = "share_made"
    SHARE_REVOKED = "share_revoked"
    FEED_MADE = "feed_made"
    FEED_REVOKED = "feed_revoked"
    HOOK_MADE = "hook_made"
    HOOK_DELETED = "hook_deleted"
    WEBHOOK_MADE = "webhook_made"
    WEBHOOK_CHANGED = "webhook_changed"
    WEBHOOK_DELETED = "webhook_deleted"
    RUNS_HELD = "runs_held"
    RUNS_RELEASED = "runs_released"
    PROCESS_DRAINED = "process_drained"
    PROCESS_RELEASED = "process_released"
    AUDIT_EXPORTED = "audit_exported"


Detail = str | int | bool | None | Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One act, as it is given to whoever keeps the rows."""

    act: Act
    now: datetime
    request: HttpRequest | None
    """By which it came; none for a command."""
    actor: User | None
    actor_name: str
    subject: Model | None
    named: str
    count: int | None
    details: Mapping[str, Detail] = field(default_factory=dict)


_keepers: list[Callable[[Entry], None]] = []


def keep_with(keeper: Callable[[Entry], None]) -> None:
    """From now on `keeper` writes what is recorded. There is one: the latest."""
    _keepers[:] = [keeper]


def record(
    act: Act,
    *,
    now: datetime,
    request: HttpRequest | None = None,
    actor: User | None = None,
    actor_name: str = "",
    subject: Model | None = None,
    named: str | None = None,
    count: int | None = None,
    **details: Detail,
) -> None:
    """Write down that `actor` did `act` to `subject`, which is called `named`.

    Without `actor` it is who sent `request`; `actor_name` is a name where no account is signed in.

    Within a transaction the row is part of it, so it is there if and only if the act is. Acts that commit in batches
    record afterwards, with the `count` of what they did. `details` are plain words and figures: names of changed
    fields, never values that may be secret.
    """
    if actor is None and request is not None:
        user = getattr(request, "user", None)
        actor = user if isinstance(user, User) else None
    if actor is not None:
        actor_name = actor.get_username()
    if named is None:
        named = str(subject) if subject is not None else ""
    entry = Entry(
        act=act,
        now=now,
        request=request,
        actor=actor,
        actor_name=actor_name,
        subject=subject,
        named=named,
        count=count,
        details=details,
    )
    for keeper in _keepers:
        keeper(entry)
