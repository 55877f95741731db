from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from proteomr.mr.methods.grip import Grip
from tests.mr.methods.comparison import Tally, compare, entries
from tests.mr.methods.examples import make, run, simulate


def test_grip_equals_twosamplemr_0_7_9(reference: Path) -> None:
    tally = Tally()
    for name, data, entry in entries(reference, "TwoSampleMR", "mr_grip"):
        skip = ("ci_low", "ci_high", "pval_i")
        compare(tally, name, run(Grip(), data), entry, skip=skip)
    tally.check(1e-9)
    assert (tally.entries, tally.refused) == (33, 5)


def test_the_adjusted_slope_equals_twosamplemr_0_7_9(reference: Path) -> None:
    compared, refused = 0, 0
    for _, data, entry in entries(reference, "TwoSampleMR", "mr_grip"):
        wanted = entry.get("result", {}).get("b.adj")
        if not isinstance(wanted, float):
            continue
        found = run(Grip(adjusted=True), data)
        package_se = entry["result"]["se.adj"]
        if found.status.name != "ok":
            assert np.isnan(package_se)  # a root of a negative number
            refused += 1
            continue
        assert found.estimate == pytest.approx(wanted, rel=1e-7)
        assert found.details["package_se"] == pytest.approx(package_se, rel=1e-7)
        assert found.se > found.details["package_se"] * (1.0 - 1e-9)
        compared += 1
    assert (compared, refused) == (27, 1)


@pytest.mark.parametrize("strength", [60.0, 12.0])
def test_the_adjusted_slope_and_its_error_hold_with_weak_variants(strength: float) -> None:
    random = np.random.default_rng(3)
    found, plain = [], []
    for _ in range(200):
        size = 0.01 * np.sqrt(strength) * random.uniform(0.5, 1.5, 200)
        truth = size * random.choice([-1.0, 1.0], 200)
        errors = np.full(200, 0.01)
        y = random.normal(0.4 * truth, errors)
        data = make(random.normal(truth, errors), errors, y, errors)
        found.append(run(Grip(adjusted=True), data))
        plain.append(run(Grip(), data).estimate)
    inside = np.mean([one.conf_low <= 0.4 <= one.conf_high for one in found])
    by_package = np.mean([abs(one.estimate - 0.4) < 2 * one.details["package_se"] for one in found])
    assert np.mean(plain) < 0.39
    assert np.median([one.estimate for one in found]) == pytest.approx(0.4, abs=0.02)
    assert inside >= 0.90
    assert by_package <= inside - (0.03 if strength < 20 else 0.0)


def test_the_slope_is_that_of_weighted_least_squares() -> None:
    data = simulate(np.random.default_rng(2), variants=9)
    root = 1.0 / (np.abs(data.x) * data.se_y)
    design = np.column_stack([np.ones(9), data.x**2]) * root[:, None]
    intercept, slope = np.linalg.lstsq(design, data.x * data.beta_y * root, rcond=None)[0]
    found = run(Grip(), data)
    assert found.estimate == pytest.approx(slope, rel=1e-10)
    assert found.details["intercept"] == pytest.approx(intercept, rel=1e-8)


def test_what_cannot_be_fitted_is_a_status() -> None:
    one = np.ones(3)
    assert run(Grip(), make(one[:2], *[one[:2]] * 3)).status.name == "too_few"
    zero = make(np.array([0.0, 1.0, 2.0]), one, one, one)
    assert run(Grip(), zero).status.name == "zero_effect"
    assert run(Grip(), make(one, one, one, one)).status.name == "not_identified"
