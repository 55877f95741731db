"""Elastic-net paths against those of the R package glmnet, see make_elastic_net.R."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, logit, ndtri

from proteomr._typing import F64
from proteomr.stats.elastic_net import Path as Solved
from proteomr.stats.elastic_net import Penalty
from proteomr.stats.elastic_net_linear import LinearDescent
from proteomr.stats.elastic_net_losses import BinomialLoss, BreslowLoss, SquaredLoss
from proteomr.stats.elastic_net_newton import NewtonDescent
from proteomr.stats.elastic_net_steps import Descent, follow_path
from proteomr.stats.elastic_net_sums import LinearSums
from proteomr.stats.elastic_net_wide import WideDescent

DESIGNS = json.loads(Path(__file__).with_name("elastic_net.json").read_text())
WEIGHTS = json.loads(Path(__file__).with_name("elastic_net_weights.json").read_text())
HARD = json.loads(Path(__file__).with_name("elastic_net_hard.json").read_text())
PRIMES = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71]


def part(n: int, of: float) -> F64:
    v = np.arange(1, n + 1) * np.sqrt(of)
    return np.asarray(v - np.floor(v))


def draw(d: dict[str, Any]) -> tuple[F64, F64, F64, F64, F64]:
    n, p = d["n"], d["p"]
    X = np.column_stack([ndtri(part(n, PRIMES[j % 20] + 73.3 * (j // 20))) for j in range(p)])
    X *= 1 + np.arange(1, p + 1) % 4
    X[:, 1] = X[:, 0] + 0.3 * X[:, 1]
    X[:, 2] += 20
    if d.get("hard"):
        X[:, 6], X[:, 7] = X[:, 0] + X[:, 3], 7.0
        X[:, 8], X[:, 9], X[:, 10] = 1e8 * X[:, 8], 1e-8 * X[:, 9], 1e6 + X[:, 10]
    eta = d["effect"] * (X[:, 0] - 0.5 * X[:, 3] + 0.3 * X[:, 5])
    return X, eta, part(n, 101), 1 + np.floor(3 * part(n, 103)), part(n, 107)


def begin(d: dict[str, Any]) -> Descent:
    X, eta, u, w, e = draw(d)
    weights = w if d["weighted"] else np.ones(d["n"])
    if d.get("sampling"):
        weights = np.exp(1.2 * ndtri(part(d["n"], 103)))
    factors = np.ones(d["p"])
    if d["free"]:
        factors[3], factors[4] = 0.0, 2.0
    penalty = Penalty(d["alpha"], factors)
    if d["family"] == "gaussian":
        # sums are of columns near a mean of 0, as `score` gives them
        near = X - X.mean(axis=0) if d.get("hard") else X
        if d["p"] > d["n"]:
            return WideDescent(X, SquaredLoss(eta + 2 * ndtri(u), weights), penalty)
        sums = LinearSums.of(near, eta + 2 * ndtri(u), weights=weights)
        return LinearDescent(sums.standardise(), penalty)
    if d["family"] == "binomial":
        case = (logit(u) + eta > d["level"]).astype(np.float64)
        return NewtonDescent(X, BinomialLoss(case, weights), penalty)
    time = -np.log(u) / np.exp(eta) + 0.05
    if d["ties"]:
        time = np.ceil(time * d["ties"]) / d["ties"]
    event = (e > d["level"]).astype(np.float64)
    entry = time * e * 0.5 if d["late"] else None
    return NewtonDescent(X, BreslowLoss(time, event, weights, entry), penalty)


def name(d: dict[str, Any]) -> str:
    flags = [key for key in ("late", "weighted", "free") if d[key]]
    return "-".join(map(str, [d["family"], d["n"], d["p"], d["alpha"], *flags, d["ties"]]))


SETTLED = [d for d in DESIGNS if not d["late"]]


@pytest.mark.parametrize("design", SETTLED, ids=name)
def test_coefficients_at_a_penalty_are_those_of_glmnet(design: dict[str, Any]) -> None:
    path = follow_path(begin(design), penalties=np.array(design["penalties"]))
    assert path.certified.all()
    found, expected = path.coefficients, np.array(design["coefficients"])
    np.testing.assert_allclose(found, expected, atol=1e-6 * np.abs(expected).max(), rtol=1e-6)
    np.testing.assert_allclose(path.intercepts, design["intercepts"], atol=1e-6, rtol=1e-6)
    np.testing.assert_allclose(path.explained, design["explained"], atol=1e-7)


@pytest.mark.parametrize("design", WEIGHTS, ids=name)
def test_sampling_weights_are_those_of_glmnet(design: dict[str, Any]) -> None:
    design["sampling"] = True
    path = follow_path(begin(design), penalties=np.array(design["penalties"]))
    assert path.certified.all()
    found, expected = path.coefficients, np.array(design["coefficients"])
    np.testing.assert_allclose(found, expected, atol=1e-6 * np.abs(expected).max(), rtol=1e-6)
    np.testing.assert_allclose(path.intercepts, design["intercepts"], atol=1e-6, rtol=1e-6)
    np.testing.assert_allclose(path.explained, design["explained"], atol=1e-7)


@pytest.mark.parametrize("design", HARD, ids=name)
def test_hard_designs_are_those_of_glmnet(design: dict[str, Any]) -> None:
    """More columns than rows; sums of columns, constants, and units far apart where these are few.

    Coefficients are held against each other in standard deviations of their columns: a column in
    units of 1e-8 has coefficients of 1e8. With two equal ways to the same fit an elastic net has
    one solution still, and a lasso is not asked here.
    """
    design["hard"] = design["p"] < design["n"]
    path = follow_path(begin(design), penalties=np.array(design["penalties"]))
    assert path.certified.all()
    spread = draw(design)[0].std(axis=0)
    found, expected = path.coefficients * spread, np.array(design["coefficients"]) * spread
    # the certificate holds; what glmnet itself misses of its conditions at 1e-20 is below this
    np.testing.assert_allclose(found, expected, atol=1e-6 * np.abs(expected).max())
    np.testing.assert_allclose(path.explained, design["explained"], atol=1e-7)


@pytest.mark.parametrize("design", [d for d in DESIGNS if d["late"]], ids=name)
def test_late_entry_goes_below_where_glmnet_stops(design: dict[str, Any]) -> None:
    # glmnet says of these that it has not converged, but for the largest penalties
    penalties = np.array(design["penalties"])
    path = follow_path(begin(design), penalties=penalties)
    theirs = np.array(design["coefficients"])
    np.testing.assert_allclose(path.coefficients[:2], theirs[:2], atol=1e-6)
    descent = begin(design)
    assert isinstance(descent, NewtonDescent)
    X, loss = descent.X, descent.loss
    spread = np.sqrt(loss.weights @ (X - loss.weights @ X) ** 2)

    def cost(b: F64, penalty: float) -> float:
        own = np.abs(b * spread)
        ridge = 0.5 * (1.0 - design["alpha"]) * own @ own
        value = loss.slope(X @ b).value
        return float(-value + penalty * (design["alpha"] * own.sum() + ridge))

    for penalty, ours, other in zip(penalties, path.coefficients, theirs, strict=True):
        assert cost(ours, penalty) <= cost(other, penalty) + 1e-12


@pytest.mark.parametrize("design", [d for d in SETTLED if d["n"] < 1000], ids=name)
def test_the_sequence_of_penalties_is_that_of_glmnet(design: dict[str, Any]) -> None:
    path: Solved = follow_path(begin(design))
    if design["alpha"] > 0.0 or not design["free"]:
        np.testing.assert_allclose(path.penalties[0], design["largest"], rtol=1e-6)
    if design["family"] != "cox" and design["n"] > design["p"]:  # glmnet's Cox ends elsewhere
        assert abs(path.penalties.size - design["count"]) <= 1


def test_a_probability_is_the_logit_of_the_path() -> None:
    design = next(d for d in DESIGNS if d["family"] == "binomial")
    X, *_ = draw(design)
    path = follow_path(begin(design), penalties=np.array(design["penalties"]))
    chance = expit(path.predict(X))
    assert chance.shape == (len(design["penalties"]), design["n"])
    assert ((chance > 0.0) & (chance < 1.0)).all()
