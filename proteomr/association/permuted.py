"""P values of permutations: of each test, and of the largest score of its family of tests."""

from __future__ import annotations

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.association.specification import ModelSpec
from proteomr.scan import (
    PERMUTED_DRAWS,
    PERMUTED_EXCEEDING,
    PERMUTED_MAXIMA,
    PERMUTED_SCORE,
)
from proteomr.tables import columns as c

__all__ = ["compare_with_permutations"]

# Scores that differ by rounding alone are the same.
_SAME = 1e-9


def compare_with_permutations(frame: pl.DataFrame, spec: ModelSpec) -> list[pl.Series]:
    """Return the p value of each test, and its family-wise one, from parts in their order.

    Of B draws, ``p = (1 + b) / (1 + B)`` with b those whose score is as large (Phipson and Smyth
    2010, doi:10.2202/1544-6115.1585); family-wise with the largest score of the family in each
    draw; with the step-down correction with that of the tests that have no larger score themselves
    (Westfall and Young 1993, algorithm 4.1).
    """
    B, rows = spec.permutations.draws, frame.height
    score = frame[PERMUTED_SCORE].to_numpy().astype(np.float64)
    score = np.where(frame[c.ESTIMATE].is_null().to_numpy(), np.nan, score)
    there = np.flatnonzero(~np.isnan(score))
    alone, together = np.full(rows, np.nan), np.full(rows, np.nan)
    alone[there] = (1.0 + frame[PERMUTED_EXCEEDING].to_numpy()[there]) / (1.0 + B)
    family = [c.ADJUSTMENT, c.STRATUM]
    if spec.test_family == "exposure":
        family += [c.EXPOSURE, c.OUTCOME]
    keys = frame.select(pl.struct(family).rank("dense").alias("family"))["family"].to_numpy()
    for key in np.unique(keys[there]).tolist():
        members = there[keys[there] == key]
        if spec.permutations.step_down:
            together[members] = _step_down(frame[PERMUTED_DRAWS], score, members)
        else:
            lists = frame.filter(pl.Series(keys == key))[PERMUTED_MAXIMA].drop_nulls()
            largest = np.max(np.array(lists.to_list(), dtype=np.float64), axis=0)
            together[members] = _count(largest, score[members])
    names = ((c.P_PERMUTATION, alone), (c.P_FAMILY_WISE, together))
    return [pl.Series(name, p, dtype=pl.Float64).fill_nan(None) for name, p in names]


def _count(draws: F64, scores: F64) -> F64:
    """Return the share of draws ``(B,)`` that reach each score, the observed one among them."""
    ordered = np.sort(draws)
    below = np.searchsorted(ordered, scores * (1.0 - _SAME), side="left")
    return np.asarray((1.0 + draws.size - below) / (1.0 + draws.size))


def _step_down(draws: pl.Series, score: F64, members: I64) -> F64:
    """Return the p values of tests by the maxima over those that have no larger score."""
    order = members[np.argsort(score[members], kind="stable")]  # the smallest first
    largest: F64 | None = None
    p = np.empty(order.size)
    for i, at in enumerate(order.tolist()):
        own = draws[at].to_numpy()
        largest = own if largest is None else np.maximum(largest, own)
        p[i] = _count(largest, score[at : at + 1])[0]
    p = np.maximum.accumulate(p[::-1])[::-1]  # no test has a smaller one than a larger score has
    out = np.empty(order.size)
    out[np.searchsorted(members, order)] = p
    return out
