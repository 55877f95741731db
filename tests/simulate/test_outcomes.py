"""Outcomes and markers of a published study: as many events, and what scans of them find."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from proteomr import ModelSpec, associate, mediate, survive
from proteomr.simulate.covariates import Covariates
from proteomr.simulate.effects import plant_effects
from proteomr.simulate.job import simulate
from proteomr.simulate.measurement import draw_measurement
from proteomr.simulate.outcomes import solve_hazards
from proteomr.simulate.people import draw_people
from proteomr.simulate.published import SHEN2025_CAUSES, SHEN2025_OUTCOMES
from proteomr.simulate.study import SHEN2025_COUNTS
from proteomr.simulate.summary_statistics import simulate_causes

PEOPLE = 6_000
LIFE = "age + sex + C(education) + income + smoking + alcohol + bmi"
FULL = f"{LIFE} + C(site) + C(batch) + PC1..PC20 + C(ethnicity)"


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort")
    simulate(folder / "c", people=PEOPLE, proteins=60, like="shen2025-counts", seed=5)
    return folder / "c"


def test_shares_and_ratios_are_the_published_ones_at_the_size_of_the_study() -> None:
    covariates = Covariates(SHEN2025_COUNTS, draw_people(SHEN2025_COUNTS, 42_062, seed=2025))
    effects = plant_effects(covariates, 2_920, seed=2025)
    hazards = solve_hazards(draw_measurement(covariates, effects, seed=2025), effects)
    planted = effects.planted.any(axis=1)
    assert 170 < int(planted.sum()) < 260
    for hazard in hazards:
        share = float(hazard.power[planted].mean())
        assert share == pytest.approx(hazard.outcome.linked, abs=1e-6), hazard.outcome.name
    adm = effects.names.index("ADM")
    assert float(np.exp(hazards[0].marginal[adm])) == pytest.approx(1.58)
    shares = {hazard.outcome.name: hazard.mediated for hazard in hazards}
    assert shares["mortality"] == pytest.approx(0.163)
    assert shares["cvd"] == pytest.approx(0.083)
    assert np.isnan(shares["t2d"])


def test_events_are_the_published_ones_in_proportion(cohort: Path) -> None:
    samples = pl.read_parquet(cohort / "samples.parquet")
    assert samples["mortality"].to_list() == samples["death"].to_list()
    for outcome in SHEN2025_OUTCOMES:
        expected = outcome.events * PEOPLE / SHEN2025_COUNTS.people
        found = int(samples[outcome.name].sum())
        assert abs(found - expected) < 4 * np.sqrt(expected), outcome.name
        years = samples[f"{outcome.name}_years"]
        assert (years > 0).all()
        assert (years <= samples["follow_up_years"]).all()


def test_hazard_ratios_are_found_again(cohort: Path) -> None:
    truth = pl.read_parquet(cohort / "outcome_truth.parquet")
    found = survive(
        cohort / "samples.parquet", cohort / "proteins.parquet",
        models=ModelSpec("cox", adjust={"full": LIFE}), outcomes=["mortality", "cvd"],
    ).table().join(truth, on=["protein", "outcome"])  # fmt: skip
    z = found["statistic"].to_numpy() - found["expected_z"].to_numpy()
    assert abs(z.mean()) < 1.0  # errors of proteins that share factors are correlated
    assert 0.6 < z.std() < 1.4
    slope = np.polyfit(found["expected_z"].to_numpy(), found["statistic"].to_numpy(), 1)[0]
    assert slope == pytest.approx(1.0, abs=0.25)


def test_what_goes_through_the_mediator_is_found_again(cohort: Path) -> None:
    truth = pl.read_parquet(cohort / "outcome_truth.parquet").filter(protein="ADM")
    told = mediate(
        cohort / "samples.parquet", cohort / "proteins.parquet", method="perm",
        exposure="loneliness", outcome=["mortality"], adjust={"full": LIFE}, only_proteins=["ADM"],
    )  # fmt: skip
    found = told.table().filter(quantity="indirect").row(0, named=True)
    total = float(np.log(truth.filter(outcome="mortality")["loneliness_ratio"][0]))
    share = truth.filter(outcome="mortality")["loneliness_mediated"][0] / 100
    expected = -np.log1p(share * np.expm1(-total))
    assert abs(found["estimate"] - expected) < 3 * found["se"]
    paths = mediate(
        cohort / "samples.parquet", cohort / "proteins.parquet", method="counterfactual",
        outcome_family="aalen", exposure="loneliness", outcome=["mortality", "cvd"],
        adjust={"full": LIFE}, only_proteins=["ADM"], bootstraps=1000,
    ).table().filter(quantity="indirect").join(truth, on="outcome")  # fmt: skip
    spread = (paths["conf_high"] - paths["conf_low"]) / (2 * 1.96)
    z = (paths["estimate"] - paths["loneliness_indirect"]) / spread
    assert z.abs().max() < 3.0  # type: ignore[operator]
    assert (paths["loneliness_indirect"] / spread).max() > 0.5  # type: ignore[operator]


def test_markers_have_the_statistics_that_are_expected(cohort: Path, tmp_path: Path) -> None:
    truth = pl.read_parquet(cohort / "phenome_truth.parquet")
    some = pl.read_parquet(cohort / "markers.parquet")
    some.select(some.columns[:81]).write_parquet(tmp_path / "markers.parquet")
    found = associate(
        cohort / "samples.parquet", cohort / "proteins.parquet", family="linear",
        outcomes={"markers": tmp_path / "markers.parquet"}, adjust={"full": FULL},
        only_proteins=["GFRA1", "ADM", "FABP4", "TNFRSF10A", "ASGR1"],
    ).table().join(truth, on=["protein", "outcome"])  # fmt: skip
    z = found["statistic"].to_numpy() - found["expected_t"].to_numpy()
    assert found.height == 5 * 80
    assert abs(z.mean()) < 0.15
    assert z.std() == pytest.approx(1.0, abs=0.12)


def test_effects_of_loneliness_are_found_by_as_many_variants() -> None:
    estimates, chosen = [], []
    for seed in range(12):
        drawn = simulate_causes(SHEN2025_CAUSES, seed=seed)
        hits = drawn.exposure.filter(pl.col("neg_log10_p") > 6)
        own = drawn.outcomes.filter(trait="ADM")
        joined = hits.join(own, on="variant_id", suffix="_y").with_columns(
            sign=pl.when(pl.col("effect_allele") == pl.col("effect_allele_y")).then(1).otherwise(-1)
        )
        x, y, se = (
            joined["beta"].to_numpy(),
            (joined["beta_y"] * joined["sign"]).to_numpy(),
            joined["se_y"].to_numpy(),
        )
        w = x**2 / se**2
        estimates.append((float(w @ (y / x) / w.sum()), float(w.sum() ** -0.5)))
        chosen.append(hits.height)
    b, error = np.array(estimates).T
    assert 6 <= np.mean(chosen) <= 11  # the paper has eight
    assert error.mean() == pytest.approx(0.046, abs=0.008)
    assert b.mean() == pytest.approx(0.17, abs=3 * error.mean() / np.sqrt(12))
