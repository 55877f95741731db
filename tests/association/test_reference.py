"""The association scan against R on real proteins, through files and `proteomr.associate`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr._typing import F64, Bool
from proteomr.association import ModelSpec, scan_cohort
from proteomr.io import read_cohort, read_protein_covariate, read_table
from proteomr.tables import Cohort, proteins_from_frame

Expected = Callable[[str], dict[str, Any]]
M1 = "timegap + age + sex + C(plate) + C(site) + PC1..PC5"
M2 = "m1 + C(smoking) + C(alcohol) + bmi + C(edu)"
EDGE = "age + sex + C(plate) + bmi"


@pytest.fixture(scope="module")
def data(reference: Path) -> Path:
    return reference / "association" / "data"


@pytest.fixture(scope="module")
def soma(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    scratch = tmp_path_factory.mktemp("soma")
    return read_cohort(data / "assoc_samples.csv", data / "assoc_log2rfu.csv.gz", scratch=scratch)


@pytest.fixture(scope="module")
def paper(data: Path, tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    scratch = tmp_path_factory.mktemp("paper")
    cohort = read_cohort(
        data / "assoc_samples.csv", data / "assoc_proteins.parquet", scratch=scratch
    )
    path = data / "assoc_timegap.csv.gz"
    timegap = read_protein_covariate("timegap", path, cohort=cohort, scratch=scratch)
    spec = ModelSpec("logistic", ("iso",), {"m1": M1, "m2": M2})
    return scan_cohort(cohort, spec, covariates=[timegap]).frame


def aligned(frame: pl.DataFrame, proteins: list[str]) -> pl.DataFrame:
    wanted = pl.DataFrame({"protein": proteins})
    return wanted.join(frame, on="protein", how="left", maintain_order="left")


def numbers(values: list[float | None] | pl.Series) -> F64:
    return np.array([np.nan if v is None else v for v in values], dtype=np.float64)


def worst(found: pl.Series, wanted: list[float | None], *, where: Bool) -> float:
    ours, theirs = numbers(found)[where], numbers(wanted)[where]
    return float(np.max(np.abs(ours - theirs) / np.abs(theirs)))


@pytest.mark.parametrize(("exposure", "covariate"), [("sex", "age"), ("age", "sex")])
def test_linear_scan_of_5284_proteins_equals_lm(
    soma: Cohort, expected: Expected, exposure: str, covariate: str
) -> None:
    values = expected("uni_lm_ranknorm_sex_age")
    found = scan_cohort(soma, ModelSpec("linear", (exposure,), {"one": covariate})).frame
    found = aligned(found, values["protein"])
    everywhere = np.ones(found.height, dtype=bool)
    r = values[exposure]
    assert found["n"].to_list() == r["n"]
    assert found["df"].to_list() == [167.0] * 5284
    # an estimate near 0 has fewer digits relative to itself: relative to its standard error
    distance = np.abs(numbers(found["estimate"]) - numbers(r["beta"])) / numbers(r["se"])
    assert distance.max() < 1e-10
    assert worst(found["se"], r["se"], where=everywhere) < 1e-10
    assert worst(found["p_value"], r["p"], where=everywhere) < 1e-8


def test_logistic_scan_of_5284_proteins_equals_glm_at_full_convergence(
    soma: Cohort, expected: Expected
) -> None:
    values = expected("uni_glm_sex")
    found = scan_cohort(soma, ModelSpec("logistic", ("sex",), {"one": "age"})).frame
    found = aligned(found, values["protein"])
    assert values["separated"] == []
    assert set(found["status"]) == {"ok"}
    tight = values["tight"]
    distance = np.abs(numbers(found["estimate"]) - numbers(tight["beta"])) / numbers(tight["se"])
    assert distance.max() < 1e-9
    everywhere = np.ones(found.height, dtype=bool)
    # glm takes the standard error from the weights before its last step
    assert worst(found["se"], tight["se"], where=everywhere) < 1e-6
    assert worst(found["p_value"], tight["p"], where=everywhere) < 1e-5


def test_separation_in_fourteen_people_is_found_where_the_linear_programme_finds_it(
    soma: Cohort, expected: Expected
) -> None:
    values = expected("uni_glm_sex_n14_separation")
    names, r = values["protein"], values["x"]
    first = soma.samples.with_row_index("row").sort(pl.col("ID").cast(pl.Int64)).head(14)
    rows = first.sort("ID")["row"].to_numpy().astype(np.int64)
    proteins = soma.proteins.select_columns(names).select_rows(rows)
    cohort = Cohort(soma.samples[rows], "ID", proteins, pl.DataFrame({"protein": names}))
    spec = ModelSpec("logistic", ("sex",), {"one": "age"}, firth=True)
    found = aligned(scan_cohort(cohort, spec).frame, names)
    flag = np.array(r["separation"])
    status = found["status"].to_numpy()
    assert np.array_equal(status == "separated", flag > 0)
    assert np.array_equal(status == "ok", flag == 0)
    assert worst(found["estimate"], r["beta"], where=flag == 0) < 1e-6
    firth = (flag > 0) & ~np.isnan(numbers(r["firth_beta"]))
    assert firth.sum() >= 10
    assert worst(found["estimate"], r["firth_beta"], where=firth) < 1e-5
    assert worst(found["se"], r["firth_se"], where=firth) < 1e-5


@pytest.mark.parametrize("label", ["m1", "m2"])
def test_paper_models_equal_glm_for_all_proteins(
    paper: pl.DataFrame, expected: Expected, label: str
) -> None:
    values = expected(f"paper_{label}_iso")
    r = values["x"]
    found = aligned(paper.filter(pl.col("adjustment") == label), values["protein"])
    usable = ~np.isnan(numbers(r["beta_tight"]))
    ok = found["status"].to_numpy() == "ok"
    assert usable.sum() > 5200
    assert np.array_equal(ok, usable)
    counted = numbers(found["n"])[usable]
    assert np.array_equal(counted, numbers(r["n"])[usable])
    assert worst(found["estimate"], r["beta_tight"], where=usable) < 1e-6
    assert worst(found["se"], r["se_tight"], where=usable) < 1e-6
    distance = np.abs(numbers(found["estimate"]) - numbers(r["beta_tight"]))
    assert (distance / numbers(r["se_tight"]))[usable].max() < 1e-8


def test_proteins_without_a_paper_estimate_have_their_reason(paper: pl.DataFrame) -> None:
    failed = paper.filter((pl.col("status") != "ok") & (pl.col("adjustment") == "m1"))
    reasons = {n: status for status, n in failed.select("status", "n").iter_rows()}
    # of nine people no site has both cases and others: too few, and separated by the sites
    assert reasons[0] == "all_missing"
    assert reasons[9] in {"too_few", "separated"}
    assert failed.height == 2


NO_ESTIMATE = {
    "constant": ("constant", "constant"),
    "all_na": ("all_missing", "all_missing"),
    "one_value": ("too_few", "too_few"),
    "two_people": ("too_few", "too_few"),
    "const_after_naomit": ("constant", "constant"),
    "only_cases_observed": ("constant", "constant"),
    # R gives numbers for the next three, and does not mean them: a rank for infinity, sex under
    # the name of a protein that equals it, and 365 (49,151) for a protein that separates
    "inf_value": ("infinite", "infinite"),
    "collinear_sexdummy": ("collinear", "collinear"),
    "complete_sep": ("separated", "ok"),
    "quasi_sep": ("separated", "ok"),
    # six people of one plate: five coefficients
    "n_lt_p": ("separated", "ok"),
    "n_eq_p": ("separated", "ok"),
}
# R stops at a factor of one level; here it is left out, which is what R gives without the factor
ONE_LEVEL = ("only_plate1", "n_lt_p", "n_eq_p")
WITHOUT_PLATE = "age + sex + bmi"


@pytest.fixture(scope="module")
def edge(data: Path) -> Cohort:
    frame = pl.read_csv(data / "assoc_edge_proteins.csv", schema_overrides={"ID": pl.String})
    samples = read_table(data / "assoc_samples.csv").cast({"ID": pl.String})
    samples, frame = samples.sort("ID"), frame.sort("ID")
    assert samples["ID"].equals(frame["ID"])
    plain = frame.drop("ID").with_columns(
        pl.all().cast(pl.String).str.strip_chars('"').replace("", None).cast(pl.Float64)
    )
    proteins = proteins_from_frame(plain)
    return Cohort(samples, "ID", proteins, pl.DataFrame({"protein": plain.columns}))


@pytest.mark.parametrize(("family", "which"), [("logistic", 0), ("linear", 1)])
def test_edge_proteins_have_r_s_number_or_the_reason_for_none(
    edge: Cohort, expected: Expected, family: Any, which: int
) -> None:
    values = expected("edge_proteins_ranknorm")
    found = scan_cohort(edge, ModelSpec(family, ("iso",), {"one": EDGE})).frame
    rows = {row["protein"]: row for row in found.iter_rows(named=True)}
    assert len(rows) == len(values) == 26
    for name, r in values.items():
        row = rows[name]
        status = NO_ESTIMATE[name][which] if name in NO_ESTIMATE else "ok"
        assert (name, row["status"]) == (name, status)
        if status != "ok":
            assert row["estimate"] is None
            assert row["message"]
        elif name not in ONE_LEVEL:
            # glm at its default epsilon: its standard error is off by up to 2e-6
            assert row["n"] == r[family]["n"]
            assert row["estimate"] == pytest.approx(r[family]["beta"], rel=1e-6)
            assert row["se"] == pytest.approx(r[family]["se"], rel=1e-5)


@pytest.mark.parametrize("family", ["logistic", "linear"])
def test_a_factor_of_one_level_counts_as_left_out(edge: Cohort, family: Any) -> None:
    spec = ModelSpec(family, ("iso",), {"one": EDGE, "less": WITHOUT_PLATE})
    names = list(ONE_LEVEL)
    proteins = edge.proteins.select_columns(names)
    cohort = Cohort(edge.samples, "ID", proteins, pl.DataFrame({"protein": names}))
    found = scan_cohort(cohort, spec).frame
    one, less = (found.filter(pl.col("adjustment") == label) for label in ("one", "less"))
    assert one["status"].to_list() == less["status"].to_list()
    assert one["df"].to_list() == less["df"].to_list()
    for column in ("estimate", "se"):
        fitted = ~np.isnan(numbers(less[column]))
        assert fitted.any()
        assert worst(one[column], less[column].to_list(), where=fitted) < 1e-9
