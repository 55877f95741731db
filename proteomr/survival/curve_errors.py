"""Which errors of curves are robust."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64
from proteomr.survival.curve_request import CurvesRequest

__all__ = ["Errors", "choose_errors"]


_MOST_PEOPLE = 2.0**53  # beyond it every number is whole, of whatever shares it was made


@dataclass(frozen=True, slots=True)
class Errors:
    """Whether errors of curves and means are robust, and whether the covariance of tests is."""

    curves: bool
    tests: bool


def choose_errors(request: CurvesRequest, weights: F64 | None, *, repeated: bool = False) -> Errors:
    """Return the errors that are asked for, or those of the field's packages.

    Of curves robust ones with clusters, and with weights that are not whole numbers, as survfit,
    which takes whole ones for so many people; of tests once a weight is not 1, as coxph; of both
    where somebody has several events (`repeated`), as both.
    """
    asked = request.curves.errors
    if asked is not None:
        return Errors(asked == "robust", asked == "robust")
    there = np.zeros(0) if weights is None else weights[~np.isnan(weights)]
    clustered = repeated or request.curves.cluster is not None
    parts = clustered or bool(np.any((there != np.floor(there)) | (there > _MOST_PEOPLE)))
    return Errors(parts, clustered or bool(np.any(there != 1.0)))
