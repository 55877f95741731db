from __future__ import annotations

import dataclasses
import itertools
import math
from pathlib import Path

import numpy as np
import pytest

from proteomr.mr.methods.constrained_ml import ConstrainedMaximumLikelihood
from proteomr.tables import Harmonised
from tests.mr.methods.comparison import entries
from tests.mr.methods.examples import make, run, simulate
from tests.mr.methods.oracles import minimise_by_scan


def trimmed(data: Harmonised, theta: float, invalid: int) -> float:
    """The loss at a slope with so many variants free: the rest of the squared distances."""
    q = (data.beta_y - theta * data.x) ** 2 / (data.se_y**2 + theta**2 * data.sx**2)
    return float(np.sort(q)[: data.m - invalid].sum())


def test_the_fit_of_least_criterion_is_mendelianrandomization_s_or_better(reference: Path) -> None:
    same, better = 0, []
    for name, data, entry in entries(reference, "MendelianRandomization", "mr_cML"):
        args, wanted = entry["args"], entry["result"]
        if args["DP"] or args["MA"]:
            continue
        found = run(ConstrainedMaximumLikelihood(average=False, sample_size=args["n"]), data)
        theirs = set((np.atleast_1d(wanted["BIC_invalid"]).astype(int) - 1).tolist())
        ours = set(range(data.m)) - set(found.used or ())
        price = math.log(args["n"])
        criterion = trimmed(data, found.estimate, len(ours)) + price * len(ours)
        bound = trimmed(data, wanted["b"], len(theirs)) + price * len(theirs)
        assert criterion <= bound * (1 + 1e-9), name
        if ours == theirs:
            assert found.estimate == pytest.approx(wanted["b"], rel=2e-6), name
            assert found.se == pytest.approx(wanted["se"], rel=1e-6), name
            same += 1
        else:
            assert criterion < bound - 1e-3, name
            better.append(name)
    assert same == 21
    assert better == ["mrb_hdl_chd", "raps_crp_cad_p5e8", "raps_ldl_cad_p1e4", "raps_ldl_ukb_p1e4"]


def test_the_average_is_mendelianrandomization_s_where_its_fits_are_optima(reference: Path) -> None:
    near = 0
    for _, data, entry in entries(reference, "MendelianRandomization", "mr_cML"):
        args, wanted = entry["args"], entry["result"]
        if args["DP"] or not args["MA"]:
            continue
        found = run(ConstrainedMaximumLikelihood(sample_size=args["n"]), data)
        close = abs(found.estimate / wanted["b"] - 1.0) < 1e-4
        near += close
        if close:
            assert found.se == pytest.approx(wanted["se"], rel=1e-3)
        else:
            assert abs(found.estimate - wanted["b"]) < found.se or data.m == 4
    assert near == 11


@pytest.mark.parametrize("seed", range(6))
def test_every_fit_is_the_best_of_all_sets_of_invalid_variants(seed: int) -> None:
    random = np.random.default_rng([seed, 77])
    data = simulate(random, variants=7, pleiotropy=random.normal(0.0, 0.05, 7), noise_x=0.02)
    n, criteria = 2e4, []
    for invalid in range(6):
        best = (math.inf, 0.0)
        for kept in itertools.combinations(range(7), 7 - invalid):
            line = minimise_by_scan(data.select(np.array(kept)))
            best = min(best, line)
        criteria.append((best[0] + invalid * math.log(n), best[1]))
    found = run(ConstrainedMaximumLikelihood(average=False, sample_size=n), data)
    assert found.estimate == pytest.approx(min(criteria)[1], rel=1e-6)


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
