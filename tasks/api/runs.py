"""One run by the JSON API; a task's runs are listed at the task."""

from django.http import HttpRequest, JsonResponse
from ninja import Router

from conversations.wire import answer
from tasks.api.owned import own_run
from tasks.schemas.outputs import RunOut, run_out

router = Router(tags=["runs"])


@router.get("/{run_id}", response={200: RunOut})
def get_run(request: HttpRequest, run_id: str) -> JsonResponse:
    """One run."""
    return answer(run_out(own_run(request, run_id)))
