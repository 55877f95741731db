from __future__ import annotations

import numpy as np
import pytest

from proteomr.errors import UsageError
from proteomr.mr.methods.debiased_ivw import DebiasedIvw
from proteomr.mr.methods.ivw import InverseVarianceWeighted
from proteomr.mr.methods.overlap_ivw import OverlapIvw
from proteomr.tables import Harmonised
from tests.mr.methods.examples import cover, make, run, simulate


def draw(seed: int, *, effect: float, psi: float) -> Harmonised:
    """Draw weak instruments whose two errors are correlated, as in studies that share people."""
    random = np.random.default_rng([seed, 7])
    truth = random.normal(0.0, 0.03, 80)
    errors = random.standard_normal((2, 80))
    se = np.full(80, 0.015)
    y = effect * truth + se * (psi * errors[0] + np.sqrt(1 - psi**2) * errors[1])
    return make(truth + se * errors[0], se, y, se)


def test_without_overlap_the_slope_is_the_debiased_one() -> None:
    data = simulate(np.random.default_rng(1), variants=20, noise_x=0.02)
    one, other = run(OverlapIvw(), data), run(DebiasedIvw(), data)
    assert one.estimate == pytest.approx(other.estimate, rel=1e-12)
    assert one.details["correction"] == 0.0


@pytest.mark.parametrize("effect", [0.0, 0.3])
def test_the_bias_of_overlap_is_gone_and_the_truth_is_covered(effect: float) -> None:
    sets = [draw(seed, effect=effect, psi=0.5) for seed in range(300)]
    biased, _ = cover(InverseVarianceWeighted(), effect, sets)
    mean, inside = cover(OverlapIvw(psi=0.5), effect, sets)
    assert abs(biased - effect) > 0.03
    assert mean == pytest.approx(effect, abs=0.01)
    assert inside == pytest.approx(0.95, abs=0.05)


def test_noise_alone_on_the_exposure_is_a_status() -> None:
    weak = make(np.full(4, 1e-3), np.full(4, 0.01), np.full(4, 0.1), np.full(4, 0.01))
    assert run(OverlapIvw(psi=0.2), weak).status.name == "not_identified"


def test_a_correlation_beyond_one_is_refused() -> None:
    with pytest.raises(UsageError, match="psi is 1"):
        OverlapIvw(psi=1.0)
