"""Fine mapping as a job: regions, statuses, and what must not change a byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from scipy.stats import norm

from proteomr.errors import InputError, NothingToDo, UsageError
from proteomr.execute import Executor, Serial, Threads
from proteomr.finemapping import FinemapJob, FinemapRequest, Windows, finemap
from proteomr.gwas.gene_regions import Region
from proteomr.gwas.trait_facts import TraitFacts
from proteomr.runs import Account, Output, run_job
from proteomr.stats.susie import SusieOptions
from tests.finemapping.loci import simulate_locus

LOCUS = simulate_locus(1, explained=0.03, n=800, p=40, others=30)


def _row(*arguments: Any, **options: Any) -> dict[str, Any]:
    return finemap(*arguments, **options).table("finemap").row(0, named=True)


def _genome() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return three loci on two chromosomes as summary statistics, and their correlations."""
    parts, blocks = [], []
    for place, (chromosome, start) in enumerate([("2", 9_000_000), ("1", 30_000_000), ("1", 500)]):
        locus = simulate_locus(50 + place, explained=0.06, n=900, p=30, others=30)
        named = pl.format("c{}_{}", pl.lit(place), "snp")
        parts.append(
            locus.rows.select(
                named.alias("rsid"),
                pl.lit(chromosome).alias("chromosome"),
                (pl.col("position") * 1000 + start).alias("position_bp"),
                pl.lit("A").alias("effect_allele"),
                pl.lit("G").alias("other_allele"),
                pl.col("MAF").alias("eaf"),
                "beta",
                pl.col("varbeta").sqrt().alias("se"),
            )
        )
        blocks.append(locus.r)
    rows = pl.concat(parts)
    size = sum(len(block) for block in blocks)
    whole, at = np.zeros((size, size)), 0
    for block in blocks:
        whole[at : at + len(block), at : at + len(block)] = block
        at += len(block)
    return rows, pl.DataFrame(whole, schema=rows["rsid"].to_list(), orient="row")


@pytest.mark.parametrize("power", [-1000, -520, 510, 1000])
def test_the_unit_of_the_trait_changes_no_bit(power: int) -> None:
    scaled = LOCUS.rows.select("snp", "MAF", rsid="snp", effect_allele=pl.lit("A"),
        other_allele=pl.lit("G"), chromosome=pl.lit("1"), position_bp="position", eaf="MAF",
        beta="beta", se=pl.col("varbeta").sqrt(), n=pl.lit(800.0)).drop("snp", "MAF")  # fmt: skip
    unit = pl.col("beta", "se") * 2.0**power
    base, found = (finemap(rows).table("pips") for rows in (scaled, scaled.with_columns(unit)))
    assert base["pip"].to_numpy().max() > 0.5
    assert_frame_equal(found.select("snp", "pip"), base.select("snp", "pip"), check_exact=True)


def test_a_region_beyond_numbers_has_no_answer() -> None:
    rows = LOCUS.rows.with_columns(
        pl.when(pl.int_range(pl.len()) == 3).then(1e200).otherwise("beta").alias("beta")
    )
    results = finemap(rows, facts=TraitFacts(sdy=1.0))
    assert results.table("finemap")["status"].to_list() == ["infinite"]
    assert results.failed == 1


def test_a_genome_is_windows_around_leads_in_order_of_place() -> None:
    rows, r = _genome()
    table = finemap(rows, r, facts=TraitFacts(n=900)).table("finemap")
    assert [region.partition(":")[0] for region in table["region"]] == ["1", "1", "2"]
    assert table["status"].to_list() == ["ok"] * 3
    starts = [int(region.split(":")[1].split("-")[0]) for region in table["region"]]
    assert starts[0] < starts[1]


def test_a_region_that_fails_stops_no_other() -> None:
    rows, r = _genome()
    without = [name for name in r.columns if not name.startswith("c0_")]
    kept = [r.columns.index(name) for name in without]
    results = finemap(rows, r.select(without)[kept], facts=TraitFacts(n=900))
    assert results.table("finemap")["status"].to_list() == ["ok", "ok", "nothing_shared"]
    assert (results.units, results.failed) == (3, 1)
    assert results.table("pips")["region"].n_unique() == 2


