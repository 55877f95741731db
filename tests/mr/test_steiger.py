from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from proteomr._typing import F64
from proteomr.errors import InputError
from proteomr.mr.analysis import analyse
from proteomr.mr.estimate import build_methods
from proteomr.mr.explained import EXCESS, TraitSize, explain
from proteomr.mr.reach import tabulate_reach
from proteomr.mr.steiger import (
    filter_variants,
    judge_direction,
    keep_forward_variants,
    measure_direction,
)
from proteomr.stats.variance_explained import correlation_from_beta, correlation_from_log_odds
from proteomr.tables import Harmonised
from tests.mr.reference import find_entry, read_expected, read_set


def correlate_by_p(p: F64, n: F64) -> F64:
    """What TwoSampleMR's get_r_from_pn solves: F of one and n - 1 degrees of freedom."""
    f = scipy.stats.t.isf(p / 2, n - 1) ** 2
    return np.asarray(np.sqrt(f / (n - 2 + f)))


def test_the_direction_of_bmi_and_heart_disease_is_that_of_twosamplemr(reference: Path) -> None:
    data = read_set(reference, "tsmr_bmi_chd")
    entries = read_expected(reference, "tsmr_bmi_chd")
    expected = find_entry(entries, "directionality_test", "TwoSampleMR")["result"]
    v = data.variants
    n_x, n_y = v["n_exposure"].to_numpy(), v["n_outcome"].to_numpy()
    found = judge_direction(
        correlate_by_p(v["pval_exposure"].to_numpy(), n_x),
        correlate_by_p(v["pval_outcome"].to_numpy(), n_y),
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


def make_pair(
    x: list[float], y: list[float], *, se: float = 0.0035, n: float = 33_000, **columns: object
) -> Harmonised:
    """Return a pair of m variants with standard errors and sizes of one value."""
    m = len(x)
    known = {"n_exposure": [n] * m, "n_outcome": [n] * m} | {
        name: [value] * m for name, value in columns.items()
    }
    return Harmonised(
        exposures=("P",),
        outcome="D",
        variants=pl.DataFrame({"variant_id": [f"rs{i}" for i in range(m)], **known}),
        beta_x=np.array(x)[:, None],
        se_x=np.full((m, 1), se),
        beta_y=np.array(y),
        se_y=np.full(m, se),
    )


LARGE, SMALL = [1.2, 1.1, 0.9], [0.01, 0.02, 0.03]


@pytest.mark.parametrize(
    ("x", "y", "sides"),
    [
        (LARGE, SMALL, ("exposure",)),
        (SMALL, LARGE, ("outcome",)),
        (LARGE, LARGE, ("exposure", "outcome")),
    ],
)
def test_shares_of_variance_above_one_are_no_test_and_a_word_in_every_table(
    x: list[float], y: list[float], sides: tuple[str, ...]
) -> None:
    made = analyse([make_pair(x, y)], build_methods(["ivw"]))
    row = made.steiger.row(0, named=True)
    assert row["exposure_first"] is row["neg_log10_p"] is row["sensitivity_ratio"] is None
    for side in ("exposure", "outcome"):
        assert (row[f"r2_{side}"] is None) == (side in sides)
        assert (f"of the variance of the {side}, {EXCESS}" in row["message"]) == (side in sides)
    verdict = made.verdict["verdict"].item()
    assert EXCESS in verdict
    assert "nothing tested is against it" not in verdict
    reach = tabulate_reach([make_pair(x, y)]).row(0, named=True)
    assert (reach["r2_exposure"] is None) == ("exposure" in sides)
    assert (reach["detectable_effect"] is None) == ("exposure" in sides)


@pytest.mark.parametrize("size", [3.0, 0.0, -10.0, float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["n_exposure", "n_outcome"])
def test_a_size_that_is_none_is_a_message_and_never_a_number(size: float, name: str) -> None:
    pair = make_pair(SMALL, SMALL)
    odd = replace(pair, variants=pair.variants.with_columns(pl.Series(name, [size, 1e4, 1e4])))
    row = measure_direction([odd]).row(0, named=True)
    assert row["exposure_first"] is None
    assert "sample sizes" in row["message"]
    assert name in str(tabulate_reach([odd])["message"].item())


@given(
    x=st.lists(st.floats(-3, 3), min_size=1, max_size=6),
    y=st.lists(st.floats(-3, 3), min_size=6, max_size=6),
    se=st.floats(1e-4, 1.0),
    n=st.floats(4, 1e6),
    overlap=st.sampled_from([None, 0.0, 0.4, 1.0]),
)
@settings(deadline=None, max_examples=120)
def test_no_share_leaves_its_range_and_no_number_is_absent_without_a_word(
    x: list[float], y: list[float], se: float, n: float, overlap: float | None
) -> None:
    pair = make_pair(x, y[: len(x)], se=se, n=n)
    row = measure_direction([pair]).row(0, named=True)
    for side in ("exposure", "outcome"):
        share = row[f"r2_{side}"]
        assert share is None or 0 <= share < 1
    assert row["exposure_first"] is not None or row["message"]
    reach = tabulate_reach([pair], overlap=overlap).row(0, named=True)
    assert reach["r2_exposure"] is not None or EXCESS in reach["message"]
    for name in ("relative_bias", "worst_relative_bias"):
        assert reach[name] is None or 0 <= reach[name] <= 1


def test_a_reliability_that_makes_a_share_of_one_is_refused() -> None:
    with pytest.raises(InputError, match=EXCESS):
        judge_direction(np.array([0.5]), np.array([0.1]), n_x=1e3, n_y=1e3, reliability_x=0.4)


def test_the_filter_and_the_direction_take_one_scale_of_a_disease() -> None:
    size = TraitSize(n_case=1_000, n_control=32_000, prevalence=0.01)
    pair = make_pair([0.05, 0.05], [0.05, 0.4], eaf_outcome=0.3, eaf_exposure=0.3)
    y = explain(pair, "outcome", size)
    forward = np.abs(explain(pair, "exposure").r) > np.abs(y.r)
    assert forward.tolist() == [True, False]
    kept = keep_forward_variants(pair, outcome_size=size)
    assert kept.variants["variant_id"].to_list() == ["rs0"]
    alone = measure_direction([pair.select(np.array([0]))], outcome_size=size)
    assert alone["exposure_first"].item() is True
    assert alone["r2_outcome"].item() == pytest.approx(float(y.r[0]) ** 2, rel=1e-12)
    as_quantitative = keep_forward_variants(pair)
    assert as_quantitative.m == 0  # by n alone the first would have gone as well
    assert "liability" in alone["message"].item()


def test_cases_among_the_variants_tell_a_disease_as_an_option_does() -> None:
    told = make_pair(SMALL, LARGE, eaf_outcome=0.3, n_case_outcome=1_000.0)
    option = TraitSize(n_case=1_000, n_control=32_000)
    plain = make_pair(SMALL, LARGE, eaf_outcome=0.3)
    assert measure_direction([told]).equals(measure_direction([plain], outcome_size=option))
    assert keep_forward_variants(told).m == keep_forward_variants(plain, outcome_size=option).m
    one, other = (
        tabulate_reach([pair], outcome_size=size)["detectable_effect"].item()
        for pair, size in ((told, None), (plain, option))
    )
    assert one == other


def test_a_variant_that_explains_all_of_a_trait_leaves_the_filter_under_its_own_reason() -> None:
    pair = make_pair([0.05, 1e6], [0.0, 0.0], se=1e-6, n=1_000)
    assert keep_forward_variants(pair).dropped["reason"].to_list() == [
        "explains all of a trait: n or unit wrong"
    ]
