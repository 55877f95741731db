"""Proteins made ready for a score: transformed, filled in and scaled by training people alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64
from proteomr.stats.normal_score_table import NormalScores
from proteomr.stats.transforms import Transform
from proteomr.status import Status
from proteomr.tables import Proteins

__all__ = ["ColumnRule", "prepare_columns", "read_blocks"]

_COLUMNS = 64  # read at a time
_FLAT = 1e-9  # relative: a standard deviation that is rounding


@dataclass(frozen=True, slots=True, eq=False)
class ColumnRule:
    """How the values of one protein enter a score.

    Attributes
    ----------
    status : whether they can.
    transform : of the values.
    ranks : values and their normal scores, where the transform is of ranks.
    centre, scale : of transformed values, missing ones filled in.
    fill : the transformed value that stands for a missing one: the median.
    """

    status: Status
    transform: Transform
    ranks: NormalScores | None = None
    centre: float = 0.0
    scale: float = 1.0
    fill: float = 0.0

    @classmethod
    def of(cls, values: F64, transform: Transform) -> ColumnRule:
        """Learn the rule from the values (n,) of training people, NaN where missing.

        Examples
        --------
        >>> rule = ColumnRule.of(np.array([1.0, 3.0, np.nan]), "none")
        >>> rule.fill, rule.apply(np.array([np.nan, 3.0])).round(4).tolist()
        (2.0, [0.0, 1.2247])
        """
        seen = values[~np.isnan(values)]
        if not seen.size:
            return cls(Status.all_missing, transform)
        if not np.isfinite(seen).all():
            return cls(Status.infinite, transform)
        if transform == "log2" and (seen <= 0.0).any():
            return cls(Status.untransformed, transform)
        if seen.min() == seen.max():
            return cls(Status.constant, transform)
        ranks = NormalScores.of(seen) if transform == "rint" else None
        found = _transform(values, transform, ranks)
        fill = float(np.nanmedian(found))
        filled = np.where(np.isnan(found), fill, found)
        unit = float(np.abs(filled).max())
        centre = float(np.mean(filled / unit)) * unit
        scale = float(np.sqrt(np.mean(((filled - centre) / unit) ** 2))) * unit
        if not scale > _FLAT * unit:
            return cls(Status.constant, transform)
        return cls(Status.ok, transform, ranks, centre, scale, fill)

    def apply(self, values: F64) -> F64:
        """Return what enters the score, of anybody's values (n,)."""
        found = _transform(values, self.transform, self.ranks)
        return np.asarray(
            (np.where(np.isfinite(found), found, self.fill) - self.centre) / self.scale
        )


def _transform(values: F64, transform: Transform, ranks: NormalScores | None) -> F64:
    if ranks is not None:
        return ranks.apply(values)
    if transform == "log2":
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.log2(values))
    return values


def prepare_columns(
    proteins: Proteins, *, columns: Sequence[int], rows: I64, transform: Transform
) -> tuple[F64, list[ColumnRule]]:
    """Return the proteins of training people (n, p), ready, and the rules that were learnt.

    A protein that cannot enter is a column of zeros, and its rule says why.

    Parameters
    ----------
    proteins : of everybody.
    columns : positions of the proteins.
    rows : of training people.
    transform : of the values.
    """
    out = np.zeros((rows.size, len(columns)), order="F")
    rules: list[ColumnRule] = []
    for start, block in read_blocks(proteins, columns):
        for place in range(block.shape[1]):
            values = block[rows, place]
            rule = ColumnRule.of(values, transform)
            rules.append(rule)
            if rule.status == Status.ok:
                out[:, start + place] = rule.apply(values)
    return out, rules


def read_blocks(proteins: Proteins, columns: Sequence[int]) -> Iterator[tuple[int, F64]]:
    """Yield some columns in blocks, each with the place of its first among them.

    Examples
    --------
    >>> from proteomr.tables import ArrayProteins
    >>> proteins = ArrayProteins(("ADM", "REN"), np.array([[1.0, 2.0]]))
    >>> [(start, block.tolist()) for start, block in read_blocks(proteins, [1])]
    [(0, [[2.0]])]
    """
    names = proteins.names
    consecutive = list(columns) == list(range(len(names)))
    chosen = proteins if consecutive else proteins.select_columns([names[j] for j in columns])
    for start in range(0, len(columns), _COLUMNS):
        yield start, chosen.read(slice(start, start + _COLUMNS))
