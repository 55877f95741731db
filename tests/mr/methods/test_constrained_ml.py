from __future__ import annotations

import dataclasses
import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from proteomr._typing import F64
from proteomr.errors import UsageError
from proteomr.mr.methods.base import Estimate
from proteomr.mr.methods.constrained_ml import ConstrainedMaximumLikelihood, Search
from proteomr.mr.methods.variant_order import order_variants
from proteomr.stats.parametric_bootstrap import draw_effects
from proteomr.status import Status
from proteomr.tables import Harmonised
from tests.mr.methods.comparison import Tally, compare, entries
from tests.mr.methods.designs import DESIGNS
from tests.mr.methods.examples import make, run, simulate
from tests.mr.methods.oracles import minimise_by_scan
from tests.mr.reference import read_set


@pytest.mark.parametrize("average", [True, False])
def test_cml_equals_mendelianrandomization_0_10_0(reference: Path, *, average: bool) -> None:
    tally = Tally()
    for name, data, entry in entries(reference, "MendelianRandomization", "mr_cML"):
        args = entry["args"]
        if args["DP"] or args["MA"] != average:
            continue
        method = ConstrainedMaximumLikelihood(average=average, sample_size=args["n"])
        found = run(method, data)
        assert found.message is None, name
        compare(tally, name, found, entry)
        if not average:
            invalid = set(range(data.m)) - set(found.used or ())
            wanted = np.atleast_1d(entry["result"]["BIC_invalid"]).astype(int)
            assert {k + 1 for k in invalid} == set(wanted.tolist()), name
    tally.check(1e-9)
    assert (tally.entries, tally.refused) == (25, 0)


def trimmed(data: Harmonised, theta: float, invalid: int) -> float:
    """The loss at a slope with so many variants free: the rest of the squared distances."""
    q = (data.beta_y - theta * data.x) ** 2 / (data.se_y**2 + theta**2 * data.sx**2)
    return float(np.sort(q)[: data.m - invalid].sum())


def test_the_global_search_finds_no_worse_criterion_than_the_package(reference: Path) -> None:
    better = 0
    for name, data, entry in entries(reference, "MendelianRandomization", "mr_cML"):
        args, wanted = entry["args"], entry["result"]
        if args["DP"] or args["MA"]:
            continue
        method = ConstrainedMaximumLikelihood(average=False, sample_size=args["n"], search="global")
        found = run(method, data)
        theirs, ours = np.atleast_1d(wanted["BIC_invalid"]).size, data.m - len(found.used or ())
        price = math.log(args["n"])
        criterion = trimmed(data, found.estimate, ours) + price * ours
        bound = trimmed(data, wanted["b"], theirs) + price * theirs
        assert criterion <= bound * (1 + 1e-9), name
        better += criterion < bound - 0.1
    assert better > 0


def test_turns_that_had_not_settled_are_continued_and_it_is_said(reference: Path) -> None:
    # After 100 turns the package prints -5.39 with a standard error of 0.40 here, on its way.
    data = read_set(reference, "presso_e2")
    method = ConstrainedMaximumLikelihood(average=False, sample_size=50_000)
    found = run(method, data)
    assert "where the package ends them they had not settled" in str(found.message)
    rows = data.select(np.array(found.used))
    near = found.estimate * np.linspace(0.8, 1.2, 400_001)
    v = rows.se_y[:, None] ** 2 + near**2 * rows.sx[:, None] ** 2
    q = ((rows.beta_y[:, None] - near * rows.x[:, None]) ** 2 / v).sum(axis=0)
    assert found.estimate == pytest.approx(near[q.argmin()], rel=2e-6)


@pytest.mark.parametrize("search", ["package", "global"])
def test_a_search_without_a_certificate_is_a_status(search: Search) -> None:
    # Errors of 1e-14 of the effects: rounding alone is many standard errors.
    method = ConstrainedMaximumLikelihood(sample_size=20_000, search=search)
    data = [DESIGNS["errors of 1e-14"](np.random.default_rng(seed)) for seed in range(8)]
    doubted = [found for found in (run(method, one) for one in data) if found.status != Status.ok]
    assert doubted
    for found in doubted:
        assert found.status.name == "not_converged"
        assert "invalid variants: the score at the solution is not zero" in str(found.message)


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
    method = ConstrainedMaximumLikelihood(average=False, sample_size=n, search="global")
    assert run(method, data).estimate == pytest.approx(min(criteria)[1], rel=1e-6)


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
    assert run(ConstrainedMaximumLikelihood(), data).status.name == "needs_sample_size"
    known = dataclasses.replace(data, n_x=np.array([90_000.0]), n_y=50_000.0)
    given = run(ConstrainedMaximumLikelihood(sample_size=50_000), data)
    assert run(ConstrainedMaximumLikelihood(), known) == given


def test_what_cannot_be_fitted_is_a_status() -> None:
    one = np.ones(3)
    method = ConstrainedMaximumLikelihood(sample_size=100)
    assert run(method, make(one[:2], *[one[:2]] * 3)).status.name == "too_few"
    assert run(method, make(0.0 * one, one, one, one)).status.name == "zero_effect"


@pytest.mark.parametrize(
    ("options", "words"),
    [({"search": "local"}, "search 'local' is none of"), ({"tolerance": 0.0}, "above zero")],
)
def test_a_search_that_there_is_not_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        ConstrainedMaximumLikelihood(**options)


