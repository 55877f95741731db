"""Single effects over small ones: by dense algebra on people, and where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.errors import InputError
from proteomr.stats.ld_mismatch import decompose
from proteomr.stats.susie import SusieOptions, fit_susie
from proteomr.stats.susie_infinite import _Run, fit_susie_infinite


def _people(seed: int, n: int = 150, p: int = 12) -> tuple[F64, F64]:
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, p)) + random.normal(size=(n, 1))
    x = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    y = 0.5 * x[:, 3] + x @ random.normal(0, 0.05, p) + random.normal(size=n)
    return x, (y - y.mean()) / y.std(ddof=1)


def _statistics(x: F64, y: F64) -> F64:
    correlation = x.T @ y / (len(y) - 1)
    return np.asarray(correlation * np.sqrt((len(y) - 2) / (1 - correlation**2)))


def test_residual_sums_are_those_of_the_covariance_over_people() -> None:
    x, y = _people(1)
    n, r = len(y), np.asarray(np.corrcoef(x.T))
    z = _statistics(x, y) * np.sqrt((n - 1) / (_statistics(x, y) ** 2 + n - 2))
    run = _Run(z, decompose(r), n - 1.0, np.full(12, -np.log(12)), 1)
    run.sigma2, run.tau2 = 0.7, 0.02
    inverse = np.linalg.inv(0.7 * np.eye(n) + 0.02 * x @ x.T)
    np.testing.assert_allclose(run.weigh()[1], np.diag(x.T @ inverse @ x), rtol=1e-9)
    run.go_round()
    v, left = run.v[0], x.T @ inverse @ y
    mean = left / (np.diag(x.T @ inverse @ x) + 1 / v)
    np.testing.assert_allclose(run.mu[0], mean, rtol=1e-7)


def test_moments_of_the_residual_are_met() -> None:
    x, y = _people(2)
    n, r = len(y), np.asarray(np.corrcoef(x.T))
    found = fit_susie_infinite(_statistics(x, y), r, decompose(r), n=n)
    assert found.fit.converged
    b = (found.fit.alpha * found.fit.mu).sum(axis=0)
    variance = np.diag((found.fit.alpha * found.fit.mu2).sum(axis=0))
    for row in found.fit.alpha * found.fit.mu:
        variance -= np.outer(row, row)
    squared = (y - x @ b) @ (y - x @ b) + np.trace(x.T @ x @ variance)
    moment = found.fit.sigma2 * (n - 1) + found.tau2 * np.trace(x.T @ x)
    assert squared == pytest.approx(moment, rel=1e-6)


def test_without_a_background_it_finds_what_susie_finds() -> None:
    random = np.random.default_rng(3)
    places = np.arange(60)
    r = 0.9 ** np.abs(places[:, None] - places[None, :])
    n = 4000.0
    z = np.sqrt(n) * 0.15 * r[:, 20] + np.linalg.cholesky(r) @ random.normal(size=60)
    ours = fit_susie_infinite(z, r, decompose(r), n=n)
    theirs = fit_susie(z, r, n=n, options=SusieOptions(estimate_residual_variance=True))
    np.testing.assert_allclose(ours.fit.pip, theirs.pip, atol=0.02)
    assert [one.members.tolist() for one in ours.fit.sets] == [
        one.members.tolist() for one in theirs.sets
    ]


def test_small_effects_of_all_variants_are_no_sets() -> None:
    random = np.random.default_rng(4)
    places, n = np.arange(120), 20_000.0
    r = 0.8 ** np.abs(places[:, None] - places[None, :])
    root, causal = np.linalg.cholesky(r), 60
    false = {"plain": 0, "infinite": 0}
    for _ in range(12):
        b = random.normal(0, np.sqrt(0.1 / 120), 120)
        b[causal] += 0.15
        z = np.sqrt(n) * (r @ b) + root @ random.normal(size=120)
        infinite = fit_susie_infinite(z, r, decompose(r), n=n).fit
        for name, fit in (("plain", fit_susie(z, r, n=n)), ("infinite", infinite)):
            false[name] += sum(causal not in one.members for one in fit.sets)
    assert false["infinite"] <= 3
    assert false["plain"] > 5 * max(false["infinite"], 1)


def test_people_are_needed() -> None:
    with pytest.raises(InputError, match="more than 2"):
        fit_susie_infinite(np.zeros(2), np.eye(2), decompose(np.eye(2)), n=2)
