"""Effects in clusters, and curves by dose: as metafor and as definitions say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from proteomr.stats.clustered_effects import estimate_clustered_errors
from proteomr.stats.dose_response import (
    DoseStudy,
    bend_dose,
    find_covariance,
    fit_slope,
    pool_curves,
)
from proteomr.stats.sandwich import estimate_sandwich
from proteomr.stats.three_levels import fit_three_levels

R: dict[str, Any] = json.loads((Path(__file__).parent / "pooling.json").read_text())
ROWS = R["districts"]
Y, V, X = (np.array([row[name] for row in ROWS], float) for name in ("yi", "vi", "x"))
CODES = np.array([row["district"] for row in ROWS], np.int64)
ONES = np.ones((Y.size, 1))
METHODS: tuple[Any, ...] = ("greenland", "hamling")
# Rohan and McMichael 1988, alcohol and breast cancer, as in Greenland and Longnecker 1992, table 1
ALCOHOL = DoseStudy(
    np.array([2.0, 6.0, 11.0]),
    0.0,
    np.log([0.80, 1.16, 1.57]),
    (np.log([1.27, 1.85, 2.51]) - np.log([0.51, 0.73, 0.99])) / (2 * 1.96),
    np.array([165.0, 74.0, 90.0, 122.0]),
    np.array([337.0, 167.0, 186.0, 212.0]),
)


@pytest.mark.parametrize("method", ["REML", "ML"])
def test_three_levels_are_those_of_metafor(method: str) -> None:
    fit = fit_three_levels(ONES, Y, V, CODES, restricted=method == "REML")
    want = R["levels"][method]
    got = [fit.beta[0], fit.covariance[0, 0] ** 0.5, fit.between, fit.within]
    names = ("estimate", "se", "between", "within")
    assert got == pytest.approx([want[name] for name in names], rel=1e-5)
    assert fit.status == 0


def test_three_levels_with_a_moderator_are_those_of_metafor() -> None:
    fit = fit_three_levels(np.column_stack([ONES, X]), Y, V, CODES)
    want = R["levels_moderated"]
    assert fit.beta == pytest.approx(want["estimate"], rel=1e-5)
    assert np.sqrt(np.diag(fit.covariance)) == pytest.approx(want["se"], rel=1e-5)
    assert [fit.between, fit.within] == pytest.approx([want["between"], want["within"]], rel=1e-4)


def test_no_neighbour_of_three_levels_is_likelier() -> None:
    from proteomr.stats.three_levels import _measure

    Z = (CODES[:, None] == CODES).astype(float)
    fit = fit_three_levels(ONES, Y, V, CODES)
    best = _measure(ONES, Y, V, Z, np.array([fit.between, fit.within]), restricted=True)
    for a in (0.999, 1.0, 1.001):
        for b in (0.999, 1.0, 1.001):
            s = np.array([fit.between * a, fit.within * b])
            assert _measure(ONES, Y, V, Z, s, restricted=True) <= best + 1e-13


def test_clusters_that_do_not_differ_have_no_variance_of_their_own() -> None:
    y = np.array([0.0, 1.0, 0.0, 1.0, 0.0, 1.0])
    fit = fit_three_levels(np.ones((6, 1)), y, np.full(6, 0.01), np.repeat([0, 1, 2], 2))
    assert (fit.between, fit.status) == (0.0, 0)
    assert fit.within > 0.1


def test_robust_errors_of_equal_variances_are_the_sandwich() -> None:
    design = np.column_stack([ONES, X])
    beta = np.linalg.lstsq(design, Y, rcond=None)[0]
    found = estimate_clustered_errors(design, Y, np.full(Y.size, 1.7), CODES, beta=beta)
    plain = estimate_sandwich(
        design, Y - design @ beta, np.ones(Y.size), kind="CR2", clusters=CODES
    )
    assert np.sqrt(np.diag(found.covariance)) == pytest.approx(plain.se, rel=1e-10)
    assert found.df == pytest.approx(plain.df, rel=1e-8)


@pytest.mark.parametrize("case", ["FE", "SJ", "mean"])
def test_robust_errors_of_clusters_are_those_of_clubsandwich(case: str) -> None:
    stored = json.loads(Path(__file__).with_name("clustered_effects.json").read_text())
    y, v, x, clusters = (np.array(stored[name]) for name in ("y", "v", "x", "cluster"))
    design = np.column_stack([np.ones(y.size), x])[:, : 1 if case == "mean" else 2]
    want = stored[case]
    variance = v + want["tau2"]
    weighted = design / variance[:, None]
    beta = np.linalg.solve(design.T @ weighted, weighted.T @ y)
    found = estimate_clustered_errors(design, y, variance, clusters.astype(int), beta=beta)
    assert beta == pytest.approx(np.array(want["beta"]), rel=1e-10)
    assert np.sqrt(np.diag(found.covariance)) == pytest.approx(np.array(want["se"]), rel=1e-10)
    assert found.df == pytest.approx(np.array(want["df"]), rel=1e-8)


def test_robust_errors_have_no_bias_where_the_weights_are_true() -> None:
    design, variance = np.column_stack([ONES, X]), V + 0.1
    M = np.linalg.inv(design.T @ (design / variance[:, None]))
    # the mean of a quadratic form in effects is that over the columns of a root of their variance
    total = np.zeros((2, 2))
    for at in range(Y.size):
        y = np.zeros(Y.size)
        y[at] = variance[at] ** 0.5
        beta = M @ design.T @ (y / variance)
        total += estimate_clustered_errors(design, y, variance, CODES, beta=beta).covariance
    assert total == pytest.approx(M, rel=1e-8)


@pytest.mark.parametrize("method", ["REML", "ML", "FE"])
def test_curves_of_two_stages_are_those_of_metafor(method: Any) -> None:
    want = R["two_stage"][method]
    B, S = [np.array(b) for b in R["B"]], [np.array(v) for v in R["V"]]
    fit = pool_curves([np.eye(2)] * len(B), B, S, method=method)
    assert fit.status == 0
    assert fit.q == pytest.approx(want["q"], rel=1e-8)
    assert fit.beta == pytest.approx(want["estimate"], rel=1e-5)
    assert np.sqrt(np.diag(fit.covariance)) == pytest.approx(want["se"], rel=1e-5)
    if method != "FE":
        assert fit.between.ravel() == pytest.approx(want["between"], rel=1e-4)


@pytest.mark.parametrize("method", ["REML", "ML"])
def test_curves_of_one_stage_are_those_of_metafor(method: Any) -> None:
    want = R["one_stage"][method]
    doses, S, ys = R["doses"], R["S"], R["Y"]
    designs = [np.array(d, float).reshape(-1, 1) for d in doses]
    covariances = [
        np.array(s, float).reshape(len(d), len(d)) for s, d in zip(S, designs, strict=True)
    ]
    values = [np.atleast_1d(np.array(y, float)) for y in ys]
    fit = pool_curves(designs, values, covariances, method=method)
    got = [fit.beta[0], fit.covariance[0, 0] ** 0.5, fit.between[0, 0]]
    assert got == pytest.approx([want["estimate"], want["se"], want["between"]], rel=5e-4)
    assert fit.status == 0  # where metafor's optimiser stops 2e-4 before the maximum


def test_greenland_and_longneckers_slope_of_alcohol_is_theirs() -> None:
    S = find_covariance(ALCOHOL, "greenland")
    assert S is not None
    fitted = fit_slope(ALCOHOL.dose[:, None], ALCOHOL.y, S)
    assert fitted is not None
    assert float(fitted[0][0]) == pytest.approx(0.0454, abs=5e-5)  # their page 1306


@pytest.mark.parametrize("design", ["cc", "ir", "ci"])
def test_covariances_keep_the_errors_and_are_positive(design: Any) -> None:
    study = DoseStudy(
        ALCOHOL.dose, 0.0, ALCOHOL.y, ALCOHOL.se, ALCOHOL.cases, ALCOHOL.size * 30.0, design
    )
    for method in METHODS:
        S = find_covariance(study, method)
        assert S is not None
        assert np.diag(S) == pytest.approx(study.se**2, rel=1e-12)
        assert np.linalg.eigvalsh(S).min() > 0.0
        assert S[0, 1] > 0.0


def test_cells_of_a_plain_table_give_its_own_covariance() -> None:
    cases, size = np.array([40.0, 50.0, 70.0]), np.array([200.0, 190.0, 210.0])
    odds = cases / (size - cases)
    each = 1.0 / cases + 1.0 / (size - cases)
    study = DoseStudy(
        np.array([1.0, 2.0]),
        0.0,
        np.log(odds[1:] / odds[0]),
        np.sqrt(each[0] + each[1:]),
        cases,
        size,
    )
    for method in METHODS:
        S = find_covariance(study, method)
        assert S is not None
        assert S[0, 1] == pytest.approx(each[0], rel=1e-7)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("design", ["cc", "ci"])
def test_cells_are_found_wherever_estimates_have_them(seed: int, design: Any) -> None:
    """Cells of Hamling's two sums, drawn first; the study tells what follows of them."""
    g = np.random.default_rng(seed)
    sign = 1.0 if design == "cc" else -1.0
    others = 10.0 ** g.uniform(1.2, 3.5, 4)
    cases = others * (0.05 if design == "ci" else 1.0) * 10.0 ** g.uniform(-0.5, 0.5, 4)
    each = 1.0 / cases + sign / others
    logs = np.log(cases / others)
    # what was counted: other numbers of the same share of unexposed, and of cases
    moved = 0.6 * np.append(others[0], others[:0:-1])
    told = moved * g.uniform(0.5, 1.5, 4)
    told *= 0.6 * cases.sum() / told.sum()
    study = DoseStudy(
        np.arange(1.0, 4.0),
        0.0,
        logs[1:] - logs[0],
        np.sqrt(each[0] + each[1:]),
        told,
        moved + told if design == "cc" else moved,
        design,
    )
    S = find_covariance(study, "hamling")
    assert S is not None
    assert S[0, 1:] == pytest.approx(np.full(2, each[0]), rel=1e-7)


