"""MachineAgent: tells how the machine that it runs on is doing."""

import asyncio
import contextlib
import json
import re
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from sample_agents import machine_readings as readings
from sample_agents.base import (
    BaseAgent,
    Event,
    Skill,
    component,
    message_chunk,
    reasoning,
    reasoning_completed,
    reasoning_started,
    tool_call_completed,
    tool_call_started,
)
from sample_agents.pacing import DEFAULT_PACE_MS, spoken

SAMPLE_EVERY = 5.0
"""Seconds between two samples."""
KEEP_SAMPLES = 120
"""Ten minutes of them."""
PROCESS_WINDOW = 0.2
"""Seconds over which the processes' share of the CPU is measured."""

WORDS = {
    "load": ("load", "cpu", "processor", "core", "cores", "busy"),
    "memory": ("memory", "ram", "swap"),
    "disk": ("disk", "disks", "storage", "space", "filesystem", "drive", "drives"),
    "processes": ("process", "processes", "program", "programs", "running", "top"),
}
"""What a person may say for each section."""
COLUMNS = {
    "load": ("CPU %", "cpu_percent"),
    "memory": ("Memory %", "memory_percent"),
    "disk": ("Disk %", "disk_percent"),
    "processes": ("CPU %", "cpu_percent"),
}
"""What the chart shows for each section: name and attribute of a Sample."""


def sections_asked_for(query: str) -> list[str]:
    """The sections that the words of `query` name, in their fixed order; all when it names none."""
    words = set(re.findall(r"[a-z]+", query.lower()))
    return [section for section, names in WORDS.items() if words & set(names)] or list(WORDS)


class MachineAgent(BaseAgent):
    description = (
        "Reports how the machine it runs on is doing: CPU load, memory, disk space and the busiest "
        "processes, with a chart of the last minutes. Reads only, changes nothing."
    )
    skills = (
        Skill(
            id="machine-report",
            name="Report on this machine",
            description="CPU load, memory, disk space and top processes of the machine this runs on.",
            examples=(
                "Report this machine's load",
                "How much memory and disk space is left?",
                "Which processes use the most CPU?",
            ),
            tags=(
                "machine",
                "server",
                "system",
                "cpu",
                "load",
                "memory",
                "ram",
                "disk",
                "space",
                "processes",
            ),
        ),
    )

    def __init__(self, *, pace_ms: int = DEFAULT_PACE_MS, sample_every: float = SAMPLE_EVERY) -> None:
        """pace_ms: milliseconds between two pieces of text. sample_every: seconds between two samples."""
        self._pace_ms = pace_ms
        self._sample_every = sample_every
        self._samples: deque[readings.Sample] = deque(maxlen=KEEP_SAMPLES)
        self._sampler: asyncio.Task[None] | None = None

    async def start(self) -> None:
        readings.sample(datetime.now(UTC))  # psutil's first CPU reading is 0 by definition: discard it.
        await asyncio.sleep(0.1)
        self._take_sample()
        self._sampler = asyncio.create_task(self._keep_sampling())

    async def stop(self) -> None:
        if self._sampler is not None:
            self._sampler.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sampler

    async def stream(
        self, query: str, conversation_id: str, task_id: str, dependencies: Mapping[str, Any]
    ) -> AsyncIterator[Event]:
        sections = sections_asked_for(query)
        named = _listed(["top processes" if section == "processes" else section for section in sections])
        yield reasoning_started()
        async for event in spoken(f"To answer I read {named}.", self._pace_ms, reasoning):
            yield event
        yield reasoning_completed()

        report = ["## This machine now\n"]
        for section in sections:
            tool, read, word = self._tools()[section]
            call_id = f"{tool}-{uuid.uuid4().hex[:8]}"
            yield tool_call_started(call_id, tool)
            value = await read()
            yield tool_call_completed(call_id, tool, json.dumps(_plain(value)))
            report.append(word(value))
        async for event in spoken("\n".join(report), self._pace_ms, message_chunk):
            yield event

        yield component("filtered_line_chart", self._chart(sections, _zone(dependencies)))

    def _tools(self) -> dict[str, tuple[str, Callable[[], Any], Callable[[Any], str]]]:
        """For each section: the tool's name, how it reads, how its reading is worded."""
        return {
            "load": ("cpu_load", self._read_load, self._say_load),
            "memory": ("memory", _read_memory, _say_memory),
            "disk": ("disks", _read_disks, _say_disks),
            "processes": ("top_processes", _read_processes, _say_processes),
        }

    async def _read_load(self) -> readings.CpuLoad:
        self._take_sample()
        return readings.cpu_load(self._samples)

    async def _keep_sampling(self) -> None:
        while True:
            await asyncio.sleep(self._sample_every)
            self._take_sample()

    def _take_sample(self) -> None:
        """Add a sample, unless the last one is so young that its successor would measure next to nothing."""
        now = datetime.now(UTC)
        if not self._samples or (now - self._samples[-1].at).total_seconds() >= 0.1:
            self._samples.append(readings.sample(now))

    def _chart(self, sections: Sequence[str], zone: tzinfo) -> str:
        columns = dict.fromkeys(COLUMNS[section] for section in sections)  # Each once, in order.
        rows: list[list[Any]] = [["time", *(name for name, _ in columns)]]
        for sample in self._samples:
            at = f"{sample.at.astimezone(zone):%Y-%m-%d %H:%M:%S}"
            rows.append([at, *(getattr(sample, attribute) for _, attribute in columns)])
        names = ", ".join(name.removesuffix(" %") for name, _ in columns)
        return json.dumps(
            {
                "title": f"{names}: percent over the last {self._span()}",
                "data": json.dumps(rows),
                "create_time": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}",
            }
        )

    def _span(self) -> str:
        seconds = (self._samples[-1].at - self._samples[0].at).total_seconds()
        if seconds < 2:
            return "second"
        return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"

    def _say_load(self, load: readings.CpuLoad) -> str:
        cores = "1 core is" if load.cores == 1 else f"{load.cores} cores are"
        text = (
            f"**CPU:** {cores} {load.percent:.0f} % busy; over the last {self._span()} it was "
            f"{load.mean_percent:.0f} % on average and {load.peak_percent:.0f} % at its peak."
        )
        if load.load_average is not None:
            one, five, fifteen = load.load_average
            text += f" The load average is {one:.2f} over one minute, {five:.2f} over five and {fifteen:.2f} "
            text += "over fifteen" + (": more work than cores." if one > load.cores else ".")
        return f"{text} The machine has been up for {_duration(load.up_seconds)}.\n"


