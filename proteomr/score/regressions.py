"""Models of one score and of covariates, fitted in training folds and applied to others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from scipy.special import expit

from proteomr._typing import F64
from proteomr.score.outcome import Predicted
from proteomr.stats.elastic_net import Penalty
from proteomr.stats.elastic_net_linear import LinearDescent, LinearSums
from proteomr.stats.elastic_net_losses import BinomialLoss, BreslowLoss
from proteomr.stats.elastic_net_newton import NewtonDescent
from proteomr.stats.elastic_net_steps import Descent

__all__ = ["BOTH", "COVARIATES", "SCORE", "Prediction", "Regression", "fit_regression"]

SCORE: Final = "score"
COVARIATES: Final = "covariates"
BOTH: Final = "both"


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What a model predicts of m people.

    Attributes
    ----------
    eta : (m,) linear predictors.
    risks : (m,) by horizon; of two levels under infinity.
    certified : whether the model is at its maximum.
    """

    eta: F64
    risks: dict[float, F64] = field(default_factory=dict[float, F64])
    certified: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Regression:
    """A fitted model.

    Attributes
    ----------
    family : of the outcome.
    intercept, coefficients : of the columns (k,).
    hazards : cumulative baseline hazards by horizon.
    certified : whether it is at its maximum.
    """

    family: str
    intercept: float
    coefficients: F64
    hazards: dict[float, float]
    certified: bool

    def predict(self, A: F64) -> Prediction:
        """Return what is predicted of rows (m, k)."""
        eta = self.intercept + A @ self.coefficients
        if self.family == "logistic":
            return Prediction(eta, {np.inf: np.asarray(expit(eta))}, self.certified)
        risks = {
            time: np.asarray(-np.expm1(-hazard * np.exp(np.minimum(eta, 500.0))))
            for time, hazard in self.hazards.items()
        }
        return Prediction(eta, risks, self.certified)


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
        loss = BreslowLoss(predicted.exit, predicted.values[:, 2], np.ones(n), predicted.entry)
        hazards = {time: loss.find_hazard(eta, time) for time in horizons}
    shifted = 0.0 if predicted.family == "cox" else float(middle[:k] @ b)
    intercept = solution.intercept - shifted
    return Regression(predicted.family, intercept, b, hazards, solution.certified)


def _descend(X: F64, predicted: Predicted) -> Descent:
    penalty = Penalty()
    if predicted.family == "linear":
        return LinearDescent(LinearSums.of(X, predicted.values), penalty)
    weights = np.ones(len(predicted.values))
    if predicted.family == "logistic":
        return NewtonDescent(X, BinomialLoss(predicted.values, weights), penalty)
    loss = BreslowLoss(predicted.exit, predicted.values[:, 2], weights, predicted.entry)
    return NewtonDescent(X, loss, penalty)
