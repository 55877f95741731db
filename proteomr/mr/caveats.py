"""What a user should know of every number of a pair: instruments not shown to be independent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

import polars as pl

from proteomr.tables import Harmonised
from proteomr.tables import columns as c

__all__ = ["CORRELATED", "caution"]

CORRELATED: Final = "variants are correlated with each other: standard errors are too small"
"""What speaks against the numbers of methods for independent variants."""

_WORDS: Final = {
    "correlated": CORRELATED,
    "unproven": "variants may be correlated: nothing shows that they are independent, and standard "
    "errors are too small where they are not",
}


def caution(pairs: Iterable[Harmonised], strength: pl.DataFrame) -> list[Harmonised]:
    """Return analyses with a caveat where two or more variants are not shown to be independent.

    Parameters
    ----------
    pairs : of one exposure each.
    strength : ``exposure``, ``variant_id`` and ``pruning`` of the instruments, as
        `proteomr.mr.pruning.check_pruning` judges them; without ``pruning`` nothing is told.

    Examples
    --------
    >>> caution([], pl.DataFrame())
    []
    """
    if "pruning" not in strength.columns:
        return list(pairs)
    doubtful = strength.filter(pl.col("pruning").is_in(list(_WORDS)))
    named: dict[str, dict[str, str]] = {}
    for exposure, variant, pruning in doubtful.select(
        c.EXPOSURE, c.VARIANT_ID, "pruning"
    ).iter_rows():
        named.setdefault(exposure, {})[variant] = pruning
    return [_add(pair, named.get(pair.exposures[0], {})) for pair in pairs]


def _add(pair: Harmonised, doubtful: dict[str, str]) -> Harmonised:
    found: Sequence[str] = [
        doubtful[name] for name in pair.variants[c.VARIANT_ID] if name in doubtful
    ]
    if len(found) < 2:  # the other of a pair of neighbours has left
        return pair
    words = tuple(text for pruning, text in _WORDS.items() if pruning in found)
    return replace(pair, caveats=(*pair.caveats, *words))
