"""Whether an English sentence means a phrase as a time to run, or merely speaks of a time.

Three answers: `sure`, `unsure` (ask), and None (it speaks of it). The rules err to the side of asking, and where a
phrase has no clock time, to the side of silence: a schedule that nobody wanted costs more than a question.
"""

import re
from collections.abc import Sequence
from typing import Literal

from tasks.planner.language.meaning import Meaning
from tasks.planner.language.phrases import Phrase

Judgement = Literal["sure", "unsure"] | None

BETWEEN = re.compile(
    r"(?:[\s,;()\-–—]|\b(?:and|repeat(?:ing)?|but|on|at|then|each|only|exactly|sharp|always|please|in|the|starting|from\s+now\s+on)\b)*",
    re.I,
)
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)|[;\n]")
_POLITE = (
    r"(?:please|pls|kindly|hey|hi|hello|ok|okay|so|then|and|also|now|well|thanks|just|"
    r"(?:can|could|would|will)\s+you(?:\s+please)?|i\s+want\s+you\s+to|i\s+need\s+you\s+to|"
    r"i(?:['’]d|\s+would)\s+like\s+you\s+to|i\s+want|i\s+need|i(?:['’]d|\s+would)\s+like|let['’]?s|"
    r"do\s+(?:this|that|it)|run(?:\s+(?:this|that|it))?|repeat(?:\s+(?:this|that|it))?|"
    r"schedule(?:\s+(?:this|that|it))?|schedule|reminder|remind\s+me|when)"
)
_LEAD = re.compile(rf"(?:[\s,:\-–—(“\"]|\b{_POLITE}\b)*", re.I)
_TAIL = re.compile(
    r"(?:[\s,.!?:;)…\-–—]|\b(?:please|pls|thanks|thank\s+you|thx|ok|okay|for\s+me|from\s+now\s+on)\b)*", re.I
)
_QUESTION = re.compile(
    r"^(?:[\s,\-–—(]|\b(?:so|and|but|hey|hi|ok|well|please)\b)*"
    r"(?:what|how|why|who|whose|whom|when|which|where|is|are|was|were|do|does|did|has|have|had|am|should|shall|may|might|must"
    r"|can\s+(?!you\b)\w+|could\s+(?!you\b)\w+|would\s+(?!you\b)\w+|will\s+(?!you\b)\w+)\b",
    re.I,
)
# “What is the weather in Berlin” may well be wanted every day; “when does the bus leave” and “how do I” may not.
_STATEMENT = re.compile(
    r"^(?:[\s,\-–—(]|\b(?:so|and|but|because|since|although|if|while)\b)*"
    r"(?:i(?!['’]d|\s+(?:want|need|would))|we(?!['’]d|\s+(?:want|need|would))|you|he|she|they|it|there|people|everyone|everybody"
    r"|my|our|his|her|their|this|that|these|those)\b",
    re.I,
)
_REFERS = re.compile(
    r"\b(?:last|past|previous|next|coming|first|these|those|this)\s*$|\bhow\s+(?:to|do|does|can|i|we)\b", re.I
)
_HABIT = re.compile(
    r"\b(?:is|are|was|were|be|been|being|am|happens?|happened|happening|occurs?|occurred|takes?\s+place|starts?|started"
    r"|begins?|began|opens?|opened|closes?|closed|leaves?|left|departs?|arrives?|runs|ran|running|held|scheduled|published"
    r"|released|updated|sent|executed|triggered|meets?|works?|worked|fails?|failed|sleeps?|slept|wakes?|woke|wake\s+up"
    r"|(?:it|that|there|he|she|what)['’]s|get\s+up|gets\s+up|got\s+up|goes|went|comes|came|fires?|executes|repeats|called|lasts?|due|born|died|rose|fell)\s*$",
    re.I,
)
_BEFORE_CONTENT = re.compile(
    r"\b(?:for|of|about|by|before|after|since|than|between|during|within|over|past|last|per|not|as|to|versus|vs|against"
    r"|like|with|without|from|word|words|phrase|string|text|called|named|titled|say|says|said|mean|means|expression"
    r"|(?-i:the|an?|every|each)|cron)\s*$",
    re.I,
)
_RELATIVE = re.compile(r"\b(?:that|which|who|whose|where|how\s+to|what)\b(?![^,]*,)", re.I)
_CHECKS = re.compile(
    r"\b(?:check|make\s+sure|verify|ensure|confirm|test|see|monitor|tell\s+me|show\s+me|report|find\s+out)\s+"
    r"(?:that|which|who|where|what|whether)\b",
    re.I,
)
_EVENT = re.compile(
    r"\b(?:meetings?|calls?|flights?|appointments?|interviews?|match(?:es)?|games?|trains?|bus(?:es)?|dinners?|lunch(?:es)?"
    r"|part(?:y|ies)|webinars?|concerts?|class(?:es)?|exams?|lectures?|deadlines?|sessions?|stand-?ups?|events?|shifts?"
    r"|conference|keynote|departures?|arrivals?|alarms?)\s*$",
    re.I,
)
_BOOKS = re.compile(
    r"\b(?:find|book|reserve|search|look\s+for|order)\b.*\b(?:flights?|trains?|tickets?|tables?|hotels?|rooms?|seats?|slots?|bus)\b",
    re.I,
)
_ARRANGES = re.compile(
    r"\b(?:schedule|book|arrange|organi[sz]e|plan|set\s+up|invite|reschedule|move|put|add)\b.*\b(?:meetings?|calls?|appointments?|interviews?"
    r"|dinner|lunch|party|webinar|sessions?|stand-?ups?|events?|conference|flights?|tables?)\b",
    re.I,
)
_TEXT_GIVEN = re.compile(
    r"\b(?:translate|rewrite|rephrase|paraphrase|proofread|correct|fix|draft|write|reply|answer|quote|spell|summari[sz]e|say)\b[^:]*:"
    r"|\b(?:imagine|suppose|assume|convert|pretend)\b",
    re.I,
)
_CODE = re.compile(
    r"\b(?:write|create|explain|fix|debug|build|make|show|implement|add)\b.*"
    r"\b(?:cron\w*|scripts?|programs?|functions?|code|loops?|daemons?|schedulers?)\b",
    re.I,
)
_WANTS = re.compile(
    r"\b(?:send|email|mail|post|deliver|notify|remind)\b|\b(?:like|want|need|get\s+me)\s+(?:an?|my)\s*$", re.I
)
_WHY = re.compile(r"^\W*(?:why|when|do|does|did|is|are|was|were|has|have|had|who|whose)\b", re.I)
_ALARM = re.compile(r"\b(?:alarm|reminder|timer)\s+for\s*$", re.I)
_TALKS_ON = re.compile(
    r"^\s*(?:versus|vs|compared|than|is|are|was|were|has|have|had|can|could|will|would|should|counts?|matters?|looks?|feels?|means?|in\s+the\s+life)\b",
    re.I,
)
_RUNS = re.compile(
    r"\b(?:check|remind|send|ping|notify|alert|tell|wake|call|ask|look|report|compare|start|run|rerun|fetch|update|post"
    r"|repeat|try|retry|email|mail|message|text|monitor|watch|scan|query|search|refresh|sync|back\s?up|publish|collect"
    r"|summari[sz]e|analy[sz]e|review|stop|buy|sell|execute|trigger|get|give|show|prepare|create|generate|list|track|pull"
    r"|let\s+me\s+know|come\s+back|do|warn|deliver|print|log|poll|measure|test|verify|screen|rank|research|brief|inform)\b",
    re.I,
)
_TAKES_TIME = re.compile(
    r"\b(?:explain|learn|write|describe|teach|finish|cook|read|solve|make|build|complete|drive|walk|cover|understand|memori[sz]e"
    r"|draft|translate|play|master|lose|earn|double|reach|win|present|pitch|tell\s+me\s+(?:the|a)\s+story|recap|summari[sz]e)\b",
    re.I,
)
_FORECAST = re.compile(
    r"\b(?:weather|forecasts?|events?|meetings?|calendar|earnings|agenda|flights?|temperatures?|rain|snow|plans?|games?"
    r"|match(?:es)?|holidays?|schedule|news|happening|happen|happens|on|due|expected|birthday)\s*$",
    re.I,
)
_REMIND = re.compile(r"\b(?:remind|wake|ping|alert|notify|call|text|message)\s+(?:me|us)\b|\breminder\b", re.I)
_MIDDLE_BEFORE = re.compile(
    r"(?:\b(?:me|us|him|her|them|it|this|that)|^[\s,]*(?:(?:please|can\s+you|could\s+you)\s+)*[a-z]+(?:\s+(?:in|up|out|back))?)\s*$",
    re.I,
)
_MIDDLE_AFTER = re.compile(
    r"^\s*[,:\-–—]?\s*(?:to|whether|if|that|a|an|the|my|our|your|how|what|which|who|where|about|with|and|on|some|any|all|for"
    r"|[A-Z][\w&.]*|of|until)\b",
)
_NOUN_FOLLOWS = re.compile(
    r"^\s+(?!(?:at|on|in|to|and|please|for|until|with|if|whether|about|starting|from|by|except)\b)[A-Za-z]", re.I
)


