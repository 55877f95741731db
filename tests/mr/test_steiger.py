from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from proteomr.errors import InputError
from proteomr.mr.steiger import filter_variants, judge_direction
from proteomr.stats.variance_explained import (
    correlation_from_beta,
    correlation_from_log_odds,
    correlation_from_p,
)
from tests.mr.reference import find_entry, read_expected, read_set


def test_the_direction_of_bmi_and_heart_disease_is_that_of_twosamplemr(reference: Path) -> None:
    data = read_set(reference, "tsmr_bmi_chd")
    entries = read_expected(reference, "tsmr_bmi_chd")
    expected = find_entry(entries, "directionality_test", "TwoSampleMR")["result"]
    v = data.variants
    n_x, n_y = v["n_exposure"].to_numpy(), v["n_outcome"].to_numpy()
    found = judge_direction(
        correlation_from_p(-np.log10(v["pval_exposure"].to_numpy()), n_x),
        correlation_from_p(-np.log10(v["pval_outcome"].to_numpy()), n_y),
        n_x=float(n_x.mean()),
        n_y=float(n_y.mean()),
    )
    assert found.r2_exposure == pytest.approx(expected["snp_r2.exposure"][0], rel=1e-10)
    assert found.r2_outcome == pytest.approx(expected["snp_r2.outcome"][0], rel=1e-9)
    assert found.exposure_first == expected["correct_causal_direction"][0]
    assert found.p_value == pytest.approx(expected["steiger_pval"][0], rel=1e-8)


def test_measurement_error_is_weighed_as_twosamplemr_does(reference: Path) -> None:
    data = read_set(reference, "tsmr_bmi_chd")
    expected = find_entry(read_expected(reference, "steiger_bmi_chd"), "mr_steiger", "TwoSampleMR")
    v = data.variants
    n_x, n_y = v["n_exposure"].to_numpy(), v["n_outcome"].to_numpy()
    r_x = correlation_from_beta(data.x, data.sx, n_x)
    r_y = correlation_from_log_odds(
        data.beta_y, v["eaf_outcome"].to_numpy(), n_case=60_801, n_control=123_504, prevalence=0.1
    )
    found = judge_direction(
        r_x,
        r_y,
        n_x=float(n_x.mean()),
        n_y=float(n_y.mean()),
        reliability_x=expected["args"]["r_xxo"],
        reliability_y=expected["args"]["r_yyo"],
    )
    assert found.r2_exposure == pytest.approx(expected["result"]["r2_exp_adj"], rel=1e-10)
    assert found.r2_outcome == pytest.approx(expected["result"]["r2_out_adj"], rel=1e-10)
    assert found.p_value == pytest.approx(expected["result"]["steiger_test_adj"], rel=1e-9)
    ratio = expected["result"]["sensitivity_ratio"]
    assert found.sensitivity_ratio == pytest.approx(ratio, rel=1e-10)


def test_the_sensitivity_ratio_is_a_ratio_of_volumes() -> None:
    a, b = 0.4, 0.15
    found = judge_direction(np.array([a]), np.array([b]), n_x=1e4, n_y=1e4).sensitivity_ratio
    rng = np.random.default_rng(1)
    x, y = rng.uniform(a, 1, 400_000), rng.uniform(b, 1, 400_000)
    gap = a / x - b / y
    volumes = np.where(gap > 0, gap, 0).mean(), np.where(gap < 0, -gap, 0).mean()
    assert found == pytest.approx(volumes[0] / volumes[1], rel=0.02)


def test_turning_the_traits_round_turns_the_direction() -> None:
    r_x, r_y = np.array([0.1, -0.2]), np.array([0.05, 0.02])
    one = judge_direction(r_x, r_y, n_x=5e3, n_y=9e3)
    other = judge_direction(r_y, r_x, n_x=9e3, n_y=5e3)
    assert one.exposure_first
    assert not other.exposure_first
    assert one.neg_log10_p == pytest.approx(other.neg_log10_p, rel=1e-12)


def test_each_variant_is_judged_by_itself() -> None:
    r_x, r_y = np.array([0.1, 0.02]), np.array([0.01, 0.09])
    n = np.array([1e4, 1e4])
    table = filter_variants(r_x, r_y, n_x=n, n_y=n)
    assert table["exposure_first"].to_list() == [True, False]
    alone = judge_direction(r_x[1:], r_y[1:], n_x=1e4, n_y=1e4)
    assert table["neg_log10_p"][1] == pytest.approx(alone.neg_log10_p, rel=1e-12)


@pytest.mark.parametrize("n_x", [3.0, float("nan")])
def test_sample_sizes_are_needed(n_x: float) -> None:
    with pytest.raises(InputError, match="sample sizes"):
        judge_direction(np.array([0.1]), np.array([0.1]), n_x=n_x, n_y=100.0)
