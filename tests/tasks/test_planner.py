"""The planner without a model: words in common with an agent's card, or a question."""

import pytest

from tasks.planner import Candidate, planner
from tasks.planner.rules import RulesPlanner

pytestmark = pytest.mark.database_independent

MACHINE = Candidate(
    name="MachineAgent",
    description="Looks at this machine.",
    skills=[
        {
            "id": "load",
            "name": "Load",
            "description": "CPU, memory and disk.",
            "tags": ["cpu", "memory"],
            "examples": ["How busy is the computer?"],
        }
    ],
)
MARKET = Candidate(
    name="MarketDataAgent",
    display_name="Market data",
    skills=[{"id": "price", "name": "Share price", "tags": ["stocks", "AAPL"]}],
)
CHINESE = Candidate(name="NewsAgent", description="每天的新闻", skills=[{"id": "news", "name": "新闻摘要"}])
AGENTS = [MACHINE, MARKET, CHINESE]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("How much memory is free?", "MachineAgent"),
        ("How busy is the computer?", "MachineAgent"),
        ("price of AAPL", "MarketDataAgent"),
        ("show me the stock", "MarketDataAgent"),
        ("今天的新闻", "NewsAgent"),
        ("查看AAPL", "MarketDataAgent"),
        ("ask market data for it", "MarketDataAgent"),
        ("MACHINE, please", "MachineAgent"),
    ],
)
def test_the_agent_with_the_most_telling_words_is_chosen_and_gets_the_text_unchanged(text: str, name: str) -> None:
    planned = RulesPlanner().plan(text, AGENTS)
    assert [(task.agent_name, task.query) for task in planned.tasks] == [(name, text)]
    assert planned.question == ""


def test_who_takes_it_is_said() -> None:
    assert RulesPlanner().plan("price of AAPL", AGENTS).guidance == "Market data takes this."


def test_where_no_card_shares_a_word_the_person_is_asked() -> None:
    planned = RulesPlanner().plan("Bake me a cake", AGENTS)
    assert planned.tasks == []
    assert "MachineAgent, Market data, NewsAgent" in planned.question


def test_words_that_every_request_has_tell_nothing() -> None:
    assert RulesPlanner().plan("please show me what you can do every day", AGENTS).tasks == []


def test_a_single_agent_needs_no_choice() -> None:
    assert RulesPlanner().plan("Bake me a cake", [MACHINE]).tasks[0].agent_name == "MachineAgent"


def test_an_answer_names_one_agent_by_either_of_its_names() -> None:
    resolve = RulesPlanner().resolve
    assert resolve("the machineagent please", AGENTS) == "MachineAgent"
    assert resolve("Market data", AGENTS) == "MarketDataAgent"
    assert resolve("MachineAgent or NewsAgent", AGENTS) is None
    assert resolve("whatever", AGENTS) is None


def test_cards_with_odd_shapes_hold_up_nothing() -> None:
    odd = Candidate(name="Odd", skills=[{"id": 7, "name": None, "tags": "cpu", "examples": [1, None]}])
    assert RulesPlanner().plan("How much memory is free?", [odd, MACHINE]).tasks[0].agent_name == "MachineAgent"


def test_the_planner_is_the_one_of_the_settings(settings: object) -> None:
    settings.PLANNER = "tasks.planner.rules.RulesPlanner"  # type: ignore[attr-defined]
    assert type(planner()) is RulesPlanner
