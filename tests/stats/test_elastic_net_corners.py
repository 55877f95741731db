"""Elastic nets at the corners of what scores meet, against glmnet: make_elastic_net_corners.R."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import logit, ndtri

from proteomr._typing import F64
from proteomr.stats.elastic_net import Penalty
from proteomr.stats.elastic_net_linear import LinearDescent
from proteomr.stats.elastic_net_losses import BinomialLoss, BreslowLoss, SquaredLoss
from proteomr.stats.elastic_net_newton import NewtonDescent
from proteomr.stats.elastic_net_steps import Descent, follow_path
from proteomr.stats.elastic_net_sums import LinearSums
from proteomr.stats.elastic_net_wide import WideDescent
from tests.stats.test_elastic_net_r import PRIMES, part

CORNERS = json.loads(Path(__file__).with_name("elastic_net_corners.json").read_text())


def draw_columns(d: dict[str, Any]) -> F64:
    n, p = d["n"], d["p"]
    Z = np.column_stack([ndtri(part(n, PRIMES[j % 20] + 73.3 * (j // 20))) for j in range(p)])
    X = Z.copy()
    match d["columns"]:
        case "carriers":
            X = np.where(ndtri(1 - 0.02 - 0.3 * part(p, 127)) < Z, 1.0, 0.0)
        case "factor":
            X = 0.2 * Z + ndtri(part(n, 109))[:, None]
        case "copies":
            X[:, 1:] = Z[:, np.arange(2, p + 1) % 5] + 1e-2 * Z[:, 1:]
        case "rounded":
            X = np.floor(2 * Z + 0.5) / 2
        case "constant":
            X[:, 2], X[:, 4], X[:, 5] = 4.0, np.arange(n) == 0, -X[:, 0]
    return np.asfortranarray(X)


def begin(d: dict[str, Any]) -> list[Descent]:
    """Return every way to the solution that serves the design."""
    X, n = draw_columns(d), d["n"]
    eta = d["effect"] * (X[:, 0] - 0.5 * X[:, 1] + 0.3 * X[:, 3])
    weights = np.ones(n)
    if d["weights"] == "zeros":
        weights = np.where(part(n, 113) < 0.2, 0.0, 1.0)
    if d["weights"] == "spread":
        weights = np.exp(2 * ndtri(part(n, 113)))
    u, e, penalty = part(n, 101), part(n, 107), Penalty(d["alpha"])
    if d["family"] == "gaussian":
        y = eta + 2 * ndtri(u)
        sums = LinearSums.of(X, y, weights=weights)
        return [
            LinearDescent(sums.standardise(), penalty),
            WideDescent(X, SquaredLoss(y, weights), penalty),
        ]
    if d["family"] == "binomial":
        case = (logit(u) + eta > d["level"]).astype(np.float64)
        return [NewtonDescent(X, BinomialLoss(case, weights), penalty)]
    time = -np.log(u) / np.exp(eta) + 0.05
    if d["times"]:
        time = np.minimum(np.ceil(time * d["times"]), 2 * d["times"]) / d["times"]
    event = (e > d["level"]).astype(np.float64)
    return [NewtonDescent(X, BreslowLoss(time, event, weights), penalty)]


def name(d: dict[str, Any]) -> str:
    return "-".join(str(d[key]) for key in ("family", "columns", "alpha", "n", "p", "weights"))


@pytest.mark.parametrize("design", CORNERS, ids=name)
def test_coefficients_at_a_penalty_are_those_of_glmnet(design: dict[str, Any]) -> None:
    spread = np.maximum(draw_columns(design).std(axis=0), 1e-3)
    expected = np.array(design["coefficients"]) * spread
    for descent in begin(design):
        path = follow_path(descent, penalties=np.array(design["penalties"]))
        assert path.certified.all()
        found = path.coefficients * spread
        if (design["columns"], design["alpha"]) == ("constant", 1):  # a column and its negative:
            found, theirs = (b[:, 0] - b[:, 5] for b in (found, expected))  # a lasso shares freely
        else:
            theirs = expected
        np.testing.assert_allclose(found, theirs, atol=1e-6 * np.abs(theirs).max(), rtol=1e-6)
        np.testing.assert_allclose(path.intercepts, design["intercepts"], atol=1e-6, rtol=1e-6)
        np.testing.assert_allclose(path.explained, design["explained"], atol=1e-7)
