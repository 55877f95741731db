from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from proteomr.mr.methods.ivw import InverseVarianceWeighted
from proteomr.mr.multivariable import MultivariableIvw, MultivariableResidual
from proteomr.mr.multivariable.ivw import find_own_instruments
from tests.mr.multivariable.lipids import Tally, entries, reorder, simulate

RANDOM = np.random.default_rng(1)
MRB = "MendelianRandomization"


@pytest.mark.parametrize(
    ("args", "options", "tolerance"),
    [
        ({}, {}, 1e-8),
        ({"model": "fixed"}, {"model": "fixed"}, 1e-8),
        ({"distribution": "t-dist"}, {"distribution": "t"}, 1e-8),
        ({"robust": True}, {"robust": True}, 2e-5),
    ],
)
def test_multivariable_ivw_equals_mendelianrandomization_0_10(
    reference: Path, args: dict[str, Any], options: dict[str, Any], tolerance: float
) -> None:
    tally = Tally()
    for data, entry in entries(reference, MRB, "mr_mvivw", args):
        method = MultivariableIvw(convention="mendelianrandomization", **options)
        tally.compare(method.estimate(data, random=RANDOM), entry["result"])
    assert tally.entries == 2
    tally.check(tolerance)


def test_sample_sizes_change_nothing_but_the_strength(reference: Path) -> None:
    tally = Tally()
    for data, entry in entries(reference, MRB, "mr_mvivw"):
        if "nx" in entry["args"]:
            method = MultivariableIvw(convention="mendelianrandomization")
            tally.compare(method.estimate(data, random=RANDOM), entry["result"])
    assert tally.entries == 2
    tally.check(1e-8)


def test_multivariable_ivw_equals_twosamplemr_0_7_9(reference: Path) -> None:
    tally = Tally()
    for method in ("mv_multiple", "mv_ivw"):
        for data, entry in entries(reference, "TwoSampleMR", method):
            args, result = entry["args"], entry["result"]
            own = args.get("instrument_specific", method == "mv_ivw")
            options = MultivariableIvw(
                intercept=args.get("intercept", False), own_instruments_p=5e-8 if own else None
            )
            ordered = reorder(data, result["id.exposure"])
            found = options.estimate(ordered, random=RANDOM)
            tally.compare(found, result)
            if own:
                assert [one.nsnp for one in found] == result["nsnp"]
    assert tally.entries == 10
    tally.check(1e-8)


def test_a_subset_of_the_exposures_with_their_instruments_equals_twosamplemr(
    reference: Path,
) -> None:
    tally = Tally()
    for data, entry in entries(reference, "TwoSampleMR", "mv_subset"):
        chosen = reorder(data, entry["result"]["id.exposure"])
        own = find_own_instruments(chosen, threshold=5e-8).any(axis=1)
        rows = np.flatnonzero(own).astype(np.int64)
        tally.compare(
            MultivariableIvw().estimate(chosen.select(rows), random=RANDOM), entry["result"]
        )
    assert tally.entries == 2
    tally.check(1e-8)


def test_residual_regression_equals_twosamplemr_0_7_9(reference: Path) -> None:
    tally = Tally()
    for data, entry in entries(reference, "TwoSampleMR", "mv_residual"):
        args, result = entry["args"], entry["result"]
        own = 5e-8 if args["instrument_specific"] else None
        method = MultivariableResidual(intercept=args["intercept"], own_instruments_p=own)
        found = method.estimate(reorder(data, result["id.exposure"]), random=RANDOM)
        tally.compare(found, result)
    for data, entry in entries(reference, "TwoSampleMR", "mv_basic"):
        result = entry["result"]
        method = MultivariableResidual(intercept=True, own_instruments_p=5e-8, first_step_all=True)
        found = method.estimate(reorder(data, result["id.exposure"]), random=RANDOM)
        tally.compare(found, result)
    assert tally.entries == 10
    tally.check(1e-8)


def test_multivariable_ivw_equals_mvmr_0_4_6(reference: Path) -> None:
    tally = Tally()
    for data, entry in entries(reference, "MVMR", "ivw_mvmr"):
        found = MultivariableIvw(distribution="t").estimate(data, random=RANDOM)
        table = entry["result"]["coef"]
        result = {"b": table["Estimate"], "se": table["Std. Error"], "pval": table["Pr(>|t|)"]}
        tally.compare(found, result)
    assert tally.entries == 2
    tally.check(1e-8)


def test_one_exposure_gives_the_univariable_estimate() -> None:
    data = simulate(20, [0.4], seed=3)
    (found,) = MultivariableIvw(convention="mendelianrandomization").estimate(data, random=RANDOM)
    alone = InverseVarianceWeighted().estimate(data, random=RANDOM)
    assert found.estimate == pytest.approx(alone.estimate, rel=1e-12)
    assert found.se == pytest.approx(alone.se, rel=1e-12)
    assert found.details["q"] == pytest.approx(alone.details["q"], rel=1e-12)


def test_the_residual_error_has_a_floor_in_one_convention_only() -> None:
    data = simulate(30, [0.4, -0.2], seed=4, se=0.01)
    calm = MultivariableIvw().estimate(
        type(data)(
            exposures=data.exposures,
            outcome="y",
            variants=data.variants,
            beta_x=data.beta_x,
            se_x=data.se_x,
            beta_y=data.beta_y,
            se_y=data.se_y * 4,
        ),
        random=RANDOM,
    )
    assert calm[0].details["residual_se"] < 1
    floored = MultivariableIvw(convention="mendelianrandomization").estimate(data, random=RANDOM)
    plain = MultivariableIvw().estimate(data, random=RANDOM)
    ratio = plain[0].se / floored[0].se
    assert ratio == pytest.approx(min(1.0, plain[0].details["residual_se"]), rel=1e-12)


def test_an_exposure_without_instruments_of_its_own_is_a_status() -> None:
    data = simulate(12, [0.4, -0.2], seed=5)
    found = MultivariableIvw(own_instruments_p=1e-300).estimate(data, random=RANDOM)
    assert [one.status.name for one in found] == ["too_few", "too_few"]
    assert all(math.isnan(one.estimate) for one in found)
