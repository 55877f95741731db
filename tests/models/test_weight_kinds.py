"""Rows that stand for several people are these rows repeated, in blocks and one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from proteomr._typing import I64
from proteomr.models import (
    Adjustment,
    AnyFamily,
    Block,
    FitOptions,
    Linear,
    Logistic,
    Model,
    Problem,
    Target,
)
from proteomr.stats.sandwich import CLUSTERED, LINEARISED, ROBUST

ERRORS = ("classical", *ROBUST, LINEARISED, "CR0", "CR1")


def draw(n: int, rows: I64, errors: str, **more: Any) -> tuple[Problem, Block]:
    """Return proteins of n people, or of some of them several times."""
    g = np.random.default_rng(n)
    sick = (g.random(n) < 0.4).astype(np.float64)
    age, clusters = g.normal(size=n), g.integers(0, 40, n)
    observed = g.random((3, n)) > np.array([[0.0], [0.1], [0.3]])
    values = np.where(observed, g.normal(size=(3, n)) + 0.3 * sick, 0.0)[:, rows]
    problem = Problem(
        covariates=np.column_stack([np.ones(rows.size), age[rows]]),
        names=("Intercept", "age"),
        factors=(),
        targets=(Target("sick", "exposure", "binary", sick[rows], ("1 vs 0",)),),
        adjustments=(Adjustment("a", np.array([0, 1])),),
        models=(Model(0, 0),),
        clusters=clusters[rows] if errors in CLUSTERED else None,
        **more,
    )
    return problem, Block(values, np.empty((3, 0, rows.size)), observed[:, rows])


@pytest.mark.parametrize("errors", ERRORS)
@pytest.mark.parametrize("n", [150, 4_200])
@pytest.mark.parametrize("kind", [Linear, Logistic])
def test_frequencies_are_rows_repeated(kind: type[AnyFamily], n: int, errors: str) -> None:
    copies = np.random.default_rng(n + 1).integers(1, 4, n)
    once, each = np.arange(n), np.repeat(np.arange(n), copies)
    if errors not in CLUSTERED and n > 1_000 and kind is Logistic:
        once, each, copies = once[:2_500], np.repeat(once[:2_500], copies[:2_500]), copies[:2_500]
    told = FitOptions(errors=errors, weight_kind="frequency")  # type: ignore[arg-type]
    weighted, block = draw(n, once, errors, weights=copies.astype(float), weight_kind="frequency")
    repeated, rows = draw(n, each, errors)
    ours = kind(told).fit(kind(told).prepare(weighted), block)
    plain = kind(FitOptions(errors=errors))  # type: ignore[arg-type]
    wanted = plain.fit(plain.prepare(repeated), rows)
    assert ours.status.tolist() == wanted.status.tolist() == [[0]] * 3
    np.testing.assert_allclose(ours.estimate, wanted.estimate, rtol=1e-7)
    np.testing.assert_allclose(ours.se, wanted.se, rtol=1e-8)
    np.testing.assert_array_equal(ours.df, wanted.df)
    np.testing.assert_array_equal(ours.n, wanted.n)
    np.testing.assert_array_equal(ours.n_case, wanted.n_case)
