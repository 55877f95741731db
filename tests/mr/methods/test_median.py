from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from proteomr.errors import UsageError
from proteomr.mr.methods.median import PenalisedWeightedMedian, SimpleMedian, WeightedMedian
from proteomr.mr.methods.method import Method
from proteomr.tables import Harmonised
from tests.mr.methods.comparison import entries
from tests.mr.methods.examples import cover, make, run, simulate
from tests.mr.reference import read_set

METHODS: list[Method] = [SimpleMedian(), WeightedMedian(), PenalisedWeightedMedian()]


@pytest.mark.parametrize(
    ("method", "function", "refused"),
    [
        (SimpleMedian(), "mr_simple_median", 1),
        (WeightedMedian(), "mr_weighted_median", 1),
        (PenalisedWeightedMedian(), "mr_penalised_weighted_median", 5),
    ],
)
def test_medians_equal_twosamplemr_0_7_9(
    reference: Path, method: Method, function: str, refused: int
) -> None:
    counts = {"entries": 0, "refused": 0, "seeds": 0}
    for name, data, entry in entries(reference, "TwoSampleMR", function):
        found, wanted = run(method, data, 7), entry["result"]
        counts["entries"] += 1
        if wanted["b"] is None:
            counts["refused"] += 1
            assert found.status.name in {"too_few", "zero_effect"}, name
            continue
        assert found.estimate == pytest.approx(wanted["b"], rel=1e-11, abs=1e-15), name
        assert found.nsnp == wanted["nsnp"]
        assert found.se == pytest.approx(wanted["se"], rel=0.1), name
        if "mc" in entry:
            counts["seeds"] += 1
            assert abs(found.se - entry["mc"]["se_mean"]) < 4 * entry["mc"]["se_sd"], name
    assert counts == {"entries": 33, "refused": refused, "seeds": 9}


@pytest.mark.parametrize(
    ("method", "weighting", "refused"),
    [
        (SimpleMedian(draws=1000), "simple", 1),
        (WeightedMedian("mendelianrandomization", draws=1000), "weighted", 1),
        (PenalisedWeightedMedian("mendelianrandomization", draws=1000), "penalized", 5),
    ],
)
def test_medians_equal_mendelianrandomization_0_10_0(
    reference: Path, method: Method, weighting: str, refused: int
) -> None:
    compared = 0
    args = {"weighting": weighting}
    for name, data, entry in entries(reference, "MendelianRandomization", "mr_median", args):
        found, wanted = run(method, data, 7), entry.get("result")
        if not wanted or wanted["b"] in (None, []):
            assert found.status.name in {"too_few", "zero_effect"}, name
            continue
        assert found.estimate == pytest.approx(wanted["b"], rel=1e-11, abs=1e-15), name
        assert found.se == pytest.approx(wanted["se"], rel=0.1), name
        compared += 1
    assert compared == 33 - refused


def test_the_published_loneliness_to_alzheimer_weighted_median(reference: Path) -> None:
    data = read_set(reference, "day2018_lon_kunkle2019_ad_harmonised")
    kept = data.select(np.flatnonzero(data.variants["pval_outcome"].to_numpy() > 5e-8))
    found = run(WeightedMedian(), kept)
    assert found.estimate == pytest.approx(-0.0678673687001356, rel=1e-12)
    assert found.se == pytest.approx(0.2276738540338383, rel=0.1)


@pytest.mark.parametrize("method", [WeightedMedian(draws=200), SimpleMedian(draws=200)])
def test_medians_hold_with_a_third_of_the_variants_invalid(method: Method) -> None:
    random = np.random.default_rng(5)
    direct = np.where(np.arange(40) < 13, 0.1, 0.0)
    sets = [simulate(random, pleiotropy=direct) for _ in range(150)]
    mean, _ = cover(method, 0.4, sets)
    assert abs(mean - 0.4) < 0.1
    clean, covered = cover(method, 0.4, [simulate(random) for _ in range(150)])
    assert abs(clean - 0.4) < 0.01
    assert covered > 0.9


def test_the_same_seed_gives_the_same_standard_error() -> None:
    data = simulate(np.random.default_rng(1))
    assert run(WeightedMedian(), data, 3).se == run(WeightedMedian(), data, 3).se
    assert run(WeightedMedian(), data, 3).se != run(WeightedMedian(), data, 4).se


def test_a_thousand_draws_of_79_variants_take_milliseconds() -> None:
    data = simulate(np.random.default_rng(1), variants=79)
    best = min(_time(data) for _ in range(5))
    assert best < 0.05  # 4 ms where the processor is free


def _time(data: Harmonised) -> float:
    start = time.perf_counter()
    run(WeightedMedian(), data)
    return time.perf_counter() - start


def test_a_variant_without_effect_has_no_weight_and_no_penalty() -> None:
    full = simulate(np.random.default_rng(1), variants=9)
    x = full.x.copy()
    x[4] = 0.0
    data = make(x, full.sx, full.beta_y, full.se_y)
    rest = data.select(np.flatnonzero(x))
    assert run(WeightedMedian(), data).estimate == run(WeightedMedian(), rest).estimate
    assert run(PenalisedWeightedMedian(), data).status.name == "zero_effect"
    nothing = make(np.zeros(4), np.ones(4), np.ones(4), np.ones(4))
    for method in METHODS:
        assert run(method, nothing).status.name == "zero_effect"


@pytest.mark.parametrize("kind", [SimpleMedian, WeightedMedian, PenalisedWeightedMedian])
def test_one_draw_is_refused(kind: Callable[..., Method]) -> None:
    with pytest.raises(UsageError, match="1 bootstrap draws"):
        kind(draws=1)
