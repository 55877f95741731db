from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from statsmodels.stats.multitest import multipletests

from proteomr._typing import F64
from proteomr.errors import InputError
from proteomr.stats.multiple import (
    ADJUSTMENTS,
    NULL_SHARE_METHODS,
    Adjustment,
    adjust,
    adjust_neg_log10,
    estimate_pi0,
)

Expected = Callable[[str], dict[str, Any]]

NAN = float("nan")
P = np.array([0.001, 0.2, 0.03, NAN, 0.03, 0.8, 1e-10, 0.049, 0.5])

# p.adjust(p, method) of R 4.2.2
R_ADJUSTED: dict[Adjustment, list[float]] = {
    "bonferroni": [0.008, 1, 0.24, NAN, 0.24, 1, 8e-10, 0.392, 1],
    "holm": [0.007, 0.6, 0.18, NAN, 0.18, 1, 8e-10, 0.196, 1],
    "bh": [0.004, 4 / 15, 0.06, NAN, 0.06, 0.8, 8e-10, 0.0784, 4 / 7],
    "by": [
        0.010871428571428572,
        0.72476190476190483,
        0.16307142857142856,
        NAN,
        0.16307142857142856,
        1,
        2.1742857142857146e-09,
        0.21308,
        1,
    ],
}

# p.adjust(p[!is.na(p)], method, n = 20) of R 4.2.2
R_ADJUSTED_FOR_20: dict[Adjustment, list[float]] = {
    "bonferroni": [0.02, 1, 0.6, 0.6, 1, 2e-9, 0.98, 1],
    "holm": [0.019, 1, 0.54, 0.54, 1, 2e-9, 0.784, 1],
    "bh": [0.01, 2 / 3, 0.15, 0.15, 1, 2e-9, 0.196, 1],
    "by": [
        0.035977396571436823,
        1,
        0.53966094857155233,
        0.53966094857155233,
        1,
        7.1954793142873645e-09,
        0.70515697280016165,
        1,
    ],
}

SLOPED = ((np.arange(60) + 0.5) / 60) ** 1.5


def log_values(smallest: int = 1) -> st.SearchStrategy[F64]:
    elements = st.one_of(st.floats(0.0, 400.0), st.sampled_from([0.0, 1.0, 2.0]))
    return arrays(np.float64, st.integers(smallest, 30), elements=elements)


@pytest.mark.parametrize("method", R_ADJUSTED)
def test_adjusted_p_equal_r_and_nan_is_no_test(method: Adjustment) -> None:
    found = adjust(-np.log10(P), method=method)
    np.testing.assert_allclose(found, R_ADJUSTED[method], rtol=1e-13)


@pytest.mark.parametrize("method", R_ADJUSTED_FOR_20)
def test_adjusted_p_in_a_larger_family_equal_r(method: Adjustment) -> None:
    found = adjust(-np.log10(P[~np.isnan(P)]), method=method, n_tests=20)
    np.testing.assert_allclose(found, R_ADJUSTED_FOR_20[method], rtol=1e-13)


@pytest.mark.parametrize("method", ["bonferroni", "holm", "bh", "by"])
def test_adjusted_p_equal_statsmodels(method: Adjustment) -> None:
    p = np.random.default_rng(6).uniform(size=200) ** 2
    name = {"bh": "fdr_bh", "by": "fdr_by"}.get(method, method)
    oracle = multipletests(p, method=name)[1]
    np.testing.assert_allclose(adjust(-np.log10(p), method=method), oracle, rtol=1e-12)


@given(log_values())
def test_benjamini_hochberg_equals_a_slow_loop(values: F64) -> None:
    m = values.size
    ranked = np.sort(values)[::-1]
    found = adjust_neg_log10(values, method="bh")
    for value, adjusted in zip(values, found, strict=True):
        steps = [ranked[j] - np.log10(m / (j + 1)) for j in range(m) if ranked[j] <= value]
        assert adjusted == pytest.approx(max(0.0, *steps), abs=1e-12)


@given(log_values(), st.sampled_from(["bonferroni", "holm", "bh", "by"]))
def test_adjustment_never_helps_keeps_the_order_and_the_ties(
    values: F64, method: Adjustment
) -> None:
    found = adjust_neg_log10(values, method=method)
    assert (found <= values + 1e-12).all()
    assert (found >= 0.0).all()
    order = np.argsort(values, kind="stable")
    assert (np.diff(found[order]) >= 0.0).all()
    for value in np.unique(values):
        assert np.unique(found[values == value]).size == 1


