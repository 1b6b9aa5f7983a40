"""A schedule that was proposed by somebody else than these rules, taken up as if a text had said it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from tasks import schedules
from tasks.planner.language.meaning import Doubt, Language
from tasks.planner.language.questions import ask
from tasks.planner.language.understanding import Said, Understanding, proposal_of, understand
from tasks.planner.language.words import summary
from tasks.schedules import Schedule, ScheduleError

_SAY_IT_WHOLE = {
    "en": "this schedule can only be replaced. Say it whole, like “every day at 9:00”.",
    "zh": "这个计划只能整个替换。请完整说明，例如“每天9:00”。",
}


def proposed(
    data: Mapping[str, object],
    *,
    request: str,
    language: Language,
    timezone: str,
    now: datetime,
    changes: Sequence[Said] = (),
) -> Understanding:
    """The schedule `data` (the contract's JSON form) as an understanding of `request`, with the person's `changes`.

    Where it cannot be kept (its moment has passed, a change does not fit), there is a question instead. `timezone` is
    the person's; `now` and the changes' moments are aware. Raises nothing.
    """
    try:
        schedule = schedules.parse(data, now=now, default_timezone=timezone)
    except ScheduleError as error:
        told = " ".join(text for texts in error.fields.values() for text in texts)
        return _refused(told, request, language)
    if not changes:
        return Understanding(request=request, language=language, proposal=proposal_of(schedule, language, now))
    changed = _changed(schedule, now, changes)
    if changed is None:
        return _refused(_SAY_IT_WHOLE[language], request, language)
    found = changed.proposal
    shown = replace(found, summary=summary(found.schedule, language)) if found else None
    return replace(changed, request=request, language=language, proposal=shown, phrase="")


def _changed(schedule: Schedule, now: datetime, changes: Sequence[Said]) -> Understanding | None:
    """`schedule` with the changes, by way of its words; None where they do not say it exactly.

    A last change that says a whole schedule needs no other one.
    """
    text, at = changes[-1]
    alone = understand(text, timezone=schedule.timezone, now=now, said_at=at)
    if alone.sure:
        return alone
    words = schedules.describe(schedule)
    same = understand(words, timezone=schedule.timezone, now=now).sure
    if same is None or same.schedule != schedule:
        return None
    return understand(words, timezone=schedule.timezone, now=now, changes=changes)


def _refused(why: str, request: str, language: Language) -> Understanding:
    question = ask(Doubt(code="refused", about={"text": why}), "", language)
    return Understanding(request=request, language=language, question=question, doubt="refused")
