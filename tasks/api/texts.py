"""Looking at a task's text as its agent would get it, before it is sent."""

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from ninja import Router
from pydantic import BaseModel, ConfigDict, Field

from conversations.described import described
from conversations.wire import Invalid, answer, optional_id, person, read_body
from tasks import schedules, templating
from tasks.errors import InvalidInput
from tasks.models import Task
from tasks.schedules import ScheduleError
from tasks.schemas.inputs import Text
from tasks.schemas.outputs import TextOut
from tasks.services import TaskService, texts

router = Router(tags=["tasks"])


class TextIn(BaseModel):
    """`POST /tasks/preview-text`: a text, and the task that it is for, or the schedule of one still to be made."""

    model_config = ConfigDict(extra="forbid")

    query: Text
    task_id: str | None = None
    schedule: dict[str, Any] | None = None
    only_changes: bool | None = None
    event: Any = Field(default=None, description="A value of JSON to stand for `event`.")


@router.post("/preview-text", response={200: TextOut}, openapi_extra=described(body=TextIn))
def preview_text(request: HttpRequest) -> JsonResponse:
    """What the agent would get at the next run: values filled in, the last result too. Nothing is made or sent.

    What is wrong with the text is said on `query`; a value that only an event brings, on `event`.
    """
    sent = read_body(request, TextIn)
    now = timezone.now()
    if sent.task_id is not None:
        task = _own(request, sent.task_id)
        texts.check_of(task, sent.query)
    else:
        task = Task(user=person(request))
        try:
            zone = timezone.get_current_timezone_name()
            task.schedule = schedules.parse(sent.schedule or {}, now=now, default_timezone=zone)
        except ScheduleError as error:
            raise InvalidInput({f"schedule.{name}": words for name, words in error.fields.items()}) from None
        texts.check(sent.query, recurring=task.recurring)
        task.next_slot_at = schedules.first_slot(task.schedule, now=now, anchor=task.start_at or now)
    if sent.only_changes is not None:
        task.only_changes = sent.only_changes
    text = TaskService.previewed(task, sent.query, event=sent.event, now=now)
    return answer({"text": text, "names": templating.names(sent.query)})


def _own(request: HttpRequest, task_id: str) -> Task:
    pk = optional_id(task_id)
    found = Task.objects.for_user(person(request)).select_related("plan").filter(pk=pk).first() if pk else None
    if found is None:
        raise Invalid.at("task_id", "You have no such task: send the id of one of yours, or a schedule.")
    return found
