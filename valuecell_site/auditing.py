"""Keeps the audit: makes a row and a log line of each act that `conversations.audit` is told of, without secrets."""

import logging
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from conversations import audit
from conversations.admin.lists import first_id_at
from conversations.audit import Act, Detail, Entry
from valuecell_site.addresses import client_address
from valuecell_site.models import TOKEN_PREFIX, AuditRecord

logger = logging.getLogger(__name__)

TEXT = 200
"""Characters of a name or a detail."""
NAMES = 50
"""Entries of a detail that is a list."""
FORGOTTEN_AT_ONCE = 200
"""Rows past their time that go with each new one: more than come, so that the table stops growing."""
HIDDEN = "•••"
_SECRETS = re.compile(
    rf"(?:{TOKEN_PREFIX}|whsec_|sk-|ghp_)[\w-]{{8,}}"  # ours, webhooks', and what is pasted most
    r"|(?<=bearer )\S+|(?<=basic )\S+"
    r"|(?<=://)[^/\s@]+@"  # name and password in an address
    r"|(?<=password=)\S+|(?<=secret=)\S+|(?<=token=)\S+|(?<=key=)\S+",
    re.IGNORECASE,
)


def connect() -> None:
    """Keep what is recorded from now on, and record who signs in and out, by whichever page."""
    audit.keep_with(keep)
    user_logged_in.connect(_signed_in, dispatch_uid="audit_signed_in")
    user_logged_out.connect(_signed_out, dispatch_uid="audit_signed_out")
    user_login_failed.connect(_sign_in_failed, dispatch_uid="audit_sign_in_failed")


def keep(entry: Entry) -> None:
    """Write the row of `entry`, as part of the transaction that goes on; its log line follows the commit."""
    request, subject = entry.request, entry.subject
    row = AuditRecord.objects.create(
        at=entry.now,
        act=entry.act,
        actor=entry.actor,
        actor_name=_text(entry.actor_name)[:150],
        via=_via(request),
        address=client_address(request) if request is not None else "",
        subject_kind=subject._meta.label_lower if subject is not None else "",
        subject_id=str(subject.pk) if subject is not None else "",
        subject_name=_text(entry.named),
        count=entry.count,
        details={key: _plain(value) for key, value in entry.details.items() if value not in (None, "", [], ())},
    )
    transaction.on_commit(partial(_kept, row, entry.now))


def forget_old(*, now: datetime) -> int:
    """Delete up to FORGOTTEN_AT_ONCE rows that are older than AUDIT_RETENTION_DAYS; returns how many it were."""
    days = settings.AUDIT_RETENTION_DAYS
    if not days:
        return 0
    # By the base manager: what people can reach refuses to delete.
    old = AuditRecord._base_manager.filter(pk__lt=first_id_at(now - timedelta(days=days)))
    with transaction.atomic():
        ids = list(
            old.select_for_update(skip_locked=True).order_by("pk").values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE]
        )
        if ids:
            old.filter(pk__in=ids).delete()
    return len(ids)


def as_plain(row: AuditRecord) -> dict[str, Any]:
    """A row as exports have it: names and order are theirs to rely on."""
    return {
        "id": str(row.pk),
        "at": row.at.isoformat(),
        "act": row.act,
        "actor_id": row.actor_id,
        "actor": row.actor_name,
        "via": row.via,
        "address": row.address,
        "subject_kind": row.subject_kind,
        "subject_id": row.subject_id,
        "subject": row.subject_name,
        "count": row.count,
        "details": row.details,
    }


def _kept(row: AuditRecord, now: datetime) -> None:
    words = {"event": f"audit.{row.act}", "audit_id": str(row.pk), "actor": row.actor_name, "via": row.via}
    logger.info("%s: %s", row.actor_name or "somebody", row.get_act_display(), extra=words)
    forget_old(now=now)


def _via(request: HttpRequest | None) -> str:
    if request is None:
        return "command"
    # Set by the API's gate, once it has looked at the token.
    return str(getattr(request, "token_prefix", "") or "session")


def _text(value: object) -> str:
    return _SECRETS.sub(HIDDEN, " ".join(str(value).replace("\0", "").split()))[:TEXT]


def _plain(value: Detail) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return _text(value)
    return [_text(one) for one in list(value)[:NAMES]]


def _signed_in(user: Any, request: HttpRequest | None = None, **_: Any) -> None:
    audit.record(Act.SIGNED_IN, now=timezone.now(), request=request, actor=user, subject=user)


def _signed_out(user: Any, request: HttpRequest | None = None, **_: Any) -> None:
    if isinstance(user, User):
        audit.record(Act.SIGNED_OUT, now=timezone.now(), request=request, actor=user, subject=user)


def _sign_in_failed(credentials: Mapping[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    # Some type their password where the name goes: only a name that there is, is written down.
    name = str(credentials.get("username", "")).replace("\0", "")
    known = User.objects.filter(username=name).first()
    audit.record(
        Act.SIGN_IN_FAILED,
        now=timezone.now(),
        request=request,
        subject=known,
        actor_name=known.get_username() if known else "",
        known=known is not None,
    )
