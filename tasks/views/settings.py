"""The person's settings: theme and zone (in the browser), the calendar's link, webhooks, programs, the way out."""

from django.conf import settings as site
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from tasks.views.events import webhooks_of
from tasks.views.feeds import link
from tasks.views.frame import frame, person


@login_required
@require_GET
def settings(request: HttpRequest) -> HttpResponse:
    """`/settings/`."""
    context = {**frame(request, "settings"), **link(person(request)), "api_base": site.PUBLIC_URL}
    context |= webhooks_of(person(request))
    return render(request, "settings/settings.html", context)
