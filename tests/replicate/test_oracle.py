"""The fits of a half are those of a table that holds its people alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

import proteomr
from proteomr.association import ModelSpec
from proteomr.models import ModerationOptions
from proteomr.replicate import GivenSplits, LeaveOut, RandomHalves
from proteomr.runs import Results, Source
from tests.replicate.people import make_people, make_proteins, only

NUMBERS = ["estimate", "se", "neg_log10_p", "conf_low", "conf_high", "p_bonferroni", "q_bh"]
SAME = ["protein", "exposure", "adjustment", "term", "contrast", "n", "n_case", "status", "message"]
SETS = {"few": "age", "full": "age + sex + C(site) + C(rare)"}
# Above the switch to compiled loops and to the mass paths in halves, and far below it.
LARGE, SMALL = 9_000, 300


def draw_splits(people: pl.DataFrame, names: tuple[str, ...] = ("s1", "s2")) -> pl.DataFrame:
    g = np.random.default_rng(3)
    drawn = {name: g.choice([1, 2, 0], people.height, p=[0.5, 0.48, 0.02]) for name in names}
    frame = people.select("ID").with_columns(pl.Series(k, v) for k, v in drawn.items())
    return frame.with_columns(pl.col(names).replace(0, None))


def assert_same(found: pl.DataFrame, wanted: pl.DataFrame) -> None:
    assert found.select(SAME).equals(wanted.select(SAME))
    assert (found["status"] == "ok").sum() > found.height / 2
    for name in NUMBERS:
        a, b = (frame[name].to_numpy().astype(float) for frame in (found, wanted))
        assert np.array_equal(np.isnan(a), np.isnan(b))
        assert np.allclose(a, b, rtol=1e-12, atol=1e-12, equal_nan=True), name


def run(people: Any, proteins: Any, spec: ModelSpec, splits: pl.DataFrame, **more: Any) -> Results:
    scheme = GivenSplits(Source.of(splits, name="splits"))
    return proteomr.replicate(
        people, proteins, models=spec, scheme=scheme, keep_fits=True, threads=1, **more
    )


@pytest.mark.parametrize("family", ["linear", "logistic"])
@pytest.mark.parametrize("n", [SMALL, LARGE])
@pytest.mark.parametrize("transform", ["rint", "zscore"])
def test_the_fits_of_a_half_are_those_of_its_people_alone(
    family: str, n: int, transform: Any
) -> None:
    people = make_people(n)
    proteins = make_proteins(people, 5)
    splits = draw_splits(people)
    spec = ModelSpec(family, ("iso", "lo"), SETS, transform=transform)
    found = run(people, proteins, spec, splits).table("replication_fits")
    assert found.height == 2 * 2 * 5 * 2 * 2
    for split, half in (("s1", 1), ("s1", 2), ("s2", 2)):
        alone = proteomr.associate(
            only(people, splits, split, half),
            proteins,
            family=family,
            exposure=["iso", "lo"],
            adjust=SETS,
            transform=transform,
            threads=1,
        )
        of_half = found.filter(pl.col("split") == split, pl.col("half") == half)
        assert_same(of_half, alone.table())


@pytest.mark.parametrize(
    "more",
    [
        {"interaction": "sex"},
        {"weights": "weight", "errors": "HC1"},
        {"errors": "CR1", "cluster": "site"},
    ],
    ids="-".join,
)
def test_what_modifies_the_models_does_so_in_each_half(more: Any) -> None:
    people = make_people(LARGE)
    proteins = make_proteins(people, 3)
    splits = draw_splits(people, ("s1",))
    spec = ModelSpec("logistic", ("lo",), {"few": "age"}, **more)
    found = run(people, proteins, spec, splits).table("replication_fits")
    alone = proteomr.associate(
        only(people, splits, "s1", 2), proteins, family="logistic", exposure="lo",
        adjust={"few": "age"}, threads=1, **more,
    )  # fmt: skip
    assert_same(found.filter(half=2), alone.table())


@pytest.mark.parametrize("more", [{"moderate": "robust"}, {"moderate": "plain", "block": "site"}])
def test_what_proteins_teach_each_other_is_learnt_in_each_half(more: Any) -> None:
    people = make_people(LARGE)
    proteins = make_proteins(people, 12)
    splits = draw_splits(people, ("s1",))
    options = ModerationOptions(more["moderate"], more.get("block"))
    spec = ModelSpec("linear", ("lo",), {"few": "age"}, moderation=options)
    found = run(people, proteins, spec, splits).table("replication_fits")
    alone = proteomr.associate(
        only(people, splits, "s1", 2), proteins, family="linear", exposure="lo",
        adjust={"few": "age"}, threads=1, **more,
    )  # fmt: skip
    assert_same(found.filter(half=2), alone.table())


@pytest.mark.parametrize("columns", ["protein", "panel"])
def test_covariates_of_proteins_and_panels_are_those_of_the_half(columns: str) -> None:
    people = make_people(LARGE)
    proteins = make_proteins(people, 16)
    g = np.random.default_rng(5)
    names = [name for name in proteins.columns if name != "ID"]
    assays = pl.DataFrame({"protein": names, "panel": ["x", "y"] * 8})
    gap = g.normal(size=(people.height, 16 if columns == "protein" else 2))
    gap[g.random(gap.shape) < 0.05] = np.nan
    of = names if columns == "protein" else ["x", "y"]
    covariate = pl.DataFrame(gap, schema=of, nan_to_null=True).with_columns(people["ID"])
    splits = draw_splits(people, ("s1",))
    more: Any = {"protein_covariates": {"gap": covariate}, "assays": assays}
    spec = ModelSpec("linear", ("iso",), {"with": "age + gap"})
    found = run(people, proteins, spec, splits, **more).table("replication_fits")
    alone = proteomr.associate(
        only(people, splits, "s1", 1), proteins, family="linear", exposure="iso",
        adjust={"with": "age + gap"}, threads=1, **more,
    )  # fmt: skip
    assert_same(found.filter(half=1), alone.table())


def test_rows_threads_and_exposures_beside_change_nothing() -> None:
    people = make_people(400)
    proteins = make_proteins(people, 6)
    spec = ModelSpec("linear", ("iso", "lo"), SETS)
    usual = proteomr.replicate(
        people, proteins, models=spec, scheme=RandomHalves(4), keep_fits=True, threads=1
    )
    shuffled = proteomr.replicate(
        people.sample(fraction=1.0, shuffle=True, seed=1),
        proteins.sample(fraction=1.0, shuffle=True, seed=2),
        models=spec,
        scheme=RandomHalves(4),
        keep_fits=True,
        threads=2,
    )
    for table in ("replication", "replication_fits"):
        assert usual.table(table).equals(shuffled.table(table))
    alone = proteomr.replicate(
        people,
        proteins,
        models=ModelSpec("linear", ("lo",), SETS),
        scheme=RandomHalves(4),
        threads=1,
    )
    r = usual.table().filter(exposure="lo")["r_effects"].to_numpy()
    assert np.allclose(r, alone.table()["r_effects"].to_numpy(), rtol=1e-12)


def test_chunks_of_halves_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    people = make_people(400)
    proteins = make_proteins(people, 6)
    spec = ModelSpec("logistic", ("iso", "lo"), SETS)

    def fit() -> Results:
        return proteomr.replicate(
            people, proteins, models=spec, scheme=RandomHalves(5), keep_fits=True, threads=1
        )

    whole = fit()
    monkeypatch.setattr("proteomr.scan.row_sets._UNITS_AT_ONCE", 1_500)
    chunked = fit()
    assert whole.table().equals(chunked.table())
    assert_same(chunked.table("replication_fits"), whole.table("replication_fits"))


def test_an_exposure_of_its_own_split_has_halves_there_alone() -> None:
    people = make_people(400)
    splits = draw_splits(people, ("lo:a", "iso:a", "both"))
    spec = ModelSpec("linear", ("iso", "lo"), {"few": "age"})
    found = run(people, make_proteins(people, 4), spec, splits)
    asked = found.table().select("split", "exposure").unique().sort("split", "exposure").rows()
    assert asked == [("both", "iso"), ("both", "lo"), ("iso:a", "iso"), ("lo:a", "lo")]
    fits = found.table("replication_fits")
    assert fits.height == 4 * 2 * 4
    assert (fits["status"] == "ok").all()


def test_leaving_out_a_site_is_fitting_the_others_and_it_alone() -> None:
    people = make_people(600)
    proteins = make_proteins(people, 4)
    spec = ModelSpec("linear", ("iso",), {"full": "age + C(site)"})
    found = proteomr.replicate(
        people, proteins, models=spec, scheme=LeaveOut("site"), keep_fits=True, threads=1
    )

    def associate(some: pl.DataFrame, **more: Any) -> Results:
        return proteomr.associate(
            some, proteins, family="linear", exposure="iso", adjust=more.pop("adjust"), threads=1,
            **more,
        )  # fmt: skip

    fits = found.table("replication_fits")
    whole = associate(people, adjust={"full": "age + C(site)"}).table()
    without = associate(people.filter(pl.col("site") != "b"), adjust=spec.adjust).table()
    assert_same(fits.filter(pl.col("split").is_null()), whole)
    assert_same(fits.filter(split="b", half=1), without)
    assert_same(
        fits.filter(split="b", half=2),
        associate(people.filter(site="b"), adjust=spec.adjust).table(),
    )
    left = found.table("leave_out").filter(left_out="b")
    change = without["estimate"] - whole["estimate"]
    assert np.allclose(left["change"], change, rtol=1e-12)
    assert np.allclose(left["change_se"], change / whole["se"], rtol=1e-12)
    strata = associate(people, adjust={"full": "age"}, strata="site").table("joint_tests")
    tests = found.table("joint_tests")
    assert np.allclose(tests["statistic"], strata["statistic"], rtol=1e-10)
    assert tests["df"].to_list() == [3.0] * 4
    most = found.table("leave_out").sort(pl.col("change").abs(), descending=True)
    of_first = most.filter(protein="P00").row(0, named=True)
    influence = found.table("influence").row(0, named=True)
    assert (influence["left_out"], influence["change"]) == (
        of_first["left_out"],
        of_first["change"],
    )
