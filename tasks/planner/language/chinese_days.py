"""Days in Chinese: weekdays, dates, 明天, as fragments for the grammar and as what they mean."""

import re

from tasks.planner.language import dates
from tasks.planner.language.meaning import DayOf
from tasks.planner.language.numbers import ZH_NUMBER, zh_number

WEEK = "(?:周|星期|礼拜)"
WEEKDAY = "[一二三四五六日天1-7]"
_SIGNS = "一二三四五六日"
_JOIN = r"\s*(?:和|、|，|,|与|及|以及|跟|/)?\s*"
_FIRST = r"(?:[一二三四五六日天](?!点|时)|[1-7](?!\d|点|时|[:：]))"
WEEKDAYS = rf"{_FIRST}(?:(?:\s*(?:到|至|-|~|—)\s*{WEEK}?|{_JOIN}{WEEK}?){WEEKDAY}(?!\d|[点时号月个分小]|[:：]))*"
"""What follows 每周: 一, 一和周四, 一三五, 一到周五."""
MONTH_DAYS = rf"{ZH_NUMBER}[号日]?(?:\s*(?:和|、|，|,|与|及)\s*{ZH_NUMBER}[号日]?)*(?<=[号日])"
"""Days of the month: 1号, 1号和15号, 1、15日."""
SINGLE = (
    rf"(?:大后天|后天|明天|今天|明日|今日|(?:这个?|本|下下?个?){WEEK}{WEEKDAY}|{WEEK}{WEEKDAY}"
    rf"|\d{{4}}[年-]{ZH_NUMBER}[月-]{ZH_NUMBER}[日号]?|(?:今年|明年|后年)?{ZH_NUMBER}月{ZH_NUMBER}[日号]|下个?月{ZH_NUMBER}[日号]|本?月底|年底|下个?周|下个?月)"
)
"""A single day that is named."""


def weekday(sign: str) -> int:
    """Monday is 0."""
    if sign.isdigit():
        return int(sign) - 1
    return 6 if sign == "天" else _SIGNS.index(sign)


def weekdays(said: str) -> frozenset[int]:
    """The weekdays of WEEKDAYS, or of a range with 到."""
    found: set[int] = set()
    last: int | None = None
    ranged = False
    for sign in re.findall(rf"{WEEKDAY}|到|至|-|~|—", said):
        if re.fullmatch(WEEKDAY, sign):
            day = weekday(sign)
            if ranged and last is not None:
                found.update((last + n) % 7 for n in range((day - last) % 7 + 1))
            found.add(day)
            last, ranged = day, False
        else:
            ranged = True
    return frozenset(found)


def single(said: str) -> DayOf:
    """The day that SINGLE names."""
    near = {"今": 0, "明": 1, "今天": 0, "今日": 0, "明天": 1, "明日": 1, "后天": 2, "大后天": 3}
    if said in near:
        return dates.in_days(near[said])
    named = re.fullmatch(rf"(这个?|本|下下个?|下个?)?{WEEK}({WEEKDAY})", said)
    if named:
        day = weekday(named[2])
        if not named[1]:
            return dates.coming(day)
        return dates.of_week(day, named[1].count("下"))
    if "底" in said:
        return dates.end_of_year if said == "年底" else dates.end_of_month
    if re.fullmatch("下个?周", said):
        return dates.first_of_next("week")
    if re.fullmatch("下个?月", said):
        return dates.first_of_next("month")
    if said[1:2] == "年" and said[0] in "今明后":
        month, day = (zh_number(figure) for figure in re.findall(ZH_NUMBER, said))
        return dates.of_coming_year(month, day, "今明后".index(said[0]))
    figures = [zh_number(figure) for figure in re.findall(ZH_NUMBER, said)]
    if said.startswith("下"):
        return dates.of_month(figures[0], 1)
    if len(figures) == 3:
        return dates.of_year(figures[1], figures[2], figures[0])
    return dates.of_year(figures[0], figures[1])