_TIMES = (
    r"(?:\d|minutes?|hours?|nights?|days?|mornings?|afternoons?|evenings?|noon|midnight|lunch|dinner|breakfast|sunrise|sunset|dawn|dusk"
    r"|opens?|closes?|weeks?|months?|years?|time|(?:mon|tues|wednes|thurs|fri|satur|sun)days?|winter|summer|spring|autumn|holidays?|week(?:day|end)s?)"
)
_ENDING = (
    r"(?:until|till|’til|'til|starting|beginning|ending|unless|except\s+(?:when|while|if|during|on|in|at|the)|as\s+long\s+as|so\s+long\s+as"
    r"|for\s+(?:a\s+few|several|some|a\s+couple\s+of)\s+(?:minute|hour|day|week|month|year)s|for\s+as\s+long|for\s+a\s+(?:while|bit)|for\s+some\s+time|for\s+the\s+(?:rest|remainder|duration|next|coming|following)"
    r"|no\s+(?:longer|later)\s+than)\b"
)
"""What bounds a schedule wherever it stands, in words that are not understood too: until Christmas."""
_BOUNDING = (
    rf"(?:{_ENDING}|(?:up\s+to|through|commencing|effective|as\s+(?:of|from)|except(?:ing)?|excluding|since|while|during|once|before|after"
    r"|from\s+(?:yesterday|last|today|now)|not\s+(?:before|after|later|when|if|while)|or\s+(?:when|if|so|later|earlier|thereabouts))\b)"
)
"""What does so right beside one."""
_LEFT_AFTER = re.compile(
    rf"^\s*,?\s*((?:(?:by|before|after|around|past|during|between|until|till|unless|except|excluding|but|only|or|on\s+day|at|from)\b"
    rf"[^,.;:!?\d]{{0,25}}?\b{_TIMES}\b|the\s+\d{{1,2}}(?:st|nd|rd|th)\b|(?:next|this)\s+(?:week|month|year)\b)[^,.;:!?]{{0,20}}"
    rf"|(?:{_BOUNDING}|(?:on|at)\s+(?:the\s+)?(?:half|quarter|top|bottom)\b|(?:or|either|maybe|perhaps|possibly)\s+(?:(?:or|at)\s+)?:?\d|and\s+:\d)[^,.;:!?]{{0,40}})",
    re.I,
)
_LEFT_AWAY = re.compile(rf"(?<![\w-])({_ENDING}[^,.;:!?]{{1,60}})\W*$", re.I)
_SPEAKS_OF = re.compile(rf"(?!.*\bnews\s*$){_FORECAST.pattern}", re.I)
_LEFT_AHEAD = re.compile(
    rf"^(?:[\s,:\-–—(]|\b{_POLITE}\b)*((?:{_ENDING}|(?:before|after|during|while|once|(?:from|since)\s+(?:yesterday|last|christmas|easter|new\s+year|summer|winter|spring|autumn))\b)[^,.;:!?]{{1,60}})",
    re.I,
)
_LEFT_BEFORE = re.compile(
    r"((?:(?:\b[\w']+\s+){0,2}\b(?:or|either)(?:\s+the)?\b|\bfrom\s+(?:\w+\s+on(?:wards?)?|christmas|easter|new\s+year\S*|summer|winter|spring|autumn)\b|\b(?:by|before|after|around|about|past|until)|\b(?:next|this|last)\s+(?:week|month|year),?(?:\s+on)?)\s*)$",
    re.I,
)


