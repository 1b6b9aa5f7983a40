"""A schedule in the words of the person's language, and what the planner says with them."""

import re
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from tasks import schedules
from tasks.planner.language.meaning import Language
from tasks.schedules import Schedule
from tasks.schedules.words import city, moment_words

_ZH_DAYS = ("一", "二", "三", "四", "五", "六", "日")
_NAMES = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_ZH_CITIES = {
    "Asia/Shanghai": "北京时间",
    "Europe/Berlin": "柏林时间",
    "America/New_York": "纽约时间",
    "Asia/Tokyo": "东京时间",
    "Europe/London": "伦敦时间",
    "America/Los_Angeles": "洛杉矶时间",
    "UTC": "UTC",
}


def summary(schedule: Schedule, language: Language) -> str:
    """The schedule in one line, its zone named where it matters."""
    return schedules.describe(schedule, zone=True) if language == "en" else _zh_summary(schedule)


def moment(local: datetime, language: Language) -> str:
    """A local time: “Thu 26 Nov 2026 at 09:00”, “2026年11月26日（周四）09:00”."""
    if language == "en":
        return moment_words(local)
    return f"{local.year}年{local.month}月{local.day}日（周{_ZH_DAYS[local.weekday()]}）{local:%H:%M}"


def confirmation(said: str, times: str, *, work: Sequence[tuple[str, str]], language: Language) -> str:
    """What the planner asks before it makes what comes again.

    `said` is the schedule in words, `times` what `listed` made, `work` who will do what (at least one).
    """
    comma, colon = (", ", ": ") if language == "en" else ("，", "：")
    if len(work) == 1:
        (agent, request) = work[0]
        what = f"{comma}{agent}{colon}“{request}”"
    else:
        # In whole, since this is what is agreed to; a line each, or a list would break.
        what = f"{colon.rstrip()}\n\n" + "\n".join(
            f"- {agent}{colon}“{' '.join(request.split())}”" for agent, request in work
        )
    end = (
        "Shall I set this up? Answer “yes” or “no”, or say what to change, like “make it 10am”."
        if language == "en"
        else "要创建吗？请回答“确认”或“取消”，也可以直接说怎么改，例如“改成十点”。"
    )
    return f"**{said}**{what}\n\n{times}\n\n{end}"


def choice(question: str, times: str, *, meant: bool, language: Language) -> str:
    """A question with the times that its proposal would have (empty where there is none) and how to answer it.

    `meant`: it asks whether a time was meant at all, so that “no” has a meaning of its own.
    """
    lines = [question, times] if times else [question]
    if language == "en":
        yes = "“yes” to take that" if times else "with a time"
        no = ", “no” to run it once, now, as it stands" if meant else ""
        lines.append(f"Answer {yes}{no}, say when in your own words, or “cancel”.")
    else:
        yes = "回答“确认”采用建议" if times else "请说明时间"
        no = "，“不是”表示现在按原文运行一次" if meant else ""
        lines.append(f"{yes}{no}，也可以直接说时间，或“取消”。")
    return "\n\n".join(lines)


def listed(schedule: Schedule, times: Sequence[datetime], language: Language) -> str:
    """The next times (aware) as a list, in the schedule's zone, which is named."""
    zone = ZoneInfo(schedule.timezone)
    lines = "\n".join(f"- {moment(time.astimezone(zone), language)}" for time in times)
    if language == "en":
        return f"The next times ({city(schedule.timezone)} time):\n\n{lines}"
    return f"接下来的时间（{zh_zone(schedule.timezone)}）：\n\n{lines}"


def guidance(schedule: Schedule, language: Language) -> str:
    """What the planner says beside a schedule that needs no answer: “Once, on Thu 26 Nov 2026 at 09:00, Berlin.”"""
    return summary(schedule, language) + ("." if language == "en" else "。")


