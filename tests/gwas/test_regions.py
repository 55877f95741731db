"""Traits of a region: coloc's own columns and summary statistics, read and judged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from proteomr.errors import FormatError, InputError, UsageError
from proteomr.gwas.region_traits import RegionTrait
from proteomr.gwas.regions import read_region_traits
from proteomr.gwas.trait_facts import TraitFacts
from proteomr.io.sumstats import ReadOptions, Selection, parse_region
from proteomr.stats.distributions import neg_log10_p_normal


def _coloc(n: int = 30, seed: int = 1) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    maf = random.uniform(0.05, 0.5, n)
    variance = 1.0 / (2 * 5000 * maf * (1 - maf))
    beta = random.normal(0, 3, n) * np.sqrt(variance)
    p = 10.0 ** -neg_log10_p_normal(beta / np.sqrt(variance))
    names = [f"s{i}" for i in range(1, n + 1)]
    return pl.DataFrame(
        {"snp": names, "position": range(1, n + 1), "beta": beta, "varbeta": variance}
    ).with_columns(MAF=pl.Series(maf), pvalue=pl.Series(p))


def _read(tmp_path: Path, frame: pl.DataFrame, options: ReadOptions | None = None) -> RegionTrait:
    path = tmp_path / "trait.csv"
    frame.write_csv(path)
    (trait,) = read_region_traits(path, options=options)
    return trait


def test_effects_and_variances_of_coloc_are_read_without_alleles(tmp_path: Path) -> None:
    frame = _coloc()
    trait = _read(tmp_path, frame)
    assert (trait.form, trait.has_alleles, trait.is_placed) == ("effects", False, False)
    np.testing.assert_allclose(trait.se**2, frame["varbeta"].to_numpy(), rtol=1e-14)
    assert trait.rows["maf"].to_list() == frame["MAF"].to_list()


def test_p_and_frequencies_alone_tell_the_size_of_z(tmp_path: Path) -> None:
    frame = _coloc()
    trait = _read(tmp_path, frame.select("snp", "position", "pvalue", "MAF"))
    assert trait.form == "p_values"
    expected = (frame["beta"] / frame["varbeta"].sqrt()).abs().to_numpy()
    np.testing.assert_allclose(trait.z, expected, rtol=1e-9)


def test_the_order_of_rows_changes_nothing(tmp_path: Path) -> None:
    frame = _coloc()
    there = _read(tmp_path, frame).rows
    back = _read(tmp_path, frame.reverse()).rows
    assert there.equals(back)


def test_a_standard_error_given_for_a_variance_is_found_and_named(tmp_path: Path) -> None:
    frame = _coloc().with_columns(pl.col("varbeta").sqrt())
    with pytest.raises(InputError, match=r"'varbeta' holds standard errors.*--map se=varbeta"):
        _read(tmp_path, frame)
    mapped = _read(tmp_path, frame, ReadOptions(columns={"se": "varbeta"}))
    np.testing.assert_allclose(mapped.se**2, _coloc()["varbeta"].to_numpy(), rtol=1e-12)


def test_effects_that_are_no_numbers_are_no_leave_to_take_p_instead(tmp_path: Path) -> None:
    frame = _coloc().with_columns(beta=pl.lit("abc"))
    with pytest.raises(InputError, match="holds no number"):
        _read(tmp_path, frame)


def test_effects_without_variances_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="'beta' without 'varbeta'"):
        _read(tmp_path, _coloc().drop("varbeta"))


@pytest.mark.parametrize(
    ("cell", "reason"),
    [(0.0, "se_not_positive"), (float("inf"), "se_infinite"), (None, "se_missing")],
)
def test_a_variance_that_tells_nothing_leaves_counted(
    tmp_path: Path, cell: float | None, reason: str
) -> None:
    frame = _coloc()
    frame = frame.with_columns(
        varbeta=pl.when(pl.col("snp") == "s3").then(pl.lit(cell)).otherwise("varbeta")
    )
    trait = _read(tmp_path, frame)
    assert [(drop.reason, drop.n) for drop in trait.drops] == [(reason, 1)]
    assert "s3" not in trait.rows["variant_id"]


def test_a_p_of_zero_has_no_size_where_p_is_all_that_there_is(tmp_path: Path) -> None:
    frame = _coloc().select("snp", "MAF", pvalue=pl.col("pvalue").set_sorted() * 0 + 0.5)
    frame = frame.with_columns(pvalue=pl.when(pl.col("snp") == "s1").then(0.0).otherwise("pvalue"))
    trait = _read(tmp_path, frame)
    assert [(drop.reason, drop.n) for drop in trait.drops] == [("p_missing", 1)]


def test_repeats_leave_and_contradictions_leave_whole(tmp_path: Path) -> None:
    frame = _coloc()
    again = frame.filter(pl.col("snp") == "s1")
    other = frame.filter(pl.col("snp") == "s2").with_columns(-pl.col("beta"))
    trait = _read(tmp_path, pl.concat([frame, again, other]))
    counts = {drop.reason: drop.n for drop in trait.drops}
    assert counts == {"repeated": 1, "repeated_differently": 2}
    assert trait.height == frame.height - 1
    assert "none of them is kept" in trait.notes[-1]


def test_a_region_of_a_file_without_chromosomes_is_refused(tmp_path: Path) -> None:
    options = ReadOptions(selection=Selection((parse_region("1:1-5"),)))
    with pytest.raises(UsageError, match="has no chromosomes"):
        _read(tmp_path, _coloc(), options)
    placed = _coloc().with_columns(chromosome=pl.lit("1"))
    assert _read(tmp_path, placed, options).height == 5


def test_nothing_usable_is_one_line_with_the_reasons(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none of its 30 rows can be used: 30 se_not_positive"):
        _read(tmp_path, _coloc().with_columns(varbeta=pl.lit(0.0)))


def test_several_traits_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    rows = pl.DataFrame(
        {
            "rsid": ["rs1", "rs2"] * 2,
            "chromosome": ["1"] * 4,
            "position_bp": [5, 9] * 2,
            "effect_allele": ["A"] * 4,
            "other_allele": ["G"] * 4,
            "beta": [0.1, 0.2, 0.3, 0.4],
            "se": [0.1] * 4,
            "trait": ["b", "b", "a", "a"],
        }
    )
    path = tmp_path / "two.parquet"
    rows.write_parquet(path)
    traits = read_region_traits(path)
    assert [(t.name, t.height, t.has_alleles, t.is_placed) for t in traits] == [
        ("a", 2, True, True),
        ("b", 2, True, True),
    ]


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"kind": "cc", "case_share": 1.0}, "between 0 and 1"),
        ({"kind": "cc", "case_share": 0.0}, "between 0 and 1"),
        ({"sdy": 0.0}, "above 0"),
        ({"n": 1.0}, "above 2"),
        ({"kind": "cc", "sdy": 1.0}, "quantitative"),
        ({"case_share": 0.5}, "--type cc"),
    ],
)
def test_facts_of_a_trait_that_cannot_be_are_refused(
    facts: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        TraitFacts(**facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("effect", "other", "beta", "left"),
    [("T", "C", 0.5, 2), ("C", "T", -0.5, 2), ("T", "C", -0.5, 1), ("C", "A", 0.5, 3)],
)
def test_a_variant_on_both_strands_is_one_and_a_contradiction_is_none(
    tmp_path: Path, effect: str, other: str, beta: float, left: int
) -> None:
    frame = pl.DataFrame(
        {
            "variant_id": ["rs1", "rs2", "rs1"],
            "chromosome": ["1"] * 3,
            "position_bp": [5, 9, 5],
            "effect_allele": ["A", "A", effect],
            "other_allele": ["G", "T", other],
            "beta": [0.5, 0.2, beta],
            "se": [0.1] * 3,
            "neg_log10_p": neg_log10_p_normal(np.array([5.0, 2.0, 5.0])),
        }
    )
    read, turned = _read(tmp_path, frame), _read(tmp_path, frame.reverse())
    assert read.height == left
    assert_frame_equal(read.rows, turned.rows)
