"""What a scan keeps to: a row for every test, a status always, the same numbers however run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proteomr._typing import F64
from proteomr.association import scan_cohort
from proteomr.execute import Threads
from proteomr.io import read_cohort
from proteomr.models import IvOptions, Status, list_families
from proteomr.tables import ArrayProteins, Cohort, ProteinCovariate, load_schema
from tests.association.cohorts import make_cohort, make_samples, make_values, spec_of
from tests.models.rounding import bound_of_blocks

FEW = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
FAMILIES = [family.name for family in list_families()]
WEIGHED = [
    (family.name, weights)
    for family in list_families()
    for weights in (None, "one")
    if weights is None or family.supports.weighted_errors
]
NUMBERS = ["estimate", "se", "neg_log10_p", "conf_low", "conf_high"]


def distance(one: pl.DataFrame, other: pl.DataFrame) -> float:
    """Return the largest difference of the estimates and standard errors, in standard errors."""
    assert one["status"].equals(other["status"])
    se = one["se"].drop_nulls().to_numpy()
    gaps = [
        np.abs(one[name].drop_nulls().to_numpy() - other[name].drop_nulls().to_numpy()) / se
        for name in ("estimate", "se")
    ]
    return float(np.max(gaps))


def bound_of(family: str, n: int) -> float:
    """Return what other proteins of a block may change, in standard errors."""
    batched = family in {"logistic", "multinomial", "ordinal"}
    return bound_of_blocks() if batched and n > 2_000 else 1e-12


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("n", [150, 2300])
def test_any_block_size_gives_the_same_numbers(family: Any, n: int) -> None:
    cohort = make_cohort(make_samples(n), make_values(n, 11))
    whole = scan_cohort(cohort, spec_of(family), block_size=11).frame
    for size in (1, 3, 7):
        other = scan_cohort(cohort, spec_of(family), block_size=size).frame
        assert distance(whole, other) < bound_of(family, n)


@pytest.mark.usefixtures("several_blas_threads")
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("n", [150, 2300])
def test_threads_give_the_same_bits(family: Any, n: int) -> None:
    cohort = make_cohort(make_samples(n), make_values(n, 9))
    one = scan_cohort(cohort, spec_of(family), block_size=2).frame
    assert one.equals(scan_cohort(cohort, spec_of(family), block_size=2, executor=Threads(3)).frame)


@pytest.mark.parametrize("family", FAMILIES)
@given(seed=st.integers(0, 1000))
@FEW
def test_row_order_of_the_files_gives_the_same_bits(
    tmp_path_factory: pytest.TempPathFactory, family: Any, seed: int
) -> None:
    samples, values = make_samples(90), make_values(90, 3)
    frame = pl.DataFrame(values, schema=["P0", "P1", "P2"]).fill_nan(None)
    proteins = frame.insert_column(0, samples["id"])
    found = []
    for order in (seed, seed + 1):
        folder = tmp_path_factory.mktemp("order")
        g = np.random.default_rng(order)
        samples[g.permutation(90)].write_csv(folder / "samples.csv")
        proteins[g.permutation(90)].write_parquet(folder / "proteins.parquet")
        paths = folder / "samples.csv", folder / "proteins.parquet"
        cohort = read_cohort(*paths, scratch=folder, id_column="id")
        found.append(scan_cohort(cohort, spec_of(family)).frame)
    assert found[0].equals(found[1])


@pytest.mark.parametrize("family", FAMILIES)
@given(order=st.permutations(range(5)))
@FEW
def test_order_of_proteins_and_covariates_gives_the_same_numbers(
    family: Any, order: Sequence[int]
) -> None:
    samples, values = make_samples(150), make_values(150, 5)
    cohort = make_cohort(samples, values)
    names = [f"P{i:02d}" for i in order]
    turned = Cohort(
        samples.select("id", *reversed(samples.columns[1:])),
        "id",
        cohort.proteins.select_columns(names),
        pl.DataFrame({"protein": names}),
    )
    one = scan_cohort(cohort, spec_of(family, adjust={"a": "age + sex + C(site)"})).frame
    other = scan_cohort(turned, spec_of(family, adjust={"a": "C(site) + sex + age"})).frame
    keys = ["protein", "exposure"]
    assert distance(one.sort(keys), other.sort(keys)) < 1e-11


# weights of one call for the fits one by one, and change nothing
@pytest.mark.parametrize(("family", "weights"), WEIGHED)
@pytest.mark.parametrize("n", [150, 2300])
@given(scale=st.sampled_from([1e12, 1e-12, -1.0, -3e7]), offset=st.sampled_from([0.0, 1e8, -1e8]))
@FEW
def test_statistics_do_not_depend_on_the_unit_of_a_protein(
    family: Any, n: int, weights: str | None, scale: float, offset: float
) -> None:
    values, samples = make_values(n, 3), make_samples(n).with_columns(one=pl.lit(1.0))
    spec = spec_of(family, transform="none", weights=weights)
    plain = scan_cohort(make_cohort(samples, values), spec).frame
    moved = make_cohort(samples, (values + offset) * scale)
    other = scan_cohort(moved, spec).frame
    # an offset of 1e8 leaves eight decimals of the protein
    tolerance = 1e-10 if offset == 0 else 1e-5
    ours, theirs = other["statistic"].to_numpy(), np.sign(scale) * plain["statistic"].to_numpy()
    assert np.abs(ours - theirs).max() < tolerance


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("n", [150, 2300])
def test_people_without_the_protein_are_as_if_they_were_not_there(family: Any, n: int) -> None:
    samples, values = make_samples(n), make_values(n, 2)
    whole = scan_cohort(make_cohort(samples, values), spec_of(family)).frame
    for protein in range(2):
        rows = np.flatnonzero(~np.isnan(values[:, protein]))
        fewer = make_cohort(samples[rows], values[rows])
        alone = scan_cohort(fewer, spec_of(family)).frame
        name = pl.col("protein") == f"P{protein:02d}"
        assert alone.filter(name)["n"].to_list() == whole.filter(name)["n"].to_list()
        assert distance(whole.filter(name), alone.filter(name)) < 1e-8


def bad_proteins(n: int) -> dict[str, F64]:
    g = np.random.default_rng(5)
    iso = (np.arange(n) % 3 == 0).astype(float)
    infinite = g.normal(size=n)
    infinite[4] = np.inf
    few = np.full(n, np.nan)
    few[:2] = 1.0, 2.0
    return {
        "all_missing": np.full(n, np.nan),
        "too_few": few,
        "infinite": infinite,
        "constant": np.full(n, 3.25),
        "separated": iso + 0.1 * g.random(n),
    }


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("n", [150, 2300])
@pytest.mark.parametrize("kind", list(bad_proteins(10)))
def test_a_bad_protein_changes_no_other_row(family: Any, n: int, kind: str) -> None:
    values = make_values(n, 4)
    whole = scan_cohort(make_cohort(make_samples(n), values), spec_of(family)).frame
    spoilt = values.copy()
    spoilt[:, 1] = bad_proteins(n)[kind]
    other = scan_cohort(make_cohort(make_samples(n), spoilt), spec_of(family)).frame
    good = pl.col("protein") != "P01"
    assert distance(whole.filter(good), other.filter(good)) < bound_of(family, n)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_protein_has_one_row_for_each_test_whatever_its_values(family: Any) -> None:
    n = 120
    samples = make_samples(n).with_columns(
        iso=pl.when(pl.col("sex") == 1).then(None).otherwise(pl.col("iso"))
    )
    values = np.column_stack([make_values(n, 2), *bad_proteins(n).values()])
    spec = spec_of(family, strata="sex", adjust={"a": "1", "b": "age"})
    frame = scan_cohort(make_cohort(samples, values), spec).frame
    keys = ["protein", "exposure", "adjustment", "stratum"]
    assert frame.height == 7 * 2 * 2 * 2
    assert frame.select(keys).unique().height == frame.height
    assert frame["message"].drop_nulls().len() >= frame.filter(pl.col("status") != "ok").height
    nobody = frame.filter((pl.col("exposure") == "iso") & (pl.col("stratum") == "1"))
    assert set(nobody["status"]) == {"all_missing"}
    assert set(nobody["message"]) == {"nobody has exposure and covariates complete"}


def test_results_stand_in_the_order_of_proteins_exposures_and_sets() -> None:
    cohort = make_cohort(make_samples(100), make_values(100, 5))
    frame = scan_cohort(cohort, spec_of("linear"), block_size=2).frame
    wanted = [
        (f"P{p:02d}", exposure, label)
        for p in range(5)
        for exposure in ("iso", "lo")
        for label in ("none", "full")
    ]
    assert list(frame.select("protein", "exposure", "adjustment").iter_rows()) == wanted


def status_of(
    values: F64, *, family: Any, n: int = 90, adjust: str = "age", **more: Any
) -> tuple[str, str]:
    """Return status and message of one protein's fit to isolation."""
    samples = more.pop("samples", make_samples(n))
    spec = spec_of(family, adjust={"a": adjust}, exposures=("iso",), **more)
    row = scan_cohort(make_cohort(samples, values[:, None]), spec).frame.row(0, named=True)
    assert (row["estimate"] is None) == (row["status"] != "ok") or more.get("firth")
    assert row["n"] <= n
    return row["status"], row["message"] or ""


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("all_missing", "the protein is missing on all rows of the fit"),
        ("too_few", "fewer than three people on the rows of the fit"),
        ("constant", "the protein has one value on the rows of the fit"),
        ("infinite", "1 infinite value on the rows of the fit"),
    ],
)
def test_a_protein_that_cannot_be_fitted_says_why(family: Any, kind: str, message: str) -> None:
    assert status_of(bad_proteins(90)[kind], family=family) == (kind, message)