async def _read_memory() -> readings.Memory:
    return readings.memory()


async def _read_disks() -> Sequence[readings.Disk]:
    return await asyncio.to_thread(readings.disks)  # A network mount may hang.


async def _read_processes() -> Sequence[readings.Process]:
    # psutil measures a process's CPU between two looks at it, and remembers processes between them.
    await asyncio.to_thread(readings.top_processes)
    await asyncio.sleep(PROCESS_WINDOW)
    return await asyncio.to_thread(readings.top_processes)


def _say_memory(memory: readings.Memory) -> str:
    text = (
        f"**Memory:** {readings.size(memory.available)} of {readings.size(memory.total)} are available "
        f"({memory.percent:.0f} % in use)."
    )
    if memory.swap_total:
        text += f" Swap: {readings.size(memory.swap_used)} of {readings.size(memory.swap_total)} used."
    return text + "\n"


def _say_disks(disks: Sequence[readings.Disk]) -> str:
    if not disks:
        return "**Disk:** no file system could be read.\n"
    lines = [
        f"`{disk.mount}` has {readings.size(disk.free)} of {readings.size(disk.total)} free ({disk.percent:.0f} % used)"
        for disk in disks
    ]
    return "**Disk:** " + "; ".join(lines) + ".\n"


def _say_processes(processes: Sequence[readings.Process]) -> str:
    if not processes:
        return "**Processes:** none could be read.\n"
    rows = "".join(
        f"| {process.name.replace('|', '/')} | {process.pid} | {process.cpu_percent:.0f} % "
        f"| {readings.size(process.memory)} |\n"
        for process in processes
    )
    head = "| Process | PID | CPU (of one core) | Memory |\n|---|---:|---:|---:|\n"
    return f"**Busiest processes:**\n\n{head}{rows}"


def _plain(value: Any) -> Any:
    return asdict(value) if not isinstance(value, list) else [asdict(each) for each in value]


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _duration(seconds: int) -> str:
    """Rounded down to the largest unit of which there are two."""
    for unit, length in (("days", 86_400), ("hours", 3_600)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds // 60} minutes"


def _zone(dependencies: Mapping[str, Any]) -> tzinfo:
    """The person's time zone; UTC where none, or none that exists, was sent."""
    try:
        return ZoneInfo(str(dependencies["timezone"]))
    except (KeyError, ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError.
        return UTC
