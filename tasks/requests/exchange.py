"""What a plan that asks keeps of the exchange: the message as it was sent, what was answered since, and what a planner
was advised. It is all that is needed to go on (`tasks.planner.dialogue`).
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from django.utils import timezone
from pydantic import TypeAdapter

from conversations.changes import Put, Scope
from conversations.events import Event, Role
from conversations.ids import new_id
from tasks import schedules
from tasks.models import ExecutionPlan
from tasks.planner import Answer, Planned, Request, Step
from tasks.requests.drafts import PLANNER
from tasks.schemas.inputs import MessageIn

_ADVICE = TypeAdapter(dict[str, Planned])


def begun(message: MessageIn, *, now: datetime) -> Request:
    """A message without an agent, as the planner takes it."""
    return Request(
        text=message.text,
        said_at=now,
        timezone=timezone.get_current_timezone_name(),
        scheduled=message.schedule is not None,
        comes_again=_comes_again(message.schedule),
    )


def kept(plan: ExecutionPlan, *more: Answer) -> Request:
    """The exchange that a waiting plan keeps, with what was said now."""
    draft = plan.draft
    answers = [
        Answer(text=answer["text"], at=datetime.fromisoformat(answer["at"]), agent_name=answer["agent_name"])
        for answer in draft["answers"]
    ]
    return Request(
        text=draft["message"]["text"],
        said_at=datetime.fromisoformat(draft["said_at"]),
        timezone=draft["timezone"],
        scheduled=draft["message"].get("schedule") is not None,
        comes_again=_comes_again(draft["message"].get("schedule")),
        answers=(*answers, *more),
        advice=_ADVICE.validate_python(draft.get("advice", {})),
    )


def advised(request: Request, text: str, planned: Planned) -> Request:
    """The exchange with what a planner was told about `text`."""
    return replace(request, advice={**request.advice, text: planned})


def ask(plan: ExecutionPlan, message: MessageIn, asked: Request, step: Step) -> Put:
    """Let the plan wait for an answer to the step's question; returns the question's item."""
    plan.question = step.question
    plan.draft = {
        "message": message.model_dump(mode="json", exclude_unset=True),
        "said_at": asked.said_at.isoformat(),
        "timezone": asked.timezone,
        "asks": step.asks,
        "answers": [
            {"text": answer.text, "at": answer.at.isoformat(), "agent_name": answer.agent_name}
            for answer in asked.answers
        ],
        "advice": _ADVICE.dump_python(dict(asked.advice), mode="json"),
    }
    plan.save(update_fields=["question", "draft"])
    # Pages offer buttons by `asks`, and show the times of `proposal` as they show any schedule's.
    metadata: dict[str, Any] = {"plan_id": str(plan.pk), "asks": step.asks}
    if step.proposal:
        metadata["proposal"] = step.proposal
    scope = Scope(conversation_id=plan.conversation_id, role=Role.AGENT, agent_name=PLANNER, thread_id=plan.thread_id)
    return Put(
        scope=scope,
        item_id=new_id(),
        event=Event.PLAN_REQUIRE_USER_INPUT,
        payload={"content": plan.question},
        metadata=metadata,
    )


def _comes_again(schedule: dict[str, Any] | None) -> bool:
    """Whether a schedule in the contract's form, checked or about to be, is a recurring one."""
    return any((schedule or {}).get(kind) is not None for kind in schedules.KINDS)
