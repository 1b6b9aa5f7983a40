"""What a run has said so far, remembered in little memory: for texts, events and snapshots that say it again. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import blake2b

from a2a.types import Message

REMEMBERED = 10_000
"""Message ids that are kept of one run; a snapshot of a longer one is compared from the last known id on."""
FOLD = 256
"""Texts that are collected before they are hashed together."""


class Print:
    """A fingerprint of text that grows, whitespace left aside."""

    def __init__(self) -> None:
        self._hash = blake2b(digest_size=16)
        self._texts: list[str] = []

    def add(self, text: str) -> None:
        self._texts.append(text)
        if len(self._texts) >= FOLD:
            self._fold()

    def equals(self, text: str) -> bool:
        """Whether `text` is all that was added, whitespace aside."""
        self._fold()
        return self._hash.digest() == blake2b(_bare(text), digest_size=16).digest()

    def _fold(self) -> None:
        self._hash.update(_bare("".join(self._texts)))
        self._texts.clear()


class Said:
    """The answer's text: as a whole, and its last paragraph."""

    def __init__(self) -> None:
        self._whole = Print()
        self._paragraph = Print()
        self._closed = False
        self.anything = False
        """Whether the answer has begun."""

    def add(self, text: str) -> None:
        """More of the answer."""
        if self._closed:
            self._paragraph = Print()
            self._closed = False
        self.anything = True
        self._whole.add(text)
        self._paragraph.add(text)

    def close(self) -> None:
        """The paragraph ends: the next text begins a new one."""
        self._closed = True

    def repeats(self, text: str) -> bool:
        """Whether `text` is the whole answer, or its last paragraph, once more."""
        return self.anything and (self._whole.equals(text) or self._paragraph.equals(text))


class Seen:
    """Which messages were routed, by id; by text for those of agents that give none, or one id to several texts."""

    def __init__(self) -> None:
        self._ids: dict[str, int | None] = {}
        """The mark of each id's message; None for an id that came with several texts, which names nothing."""
        self._forgot = False
        self._nameless: Counter[int] = Counter()

    def repeated(self, message: Message) -> bool:
        """Note a live message; returns whether it is the same event once more.

        Agents that give all their messages one id are found out by its second text: that id then means nothing.
        """
        message_id, mark = message.message_id, _mark(message)
        if message_id and message_id not in self._ids:
            if len(self._ids) >= REMEMBERED:
                self._forgot = True
                del self._ids[next(iter(self._ids))]
            self._ids[message_id] = mark
            return False
        if message_id and self._ids[message_id] == mark:
            return True
        if message_id:
            self._names_nothing(message_id)
        self._nameless[mark] += 1
        return False

    def unknown(self, messages: Sequence[Message]) -> list[bool]:
        """For each of a snapshot's messages, in its order: whether it is new. Notes those that are."""
        first: dict[str, int] = {}
        for message in messages:
            if first.setdefault(message.message_id, _mark(message)) != _mark(message) and message.message_id:
                self._names_nothing(message.message_id)
        left = Counter(self._nameless)
        last_known = max((i for i, m in enumerate(messages) if m.message_id in self._ids), default=-1)
        found = []
        for index, message in enumerate(messages):
            mark, message_id = _mark(message), message.message_id
            if message_id and self._ids.get(message_id, mark) is not None:
                known = message_id in self._ids or (self._forgot and index < last_known)
                if not known:
                    self.repeated(message)
            else:
                known = left[mark] > 0
                left[mark] -= known
                self._nameless[mark] += not known
            found.append(not known)
        return found

    def _names_nothing(self, message_id: str) -> None:
        before = self._ids.get(message_id)
        self._ids[message_id] = None
        if before is not None:
            self._nameless[before] += 1


class Stored:
    """What the database has of the run, used up piece by piece as a snapshot repeats it."""

    def __init__(self, *, text: str = "", reasoning: str = "", components: Iterable[tuple[str, str]] = ()) -> None:
        self._text = text
        self._reasoning = reasoning
        self._components = Counter(components)

    @property
    def ahead(self) -> bool:
        """Whether stored text is left: what the snapshot says at this point is older than that, so it is stored too."""
        return bool(self._text)

    def rest_of_text(self, text: str) -> str | None:
        """What of `text` is not stored; None where all of it is."""
        self._text, rest = _used(self._text, text)
        return rest

    def rest_of_reasoning(self, text: str) -> str | None:
        """The same for reasoning."""
        self._reasoning, rest = _used(self._reasoning, text)
        return rest

    def is_reasoning(self, text: str) -> bool:
        """Whether a text of unknown kind is the next of the stored reasoning (and not of the text); uses it up."""
        if self._reasoning.startswith(text) and not self._text.startswith(text):
            self._reasoning = self._reasoning[len(text) :]
            return True
        return False

    def has_component(self, component_type: str, content: str) -> bool:
        """Whether such a component without a key is stored; uses it up."""
        if self._components[component_type, content] > 0:
            self._components[component_type, content] -= 1
            return True
        return False

    def is_component(self, content: str) -> bool:
        """Whether a text of unknown kind is the content of a stored component; uses it up."""
        return any(self.has_component(kind, text) for kind, text in list(self._components) if text == content)


def _used(stored: str, text: str) -> tuple[str, str | None]:
    """What is left of `stored`, and what of `text` is new (None: nothing)."""
    if stored.startswith(text):
        return stored[len(text) :], None
    if stored and text.startswith(stored):
        return "", text[len(stored) :]
    if stored and text and text in stored:
        # The snapshot begins later than the store (a history cut by the server).
        return stored[stored.index(text) + len(text) :], None
    return stored, text


def _bare(text: str) -> bytes:
    return "".join(text.split()).encode("utf-8", "surrogatepass")


def _mark(message: Message) -> int:
    parts = message.parts
    if len(parts) == 1:  # The usual case, on the path of every chunk.
        return hash(parts[0].text)
    return hash(tuple((part.WhichOneof("content"), part.text) for part in parts))
