"""The Chinese grammar: every piece of a text that says when something comes again, or when it happens once."""

import re
from collections.abc import Callable, Iterable, Iterator

from tasks.planner.language import chinese_clock
from tasks.planner.language.chinese_bounds import BOUNDS
from tasks.planner.language.chinese_days import MONTH_DAYS, WEEK, WEEKDAY, WEEKDAYS, weekday, weekdays
from tasks.planner.language.english import longest
from tasks.planner.language.meaning import EVERY_DAY, WEEKENDS, WORKDAYS, Days, Doubt, Piece, weekdays_of
from tasks.planner.language.numbers import ZH_NUMBER, number, zh_number, zh_vague

_UNIT_MINUTES = {"分": 1, "小": 60, "钟": 60, "天": 1440, "日": 1440, "周": 10080, "星": 10080, "礼": 10080}
_UNITS = (
    r"(?:分钟|分(?!之|析|享|类|别|红|布|组|数)|小时|钟头|天|日(?!报|线|志|程|记)|周(?!期)|星期|礼拜|个?月|年|秒钟?)"
)
_NTH = {"一": 1, "二": 2, "三": 3, "四": 4, "五": 5, "1": 1, "2": 2, "3": 3, "4": 4, "5": 5}


def _piece(match: re.Match[str], kind: str, value: object, *, loose: bool = False) -> Piece:
    return Piece(start=match.start(), end=match.end(), kind=kind, value=value, anchor=True, loose=loose)


def _doubt(match: re.Match[str], code: str, **about: object) -> Piece:
    return _piece(match, "doubt", Doubt(code=code, about=about))


def _interval(match: re.Match[str]) -> Iterator[Piece]:
    unit, said, apart = match["unit"], match["n"], bool(match["apart"])
    if zh_vague(said or ""):
        yield _doubt(match, "vague", said=match[0])
        return
    count = 0.5 if said == "半" else number(said) if said and "." in said else zh_number(said) if said else 1
    count += 0.5 if match["half"] else 0
    if unit.startswith("秒"):
        yield _doubt(match, "seconds", minutes=0)
    elif unit.endswith("月") or unit == "年":
        name = "year" if unit == "年" else "month"
        if count == 1 and not apart:
            yield _piece(match, "cadence", name)
        else:
            yield _doubt(match, "other", n=count + (count == 1), unit=name)
    elif unit[0] in "天日周星礼":
        name = "day" if unit[0] in "天日" else "week"
        if count == 1 and not apart:
            yield _piece(match, "cadence", name)
        elif apart:
            # 每隔一天 is every other day; 每隔两天 is said for both two and three.
            yield _doubt(match, "other", n=2 if count == 1 else count, unit=name)
        else:
            yield from _minutes(match, count * _UNIT_MINUTES[unit[0]])
    else:
        yield from _minutes(match, count * _UNIT_MINUTES[unit[0]])


def _minutes(match: re.Match[str], minutes: float) -> Iterator[Piece]:
    if minutes < 1 or minutes != int(minutes):
        yield _doubt(match, "seconds", minutes=minutes)
    else:
        yield _piece(match, "interval", int(minutes))


def _quarter(match: re.Match[str]) -> Iterator[Piece]:
    yield _piece(match, "interval", 15 * (zh_number(match[1]) if match[1] else 1))


def _on_the_hour(match: re.Match[str]) -> Iterator[Piece]:
    yield _piece(match, "interval", 60)
    yield Piece(start=match.start(), end=match.end(), kind="minute", value=30 if match[1] == "半" else 0)


def _other(match: re.Match[str]) -> Iterator[Piece]:
    unit = "day" if match[1] in ("天", "日") else "week"
    if match[2]:
        yield _doubt(match, "other", n=2, unit="week", weekday=weekday(match[2]))
    else:
        yield _doubt(match, "other", n=2, unit=unit)


def _every_day(match: re.Match[str]) -> Iterator[Piece]:
    yield _piece(match, "days", EVERY_DAY, loose=match[0] == "每日")