def zh_zone(name: str) -> str:
    """A zone's name in Chinese, or its city's where there is none."""
    return _ZH_CITIES.get(name, f"{city(name)} 时间")


def _zh_summary(schedule: Schedule) -> str:
    local = True
    if schedule.interval_minutes is not None:
        minutes = schedule.interval_minutes
        days, hours = minutes // 1440, minutes // 60
        text = (
            f"每 {days} 天"
            if minutes % 1440 == 0 and days > 1
            else f"每 {hours} 小时"
            if minutes % 60 == 0
            else f"每 {minutes} 分钟"
        )
        text = {1: "每分钟", 60: "每小时"}.get(minutes, text)
        local = False
    elif schedule.daily_times:
        text = f"每天 {'、'.join(t.strftime('%H:%M') for t in schedule.daily_times)}"
    elif schedule.crons:
        text = "；".join(_zh_cron(expression) for expression in schedule.crons)
    elif schedule.start_at is not None:
        text = f"仅一次，{moment(schedule.start_at.astimezone(ZoneInfo(schedule.timezone)), 'zh')}"
    else:
        text = "立即运行一次"
    if local:
        text += f"（{zh_zone(schedule.timezone)}）"
    if schedule.exclude:
        text += f"，除 {'、'.join(_zh_rest(entry) for entry in schedule.exclude)}"
    if schedule.recurring and schedule.start_at is not None:
        text += f"，从 {moment(schedule.start_at.astimezone(ZoneInfo(schedule.timezone)), 'zh')} 起"
    if schedule.recurring and schedule.end_at is not None:
        text += f"，到 {moment(schedule.end_at.astimezone(ZoneInfo(schedule.timezone)), 'zh')} 为止"
    if schedule.recurring and schedule.max_runs is not None:
        text += f"，共 {schedule.max_runs} 次"
    return text


def _zh_rest(entry: str) -> str:
    return f"周{_ZH_DAYS[_NAMES.index(entry)]}" if entry in _NAMES else entry


def _zh_cron(expression: str) -> str:
    """The expressions that `assemble` writes; any other one is shown as it is."""
    minute, hour, dom, month, dow = expression.split()
    if not re.fullmatch(r"\d+", minute) or not re.fullmatch(r"[\d,]+", hour):
        return f"cron {expression}"
    times = "、".join(f"{int(h):02}:{int(minute):02}" for h in hour.split(","))
    days = _zh_days(dom, month, dow)
    return f"{days} {times}" if days else f"cron {expression}"


def _zh_days(dom: str, month: str, dow: str) -> str:
    if dow != "*":
        return {"1-5": "工作日", "0,6": "周末"}.get(dow) or "每月" * bool(re.search("[#L]", dow)) + _zh_weekdays(dow)
    if dom == "*":
        return "每天" if month == "*" else ""
    names = {"L": "最后一天", "LW": "最后一个工作日"}
    listed = "、".join(names.get(day, f"{day}号") for day in dom.split(","))
    if month == "*":
        return f"每月{listed}"
    return f"每年{'、'.join(f'{m}月' for m in month.split(','))}{listed}"


def _zh_weekdays(dow: str) -> str:
    parts = []
    for term in dow.split(","):
        if "#" in term:
            day, nth = term.split("#")
            parts.append(f"第{nth}个周{_ZH_DAYS[(int(day) - 1) % 7]}")
        elif term.endswith("L"):
            parts.append(f"最后一个周{_ZH_DAYS[(int(term[0]) - 1) % 7]}")
        elif "-" in term:
            first, last = term.split("-")
            parts.append(f"周{_ZH_DAYS[(int(first) - 1) % 7]}至周{_ZH_DAYS[(int(last) - 1) % 7]}")
        else:
            parts.append(f"周{_ZH_DAYS[(int(term) - 1) % 7]}")
    listed = "、".join(parts)
    return listed if re.search("[#L]", dow) else f"每{listed}"
