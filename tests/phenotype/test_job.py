"""`phenotype` as a job: one question has one digest, its results are whole, and its own alone."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from proteomr.errors import ColumnError, NothingToDo, RunFolderError, UsageError
from proteomr.phenotype import (
    DeriveOptions,
    PhenotypeJob,
    derive,
    derive_phenotypes,
    load_definition,
    make_phenotype_job,
)
from proteomr.provenance import digest_file
from proteomr.runs import Ledger, Output, Source, digest_request, run_job
from tests.phenotype.people import make_study
from tests.runs.stopping import check_stops, content_of

SHEN = load_definition("shen2025")
BESIDE = ["counts.tsv", "drops.tsv", "flow.tsv", "manifest.json"]


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """Write an export of 100 people, apart from where the results go."""
    path = tmp_path / "in" / "participants.parquet"
    path.parent.mkdir()
    make_study(100).frame.write_parquet(path)
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out" / "cohort.parquet"


def test_table_counts_flow_drops_and_manifest_stand_side_by_side(export: Path, out: Path) -> None:
    derive(export, out=out.with_suffix(".csv"))
    names = {path.name for path in out.parent.iterdir()}
    assert names == {"cohort.csv", *(f"cohort.{name}" for name in BESIDE)}
    manifest = json.loads((out.parent / "cohort.manifest.json").read_text())
    assert manifest["configuration"]["definition_sha256"] == SHEN.digest
    assert {entry["name"]: entry["sha256"] for entry in manifest["outputs"]} == {
        name: digest_file(out.parent / name) for name in names - {"cohort.manifest.json"}
    }
    assert manifest["inputs"][0]["name"] == str(export)
    assert manifest["filters"][0]["rows_in"] == 100
    assert out.with_suffix(".csv").stat().st_mode & 0o077 == 0


def test_the_results_are_what_the_engine_derives(export: Path) -> None:
    phenotypes = derive_phenotypes(make_study(100), SHEN)
    results = derive(export)
    assert results.table().equals(phenotypes.frame)
    assert results.table("flow")["n_left"].to_list() == phenotypes.flow["n_left"].to_list()
    assert results.notes == phenotypes.warnings
    assert results.units == 100


def test_only_complete_people_are_written_when_asked_and_the_others_counted(export: Path) -> None:
    phenotypes = derive_phenotypes(make_study(100), SHEN)
    results = derive(export, complete=True)
    assert 0 < phenotypes.complete_cases.height < 100
    assert results.table()["eid"].to_list() == phenotypes.complete_cases["eid"].to_list()
    assert results.table("drops")["n"].sum() == 100 - phenotypes.complete_cases.height


def test_withdrawn_people_are_left_out_and_counted(export: Path, tmp_path: Path) -> None:
    gone = tmp_path / "withdrawn.csv"
    gone.write_text("00001\n00007\n")
    results = derive(export, withdrawn=gone)
    assert results.table().height == 98
    assert results.table("drops").rows() == [("load", "withdrawn", 2)]


def test_nobody_complete_is_nothing_to_do_and_leaves_nothing(tmp_path: Path) -> None:
    nobody = make_study(5).frame.with_columns(p738_i0=pl.lit(-1))
    with pytest.raises(NothingToDo, match="nobody has every exposure"):
        derive(nobody, complete=True, out=tmp_path / "cohort.parquet")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("ids", "dtype"),
    [(["10", "9"], pl.Int64), (["007", "8"], pl.String), (["a", "b"], pl.String)],
)
def test_identifiers_are_numbers_only_where_no_letter_of_theirs_is_lost(
    ids: list[str], dtype: pl.DataType
) -> None:
    frame = make_study(2).frame.with_columns(pl.Series("eid", sorted(ids)))
    written = derive(frame).table()["eid"]
    assert written.dtype == dtype
    assert [str(one) for one in written] == sorted(ids)


def test_a_second_format_stands_beside_the_first(export: Path, out: Path) -> None:
    derive(export, out=out, format="tsv")
    text = pl.read_csv(out.with_suffix(".tsv"), separator="\t", schema_overrides={"eid": pl.String})
    assert text.columns == pl.read_parquet(out).columns
    assert text["age"].to_list() == pl.read_parquet(out)["age"].to_list()


def test_a_name_without_a_known_ending_is_refused(export: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"end the name in \.parquet, \.csv, \.tsv"):
        derive(export, out=tmp_path / "cohort.v1", format="csv")


@pytest.mark.parametrize("name", ["cohort.parquet", "cohort.counts.tsv", "cohort.manifest.json"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_files_of_others_are_refused_before_the_work_and_kept(
    export: Path, out: Path, name: str, *, overwrite: bool
) -> None:
    own = out.parent / name
    own.parent.mkdir()
    own.write_text("years of work")
    with pytest.raises(RunFolderError, match="not proteomr's"):
        derive(export, out=out, overwrite=overwrite)
    assert {file.name: file.read_text() for file in out.parent.iterdir()} == {name: "years of work"}


def test_other_files_of_the_folder_are_no_concern(export: Path, out: Path) -> None:
    derive(export, out=out)
    derive(export, out=out.with_name("other.parquet"))
    (out.parent / "cohort.csv").write_text("mine")
    derive(export, out=out, complete=True, overwrite=True)
    assert (out.parent / "cohort.csv").read_text() == "mine"
    assert pl.read_parquet(out.with_name("other.parquet")).height == 100


def test_finished_phenotypes_are_replaced_only_when_asked(export: Path, out: Path) -> None:
    derive(export, out=out)
    before = content_of(out.parent)
    with pytest.raises(RunFolderError, match=r"finished result; .*--overwrite"):
        derive(export, out=out)
    with pytest.raises(RunFolderError, match=r"another request \(differs in complete\)"):
        derive(export, out=out, complete=True, resume=True)
    derive(export, out=out, resume=True)
    assert content_of(out.parent) == before
    derive(export, out=out, complete=True, overwrite=True)
    assert pl.read_parquet(out).height < 100


def test_two_at_once_on_one_file_are_refused(export: Path, out: Path) -> None:
    def begin_another(ledger: Ledger) -> None:
        derive(export, out=out)

    job = make_phenotype_job(export, SHEN)
    with pytest.raises(RunFolderError, match="in use by another run"):
        run_job(job, Output(out), opened=begin_another)


def test_the_export_itself_is_no_place_for_the_result(export: Path) -> None:
    before = export.read_bytes()
    with pytest.raises(UsageError, match="is read; choose another name"):
        derive(export, out=export, overwrite=True)
    assert export.read_bytes() == before


def test_a_question_has_one_digest_however_it_is_put(export: Path, tmp_path: Path) -> None:
    own = tmp_path / "mine.toml"
    own.write_text('extends = "shen2025"\n')
    elsewhere = shutil.copy(export, tmp_path / export.name)

    def digest(samples: Any = export, definition: str = "shen2025", **asked: Any) -> str:
        alternatives = asked.pop("alternatives", None)
        loaded = load_definition(definition, alternatives=alternatives)
        return digest_request(make_phenotype_job(samples, loaded, **asked).request)

    one = digest()
    assert digest(str(export)) == digest([export.parent / "part*"]) == digest(elsewhere) == one
    assert digest(alternatives={"isolation": "monthly"}) != one
    assert digest(definition=str(own)) != one
    assert digest(complete=True) != one
    assert digest(options=DeriveOptions(instance=1)) != one
    pair = (digest(options=DeriveOptions(only=only)) for only in (("age", "sex"), ("sex", "age")))
    assert len(set(pair)) == 1


def test_a_job_holds_the_definition_of_its_request(export: Path) -> None:
    request = make_phenotype_job(export, SHEN).request
    with pytest.raises(ValueError, match="of another definition"):
        PhenotypeJob(request, load_definition("day2018"))


def test_what_is_neither_path_nor_frame_is_refused() -> None:
    with pytest.raises(UsageError, match="a path or a frame of polars, pandas or pyarrow"):
        derive(make_study(3))


def test_frames_of_several_parts_are_one_export(export: Path) -> None:
    frame = pl.read_parquet(export)
    names = frame.columns
    parts = [frame.select(names[:5]), frame.select("eid", *names[5:]).to_pandas()]
    assert derive(parts).table().equals(derive(export).table())


def test_the_forecast_counts_people_fields_and_rules_and_reads_no_answer(
    export: Path, tmp_path: Path
) -> None:
    gone = tmp_path / "withdrawn.csv"
    gone.write_text("00001\n")
    forecast = make_phenotype_job(export, SHEN, withdrawn=gone).plan(threads=1)
    assert forecast.units == {
        "people": 99,
        "fields wanted": len(SHEN.fields),
        "fields found": len(set(make_study(1).numbers) & SHEN.fields),
        "rules": derive(export).table("counts")["rule"].n_unique(),
    }
    assert ("left out", "1: withdrawn (load)") in forecast.lines


def test_the_forecast_refuses_what_the_run_would(export: Path) -> None:
    lacking = pl.read_parquet(export).drop("p738_i0")
    job = make_phenotype_job(lacking, SHEN)
    with pytest.raises(ColumnError, match=r"field 738 .*: needed by income"):
        job.plan(threads=1)
    with pytest.raises(UsageError, match="did you mean 'loneliness'"):
        make_phenotype_job(export, SHEN, options=DeriveOptions(only=("lonelyness",))).plan(
            threads=1
        )


def test_a_run_stopped_before_any_change_of_the_disk_comes_out_with_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    people = Source.of(make_study(20).frame, name="people")

    def run(folder: Path, *, again: bool) -> None:
        job = make_phenotype_job(people, SHEN)
        run_job(job, Output(folder / "cohort.parquet", resume=again))

    check_stops(tmp_path, run, least=40)