def test_threads_and_the_order_of_rows_change_no_byte(tmp_path: Path) -> None:
    rows, r = _genome()
    order = np.random.default_rng(1).permutation(r.width)
    shuffled = r.select([r.columns[i] for i in order])[order.tolist()]
    asked: list[tuple[pl.DataFrame, pl.DataFrame, Executor]] = [
        (rows, r, Serial()),
        (rows.reverse(), shuffled, Threads(3)),
    ]
    for place, (trait, panel, executor) in enumerate(asked):
        request = FinemapRequest.of(trait, panel, facts=TraitFacts(n=900))
        run_job(FinemapJob(request), Output(tmp_path / str(place)), executor=executor)
    for name in ("finemap", "pips", "credible_sets"):
        one, other = ((tmp_path / place / f"{name}.parquet").read_bytes() for place in "01")
        assert one == other, name


def test_a_run_that_was_killed_goes_on_with_the_regions_that_it_lacks(tmp_path: Path) -> None:
    rows, r = _genome()
    request = FinemapRequest.of(rows, r, facts=TraitFacts(n=900))

    class Killed(Serial):
        def map(self, work: Any, blocks: Any, /) -> Any:
            yield 0, work(blocks[0])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_job(FinemapJob(request), Output(tmp_path / "run"), executor=Killed())
    done: list[int] = []

    class Counting(Serial):
        def map(self, work: Any, blocks: Any, /) -> Any:
            done.append(len(blocks))
            return super().map(work, blocks)

    output = Output(tmp_path / "run", resume=True)
    resumed = run_job(FinemapJob(request), output, executor=Counting(), account=Account())
    whole = run_job(FinemapJob(request), Output(tmp_path / "whole"))
    assert done == [2]
    for name in ("finemap", "pips", "credible_sets"):
        assert resumed.table(name).equals(whole.table(name))


def test_a_region_that_is_asked_for_is_read_alone() -> None:
    rows, r = _genome()
    results = finemap(rows, r, facts=TraitFacts(n=900), region=Region("1", 1, 20_000))
    assert results.table("finemap")["region"].to_list() == ["1:1-20000"]
    assert results.table("pips").filter(pl.col("position_bp") > 20_000).is_empty()


def test_a_genome_without_leads_has_nothing_to_do() -> None:
    rows, r = _genome()
    with pytest.raises(NothingToDo, match="raise --lead-p"):
        finemap(rows, r, windows=Windows(lead_p=1e-300))


def test_several_traits_in_one_file_are_rows_of_their_own() -> None:
    rows, r = _genome()
    both = pl.concat([rows.with_columns(trait=pl.lit(name)) for name in ("REN", "ADM")])
    table = finemap(both, r, facts=TraitFacts(n=900)).table("finemap")
    assert table["trait"].to_list() == ["ADM"] * 3 + ["REN"] * 3


def test_correlations_of_nobody_give_no_answer() -> None:
    noise = np.random.default_rng(2).uniform(-0.5, 0.5, LOCUS.r.shape)
    r = np.clip(LOCUS.r + np.triu(noise, 1) + np.triu(noise, 1).T, -1, 1)
    row = _row(LOCUS.rows, LOCUS.matrix(r))
    assert (row["status"], row["sets"], row["converged"]) == ("not_positive", None, None)
    assert row["least_eigenvalue"] < -0.05


def test_an_iteration_that_is_cut_short_has_no_sets() -> None:
    options = SusieOptions(most_rounds=1)
    results = finemap(LOCUS.rows, LOCUS.matrix(), facts=TraitFacts(n=800), susie=options)
    row = results.table("finemap").row(0, named=True)
    assert (row["status"], row["converged"], row["iterations"]) == ("not_converged", False, 1)
    assert not results.table("credible_sets").height
    assert set(results.table("pips")["status"]) == {"not_converged"}


def test_one_variant_with_correlations_is_too_few() -> None:
    row = _row(LOCUS.rows.head(1), LOCUS.matrix(), facts=TraitFacts(n=800))
    assert (row["status"], row["nsnps"]) == ("too_few", 1)


@pytest.mark.parametrize(
    ("n", "facts", "column"),
    [
        (8000, {"sdy": 1.0}, None),
        (80, {"sdy": 1.0}, None),
        (8000, {}, 800),
        (800, {}, "uneven"),
        (8000, {"kind": "cc", "case_share": 0.5}, None),
    ],
)
def test_people_that_errors_or_columns_contradict_are_told(
    n: int, facts: dict[str, Any], column: object
) -> None:
    rows = LOCUS.rows
    if facts.get("kind") == "cc":
        rows = rows.with_columns(pl.col("beta") * 2, pl.col("varbeta") * 4)
    if column == "uneven":
        some = pl.when(pl.int_range(pl.len()) < 3).then(60).otherwise(800)
        rows = rows.with_columns(N=some)
    elif column is not None:
        rows = rows.with_columns(N=pl.lit(column))
    row = _row(rows, LOCUS.matrix(), facts=TraitFacts(n=n, **facts))
    assert row["status"] == "implausible_size"
    assert "people" in row["message"]
    plain = _row(LOCUS.rows, LOCUS.matrix(), facts=TraitFacts(n=800, sdy=1.0))
    assert plain["status"] == "ok"


