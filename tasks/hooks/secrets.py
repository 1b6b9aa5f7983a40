"""The secret of a hook or webhook by its id, for a repeated creation that is answered as it was before.

Secrets are derived from `SECRET_KEY` whenever they are needed, so that a stored answer can do without.
"""

from tasks.models import TaskHook, Webhook


def of_hook(hook_id: str) -> str | None:
    """The secret of a hook; None where it was deleted. `hook_id` is the text of a UUID that the API gave."""
    hook = TaskHook.objects.filter(pk=hook_id).first()
    return hook.secret if hook else None


def of_webhook(webhook_id: str) -> str | None:
    """The secret of a webhook; None where it was deleted. `webhook_id` is the text of a UUID that the API gave."""
    webhook = Webhook.objects.filter(pk=webhook_id).first()
    return webhook.secret if webhook else None
