"""Which of two models of shared and causal effects predicts variants better."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from scipy.special import log_ndtr

from proteomr._typing import F64
from proteomr.stats.pareto_smoothing import smooth_log_ratios
from proteomr.stats.sharing_posterior import Posterior

__all__ = ["Comparison", "compare_left_out"]


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """The first model's expected log predictive density less the second's.

    Parameters
    ----------
    delta : over all variants, each predicted from all others.
    error : its standard error.
    neg_log10_p : one-sided, of the second being no better.
    moved : by how much delta moves where the posteriors have finer nodes.
    drawn_delta : the same by draws of the posteriors, with Pareto-smoothed weights.
    shapes : (2, n) of the tails of these weights, for each model and variant.
    """

    delta: float
    error: float
    neg_log10_p: float
    moved: float
    drawn_delta: float
    shapes: F64


def compare_left_out(
    first: Posterior, second: Posterior, *, draws: int, random: Generator
) -> Comparison:
    r"""Return how the predictions of variants that are left out differ between two models.

    With :math:`\delta_j` the difference of :math:`\ln p(j \mid -j)`, delta is
    :math:`\sum_j \delta_j`, its error :math:`\sqrt{n \operatorname{Var}_j(\delta_j)}`, and
    :math:`p = \Phi(\delta / se)`. Source: Vehtari, Gelman and Gabry 2017,
    doi:10.1007/s11222-016-9696-4.

    Parameters
    ----------
    first, second : posteriors given the same n variants.
    draws : of each posterior, for the shapes of the tails.
    random : source of random numbers.
    """
    each = first.left_out - second.left_out
    delta = float(each.sum())
    error = math.sqrt(each.size * float(each.var(ddof=1)))
    p = -float(log_ndtr(delta / error)) / math.log(10.0) if error > 0.0 else math.nan
    smoothed, shapes = [], []
    for model in (first, second):
        logs = model.draw_log_densities(draws, random=random)
        parts = [smooth_log_ratios(-column) for column in logs.T]
        weights = np.array([part[0] for part in parts]).T
        smoothed.append(float(np.logaddexp.reduce(weights + logs, axis=0).sum()))
        shapes.append([part[1] for part in parts])
    return Comparison(
        delta,
        error,
        p,
        first.left_out_moved + second.left_out_moved,
        smoothed[0] - smoothed[1],
        np.array(shapes),
    )