def _every_part(match: re.Match[str]) -> Iterator[Piece]:
    yield _piece(match, "days", EVERY_DAY)
    yield Piece(start=match.start(), end=match.end(), kind="part", value=chinese_clock.part_of(match[1]))


def _set(match: re.Match[str]) -> Iterator[Piece]:
    again, name = bool(match[1]), match[2]
    weekend = name in ("周末", "双休日")
    if weekend and not again:
        return
    yield _piece(match, "days", WEEKENDS if weekend else WORKDAYS, loose=not again)
    if name == "交易日":
        yield _doubt(match, "holidays", days="交易日")


def _weekdays(match: re.Match[str]) -> Iterator[Piece]:
    yield _piece(match, "days", weekdays_of(weekdays(match["list"])))


def _weekday_range(match: re.Match[str]) -> Iterator[Piece]:
    yield _piece(match, "days", weekdays_of(weekdays(match[0])), loose=True)


def _month_days(match: re.Match[str]) -> Iterator[Piece]:
    found = sorted({zh_number(day) for day in re.findall(ZH_NUMBER, match["list"])})
    if all(1 <= day <= 31 for day in found):
        yield _piece(match, "days", Days(dom=",".join(map(str, found))))


def _month_end(match: re.Match[str]) -> Iterator[Piece]:
    yield _piece(match, "days", Days(dom="LW" if "工作日" in match[0] else "L"))


def _month_start(match: re.Match[str]) -> Iterator[Piece]:
    if "工作日" in match[0]:
        yield _doubt(match, "first_workday")
    elif match[0].endswith("初"):
        yield _doubt(match, "vague", said=match[0])
    else:
        yield _piece(match, "days", Days(dom="1"))


def _nth(match: re.Match[str]) -> Iterator[Piece]:
    day = (weekday(match[2]) + 1) % 7
    yield _piece(match, "days", Days(dow=f"{day}L" if match[1] == "最后一" else f"{day}#{_NTH[match[1][-1]]}"))


def _yearly(match: re.Match[str]) -> Iterator[Piece]:
    month, day = zh_number(match[1]), zh_number(match[2])
    if 1 <= month <= 12 and 1 <= day <= 31:
        yield _piece(match, "days", Days(dom=str(day), month=str(month)))


def _quarter_start(match: re.Match[str]) -> Iterator[Piece]:
    yield _piece(match, "days", Days(dom="1", month="1,4,7,10"))


def _listed_days(match: re.Match[str]) -> Iterator[Piece]:
    """周一、周三、周五: these days, or every week?"""
    yield _piece(match, "days", weekdays_of(weekdays(match[0])), loose=True)
    yield _doubt(match, "weekly")


def _unclear(match: re.Match[str]) -> Iterator[Piece]:
    yield _doubt(match, "unclear", said=match[0])


def _quarterly(match: re.Match[str]) -> Iterator[Piece]:
    yield _piece(match, "cadence", "quarter")


def _per(match: re.Match[str]) -> Iterator[Piece]:
    unit, times = match[1], zh_number(match[2])
    if unit in ("小时", "分钟"):
        whole = 60 if unit == "小时" else 1
        yield from _minutes(match, whole / times if times else 0)
        return
    names = {
        "天": "day",
        "日": "day",
        "周": "week",
        "星期": "week",
        "礼拜": "week",
        "月": "month",
        "个月": "month",
        "年": "year",
    }
    yield _piece(match, "per", (times, names[unit]))


def _vague(match: re.Match[str]) -> Iterator[Piece]:
    yield _doubt(match, "vague", said=match[0])


def _rule(
    pattern: str, make: Callable[[re.Match[str]], Iterable[Piece]]
) -> tuple[re.Pattern[str], Callable[[re.Match[str]], Iterable[Piece]]]:
    return re.compile(pattern), make


