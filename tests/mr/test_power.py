from __future__ import annotations

import numpy as np
import pytest

from proteomr.errors import InputError
from proteomr.mr.power import bound_overlap_bias, compute_power, detectable_effect


def test_power_is_the_share_of_simulated_studies_that_find_the_effect() -> None:
    n, r2, effect = 4_000, 0.04, 0.2
    rng = np.random.default_rng(3)
    z = effect * np.sqrt(n * r2) + rng.standard_normal(200_000)
    assert compute_power(effect, n=n, r2=r2) == pytest.approx((np.abs(z) > 1.96).mean(), abs=0.004)


def test_no_effect_is_found_as_often_as_the_level_says() -> None:
    assert compute_power(0.0, n=1e5, r2=0.1, alpha=0.01) == pytest.approx(0.01, rel=1e-9)


def test_balanced_cases_and_controls_carry_a_quarter_of_the_information() -> None:
    half = compute_power(0.2, n=4e4, r2=0.02, case_share=0.5)
    assert half == pytest.approx(compute_power(0.2, n=1e4, r2=0.02), rel=1e-12)


def test_the_detectable_effect_has_its_power() -> None:
    effect = detectable_effect(0.9, n=2e4, r2=0.01, case_share=0.3, alpha=1e-5)
    again = compute_power(effect, n=2e4, r2=0.01, case_share=0.3, alpha=1e-5)
    assert again == pytest.approx(0.9, rel=1e-9)


def test_overlap_bias_grows_with_overlap_and_weakness() -> None:
    weak = bound_overlap_bias(12.0, n_variants=30, n=1e5, overlap=1.0)
    strong = bound_overlap_bias(60.0, n_variants=30, n=1e5, overlap=1.0)
    none = bound_overlap_bias(12.0, n_variants=30, n=1e5, overlap=0.0)
    assert weak.relative_bias == pytest.approx(1 / 12)
    assert none.worst_relative_bias == 0
    assert weak.worst_relative_bias > weak.relative_bias > strong.relative_bias


def test_the_weakest_strength_covers_most_simulated_ones() -> None:
    m, f = 25, 15.0
    rng = np.random.default_rng(4)
    drawn = rng.noncentral_chisquare(m, m * (f - 1), 100_000) / m
    bound = 1 / bound_overlap_bias(f, n_variants=m, n=1e5, overlap=1.0).worst_relative_bias
    assert (drawn > bound).mean() == pytest.approx(0.975, abs=0.01)


@pytest.mark.parametrize("overlap", [-0.1, 1.1])
def test_overlap_is_a_share(overlap: float) -> None:
    with pytest.raises(InputError, match="overlap"):
        bound_overlap_bias(20.0, n_variants=5, n=1e4, overlap=overlap)
