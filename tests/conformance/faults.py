"""Connection faults drawn from a seed: which run of which case, against which server, and what goes wrong with it."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tests.conformance.case import Case
from tests.conformance.cases import CASES
from tests.conformance.matrix import AT_ONCE, differences, judged
from tests.conformance.proxy import Fault
from tests.conformance.servers import SERVERS
from tests.conformance.stage import Stage, Told, Variant

BREAKING = ("cut", "end", "eof", "half", "mid", "garble", "lost")
SLOW = ("delay", "loris", "stall", "silent")
MIXING = ("duplicate", "swap")
BUSY = ("busy",)
KINDS = BREAKING + SLOW + MIXING + BUSY
SENDS = ("message/send", "message/stream", "SendMessage", "SendStreamingMessage")
IN_ORDER = frozenset(
    {"texts_whole_again", "artifact_whole_again", "artifact_last_again", "artifact_replaced", "ends_twice", "no_ids"}
    | {"one_id", "out_of_order", "after_the_end", "snapshot_at_last", "input_required_twice", "canceled", "failed"}
    | {"texts_and_closing", "failed_silent", "artifact_unknown", "duplicated", "progress_then_kinds"}
)
"""Cases whose events mean something else in another order, or twice."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One seed's run."""

    seed: int
    server: str
    variant: Variant

    def __str__(self) -> str:
        return f"seed {self.seed} · {self.server} · {self.variant}"


def drawn(seed: int) -> Trial:
    """The trial of a seed."""
    draw = random.Random(seed)
    server = SERVERS[seed % len(SERVERS)]
    # Every kind comes about as often: the first fault goes round, others are drawn.
    kinds = [KINDS[seed // len(SERVERS) % len(KINDS)], *draw.choices(KINDS, k=draw.choice((0, 0, 1, 2)))]
    raw = server.startswith("raw")
    cases = [
        case
        for case in CASES.values()
        if (raw or not case.raw_only)
        and not case.live_only
        and not (case.name in IN_ORDER and any(kind in MIXING for kind in kinds))
        and not (kinds[0] == "busy" and case.ends != "completed")
    ]
    case = draw.choice(cases)
    # Only the events of a stream can come twice, or in another order.
    mode = "stream" if kinds[0] in MIXING else draw.choice(("stream", "stream", "detached", "poll"))
    hangs = any(kind in ("stall", "silent", "garble") for kind in kinds)
    faults = [_fault(draw, kind, case, mode, server, first=place == 0, hangs=hangs) for place, kind in enumerate(kinds)]
    unique = tuple({(fault.request, fault.after): fault for fault in reversed(faults)}.values())
    attempts = 1 if case.ends != "completed" else 3
    return Trial(seed=seed, server=server, variant=Variant(case=case, mode=mode, faults=unique, attempts=attempts))


def _fault(draw: random.Random, kind: str, case: Case, mode: str, server: str, *, first: bool, hangs: bool) -> Fault:
    """A fault that is likely to hit: of the message, or of one of the requests that follow it in this mode."""
    events, legacy = len(case.turns[0]), server.endswith("0.3")
    choices = {True: (0,), False: (0, 1, 2)} if mode == "stream" else {True: (0, 1), False: (0, 1, 1, 2)}
    request = draw.choice(choices[first])
    streams = (mode == "stream" and request == 0) or (mode == "detached" and request == (1 if legacy else 2))
    last = (events - (kind == "swap")) if streams and request == 0 else 1
    after = draw.randint(-1, last) if kind in ("cut", "end", "stall", "silent") else draw.randint(0, max(0, last - 1))
    message = case.turns[0][0]["kind"] == "message"
    unnamed = request == 0 and (after <= 0 or mode != "stream")
    if kind in ("stall", "silent") and unnamed and (legacy or message):
        # Nobody can be asked: the run's own timeout is the limit.
        request = 1
    if kind == "busy" and request == 0 and (case.ends != "completed" or hangs):
        # The message that is sent again would meet what the others are meant for.
        request = 1
    if kind == "garble" and unnamed:
        # Garbage in answer to the message is an answer: the attempt has failed, and the next one sends again.
        request = 1
    seconds = {"delay": draw.choice((0.02, 0.1, 0.3)), "busy": draw.choice((0.0, 0.05, 0.2))}.get(kind, 0.0)
    return Fault(kind=kind, request=request, after=after, seconds=seconds, status=draw.choice((429, 503)))


async def violations(stage: Stage, trials: Sequence[Trial]) -> dict[int, tuple[tuple[str, ...], list[str]]]:
    """Run trials of one server; returns of each seed the faults that hit, and what is wrong."""
    names = dict.fromkeys(trial.variant.case.name for trial in trials)
    undisturbed = [Variant(case=CASES[name]) for name in names]
    truth = dict(zip(names, await stage.play(undisturbed), strict=True))
    found: dict[int, tuple[tuple[str, ...], list[str]]] = {}
    for start in range(0, len(trials), AT_ONCE):
        batch = trials[start : start + AT_ONCE]
        for trial, told in zip(batch, await stage.play([trial.variant for trial in batch]), strict=True):
            found[trial.seed] = (told.hit, _judged(stage, trial, told, truth))
    return found


def _judged(stage: Stage, trial: Trial, told: Told, truth: dict[str, Told]) -> list[str]:
    wrong = judged(stage, trial.variant, told, truth)
    right = truth[trial.variant.case.name]
    if wrong and any(fault.kind == "swap" for fault in trial.variant.faults):
        wrong = differences(_jumbled(right), _jumbled(told))
    sent = sum(method in SENDS for method in told.delivered)
    # Garbage is an answer: an attempt that got it has failed.
    if sent > len(trial.variant.case.turns) + sum(hit.startswith("garble") for hit in told.hit):
        wrong.append(f"the agent got {sent} messages")
    return wrong


def _jumbled(told: Told) -> Told:
    """What was said, whatever its order: events that overtook one another cannot be put right."""
    artifacts = {key: {**value, "content": _counted(value["content"] or "")} for key, value in told.artifacts.items()}
    return replace(
        told,
        answer=_counted(told.words),
        reasoning="",
        artifacts=artifacts,
        others=tuple(sorted(told.others, key=repr)),
        result="",
    )


def _counted(text: str) -> str:
    return repr(sorted(Counter(text).items()))


def by_server(seeds: Sequence[int]) -> dict[str, list[Trial]]:
    """The trials of these seeds, by server."""
    trials = [drawn(seed) for seed in seeds]
    return {name: found for name in SERVERS if (found := [trial for trial in trials if trial.server == name])}
