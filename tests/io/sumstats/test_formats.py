"""Every format read from a fixture of its own, and written and read again."""

from __future__ import annotations

import math
from pathlib import Path

import polars as pl
import pytest

from proteomr.errors import FormatError, UsageError
from proteomr.io.sumstats import (
    ReadOptions,
    arrange_harmonised,
    book_names,
    load_book,
    open_sumstats,
    read_sidecar,
    write_sumstats,
)
from proteomr.tables.sumstats import SUMSTATS, SumStats

UNWRITTEN = {"gwas_vcf", "named", "gwas_catalog_harmonised", "twosamplemr_harmonised"}
GIVEN = {
    "gwas_ssf": "chromosome\tbase_pair_location\teffect_allele\tother_allele\tbeta\t"
    "standard_error\teffect_allele_frequency\tp_value\trsid\tn\n"
    "23\t500\ta\tG\t0.2\t0.05\t0.3\t6.334e-5\trs1\t900\n",
    "gwas_catalog_harmonised": "hm_variant_id\thm_rsid\thm_chrom\thm_pos\thm_other_allele\t"
    "hm_effect_allele\thm_beta\thm_odds_ratio\thm_effect_allele_frequency\tstandard_error\t"
    "p_value\tbeta\tn\nX_500_G_A\trs1\tX\t500\tG\tA\t0.2\tNA\t0.3\t0.05\t6.334e-5\t-0.2\t900\n",
    "regenie": "CHROM GENPOS ID ALLELE0 ALLELE1 A1FREQ INFO N TEST BETA SE CHISQ LOG10P EXTRA\n"
    "23 500 rs1 G A 0.3 0.9 900 ADD 0.2 0.05 16 4.19832 NA\n"
    "23 500 rs1 G A 0.3 0.9 900 DOM 0.2 0.05 16 4.19832 NA\n"
    "23 600 rs2 G A 0.3 0.9 900 ADD NA NA NA NA TEST_FAIL\n",
    "ukb_ppp": "CHROM GENPOS ID ALLELE0 ALLELE1 A1FREQ INFO N TEST BETA SE CHISQ LOG10P EXTRA\n"
    "23 500 23:470:G:A:imp:v1 G A 0.3 0.9 900 ADD 0.2 0.05 16 4.19832 NA\n",
    "fastgwa": "CHR\tSNP\tPOS\tA1\tA2\tN\tAF1\tBETA\tSE\tP\n"
    "23\trs1:500\t500\tA\tG\t900\t0.3\t0.2\t0.05\t6.334e-5\n",
    "plink2": "#CHROM\tPOS\tID\tREF\tALT\tA1\tA1_FREQ\tTEST\tOBS_CT\tOR\tLOG(OR)_SE\tP\tERRCODE\n"
    f"X\t500\trs1\tA\tG\tA\t0.3\tADD\t900\t{math.exp(0.2)!r}\t0.05\t6.334e-5\t.\n"
    f"X\t500\trs1\tA\tG\tA\t0.3\tADD\t900\t{math.exp(0.2)!r}\t0.05\t6.334e-5\tVIF_TOO_HIGH\n",
    "saige": "CHR POS MarkerID Allele1 Allele2 AF_Allele2 BETA SE Tstat p.value p.value.NA N\n"
    "X 500 rs1 G A 0.3 0.2 0.05 4 6.334e-5 0.5 900\n",
    "bolt_lmm": "SNP\tCHR\tBP\tGENPOS\tALLELE1\tALLELE0\tA1FREQ\tINFO\tBETA\tSE\tP_BOLT_LMM_INF\t"
    "P_BOLT_LMM\nrs1\t23\t500\t0.1\tA\tG\t0.3\t1\t0.2\t0.05\t0.9\t6.334e-5\n",
    "metal": "MarkerName\tAllele1\tAllele2\tFreq1\tFreqSE\tEffect\tStdErr\tP-value\tDirection\n"
    "rs1\ta\tg\t0.3\t0.01\t0.2\t0.05\t6.334e-5\t++\n",
    "decode": "Chrom\tPos\tName\trsids\teffectAllele\totherAllele\tBeta\tPval\tminus_log10_pval\t"
    "SE\tN\timpMAF\nchrX\t500\tchrX:500:G:A\trs1,rs9\tA\tG\t0.2\t0\t4.19832\t0.05\t900\t0.3\n",
    "finngen": "#chrom\tpos\tref\talt\trsids\tnearest_genes\tpval\tmlogp\tbeta\tsebeta\taf_alt\n"
    "23\t500\tG\tA\trs1,rs9\tGENE\t6.334e-5\t4.19832\t0.2\t0.05\t0.3\n",
    "gwas_vcf": "##fileformat=VCFv4.2\n##contig=<ID=X,length=5,assembly=GRCh37>\n"
    "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tADM\n"
    "X\t500\trs1\tG\tA\t.\tPASS\t.\tES:SE:LP:AF:SS:ID\t0.2:0.05:4.19832:0.3:900:rs1\n",
    "twosamplemr_exposure": "SNP,effect_allele.exposure,other_allele.exposure,eaf.exposure,"
    "beta.exposure,se.exposure,pval.exposure,samplesize.exposure,exposure,id.exposure\n"
    "rs1,A,G,0.3,0.2,0.05,6.334e-5,900,ADM,x\n",
    "twosamplemr_outcome": "SNP,effect_allele.outcome,other_allele.outcome,eaf.outcome,"
    "beta.outcome,se.outcome,pval.outcome,samplesize.outcome,outcome,id.outcome\n"
    "rs1,A,G,0.3,0.2,0.05,6.334e-5,900,ADM,x\n",
    "twosamplemr_harmonised": "SNP,effect_allele.exposure,other_allele.exposure,"
    "effect_allele.outcome,other_allele.outcome,beta.exposure,beta.outcome,eaf.exposure,"
    "eaf.outcome,se.exposure,se.outcome,pval.exposure,exposure,outcome,mr_keep\n"
    "rs1,A,G,A,G,0.2,0.9,0.3,0.4,0.05,0.1,6.334e-5,ADM,CHD,TRUE\n",
    "twosamplemr_input": "Phenotype  SNP   beta se effect_allele other_allele eaf pval samplesize\n"
    "ADM rs1  0.2 0.05   A G 0.3 6.334e-5 900\n",
    "ldsc": "SNP\tA1\tA2\tN\tZ\nrs1\tA\tG\t900\t4\n",
    "cojo": "SNP A1 A2 freq b se p N\nrs1 A G 0.3 0.2 0.05 6.334e-5 900\n",
    "eqtl_catalogue": "molecular_trait_id\tchromosome\tposition\tref\talt\tvariant\tma_samples\t"
    "maf\tpvalue\tbeta\tse\trsid\nADM\tX\t500\tG\tA\tchrX_500_G_A\t5\t0.3\t6.334e-5\t0.2\t0.05\t"
    "rs1\n",
    "proteomr": "variant_id\trsid\tchromosome\tposition_bp\tbuild\teffect_allele\tother_allele\t"
    "eaf\tbeta\tse\tneg_log10_p\tn\ttrait\n"
    "rs1\trs1\tX\t500\tGRCh38\tA\tG\t0.3\t0.2\t0.05\t4.19832\t900\tADM\n",
    "named": "rsid;chr;pos;ea;nea;eaf;or;se;p\n"
    f"rs1;chrX;500;A;G;0.3;{math.exp(0.2)!r};0.05;6.334e-5\n",
}
PLACED = (
    set(GIVEN)
    - {"metal", "ldsc", "cojo", "twosamplemr_input"}
    - {name for name in GIVEN if name.startswith("twosamplemr")}
)


