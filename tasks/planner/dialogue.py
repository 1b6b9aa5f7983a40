"""What a request without an agent leads to: tasks, or a question, by what the person said since.

Pure: no database, no clock. Nothing is remembered between two answers but the answers themselves: each time the whole
exchange is gone through again, so that what a plan asks can always be worked out from what is stored of it. What a
planner that consults somebody was told (`Advice`) is stored too, by the text that it was asked about, and counts
wherever the exchange comes to that text. A message that names its agent never comes here: its text goes to the agent
unchanged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from tasks import templating
from tasks.planner.base import Candidate, Inquiry, Planned, PlannedTask, Planner
from tasks.planner.language import (
    Understanding,
    choice,
    confirmation,
    guidance,
    listed,
    proposed,
    reply,
    says_when,
    understand,
)

Asks = Literal["", "agent", "details", "time", "request", "confirm"]
MAX_QUESTIONS = 2
"""Questions of a consulted planner in one exchange; then the rules decide with what there is."""
MAX_CONSULTED = 4_000
"""Characters of a request that anybody is consulted about; a longer one is a document, and not to be split."""
_SHOWN = 80
"""Characters of a task's text in a word of guidance; the task itself shows all of it."""
_WHAT = {"en": "What shall be done then? Say it, or “cancel”.", "zh": "到时候要做什么？请说明，或回答“取消”。"}
_LEFT = {"en": "Nothing was set up.", "zh": "没有创建任何任务。"}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the person said to a question, and when (aware)."""

    text: str
    at: datetime
    agent_name: str = ""
    """The agent that the answer names beside its text."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """A message that names no agent, and the answers since."""

    text: str
    said_at: datetime
    timezone: str
    """The person's zone when they said it."""
    scheduled: bool = False
    """An explicit schedule was sent along: the text is not searched for times, and nothing is to be confirmed."""
    comes_again: bool = False
    """That schedule is a recurring one."""
    answers: tuple[Answer, ...] = ()
    advice: Mapping[str, Planned] = field(default_factory=dict)
    """What a planner was told when it consulted, by the text that it asked about."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """Where the exchange stands: tasks to make, a question, or the end of it."""

    tasks: list[PlannedTask] = field(default_factory=list)
    schedule: dict[str, object] | None = None
    """What was understood, in the contract's JSON form; None: as the message says, or at once."""
    recurring: bool = False
    guidance: str = ""
    question: str = ""
    asks: Asks = ""
    proposal: dict[str, object] | None = None
    """What “yes” would take: `schedule`, `times`, `summary`."""
    declined: bool = False
    """The person wants nothing of it."""
    moved: bool = True
    """Whether the last answer was understood; one that was not need not be kept."""
    inquiry: Inquiry | None = None
    """What a planner may consult about here; None: it is settled who does it."""


@dataclass(kw_only=True)
class _Said:
    """What the answers have settled so far."""

    changes: list[tuple[str, datetime]] = field(default_factory=list)
    agent: str = ""
    request: str = ""
    details: list[tuple[str, str]] = field(default_factory=list)
    """Questions of a consulted planner, with the answers: they belong to the request."""
    accepted: bool = False
    """“Yes” was said to what was understood last."""
    at_once: Literal["", "request", "text"] = ""
    """Run once, now, with what is left of the text, or with the text as it stands."""


def next_step(request: Request, agents: Sequence[Candidate], planner: Planner, *, now: datetime) -> Step:
    """What to do for `request` at `now` (aware), with the agents that are offered (at least one).

    1. Understand what the text says about when, unless a schedule was sent along.
    2. Go through the answers: each is read by what was asked when it was given.
    3. Ask for what is missing, in this order: what to do, when, who, and, for what comes again, whether it is right.
    """
    said = _Said()
    step = _stand(request, said, agents, planner, now=request.said_at if request.answers else now)
    for number, answer in enumerate(request.answers):
        moved = _take(said, step, answer, agents, planner)
        if moved == "declined":
            language = understand(request.text, timezone=request.timezone, now=now).language
            return Step(declined=True, guidance=_LEFT[language])
        last = number == len(request.answers) - 1
        step = _stand(request, said, agents, planner, now=now if last else answer.at, moved=moved == "yes")
    return step


