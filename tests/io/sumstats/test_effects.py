"""Effects, errors and p made from what a file tells: limits, p, statistics, shares, R's TRUE."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from proteomr.errors import FormatError, UsageError
from proteomr.gwas.munging import MungeOptions, munge_files
from proteomr.gwas.study import read_study
from proteomr.io.sumstats import ReadOptions
from tests.io.sumstats.formats import read, write

HEAD = "rsid chr pos ea oa "


def given(folder: Path, head: str, *rows: str) -> Path:
    names = [f"rs{i} {i + 1} 100 A G {row}" for i, row in enumerate(rows)]
    return write(folder, "\n".join([HEAD + head, *names]) + "\n")


@pytest.mark.parametrize(
    ("low", "high"),
    [
        ("ci_lower", "ci_upper"),
        ("OR_95L", "OR_95U"),
        ("L95", "U95"),
        ("lower", "upper"),
        ("LCI", "UCI"),
        ("95%CI_lower", "95%CI_upper"),
    ],
)
def test_errors_of_ratios_are_made_of_limits(low: str, high: str, tmp_path: Path) -> None:
    path = given(tmp_path, f"OR {low} {high}", "1.5 1.2 1.875", "0.8 0.5 1.28")
    frame = read(path)
    made = [(math.log(1.875) - math.log(1.2)) / (2 * 1.959964), math.log(2.56) / (2 * 1.959964)]
    assert frame["se"].to_list() == pytest.approx(made, rel=1e-7)
    assert frame["beta"].to_list() == pytest.approx([math.log(1.5), math.log(0.8)])
    note = "given.txt: no standard error in 2 rows; made from their limits of 95 %"
    report = munge_files(path).report
    assert note in report.notes
    assert report.found["se_from_limits"] == 2


def test_errors_of_effects_are_made_of_limits_on_their_own_scale(tmp_path: Path) -> None:
    frame = read(given(tmp_path, "beta ci_lower ci_upper", "0.5 0.108 0.892"))
    assert frame["se"].to_list() == pytest.approx([0.2], rel=1e-4)


def test_limits_stand_for_the_errors_that_are_absent_alone(tmp_path: Path) -> None:
    rows = ("1.5 0.3 1.2 1.875", "1.5 NA 1.2 1.875")
    frame = read(given(tmp_path, "OR standard_error ci_lower ci_upper", *rows))
    assert frame["se"].to_list() == pytest.approx([0.3, 0.11385], rel=1e-4)


def test_errors_are_made_of_p_where_nothing_else_tells_them(tmp_path: Path) -> None:
    path = given(tmp_path, "or p", "1.2214028 6.334248e-5", "0.9048374 5.733031e-7")
    frame = read(path)
    assert frame["se"].to_list() == pytest.approx([0.05, 0.02], rel=1e-5)
    note = "given.txt: no standard error in 2 rows; made from effect and p, |beta| / z"
    assert note in munge_files(path).report.notes


@pytest.mark.parametrize("p", ["1", "0", "NA", "0.99", "<0.05"])
def test_no_error_is_made_of_p_that_does_not_tell_it(p: str, tmp_path: Path) -> None:
    frame = read(given(tmp_path, "beta p", f"0.2 {p}", "0.1 0.03"))
    assert frame["se"].is_null().to_list() == [True, False]


def test_a_row_without_error_in_a_file_that_has_them_stays_without(tmp_path: Path) -> None:
    frame = read(given(tmp_path, "beta se p", "0.2 NA 6.3e-5", "0.2 0.05 6.3e-5"))
    assert frame["se"].to_list() == [None, 0.05]


def test_errors_are_made_of_a_statistic(tmp_path: Path) -> None:
    frame = read(given(tmp_path, "beta tstat", "0.2 4", "-0.1 -5"))
    assert frame["se"].to_list() == pytest.approx([0.05, 0.02])


def test_a_column_of_variances_is_known_by_its_name(tmp_path: Path) -> None:
    frame = read(given(tmp_path, "beta varbeta pvalue", "0.2 0.0025 6.334e-5"))
    assert frame["se"].to_list() == pytest.approx([0.05])


def test_a_file_that_tells_no_error_in_any_way_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no column for 'se'"):
        read(given(tmp_path, "beta", "0.2"))


def test_one_sided_p_of_either_direction_becomes_two_sided(tmp_path: Path) -> None:
    path = given(tmp_path, "beta se p", "0.1 0.05 0.02275013", "-0.1 0.05 0.97724987")
    made = read(path, ReadOptions(columns={"one_sided_p": "p"}))["neg_log10_p"].to_list()
    assert made == pytest.approx([1.34199, 1.34199], rel=1e-4)


def test_true_is_the_allele_t_as_r_writes_it(tmp_path: Path) -> None:
    rows = ["rs1 1 100 TRUE C 0.2 0.05", "rs2 2 100 A TRUE 0.2 0.05", "rs3 3 100 F C 0.2 0.05"]
    path = write(tmp_path, "\n".join([HEAD + "beta se", *rows]) + "\n")
    munged = munge_files(path)
    frame = munged.collect().frame
    assert frame["effect_allele"].to_list() == ["T", "A", "F"]
    assert frame["other_allele"].to_list() == ["C", "T", "C"]
    note = "T was read as logical TRUE: 2 rows; TRUE is taken for the allele T"
    assert f"given.txt: {note}" in munged.report.notes
    assert munged.report.found["allele_code"] == 1  # F, which no nucleotide is


def test_true_is_the_allele_t_in_a_table_of_twosamplemr(tmp_path: Path) -> None:
    head = "SNP,effect_allele.outcome,other_allele.outcome,beta.outcome,se.outcome,outcome"
    study = read_study(write(tmp_path, f"{head}\nrs1,TRUE,C,0.2,0.05,CHD\nrs2,A,G,0.1,0.05,CHD\n"))
    assert study.rows["effect_allele"].to_list() == ["T", "A"]
    note = "T was read as logical TRUE: 1 row; TRUE is taken for the allele T"
    assert study.notes == (f"given.txt: {note}",)


@pytest.mark.parametrize(
    ("build", "name"), [("hg19", "GRCh37"), ("37", "GRCh37"), ("b38", "GRCh38"), ("HG38", "GRCh38")]
)
def test_a_build_goes_by_any_of_its_names(build: str, name: str, tmp_path: Path) -> None:
    path = given(tmp_path, "beta se", "0.2 0.05")
    assert read(path, ReadOptions(build=build))["build"].to_list() == [name]  # type: ignore[arg-type]


def test_no_build_is_none() -> None:
    with pytest.raises(UsageError, match="no genome build 'hg18'; known: grch37, hg19"):
        ReadOptions(build="hg18")  # type: ignore[arg-type]


def test_a_mapping_turned_round_is_said_to_be(tmp_path: Path) -> None:
    path = given(tmp_path, "effect se", "0.2 0.05")
    with pytest.raises(UsageError, match="the canonical name comes first, beta=effect"):
        read(path, ReadOptions(columns={"effect": "beta"}))


def test_two_columns_for_one_are_refused(tmp_path: Path) -> None:
    path = given(tmp_path, "beta se p", "0.2 0.05 0.1")
    with pytest.raises(UsageError, match="columns 'p' and 'se' are both 'neg_log10_p'"):
        read(path, ReadOptions(columns={"p_value": "p", "neg_log10_p": "se"}))


@pytest.mark.parametrize(
    ("row", "remedy"),
    [
        ("A G 0.3 0.2 0 1", "--map se=COLUMN"),
        ("A G 0.3 NA 0.05 1", "--map beta=COLUMN"),
        ("A A 0.3 0.2 0.05 1", "--map other_allele=COLUMN"),
        ("A G -0.3 0.2 0.05 1", "--map eaf_percent=COLUMN"),
    ],
)
def test_a_file_of_which_nothing_is_left_says_what_to_do(
    row: str, remedy: str, tmp_path: Path
) -> None:
    from proteomr.errors import NothingToDo

    text = "rsid chr pos ea oa eaf beta se p\n" + f"rs1 1 100 {row}\nrs2 1 200 {row}\n"
    path = write(tmp_path, text)
    with pytest.raises(NothingToDo) as caught:
        munge_files(path, options=MungeOptions())
    assert str(caught.value).startswith(f"{path}: no variant is left of 2 (")
    assert remedy in str(caught.value)
