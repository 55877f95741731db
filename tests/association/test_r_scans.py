"""Scans of a small stored cohort equal the numbers that R gave for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from proteomr.association import ModelSpec, scan_cohort
from proteomr.io import read_cohort, read_protein_covariate
from proteomr.models import AnyFamily, IvOptions, MixedOptions, list_families
from proteomr.tables import Cohort, ProteinCovariate

STORED = Path(__file__).resolve().parents[1] / "reference"
# relative to the standard error: the limit that a site without cases leaves is reached by glm to
# about 1e-8
TOLERANCES = {"t": 1e-11, "normal": 1e-8}
# lme4's optimiser has no derivatives: it reaches theta to the root of the criterion's rounding
OF_FAMILIES = {"mixed": 1e-7}


@pytest.fixture(scope="module")
def stored() -> dict[str, Any]:
    values: dict[str, Any] = json.loads((STORED / "scans.json").read_text("utf-8"))
    return values


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    scratch = tmp_path_factory.mktemp("scans")
    return read_cohort(STORED / "scans_samples.csv", STORED / "scans_proteins.csv", scratch=scratch)


@pytest.fixture(scope="module")
def timegap(cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> ProteinCovariate:
    scratch = tmp_path_factory.mktemp("timegap")
    path = STORED / "scans_timegap.csv"
    return read_protein_covariate("timegap", path, cohort=cohort, scratch=scratch)


def test_every_family_has_reference_numbers(stored: dict[str, Any]) -> None:
    """Of make_scans.R, which a new family extends by one row."""
    assert {family.name for family in list_families()} == set(stored) - {"R"}


@pytest.mark.parametrize("family", list_families(), ids=lambda family: str(family.name))
def test_scan_equals_r(
    cohort: Cohort, timegap: ProteinCovariate, stored: dict[str, Any], family: type[AnyFamily]
) -> None:
    assert stored["R"].startswith("4.")
    tolerance = OF_FAMILIES.get(family.name, TOLERANCES[family.distribution])
    wanted = stored[family.name]
    iv = IvOptions(tuple(wanted.get("instruments", ())))
    mixed = MixedOptions(tuple(wanted.get("random", ())))
    spec = ModelSpec(family.name, ("lonely",), {"full": wanted["adjust"]}, iv=iv, mixed=mixed)
    found = scan_cohort(cohort, spec, covariates=[timegap]).frame
    assert set(found["status"]) == {"ok"}
    assert found["n"].to_list() == wanted["n"]
    se = np.array(wanted["se"])
    gap = np.abs(found["estimate"].to_numpy() - np.array(wanted["estimate"])) / se
    assert gap.max() < tolerance
    np.testing.assert_allclose(found["se"].to_numpy(), se, rtol=tolerance)
    np.testing.assert_allclose(found["p_value"].to_numpy(), wanted["p"], rtol=20 * tolerance)


def test_people_of_the_site_without_cases_stay_in_n_and_are_said_to_be_separated(
    cohort: Cohort, timegap: ProteinCovariate, stored: dict[str, Any]
) -> None:
    spec = ModelSpec("logistic", ("lonely",), {"full": stored["logistic"]["adjust"]})
    found = scan_cohort(cohort, spec, covariates=[timegap]).frame
    without = int((cohort.samples["site"] == "D").sum())
    for message in found["message"]:
        people, rest = message.split(" ", 1)
        assert rest.startswith("people separated by covariates alone")
        assert 0 < int(people) <= without + 2


def test_the_stored_files_stay_small() -> None:
    assert sum(path.stat().st_size for path in STORED.glob("scans*")) < 60_000