def residue(phrase: Phrase, *, taken: bool = False) -> str:
    """What stands beside a phrase and speaks of a time too, but was not understood; empty where nothing does.

    `taken`: what bounds it elsewhere in the sentence was understood.
    """
    before, after = sentence(phrase.text, phrase.start, phrase.end)
    found = _LEFT_AFTER.match(after) or _LEFT_BEFORE.search(before)
    if not found and not taken:
        found = _LEFT_AHEAD.match(before) or _LEFT_AWAY.search(after)
        if found and found.string is after and _SPEAKS_OF.search(after[: found.start()]):
            # “The forecast for the next three days” speaks of its own.
            return ""
    return found[1].strip() if found else ""


def sentence(text: str, start: int, end: int) -> tuple[str, str]:
    """What stands before and after a phrase in its own sentence."""
    head = text[:start]
    cuts = [match.end() for match in _SENTENCE_END.finditer(head)]
    tail = _SENTENCE_END.search(text, end)
    # The mark that ends the sentence belongs to it: a question mark matters.
    return head[cuts[-1] if cuts else 0 :], text[end : tail.end() if tail else len(text)]


def judge(phrase: Phrase, meaning: Meaning) -> Judgement:
    """Whether the sentence around `phrase` means it."""
    before, after = sentence(phrase.text, phrase.start, phrase.end)
    leading, trailing = bool(_LEAD.fullmatch(before)), bool(_TAIL.fullmatch(after))
    if leading and trailing:
        return "sure"
    if not leading and _TEXT_GIVEN.search(before):
        return None
    if re.match(r"\s*of\b", after):
        return None
    if _TALKS_ON.match(after) and not (leading and re.match(r"\s*(?:will|would|could|can)\s+you\b", after, re.I)):
        return None
    if not leading and _REFERS.search(before):
        return None
    if meaning.recurring:
        return _recurring(phrase, meaning, before, after, leading=leading, trailing=trailing)
    return _once(phrase, meaning, before, after, leading=leading, trailing=trailing)


