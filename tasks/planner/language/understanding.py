"""`understand`: from a text to what it says about when, and the request that is left."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import ModuleType
from zoneinfo import ZoneInfo

from tasks import schedules
from tasks.planner.language import chinese, chinese_context, english, english_context
from tasks.planner.language.assemble import Assembled, assemble
from tasks.planner.language.english_clock import CLOCK
from tasks.planner.language.meaning import Doubt, Language, Meaning, Piece
from tasks.planner.language.negation import against
from tasks.planner.language.phrases import Phrase, amend, fold, group, said_on
from tasks.planner.language.questions import ask
from tasks.planner.language.request import without
from tasks.planner.language.words import summary
from tasks.schedules import Schedule

TIMES = 5
MAX_LENGTH = 4_000
"""Code points of a text that is looked at; a longer one is a document, whose times are its own."""
# What stands in quotes or code is spoken of, not said. An apostrophe is no quote. Nothing goes on behind a wide gap.
_QUOTED = re.compile(
    r"```.*?(?:```|\Z)|`[^`\n]*`|“[^”]*”|\"[^\"\n]*\"|«[^»]*»|「[^」]*」|『[^』]*』|《[^》]*》|(?<!\w)'[^'\n]*'(?!\w)|https?://\S+|\s{40,}",
    re.S,
)
_TO = re.compile(rf"\b(?:make\s+(?:it|that)|to|rather|better|be|instead)\s+(?={CLOCK})", re.I)
_SHORT_ANSWER = 4
Said = tuple[str, datetime]
"""A text and the moment (aware) at which it was said."""
_CHINESE = re.compile(r"[\u4e00-\u9fff]")


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What a question would take if nothing else is said."""

    data: dict[str, object]
    """The schedule in the contract's JSON form."""
    schedule: Schedule
    times: tuple[datetime, ...]
    """The next five, UTC."""
    summary: str


@dataclass(frozen=True, kw_only=True)
class Understanding:
    """What a text says about when. Neither `proposal` nor `question`: no time was meant."""

    request: str
    """The text without the time phrase, tidied; the text itself where no time was meant."""
    language: Language = "en"
    proposal: Proposal | None = None
    """What was understood; beside a question, only what would be taken."""
    question: str | None = None
    doubt: str = ""
    """What the question is about: a code of `questions`, as `meant` (schedule, or part of the request?)."""
    phrase: str = ""
    """The time phrase as it stands in the text."""

    @property
    def sure(self) -> Proposal | None:
        """The schedule, where nothing about it is doubtful."""
        return self.proposal if self.question is None else None

    @property
    def meant(self) -> bool:
        """Whether the text says anything about when."""
        return self.proposal is not None or self.question is not None

    @property
    def shown(self) -> dict[str, object] | None:
        """The proposal as JSON, times in the schedule's zone."""
        if self.proposal is None:
            return None
        return {"schedule": self.proposal.data, "times": _shown(self.proposal), "summary": self.proposal.summary}

    def as_dict(self) -> dict[str, object]:
        """The contract's answer of `POST /schedules/parse`, times in the schedule's zone; with `proposal` beside a
        question.
        """
        sure = self.sure
        return {
            "schedule": sure.data if sure else None,
            "request": self.request,
            "times": _shown(sure) if sure else [],
            "summary": sure.summary if sure else "",
            "question": self.question,
            "phrase": self.phrase,
            "proposal": self.shown if self.question else None,
        }


def understand(
    text: str, *, timezone: str, now: datetime, said_at: datetime | None = None, changes: Sequence[Said] = ()
) -> Understanding:
    """What `text` says about when it shall be done, for a person whose zone is `timezone`, at `now` (aware,
    of the years 1970 to 9989).

    `changes` are what the person said afterwards, in order (“make it 10am”), each taking the place of its like.
    `said_at` is when the text was said, where that was before `now`: “tomorrow” counts from there, as in a change
    it counts from its own. Two milliseconds at most for a phrase; no error for any text.
    """
    language: Language = "zh" if _CHINESE.search(text) else "en"
    nothing = Understanding(request=text, language=language)
    if len(text) > MAX_LENGTH:
        return nothing
    found = _phrases(text, language)
    if found is None:
        return nothing
    phrases, doubts = found
    zone = ZoneInfo(timezone)
    meaning = said_on(fold(phrases), (said_at or now).astimezone(zone), now.astimezone(zone))
    for change, at in changes:
        said = read_change(change)
        if said is not None:
            # Whoever answers with a time has answered whether one was meant.
            doubts = []
            meaning = amend(meaning, said_on(said, at.astimezone(zone), now.astimezone(zone)))
    made = assemble(meaning, now=now, timezone=timezone)
    request, phrase = without(text, phrases, language)
    doubts = [*doubts, *made.doubts]
    proposal = _proposal(made, language, now)
    question = ask(doubts[0], proposal.summary if proposal else "", language) if doubts else None
    return Understanding(
        request=request,
        language=language,
        proposal=proposal,
        question=question,
        doubt=doubts[0].code if doubts else "",
        phrase=phrase,
    )


