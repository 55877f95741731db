from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.stats import norm

from proteomr.simulate.covariates import Covariates
from proteomr.simulate.effects import plant_effects
from proteomr.simulate.measurement import draw_measurement
from proteomr.simulate.study import EXPOSURES, SHEN2025
from proteomr.simulate.truth import tabulate_assays, tabulate_truth

PROTEINS = 300


@pytest.fixture(scope="module")
def truth(covariates: Covariates) -> pl.DataFrame:
    effects = plant_effects(covariates, PROTEINS, seed=5)
    measurement = draw_measurement(covariates, effects, seed=5)
    return pl.DataFrame(tabulate_truth(effects, measurement, proteins=PROTEINS))


def test_there_is_one_row_per_protein_and_exposure(truth: pl.DataFrame) -> None:
    assert truth.height == 2 * PROTEINS
    assert truth.select("protein", "exposure").is_unique().all()
    assert truth["exposure"].unique().sort().to_list() == sorted(EXPOSURES)


def test_roles_follow_from_the_odds_ratios(truth: pl.DataFrame) -> None:
    planted = truth["role"] == "planted"
    assert (truth["odds_ratio"] != 1).to_list() == planted.to_list()
    assert (truth["effect"] != 0).to_list() == planted.to_list()
    assert set(truth["role"]) == {"planted", "confounded-only", "null"}


def test_directions_are_the_signs_of_the_effects(truth: pl.DataFrame) -> None:
    sign = truth["direction"].replace_strict({"up": 1, "down": -1, "none": 0})
    assert sign.to_list() == truth["effect"].sign().cast(pl.Int64).to_list()


def test_the_basis_tells_published_from_chosen_odds_ratios(truth: pl.DataFrame) -> None:
    published = truth.filter(basis="published").select("protein", "exposure", "odds_ratio")
    assert published.rows() == [
        ("GDF15", "isolation", 1.22),
        ("CXCL14", "isolation", 0.84),
        ("PCSK9", "loneliness", 1.15),
    ]
    controls = truth.filter(basis="positive control")
    assert set(controls["protein"]) == {"P0001", "P0002", "P0003", "P0004"}
    assert (controls["odds_ratio"].log().abs() > np.log(1.4)).all()


def test_the_power_is_that_of_the_corrected_two_sided_test(truth: pl.DataFrame) -> None:
    z, limit = truth["expected_z"].to_numpy(), norm.isf(0.05 / (2 * PROTEINS) / 2)
    power = norm.sf(limit - z) + norm.cdf(-limit - z)
    assert np.allclose(truth["power"], power, rtol=1e-9)
    assert truth.filter(role="null")["power"].unique().to_list() == pytest.approx(
        [0.05 / (2 * PROTEINS)]
    )


def test_every_protein_has_its_assay(covariates: Covariates) -> None:
    effects = plant_effects(covariates, PROTEINS, seed=5)
    measurement = draw_measurement(covariates, effects, seed=5)
    assays = pl.DataFrame(tabulate_assays(effects, measurement, proteins=PROTEINS))
    assert assays.columns == ["protein", "gene", "uniprot", "panel", "platform", "unit", "lod"]
    assert assays["protein"].to_list() == list(effects.names)
    assert set(assays["panel"]) == set(SHEN2025.panels)
    assert assays["lod"].is_finite().all()
