from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from proteomr.errors import UsageError
from proteomr.mr.methods.ivw import (
    InverseVarianceWeighted,
    InverseVarianceWeightedFixed,
    InverseVarianceWeightedRandom,
)
from proteomr.mr.methods.method import Method
from proteomr.stats.distributions import p_from_neg_log10
from tests.mr.methods.comparison import Tally, compare, entries
from tests.mr.methods.examples import cover, make, run, simulate
from tests.mr.reference import read_set

THEIRS = InverseVarianceWeighted(convention="mendelianrandomization")
DELTA = InverseVarianceWeighted(convention="mendelianrandomization", weights="delta")


def option(**changes: Any) -> InverseVarianceWeighted:
    return InverseVarianceWeighted(convention="mendelianrandomization", **changes)


@pytest.mark.parametrize(
    ("method", "function"),
    [
        (InverseVarianceWeighted(), "mr_ivw"),
        (InverseVarianceWeightedFixed(), "mr_ivw_fe"),
        (InverseVarianceWeightedRandom(), "mr_ivw_mre"),
    ],
)
def test_ivw_equals_twosamplemr_0_7_9(reference: Path, method: Method, function: str) -> None:
    tally = Tally()
    for name, data, entry in entries(reference, "TwoSampleMR", function):
        compare(tally, name, run(method, data), entry)
    assert (tally.entries, tally.refused) == (33, 1)
    tally.check(1e-12)


@pytest.mark.parametrize(
    ("args", "method"),
    [
        ({"model": "default", "weights": "simple"}, THEIRS),
        ({"model": "random", "weights": "simple"}, option(model="random")),
        ({"model": "fixed", "weights": "simple"}, option(model="fixed")),
        ({"model": "default", "weights": "delta"}, DELTA),
        ({"model": "random", "weights": "delta"}, option(model="random", weights="delta")),
        ({"model": "fixed", "weights": "delta"}, option(model="fixed", weights="delta")),
        ({"weights": "delta", "psi": 0.3}, option(weights="delta", psi=0.3)),
        ({"distribution": "t-dist"}, option(distribution="t")),
        ({"penalized": True}, option(penalised=True)),
        ({"penalized": True, "weights": "delta"}, option(penalised=True, weights="delta")),
    ],
)
def test_ivw_equals_mendelianrandomization_0_10_0(
    reference: Path, args: dict[str, Any], method: InverseVarianceWeighted
) -> None:
    tally = Tally()
    for name, data, entry in entries(reference, "MendelianRandomization", "mr_ivw", args):
        skip: tuple[str, ...] = ()
        if method.weights == "delta" and (data.x == 0).any():
            skip = ("Heter.Stat",)  # theirs counts the variants that have no weight
        if method.distribution == "t" and data.m == 1:
            skip = ("ci_low", "ci_high")  # theirs are not numbers
        compare(tally, name, run(method, data), entry, skip=skip)
    assert (tally.entries, tally.refused) == (33, 0)
    tally.check(1e-11)


@pytest.mark.parametrize("penalised", [False, True])
def test_robust_ivw_equals_mendelianrandomization_0_10_0(
    reference: Path, *, penalised: bool
) -> None:
    args = {"robust": True, "penalized": True} if penalised else {"robust": True}
    tally = Tally()
    method = option(robust=True, penalised=penalised)
    for name, data, entry in entries(reference, "MendelianRandomization", "mr_ivw", args):
        compare(tally, name, run(method, data), entry)
    assert (tally.entries, tally.refused) == (28, 0)
    tally.check(1e-4)


def test_delta_heterogeneity_counts_the_variants_that_have_weight(reference: Path) -> None:
    data = read_set(reference, "raps_crp_cad_p1e4")
    found = run(DELTA, data)
    carriers = data.select(np.flatnonzero(data.x))
    assert found.details["q_df"] == carriers.m - 1 == data.m - 3
    assert found.details["q"] == pytest.approx(run(DELTA, carriers).details["q"], rel=1e-12)
    assert found.message == "2 variants without effect have no weight"


