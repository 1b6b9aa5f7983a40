"""The texts of seeded data: what people ask of each agent, and what agents answer."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

SYMBOLS = ("AAPL", "AMZN", "GOOG", "IBM", "MSFT")
MACHINES = ("build server", "mail gateway", "staging host", "database host", "backup store", "edge node")
TOPICS = (
    "battery recycling",
    "rail freight in Europe",
    "open-weight models",
    "heat pumps",
    "port congestion",
    "grid storage",
    "chip export rules",
    "urban logistics",
)
PEOPLE = ("Ada", "Bo", "Chen", "Dana", "Elif", "Femi", "Gita", "Hugo")


@dataclass(frozen=True, kw_only=True)
class Topic:
    """What an agent is asked for: pairs of title and text with `{subject}` in them, and what may stand there."""

    agent_name: str
    subjects: Sequence[str]
    asked: Sequence[tuple[str, str]]
    tool: str
    thought: str
    answers: Sequence[str]
    failures: Sequence[str]


TOPICS_BY_AGENT = (
    Topic(
        agent_name="MachineAgent",
        subjects=MACHINES,
        asked=(
            ("Load of the {subject}", "Report this machine's load and say whether the {subject} has headroom."),
            ("Disk space, {subject}", "How much disk space is left on the {subject}? Warn below 15 %."),
            ("Memory of the {subject}", "How much memory does the {subject} use, and what uses most of it?"),
            ("Busiest processes, {subject}", "Which processes use the most CPU on the {subject}?"),
            ("Health check: {subject}", "Check CPU, memory and disk of the {subject}, and name what stands out."),
        ),
        tool="read_sensors",
        thought="The load average is below the number of cores, so the machine keeps up. I compare with an hour ago.",
        answers=(
            "**CPU** {a} % over the last minute, load {b} on 8 cores.\n\n**Memory** {a} % in use.\n\n"
            "Nothing stands out.",
            "Disk `/` is {a} % full, {b} GB are free. At the pace of this week it lasts for another {a} days.",
            "The busiest process is `postgres` with {a} % of one core, then `python` with {b} %.",
        ),
        failures=(
            "MachineAgent could not be reached: connection refused.",
            "The sensors did not answer within 30 s.",
        ),
    ),
    Topic(
        agent_name="MarketDataAgent",
        subjects=SYMBOLS,
        asked=(
            ("{subject} at the close", "What did {subject} close at, and how did it move over the month?"),
            ("Weekly look at {subject}", "Compare {subject} with the others over the last year, with a chart."),
            ("{subject}: large moves", "Tell me when {subject} moved by more than 5 % within a month."),
            ("Chart of {subject}", "Draw the monthly prices of {subject} since 2005."),
        ),
        tool="monthly_prices",
        thought="The series has monthly prices. The change is measured from the last but one month to the last.",
        answers=(
            "{subject} closed the month at **{b}**, {a} % above the one before.",
            "Over twelve months {subject} went from {a} to {b}. The largest monthly move was {a} %.",
            "| month | {subject} |\n|---|---|\n| January | {a} |\n| February | {b} |\n",
        ),
        failures=(
            "There are no prices for that symbol.",
            "MarketDataAgent took longer than its timeout of 60 s.",
        ),
    ),
    Topic(
        agent_name="ResearchAgent",
        subjects=TOPICS,
        asked=(
            ("Briefing: {subject}", "Write a short briefing on {subject}: what changed this week, and why it matters."),
            ("News on {subject}", "Collect the three most important developments in {subject}, with sources."),
            ("Open questions, {subject}", "List what is still unclear about {subject}, and who would know."),
        ),
        tool="search_sources",
        thought="Two of the sources repeat the same press release, so they count as one. The third one disagrees.",
        answers=(
            "## {subject}\n\nThree things changed:\n\n1. Prices fell by {a} %.\n2. Two new plants were announced.\n"
            "3. The regulator asked for comments until the {b}th.\n",
            "Most of what is written on {subject} this week goes back to one report. Its main figure, {a} %, is "
            "disputed: others measure {b} %.",
        ),
        failures=(
            "No language model is configured for ResearchAgent.",
            "The model's answer was cut off after 32,000 characters.",
        ),
    ),
)


def asked(topic: Topic, random: Random) -> tuple[str, str, str]:
    """A title, a text and the subject that both speak of."""
    subject = random.choice(topic.subjects)
    title, text = random.choice(topic.asked)
    return title.format(subject=subject), text.format(subject=subject), subject


def answer(topic: Topic, subject: str, random: Random) -> str:
    """What the agent says in the end, in Markdown."""
    return random.choice(topic.answers).format(subject=subject, a=random.randint(3, 96), b=random.randint(2, 31))


def chart(subject: str, random: Random) -> str:
    """The rows of a line chart, the first one names: a JSON text, as `filtered_line_chart` carries it."""
    rows: list[list[object]] = [["date", subject]]
    value = random.uniform(20, 80)
    for month in range(1, 13):
        value = max(1.0, value * random.uniform(0.9, 1.12))
        rows.append([f"2026-{month:02}-01", round(value, 2)])
    return json.dumps(rows)