def test_squares_of_correlations_are_refused() -> None:
    with pytest.raises(InputError, match="without the signs"):
        finemap(LOCUS.rows, LOCUS.matrix(LOCUS.r**2), ld_values="r2")


def test_weights_of_other_variants_are_refused_and_a_listed_one_takes_all() -> None:
    with pytest.raises(InputError, match="names none of the"):
        finemap(
            LOCUS.rows, LOCUS.matrix(), prior_weights=pl.DataFrame({"snp": ["x"], "weight": [1]})
        )
    one = pl.DataFrame({"snp": LOCUS.names[:1], "weight": [1.0]})
    results = finemap(LOCUS.rows, LOCUS.matrix(), facts=TraitFacts(n=800), prior_weights=one)
    pips = results.table("pips")
    assert pips.filter(pl.col("snp") != LOCUS.names[0])["pip"].max() == 0.0


def test_p_alone_has_no_signs_for_correlations() -> None:
    rows = LOCUS.rows.select("snp", "MAF", pvalue=pl.lit(0.5))
    with pytest.raises(InputError, match="their signs are needed"):
        finemap(rows, LOCUS.matrix())


@pytest.mark.parametrize(
    ("columns", "facts", "message"),
    [
        (["snp", "beta", "varbeta"], {}, "--sdy"),
        (["snp", "MAF", "pvalue"], {}, "add --n"),
        (["snp", "MAF", "pvalue"], {"kind": "cc", "n": 900}, "--case-share"),
    ],
)
def test_without_correlations_what_lacks_is_one_line(
    columns: list[str], facts: dict[str, Any], message: str
) -> None:
    rows = LOCUS.rows.with_columns(pvalue=pl.lit(0.5)).select(columns)
    with pytest.raises(InputError, match=message):
        finemap(rows, facts=TraitFacts(**facts))


