"""`gwas munge`, `clump` and `leads` as jobs: the same from Python and shell, whole or absent."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from proteomr_cli import main

import proteomr
from proteomr.errors import RunFolderError, UsageError
from proteomr.gwas import (
    ClumpJob,
    ClumpRequest,
    LeadsJob,
    LeadsRequest,
    MungeJob,
    MungeRequest,
    clump,
    leads,
)
from proteomr.gwas.clumping import Clumping
from proteomr.gwas.policy import VariantPolicy
from proteomr.io.sumstats import ReadOptions, Selection, parse_region
from proteomr.runs import Ledger, Output, digest_request, read_stamp, run_job
from tests.runs.stopping import check_stops

ROWS = [f"rs{i} 1 {1000 + i} A G 0.3 0.{i + 1} 0.02 900" for i in range(6)]
HEAD = "SNP chr pos effect_allele other_allele eaf beta se samplesize"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.txt"
    path.write_text("\n".join([HEAD, *ROWS, ROWS[0]]) + "\n")
    return path


@pytest.fixture
def panel(tmp_path: Path) -> Path:
    path = tmp_path / "ld.csv"
    path.write_text("rs0,rs5\n1,0.9\n0.9,1\n")
    return path


def run_shell(*arguments: object) -> None:
    with pytest.raises(SystemExit) as left:
        main.run([str(argument) for argument in arguments])
    assert not left.value.code


def digest_of(out: Path) -> str:
    written = json.loads(out.with_name(f"{out.stem}.manifest.json").read_text())
    return str(written["request_sha256"])


def test_the_request_of_munge_is_that_of_the_shell(file: Path, tmp_path: Path) -> None:
    names, out = tmp_path / "names.txt", tmp_path / "o.parquet"
    names.write_text("rs1\nrs2\n")
    options = ("--drop-palindromic", "--min-maf", 0.01, "--map", "eaf=eaf", "--trait", "t")
    where = ("--variants", names, "--region", "chr1:1,000-2000", "--build", "GRCh38")
    run_shell("gwas", "munge", file, *options, *where, "-o", out)
    policy = VariantPolicy(drop=VariantPolicy().drop | {"palindromic"}, min_maf=0.01)
    selection = Selection((parse_region("1:1000-2000"),))
    read = ReadOptions(columns={"eaf": "eaf"}, trait="t", build="GRCh38", selection=selection)
    request = MungeRequest.of(file, read=read, policy=policy, variants=names)
    assert digest_of(out) == digest_request(request)
    assert digest_request(request) != digest_request(MungeRequest.of(file))


def test_the_requests_of_clump_and_leads_are_those_of_the_shell(
    file: Path, panel: Path, tmp_path: Path
) -> None:
    out = tmp_path / "o.parquet"
    run_shell("gwas", "clump", file, "--ld", panel, "--p1", 0.01, "--kb", 50, "-o", out)
    clumping = Clumping(p1=0.01, kb=50)
    assert digest_of(out) == digest_request(ClumpRequest.of(file, panel, clumping=clumping))
    run_shell("gwas", "leads", file, "--p", 0.01, "--distance-kb", 2, "--overwrite", "-o", out)
    asked = LeadsRequest.of(file, p_value=0.01, distance_bp=2000)
    assert digest_of(out) == digest_request(asked)


def test_frames_give_what_their_files_give(file: Path, panel: Path, tmp_path: Path) -> None:
    frame = pl.read_csv(file, separator=" ")
    on_disk = proteomr.munge(file, out=tmp_path / "o.parquet", read=ReadOptions(trait="t"))
    in_memory = proteomr.munge(frame.to_pandas(), read=ReadOptions(trait="t"))
    assert_frame_equal(on_disk.table(), in_memory.table(), check_exact=True)
    assert on_disk.names == in_memory.names == ("sumstats", "drops", "report")
    assert read_stamp(tmp_path / "o.parquet")["schema"].startswith("sumstats/")
    matrix = pl.read_csv(panel)
    read, clumping = ReadOptions(trait="t"), Clumping(r2=0.1)
    one, other = (
        clump(study, ld, read=read, clumping=clumping)
        for study, ld in ((file, panel), (frame, matrix))
    )
    assert_frame_equal(one.table("clumps"), other.table("clumps"), check_exact=True)
    found = [leads(study, read=read).table() for study in (file, frame)]
    assert_frame_equal(*found, check_exact=True)


def test_plans_say_what_would_stay_and_write_nothing(
    file: Path, panel: Path, tmp_path: Path
) -> None:
    before = sorted(tmp_path.iterdir())
    munged = MungeJob(MungeRequest.of(file)).plan(threads=1)
    assert dict(munged.units) == {"rows": 7, "kept": 6}
    assert ("left out", "1 repeated") in munged.lines
    clumped = ClumpJob(ClumpRequest.of(file, panel)).plan(threads=1)
    assert dict(clumped.units) == {"variants": 6, "clumps": 1}
    led = LeadsJob(LeadsRequest.of(file)).plan(threads=1)
    assert dict(led.units) == {"variants": 6, "leads": 1}
    for command in (("munge", file), ("clump", file, "--ld", panel), ("leads", file)):
        run_shell("gwas", *command, "--dry-run", "-o", tmp_path / "o.parquet")
    assert sorted(tmp_path.iterdir()) == before


def test_a_sidecar_is_an_input(tmp_path: Path, file: Path) -> None:
    before = digest_request(LeadsRequest.of(file))
    (tmp_path / "a.yaml").write_text("genome_assembly: GRCh37\n")
    assert digest_request(LeadsRequest.of(file)) != before


def test_what_is_not_its_own_is_never_replaced(file: Path, tmp_path: Path) -> None:
    (tmp_path / "o.report.tsv").write_text("mine")
    with pytest.raises(RunFolderError, match=r"not proteomr's \(o\.report\.tsv\)"):
        proteomr.munge(file, out=tmp_path / "o.parquet", overwrite=True)
    assert (tmp_path / "o.report.tsv").read_text() == "mine"
    for name in ("o.csv", "o"):
        with pytest.raises(UsageError, match=r"end its name in \.parquet"):
            leads(file, out=tmp_path / name)


def test_two_runs_into_one_file_exclude_each_other(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "o.parquet"
    with (
        Ledger.open(out, request={"other": 1}, main="sumstats", as_file=True),
        pytest.raises(RunFolderError, match="in use"),
    ):
        proteomr.munge(file, out=out)


def test_munge_stopped_before_any_change_of_the_disk_gives_the_same_bytes(
    file: Path, tmp_path: Path
) -> None:
    job = MungeJob(MungeRequest.of(file))

    def run(folder: Path, *, again: bool) -> None:
        folder.mkdir(exist_ok=True)
        run_job(job, Output(folder / "o.parquet", resume=again))

    check_stops(tmp_path, run, least=20)
