"""Chinese moments, bounds and zones: 明天, 20分钟后, 直到周五, 从周一起, 北京时间."""

import re
from collections.abc import Callable, Iterable, Iterator

from tasks.planner.language import chinese_days as days
from tasks.planner.language import dates, places
from tasks.planner.language.chinese_clock import CLOCK, PART, read
from tasks.planner.language.meaning import Bound, Clock, Doubt, Piece
from tasks.planner.language.numbers import ZH_NUMBER, zh_number, zh_vague

_NAMES = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_RESTS = rf"(?:(?:法定)?节?假日|节日|周末|双休日|工作日|{days.WEEK}{days.WEEKDAYS}|{ZH_NUMBER}月{ZH_NUMBER}[日号])"


def _piece(match: re.Match[str], kind: str, value: object, *, anchor: bool = False) -> Piece:
    return Piece(start=match.start(), end=match.end(), kind=kind, value=value, anchor=anchor)


def _single(match: re.Match[str]) -> Iterator[Piece]:
    said = match[0]
    named = re.fullmatch(rf"{days.WEEK}({days.WEEKDAY})", said)
    if named:
        yield _piece(match, "weekday", (days.single(said), frozenset({days.weekday(named[1])})), anchor=True)
    elif not re.fullmatch("下个?[周月]|本?月底|年底", said):
        yield _piece(match, "day", days.single(said), anchor=True)


def _short(match: re.Match[str]) -> Iterator[Piece]:
    """今晚, 明早: a day and a part of it."""
    yield _piece(match, "day", dates.in_days({"今": 0, "明": 1}[match[1]]), anchor=True)
    yield _piece(match, "part", "morning" if match[2] == "早" else "evening")


def _short_clock(match: re.Match[str]) -> Iterator[Piece]:
    """今晚八点, 明早8:30: the part of the day belongs to the figure."""
    clock, _ = read(f"{match[2]}{match[3]}")
    if clock is not None:
        yield _piece(match, "day", dates.in_days({"今": 0, "明": 1}[match[1]]), anchor=True)
        yield _piece(match, "times", (clock,))


def _number_of_month(match: re.Match[str]) -> Iterator[Piece]:
    day = zh_number(match[1])
    if 1 <= day <= 31:
        yield _piece(match, "day", dates.of_month(day), anchor=True)


def _delta(match: re.Match[str]) -> Iterator[Piece]:
    said, unit = match["n"], match["unit"]
    if zh_vague(said):
        yield from _soon(match)
        return
    count = 0.5 if said == "半" else zh_number(said) + (0.5 if match["half"] else 0)
    if unit in ("天", "周", "星期") and count == int(count):
        yield _piece(match, "day", dates.in_days(int(count) * (1 if unit == "天" else 7)), anchor=True)
    elif unit in ("分钟", "小时", "钟头", "秒"):
        yield _piece(match, "delta", count * {"分钟": 1, "秒": 1 / 60}.get(unit, 60), anchor=True)
    else:
        yield _piece(match, "doubt", Doubt(code="soon", about={"said": match[0]}), anchor=True)


def _soon(match: re.Match[str]) -> Iterator[Piece]:
    yield _piece(match, "doubt", Doubt(code="soon", about={"said": match[0]}), anchor=True)


def _bound(match: re.Match[str], kind: str) -> Iterator[Piece]:
    said, time = match["day"], match["clock"]
    clock: Clock | None = None
    if time:
        clock, _ = read(time)
        if clock is None:
            return
    yield _piece(match, kind, Bound(day=days.single(said) if said else None, clock=clock))


def _until(match: re.Match[str]) -> Iterator[Piece]:
    return _bound(match, "until")


def _start(match: re.Match[str]) -> Iterator[Piece]:
    return _bound(match, "start")


def _now(match: re.Match[str]) -> Iterator[Piece]:
    yield _piece(match, "start", None)


def _count(match: re.Match[str]) -> Iterator[Piece]:
    count = zh_number(match[1])
    if zh_vague(match[1]):
        yield _piece(match, "doubt", Doubt(code="until"))
        return
    # 运行一次 says what is done each time, not how often.
    if count > 1:
        yield _piece(match, "count", count)


def _duration(match: re.Match[str]) -> Iterator[Piece]:
    if zh_vague(match[1]):
        yield _piece(match, "doubt", Doubt(code="until"))
        return
    unit = {"天": "day", "周": "week", "星期": "week", "月": "month", "年": "year", "小时": "hour"}[
        match[2].removeprefix("个")
    ]
    yield _piece(match, "duration", (float(zh_number(match[1])), unit))


def _except(match: re.Match[str]) -> Iterator[Piece]:
    found: list[object] = []
    for said in re.findall(_RESTS, match["list"]):
        if "假日" in said or said == "节日":
            yield _piece(match, "doubt", Doubt(code="holidays", about={"days": said}))
            return
        if said in ("周末", "双休日"):
            found += ["SAT", "SUN"]
        elif said == "工作日":
            found += _NAMES[:5]
        elif "月" in said:
            found.append(days.single(said))
        else:
            found += [_NAMES[day] for day in sorted(days.weekdays(said))]
    yield _piece(match, "except", tuple(found))


