"""docs/writing-an-agent.md: its programs are taken out of the page and run, and do what the page says."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import httpx
import pytest
from a2a_talk import kinds, talking, text_of

from sample_agents.server import listen

pytestmark = pytest.mark.database_independent
ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "writing-an-agent.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


PROGRAMS = {block.splitlines()[0].removeprefix("# "): block for block in blocks("python")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with every program of the page in it."""
    for name, program in PROGRAMS.items():
        (tmp_path / name).write_text(program, encoding="utf-8")
    return tmp_path


@pytest.fixture
def loaded(folder: Path) -> Iterator[dict[str, ModuleType]]:
    """The programs that define agents, imported."""
    modules = {}
    for name in PROGRAMS:
        if not name.startswith("test_"):
            spec = importlib.util.spec_from_file_location(f"page_{Path(name).stem}", folder / name)
            assert spec is not None
            assert spec.loader is not None
            modules[name] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(modules[name])
    yield modules


def test_every_program_on_the_page_is_one_that_the_tests_below_run():
    assert list(PROGRAMS) == [
        "greeter.py",
        "dice.py",
        "greeter_by_name.py",
        "divider.py",
        "watcher.py",
        "test_greeter.py",
    ]


async def test_the_smallest_agent_runs_as_a_program_and_shows_its_card(folder):
    with listen() as free:
        port = free.getsockname()[1]
    program = PROGRAMS["greeter.py"].replace("10123", str(port))
    (folder / "greeter.py").write_text(program, encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "greeter.py"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == f"Greeter answers at http://127.0.0.1:{port}/\n"
        curl = next(block for block in blocks("sh") if block.startswith("curl -s "))
        url = curl.removeprefix("curl -s ").strip().replace("10123", str(port))
        assert httpx.get(url).json()["name"] == "Greeter"
        async with talking(f"http://127.0.0.1:{port}/") as talk:
            assert text_of(await talk.ask("hi")) == "Hello! You wrote: hi"
    finally:
        process.terminate()
        assert process.wait(5) == 0
        process.stdout.close()


async def test_the_dice_reason_call_speak_and_chart(served, loaded):
    async with talking(served(loaded["dice.py"].Dice())) as talk:
        said = await talk.ask("Throw the dice")
    assert kinds(said)[1:] == [
        "reasoning",
        "tool_call_started",
        "tool_call_completed",
        "message_chunk",
        "component_generator",
        "completed",
    ]
    assert re.fullmatch(r"The most frequent sum is \*\*\d+\*\*\.", text_of(said))
    rows = json.loads(json.loads(said[-2].text)["data"])
    assert rows[0] == ["sum", "throws"]
    assert sum(row[1] for row in rows[1:]) == 1000


async def test_the_greeter_by_name_asks_and_remembers(served, loaded):
    async with talking(served(loaded["greeter_by_name.py"].GreeterByName())) as talk:
        asked = await talk.ask("good morning")
        assert (asked[-1].state, asked[-1].text) == ("input-required", "What is your name?")
        assert text_of(await talk.ask("Ada")) == "Hello Ada! You wrote: good morning"


@pytest.mark.parametrize(
    ("query", "state", "text"),
    [
        ("6/3", "completed", "6 divided by 3 is 2."),
        ("six", "failed", "“six” is not a division. Write two numbers, such as 6/3."),
        ("6/0", "failed", "Divider stopped on an error: ZeroDivisionError: float division by zero"),
    ],
)
async def test_the_divider_divides_or_says_why_not(served, loaded, query, state, text):
    async with talking(served(loaded["divider.py"].Divider())) as talk:
        said = await talk.ask(query)
    assert said[-1].state == state
    assert (text_of(said) or said[-1].text) == text


async def test_the_watcher_lets_go_when_it_is_cancelled(served, loaded):
    agent = loaded["watcher.py"].Watcher()
    url = served(agent)
    async with talking(url) as talk, talking(url) as other:
        async for said in talk.events("watch"):
            if said.text == "0 ":
                assert agent.watching == 1
                other.task_id = talk.task_id
                await other.cancel()
    assert agent.watching == 0


def test_the_page_quotes_the_reason_that_a_division_by_zero_gives():
    assert "`Divider stopped on an error: ZeroDivisionError: float division by zero`" in PAGE


def test_the_test_on_the_page_passes(folder):
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:django",
        "-p",
        "no:cacheprovider",
        "test_greeter.py",
    ]
    ran = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "1 passed" in ran.stdout


def test_the_cards_on_the_page_are_those_of_its_programs():
    cards = [json.loads(block) for block in blocks("json")]
    assert [card["name"] for card in cards] == ["Greeter", "Dice"]
    for card in cards:
        port = re.search(r":(\d+)/$", card["url"])
        assert port is not None
        assert f"serve({card['name']}(), port={port.group(1)})" in PAGE
