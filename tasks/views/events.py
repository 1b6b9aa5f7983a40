"""What pages show of events: a task's hooks with what came in, a person's webhooks with what went out."""

from typing import Any

from django.contrib.auth.models import User
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from tasks.models import HookDelivery, Outcome, Outgoing, SendStatus, Task, TaskHook, Webhook, WebhookEvent
from tasks.states import TASK_ENDED

SHOWN = 20
"""Deliveries on a page; the API lists all."""
_OUTCOMES = {
    Outcome.STARTED: ("succeeded", lazy("started")),
    Outcome.QUEUED: ("queued", lazy("queued")),
    Outcome.SKIPPED: ("skipped", lazy("skipped")),
    Outcome.FILTERED: ("skipped", lazy("filtered")),
    Outcome.LIMITED: ("skipped", lazy("limited")),
    Outcome.FAILED: ("failed", lazy("failed")),
}
_STATUSES = {
    SendStatus.PENDING: ("queued", lazy("waiting")),
    SendStatus.DELIVERED: ("succeeded", lazy("delivered")),
    SendStatus.FAILED: ("failed", lazy("given up")),
}
_EVENTS = {
    WebhookEvent.RUN_FINISHED: lazy("a run finished"),
    WebhookEvent.TASK_FAILED: lazy("a task failed"),
    WebhookEvent.WAITING_FOR_INPUT: lazy("an agent asks something"),
    WebhookEvent.TASK_PAUSED: lazy("a task was paused"),
    WebhookEvent.TASK_RECOVERED: lazy("a task recovered"),
}


def hooks_of(task: Task) -> dict[str, Any]:
    """The context of `parts/hooks.html`: two queries, whatever their number."""
    hooks = list(TaskHook.objects.filter(task=task).order_by("-id"))
    came = HookDelivery.objects.filter(hook__task=task).defer("payload").order_by("-id")[:SHOWN] if hooks else []
    return {
        "takes_hooks": task.recurring and task.status not in TASK_ENDED,
        "hooks": [
            {
                "id": hook.pk,
                "url": hook.url,
                "mark": _mark(hook.pk),
                "limit": hook.rate_limit,
                "filter": [f"{path} = {_shown(value)}" for path, value in hook.filter.items()],
            }
            for hook in hooks
        ],
        "came": [
            {
                "at": row.received_at,
                "hook": _mark(row.hook_id),
                "phase": _OUTCOMES[Outcome(row.outcome)][0],
                "word": _OUTCOMES[Outcome(row.outcome)][1],
                "reason": row.reason,
                "run_id": row.run_id,
            }
            for row in came
        ],
    }


def webhooks_of(user: User) -> dict[str, Any]:
    """The context of `parts/webhooks.html`: two queries, whatever their number."""
    webhooks = list(Webhook.objects.filter(user=user).order_by("-id"))
    sent = Outgoing.objects.filter(webhook__in=webhooks).defer("payload").order_by("-id")[:SHOWN] if webhooks else []
    urls = {webhook.pk: webhook.url for webhook in webhooks}
    return {
        "webhooks": [
            {
                "id": webhook.pk,
                "url": webhook.url,
                "enabled": webhook.enabled,
                "events": ", ".join(str(_EVENTS[WebhookEvent(name)]) for name in webhook.events if name in _EVENTS),
            }
            for webhook in webhooks
        ],
        "webhook_events": [(str(event), word) for event, word in _EVENTS.items()],
        "sent": [
            {
                "at": row.created_at,
                "url": urls[row.webhook_id] if row.webhook_id else "",
                "event": _EVENTS.get(row.event, _("a test")),  # type: ignore[call-overload]
                "phase": _STATUSES[SendStatus(row.status)][0],
                "word": _STATUSES[SendStatus(row.status)][1],
                "attempts": row.attempts,
                "next": row.next_try_at,
                "said": " · ".join(filter(None, [str(row.response_status or ""), row.response_excerpt[:200]])),
            }
            for row in sent
        ],
    }


def _mark(pk: object) -> str:
    """The end of an id, which tells a task's few hooks apart (they begin alike: with the time)."""
    return str(pk)[-4:]


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return _("there") if value.get("exists") else _("not there")
    values = value if isinstance(value, list) else [value]
    return _(" or ").join("null" if one is None else str(one) for one in values)
