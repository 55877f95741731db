"""A contrast of many genes: as lm, lmerTest and nlme, and by its own likelihood."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from proteomr._typing import F64
from proteomr.stats.gene_variances import _measure, _Sums, fit_gene_variances
from proteomr.stats.repeated_contrasts import fit_intercepts, fit_means, fit_symmetric
from proteomr.status import Status

R: dict[str, Any] = json.loads((Path(__file__).parent / "contrasts.json").read_text())
Y = np.array(R["Y"])
HOLES = np.array([[np.nan if v is None else v for v in row] for row in R["holes"]], float)
X = np.column_stack([np.ones(40), R["age"], R["x"]])


def told(fit: Any) -> list[float]:
    return [fit.beta[-1], fit.covariance[-1, -1] ** 0.5]


def test_means_are_those_of_lm() -> None:
    fit = fit_means(Y, X)
    assert told(fit) == pytest.approx([R["lm"]["Estimate"], R["lm"]["Std. Error"]], rel=1e-10)
    assert fit.df[-1] == 37


def test_random_intercepts_are_those_of_lmertest() -> None:
    want = R["mixed"]
    for fit in (fit_symmetric(Y, X, covariance="random"), fit_intercepts(Y, X)):
        assert told(fit) == pytest.approx([want["Estimate"], want["Std. Error"]], rel=1e-6)
        assert fit.df[-1] == pytest.approx(want["df"], rel=1e-4)


def test_random_intercepts_with_missing_genes_are_those_of_lmertest() -> None:
    want = R["mixed_holes"]
    fit = fit_intercepts(HOLES, X)
    assert told(fit) == pytest.approx([want["Estimate"], want["Std. Error"]], rel=1e-6)
    assert fit.df[-1] == pytest.approx(want["df"], rel=1e-4)


@pytest.mark.parametrize("method", ["REML", "ML"])
def test_compound_symmetry_is_that_of_nlme(method: str) -> None:
    want = R["gls"][method]
    fit = fit_symmetric(Y, X, covariance="symmetric", ml=method == "ML")
    assert told(fit) == pytest.approx([want["Value"], want["Std.Error"]], rel=1e-6)
    assert fit.df[-1] == 240 - 8


@pytest.mark.parametrize("method", ["REML", "ML"])
def test_variances_of_genes_are_those_of_nlme(method: str) -> None:
    want = R["variances"][method]
    fit = fit_gene_variances(Y, X, ml=method == "ML")
    assert told(fit) == pytest.approx([want["Value"], want["Std.Error"]], rel=1e-5)
    assert fit.correlation == pytest.approx(want["correlation"], rel=1e-5)
    assert fit.status == Status.ok


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 60), st.integers(6, 40))
def test_people_with_all_genes_give_the_same_by_means_and_intercepts(
    seed: int, genes: int, people: int
) -> None:
    g = np.random.default_rng(seed)
    design = np.column_stack([np.ones(people), g.normal(size=(people, 2))])
    values = g.normal(size=(people, 1)) * 2.0 + g.normal(size=(people, genes))
    one, other = fit_means(values, design), fit_symmetric(values, design, covariance="random")
    assert other.beta == pytest.approx(one.beta, rel=1e-9)
    assert other.covariance == pytest.approx(one.covariance, rel=1e-9)
    assert other.df == pytest.approx(one.df)


def test_intercepts_without_variance_are_pooled_as_the_search_finds_them() -> None:
    g = np.random.default_rng(5)
    values = g.normal(size=(30, 5))
    values -= values.mean(axis=1, keepdims=True) * 0.9
    design = np.column_stack([np.ones(30), g.normal(size=30)])
    one, other = fit_symmetric(values, design, covariance="random"), fit_intercepts(values, design)
    assert one.beta[1] == pytest.approx(other.beta[1], rel=1e-8)
    assert one.covariance[-1, -1] == pytest.approx(other.covariance[-1, -1], rel=1e-6)
    negative = fit_symmetric(values, design, covariance="symmetric")
    assert negative.correlation < 0.0


def height_of(values: F64, design: F64, d: F64, rho: float) -> float:
    """Return the log-likelihood of people one by one, at the best coefficients."""
    G = values.shape[1]
    V = np.outer(d, d) * (rho + (1 - rho) * np.eye(G))
    inverse = np.linalg.inv(V)
    A, b = np.zeros((G + design.shape[1],) * 2), np.zeros(G + design.shape[1])
    for y, x in zip(values, design, strict=True):
        Z = np.hstack([np.eye(G), np.outer(np.ones(G), x)])
        A += Z.T @ inverse @ Z
        b += Z.T @ inverse @ y
    theta = np.linalg.solve(A, b)
    means = theta[:G] + (design @ theta[G:])[:, None]
    return float(
        sum(multivariate_normal.logpdf(y - m, cov=V) for y, m in zip(values, means, strict=True))
    )


def test_the_likelihood_of_gene_variances_is_that_of_people_one_by_one() -> None:
    values, design = Y, X[:, 1:]
    left, centred = values - values.mean(axis=0), design - design.mean(axis=0)
    Q = np.linalg.qr(centred)[0]
    along = Q.T @ left
    sums = _Sums(left.T @ left, along.T @ along, 40, 2, ml=True)
    g = np.random.default_rng(3)
    heights, own = [], []
    for _ in range(4):
        d, rho = np.exp(g.normal(0, 0.3, 6)), g.uniform(-0.1, 0.8)
        t = np.append(np.log(d), np.log1p(rho * 5) - np.log1p(-rho))
        heights.append(height_of(values, design, d, rho))
        own.append(-0.5 * float(_measure(sums, t)[0]))
    assert np.diff(own) == pytest.approx(np.diff(heights), rel=1e-9)


def test_the_gradient_of_gene_variances_is_that_of_the_likelihood() -> None:
    left = Y - Y.mean(axis=0)
    Q = np.linalg.qr(X[:, 1:] - X[:, 1:].mean(axis=0))[0]
    along = Q.T @ left
    t = np.append(np.linspace(-0.5, 0.5, 6), 0.7)
    for ml in (False, True):
        sums = _Sums(left.T @ left, along.T @ along, 40, 2, ml=ml)
        gradient = _measure(sums, t)[1]
        for at in range(7):
            moved = t.astype(complex)
            moved[at] += 1e-30j
            assert _measure(sums, moved)[0].imag / 1e-30 == pytest.approx(gradient[at], rel=1e-10)


@pytest.mark.parametrize("unit", [1e-8, 1e6])
def test_variances_of_genes_do_not_depend_on_units(unit: float) -> None:
    one, other = fit_gene_variances(Y, X), fit_gene_variances(Y * unit, X)
    assert other.beta[1:] == pytest.approx(one.beta[1:] * unit, rel=1e-7)


def test_a_gene_of_one_value_is_a_status() -> None:
    flat = Y.copy()
    flat[:, 2] = 4.0
    assert fit_gene_variances(flat, X).status == Status.constant


def test_an_aliased_column_is_empty_and_the_rest_is_as_without() -> None:
    doubled = np.column_stack([X, 2.0 * X[:, 2]])
    for fit, plain in (
        (fit_means(Y, doubled), fit_means(Y, X)),
        (
            fit_symmetric(Y, doubled, covariance="symmetric"),
            fit_symmetric(Y, X, covariance="symmetric"),
        ),
        (fit_gene_variances(Y, doubled), fit_gene_variances(Y, X)),
        (fit_intercepts(HOLES, doubled), fit_intercepts(HOLES, X)),
    ):
        assert np.isnan(fit.beta[3])
        assert fit.beta[2] == pytest.approx(plain.beta[2], rel=1e-8)


def test_intervals_hold_the_truth_where_errors_of_genes_differ() -> None:
    g = np.random.default_rng(9)
    held = []
    sd = np.exp(g.normal(0, 0.5, 10))
    for _ in range(200):
        x = g.normal(size=60)
        values = 0.3 * x[:, None] + g.normal(size=(60, 1)) * 0.5 * sd + g.normal(size=(60, 10)) * sd
        fit = fit_gene_variances(values, np.column_stack([np.ones(60), x]))
        assert fit.status == Status.ok
        held.append(abs(fit.beta[1] - 0.3) < 1.96 * fit.covariance[1, 1] ** 0.5)
    assert 0.90 < np.mean(held) < 0.98


def test_errors_of_people_are_those_of_their_weighted_means() -> None:
    fit, people = fit_gene_variances(Y, X), fit_gene_variances(Y, X, between_people=True)
    np.testing.assert_array_equal(fit.beta, people.beta)
    differ = np.sqrt(people.covariance[-1, -1] / fit.covariance[-1, -1])
    assert fit.people_differ == people.people_differ == pytest.approx(differ, rel=1e-12)
    assert people.df[-1] == 37


def test_errors_of_people_hold_their_level_where_people_differ_in_all_genes_as_much() -> None:
    g = np.random.default_rng(5)
    found = []
    sd = np.exp(g.normal(0, 0.6, 12))
    for _ in range(200):
        x = g.normal(size=50)
        values = 0.5 * g.normal(size=(50, 1)) + g.normal(size=(50, 12)) * sd
        fit = fit_gene_variances(values, np.column_stack([np.ones(50), x]), between_people=True)
        # 2.01 is Student's 97.5th percentile at 48 degrees of freedom
        found.append(abs(fit.beta[1]) > 2.01 * fit.covariance[1, 1] ** 0.5)
    assert np.mean(found) < 0.09  # three errors of a share of 0.05 in 200