def inquiry(request: Request, agents: Sequence[Candidate], planner: Planner, *, now: datetime) -> Inquiry | None:
    """What to consult about before `next_step` is taken; None where it would change nothing.

    Consulted is about each wording of a request once: when it is sent, and when an answer adds to it. Never about one
    for an agent with `passthrough`, one with places for values (its words are meant exactly), or a whole document.
    """
    here = next_step(request, agents, planner, now=now).inquiry
    if here is None or len(here.text) > MAX_CONSULTED or templating.is_template(here.text):
        return None
    if request.answers:
        earlier = replace(request, answers=request.answers[:-1])
        before = next_step(earlier, agents, planner, now=request.answers[-1].at).inquiry
        if before is not None and before.text == here.text:
            return None
    return here


def _take(
    said: _Said, step: Step, answer: Answer, agents: Sequence[Candidate], planner: Planner
) -> Literal["yes", "no", "declined"]:
    """Read an answer by what was asked; whether it was understood."""
    if answer.agent_name:
        said.agent = answer.agent_name
        return "yes"
    meant = reply(answer.text)
    if meant == "cancel" or (meant == "no" and step.asks in ("confirm", "agent", "request")):
        return "declined"
    if step.asks == "request" and meant is None:
        said.request = answer.text.strip()
        return "yes"
    if step.asks == "details":
        said.details.append((step.question, answer.text.strip()))
        return "yes"
    if step.asks in ("time", "confirm"):
        if meant == "yes" and step.proposal:
            said.accepted = True
        elif meant == "once":
            said.at_once = "request"
        elif meant == "no" and step.proposal and step.proposal.get("meant"):
            said.at_once = "text"
        elif meant is None and _changes(said, answer):
            said.accepted = False
        else:
            return _agent(said, answer, agents, planner)
        return "yes"
    return _agent(said, answer, agents, planner)


def _agent(said: _Said, answer: Answer, agents: Sequence[Candidate], planner: Planner) -> Literal["yes", "no"]:
    name = planner.resolve(answer.text, agents)
    said.agent = name or said.agent
    return "yes" if name else "no"


def _changes(said: _Said, answer: Answer) -> bool:
    """Whether the answer says anything about when; it is kept then."""
    if not says_when(answer.text):
        return False
    said.changes.append((answer.text, answer.at))
    return True


def _stand(
    request: Request,
    said: _Said,
    agents: Sequence[Candidate],
    planner: Planner,
    *,
    now: datetime,
    moved: bool = True,
) -> Step:
    """Where the exchange stands with what was said so far.

    1. What is to be done, and what the words say about when.
    2. Who does it: the agent that an answer named, else the advice about this text, else the rules' choice.
    3. The first thing that is missing or to be confirmed; else the tasks.
    """
    whole = "\n".join([request.text, *(answer for _question, answer in said.details)])
    heard = _heard(whole, request, said, now)
    text = _text(whole, heard, said)
    if not text:
        return Step(question=_WHAT[heard.language], asks="request", proposal=heard.shown, moved=moved)
    planned = _who(text, said, agents, planner)
    if _for_passthrough(planned, agents):
        # Such an agent reads times itself: it is handed everything, as one task.
        alone = PlannedTask(agent_name=planned.tasks[0].agent_name, query=whole)
        return Step(tasks=[alone], guidance=planned.guidance, moved=moved)
    consulted = _inquiry(text, request, said, heard)
    if said.at_once:
        heard = Understanding(request=text, language=heard.language)
    advised = _advised(consulted, request, said, agents, heard, now=now)
    if advised:
        planned, heard = advised
    step = _open(planned, heard, said, agents, advised=bool(advised))
    return replace(step, moved=moved, inquiry=None if said.agent else consulted)


def _open(planned: Planned, heard: Understanding, said: _Said, agents: Sequence[Candidate], *, advised: bool) -> Step:
    """What is missing or to be confirmed; or the tasks. Asked is when, then who or what exactly, then whether."""
    language, proposal = heard.language, heard.proposal
    recurring = proposal is not None and proposal.schedule.recurring
    if heard.question and not (said.accepted and proposal):
        times = listed(proposal.schedule, proposal.times, language) if proposal else ""
        meant = heard.doubt == "meant"
        shown = {**(heard.shown or {}), "meant": True} if meant else heard.shown
        asked = choice(heard.question, times, meant=meant, language=language)
        # “No” to “shall it run all the same?” ends it, as it does where a schedule is confirmed.
        asks: Asks = "confirm" if heard.doubt == "against" and proposal else "time"
        return Step(question=asked, asks=asks, proposal=shown, recurring=recurring and asks == "confirm")
    if planned.question:
        return Step(question=planned.question, asks="details" if advised else "agent", recurring=recurring)
    # A moment that the person's words name without doubt needs no yes; one that somebody else read in them does.
    if proposal and not said.accepted and (recurring or planned.schedule):
        labels = {agent.name: agent.label for agent in agents}
        asked = confirmation(
            proposal.summary,
            listed(proposal.schedule, proposal.times, language),
            work=[(labels.get(task.agent_name, task.agent_name), task.query) for task in planned.tasks],
            language=language,
        )
        return Step(question=asked, asks="confirm", proposal=heard.shown, recurring=recurring)
    return Step(
        tasks=planned.tasks,
        schedule={**proposal.data, "timezone": proposal.schedule.timezone} if proposal else None,
        recurring=recurring,
        guidance=" ".join([planned.guidance, *([guidance(proposal.schedule, language)] if proposal else [])]),
    )


