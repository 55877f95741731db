"""What was finished is kept, resumed runs give the same bytes, nothing foreign is touched."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from proteomr.errors import RunFolderError, StorageError
from proteomr.execute import Shard
from proteomr.runs import RunFolder, read_request

REQUEST: dict[str, object] = {"exposure": ["iso"], "seed": 1, "inputs": {"samples": "abc"}}
BLOCKS = 12


def block(index: int) -> pl.DataFrame:
    return pl.DataFrame({"protein": [f"P{index}"], "estimate": [index / 7], "message": [None]})


def compute(run: RunFolder, *, shard: Shard | None = None, stop_after: int | None = None) -> None:
    waiting = run.pending(BLOCKS)
    chosen = set(shard.select(range(BLOCKS))) if shard else set(range(BLOCKS))
    for index in [index for index in waiting if index in chosen][:stop_after]:
        run.save_part(index, block(index))


def write_results(run: RunFolder) -> None:
    parts = [run.load_part(index) for index in range(BLOCKS)]
    run.write_frame("associations", pl.concat([part for part in parts if part is not None]))
    run.write_json("manifest.json", {"n": BLOCKS})
    run.finish()


def names_in(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def interrupted_run(folder: Path, *, after: int) -> None:
    with RunFolder.open(folder, request=REQUEST) as run:
        compute(run, stop_after=after)
        raise KeyboardInterrupt


def content_of(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


@pytest.fixture
def whole(tmp_path: Path) -> dict[str, bytes]:
    with RunFolder.open(tmp_path / "whole", request=REQUEST) as run:
        compute(run)
        write_results(run)
    return content_of(tmp_path / "whole")


def test_a_finished_run_holds_its_results_and_neither_parts_nor_lock(
    whole: dict[str, bytes], tmp_path: Path
) -> None:
    assert names_in(tmp_path / "whole") == [
        ".run.json",
        "associations.parquet",
        "manifest.json",
    ]
    table = pl.read_parquet(tmp_path / "whole" / "associations.parquet")
    assert table["estimate"].to_list() == [index / 7 for index in range(BLOCKS)]


def test_nothing_is_readable_by_others(whole: dict[str, bytes], tmp_path: Path) -> None:
    folder = tmp_path / "whole"
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_run_resumed_after_an_exception_gives_the_same_bytes(
    whole: dict[str, bytes], tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupted_run(tmp_path / "out", after=5)
    with RunFolder.open(tmp_path / "out", request=REQUEST, resume=True) as run:
        assert run.pending(BLOCKS) == [5, 6, 7, 8, 9, 10, 11]
        compute(run)
        write_results(run)
    assert content_of(tmp_path / "out") == whole


KILLED_RUN = """
import os, signal, sys
import proteomr.files, proteomr.runs.layout
import test_folder as house
from pathlib import Path
from proteomr.runs import RunFolder

steps = int(sys.argv[2])

def step(function):
    def counted(*arguments, **options):
        global steps
        steps -= 1
        if steps == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)
    return counted

for name in ("rename", "replace", "unlink", "link", "mkdir", "rmdir", "fsync"):
    setattr(os, name, step(getattr(os, name)))
with RunFolder.open(sys.argv[1], request=house.REQUEST, resume=True) as run:
    house.compute(run)
    if not run.finished:
        house.write_results(run)
