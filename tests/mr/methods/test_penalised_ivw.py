from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from proteomr.mr.methods.penalised_ivw import PenalisedIvw
from tests.mr.methods.comparison import Tally, compare, entries
from tests.mr.methods.examples import cover, make, run, simulate


@pytest.mark.parametrize("over_dispersion", [True, False])
def test_pivw_equals_mendelianrandomization_0_10_0(
    reference: Path, *, over_dispersion: bool
) -> None:
    tally = Tally()
    method = PenalisedIvw(over_dispersion=over_dispersion)
    args = {"over.dispersion": over_dispersion, "Boot.Fieller": False}
    for name, data, entry in entries(reference, "MendelianRandomization", "mr_pivw", args):
        found = run(method, data)
        compare(tally, name, found, entry)
        assert found.details["condition"] == pytest.approx(entry["result"]["Condition"], rel=1e-9)
    tally.check(1e-9)
    assert (tally.entries, tally.refused) == (32, 0)


def test_weak_instruments_do_not_bias_the_slope() -> None:
    sets = [simulate(np.random.default_rng(k), variants=200, noise_x=0.06) for k in range(60)]
    mean, inside = cover(PenalisedIvw(), 0.4, sets)
    weighted = [np.sum(d.x * d.beta_y / d.se_y**2) / np.sum(d.x**2 / d.se_y**2) for d in sets]
    assert mean == pytest.approx(0.4, abs=0.01)
    assert np.mean(weighted) < 0.38
    assert inside >= 0.88


def test_no_variants_are_too_few() -> None:
    none = np.empty(0)
    assert run(PenalisedIvw(), make(none, none, none, none)).status.name == "too_few"


def test_effects_that_are_all_noise_identify_nothing() -> None:
    one = np.ones(3)
    assert run(PenalisedIvw(), make(one, one, one, one)).status.name == "not_identified"


def test_without_a_penalty_the_debiased_slope_remains() -> None:
    data = simulate(np.random.default_rng(3))
    plain = run(PenalisedIvw(penalty=0.0), data)
    w = data.se_y**-2.0
    slope = np.sum(w * data.x * data.beta_y) / np.sum(w * (data.x**2 - data.sx**2))
    assert plain.estimate == pytest.approx(slope, rel=1e-12)
