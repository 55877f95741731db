"""Tests of several studies together that need no common effect: signs, Stouffer's, Fisher's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from proteomr._typing import F64, I64
from proteomr.stats.distributions import neg_log10_p_chi2, neg_log10_p_normal
from proteomr.stats.study_sums import add_studies

__all__ = ["CombinedTests", "combine_tests"]


@dataclass(frozen=True, slots=True)
class CombinedTests:
    """Three tests of m questions, ``(m,)`` each.

    Attributes
    ----------
    positive, negative : studies by the sign of their effect; those at 0 are neither.
    sign_p : two-sided, exact; NaN of studies that depend on one another.
    stouffer, stouffer_neg_log10_p : sum of the studies' z over its error.
    fisher, fisher_neg_log10_p : minus twice the sum of log p, chi-squared with 2k; NaN of studies
        that depend on one another.
    """

    positive: I64
    negative: I64
    sign_p: F64
    stouffer: F64
    stouffer_neg_log10_p: F64
    fisher: F64
    fisher_neg_log10_p: F64


def combine_tests(
    y: F64, v: F64, *, correlation: F64 | None = None, people: F64 | None = None
) -> CombinedTests:
    r"""Combine the tests of the studies of each question.

    Signs by the binomial distribution; :math:`\sum w z / \sqrt{w'Rw}` (Stouffer et al. 1949, w of
    1; with a correlation R Strube 1985, doi:10.1037/0033-2909.97.2.334; with w the root of people,
    as METAL has it, Willer et al. 2010, doi:10.1093/bioinformatics/btq340), which knows directions;
    :math:`-2 \sum \log p` of two-sided p values (Fisher 1932), which does not. Signs and Fisher's
    sum have these distributions where studies are independent alone.

    Parameters
    ----------
    y, v : ``(m, k)`` effects and variances; NaN where absent.
    correlation : ``(k, k)`` of the errors of the studies; None where they are independent.
    people : ``(m, k)``, whose roots weigh the z of Stouffer's sum; None: all count alike.

    Examples
    --------
    >>> found = combine_tests(np.array([[2.0, 2.0, -1.0]]), np.ones((1, 3)))
    >>> found.sign_p.tolist(), found.stouffer.round(4).tolist(), found.fisher.round(3).tolist()
    ([1.0], [1.7321], [14.656])
    """
    there = np.isfinite(y) & np.isfinite(v)
    z = np.where(there, y, 0.0) / np.sqrt(np.where(there, v, 1.0))
    k = there.sum(axis=1)
    positive, negative = (z > 0.0).sum(axis=1), (z < 0.0).sum(axis=1)
    fewer, n = np.minimum(positive, negative), positive + negative
    sign_p = np.where(n > 0, np.minimum(1.0, 2.0 * special.bdtr(fewer, np.maximum(n, 1), 0.5)), 1.0)
    w = np.where(there, 1.0 if people is None else np.sqrt(np.where(there, people, 1.0)), 0.0)
    square = add_studies(w * w)
    if correlation is not None:
        sign_p = np.full(square.shape, np.nan)
        square = add_studies(add_studies(w[:, :, None] * w[:, None, :] * correlation))
    stouffer = add_studies(w * z) / np.sqrt(np.where(k > 0, square, 1.0))
    logs = add_studies(np.where(there, neg_log10_p_normal(z), 0.0))
    fisher = 2.0 * np.log(10.0) * logs
    if correlation is not None:
        fisher = np.full(fisher.shape, np.nan)
    return CombinedTests(
        positive.astype(np.int64),
        negative.astype(np.int64),
        sign_p,
        stouffer,
        neg_log10_p_normal(stouffer),
        fisher,
        neg_log10_p_chi2(fisher, 2.0 * np.maximum(k, 1)),
    )
