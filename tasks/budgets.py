"""What a schedule may use in a day and in a month, what an agent says that it used, and what that comes to. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

LIMITS = ("tokens_per_day", "tokens_per_month", "cost_per_day", "cost_per_month")
"""The keys of a budget, as the contract names them; each is optional."""

_NAMES: dict[str, tuple[str, ...]] = {
    "input_tokens": ("input_tokens", "prompt_tokens", "inputTokens", "promptTokens"),
    "output_tokens": ("output_tokens", "completion_tokens", "outputTokens", "completionTokens"),
    "cost": ("cost", "total_cost", "totalCost"),
}
"""Ours and Anthropic's names first, then OpenAI's, each also as JavaScript writes it."""
MOST = 10**12
"""Figures beyond this are no figures: the largest budget, and what a month of runs adds up to fits into 64 bits."""


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What runs used: `tokens` of input and output together, `cost` in the agent's own currency."""

    tokens: int = 0
    cost: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Reached:
    """A limit that leaves no room: in words for the owner, and the moment at which there is room again."""

    words: str
    until: datetime


def read_usage(said: Any) -> dict[str, Any]:
    """The figures in a `usage` object of an agent, by our names; empty where there are none.

    Token counts are whole numbers from 0, `cost` is a number from 0, `currency` a short text. What is none of these is
    left out, since an agent may write anything.
    """
    if not isinstance(said, Mapping):
        return {}
    found: dict[str, Any] = {}
    for name, spellings in _NAMES.items():
        for spelling in spellings:
            if (figure := _figure(said.get(spelling))) is not None:
                found[name] = figure if name == "cost" else int(figure)
                break
    currency = said.get("currency")
    if isinstance(currency, str) and currency.strip():
        found["currency"] = currency.strip()[:10]
    return found


def spent(usage: Mapping[str, Any] | None) -> Spent:
    """What one run used."""
    usage = usage or {}
    tokens = int(usage.get("input_tokens") or 0) + int(usage.get("output_tokens") or 0)
    return Spent(tokens=tokens, cost=float(usage.get("cost") or 0))


def day_start(now: datetime, zone: str) -> datetime:
    """The beginning of the calendar day in `zone` in which `now` lies."""
    return now.astimezone(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)


def next_day(now: datetime, zone: str) -> datetime:
    """The beginning of the calendar day after that one."""
    # From noon: a day has 23 to 25 hours, and in some zones midnight is left out.
    return day_start(day_start(now, zone).replace(hour=12) + timedelta(days=1), zone)


def month_start(now: datetime, zone: str) -> datetime:
    """The beginning of the calendar month in `zone` in which `now` lies."""
    return day_start(now, zone).replace(day=1)


def next_month(now: datetime, zone: str) -> datetime:
    """The beginning of the calendar month after that one."""
    return month_start(month_start(now, zone).replace(day=28) + timedelta(days=5), zone)


def reached(budget: Mapping[str, Any] | None, *, day: Spent, month: Spent, now: datetime, zone: str) -> Reached | None:
    """The limit of `budget` that what was used in this day and month has reached; the one that holds up longest."""
    found: list[Reached] = []
    for limit in LIMITS:
        most = (budget or {}).get(limit)
        if most is None:
            continue
        used = day if limit.endswith("day") else month
        figure: float = used.tokens if limit.startswith("tokens") else used.cost
        if figure >= most:
            until = next_day(now, zone) if limit.endswith("day") else next_month(now, zone)
            what, span = limit.split("_per_")
            words = f"{most:,} tokens" if what == "tokens" else f"{most:,g} in cost"
            found.append(Reached(words=f"The budget of {words} a {span} was reached.", until=until))
    return max(found, key=lambda one: one.until, default=None)


def project(so_far: Spent, recent: Sequence[Spent], runs_to_come: int) -> Spent | None:
    """What a month comes to: what was used so far, and for each run to come the mean of the `recent` ones.

    None where no recent run said what it used.
    """
    if not recent:
        return None
    tokens = sum(one.tokens for one in recent) / len(recent)
    cost = sum(one.cost for one in recent) / len(recent)
    return Spent(tokens=round(so_far.tokens + tokens * runs_to_come), cost=round(so_far.cost + cost * runs_to_come, 4))


def _figure(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if 0 <= value <= MOST else None
