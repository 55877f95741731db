r"""How good predicted risks are: discrimination, errors, net benefit, and what a model adds.

People are weighed by what is known of them at a horizon: :math:`w_i` as a case, :math:`v_i` as
free of the event. Where nobody is censored these are 1 and 0; else see
:mod:`proteomr.stats.censoring_weights`, whose weights are estimated, which the influences take into
account.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, Bool
from proteomr.stats.censoring_weights import Censoring
from proteomr.stats.discrimination import Measured

__all__ = [
    "Standing",
    "find_brier",
    "find_explained",
    "find_idi",
    "find_net_benefit",
    "find_nri",
    "find_weighted_auc",
]


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """Who counts as a case at a horizon, and who as free of it.

    Parameters
    ----------
    cases, others : (n,) weights.
    censoring : that the weights come from; None where they are known.
    horizon : the time.
    people : (n,) weights of the people, with a mean of 1, which are in both already; None for equal
        ones.
    """

    cases: F64
    others: F64
    censoring: Censoring | None = None
    horizon: float = np.inf
    people: F64 | None = None

    @classmethod
    def of_levels(cls, case: Bool, weights: F64 | None = None) -> Standing:
        """Return the standing of people of whom all is known.

        Parameters
        ----------
        case : (n,).
        weights : (n,) of the people; None for equal ones.

        Examples
        --------
        >>> Standing.of_levels(np.array([True, False])).others.tolist()
        [0.0, 1.0]
        """
        people = _bring_to_one(weights)
        if people is None:
            return cls(case.astype(np.float64), (~case).astype(np.float64))
        return cls(people * case, people * ~case, people=people)

    @classmethod
    def of_times(
        cls,
        *,
        exit: F64,  # noqa: A002  # the field's word, beside entry
        event: Bool,
        horizon: float,
        weights: F64 | None = None,
    ) -> Standing:
        """Return the standing of people at a time after the start.

        Parameters
        ----------
        exit, event : (n,) times, and whether they end in an event.
        horizon : the time.
        weights : (n,) of the people; None for equal ones.

        Examples
        --------
        >>> seen = Standing.of_times(exit=np.array([1.0, 3.0]), event=np.array([True, False]),
        ...     horizon=2.0)
        >>> seen.cases.tolist(), seen.others.tolist()
        ([1.0, 0.0], [0.0, 1.0])
        """
        people = _bring_to_one(weights)
        censoring = Censoring(exit, event, people)
        return cls(*censoring.weigh(horizon), censoring, horizon, people)

    @property
    def n(self) -> int:
        """People."""
        return self.cases.size

    @property
    def has_both(self) -> bool:
        """Whether there are cases and others."""
        return bool((self.cases > 0.0).any() and (self.others > 0.0).any())

    def measure(self, value: float, push: F64, *, mean: bool) -> Measured:
        """Return an estimate with its influences.

        Parameters
        ----------
        value : the estimate.
        push : (n,) each person's weight times the derivative of the estimate by it.
        mean : whether the estimate is a sum over all people divided by their number.
        """
        own = 1.0 if self.people is None else self.people
        influence = push - own * (value / self.n) if mean else push
        if self.censoring is not None:
            influence = influence + self.censoring.spread(push, self.horizon)
        return Measured(value, influence)

    def contrast(self, of_cases: F64, of_others: F64) -> Measured:
        """Return the mean of something among cases less the mean of something among others."""
        if not self.has_both:
            return Measured(np.nan, np.full(self.n, np.nan))
        w, v = self.cases / self.cases.sum(), self.others / self.others.sum()
        first, second = float(w @ of_cases), float(v @ of_others)
        push = w * (of_cases - first) - v * (of_others - second)
        return self.measure(first - second, push, mean=False)


def _bring_to_one(weights: F64 | None) -> F64 | None:
    """Return weights (n,) whose mean is 1."""
    return None if weights is None else np.asarray(weights / weights.mean())


def find_weighted_auc(score: F64, standing: Standing) -> Measured:
    r"""Return the area under the time-dependent curve, of cases so far against those still free.

    .. math:: \frac{\sum_{ij} w_i v_j (1(s_i > s_j) + \tfrac12 1(s_i = s_j))}{\sum_i w_i \sum_j v_j}

    Source: Uno et al. 2007, doi:10.1198/016214507000000149; Blanche et al. 2013,
    doi:10.1002/sim.5958 (R: ``timeROC``, cumulative cases and dynamic controls).

    Parameters
    ----------
    score : (n,), higher for more risk.
    standing : of the people.

    Examples
    --------
    >>> standing = Standing.of_levels(np.array([True, False, True, False]))
    >>> find_weighted_auc(np.array([3.0, 1.0, 2.0, 2.5]), standing).value
    0.75
    """
    if not standing.has_both:
        return Measured(np.nan, np.full(standing.n, np.nan))
    w, v = standing.cases / standing.cases.sum(), standing.others / standing.others.sum()
    below = _weigh_below(score, v)
    above = 1.0 - _weigh_below(score, w)
    value = float(w @ below)
    return standing.measure(value, w * (below - value) + v * (above - value), mean=False)


def _weigh_below(score: F64, weights: F64) -> F64:
    """Return the weight of scores below each person's, of equal ones by half."""
    order = np.argsort(score, kind="stable")
    upto = np.concatenate([[0.0], np.cumsum(weights[order])])
    left = np.searchsorted(score[order], score, side="left")
    right = np.searchsorted(score[order], score, side="right")
    return np.asarray((upto[left] + upto[right]) / 2.0)


