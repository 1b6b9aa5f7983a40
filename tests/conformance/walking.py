"""What `python -m tests.conformance` does once Django is up."""

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.contrib.auth.models import User

from conversations.journal import journal
from tasks.agents.connections import connections
from tests.conformance import transcript
from tests.conformance.cases import CASES
from tests.conformance.faults import by_server, violations
from tests.conformance.matrix import as_expected, compared, dropped, odd, other_ways, undisturbed
from tests.conformance.servers import SERVERS, CannotInstall, opened
from tests.conformance.stage import staged
from tests.helpers.runners import sync


async def walk(given: argparse.Namespace) -> int:
    """The matrix and the drawn runs, server by server; returns the exit status."""
    user = await sync(User.objects.create_user, "ann")
    seeds = [given.seed] if given.seed is not None else list(range(given.first, given.first + given.seeds))
    trials = by_server(seeds)
    runs, hits, wrong, begun = 0, 0, [], time.monotonic()
    with patches() as monkeypatch:
        if given.write_transcripts:
            with opened("raw-1.0") as served:
                async with staged(served, user, monkeypatch) as stage:
                    await transcript.record(stage)
            return 0
        for name in SERVERS:
            if given.on not in name:
                continue
            try:
                with opened(name) as served:
                    async with staged(served, user, monkeypatch) as stage:
                        if given.seed is None and not given.no_matrix:
                            variants = [v for v in undisturbed(served) if given.only in v.case.name]
                            truth = dict(zip((v.case.name for v in variants), await stage.play(variants), strict=True))
                            wrong += [line for case in truth for line in as_expected(CASES[case], truth[case])]
                            some = [*other_ways(served), *dropped(served), *(odd() if served.raw else [])]
                            some = [v for v in some if given.only in v.case.name]
                            found = await compared(stage, some, truth)
                            runs += len(variants) + len(some)
                            print(f"{name}: {len(truth)} cases, {len(some)} other runs, {len(found)} wrong", flush=True)
                            wrong += found
                        for seed, (hit, lines) in (await violations(stage, trials.get(name, []))).items():
                            trial = next(trial for trial in trials[name] if trial.seed == seed)
                            runs += 1
                            hits += bool(hit)
                            came = "WRONG" if lines else "right" if hit else "no hit"
                            print(f"{came}  {trial}  → {', '.join(hit)}", flush=True)
                            wrong += [f"{trial}: {line}" for line in lines]
            except CannotInstall as error:
                print(f"### {name} WAS LEFT OUT: {error}", flush=True)
                wrong.append(f"{name} was left out")
        await connections.aclose()
        await journal.close()
    took = time.monotonic() - begun
    print(f"\n{runs} runs in {took:.0f} s, {hits} of {len(seeds)} seeds hit, {len(wrong)} violations")
    print("\n".join(wrong))
    return 1 if wrong else 0


@contextmanager
def patches() -> Iterator[pytest.MonkeyPatch]:
    """A MonkeyPatch outside of a test."""
    monkeypatch = pytest.MonkeyPatch()
    try:
        yield monkeypatch
    finally:
        monkeypatch.undo()