RULES = (
    _rule(
        rf"每(?P<apart>隔|间隔|过)?\s*(?P<n>半|\d+\.\d+|{ZH_NUMBER})?\s*个?(?P<half>半)?\s*(?P<unit>{_UNITS})(?:一次|1次)?",
        _interval,
    ),
    _rule(
        rf"(?P<apart>间隔|隔)\s*(?P<n>半|{ZH_NUMBER})\s*个?(?P<half>半)?\s*(?P<unit>分钟|小时|天|周)(?:一次|1次)?",
        _interval,
    ),
    _rule(
        rf"(?<![每隔])(?P<apart>)(?P<n>半|{ZH_NUMBER})\s*个?(?P<half>半)?\s*(?P<unit>分钟|小时|天|周)(?:一次|1次)",
        _interval,
    ),
    _rule(rf"每隔?\s*({ZH_NUMBER})?\s*刻钟(?:一次)?", _quarter),
    _rule(rf"隔(天|日|周)(?:{WEEK}?({WEEKDAY}))?(?!\d)", _other),
    _rule(rf"每隔一?个?()(?:{WEEK})({WEEKDAY})(?!次)", _other),
    _rule(r"每一?个?小时的?(整|半)点|每(?:逢|到|个)?(整)点", _on_the_hour),
    _rule(rf"每隔?{ZH_NUMBER}(?:到|至|或者?|-|~){ZH_NUMBER}个?(?:分钟|小时|天|周|星期|个?月|年)", _vague),
    _rule(r"每一?天|每日|天天", _every_day),
    _rule(
        rf"每(?:一?个|一?天的?)?({chinese_clock.PART})(?<![中正]午)(?!\s*(?:{ZH_NUMBER}[点时]|\d+[:：]))", _every_part
    ),
    _rule(rf"每(?:一?个)?(?=(?:{chinese_clock.PART}))", _every_day),
    _rule(r"(每逢|每一?个?|逢)?(工作日|周末|双休日|交易日)(?!报)", _set),
    _rule(rf"(?:每逢|每一?个?|逢)(?:{WEEK})的?(?P<list>{WEEKDAYS})(?!次|个月|起|季)", _weekdays),
    _rule(rf"(?:每逢|每个?|逢)?{WEEK}[一二三四五六日天]\s*(?:到|至|-|~|—)\s*{WEEK}?[一二三四五六日天]", _weekday_range),
    _rule(rf"每一?个?月的?\s*(?P<list>{MONTH_DAYS})", _month_days),
    _rule(r"每一?个?月的?(?:月?底|月?末|最后(?:一天|1天|一日|一个工作日))", _month_end),
    _rule(r"每一?个?月的?(?:月?初|第一天|首日|第一个工作日)", _month_start),
    _rule(rf"每一?个?月的?(第[一二三四五1-5]|最后一)个?(?:{WEEK})({WEEKDAY})", _nth),
    _rule(rf"每年的?\s*({ZH_NUMBER})月({ZH_NUMBER})[日号]", _yearly),
    _rule(r"每一?个?季度?的?(?:第一天|首日)", _quarter_start),
    _rule(r"每一?个?季度?", _quarterly),
    _rule(rf"{WEEK}{WEEKDAY}(?:\s*(?:和|或|、|，|,|与|及)\s*{WEEK}{WEEKDAY})+", _listed_days),
    _rule(r"每一?个?月的?倒数第?.{1,2}天|每?逢?(?:单|双)数?日", _unclear),
    _rule(rf"(?:每一?个?|一个?)(小时|分钟|天|日|周|星期|礼拜|个?月|年)\s*({ZH_NUMBER})次", _per),
    _rule(
        r"定期|定时(?!炸弹|器|任务)|时不时|隔三差五|每隔一段时间|每隔?几个?(?:分钟|小时|天|周)|每天(?:好?几|多)次|不定期",
        _vague,
    ),
)
_HINT = re.compile("每|隔|天|周|星期|礼拜|今|明|后|月|号|工作日|一次|定期|点|时|过|稍|会儿|交易日|逢|单|双")


def pieces(text: str) -> list[Piece]:
    """All pieces of a text, overlapping ones reduced to the longest, in order."""
    if not _HINT.search(text):
        return []
    groups: list[list[Piece]] = [[piece] for piece in chinese_clock.clocks(text)]
    groups.extend([piece] for piece in chinese_clock.parts(text))
    for pattern, make in (*RULES, *BOUNDS):
        groups.extend(made for match in pattern.finditer(text) if (made := list(make(match))))
    return longest(groups)
