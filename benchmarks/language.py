"""Precision, recall and speed of the phrases of the corpus (tests/tasks/language): times in English and Chinese."""

import time
from collections.abc import Iterator

from benchmarks.harness import RUNS, Row, median_of, milliseconds, percentile
from tests.tasks.language.corpus import heard, lines
from tests.tasks.language.score import score

GOAL_RECALL = 0.95
GOAL_SECONDS = 0.002


def measure(*, quick: bool) -> Iterator[Row]:
    """A row a language, and one for the time that a phrase takes."""
    for language, files in (("English", ("english", "english_none")), ("Chinese", ("chinese", "chinese_none"))):
        found = score(*files)
        yield Row(
            what=f"{language} time phrases: precision, recall of {found.phrases}",
            ours=f"{found.precision:.3f}, {found.recall:.3f}",
            goal=f"1.000, {GOAL_RECALL}",
            met=found.precision == 1.0 and found.recall >= GOAL_RECALL,
        )
    phrases = list(lines())
    medians, slowest = [], []
    for _ in range(2 if quick else RUNS):
        seconds = []
        for line in phrases:
            begun = time.perf_counter()
            heard(line)
            seconds.append(time.perf_counter() - begun)
        medians.append(percentile(seconds, 0.5))
        slowest.append(percentile(seconds, 0.99))
    p99 = median_of(slowest)
    yield Row(
        what="a time phrase understood: median, p99",
        ours=f"{milliseconds(median_of(medians))}, {milliseconds(p99)}",
        goal=f"under {milliseconds(GOAL_SECONDS)}",
        met=p99 < GOAL_SECONDS,
    )
