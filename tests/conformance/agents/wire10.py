"""A2A 0.3's JSON said in A2A 1.0's: written from the two documents, for the servers that use no SDK."""

from typing import Any

Json = dict[str, Any]


def state(word: str) -> str:
    return "TASK_STATE_" + word.upper().replace("-", "_")


def part(given: Json) -> Json:
    kind = given["kind"]
    if kind == "text":
        return {"text": given["text"]}
    if kind == "data":
        return {"data": given["data"]}
    file = given["file"]
    found: Json = {"raw": file["bytes"]} if "bytes" in file else {"url": file["uri"]}
    return {**found, "filename": file.get("name", ""), "mediaType": file.get("mimeType", "")}


def message(given: Json) -> Json:
    found = {key: value for key, value in given.items() if key not in ("kind", "role", "parts")}
    role = "ROLE_USER" if given["role"] == "user" else "ROLE_AGENT"
    return {**found, "role": role, "parts": [part(p) for p in given["parts"]]}


def artifact(given: Json) -> Json:
    return {**given, "parts": [part(p) for p in given["parts"]]}


def status(given: Json) -> Json:
    found = {**given, "state": state(given["state"])}
    if "message" in given:
        found["message"] = message(given["message"])
    return found


def task(given: Json) -> Json:
    found = {key: value for key, value in given.items() if key != "kind"}
    found["status"] = status(given["status"])
    found["history"] = [message(m) for m in given.get("history", [])]
    found["artifacts"] = [artifact(a) for a in given.get("artifacts", [])]
    return found


def event(given: Json) -> Json:
    """A StreamResponse."""
    kind = given["kind"]
    rest = {key: value for key, value in given.items() if key not in ("kind", "final")}
    if kind == "task":
        return {"task": task(given)}
    if kind == "message":
        return {"message": message(given)}
    if kind == "status-update":
        return {"statusUpdate": {**rest, "status": status(given["status"])}}
    return {"artifactUpdate": {**rest, "artifact": artifact(given["artifact"])}}


def old_message(given: Json) -> Json:
    """The other way, for what the person said: 1.0's message as 0.3's (texts alone)."""
    parts = [{"kind": "text", "text": p.get("text", "")} for p in given.get("parts", [])]
    return {**given, "kind": "message", "role": "user", "parts": parts}
