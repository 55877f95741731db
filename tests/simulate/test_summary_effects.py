from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from proteomr.errors import UsageError
from proteomr.simulate.summary_effects import (
    REVERSE_EFFECT,
    Pleiotropy,
    SummaryEffects,
    SummaryTruth,
    draw_direct_effects,
    draw_exposure_effects,
    draw_summary_effects,
    standard_errors,
)

MANY = 20_000


def draw(pleiotropy: Pleiotropy, *, effect: float = 0.2, share: float = 0.3) -> SummaryEffects:
    truth = SummaryTruth(
        effect=effect, pleiotropy=pleiotropy, instruments=MANY, invalid_share=share
    )
    return draw_summary_effects(truth, random=np.random.default_rng(4))


def oriented(drawn: SummaryEffects) -> tuple[np.ndarray, np.ndarray]:
    """Direct effects and sizes of the invalid variants, for the allele that raises the exposure."""
    rows = drawn.alpha != 0
    return drawn.alpha[rows] * np.sign(drawn.gamma[rows]), np.abs(drawn.gamma[rows])


def test_the_mean_f_of_the_true_effects_is_the_one_asked_for() -> None:
    se = standard_errors(np.linspace(0.1, 0.9, 7), people=50_000)
    effects = draw_exposure_effects(se, strength=12, random=np.random.default_rng(1))
    assert np.mean(1 + (effects / se) ** 2) == pytest.approx(12, rel=1e-12)


def test_the_mean_f_of_the_estimates_is_the_one_asked_for() -> None:
    drawn = draw("none")
    assert np.mean((drawn.beta_x / drawn.se_x) ** 2) == pytest.approx(60, rel=0.02)


def test_standard_errors_are_those_of_a_regression_on_genotypes() -> None:
    random = np.random.default_rng(2)
    genotypes = random.binomial(2, 0.3, 40_000).astype(float)
    genotypes -= genotypes.mean()
    slopes = [
        genotypes @ random.standard_normal(40_000) / (genotypes @ genotypes) for _ in "x" * 400
    ]
    expected = standard_errors(np.array([0.3]), people=40_000)[0]
    assert np.std(slopes) == pytest.approx(expected, rel=0.12)


def test_errors_have_the_stated_size_and_the_two_samples_are_independent() -> None:
    drawn = draw("balanced")
    x = (drawn.beta_x - drawn.gamma) / drawn.se_x
    y = (drawn.beta_y - 0.2 * drawn.gamma - drawn.alpha) / drawn.se_y
    assert [np.std(x), np.std(y)] == pytest.approx([1, 1], abs=0.02)
    assert abs(np.corrcoef(x, y)[0, 1]) < 0.03


def test_without_pleiotropy_no_variant_is_invalid() -> None:
    assert SummaryTruth(pleiotropy="none").invalid == 0
    assert not draw("none").alpha.any()


@pytest.mark.parametrize("pleiotropy", ["balanced", "directional", "correlated", "reverse"])
def test_the_share_of_invalid_variants_is_the_one_asked_for(pleiotropy: Pleiotropy) -> None:
    assert np.count_nonzero(draw(pleiotropy).alpha) == 6000


def test_balanced_direct_effects_average_zero_and_are_independent_of_strength() -> None:
    alpha, size = oriented(draw("balanced"))
    assert abs(alpha.mean()) < 4 * alpha.std() / len(alpha) ** 0.5
    assert abs(np.corrcoef(alpha, size)[0, 1]) < 0.05


def test_directional_direct_effects_have_a_mean_and_keep_inside() -> None:
    drawn = draw("directional")
    alpha, size = oriented(drawn)
    assert alpha.mean() / np.abs(drawn.gamma).mean() == pytest.approx(0.5, abs=0.02)
    assert abs(np.corrcoef(alpha, size)[0, 1]) < 0.05


def test_correlated_direct_effects_violate_inside() -> None:
    alpha, size = oriented(draw("correlated"))
    assert np.corrcoef(alpha, size)[0, 1] > 0.3
    assert (alpha / size).mean() == pytest.approx(0.4, abs=0.02)


def test_reverse_variants_have_the_ratio_of_the_reverse_effect() -> None:
    drawn = draw("reverse", effect=0.1)
    rows = drawn.alpha != 0
    total = 0.1 * drawn.gamma + drawn.alpha
    assert np.allclose(drawn.gamma[rows] / total[rows], REVERSE_EFFECT, rtol=1e-12)


def test_counting_the_other_allele_turns_the_direct_effect() -> None:
    truth = SummaryTruth(pleiotropy="directional", instruments=50)
    gamma = np.linspace(0.02, 0.05, 50)
    one = draw_direct_effects(gamma, truth, random=np.random.default_rng(3))
    other = draw_direct_effects(-gamma, truth, random=np.random.default_rng(3))
    assert np.array_equal(one, -other)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"pleiotropy": "balance"}, "did you mean"),
        ({"instruments": 0}, "0 instruments"),
        ({"strength": 1.0}, "not above 1"),
        ({"invalid_share": 1.5}, "not in 0 to 1"),
        ({"people_outcome": 10}, "1,000"),
    ],
)
def test_a_truth_out_of_range_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        SummaryTruth(**wrong)
