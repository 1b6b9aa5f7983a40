"""How many times a schedule has in a range: what the dialog of a backfill shows before anything is made up for."""

from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.http import require_GET

from tasks import schedules
from tasks.models import Task
from tasks.services.extra_runs import BACKFILL_MAX
from tasks.views.frame import person

_INSTANT = timedelta(microseconds=1)


@login_required
@require_GET
def slots(request: HttpRequest, task_id: UUID) -> JsonResponse:
    """`/tasks/{id}/slots/?from=&to=` (ISO 8601 with offset, both ends count): `{"count", "most"}`.

    `count` is null where the range is none, and at most one more than `most`, which one backfill may make up for.
    """
    task = Task.objects.for_user(person(request)).filter(pk=task_id).first()
    if task is None:
        raise Http404
    begin, end = _moment(request.GET.get("from", "")), _moment(request.GET.get("to", ""))
    count = None
    if begin is not None and end is not None and begin <= end and task.recurring:
        count = schedules.count_between(
            task.schedule, begin - _INSTANT, end, anchor=task.anchor_at, limit=BACKFILL_MAX + 1
        )
    return JsonResponse({"count": count, "most": BACKFILL_MAX})


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        return None
    # Years at the ends of the calendar have no day before or after them.
    return found if found.tzinfo is not None and 1970 <= found.year < 9990 else None
