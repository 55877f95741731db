"""`qc` as a job: the same from Python and from the shell, whole or absent, resumed or not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from proteomr_cli import main

import proteomr
from proteomr.errors import InputError, NothingToDo, RunFolderError, UsageError
from proteomr.io import is_store, read_store, write_store
from proteomr.qc import (
    Correction,
    Imputation,
    Policy,
    QcJob,
    QcRequest,
    load_policy,
    read_assessment,
)
from proteomr.qc import job as job_module
from proteomr.runs import Ledger, Output, digest_request, run_job
from proteomr.tables import ArrayProteins, Measurements
from tests.runs.stopping import check_stops, content_of

N, P = 40, 6


@pytest.fixture
def store(tmp_path: Path) -> Path:
    rng = np.random.default_rng(5)
    values = rng.normal(size=(N, P)) + rng.normal(size=(N, 1))
    values[rng.random((N, P)) < 0.05] = np.nan
    values[:30, 3] = np.nan
    ids = [f"S{i:03d}" for i in range(N)]
    names = tuple(f"OID{j:05d}" for j in range(P))
    measured = Measurements(
        platform="olink",
        samples=pl.DataFrame({"sample_id": ids, "plate": [f"P{i % 3}" for i in range(N)]}),
        proteins=ArrayProteins(names, values),
        assays=pl.DataFrame(
            {
                "protein": names,
                "gene": names,
                "panel": ["Neuro"] * P,
                "kind": ["protein"] * (P - 1) + ["control"],
            }
        ),
    )
    write_store(measured, tmp_path / "store")
    return tmp_path / "store"


def run_shell(*arguments: object) -> None:
    with pytest.raises(SystemExit) as left:
        main.run([str(argument) for argument in arguments])
    assert not left.value.code


def test_results_are_tables_by_name_in_memory_or_in_a_folder(store: Path, tmp_path: Path) -> None:
    in_memory = proteomr.qc(store, components=2)
    on_disk = proteomr.qc(store, components=2, out=tmp_path / "left")
    assert in_memory.names == on_disk.names
    assert in_memory.names[0] == "qc_assays"
    for name in in_memory.names:
        assert in_memory.table(name).equals(on_disk.table(name)), name
    assert in_memory.table("loadings").columns == ["protein", "PC1", "PC2"]
    assert sorted(in_memory.table("exclusions")["name"]) == ["OID00003", "OID00005"]
    assert read_store(on_disk.where).assays.height == P - 2


def test_the_job_does_what_clean_does(store: Path, tmp_path: Path) -> None:
    policy, correction, imputation = load_policy("strict"), Correction("regression"), Imputation(3)
    results = proteomr.qc(
        store,
        policy=policy,
        correction=correction,
        imputation=imputation,
        components=2,
        out=tmp_path / "left",
    )
    cleaned = proteomr.clean(
        read_store(store),
        policy=policy,
        correction=correction,
        imputation=imputation,
        components=2,
    )
    found = read_store(results.where)
    every = slice(0, found.assays.height)
    np.testing.assert_array_equal(found.proteins.read(every), cleaned.measured.proteins.read(every))
    assert found.parameters == json.loads(json.dumps(dict(cleaned.measured.parameters)))
    for name, table in cleaned.tables.items():
        assert results.table(name).equals(table), name
    assert results.notes == cleaned.measured.notes
    assessment = read_assessment(results)
    assert assessment.policy == load_policy("strict")
    assert assessment.samples.equals(cleaned.assessment.samples)


def test_each_step_makes_another_request(store: Path) -> None:
    requests = [
        QcRequest.of(store),
        QcRequest.of(store, policy="strict"),
        QcRequest.of(store, correction=Correction("median")),
        QcRequest.of(store, imputation=Imputation(4)),
        QcRequest.of(store, components=2),
    ]
    assert len({digest_request(request) for request in requests}) == len(requests)


def test_threads_and_formats_are_no_part_of_the_request(store: Path, tmp_path: Path) -> None:
    one = proteomr.qc(store, out=tmp_path / "one", threads=1)
    two = proteomr.qc(store, out=tmp_path / "two", threads=2, formats=("parquet", "tsv"))
    assert one.manifest is not None
    assert two.manifest is not None
    assert one.manifest.request_sha256 == two.manifest.request_sha256
    for name in one.names:
        assert (tmp_path / "two" / f"{name}.tsv").is_file(), name
        assert one.table(name).equals(two.table(name)), name


def test_a_plan_says_what_would_leave_and_writes_nothing(store: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    forecast = QcJob(QcRequest.of(store)).plan(threads=1)
    assert dict(forecast.units) == {"samples": N, "assays": P - 2}
    assert ("leaves", "1 assays: missing above 0.5") in forecast.lines
    assert forecast.seconds is not None
    assert sorted(tmp_path.iterdir()) == before
    untimed = QcJob(QcRequest.of(store, imputation=Imputation())).plan(threads=1)
    assert untimed.seconds is None


@pytest.mark.parametrize("planned", [True, False])
def test_what_the_later_steps_cannot_do_is_refused_and_leaves_nothing(
    store: Path, tmp_path: Path, *, planned: bool
) -> None:
    def attempt(request: QcRequest) -> None:
        if planned:
            QcJob(request).plan(threads=1)
        else:
            run_job(QcJob(request), Output(tmp_path / "left"))

    with pytest.raises(UsageError, match="99 principal components; 1 to 4 can be had"):
        attempt(QcRequest.of(store, components=99))
    with pytest.raises(InputError, match="no batches to correct for"):
        attempt(QcRequest.of(store, correction=Correction(by="batch")))
    harsh = Policy(max_missing_per_sample=0.0, max_missing_per_assay=0.0)
    with pytest.raises(NothingToDo, match="leaves none of"):
        attempt(QcRequest.of(store, policy=harsh))
    assert not (tmp_path / "left").exists()


def test_the_assessment_of_a_stopped_run_is_not_made_again(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = proteomr.qc(store, imputation=Imputation(3), out=tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(job_module, "fill_store", interrupt)
        with pytest.raises(KeyboardInterrupt):
            proteomr.qc(store, imputation=Imputation(3), out=tmp_path / "left")
    assert not is_store(tmp_path / "left")
    with pytest.raises(RunFolderError, match="unfinished run of this same request"):
        proteomr.qc(store, imputation=Imputation(3), out=tmp_path / "left")
    with monkeypatch.context() as patch:
        patch.setattr(job_module, "assess", interrupt)
        proteomr.qc(store, imputation=Imputation(3), out=tmp_path / "left", resume=True)
    assert content_of(tmp_path / "left") == content_of(whole.where)


def interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_what_lies_beside_the_files_of_a_store_changes_no_request(store: Path) -> None:
    before = digest_request(QcRequest.of(store))
    proteomr.qc(store, out=store / "clean")
    (store / "notes.txt").write_text("mine")
    assert digest_request(QcRequest.of(store)) == before
    assert proteomr.qc(store, out=store / "clean", resume=True).manifest is None


def test_what_is_no_store_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="is no store; make one with proteomr ingest"):
        QcRequest.of(tmp_path / "nowhere")
    with pytest.raises(RunFolderError, match=r"holds no manifest\.json: no store"):
        QcRequest.of(tmp_path)


def test_an_altered_store_is_refused(store: Path, tmp_path: Path) -> None:
    samples = pl.read_parquet(store / "samples.parquet")
    samples.with_columns(plate=pl.lit("P0")).write_parquet(store / "samples.parquet")
    with pytest.raises(InputError, match=r"samples\.parquet: was altered since it was written"):
        proteomr.qc(store, out=tmp_path / "left")
    assert not (tmp_path / "left").exists()


def test_two_runs_into_one_folder_exclude_each_other(store: Path, tmp_path: Path) -> None:
    with (
        Ledger.open(tmp_path / "left", request={"other": 1}),
        pytest.raises(RunFolderError, match="in use"),
    ):
        proteomr.qc(store, out=tmp_path / "left")


def test_what_is_not_its_own_is_never_replaced(store: Path, tmp_path: Path) -> None:
    proteomr.qc(store, out=tmp_path / "left")
    (tmp_path / "left" / "loadings.parquet").write_text("mine")
    with pytest.raises(RunFolderError, match=r"not proteomr's \(loadings\.parquet\)"):
        proteomr.qc(store, out=tmp_path / "left", components=2, overwrite=True)
    assert (tmp_path / "left" / "loadings.parquet").read_text() == "mine"


@pytest.mark.parametrize("resume", [True, False])
def test_a_run_stopped_before_any_change_of_the_disk_gives_the_same_bytes(
    store: Path, tmp_path: Path, *, resume: bool
) -> None:
    job = QcJob(QcRequest.of(store, imputation=Imputation(3)))

    def run(out: Path, *, again: bool) -> None:
        run_job(job, Output(out, resume=again and resume, overwrite=again and not resume))

    def check(out: Path) -> None:
        if is_store(out):
            assert read_store(out).assays.height == P - 2

    check_stops(tmp_path, run, least=100, between=check)