def _recurring(
    phrase: Phrase, meaning: Meaning, before: str, after: str, *, leading: bool, trailing: bool
) -> Judgement:
    strong = meaning.clocked or any(doubt.code == "other" for doubt in meaning.doubts)
    asks = bool(_QUESTION.match(before)) and not leading
    if phrase.loose:
        return _loose(meaning, before, after, leading=leading, trailing=trailing, asks=asks)
    if leading:
        return "sure"
    set_off = bool(re.search(r"[,:–—(]\s*$", before)) or bool(re.search(r"[.!?]\s*$", before))
    if asks:
        if _WHY.match(before):
            return None
        return (
            "unsure"
            if meaning.clocked and (set_off or trailing) and not re.match(r"\s*how\s+(?:to|do|can)\b", before, re.I)
            else None
        )
    if set_off and trailing:
        return "sure"
    if _ARRANGES.search(before) or _CODE.search(before):
        return "unsure" if strong else None
    mentioned = (
        _BEFORE_CONTENT.search(before)
        and not _ALARM.search(before)
        and not re.search(r"\b(?:remind|tell|notify|alert)\s+me\s+(?:for|of|about)\s*$", before, re.I)
    )
    if mentioned:
        return None
    if _STATEMENT.match(before) or _HABIT.search(before):
        # “Our call is every Monday at 9. Write an agenda.” tells; alone it may be a wish.
        told = bool(re.search(r"\w", phrase.text[phrase.end + len(after) :]))
        return "unsure" if strong and trailing and not told else None
    relative = _RELATIVE.search(before) and not _CHECKS.search(before)
    if relative or _EVENT.search(before):
        return "unsure" if strong else None
    if not strong and not _RUNS.search(before) and re.match(r"\s*(?:the|an?)\b", before, re.I):
        return None
    if trailing:
        return "sure"
    if _MIDDLE_BEFORE.search(before) or (strong and _MIDDLE_AFTER.match(after)):
        return "sure"
    return "unsure" if strong else None


def _loose(meaning: Meaning, before: str, after: str, *, leading: bool, trailing: bool, asks: bool) -> Judgement:
    """`daily`, `weekly`, `weekdays`: adverbs that stand before a noun as often as for themselves."""
    if asks or (
        _BEFORE_CONTENT.search(before)
        and not re.search(
            r"\b(?:send|email|mail|post|deliver|give|get|like|want|need)\b[^,]*\b(?:a|an|the|my)\s*$", before, re.I
        )
    ):
        return None
    timed = any(segment.clocks for segment in meaning.segments)
    if leading:
        if timed or re.match(r"\s*[,:–—]", after):
            return "sure"
        return None
    if _STATEMENT.match(before) or _HABIT.search(before) or (_RELATIVE.search(before) and not _CHECKS.search(before)):
        return "unsure" if timed and trailing else None
    if trailing:
        set_off = bool(re.search(r"[,:–—(]\s*$", before))
        if timed or set_off:
            return "sure"
        return "sure" if _RUNS.match(before.strip(" ,")) else None
    if _NOUN_FOLLOWS.match(after):
        # “Send me a daily summary” wants one each day; “show the daily users” does not.
        return "unsure" if _WANTS.search(before) else None
    return "sure" if timed and _MIDDLE_BEFORE.search(before) else None


