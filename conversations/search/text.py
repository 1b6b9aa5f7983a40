"""Texts cut into the words that are indexed and asked for, and the found ones marked. Pure.

Both databases index words that stand between spaces. Scripts that write none (Chinese above all) are cut into pairs of
neighbouring characters, so that 股价 is found in 苹果股价上涨 by one look into the index: a text of three characters is
two pairs side by side. The last character of a stretch stands alone too, so that one character finds what it begins or
ends. Other words are found from their beginning.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from json import loads
from typing import Any

from conversations.events import ComponentType, Event

TEXT_MAX = 50_000
"""Characters of an item that are indexed: an article. What lies behind is shown, and not found."""
TOKENS_MAX = 20_000
"""PostgreSQL's `tsvector` holds a megabyte; this many words of this length always fit."""
TOKEN_MAX = 24
TERMS_MAX = 12
"""Words of a question that count."""

# Kana, Han, Hangul and the scripts of South-East Asia, which put no space between words.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
_RUN = re.compile(rf"(?P<unspaced>[{_UNSPACED}]+)|(?:[^\W_{_UNSPACED}]|[\u0300-\u036f])+")
_QUOTED = re.compile(r"[\"“„«「](?P<text>[^\"”“»」]*)[\"”“»」]")
_MARKUP = re.compile(r"(?m)^[ \t]*(?:#{1,6}[ \t]|>+)|[*`|]+|~~|[-=]{3,}")
"""What Markdown writes and no reader sees."""

