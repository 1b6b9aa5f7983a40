"""MarketDataAgent tells real prices, asks for a symbol when none is named, and never claims to be live."""

import json
import sys
from datetime import date

import pytest
from a2a_talk import Said, kinds, talking, text_of

from sample_agents.market import MarketDataAgent
from sample_agents.market_prices import Price, load_prices, understand

pytestmark = pytest.mark.database_independent


def chart_of(said: list[Said]) -> list[list[object]]:
    [chart] = [each for each in said if each.kind == "component_generator"]
    assert chart.metadata["component_type"] == "filtered_line_chart"
    return json.loads(json.loads(chart.text)["data"])


def test_the_prices_are_read_whole_without_importing_pandas():
    prices = load_prices()
    assert {symbol: len(months) for symbol, months in prices.items()} == {
        "AAPL": 123,
        "AMZN": 123,
        "GOOG": 68,
        "IBM": 123,
        "MSFT": 123,
    }
    assert prices["MSFT"][0] == Price(month=date(2000, 1, 1), dollars=39.81)
    assert prices["AAPL"][-1] == Price(month=date(2010, 3, 1), dollars=223.02)
    assert "pandas" not in sys.modules
    assert "vega_datasets" not in sys.modules


@pytest.mark.parametrize(
    ("text", "symbols", "years", "unknown"),
    [
        ("How did AAPL do over 2009?", ["AAPL"], (2009, 2009), []),
        ("compare amazon and ibm since 2005", ["AMZN", "IBM"], (2005, None), []),
        ("Google and Microsoft from 2004 to 2006", ["GOOG", "MSFT"], (2004, 2006), []),
        ("msft until 2003", ["MSFT"], (None, 2003), []),
        ("msft before 2003", ["MSFT"], (None, 2002), []),
        ("all of them", ["AAPL", "AMZN", "GOOG", "IBM", "MSFT"], (None, None), []),
        ("What about TSLA?", [], (None, None), ["TSLA"]),
        ("Compare TSLA with AAPL in USD", ["AAPL"], (None, None), ["TSLA"]),
        ("SHOW ME APPLE NOW", ["AAPL"], (None, None), []),
        ("I ate a pineapple", [], (None, None), []),
        ("How are my shares?", [], (None, None), []),
    ],
)
def test_a_question_names_symbols_companies_and_years(text, symbols, years, unknown):
    question = understand(text)
    assert question.symbols == symbols
    assert (question.first_year, question.last_year) == years
    assert question.unknown == unknown


async def test_prices_of_a_year_come_as_text_table_and_chart(served):
    async with talking(served(MarketDataAgent(pace_ms=0))) as talk:
        said = await talk.ask("How did AAPL and MSFT do over 2009?")
    assert kinds(said) == [
        "working",
        "reasoning_started",
        "reasoning",
        "reasoning_completed",
        "tool_call_started",
        "tool_call_completed",
        "message_chunk",
        "component_generator",
        "completed",
    ]
    assert text_of(said) == (
        "**AAPL** rose by **133.8 %** from January 2009 ($90.13) to December 2009 ($210.73). "
        "**MSFT** rose by **82.4 %** from January 2009 ($16.63) to December 2009 ($30.34).\n"
        "\n"
        "| Share | From | To | Change | Lowest | Highest |\n"
        "|---|---:|---:|---:|---:|---:|\n"
        "| AAPL | $90.13 | $210.73 | +133.8 % | $89.31 (Feb 2009) | $210.73 (Dec 2009) |\n"
        "| MSFT | $16.63 | $30.34 | +82.4 % | $15.81 (Feb 2009) | $30.34 (Dec 2009) |\n"
        "\n"
        "Monthly prices in US dollars from the vega-datasets package. "
        "They run from January 2000 to March 2010 and are not live quotes."
    )
    rows = chart_of(said)
    assert rows[:2] == [["date", "AAPL", "MSFT"], ["2009-01-01", 90.13, 16.63]]
    assert len(rows) == 13


async def test_months_before_a_share_was_traded_are_empty_in_the_chart(served):
    async with talking(served(MarketDataAgent(pace_ms=0))) as talk:
        rows = chart_of(await talk.ask("Google and IBM in 2004"))
    assert rows[0] == ["date", "GOOG", "IBM"]
    assert [row[1] is None for row in rows[1:]] == [True] * 7 + [False] * 5


async def test_it_asks_for_the_symbol_and_the_answer_resumes_the_same_task(served):
    async with talking(served(MarketDataAgent(pace_ms=0))) as talk:
        asked = await talk.ask("Show me a share's price over 2009")
        task_id = talk.task_id
        assert asked[-1].state == "input-required"
        assert asked[-1].text == (
            "Which share? I have AAPL (Apple), AMZN (Amazon), GOOG (Google), IBM, MSFT (Microsoft). "
            "You may name several, and a year from 2000 to 2010."
        )
        answered = await talk.ask("ibm please")
    assert talk.task_id == task_id
    assert answered[-1].state == "completed"
    assert text_of(answered).startswith("**IBM** rose by **45.7 %** from January 2009 ($89.46)")
    assert len(chart_of(answered)) == 13


async def test_a_symbol_that_it_does_not_have_is_named_in_its_question(served):
    async with talking(served(MarketDataAgent(pace_ms=0))) as talk:
        said = await talk.ask("Price of TSLA")
    assert said[-1].state == "input-required"
    assert said[-1].text.startswith("I have no prices for TSLA. I have AAPL (Apple),")


async def test_it_gives_up_with_a_reason_after_asking_three_times(served):
    async with talking(served(MarketDataAgent(pace_ms=0))) as talk:
        states = []
        for text in ("a price", "hm", "dunno", "no idea"):
            states.append((await talk.ask(text))[-1])
    assert [each.state for each in states] == ["input-required"] * 3 + ["failed"]
    assert states[-1].text.startswith("No share was named that I have prices for.")


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("AAPL in 2024", "There are no AAPL prices for 2024; mine end in March 2010."),
        ("Google in 2001", "There are no GOOG prices for 2001; I have them from August 2004."),
    ],
)
async def test_a_year_without_data_is_said_plainly_and_charts_nothing(served, query, answer):
    async with talking(served(MarketDataAgent(pace_ms=0))) as talk:
        said = await talk.ask(query)
    assert text_of(said).startswith(answer)
    assert said[-1].state == "completed"
    assert "component_generator" not in kinds(said)
