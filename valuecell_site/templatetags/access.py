"""What opens a person's account, for the settings page: `{% access as access %}`."""

from typing import Any

from django import template
from django.utils import timezone
from django.utils.translation import gettext_lazy as lazy

from tasks.scopes import EVERYTHING, Scope, granted
from valuecell_site.devices import devices_of
from valuecell_site.models import ApiToken
from valuecell_site.tokens import TOKENS_MAX

register = template.Library()

MAY = {Scope.READ: lazy("read"), Scope.RUN: lazy("give work"), Scope.MANAGE: lazy("change and stop")}


@register.simple_tag(takes_context=True)
def access(context: Any) -> dict[str, Any]:
    """The person's tokens that are not revoked, newest first, and their signed-in devices. Four queries."""
    request, now = context["request"], timezone.now()
    tokens = ApiToken.objects.filter(user=request.user, revoked_at=None).order_by("-id")[:TOKENS_MAX]
    return {
        "tokens": [
            {
                "id": token.pk,
                "name": token.name,
                "prefix": token.prefix,
                "may": _may(token),
                "created_at": token.created_at,
                "last_used_at": token.last_used_at,
                "expires_at": token.expires_at,
                "over": not token.valid(now),
            }
            for token in tokens
        ],
        "devices": devices_of(request.user, request.session.session_key),
    }


def _may(token: ApiToken) -> list[str]:
    """The words for its scopes; none where it may do everything."""
    held = granted(token.scopes)
    return [] if held == EVERYTHING else [str(word) for scope, word in MAY.items() if scope in held]