def _heard(whole: str, request: Request, said: _Said, now: datetime) -> Understanding:
    if request.scheduled:
        return Understanding(request=whole)
    return understand(whole, timezone=request.timezone, now=now, said_at=request.said_at, changes=said.changes)


def _text(whole: str, heard: Understanding, said: _Said) -> str:
    """What is to be done, without the time phrase; empty where nobody said."""
    if said.at_once == "text":
        return whole
    if said.request:
        return "\n".join([said.request, *(answer for _question, answer in said.details)])
    return heard.request


def _who(text: str, said: _Said, agents: Sequence[Candidate], planner: Planner) -> Planned:
    """The agent that an answer named, or what the planner makes of the request by itself."""
    if not said.agent:
        return planner.plan(text, agents)
    label = next((agent.label for agent in agents if agent.name == said.agent), said.agent)
    return Planned(tasks=[PlannedTask(agent_name=said.agent, query=text)], guidance=f"{label} takes this.")


def _inquiry(text: str, request: Request, said: _Said, heard: Understanding) -> Inquiry:
    return Inquiry(
        text=text,
        said_at=request.said_at,
        timezone=request.timezone,
        exchange=tuple(said.details),
        may_schedule=not (request.scheduled or heard.meant or said.at_once),
        recurring=request.comes_again or (not said.at_once and _recurring(heard)),
        may_ask=len(said.details) < MAX_QUESTIONS,
    )


def _advised(
    consulted: Inquiry,
    request: Request,
    said: _Said,
    agents: Sequence[Candidate],
    heard: Understanding,
    *,
    now: datetime,
) -> tuple[Planned, Understanding] | None:
    """The advice about this text, with the schedule in it where the words said none; None where it cannot be followed:
    there is none, an agent of it is not offered any more, or it wants an order among tasks that come again.

    An agent that an answer named takes all of it; the schedule stays.
    """
    advice = request.advice.get(consulted.text)
    if advice is None:
        return None
    offered = {agent.name: agent.label for agent in agents if not agent.passthrough}
    if said.agent:
        query = advice.tasks[0].query if len(advice.tasks) == 1 else consulted.text
        advice = replace(advice, tasks=[PlannedTask(agent_name=said.agent, query=query)], question="")
    if not all(task.agent_name in offered for task in advice.tasks):
        return None
    if advice.schedule and consulted.may_schedule:
        heard = proposed(
            advice.schedule,
            request=consulted.text,
            language=heard.language,
            timezone=request.timezone,
            now=now,
            changes=said.changes,
        )
    else:
        advice = replace(advice, schedule=None)
    if (request.comes_again or _recurring(heard)) and any(task.depends_on for task in advice.tasks):
        return None
    return replace(advice, guidance=" ".join(_takes(task, offered, len(advice.tasks)) for task in advice.tasks)), heard


def _takes(task: PlannedTask, labels: Mapping[str, str], number: int) -> str:
    label = labels[task.agent_name]
    if number == 1:
        return f"{label} takes this."
    words = " ".join(task.query.split())
    shown = words if len(words) <= _SHOWN else words[: _SHOWN - 1].rstrip() + "…"
    return f"{'Then ' if task.depends_on else ''}{label} takes “{shown}”."


def _for_passthrough(planned: Planned, agents: Sequence[Candidate]) -> bool:
    """Whether it is one task for an agent with `passthrough`."""
    names = {agent.name for agent in agents if agent.passthrough}
    return len(planned.tasks) == 1 and planned.tasks[0].agent_name in names


def _recurring(heard: Understanding) -> bool:
    return heard.proposal is not None and heard.proposal.schedule.recurring
