"""Keeps what a run says for its result, and decides what of a recurring run its transcript shows. Pure."""

from conversations.changes import Response
from conversations.events import ComponentType, Event
from tasks.services.texts import SHOWN_ABOVE

RESULT_MAX = 200_000
"""Characters of a result that are kept: the transcript holds the whole text of a once task anyway."""

SWALLOWED = frozenset(
    {
        Event.MESSAGE_CHUNK,
        Event.REASONING_STARTED,
        Event.REASONING,
        Event.REASONING_COMPLETED,
        Event.TOOL_CALL_STARTED,
        Event.TOOL_CALL_COMPLETED,
    }
)
"""What a recurring run does not show: its text becomes one `scheduled_task_result` (valuecell.md)."""


class Accumulator:
    """Collects the answer of one run. For a recurring task it also swallows what makes the result."""

    def __init__(self, *, recurring: bool) -> None:
        self._recurring = recurring
        self._texts: dict[str, list[str]] = {}
        """The paragraphs of the answer, by key (those without one are numbered), in order."""
        self._messages: list[str] = []
        self._artifacts: dict[str, list[str]] = {}
        self._paragraph = 0
        self._length = 0
        self.anything = False
        """Whether the run said or showed something besides its reasoning."""

    def take(self, response: Response) -> bool:
        """Keep the text of `response`; returns whether the transcript shows it."""
        event, key = response.event, response.key
        content = response.payload.get("content")
        text = content if isinstance(content, str) else ""
        if event == Event.MESSAGE_CHUNK:
            parts = self._texts.setdefault(key or f"#{self._paragraph}", [])
            if key and not response.append:
                parts.clear()
            self._keep(parts, text)
        else:
            self._paragraph += 1
            if event == Event.MESSAGE:
                part: list[str] = []
                self._keep(part, text)
                self._messages.extend(part)
            elif event == Event.REASONING_COMPLETED and key:
                # What was shown as text turned out to be progress: it is no part of the answer.
                self._texts.pop(key, None)
            elif event == Event.COMPONENT_GENERATOR:
                self._component(response, text)
        return not (self._recurring and event in SWALLOWED)

    def result(self) -> str:
        """The run's answer: its text; where it has none its messages, or its text artifacts; empty: no output."""
        for parts in (self._texts.values(), ([m] for m in self._messages), self._artifacts.values()):
            if text := "\n\n".join(joined for part in parts if (joined := "".join(part).strip())):
                return text
        return SHOWN_ABOVE if self.anything else ""

    def _component(self, response: Response, text: str) -> None:
        self.anything = True
        if response.payload.get("component_type") != ComponentType.ARTIFACT:
            return
        if not response.append:
            self._artifacts[response.key] = []
        self._keep(self._artifacts.setdefault(response.key, []), text)

    def _keep(self, parts: list[str], text: str) -> None:
        if text and self._length < RESULT_MAX:
            parts.append(text[: RESULT_MAX - self._length])
            self._length += len(parts[-1])
