"""Deals the numbers asked for over conversations, and writes each conversation as its tasks' stories tell it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import merge
from random import Random
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User

from conversations.models import Conversation, ConversationItem
from tasks import wakeup
from tasks.models import Agent, ExecutionPlan, Task, TaskRun, TaskTransition
from tasks.states import TASK_ENDED, RunStatus, TaskStatus
from valuecell_site.seeding import scenes
from valuecell_site.seeding.fates import Fate, NotPossible, Shares, shares
from valuecell_site.seeding.histories import OLDEST, REST_FROM_NOW, Story, runs_of, story
from valuecell_site.seeding.scenes import Scene
from valuecell_site.seeding.tables import Tables, id_at, roomy
from valuecell_site.seeding.words import TOPICS_BY_AGENT

DAILY_MAX = 200
"""Schedules that still go and do so daily; all others go once a week. Seeded tasks are to be looked at, not to keep a
machine busy."""
SHARED_PLAN = 0.2
"""How often a once task shares the plan of the one before it."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """How many of what."""

    conversations: int = 0
    tasks: int = 0
    items: int = 0
    runs: int = 0

    def check(self) -> None:
        """Raise `NotPossible` if that cannot be made."""
        if min(self.conversations, self.tasks, self.items, self.runs) < 0:
            raise NotPossible("The numbers cannot be negative.")
        if not self.conversations and (self.tasks or self.items or self.runs):
            raise NotPossible("Tasks, items and runs are made in conversations: ask for at least one conversation.")


@dataclass(kw_only=True)
class Figures:
    """What was made, and when the first of it will do something."""

    conversations: int = 0
    plans: int = 0
    tasks: int = 0
    runs: int = 0
    items: int = 0
    transitions: int = 0
    armed: int = 0
    """Tasks with a next run, which is at least `REST_FROM_NOW` away."""
    resting: int = 0
    """Paused ones."""
    asking: int = 0
    ended: int = 0
    due_in_a_day: int = 0
    first_due: datetime | None = None
    by_agent: dict[str, int] = field(default_factory=dict)


def seed(
    user: User,
    wanted: Wanted,
    *,
    now: datetime,
    number: int = 0,
    progress: Callable[[int], None] = lambda _: None,
) -> Figures:
    """Add what is `wanted` to the database, as `user`'s. Nothing that is there is touched.

    1. Deal each task its fate and its number of runs (`fates.shares`).
    2. For each conversation: invent the stories of its tasks, and write its row, plans, tasks and history.
    3. Merge the stories' scenes in the order of time, and write runs and items, positions without gaps.
    4. Tell the database's planner how large its tables are now, and the runners that there are tasks.

    `number` makes it repeatable: the same number and `now` give the same rows (but for the agents' ids). Rows are
    written in transactions of some 10,000; memory grows with the tasks of one conversation only. `progress` is
    called with the rows written so far. Raises `NotPossible`.
    """
    wanted.check()
    random = Random(number)  # noqa: S311  (data to look at)
    dealt = shares(wanted.tasks, wanted.runs, random)
    _agents()
    tables = Tables([Conversation, ExecutionPlan, Task, TaskRun, ConversationItem, TaskTransition], progress=progress)
    figures = Figures()
    weights = [random.uniform(0.5, 1.5) for _ in range(wanted.conversations)]
    total = sum(weights) or 1.0
    so_far, done, items = 0.0, 0, 0
    with roomy():
        for place in range(wanted.conversations):
            so_far += weights[place]
            last = place + 1 == wanted.conversations
            upto = wanted.items if last else int(wanted.items * so_far / total)
            until = wanted.tasks * (place + 1) // wanted.conversations
            maker = _Maker(user, tables, figures, now, random)
            maker.conversation(dealt, range(done, until), upto - items)
            items, done = upto, until
        tables.flush(all_of_it=True)
    tables.analyse()
    wakeup.moved()
    for name, model in (
        ("conversations", Conversation),
        ("plans", ExecutionPlan),
        ("tasks", Task),
        ("runs", TaskRun),
        ("items", ConversationItem),
        ("transitions", TaskTransition),
    ):
        setattr(figures, name, tables.of[model].written)
    return figures


def _agents() -> None:
    """The agents that seeded tasks name, where no card was loaded for them yet; loading one fills in its address."""
    known = set(Agent.objects.values_list("name", flat=True))
    for topic in TOPICS_BY_AGENT:
        if topic.agent_name not in known:
            Agent.objects.create(
                name=topic.agent_name,
                slug=topic.agent_name,
                display_name=topic.agent_name.removesuffix("Agent"),
                url="http://127.0.0.1:9/",
                description="Named by seeded tasks. Load its card to give it an address.",
            )


class _Maker:
    """Makes one conversation with everything in it."""

    def __init__(self, user: User, tables: Tables, figures: Figures, now: datetime, random: Random) -> None:
        self.user = user
        self.tables = tables
        self.figures = figures
        self.now = now
        self.random = random

    def conversation(self, dealt: Shares, numbers: range, items: int) -> None:
        """Write a conversation with the tasks of these numbers and exactly `items` items."""
        stories = [self._story(dealt, number) for number in numbers]
        stories.sort(key=lambda told: told.created_at)
        created = stories[0].created_at if stories else self.now - OLDEST * self.random.random()
        # The earliest thing of all comes first in the order of ids too.
        conversation_id = id_at(created - timedelta(milliseconds=5), self.random)
        asking = any(told.fate == Fate.ASKING for told in stories)
        status = Conversation.Status.REQUIRE_USER_INPUT if asking else Conversation.Status.ACTIVE
        self.tables.of[Conversation].add(
            {
                "id": conversation_id,
                "user_id": self.user.pk,
                "title": stories[0].task["title"] if stories else "Small talk",
                "agent_name": "",
                "status": status,
                "last_seq": items,
                "created_at": created,
                "updated_at": max((told.task["updated_at"] for told in stories), default=created),
            }
        )
        self._plans(stories, conversation_id)
        self._transcript(stories, conversation_id, created, items)

    def _story(self, dealt: Shares, number: int) -> Story:
        fate = Fate(dealt.fates[number])
        daily = fate == Fate.ARMED and self.figures.armed < DAILY_MAX
        told = story(fate, dealt.runs[number], daily=daily, now=self.now, random=self.random)
        self._count(told)
        return told

    def _count(self, told: Story) -> None:
        figures, task = self.figures, told.task
        agent = task["agent_name"]
        figures.by_agent[agent] = figures.by_agent.get(agent, 0) + 1
        if task["status"] in TASK_ENDED:
            figures.ended += 1
        elif task["status"] == TaskStatus.WAITING_INPUT:
            figures.asking += 1
        elif task.get("paused_at"):
            figures.resting += 1
        else:
            due = task["next_run_at"]
            figures.armed += 1
            figures.due_in_a_day += due < self.now + timedelta(days=1)
            figures.first_due = min(figures.first_due or due, due)

    def _plans(self, stories: list[Story], conversation_id: UUID) -> None:
        """Give each story its plan; a once task that ended may share the plan of an ended one."""
        before: Story | None = None
        for told in stories:
            task = told.task
            shares_plan = (
                before is not None
                and before.fate == told.fate == Fate.DONE
                and before.ended_at is not None
                and before.ended_at < told.created_at
                and self.random.random() < SHARED_PLAN
            )
            if shares_plan and before is not None:
                task |= {name: before.task[name] for name in ("plan_id", "thread_id")}
                task["place"] = before.task["place"] + 1
            else:
                plan_id = id_at(told.created_at, self.random)
                task |= {"plan_id": plan_id, "thread_id": id_at(told.created_at, self.random), "place": 0}
                self.tables.of[ExecutionPlan].add(
                    {
                        "id": plan_id,
                        "conversation_id": conversation_id,
                        "user_id": self.user.pk,
                        "thread_id": task["thread_id"],
                        "orig_query": task["query"],
                        "created_at": told.created_at,
                    }
                )
            task |= {"conversation_id": conversation_id, "user_id": self.user.pk}
            self.tables.of[Task].add(task)
            for turn in told.transitions:
                # People create, pause and cancel; the rest is time's and the agents'.
                person = turn["reason"] in ("created", "paused", "cancelled")
                self.tables.of[TaskTransition].add(turn | {"actor_id": self.user.pk if person else None})
            self.tables.flush()
            before = told

    def _transcript(self, stories: list[Story], conversation_id: UUID, created: datetime, items: int) -> None:
        left = sum(1 + len(told.outcomes) + _cancelled(told) for told in stories)
        written = 0
        moment = created
        for scene in merge(*(self._scenes(told) for told in stories), key=lambda scene: scene.moment):
            if scene.run is not None:
                self.tables.of[TaskRun].add(scene.run)
            # What the scenes so far left over goes to those that come.
            share = -(-(items - written) // left)
            number = share if scene.most is None else min(share, scene.most)
            self._items(scenes.told(scene, number, self.random), conversation_id, written)
            written += number
            left -= 1
            moment = scene.moment
        rest = items - written
        begin = max(created, min(moment, self.now - timedelta(milliseconds=100 * rest)))
        thread_id = id_at(begin, self.random)
        self._items(scenes.talk(thread_id, begin, rest, self.random), conversation_id, written)

    def _items(self, rows: Iterator[dict[str, Any]], conversation_id: UUID, before: int) -> None:
        for position, row in enumerate(rows, start=before + 1):
            self.tables.of[ConversationItem].add(
                row | {"conversation_id": conversation_id, "position": position, "seq": position}
            )
            self.tables.flush()
        self.tables.flush()

    def _scenes(self, told: Story) -> Iterator[Scene]:
        yield Scene(moment=told.created_at, story=told)
        for run in runs_of(told, self.random):
            moment = run["created_at"] if run["status"] in (RunStatus.SKIPPED, RunStatus.MISSED) else run["started_at"]
            yield Scene(moment=moment, story=told, run=run)
        if _cancelled(told) and told.ended_at is not None:
            yield Scene(moment=told.ended_at, story=told, cancelled=True)


def _cancelled(told: Story) -> bool:
    return told.fate in (Fate.DROPPED, Fate.STOPPED)


__all__ = ["REST_FROM_NOW", "Figures", "NotPossible", "Wanted", "seed"]
