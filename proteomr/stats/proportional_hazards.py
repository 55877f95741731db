"""Tests of proportional hazards: whether coefficients change with a function of time.

For ``b(t) = b + theta g(t)``, the score test of ``theta = 0`` (Grambsch and Therneau 1994,
doi:10.1093/biomet/81.3.515), exact as in R's ``survival::cox.zph`` from version 3 on: with V_g the
covariance of the columns within the risk set of event time g, the information of (b, theta) has the
blocks ``sum V_g``, ``sum g V_g`` and ``sum g^2 V_g``. A term of several columns has one test.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias, get_args

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.average_ranks import rank_by_sorting
from proteomr.stats.cox_sums import HazardSums
from proteomr.stats.nested_tests import NestedTest, refer_chi2
from proteomr.stats.risk_sets import RiskSets

__all__ = [
    "SINGULAR",
    "ZPH_TRANSFORMS",
    "ZphTransform",
    "score_changes",
    "transform_times",
    "weigh_terms",
]

ZphTransform: TypeAlias = Literal["km", "rank", "identity", "log"]
SINGULAR = 1e-10
"""What b leaves of a column's information about theta, as a share: below it there is no test."""
ZPH_TRANSFORMS: tuple[ZphTransform, ...] = get_args(ZphTransform)


def transform_times(outcome: F64, risk: RiskSets, transform: ZphTransform) -> F64:
    """Return the function of time at each event time ``(G,)``, centred over the events.

    Parameters
    ----------
    outcome : ``(n, 3)``, entry, exit and event, of which the risk sets are.
    transform : ``km`` is one minus the Kaplan-Meier estimate just before a time, of all strata
        together and unweighted; ``rank`` that of the exits; the time itself, or its logarithm.

    Examples
    --------
    >>> from proteomr.stats.risk_sets import lay_out_risk_sets
    >>> rows = np.column_stack([np.full(4, -np.inf), [1.0, 2.0, 3.0, 4.0], [1.0, 0.0, 1.0, 1.0]])
    >>> transform_times(rows, lay_out_risk_sets(rows), "km").round(4).tolist()
    [-0.2917, -0.0417, 0.3333]
    """
    exit_ = outcome[:, 1]
    if transform == "km":
        values = _lose_before(outcome, risk.died, risk.times)
    elif transform == "rank":
        order = np.argsort(exit_, kind="stable")
        values = rank_by_sorting(exit_)[order][np.searchsorted(exit_[order], risk.times)]
    elif transform == "log":
        with np.errstate(divide="ignore", invalid="ignore"):
            values = np.log(risk.times)
    else:
        values = risk.times
    return np.asarray(values - np.average(values, weights=risk.deaths))


def _lose_before(outcome: F64, died: Bool, times: F64) -> F64:
    """Return one minus the Kaplan-Meier estimate just before times."""
    entry, exit_, _ = outcome.T
    when, deaths = np.unique(exit_[died], return_counts=True)
    entered = np.searchsorted(np.sort(entry), when, side="left")
    left = np.searchsorted(np.sort(exit_), when, side="left")
    survival = np.cumprod(1.0 - deaths / (entered - left))
    before = np.concatenate([[1.0], survival])[np.searchsorted(when, times, side="left")]
    return np.asarray(1.0 - before)


def score_changes(
    sums: HazardSums, X: F64, gtime: F64, terms: Sequence[I64]
) -> tuple[NestedTest | None, ...]:
    """Return the test of each term, then that of all together: statistic, df, -log10 p.

    None where the information of a test is not positive definite.

    Parameters
    ----------
    sums : at the estimate.
    X : ``(n, p)``, independent, all with a finite estimate.
    gtime : ``(G,)``, from :func:`transform_times`.
    terms : columns of each term.

    Examples
    --------
    >>> from proteomr.stats.cox import fit_cox
    >>> from proteomr.stats.cox_sums import sum_hazards
    >>> from proteomr.stats.risk_sets import lay_out_risk_sets
    >>> rows = np.column_stack([np.full(6, -np.inf), np.arange(1.0, 7.0), np.ones(6)])
    >>> x, risk = np.array([[0.0, 1.0, 1.0, 0.0, 1.0, 0.0]]).T, lay_out_risk_sets(rows)
    >>> at = sum_hazards(risk, x @ fit_cox(x, risk).coefficients, np.ones(6))
    >>> tests = score_changes(at, x, transform_times(rows, risk, "identity"), [np.array([0])])
    >>> [round(test[0], 4) for test in tests]
    [0.6784, 0.6784]
    """
    columns = sums.sum_columns(X)
    blocks = [sums.information(X, columns, gtime**power) for power in range(3)]
    S1, D1 = columns
    first, second = (sums.q(j, 1) for j in range(2))
    at = sums.time_of_dead
    counted = (sums.counts[sums.dead] * gtime[at])[:, None] * X[sums.dead]
    score = counted.sum(axis=0) - gtime @ (S1 * first[:, None] - D1 * second[:, None])
    return weigh_terms(score, (blocks[0], blocks[1], blocks[2]), terms)


def weigh_terms(
    score: F64, blocks: tuple[F64, F64, F64], terms: Sequence[I64]
) -> tuple[NestedTest | None, ...]:
    """Return the tests of terms and of all together, from the scores of theta ``(p,)``.

    Parameters
    ----------
    blocks : the information ``(p, p)`` of b, of b and theta, and of theta.

    Examples
    --------
    >>> one = np.eye(1)
    >>> weigh_terms(np.array([2.0]), (one, 0.0 * one, one), [np.array([0])])[0][:2]
    (4.0, 1.0)
    """
    own, cross, changes = blocks
    every = np.arange(score.size)
    try:
        taken = np.linalg.solve(own, cross)
    except np.linalg.LinAlgError:
        return (None,) * (len(terms) + 1)
    left = changes - cross.T @ taken
    out: list[NestedTest | None] = []
    for columns in (*terms, every):
        V = left[np.ix_(columns, columns)]
        scale = np.sqrt(np.maximum(np.diagonal(changes)[columns], np.finfo(np.float64).tiny))
        values, vectors = np.linalg.eigh(V / np.outer(scale, scale))
        if not values.min(initial=np.inf) > SINGULAR:
            out.append(None)
            continue
        u = vectors.T @ (score[columns] / scale)
        out.append(refer_chi2(float(np.sum(u * u / values)), columns.size))
    return tuple(out)
