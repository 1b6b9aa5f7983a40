"""MarketDataAgent: real monthly share prices of five companies, from a file in a Python package."""

import json
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from sample_agents.base import (
    BaseAgent,
    Event,
    Skill,
    ask,
    component,
    fail,
    message_chunk,
    reasoning,
    reasoning_completed,
    reasoning_started,
    tool_call_completed,
    tool_call_started,
)
from sample_agents.market_prices import COMPANIES, Price, Question, load_prices, understand, within
from sample_agents.pacing import DEFAULT_PACE_MS, spoken

MAX_QUESTIONS = 3
"""Times that the agent asks for a symbol before it gives up."""
TOOL = "monthly_prices"


class MarketDataAgent(BaseAgent):
    description = (
        "Monthly share prices of Apple (AAPL), Amazon (AMZN), Google (GOOG), IBM and Microsoft (MSFT) from "
        "January 2000 to March 2010: price, change and chart. Historical data that ships with it, not live "
        "quotes."
    )
    skills = (
        Skill(
            id="share-prices",
            name="Share prices",
            description="Price, change, high, low and chart of shares, over all years or those you name.",
            examples=(
                "How did AAPL and MSFT do over 2009?",
                "Compare Amazon and IBM since 2005",
                "Show me a share's price",
            ),
            tags=(
                *("market", "stock", "stocks", "share", "shares", "price", "prices", "finance", "chart"),
                *(symbol.lower() for symbol in COMPANIES),
            ),
        ),
    )

    def __init__(self, *, pace_ms: int = DEFAULT_PACE_MS) -> None:
        """pace_ms: milliseconds between two pieces of text. FileNotFoundError without vega-datasets."""
        self._pace_ms = pace_ms
        self._prices = load_prices()

    async def stream(
        self, query: str, conversation_id: str, task_id: str, dependencies: Mapping[str, Any]
    ) -> AsyncIterator[Event]:
        earlier = [turn["text"] for turn in dependencies.get("history", ()) if turn["role"] == "user"]
        question = understand(query)
        if question.first_year is None and question.last_year is None:
            # "Show me a share over 2009", "Which?", "IBM": the year is in what was asked first.
            question = _with_years_of(question, earlier)
        if not question.symbols:
            yield self._which(question, asked=len(earlier))
            return

        yield reasoning_started()
        async for event in spoken(_thoughts(question), self._pace_ms, reasoning):
            yield event
        yield reasoning_completed()

        call_id = f"{TOOL}-{uuid.uuid4().hex[:8]}"
        yield tool_call_started(call_id, TOOL)
        found = {symbol: within(self._prices[symbol], question) for symbol in question.symbols}
        yield tool_call_completed(call_id, TOOL, json.dumps([_row_for_tool(s, p) for s, p in found.items()]))

        async for event in spoken(self._answer(question, found), self._pace_ms, message_chunk):
            yield event
        if any(found.values()):
            yield component("filtered_line_chart", _chart(found))

    def _which(self, question: Question, *, asked: int) -> Event:
        have = ", ".join(f"{symbol} ({names[0].title()})" if symbol != "IBM" else symbol for symbol, names in _names())
        if asked >= MAX_QUESTIONS:
            return fail(f"No share was named that I have prices for. I have {have}.")
        if question.unknown:
            return ask(f"I have no prices for {', '.join(question.unknown)}. I have {have}. Which shall I show?")
        return ask(f"Which share? I have {have}. You may name several, and a year from 2000 to 2010.")

    def _answer(self, question: Question, found: Mapping[str, Sequence[Price]]) -> str:
        first = min(prices[0].month for prices in self._prices.values())
        last = max(prices[-1].month for prices in self._prices.values())
        source = (
            "\nMonthly prices in US dollars from the vega-datasets package. "
            f"They run from {_month(first)} to {_month(last)} and are not live quotes."
        )
        parts = []
        if question.unknown:
            parts.append(f"I have no prices for {', '.join(question.unknown)}.\n\n")
        empty = [symbol for symbol, prices in found.items() if not prices]
        for symbol in empty:
            parts.append(
                f"There are no {symbol} prices for {_period_asked(question)}; "
                f"I have them from {_month(self._prices[symbol][0].month)}.\n\n"
                if question.last_year is not None and question.last_year < self._prices[symbol][0].month.year
                else f"There are no {symbol} prices for {_period_asked(question)}; "
                f"mine end in {_month(self._prices[symbol][-1].month)}.\n\n"
            )
        full = {symbol: prices for symbol, prices in found.items() if prices}
        if full:
            parts.append(_headline(full))
            parts.append("\n| Share | From | To | Change | Lowest | Highest |\n|---|---:|---:|---:|---:|---:|\n")
            parts.extend(_table_row(symbol, prices) for symbol, prices in full.items())
        return "".join(parts) + source


