"""Variants of one study found in another, their alleles held against each other."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from proteomr.colocalisation.matching import pair_variants
from proteomr.errors import InputError


def variants(*rows: tuple[Any, ...], build: str | None = "GRCh38") -> pl.DataFrame:
    """Rows of name, rsid, chromosome, position, both alleles."""
    names = ["variant_id", "rsid", "chromosome", "position_bp", "effect_allele", "other_allele"]
    kinds = [pl.String, pl.String, pl.String, pl.Int64, pl.String, pl.String]
    frame = pl.DataFrame(rows, schema=dict(zip(names, kinds, strict=True)), orient="row")
    return frame.with_columns(build=pl.lit(build, pl.String))


FIRST = variants(
    ("rs1", "rs1", "1", 10, "A", "G"),
    ("rs2", "rs2", "1", 20, "C", "T"),
    ("rs3", "rs3", "1", 30, "A", "T"),
    ("rs4", "rs4", "1", 40, "A", "C"),
    ("rs4", "rs4", "1", 40, "A", "G"),
)


@pytest.mark.parametrize(
    ("row", "found"),
    [
        (("rs1", "rs1", "1", 10, "A", "G"), (0, 1, None)),
        (("rs1", "rs1", "1", 10, "G", "A"), (0, -1, None)),
        (("rs1", "rs1", "1", 10, "T", "C"), (0, 1, None)),
        (("rs1", "rs1", "1", 10, "C", "T"), (0, -1, None)),
        (("rs3", "rs3", "1", 30, "T", "A"), (2, -1, None)),
        (("rs4", "rs4", "1", 40, "G", "A"), (4, -1, None)),
        (("rs1", "rs1", "1", 10, "A", "C"), (None, 1, "alleles_differ")),
        (("rs1", "rs1", "7", 10, "A", "G"), (None, 1, "position_differs")),
        (("rs9", "rs9", "1", 90, "A", "G"), (None, 1, "not_in_first_study")),
        (("1:10:A:G", None, "1", 10, "A", "G"), (0, 1, None)),
        (("odd", "rs2", "1", 20, "T", "C"), (1, -1, None)),
        (("rs1", "rs1", "1", 10, None, None), (0, 1, None)),
    ],
)
def test_a_variant_is_found_by_name_rsid_or_place_with_its_alleles(
    row: tuple[Any, ...], found: tuple[Any, ...]
) -> None:
    assert pair_variants(FIRST, variants(row), path="other").row(0) == found


def test_a_variant_of_the_first_study_is_taken_once() -> None:
    other = variants(("rs1", "rs1", "1", 10, "A", "G"), ("1:10:A:G", None, "1", 10, "A", "G"))
    found = pair_variants(FIRST, other, path="other")
    assert found["row"].to_list() == [0, None]
    assert found["reason"].to_list() == [None, "several_of_one_variant"]


def test_places_say_nothing_where_a_study_does_not_tell_its_build() -> None:
    other = variants(("1:10:A:G", None, "1", 10, "A", "G"), build=None)
    assert pair_variants(FIRST, other, path="other")["reason"].to_list() == ["not_in_first_study"]


def test_two_builds_are_refused() -> None:
    with pytest.raises(InputError, match=r"other.tsv: is on GRCh37, .*--liftover"):
        pair_variants(FIRST, FIRST.with_columns(build=pl.lit("GRCh37")), path="other.tsv")


def test_positions_that_show_another_build_are_refused() -> None:
    rows = [(f"rs{i}", f"rs{i}", "1", 100 * i, "A", "G") for i in range(1, 30)]
    moved = [(name, rs, c, p + 777, e, o) for name, rs, c, p, e, o in rows]
    with pytest.raises(InputError, match="stand at other positions"):
        pair_variants(variants(*rows, build=None), variants(*moved, build=None), path="other")


def test_names_alone_decide_where_nothing_else_is_known() -> None:
    names = [("s1", None, None, None, None, None), ("s2", None, None, None, None, None)]
    found = pair_variants(variants(*names, build=None), variants(names[1], build=None), path="o")
    assert found.rows() == [(1, 1, None)]
