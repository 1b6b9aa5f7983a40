"""What an A2A message asks for, read from its parts and metadata. Pure.

A skill is named by a data part or by metadata (`{"skill": "list", …}`), or by a text that can mean nothing else;
everything else is a request, as a person would type it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from a2a.types import a2a_pb2
from a2a.utils.errors import ContentTypeNotSupportedError
from google.protobuf.json_format import MessageToDict, SerializeToJsonError
from pydantic import BaseModel, ConfigDict, Field

from tasks.gateways.a2a.errors import invalid
from tasks.schemas.inputs import MessageIn
from tasks.scopes import Scope
from tasks.states import Phase, TaskStatus


class Skill(StrEnum):
    """What the agent card says that can be asked for."""

    RUN = "run"
    SCHEDULE = "schedule"
    LIST = "list"
    CANCEL = "cancel"
    RESULTS = "results"


SCOPES = {
    Skill.RUN: Scope.RUN,
    Skill.SCHEDULE: Scope.RUN,
    Skill.LIST: Scope.READ,
    Skill.CANCEL: Scope.MANAGE,
    Skill.RESULTS: Scope.READ,
}
RUN_BY = "run:"
"""The skills of the extended card: `run:NAME` asks the agent NAME."""
BORROWED = ("skill", "agent_name", "schedule", "title", "task_id", "status", "phase", "limit")
"""Keys of metadata that are read where they name a skill; others are the client's own. Without one: `agent_name`."""


class ListIn(BaseModel):
    """Which tasks to list."""

    model_config = ConfigDict(extra="forbid")

    status: TaskStatus | None = None
    phase: Phase | None = None
    agent_name: str | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20


class OneIn(BaseModel):
    """Which task is meant."""

    model_config = ConfigDict(extra="forbid")

    task_id: str = ""


class ResultsIn(OneIn):
    """Of which task, and how many of its newest results."""

    limit: Annotated[int, Field(ge=1, le=50)] = 5


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One message, understood."""

    skill: Skill
    message: MessageIn | None = None
    """What to run or schedule."""
    listing: ListIn | None = None
    task_id: str = ""
    """The task to cancel, or whose results are wanted."""
    title: str = ""
    """What a plain text says that is to be cancelled: meant where exactly one unfinished task has that title."""
    limit: int = 5
    answers: str = ""
    """The remote task that the message goes on with: its question is answered."""
    context_id: str = ""
    """The conversation; empty: a new one."""

    @property
    def scope(self) -> Scope:
        """What a token must be allowed for this."""
        return SCOPES[self.skill]


_ID = r"(?P<id>[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12})"
_POLITE = r"(?:please )?"
_LIST = re.compile(rf"{_POLITE}(?:(?:list|show)(?: me)?(?: all)?(?: (?:of )?(?:my|the))?|what are my) tasks", re.I)
_CANCEL = re.compile(rf"{_POLITE}cancel (?:(?:the |my )?task )?{_ID}", re.I)
_RESULTS = re.compile(
    rf"{_POLITE}(?:(?:show|get|list)(?: me)? )?(?:the )?(?:latest )?results? (?:of|for) (?:(?:the |my )?task )?{_ID}",
    re.I,
)
_CANCEL_TITLE = re.compile(rf"{_POLITE}cancel (?:(?:the |my )?task )?[“\"']?(?P<title>.+?)[”\"']?", re.I)


def read(sent: a2a_pb2.SendMessageRequest) -> Asked:
    """What is asked. Raises `ContentTypeNotSupportedError`, `InvalidParamsError` and pydantic's `ValidationError`."""
    message = sent.message
    if message.role == a2a_pb2.Role.ROLE_AGENT:
        raise invalid("Messages to this agent are a user's.", [("message.role", "Write ROLE_USER.")])
    text, named = _parts(message)
    given = {**_borrowed(sent), **_borrowed(message), **(named or {})}
    if message.task_id and "skill" not in given:
        _needs(text)
        return Asked(
            skill=Skill.RUN, message=MessageIn(text=text), answers=message.task_id, context_id=message.context_id
        )
    plain = "skill" not in given and not given.get("agent_name")
    if plain and (understood := _understood(text)):
        return Asked(**understood, context_id=message.context_id)
    skill, given = _skill(given)
    mentioned = message.task_id or next(iter(message.reference_task_ids), "")
    match skill:
        case Skill.LIST:
            return Asked(skill=skill, listing=ListIn(**_taken(given, named, ListIn)), context_id=message.context_id)
        case Skill.CANCEL | Skill.RESULTS:
            model = ResultsIn if skill == Skill.RESULTS else OneIn
            one = model(**_taken(given, named, model))
            task_id = one.task_id or mentioned or _id_in(text)
            if not task_id:
                raise invalid("Say which task: put its id into task_id.", [("task_id", "Write the id of a task.")])
            limit = one.limit if isinstance(one, ResultsIn) else 1
            return Asked(skill=skill, task_id=task_id, limit=limit, context_id=message.context_id)
    wanted = _taken(given, named, MessageIn)
    text = wanted.pop("text", None) or text
    if isinstance(text, str):
        _needs(text)
    # What is no answer starts something new, also in a conversation that waits for an answer.
    wish = MessageIn(text=text, new_plan=True, **wanted)
    title = _cancels(text) if plain else ""
    return Asked(skill=skill, message=wish, title=title, answers=message.task_id, context_id=message.context_id)


