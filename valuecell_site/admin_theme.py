"""How admin looks: the theme's settings, in the colours of the application's own pages (static/site/tokens.css)."""

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy

_BASE = {
    "50": "oklch(98.8% .002 250)",
    "100": "oklch(96.6% .004 250)",
    "200": "oklch(91.5% .006 250)",
    "300": "oklch(84% .01 255)",
    "400": "oklch(69% .014 260)",
    "500": "oklch(51% .018 260)",
    "600": "oklch(43% .02 260)",
    "700": "oklch(34% .018 260)",
    "800": "oklch(27% .016 260)",
    "900": "oklch(20.5% .013 260)",
    "950": "oklch(17.5% .012 260)",
}
_PRIMARY = {
    "50": "oklch(97.5% .014 268)",
    "100": "oklch(95.5% .025 268)",
    "200": "oklch(91% .05 268)",
    "300": "oklch(84% .09 268)",
    "400": "oklch(74% .13 268)",
    "500": "oklch(64% .155 268)",
    "600": "oklch(50% .17 268)",
    "700": "oklch(44% .16 268)",
    "800": "oklch(38% .13 268)",
    "900": "oklch(32% .1 268)",
    "950": "oklch(25% .07 268)",
}


def _icon(_: HttpRequest) -> str:
    return static("site/favicon.svg")


def _may_view(model: str) -> Callable[[HttpRequest], bool]:
    app, name = model.split(".")

    def allowed(request: HttpRequest) -> bool:
        return any(request.user.has_perm(f"{app}.{verb}_{name}") for verb in ("view", "change"))

    return allowed


def _page(title: str, icon: str, model: str) -> Mapping[str, Any]:
    address = reverse_lazy(f"admin:{model.replace('.', '_')}_changelist")
    return {"title": title, "icon": icon, "link": address, "permission": _may_view(model)}


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "ValueCell Tasks",
    "SITE_HEADER": "ValueCell Tasks",
    "SITE_URL": "/",
    "SITE_ICON": _icon,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _icon}],
    "SHOW_HISTORY": True,
    "ENVIRONMENT": "tasks.admin.operation.badge",  # on every page of admin, while runs are held
    "LOGIN": {"form": "valuecell_site.signin.AdminSignInForm"},
    "BORDER_RADIUS": "8px",  # a value with a dot is taken for a name to import
    "COLORS": {"base": _BASE, "primary": _PRIMARY},
    "SIDEBAR": {
        "navigation": [
            {
                "title": "Work",
                "items": [
                    _page("Operation", "monitoring", "tasks.switches"),
                    _page("Tasks", "checklist", "tasks.task"),
                    _page("Runs", "play_circle", "tasks.taskrun"),
                    _page("Conversations", "forum", "conversations.conversation"),
                    _page("Agents", "smart_toy", "tasks.agent"),
                ],
            },
            {
                "title": "What happened",
                "separator": True,
                "items": [
                    _page("Plans", "account_tree", "tasks.executionplan"),
                    _page("Transitions", "history", "tasks.tasktransition"),
                    _page("Items", "chat", "conversations.conversationitem"),
                ],
            },
            {
                "title": "People",
                "separator": True,
                "items": [
                    _page("Users", "person", "auth.user"),
                    _page("Groups", "group", "auth.group"),
                    _page("API tokens", "key", "valuecell_site.apitoken"),
                    _page("Audit", "policy", "valuecell_site.auditrecord"),
                ],
            },
        ]
    },
}
"""django-unfold's settings."""
