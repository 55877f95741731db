"""Effects that are all alike, explained whole or as few as columns: a number or a status."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

import proteomr
from proteomr.stats.between_studies import ESTIMATORS
from proteomr.stats.pooling import pool_effects
from proteomr.stats.study_bias import regress_on_errors, trim_and_fill
from proteomr.stats.study_effects import StudyEffects
from proteomr.status import Status


def studies(y: Any, se: Any, **columns: Any) -> pl.DataFrame:
    m, k = np.shape(y)
    frame = pl.DataFrame(
        {
            "protein": [f"P{i:03d}" for i in range(m) for _ in range(k)],
            "trial": [f"s{j}" for _ in range(m) for j in range(k)],
            "estimate": np.ravel(y),
            "se": np.ravel(np.broadcast_to(se, (m, k))),
        }
    )
    return frame.with_columns(pl.Series(name, list(v) * m) for name, v in columns.items())


@pytest.mark.parametrize("method", ESTIMATORS)
@pytest.mark.parametrize("k", [2, 5, 25])
def test_effects_that_are_all_alike_have_no_error_of_their_own(method: Any, k: int) -> None:
    """Their residuals are rounding, and so would be an error that is made of them."""
    v = np.random.default_rng(k).uniform(0.01, 0.2, (4, k))
    y = np.tile([[0.37], [-1e6], [1e-300], [1.0 / 3.0]], (1, k))
    effects = StudyEffects.of(y, v)
    plain = pool_effects(effects, method=method, hartung="plain")
    assert plain.status.tolist() == [Status.constant] * 4
    assert np.isnan(plain.se).all()
    for hartung in ("none", "truncated"):
        fit = pool_effects(effects, method=method, hartung=hartung)
        assert fit.status.tolist() == [Status.ok] * 4
        assert fit.tau2.tolist() == [0.0] * 4
        assert (fit.se > 0.0).all()
        assert fit.beta[:, 0] == pytest.approx(y[:, 0], rel=1e-14)


def test_no_line_through_effects_that_are_alike_is_certain() -> None:
    v = np.random.default_rng(0).uniform(0.01, 0.2, (3, 12))
    y = np.full((3, 12), 0.37)
    assert regress_on_errors(y, v, method="dispersion").status.tolist() == [Status.constant] * 3
    assert trim_and_fill(y, v, method="REML", hartung="plain").missing.tolist() == [0, 0, 0]


def test_the_message_of_alike_effects_says_what_has_an_error() -> None:
    table = studies([[0.2, 0.2, 0.2], [0.1, 0.2, 0.4]], 0.1)
    found = proteomr.meta(table, study="trial", hartung="plain").table()
    assert found["status"].to_list() == ["constant", "ok"]
    assert "--hksj truncated" in found["message"][0]


def test_moderators_explain_at_most_all() -> None:
    """A hundred times a variance over itself is, for some, above a hundred."""
    rng = np.random.default_rng(4)
    x = np.array([0.0, 1.0, 2.0, 3.0, 5.0])
    slopes = rng.uniform(0.5, 2.0, (200, 1))
    table = studies(slopes * x + rng.normal(0.0, 0.01, (200, 5)), 0.1, x=x)
    found = proteomr.meta(table, study="trial", moderators="x").table("meta_moderators")
    assert set(found["r2"].to_list()) == {100.0}


def test_what_does_not_differ_is_explained_by_nothing_as_in_metafor() -> None:
    table = studies([[0.10, 0.11, 0.09, 0.1]], 0.5, x=[1.0, 2.0, 0.0, 4.0])
    found = proteomr.meta(table, study="trial", moderators="x").table("meta_moderators")
    assert found["r2"].to_list() == [0.0, 0.0]


def test_as_many_studies_as_columns_have_a_line_where_nothing_varies_between_them() -> None:
    """Slope and error of two points are those of their difference."""
    table = studies([[0.2, 0.9]], [0.1, 0.3], x=[1.0, 3.0])
    asked: dict[str, Any] = {"study": "trial", "moderators": "x"}
    rows = proteomr.meta(table, tau2="FE", **asked).table("meta_moderators").to_dicts()
    assert [row["status"] for row in rows] == ["ok", "ok"]
    assert rows[1]["estimate"] == pytest.approx(0.35, rel=1e-14)
    assert rows[1]["se"] == pytest.approx(np.hypot(0.1, 0.3) / 2.0, rel=1e-14)
    assert (rows[1]["q"], rows[1]["q_df"]) == (0.0, 0.0)
    with_variance = proteomr.meta(table, tau2="REML", **asked).table("meta_moderators")
    assert set(with_variance["status"]) == {"too_few"}


def test_of_equal_distances_that_above_the_mean_has_the_higher_rank() -> None:
    """As metafor's trimfill(method = "DL"): of k = 3, two are missing."""
    y, v = np.array([[1.0, -0.6, 0.4]]), np.array([[0.25, 0.04, 0.04]])
    filled = trim_and_fill(y, v, method="DL")
    assert (filled.missing.tolist(), filled.left.tolist()) == ([2], [True])
    assert filled.missing_se[0] == pytest.approx(1.48808601901906, rel=1e-12)
    assert [filled.estimate[0], filled.se[0]] == pytest.approx([-0.6, 0.494619976318589], rel=1e-12)
    for shift in (0.1, 1.0 / 3.0, 1e3):  # whichever way the middle is rounded
        assert trim_and_fill(y + shift, v, method="DL").missing.tolist() == [2]


@pytest.mark.parametrize("unit", [1e-140, 1e140])
def test_moderators_are_tested_together_whatever_the_unit(unit: float) -> None:
    y, v = np.array([[0.1, 0.5, 0.3, 0.9, 0.2]]), np.full((1, 5), 0.01)
    X = np.column_stack([np.ones(5), [1.0, 2.0, 4.0, 8.0, 3.0], [0.0, 1.0, 0.0, 1.0, 1.0]])
    tested = [
        pool_effects(StudyEffects.of(y * s, v * s**2, X), method="REML").test_jointly(slice(1, 3))
        for s in (1.0, unit)
    ]
    assert tested[1][0] == pytest.approx(tested[0][0], rel=1e-10)