def read(path: Path, options: ReadOptions | None = None) -> pl.DataFrame:
    opened = open_sumstats(path, options=options)
    return pl.concat([chunk.frame for chunk in opened.chunks()])


def write(folder: Path, text: str, name: str = "given.txt") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_every_format_has_a_fixture() -> None:
    assert set(GIVEN) == set(book_names())


@pytest.mark.parametrize("name", sorted(GIVEN))
def test_a_format_is_found_from_its_header_and_read(name: str, tmp_path: Path) -> None:
    path = write(tmp_path, GIVEN[name])
    assert open_sumstats(path).layout.book.name == name
    row = read(path).row(0, named=True)
    assert (row["effect_allele"], row["other_allele"]) == ("A", "G")
    if name == "ldsc":
        assert row["beta"] / row["se"] == pytest.approx(4)
        assert row["se"] == pytest.approx(1 / math.sqrt(916))
    else:
        assert (row["beta"], row["se"]) == (pytest.approx(0.2), 0.05)
        assert row["eaf"] == (None if name in {"decode", "eqtl_catalogue"} else 0.3)
    assert row["neg_log10_p"] == pytest.approx(4.19832, abs=1e-4)
    if name in PLACED:
        assert (row["chromosome"], row["position_bp"]) == ("X", 500)


@pytest.mark.parametrize("name", ["regenie", "plink2"])
def test_other_tests_and_failed_fits_are_passed_over(name: str, tmp_path: Path) -> None:
    path = write(tmp_path, GIVEN[name])
    assert read(path).height == 1
    (chunk,) = open_sumstats(path).chunks()
    assert sum(chunk.passed_over.values()) == chunk.rows_read - 1