def _window(match: re.Match[str]) -> Iterator[Piece]:
    first, (last, own) = read(match[1])[0], read(match[2])
    if first is None or last is None:
        return
    if last.hour < first.hour and last.form != "exact" and not own:
        last = last.shifted()
    yield _piece(match, "window", (first, last))


def _hours(match: re.Match[str]) -> Iterator[Piece]:
    yield _piece(match, "doubt", Doubt(code="hours", about={"said": match[0]}))


def _zone(match: re.Match[str]) -> Iterator[Piece]:
    yield _piece(match, "zone", places.zh_named(match[1]))


def _zone_named(match: re.Match[str]) -> Iterator[Piece]:
    zone = places.named(match[1])
    if zone is not None:
        yield _piece(match, "zone", zone)


def _rule(
    pattern: str, make: Callable[[re.Match[str]], Iterable[Piece]]
) -> tuple[re.Pattern[str], Callable[[re.Match[str]], Iterable[Piece]]]:
    return re.compile(pattern), make


_DAYISH = rf"(?P<day>{days.SINGLE}|[今明](?=[早晚]))"
_ATCLOCK = rf"(?:的?\s*(?P<clock>{CLOCK}))?"
BOUNDS = (
    _rule(days.SINGLE, _single),
    _rule(r"(今|明)天?(早|晚)上?(?![餐饭点])", _short),
    _rule(
        rf"(今|明)(早|晚)上?\s*({ZH_NUMBER}[点时](?:钟|整)?(?:半|[一三]刻|{ZH_NUMBER}分?)?|\d{{1,2}}[:：]\d{{2}})",
        _short_clock,
    ),
    _rule(rf"(?<![月\d])({ZH_NUMBER})[号日](?=的?\s*(?:{PART}|{ZH_NUMBER}[点时]|\d{{1,2}}[:：]))", _number_of_month),
    _rule(
        rf"(?:再?过)?(?P<n>半|{ZH_NUMBER})\s*个?(?P<half>半)?\s*(?P<unit>分钟|小时|钟头|天|周|星期|个?月|年|秒)(?:之后|以后|后)",
        _delta,
    ),
    _rule(rf"再?过(?P<n>半|{ZH_NUMBER})\s*个?(?P<half>半)?\s*(?P<unit>分钟|小时|钟头)", _delta),
    _rule(r"(?:再?过|等|待)一?会儿?(?:后|再)?|一会儿?(?:后|再)|稍后|晚些时候|晚点再", _soon),
    _rule(rf"(?:一?直到|直至|截[止至]到?|持续到|到|至){_DAYISH}{_ATCLOCK}(?:为止|结束|止|截止)", _until),
    _rule(rf"(?:一?直到|直至|截[止至]到?|持续到){_DAYISH}{_ATCLOCK}", _until),
    _rule(rf"(?:一?直到|直至|截[止至]到?|持续到)(?P<day>)(?P<clock>{CLOCK})(?:为止|结束|止)?", _until),
    _rule(rf"(?:从|自){_DAYISH}{_ATCLOCK}(?:开始|起|以后|之后)", _start),
    _rule(rf"{_DAYISH}{_ATCLOCK}(?:开始|起)(?!床|来|飞|草)", _start),
    _rule(r"(?:从现在|即日)(?:开始|起)", _now),
    _rule(
        rf"(?:一?共|总共|总计|执行|运行|重复|只|跑)?\s*({ZH_NUMBER})次(?:为止|后停止|后结束)?(?!方|数|级|日|要|元|会|郎)",
        _count,
    ),
    _rule(rf"(?:持续|连续|为期|坚持|一连)\s*({ZH_NUMBER})\s*(天|周|星期|个月|年|个?小时)", _duration),
    _rule(
        rf"(?:除了?|排除|不(?:含|包括|要|在)|跳过|避开)(?P<list>{_RESTS}(?:\s*(?:和|、|，|及|与)\s*{_RESTS})*)(?:以外|之外|外)?",
        _except,
    ),
    _rule(
        rf"(?P<list>{_RESTS}(?:\s*(?:和|、|，|及|与)\s*{_RESTS})*)(?:除外|不(?:运行|执行|发|算|跑|用|推送)|休息)",
        _except,
    ),
    _rule(rf"从?({CLOCK})\s*(?:到|至|-|~|—)\s*({CLOCK})(?:之间|期间|内)?", _window),
    _rule(r"(?:在)?(?:交易|营业|工作|上班|开盘|办公)(?:时间|时段|期间)", _hours),
    _rule(rf"[（(]?({places.ZH_PLACE})(?:当地)?时间[）)]?", _zone),
    _rule(
        rf"[（(]?\s*(?<![A-Za-z])((?:UTC|GMT)\s?[+-]\d{{1,2}}|{places.SURE}|[PECMAI][SD]T|BST)(?![A-Za-z])(?:时间)?[）)]?",
        _zone_named,
    ),
    _rule(
        r"[（(]?\s*((?:Africa|America|Asia|Atlantic|Australia|Europe|Indian|Pacific)/[A-Za-z_]+(?:/[A-Za-z_]+)?)(?:时间)?[）)]?",
        _zone_named,
    ),
)
"""What stands once, or bounds what comes again."""
