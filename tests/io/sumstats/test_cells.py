from __future__ import annotations

import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proteomr.io.sumstats.cells import (
    parse_alleles,
    parse_chromosomes,
    parse_numbers,
    parse_p,
    parse_rsids,
    write_p,
)


@pytest.mark.parametrize(
    ("text", "expected", "kind"),
    [
        ("0.05", -math.log10(0.05), "given"),
        ("1", 0.0, "given"),
        ("1.2e-1828", 1828 - math.log10(1.2), "small"),
        ("2e-310", 310 - math.log10(2), "small"),
        ("1e-300", 300.0, "given"),
        ("<1.00E-300", 300.0, "bound"),
        ("< 1e-16", 16.0, "bound"),
        ("3.5E‐09", 9 - math.log10(3.5), "given"),
        ("4×10−9", 9 - math.log10(4), "given"),
        ("0", None, "zero"),
        ("0.0e0", None, "zero"),
        ("1.5", None, "outside"),
        ("-0.1", None, "outside"),
        ("high", None, None),
        ("NA", None, None),
    ],
)
def test_a_p_value_as_text_gives_its_logarithm(
    text: str, expected: float | None, kind: str | None
) -> None:
    row = parse_p(pl.Series([text])).row(0, named=True)
    assert row["kind"] == kind
    if expected is None:
        assert row["neg_log10_p"] is None
    else:
        assert row["neg_log10_p"] == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_a_typographic_minus_is_marked() -> None:
    assert parse_p(pl.Series(["3E\u201009", "3E-9"]))["mended"].to_list() == [True, False]


@given(st.floats(min_value=0, max_value=5000))
def test_a_p_value_survives_being_written_and_read(neg_log10_p: float) -> None:
    read = parse_p(write_p(pl.Series([neg_log10_p])))["neg_log10_p"][0]
    assert read == pytest.approx(neg_log10_p, rel=1e-9, abs=1e-9)


def test_numbers_with_any_dash_are_read_and_words_are_empty() -> None:
    values, mended = parse_numbers(pl.Series(["\u22120.5", "-1e-3", "x", None]))
    assert values.to_list() == [-0.5, -0.001, None, None]
    assert mended.tolist() == [True, False, False, False]


def test_chromosome_25_is_of_plink_or_of_the_catalog() -> None:
    cells = pl.Series(["23", "24", "25", "26", "chrX", "01", "chrUn", "0"])
    assert parse_chromosomes(cells).to_list() == ["X", "Y", "X", "MT", "X", "1", None, None]
    assert parse_chromosomes(cells, codes="catalog")[2] == "MT"


def test_alleles_are_capitals_and_na_is_no_allele() -> None:
    cells = pl.Series(["a", "tGa", "NA", "-", ".", None, "D"])
    assert parse_alleles(cells).to_list() == ["A", "TGA", None, None, None, None, "D"]


def test_the_first_of_several_names_is_taken_and_marked() -> None:
    names, several = parse_rsids(pl.Series(["rs12,rs3", "RS5", "rs7:A:C", "affx1", None]))
    assert names.to_list() == ["rs12", "rs5", "rs7", None, None]
    assert several.tolist() == [True, False, False, False, False]
