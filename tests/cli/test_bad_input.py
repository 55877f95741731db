"""Each mistake in the input is one line with the remedy, its exit code, and nothing left behind."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

INPUT, USAGE = 3, 2


def left_behind(folder: Path) -> list[str]:
    out = folder / "out"
    return sorted(file.name for file in out.rglob("*")) if out.exists() else []


def alter_text(study: Any, change: Callable[[str], str]) -> None:
    path = study.folder / "samples.csv"
    path.write_text(change(path.read_text()))


def test_a_missing_file_is_named_with_its_neighbours(associate: Any, study: Any) -> None:
    ending = associate(samples="sample.csv")
    assert ending.code == INPUT
    assert ending.message.endswith(
        "sample.csv: there is no such file (did you mean 'samples.csv'?)"
    )
    assert left_behind(study.folder) == []


def test_a_missing_folder_is_said(associate: Any) -> None:
    assert "does not exist either" in associate(samples="not/here.csv").message


def test_a_wrong_identifier_column_names_those_there_are(associate: Any) -> None:
    ending = associate("--id", "IDD")
    assert ending.code == INPUT
    assert "no identifier column 'IDD' (did you mean 'ID'?); columns: ID, lonely" in ending.message


def test_duplicate_identifiers_are_counted_not_shown(associate: Any, study: Any) -> None:
    study.write("samples.csv", pl.concat([study.samples, study.samples.head(3)]))
    ending = associate()
    assert ending.code == INPUT
    assert "3 duplicated identifiers among 153 rows; keep one row per person" in ending.message


def test_no_shared_identifiers_is_said_with_both_counts(associate: Any, study: Any) -> None:
    study.write("samples.csv", study.samples.with_columns(pl.col("ID") + 1_000_000))
    ending = associate()
    assert ending.code == INPUT
    assert "no identifier is shared: 150 in the samples, 150 in the proteins" in ending.message


def test_identifiers_as_text_here_and_numbers_there_are_the_same_people(
    associate: Any, study: Any
) -> None:
    study.write("proteins.parquet", study.proteins.with_columns(pl.col("ID").cast(pl.String)))
    assert associate().code == 0


def test_identifiers_with_a_prefix_in_one_file_are_recognised(associate: Any, study: Any) -> None:
    prefixed = study.proteins.with_columns(pl.format("S{}", "ID").alias("ID"))
    study.write("proteins.parquet", prefixed)
    ending = associate()
    assert ending.code == INPUT
    assert "150 would be but for a prefix before the number: remove it" in ending.message


def test_a_truncated_parquet_file_is_told_from_its_end(associate: Any, study: Any) -> None:
    path = study.folder / "proteins.parquet"
    path.write_bytes(path.read_bytes()[:-500])
    ending = associate()
    assert ending.code == INPUT
    assert "proteins.parquet: the parquet file is cut off (no footer); copy" in ending.message


def test_a_damaged_page_of_parquet_is_one_line_and_no_table(associate: Any, study: Any) -> None:
    path = study.folder / "proteins.parquet"
    content = bytearray(path.read_bytes())
    content[4:400] = b"\xff" * 396
    path.write_bytes(content)
    ending = associate()
    assert ending.code == INPUT
    assert "the parquet file is damaged" in ending.message
    assert "associations.parquet" not in left_behind(study.folder)


@pytest.mark.parametrize("which", ["samples.csv.gz", "proteins.csv.gz"])
def test_a_truncated_gzip_file_is_told(associate: Any, study: Any, which: str) -> None:
    frame = study.samples if which.startswith("samples") else study.proteins
    path = study.folder / which
    path.write_bytes(gzip.compress(frame.write_csv().encode())[:-200])
    ending = associate(**{which.partition(".")[0]: which})
    assert ending.code == INPUT
    assert f"{which}: the gzip stream is cut off or damaged" in ending.message


@pytest.mark.parametrize("mark", ["|", ":"])
def test_a_delimiter_that_is_not_read_is_named(associate: Any, study: Any, mark: str) -> None:
    (study.folder / "samples.csv").write_text(study.samples.write_csv(separator=mark))
    ending = associate()
    assert ending.code == INPUT
    assert "line 1: one column only" in ending.message


def test_a_byte_order_mark_and_windows_line_ends_just_work(associate: Any, study: Any) -> None:
    plain = associate("-o", study.folder / "plain")
    path = study.folder / "samples.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert associate().code == plain.code == 0
    tables = [study.folder / name / "associations.parquet" for name in ("plain", "out")]
    assert tables[0].read_bytes() == tables[1].read_bytes()


def test_a_decimal_comma_in_the_samples_is_located(associate: Any, study: Any) -> None:
    text = study.samples.write_csv(separator=";", decimal_comma=True)
    (study.folder / "samples.csv").write_text(text)
    ending = associate()
    assert ending.code == INPUT
    assert "line 2, column 'bmi': decimal comma" in ending.message


def test_a_decimal_comma_in_the_proteins_is_located(associate: Any, study: Any) -> None:
    text = study.proteins.write_csv(separator=";", decimal_comma=True)
    (study.folder / "proteins.csv").write_text(text)
    ending = associate(proteins="proteins.csv")
    assert "line 2, column 'P000': decimal comma" in ending.message


@pytest.mark.parametrize("content", ["", "\n\n", "ID,lonely,age\n"])
def test_an_empty_file_is_said(associate: Any, study: Any, content: str) -> None:
    (study.folder / "samples.csv").write_text(content)
    ending = associate()
    assert ending.code == INPUT
    assert "samples.csv: " in ending.message


def test_text_among_the_numbers_of_a_protein_is_located(associate: Any, study: Any) -> None:
    lines = study.proteins.write_csv().splitlines()
    lines[5] = lines[5].replace(",", ",low,", 1).rsplit(",", 1)[0]
    (study.folder / "proteins.csv").write_text("\n".join(lines) + "\n")
    ending = associate(proteins="proteins.csv")
    assert ending.code == INPUT
    assert "proteins.csv, line 6, column 'P000': text where a number is needed" in ending.message


def test_a_numeric_covariate_that_holds_text_is_said_with_a_remedy(
    associate: Any, study: Any
) -> None:
    alter_text(study, lambda text: text.replace("27.", "unknown", 1))
    ending = associate("--adjust", "simple=log(bmi)")
    assert ending.code in {INPUT, USAGE}
    assert "bmi" in ending.message


def test_an_unknown_covariate_names_the_nearest(associate: Any, study: Any) -> None:
    ending = associate("--adjust", "simple=age + stie")
    assert ending.code == USAGE
    assert "'stie'" in ending.message
    assert "did you mean 'site'?" in ending.message
    assert left_behind(study.folder) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("always", "has 1 level (1) among 150 people: it needs two"),
        ("three", "has 3 levels (0, 1, 2): it needs two levels for the logistic family"),
        ("lonly", "no column 'lonly' in the samples (did you mean 'lonely'?)"),
    ],
)
def test_an_exposure_that_cannot_serve_is_said(associate: Any, name: str, words: str) -> None:
    ending = associate(family="logistic", exposure=name)
    assert ending.code == INPUT
    assert words in ending.message


def test_an_exposure_of_many_texts_shows_none_of_them(associate: Any, study: Any) -> None:
    study.write("samples.csv", study.samples.with_columns(note=pl.col("ID").cast(pl.String) + "x"))
    ending = associate(exposure="note")
    assert ending.code == INPUT
    assert "exposure 'note' has 150 levels: it needs two levels or numbers" in ending.message


def test_no_complete_case_names_the_emptiest_covariates(associate: Any, study: Any) -> None:
    study.write("samples.csv", study.samples.with_columns(bmi=pl.lit(None, pl.Float64)))
    ending = associate("--adjust", "simple=age + bmi")
    assert ending.code == INPUT
    assert "bmi missing in 150 of 150" in ending.message


def test_a_file_in_place_of_the_run_folder_is_refused(associate: Any, study: Any) -> None:
    (study.folder / "out").write_text("mine")
    ending = associate()
    assert ending.code == INPUT
    assert "is a file; choose a folder" in ending.message
    assert (study.folder / "out").read_text() == "mine"


def test_foreign_files_in_the_run_folder_are_left_alone(associate: Any, study: Any) -> None:
    (study.folder / "out").mkdir()
    (study.folder / "out" / "thesis.txt").write_text("mine")
    ending = associate()
    assert ending.code == INPUT
    assert "holds a file that is not proteomr's (thesis.txt)" in ending.message
    assert left_behind(study.folder) == ["thesis.txt"]


def test_a_folder_with_another_result_is_kept_unless_overwritten(
    associate: Any, study: Any
) -> None:
    assert associate().code == 0
    table = (study.folder / "out" / "associations.parquet").read_bytes()
    again = associate("--adjust", "simple=age")
    assert again.code == INPUT
    assert "holds a finished result" in again.message
    other = associate("--adjust", "simple=age", "--resume")
    assert "holds the result of another request (differs in specification)" in other.message
    assert (study.folder / "out" / "associations.parquet").read_bytes() == table
    assert associate("--adjust", "simple=age", "--overwrite").code == 0
    assert (study.folder / "out" / "associations.parquet").read_bytes() != table


def test_a_folder_in_use_is_refused(associate: Any, study: Any) -> None:
    from proteomr.runs import Ledger

    with Ledger.open(study.folder / "out", request={"other": 1}):
        ending = associate()
    assert ending.code == INPUT
    assert "in use by another run" in ending.message


def test_a_file_for_both_samples_and_proteins_is_refused(associate: Any) -> None:
    assert "stands for both" in associate(proteins="samples.csv").message


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--adjust", "age"], "--adjust 'age' has no label: write --adjust adjusted=\"age\""),
        (["--adjust", "a=age", "--adjust", "a=bmi"], "--adjust 'a' is given twice"),
        (["--adjust", "a=age", "--adjust", "b=c + bmi"], "'c'"),
        (["--adjust", "a=lonely"], "is an exposure and in the adjustment set 'a'"),
        (["--adjust", "a=__import__('os')"], "__import__"),
        (["--exposure", "lonely"], "exposure 'lonely' is given twice"),
        (["--outcome", "age"], "exposures and outcomes are two scans"),
        (["--shard", "5/4"], "shard 5/4 does not exist"),
        (["--shard", "two"], "is not of the form i/n"),
        (["--resume", "--overwrite"], "choose one"),
        (["--se", "CR1"], "errors CR1 need a column of clusters: name one (--cluster NAME)"),
        (["--cluster", "age"], "for standard errors CR0, CR1, CR2, and these are classical"),
        (["--se", "HC4"], "is not one of 'classical', 'HC0'"),
        (["--interaction", "lonely"], "is an exposure and the interaction"),
        (["--firth"], "Firth's estimate is for the logistic family, not for linear"),
        (["--family", "logitic"], "'logitic' is not one of 'linear', 'logistic'"),
        (["--transform", "log"], "is not one of"),
        (["--threads", "0"], "--threads"),
        (["--level", "2"], "--level"),
        (["--exposre", "x"], "--exposure"),
        (["--protein-covariate", "gap"], "not of the form NAME=FILE"),
    ],
)
def test_a_mistake_in_the_options_is_one_line_and_code_2(
    associate: Any, study: Any, arguments: list[str], words: str
) -> None:
    ending = associate(*arguments)
    assert ending.code == USAGE
    assert words in ending.message
    assert left_behind(study.folder) == []


def test_a_protein_covariate_outside_every_set_is_refused(associate: Any, study: Any) -> None:
    path = study.write("gap.csv", study.proteins)
    ending = associate("--protein-covariate", f"gap={path}")
    assert ending.code == USAGE
    assert "protein covariate 'gap' is in no adjustment set: add it" in ending.message


def test_a_covariate_per_panel_without_assays_names_the_option(associate: Any, study: Any) -> None:
    path = study.write("gap.csv", study.proteins.select("ID", Inflammation="P001"))
    ending = associate("--protein-covariate", f"gap={path}", "--adjust", "a=gap")
    assert ending.code == INPUT
    assert "12 of 12 proteins have no column for 'gap'" in ending.message
    assert "(--assays)" in ending.message


def test_everybody_withdrawn_leaves_nothing_to_do(associate: Any, study: Any) -> None:
    path = study.folder / "gone.txt"
    path.write_text("\n".join(map(str, study.samples["ID"])))
    ending = associate("--withdrawn", path)
    assert ending.code == 5
    assert "all 150 people in the samples have withdrawn" in ending.message


def test_files_in_each_other_s_place_are_recognised_by_the_exposure(
    associate: Any, study: Any
) -> None:
    study.write("swapped.csv", study.proteins)
    ending = associate(samples="swapped.csv", proteins="samples.csv")
    assert ending.code == INPUT
    assert "right order? SAMPLES come first, then PROTEINS: 'lonely' is in the second" in (
        ending.message
    )
    assert ending.message.count("right order") == 1


def test_files_in_each_other_s_place_are_told_so_once(proteomr: Any, tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("eid,age\n1,50\n2,60\n3,40\n")
    (tmp_path / "p.csv").write_text("eid,IL6,ADM\n1,1.5,2\n2,2.5,1\n3,0.1,3\n")
    given = (tmp_path / "p.csv", tmp_path / "s.csv", "--exposure", "age", "-o", tmp_path / "o")
    ending = proteomr("associate", *given, "--family", "linear")
    assert ending.code == INPUT
    assert ending.err.count("right order") == 1
    assert "holds no protein" in ending.err
