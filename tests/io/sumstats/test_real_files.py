"""Files as people hold them, from the reference data kept outside the repository."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from proteomr.errors import FormatError
from proteomr.io.sumstats import open_sumstats


def read(path: Path) -> pl.DataFrame:
    return pl.concat([chunk.frame for chunk in open_sumstats(path).chunks()])


@pytest.mark.parametrize(
    ("name", "book", "rows"),
    [
        ("gwas_ssf_0000123.tsv", "gwas_ssf", 5),
        ("regenie_step2_firth_Y1.regenie", "regenie", 39),
        ("als_gwas.vcf.gz", "gwas_vcf", 415),
        ("gwas_vcf_example.vcf", "gwas_vcf", 10),
        ("okbay2016_education_head.txt", "named", 93),
        ("twosamplemr_bmi.csv", "named", 30),
        ("twosamplemr_bmi.txt", "twosamplemr_input", 30),
        ("twosamplemr_cardiogram.txt", "twosamplemr_input", 31),
        ("twosamplemr_telomere_length.txt", "twosamplemr_input", 31),
    ],
)
def test_a_real_file_is_read(reference: Path, name: str, book: str, rows: int) -> None:
    path = reference / "formats" / name
    assert open_sumstats(path).layout.book.name == book
    frame = read(path)
    assert frame.height == rows
    assert frame.select(pl.col("beta", "se", "neg_log10_p").is_finite().all()).row(0) == (
        True,
        True,
        True,
    )


def test_the_yaml_file_of_the_catalog_is_read(reference: Path) -> None:
    row = read(reference / "formats" / "gwas_ssf_0000123.tsv").row(4, named=True)
    assert (row["chromosome"], row["build"], row["n"]) == ("X", "GRCh37", 12345.0)
    assert row["trait"] == "breast carcinoma"


def test_people_and_cases_are_read_from_the_head_of_a_vcf(reference: Path) -> None:
    row = read(reference / "formats" / "als_gwas.vcf.gz").row(0, named=True)
    assert (row["n"], row["n_case"], row["build"]) == (80610.0, 20806.0, "GRCh37")
    assert (row["effect_allele"], row["beta"], row["eaf"]) == ("A", 0.0312, 0.1589)


def test_a_file_with_broken_rows_is_refused_with_the_line(reference: Path) -> None:
    with pytest.raises(FormatError, match="line 408: 10 fields where the header has 12"):
        read(reference / "formats" / "ieu-a-298.tsv.gz")


def test_a_table_of_alleles_is_no_table_of_effects(reference: Path) -> None:
    with pytest.raises(FormatError, match="no column for 'beta'"):
        open_sumstats(reference / "formats" / "twosamplemr_alleles.txt")


def test_protein_effects_keep_the_position_of_their_build(reference: Path) -> None:
    path = reference / "pqtl" / "cistrans_exposure_regenie_8proteins.csv.gz"
    row = read(path).row(0, named=True)
    assert open_sumstats(path).layout.book.name == "ukb_ppp"
    assert (row["variant_id"], row["position_bp"]) == ("1:157800146:TTC:T:imp:v1", 157830356)
    assert row["build"] == "GRCh38"
