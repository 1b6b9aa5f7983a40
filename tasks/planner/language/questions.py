"""What is asked, in the person's language: a sentence for each doubt, with the proposal behind it."""

from collections.abc import Callable
from datetime import date
from typing import Any

from tasks.planner.language.meaning import Doubt, Language
from tasks.planner.language.words import zh_zone
from tasks.schedules.words import city, day_words

_UNITS = {"day": "天", "week": "周", "month": "个月", "quarter": "个季度", "year": "年", "hour": "小时"}
_PARTS = {"dawn": "凌晨", "morning": "上午", "noon": "中午", "afternoon": "下午", "evening": "晚上", "night": "夜里"}
Words = Callable[[dict[str, Any]], str]


def _days(found: list[date], joint: str) -> str:
    return joint.join(day_words(day) for day in found)


def _zh_days(found: list[date]) -> str:
    return "，还是".join(f"{day.month}月{day.day}日" for day in found)


_SAID: dict[str, tuple[Words, Words]] = {
    "meant": (
        lambda a: f"Shall this run on a schedule (“{a['said']}”), or is that part of the request?",
        lambda a: f"“{a['said']}”是要按这个时间运行，还是请求内容的一部分？",
    ),
    "time": (lambda a: "At what time?", lambda a: "几点运行？"),
    "half": (
        lambda a: f"Do you mean {a['time']} or {a['later']}?",
        lambda a: f"是 {a['time']} 还是 {a['later']}？",
    ),
    "part": (
        lambda a: f"{a['time']} and “{a['part']}” do not go together: at what time exactly?",
        lambda a: f"{a['time']} 和“{_PARTS[a['part']]}”对不上：具体几点？",
    ),
    "several": (
        lambda a: f"It names several times ({', '.join(a['times'])}): at which one, or every day?",
        lambda a: f"提到了多个时间（{'、'.join(a['times'])}）：是哪一个？还是每天？",
    ),
    "past": (
        lambda a: "That time is over. When shall it run?",
        lambda a: "这个时间已经过去了。什么时候运行？",
    ),
    "no_day": (lambda a: "There is no such day: on which day?", lambda a: "没有这一天：是哪一天？"),
    "which_day": (
        lambda a: f"Do you mean {_days(a['days'], ' or ')}?",
        lambda a: f"是{_zh_days(a['days'])}？",
    ),
    "which_day_of": (
        lambda a: f"On which day of the {a['unit']}, and at what time?",
        lambda a: "在哪一天、几点运行？",
    ),
    "which_days": (
        lambda a: f"On which days of the {a['unit']}, and at what time?",
        lambda a: "在哪几天、几点运行？",
    ),
    "often": (lambda a: f"At which {a['times']} times of the day?", lambda a: "每天分别在几点运行？"),
    "weekly": (lambda a: "Every week, or only this once?", lambda a: "是每周，还是只这一次？"),
    "both": (
        lambda a: "These times do not go together in one schedule. How often shall it run, and when?",
        lambda a: "这些时间不能放在同一个计划里。多久运行一次，什么时候？",
    ),
    "start": (
        lambda a: f"Shall it start at {a['time']} and go on at that pace?",
        lambda a: f"是从 {a['time']} 开始，之后按这个间隔运行吗？",
    ),
    "until": (lambda a: "When exactly shall it end?", lambda a: "具体什么时候结束？"),
    "vague": (lambda a: f"How often is “{a['said']}”?", lambda a: f"“{a['said']}”具体是多久一次？"),
    "soon": (lambda a: f"When exactly is “{a['said']}”?", lambda a: f"“{a['said']}”具体是什么时候？"),
    "seconds": (
        lambda a: "Runs come in whole minutes, one at the shortest. How often shall it run?",
        lambda a: "间隔只能是整分钟，最短一分钟。多久运行一次？",
    ),
    "other": (
        lambda a: (
            f"“Every {a['n']:g} {a['unit']}s” is no day of the calendar: I can only count elapsed time from a first "
            "run, which moves by an hour when the clock changes. From when?"
        ),
        lambda a: f"“每 {a['n']:g} {_UNITS[a['unit']]}”只能从第一次运行起按时长计算（夏令时切换时会差一小时）。从什么时候开始？",
    ),
    "zone": (
        lambda a: f"“{a['said']}” is not clear: do you mean the time in {city(a['zone'])}?",
        lambda a: f"“{a['said']}”不明确：是指{zh_zone(a['zone'])}吗？",
    ),
    "city": (
        lambda a: f"The time in {a['said']}, or in {city(a['own'])}?",
        lambda a: f"是{a['said']}的时间，还是{zh_zone(a['own'])}？",
    ),
    "holidays": (
        lambda a: f"I do not know the {a['days']} of your place. On which dates shall it rest?",
        lambda a: "我不知道您那里的节假日。哪些日期不运行？",
    ),
    "hours": (
        lambda a: f"From when to when are the {a['said']}?",
        lambda a: f"“{a['said']}”是几点到几点？",
    ),
    "first_workday": (
        lambda a: "A month's first working day has no schedule of its own. On which day shall it run?",
        lambda a: "“每月第一个工作日”无法直接表示。在哪一天运行？",
    ),
    "two": (
        lambda a: f"It names two schedules (“{a['first']}” and “{a['second']}”): which one?",
        lambda a: f"提到了两个时间（“{a['first']}”和“{a['second']}”）：用哪一个？",
    ),
    "apart": (
        lambda a: f"Does “{a['said']}” say how long this shall go on?",
        lambda a: f"“{a['said']}”是指运行到什么时候吗？",
    ),
    "refused": (lambda a: f"That does not work: {a['text']}", lambda a: f"这样不行：{a['text']}"),
}


def ask(doubt: Doubt, proposal: str, language: Language) -> str:
    """The question for a doubt; `proposal` is the summary of what would be taken, or empty."""
    text = _SAID[doubt.code][0 if language == "en" else 1](doubt.about)
    if not proposal:
        return text
    return f"{text} I would take: {proposal}." if language == "en" else f"{text}建议：{proposal}。"
