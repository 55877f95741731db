from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from proteomr.mr.methods.contamination_mixture import ContaminationMixture
from proteomr.tables import Harmonised
from tests.mr.methods.comparison import Tally, compare, entries
from tests.mr.methods.examples import make, run, simulate


@pytest.mark.parametrize(
    ("method", "args"),
    [
        (ContaminationMixture(convention="mendelianrandomization"), {}),
        (
            ContaminationMixture(lowest=-1.0, highest=3.0, convention="mendelianrandomization"),
            {"CIMin": -1, "CIMax": 3, "CIStep": 0.01},
        ),
    ],
)
def test_conmix_equals_mendelianrandomization_0_10_0(
    reference: Path, method: ContaminationMixture, args: dict[str, float]
) -> None:
    tally, several = Tally(), 0
    narrowed, ends = [], []
    for name, data, entry in entries(reference, "MendelianRandomization", "mr_conmix", args):
        found, wanted = run(method, data), entry.get("result")
        if wanted is not None and np.all(wanted["ci_low"] == wanted["ci_high"]):
            assert "the step of the grid was divided by 10" in str(found.message), name
            assert found.estimate == pytest.approx(wanted["b"], abs=0.01)
            assert found.conf_low < found.conf_high
            narrowed.append(name)  # the package's set has no width
            continue
        compare(tally, name, found, entry, skip=("ci_low", "ci_high"))
        if wanted is None:
            continue
        message = found.message or ""
        if "the best point is an end of the grid" in message:
            ends.append(name)
        # the package's set and p may disagree about zero, and it is said
        excluded = not found.conf_low <= 0.0 <= found.conf_high
        disagree = excluded != (found.neg_log10_p > -math.log10(0.05))
        assert ("heterogeneity widens the set" in message) == disagree, name
        low, high = np.atleast_1d(wanted["ci_low"]), np.atleast_1d(wanted["ci_high"])
        np.testing.assert_allclose(np.array(found.intervals), np.c_[low, high], atol=1e-9)
        assert [k + 1 for k in found.used or ()] == np.atleast_1d(wanted["Valid"]).tolist(), name
        assert found.details["psi"] == pytest.approx(wanted["Psi"], rel=1e-9)
        several += low.size > 1
    tally.check(1e-9)
    assert (tally.entries + len(narrowed), tally.refused) == (27, 1)
    tiny = ["raps_ldl_ukb_p1e4", "raps_tg_ukb_p1e4", "raps_tg_ukb_p5e8"]  # effects near the step
    assert narrowed == (["raps_ldl_ukb_p1e4", "raps_ldl_ukb_p5e8", *tiny[1:]] if args else tiny)
    assert ends == (["mrb_hdl_chd"] if args else ["raps_crp_cad_p5e8"])
    assert several == (1 if not args else 2)


def test_a_best_point_at_an_end_that_is_given_is_none_but_in_the_packages_convention() -> None:
    data = simulate(np.random.default_rng(8), variants=12)
    cut = ContaminationMixture(lowest=-1.0, highest=0.2)
    found = run(cut, data)
    assert found.status.name == "not_identified"
    assert "lowest and highest give a wider one" in str(found.message)
    theirs = run(replace(cut, convention="mendelianrandomization"), data)
    assert theirs.estimate == pytest.approx(0.2)
    assert str(theirs.message).startswith(str(found.message))
    assert run(ContaminationMixture(lowest=-1.0, highest=2.0), data).message is None


def _profile(data: Harmonised, theta: float) -> float:
    """Return the log likelihood of a slope by an obvious sum, of one without bounds at infinity."""
    r, s = data.beta_y / data.x, np.abs(data.se_y / data.x)
    psi = 1.5 * np.std(r, ddof=1)
    invalid = norm.logpdf(r, 0.0, np.sqrt(psi**2 + s**2))
    if math.isinf(theta):
        return float(invalid.sum())
    return float(np.maximum(norm.logpdf(r, theta, s), invalid).sum())


@pytest.mark.parametrize(
    ("variants", "effect", "kinds"),
    # invalid ratios are around zero, so that few variants without effect exclude nothing
    [(2, 0.0, {"open"}), (4, 0.0, {"open"}), (4, 0.4, {"closed"}), (12, 0.2, {"closed"})],
)
def test_sets_go_as_far_as_the_likelihood_and_open_ones_have_no_limits(
    variants: int, effect: float, kinds: set[str]
) -> None:
    seen = set[str]()
    for seed in range(5):
        data = simulate(np.random.default_rng([variants, seed]), variants=variants, effect=effect)
        found = run(ContaminationMixture(), data)
        assert found.status.name == "ok"
        far = float(np.abs(data.beta_y / data.x).max() + 40.0 * np.abs(data.se_y / data.x).max())
        scores = [_profile(data, found.estimate + 0.01 * k) for k in range(-100, 101)]
        best, least = max(scores), _profile(data, math.inf)
        assert _profile(data, found.estimate) == pytest.approx(best, rel=1e-12)
        bound = 0.5 * 3.841458820694124 * found.details["phi"] ** 2
        # the one value that far out no slope falls below, and that all come to
        assert _profile(data, far) == pytest.approx(least, rel=1e-12)
        if best - least < bound:
            seen.add("open")
            assert found.intervals[0][0] == -math.inf
            assert found.intervals[-1][1] == math.inf
            assert math.isnan(found.conf_low)
            assert math.isnan(found.conf_high)
            assert "no effect for being large" in str(found.message)
        else:
            seen.add("closed")
            for end, out in ((found.conf_low, -0.01), (found.conf_high, 0.01)):
                assert best - _profile(data, end) < bound <= best - _profile(data, end + out)
    assert kinds <= seen


