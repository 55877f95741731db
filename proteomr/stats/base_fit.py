"""The logistic fit of a response to covariates alone, from which the fits with a protein start."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64
from proteomr.stats.chunked import ChunkedDesign

__all__ = ["Base", "fit_base"]


@dataclass(frozen=True, slots=True)
class Base:
    """The fit of one response to the covariates alone: coefficients ``(k,)``, weights, residuals
    ``(n,)``.
    """

    response: F64
    coefficients: F64
    weights: F64
    residuals: F64
    inverse_information: F64


def fit_base(design: ChunkedDesign, response: F64) -> Base | None:
    """Fit a response to the covariates alone by Newton's method.

    None where there is no finite maximum.

    Examples
    --------
    >>> from proteomr.stats.chunked import chunk_design
    >>> design = chunk_design(np.zeros((4, 0)), np.ones((1, 1)), np.zeros(4, dtype=np.int64))
    >>> fit_base(design, np.array([0.0, 0.0, 0.0, 1.0])).coefficients.round(4).tolist()
    [-1.0986]
    """
    beta = np.zeros(design.k)
    share = float(np.mean(response))
    if not 0.0 < share < 1.0:
        return None
    # The first cell column is the intercept.
    beta[design.d] = np.log(share / (1.0 - share)) / design.cell_columns[0, 0]
    inverse: F64 = np.zeros((design.k, design.k))
    last = np.inf
    for _ in range(40):
        mu = 1.0 / (1.0 + np.exp(-np.clip(design.times(beta), -700.0, 700.0)))
        score = design.score(response - mu)
        # Close to the maximum the last information serves as well as a new one.
        if last > 1e-3:
            try:
                inverse = np.asarray(np.linalg.inv(design.information(mu * (1.0 - mu))))
            except np.linalg.LinAlgError:
                return None
        step = inverse @ score
        beta += step
        last = float(score @ step)
        if last < 1e-20:
            break
    else:
        return None
    mu = 1.0 / (1.0 + np.exp(-design.times(beta)))
    w = mu * (1.0 - mu)
    inverse = np.asarray(np.linalg.inv(design.information(w)))
    return Base(response, beta, w, response - mu, inverse)