@pytest.mark.parametrize("family", FAMILIES)
def test_fewer_people_than_coefficients_are_too_few(family: Any) -> None:
    values = np.full(90, np.nan)
    values[:4] = 1.0, 5.0, 2.0, 4.0
    found = status_of(values, family=family, adjust="age + sex + lo")
    assert found == ("too_few", "4 people for 5 coefficients")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("n", [90, 2300])
def test_a_protein_made_of_covariates_is_collinear(family: Any, n: int) -> None:
    samples = make_samples(n)
    values = 3.0 * samples["age"].to_numpy() + samples["sex"].to_numpy()
    status, message = status_of(
        values, family=family, n=n, adjust="age + sex", transform="none", samples=samples
    )
    assert status == "collinear"
    assert message == "the protein is a linear combination of the covariates on the rows of the fit"


@pytest.mark.parametrize("n", [90, 2300])
def test_an_exposure_made_of_covariates_is_collinear(n: int) -> None:
    samples = make_samples(n).with_columns(twin=1.0 - pl.col("iso"))
    found = status_of(
        make_values(n, 1)[:, 0], family="linear", n=n, adjust="age + twin", samples=samples
    )
    wanted = "iso is a linear combination of the covariates on the rows of the fit"
    assert found == ("collinear", wanted)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("n", [90, 2300])
