"""What a person answers to a question about a schedule: yes, no, cancel, once, or something else."""

import re
from typing import Literal

Reply = Literal["yes", "no", "cancel", "once"] | None

_FILLER = (
    r"[\s,.!，。！、]|\b(?:please|pls|thanks|thank\s+you|it|that|this|the|schedule|is|all|then|just|so|to|now|do|me|for|i|want)\b"
    r"|谢谢|吧|的|了|啊|请|就"
)
_KINDS: tuple[tuple[Literal["yes", "no", "cancel", "once"], str], ...] = (
    (
        "cancel",
        r"\b(?:cancel|stop|never\s*mind|forget|abort|drop|discard)\b|取消|算了|停止|放弃|别(?:做|弄|管)?了",
    ),
    (
        "once",
        r"\b(?:(?:run|do)\s+(?:it\s+|this\s+)?)?(?:just\s+|only\s+)?(?:once|one\s+time)(?:\s+now)?\b"
        r"|\b(?:run\s+(?:it\s+)?)?(?:right\s+)?now\b|(?:只|仅|就)?(?:运行|执行|跑|做)?一次|现在(?:就)?(?:运行|执行|跑|做)?|立即(?:运行|执行)?|马上",
    ),
    (
        "no",
        r"\b(?:no|nope|nah|n|don['’]?t|do\s+not|not|decline|nein|non|wrong)\b|不用|不要|不行|不对|不是|不了|不必|(?<!\w)不(?!\w)|否",
    ),
    (
        "yes",
        r"\b(?:yes|yep|yeah|yup|y|ok|okay|k|sure|confirm(?:ed)?|correct|right|exactly|go\s+ahead|perfect|fine|good|great|looks|sounds"
        r"|do\s+it|please\s+do|agreed?|create|set\s+up|set\s+it\s+up|of\s+course|ja|oui|si|works|absolutely)\b"
        r"|确认|确定|好(?:的|啊|吧)?|可以|行|是(?:的)?|对(?:的)?|没错|没问题|嗯|同意|这样|创建|👍|✅",
    ),
)
_WORDS = [(kind, re.compile(words, re.I), re.compile(f"(?:{words}|{_FILLER})+", re.I)) for kind, words in _KINDS]
_LONGEST = 60
"""Characters of an answer that is nothing but yes or no."""


def reply(text: str) -> Reply:
    """What the whole answer says, if it says nothing else.

    “Yes, but at 10” is None: it changes something.
    """
    said = text.strip()
    if not said or len(said) > _LONGEST:
        return None
    for kind, words, whole in _WORDS:
        if words.search(said) and whole.fullmatch(said):
            return kind
    return None
