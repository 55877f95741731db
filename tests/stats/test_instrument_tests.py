"""The effective F, and what instruments are tested for, against slow and obvious sums."""

from __future__ import annotations

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.stats.instrumental import Triangles
from proteomr.stats.instrumental_fit import Chunk, InstrumentalFit, fit_instrumental

N, Q, K = 90, 3, 2


def draw(seed: int) -> tuple[F64, F64, F64, F64]:
    g = np.random.default_rng(seed)
    W = np.column_stack([np.ones(N), g.normal(size=N)])
    Z, hidden = g.normal(size=(N, Q)), g.normal(size=N)
    x = 0.4 * Z.sum(axis=1) + hidden + g.normal(size=N) * (1.0 + Z[:, 0] ** 2)
    return W, Z, x, 0.5 * x + hidden + g.normal(size=N)


def fit(W: F64, Z: F64, x: F64, y: F64, clusters: object = None, errors: object = "classical"):  # type: ignore[no-untyped-def]
    basis, R = np.linalg.qr(np.column_stack([W, Z, x, y]))
    signs = np.sign(np.diag(R))
    basis, R = basis * signs, R * signs[:, None]
    triangles = Triangles.of(R[None, K:, K:], n=np.array([N]), k=np.array([K]))
    columns = basis[:, K:].T[None]
    rest = columns[:, -1] * R[-1, -1]
    chunk = Chunk(columns[:, :Q], columns[:, Q], rest, clusters)  # type: ignore[arg-type]
    G = None if clusters is None else np.array([float(np.unique(clusters).size)])  # type: ignore[call-overload]
    return fit_instrumental(
        triangles,
        lambda: [chunk],
        estimator="2sls",
        errors=errors,  # type: ignore[arg-type]
        clusters=G,
    )


def effective_f(W: F64, Z: F64, x: F64, meat_of: object) -> float:
    """Montiel Olea and Pflueger, of orthonormal instruments: over the trace of a covariance."""
    Z = Z - W @ np.linalg.lstsq(W, Z, rcond=None)[0]
    x = x - W @ np.linalg.lstsq(W, x, rcond=None)[0]
    root = np.linalg.inv(np.linalg.cholesky(Z.T @ Z)).T
    Z = Z @ root
    pi = Z.T @ x
    scores = Z * (x - Z @ pi)[:, None]
    return float(pi @ pi / np.trace(meat_of(scores)))  # type: ignore[operator]


@pytest.mark.parametrize(
    ("errors", "scale"),
    [("classical", N / (N - K - Q)), ("HC1", N / (N - K - Q)), ("HC0", 1.0)],
)
def test_the_effective_f_is_robust_whatever_errors_are_asked_for(errors: str, scale: float) -> None:
    made = draw(1)
    found: InstrumentalFit = fit(*made, errors=errors)
    wanted = effective_f(*made[:3], lambda scores: scale * scores.T @ scores)
    assert found.tests["effective_f"].statistic[0] == pytest.approx(wanted, rel=1e-11)


def test_the_effective_f_of_clusters_sums_within_them() -> None:
    made, clusters = draw(2), np.arange(N) % 11
    found: InstrumentalFit = fit(*made, clusters=clusters, errors="CR1")

    def sum_within(scores: F64) -> F64:
        sums = np.array([scores[clusters == g].sum(axis=0) for g in range(11)])
        return np.asarray(11 / 10 * sums.T @ sums)

    wanted = effective_f(*made[:3], sum_within)
    assert found.tests["effective_f"].statistic[0] == pytest.approx(wanted, rel=1e-11)


def test_of_one_instrument_it_is_the_robust_f() -> None:
    import statsmodels.api as sm

    W, Z, x, y = draw(3)
    theirs = sm.OLS(x, np.column_stack([W, Z[:, :1]])).fit(cov_type="HC1").tvalues[-1] ** 2
    basis, R = np.linalg.qr(np.column_stack([W, Z[:, :1], x, y]))
    signs = np.sign(np.diag(R))
    columns, R = (basis * signs)[:, K:].T[None], R * signs[:, None]
    triangles = Triangles.of(R[None, K:, K:], n=np.array([N]), k=np.array([K]))
    chunk = Chunk(columns[:, :1], columns[:, 1], columns[:, 2] * R[-1, -1], None)
    found = fit_instrumental(triangles, lambda: [chunk], estimator="2sls", errors="classical")
    assert found.tests["effective_f"].statistic[0] == pytest.approx(theirs, rel=1e-10)


def test_rows_that_are_not_those_of_the_triangles_are_not_certified() -> None:
    W, Z, x, y = draw(4)
    assert fit(W, Z, x, y).certified[0]
    basis, R = np.linalg.qr(np.column_stack([W, Z, x, y]))
    signs = np.sign(np.diag(R))
    columns, R = (basis * signs)[:, K:].T[None].copy(), R * signs[:, None]
    triangles = Triangles.of(R[None, K:, K:], n=np.array([N]), k=np.array([K]))
    columns[0, 1, 5] += 1e-6
    chunk = Chunk(columns[:, :Q], columns[:, Q], columns[:, -1] * R[-1, -1], None)
    found = fit_instrumental(triangles, lambda: [chunk], estimator="2sls", errors="classical")
    assert not found.certified[0]
