"""Robust and clustered standard errors against statsmodels, slow loops, and R's on real data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from scipy import stats

from proteomr._typing import F64, I64
from proteomr.stats.sandwich import CLUSTERED, ROBUST, ErrorKind, Sandwich, estimate_sandwich
from proteomr.stats.transforms import transform_block

Expected = Callable[[str], dict[str, Any]]
N, P, G = 120, 4, 14


def draw(seed: int = 0) -> tuple[F64, F64, F64, I64]:
    """Return predictors, a response with unequal and clustered noise, weights, and clusters."""
    g = np.random.default_rng(seed)
    X = np.column_stack([np.ones(N), g.normal(size=(N, 2)), g.integers(0, 2, N)])
    clusters = g.integers(0, G, N)
    noise = g.normal(size=N) * (1 + X[:, 1] ** 2) + g.normal(size=G)[clusters]
    return X, np.asarray(X @ [1.0, 0.5, -0.3, 0.2] + noise), g.uniform(0.3, 3.0, N), clusters


def fit_least_squares(X: F64, y: F64) -> F64:
    """Return the residuals of an unweighted fit."""
    return np.asarray(y - X @ np.linalg.lstsq(X, y, rcond=None)[0])


def errors_of(kind: ErrorKind, *, weighted: bool = False, seed: int = 0) -> Sandwich:
    X, y, weights, clusters = draw(seed)
    weights = weights if weighted else np.ones(N)
    residuals = np.asarray(sm.WLS(y, X, weights=weights).fit().resid)
    return estimate_sandwich(
        X, residuals, weights, kind=kind, clusters=clusters if kind in CLUSTERED else None
    )


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", ROBUST)
def test_robust_errors_equal_statsmodels(kind: ErrorKind, *, weighted: bool) -> None:
    X, y, weights, _ = draw()
    model = sm.WLS(y, X, weights=weights if weighted else 1.0)
    theirs = model.fit(cov_type=kind, use_t=True)
    ours = errors_of(kind, weighted=weighted)
    np.testing.assert_allclose(ours.se, theirs.bse, rtol=1e-11)
    assert set(ours.df) == {float(theirs.df_resid)} == {float(N - P)}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("kind", "correction"), [("CR0", 1.0), ("CR1", G / (G - 1))])
def test_clustered_errors_equal_statsmodels_but_for_the_stated_correction(
    kind: ErrorKind, correction: float, *, weighted: bool
) -> None:
    X, y, weights, clusters = draw()
    model = sm.WLS(y, X, weights=weights if weighted else 1.0)
    settings = {"groups": clusters, "use_correction": False}
    theirs = model.fit(cov_type="cluster", cov_kwds=settings)
    ours = errors_of(kind, weighted=weighted)
    np.testing.assert_allclose(ours.se, np.sqrt(correction) * theirs.bse, rtol=1e-11)
    assert set(ours.df) == {float(G - 1)}


def test_stata_s_correction_is_that_of_cr1_and_of_the_residual_degrees_of_freedom() -> None:
    X, y, _, clusters = draw()
    theirs = sm.OLS(y, X).fit(cov_type="cluster", cov_kwds={"groups": clusters})
    ours = errors_of("CR1").se * np.sqrt((N - 1) / (N - P))
    np.testing.assert_allclose(ours, theirs.bse, rtol=1e-11)


def bell_mccaffrey(X: F64, residuals: F64, clusters: I64) -> tuple[F64, F64]:
    """Return CR2 errors and Satterthwaite degrees of freedom from whole (n, n) matrices."""
    n, p = X.shape
    bread = np.linalg.inv(X.T @ X)
    maker = np.eye(n) - X @ bread @ X.T
    se, df = np.empty(p), np.empty(p)
    for j in range(p):
        variance, vectors = 0.0, []
        for g in sorted(set(clusters.tolist())):
            rows = np.flatnonzero(clusters == g)
            values, axes = np.linalg.eigh(maker[np.ix_(rows, rows)])
            root = axes @ np.diag(values**-0.5) @ axes.T
            direction = root @ X[rows] @ bread[:, j]
            variance += float(direction @ residuals[rows]) ** 2
            vectors.append(maker[:, rows] @ direction)
        products = np.array([[a @ b for b in vectors] for a in vectors])
        se[j] = np.sqrt(variance)
        df[j] = np.trace(products) ** 2 / np.sum(products**2)
    return se, df


@pytest.mark.parametrize("seed", [0, 1])
def test_cr2_and_its_degrees_of_freedom_equal_a_slow_loop(seed: int) -> None:
    X, y, _, clusters = draw(seed)
    se, df = bell_mccaffrey(X, fit_least_squares(X, y), clusters)
    ours = errors_of("CR2", seed=seed)
    np.testing.assert_allclose(ours.se, se, rtol=1e-10)
    np.testing.assert_allclose(ours.df, df, rtol=1e-9)
    assert np.all(ours.df < G)


def test_cr2_of_clusters_of_one_is_hc2() -> None:
    X, y, _, _ = draw()
    residuals, alone = fit_least_squares(X, y), np.arange(N)
    ours = estimate_sandwich(X, residuals, np.ones(N), kind="CR2", clusters=alone)
    wanted = estimate_sandwich(X, residuals, np.ones(N), kind="HC2")
    np.testing.assert_allclose(ours.se, wanted.se, rtol=1e-11)


def test_cr0_of_clusters_of_one_is_hc0() -> None:
    X, y, _, _ = draw()
    residuals, alone = fit_least_squares(X, y), np.arange(N)
    ours = estimate_sandwich(X, residuals, np.ones(N), kind="CR0", clusters=alone)
    wanted = estimate_sandwich(X, residuals, np.ones(N), kind="HC0")
    np.testing.assert_allclose(ours.se, wanted.se, rtol=1e-12)


@pytest.mark.parametrize("kind", [*ROBUST, *CLUSTERED])
def test_errors_scale_with_the_columns_and_heed_no_order_of_rows(kind: ErrorKind) -> None:
    X, y, _, clusters = draw()
    residuals, ones = fit_least_squares(X, y), np.ones(N)
    wanted = estimate_sandwich(X, residuals, ones, kind=kind, clusters=clusters)
    order, scale = np.random.default_rng(3).permutation(N), np.array([1.0, 1e3, 1e-4, 2.0])
    ours = estimate_sandwich(
        X[order] * scale, residuals[order], ones, kind=kind, clusters=90 - 3 * clusters[order]
    )
    np.testing.assert_allclose(ours.se * scale, wanted.se, rtol=1e-10)
    np.testing.assert_allclose(ours.df, wanted.df, rtol=1e-9)


@pytest.mark.parametrize("kind", CLUSTERED)
def test_clustered_errors_want_clusters(kind: ErrorKind) -> None:
    with pytest.raises(ValueError, match=f"{kind} needs clusters"):
        estimate_sandwich(np.ones((3, 1)), np.zeros(3), np.ones(3), kind=kind)


@pytest.mark.parametrize("kind", ["classical", "HC9"])
def test_a_kind_that_is_not_robust_is_refused(kind: Any) -> None:
    with pytest.raises(ValueError, match="is not a robust kind"):
        estimate_sandwich(np.ones((3, 1)), np.zeros(3), np.ones(3), kind=kind)


@pytest.fixture(scope="module")
def robust_lm(reference: Path, expected: Expected) -> tuple[pl.DataFrame, F64, dict[str, Any]]:
    """Return the samples, the proteins as read, and R's values by protein."""
    data, values = reference / "association" / "data", expected("robust_lm")
    samples = pl.read_csv(data / "assoc_samples.csv")
    raw = pl.read_csv(data / "assoc_log2rfu.csv.gz", columns=["ID", *values])
    frame = samples.select("ID").join(raw, on="ID", how="left", maintain_order="left")
    return samples, frame.select(list(values)).to_numpy().T, values


