"""What a request without an agent leads to: tasks, or a question, by what the person said since.

Pure: no database, no clock. Nothing is remembered between two answers but the answers themselves: each time the whole
exchange is gone through again, so that what a plan asks can always be worked out from what is stored of it. A message
that names its agent never comes here: its text goes to the agent unchanged.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from tasks.planner.base import Candidate, Planned, PlannedTask, Planner
from tasks.planner.language import Understanding, choice, confirmation, guidance, listed, reply, says_when, understand

Asks = Literal["", "agent", "time", "request", "confirm"]
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
    answers: tuple[Answer, ...] = ()


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


@dataclass(kw_only=True)
class _Said:
    """What the answers have settled so far."""

    changes: list[tuple[str, datetime]] = field(default_factory=list)
    agent: str = ""
    request: str = ""
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
    """Where the exchange stands with what was said so far."""
    heard = _heard(request, said, now)
    text = said.request or heard.request
    language = heard.language
    if said.at_once == "text":
        text = request.text
    if not text:
        return Step(question=_WHAT[language], asks="request", proposal=heard.shown, moved=moved)
    planned, label = _who(text, said, agents, planner)
    tasks = planned.tasks
    if len(tasks) == 1 and _passthrough(tasks[0].agent_name, agents):
        # Such an agent reads times itself: it is handed everything, as one task.
        alone = PlannedTask(agent_name=tasks[0].agent_name, query=request.text)
        return Step(tasks=[alone], guidance=planned.guidance, moved=moved)
    if said.at_once:
        heard = Understanding(request=text, language=language)
    proposal = heard.proposal
    if heard.question and not (said.accepted and proposal):
        times = listed(proposal.schedule, proposal.times, language) if proposal else ""
        meant = heard.doubt == "meant"
        shown = {**(heard.shown or {}), "meant": True} if meant else heard.shown
        asked = choice(heard.question, times, meant=meant, language=language)
        return Step(question=asked, asks="time", proposal=shown, moved=moved)
    if planned.question:
        return Step(question=planned.question, asks="agent", recurring=_recurring(heard), moved=moved)
    if proposal and proposal.schedule.recurring and not said.accepted:
        asked = confirmation(
            proposal.summary,
            listed(proposal.schedule, proposal.times, language),
            request=text,
            agent=label,
            language=language,
        )
        return Step(question=asked, asks="confirm", proposal=heard.shown, recurring=True, moved=moved)
    return Step(
        tasks=tasks,
        schedule={**proposal.data, "timezone": proposal.schedule.timezone} if proposal else None,
        recurring=_recurring(heard),
        guidance=" ".join([planned.guidance, *([guidance(proposal.schedule, language)] if proposal else [])]),
        moved=moved,
    )


def _heard(request: Request, said: _Said, now: datetime) -> Understanding:
    if request.scheduled:
        return Understanding(request=request.text)
    return understand(request.text, timezone=request.timezone, now=now, said_at=request.said_at, changes=said.changes)


def _who(text: str, said: _Said, agents: Sequence[Candidate], planner: Planner) -> tuple[Planned, str]:
    """What the planner makes of the request, or the agent that an answer named; and who does it, in words."""
    labels = {agent.name: agent.label for agent in agents}
    if said.agent:
        label = labels.get(said.agent, said.agent)
        tasks = [PlannedTask(agent_name=said.agent, query=text)]
        return Planned(tasks=tasks, guidance=f"{label} takes this."), label
    planned = planner.plan(text, agents)
    names = dict.fromkeys(labels.get(task.agent_name, task.agent_name) for task in planned.tasks)
    return planned, ", ".join(names)


def _passthrough(name: str, agents: Sequence[Candidate]) -> bool:
    return any(agent.passthrough for agent in agents if agent.name == name)


def _recurring(heard: Understanding) -> bool:
    return heard.proposal is not None and heard.proposal.schedule.recurring
