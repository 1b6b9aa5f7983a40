"""What follows when a person's account is switched off or on: sockets close, tasks rest, and all goes on again.

Sessions, tokens, hooks and feeds need no word: each asks whether its owner is active whenever it is used.
"""

import logging
from functools import partial
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from conversations.hub import Close, hub
from tasks.services import TaskService

logger = logging.getLogger(__name__)


def account_saved(instance: User, *, created: bool, update_fields: Any = None, **_: Any) -> None:
    """Django's `post_save` of a person: once it is committed, follow what became of their account."""
    if not created and (update_fields is None or "is_active" in update_fields):
        transaction.on_commit(partial(follow, instance.pk))


def follow(user_id: int) -> None:
    """Bring sockets and tasks of a person in line with whether their account is active."""
    active = User.objects.filter(pk=user_id).values_list("is_active", flat=True).first()
    now, number = timezone.now(), 0
    if active is False:
        hub.close_user(user_id, Close.SIGNED_OUT)
        number = TaskService.rest_for_owner(user_id, now=now)
    elif active:
        while resumed := TaskService.resume_for_owners([user_id], now=now):
            number += resumed
    if number or active is False:
        event = "account.activated" if active else "account.deactivated"
        logger.info("%d tasks follow their owner's account", number, extra={"event": event, "user_id": user_id})