def _names() -> Sequence[tuple[str, Sequence[str]]]:
    return list(COMPANIES.items())


def _with_years_of(question: Question, earlier: Sequence[str]) -> Question:
    """`question`, with the years that the latest earlier text names."""
    for text in reversed(earlier):
        before = understand(text)
        if before.first_year is not None or before.last_year is not None:
            return Question(
                symbols=question.symbols,
                unknown=question.unknown,
                first_year=before.first_year,
                last_year=before.last_year,
            )
    return question


def _thoughts(question: Question) -> str:
    return f"I look up {', '.join(question.symbols)} for {_period_asked(question)}."


def _period_asked(question: Question) -> str:
    match question.first_year, question.last_year:
        case None, None:
            return "all months that I have"
        case first, None:
            return f"{first} and later"
        case None, last:
            return f"the time until {last}"
        case first, last:
            return str(first) if first == last else f"{first} to {last}"
    raise AssertionError("unreachable")


def _headline(found: Mapping[str, Sequence[Price]]) -> str:
    sentences = []
    for symbol, prices in found.items():
        first, last = prices[0], prices[-1]
        change = _change(prices)
        how = "rose" if change > 0 else "fell" if change < 0 else "did not move"
        by = f" by **{abs(change):.1f} %**" if change else ""
        sentences.append(
            f"**{symbol}** {how}{by} from {_month(first.month)} (${first.dollars:.2f}) "
            f"to {_month(last.month)} (${last.dollars:.2f})."
        )
    return " ".join(sentences) + "\n"


def _table_row(symbol: str, prices: Sequence[Price]) -> str:
    low, high = min(prices, key=_dollars), max(prices, key=_dollars)
    return (
        f"| {symbol} | ${prices[0].dollars:.2f} | ${prices[-1].dollars:.2f} | {_change(prices):+.1f} % "
        f"| ${low.dollars:.2f} ({low.month:%b %Y}) | ${high.dollars:.2f} ({high.month:%b %Y}) |\n"
    )


def _row_for_tool(symbol: str, prices: Sequence[Price]) -> dict[str, Any]:
    if not prices:
        return {"symbol": symbol, "months": 0}
    return {
        "symbol": symbol,
        "months": len(prices),
        "first": [prices[0].month.isoformat(), prices[0].dollars],
        "last": [prices[-1].month.isoformat(), prices[-1].dollars],
    }


def _chart(found: Mapping[str, Sequence[Price]]) -> str:
    """One column a share; a month in which a share was not traded yet is null."""
    shown = {symbol: {price.month: price.dollars for price in prices} for symbol, prices in found.items() if prices}
    months = sorted({month for prices in shown.values() for month in prices})
    rows: list[list[Any]] = [["date", *shown]]
    rows += [[month.isoformat(), *(prices.get(month) for prices in shown.values())] for month in months]
    return json.dumps(
        {
            "title": f"{', '.join(shown)}, US dollars a month, {_month(months[0])} to {_month(months[-1])}",
            "data": json.dumps(rows),
            "create_time": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}",
        }
    )


def _change(prices: Sequence[Price]) -> float:
    """Percent, from the first price to the last."""
    return (prices[-1].dollars / prices[0].dollars - 1) * 100


def _dollars(price: Price) -> float:
    return price.dollars


def _month(day: date) -> str:
    return f"{day:%B %Y}"
