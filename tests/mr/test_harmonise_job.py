"""`harmonise` as a job: the same from Python and the shell, whole or absent, resumed or not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal
from proteomr_cli import main

import proteomr
from proteomr.io.sumstats import ReadOptions
from proteomr.mr.harmonise_job import HarmoniseJob
from proteomr.mr.pairing import HarmoniseRequest
from proteomr.runs import Output, digest_request, run_job
from tests.mr.studies import make_studies, write_studies
from tests.runs.stopping import check_stops


def run_shell(*arguments: object) -> None:
    with pytest.raises(SystemExit) as left:
        main.run([str(argument) for argument in arguments])
    assert not left.value.code


def test_the_request_is_that_of_the_shell(tmp_path: Path) -> None:
    files = write_studies(tmp_path, exposures=1, outcomes=2, m=4)
    out = tmp_path / "out"
    mapped = ("--exposure-map", "eaf=eaf", "--exposure-build", "GRCh38", "--exposure-trait", "x")
    run_shell("harmonise", *files, *mapped, "--action", 3, "--tolerance", 0.1, "-o", out)
    request = HarmoniseRequest.of(
        *files,
        read_exposure=ReadOptions(columns={"eaf": "eaf"}, build="GRCh38"),
        exposure_trait="x",
        action=3,
        tolerance=0.1,
    )
    written = json.loads((out / "manifest.json").read_text())
    assert written["request_sha256"] == digest_request(request)
    assert digest_request(request) != digest_request(HarmoniseRequest.of(*files))
    again = (*mapped, "--action", 3, "--tolerance", 0.1, "--resume")
    run_shell("harmonise", *files, *again, "-o", out)


def test_frames_give_what_their_files_give(tmp_path: Path) -> None:
    files = write_studies(tmp_path, exposures=2, outcomes=2, m=4)
    frames = make_studies(exposures=2, outcomes=2, m=4)
    from_files = proteomr.harmonise(*files)
    from_frames = proteomr.harmonise(*frames)
    for name in ("harmonised", "frequencies", "drops"):
        assert_frame_equal(from_files.table(name), from_frames.table(name), check_exact=True)
    named = proteomr.harmonise(*frames, columns="twosamplemr")
    assert "beta.exposure" in named.table().columns


def test_a_plan_says_what_would_stay_and_writes_nothing(tmp_path: Path) -> None:
    files = write_studies(tmp_path, exposures=1, outcomes=1, m=6)
    before = sorted(tmp_path.iterdir())
    forecast = HarmoniseJob(HarmoniseRequest.of(*files)).plan(threads=1)
    assert forecast.units["variants"] == 6
    assert ("matched", "5 of 6 variants found by name") in forecast.lines
    run_shell("harmonise", *files, "--dry-run", "-o", tmp_path / "out")
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_run_stopped_before_any_change_of_the_disk_gives_the_same_bytes(
    tmp_path: Path, *, overwrite: bool
) -> None:
    files = write_studies(tmp_path, exposures=1, outcomes=1, m=3)
    job = HarmoniseJob(HarmoniseRequest.of(*files))

    def run(out: Path, *, again: bool) -> None:
        run_job(job, Output(out, resume=again and not overwrite, overwrite=again and overwrite))

    check_stops(tmp_path, run, least=20)
