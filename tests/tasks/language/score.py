"""Precision and recall over the corpus, for its test and its benchmark."""

from dataclasses import dataclass

from tests.tasks.language.corpus import Line, heard, lines, outcome


@dataclass(frozen=True, kw_only=True)
class Score:
    """How well the corpus, or a part of it, is understood."""

    phrases: int
    precision: float
    """Of the schedules that were understood without a question, the share that is exactly the one expected."""
    recall: float
    """Of the phrases that mean a time, the share that was understood: the very schedule, or a question where one is
    expected.
    """
    false_schedules: list[Line]


def score(*files: str) -> Score:
    """The score of some files of the corpus, or of all."""
    found = [(line, outcome(heard(line))) for line in lines(*files)]
    sure = [(line, got) for line, got in found if isinstance(got, dict)]
    wrong = [line for line, got in sure if got != line.expected]
    meant = [(line, got) for line, got in found if line.expected != "-"]
    right = sum(got == line.expected for line, got in meant)
    return Score(
        phrases=len(found),
        precision=1 - len(wrong) / len(sure) if sure else 1.0,
        recall=right / len(meant) if meant else 1.0,
        false_schedules=wrong,
    )
