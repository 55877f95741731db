"""What single formats have of their own: tests and traits in rows, sidecars, sides, mappings."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from proteomr.errors import FormatError, UsageError
from proteomr.io.sumstats import (
    ReadOptions,
    arrange_harmonised,
    open_sumstats,
    read_sidecar,
    write_sumstats,
)
from proteomr.tables.sumstats import SumStats
from tests.io.sumstats.formats import TRUTH, fixture_of, read, write

PASSED_OVER = {
    "regenie": "23 500 rs1 G A 0.3 0.9 900 DOM 0.2 0.05 16 4.19832 NA\n"
    "23 600 rs2 G A 0.3 0.9 900 ADD NA NA NA NA TEST_FAIL\n",
    "plink2": "X\t500\trs1\tA\tG\tA\t0.3\tDOM\t900\t1.2\t0.05\t6.3e-5\t.\n"
    "X\t500\trs1\tA\tG\tA\t0.3\tADD\t900\t1.2\t0.05\t6.3e-5\tVIF_TOO_HIGH\n",
}


@pytest.mark.parametrize("name", sorted(PASSED_OVER))
def test_other_tests_and_failed_fits_are_passed_over(name: str, tmp_path: Path) -> None:
    expected = read(write(tmp_path, fixture_of(name)))
    path = write(tmp_path, fixture_of(name) + PASSED_OVER[name])
    assert read(path).equals(expected)
    (chunk,) = open_sumstats(path).chunks()
    assert sum(chunk.passed_over.values()) == 2


def test_the_yaml_file_is_written_beside_the_table_and_read(tmp_path: Path) -> None:
    table = SumStats(
        read(write(tmp_path, fixture_of("cojo")), ReadOptions(build="GRCh37", trait="a: b"))
    )
    write_sumstats(table, tmp_path / "out.tsv", format="gwas_ssf")
    meta = read_sidecar(tmp_path / "out.tsv-meta.yaml")
    assert (meta.build, meta.traits, meta.sample_size) == ("GRCh37", ("a: b",), 900.0)


def test_positions_that_count_from_zero_are_shifted(tmp_path: Path) -> None:
    path = write(tmp_path, fixture_of("gwas_ssf"), "a.tsv")
    write(tmp_path, "genome_assembly: GRCh37\ncoordinate_system: 0-based\n", "a.tsv-meta.yaml")
    assert read(path).select("position_bp", "build").row(0) == (501, "GRCh37")


def test_the_other_side_of_harmonised_data_is_read_on_request(tmp_path: Path) -> None:
    path = write(tmp_path, fixture_of("twosamplemr_harmonised"))
    assert read(path, ReadOptions(format="twosamplemr_outcome"))["beta"].unique().item() == 0.9


def test_aligned_tables_make_harmonised_data_that_are_read_again(tmp_path: Path) -> None:
    table = SumStats(read(write(tmp_path, fixture_of("cojo"))))
    arrange_harmonised(table, table).write_csv(tmp_path / "both.csv", null_value="NA")
    assert open_sumstats(tmp_path / "both.csv").layout.book.name == "twosamplemr_harmonised"
    assert read(tmp_path / "both.csv")["beta"].to_list() == TRUTH["beta"].to_list()


def test_wide_regenie_gives_one_table_per_trait(tmp_path: Path) -> None:
    text = (
        "CHROM GENPOS ID ALLELE0 ALLELE1 A1FREQ N TEST BETA.Y1 SE.Y1 CHISQ.Y1 LOG10P.Y1 BETA.Y2"
        " SE.Y2 CHISQ.Y2 LOG10P.Y2 EXTRA\n1 5 rs1 G A 0.3 90 ADD 0.2 0.05 16 4.2 0.3 0.06 25 6 NA\n"
    )
    rows = read(write(tmp_path, text)).select("trait", "beta", "se", "neg_log10_p")
    assert rows.rows() == [("Y1", 0.2, 0.05, 4.2), ("Y2", 0.3, 0.06, 6.0)]


def test_a_linear_model_of_cases_becomes_log_odds(tmp_path: Path) -> None:
    path = write(tmp_path, fixture_of("bolt_lmm"))
    row = read(path, ReadOptions(case_share=0.1)).row(0, named=True)
    assert (row["beta"], row["se"]) == (pytest.approx(0.2 / 0.09), pytest.approx(0.05 / 0.09))
    with pytest.raises(UsageError, match="taken as they are"):
        read(write(tmp_path, fixture_of("saige")), ReadOptions(case_share=0.1))


def test_a_mapping_goes_before_the_format(tmp_path: Path) -> None:
    path = write(tmp_path, "snp,ref,alt,hazard,err,mine\nrs1,G,A,1.5,0.1,0.01\n")
    columns = {"hazard_ratio": "hazard", "se": "err", "neg_log10_p": "p_text(mine)"}
    row = read(path, ReadOptions(columns=columns)).row(0, named=True)
    assert row["beta"] == pytest.approx(math.log(1.5))
    assert row["neg_log10_p"] == pytest.approx(2)


def test_an_unknown_header_names_what_is_lacking_and_the_nearest(tmp_path: Path) -> None:
    path = write(tmp_path, "alpha,gamma\n1,2\n")
    with pytest.raises(FormatError, match="lacking beta, effect_allele, variant_id"):
        open_sumstats(path)
    path = write(tmp_path, "snp,ea,oa,betta,se\nrs1,A,G,1,1\n")
    with pytest.raises(FormatError, match="did you mean 'betta'"):
        open_sumstats(path)
    with pytest.raises(UsageError, match="did you mean 'regenie'"):
        open_sumstats(path, options=ReadOptions(format="regenei"))


def test_two_traits_and_two_alleles_of_a_vcf_are_unpacked(tmp_path: Path) -> None:
    text = (
        "##fileformat=VCFv4.2\n##reference=hg38\n"
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tT1\tT2\n"
        "1\t5\t.\tG\tA\t.\tPASS\tRSID=rs5\tES:SE:LP\t0.1:0.01:3\t0.2:0.02:4\n"
        "1\t7\trs7\tG\tA,T\t.\tPASS\t.\tSE:ES:LP\t0.01,0.02:0.1,0.2:3,4\t0.01,0.02:0.3,0.4:3,4\n"
    )
    rows = read(write(tmp_path, text))
    assert rows.select("trait", "rsid", "effect_allele", "beta").rows() == [
        ("T1", "rs5", "A", 0.1),
        ("T1", "rs7", "A", 0.1),
        ("T1", "rs7", "T", 0.2),
        ("T2", "rs5", "A", 0.2),
        ("T2", "rs7", "A", 0.3),
        ("T2", "rs7", "T", 0.4),
    ]
    assert rows["build"].unique().to_list() == ["GRCh38"]
