from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from proteomr.mr.methods.constrained_ml import ConstrainedMaximumLikelihood
from tests.mr.methods.comparison import Tally, compare, entries
from tests.mr.methods.examples import check_invariances, make, run, simulate


@pytest.mark.parametrize("average", [True, False])
def test_cml_equals_mendelianrandomization_0_10_0(reference: Path, *, average: bool) -> None:
    tally = Tally()
    for name, data, entry in entries(reference, "MendelianRandomization", "mr_cML"):
        args = entry["args"]
        if args["DP"] or args["MA"] != average:
            continue
        method = ConstrainedMaximumLikelihood(average=average, sample_size=args["n"])
        found = run(method, data)
        compare(tally, name, found, entry)
        if not average:
            invalid = set(range(data.m)) - set(found.used or ())
            wanted = np.atleast_1d(entry["result"]["BIC_invalid"]).astype(int)
            assert {k + 1 for k in invalid} == set(wanted.tolist()), name
    tally.check(1e-9)
    assert (tally.entries, tally.refused) == (25, 0)


def test_alleles_units_and_order_change_nothing() -> None:
    check_invariances(ConstrainedMaximumLikelihood(sample_size=50_000), 1e-6)


def test_no_nearby_slope_has_a_higher_profile_likelihood() -> None:
    data = simulate(np.random.default_rng(1), variants=20)
    found = run(ConstrainedMaximumLikelihood(average=False, sample_size=1e5), data)
    rows = list(found.used or ())
    x, sx, y, sy = data.x[rows], data.sx[rows], data.beta_y[rows], data.se_y[rows]

    def loss(theta: float) -> float:
        return float(np.sum((y - theta * x) ** 2 / (sy**2 + theta**2 * sx**2)))

    best = loss(found.estimate)
    assert best < loss(found.estimate + 1e-4)
    assert best < loss(found.estimate - 1e-4)
    step = 1e-3
    curvature = (loss(found.estimate + step) - 2 * best + loss(found.estimate - step)) / step**2
    assert found.se == pytest.approx(math.sqrt(2.0 / curvature), rel=1e-3)


def test_invalid_variants_are_named() -> None:
    shift = np.where(np.arange(40) < 10, 0.3, 0.0)
    data = simulate(np.random.default_rng(2), pleiotropy=shift)
    found = run(ConstrainedMaximumLikelihood(sample_size=1e5), data)
    assert not set(range(10)) & set(found.used or ())
    assert found.estimate == pytest.approx(0.4, abs=0.03)


def test_the_sample_size_comes_from_the_data_or_is_asked_for() -> None:
    data = simulate(np.random.default_rng(3))
    assert run(ConstrainedMaximumLikelihood(), data).status.value == "needs_sample_size"
    known = dataclasses.replace(data, n_x=np.array([90_000.0]), n_y=50_000.0)
    given = run(ConstrainedMaximumLikelihood(sample_size=50_000), data)
    assert run(ConstrainedMaximumLikelihood(), known) == given


def test_what_cannot_be_fitted_is_a_status() -> None:
    one = np.ones(3)
    method = ConstrainedMaximumLikelihood(sample_size=100)
    assert run(method, make(one[:2], *[one[:2]] * 3)).status.value == "too_few"
    assert run(method, make(0.0 * one, one, one, one)).status.value == "zero_effect"
