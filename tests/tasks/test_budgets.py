"""What an agent's usage is read as, days and months of a zone, limits that are reached, and what a month comes to."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.budgets import MOST, Spent, day_start, month_start, next_day, next_month, project, reached, read_usage, spent

pytestmark = pytest.mark.database_independent


@pytest.mark.parametrize(
    ("said", "read"),
    [
        # Ours, and Anthropic's.
        ({"input_tokens": 12, "output_tokens": 30}, {"input_tokens": 12, "output_tokens": 30}),
        (
            {"input_tokens": 12, "output_tokens": 30, "cache_read_input_tokens": 5, "service_tier": "standard"},
            {"input_tokens": 12, "output_tokens": 30},
        ),
        # OpenAI's.
        (
            {"prompt_tokens": 12, "completion_tokens": 30, "total_tokens": 42},
            {"input_tokens": 12, "output_tokens": 30},
        ),
        ({"promptTokens": 1, "completionTokens": 2}, {"input_tokens": 1, "output_tokens": 2}),
        ({"inputTokens": 1, "outputTokens": 2}, {"input_tokens": 1, "output_tokens": 2}),
        ({"cost": 0.25, "currency": " USD "}, {"cost": 0.25, "currency": "USD"}),
        ({"total_cost": 3}, {"cost": 3}),
        ({"input_tokens": 1, "prompt_tokens": 99}, {"input_tokens": 1}),
        ({"input_tokens": 0}, {"input_tokens": 0}),
        ({"input_tokens": 12.0}, {"input_tokens": 12}),
    ],
)
def test_figures_are_read_by_each_of_their_names(said: Any, read: dict[str, Any]) -> None:
    assert read_usage(said) == read


@pytest.mark.parametrize(
    "figure",
    [-1, -0.5, float("nan"), float("inf"), float("-inf"), MOST + 1, 10**300, "12", "", True, None, [5], {"n": 5}],
)
def test_what_is_no_figure_is_left_out(figure: Any) -> None:
    said = {"input_tokens": figure, "output_tokens": 3, "cost": figure, "currency": figure}
    assert {name: value for name, value in read_usage(said).items() if name != "currency"} == {"output_tokens": 3}


@pytest.mark.parametrize("said", [None, "much", 5, [], [["input_tokens", 5]], {}, {"currency": "x" * 500}])
def test_what_is_no_usage_is_none(said: Any) -> None:
    assert {name: value for name, value in read_usage(said).items() if name != "currency"} == {}
    assert len(read_usage(said).get("currency", "")) <= 10


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
SAID = SCALARS | st.lists(st.integers(), max_size=2) | st.just({"input_tokens": 1})


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["input_tokens", "completion_tokens", "cost", "currency"]), SAID))
def test_whatever_an_agent_says_adds_up(said: Any) -> None:
    read = read_usage(said)
    used = spent(read)
    assert 0 <= used.tokens <= 2 * MOST
    assert 0 <= used.cost <= MOST
    assert all(type(read[name]) is int for name in ("input_tokens", "output_tokens") if name in read)


def test_tokens_are_input_and_output_together() -> None:
    assert spent({"input_tokens": 3, "output_tokens": 4, "cost": 0.5}) == Spent(tokens=7, cost=0.5)
    assert spent(None) == spent({}) == Spent()


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("now", "zone", "day", "following"),
    [
        ("2026-11-02T09:00Z", "UTC", "2026-11-02T00:00Z", "2026-11-03T00:00Z"),
        ("2026-11-02T09:00Z", "Pacific/Honolulu", "2026-11-01T10:00Z", "2026-11-02T10:00Z"),
        # A day of 23 hours, one of 25, and two whose midnight is left out or comes twice.
        ("2027-03-28T12:00Z", "Europe/Berlin", "2027-03-27T23:00Z", "2027-03-28T22:00Z"),
        ("2027-10-31T12:00Z", "Europe/Berlin", "2027-10-30T22:00Z", "2027-10-31T23:00Z"),
        ("2027-04-30T12:00Z", "Africa/Cairo", "2027-04-29T22:00Z", "2027-04-30T21:00Z"),
    ],
)
def test_a_day_is_that_of_the_zone(now: str, zone: str, day: str, following: str) -> None:
    assert day_start(moment(now), zone).astimezone(UTC) == moment(day)
    assert next_day(moment(now), zone).astimezone(UTC) == moment(following)


@pytest.mark.parametrize(
    ("now", "zone", "month", "following"),
    [
        ("2026-12-31T23:30Z", "UTC", "2026-12-01T00:00Z", "2027-01-01T00:00Z"),
        ("2026-12-31T23:30Z", "Europe/Berlin", "2026-12-31T23:00Z", "2027-01-31T23:00Z"),
        ("2027-02-10T00:00Z", "UTC", "2027-02-01T00:00Z", "2027-03-01T00:00Z"),
        ("2027-01-31T12:00Z", "Europe/Berlin", "2026-12-31T23:00Z", "2027-01-31T23:00Z"),
    ],
)
def test_a_month_is_that_of_the_zone(now: str, zone: str, month: str, following: str) -> None:
    assert month_start(moment(now), zone).astimezone(UTC) == moment(month)
    assert next_month(moment(now), zone).astimezone(UTC) == moment(following)


NOW = moment("2026-11-02T09:00Z")


@pytest.mark.parametrize(
    ("budget", "day", "month", "words", "until"),
    [
        ({"tokens_per_day": 100}, Spent(tokens=99), Spent(tokens=500), None, None),
        (
            {"tokens_per_day": 100},
            Spent(tokens=100),
            Spent(tokens=100),
            "The budget of 100 tokens a day was reached.",
            "2026-11-03T00:00Z",
        ),
        (
            {"tokens_per_month": 100_000},
            Spent(),
            Spent(tokens=100_001),
            "The budget of 100,000 tokens a month was reached.",
            "2026-12-01T00:00Z",
        ),
        (
            {"cost_per_day": 0.5},
            Spent(cost=0.5),
            Spent(cost=9),
            "The budget of 0.5 in cost a day was reached.",
            "2026-11-03T00:00Z",
        ),
        (
            {"cost_per_month": 20.0},
            Spent(),
            Spent(cost=20),
            "The budget of 20 in cost a month was reached.",
            "2026-12-01T00:00Z",
        ),
        # Of several the one that holds up longest.
        (
            {"tokens_per_day": 1, "cost_per_month": 1},
            Spent(tokens=5),
            Spent(tokens=5, cost=1),
            "The budget of 1 in cost a month was reached.",
            "2026-12-01T00:00Z",
        ),
        ({"cost_per_day": 1}, Spent(tokens=10**9), Spent(tokens=10**9), None, None),
        (None, Spent(tokens=10**9), Spent(tokens=10**9), None, None),
    ],
)
def test_a_limit_is_reached_when_nothing_is_left_of_it(
    budget: Any, day: Spent, month: Spent, words: str | None, until: str | None
) -> None:
    found = reached(budget, day=day, month=month, now=NOW, zone="UTC")
    assert (found and found.words) == words
    assert (found and found.until) == (until and moment(until))


def test_a_month_comes_to_what_was_used_and_the_mean_for_each_run_to_come() -> None:
    recent = [Spent(tokens=100, cost=0.1), Spent(tokens=300, cost=0.3)]
    assert project(Spent(tokens=1000, cost=1.0), recent, 10) == Spent(tokens=3000, cost=3.0)
    assert project(Spent(tokens=5), [], 10) is None
