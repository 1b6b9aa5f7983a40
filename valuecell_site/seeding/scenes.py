"""What a seeded conversation shows of a task, in as many items as are asked for."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from conversations.changes import item_key
from conversations.events import ComponentType, Event, Role
from tasks.services.transcript import controller_key
from tasks.states import Pattern, RunStatus
from valuecell_site.seeding.fates import Fate
from valuecell_site.seeding.histories import Story
from valuecell_site.seeding.tables import id_at
from valuecell_site.seeding.words import PEOPLE, chart

OPENING_MAX = 3
"""Items of an opening: what was asked, the planner's word, the controller."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """One moment of a task: it was asked for (no run), a run took place, or it was cancelled."""

    moment: datetime
    story: Story
    run: dict[str, Any] | None = None
    cancelled: bool = False

    @property
    def most(self) -> int | None:
        """The most items that it can be told in; None: any number."""
        if self.cancelled:
            return 1
        if self.run is None:
            return OPENING_MAX if self.story.task["place"] == 0 or self.story.task["pattern"] == "recurring" else 0
        if self.run["status"] in (RunStatus.SKIPPED, RunStatus.MISSED):
            return 0
        return None


def told(scene: Scene, number: int, random: Random) -> Iterator[dict[str, Any]]:
    """Yield exactly `number` items of a scene (at most `scene.most`): columns of ConversationItem without its place."""
    if scene.cancelled:
        parts = iter([(Event.TASK_CANCELLED, {"content": "Cancelled."}, "", Role.SYSTEM)])
    elif scene.run is None:
        parts = _opening(scene.story)
    else:
        parts = _run(scene.story, scene.run, number, random)
    for nth in range(number):
        event, payload, key, role = next(parts)
        moment = scene.moment + timedelta(milliseconds=40 * nth)
        component = event == Event.COMPONENT_GENERATOR and scene.story.task["pattern"] == Pattern.RECURRING
        yield {
            "id": id_at(moment, random),
            "key": key,
            "event": event,
            "role": role,
            "agent_name": "" if role == Role.USER else scene.story.task["agent_name"],
            "thread_id": scene.story.task["thread_id"],
            "task_id": None if event == Event.THREAD_STARTED else scene.story.id,
            "run_id": scene.run["id"] if scene.run else None,
            "payload": payload,
            "metadata": {"task_title": scene.story.task["title"]} if component else {},
            "created_at": moment,
            "updated_at": moment,
        }


def talk(thread_id: UUID, begin: datetime, number: int, random: Random) -> Iterator[dict[str, Any]]:
    """Yield `number` items of a conversation in which no agent was found for what was asked."""
    for nth in range(number):
        person = nth % 2 == 0
        moment = begin + timedelta(milliseconds=100 * nth)
        text = (
            f"Could somebody ask {random.choice(PEOPLE)} about the figures of week {random.randint(1, 52)}?"
            if person
            else "None of the agents can do that. Name one, or say more about what you need."
        )
        yield {
            "id": id_at(moment, random),
            "event": Event.THREAD_STARTED if person else Event.PLAN_FAILED,
            "role": Role.USER if person else Role.SYSTEM,
            "thread_id": thread_id,
            "payload": {"content": text},
            "created_at": moment,
            "updated_at": moment,
        }


Part = tuple[Event, dict[str, Any], str, Role]


def _opening(story: Story) -> Iterator[Part]:
    task = story.task
    if task["place"] == 0:
        yield Event.THREAD_STARTED, {"content": task["query"]}, "", Role.USER
    if task["pattern"] == Pattern.RECURRING:
        shown = {"task_id": str(story.id), "task_title": task["title"], "task_status": str(task["status"])}
        payload = _component(ComponentType.SCHEDULED_TASK_CONTROLLER, shown)
        yield Event.COMPONENT_GENERATOR, payload, controller_key(story.id), Role.AGENT
    while True:
        yield Event.MESSAGE_CHUNK, {"content": f"{task['agent_name']} takes this on."}, "", Role.AGENT


def _run(story: Story, run: dict[str, Any], number: int, random: Random) -> Iterator[Part]:
    """The last item is how the run ended, and the one before it what it found; what comes before may be any length."""
    ending = _ending(story, run)
    last = [ending] if ending else []
    for nth in range(number - len(last)):
        yield _said(story, run, nth, random)
    yield from last


def _ending(story: Story, run: dict[str, Any]) -> Part | None:
    if story.fate == Fate.ASKING:
        return Event.PLAN_REQUIRE_USER_INPUT, {"content": "Which of them do you mean?"}, "", Role.AGENT
    if run["status"] in (RunStatus.FAILED, RunStatus.INTERRUPTED):
        return Event.TASK_FAILED, {"content": run.get("error") or run["reason"]}, "", Role.SYSTEM
    if story.task["pattern"] == Pattern.RECURRING:
        result = {"result": run["result"], "create_time": f"{run['finished_at']:%Y-%m-%d %H:%M:%S}"}
        payload = _component(ComponentType.SCHEDULED_TASK_RESULT, result)
        return Event.COMPONENT_GENERATOR, payload, item_key("result", run["id"]), Role.AGENT
    return Event.MESSAGE_CHUNK, {"content": run.get("result") or "…"}, "", Role.AGENT


def _said(story: Story, run: dict[str, Any], nth: int, random: Random) -> Part:
    """What an agent says on its way; of a scheduled run only components and messages are kept."""
    stamp = f"{run['started_at']:%Y-%m-%d %H:%M:%S}"
    kinds = 8 if story.task["pattern"] == Pattern.ONCE else 5
    match (nth + run["id"].int) % kinds if nth > 1 or kinds == 5 else 5 + nth:
        case 0:
            shown = {"title": story.task["title"], "data": chart(story.subject, random), "create_time": stamp}
            payload = _component(ComponentType.FILTERED_LINE_CHART, shown)
        case 1:
            report = f"# {story.subject}\n\n{story.topic.thought}"
            shown = {"title": story.task["title"], "data": report, "create_time": stamp}
            payload = _component(ComponentType.REPORT, shown)
        case 2:
            card = {"title": story.subject, "data": story.topic.thought, "filters": [story.subject]}
            card |= {"table_title": story.task["title"], "create_time": stamp}
            payload = _component(ComponentType.FILTERED_CARD_PUSH_NOTIFICATION, card)
        case 3:
            payload = {
                "component_type": ComponentType.ARTIFACT.value,
                "artifact_id": f"notes-{nth}",
                "name": "notes.md",
                "media_type": "text/markdown",
                "content": f"# Notes\n\n{story.topic.thought}",
            }
        case 4:
            return Event.MESSAGE, {"content": story.topic.thought}, "", Role.AGENT
        case 5:
            return Event.REASONING_COMPLETED, {"content": story.topic.thought}, "", Role.AGENT
        case 6:
            call = {"tool_call_id": f"call-{nth}", "tool_name": story.topic.tool}
            call["tool_result"] = json.dumps([{"content": f"{story.subject}: {random.randint(1, 99)}"}])
            return Event.TOOL_CALL_COMPLETED, call, "", Role.AGENT
        case _:
            return Event.MESSAGE_CHUNK, {"content": f"{story.subject}: still looking. "}, "", Role.AGENT
    return Event.COMPONENT_GENERATOR, payload, "", Role.AGENT


def _component(kind: ComponentType, content: dict[str, Any]) -> dict[str, Any]:
    return {"component_type": kind.value, "content": json.dumps(content, ensure_ascii=False)}
