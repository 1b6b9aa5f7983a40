"""MachineAgent answers what is asked about this machine, and shows the figures as a chart."""

import ast
import json
import time
from datetime import datetime

import psutil
import pytest
from a2a_talk import Said, kinds, talking, text_of

from sample_agents.machine import MachineAgent, sections_asked_for

pytestmark = pytest.mark.database_independent


def rows_of_chart(said: list[Said]) -> list[list[object]]:
    chart = next(each for each in said if each.kind == "component_generator")
    assert chart.metadata["component_type"] == "filtered_line_chart"
    content = json.loads(chart.text)
    assert content.keys() == {"title", "data", "create_time"}
    datetime.strptime(content["create_time"], "%Y-%m-%d %H:%M:%S")
    rows = json.loads(content["data"])
    assert rows == ast.literal_eval(content["data"])  # Pages read it in either way.
    return rows


@pytest.mark.parametrize(
    ("query", "sections"),
    [
        ("Report this machine's load", ["load"]),
        ("How much RAM and disk space is left?", ["memory", "disk"]),
        ("Which processes use the most CPU?", ["load", "processes"]),
        ("How is it going?", ["load", "memory", "disk", "processes"]),
        ("Say something", ["load", "memory", "disk", "processes"]),
    ],
)
def test_the_words_of_a_query_choose_the_sections(query, sections):
    assert sections_asked_for(query) == sections


async def test_a_full_report_reasons_calls_tools_speaks_and_charts(served):
    async with talking(served(MachineAgent(pace_ms=0))) as talk:
        said = await talk.ask("How are you?")
    calls = ["tool_call_started", "tool_call_completed"]
    assert kinds(said) == [
        "working",
        "reasoning_started",
        "reasoning",
        "reasoning_completed",
        *(calls * 4),
        "message_chunk",
        "component_generator",
        "completed",
    ]
    assert text_of(said, "reasoning") == "To answer I read load, memory, disk and top processes."
    started = [each.metadata["tool_call_id"] for each in said if each.kind == "tool_call_started"]
    results = {
        each.metadata["tool_name"]: json.loads(each.metadata["tool_result"])
        for each in said
        if each.kind == "tool_call_completed"
    }
    assert len(set(started)) == 4
    assert list(results) == ["cpu_load", "memory", "disks", "top_processes"]
    assert results["cpu_load"]["cores"] == psutil.cpu_count()
    assert results["memory"]["total"] == psutil.virtual_memory().total
    assert results["disks"][0]["mount"] == "/"
    assert 1 <= len(results["top_processes"]) <= 5
    text = text_of(said)
    for heading in (
        "## This machine now\n",
        "**CPU:**",
        "**Memory:**",
        "**Disk:**",
        "**Busiest processes:**",
    ):
        assert heading in text
    assert "\n| Process | PID | CPU (of one core) | Memory |\n|---|---:|---:|---:|\n| " in text
    assert rows_of_chart(said)[0] == ["time", "CPU %", "Memory %", "Disk %"]


async def test_a_question_about_memory_gets_memory_alone(served):
    async with talking(served(MachineAgent(pace_ms=0))) as talk:
        said = await talk.ask("How much memory is free?")
    assert [each.metadata["tool_name"] for each in said if each.kind == "tool_call_started"] == ["memory"]
    assert "**Memory:**" in text_of(said)
    assert "**CPU:**" not in text_of(said)
    assert rows_of_chart(said)[0] == ["time", "Memory %"]


async def test_the_chart_holds_the_samples_that_the_background_took(served):
    url = served(MachineAgent(pace_ms=0, sample_every=0.12))
    async with talking(url) as talk:
        deadline = time.monotonic() + 10
        while len(rows := rows_of_chart(await talk.ask("cpu"))) < 6:
            assert time.monotonic() < deadline
            talk.task_id = ""
    times = [row[0] for row in rows[1:]]
    assert times == sorted(times)
    assert all(0 <= row[1] <= 100 for row in rows[1:])


async def test_the_answer_arrives_word_by_word_at_the_pace_asked_for(served):
    async with talking(served(MachineAgent(pace_ms=20))) as talk:
        arrivals = [(time.monotonic(), each) async for each in talk.events("load")]
    chunks = [(at, each.text) for at, each in arrivals if each.kind == "message_chunk"]
    assert len(chunks) > 15
    assert all(len(text.split()) == 1 for _, text in chunks)
    assert chunks[-1][0] - chunks[0][0] >= 0.018 * (len(chunks) - 1)


async def test_times_are_in_the_zone_of_the_person_who_asks(served):
    async with talking(served(MachineAgent(pace_ms=0))) as talk:
        tokyo = rows_of_chart(await talk.ask("load", dependencies={"timezone": "Asia/Tokyo"}))
        talk.task_id = ""
        nowhere = rows_of_chart(await talk.ask("load", dependencies={"timezone": "Mars/Base"}))
    form = "%Y-%m-%d %H:%M:%S"
    apart = datetime.strptime(str(tokyo[1][0]), form) - datetime.strptime(str(nowhere[1][0]), form)
    assert apart.total_seconds() == 9 * 3600