"""


@pytest.mark.parametrize("steps", [1, 6, 97, 103, 112, 120, 125])
def test_a_run_killed_at_any_moment_resumes_to_the_same_bytes(
    whole: dict[str, bytes], tmp_path: Path, steps: int
) -> None:
    out = tmp_path / "out"
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_RUN, str(out), str(steps)],
        env={**os.environ, "PYTHONPATH": f"{Path.cwd()}:{Path(__file__).parent}"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert killed.returncode == -9, killed.stderr
    with RunFolder.open(out, request=REQUEST, resume=True) as run:
        if not run.finished:
            compute(run)
            write_results(run)
    assert content_of(out) == whole
    assert not (out / "parts").exists()


def test_a_torn_or_altered_part_is_computed_again(tmp_path: Path) -> None:
    with RunFolder.open(tmp_path, request=REQUEST) as run:
        compute(run)
        parts = tmp_path / "parts"
        torn = (parts / "part-00003.parquet").read_bytes()
        (parts / "part-00003.parquet").write_bytes(torn[:-1])
        (parts / "part-00004.sha256").unlink()
        (parts / "part-00005.sha256").write_text("00")
        (parts / "part-00006.parquet").unlink()
        assert run.pending(BLOCKS) == [3, 4, 5, 6]
        assert [run.load_part(index) for index in (3, 4, 5, 6)] == [None] * 4


def test_shards_share_a_folder_and_merge_to_the_bytes_of_one_run(
    whole: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shards = [Shard(index, 3) for index in (1, 2, 3)]
    runs = [RunFolder.open(out, request=REQUEST, shard=shard) for shard in shards]
    for run, shard in zip(runs, shards, strict=True):
        compute(run, shard=shard)
        run.finish()
    assert (out / "parts" / "request.json").exists()
    assert read_request(out) == REQUEST
    with RunFolder.open(out, request=read_request(out), resume=True) as run:
        assert run.pending(BLOCKS) == []
        write_results(run)
    assert content_of(out) == whole


def test_two_shards_of_the_same_number_exclude_each_other(tmp_path: Path) -> None:
    with (
        RunFolder.open(tmp_path, request=REQUEST, shard=Shard(1, 2)),
        pytest.raises(RunFolderError, match="in use by another run"),
    ):
        RunFolder.open(tmp_path, request=REQUEST, shard=Shard(1, 2))


def test_a_whole_run_and_a_shard_exclude_each_other(tmp_path: Path) -> None:
    with (
        RunFolder.open(tmp_path, request=REQUEST, shard=Shard(1, 2)),
        pytest.raises(RunFolderError, match="in use"),
    ):
        RunFolder.open(tmp_path, request=REQUEST, resume=True)
    with (
        RunFolder.open(tmp_path, request=REQUEST, resume=True),
        pytest.raises(RunFolderError, match="in use"),
    ):
        RunFolder.open(tmp_path, request=REQUEST, shard=Shard(1, 2))


def test_a_shard_of_another_request_is_refused(tmp_path: Path) -> None:
    with (
        RunFolder.open(tmp_path, request=REQUEST, shard=Shard(1, 2)),
        pytest.raises(RunFolderError, match=r"another request \(differs in seed\)"),
    ):
        RunFolder.open(tmp_path, request={**REQUEST, "seed": 2}, shard=Shard(2, 2))


def test_an_unfinished_run_asks_for_resume_or_overwrite(tmp_path: Path) -> None:
    with RunFolder.open(tmp_path, request=REQUEST) as run:
        compute(run, stop_after=2)
    with pytest.raises(RunFolderError, match="--resume, or begin again with --overwrite"):
        RunFolder.open(tmp_path, request=REQUEST)


def test_resuming_another_request_names_what_differs(tmp_path: Path) -> None:
    with RunFolder.open(tmp_path, request=REQUEST):
        pass
    other = {**REQUEST, "exposure": ["lo"], "firth": True}
    with pytest.raises(RunFolderError, match=r"differs in exposure, firth\).*--overwrite"):
        RunFolder.open(tmp_path, request=other, resume=True)


def test_a_finished_result_is_not_overwritten_unasked(
    whole: dict[str, bytes], tmp_path: Path
) -> None:
    with pytest.raises(RunFolderError, match=r"finished result; .*--overwrite"):
        RunFolder.open(tmp_path / "whole", request=REQUEST)
    with pytest.raises(RunFolderError, match=r"another request \(differs in seed\)"):
        RunFolder.open(tmp_path / "whole", request={**REQUEST, "seed": 2}, resume=True)
    assert content_of(tmp_path / "whole") == whole


def test_resuming_a_finished_run_finds_nothing_to_do(
    whole: dict[str, bytes], tmp_path: Path
) -> None:
    with RunFolder.open(tmp_path / "whole", request=REQUEST, resume=True) as run:
        assert run.finished
        assert run.pending(BLOCKS) == []
        run.finish()
    assert content_of(tmp_path / "whole") == whole


def test_resuming_a_finished_run_with_an_altered_table_computes_it_again(
    whole: dict[str, bytes], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "whole" / "associations.parquet").write_bytes(b"altered")
    with RunFolder.open(tmp_path / "whole", request=REQUEST, resume=True) as run:
        assert run.pending(BLOCKS) == list(range(BLOCKS))
        compute(run)
        write_results(run)
    assert content_of(tmp_path / "whole") == whole
    assert "altered since it was written" in caplog.text


def test_overwriting_keeps_the_old_result_until_the_new_one_is_complete(
    whole: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "whole"
    with RunFolder.open(out, request={"seed": 9}, overwrite=True) as run:
        run.save_part(0, block(0))
        assert content_of(out)["associations.parquet"] == whole["associations.parquet"]
        run.write_text("drops.tsv", "step\n")
        run.finish()
    assert names_in(out) == [".run.json", "drops.tsv"]


def test_overwriting_an_unfinished_run_drops_its_parts(tmp_path: Path) -> None:
    with RunFolder.open(tmp_path, request=REQUEST) as run:
        compute(run, stop_after=3)
    with RunFolder.open(tmp_path, request=REQUEST, overwrite=True) as run:
        assert run.pending(3) == [0, 1, 2]


@pytest.mark.parametrize(("resume", "overwrite"), [(False, False), (True, False), (False, True)])
def test_a_folder_of_foreign_files_is_refused_and_left_alone(
    tmp_path: Path, *, resume: bool, overwrite: bool
) -> None:
    (tmp_path / "thesis.docx").write_text("years of work")
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "engine.step").write_text("a drawing")
    with pytest.raises(RunFolderError, match="2 files that are not proteomr's"):
        RunFolder.open(tmp_path, request=REQUEST, resume=resume, overwrite=overwrite)
    assert names_in(tmp_path) == ["parts", "thesis.docx"]


def test_overwriting_and_finishing_leave_foreign_files_alone(
    whole: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "whole"
    (out / "notes.txt").write_text("mine")
    with RunFolder.open(out, request={"seed": 9}, overwrite=True) as run:
        (out / "parts" / "mine.txt").write_text("mine too")
        with pytest.raises(RunFolderError, match=r"notes\.txt: was not written by proteomr"):
            run.write_text("notes.txt", "theirs")
        run.finish()
    assert (out / "notes.txt").read_text() == "mine"
    assert (out / "parts" / "mine.txt").read_text() == "mine too"


def test_a_log_may_grow_after_the_run_was_recorded(tmp_path: Path) -> None:
    with RunFolder.open(tmp_path, request=REQUEST) as run:
        log = run.claim("log.txt")
        log.write_text("begun\n")
        run.finish()
    log.write_text("begun\nended\n")
    with RunFolder.open(tmp_path, request=REQUEST, resume=True) as run:
        assert run.finished


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "parts", "nul\0"])
def test_a_result_has_a_plain_name(tmp_path: Path, name: str) -> None:
    with (
        RunFolder.open(tmp_path, request=REQUEST) as run,
        pytest.raises(ValueError, match="not the name of a result"),
    ):
        run.write_text(name, "x")


def test_a_path_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("x")
    with pytest.raises(RunFolderError, match="is a file; choose a folder"):
        RunFolder.open(tmp_path / "out", request=REQUEST)
    with pytest.raises(StorageError, match="part of the path is a file"):
        RunFolder.open(tmp_path / "out" / "deeper", request=REQUEST)


def test_a_parent_that_cannot_be_written_is_named() -> None:
    with pytest.raises(StorageError, match=r"/proc/out: .*; "):
        RunFolder.open("/proc/out", request=REQUEST)


def test_a_refused_run_leaves_no_new_folder(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="not JSON"):
        RunFolder.open(tmp_path / "out", request={"a": {1}})
    assert not (tmp_path / "out").exists()


def test_a_linked_result_is_refused_and_its_target_left_alone(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("precious")
    with RunFolder.open(tmp_path / "out", request=REQUEST) as run:
        (tmp_path / "out" / "drops.tsv").symlink_to(elsewhere)
        with pytest.raises(RunFolderError, match="not written by proteomr"):
            run.write_text("drops.tsv", "x")
    assert elsewhere.read_text() == "precious"


def test_a_linked_parts_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "parts").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunFolderError, match="symbolic link"):
        RunFolder.open(tmp_path / "out", request=REQUEST)


def test_tables_are_written_in_each_format(tmp_path: Path) -> None:
    frame = pl.DataFrame({"protein": ["A"], "estimate": [0.1], "message": [None]})
    with RunFolder.open(tmp_path, request=REQUEST) as run:
        assert run.write_frame("t", frame, format="csv").read_text() == (
            "protein,estimate,message\nA,0.1,\n"
        )
        assert run.write_frame("t", frame, format="tsv").read_text() == (
            "protein\testimate\tmessage\nA\t0.1\t\n"
        )
        assert pl.read_parquet(run.write_frame("t", frame)).equals(frame)


def test_equal_tables_give_equal_bytes_whatever_their_chunks(tmp_path: Path) -> None:
    frame = pl.concat([block(index) for index in range(BLOCKS)], rechunk=False)
    with RunFolder.open(tmp_path, request=REQUEST) as run:
        first = run.write_frame("one", frame).read_bytes()
        second = run.write_frame("two", frame.rechunk()).read_bytes()
    assert first == second


def test_a_closed_run_writes_nothing(tmp_path: Path) -> None:
    with RunFolder.open(tmp_path, request=REQUEST) as run:
        run.finish()
    with pytest.raises(RuntimeError, match="closed"):
        run.write_text("late.txt", "x")


def test_the_record_holds_the_request_and_the_digests(
    whole: dict[str, bytes], tmp_path: Path
) -> None:
    facts = json.loads(whole[".run.json"])
    assert facts["request"] == REQUEST
    assert sorted(facts["outputs"]) == ["associations.parquet", "manifest.json"]


def test_logs_of_shards_survive_the_merge(tmp_path: Path) -> None:
    with RunFolder.open(tmp_path, request=REQUEST, shard=Shard(1, 2)) as run:
        run.claim("log-1-of-2.txt").write_text("done\n")
    with RunFolder.open(tmp_path, request=REQUEST, resume=True) as run:
        run.write_text("drops.tsv", "")
        run.finish()
    assert names_in(tmp_path) == [".run.json", "drops.tsv", "log-1-of-2.txt"]
    with RunFolder.open(tmp_path, request=REQUEST, resume=True) as run:
        assert run.finished


def test_a_result_begun_by_a_stopped_run_and_not_written_again_is_dropped(tmp_path: Path) -> None:
    with RunFolder.open(tmp_path, request=REQUEST) as run:
        run.write_text("associations.csv", "")
    with RunFolder.open(tmp_path, request=REQUEST, resume=True) as run:
        run.write_text("associations.tsv", "")
        run.finish()
    assert names_in(tmp_path) == [".run.json", "associations.tsv"]
