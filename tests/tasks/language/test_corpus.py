"""The corpus of phrases: each line by itself, and precision and recall over all."""

import pytest

from tests.tasks.language.corpus import Line, heard, lines, outcome
from tests.tasks.language.score import score

pytestmark = pytest.mark.database_independent


@pytest.mark.parametrize("line", list(lines()), ids=lambda line: f"{line.file}: {line.text[:50]}")
def test_each_phrase_means_what_it_says(line: Line) -> None:
    understood = heard(line)
    assert outcome(understood) == line.expected, understood.question
    if line.request is not None:
        assert understood.request == line.request


def test_no_schedule_is_false_and_nearly_none_is_missed() -> None:
    result = score()
    assert result.phrases >= 300
    assert result.precision == 1.0
    assert result.recall >= 0.95