def find_brier(risk: F64, standing: Standing) -> Measured:
    r"""Return the mean squared error of predicted risks.

    .. math:: \frac{1}{n} \sum_i w_i (1 - p_i)^2 + v_i p_i^2

    Source: Graf et al. 1999; Gerds and Schumacher 2006, doi:10.1002/bimj.200610301.

    Parameters
    ----------
    risk : (n,) by the horizon.
    standing : of the people.

    Examples
    --------
    >>> find_brier(np.array([0.9, 0.2]), Standing.of_levels(np.array([True, False]))).value
    0.025
    """
    push = (standing.cases * (1.0 - risk) ** 2 + standing.others * risk**2) / standing.n
    return standing.measure(float(push.sum()), push, mean=True)


def find_explained(model: Measured, null: Measured) -> Measured:
    """Return the index of prediction accuracy: the part of the null model's error that is gone.

    Source: Kattan and Gerds 2018, doi:10.1186/s41512-018-0029-2.

    Parameters
    ----------
    model, null : Brier scores of the same people.

    Examples
    --------
    >>> find_explained(Measured(0.1, np.zeros(1)), Measured(0.2, np.zeros(1))).value
    0.5
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.float64(model.value) / null.value
        influence = -(model.influence - share * null.influence) / null.value
    return Measured(float(1.0 - share), influence)


def find_net_benefit(risk: F64, standing: Standing, *, threshold: float) -> Measured:
    r"""Return the net benefit of treating whose risk reaches a threshold.

    .. math:: \frac{1}{n} \sum_{i: p_i \ge t} w_i - v_i \frac{t}{1 - t}

    Source: Vickers and Elkin 2006, doi:10.1177/0272989X06295361; with censoring, Vickers et al.
    2008, doi:10.1186/1472-6947-8-53.

    Parameters
    ----------
    risk : (n,); infinite to treat everybody.
    standing : of the people.
    threshold : t.

    Examples
    --------
    >>> standing = Standing.of_levels(np.array([True, False]))
    >>> find_net_benefit(np.array([0.9, 0.2]), standing, threshold=0.5).value
    0.5
    """
    odds = threshold / (1.0 - threshold)
    push = (risk >= threshold) * (standing.cases - odds * standing.others) / standing.n
    return standing.measure(float(push.sum()), push, mean=True)


def find_nri(risk: F64, before: F64, standing: Standing) -> Measured:
    """Return the continuous net reclassification improvement of a risk over another.

    It is above 0 for useless markers in models that are not well calibrated, and no measure of
    benefit (Hilden and Gerds 2014, doi:10.1002/sim.5804; Pepe et al. 2015,
    doi:10.1007/s12561-014-9118-0). Source: Pencina et al. 2011, doi:10.1002/sim.4085.

    Parameters
    ----------
    risk, before : (n,) of the larger and the smaller model.
    standing : of the people.

    Examples
    --------
    >>> standing = Standing.of_levels(np.array([True, False]))
    >>> find_nri(np.array([0.9, 0.2]), np.array([0.5, 0.5]), standing).value
    2.0
    """
    move = np.sign(risk - before)
    return standing.contrast(move, move)


def find_idi(risk: F64, before: F64, standing: Standing) -> Measured:
    """Return the integrated discrimination improvement of a risk over another.

    The warnings of :func:`find_nri` hold for it too. Source: Pencina et al. 2008,
    doi:10.1002/sim.2929.

    Parameters
    ----------
    risk, before : (n,) of the larger and the smaller model.
    standing : of the people.

    Examples
    --------
    >>> standing = Standing.of_levels(np.array([True, False]))
    >>> round(find_idi(np.array([0.9, 0.2]), np.array([0.5, 0.5]), standing).value, 6)
    0.7
    """
    gain = risk - before
    return standing.contrast(gain, gain)
