"""CAUSE: what it says of a pair, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.cause_truth import Genome, draw_genome
from proteomr.errors import UsageError
from proteomr.mr.choice import build_methods
from proteomr.mr.genome_wide import grow_from_pair
from proteomr.mr.methods.cause import Cause
from proteomr.status import Status
from proteomr.tables import Harmonised
from tests.mr.methods.examples import run


def grow(whole: Harmonised) -> Harmonised:
    return replace(whole.select(np.arange(3)), genome=grow_from_pair(whole, seed=1))


@pytest.fixture(scope="module")
def causal() -> Harmonised:
    return draw_genome(Genome("causal", gamma=0.4, rho=0.2, variants=20_000), replicate=1)


def test_an_effect_is_found_with_both_models_in_the_table(causal: Harmonised) -> None:
    found = run(Cause(), grow(causal))
    assert found.status == Status.ok
    assert found.conf_low < 0.4 < found.conf_high
    assert found.neg_log10_p > 1.5
    (rows,) = found.further
    assert rows.columns["model"] == ["sharing", "causal"]
    assert rows.columns["gamma"] == [0.0, found.estimate]
    assert rows.columns["delta_elpd"][0] == found.details["delta_elpd"]
    assert found.details["delta_elpd"] < 0
    assert rows.columns["delta_elpd_psis"][0] == pytest.approx(
        rows.columns["delta_elpd"][0], abs=0.5
    )
    assert rows.columns["rho"][0] == pytest.approx(0.2, abs=0.04)
    assert found.message is not None
    assert "known by 20,000 variants alone" in found.message


@pytest.mark.parametrize("replicate", [0, 1, 10])
def test_a_shared_factor_that_others_take_for_an_effect_is_none(replicate: int) -> None:
    whole = draw_genome(Genome("shared", eta=0.7, q=0.3, variants=20_000), replicate=replicate)
    shared = grow(whole)
    found = run(Cause(), shared)
    assert found.status == Status.ok
    assert 10**-found.neg_log10_p > 0.05
    strong = whole.select(np.flatnonzero(np.abs(whole.x / whole.sx) > 5.45))
    ivw = run(build_methods(["ivw"])[0], strong)
    assert 10**-ivw.neg_log10_p < 0.05


def test_a_pair_without_its_genome_says_what_is_needed(causal: Harmonised) -> None:
    alone = Cause().estimate(causal.select(np.arange(50)), random=np.random.default_rng(1))
    assert alone.status == Status.needs_genome
    few = grow(causal.select(np.arange(4_999)))
    found = Cause().estimate(few, random=np.random.default_rng(1))
    assert found.status == Status.needs_genome
    assert found.message is not None
    assert "5,000 variants or more" in found.message


def test_a_genome_without_significant_variants_is_too_few() -> None:
    whole = draw_genome(Genome("noise", variants=6_000), replicate=3)
    noise = replace(whole, beta_x=0.1 * whole.beta_x)
    assert run(Cause(), grow(noise)).status == Status.too_few


def test_identical_traits_are_told(causal: Harmonised) -> None:
    same = replace(causal, beta_y=causal.x, se_y=causal.sx)
    found = run(Cause(), grow(same))
    assert found.status == Status.not_identified
    assert found.message == "both studies have the same effects"


def test_an_outcome_without_any_effect_is_a_status(causal: Harmonised) -> None:
    found = run(Cause(), grow(replace(causal, beta_y=np.zeros(causal.m))))
    assert found.status == Status.not_identified


def test_stronger_variants_alone_are_fewer_of_the_same(causal: Harmonised) -> None:
    pair = grow(causal)
    strict = run(Cause(p=1e-5), pair)
    assert pair.genome is not None
    z = np.abs(pair.genome.tops.x / pair.genome.tops.sx)
    assert strict.nsnp == np.count_nonzero(z > 4.417173)


@pytest.mark.parametrize("text", ["cause(variants=10)", "cause(p=0.01)", "cause(p=0)"])
def test_parameters_that_cannot_serve_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        build_methods([text])
