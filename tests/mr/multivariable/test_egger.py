from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from proteomr.errors import UsageError
from proteomr.mr.methods.egger import EggerRegression
from proteomr.mr.multivariable import MultivariableEgger
from tests.mr.multivariable.lipids import Tally, entries, simulate

RANDOM = np.random.default_rng(1)


def test_multivariable_egger_equals_mendelianrandomization_0_10(reference: Path) -> None:
    tally = Tally()
    for data, entry in entries(reference, "MendelianRandomization", "mr_mvegger"):
        method = MultivariableEgger(
            orient_by=data.exposures[entry["args"]["orientate"] - 1],
            convention="mendelianrandomization",
            distribution="t" if "distribution" in entry["args"] else "normal",
        )
        tally.compare(method.estimate(data, random=RANDOM), entry["result"])
    assert tally.entries == 8
    tally.check(1e-8)


def test_one_exposure_gives_the_univariable_estimate() -> None:
    data = simulate(20, [0.4], seed=3)
    (found,) = MultivariableEgger().estimate(data, random=RANDOM)
    alone = EggerRegression().estimate(data, random=RANDOM)
    assert found.estimate == pytest.approx(alone.estimate, rel=1e-11)
    assert found.details["intercept"] == pytest.approx(alone.details["intercept"], rel=1e-10)


def test_a_variant_without_effect_on_the_orienting_exposure_keeps_its_allele() -> None:
    data = simulate(20, [0.4, 0.2], seed=3)
    x = data.beta_x.copy()
    x[3, 0] = 0.0
    zero = replace(data, beta_x=x)
    kept = MultivariableEgger().estimate(zero, random=RANDOM)
    emptied = MultivariableEgger(convention="mendelianrandomization").estimate(zero, random=RANDOM)
    x, y = x.copy(), data.beta_y.copy()
    x[3], y[3] = 0.0, 0.0
    by_hand = MultivariableEgger().estimate(replace(data, beta_x=x, beta_y=y), random=RANDOM)
    assert emptied[1].estimate == pytest.approx(by_hand[1].estimate, rel=1e-12)
    assert kept[1].estimate != pytest.approx(emptied[1].estimate, rel=1e-6)


def test_an_unknown_exposure_is_named_with_the_nearest() -> None:
    data = replace(simulate(20, [0.4, 0.2], seed=3), exposures=("smoking", "height"))
    with pytest.raises(UsageError, match="did you mean 'smoking'"):
        MultivariableEgger(orient_by="smokng").estimate(data, random=RANDOM)
