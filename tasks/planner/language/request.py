"""The request without its time phrase: taken out, and the seam mended."""

import re
from collections.abc import Sequence

from tasks.planner.language.meaning import Language
from tasks.planner.language.phrases import Phrase

_SEAM_BEFORE = re.compile(r"(?:[\s,，、;；:：(（\-–—]|\b(?:and|then|on|at|for|starting|in\s+the)\b\s*$)+$", re.I)
_SEAM_AFTER = re.compile(r"^[\s,，、;；:：)）\-–—]+")
_FILLER = re.compile(
    r"^(?:please\s+)?(?:(?:can|could)\s+you\s+(?:please\s+)?)?(?:(?:do|run|repeat|schedule)\s+(?:this|that|it)\s*[,:]?\s*|schedule\s*:\s*)",
    re.I,
)
_ORDER = re.compile(r"(?<=[.!?])\s+(?:please\s+)?(?:do|run|repeat|schedule)\s+(?:this|that|it)\s*[.!]?\s*$", re.I)
_NOTHING = re.compile(
    r"(?:\W|\b(?:run|please|pls|thanks|can you|could you|do (?:this|it)|run (?:this|it)|remind me|reminder)\b"
    r"|请|麻烦|帮我|提醒我?|运行|执行)*",
    re.I,
)
"""What is left when nothing was asked for but a time."""
_ZH_SEAM = re.compile(r"(?:在|于|从现在起|从现在开始)\s*$")
_ZH_AFTER = re.compile(
    r"^(?:的时候|时候|时|都|就|来|钟|准时|左右|定时|自动|运行一次|执行一次|一次(?=[，,：:。]|$)|[\s，,、：:；;]|的(?=[^\w]|$))+"
)


def without(text: str, phrases: Sequence[Phrase], language: Language) -> tuple[str, str]:
    """The text without `phrases`, and the phrases as they stood in it. Empty where nothing else was said."""
    left = text
    for phrase in sorted(phrases, key=lambda phrase: -phrase.start):
        left = _cut(left, phrase.start, phrase.end, language)
    said = " … ".join(phrase.said.strip() for phrase in sorted(phrases, key=lambda phrase: phrase.start))
    left = _ORDER.sub("", left)
    left = _FILLER.sub("", left) if language == "en" else left
    left = left.strip(" \t,，、;；:：-–—\n")
    if _NOTHING.fullmatch(left):
        return "", said
    if (
        text[:1].isupper()
        and left[:1].islower()
        and phrases
        and min(p.start for p in phrases) < len(text) - len(text.lstrip()) + 1
    ):
        left = left[0].upper() + left[1:]
    return left, said


def _cut(text: str, start: int, end: int, language: Language) -> str:
    before, after = text[:start], text[end:]
    if language == "zh":
        before = _ZH_SEAM.sub("", before)
        after = _ZH_AFTER.sub("", after)
        if re.search(r"[，,、：:；;]\s*$", before) and (not after or re.match(r"[。！？!?]", after)):
            before = re.sub(r"[，,、：:；;\s]+$", "", before)
        return before + after
    if re.search(r"[.!?]\s*$", before) and re.fullmatch(r"\s*[.!?]*\s*", after):
        # The phrase was a sentence of its own.
        return before.rstrip()
    opened = before.rstrip().endswith("(") and after.lstrip().startswith(")")
    if opened:
        before, after = before.rstrip()[:-1], after.lstrip()[1:]
    ends = not after.strip() or re.match(r"\s*[.!?]", after) is not None
    if ends:
        return _SEAM_BEFORE.sub("", before) + after.lstrip()
    before = re.sub(r"(\b(?:alarm|reminder|timer))\s+for\s*$", r"\1 ", before, flags=re.I)
    if not before.strip() or re.search(r"[.!?\n]\s*$", before):
        return before + _SEAM_AFTER.sub("", after)
    if before.rstrip().endswith(",") and after.lstrip().startswith(","):
        return f"{before.rstrip()[:-1]} {_SEAM_AFTER.sub('', after)}"
    return f"{before.rstrip()} {_SEAM_AFTER.sub('', after) if before.rstrip().endswith((',', '(')) else after.lstrip()}"