def _parts(message: a2a_pb2.Message) -> tuple[str, dict[str, Any] | None]:
    """The text, and the data part that names a skill. Data that names none stands below the text, as JSON."""
    texts: list[str] = []
    named: dict[str, Any] | None = None
    for number, part in enumerate(message.parts):
        kind = part.WhichOneof("content")
        if kind == "text":
            if part.text.strip():
                texts.append(part.text)
        elif kind == "data":
            data = _plain(part.data)
            if isinstance(data, dict) and isinstance(data.get("skill"), str):
                if named is not None:
                    raise invalid("Name one skill in one message.", [(f"message.parts[{number}]", "Leave it out.")])
                named = data
            else:
                texts.append(f"```json\n{json.dumps(data, ensure_ascii=False, indent=2)}\n```")
        elif kind is None:
            raise invalid("A part is empty.", [(f"message.parts[{number}]", "Give it a text or data.")])
        else:
            media = part.media_type or kind
            raise ContentTypeNotSupportedError(
                f"Part {number + 1} is a file ({media}): send text (text/plain) and data (application/json)."
            )
    return "\n\n".join(texts), named


def _plain(value: Any) -> Any:
    """JSON that was sent. The SDK makes every number a float: whole ones are made whole again, and what a float cannot
    hold is refused.
    """
    try:
        return _whole_again(MessageToDict(value))
    except (SerializeToJsonError, ValueError) as error:
        raise invalid(f"The data is no JSON: {error}") from None


def _whole_again(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _whole_again(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_whole_again(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _borrowed(sent: a2a_pb2.SendMessageRequest | a2a_pb2.Message) -> dict[str, Any]:
    if not sent.HasField("metadata"):
        return {}
    given = _plain(sent.metadata)
    names = BORROWED if "skill" in given else ("agent_name",)
    return {name: given[name] for name in names if given.get(name) not in (None, "")}


def _taken(given: Mapping[str, Any], named: Mapping[str, Any] | None, model: type[BaseModel]) -> dict[str, Any]:
    """The arguments: of a data part all, so that a misspelt one is refused; of metadata those that are meant."""
    own = set(named or ()) | set(model.model_fields)
    return {name: value for name, value in given.items() if name in own and name not in ("skill", "new_plan")}


def _skill(given: dict[str, Any]) -> tuple[Skill, dict[str, Any]]:
    name = given.get("skill", Skill.RUN)
    if isinstance(name, str) and name.startswith(RUN_BY):
        return Skill.RUN, {**given, "agent_name": name.removeprefix(RUN_BY)}
    try:
        return Skill(name), given
    except ValueError:
        known = ", ".join(Skill)
        told = f"There is no skill “{name}”: there are {known}."
        raise invalid(told, [("skill", f"Write one of {known}.")]) from None


def _needs(text: str) -> None:
    if not text.strip():
        raise invalid("Say something: the message has no text.", [("message.parts", "Write a text part.")])


def _understood(text: str) -> dict[str, Any] | None:
    """What a plain text means, where it can mean nothing else."""
    line = " ".join(text.split()).rstrip(".!?")
    if _LIST.fullmatch(line):
        return {"skill": Skill.LIST, "listing": ListIn()}
    if found := _CANCEL.fullmatch(line):
        return {"skill": Skill.CANCEL, "task_id": found["id"]}
    if found := _RESULTS.fullmatch(line):
        return {"skill": Skill.RESULTS, "task_id": found["id"]}
    return None


def _cancels(text: str) -> str:
    found = _CANCEL_TITLE.fullmatch(" ".join(text.split()))
    return found["title"] if found else ""


def _id_in(text: str) -> str:
    found = re.search(_ID, text, re.I)
    return found["id"] if found else ""
