"""Estimators of the direct effects of several exposures, one file each."""

from __future__ import annotations

from proteomr.mr.multivariable.base import MultivariableMethod
from proteomr.mr.multivariable.constrained_ml import MultivariableConstrainedMl
from proteomr.mr.multivariable.egger import MultivariableEgger
from proteomr.mr.multivariable.gmm import MultivariableGmm
from proteomr.mr.multivariable.ivw import MultivariableIvw
from proteomr.mr.multivariable.lasso import MultivariableLasso, select_exposures
from proteomr.mr.multivariable.measurement_error import MultivariableMeasurementError
from proteomr.mr.multivariable.median import MultivariableMedian
from proteomr.mr.multivariable.presso import MultivariablePresso
from proteomr.mr.multivariable.residual import MultivariableResidual
from proteomr.mr.multivariable.strength import (
    Pleiotropy,
    RobustEffects,
    measure_conditional_f,
    measure_pleiotropy,
    minimise_heterogeneity,
)

__all__ = [
    "MULTIVARIABLE_METHODS",
    "MultivariableConstrainedMl",
    "MultivariableEgger",
    "MultivariableGmm",
    "MultivariableIvw",
    "MultivariableLasso",
    "MultivariableMeasurementError",
    "MultivariableMedian",
    "MultivariableMethod",
    "MultivariablePresso",
    "MultivariableResidual",
    "Pleiotropy",
    "RobustEffects",
    "measure_conditional_f",
    "measure_pleiotropy",
    "minimise_heterogeneity",
    "select_exposures",
]

MULTIVARIABLE_METHODS: tuple[type[MultivariableMethod], ...] = (
    MultivariableIvw,
    MultivariableEgger,
    MultivariableMedian,
    MultivariableLasso,
    MultivariableConstrainedMl,
    MultivariableGmm,
    MultivariableResidual,
    MultivariablePresso,
    MultivariableMeasurementError,
)
"""The estimators of several exposures that a run may name, one per key."""
