"""Means of an outcome if all had one exposure and the mediator that goes with another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Literal, TypeAlias

import numpy as np
from scipy.special import expit, ndtr

from proteomr._typing import F64
from proteomr.stats.mediation_regressions import OutcomeLink

__all__ = ["FOCAL_SIZE", "MediatorKind", "OutcomeMeans", "Point", "RowMeans"]

MediatorKind: TypeAlias = Literal["normal", "binary"]
FOCAL_SIZE = 6
"""Parameters in whose products means are curved: the coefficient of the exposure in the model of
the mediator; those of exposure, mediator and product in the model of the outcome; shifts of the
linear predictors of mediator and outcome.
"""
# Of Gauss and Hermite: a logistic curve over a normal mediator has eleven digits where the
# mediator's spread moves the predictor by one, seven where by four.
_NODES = 40
_FEW_NODES = 12  # for curvatures, of which three digits are needed
_INVERSE_ROOT_2PI = 0.3989422804014327  # 1 / sqrt(2 pi)


@dataclass(frozen=True, slots=True)
class Point:
    """An exposure, and the mediator: that of another exposure, or held at a value."""

    exposure: float
    mediated: float = 0.0
    held: float | None = None


@dataclass(frozen=True, slots=True)
class RowMeans:
    """Expected outcomes of rows ``(n,)``, and their derivatives.

    Attributes
    ----------
    value : expected outcomes.
    by_outcome, by_mediator : by the linear predictors of outcome and mediator.
    by_slope : by the coefficient of the mediator.
    by_spread : by the standard deviation of the mediator.
    """

    value: F64
    by_outcome: F64
    by_mediator: F64
    by_slope: F64
    by_spread: F64


@dataclass(frozen=True, slots=True)
class OutcomeMeans:
    r"""What the models of a mediator and an outcome expect of each row.

    .. math:: \mu_i(a, a') = E\{F(\eta_i + \theta_A a + (\theta_M + \theta_{AM} a) M)\},
        \quad M \sim N(\nu_i + \beta a', \sigma^2)

    or of a mediator of two levels, 1 with chance :math:`\mathrm{expit}(\nu_i + \beta a')`. F is
    the identity, logistic or normal. The expectation over a normal mediator is taken by 40 nodes of
    Gauss and Hermite.

    Attributes
    ----------
    outcome, mediator : linear predictors ``(n,)`` without exposure and mediator.
    focal : ``(6,)``, the parameters of :data:`FOCAL_SIZE`.
    spread : standard deviation of the mediator; of no meaning for one of two levels.
    link : of the outcome.
    kind : of the mediator.
    nodes : of the expectation.
    shares : ``(n,)``, what each row counts in a mean; None for all alike.
    """

    outcome: F64
    mediator: F64
    focal: F64
    spread: float
    link: OutcomeLink
    kind: MediatorKind
    nodes: int = _NODES
    shares: F64 | None = None

    def at(self, point: Point) -> RowMeans:
        """Return the expected outcomes at a point.

        Examples
        --------
        >>> zero = np.zeros(1)
        >>> focal = np.array([1.0, 0.5, 1.0, 0.0, 0.0, 0.0])
        >>> means = OutcomeMeans(zero, zero, focal, 1.0, "probit", "normal")
        >>> means.at(Point(1.0, 1.0)).value.round(6).tolist()  # Phi(1.5 / sqrt(2))
        [0.855578]
        """
        beta, by_a, by_m, by_am, of_mediator, of_outcome = self.focal
        base = self.outcome + (of_outcome + by_a * point.exposure)
        slope = by_m + by_am * point.exposure
        if point.held is not None:
            value, change = _evaluate(base + slope * point.held, self.link)
            none = np.zeros_like(base)
            return RowMeans(value, change, none, point.held * change, none)
        predictor = self.mediator + (of_mediator + beta * point.mediated)
        if self.kind == "binary":
            return self._over_levels(base, slope, predictor)
        return self._over_normal(base, slope, predictor)

    def _over_levels(self, base: F64, slope: float, predictor: F64) -> RowMeans:
        chance = expit(predictor)
        without, change_without = _evaluate(base, self.link)
        having, change_having = _evaluate(base + slope, self.link)
        return RowMeans(
            (1.0 - chance) * without + chance * having,
            (1.0 - chance) * change_without + chance * change_having,
            chance * expit(-predictor) * (having - without),
            chance * change_having,
            np.zeros_like(base),
        )

    def _over_normal(self, base: F64, slope: float, mean: F64) -> RowMeans:
        if self.link == "linear":
            one = np.ones_like(base)
            return RowMeans(base + slope * mean, one, slope * one, mean, np.zeros_like(base))
        places, shares = _find_nodes(self.nodes)
        value, change, moved = (np.zeros_like(base) for _ in range(3))
        middle = base + slope * mean
        for place, share in zip(places.tolist(), shares.tolist(), strict=True):
            here, slant = _evaluate(middle + slope * self.spread * place, self.link)
            value += share * here
            change += share * slant
            moved += share * place * slant
        return RowMeans(
            value, change, slope * change, change * mean + self.spread * moved, slope * moved
        )

    def focal_gradient(self, point: Point) -> F64:
        """Return the derivatives of the mean outcome by the focal parameters ``(6,)``."""
        rows = self.at(point)
        mediator, outcome, slope = (
            float(of.mean() if self.shares is None else self.shares @ of)
            for of in (rows.by_mediator, rows.by_outcome, rows.by_slope)
        )
        a = point.exposure
        return np.array(
            [point.mediated * mediator, a * outcome, slope, a * slope, mediator, outcome]
        )

    def focal_curvature(self, point: Point, steps: F64) -> F64:
        """Return the second derivatives of the mean outcome by the focal parameters ``(6, 6)``.

        Parameters
        ----------
        steps : ``(6,)``, over which they are taken; 0 leaves a parameter where it is.
        """
        curvature = np.zeros((FOCAL_SIZE, FOCAL_SIZE))
        rough = replace(self, nodes=_FEW_NODES)
        for column in np.flatnonzero(steps).tolist():
            ends = []
            for side in (1.0, -1.0):
                moved = self.focal.copy()
                moved[column] += side * steps[column]
                ends.append(replace(rough, focal=moved).focal_gradient(point))
            curvature[:, column] = (ends[0] - ends[1]) / (2.0 * steps[column])
        return (curvature + curvature.T) / 2.0


@cache
def _find_nodes(nodes: int) -> tuple[F64, F64]:
    """Return the places and shares of a standard normal variable."""
    places, weights = np.polynomial.hermite_e.hermegauss(nodes)
    return places, weights * _INVERSE_ROOT_2PI


def _evaluate(predictor: F64, link: OutcomeLink) -> tuple[F64, F64]:
    """Return expected outcomes and their derivatives."""
    if link == "linear":
        return predictor, np.ones_like(predictor)
    if link == "logit":
        chance = expit(predictor)
        return chance, chance * expit(-predictor)
    with np.errstate(under="ignore"):
        return ndtr(predictor), _INVERSE_ROOT_2PI * np.exp(-0.5 * predictor * predictor)
