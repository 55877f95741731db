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