def test_perturbed_cml_agrees_with_mendelianrandomization_0_10_0(reference: Path) -> None:
    compared = 0
    for _, data, entry in entries(reference, "MendelianRandomization", "mr_cML"):
        args, wanted = entry["args"], entry["result"]
        if not args["DP"]:
            continue
        draws = args["num_pert"]
        method = ConstrainedMaximumLikelihood(sample_size=args["n"], perturbations=draws)
        found = run(method, data)
        error = wanted["se"] * (2.0 / draws) ** 0.5  # of the difference of two means of draws
        assert abs(found.estimate - wanted["b"]) < 4 * error
        assert found.se == pytest.approx(wanted["se"], rel=4 / draws**0.5)
        for name in ("gof1", "gof2"):
            ours = stats.norm.isf(10.0 ** -found.details[f"{name}_neg_log10_p"] / 2)
            theirs = stats.norm.isf(wanted[f"{name.upper()}_p"] / 2)
            assert abs(ours - theirs) < 4 * 2**0.5
        compared += 1
    assert compared == 5


def turn_slowly(x: F64, sx: F64, y: F64, sy: F64, count: int) -> tuple[float, float]:
    """Slope and -2 log likelihood with so many variants free, by plain turns from zero."""
    slope, true = 0.0, np.zeros(x.size)
    for _ in range(3000):
        before = slope, true
        worst = np.argsort(-((y - slope * true) ** 2) / sy**2, kind="stable")[:count]
        free = np.zeros(x.size)
        free[worst] = (y - slope * true)[worst]
        true = (x / sx**2 + slope * (y - free) / sy**2) / (1 / sx**2 + slope**2 / sy**2)
        slope = float(np.sum((y - free) * true / sy**2) / np.sum(true**2 / sy**2))
        if slope == before[0] and np.array_equal(true, before[1]):
            break  # every further turn is this one again
    keep = np.ones(x.size, dtype=bool)
    keep[worst] = False
    variance = sy**2 + slope**2 * sx**2
    return slope, float(np.sum(((y - slope * x) ** 2 / variance)[keep]))


DRAWS = 15


@pytest.fixture(scope="module")
def perturbed() -> tuple[Harmonised, F64]:
    """Return an analysis, and slope and loss of each of its perturbations by a slow loop."""
    direct = np.where(np.arange(8) < 2, 0.15, 0.0)
    data = simulate(np.random.default_rng(4), variants=8, pleiotropy=direct)
    data = data.select(order_variants(data))  # draws go to variants in turn
    again = np.random.default_rng(1)
    effects = draw_effects((data.x, data.sx), (data.beta_y, data.se_y), draws=DRAWS, random=again)
    sets = [(x, y) for xs, ys in effects for x, y in zip(xs, ys, strict=True)]
    fits = [[turn_slowly(x, data.sx, y, data.se_y, k) for k in range(7)] for x, y in sets]
    return data, np.array(fits)


@pytest.mark.parametrize("average", [True, False])
def test_perturbations_are_what_a_slow_loop_over_the_same_sets_gives(
    perturbed: tuple[Harmonised, F64], *, average: bool
) -> None:
    data, fits = perturbed
    n = 20_000.0
    method = ConstrainedMaximumLikelihood(average=average, sample_size=n, perturbations=DRAWS)
    found = method.estimate(data, random=np.random.default_rng(1))
    criteria = fits[..., 1].mean(axis=0) + np.log(n) * np.arange(7)
    weights = np.exp(-0.5 * (criteria - criteria.min()))
    weights = weights / weights.sum() if average else (criteria == criteria.min()).astype(float)
    means, spread = fits[..., 0].mean(axis=0), fits[..., 0].std(axis=0, ddof=1)
    slope = float(np.sum(weights * means))
    assert found.estimate == pytest.approx(slope, rel=1e-4)
    error = np.sum(weights * np.sqrt(spread**2 + (means - slope) ** 2))
    assert found.se == pytest.approx(error, rel=1e-3)


def test_perturbations_widen_intervals_that_the_choice_of_variants_made_too_narrow() -> None:
    plain: list[Estimate] = []
    drawn: list[Estimate] = []
    for seed in range(60):
        random = np.random.default_rng(seed)
        direct = np.where(np.arange(20) < 6, random.normal(0.0, 0.02, 20), 0.0)
        data = simulate(random, variants=20, pleiotropy=direct)
        for found, count in ((plain, 0), (drawn, 40)):
            method = ConstrainedMaximumLikelihood(sample_size=20_000.0, perturbations=count)
            found.append(run(method, data, seed=seed))
    for found in (plain, drawn):
        assert all(one.status.name == "ok" for one in found)
    shares = [
        float(np.mean([one.conf_low <= 0.4 <= one.conf_high for one in found]))
        for found in (plain, drawn)
    ]
    assert shares[1] >= max(0.88, shares[0])
    assert np.mean([one.se for one in drawn]) > np.mean([one.se for one in plain])


def test_the_goodness_of_fit_rejects_a_choice_that_is_not_certain_and_no_valid_model() -> None:
    valid = simulate(np.random.default_rng(2), variants=25)
    method = ConstrainedMaximumLikelihood(sample_size=20_000.0, perturbations=200)
    found = run(method, valid)
    assert found.details["gof2_neg_log10_p"] < 2.0
    (rows,) = found.further
    assert rows.table == "model_fit"
    assert rows.columns["test"] == ["gof1", "gof2"]
    assert rows.columns["neg_log10_p"][1] == found.details["gof2_neg_log10_p"]
    spread = np.random.default_rng(3).normal(0.0, 0.05, 25)
    broken = simulate(np.random.default_rng(2), variants=25, pleiotropy=spread)
    assert run(method, broken).details["gof2_neg_log10_p"] > 2.0
