"""What is asked, in the person's language: a sentence for each doubt, with the proposal behind it."""

from datetime import date
from typing import Any

from tasks.planner.language.meaning import Doubt, Language
from tasks.planner.language.words import zh_zone
from tasks.schedules.words import city, day_words

_UNITS = {"day": "天", "week": "周", "month": "个月", "quarter": "个季度", "year": "年", "hour": "小时"}
_PARTS = {"dawn": "凌晨", "morning": "上午", "noon": "中午", "afternoon": "下午", "evening": "晚上", "night": "夜里"}
_SAID: dict[str, tuple[str, str]] = {
    "meant": (
        "Shall this run on a schedule (“{said}”), or is that part of the request?",
        "“{said}”是要按这个时间运行，还是请求内容的一部分？",
    ),
    "time": ("At what time?", "几点运行？"),
    "half": ("Do you mean {time} or {later}?", "是 {time} 还是 {later}？"),
    "part": (
        "{time} and “{part}” do not go together: at what time exactly?",
        "{time} 和“{part}”对不上：具体几点？",
    ),
    "several": (
        "It names several times ({times}): at which one, or every day?",
        "提到了多个时间（{times}）：是哪一个？还是每天？",
    ),
    "either": ("Which of them: {times}?", "{times}：哪一个？"),
    "either_day": ("On which of the days: {said}?", "具体哪一天：{said}？"),
    "against": (
        "This sounds like something to stop, or not to do. A schedule that goes on is paused or cancelled on its "
        "task's page. Shall a new one run this (“{said}”)?",
        "这听起来是要停止或不做什么。已有的计划请在任务页面暂停或取消。要按“{said}”新建一个吗？",
    ),
    "past": ("That time is over. When shall it run?", "这个时间已经过去了。什么时候运行？"),
    "no_day": ("There is no such day: on which day?", "没有这一天：是哪一天？"),
    "which_day": ("Do you mean {days}?", "是{days}？"),
    "which_day_of": ("On which day of the {unit}, and at what time?", "在哪一天、几点运行？"),
    "which_days": ("On which days of the {unit}, and at what time?", "在哪几天、几点运行？"),
    "often": ("At which {times} times of the day?", "每天分别在几点运行？"),
    "weekly": ("Every week, or only this once?", "是每周，还是只这一次？"),
    "both": (
        "These times do not go together in one schedule. How often shall it run, and when?",
        "这些时间不能放在同一个计划里。多久运行一次，什么时候？",
    ),
    "start": (
        "Shall it start at {time} and go on at that pace?",
        "是从 {time} 开始，之后按这个间隔运行吗？",
    ),
    "until": ("When exactly shall it end?", "具体什么时候结束？"),
    "vague": ("How often is “{said}”?", "“{said}”具体是多久一次？"),
    "unclear": ("Which days are “{said}”?", "“{said}”具体是哪几天？"),
    "soon": ("When exactly is “{said}”?", "“{said}”具体是什么时候？"),
    "seconds": (
        "Runs come in whole minutes, one at the shortest. How often shall it run?",
        "间隔只能是整分钟，最短一分钟。多久运行一次？",
    ),
    "other": (
        "“Every {n:g} {unit}s” is no day of the calendar: I can only count elapsed time from a first run, which moves "
        "by an hour when the clock changes. From when?",
        "“每 {n:g} {unit}”只能从第一次运行起按时长计算（夏令时切换时会差一小时）。从什么时候开始？",
    ),
    "zone": (
        "“{said}” is not clear: do you mean the time in {zone}?",
        "“{said}”不明确：是指{zone}吗？",
    ),
    "city": ("The time in {said}, or in {own}?", "是{said}的时间，还是{own}？"),
    "holidays": (
        "I do not know the {days} of your place. On which dates shall it rest?",
        "我不知道您那里的节假日。哪些日期不运行？",
    ),
    "hours": ("From when to when are the {said}?", "“{said}”是几点到几点？"),
    "first_workday": (
        "A month's first working day has no schedule of its own. On which day shall it run?",
        "“每月第一个工作日”无法直接表示。在哪一天运行？",
    ),
    "two": (
        "It names two schedules (“{first}” and “{second}”): which one?",
        "提到了两个时间（“{first}”和“{second}”）：用哪一个？",
    ),
    "apart": ("Does “{said}” say how long this shall go on?", "“{said}”是指运行到什么时候吗？"),
    "left": (
        "I do not understand “{said}” beside it: when exactly shall it run?",
        "不明白“{said}”：具体什么时候运行？",
    ),
    "refused": ("That does not work: {text}", "这样不行：{text}"),
}
"""By a doubt's code: in English, in Chinese."""


def ask(doubt: Doubt, proposal: str, language: Language) -> str:
    """The question for a doubt; `proposal` is the summary of what would be taken, or empty."""
    english = language == "en"
    text = _SAID[doubt.code][0 if english else 1].format(**_facts(doubt.about, english))
    if not proposal:
        return text
    return f"{text} I would take: {proposal}." if english else f"{text}建议：{proposal}。"


def _facts(about: dict[str, Any], english: bool) -> dict[str, Any]:
    """What a doubt speaks of, in words of the language."""
    facts = dict(about)
    days = about.get("days")
    if isinstance(days, list):
        facts["days"] = " or ".join(map(day_words, days)) if english else "，还是".join(map(_zh_day, days))
    if isinstance(about.get("times"), list):
        facts["times"] = (", " if english else "、").join(about["times"])
    for key in ("zone", "own"):
        if key in about:
            facts[key] = city(about[key]) if english else zh_zone(about[key])
    if not english:
        facts["unit"] = _UNITS.get(about.get("unit", ""), "")
        facts["part"] = _PARTS.get(about.get("part", ""), "")
    return facts


def _zh_day(day: date) -> str:
    return f"{day.month}月{day.day}日"