@pytest.mark.parametrize("method", ADJUSTMENTS)
def test_p_far_below_the_smallest_double_stay_apart(method: Adjustment) -> None:
    pi0 = 0.5 if method == "storey" else None
    found = adjust_neg_log10(np.array([5000.0, 4000.0, 0.0]), method=method, pi0=pi0)
    assert 999.0 < found[0] - found[1] < 1001.0
    assert (adjust(np.array([5000.0, np.inf]), method=method, pi0=pi0) == 0.0).all()


@pytest.mark.parametrize("method", ADJUSTMENTS)
def test_no_tests_at_all_give_nan(method: Adjustment) -> None:
    assert np.isnan(adjust(np.array([NAN, NAN]), method=method)).all()
    assert adjust(np.empty(0), method=method).size == 0


# p <- (((1:60) - 0.5) / 60)^1.5; pi0est(p), pi0est(p, pi0.method = "bootstrap"), qvalue(p) of
# qvalue 2.30.0 in R 4.2.2
def test_storey_pi0_equals_qvalue_2_30() -> None:
    values = -np.log10(SLOPED)
    assert estimate_pi0(values) == pytest.approx(0.65271518996912703, rel=1e-10)
    assert estimate_pi0(values, method="bootstrap") == pytest.approx(0.75, rel=1e-12)


def test_storey_q_equals_qvalue_2_30() -> None:
    at = [0, 1, 9, 29, 59]
    found = adjust(-np.log10(SLOPED), method="storey")[at]
    oracle = [0.029792236097696715, 0.077402499888447399, 0.246736558258732613]
    oracle += [0.450049064988597647, 0.644573271568046002]
    np.testing.assert_allclose(found, oracle, rtol=1e-10)
    found = adjust(-np.log10(SLOPED), method="storey", pi0=0.75)[at]
    oracle = [0.034232659844072880, 0.088939059192235687, 0.283511739174941380]
    oracle += [0.517127230879081412, 0.740644558461862168]
    np.testing.assert_allclose(found, oracle, rtol=1e-12)


@pytest.mark.parametrize("method", NULL_SHARE_METHODS)
def test_the_share_of_null_hypotheses_is_recovered(method: Any) -> None:
    rng = np.random.default_rng(7)
    p = np.concatenate((rng.uniform(size=14_000), rng.beta(0.1, 20.0, size=6_000)))
    assert estimate_pi0(-np.log10(p), method=method) == pytest.approx(0.7, abs=0.05)


def test_the_share_of_null_hypotheses_is_at_most_one() -> None:
    p = 1.0 - SLOPED
    assert estimate_pi0(-np.log10(p)) == 1.0


def test_storey_without_large_p_is_refused_with_a_remedy() -> None:
    with pytest.raises(InputError, match=r"up to 0\.95 .* largest of 2 is 0\.3; use bh"):
        adjust(-np.log10([0.1, 0.3, NAN]), method="storey")


def test_storey_with_a_share_that_is_not_positive_is_refused() -> None:
    p = np.append(np.full(1000, 0.5), 0.96)
    with pytest.raises(InputError, match="positive share"):
        estimate_pi0(-np.log10(p))


def test_p_above_one_and_unfit_options_are_errors() -> None:
    with pytest.raises(ValueError, match="1 of 2 -log10 p are negative"):
        adjust(np.array([-0.1, 1.0]), method="bh")
    with pytest.raises(ValueError, match="pi0"):
        adjust(np.array([0.1, 1.0]), method="bh", pi0=0.5)
    with pytest.raises(ValueError, match="n_tests is 1"):
        adjust(np.array([0.1, 1.0]), method="bh", n_tests=1)
    name: Any = "fdr"
    with pytest.raises(ValueError, match="bonferroni, holm, bh, by, storey"):
        adjust(np.array([0.1, 1.0]), method=name)


def test_the_reference_adjustments_are_reproduced(expected: Expected) -> None:
    values = expected("multiple_testing")
    neg_log10_p = -np.log10(values["p"])
    names: dict[Adjustment, str] = {"bonferroni": "bonferroni", "holm": "holm"}
    names |= {"bh": "BH", "by": "BY", "storey": "storey_q"}
    for method, name in names.items():
        found = adjust(neg_log10_p, method=method)
        np.testing.assert_allclose(found, values[name], rtol=1e-11)
    pi0 = estimate_pi0(neg_log10_p)
    assert pi0 == pytest.approx(values["pi0_smoother"], rel=1e-11)
    bootstrap = estimate_pi0(neg_log10_p, method="bootstrap")
    assert bootstrap == pytest.approx(values["pi0_bootstrap"], rel=1e-12)