def p_of(estimate: float, se: float, df: float) -> float:
    return float(2 * stats.t.sf(abs(estimate / se), df))


@pytest.mark.parametrize("kind", [*ROBUST, *CLUSTERED])
def test_errors_on_real_proteins_equal_r_s(
    robust_lm: tuple[pl.DataFrame, F64, dict[str, Any]], kind: ErrorKind
) -> None:
    samples, raw, values = robust_lm
    smoking = [(samples["smoking"] == level).to_numpy() for level in ("Never", "Past")]
    X = np.column_stack([np.ones(samples.height), samples["sex"], samples["age"], *smoking])
    X = X.astype(np.float64)
    clusters = (
        samples["cluster"].rank("dense").to_numpy().astype(np.int64) if kind in CLUSTERED else None
    )
    raw = np.ascontiguousarray(raw, dtype=np.float64)
    ready = np.empty_like(raw)
    assert transform_block(raw, ready, transform="rint").all()
    assert len(values) == 12
    for y, r in zip(ready, values.values(), strict=True):
        found = estimate_sandwich(
            X, fit_least_squares(X, y), np.ones(y.size), kind=kind, clusters=clusters
        )
        p = p_of(r["model"]["beta"]["sex"], found.se[1], found.df[1])
        if kind in ROBUST:
            assert found.se[1] == pytest.approx(r[kind]["se"]["sex"], rel=1e-8)
            assert p == pytest.approx(r[kind]["p"]["sex"], rel=1e-8)
            continue
        assert r[kind]["coef"][1] == "sex"
        np.testing.assert_allclose(found.se, r[kind]["se"], rtol=1e-8)
        p_name = "p_satt" if kind == "CR2" else "p_naive_t"
        assert p == pytest.approx(r[kind][p_name][1], rel=1e-8)
        if kind == "CR2":
            np.testing.assert_allclose(found.df, r[kind]["df_satt"], rtol=1e-8)


