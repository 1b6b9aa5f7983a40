"""What a browser keeps for the time without a connection: one page that says so, and the worker that shows it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.http import require_safe

from valuecell_site.static_files import version

FILES = (
    "site/theme.js",
    "site/favicon.svg",
    "site/icons.svg",
    "site/tokens.css",
    "site/parts.css",
    "site/frame.css",
    "site/offline_page.js",
    "site/vendor/fonts/inter-latin-wght-normal.woff2",
)
"""What that page loads."""


@require_safe
def page(_request: HttpRequest) -> HttpResponse:
    """`/offline/`, made without the request: it is kept, and nothing of a session may be in it."""
    return HttpResponse(render_to_string("offline.html"))


@require_safe
def worker(request: HttpRequest) -> HttpResponse:
    """`/offline_worker.js`: at the root, since a worker rules only over addresses below its own.

    Its text changes with the static files, by which a browser knows that there are newer ones to keep.
    """
    context = {
        "name": f"offline-{version()}",
        "page": reverse("offline"),
        "files": [static(name) for name in FILES],
    }
    response = render(request, "offline_worker.js", context, content_type="text/javascript; charset=utf-8")
    response["Cache-Control"] = "no-cache"
    return response
