"""`ingest` as a job: the same from Python and from the shell, whole or absent, resumed or not."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest
from proteomr_cli import main

from proteomr import ingest
from proteomr.errors import FormatError, InputError, RunFolderError, UsageError
from proteomr.io import IngestJob, IngestOptions, IngestRequest, is_store, read_store
from proteomr.runs import Ledger, Output, run_job
from tests.runs.stopping import check_stops, content_of

HEADER = "SampleID;Index;OlinkID;UniProt;Assay;MissingFreq;Panel;PlateID;QC_Warning;LOD;NPX"


def make_row(i: int, assay: str) -> str:
    warning = "Warning" if i == 2 else "Pass"
    return f"A{i};{i};{assay};P35318;ADM;0.1;Neuro;plate{i % 2};{warning};-1.5;{i}.5"


ROWS = [make_row(i, assay) for i in range(6) for assay in ("OID01216", "OID01217")]
LONG = "\n".join([HEADER, *ROWS]) + "\n"


@pytest.fixture
def npx(tmp_path: Path) -> Path:
    path = tmp_path / "npx.csv"
    path.write_text(LONG)
    return path


def run_shell(*arguments: object) -> None:
    with pytest.raises(SystemExit) as left:
        main.run([str(argument) for argument in arguments])
    assert not left.value.code


def test_results_are_tables_by_name_in_memory_or_in_a_folder(npx: Path, tmp_path: Path) -> None:
    in_memory = ingest(npx)
    on_disk = ingest(npx, out=tmp_path / "store", threads=1)
    assert in_memory.names == on_disk.names
    assert in_memory.names[0] == "assays"
    for name in in_memory.names:
        assert in_memory.table(name).equals(on_disk.table(name)), name
    assert in_memory.folder is None
    with pytest.raises(UsageError, match="in memory; name an output"):
        _ = in_memory.where
    assert on_disk.notes == read_store(on_disk.where).notes
    assert on_disk.table("qc_flags")["flag"].to_list() == ["sample_qc"]
    assert list(on_disk.to_pandas("samples")["sample_id"]) == [f"A{i}" for i in range(6)]


def test_python_goes_on_with_what_the_shell_wrote(npx: Path, tmp_path: Path) -> None:
    gone = tmp_path / "withdrawn.csv"
    gone.write_text("A1\n")
    run_shell("ingest", npx, "--withdrawn", gone, "--replicates", "mean", "-o", tmp_path / "store")
    again = ingest(
        npx,
        options=IngestOptions(replicates="mean"),
        withdrawn=gone,
        out=tmp_path / "store",
        resume=True,
    )
    assert again.manifest is None  # nothing was to be done


def test_threads_and_formats_are_no_part_of_the_request(npx: Path, tmp_path: Path) -> None:
    one = ingest(npx, out=tmp_path / "one", threads=1)
    two = ingest(npx, out=tmp_path / "two", threads=2, formats=("parquet", "csv"))
    assert one.manifest is not None
    assert two.manifest is not None
    assert one.manifest.request_sha256 == two.manifest.request_sha256
    assert two.manifest.threads == 2
    assert set(content_of(tmp_path / "one")) < set(content_of(tmp_path / "two"))
    text = pl.read_csv(tmp_path / "two" / "proteins.csv")
    assert text["OID01216"].to_list() == [i + 0.5 for i in range(6)]


@pytest.mark.parametrize("kind", ["polars", "pandas", "arrow"])
def test_a_frame_gives_what_its_file_gives(tmp_path: Path, kind: str) -> None:
    wide = pl.DataFrame({"sample_id": ["A1", "A2"], "ADM": [0.5, None], "GDF15": [1.5, 2.5]})
    wide.write_csv(tmp_path / "wide.csv")
    given: Any = {"polars": wide, "pandas": wide.to_pandas(), "arrow": wide.to_arrow()}[kind]
    assert isinstance(given, pd.DataFrame) == (kind == "pandas")
    from_frame, from_file = ingest(given), ingest(tmp_path / "wide.csv")
    for name in from_file.names:
        assert from_frame.table(name).equals(from_file.table(name)), name


def test_a_request_that_cannot_be_read_is_refused_before_anything_is_digested(
    npx: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"there is no such file \(did you mean 'npx\.csv'\?\)"):
        IngestRequest.of(tmp_path / "npxx.csv")
    with pytest.raises(InputError, match="is a folder; name a file in it"):
        IngestRequest.of(tmp_path)
    with pytest.raises(InputError, match="no file matches"):
        IngestRequest.of(tmp_path / "*.adat")
    with pytest.raises(InputError, match="no file is named"):
        IngestRequest.of([])


def test_a_plan_says_what_would_be_read_and_writes_nothing(npx: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    forecast = IngestJob(IngestRequest.of(npx)).plan(threads=2)
    assert dict(forecast.units) == {"samples": 6, "assays": 2}
    assert ("platform", "olink") in forecast.lines
    assert forecast.seconds is not None
    assert forecast.memory_bytes is not None
    assert not forecast.parallel
    assert sorted(tmp_path.iterdir()) == before


def test_a_plan_refuses_what_the_run_would(npx: Path) -> None:
    npx.write_text(LONG.replace("2.5", "below"))
    with pytest.raises(FormatError, match="column 'NPX'"):
        IngestJob(IngestRequest.of(npx)).plan(threads=1)


def test_an_output_among_the_files_that_are_read_is_refused(npx: Path) -> None:
    with pytest.raises(UsageError, match="is read; choose another folder"):
        ingest(npx, out=npx.parent)
    assert npx.read_text() == LONG


def test_two_runs_into_one_folder_exclude_each_other(npx: Path, tmp_path: Path) -> None:
    with (
        Ledger.open(tmp_path / "store", request={"other": 1}),
        pytest.raises(RunFolderError, match="in use"),
    ):
        ingest(npx, out=tmp_path / "store")


def test_what_is_not_its_own_is_never_replaced(npx: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.mkdir()
    (store / "plates.parquet").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(RunFolderError, match=r"not proteomr's \(plates\.parquet\)"):
            ingest(npx, out=store, overwrite=overwrite)
    assert content_of(store) == {"plates.parquet": b"mine"}


def test_overwriting_leaves_nothing_of_the_earlier_store(npx: Path, tmp_path: Path) -> None:
    ingest(npx, out=tmp_path / "store")
    wide = pl.DataFrame({"sample_id": ["A1", "A2"], "ADM": [0.5, 1.5]})
    ingest(wide, out=tmp_path / "store", overwrite=True)
    assert sorted(content_of(tmp_path / "store")) == [
        "assays.parquet",
        "drops.tsv",
        "manifest.json",
        "proteins.parquet",
        "qc_flags.parquet",
        "samples.parquet",
    ]


@pytest.mark.parametrize("choice", ["the same", "resume", "overwrite"])
def test_a_run_stopped_before_any_change_of_the_disk_gives_the_same_bytes(
    npx: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, choice: str
) -> None:
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    job = IngestJob(IngestRequest.of(npx))

    def run(out: Path, *, again: bool) -> None:
        resume = again and (choice == "resume" or (choice == "the same" and is_store(out)))
        run_job(job, Output(out, resume=resume, overwrite=again and choice == "overwrite"))

    def check(out: Path) -> None:
        if is_store(out):
            assert read_store(out).n == 6

    check_stops(tmp_path, run, least=60, between=check)
