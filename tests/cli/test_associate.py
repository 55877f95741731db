"""What `associate` and `merge` leave and print, whatever way the run takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

RESULTS = ("associations.parquet", "attrition.tsv", "summary.tsv", "drops.tsv")
SETS = ("--adjust", "simple=age + C(site)", "--adjust", "full=simple + bmi")


def results(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in RESULTS]


def files(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_a_run_prints_its_summary_and_the_path_of_its_table(associate: Any, study: Any) -> None:
    ending = associate("--adjust", "simple=age + C(site)")
    lines = ending.out.splitlines()
    assert ending.code == 0
    assert ending.err == ""
    assert lines[0] == "lonely, simple: 150 of 150 people, 50 cases"
    assert lines[2].split()[:4] == ["adjustment", "exposure", "fitted", "lambda"]
    assert lines[3].startswith("simple      lonely        12")
    assert lines[3].endswith("  8.2  P000")
    assert lines[-1] == str(study.folder / "out" / "associations.parquet")
    assert max(map(len, lines[:-1])) <= 80
    expected = [*RESULTS, "log.txt", "manifest.json"]
    assert files(study.folder / "out") == sorted(expected)


@pytest.mark.parametrize("width", [80, 100, 120])
def test_the_summary_fits_the_terminal_whatever_the_names(
    associate: Any, study: Any, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    long = "an_adjustment_set_with_a_name_that_goes_on_and_on_and_on"
    study.write("samples.csv", study.samples.rename({"lonely": "feels_lonely_" * 5}))
    ending = associate("--adjust", f"{long}=age", "--strata", "site", exposure="feels_lonely_" * 5)
    assert max(map(len, ending.out.splitlines()[3:-1])) == width
    assert "…" in ending.out


def test_drops_and_log_name_only_what_was_left_out(associate: Any, study: Any) -> None:
    study.write("samples.csv", study.samples.with_columns(pl.col("bmi").replace(27.0, None)))
    missing = pl.read_csv(study.folder / "samples.csv")["bmi"].null_count()
    associate("--adjust", "simple=bmi")
    drops = (study.folder / "out" / "drops.tsv").read_text().splitlines()
    assert drops == ["step\treason\tn", f"associate, simple\tbmi missing\t{missing}"]
    log = (study.folder / "out" / "log.txt").read_text()
    assert "150 people, 12 proteins" in log
    assert "left out: 0" not in log


def test_quiet_prints_the_path_alone(associate: Any, study: Any) -> None:
    ending = associate("-q")
    assert (ending.code, ending.err) == (0, "")
    assert ending.out == f"{study.folder / 'out' / 'associations.parquet'}\n"


def test_verbose_shows_the_log_on_stderr(associate: Any) -> None:
    assert "model: linear, protein~exposure, transform rint" in associate("-v").err


def test_the_json_log_is_json_on_every_line(associate: Any) -> None:
    lines = [json.loads(line) for line in associate("--log-json").err.splitlines()]
    assert "150 people, 12 proteins" in [line["message"] for line in lines]
    assert all(line["time"].endswith("Z") and line["level"] == "info" for line in lines)


def test_the_json_log_holds_errors_too(associate: Any) -> None:
    ending = associate("--log-json", "--id", "x")
    last = json.loads(ending.err.splitlines()[-1])
    assert ending.code == 3
    assert last["level"] == "error"
    assert "no identifier column 'x'" in last["message"]


def test_the_json_log_holds_the_traceback_of_a_fault(
    associate: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("in a\nblock")

    monkeypatch.setattr("proteomr.scan.fitting.Scan.__call__", broken)
    ending = associate("--log-json")
    last = json.loads(ending.err.splitlines()[-1])
    assert ending.code == 1
    assert "ZeroDivisionError: in a\nblock" in last["traceback"]


def test_a_fault_without_json_keeps_its_traceback_and_stands_in_the_log(
    associate: Any, study: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("in a block")

    monkeypatch.setattr("proteomr.scan.fitting.Scan.__call__", broken)
    with pytest.raises(ZeroDivisionError):
        associate()
    assert "ZeroDivisionError: in a block" in (study.folder / "out" / "log.txt").read_text()


def test_threads_change_no_byte(associate: Any, wide: Any) -> None:
    for count in (1, 2):
        associate("--threads", count, *SETS, "-o", wide.folder / f"by{count}")
    assert results(wide.folder / "by1") == results(wide.folder / "by2")


def test_the_order_of_the_rows_changes_no_byte(associate: Any, study: Any) -> None:
    associate(*SETS, "-o", study.folder / "straight")
    study.write("samples.csv", study.samples.sample(fraction=1, shuffle=True, seed=2))
    study.write("proteins.parquet", study.proteins.reverse())
    associate(*SETS, "-o", study.folder / "shuffled")
    assert results(study.folder / "straight") == results(study.folder / "shuffled")


def test_shards_merge_to_the_bytes_of_one_run(associate: Any, proteomr: Any, wide: Any) -> None:
    whole, shared = wide.folder / "whole", wide.folder / "shared"
    associate(*SETS, "-o", whole)
    first = associate(*SETS, "--shard", "1/2", "-o", shared)
    early = proteomr("merge", shared)
    second = associate(*SETS, "--shard", "2/2", "-o", shared)
    assert first.code == second.code == 0
    assert first.out == f"{shared}\n"
    assert "when all are: proteomr merge" in first.err
    assert early.code == 3
    assert "1 of 3 parts are absent, damaged or of another run" in early.message
    merged = proteomr("merge", shared)
    assert merged.code == 0
    assert merged.out.splitlines()[-1] == str(shared / "associations.parquet")
    assert results(whole) == results(shared)
    assert {"log.txt", "log-1-of-2.txt", "log-2-of-2.txt"} <= set(files(shared))
    again = proteomr("merge", "-q", shared)
    assert (again.code, again.out) == (0, f"{shared / 'associations.parquet'}\n")


def test_merge_refuses_a_folder_without_a_run(proteomr: Any, tmp_path: Path) -> None:
    ending = proteomr("merge", tmp_path)
    assert ending.code == 3
    assert "holds no run" in ending.message


def test_resume_of_a_finished_run_computes_nothing(
    associate: Any, study: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = associate()
    monkeypatch.delattr("proteomr.scan.fitting.Scan.__call__")
    again = associate("--resume")
    assert (again.code, again.out) == (first.code, first.out)


def test_dry_run_says_what_would_run_and_writes_nothing(associate: Any, study: Any) -> None:
    before = files(study.folder)
    ending = associate("--dry-run", *SETS, "--threads", 2)
    assert ending.code == 0
    for words in (
        "people    150",
        "proteins  12",
        "fits      24",
        "complete  150 people for exposure and covariates",
        "MB with 2 threads",
    ):
        assert words in ending.out
    assert "full      age + C(site) + bmi" in ending.out
    assert files(study.folder) == before


def test_a_printed_configuration_gives_the_same_run(
    associate: Any, proteomr: Any, study: Any
) -> None:
    out = study.folder / "out"
    associate(*SETS, "--transform", "none", "--tests", "exposure")
    printed = associate(*SETS, "--transform", "none", "--tests", "exposure", "--print-config")
    assert printed.code == 0
    config = study.folder / "study.toml"
    config.write_text(printed.out)
    again = proteomr("associate", "--config", config, "--resume")
    assert again.code == 0
    before = (out / "associations.parquet").read_bytes()
    other = proteomr(
        "associate", "--config", config, "--transform", "rint", "--overwrite", "--adjust", "a=age"
    )
    assert other.code == 0
    table = pl.read_parquet(out / "associations.parquet")
    assert table["adjustment"].unique().to_list() == ["a"]
    assert (out / "associations.parquet").read_bytes() != before


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("famly = 'linear'", 2, "associate has no option 'famly' (did you mean 'family'?)"),
        ("family = ", 3, "is not TOML"),
        ("family = 'linera'", 2, "'linera' is not one of"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_one_line(
    proteomr: Any, study: Any, text: str, code: int, words: str
) -> None:
    config = study.folder / "study.toml"
    config.write_text(text)
    ending = proteomr("associate", "--config", config, "a", "b", "--exposure", "x", "-o", "c")
    assert ending.code == code
    assert words in ending.message


def test_an_absent_configuration_is_one_line(proteomr: Any, tmp_path: Path) -> None:
    ending = proteomr("associate", "--config", tmp_path / "x.toml")
    assert (ending.code, "there is no such file" in ending.message) == (3, True)


@pytest.mark.parametrize("kind", ["csv", "tsv"])
def test_text_beside_the_parquet_table_holds_the_same_rows(
    associate: Any, study: Any, kind: str
) -> None:
    associate("--format", kind)
    out = study.folder / "out"
    text = pl.read_csv(
        out / f"associations.{kind}", separator="," if kind == "csv" else "\t", infer_schema=False
    )
    table = pl.read_parquet(out / "associations.parquet")
    assert text.columns == table.columns
    assert text["estimate"].cast(pl.Float64).to_list() == table["estimate"].to_list()


def test_broom_names_are_those_of_the_r_package(associate: Any, study: Any) -> None:
    ending = associate("--columns", "broom")
    columns = pl.read_parquet(study.folder / "out" / "associations.parquet").columns
    assert ending.code == 0
    assert {"std.error", "p.value", "conf.low", "conf.high", "statistic"} <= set(columns)
    assert not {"se", "p_value"} & set(columns)


def test_failed_fits_leave_with_4_unless_they_are_allowed(associate: Any, study: Any) -> None:
    study.write("proteins.parquet", study.proteins.with_columns(P003=pl.lit(2.5)))
    ending = associate()
    assert ending.code == 4
    assert ending.err == (
        "1 of 12 fits have no ordinary estimate: constant 1; "
        "the columns status and message say more\n"
    )
    manifest = json.loads((study.folder / "out" / "manifest.json").read_text())
    assert manifest["exit_status"] == 4
    assert associate("--resume").code == 4
    allowed = associate("--allow-failures", "--overwrite", "-q")
    assert (allowed.code, allowed.err) == (0, "")


def test_the_manifest_holds_every_resolved_option_and_no_person(associate: Any, study: Any) -> None:
    associate(*SETS)
    text = (study.folder / "out" / "manifest.json").read_text()
    manifest = json.loads(text)
    configuration = manifest["configuration"]
    assert configuration["transform"] == "rint"
    assert configuration["adjust"] == {"simple": "age + C(site)", "full": "simple + bmi"}
    assert {"print-config", "resume", "quiet"} & set(configuration) == set()
    assert len(manifest["inputs"]) == 2
    assert "jointly" in manifest["family_of_tests"]
    everything = text + "".join(
        file.read_bytes().decode("latin-1") for file in (study.folder / "out").glob("*")
    )
    assert not any(str(person) in everything for person in study.samples["ID"])


def test_a_folder_may_stand_for_samples_and_proteins(proteomr: Any, study: Any) -> None:
    study.write("samples.parquet", study.samples)
    out = study.folder / "out"
    command = ("--family", "linear", "--exposure", "lonely", "-o", out)
    assert proteomr("associate", study.folder, *command).code == 0


def test_models_beyond_the_plain_ones_reach_the_fits(associate: Any, study: Any) -> None:
    study.write("samples.csv", study.samples.with_columns(w=pl.col("bmi") / 27))
    options = {
        "robust": ("--se", "HC3"),
        "clustered": ("--se", "CR1", "--cluster", "site"),
        "weighted": ("--weights", "w"),
        "changed": ("--interaction", "isolated"),
    }
    plain = associate("-o", study.folder / "plain", "--adjust", "a=age")
    assert plain.code == 0
    before = pl.read_parquet(study.folder / "plain" / "associations.parquet")
    for name, further in options.items():
        assert associate(*further, "--adjust", "a=age", "-o", study.folder / name).code == 0
        after = pl.read_parquet(study.folder / name / "associations.parquet")
        first = after.filter(pl.col("term") == "lonely")
        assert (first["se"] != before["se"]).all(), name
        shift = (first["estimate"] - before["estimate"]).to_numpy()
        same = bool(np.abs(shift).max() < 1e-12)
        assert same == (name in {"robust", "clustered"}), name
        assert (after.height == 2 * before.height) == (name == "changed")


def test_a_finished_run_without_the_format_asked_for_says_so(associate: Any) -> None:
    assert associate().code == 0
    ending = associate("--resume", "--format", "csv")
    assert ending.code == 3
    assert "without associations.csv; --overwrite computes it again" in ending.message


def test_help_is_grouped_and_fits_in_80_columns(
    proteomr: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    page = proteomr("associate", "--help").out
    headings = ["Arguments:", "Models:", "Input:", "Computing:", "Results:", "Messages:"]
    assert [line for line in page.splitlines() if line in headings] == headings
    assert max(map(len, page.splitlines())) <= 80


def test_the_list_of_commands_cuts_no_sentence(
    proteomr: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    listed = proteomr("--help").out.partition("Commands:\n")[2]
    assert "associate" in listed
    assert "..." not in listed


def test_the_summary_tells_an_interaction_from_the_main_effect(associate: Any) -> None:
    lines = associate("--interaction", "isolated", "--adjust", "a=age").out.splitlines()
    assert "effect" in lines[2].split()
    assert len(lines) == 6
    assert "by iso" in lines[4]
    assert "by iso" not in lines[3]


def test_numbers_that_are_no_proteins_are_named_and_set_apart(associate: Any, study: Any) -> None:
    beside = study.proteins.with_columns(plate=pl.int_range(pl.len()), bmi=study.samples["bmi"])
    study.write("proteins.parquet", beside)
    ending = associate("--adjust", "simple=bmi")
    assert ending.code == 0
    assert "note: left out of the proteins, for the samples have columns of these names: bmi" in (
        ending.err
    )
    assert "names sound like facts about samples: plate; name those" in ending.err
    apart = associate("--adjust", "simple=bmi", "--sample-column", "plate", "--overwrite")
    assert "plate" not in apart.err
    assert apart.out.splitlines()[3].startswith("simple      lonely        12    ")


def test_what_readers_note_is_said_once_and_stands_in_log_and_manifest(
    associate: Any, study: Any
) -> None:
    coded = pl.when(pl.int_range(pl.len()) % 5 == 0).then(-9.0).otherwise(pl.col("bmi"))
    study.write("samples.csv", study.samples.with_columns(bmi=coded))
    ending = associate("--adjust", "simple=bmi")
    assert ending.err.count("bmi has 30 times -9") == 1
    for name in ("log.txt", "manifest.json"):
        assert (study.folder / "out" / name).read_text().count("bmi has 30 times -9") == 1