def _once(  # noqa: PLR0912 - rules, the first that fits answers
    phrase: Phrase, meaning: Meaning, before: str, after: str, *, leading: bool, trailing: bool
) -> Judgement:
    clocked = meaning.clocked
    asks = bool(_QUESTION.match(before)) or (
        trailing
        and phrase.text.rstrip().endswith("?")
        and not leading
        and not re.match(r"\s*(?:can|could|would|will)\s+you\b", before, re.I)
    )
    if leading:
        if clocked or _REMIND.search(before + after):
            return "sure"
        return None if _QUESTION.match(after.lstrip(" ,:–—-")) or not _RUNS.match(after.lstrip(" ,:–—-")) else "unsure"
    set_off = bool(re.search(r"[,:–—(]\s*$", before))
    remind = bool(_REMIND.search(before))
    if asks and not remind:
        return None
    if _ALARM.search(before):
        return "sure" if trailing or re.match(r"\s*(?:to|,)", after) else "unsure"
    if _BEFORE_CONTENT.search(before) or (not remind and (_STATEMENT.match(before) or _HABIT.search(before))):
        return None
    if not clocked:
        if remind:
            return "sure"
        fits = (trailing or set_off) and _RUNS.match(before.strip(" ,")) and not _FORECAST.search(before)
        return "unsure" if fits and not any(d.code == "which_day" for d in meaning.doubts) else None
    if meaning.delta is not None:
        if remind or (_RUNS.search(before) and not _TAKES_TIME.search(before)):
            return (
                "sure"
                if trailing or remind or _MIDDLE_AFTER.match(after) or _MIDDLE_BEFORE.search(before)
                else "unsure"
            )
        return "unsure" if trailing else None
    if _BOOKS.search(before) or _ARRANGES.search(before):
        return None
    if _EVENT.search(before):
        return "unsure" if trailing and (remind or _RUNS.match(before.strip(" ,"))) else None
    if not remind and (_FORECAST.search(before) or (_RELATIVE.search(before) and not _CHECKS.search(before))):
        return "unsure" if trailing and _RUNS.match(before.strip(" ,")) else None
    if trailing:
        return "sure"
    if remind or _MIDDLE_BEFORE.search(before):
        return "sure"
    return "unsure" if _MIDDLE_AFTER.match(after) and _RUNS.match(before.strip(" ,")) else None


def apart(chosen: Phrase, meaning: Meaning, others: Sequence[Phrase]) -> list[Phrase]:
    """Phrases elsewhere in the text that belong to the chosen one: “every Monday, send the report at 9”."""
    found: list[Phrase] = []
    for other in others:
        before, after = sentence(other.text, other.start, other.end)
        kinds = {piece.kind for piece in other.pieces}
        bounds = kinds <= {"until", "count", "duration", "start", "except", "zone"}
        if other.start < chosen.start:
            # “Starting Monday, send the report every day at 9”
            ahead = other.end + len(after) > chosen.start and re.match(r"\s*,", after)
            if bounds and ahead and _LEAD.fullmatch(before):
                found.append(other)
            continue
        if not _TAIL.fullmatch(after) or _EVENT.search(before):
            continue
        if (kinds <= {"times", "zone"} and "times" in kinds and not meaning.clocked) or (
            bounds and (kinds == {"until"} or re.search(r",\s*$", before))
        ):
            found.append(other)
    return found


def alone(phrase: Phrase) -> Judgement:
    """Whether a clock time without a day is meant: “remind me at 5pm to stretch”."""
    kinds = {piece.kind for piece in phrase.pieces}
    if "times" not in kinds or kinds - {"times", "zone", "part"}:
        return None
    before, after = sentence(phrase.text, phrase.start, phrase.end)
    if re.search(
        r"\b(?:(?:remind|wake|ping|alert|notify|call|text|message)\s+(?:me|us)(?:\s+up)?|reminder(?:\s+for)?|alarm(?:\s+for)?)\s*$",
        before,
        re.I,
    ):
        return "sure"
    return "unsure" if _REMIND.search(before) and _TAIL.fullmatch(after) else None


def uncertain(chosen: Phrase, extra: Phrase) -> bool:
    """Whether a bound that stands apart may belong to the request: “send the orders until Friday”."""
    if extra.start < chosen.start:
        return False
    between = chosen.text[chosen.end : extra.start]
    if re.search(r"\b(?:by|before|after|around|about|until|past)\s*$", between, re.I):
        return True
    return any(piece.kind == "until" for piece in extra.pieces) and not re.search(r",\s*$", between)
