"""Clock times in Chinese: “早上9点”, “下午三点半”, “十点一刻”, “18:30”, alone and in lists."""

import re
from collections.abc import Iterator
from dataclasses import replace

from tasks.planner.language.english_clock import in_part
from tasks.planner.language.meaning import Clock, Part, Piece
from tasks.planner.language.numbers import ZH_NUMBER, zh_number

_PARTS: dict[str, Part] = {
    "凌晨": "dawn",
    "清晨": "morning",
    "清早": "morning",
    "早上": "morning",
    "早晨": "morning",
    "早间": "morning",
    "上午": "morning",
    "早": "morning",
    "中午": "noon",
    "正午": "noon",
    "下午": "afternoon",
    "午后": "afternoon",
    "傍晚": "evening",
    "晚上": "evening",
    "晚间": "evening",
    "晚": "evening",
    "夜里": "night",
    "夜间": "night",
    "夜晚": "night",
    "深夜": "night",
    "半夜": "night",
}
PART = "(?:" + "|".join(_PARTS) + ")"
"""A part of the day."""
_FIGURE = (
    rf"(?:{ZH_NUMBER}[点點](?:钟|整)?(?:半|[一三]刻|过?{ZH_NUMBER}分?)?(?!建议|要求|意见|内容|原因|理由|问题|想法|以上|以下|心得|几)"
    rf"|{ZH_NUMBER}(?<!小)时(?:整|{ZH_NUMBER}分|半)?(?!候|间|段|代)|\d{{1,2}}[:：]\d{{2}}(?!\d|[:：]))"
)
CLOCK = rf"(?:{PART}?的?\s*{_FIGURE}|正午|中午(?!\s*(?:的|{ZH_NUMBER}))|午夜(?:零点)?|零点)"
"""One clock time."""
JOIN = r"\s*(?:和|、|，|,|与|及|以及|跟|还有|或者?|还是|/)\s*"
_LIST = re.compile(rf"{CLOCK}(?:{JOIN}{CLOCK})*")
_ONE = re.compile(CLOCK)
_READ = re.compile(
    rf"({PART})?的?\s*(?:({ZH_NUMBER})[点點时](?:钟|整)?(半|[一三]刻|过?({ZH_NUMBER})分?)?|(\d{{1,2}})[:：](\d{{2}}))"
)
_ALONE_PART = re.compile(rf"(?<![今明昨])({PART}(?<!早)(?<!晚)|(?<=每天)[早晚])(?!好|安|餐|饭|{ZH_NUMBER}[点时:：])")


def clocks(text: str) -> Iterator[Piece]:
    """The times of the day in a text, lists as one piece each."""
    for match in _LIST.finditer(text):
        found: list[Clock] = []
        part: Part | None = None
        for one in _ONE.finditer(match[0]):
            clock, own = read(one[0])
            if clock is None:
                break
            # “下午2点和4点”: the part holds on while the figures rise.
            part = own or part
            if own is None and part and clock.form != "exact":
                held = in_part(clock, part)
                clock = held if held and found and held.hour > found[-1].hour else clock
            found.append(clock)
        if re.search("或|还是", match[0]) and len(found) > 1:
            found = [replace(clock, choice=True) for clock in found]
        if found:
            yield Piece(start=match.start(), end=match.end(), kind="times", value=tuple(found))


def parts(text: str) -> Iterator[Piece]:
    """Parts of the day without a figure."""
    for match in _ALONE_PART.finditer(text):
        yield Piece(start=match.start(), end=match.end(), kind="part", value=part_of(match[0]))


def part_of(said: str) -> Part:
    """The part of the day that PART names."""
    return _PARTS[said]


def read(said: str) -> tuple[Clock | None, Part | None]:
    """One clock time and the part of the day it names; no clock for a time that no day has (25点)."""
    text = said.strip()
    if text in ("正午", "中午"):
        return Clock(hour=12), None
    if text.startswith("午夜") or text == "零点":
        return Clock(hour=0), None
    match = _READ.fullmatch(text)
    if not match:
        return None, None
    part = _PARTS.get(match[1]) if match[1] else None
    if match[2]:
        hour = zh_number(match[2])
        minute = _minutes(match[3], match[4])
    else:
        hour, minute = int(match[5]), int(match[6])
    if hour > 24 or minute > 59 or (hour == 24 and minute):
        return None, None
    if part in ("evening", "night") and hour == 12:
        return Clock(hour=0, minute=minute), part
    exact = hour > 12 or hour == 0 or (match[5] is not None and match[5].startswith("0"))
    clock = Clock(hour=hour % 24, minute=minute, form="exact" if exact else "colon" if match[5] else "bare")
    if part is None:
        return clock, None
    return in_part(clock, part) or clock, part


def _minutes(said: str | None, figure: str | None) -> int:
    if not said:
        return 0
    if said == "半":
        return 30
    if said.endswith("刻"):
        return 15 if said.startswith("一") else 45
    return zh_number(figure or "0")