# R's sandwich::vcovCL multiplies by G / (G - 1) also for its type HC0
PETERSEN = [("HC1", "HC1"), ("CR1", "firm_HC0"), ("CR2", "CR2_firm")]


@pytest.mark.parametrize(("kind", "name"), PETERSEN)
def test_errors_of_petersen_s_benchmark_equal_r_s(
    reference: Path, expected: Expected, kind: ErrorKind, name: str
) -> None:
    values = expected("petersen_cluster")
    frame = pl.read_csv(reference / "association" / "data" / "PetersenCL.csv")
    X = np.column_stack([np.ones(frame.height), frame["x"].to_numpy()])
    residuals = fit_least_squares(X, frame["y"].to_numpy())
    firms = frame["firm"].to_numpy().astype(np.int64)
    found = estimate_sandwich(X, residuals, np.ones(frame.height), kind=kind, clusters=firms)
    np.testing.assert_allclose(
        found.se, [values[name]["(Intercept)"], values[name]["x"]], rtol=1e-8
    )


@pytest.mark.parametrize("kind", ["HC2", "HC3"])
def test_a_row_of_leverage_one_leaves_no_error_where_it_has_a_part(kind: ErrorKind) -> None:
    X, y, _, _ = draw()
    alone = (np.arange(N) == 7).astype(float)
    wide = np.column_stack([X, alone])
    found = estimate_sandwich(wide, fit_least_squares(wide, y), np.ones(N), kind=kind)
    # Its own column is all that a row with one of its own has a part in: R's sandwich, without it.
    others = np.arange(N) != 7
    wanted = estimate_sandwich(
        X[others], fit_least_squares(X[others], y[others]), np.ones(N - 1), kind=kind
    )
    assert np.isnan(found.se[-1])
    np.testing.assert_allclose(found.se[:-1], wanted.se, rtol=1e-10)


@pytest.mark.parametrize("kind", ["HC0", "HC1", "CR0", "CR1", "CR2"])
@pytest.mark.parametrize("arm", [1, 3, 10])
def test_the_size_of_the_smaller_arm_carries_a_coefficient(kind: ErrorKind, arm: int) -> None:
    clusters = np.repeat(np.arange(60), 5) if kind in CLUSTERED else None
    rows = 5 * arm if kind in CLUSTERED else arm
    x = (np.arange(300) < rows).astype(float)
    X = np.column_stack([np.ones(300), x])
    residuals = fit_least_squares(X, np.random.default_rng(1).normal(size=300))
    found = estimate_sandwich(X, residuals, np.ones(300), kind=kind, clusters=clusters)
    assert found.carriers[1] == pytest.approx(arm, rel=0.5)