_NO_TEXT = frozenset(
    {"component_type", "component_id", "tool_call_id", "artifact_id", "task_id", "media_type", "create_time", "url"}
)
"""Keys of payloads whose values are no words."""
_NOT_SEARCHED = frozenset({ComponentType.SCHEDULED_TASK_CONTROLLER, ComponentType.SUBAGENT_CONVERSATION})
"""Components that repeat what stands elsewhere."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Term:
    """One thing that must be there: tokens side by side; `begins`: the one token may go on."""

    tokens: tuple[str, ...]
    begins: bool
    shown: tuple[str, ...]
    """The words as they are marked in a text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A piece of an excerpt."""

    text: str
    found: bool


def tokens(text: str) -> str:
    """The words of a text as they are indexed, with a space between."""
    found: list[str] = []
    for match in _RUN.finditer(text[:TEXT_MAX]):
        run = match.group()
        if match.lastgroup == "unspaced":
            run = unicodedata.normalize("NFKC", run)
            found += [run[at : at + 2] for at in range(len(run) - 1)]
            found.append(run[-1])
        elif word := _plain(run):
            found.append(word[:TOKEN_MAX])
        if len(found) >= TOKENS_MAX:
            break
    return " ".join(found[:TOKENS_MAX])


def terms(asked: str) -> list[Term]:
    """What a question asks for; all of it must be there. What stands in quotes must stand together."""
    found: list[Term] = []
    rest = asked
    for quoted in _QUOTED.finditer(asked):
        if phrase := _phrase(quoted["text"]):
            found.append(phrase)
        rest = rest.replace(quoted.group(), " ", 1)
    for match in _RUN.finditer(rest):
        if term := _term(match):
            found.append(term)
    return found[:TERMS_MAX]


def _term(match: re.Match[str]) -> Term | None:
    run = match.group()
    if match.lastgroup == "unspaced":
        run = unicodedata.normalize("NFKC", run)
        pairs = tuple(run[at : at + 2] for at in range(len(run) - 1))
        return Term(tokens=pairs or (run,), begins=not pairs, shown=(run,))
    word = _plain(run)[:TOKEN_MAX]
    # One letter begins too many words to be worth a look.
    return Term(tokens=(word,), begins=len(word) > 1, shown=(word,)) if word else None


def _phrase(text: str) -> Term | None:
    words: list[str] = []
    shown: list[str] = []
    runs = list(_RUN.finditer(text))
    for place, match in enumerate(runs):
        run = match.group()
        if match.lastgroup == "unspaced":
            run = unicodedata.normalize("NFKC", run)
            words += [run[at : at + 2] for at in range(len(run) - 1)]
            # As indexed: the last character stands alone between this stretch and the next word.
            if place + 1 < len(runs) or len(run) == 1:
                words.append(run[-1])
        else:
            run = _plain(run)[:TOKEN_MAX]
            words.append(run)
        shown.append(run)
    words = [word for word in words if word]
    return Term(tokens=tuple(words), begins=False, shown=tuple(shown)) if words else None


def _plain(word: str) -> str:
    """A word without case, accents and widths: Größe, GRÖSSE and ｇｒöｓｓｅ are one."""
    if word.isascii():
        return word.lower()
    split = unicodedata.normalize("NFKD", word.casefold())
    return "".join(character for character in split if not unicodedata.combining(character))


def searchable(event: str, payload: Mapping[str, Any]) -> str:
    """The text of an item that is searched; empty where there is none."""
    if payload.get("component_type") in _NOT_SEARCHED:
        return ""
    content = payload.get("content")
    if event == Event.COMPONENT_GENERATOR and isinstance(content, str) and content.lstrip()[:1] in ("{", "["):
        with suppress(RecursionError, ValueError):
            payload = {**payload, "content": loads(content)}
    joined = "\n".join(_texts(payload))
    return _MARKUP.sub(" ", joined)[:TEXT_MAX]


def _texts(value: Any, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        yield value[:TEXT_MAX]
    elif isinstance(value, bool) or value is None or depth > 20:
        return
    elif isinstance(value, (int, float)):
        yield str(value)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if key not in _NO_TEXT:
                yield from _texts(inner, depth + 1)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts(inner, depth + 1)


BEFORE = 60
"""Characters of an excerpt before the first found word."""
EXCERPT = 220


def excerpt(text: str, asked: list[Term]) -> list[Part]:
    """The neighbourhood of the first found word, or the beginning, cut into pieces that were found or not."""
    text = " ".join(text[:TEXT_MAX].split())
    first = next(spans(text, asked), None)
    begin = max(0, first[0] - BEFORE) if first else 0
    if begin:
        # Not in the middle of a word, where there is a space near.
        begin = next((at + 1 for at in range(begin, first[0] if first else 0) if text[at] == " "), begin)
    shown = text[begin : begin + EXCERPT]
    parts = marked(shown, asked)
    if begin:
        parts.insert(0, Part(text="… ", found=False))
    if begin + EXCERPT < len(text):
        parts.append(Part(text=" …", found=False))
    return parts


def marked(text: str, asked: list[Term]) -> list[Part]:
    """All of a text, cut into pieces that were found or not."""
    parts: list[Part] = []
    end = 0
    for begin, stop in spans(text, asked):
        if begin > end:
            parts.append(Part(text=text[end:begin], found=False))
        parts.append(Part(text=text[begin:stop], found=True))
        end = stop
    if end < len(text) or not parts:
        parts.append(Part(text=text[end:], found=False))
    return parts


def spans(text: str, asked: list[Term]) -> Iterator[tuple[int, int]]:
    """Where found words stand in a text, in order and apart."""
    whole = {word for term in asked for word in term.shown if not term.begins}
    beginnings = tuple(word for term in asked for word in term.shown if term.begins)
    words = [*whole, *beginnings]
    for match in _RUN.finditer(text):
        run, place = match.group(), match.start()
        if match.lastgroup == "unspaced":
            yield from _inside(run, place, words)
            continue
        word = _plain(run)[:TOKEN_MAX]
        if word in whole or (beginnings and word.startswith(beginnings)):
            yield match.span()


def _inside(run: str, place: int, words: list[str]) -> Iterator[tuple[int, int]]:
    """Where words stand in a stretch without spaces; those that overlap are one."""
    found = sorted((at, at + len(word)) for word in words if word for at in range(len(run)) if run.startswith(word, at))
    while found:
        begin, end = found.pop(0)
        while found and found[0][0] <= end:
            end = max(end, found.pop(0)[1])
        yield place + begin, place + end
