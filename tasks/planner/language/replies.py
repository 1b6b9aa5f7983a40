"""What a person answers to a question about a schedule: yes, no, or something else."""

import re
from typing import Literal

Reply = Literal["yes", "no"] | None

_YES = re.compile(
    r"(?:[\s,.!，。！、]|\b(?:yes|yep|yeah|yup|y|ok|okay|k|sure|confirm(?:ed)?|correct|right|exactly|please|do|it|that|this|go|ahead|perfect"
    r"|fine|good|great|looks|sounds|is|set|up|agreed?|create|thanks|thank|you|ja|oui|si|all|of|course|schedule|works|absolutely)\b"
    r"|确认|确定|好的?|好啊|好吧|可以|行|是的?|对的?|没错|没问题|嗯|同意|就这样|创建|谢谢|吧|的|了|👍|✅)+",
    re.I,
)
_YES_WORD = re.compile(
    r"\b(?:yes|yep|yeah|yup|y|ok|okay|k|sure|confirm(?:ed)?|correct|right|exactly|go\s+ahead|perfect|fine|good|great|do\s+it|please\s+do"
    r"|agreed?|create|set\s+it\s+up|ja|oui|si|works|absolutely|of\s+course)\b"
    r"|确认|确定|好|可以|行|是|对|没错|没问题|嗯|同意|就这样|创建|👍|✅",
    re.I,
)
_NO = re.compile(
    r"(?:[\s,.!，。！、]|\b(?:no|nope|nah|n|cancel|stop|don['’]?t|do|not|never|mind|forget|it|that|this|abort|drop|thanks|thank|you|please|set"
    r"|up|decline|nein|non|create|leave|discard|the|schedule|wrong|rather)\b"
    r"|不用了?|不要了?|不了|不行|不对|不是|不|取消|算了|别|停止|否|放弃|谢谢|吧|了)+",
    re.I,
)
_NO_WORD = re.compile(
    r"\b(?:no|nope|nah|n|cancel|stop|don['’]?t|not|never\s*mind|forget|abort|drop|decline|nein|non|discard|wrong)\b|不|取消|算了|别|停止|否|放弃",
    re.I,
)


def reply(text: str) -> Reply:
    """`yes` or `no` where the whole answer says so, and nothing else; None for everything else.

    “Yes, but at 10” is None: it changes something.
    """
    said = text.strip()
    if not said:
        return None
    if _NO.fullmatch(said) and _NO_WORD.search(said):
        return "no"
    if _YES.fullmatch(said) and _YES_WORD.search(said):
        return "yes"
    return None
