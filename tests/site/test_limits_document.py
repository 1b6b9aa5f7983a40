"""Every limit that operators are told of is one that the code has, under the name that stands beside it."""

import importlib
import re
from pathlib import Path

import pytest
from django.conf import settings

pytestmark = pytest.mark.database_independent
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "operations.md"
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in DOCUMENT.read_text().split("## Limits\n", 1)[1].splitlines()
    if line.startswith("| ") and not line.startswith("| what ")
]


def found(name: str) -> object:
    """What `settings.NAME`, `module.NAME` or `module` is; raises where it is nothing."""
    place, _, last = name.rpartition(".")
    if place == "settings":
        return getattr(settings, last)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        return getattr(importlib.import_module(place), last)


def test_the_table_is_read() -> None:
    assert len(ROWS) > 30


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_each_limit_says_how_much_what_happens_and_which_name_sets_it(row: list[str]) -> None:
    what, much, beyond, names = row
    assert what and much and beyond
    named = re.findall(r"`([\w.]+)`", names)
    assert named
    for name in named:
        assert found(name) is not None
