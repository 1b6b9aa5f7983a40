"""Each case as a text that a person reads: what the agent sends, and what the page shows of it."""

import difflib
import json
from pathlib import Path

from tests.conformance.agents.record import NOW, Json
from tests.conformance.case import Case
from tests.conformance.cases import CASES
from tests.conformance.stage import Stage, Told, Variant

FOLDER = Path(__file__).parent / "transcripts"


async def record(stage: Stage) -> None:
    """Write all of them."""
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.txt"):
        old.unlink()
    variants = [Variant(case=case) for case in CASES.values()]
    for variant, told in zip(variants, await stage.play(variants), strict=True):
        path(variant.case).write_text(written(variant.case, told), encoding="utf-8")


def unlike_its_transcript(case: Case, told: Told) -> list[str]:
    """What differs from the transcript that is kept of a case, if anything."""
    kept, now = path(case).read_text(encoding="utf-8").splitlines(), written(case, told).splitlines()
    changed = list(difflib.unified_diff(kept, now, "kept", "now", lineterm="", n=0))[2:]
    return [f"{case.name}: its transcript is another: {' | '.join(changed)}"] if changed else []


def path(case: Case) -> Path:
    """Where the transcript of a case lies."""
    return FOLDER / f"{case.name}.txt"


def written(case: Case, told: Told) -> str:
    """The transcript."""
    lines = [f"{case.name}: {case.about}", ""]
    for number, turn in enumerate(case.turns):
        lines.append("The agent sends" if number == 0 else "After the person's answer it sends")
        lines += [f"  {_event(event)}" for event in turn]
        lines.append("")
    lines.append("The conversation shows")
    lines += [f"  {name}: {said if name.startswith('artifact') else repr(said)}" for name, said in told.items]
    lines += [] if told.items else ["  nothing"]
    lines += ["", f"The task is {told.status}, its run {told.run_status}."]
    lines += [f"Its result: {told.whole_result!r}"] if told.whole_result else []
    return "\n".join(lines) + "\n"


def _event(event: Json) -> str:
    kind = event["kind"]
    if kind == "message":
        return f"message  {_parts(event)}"
    if kind == "artifact-update":
        flags = " ".join(flag for flag in ("append", "lastChunk") if event.get(flag))
        named = " ".join(filter(None, (event["artifact"]["artifactId"], event["artifact"].get("name"), flags)))
        return f"artifact {named}: {_parts(event['artifact'])}"
    if event.get(NOW):
        return "task     as it is now"
    status, metadata = event["status"], event.get("metadata")
    said = f": {_parts(status['message'])}" if "message" in status else ""
    beside = f"  {json.dumps(metadata, ensure_ascii=False)}" if metadata else ""
    holds = "".join(f"  with {_parts(artifact)}" for artifact in event.get("artifacts", []))
    return f"{'task    ' if kind == 'task' else 'status  '} {status['state']}{said}{beside}{holds}"


def _parts(holder: Json) -> str:
    return " + ".join(_part(part) for part in holder["parts"])


def _part(part: Json) -> str:
    if part["kind"] == "text":
        return repr(part["text"])
    if part["kind"] == "data":
        return "data " + json.dumps(part["data"], ensure_ascii=False)
    file = part["file"]
    return f"file {file['name']} ({file['mimeType']}, {'bytes' if 'bytes' in file else file['uri']})"
