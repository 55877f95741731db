from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from proteomr.errors import UsageError
from proteomr.mr.estimate import build_methods, estimate
from proteomr.mr.harmonise import harmonise_table, to_harmonised
from proteomr.mr.instruments import select_instruments
from proteomr.mr.pruning import check_pruning
from proteomr.simulate.summary_statistics import OUTCOMES, SummarySimulation, simulate_summary
from proteomr.stats.distributions import neg_log10_p_normal
from proteomr.tables.sumstats import SUMSTATS, SumStats


@pytest.fixture(scope="module")
def made() -> SummarySimulation:
    return simulate_summary(seed=5)


@pytest.fixture(scope="module")
def exposure(made: SummarySimulation) -> pl.DataFrame:
    return made.exposure


@pytest.fixture(scope="module")
def outcomes(made: SummarySimulation) -> pl.DataFrame:
    return made.outcomes


def analyse(exposure: pl.DataFrame, outcomes: pl.DataFrame, *methods: str) -> pl.DataFrame:
    chosen = select_instruments(exposure).kept
    pairs = to_harmonised(harmonise_table(chosen, outcomes))
    return estimate(pairs, build_methods(methods, draws=200))


def test_the_tables_are_summary_statistics(
    exposure: pl.DataFrame, outcomes: pl.DataFrame, made: SummarySimulation
) -> None:
    assert tuple(exposure.columns) == SUMSTATS
    assert SumStats(exposure).traits == ("loneliness",)
    assert SumStats(outcomes).traits == tuple(one.name for one in OUTCOMES)
    assert outcomes.height == len(OUTCOMES) * exposure.height == 20_000


def test_no_variant_stands_twice(exposure: pl.DataFrame) -> None:
    assert exposure["variant_id"].is_unique().all()
    assert exposure.select("chromosome", "position_bp").is_unique().all()


def test_p_is_that_of_beta_and_its_standard_error(outcomes: pl.DataFrame) -> None:
    z = (outcomes["beta"] / outcomes["se"]).to_numpy()
    assert np.allclose(outcomes["neg_log10_p"], neg_log10_p_normal(z), rtol=1e-12)


def test_instruments_need_no_pruning(exposure: pl.DataFrame) -> None:
    checked = check_pruning(select_instruments(exposure).kept, kb=10_000, unproven="flag")
    assert set(checked["pruning"]) == {"alone"}


def test_variants_without_effect_have_uniform_p_values(exposure: pl.DataFrame) -> None:
    p = 10 ** -exposure["neg_log10_p"].to_numpy()
    assert np.mean(p < 0.05) == pytest.approx(0.05 + 46 / 2000, abs=0.015)


def test_an_outcome_counts_either_allele_and_beta_and_frequency_follow(
    exposure: pl.DataFrame, outcomes: pl.DataFrame
) -> None:
    one = outcomes.filter(pl.col("trait") == "ADM").join(exposure, on="variant_id", suffix="_x")
    turned = one["effect_allele"] != one["effect_allele_x"]
    assert turned.mean() == pytest.approx(0.5, abs=0.05)
    assert (one["effect_allele"] == one["other_allele_x"]).equals(turned)
    eaf = np.where(turned, 1 - one["eaf"], one["eaf"])
    assert np.abs(eaf - one["eaf_x"].to_numpy()).max() < 0.02


def test_every_instrument_found_survives_or_is_an_ambiguous_palindrome(
    exposure: pl.DataFrame, outcomes: pl.DataFrame
) -> None:
    table = harmonise_table(select_instruments(exposure).kept, outcomes)
    lost = table.filter(~pl.col("mr_keep"))
    assert set(lost["reason"]) <= {"palindromic_ambiguous"}
    assert lost.height < 0.1 * table.height


def test_weighting_recovers_the_effects_of_outcomes_without_pleiotropy(
    exposure: pl.DataFrame, outcomes: pl.DataFrame, made: SummarySimulation
) -> None:
    found = analyse(exposure, outcomes, "ivw").join(made.truth, on="outcome")
    valid = found.filter(pl.col("pleiotropy") == "none")
    assert valid.height == 3
    z = (valid["estimate"] - valid["causal_effect"]) / valid["se"]
    assert np.abs(z.to_numpy()).max() < 3.5


def test_weighting_is_misled_by_directional_and_correlated_pleiotropy(
    exposure: pl.DataFrame, outcomes: pl.DataFrame
) -> None:
    found = analyse(exposure, outcomes, "ivw").filter(pl.col("outcome").is_in(["CD4", "PLAUR"]))
    assert (found["estimate"] > 0.05).all()


def test_the_outcome_of_reverse_causation_explains_its_variants_better_than_the_exposure(
    exposure: pl.DataFrame, outcomes: pl.DataFrame
) -> None:
    own = outcomes.filter((pl.col("trait") == "HAO1") & (pl.col("neg_log10_p") > 20))
    both = own.join(exposure, on="variant_id", suffix="_x")
    assert both.height == 6
    assert (both["neg_log10_p"] > both["neg_log10_p_x"]).all()
    backwards = analyse(own, exposure, "ivw")
    assert backwards["estimate"][0] == pytest.approx(0.4, abs=0.06)


def test_the_truth_names_effect_and_pleiotropy(made: SummarySimulation) -> None:
    truth = made.truth
    assert truth.columns == [
        "exposure",
        "outcome",
        "causal_effect",
        "pleiotropy",
        "invalid",
        "reverse_effect",
    ]
    assert truth.row(3) == ("loneliness", "FABP4", 0.2, "correlated", 12, 0.0)
    assert truth.row(9) == ("loneliness", "HAO1", 0.0, "reverse", 6, 0.4)


def test_the_facts_name_what_the_statistics_were_drawn_from(made: SummarySimulation) -> None:
    outcomes = made.facts["outcomes"]
    assert isinstance(outcomes, list)
    assert outcomes[0] == {"name": "ADM", "effect": 0.2, "pleiotropy": "none"}
    assert made.facts["instruments"] == 40


def test_the_same_seed_gives_the_same_tables_and_another_seed_others() -> None:
    frames = [simulate_summary(seed=seed, variants=200).outcomes for seed in (1, 1, 2)]
    assert frames[0].equals(frames[1])
    assert not frames[0].equals(frames[2])


def test_what_cannot_be_simulated_is_refused() -> None:
    with pytest.raises(UsageError, match="negative"):
        simulate_summary(seed=-1)
    with pytest.raises(UsageError, match="named twice"):
        simulate_summary(seed=1, exposure="ADM")
    with pytest.raises(UsageError, match="no outcome"):
        simulate_summary(seed=1, outcomes=[])
    with pytest.raises(UsageError, match="fewer than the 100"):
        simulate_summary(seed=1, variants=50)
    with pytest.raises(UsageError, match="10 Mb apart"):
        simulate_summary(seed=1, instruments=500)