@pytest.mark.parametrize("name", sorted(set(GIVEN) - UNWRITTEN))
def test_a_format_is_written_and_read_again(name: str, tmp_path: Path) -> None:
    rows = 10
    table = SumStats(
        pl.DataFrame(
            {
                "variant_id": [f"X:{470 + i}:G:A:imp:v1" for i in range(rows)]
                if name == "ukb_ppp"
                else [f"rs{i}" for i in range(rows)],
                "rsid": [f"rs{i}" for i in range(rows)],
                "chromosome": ["X", "MT", *map(str, range(1, rows - 1))],
                "position_bp": range(500, 500 + rows),
                "build": ["GRCh38"] * rows,
                "effect_allele": ["A"] * rows,
                "other_allele": ["G"] * (rows - 1) + ["GT"],
                "eaf": [0.3] * rows,
                "beta": [0.1 * (i - 4.5) for i in range(rows)],
                "se": [0.01] * rows,
                "neg_log10_p": [0.5, 400.25, *map(float, range(rows - 2))],
                "n": [900.0] * rows,
                "n_case": pl.Series([None] * rows, dtype=pl.Float64),
                "info": [0.9] * rows,
                "trait": ["ADM"] * rows,
                "p_origin": pl.Series([None] * rows, dtype=pl.String),
            }
        )
    )
    path = tmp_path / "written.txt"
    write_sumstats(table, path, format=name)
    again = read(path)
    told = {rule.to for rule in load_book(name).columns} - {"rsid", "variant_id", "info", "n_case"}
    for column in set(SUMSTATS) & told:
        for new, old in zip(again[column], table.frame[column], strict=True):
            if isinstance(old, float) and column == "beta" and name == "ldsc":
                assert math.copysign(1, new) == math.copysign(1, old)
            else:
                assert new == (pytest.approx(old, rel=1e-9) if isinstance(old, float) else old)


def test_the_yaml_file_is_written_beside_the_table_and_read(tmp_path: Path) -> None:
    table = SumStats(
        read(write(tmp_path, GIVEN["cojo"]), ReadOptions(build="GRCh37", trait="a: b"))
    )
    write_sumstats(table, tmp_path / "out.tsv", format="gwas_ssf")
    meta = read_sidecar(tmp_path / "out.tsv-meta.yaml")
    assert (meta.build, meta.traits, meta.sample_size) == ("GRCh37", ("a: b",), 900.0)


def test_positions_that_count_from_zero_are_shifted(tmp_path: Path) -> None:
    path = write(tmp_path, GIVEN["gwas_ssf"], "a.tsv")
    write(tmp_path, "genome_assembly: GRCh37\ncoordinate_system: 0-based\n", "a.tsv-meta.yaml")
    assert read(path).select("position_bp", "build").row(0) == (501, "GRCh37")


def test_the_other_side_of_harmonised_data_is_read_on_request(tmp_path: Path) -> None:
    path = write(tmp_path, GIVEN["twosamplemr_harmonised"])
    assert read(path, ReadOptions(format="twosamplemr_outcome"))["beta"].to_list() == [0.9]


def test_aligned_tables_make_harmonised_data_that_are_read_again(tmp_path: Path) -> None:
    table = SumStats(read(write(tmp_path, GIVEN["cojo"])))
    arrange_harmonised(table, table).write_csv(tmp_path / "both.csv", null_value="NA")
    assert open_sumstats(tmp_path / "both.csv").layout.book.name == "twosamplemr_harmonised"
    assert read(tmp_path / "both.csv")["beta"].to_list() == [0.2]


def test_wide_regenie_gives_one_table_per_trait(tmp_path: Path) -> None:
    text = (
        "CHROM GENPOS ID ALLELE0 ALLELE1 A1FREQ N TEST BETA.Y1 SE.Y1 CHISQ.Y1 LOG10P.Y1 BETA.Y2"
        " SE.Y2 CHISQ.Y2 LOG10P.Y2 EXTRA\n1 5 rs1 G A 0.3 90 ADD 0.2 0.05 16 4.2 0.3 0.06 25 6 NA\n"
    )
    rows = read(write(tmp_path, text)).select("trait", "beta", "se", "neg_log10_p")
    assert rows.rows() == [("Y1", 0.2, 0.05, 4.2), ("Y2", 0.3, 0.06, 6.0)]


def test_a_linear_model_of_cases_becomes_log_odds(tmp_path: Path) -> None:
    path = write(tmp_path, GIVEN["bolt_lmm"])
    row = read(path, ReadOptions(case_share=0.1)).row(0, named=True)
    assert (row["beta"], row["se"]) == (pytest.approx(0.2 / 0.09), pytest.approx(0.05 / 0.09))
    with pytest.raises(UsageError, match="taken as they are"):
        read(write(tmp_path, GIVEN["saige"]), ReadOptions(case_share=0.1))


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