def read_change(text: str) -> Meaning | None:
    """What an answer says about when, anywhere in it (“make it 10”, “weekdays only”); None where it says nothing."""
    if len(text) > MAX_LENGTH:
        return None
    chinese_text = bool(_CHINESE.search(text))
    said = text if chinese_text else _TO.sub(r"\g<0>at ", text)
    pieces = chinese.pieces(said) if chinese_text else english.pieces(said)
    if not pieces and not chinese_text and len(text.split()) <= _SHORT_ANSWER:
        # A number alone answers “at what time?”.
        said = f"at {text.strip()}"
        pieces = english.pieces(said)
    return fold([Phrase(pieces=tuple(pieces), text=said)]) if pieces else None


def says_when(text: str) -> bool:
    """Whether an answer says anything about when (see `understand`, `changes`)."""
    return read_change(text) is not None


def _phrases(text: str, language: Language) -> tuple[list[Phrase], list[Doubt]] | None:
    """The phrases that are meant (one, and what belongs to it from elsewhere), with the doubts about that."""
    quiet = _QUOTED.sub(lambda match: "\x00" * len(match[0]), text)
    pieces: list[Piece] = chinese.pieces(quiet) if language == "zh" else english.pieces(quiet)
    context: ModuleType = chinese_context if language == "zh" else english_context
    if language == "zh" and not any(piece.anchor for piece in pieces):
        # “every day at 9 对比 AAPL 和 MSFT”
        others = english.pieces(quiet)
        if any(piece.anchor for piece in others):
            pieces, context = others, english_context
    groups = [_placed(phrase) for phrase in group(quiet, pieces, context.BETWEEN)]
    meant: list[tuple[Phrase, str]] = []
    for phrase in groups:
        judged = context.judge(phrase, fold([phrase])) if phrase.anchored else context.alone(phrase)
        before, after = context.sentence(quiet, phrase.start, phrase.end)
        if judged and against(before, after, quiet[phrase.end :]):
            judged = "against"
        if judged:
            meant.append((phrase, judged))
    if not meant:
        return None
    # The surest and most telling one is the schedule; another that is as sure contradicts it.
    meant.sort(key=lambda pair: (pair[1] != "sure", not fold([pair[0]]).clocked, not fold([pair[0]]).recurring))
    chosen, judged = meant[0]
    about = {"said": text[chosen.start : chosen.end]}
    doubts = [] if judged == "sure" else [Doubt(code="against" if judged == "against" else "meant", about=about)]
    rival = next((phrase for phrase, other in meant[1:] if other != "unsure" and fold([phrase]).clocked), None)
    if rival is not None and fold([chosen]).clocked:
        first, second = text[chosen.start : chosen.end], text[rival.start : rival.end]
        doubts.append(Doubt(code="two", about={"first": first, "second": second}))
    extras = context.apart(chosen, fold([chosen]), [p for p in groups if not p.anchored])
    left = context.residue(chosen, taken=bool(extras))
    if left:
        doubts.append(Doubt(code="left", about={"said": left}))
    phrases = [chosen]
    for extra in extras:
        phrases.append(extra)
        if context.uncertain(chosen, extra):
            doubts.append(Doubt(code="apart", about={"said": text[extra.start : extra.end]}))
    return [Phrase(pieces=phrase.pieces, text=text) for phrase in phrases], doubts


def _placed(phrase: Phrase) -> Phrase:
    """A phrase without a city before it: “the weather in Paris every day at 9” speaks of Paris."""
    first = phrase.pieces[0]
    if len(phrase.pieces) > 1 and first.kind == "zone" and first.value is not None and first.value.code == "city":
        return Phrase(pieces=phrase.pieces[1:], text=phrase.text)
    return phrase


def _proposal(made: Assembled, language: Language, now: datetime) -> Proposal | None:
    if made.schedule is None or made.data is None:
        return None
    return replace(proposal_of(made.schedule, language, now), data=made.data)


def proposal_of(schedule: Schedule, language: Language, now: datetime) -> Proposal:
    """What a question shows of `schedule`, its next times counted from `now` (aware)."""
    return Proposal(
        data=schedules.to_dict(schedule),
        schedule=schedule,
        times=_times(schedule, now),
        summary=summary(schedule, language),
    )


def _times(schedule: Schedule, now: datetime) -> tuple[datetime, ...]:
    begin = schedule.start_at or now
    first = schedules.first_slot(schedule, now=begin, anchor=begin)
    if first is None:
        return ()
    wanted = min(TIMES, schedule.max_runs or TIMES)
    if not schedule.recurring or wanted == 1:
        return (first,)
    far = datetime.max.replace(tzinfo=first.tzinfo)
    return (first, *schedules.slots_between(schedule, first, far, anchor=begin, limit=wanted - 1))


def _shown(proposal: Proposal) -> list[str]:
    zone = ZoneInfo(proposal.schedule.timezone)
    return [time.astimezone(zone).isoformat() for time in proposal.times]
