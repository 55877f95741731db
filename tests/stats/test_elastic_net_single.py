"""Products in single precision on the way to least squares that are exact."""

from __future__ import annotations

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.stats import elastic_net_outcomes
from proteomr.stats.elastic_net import Penalty
from proteomr.stats.elastic_net_linear import LinearDescent
from proteomr.stats.elastic_net_outcomes import Continuous
from proteomr.stats.elastic_net_steps import follow_path
from proteomr.stats.elastic_net_sums import LinearSums
from proteomr.stats.elastic_net_tuning import tune_elastic_net


def draw_hard(kind: str) -> tuple[F64, F64, F64 | None]:
    """Columns, a response and weights at which single precision is short of digits."""
    random = np.random.default_rng(11)
    X = random.normal(size=(600, 30)) + 3.0 * random.normal(size=(600, 1))
    y = X[:, :5].sum(axis=1) + random.normal(size=600)
    weights = random.uniform(0.5, 2.0, size=600) if kind == "weights" else None
    if kind == "equal":
        X[:, 7], X[:, 8] = X[:, 3], -X[:, 3]
    if kind == "nearly equal":
        X[:, 7] = X[:, 3] + 1e-7 * random.normal(size=600)
    if kind == "one person":
        X[:, 4] = 1e-3 * random.normal(size=600)
        X[17, 4] = 100.0
    if kind == "constant elsewhere":
        X[:, 4] = np.where(np.arange(600) < 30, random.normal(size=600), 0.25)
    if kind == "constant":
        X[:, 4] = 0.0
    if kind == "tiny":
        X[:, 4] *= 1e-150
    if kind == "huge":
        X[:, 4] *= 1e150
    return np.asfortranarray(X), y, weights


@pytest.mark.parametrize("alpha", [1.0, 0.5, 0.0])
@pytest.mark.parametrize(
    "kind",
    [
        *("plain", "weights", "equal", "nearly equal", "one person"),
        *("constant elsewhere", "constant", "tiny", "huge"),
    ],
)
def test_products_in_single_precision_end_at_the_exact_solution(
    monkeypatch: pytest.MonkeyPatch, kind: str, alpha: float
) -> None:
    X, y, weights = draw_hard(kind)
    folds = np.repeat(np.arange(5), 120)
    found = []
    for least in (1, 10**12):
        monkeypatch.setattr(elastic_net_outcomes, "_MANY_PRODUCTS", least)
        outcome = Continuous(y, weights)
        found.append(tune_elastic_net(X, outcome, folds=folds, penalty=Penalty(alpha)))
    single, double = found
    assert single.solution.certified
    m = min(single.errors.size, double.errors.size)
    np.testing.assert_allclose(single.errors[:m], double.errors[:m], rtol=2e-3)
    same = follow_path(
        LinearDescent(LinearSums.of(X, y, weights=weights).standardise(), Penalty(alpha)),
        penalties=single.penalties[: single.chosen + 1],
    )
    spread = X.std(axis=0)
    if "equal" in kind:  # whose share of a lasso no data tell
        fitted, expected = X @ single.solution.coefficients, X @ same.coefficients[-1]
        np.testing.assert_allclose(fitted, expected, rtol=0.0, atol=1e-6)
    else:
        np.testing.assert_allclose(
            single.solution.coefficients * spread, same.coefficients[-1] * spread, atol=1e-9
        )
    assert single.solution.intercept == pytest.approx(same.intercepts[-1], abs=1e-6)