def test_the_published_loneliness_to_alzheimer_ivw(reference: Path) -> None:
    data = read_set(reference, "day2018_lon_kunkle2019_ad_harmonised")
    kept = data.select(np.flatnonzero(data.variants["pval_outcome"].to_numpy() > 5e-8))
    found = run(InverseVarianceWeightedFixed(), kept)
    assert kept.m == 85
    assert found.estimate == pytest.approx(-0.035817509436884984, rel=1e-13)
    assert found.se == pytest.approx(0.15351267595598028, rel=1e-13)
    assert p_from_neg_log10(found.neg_log10_p) == pytest.approx(0.8155132739078174, rel=1e-12)
    assert found.details["q"] == pytest.approx(91.53574663542882, rel=1e-13)
    assert found.details["q_df"] == 84
    p = p_from_neg_log10(found.details["q_neg_log10_p"])
    assert p == pytest.approx(0.2689615804724175, rel=1e-12)
    assert run(InverseVarianceWeighted(), kept).se == pytest.approx(0.1602507, abs=5e-8)


def test_published_ivw_with_strict_instruments_and_without_the_outcome_filter(
    reference: Path,
) -> None:
    data = read_set(reference, "day2018_lon_kunkle2019_ad_harmonised")
    exposure, outcome = (
        data.variants[name].to_numpy() for name in ("pval_exposure", "pval_outcome")
    )
    strict = run(
        InverseVarianceWeightedFixed(),
        data.select(np.flatnonzero((exposure < 5e-8) & (outcome > 5e-8))),
    )
    assert strict.nsnp == 14
    assert strict.estimate == pytest.approx(-0.41640309570412104, rel=1e-13)
    assert strict.se == pytest.approx(0.3076080988524926, rel=1e-13)
    assert strict.details["q"] == pytest.approx(13.958720076421725, rel=1e-13)
    everything = run(InverseVarianceWeightedFixed(), data)
    assert everything.nsnp == 86
    assert everything.estimate == pytest.approx(0.07861826811915368, rel=1e-13)
    assert everything.se == pytest.approx(0.15240913344691406, rel=1e-13)
    assert everything.details["q"] == pytest.approx(130.32613639622596, rel=1e-13)


def test_ivw_is_the_loop_over_variants() -> None:
    data = simulate(np.random.default_rng(3), variants=9)
    above = below = 0.0
    for x, y, s in zip(data.x, data.beta_y, data.se_y, strict=True):
        above += x * y / s**2
        below += x * x / s**2
    found = run(InverseVarianceWeightedFixed(), data)
    assert found.estimate == pytest.approx(above / below, rel=1e-13)
    assert found.se == pytest.approx(below**-0.5, rel=1e-13)


def test_ivw_recovers_the_truth_and_covers_it() -> None:
    random = np.random.default_rng(5)
    sets = [simulate(random, noise_x=1e-4) for _ in range(400)]
    mean, covered = cover(InverseVarianceWeightedFixed(), 0.4, sets)
    assert abs(mean - 0.4) < 0.002
    assert 0.92 < covered < 0.98
    _, of_random = cover(InverseVarianceWeighted(), 0.4, sets)
    assert of_random >= covered


def test_two_variants_follow_each_package() -> None:
    data = make(np.array([0.1, 0.2]), np.full(2, 0.01), np.array([0.0, 0.2]), np.full(2, 0.02))
    assert run(InverseVarianceWeighted(), data).se > run(THEIRS, data).se
    assert run(THEIRS, data).se == run(InverseVarianceWeightedFixed(), data).se


def test_what_cannot_be_fitted_is_a_status() -> None:
    one = make(np.ones(1), np.ones(1), np.ones(1), np.ones(1))
    assert run(InverseVarianceWeighted(), one).status.name == "too_few"
    assert run(THEIRS, one).status.name == "ok"
    zero = make(np.zeros(4), np.ones(4), np.ones(4), np.ones(4))
    for method in (InverseVarianceWeighted(), DELTA, option(penalised=True), option(robust=True)):
        assert run(method, zero).status.name == "zero_effect"


def test_a_correlation_outside_its_range_is_refused() -> None:
    with pytest.raises(UsageError, match=r"psi is 1\.5"):
        option(psi=1.5)
