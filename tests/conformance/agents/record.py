"""What an agent keeps of its task while it plays a script: status, history, artifacts, as A2A 0.3's JSON has them.

Written from the specification's words, not from an SDK. Needs nothing but the standard library: the 0.3 server imports
it in an environment that has nothing of ours.
"""

import asyncio
import copy
import json
from typing import Any

Json = dict[str, Any]

ENDED = frozenset({"completed", "failed", "canceled", "rejected"})
WAITS = frozenset({"input-required", "auth-required"})
NOW = "$now"
"""Key of a script's event that stands for a snapshot of the task as it is then."""


class Record:
    """One task of an agent."""

    def __init__(self, task_id: str, context_id: str) -> None:
        self.task: Json = {
            "kind": "task",
            "id": task_id,
            "contextId": context_id,
            "status": {"state": "submitted"},
            "history": [],
            "artifacts": [],
        }

    @property
    def state(self) -> str:
        return str(self.task["status"]["state"])

    def asked(self, message: Json) -> None:
        """The person's message."""
        self._retire()
        self.task["history"].append(message | {"kind": "message"})

    def event(self, scripted: Json) -> Json:
        """The event as it is sent: with this task's names, folded into the record."""
        event = copy.deepcopy(scripted)
        kind = event["kind"]
        if kind == "message":
            return event | {"contextId": self.task["contextId"]}
        if kind == "task":
            if event.pop(NOW, False):
                event["status"] = copy.deepcopy(self.task["status"])
            self._begin(event)
            return self.snapshot()
        event |= {"taskId": self.task["id"], "contextId": self.task["contextId"]}
        if kind == "status-update":
            self._status(event)
        else:
            self._artifact(event)
        return event

    def snapshot(self) -> Json:
        """The task as a whole."""
        return copy.deepcopy(self.task)

    def _begin(self, event: Json) -> None:
        if event["status"] != self.task["status"]:
            self._retire()
            self.task["status"] = event["status"]
        self.task["artifacts"] += event.get("artifacts", [])
        self.task["history"] += event.get("history", [])

    def _retire(self) -> None:
        """A status' message becomes history when the next status comes."""
        if (message := self.task["status"].pop("message", None)) is not None:
            self.task["history"].append(message)

    def _status(self, event: Json) -> None:
        if self.state in ENDED:
            if (message := event["status"].get("message")) is not None:
                self.task["history"].append(message)
            return
        if not _same(event["status"], self.task["status"]):
            self._retire()
        self.task["status"] = copy.deepcopy(event["status"])
        if event.get("metadata"):
            self.task["metadata"] = {**self.task.get("metadata", {}), **event["metadata"]}

    def _artifact(self, event: Json) -> None:
        artifact = copy.deepcopy(event["artifact"])
        kept = self.task["artifacts"]
        place = next((i for i, a in enumerate(kept) if a["artifactId"] == artifact["artifactId"]), None)
        if place is None:
            kept.append(artifact)
        elif event.get("append"):
            kept[place]["parts"] += artifact["parts"]
        else:
            kept[place] = artifact


def _same(one: Json, other: Json) -> bool:
    """Whether two statuses say the same message once more."""
    first, second = one.get("message"), other.get("message")
    return first is not None and first == second and bool(first.get("messageId"))


class Gates:
    """Where a script waits until somebody lets it go on: by the key of its run."""

    def __init__(self) -> None:
        self._gates: dict[str, asyncio.Event] = {}

    def open(self, key: str) -> None:
        self._gates.setdefault(key, asyncio.Event()).set()

    async def wait(self, key: str) -> None:
        await self._gates.setdefault(key, asyncio.Event()).wait()


def order(text: str) -> tuple[str, str, int, str]:
    """Case, key of the run, number of events after which to wait (-1: never) and dress, out of a first message."""
    case, key, pause, dress = [*text.split("/"), "", "-1", ""][:4]
    return case, key or case, int(pause or -1), dress


def text_of(message: Json) -> str:
    """The text of a message in either version's JSON."""
    return "".join(str(part.get("text", "")) for part in message.get("parts", []))


def loaded(path: str) -> dict[str, list[list[Json]]]:
    """The scripts of a file, by case: of each turn its events."""
    with open(path, encoding="utf-8") as file:  # noqa: PTH123 - standard library alone, in few words
        found: dict[str, list[list[Json]]] = json.load(file)
    return found
