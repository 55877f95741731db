from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from proteomr.mr.methods.unweighted import UnweightedRegression
from tests.mr.methods.comparison import Tally, compare, entries
from tests.mr.methods.examples import make, run


def test_the_estimate_and_residuals_equal_twosamplemr_0_7_9(reference: Path) -> None:
    tally = Tally()
    wrong = ("se", "pval", "ci_low", "ci_high", "Q", "Q_df", "Q_pval")
    for name, data, entry in entries(reference, "TwoSampleMR", "mr_uwr"):
        found = run(UnweightedRegression(), data)
        compare(tally, name, found, entry, skip=wrong)
        if entry["result"]["b"] is not None:
            assert found.details["rss"] == pytest.approx(entry["result"]["Q"], rel=1e-12)
            sigma = found.details["residual_se"]
            assert found.se == pytest.approx(entry["result"]["se"] * min(1, sigma), rel=1e-12)
    assert (tally.entries, tally.refused) == (33, 1)
    tally.check(1e-12)


def test_the_standard_error_is_that_of_least_squares() -> None:
    random = np.random.default_rng(1)
    x, y = random.normal(size=30), random.normal(size=30)
    found = run(UnweightedRegression(), make(x, np.ones(30), y, random.uniform(1, 9, 30)))
    slope, rss, _, _ = np.linalg.lstsq(x[:, None], y)
    assert found.estimate == pytest.approx(slope[0], rel=1e-12)
    assert found.se == pytest.approx(np.sqrt(rss[0] / 29 / (x @ x)), rel=1e-12)


def test_what_cannot_be_fitted_is_a_status() -> None:
    one = np.ones(1)
    assert run(UnweightedRegression(), make(one, one, one, one)).status.name == "too_few"
    two = np.ones(2)
    found = run(UnweightedRegression(), make(0 * two, two, two, two))
    assert found.status.name == "zero_effect"