def test_a_prior_of_more_than_all_is_bounded_and_said() -> None:
    results = finemap(LOCUS.rows, facts=TraitFacts(sdy=1.0), p1=0.5)
    bounded = 1 / (LOCUS.rows.height + 1)
    assert f"{bounded:.3g} is taken" in results.notes[-1]
    assert results.table("pips")["pip"].sum() < 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"susie": SusieOptions(effects=3)}, "--l is for correlations"),
        ({"remove_mismatched": True}, "--remove-mismatched is for correlations"),
        ({"ld": "x.csv", "p1": 0.01}, "--p1 is for one"),
        ({"ld": "x.csv", "susie": SusieOptions(var_y=2.0)}, "--var-y has its scale"),
        ({"ld": "x.csv", "unmappable": "inf"}, "add --n"),
        (
            {
                "ld": "x.csv",
                "unmappable": "inf",
                "facts": TraitFacts(n=9),
                "susie": SusieOptions(refine=True),
            },
            "--refine is of SuSiE",
        ),
        ({"ld": "x.csv", "region": Region("1", 1, 2), "windows": Windows(1e-6)}, "--lead-p"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        FinemapRequest.of("trait.csv", **options)


def test_a_background_of_small_effects_is_reported() -> None:
    row = _row(LOCUS.rows, LOCUS.matrix(), facts=TraitFacts(n=800), unmappable="inf")
    assert (row["method"], row["status"]) == ("susie_inf", "ok")
    assert row["tau2"] is not None


def test_p_of_a_variant_without_people_leaves_and_the_others_are_as_without_it() -> None:
    p = 2 * norm.sf(np.abs(LOCUS.rows["beta"] / LOCUS.rows["varbeta"].sqrt()))
    rows = LOCUS.rows.select("snp", "position", "MAF", pvalue=pl.Series(p), N=pl.lit(800.0))
    place = pl.int_range(pl.len()) == 3
    for lost in (None, 0.0):
        holed = rows.with_columns(N=pl.when(place).then(lost).otherwise("N"))
        assert_frame_equal(finemap(holed).table("pips"), finemap(rows.filter(~place)).table("pips"))


def test_a_trait_that_tells_too_little_stops_no_other_trait_of_its_file() -> None:
    p = 2 * norm.sf(np.abs(LOCUS.rows["beta"] / LOCUS.rows["varbeta"].sqrt()))
    rows = LOCUS.rows.select(
        "position",
        variant_id="snp",
        chromosome=pl.lit("1"),
        effect_allele=pl.lit("A"),
        other_allele=pl.lit("G"),
        position_bp="position",
        eaf="MAF",
        beta="beta",
        se=pl.col("varbeta").sqrt(),
        neg_log10_p=-pl.Series(np.log10(p)),
    ).drop("position")
    told = rows.with_columns(trait=pl.lit("told"), n=pl.lit(800.0))
    silent = rows.with_columns(trait=pl.lit("silent"), n=pl.lit(None, pl.Float64))
    table = finemap(pl.concat([told, silent])).table("finemap")
    assert table.select("trait", "status").rows() == [
        ("silent", "needs_sample_size"),
        ("told", "ok"),
    ]


def test_an_effect_of_no_size_that_a_double_has_is_a_row_with_a_status() -> None:
    huge = pl.when(pl.int_range(pl.len()) == 3).then(1e160).otherwise("beta")
    row = _row(LOCUS.rows.with_columns(beta=huge), facts=TraitFacts(sdy=1.0))
    assert row["status"] == "infinite"


def test_people_are_held_against_a_statistic_whose_square_is_no_double() -> None:
    huge = pl.when(pl.int_range(pl.len()) == 3).then(1e160).otherwise("beta")
    row = _row(LOCUS.rows.with_columns(beta=huge), LOCUS.matrix(), facts=TraitFacts(n=800))
    assert row["status"] != "ok"


def test_without_the_check_the_answer_is_the_same_and_unchecked() -> None:
    facts = TraitFacts(n=800)
    checked = finemap(LOCUS.rows, LOCUS.matrix(), facts=facts)
    quick = finemap(LOCUS.rows, LOCUS.matrix(), facts=facts, check_mismatch=False)
    row = quick.table("finemap").row(0, named=True)
    assert row["status"] == "unchecked"
    assert "not held against" in row["message"]
    assert row["mismatch"] is row["flagged"] is row["least_eigenvalue"] is None
    assert checked.table("finemap")["status"].to_list() == ["ok"]
    assert_frame_equal(
        checked.table("pips")["pip"].to_frame(), quick.table("pips")["pip"].to_frame()
    )
    assert quick.table("pips")["expected_z"].null_count() == LOCUS.rows.height
    assert checked.table("credible_sets")["snp"].equals(quick.table("credible_sets")["snp"])


def test_correlations_of_nobody_are_found_without_the_check_too() -> None:
    r = LOCUS.matrix().to_numpy().copy()
    r[0, 1:] = r[1:, 0] = 0.9
    bad = pl.DataFrame(r, schema=LOCUS.matrix().columns, orient="row")
    row = _row(LOCUS.rows, bad, facts=TraitFacts(n=800), check_mismatch=False)
    assert row["status"] == "not_positive"
    assert "below -0.05" in row["message"]


@pytest.mark.parametrize(
    "options",
    [{"remove_mismatched": True}, {"unmappable": "inf"}],
)
def test_what_rests_on_the_check_is_not_had_without_it(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="leave out --no-mismatch-check"):
        _row(LOCUS.rows, LOCUS.matrix(), facts=TraitFacts(n=800), check_mismatch=False, **options)


def test_variants_without_correlations_are_told_of_in_the_message(tmp_path: Path) -> None:
    rows, r = _genome()
    here = rows.filter(chromosome=pl.lit("2")).with_row_index("_i")
    here = here.with_columns(rsid=pl.format("rs{}", "_i"))
    told = [f"rs{i}_{'A' if i % 2 else 'C'}_G" for i in range(here.height)]
    matrix = pl.DataFrame(r[: here.height, : here.height].to_numpy(), schema=told, orient="row")
    matrix.insert_column(0, pl.Series("variant", told)).write_csv(tmp_path / "ld.csv")
    found = _row(here.drop("_i"), tmp_path / "ld.csv", facts=TraitFacts(n=900), ld_values="r")
    assert (found["nsnps"], found["status"]) == (15, "ok")
    said = "15 of 30 variants have no correlations: 15 alleles_differ_from_panel"
    assert found["message"] == said
