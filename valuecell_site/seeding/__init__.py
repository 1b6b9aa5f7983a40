"""Plausible data in any quantity, written by statements over sets: for a first look, for admin, and for measuring.

`demo` decides how many of what and in which order; `fates` what became of each task, `histories` its runs, `scenes`
what its conversation shows; `words` has the texts, `tables` writes the rows.
"""

from valuecell_site.seeding.demo import Figures, NotPossible, Wanted, seed

__all__ = ["Figures", "NotPossible", "Wanted", "seed"]
