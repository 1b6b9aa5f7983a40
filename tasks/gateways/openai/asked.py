"""What a chat client sends, read: its history, its new text, and whether anything is asked that no agent can do. Pure.

Sampling parameters (`temperature`, `max_tokens`, …) are taken and have no effect: an agent decides these itself. What
would change the meaning of the answer, as tools do, is refused.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from conversations.wire import Invalid
from tasks import templating

MESSAGES_MAX = 2_000
TEXT_KINDS = frozenset({"text", "input_text", "output_text", "refusal"})

Turn = tuple[str, str]
"""Who said what: `user` or `assistant`, and the text."""


class PartIn(BaseModel):
    """A part of a message's content."""

    model_config = ConfigDict(extra="ignore")

    type: str
    text: str | None = None
    refusal: str | None = None


class MessageIn(BaseModel):
    """A message of the history."""

    model_config = ConfigDict(extra="ignore")

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[PartIn] | None = None


class StreamOptionsIn(BaseModel):
    """What a stream shall end with."""

    model_config = ConfigDict(extra="ignore")

    include_usage: bool | None = None


class ChatIn(BaseModel):
    """`POST /v1/chat/completions`. Keys that are not here are taken and have no effect."""

    model_config = ConfigDict(extra="ignore")

    model: Annotated[str, Field(min_length=1, max_length=200)]
    messages: Annotated[list[MessageIn], Field(min_length=1, max_length=MESSAGES_MAX)]
    stream: bool | None = None
    stream_options: StreamOptionsIn | None = None
    n: int | None = None
    tools: list[Any] | None = None
    functions: list[Any] | None = None
    response_format: dict[str, Any] | None = None
    modalities: list[str] | None = None
    logprobs: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Chat:
    """What is asked, in the form in which it is compared and given."""

    model: str
    instructions: str
    """What system and developer messages say."""
    history: tuple[Turn, ...]
    """What was said before, up to the last answer; neighbours of one speaker joined."""
    text: str
    """What is said now."""

    @property
    def before(self) -> str:
        """The digest of the history that came along; empty without one."""
        return digest(self.model, self.history) if self.history else ""

    @property
    def before_unanswered(self) -> str:
        """The same without the last answer, for one of which the client has only a part."""
        return digest(self.model, self.history[:-1]) if self.history else ""

    @property
    def asked(self) -> str:
        """The digest of everything that came."""
        return digest(self.model, (*self.history, ("user", self.text)))

    def answered(self, answer: str) -> str:
        """The digest of what the client will send before its next text."""
        return digest(self.model, (*self.history, ("user", self.text), ("assistant", answer)))

    def to_agent(self, *, known: bool) -> str:
        """The text for the agent. Where it does not know the history (`known`), that stands below what is said now, and
        the instructions too: agents have no other place for either.

        A chat's text is meant literally, so braces in it are no template.
        """
        parts = [self.text]
        if not known and self.instructions:
            parts.append(f"---\nInstructions that came with this:\n{self.instructions}")
        if not known and self.history:
            said = "\n".join(f"{role.capitalize()}: {text}" for role, text in self.history)
            parts.append(f"---\nWhat was said before:\n{said}")
        text = "\n\n".join(parts)
        return f"{{% raw %}}{text}{{% endraw %}}" if templating.is_template(text) else text


def digest(model: str, turns: Iterable[Turn]) -> str:
    """A digest of who said what to which model. White space does not count: clients trim it."""
    said = [[role, " ".join(text.split())] for role, text in turns]
    return sha256(json.dumps([model, said]).encode()).hexdigest()


def read(sent: ChatIn) -> Chat:
    """What was asked. Raises Invalid, on the field to change, for what no agent can do."""
    _refuse_what_nobody_does(sent)
    instructions: list[str] = []
    turns: list[Turn] = []
    for number, message in enumerate(sent.messages):
        text = _text(message, number)
        if message.role in ("system", "developer"):
            instructions.append(text)
        elif message.role in ("user", "assistant"):
            turns.append((message.role, text))
        else:
            raise Invalid.at(
                f"messages.{number}.role", "Agents call no tools of the client: leave out messages of tools."
            )
    turns = _joined(turns)
    if not turns or turns[-1][0] != "user" or not turns[-1][1].strip():
        raise Invalid.at("messages", "The last message must be the user's, and say something.")
    return Chat(
        model=sent.model,
        instructions="\n\n".join(text for text in instructions if text.strip()),
        history=tuple(turns[:-1]),
        text=turns[-1][1],
    )


def _joined(turns: Sequence[Turn]) -> list[Turn]:
    joined: list[Turn] = []
    for role, text in turns:
        if joined and joined[-1][0] == role:
            joined[-1] = (role, f"{joined[-1][1]}\n\n{text}")
        else:
            joined.append((role, text))
    return joined


def _text(message: MessageIn, number: int) -> str:
    if message.content is None:
        return ""
    if isinstance(message.content, str):
        return message.content
    texts = []
    for place, part in enumerate(message.content):
        if part.type not in TEXT_KINDS:
            raise Invalid.at(
                f"messages.{number}.content.{place}.type", f"Agents here take text, not “{part.type}”: send text only."
            )
        texts.append(part.text or part.refusal or "")
    return "\n".join(texts)


def _refuse_what_nobody_does(sent: ChatIn) -> None:
    if sent.n is not None and sent.n != 1:
        raise Invalid.at("n", "An agent gives one answer: write 1, or leave it out.")
    for name in ("tools", "functions"):
        if getattr(sent, name):
            raise Invalid.at(name, "Agents use their own tools, and call none of the client's: leave it out.")
    kind = (sent.response_format or {}).get("type", "text")
    if kind != "text":
        raise Invalid.at("response_format", f"Agents answer in text; “{kind}” cannot be promised: leave it out.")
    if sent.modalities is not None and sent.modalities != ["text"]:
        raise Invalid.at("modalities", 'Agents here answer in text: write ["text"], or leave it out.')
    if sent.logprobs:
        raise Invalid.at("logprobs", "Agents tell no probabilities: leave it out.")