@pytest.mark.parametrize("seed", range(4))
def test_the_allele_that_is_counted_moves_the_estimate_by_less_than_a_step(seed: int) -> None:
    random = np.random.default_rng(seed)
    data = simulate(random, variants=5, pleiotropy=random.normal(0.0, 0.05, 5))
    found = []
    for signs in itertools.product((1.0, -1.0), repeat=5):
        turned = np.array(signs)
        other = make(turned * data.x, data.sx, turned * data.beta_y, data.se_y)
        found.append(run(ContaminationMixture(), other))
    assert {one.status.name for one in found} == {"ok"}
    assert np.ptp([one.estimate for one in found]) < 0.01 + 1e-12
    for name in ("conf_low", "conf_high"):  # a set of the points of the grid: one more or fewer
        ends = np.array([getattr(one, name) for one in found])
        assert np.isnan(ends).all() or np.ptp(ends) < 0.02 + 1e-12


def test_the_estimate_is_the_best_point_of_an_obvious_search() -> None:
    data = simulate(np.random.default_rng(1), variants=12, pleiotropy=0.01)
    r, s = data.beta_y / data.x, np.abs(data.se_y / data.x)
    psi = 1.5 * np.std(r, ddof=1)

    def log_density(value: float, variance: float) -> float:
        return -0.5 * value**2 / variance - 0.5 * math.log(2 * math.pi * variance)

    found = run(ContaminationMixture(lowest=-1.0, highest=1.0), data)
    scores = {}
    for k in range(201):
        theta = -1.0 + 0.01 * k
        scores[theta] = sum(
            max(log_density(a - theta, b**2), log_density(a, psi**2 + b**2))
            for a, b in zip(r, s, strict=True)
        )
    assert found.estimate == pytest.approx(max(scores, key=lambda theta: scores[theta]))


def test_alleles_and_order_change_nothing() -> None:
    data = simulate(np.random.default_rng(2), variants=15, pleiotropy=0.02)
    order = np.random.default_rng(3).permutation(15)
    flipped = make(-data.x, data.sx, -data.beta_y, data.se_y)
    method = ContaminationMixture(lowest=-2.0, highest=3.0)
    for other in (flipped, data.select(order)):
        one, two = run(method, data), run(method, other)
        assert two.estimate == pytest.approx(one.estimate, rel=1e-12)
        assert two.neg_log10_p == pytest.approx(one.neg_log10_p, rel=1e-9)


def test_heterogeneity_divides_the_statistic_on_request() -> None:
    data = simulate(np.random.default_rng(4), variants=30, pleiotropy=0.02)
    data = make(data.x, data.sx, data.beta_y, 0.5 * data.se_y)
    package, divided = (
        run(ContaminationMixture(divide_by_heterogeneity=flag), data) for flag in (False, True)
    )
    phi = package.details["phi"]
    assert phi > 1.0
    assert divided.neg_log10_p < package.neg_log10_p
    assert divided.estimate == package.estimate


def test_the_truth_is_found_where_a_third_of_variants_are_invalid() -> None:
    found, right = [], []
    for seed in range(15):
        random = np.random.default_rng(seed)
        shift = np.where(np.arange(45) < 15, random.normal(0.0, 0.15, 45), 0.0)
        fit = run(ContaminationMixture(), simulate(random, variants=45, pleiotropy=shift))
        found.append(fit.estimate)
        right.append(np.mean(np.isin(np.arange(15, 45), fit.used or ())))
    assert np.mean(found) == pytest.approx(0.4, abs=0.02)
    assert np.mean(right) > 0.9


def test_what_cannot_be_fitted_is_a_status() -> None:
    one = np.ones(3)
    zero = make(np.array([0.0, 1.0, 1.0]), one, one, one)
    assert run(ContaminationMixture(), zero).status.name == "zero_effect"
    assert run(ContaminationMixture(), make(one[:1], *[one[:1]] * 3)).status.name == "too_few"
    wide = make(np.array([1e-9, 1.0, 1.0]), one, one, one)
    assert run(ContaminationMixture(), wide).status.name == "not_identified"


def test_a_step_wider_than_the_errors_of_ratios_is_told() -> None:
    data = simulate(np.random.default_rng(5), variants=8)
    assert "errors of" not in str(run(ContaminationMixture(), data).message)
    precise = data.se_y.copy()
    precise[:2] = 1e-5
    found = run(ContaminationMixture(), make(data.x, data.sx, data.beta_y, precise))
    assert "wider than the errors of 2 ratios" in str(found.message)
    finer = ContaminationMixture(step=1e-5)
    assert run(finer, make(data.x, data.sx, data.beta_y, precise)).message is None


@pytest.mark.parametrize("seed", [9, 40, 47, 57])
def test_the_grid_is_as_fine_as_the_errors_of_most_ratios(seed: int) -> None:
    rng = np.random.default_rng(seed)
    m = int(rng.integers(4, 40))
    x = rng.normal(0.1, 0.03, m)
    sx, sy = rng.uniform(0.004, 0.01, (2, m))
    y = rng.normal(0.4 * x, sy)
    y[: m // 3] += rng.normal(0, 0.1, m // 3)
    data = make(60 * x, 60 * sx, y, sy)
    found, fine = (run(ContaminationMixture(step=step), data) for step in (0.01, 1e-4))
    assert abs(found.estimate - fine.estimate) < 0.0011  # a step
    assert "the step of the grid was divided by 10" in str(found.message)
