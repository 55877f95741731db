from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from proteomr.mr.methods.raps import RobustAdjustedProfileScore
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