def test_an_exposure_of_one_value_where_the_protein_is_seen_is_constant(
    family: Any, n: int
) -> None:
    values = make_values(n, 1)[:, 0]
    values[np.arange(n) % 3 == 0] = np.nan
    found = status_of(values, family=family, n=n)
    assert found == ("constant", "iso has one value on the rows of the fit")


@pytest.mark.parametrize("transform", ["log2"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_logarithm_of_nothing_is_untransformed(family: Any, transform: Any) -> None:
    values = np.linspace(0.0, 1.0, 90)
    found = status_of(values, family=family, transform=transform)
    assert found == ("untransformed", "log2 needs values above 0")


@pytest.mark.parametrize("n", [90, 2300])
def test_complete_separation_is_found(n: int) -> None:
    found = status_of(bad_proteins(n)["separated"], family="logistic", n=n)
    assert found == ("separated", "complete separation")


@pytest.mark.parametrize("n", [90, 2300])
def test_quasi_complete_separation_is_found(n: int) -> None:
    # at the limit of detection in all but a few, who are all cases
    values = np.zeros(n)
    values[np.arange(0, n, 15)] = 1.0
    status, message = status_of(values, family="logistic", n=n)
    assert status == "separated"
    assert message == "quasi separation"


@pytest.mark.parametrize("n", [90, 2300])
def test_firth_gives_separated_proteins_an_estimate_and_keeps_the_flag(n: int) -> None:
    values = np.zeros(n)
    values[np.arange(0, n, 15)] = 1.0
    spec = spec_of("logistic", exposures=("iso",), adjust={"a": "1"}, firth=True, transform="none")
    cohort = make_cohort(make_samples(n), values[:, None])
    row = scan_cohort(cohort, spec).frame.row(0, named=True)
    assert row["status"] == "separated"
    assert row["message"] == "quasi separation; Firth's estimate, profile interval"
    # a table of two by two: Firth adds one half to each cell
    a, b = values.sum() + 0.5, 0.5
    c = np.sum((values == 0) & (np.arange(n) % 3 == 0)) + 0.5
    d = np.sum((values == 0) & (np.arange(n) % 3 > 0)) + 0.5
    assert row["estimate"] == pytest.approx(np.log(a * d / (b * c)), rel=1e-8)
    assert 0 < row["conf_low"] < row["estimate"] < row["conf_high"]


@pytest.mark.parametrize("n", [150, 2300])
def test_a_site_without_cases_leaves_the_protein_its_limit(n: int) -> None:
    samples = make_samples(n).with_columns(
        iso=pl.when(pl.col("site") == "2").then(0.0).otherwise(pl.col("iso"))
    )
    values = make_values(n, 2)
    spec = spec_of("logistic", exposures=("iso",), adjust={"a": "age + C(site)"}, transform="none")
    whole = scan_cohort(make_cohort(samples, values), spec).frame
    elsewhere = np.flatnonzero((samples["site"] != "2").to_numpy())
    less = make_cohort(samples[elsewhere], values[elsewhere])
    assert distance(whole, scan_cohort(less, spec).frame) < 1e-8
    assert (whole["n"].to_numpy() > scan_cohort(less, spec).frame["n"].to_numpy()).all()


@pytest.mark.parametrize("n", [90, 2300])
def test_instruments_that_are_constant_where_the_protein_is_seen_identify_nothing(n: int) -> None:
    samples, values = make_samples(n), make_values(n, 1)[:, 0]
    values[: n // 2] = np.nan
    samples = samples.with_columns(late=pl.Series(np.arange(n) < n // 2 - 1).cast(pl.Float64))
    found = status_of(
        values, family="iv", n=n, adjust="age", samples=samples, iv=IvOptions(("late",))
    )
    wanted = "no instrument varies beside the covariates on the rows of the fit"
    assert found == ("not_identified", wanted)


def test_a_protein_seen_once_in_each_house_tells_nothing_of_their_variance() -> None:
    values = make_values(90, 2)
    values[np.arange(90) % 3 > 0, 0] = np.nan
    spec = spec_of("mixed", exposures=("lo",))
    found = scan_cohort(make_cohort(make_samples(90), values), spec).frame
    assert found["status"].to_list() == ["not_identified"] * 2 + ["ok"] * 2


def test_every_status_is_reached_by_a_test_here() -> None:
    reached = {"ok", "too_few", "collinear", "untransformed", "not_identified", *bad_proteins(10)}
    schema = {column.name: column for column in load_schema("associations").columns}
    assert set(schema["status"].values) - reached == {"not_converged"}
    assert reached <= {status.name for status in Status}


def test_infinite_own_covariates_count_only_where_the_protein_is_seen() -> None:
    n = 90
    values = make_values(n, 1)
    gap = np.ones((n, 1)) * np.arange(n)[:, None]
    gap[np.flatnonzero(np.isnan(values[:, 0]))[0]] = np.inf
    cohort = make_cohort(make_samples(n), values)
    spec = spec_of("linear", exposures=("iso",), adjust={"a": "gap"})
    own = ProteinCovariate("gap", ArrayProteins(("P00",), gap), (0,))
    assert scan_cohort(cohort, spec, covariates=[own]).frame["status"].to_list() == ["ok"]
    gap[np.flatnonzero(~np.isnan(values[:, 0]))[0]] = np.inf
    assert scan_cohort(cohort, spec, covariates=[own]).frame["status"].to_list() == ["infinite"]


def test_scan_of_files_reads_text_and_numbers_alike(tmp_path: Path) -> None:
    samples, values = make_samples(60), make_values(60, 2)
    cohort = make_cohort(samples, values)
    samples.write_csv(tmp_path / "samples.tsv", separator="\t")
    frame = pl.DataFrame(values, schema=["P00", "P01"]).fill_nan(None)
    frame.insert_column(0, samples["id"]).write_csv(tmp_path / "proteins.csv")
    paths = tmp_path / "samples.tsv", tmp_path / "proteins.csv"
    read = read_cohort(*paths, scratch=tmp_path, id_column="id")
    spec = spec_of("linear")
    assert distance(scan_cohort(cohort, spec).frame, scan_cohort(read, spec).frame) < 1e-12


@pytest.mark.parametrize("options", [{}, {"errors": "HC1"}])
def test_a_stratum_without_a_case_is_a_status_and_no_warning(options: dict[str, Any]) -> None:
    n = 4_400  # strata above the switch to blocks of large problems, of which nobody is left here
    sex = np.arange(n) % 2
    samples = make_samples(n).with_columns(sex=sex, iso=pl.col("iso") * pl.Series(sex))
    adjust = {"a": "age + C(site)"}
    spec = spec_of("logistic", exposures=("iso",), adjust=adjust, strata="sex", **options)
    frame = scan_cohort(make_cohort(samples, make_values(n, 3)), spec).frame
    assert set(frame.filter(pl.col("stratum") == "0")["status"]) == {"constant"}
    assert set(frame.filter(pl.col("stratum") == "1")["status"]) == {"ok"}


@pytest.mark.parametrize(
    "options", [{}, {"errors": "HC3"}, {"errors": "CR1", "cluster": "site"}, {"weights": "age"}]
)
@pytest.mark.parametrize("n", [150, 4_200])
def test_a_protein_that_is_a_covariate_has_no_estimate_whatever_the_errors(
    n: int, options: dict[str, Any]
) -> None:
    samples = make_samples(n).with_columns(age=pl.col("age").abs() + 1.0)
    values = make_values(n, 2)
    values[:, 1] = samples["age"].to_numpy()
    spec = spec_of("linear", exposures=("iso",), adjust={"a": "age"}, transform="none", **options)
    frame = scan_cohort(make_cohort(samples, values), spec).frame
    assert frame["status"].to_list() == ["ok", "collinear"]
