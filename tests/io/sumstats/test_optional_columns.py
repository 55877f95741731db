"""What formats may hold beside what they must: places, comments, flags, other spellings."""

from __future__ import annotations

from pathlib import Path

import pytest

from proteomr.gwas.munging import munge_files
from proteomr.io.sumstats import arrange_sumstats, book_names, load_book, open_sumstats
from proteomr.tables.sumstats import SumStats
from tests.io.sumstats.formats import fixture_of, read, write

METAL = "MarkerName {}Allele1 Allele2 Freq1 Effect StdErr P-value HetISq Direction{}\n"
ROW = "{} {}a g 0.3 0.2 0.05 6.334e-5 0.0 ++{}\n"


@pytest.mark.parametrize(
    ("names", "cells"), [("CHR POS ", "4 1000 "), ("Chromosome Position ", "chr4 1000 ")]
)
def test_places_in_a_file_of_metal_are_read(names: str, cells: str, tmp_path: Path) -> None:
    text = METAL.format(names, " N") + ROW.format("rs1", cells, " 900")
    path = write(tmp_path, text)
    assert open_sumstats(path).layout.book.name == "metal"
    row = read(path).row(0, named=True)
    assert (row["chromosome"], row["position_bp"], row["n"]) == ("4", 1000, 900.0)
    assert (row["effect_allele"], row["beta"]) == ("A", 0.2)


@pytest.mark.parametrize(
    "name", ["4:1000", "chr4:1000", "4:1000:A:G", "4:1000_A_G", "chr4:1000:SNP"]
)
def test_names_of_metal_tell_places_where_no_column_does(name: str, tmp_path: Path) -> None:
    path = write(tmp_path, METAL.format("", "") + ROW.format(name, "", ""))
    row = read(path).row(0, named=True)
    assert (row["chromosome"], row["position_bp"]) == ("4", 1000)


def test_a_column_goes_before_the_name(tmp_path: Path) -> None:
    text = METAL.format("CHR POS ", "") + ROW.format("4:1000", "4 2000 ", "")
    assert read(write(tmp_path, text))["position_bp"].to_list() == [2000]


@pytest.mark.parametrize("comment", ["# a study of 2021", "#", "# made by x\n# and y"])
def test_a_comment_before_the_header_is_passed_over(comment: str, tmp_path: Path) -> None:
    for name in ("named", "plink2", "regenie", "finngen"):
        text = fixture_of(name)
        expected = read(write(tmp_path, text))
        assert read(write(tmp_path, f"{comment}\n{text}")).equals(expected), name


def test_flagged_variants_of_the_neale_lab_leave_and_are_counted(tmp_path: Path) -> None:
    text = fixture_of("neale").replace("0.75\tfalse", "0.75\ttrue")
    report = munge_files(write(tmp_path, text)).report
    assert report.passed_over == {"low_confidence": 1}


def test_the_frequency_of_the_minor_allele_is_turned_to_the_effect_allele(tmp_path: Path) -> None:
    text = fixture_of("neale")
    turned = text.replace("X:500:G:A\tA\t0.3", "X:500:G:A\tG\t0.3")
    assert read(write(tmp_path, turned))["eaf"][0] == pytest.approx(0.7)
    other = text.replace("X:500:G:A\tA\t0.3", "X:500:G:A\tC\t0.3")
    assert read(write(tmp_path, other))["eaf"][0] is None


def test_gwaslab_may_tell_ratios_with_limits(tmp_path: Path) -> None:
    text = "SNPID rsID CHR POS EA NEA OR OR_95L OR_95U P\n"
    path = write(tmp_path, text + "1:5:G:A rs1 1 5 A G 1.5 1.2 1.875 0.0003679\n")
    row = read(path).row(0, named=True)
    assert (row["rsid"], row["variant_id"]) == ("rs1", "1:5:G:A")
    assert row["se"] == pytest.approx(0.11385, rel=1e-4)


OPTIONAL = [
    (name, rule.to, source)
    for name in book_names()
    for rule in load_book(name).columns
    for source in rule.sources
    if not rule.written
]


@pytest.mark.parametrize(("name", "to", "source"), OPTIONAL)
def test_a_column_that_may_be_there_is_read_and_not_written(
    name: str, to: str, source: str, tmp_path: Path
) -> None:
    text = fixture_of(name)
    mark = next(mark for mark in "\t,; " if mark in text.splitlines()[0])
    cell = {"rsid": "rs77", "chromosome": "7"}.get(to, "77")
    head, *rows = text.splitlines()
    if source in head.split(mark):
        return  # the fixture has it
    longer = [f"{head}{mark}{source}", *(f"{row}{mark}{cell}" for row in rows)]
    path = write(tmp_path, "\n".join(longer) + "\n")
    opened = open_sumstats(path)
    assert opened.layout.book.name == name
    assignment = opened.layout.get(to)
    assert assignment is not None
    if assignment.source == source:
        assert {str(value).removesuffix(".0") for value in read(path)[to]} == {cell}
    made = SumStats(read(path))
    assert source not in arrange_sumstats(made, format=name).columns
