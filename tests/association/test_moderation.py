"""Moderation over the parts of a scan: shards, refused fits, one protein, large samples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from proteomr_cli import main

import proteomr
from proteomr.association import ModelSpec, plan_scan
from proteomr.association.forecast import estimate_joining
from proteomr.execute import Serial
from proteomr.models import ModerationOptions
from proteomr.scan import fit_blocks
from proteomr.stats.empirical_bayes import fit_prior, squeeze_variances
from proteomr.tables import ArrayProteins, Cohort

N, P = 4_200, 60


def cohort(n: int = N, p: int = P) -> tuple[pl.DataFrame, pl.DataFrame]:
    g = np.random.default_rng(11)
    ids = [f"{i:05d}" for i in range(n)]
    people = pl.DataFrame(
        {"ID": ids, "sad": np.arange(n) % 2, "age": g.normal(60, 8, n), "house": np.arange(n) // 7,
         "site": g.integers(0, 250, n), "room": g.integers(0, 240, n)}
    )  # fmt: skip
    spread = np.sqrt(6.0 / g.chisquare(6, p))
    values = g.normal(size=(n, p)) * spread + 8.0
    values[g.random((n, p)) < 0.05] = np.nan
    proteins = pl.DataFrame({"ID": ids, **{f"P{j:02d}": values[:, j] for j in range(p)}})
    return people, proteins.fill_nan(None)


def run(**options: Any) -> Any:
    people, proteins = options.pop("data", None) or cohort()
    given = {"family": "linear", "exposure": "sad", "adjust": {"a": "age"}, "transform": "none"}
    return proteomr.associate(people, proteins, threads=1, **{**given, **options})


def command(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main.run(arguments)
    assert ended.value.code == 0


@pytest.mark.parametrize(
    "options", [{}, {"absorb": "house"}, {"interaction": "age", "adjust": {"a": "1"}}]
)
def test_moderated_errors_are_the_ordinary_ones_with_the_posterior_variance(
    options: dict[str, Any],
) -> None:
    plain, moderated = run(**options).table(), run(**options, moderate="plain")
    prior = moderated.table("moderation")
    assert prior.height == P
    squeezed = squeeze_variances(
        prior["sigma"].to_numpy() ** 2,
        prior["df_residual"].to_numpy(),
        fit_prior(prior["sigma"].to_numpy() ** 2, prior["df_residual"].to_numpy()),
    )
    ratio = np.sqrt(squeezed.variance) / prior["sigma"].to_numpy()
    terms = plain.height // P
    np.testing.assert_allclose(
        moderated.table()["se"], plain["se"] * np.repeat(ratio, terms), rtol=1e-12
    )
    assert moderated.table()["df"].to_list() == np.repeat(squeezed.df, terms).tolist()
    assert prior["df_residual"].to_list() == plain["df"].to_list()[::terms]


def test_the_residual_deviation_is_that_of_least_squares() -> None:
    people, proteins = cohort()
    prior = run(moderate="plain").table("moderation")
    y = proteins["P03"].to_numpy()
    X = np.column_stack([np.ones(N), people["sad"], people["age"]])[~np.isnan(y)]
    rest = y[~np.isnan(y)] - X @ np.linalg.lstsq(X, y[~np.isnan(y)])[0]
    sigma = np.sqrt(rest @ rest / (rest.size - 3))
    assert prior.filter(protein="P03")["sigma"].item() == pytest.approx(sigma, rel=1e-12)
    average = prior.filter(protein="P03")["average"].item()
    assert average == pytest.approx(np.nanmean(y), rel=1e-12)


def test_shards_that_are_merged_are_moderated_together(tmp_path: Path) -> None:
    people, proteins = cohort(300)
    people.write_parquet(tmp_path / "s.parquet")
    proteins.write_parquet(tmp_path / "p.parquet")
    files = [str(tmp_path / "s.parquet"), str(tmp_path / "p.parquet")]
    asked = [
        "--family",
        "linear",
        "--exposure",
        "sad",
        "--transform",
        "none",
        "--threads",
        "1",
        "-q",
    ]
    for i in (1, 2):
        shard = ["--moderate", "robust", "--block", "house", "--shard", f"{i}/2"]
        command(["associate", *files, *asked, *shard, "-o", str(tmp_path / "o")])
    command(["merge", str(tmp_path / "o"), "-q"])
    whole = run(data=cohort(300), adjust=None, moderate="robust", block="house")
    for table in ("associations", "moderation"):
        merged = pl.read_parquet(tmp_path / "o" / f"{table}.parquet")
        assert merged.equals(whole.table(table))


def test_proteins_without_a_fit_teach_nothing_and_have_no_prior() -> None:
    people, proteins = cohort(200, 12)
    flat = proteins.with_columns(pl.lit(1.0).alias("P00"), pl.lit(None, pl.Float64).alias("P01"))
    results = run(data=(people, flat), moderate="plain")
    assert results.table()["status"].to_list()[:3] == ["constant", "all_missing", "ok"]
    prior = results.table("moderation")
    assert prior["protein"].to_list() == [f"P{j:02d}" for j in range(2, 12)]
    fewer = run(data=(people, proteins.drop("P00", "P01")), moderate="plain")
    assert prior["s2_post"].to_list() == fewer.table("moderation")["s2_post"].to_list()


def test_one_protein_keeps_its_ordinary_statistics() -> None:
    people, proteins = cohort(200, 12)
    one = proteins.select("ID", "P05")
    plain, moderated = run(data=(people, one)).table(), run(data=(people, one), moderate="robust")
    assert moderated.table("moderation")["df_prior"].to_list() == [0.0]
    np.testing.assert_allclose(moderated.table()["se"], plain["se"], rtol=1e-14)


def test_no_protein_with_a_fit_leaves_an_empty_table() -> None:
    people, proteins = cohort(200, 3)
    flat = proteins.with_columns(pl.all().exclude("ID").fill_null(0.0) * 0.0)
    results = run(data=(people, flat), moderate="trend")
    assert results.table("moderation").height == 0
    assert set(results.table()["status"]) == {"constant"}


@pytest.mark.parametrize("scale", [1e-140, 1e140])
def test_moderation_does_not_depend_on_the_units_of_proteins(scale: float) -> None:
    people, proteins = cohort(200, 12)
    scaled = proteins.with_columns(pl.all().exclude("ID") * scale)
    ours = run(data=(people, scaled), moderate="robust").table()
    wanted = run(data=(people, proteins), moderate="robust").table()
    np.testing.assert_allclose(ours["statistic"], wanted["statistic"], rtol=1e-9)


def test_several_effects_of_many_levels_are_moderated_too() -> None:
    results = run(data=cohort(900, 8), absorb=["site", "room"], moderate="plain")
    assert results.table("moderation").height == 8


def test_what_joining_takes_is_estimated_of_proteins_that_are_each_once(tmp_path: Path) -> None:
    people, proteins = cohort(200, 12)
    arrays = proteins.drop("ID").to_numpy()
    names = tuple(proteins.columns[1:])
    whole = Cohort(people, "ID", ArrayProteins(names, arrays), pl.DataFrame({"protein": names}))
    sizes = []
    for kind in (None, "robust"):
        spec = ModelSpec("linear", ("sad",), moderation=ModerationOptions(kind))
        parts = fit_blocks(plan_scan(whole, spec), executor=Serial())
        sizes.append(estimate_joining(parts, spec, share=1.0, scratch=tmp_path)[1])
    assert sizes[1] < 1.2 * sizes[0]


def test_numbers_of_which_a_contrast_names_two_are_levels() -> None:
    people, proteins = cohort(300, 3)
    people = people.with_columns(dose=pl.Series(np.arange(300) % 3).cast(pl.Float64))
    words = people.with_columns(dose=pl.col("dose").replace_strict({0: "a", 1: "b", 2: "c"}))
    found = run(data=(people, proteins), exposure="dose", contrast="2 - 1").table()
    wanted = run(data=(words, proteins), exposure="dose", contrast="c - b").table()
    assert found["contrast"].unique().to_list() == ["2 vs 1"]
    assert found["estimate"].to_list() == wanted["estimate"].to_list()