def test_a_study_without_counts_has_no_covariance_but_an_independent_one() -> None:
    blank = np.full(4, np.nan)
    study = DoseStudy(ALCOHOL.dose, 0.0, ALCOHOL.y, ALCOHOL.se, blank, blank)
    assert find_covariance(study, "greenland") is None
    assert find_covariance(study, "independent") is not None


def test_a_spline_is_a_line_beyond_its_outer_knots() -> None:
    knots = (1.0, 3.0, 7.0, 9.0)
    for far in (np.array([10.0, 20.0, 30.0]), np.array([-9.0, -4.0, 1.0])):
        bent = bend_dose(far, knots)
        assert np.diff(bent, 2, axis=0) == pytest.approx(np.zeros((1, 3)), abs=1e-9)


def test_pooled_lines_recover_the_truth_in_nineteen_of_twenty() -> None:
    g = np.random.default_rng(6)
    covered = []
    for _ in range(60):
        X = [np.array([[2.0], [5.0], [9.0]])] * 12
        S = [0.02 + np.diag([0.03, 0.03, 0.04])] * 12
        y = [
            x[:, 0] * (0.1 + g.normal(0, 0.03)) + np.linalg.cholesky(s) @ g.normal(size=3)
            for x, s in zip(X, S, strict=True)
        ]
        fit = pool_curves(X, y, S, method="REML")
        covered.append(abs(fit.beta[0] - 0.1) < 1.96 * fit.covariance[0, 0] ** 0.5)
    assert 0.85 < np.mean(covered) <= 1.0
