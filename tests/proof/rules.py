"""A rule of the product and how to break it, to see that a test notices."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """One change of the code: `old` stands in one place of `path` and becomes `new`."""

    rule: str
    path: str
    old: str
    new: str
    tests: Sequence[str] = ()
    """Those of which one must fail; empty: the tests of schedules."""
    database: str = "sqlite"
