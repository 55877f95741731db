"""Correlations of all pairs of variables: Pearson's, Spearman's, biweight midcorrelations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
from scipy.stats import rankdata

from proteomr._typing import F64, Bool
from proteomr.errors import InputError
from proteomr.stats.biweight import weigh_biweight
from proteomr.stats.loops import load_loops
from proteomr.stats.symmetric_tiles import Tile, list_tiles, place_tile

__all__ = ["CORRELATIONS", "Correlation", "PairCorrelations", "correlate_all"]

Correlation: TypeAlias = Literal["pearson", "spearman", "bicor"]
CORRELATIONS: Final[tuple[Correlation, ...]] = ("pearson", "spearman", "bicor")

_COMPILED_FROM: Final = 1 << 20  # values of all pairs: below, loading takes longer than the loops
_FEWEST: Final = 3  # people that a correlation needs
# What of a sum of squares is left after the mean is taken out: below it four digits of the sixteen
# are lost, as where the people whom a pair shares lack the outlier that the whole is scaled by.
_DIGITS: Final = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class PairCorrelations:
    """Variables made ready, so that the correlations of a tile of pairs are a matrix product.

    Attributes
    ----------
    values : (p, n) as given, NaN where missing.
    kind : of correlation.
    ready : (p, n) of length one each, zero where missing: their products are the correlations of
        pairs without missing values.
    missing : (p, n) where values are missing; None where none are.
    replaced : variables whose biweight correlation is Pearson's, as half of their values or more
        are one.
    """

    values: F64
    kind: Correlation
    ready: F64
    missing: Bool | None
    replaced: Bool

    @classmethod
    def of(cls, values: F64, kind: Correlation) -> PairCorrelations:
        """Make variables ready.

        Parameters
        ----------
        values : (p, n) one row per variable, each with two different values at least.

        Raises
        ------
        InputError
            A variable is constant or infinite.

        Examples
        --------
        >>> pairs = PairCorrelations.of(np.array([[1.0, 2.0, 4.0], [2.0, 1.0, 0.0]]), "spearman")
        >>> pairs.correlate((slice(0, 2), slice(0, 2))).round(6).tolist()
        [[1.0, -1.0], [-1.0, 1.0]]
        """
        missing = np.isnan(values)
        some = bool(missing.any())
        replaced = np.zeros(len(values), dtype=np.bool_)
        ready = np.zeros_like(values)
        for place, row in enumerate(values):
            seen = ~missing[place]
            own, replaced[place] = _make_ready(row[seen], kind)
            ready[place, seen] = own
        return cls(values, kind, ready, missing if some else None, replaced)

    def correlate(self, tile: Tile) -> F64:
        """Return the correlations of a tile, over the people who have both of a pair.

        NaN where they are fewer than three, or one of the pair has one value among them.
        """
        one, other = tile
        product: F64 = self.ready[one] @ self.ready[other].T
        np.clip(product, -1.0, 1.0, out=product)
        if self.missing is None:
            return product
        partial_one, partial_other = (self.missing[side].any(axis=1) for side in tile)
        if not (partial_one.any() or partial_other.any()):
            return product
        if self.kind == "pearson":
            return self._correlate_moments(one, other)
        loops = load_loops("pair", compiled=product.size * self.values.shape[1] >= _COMPILED_FROM)
        sides = (self.values[one], self.values[other])
        loops.correlate_common(*sides, product, biweight=self.kind == "bicor")
        return product

    def _correlate_moments(self, one: slice, other: slice) -> F64:
        """Return Pearson's correlations from the sums over the people whom both have."""
        x, y = self.ready[one], self.ready[other]
        missing = self.missing if self.missing is not None else np.isnan(self.values)
        here, there = (np.where(missing[side], 0.0, 1.0) for side in (one, other))
        n = here @ there.T
        few = n < _FEWEST
        count = np.where(few, 1.0, n)
        sum_x, sum_y = x @ there.T, here @ y.T
        square_x, square_y = (x * x) @ there.T, here @ (y * y).T
        cross = x @ y.T - sum_x * sum_y / count
        spread_x = square_x - sum_x**2 / count
        spread_y = square_y - sum_y**2 / count
        with np.errstate(divide="ignore", invalid="ignore"):
            r = cross / np.sqrt(spread_x * spread_y)
        r[few] = np.nan
        lost = (spread_x <= _DIGITS * square_x) | (spread_y <= _DIGITS * square_y)
        for i, j in np.argwhere(lost & ~few):
            r[i, j] = _correlate_shared(self.values[one][i], self.values[other][j])
        return np.clip(r, -1.0, 1.0)


def _correlate_shared(x: F64, y: F64) -> float:
    """Return Pearson's correlation over the people who have both; NaN where one has one value."""
    both = ~(np.isnan(x) | np.isnan(y))
    a, b = x[both], y[both]
    if a.min() == a.max() or b.min() == b.max():
        return float("nan")
    return float(_make_ready(a, "pearson")[0] @ _make_ready(b, "pearson")[0])


def _make_ready(row: F64, kind: Correlation) -> tuple[F64, bool]:
    """Return values of mean zero and length one, and whether bicor fell back on Pearson."""
    if not np.isfinite(row).all():
        raise InputError("infinite values; correlations need finite ones")
    replaced = False
    if kind == "spearman":
        row = np.asarray(rankdata(row), dtype=np.float64)
    elif kind == "bicor":
        weighted = weigh_biweight(row)
        if weighted is not None:
            return weighted, False
        replaced = True
    unit = float(np.abs(row).max(initial=0.0))
    scaled = row / unit if unit > 0.0 else row
    centred = scaled - scaled.mean()
    centred -= centred.mean()
    size = float(np.sqrt(centred @ centred))
    if not size > 0.0:
        raise InputError("a variable of one value has no correlation")
    return centred / size, replaced


def correlate_all(values: F64, *, kind: Correlation = "pearson") -> F64:
    """Return the correlations (p, p) of all pairs, over the people who have both.

    Pearson's is the product of centred values of length one; Spearman's that of their ranks, ties
    sharing the mean, ranked anew among the people who have both where values are missing (R's
    ``cor(use = "pairwise.complete.obs")``); bicor the biweight midcorrelation, see
    :func:`proteomr.stats.biweight.weigh_biweight`, of the same people.

    Parameters
    ----------
    values : (p, n) one row per variable, NaN where missing.
    kind : of correlation.

    Raises
    ------
    InputError
        A variable is constant or infinite.

    Examples
    --------
    >>> x = np.array([[1.0, 2.0, 3.0, 4.0], [1.0, 3.0, 2.0, np.nan]])
    >>> correlate_all(x)[0, 1].round(6)
    np.float64(0.5)
    """
    pairs = PairCorrelations.of(values, kind)
    matrix = np.eye(len(values))
    for tile in list_tiles(len(values)):
        place_tile(matrix, tile, pairs.correlate(tile))
    return matrix
