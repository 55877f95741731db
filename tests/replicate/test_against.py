"""Another cohort's associations held against those here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.stats import norm

import proteomr
from proteomr.association import ModelSpec
from proteomr.errors import ProteomrError, UsageError
from proteomr.replicate import Against
from proteomr.runs import Source
from proteomr.stats.winners_curse import correct_by_fdr, correct_conditionally
from tests.replicate.people import make_people, make_proteins

SETS = {"few": "age"}
HERE = make_people(500, seed=8)
PROTEINS = make_proteins(HERE, 60)
SPEC = ModelSpec("linear", ("lo",), SETS)


def discover(people: int = 800, **more: Any) -> pl.DataFrame:
    cohort = make_people(people, seed=9)
    results = proteomr.associate(
        cohort, make_proteins(cohort, 60), family="linear", exposure=["iso", "lo"], adjust=SETS,
        threads=1, **more,
    )  # fmt: skip
    return results.table()


def run(table: Any, **more: Any) -> Any:
    scheme = Against(Source.of(table, name="discovery.parquet"))
    return proteomr.replicate(HERE, PROTEINS, models=SPEC, scheme=scheme, threads=1, **more)


def test_each_fit_stands_beside_that_of_the_other_cohort() -> None:
    there = discover().filter(exposure="lo")
    results = run(discover())
    here = proteomr.associate(
        HERE, PROTEINS, family="linear", exposure="lo", adjust=SETS, threads=1
    ).table()
    against = results.table("against")
    assert results.table("associations").equals(here)
    assert against["protein"].to_list() == there["protein"].to_list()
    for name, of in (("estimate", here), ("se", here), ("p_value", here), ("n", here)):
        assert against[name].equals(of[name])
    z = (there["estimate"] / there["se"]).to_numpy()
    threshold = norm.isf(0.025 / 60)
    hit = np.abs(z) > threshold
    assert 3 < hit.sum() < 40
    assert against["hit"].to_list() == hit.tolist()
    se = there["se"].to_numpy()
    assert np.allclose(against["estimate_fiqt"], correct_by_fdr(z) * se)
    conditional = correct_conditionally(z[hit], threshold=threshold) * se[hit]
    assert np.allclose(against["estimate_conditional"].drop_nulls(), conditional)
    alpha = 0.05 / hit.sum()
    same = np.sign(here["estimate"]) == np.sign(there["estimate"])
    replicated = (same & (here["p_value"] < alpha)).to_numpy()[hit]
    assert against.filter("hit")["replicated"].to_list() == replicated.tolist()
    along = np.abs(correct_by_fdr(z) * se) / here["se"].to_numpy()
    cut = norm.isf(alpha / 2)
    assert np.allclose(against["power"], norm.sf(cut - along) + norm.cdf(-cut - along))
    row = results.table().row(0, named=True)
    assert row["split"] == "discovery"
    assert row["r_effects"] == pytest.approx(np.corrcoef(here["estimate"], there["estimate"])[0, 1])
    assert (row["hits1"], row["hits2"]) == (hit.sum(), int((here["p_bonferroni"] < 0.05).sum()))


def test_more_people_or_another_order_of_the_table_change_nothing() -> None:
    table = discover()
    shuffled = table.sample(fraction=1.0, shuffle=True, seed=1)
    wanted = run(table).table("against").sort("protein")
    found = run(shuffled).table("against").sort("protein")
    for name in wanted.columns:
        if wanted[name].dtype == pl.Float64:
            assert np.allclose(wanted[name], found[name], rtol=1e-10, equal_nan=True)
        else:
            assert wanted[name].equals(found[name])


def test_strata_of_the_table_are_passed_over_and_text_is_read(tmp_path: Path) -> None:
    table = discover(strata="sex")
    with_strata = pl.concat([discover(), table], how="vertical_relaxed")
    with_strata.write_csv(tmp_path / "discovery.tsv", separator="\t")
    found = run(tmp_path / "discovery.tsv").table("against")
    assert found.select("protein", "hit").equals(
        run(discover()).table("against").select("protein", "hit")
    )


def test_proteins_that_are_not_here_are_told_and_kept() -> None:
    table = discover().with_columns(protein=pl.col("protein").replace({"P00": "ELSEWHERE"}))
    results = run(table)
    row = results.table("against").filter(protein="ELSEWHERE").row(0, named=True)
    assert (row["estimate"], row["status"], row["replicated"]) == (None, None, None)
    assert results.notes[-1].startswith("1 fits of discovery.parquet are of proteins that are not")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop("estimate"), "no column 'estimate'"),
        (
            lambda t: t.with_columns(family=pl.lit("logistic")),
            "was fitted by 'logistic', whose estimates are on another scale than those of 'linear'",
        ),
        (
            lambda t: t.with_columns(direction=pl.lit("outcome~protein")),
            "was fitted as 'outcome~protein', and here as 'protein~exposure'",
        ),
        (lambda t: t.drop("exposure", "outcome"), "a column 'exposure' or 'outcome' is needed"),
        (
            lambda t: t.with_columns(adjustment=pl.lit("other")),
            "it has 'iso', 'lo' in 'other', here are 'lo' in 'few'",
        ),
        (lambda t: t.filter(exposure="iso"), "it has 'iso' in 'few', here are 'lo' in 'few'"),
        (lambda t: t.with_columns(protein=pl.lit("Q") + pl.col("protein")), "is of a protein here"),
        (lambda t: pl.concat([t, t]), "one protein, target and set twice"),
        (lambda t: t.with_columns(se=pl.lit(None, dtype=pl.Float64)), "holds no estimate with"),
    ],
)
def test_a_table_that_cannot_be_held_against_is_refused(change: Any, message: str) -> None:
    with pytest.raises(ProteomrError, match=message) as refused:
        run(change(discover()))
    assert "\n" not in str(refused.value)


def test_there_are_no_fits_of_halves_to_keep() -> None:
    with pytest.raises(UsageError, match="--keep-fits keeps the fits of halves"):
        run(discover(), keep_fits=True)
