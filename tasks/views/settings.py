"""The person's settings: theme and zone (kept by the browser), how programs sign in, and the way out."""

from django.conf import settings as site
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from tasks.views.frame import frame


@login_required
@require_GET
def settings(request: HttpRequest) -> HttpResponse:
    """`/settings/`."""
    context = {**frame(request, "settings"), "api_base": site.PUBLIC_URL}
    return render(request, "settings/settings.html", context)
