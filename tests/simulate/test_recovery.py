"""The truth of a cohort, found again from its files by plain least squares and by statsmodels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.special import ndtri
from scipy.stats import rankdata

from proteomr.runs import Results
from proteomr.simulate import simulate

FACTORS = {"simple": ["site", "batch"], "full": ["ethnicity", "education"]}
NUMBERS = {
    "simple": ["age", "sex", *(f"PC{k}" for k in range(1, 21))],
    "full": ["income", "smoking", "alcohol", "bmi"],
}


def design(samples: pl.DataFrame, adjustment: str) -> np.ndarray:
    sets = ["simple"] if adjustment == "simple" else ["simple", "full"]
    parts = [np.ones((samples.height, 1))]
    for name in sets:
        parts.append(samples.select(NUMBERS[name]).to_numpy().astype(float))
        dummies = samples.select(FACTORS[name]).to_dummies(FACTORS[name], drop_first=True)
        parts.append(dummies.to_numpy().astype(float))
    return np.hstack(parts)


def rank_normalise(y: np.ndarray) -> np.ndarray:
    return ndtri((rankdata(y) - 0.375) / (y.size + 0.25))


def scan(made: Results, adjustment: str) -> pl.DataFrame:
    """Regress each rank-normalised protein on one exposure at a time; the truth stands beside."""
    samples, gap = made.table("samples"), made.table("timegap")
    covariates, values = design(samples, adjustment), made.table("proteins")
    rows = []
    for protein, panel in made.table("assays").select("protein", "panel").rows():
        seen = values[protein].is_not_null().to_numpy()
        y = rank_normalise(values[protein].drop_nulls().to_numpy())
        known = np.column_stack([covariates[seen], gap[panel].to_numpy()[seen]])
        q, _ = np.linalg.qr(known[:, known.any(axis=0)])
        rest = y - q @ (q.T @ y)
        for exposure in ("isolation", "loneliness"):
            x = samples[exposure].to_numpy()[seen].astype(float)
            x -= q @ (q.T @ x)
            estimate = x @ rest / (x @ x)
            rss = rest @ rest - estimate**2 * (x @ x)
            se = np.sqrt(rss / (y.size - q.shape[1] - 1) / (x @ x))
            rows.append((protein, exposure, estimate, se))
    found = pl.DataFrame(rows, schema=["protein", "exposure", "estimate", "se"], orient="row")
    joined = found.join(made.table("truth"), on=["protein", "exposure"], validate="1:1")
    return joined.with_columns(z=pl.col("estimate") / pl.col("se"))


@pytest.fixture(scope="module")
def full(simulation: Results) -> pl.DataFrame:
    return scan(simulation, "full")


@pytest.fixture(scope="module")
def simple(simulation: Results) -> pl.DataFrame:
    return scan(simulation, "simple")


@pytest.fixture(scope="module")
def many_seeds(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    scans = []
    for seed in range(8):
        folder: Path = tmp_path_factory.mktemp("seeds")
        made = simulate(folder, people=1500, proteins=45, seed=seed)
        scans.append(scan(made, "full").with_columns(seed=seed))
    return pl.concat(scans)


def test_the_scan_of_these_tests_equals_statsmodels(
    simulation: Results, full: pl.DataFrame
) -> None:
    from statsmodels.regression.linear_model import OLS

    samples, values = simulation.table("samples"), simulation.table("proteins")
    seen = values["CXCL14"].is_not_null().to_numpy()
    panel = simulation.table("assays").filter(protein="CXCL14")["panel"][0]
    gap = simulation.table("timegap")[panel].to_numpy()
    x = np.column_stack([design(samples, "full"), gap, samples["loneliness"].to_numpy()])[seen]
    fit = OLS(rank_normalise(values["CXCL14"].drop_nulls().to_numpy()), x).fit()
    row = full.filter(protein="CXCL14", exposure="loneliness")
    assert (row["estimate"][0], row["se"][0]) == pytest.approx(
        (fit.params[-1], fit.bse[-1]), rel=1e-8
    )


def test_planted_effects_are_recovered_within_4_standard_errors(full: pl.DataFrame) -> None:
    planted = full.filter(role="planted")
    off = ((planted["estimate"] - planted["effect"]) / planted["se"]).to_numpy()
    assert off.size > 25
    assert np.abs(off).max() < 4


def test_the_strongest_planted_effects_pass_the_corrected_threshold(full: pl.DataFrame) -> None:
    limit = -ndtri(0.05 / 120 / 2)
    sure = full.filter(pl.col("power") > 0.99)
    assert set(sure["protein"]) == {"P0001", "P0002", "P0003", "P0004"}
    assert (sure["z"].abs() > limit).all()
    assert (sure["z"].sign() == sure["effect"].sign()).all()


def test_the_stated_expected_z_is_the_effect_over_the_standard_error(full: pl.DataFrame) -> None:
    ratio = full["expected_z"] * full["se"]
    assert np.allclose(ratio, full["effect"], rtol=0.12, atol=1e-12)


def test_confounded_proteins_are_found_without_life_style_and_not_with_it(
    simple: pl.DataFrame, full: pl.DataFrame
) -> None:
    named = ["MMP12", "VSIG2", "HAVCR1", "PRSS8", "REN", "ACVRL1"]
    limit = -ndtri(0.05 / 120 / 2)
    without = simple.filter(pl.col("protein").is_in(named), exposure="isolation")
    with_ = full.filter(pl.col("protein").is_in(named), exposure="isolation")
    assert set(without["role"]) == {"confounded-only"}
    assert (without["z"].abs() > limit).all()
    assert (with_["z"].abs() < limit).all()


def test_the_simple_set_estimates_its_own_stated_effect(simple: pl.DataFrame) -> None:
    off = ((simple["estimate"] - simple["effect_simple"]) / simple["se"]).to_numpy()
    assert np.abs(off).max() < 4.5


def test_nulls_have_standard_normal_z_over_many_cohorts(many_seeds: pl.DataFrame) -> None:
    """A factor shared by all proteins moves the z of one cohort together, by about 0.4."""
    nulls = many_seeds.filter(pl.col("role") != "planted")
    means = nulls.group_by("seed", "exposure").agg(pl.col("z").mean())["z"].to_numpy()
    z = nulls["z"].to_numpy()
    assert abs(means.mean()) < 4 * 0.45 / np.sqrt(means.size)
    assert 0.9 < np.sqrt(np.mean(z**2)) < 1.15
    assert np.mean(np.abs(z) > 1.96) == pytest.approx(0.05, abs=0.035)


def test_planted_effects_are_unbiased_over_many_cohorts(many_seeds: pl.DataFrame) -> None:
    planted = many_seeds.filter(role="planted")
    estimate, se, effect = (planted[name].to_numpy() for name in ("estimate", "se", "effect"))
    information = np.sum((effect / se) ** 2)
    slope = np.sum(estimate * effect / se**2) / information
    assert information > 20**2
    assert slope == pytest.approx(1, abs=4 / np.sqrt(information))


def test_logistic_regression_recovers_the_odds_ratios(simulation: Results) -> None:
    from statsmodels.discrete.discrete_model import Logit

    samples, values = simulation.table("samples"), simulation.table("proteins")
    truth = simulation.table("truth").filter(basis="positive control")
    covariates = design(samples, "full")
    covariates[:, 1:] -= covariates[:, 1:].mean(axis=0)
    off = []
    for protein, exposure, ratio in truth.select("protein", "exposure", "odds_ratio").rows():
        seen = values[protein].is_not_null().to_numpy()
        y = rank_normalise(values[protein].drop_nulls().to_numpy())
        x = np.column_stack([covariates[seen], y])
        fit = Logit(samples[exposure].to_numpy()[seen], x).fit(disp=False)
        assert abs(fit.params[-1]) > 5 * fit.bse[-1]
        off.append((fit.params[-1] - np.log(ratio)) / fit.bse[-1])
    assert len(off) == 5
    assert np.abs(off).max() < 3.5
