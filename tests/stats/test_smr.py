"""SMR and HEIDI: against loops, against what is planted, and where there is nothing to say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from proteomr._typing import F64
from proteomr.errors import UsageError
from proteomr.stats.smr import Effects, Smr, SmrOptions, estimate_smr
from proteomr.stats.weighted_chi_squares import neg_log10_p_weighted_chi2
from proteomr.status import Status

M, TOP = 60, 30


def decaying(rho: float = 0.93, m: int = M) -> F64:
    r: F64 = rho ** np.abs(np.subtract.outer(np.arange(m), np.arange(m)))
    return r


def draw(
    rng: np.random.Generator, r: F64, *, x: float, y: float, causal_y: int = TOP
) -> tuple[Effects, Effects]:
    """Return two studies of a region in which one variant acts on each trait."""
    root = np.linalg.cholesky(r)
    zx = r[:, TOP] * x + root @ rng.standard_normal(len(r))
    zy = r[:, causal_y] * y + root @ rng.standard_normal(len(r))
    return Effects(zx * 0.01, np.full(len(r), 0.01)), Effects(zy * 0.02, np.full(len(r), 0.02))


def compare_slowly(x: Effects, y: Effects, r: F64, found: Smr) -> tuple[float, F64]:
    """Return HEIDI's statistic and weights variant by variant, as the paper writes them."""

    def covariance(i: int, j: int) -> float:
        zi, zj = x.beta[i] / x.se[i], x.beta[j] / x.se[j]
        ratios = y.beta[i] / x.beta[i] * y.beta[j] / x.beta[j]
        noise = r[i, j] * y.se[i] * y.se[j] / (x.beta[i] * x.beta[j])
        return float(noise + ratios * (r[i, j] / (zi * zj) - 1 / (zi**2 * zj**2)))

    top, rows = found.top, [int(row) for row in found.heidi.rows]
    d = [y.beta[i] / x.beta[i] - y.beta[top] / x.beta[top] for i in rows]
    v = [
        [
            covariance(i, j) - covariance(i, top) - covariance(j, top) + covariance(top, top)
            for j in rows
        ]
        for i in rows
    ]
    k = len(rows)
    statistic = sum(d[i] ** 2 / v[i][i] for i in range(k))
    scaled = [[v[i][j] / math.sqrt(v[i][i] * v[j][j]) for j in range(k)] for i in range(k)]
    return float(statistic), np.asarray(np.linalg.eigvalsh(np.array(scaled)))


def test_the_statistic_of_smr_is_that_of_its_paper() -> None:
    x, y = Effects(np.array([0.4]), np.array([0.05])), Effects(np.array([-0.1]), np.array([0.03]))
    found = estimate_smr(x, y, r=np.eye(1))
    zx, zy = 0.4 / 0.05, -0.1 / 0.03
    assert found.estimate == pytest.approx(-0.25, rel=1e-14)
    assert (found.estimate / found.se) ** 2 == pytest.approx(
        zx**2 * zy**2 / (zx**2 + zy**2), rel=1e-13
    )


@pytest.mark.parametrize("seed", range(4))
def test_heidi_equals_an_obvious_loop(seed: int) -> None:
    r = decaying()
    x, y = draw(np.random.default_rng(seed), r, x=20.0, y=6.0)
    found = estimate_smr(x, y, r=r)
    statistic, weights = compare_slowly(x, y, r, found)
    assert found.heidi.status is Status.ok
    assert found.heidi.statistic == pytest.approx(statistic, rel=1e-10)
    expected = neg_log10_p_weighted_chi2(statistic, np.maximum(weights, 0))
    assert found.heidi.neg_log10_p == pytest.approx(expected, rel=1e-8)


def test_variants_compared_are_within_the_bounds() -> None:
    r = decaying()
    x, y = draw(np.random.default_rng(1), r, x=20.0, y=6.0)
    options = SmrOptions(r2_high=0.8, most=7)
    found = estimate_smr(x, y, r=r, options=options)
    rows = found.heidi.rows
    squares = r[found.top, rows] ** 2
    assert rows.size == 7
    assert ((squares >= 0.05) & (squares <= 0.8)).all()
    among = r[np.ix_(rows, rows)] ** 2 - np.eye(7)
    assert among.max() <= 0.8
    assert (np.diff(np.abs(x.z[rows])) <= 0).all()


def test_heidi_keeps_its_level_where_one_variant_acts_on_both() -> None:
    rng, r = np.random.default_rng(2), decaying()
    found = [estimate_smr(*draw(rng, r, x=20.0, y=8.0), r=r).heidi for _ in range(400)]
    p = np.array([10.0**-heidi.neg_log10_p for heidi in found])
    assert 0.02 < (p < 0.05).mean() < 0.085  # four standard errors of a binomial
    assert 0.4 < np.median(p) < 0.6
    # the whole distribution: 0.1 is passed by uniform numbers once in 1,600 such draws
    assert stats.kstest(p, "uniform").statistic < 0.1


