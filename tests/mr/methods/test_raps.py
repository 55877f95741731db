from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from proteomr.mr.methods.raps import RobustAdjustedProfileScore
from proteomr.stats.effect_prior import EffectPrior
from proteomr.stats.profile_score import Loss
from tests.mr.methods.comparison import Tally, compare, entries
from tests.mr.methods.examples import cover, make, run, simulate

ANOTHER_ROOT = {
    ("presso_e1", True, "tukey"),
    ("raps_bmi_sbp", True, "tukey"),
    ("raps_cad_bmi_p1e4", True, "huber"),
    ("raps_cad_bmi_p1e4", True, "tukey"),
    ("raps_cad_bmi_p1e4", False, "tukey"),
    ("raps_crp_cad_p5e8", True, "huber"),
}  # the package warns that it found no extra variance, or that another root lies near


def test_raps_equals_twosamplemr_0_7_9(reference: Path) -> None:
    tally, apart, early = Tally(), 0, 0
    for name, data, entry in entries(reference, "TwoSampleMR", "mr_raps"):
        args = entry["args"]
        method = RobustAdjustedProfileScore(args["loss.function"], args["over.dispersion"])
        found, wanted = run(method, data), entry["result"]
        if (name, args["over.dispersion"], args["loss.function"]) in ANOTHER_ROOT:
            assert "warnings" in entry
            assert abs(found.estimate - wanted["b"]) > 1e-3
            apart += 1
            continue
        compare(tally, name, found, entry, skip=("pval",))
        early += abs(found.estimate / wanted["b"] - 1.0) > 1e-8
    tally.check(1e-5)
    assert (tally.entries, apart, early) == (122, 6, 6)


@pytest.mark.parametrize("loss", ["l2", "huber", "tukey"])
def test_the_profile_variance_equals_mr_raps_mle_0_4_2(reference: Path, loss: Loss) -> None:
    tally = Tally()
    args = {"over.dispersion": False, "loss.function": loss}
    method = RobustAdjustedProfileScore(loss, over_dispersion=False, variance="profile")
    for name, data, entry in entries(reference, "mr.raps", "mr.raps.mle", args):
        if (name, loss) != ("raps_cad_bmi_p1e4", "tukey"):  # several roots
            compare(tally, name, run(method, data), entry, skip=("pval",))
    tally.check(1e-5)
    assert tally.entries == (31 if loss == "tukey" else 32)


def test_the_result_equals_the_shrinkage_scores_of_mr_raps_without_shrinkage(
    reference: Path,
) -> None:
    compared = 0
    for name, data, entry in entries(reference, "mr.raps", "mr.raps.shrinkage"):
        args, wanted = entry["args"], entry["result"]
        if args["shrinkage"] or wanted["tau2"] < 1e-6:
            continue
        if (name, True, args["loss.function"]) in ANOTHER_ROOT:
            continue
        found = run(RobustAdjustedProfileScore(args["loss.function"]), data)
        assert found.estimate == pytest.approx(wanted["b"], rel=1e-7)
        assert found.se == pytest.approx(wanted["se"], rel=1e-6)
        assert found.details["tau2"] == pytest.approx(wanted["tau2"], rel=1e-5)
        assert found.details["tau2_se"] == pytest.approx(wanted["tau2_se"], rel=1e-5)
        compared += 1
    assert compared == 52


SHRUNK_APART = {
    ("presso_e1", "tukey"),
    ("raps_bmi_sbp", "tukey"),
    ("raps_cad_bmi_p1e4", "huber"),
    ("raps_cad_bmi_p1e4", "tukey"),
    ("raps_crp_cad_p1e4", "huber"),
    ("raps_crp_cad_p5e8", "l2"),
    ("raps_crp_cad_p5e8", "huber"),
}  # the package warns of another root, or that it found no extra variance


def test_shrinkage_equals_mr_raps_0_4_2_under_its_prior(reference: Path) -> None:
    compared = 0
    for name, data, entry in entries(reference, "mr.raps", "mr.raps.shrinkage"):
        args, wanted = entry["args"], entry["result"]
        if not args["shrinkage"]:
            continue
        (narrow, share), (wide, _) = sorted(
            zip(args["prior"]["sigma"], args["prior"]["p"], strict=True)
        )
        prior = EffectPrior(share, narrow, wide)
        found = run(
            RobustAdjustedProfileScore(args["loss.function"], shrinkage=True, prior=prior), data
        )
        if (name, args["loss.function"]) in SHRUNK_APART:
            assert "warnings" in entry
            continue
        assert found.estimate == pytest.approx(wanted["b"], rel=1e-6)
        assert found.se == pytest.approx(wanted["se"], rel=5e-6)
        compared += 1
    assert compared == 75 - len(SHRUNK_APART)


def test_shrinkage_gains_where_half_of_the_variants_are_noise() -> None:
    random = np.random.default_rng(11)
    plain, shrunk = [], []
    for _ in range(120):
        errors = np.full(120, 0.01)
        truth = np.where(np.arange(120) < 100, 0.0, 0.08) * random.choice([-1.0, 1.0], 120)
        data = make(
            random.normal(truth, errors), errors, random.normal(0.4 * truth, errors), errors
        )
        plain.append(run(RobustAdjustedProfileScore(), data))
        shrunk.append(run(RobustAdjustedProfileScore(shrinkage=True), data))
    estimates = np.array([one.estimate for one in shrunk])
    inside = np.mean([one.conf_low <= 0.4 <= one.conf_high for one in shrunk])
    assert estimates.mean() == pytest.approx(0.4, abs=4 * estimates.std() / 120**0.5)
    assert inside >= 0.87
    assert estimates.std() < np.std([one.estimate for one in plain])


def test_exact_moments_move_the_result_in_the_sixth_digit() -> None:
    data = simulate(np.random.default_rng(1), pleiotropy=0.02)
    package = run(RobustAdjustedProfileScore(), data)
    exact = run(RobustAdjustedProfileScore(moments="exact"), data)
    assert exact.se != package.se
    assert exact.se == pytest.approx(package.se, rel=1e-5)


def test_intervals_hold_the_truth_under_balanced_pleiotropy() -> None:
    sets = []
    for seed in range(60):
        random = np.random.default_rng(seed)
        shift = random.normal(0.0, 0.02, 50)
        sets.append(simulate(random, variants=50, pleiotropy=shift, noise_x=0.03))
    mean, inside = cover(RobustAdjustedProfileScore(), 0.4, sets)
    assert mean == pytest.approx(0.4, abs=0.02)
    assert inside >= 0.88


def test_what_cannot_be_fitted_is_a_status() -> None:
    one = np.ones(3)
    method = RobustAdjustedProfileScore()
    assert run(method, make(one[:2], *[one[:2]] * 3)).status.name == "too_few"
    assert run(method, make(0.0 * one, one, one, one)).status.name == "zero_effect"
    wrong = RobustAdjustedProfileScore(variance="profile")
    assert run(wrong, make(one, one, one, one)).status.name == "not_identified"
    both = RobustAdjustedProfileScore(over_dispersion=False, variance="profile", shrinkage=True)
    assert run(both, make(one, one, one, one)).status.name == "not_identified"
