"""Parametric models of times: one by itself, and the proteins of a block together."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.models.fits import Refusal
from proteomr.models.timed_mass import MassFits
from proteomr.models.timed_rows import TimedRows, TimedSolution
from proteomr.stats.additive_hazards import count_carriers, sum_clusters
from proteomr.stats.parametric_block import Acceleration, fit_beside
from proteomr.stats.parametric_limit import LimitedFit, find_limit, turn_times
from proteomr.stats.parametric_shared import ParametricShared, borrow_parametric, share_parametric
from proteomr.stats.parametric_survival import TimeColumns
from proteomr.stats.royston_parmar import start_line
from proteomr.stats.survival_links import SCALES, ScaleName
from proteomr.status import Status

__all__ = ["ParametricGroup", "ParametricModel", "tell_limited"]

UNSOLVED = "whether covariates separate people could not be found"


@dataclass(frozen=True, slots=True)
class ParametricGroup:
    """What proteins that observe the same n rows share.

    Attributes
    ----------
    rows : ``(n,)``, those that carry the likelihood.
    columns : positions of the covariates that these determine.
    knots : of log time.
    triangle : ``(q, q)``, makes coefficients of orthogonal columns of time of those laid out.
    turn : of effects into those on log time, where these are wanted.
    """

    shared: ParametricShared
    rows: Bool
    columns: I64
    knots: F64
    triangle: F64
    turn: Acceleration | None

    def carry(self, columns: F64, turned: F64) -> tuple[F64, F64]:
        """Return coefficients and inverse information near to those of m of the rows.

        Parameters
        ----------
        columns : ``(m, q)``, of time, laid out with the knots of the group.
        turned : ``(m, q)``, orthogonal columns with the knots of these rows.
        """
        m, q = columns.shape
        theta = self.shared.theta
        turn = np.eye(theta.size)
        turn[:q, :q] = turned.T @ (columns @ np.linalg.inv(self.triangle)) / m
        inverse = turn @ self.shared.inverse @ turn.T
        return turn @ theta, inverse * (self.shared.weights.size / m)


class ParametricModel(ABC):
    """A family of parametric models, as blocks of proteins take it."""

    @property
    @abstractmethod
    def scale(self) -> ScaleName:
        """The scale on which the model is linear."""

    @property
    @abstractmethod
    def accelerates(self) -> bool:
        """Whether effects are on log time."""

    @abstractmethod
    def lay_out(
        self, outcome: F64, baseline: I64 | None, knots: F64 | None = None
    ) -> tuple[TimeColumns, F64] | None:
        """Return the columns of people's times, and the knots that they have, given or of events.

        None where there are too few times of events.
        """

    def share(
        self, C: F64, outcome: F64, weights: F64 | None, baseline: I64 | None, *, near: Any = None
    ) -> ParametricGroup | None:
        """Fit the covariates alone, from a fit that is near, where there is one."""
        laid_out = self.lay_out(outcome, baseline)
        if laid_out is None:
            return None
        times, knots = laid_out
        try:
            limit = find_limit(C, times)
        except ArithmeticError:
            return None
        if limit.of_time.size < times.q:
            return None
        turned, triangle = turn_times(limit.times)
        whole = limit.rows.all() and limit.columns.size == C.shape[1]
        basis = C if whole else C[limit.rows][:, limit.columns]
        weighed = None if weights is None else weights[limit.rows]
        scale = SCALES[self.scale]
        alike = near is not None and np.array_equal(near.columns, limit.columns)
        same = self.lay_out(outcome, baseline, near.knots) if alike else None
        if same is not None and near.triangle.shape[0] == times.q:
            start, inverse = near.carry(same[0].at_exit[limit.rows], turned.at_exit)
            shared = borrow_parametric(
                basis, turned, scale=scale, near=start, inverse=inverse, weights=weighed
            )
        else:
            gamma = self.start(outcome, times)
            start = np.concatenate([triangle @ gamma, np.zeros(limit.columns.size)])
            shared = share_parametric(basis, turned, scale=scale, start=start, weights=weighed)
        if not shared.sound:
            return None
        inverse = np.linalg.inv(triangle)
        turn = None
        if self.accelerates:
            given = turned.offset_slope
            row = np.zeros(times.q) if given else inverse[1]
            turn = Acceleration(row, given)
        return ParametricGroup(shared, limit.rows, limit.columns, knots, triangle, turn)

    def start(self, outcome: F64, times: TimeColumns) -> F64:
        """Return coefficients of time to begin at ``(q,)``: a line, in each stratum."""
        line = start_line(outcome, scale=self.scale)
        if times.q == 1:
            return line[:1]
        width = self.width(times)
        one = np.concatenate([line, np.zeros(width - 2)])
        return np.tile(one, times.q // width)

    @abstractmethod
    def width(self, times: TimeColumns) -> int:
        """Return how many columns of time one baseline has."""

    def fit(self, shared: Any, borders: F64, *, robust: bool, clusters: I64 | None) -> MassFits:
        """Fit own columns of proteins on the rows of a group."""
        group: ParametricGroup = shared
        if not group.rows.all():
            borders = borders[:, :, group.rows]
            clusters = None if clusters is None else clusters[group.rows]
        found = fit_beside(group.shared, borders, robust=robust, clusters=clusters, turn=group.turn)
        return MassFits(found.estimate, found.covariance, found.carriers, found.certified)

    def apart(self, shared: Any) -> int:
        """Return how many people covariates alone separate."""
        return int(np.count_nonzero(~shared.rows))


def tell_limited(
    fit: LimitedFit,
    rows: TimedRows,
    *,
    parameters: tuple[str, ...],
    places: I64,
    intercepts: int,
    robust: bool,
    last: tuple[str, ...] = (),
) -> TimedSolution:
    """Return a fit as tables and estimates take it.

    Parameters
    ----------
    places : ``(a + p,)``, where the parameters and then the columns stand among the coefficients.
    """
    covariance = fit.robust(rows.clusters) if robust else fit.covariance
    a = len(parameters)
    coefficients = fit.coefficients[places]
    carriers = None
    if robust:
        moves = np.nan_to_num(fit.influence[:, places[a:]])
        carriers = count_carriers(sum_clusters(moves, rows.clusters).T)
    apart = int(np.count_nonzero(~fit.rows))
    infinite = np.isnan(coefficients[a:]) & (apart > 0)
    return TimedSolution(
        coefficients,
        covariance[np.ix_(places, places)],
        parameters,
        intercepts,
        infinite,
        carriers,
        fit.doubt,
        apart,
        last,
    )


def refuse_unsolved(error: ArithmeticError) -> Refusal:
    """Return why a fit whose separation is not known has no estimate."""
    del error
    return Refusal(Status.not_converged, UNSOLVED)