def test_heidi_finds_two_variants() -> None:
    rng, r = np.random.default_rng(3), decaying()
    found = [
        estimate_smr(*draw(rng, r, x=20.0, y=10.0, causal_y=TOP + 5), r=r).heidi for _ in range(60)
    ]
    assert np.mean([heidi.neg_log10_p > 2 for heidi in found]) > 0.9


def test_smr_covers_the_ratio() -> None:
    rng, r = np.random.default_rng(4), decaying()
    # x = 30 and y = 9 standard errors of 0.01 and 0.02: the ratio is 0.6.
    found = [estimate_smr(*draw(rng, r, x=30.0, y=9.0), r=r) for _ in range(400)]
    covers = [abs(each.estimate - 0.6) < 1.96 * each.se for each in found]
    assert 0.91 < np.mean(covers) < 0.985


@pytest.mark.parametrize("by", [1e-120, 1e120])
def test_units_change_nothing(by: float) -> None:
    r = decaying()
    x, y = draw(np.random.default_rng(5), r, x=20.0, y=6.0)
    plain = estimate_smr(x, y, r=r)
    scaled = estimate_smr(x, Effects(y.beta * by, y.se * by), r=r)
    assert scaled.estimate / by == pytest.approx(plain.estimate, rel=1e-12)
    assert scaled.heidi.neg_log10_p == pytest.approx(plain.heidi.neg_log10_p, rel=1e-9)


def test_the_other_allele_of_a_variant_changes_nothing() -> None:
    r = decaying()
    x, y = draw(np.random.default_rng(6), r, x=20.0, y=6.0)
    signs = np.where(np.arange(M) % 3 == 0, -1.0, 1.0)
    turned = estimate_smr(
        Effects(x.beta * signs, x.se), Effects(y.beta * signs, y.se), r=r * np.outer(signs, signs)
    )
    plain = estimate_smr(x, y, r=r)
    assert turned.estimate == plain.estimate
    assert turned.heidi.neg_log10_p == pytest.approx(plain.heidi.neg_log10_p, rel=1e-10)


def test_no_variant_is_a_status() -> None:
    weak = Effects(np.array([0.1]), np.array([0.1]))
    found = estimate_smr(weak, weak, r=np.eye(1))
    assert (found.top, found.status, found.heidi.rows.size) == (-1, Status.too_few, 0)
    assert math.isnan(found.estimate)
    assert "5e-08" in found.message


def test_few_variants_leave_smr_without_heidi() -> None:
    x = Effects(np.array([1.0, 0.5]), np.full(2, 0.1))
    found = estimate_smr(x, x, r=np.array([[1.0, 0.5], [0.5, 1.0]]))
    assert (found.status, found.heidi.status) == (Status.ok, Status.too_few)
    assert found.message == "HEIDI: 1 variants of 3 needed have p <= 0.00157 and r2 within bounds"


def test_correlations_that_cannot_be_are_a_status() -> None:
    x = Effects(np.array([1.0, 0.8, 0.7, 0.6]), np.full(4, 0.1))
    r = np.array(
        [[1, 0.9, 0.9, 0.9], [0.9, 1, -0.9, 0.9], [0.9, -0.9, 1, -0.9], [0.9, 0.9, -0.9, 1]]
    )
    found = estimate_smr(x, x, r=r)
    assert found.status is Status.ok
    assert found.heidi.status is Status.not_identified
    assert math.isnan(found.heidi.neg_log10_p)


def test_identical_ratios_have_p_one() -> None:
    x, _ = draw(np.random.default_rng(7), decaying(), x=20.0, y=6.0)
    y = Effects(x.beta * 0.5, x.se)
    assert estimate_smr(x, y, r=decaying()).heidi.neg_log10_p == pytest.approx(0.0, abs=1e-12)


def test_variants_without_effect_are_passed_over() -> None:
    r = decaying()
    x, y = draw(np.random.default_rng(8), r, x=20.0, y=6.0)
    plain = estimate_smr(x, y, r=r)
    beta = x.beta.copy()
    beta[plain.top] = np.nan
    found = estimate_smr(Effects(beta, x.se), y, r=r)
    assert found.top not in (-1, plain.top)
    assert plain.top not in found.heidi.rows


def test_shapes_that_differ_are_refused() -> None:
    x = Effects(np.ones(2), np.ones(2))
    with pytest.raises(UsageError, match="do not fit"):
        estimate_smr(x, x, r=np.eye(3))


@pytest.mark.parametrize("wrong", [{"p": 0.0}, {"heidi_p": 2.0}, {"r2_low": 0.9}, {"fewest": 30}])
def test_thresholds_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        SmrOptions(**wrong)  # type: ignore[arg-type]
