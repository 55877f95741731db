"""What correlations and shares a cohort lets expect: the paper's at its size, and what is drawn."""

from __future__ import annotations

import numpy as np
import pytest

from proteomr.simulate.covariates import Covariates
from proteomr.simulate.effects import plant_effects
from proteomr.simulate.expected_findings import tabulate_expected_findings
from proteomr.simulate.measurement import draw_measurement
from proteomr.simulate.outcomes import solve_hazards
from proteomr.simulate.people import draw_people
from proteomr.simulate.study import SHEN2025_COUNTS


def expect(people: int, proteins: int, seed: int) -> dict[str, tuple[float, float, float]]:
    covariates = Covariates(SHEN2025_COUNTS, draw_people(SHEN2025_COUNTS, people, seed=seed))
    effects = plant_effects(covariates, proteins, seed=seed)
    measured = draw_measurement(covariates, effects, seed=seed)
    hazards = solve_hazards(measured, effects)
    told = tabulate_expected_findings(effects, measured, hazards, proteins=proteins)
    names = told.pop("finding")
    return dict(zip(names, zip(*told.values(), strict=True), strict=True))


def test_the_correlations_and_shares_of_the_paper_are_expected_at_its_size() -> None:
    told = expect(42_062, 2_920, 2025)
    assert 0.52 <= told["r_effects"][0] <= 0.57  # the published limits
    assert told["hits_either"][0] == pytest.approx(179, abs=3)
    assert told["hits_both"][0] == pytest.approx(22, abs=3)
    assert told["r_halves_loneliness"][0] == pytest.approx(0.35, abs=0.03)
    for name, published in (("r_halves_isolation", 0.56), ("r_halves_loneliness", 0.35)):
        assert told[name][1] < published < told[name][2], name
    assert told["share_mortality"][0] == pytest.approx(0.902, abs=0.01)
    assert told["share_dementia"][0] == pytest.approx(0.066, abs=0.015)
    assert min(told[f"share_{name}"][0] for name in ("cvd", "t2d", "stroke")) > 0.5


def test_a_smaller_cohort_expects_less_and_with_wider_limits() -> None:
    small, large = expect(2_000, 100, 4), expect(20_000, 100, 4)
    for name, (expected, low, high) in small.items():
        if name.startswith("hits"):
            assert 0.0 <= low <= expected < large[name][0]  # which may be rarer than 2.5 %
            continue
        assert -1.0 <= low <= high <= 1.0
        assert low - 0.01 <= expected <= high + 0.01  # of shares that are 0 in nearly every draw
        assert expected < large[name][0] + 1e-9
    assert np.ptp(small["r_effects"][1:]) > np.ptp(large["r_effects"][1:])
