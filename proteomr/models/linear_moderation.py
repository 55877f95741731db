"""Residual variances of linear fits, for the empirical Bayes that comes after all of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from proteomr._typing import F64, I64
from proteomr.models.base import Block, Problem
from proteomr.models.details import Details
from proteomr.models.fits import FitBlock

__all__ = ["MODERATION", "add_variances"]

MODERATION = "moderation"
_PRIOR = ("s2_prior", "df_prior", "s2_post", "df_total")


def add_variances(problem: Problem, block: Block, fits: FitBlock) -> FitBlock:
    """Return fits with a row of residual variance for each model that has an estimate.

    The prior is not known before all proteins are.
    """
    if fits.sigma is None:
        return fits
    model = np.array([coefficient.model for coefficient in problem.coefficients], dtype=np.int64)
    sigma, df = (_first_of_model(values, model) for values in (fits.sigma, fits.df))
    protein, at = np.nonzero(np.isfinite(sigma) & (sigma > 0.0) & (df > 0.0))
    average = block.values.sum(axis=1)[protein] / block.counts[protein]
    columns = {
        "average": average,
        "sigma": sigma[protein, at],
        "df_residual": df[protein, at],
        **{name: np.full(protein.size, np.nan) for name in _PRIOR},
    }
    return replace(fits, details={**fits.details, MODERATION: Details(protein, at, columns)})


def _first_of_model(values: F64, model: I64) -> F64:
    """Return of each model the value ``(b, m)`` of its first coefficient that has one."""
    out = np.full((values.shape[0], int(model.max(initial=-1)) + 1), np.nan)
    for t in range(model.size)[::-1]:
        column = out[:, model[t]]
        out[:, model[t]] = np.where(np.isnan(values[:, t]), column, values[:, t])
    return out
