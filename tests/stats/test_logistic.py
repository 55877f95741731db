"""Single logistic fits against statsmodels, closed forms and R."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.special import chdtri
from statsmodels.discrete.discrete_model import Logit

from proteomr._typing import F64
from proteomr.design import build, parse
from proteomr.stats import profile_intervals
from proteomr.stats.firth import fit_firth
from proteomr.stats.logistic import fit_limit, fit_logistic, means_of
from proteomr.stats.profile_intervals import profile_limits

BIRTHWT = "age + lwt + C(race) + smoke + ptl + ht + ui + ftv"


def draw(n: int, k: int, *, seed: int = 0) -> tuple[F64, F64]:
    g = np.random.default_rng(seed)
    X = np.column_stack([np.ones(n), g.normal(size=(n, k - 1))])
    y = (g.random(n) < 1 / (1 + np.exp(-0.7 * X[:, 1] + 0.5))).astype(float)
    return X, y


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_fit_equals_statsmodels(seed: int) -> None:
    X, y = draw(200, 5, seed=seed)
    ours, theirs = fit_logistic(X, y), Logit(y, X).fit(disp=0, method="newton", tol=1e-14)
    np.testing.assert_allclose(ours.coefficients, theirs.params, rtol=1e-9)
    np.testing.assert_allclose(ours.se, theirs.bse, rtol=1e-9)
    assert ours.log_likelihood == pytest.approx(theirs.llf, rel=1e-13)
    assert ours.converged
    assert ours.separation is None


def test_score_is_zero_at_the_estimate() -> None:
    X, y = draw(300, 4, seed=5)
    mu = 1 / (1 + np.exp(-X @ fit_logistic(X, y).coefficients))
    assert np.abs(X.T @ (y - mu)).max() < 1e-11


def test_a_two_by_two_table_gives_its_log_odds_ratio() -> None:
    x = np.repeat([0.0, 0.0, 1.0, 1.0], [12, 5, 7, 9])
    y = np.repeat([0.0, 1.0, 0.0, 1.0], [12, 5, 7, 9])
    found = fit_logistic(np.column_stack([np.ones(33), x]), y)
    assert found.coefficients[1] == pytest.approx(np.log(12 * 9 / (5 * 7)), rel=1e-13)
    assert found.se[1] == pytest.approx(np.sqrt(1 / 12 + 1 / 5 + 1 / 7 + 1 / 9), rel=1e-13)


def test_an_offset_is_taken_as_given() -> None:
    X, y = draw(150, 3, seed=7)
    whole = fit_logistic(X, y)
    held = fit_logistic(X[:, :2], y, offset=X[:, 2] * whole.coefficients[2])
    np.testing.assert_allclose(held.coefficients, whole.coefficients[:2], rtol=1e-10)


def test_a_separated_fit_comes_with_its_separation_and_has_not_converged() -> None:
    x = np.column_stack([np.ones(8), np.arange(8.0)])
    found = fit_logistic(x, (np.arange(8) > 3).astype(float))
    assert not found.converged
    assert found.separation is not None
    assert found.separation.kind == "complete"


def test_firth_of_a_two_by_two_table_adds_one_half_to_each_cell() -> None:
    x = np.repeat([0.0, 0.0, 1.0], [6, 4, 5])
    y = np.repeat([0.0, 1.0, 1.0], [6, 4, 5])
    found = fit_firth(np.column_stack([np.ones(15), x]), y)
    assert found.converged
    assert found.coefficients[1] == pytest.approx(np.log(6.5 * 5.5 / (4.5 * 0.5)), rel=1e-9)


def penalised(X: F64, y: F64, b: F64) -> float:
    eta = X @ b
    mu = 1 / (1 + np.exp(-eta))
    information = X.T @ (X * (mu * (1 - mu))[:, None])
    likelihood = np.sum(y * eta - np.logaddexp(0, eta))
    return float(likelihood + np.linalg.slogdet(information)[1] / 2)


@pytest.mark.parametrize("seed", range(4))
def test_firth_maximises_the_penalised_likelihood(seed: int) -> None:
    X, y = draw(40, 3, seed=seed)
    found = fit_firth(X, y)
    top = penalised(X, y, found.coefficients)
    assert found.log_likelihood == pytest.approx(top, rel=1e-12)
    for i in range(3):
        for h in (-1e-4, 1e-4):
            moved = found.coefficients.copy()
            moved[i] += h
            assert penalised(X, y, moved) < top


@pytest.mark.parametrize("firth", [False, True])
def test_the_profile_lies_a_chi_square_quantile_below_the_maximum_at_its_limits(
    *, firth: bool
) -> None:
    X, y = draw(60, 3, seed=9)
    fit = fit_firth(X, y) if firth else fit_logistic(X, y)
    for limit in profile_limits(X, y, fit, column=1, level=0.9, firth=firth):
        if firth:
            held = fit_firth(X, y, fixed={1: limit}).log_likelihood
        else:
            held = fit_logistic(X[:, [0, 2]], y, offset=X[:, 1] * limit).log_likelihood
        assert 2 * (fit.log_likelihood - held) == pytest.approx(chdtri(1, 0.1), rel=1e-8)


def test_a_separated_fit_has_no_profile() -> None:
    x = np.repeat([0.0, 0.0, 1.0], [6, 4, 5])
    y = np.repeat([0.0, 1.0, 1.0], [6, 4, 5])
    X = np.column_stack([np.ones(15), x])
    with pytest.raises(ValueError, match="has not converged"):
        profile_limits(X, y, fit_logistic(X, y), column=1)


@pytest.fixture(scope="module")
def birthwt(reference: Path) -> pl.DataFrame:
    return pl.read_csv(reference / "association" / "data" / "birthwt.csv")


def test_birthwt_estimates_and_profile_intervals_equal_glm(
    birthwt: pl.DataFrame, expected: Callable[[str], dict[str, Any]]
) -> None:
    values = expected("birthwt_logistic")
    design = build(parse(BIRTHWT), birthwt)
    y = birthwt["low"].cast(pl.Float64).to_numpy()
    fit = fit_logistic(design.matrix, y)
    order = ["(Intercept)", "age", "lwt", "race2", "race3", "smoke", "ptl", "ht", "ui", "ftv"]
    assert list(values["coef"]) == order
    np.testing.assert_allclose(fit.coefficients, list(values["coef"].values()), rtol=1e-8)
    np.testing.assert_allclose(fit.se, values["se"], rtol=1e-5)  # glm at its default epsilon
    assert -2 * fit.log_likelihood == pytest.approx(values["deviance"], rel=1e-12)
    assert -2 * fit_logistic(np.ones((189, 1)), y).log_likelihood == pytest.approx(
        values["null_deviance"], rel=1e-12
    )
    for column, (low, high) in enumerate(values["profile_ci"]["rows"]):
        found = profile_limits(design.matrix, y, fit, column=column)
        # confint.glm reads the limits off a spline through the profile
        near = 3e-4 * fit.se[column]
        assert found[0] == pytest.approx(low, abs=near)
        assert found[1] == pytest.approx(high, abs=near)
    for column, (low, high) in enumerate(values["wald_ci"]["rows"]):
        half = np.sqrt(chdtri(1, 0.05)) * fit.se[column]
        b = fit.coefficients[column]
        assert (b - half, b + half) == (pytest.approx(low, rel=1e-5), pytest.approx(high, rel=1e-5))


def test_birthwt_interaction_written_as_a_product_equals_glm(
    birthwt: pl.DataFrame, expected: Callable[[str], dict[str, Any]]
) -> None:
    r = expected("birthwt_logistic")["interaction"]
    design = build(parse("smoke*C(race) + lwt"), birthwt)
    fit = fit_logistic(design.matrix, birthwt["low"].cast(pl.Float64).to_numpy())
    ours = dict(zip(design.names, zip(fit.coefficients, fit.se, strict=True), strict=True))
    wanted = dict(zip(r["names"], zip(r["coef"], r["se"], strict=True), strict=True))
    assert len(ours) == len(wanted)
    pairs = sorted(ours.values()), sorted(wanted.values())
    np.testing.assert_allclose(*pairs, rtol=1e-6)


@pytest.mark.parametrize("firth", [False, True])
def test_a_profile_that_does_not_settle_has_no_limit(
    monkeypatch: pytest.MonkeyPatch, *, firth: bool
) -> None:
    X, y = draw(60, 3, seed=9)
    fit = fit_firth(X, y) if firth else fit_logistic(X, y)

    def unsettled(*arguments: Any, **options: Any) -> Any:
        del arguments, options
        return replace(fit, converged=False)

    monkeypatch.setattr(profile_intervals, "fit_firth" if firth else "fit_logistic", unsettled)
    assert np.isnan(profile_limits(X, y, fit, column=1, firth=firth)).all()


@pytest.mark.parametrize("most", [0, 1, 2])
def test_an_iteration_cut_short_has_no_certificate(most: int) -> None:
    X, y = draw(200, 4)
    assert not fit_firth(X, y, max_iterations=most).converged
    assert not fit_logistic(X, y, max_iterations=max(most, 1)).converged


def test_a_column_of_separated_rows_alone_is_no_covariate_of_the_others() -> None:
    g = np.random.default_rng(4)
    group, one = (np.arange(400) < 50).astype(float), (np.arange(400) == 3).astype(float)
    x, y = g.normal(size=400), (g.random(400) < 0.5).astype(float)
    y[:50] = 1.0
    Q = np.linalg.qr(np.column_stack([np.ones(400), group, one]))[0]
    found = fit_limit(np.column_stack([Q, x]), y, column=3)
    rest = fit_logistic(np.column_stack([np.ones(350), x[50:]]), y[50:])
    assert found.apart == 50
    assert found.fit.coefficients[-1] == pytest.approx(rest.coefficients[-1], rel=1e-9)


@pytest.mark.parametrize("bits", [10, 14, 17, 20, 23])
@pytest.mark.parametrize("seed", range(4))
def test_a_column_that_is_nearly_another_is_fitted_as_its_difference(bits: int, seed: int) -> None:
    """On a grid z + d / 2^bits is exact, and its coefficient is 2^bits times that of d."""
    rng = np.random.default_rng(seed)
    n = 600
    z, d = np.round(rng.normal(size=(2, n)) * 2**10) / 2**10
    y = (rng.random(n) < means_of(z - 1 + 0.3 * d)).astype(np.float64)
    one = np.ones(n)
    apart = fit_logistic(np.column_stack([one, z, d]), y)
    near = fit_logistic(np.column_stack([one, z, z + d / 2**bits]), y)
    assert near.converged
    off = (near.coefficients[2] / 2**bits - apart.coefficients[2]) / apart.se[2]
    assert abs(off) < 1e-8
    np.testing.assert_allclose(near.se[2] / 2**bits, apart.se[2], rtol=1e-8)
