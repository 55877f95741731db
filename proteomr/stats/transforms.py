"""Transforms of protein values: rank-based inverse normal, log2, z-score.

A block holds one protein per row, ``(b, n)``, with NaN for a missing value. A transform sees the
observed values of one row at a time and writes 0.0 where a value is missing, so that its result can
enter matrix products as it stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from scipy.special import ndtri

from proteomr._typing import F64, I64, Bool
from proteomr.stats.loops import COMPILED_FROM

if TYPE_CHECKING:
    from proteomr.stats.compiled_rank_loops import CompiledRanks

__all__ = [
    "BLOM",
    "TRANSFORMS",
    "Transform",
    "log2_block",
    "rank_normalise",
    "rank_normalise_block",
    "transform_block",
    "zscore_block",
]

Transform: TypeAlias = Literal["rint", "log2", "zscore", "none"]

TRANSFORMS: tuple[Transform, ...] = ("rint", "log2", "zscore", "none")

BLOM = 0.375  # Blom 1958: 3/8, as in the model study and in most of the field

_MAGNITUDE = np.int64(0x7FFF_FFFF_FFFF_FFFF)  # all bits of a double but its sign


def rank_normalise(values: F64, *, offset: float = BLOM) -> F64:
    r"""Rank-based inverse normal scores of one variable.

    .. math:: z_i = \Phi^{-1}\!\left(\frac{r_i - k}{n - 2k + 1}\right)

    with average ranks :math:`r_i` and offset :math:`k` (Blom 1958: 3/8). Source: McCaw, Lane,
    Saxena, Redline and Lin 2020, doi:10.1111/biom.13214; mirrors ``RNOmni::RankNorm`` 1.0.1.4.
    Infinite values take the extreme ranks.

    Parameters
    ----------
    values : (n,) without NaN; rank inside the complete cases of the model at hand.
    offset : k, from 0 (van der Waerden) to 0.5 (Hazen).

    Returns
    -------
    (n,) scores, tied values sharing one score.

    Raises
    ------
    ValueError
        Where `values` is not one-dimensional or holds NaN, or `offset` is outside [0, 0.5].

    Examples
    --------
    >>> rank_normalise(np.array([5.0, 1.0, 3.0])).round(4).tolist()
    [0.8694, -0.8694, 0.0]
    """
    _check_offset(offset)
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"rank_normalise needs one dimension, got {values.ndim}")
    missing = int(np.isnan(values).sum())
    if missing:
        raise ValueError(f"rank_normalise got {missing} NaN of {values.size} values; drop them")
    out = np.empty_like(values)
    rank_normalise_block(values[None, :], out[None, :], offset=offset)
    return out


def rank_normalise_block(values: F64, out: F64, *, offset: float = BLOM) -> tuple[F64, F64]:
    """Write the rank-based inverse normal scores of each row's observed values into `out`.

    The scores are those of :func:`rank_normalise`, bit for bit.

    Parameters
    ----------
    values : (b, n), NaN where missing.
    out : (b, n), written: 0.0 where missing. May not share memory with `values`.
    offset : k of :func:`rank_normalise`.

    Returns
    -------
    The lowest and the highest score of each row (b,); infinite where it has none.

    Raises
    ------
    ValueError
        Where the shapes differ, memory is shared, or `offset` is outside [0, 0.5].

    Examples
    --------
    >>> scores = np.empty((1, 4))
    >>> low, high = rank_normalise_block(np.array([[5.0, np.nan, 1.0, 3.0]]), scores)
    >>> scores.round(4).tolist(), low.round(4).tolist(), high.round(4).tolist()
    ([[0.8694, 0.0, -0.8694, 0.0]], [-0.8694], [0.8694])
    """
    _check_offset(offset)
    _check_block(values, out)
    compiled = _load_compiled(values.shape[1]) if values.shape[1] >= COMPILED_FROM else None
    scratch = _Scratch(values.shape[1])
    ends = np.empty((2, values.shape[0]))
    for j, (row, scores) in enumerate(zip(values, out, strict=True)):
        found = None if compiled is None else compiled.write(row, scores, offset=offset)
        if found is None:
            observed = np.flatnonzero(~np.isnan(row))
            if observed.size < row.size:
                scores.fill(0.0)
            _rank_normalise_into(row, observed, scores, scratch, offset)
            written = scores[observed]
            found = written.min(initial=np.inf), written.max(initial=-np.inf)
        ends[:, j] = found
    return ends[0], ends[1]


def _load_compiled(n: int) -> CompiledRanks:
    from proteomr.stats.compiled_rank_loops import CompiledRanks

    return CompiledRanks(n)


def zscore_block(values: F64, out: F64) -> Bool:
    r"""Write :math:`(x - \bar x) / s` of each row, over its observed values, into `out`.

    The standard deviation s has n - 1 in the denominator.

    Parameters
    ----------
    values : (b, n), NaN where missing.
    out : (b, n), written: 0.0 where missing, and throughout a row that has no standard deviation.

    Returns
    -------
    (b,) True where the row could be scaled: at least two distinct observed values, all finite.

    Raises
    ------
    ValueError
        Where the shapes differ or memory is shared.

    Examples
    --------
    >>> scores = np.empty((2, 3))
    >>> zscore_block(np.array([[1.0, 2.0, 3.0], [4.0, 4.0, 4.0]]), scores).tolist()
    [True, False]
    >>> scores.tolist()
    [[-1.0, 0.0, 1.0], [0.0, 0.0, 0.0]]
    """
    _check_block(values, out)
    observed = ~np.isnan(values)
    n = observed.sum(axis=1)
    low = np.where(observed, values, np.inf).min(axis=1, initial=np.inf)
    high = np.where(observed, values, -np.inf).max(axis=1, initial=-np.inf)
    able: Bool = np.isfinite(low) & np.isfinite(high) & (high > low)
    low, high = np.where(able, low, -1.0), np.where(able, high, 1.0)
    # Centred on the mid-range first: no overflow, no cancellation where the mean is far from zero.
    middle = (low / 2 + high / 2)[:, None]
    reach = (high / 2 - low / 2)[:, None]
    usable = observed & able[:, None]
    out.fill(0.0)
    np.subtract(values, middle, out=out, where=usable)
    np.divide(out, reach, out=out, where=usable)
    mean = out.sum(axis=1, keepdims=True) / np.maximum(n, 1)[:, None]
    np.subtract(out, mean, out=out, where=usable)
    spread = np.sqrt(np.square(out).sum(axis=1, keepdims=True) / np.maximum(n - 1, 1)[:, None])
    np.divide(out, spread, out=out, where=usable)
    return able


def log2_block(values: F64, out: F64) -> Bool:
    """Write the base-2 logarithm of each row's observed values into `out`.

    Parameters
    ----------
    values : (b, n), NaN where missing.
    out : (b, n), written: 0.0 where missing, and throughout a row with a value of zero or below.

    Returns
    -------
    (b,) True where all observed values of the row are positive. Plus infinity stays infinite.

    Raises
    ------
    ValueError
        Where the shapes differ or memory is shared.

    Examples
    --------
    >>> scores = np.empty((2, 2))
    >>> log2_block(np.array([[8.0, np.nan], [1.0, -1.0]]), scores).tolist()
    [True, False]
    >>> scores.tolist()
    [[3.0, 0.0], [0.0, 0.0]]
    """
    _check_block(values, out)
    able: Bool = np.all(~(values <= 0.0), axis=1)
    usable = ~np.isnan(values) & able[:, None]
    out.fill(0.0)
    np.log2(values, out=out, where=usable)
    return able


def transform_block(values: F64, out: F64, *, transform: Transform) -> Bool:
    """Write one of :data:`TRANSFORMS` of each row's observed values into `out`.

    ``rint``: :func:`rank_normalise_block` with Blom's offset; ``log2``: :func:`log2_block`;
    ``zscore``: :func:`zscore_block`; ``none``: the values themselves.

    Parameters
    ----------
    values : (b, n), NaN where missing.
    out : (b, n), written: 0.0 where missing.
    transform : the transform.

    Returns
    -------
    (b,) True where the row could be transformed; a row that could not is all zeros.

    Raises
    ------
    ValueError
        Where the shapes differ, memory is shared, or `transform` is not one of :data:`TRANSFORMS`.

    Examples
    --------
    >>> scores = np.empty((1, 2))
    >>> transform_block(np.array([[8.0, np.nan]]), scores, transform="none").tolist()
    [True]
    >>> scores.tolist()
    [[8.0, 0.0]]
    """
    if transform == "log2":
        return log2_block(values, out)
    if transform == "zscore":
        return zscore_block(values, out)
    if transform == "rint":
        rank_normalise_block(values, out)
    elif transform == "none":
        _check_block(values, out)
        np.copyto(out, values)
        out[np.isnan(values)] = 0.0
    else:
        raise ValueError(f"transform {transform!r} is not one of {', '.join(TRANSFORMS)}")
    return np.ones(len(values), dtype=np.bool_)


class _Scratch:
    """Buffers for rows of up to n values, so that no row pays for fresh pages of memory."""

    __slots__ = ("_table", "_table_of", "equals", "flips", "keys", "low", "sorted", "values")

    def __init__(self, n: int) -> None:
        self.values = np.empty(n)
        self.keys: I64 = self.values.view(np.int64)
        self.flips = np.empty(n, dtype=np.int64)
        self.sorted = np.empty(n)
        self.equals = np.zeros(n + 1, dtype=np.bool_)
        self.low = np.int64((1 << max(n - 1, 1).bit_length()) - 1)
        self._table = np.empty(n)
        self._table_of: tuple[int, float] | None = None

    def scores_of_ranks(self, n: int, k: float) -> F64:
        """Scores of the ranks 1 .. n; kept, since neighbouring rows often observe as many."""
        table = self._table[:n]
        if self._table_of != (n, k):
            table[:] = np.arange(1, n + 1)
            _ranks_to_scores(table, n, k)
            self._table_of = (n, k)
        return table


def _rank_normalise_into(row: F64, observed: I64, out: F64, scratch: _Scratch, k: float) -> None:
    """Write the scores of ``row[observed]`` into ``out[observed]``, with offset k."""
    n = observed.size
    if n == 0:
        return
    order, ascending = _sort(row, observed, scratch)
    equals = scratch.equals[: n + 1]  # whether a value equals the one before it
    np.equal(ascending[1:], ascending[:-1], out=equals[1:n])
    equals[n] = False
    if not equals.any():
        out[order] = scratch.scores_of_ranks(n, k)
        return
    out[order] = _scores_with_ties(equals, scratch, k)


def _scores_with_ties(equals: Bool, scratch: _Scratch, k: float) -> F64:
    """Scores in ascending order, a run of equal values at its average rank, in `scratch`."""
    n = equals.size - 1
    scores = scratch.sorted[:n]
    before, after = equals[:-1], equals[1:]
    tied = before | after
    untied = n - int(np.count_nonzero(tied))
    if 2 * untied > n:
        scores[:] = scratch.scores_of_ranks(n, k)
    elif untied:
        alone = np.flatnonzero(~tied)
        scores[alone] = _ranks_to_scores(alone.astype(np.float64) + 1.0, n, k)
    first = np.flatnonzero(after > before)
    last = np.flatnonzero(before > after)
    average = np.asarray((first + last) / 2 + 1, dtype=np.float64)
    of_runs = _ranks_to_scores(average, n, k)
    scores[tied] = np.repeat(of_runs, last - first + 1)
    return scores


def _ranks_to_scores(ranks: F64, n: int, k: float) -> F64:
    """Overwrite average ranks by their normal scores."""
    np.subtract(ranks, k, out=ranks)
    np.divide(ranks, n - 2 * k + 1, out=ranks)
    return np.asarray(ndtri(ranks, out=ranks))


def _sort(row: F64, observed: I64, scratch: _Scratch) -> tuple[I64, F64]:
    """Positions in `row` of the `observed` values in ascending order, and these values.

    The bits of a double, with the magnitude bits of negative numbers flipped, order as integers.
    Their lowest bits are given up for the position, so that one vectorised integer sort yields the
    order. Values that differ only in the bits given up (1e-10 relative at half a million rows;
    never where they were single precision) may come out of order: a stable sort, linear on data
    that are almost sorted, puts them right. Both results lie in `scratch`.
    """
    n = observed.size
    values, keys, flips = scratch.values[:n], scratch.keys[:n], scratch.flips[:n]
    np.take(row, observed, out=values, mode="clip")
    np.right_shift(keys, 63, out=flips)
    np.bitwise_and(flips, _MAGNITUDE, out=flips)
    np.bitwise_xor(keys, flips, out=keys)
    np.bitwise_and(keys, ~scratch.low, out=keys)
    np.bitwise_or(keys, observed, out=keys)
    keys.sort()
    np.bitwise_and(keys, scratch.low, out=keys)
    ascending = np.take(row, keys, out=scratch.sorted[:n], mode="clip")
    if (ascending[1:] < ascending[:-1]).any():
        repair = np.argsort(ascending, kind="stable")
        keys[:], ascending[:] = keys.take(repair), ascending.take(repair)
    return keys, ascending


def _check_offset(offset: float) -> None:
    if not 0.0 <= offset <= 0.5:
        raise ValueError(f"offset is {offset}; it must lie in [0, 0.5]")


def _check_block(values: F64, out: F64) -> None:
    if values.ndim != 2 or values.shape != out.shape:
        raise ValueError(f"a block needs two equal shapes (b, n), got {values.shape}, {out.shape}")
    if np.may_share_memory(values, out):
        raise ValueError("out shares memory with values")
