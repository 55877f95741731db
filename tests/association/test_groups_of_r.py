"""Exposures of four groups equal R's numbers: contrasts of least squares, and multinomial fits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.association import ModelSpec, scan_cohort
from proteomr.association.details import collect_details
from proteomr.association.joint import collect_joint_tests
from proteomr.association.plan import plan_scan
from proteomr.execute import Serial
from proteomr.io import read_cohort
from proteomr.scan import fit_blocks
from proteomr.tables import Cohort

STORED = Path(__file__).resolve().parents[1] / "reference"
LETTERS = "ABCD"
SETTINGS: dict[str, dict[str, Any]] = {
    "classical": {},
    "HC3": {"errors": "HC3"},
    "CR1": {"errors": "CR1", "cluster": "clinic"},
    "CR2": {"errors": "CR2", "cluster": "clinic"},
    "weights": {"weights": "weight"},
    "interaction": {"interaction": "sex"},
    "steps": {"ordered": True},
}
SET = {"full": "age + sex + site"}
NAMES = {"sitey": "site[y]", "sitez": "site[z]"}


@pytest.fixture(scope="module")
def stored() -> dict[str, Any]:
    values: dict[str, Any] = json.loads((STORED / "groups.json").read_text("utf-8"))
    return values


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    scratch = tmp_path_factory.mktemp("groups")
    return read_cohort(
        STORED / "groups_samples.csv", STORED / "groups_proteins.csv", scratch=scratch
    )


def joint_of(cohort: Cohort, spec: ModelSpec) -> pl.DataFrame:
    return collect_joint_tests(fit_blocks(plan_scan(cohort, spec), executor=Serial())).frame


def numbers(wanted: Any) -> Any:
    return np.atleast_1d(np.array(wanted, dtype=float))


def agree(rows: pl.DataFrame, wanted: dict[str, Any], tolerance: float) -> None:
    se = numbers(wanted["se"])
    assert set(rows["n"]) == {wanted["n"]}
    gap = np.abs(rows["estimate"].to_numpy() - numbers(wanted["estimate"])) / se
    assert gap.max() < tolerance
    np.testing.assert_allclose(rows["se"].to_numpy(), se, rtol=tolerance)
    np.testing.assert_allclose(rows["p_value"].to_numpy(), numbers(wanted["p"]), rtol=1e-6)


def same_test(frame: pl.DataFrame, test: str, wanted: list[float], tolerance: float) -> None:
    row = frame.row(by_predicate=pl.col("test") == test, named=True)
    assert row["df"] == wanted[1]
    np.testing.assert_allclose(
        [row["statistic"], row["p_value"]], [wanted[0], wanted[2]], rtol=tolerance
    )


@pytest.mark.parametrize("name", ["group", "C(stage)"])
@pytest.mark.parametrize("kind", SETTINGS)
def test_contrasts_of_levels_are_those_of_lm(
    cohort: Cohort, stored: dict[str, Any], kind: str, name: str
) -> None:
    spec = ModelSpec("linear", (name,), SET, **SETTINGS[kind])
    labels = LETTERS if name == "group" else "1234"
    found, joint = scan_cohort(cohort, spec).frame, joint_of(cohort, spec)
    assert set(found["exposure"]) == {"group" if name == "group" else "stage"}
    for protein, wanted in stored["linear"][kind].items():
        rows = found.filter((pl.col("protein") == protein) & (pl.col("contrast") != "linear"))
        main = rows.filter(~pl.col("term").str.contains(":"))
        steps = kind == "steps"
        pairs = [(labels[i], labels[i - 1 if steps else 0]) for i in (1, 2, 3)]
        assert main["contrast"].to_list() == [f"{a} vs {b}" for a, b in pairs]
        fitted = main.filter(pl.col("status") == "ok")
        if protein == "P3":
            lost = main.row(2, named=True)
            assert lost["status"] == "too_few"
            assert lost["message"] == f"nobody has {labels[3]} on the rows of the fit"
        agree(fitted, wanted, 1e-10)
        of_protein = joint.filter(pl.col("protein") == protein)
        assert of_protein.height == of_protein["test"].n_unique()
        if "joint" in wanted:
            same_test(of_protein, "contrasts", wanted["joint"], 1e-9)
        if kind == "interaction":
            products = rows.filter(pl.col("term").str.contains(":") & (pl.col("status") == "ok"))
            np.testing.assert_allclose(products["estimate"], wanted["products"], rtol=1e-8)
            same_test(of_protein, "interaction", wanted["product_joint"], 1e-8)


def test_the_trend_over_ordered_levels_is_that_of_their_scores(
    cohort: Cohort, stored: dict[str, Any]
) -> None:
    found = scan_cohort(cohort, ModelSpec("linear", ("group",), SET, ordered=True)).frame
    for protein, wanted in stored["linear"]["linear"].items():
        rows = found.filter((pl.col("protein") == protein) & (pl.col("contrast") == "linear"))
        agree(rows, wanted, 1e-10)


@pytest.mark.parametrize("kind", ["classical", "weights", "interaction", "reference_C"])
def test_multinomial_fits_are_those_of_nnet_at_full_convergence(
    cohort: Cohort, stored: dict[str, Any], kind: str
) -> None:
    options = {"reference_level": "C"} if kind == "reference_C" else SETTINGS[kind]
    spec = ModelSpec("multinomial", ("group",), SET, **options)
    found, joint = scan_cohort(cohort, spec).frame, joint_of(cohort, spec)
    for protein, wanted in stored["multinomial"][kind].items():
        rows = found.filter((pl.col("protein") == protein) & (pl.col("status") == "ok"))
        main = rows.filter(~pl.col("term").str.contains(":"))
        reference, *others = wanted["levels"]
        assert main["contrast"].to_list() == [f"{level} vs {reference}" for level in others]
        assert main["n_case"].to_list() == wanted["n_case"]
        agree(main, wanted, 1e-8)
        of_protein = joint.filter(pl.col("protein") == protein)
        same_test(of_protein, "lr", wanted["joint"], 1e-8)
        if kind == "interaction":
            products = rows.filter(pl.col("term").str.contains(":"))
            np.testing.assert_allclose(products["estimate"], wanted["products"], rtol=1e-7)
            same_test(of_protein, "interaction", wanted["product_joint"], 1e-7)
        if protein == "P3":
            assert set(main["message"]) == {"nobody has D, which is left out"}


@pytest.mark.parametrize("kind", ["classical", "weights"])
def test_all_multinomial_coefficients_are_those_of_nnet(
    cohort: Cohort, stored: dict[str, Any], kind: str
) -> None:
    spec = ModelSpec("multinomial", ("group",), SET, coefficients=True, **SETTINGS[kind])
    parts = fit_blocks(plan_scan(cohort, spec), executor=Serial())
    found, main = collect_details(parts, "coefficients"), scan_cohort(cohort, spec).frame
    for protein, wanted in stored["multinomial"][kind].items():
        rows = found.filter(protein=protein)
        reference, *others = wanted["levels"]
        names = [protein if name == "x" else NAMES.get(name, name) for name in wanted["names"]]
        each = len(names)
        assert rows["contrast"].to_list() == [f"{b} vs {reference}" for b in others for _ in names]
        for level in range(len(others)):
            of_level = {row["coefficient"]: row for row in rows[level * each :][:each].to_dicts()}
            assert set(of_level) == set(names)
            ours = [of_level[name] for name in names]
            at = slice(level * each, (level + 1) * each)
            se = numbers(wanted["whole_se"])[at]
            gap = (numbers([row["estimate"] for row in ours]) - numbers(wanted["whole"])[at]) / se
            assert np.abs(gap).max() < 1e-8
            np.testing.assert_allclose([row["se"] for row in ours], se, rtol=1e-8)
            assert {row["df"] for row in ours} == {None}
        own = rows.filter(coefficient=protein).sort("contrast")
        fits = main.filter(pl.col("protein") == protein, pl.col("status") == "ok")
        np.testing.assert_allclose(own["p_value"], fits["p_value"], rtol=1e-7)


def test_the_stored_files_stay_small() -> None:
    assert all(path.stat().st_size < 30_000 for path in STORED.glob("groups*"))
