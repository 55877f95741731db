"""Models of one score and of covariates, fitted in training folds and applied to others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from scipy.special import expit

from proteomr._typing import F64
from proteomr.score.outcome import Predicted
from proteomr.stats.elastic_net import Penalty
from proteomr.stats.elastic_net_linear import LinearDescent
from proteomr.stats.elastic_net_losses import BinomialLoss, BreslowLoss
from proteomr.stats.elastic_net_newton import NewtonDescent
from proteomr.stats.elastic_net_steps import Descent
from proteomr.stats.elastic_net_sums import LinearSums, find_unit
from proteomr.stats.separation import find_separation
from proteomr.status import Status

__all__ = ["BOTH", "COVARIATES", "SCORE", "Prediction", "Regression", "fit_regression"]

SCORE: Final = "score"
_ENDLESS: Final = 25.0  # between two predictors: odds or hazards of 1 to 1e11
COVARIATES: Final = "covariates"
BOTH: Final = "both"


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What a model predicts of m people.

    Attributes
    ----------
    eta : (m,) linear predictors.
    risks : (m,) by horizon; of two levels under infinity.
    status : of the model: whether it is at its maximum, and has one.
    """

    eta: F64
    risks: dict[float, F64] = field(default_factory=dict[float, F64])
    status: Status = Status.ok


@dataclass(frozen=True, slots=True, eq=False)
class Regression:
    """A fitted model.

    Attributes
    ----------
    family : of the outcome.
    intercept, coefficients : of the columns (k,).
    hazards : cumulative baseline hazards by horizon.
    status : whether it is at its maximum, and has one.
    """

    family: str
    intercept: float
    coefficients: F64
    hazards: dict[float, float]
    status: Status

    def predict(self, A: F64) -> Prediction:
        """Return what is predicted of rows (m, k)."""
        eta = self.intercept + A @ self.coefficients
        if self.family == "logistic":
            return Prediction(eta, {np.inf: np.asarray(expit(eta))}, self.status)
        risks = {
            time: np.asarray(-np.expm1(-hazard * np.exp(np.minimum(eta, 500.0))))
            for time, hazard in self.hazards.items()
        }
        return Prediction(eta, risks, self.status)


def fit_regression(A: F64, predicted: Predicted, *, horizons: tuple[float, ...] = ()) -> Regression:
    """Fit an outcome to columns without a penalty: least squares, logistic, Cox with Breslow.

    Parameters
    ----------
    A : (n, k).
    predicted : the outcome of the n people.
    horizons : times at which baseline hazards are wanted.
    """
    X = np.asfortranarray(A)
    n, k = X.shape
    if not k:
        X = np.zeros((n, 1), order="F")
    middle = X.mean(axis=0)
    solution = _descend(X - middle, predicted).advance(0.0)
    b = solution.coefficients[:k]
    hazards: dict[float, float] = {}
    if predicted.family == "cox":
        eta = X[:, :k] @ b
        loss = BreslowLoss(
            predicted.exit, predicted.values[:, 2], predicted.counts, predicted.entry
        )
        hazards = {time: loss.find_hazard(eta, time) for time in horizons}
    shifted = 0.0 if predicted.family == "cox" else float(middle[:k] @ b)
    intercept = solution.intercept - shifted
    status = Status.ok if solution.certified else Status.not_converged
    if predicted.family != "linear" and _is_separated(
        X[:, :k] @ b + intercept, X[:, :k], predicted
    ):
        status = Status.separated
    return Regression(predicted.family, intercept, b, hazards, status)


def _is_separated(eta: F64, X: F64, predicted: Predicted) -> bool:
    """Whether a likelihood without a penalty rises for ever.

    Newton's method ends where the rise is lost in rounding, and predictors are then far apart; of
    two levels the linear programme decides, of times the distance alone.
    """
    if not np.ptp(eta) > _ENDLESS:
        return False
    if predicted.family == "cox":
        return True
    design = np.column_stack([np.ones(len(X)), X])
    return find_separation(design, predicted.values).kind != "none"


def _descend(X: F64, predicted: Predicted) -> Descent:
    penalty = Penalty()
    if predicted.family == "linear":
        origin, unit = find_unit(predicted.values)
        sums = LinearSums.of(
            X, predicted.values, weights=predicted.weights, origin=origin, unit=unit
        )
        return LinearDescent(sums.standardise(), penalty)
    weights = predicted.counts
    if predicted.family == "logistic":
        return NewtonDescent(X, BinomialLoss(predicted.values, weights), penalty)
    loss = BreslowLoss(predicted.exit, predicted.values[:, 2], weights, predicted.entry)
    return NewtonDescent(X, loss, penalty)
