"""Correlations of all pairs of variables: Pearson's, Spearman's, biweight midcorrelations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from proteomr._typing import F64, Bool
from proteomr.errors import InputError
from proteomr.stats.average_ranks import AverageRanks
from proteomr.stats.biweight import weigh_biweight
from proteomr.stats.loops import load_loops
from proteomr.stats.pair_distances import PairDistances, derive_distances
from proteomr.stats.pair_gaps import Gaps, measure_gaps
from proteomr.stats.symmetric_tiles import (
    Spread,
    Tile,
    in_turn,
    list_stretches,
    list_tiles,
    place_tile,
)

__all__ = ["CORRELATIONS", "Correlation", "PairCorrelations", "correlate_all"]

Correlation: TypeAlias = Literal["pearson", "spearman", "bicor"]
CORRELATIONS: Final[tuple[Correlation, ...]] = ("pearson", "spearman", "bicor")

_COMPILED_FROM: Final = 1 << 20  # values of all pairs: below, loading takes longer than the loops
_FEWEST: Final = 3  # people that a correlation needs
# What of a sum of squares is left after the people whom a pair lacks and the mean are taken out:
# below it four digits of the sixteen are lost, as where the people whom a pair shares lack the
# outlier that the whole is scaled by.
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
    partial : (p,) which have missing values.
    replaced : variables whose biweight correlation is Pearson's, as half of their values or more
        are one.
    gaps : of Pearson's correlations with missing values.
    location, scale : (p,) Pearson's: means, and the lengths of what is left of the variables.
    """

    values: F64
    kind: Correlation
    ready: F64
    partial: Bool
    replaced: Bool
    location: F64
    scale: F64
    gaps: Gaps | None = None

    @classmethod
    def of(cls, values: F64, kind: Correlation, *, spread: Spread = in_turn) -> PairCorrelations:
        """Make variables ready.

        Parameters
        ----------
        values : (p, n) one row per variable, each with two different values at least.
        spread : runs work on stretches of variables, as ``Executor.map`` does; one after another
            without.

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
        stretches = list_stretches(len(values))
        ready = np.empty_like(values)
        partial, replaced = np.zeros((2, len(values)), dtype=np.bool_)
        location, scale = np.zeros((2, len(values)))
        for position, found in spread(_Preparing(values, kind), stretches):
            rows = stretches[position]
            ready[rows], partial[rows] = found.ready, found.partial
            replaced[rows] = found.replaced
            location[rows], scale[rows] = found.location, found.scale
        gaps = None
        if kind == "pearson" and partial.any():
            gaps = measure_gaps(ready, np.isnan(values), spread=spread)
        return cls(values, kind, ready, partial, replaced, location, scale, gaps)

    def correlate(self, tile: Tile) -> F64:
        """Return the correlations of a tile, over the people who have both of a pair.

        NaN where they are fewer than three, or one of the pair has one value among them.
        """
        one, other = tile
        product: F64 = self.ready[one] @ self.ready[other].T
        if not (self.partial[one].any() or self.partial[other].any()):
            return np.clip(product, -1.0, 1.0, out=product)
        if self.gaps is not None:
            return self._mend(product, self.gaps, one, other)
        np.clip(product, -1.0, 1.0, out=product)
        loops = load_loops("pair", compiled=product.size * self.values.shape[1] >= _COMPILED_FROM)
        sides = (self.values[one], self.values[other])
        loops.correlate_common(*sides, product, biweight=self.kind == "bicor")
        return product

    def distances(self, correlations: F64, *, spread: Spread = in_turn) -> PairDistances | None:
        """Return the distances of all pairs whose correlations are known; None where no gaps are.

        Examples
        --------
        >>> x = np.array([[1.0, 2.0, 4.0, 0.0], [2.0, np.nan, 0.0, 1.0]])
        >>> found = PairCorrelations.of(x, "pearson").distances(correlate_all(x))
        >>> None if found is None else found.distance.round(9).tolist()
        [[0.0, 6.0], [6.0, 0.0]]
        """
        if self.gaps is None:
            return None
        return derive_distances(
            correlations,
            self.gaps,
            location=self.location,
            scale=self.scale,
            people=self.values.shape[1],
            spread=spread,
        )

    def _mend(self, product: F64, gaps: Gaps, one: slice, other: slice) -> F64:
        """Return Pearson's correlations over the people whom both have.

        Over all of its own people a variable has the sum 0 and the sum of squares 1; from these
        what it has among people whom the other lacks is taken away.
        """
        n = gaps.count_shared(one, other, self.values.shape[1])
        few = n < _FEWEST
        count = np.where(few, 1.0, n)
        lost_x, lost_y = gaps.sums[other, one].T, gaps.sums[one, other]
        cross = product - lost_x * lost_y / count
        spread_x = 1.0 - gaps.squares[other, one].T - lost_x**2 / count
        spread_y = 1.0 - gaps.squares[one, other] - lost_y**2 / count
        with np.errstate(divide="ignore", invalid="ignore"):
            r = cross / np.sqrt(spread_x * spread_y)
        r[few] = np.nan
        lost = (spread_x <= _DIGITS) | (spread_y <= _DIGITS)
        for i, j in np.argwhere(lost & ~few):
            r[i, j] = _correlate_shared(self.values[one][i], self.values[other][j])
        return np.clip(r, -1.0, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    """Variables of a stretch made ready; see :class:`PairCorrelations`."""

    ready: F64
    partial: Bool
    replaced: Bool
    location: F64
    scale: F64


@dataclass(frozen=True, slots=True, eq=False)
class _Preparing:
    """Stretches of variables made ready."""

    values: F64
    kind: Correlation

    def __call__(self, rows: slice) -> _Prepared:
        own = self.values[rows]
        missing = np.isnan(own)
        ready = np.zeros_like(own)
        partial: Bool = np.asarray(missing.any(axis=1))
        replaced = np.zeros(len(own), dtype=np.bool_)
        location, scale = np.zeros((2, len(own)))
        ranks = AverageRanks(own.shape[1]) if self.kind == "spearman" else None
        for place, row in enumerate(own):
            seen = ~missing[place] if partial[place] else slice(None)
            numbers = _refuse_infinite(row[seen])
            weighted = weigh_biweight(numbers) if self.kind == "bicor" else None
            replaced[place] = weighted is None and self.kind == "bicor"
            if weighted is None:
                numbers = numbers if ranks is None else ranks.rank(numbers)
                weighted, location[place], scale[place] = _centre(numbers)
            ready[place, seen] = weighted
        return _Prepared(ready, partial, replaced, location, scale)


def _correlate_shared(x: F64, y: F64) -> float:
    """Return Pearson's correlation over the people who have both; NaN where one has one value."""
    both = ~(np.isnan(x) | np.isnan(y))
    a, b = x[both], y[both]
    if a.min() == a.max() or b.min() == b.max():
        return float("nan")
    return float(_centre(a)[0] @ _centre(b)[0])


def _refuse_infinite(row: F64) -> F64:
    if not np.isfinite(row).all():
        raise InputError("infinite values; correlations need finite ones")
    return row


def _centre(row: F64) -> tuple[F64, float, float]:
    """Return values of mean zero and length one, their mean and their length."""
    unit = float(np.abs(row).max(initial=0.0))
    scaled = row / unit if unit > 0.0 else row
    mean = float(scaled.mean())
    centred = scaled - mean
    rest = float(centred.mean())
    centred -= rest
    size = float(np.sqrt(centred @ centred))
    if not size > 0.0:
        raise InputError("a variable of one value has no correlation")
    centred /= size
    return centred, unit * (mean + rest), unit * size


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
