"""How fast the sample agents talk: in small pieces, so that a person sees the answer arrive."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable

from sample_agents.base import Event

DEFAULT_PACE_MS = 40
"""Milliseconds between two pieces: about the pace of a language model, and 2 to 4 s for a whole answer."""


def pieces(text: str) -> list[str]:
    """The text in pieces that join to it again: words with the space behind them, rows of tables whole.

    A row of a table is one piece because half a row is not a table yet.
    """
    return re.findall(r"^\|.*\n*|\S+\s*|\s+", text, flags=re.MULTILINE)


async def spoken(text: str, pace_ms: int, say: Callable[[str], Event]) -> AsyncIterator[Event]:
    """The pieces of `text`, made into events by `say`, `pace_ms` milliseconds apart."""
    for piece in pieces(text):
        yield say(piece)
        await asyncio.sleep(pace_ms / 1000)  # Also at 0: it lets others run.
