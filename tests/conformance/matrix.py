"""The matrix: which variants of each case are run against a server, and what is wrong with what became of one."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from tests.conformance.agents.dress import DRESSES
from tests.conformance.case import Case
from tests.conformance.cases import CASES
from tests.conformance.proxy import Fault
from tests.conformance.stage import Served, Stage, Told, Variant

ROUGH = ("cut", "end", "eof", "mid")
"""How a connection drops, by turns."""
AGAIN = re.compile(r"(.{2,}?)\1+")
"""Words that are said again at once."""
UNNAMED = ("cut", "end", "eof", "half", "mid", "stall", "silent")
"""Kinds of faults after which the first event did not come."""
AT_ONCE = 60
"""Runs that go on side by side."""


def cases_for(served: Served) -> list[Case]:
    """What this server can play."""
    return [case for case in CASES.values() if served.raw or not case.raw_only]


def undisturbed(served: Served) -> list[Variant]:
    """Each case as it streams: what every other way must come to."""
    return [Variant(case=case) for case in cases_for(served)]


def other_ways(served: Served) -> list[Variant]:
    """Sent so that a drop does no harm, and polled: without a drop."""
    return [
        Variant(case=case, mode=mode)
        for case in cases_for(served)
        for mode in ("detached", "poll")
        if not case.live_only
    ]


def dropped(served: Served) -> Iterator[Variant]:
    """A drop at every boundary between events, while the agent goes on, and while it waits for us to come back."""
    for case in cases_for(served):
        if case.live_only:
            continue
        events = len(case.turns[0])
        for after in range(-1, events + 1):
            kind = ROUGH[(after + len(case.name)) % len(ROUGH)] if 0 <= after < events else "cut"
            fault = Fault(kind=kind, after=after)
            yield Variant(case=case, faults=(fault,))
            if 0 < after < events and kind != "mid" and served.name != "sdk-0.3":
                yield Variant(case=case, faults=(fault,), pause=after, go_after=2)
        for after in range(1, events):
            # The message is answered at once, and the stream that follows breaks while the agent waits.
            subscribed = Fault(kind=ROUGH[after % 3], request=1 if served.version == "0.3" else 2)
            yield Variant(case=case, mode="detached", faults=(subscribed,), pause=after, go_after=2)
            poll = Fault(kind="cut", request=1, after=-1)
            yield Variant(case=case, mode="poll", faults=(poll,), pause=after, go_after=1)
        for turn in range(1, len(case.turns)):
            # Before an answer is sent the task is looked up, so the answer is each second request.
            for after in range(-1, len(case.turns[turn]) + 1):
                yield Variant(case=case, faults=(Fault(kind="cut", request=2 * turn, after=after),))
            yield Variant(case=case, faults=(Fault(kind="lost", request=2 * turn),))
            yield Variant(case=case, faults=(Fault(kind="cut", request=2 * turn - 1, after=-1),))


def odd() -> list[Variant]:
    """Each case in each dress; for agents without an SDK."""
    return [
        Variant(case=case, dress=dress, faults=faults)
        for case in CASES.values()
        for dress in DRESSES
        if dress and not (dress == "twice" and case.name in ("no_ids", "one_id", "artifact_last_again"))
        for faults in _faults(case, dress)
        if not (case.live_only and (faults or dress in ("no_end", "snapshots")))
        # A stream of one event that lacks its end says nothing at all.
        and not (dress == "no_end" and len(case.turns[0]) == 1)
    ]


def _faults(case: Case, dress: str) -> list[tuple[Fault, ...]]:
    if DRESSES[dress].refuses:
        # It shows only where somebody wants to subscribe.
        return [(Fault(kind="cut", after=len(case.turns[0]) // 2),)]
    return [()]


def sampled(variants: Iterable[Variant], one_in: int) -> list[Variant]:
    """Some of them, always the same."""
    return [variant for number, variant in enumerate(variants) if number % one_in == number // one_in % one_in]


async def compared(stage: Stage, variants: Sequence[Variant], truth: dict[str, Told]) -> list[str]:
    """Run the variants; returns what is wrong, one line each."""
    wrong = []
    for start in range(0, len(variants), AT_ONCE):
        batch = variants[start : start + AT_ONCE]
        for variant, found in zip(batch, await stage.play(batch), strict=True):
            wrong += [f"{stage.served.name} · {variant}: {why}" for why in judged(stage, variant, found, truth)]
    return wrong


def judged(stage: Stage, variant: Variant, found: Told, truth: dict[str, Told]) -> list[str]:
    """What is wrong with a run, beside the run of its case that nothing disturbed."""
    case, served = variant.case, stage.served
    right = truth[case.name]
    if _nobody_knows(served, variant, found):
        known = (found.status, found.run_status) == ("failed", "interrupted") and "Nobody can tell" in found.error
        return [] if known or found == right else [f"it ended {found.status} / {found.run_status}: {found.error}"]
    if found == right:
        return []
    if served.name == "sdk-0.3" and variant.mode == "stream" and found.hit and "said nothing more" in found.error:
        # Its server stops the work with the connection (a2a.md), and what it had said is there.
        told = right.words.startswith(found.words)
        return [] if told and found.status == "failed" else differences(right, found)
    if _folded_twice(served, found) and not differences(_once(right), _once(found)):
        return []
    if case.kinds_lost and found.words == right.words and found.status == right.status:
        # Its kinds were on the updates that were missed.
        return [] if found.recovered or variant.mode != "stream" else ["words without their kind are not marked"]
    return differences(right, found)


def _folded_twice(served: Served, found: Told) -> bool:
    """Whether the agent's server keeps pieces of artifacts several times: the Python SDK's 0.3 folds an event once for
    each subscription, so that what a look-up finds after a broken one cannot be told from what was said twice.
    """
    return served.name == "sdk-0.3" and found.sent.count("tasks/resubscribe") > 0


def _once(told: Told) -> Told:
    artifacts = {
        key: {
            **value,
            "content": value["content"] and AGAIN.sub(r"\1", value["content"]),
            "files": [file for place, file in enumerate(value["files"]) if file not in value["files"][:place]],
        }
        for key, value in told.artifacts.items()
    }
    return replace(told, artifacts=artifacts, result=AGAIN.sub(r"\1", told.result))


def differences(right: Told, found: Told) -> list[str]:
    """Each respect in which two differ."""
    names = ("status", "run_status", "answer", "reasoning", "artifacts", "others", "questions", "error", "result")
    return [
        f"{name} is {getattr(found, name)!r} instead of {getattr(right, name)!r} (asked: {' '.join(found.sent)})"
        for name in names
        if getattr(right, name) != getattr(found, name)
    ]


def _nobody_knows(served: Served, variant: Variant, found: Told) -> bool:
    """Whether the connection broke before the agent named its task, and the agent cannot be asked for it."""
    busy = {int(hit.split()[1]) for hit in found.hit if hit.startswith("busy")}
    send = next(number for number in range(len(found.sent) + 1) if number not in busy)
    first = [fault for fault in variant.faults if fault.request == send]
    lost = any(fault.kind == "lost" for fault in first)
    # Whoever sees that nobody is there any more says nothing; and an answer that is no stream is whole or nothing.
    nothing = variant.mode != "stream" or any(fault.kind == "half" for fault in first)
    unnamed = lost or any((nothing or fault.after <= 0) and fault.kind in UNNAMED for fault in first)
    message = variant.case.turns[0][0]["kind"] == "message"
    return unnamed and (served.version == "0.3" or message or lost)


def as_expected(case: Case, found: Told) -> list[str]:
    """What is wrong with an undisturbed run, beside what its case says."""
    wrong = []
    for name, want, got in (
        ("status", case.ends, found.status),
        ("answer", case.answer, found.answer),
        ("others", tuple(case.others), found.others),
        ("questions", tuple(case.questions), found.questions),
        ("artifacts", dict(case.artifacts), {key: _in_short(value) for key, value in found.artifacts.items()}),
    ):
        if want != got:
            wrong.append(f"{case.name}: {name} is {got!r} instead of {want!r}")
    if not case.raw_only and len(found.sent) != 2 * len(case.turns) - 1:
        # A look-up before each answer, and nothing else: a stream that can be read is not joined again.
        wrong.append(f"{case.name}: the agent was asked {' '.join(found.sent)}")
    if case.error not in found.error or bool(case.error) != bool(found.error):
        wrong.append(f"{case.name}: the reason is {found.error!r}, without {case.error!r}")
    return wrong


def _in_short(artifact: dict[str, object]) -> object:
    """An artifact as `Case.artifacts` writes it."""
    files = [file["name"] for file in artifact["files"]]  # type: ignore[attr-defined]
    parts = [part for part in (artifact["content"], artifact["data"]) if part is not None]
    if not files:
        return parts[0] if len(parts) == 1 else parts
    return parts + files
