r"""Weights that stand for people who were censored, and how their being estimated counts.

Who is seen to have an event at :math:`t` stands for :math:`1 / G(t-)` people, G being the chance of
not having been censored by then (Kaplan and Meier's estimate with the roles of event and censoring
exchanged; at equal times events come first). Source: Graf et al. 1999,
doi:10.1002/(SICI)1097-0258(19990915/30)18:17/18<2529::AID-SIM274>3.0.CO;2-5.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from proteomr._typing import F64, I64, Bool

__all__ = ["Censoring", "find_pseudo_risks"]

_NOBODY = 1e-12  # of those at risk: fewer are what rounding leaves of sums of weights


@dataclass(slots=True, eq=False)
class Censoring:
    """The distribution of times of censoring.

    Parameters
    ----------
    exit, event : (n,) times, and whether they end in an event.
    people : (n,) weights of the people; None for equal ones.

    Examples
    --------
    >>> seen = Censoring(np.array([1.0, 2.0, 3.0]), np.array([False, True, True]))
    >>> seen.free_before(np.array([1.0, 2.0])).round(4).tolist()
    [1.0, 0.6667]
    """

    exit: F64
    event: Bool
    people: F64 | None = None
    times: F64 = field(init=False)
    _at_risk: F64 = field(init=False)
    _lost: F64 = field(init=False)
    _free: F64 = field(init=False)

    def __post_init__(self) -> None:
        self.times = np.unique(self.exit[~self.event])
        v = np.ones(self.exit.size) if self.people is None else self.people
        # who has an event at the same time is not at risk of being censored any more
        last = np.searchsorted(self.times, self.exit, side="right")
        last = np.where(self.event, np.searchsorted(self.times, self.exit, side="left"), last)
        by = np.bincount(last, v, minlength=self.times.size + 1)
        self._at_risk = np.asarray(by[::-1].cumsum()[::-1][1:])
        own = np.searchsorted(self.times, self.exit[~self.event])
        lost = np.bincount(own, v[~self.event], minlength=self.times.size)
        self._lost = np.asarray(lost, dtype=np.float64)
        self._free = np.concatenate([[1.0], np.cumprod(_keep(self._at_risk, self._lost))])

    def free_before(self, times: F64) -> F64:
        """Return the chance of not being censored before each time."""
        return np.asarray(self._free[np.searchsorted(self.times, times, side="left")])

    def free_at(self, time: float) -> float:
        """Return the chance of not being censored up to and including a time."""
        return float(self._free[np.searchsorted(self.times, time, side="right")])

    def weigh(self, horizon: float) -> tuple[F64, F64]:
        """Return weights (n,) of people with an event by a time, and of those free of it then.

        A person's own weight is in them.

        Examples
        --------
        >>> seen = Censoring(np.array([1.0, 2.0, 3.0]), np.array([False, True, True]))
        >>> [one.round(2).tolist() for one in seen.weigh(2.5)]
        [[0.0, 1.5, 0.0], [0.0, 0.0, 1.5]]
        """
        case = self.event & (self.exit <= horizon)
        free = self.exit > horizon
        chance, at = self.free_before(self.exit), self.free_at(horizon)
        cases, others = np.zeros(case.size), np.zeros(case.size)
        cases[case] = 1.0 / chance[case]
        if at > 0.0:
            others[free] = 1.0 / at
        if self.people is not None:
            cases, others = cases * self.people, others * self.people
        return cases, others

    def spread(self, push: F64, horizon: float) -> F64:
        r"""Return the influence of each person on an estimate by way of the weights.

        .. math:: u_j = \int A(s) \frac{dM^C_j(s)}{Y(s) - dN^C(s)}, \qquad
            A(s) = \sum_{i: s \text{ is before } t_i} w_i \frac{\partial \theta}{\partial w_i}

        with the martingale of censoring :math:`M^C_j`, the number at risk Y, and those of them who
        are censored at s.

        Parameters
        ----------
        push : (n,) ``w_i`` times the derivative of the estimate by it.
        horizon : up to which people are followed.

        Examples
        --------
        >>> seen = Censoring(np.array([1.0, 2.0]), np.array([True, True]))
        >>> seen.spread(np.ones(2), 5.0).tolist()
        [0.0, 0.0]
        """
        if not self.times.size:
            return np.zeros(self.exit.size)
        reached = self._reach(horizon)
        by = np.bincount(reached, push, minlength=self.times.size + 1)
        beyond = by[::-1].cumsum()[::-1][1:]  # of those who pass each time of censoring
        counted = self.times <= horizon
        left = self._at_risk - self._lost
        some = counted & (left > _NOBODY * self._at_risk)
        rate = np.where(some, beyond / np.where(some, left, 1.0), 0.0)
        loss = rate * self._lost / self._at_risk
        upto = np.concatenate([[0.0], np.cumsum(loss)])
        last = np.searchsorted(self.times, self.exit, side="right")
        last = np.where(self.event, np.searchsorted(self.times, self.exit, side="left"), last)
        influence = -upto[last]
        own = np.searchsorted(self.times, self.exit[~self.event])
        influence[~self.event] += rate[own]
        return np.asarray(influence if self.people is None else influence * self.people)

    def _reach(self, horizon: float) -> I64:
        """Return how many times of censoring lie before what each person is weighed at."""
        place = np.searchsorted(self.times, self.exit, side="left")
        at = int(np.searchsorted(self.times, horizon, side="right"))
        return np.asarray(np.where(self.exit > horizon, at, place), dtype=np.int64)


def _keep(at_risk: F64, gone: F64) -> F64:
    """Return the share that stays, 0 where all go."""
    return np.asarray(np.where(at_risk - gone > _NOBODY * at_risk, 1.0 - gone / at_risk, 0.0))


def find_pseudo_risks(
    exit: F64,  # noqa: A002  # the field's word, beside entry
    event: Bool,
    horizon: float,
    *,
    weights: F64 | None = None,
) -> F64:
    """Return what each person adds to the risk by a time: pseudo-observations.

    The risk is one less Kaplan and Meier's survival; a person's is ``n`` times its influence above
    it, as of R's ``survival::pseudo`` 3.5. Source: Andersen and Pohar Perme 2010,
    doi:10.1177/0962280209105020.

    Parameters
    ----------
    exit, event : (n,).
    horizon : the time.
    weights : (n,) of the people; None for equal ones. The weighted mean is then the weighted risk.

    Examples
    --------
    >>> times, event = np.array([1.0, 2.0, 3.0, 4.0]), np.array([True, True, True, False])
    >>> find_pseudo_risks(times, event, 2.5).round(6).tolist()
    [1.0, 1.0, 0.0, 0.0]
    """
    n = exit.size
    counted = event & (exit <= horizon)
    times = np.unique(exit[counted])
    if not times.size:
        return np.zeros(n)
    v = np.ones(n) if weights is None else weights * (n / weights.sum())
    reach = np.searchsorted(times, exit, side="right")
    at_risk = np.asarray(np.bincount(reach, v, minlength=times.size + 1)[::-1].cumsum()[::-1][1:])
    place = np.searchsorted(times, exit[counted])
    died = np.bincount(place, v[counted], minlength=times.size).astype(np.float64)
    alive = float(np.prod(_keep(at_risk, died)))
    with np.errstate(divide="ignore", invalid="ignore"):
        left = at_risk - died
        rate = np.where(left > _NOBODY * at_risk, 1.0 / left, 0.0)
    upto = np.concatenate([[0.0], np.cumsum(rate * died / at_risk)])
    last = np.searchsorted(times, np.minimum(exit, horizon), side="right")
    hazard = -upto[last]
    hazard[counted] += rate[np.searchsorted(times, exit[counted])]
    return np.asarray((1.0 - alive) + n * alive * hazard)
