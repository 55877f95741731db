"""What was finished is kept, resumed runs give the same bytes, nothing foreign is touched."""

from __future__ import annotations

import contextlib
import json
import shutil
import stat
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from proteomr.errors import ColumnError, InputError, RunFolderError, StorageError
from proteomr.execute import Shard
from proteomr.provenance import Manifest
from proteomr.runs import Ledger, read_request, read_stamp
from proteomr.runs.notes import add_note, collect_notes
from proteomr.runs.request import digest_asked
from proteomr.tables import Drop
from tests.runs.stopping import Killed, check_stops, content_of, forget_process, stop_before

REQUEST: dict[str, object] = {"exposure": ["iso"], "seed": 1, "inputs": {"samples": "abc"}}
BLOCKS = 7


def block(index: int) -> pl.DataFrame:
    return pl.DataFrame({"protein": [f"P{index}"], "estimate": [index / 7], "message": [None]})


def compute(run: Ledger, *, shard: Shard | None = None, stop_after: int | None = None) -> None:
    waiting = run.parts.pending(BLOCKS)
    chosen = set(shard.select(range(BLOCKS))) if shard else set(range(BLOCKS))
    for index in [index for index in waiting if index in chosen][:stop_after]:
        run.parts.save(index, {"fits": block(index)})


def write_results(run: Ledger) -> None:
    parts = [part["fits"] for part in run.parts.load_all(BLOCKS)]
    run.write_table("fits", pl.concat(parts))
    run.write_json("figures/one.json", {"n": BLOCKS})
    run.finish(Manifest(command="demo", started="2026-01-01T00:00:00Z"))


def names_in(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def interrupted_run(folder: Path, *, after: int) -> None:
    with Ledger.open(folder, request=REQUEST) as run:
        compute(run, stop_after=after)
        raise KeyboardInterrupt


@pytest.fixture
def whole(tmp_path: Path) -> dict[str, bytes]:
    with Ledger.open(tmp_path / "whole", request=REQUEST) as run:
        compute(run)
        write_results(run)
    return content_of(tmp_path / "whole")


def test_a_finished_run_holds_its_results_and_neither_parts_nor_lock(
    whole: dict[str, bytes], tmp_path: Path
) -> None:
    names = ["drops.tsv", "figures", "fits.parquet", "manifest.json"]
    assert names_in(tmp_path / "whole") == names
    table = pl.read_parquet(tmp_path / "whole" / "fits.parquet")
    assert table["estimate"].to_list() == [index / 7 for index in range(BLOCKS)]


def test_nothing_is_readable_by_others(whole: dict[str, bytes], tmp_path: Path) -> None:
    folder = tmp_path / "whole"
    modes = {stat.S_IMODE(file.stat().st_mode) for file in folder.rglob("*") if file.is_file()}
    assert modes == {0o600}
    assert stat.S_IMODE((folder / "figures").stat().st_mode) == 0o700
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_run_resumed_after_an_exception_gives_the_same_bytes(
    whole: dict[str, bytes], tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupted_run(tmp_path / "out", after=5)
    with Ledger.open(tmp_path / "out", request=REQUEST, resume=True) as run:
        assert run.parts.pending(BLOCKS) == list(range(5, BLOCKS))
        compute(run)
        write_results(run)
    assert content_of(tmp_path / "out") == whole


def run_whole(out: Path, *, seed: int = 1, **options: Any) -> None:
    with Ledger.open(out, request={**REQUEST, "seed": seed}, main="fits", **options) as run:
        run.claim("log.txt").write_text("begun")
        compute(run)
        if not run.finished:
            write_results(run)


def count_changes(out: Path, **options: Any) -> int:
    with pytest.MonkeyPatch.context() as patch:
        count = stop_before(10**9, patch)
        run_whole(out, **options)
    return count()


@pytest.mark.parametrize("option", ["resume", "overwrite"])
@pytest.mark.parametrize("as_file", [False, True])
def test_a_run_stopped_before_any_change_of_the_disk_gives_the_same_bytes(
    tmp_path: Path, *, as_file: bool, option: str
) -> None:
    name = "t.parquet" if as_file else "."

    def run(folder: Path, *, again: bool) -> None:
        run_whole(folder / name, as_file=as_file, **({option: True} if again else {}))

    # What a stop leaves does not depend on the option: each is gone on with, a third replaced.
    check_stops(tmp_path, run, least=60, usual=1_000 if option == "resume" else 30)


def test_a_replaced_result_stands_or_the_new_one_whatever_stops_the_run(tmp_path: Path) -> None:
    run_whole(tmp_path / "old")
    run_whole(tmp_path / "new", seed=2)
    old, new = content_of(tmp_path / "old"), content_of(tmp_path / "new")
    shutil.copytree(tmp_path / "old", tmp_path / "counted")
    changes = count_changes(tmp_path / "counted", seed=2, overwrite=True)
    for change in range(1, changes + 1, 3):
        out = tmp_path / str(change)
        shutil.copytree(tmp_path / "old", out)
        with pytest.MonkeyPatch.context() as patch, contextlib.suppress(Killed):
            stop_before(change, patch)
            run_whole(out, seed=2, overwrite=True)
        results = {n: c for n, c in content_of(out).items() if n in old}
        complete = "manifest.json" in results
        assert not complete or results in (old, new), f"stopped before change {change}"
        forget_process(out)
        run_whole(out, seed=2, overwrite=True)
        assert content_of(out) == new


@pytest.mark.parametrize("fault", [KeyboardInterrupt, StorageError])
def test_a_commit_that_an_error_stops_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: type[BaseException]
) -> None:
    def stop(*_: object) -> None:
        raise fault

    def write_new() -> None:
        with Ledger.open(tmp_path / "out", request={"seed": 2}, overwrite=True) as run:
            run.write_text("fits.tsv", "new")
            run.finish(Manifest(command="demo"))

    run_whole(tmp_path / "out")
    with monkeypatch.context() as patch:
        patch.setattr("proteomr.runs.opening._move", stop)
        with pytest.raises(fault):
            write_new()
    assert not (tmp_path / "out" / "manifest.json").exists()
    with Ledger.open(tmp_path / "out", request={"seed": 2}, resume=True) as run:
        assert run.finished
    assert (tmp_path / "out" / "fits.tsv").read_text() == "new"


def test_a_torn_or_altered_part_is_computed_again(tmp_path: Path) -> None:
    with Ledger.open(tmp_path, request=REQUEST) as run:
        compute(run)
        parts = tmp_path / "parts"
        torn = (parts / "part-00003-fits.parquet").read_bytes()
        (parts / "part-00003-fits.parquet").write_bytes(torn[:-1])
        (parts / "part-00004.json").unlink()
        (parts / "part-00005.json").write_text('{"fits": "00"}')
        (parts / "part-00006-fits.parquet").unlink()
        assert run.parts.pending(BLOCKS) == [3, 4, 5, 6]
        assert [run.parts.load(index) for index in (3, 4, 5, 6)] == [None] * 4


def test_shards_share_a_folder_and_merge_to_the_bytes_of_one_run(
    whole: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shards = [Shard(index, 3) for index in (1, 2, 3)]
    runs = [Ledger.open(out, request=REQUEST, shard=shard) for shard in shards]
    for run, shard in zip(runs, shards, strict=True):
        compute(run, shard=shard)
        run.finish(Manifest(command="demo"))
    assert (out / "parts" / "request.json").exists()
    assert read_request(out) == REQUEST
    with Ledger.open(out, request=read_request(out), resume=True) as run:
        assert run.parts.pending(BLOCKS) == []
        write_results(run)
    assert content_of(out) == whole


def test_two_shards_of_the_same_number_exclude_each_other(tmp_path: Path) -> None:
    with (
        Ledger.open(tmp_path, request=REQUEST, shard=Shard(1, 2)),
        pytest.raises(RunFolderError, match="in use by another run"),
    ):
        Ledger.open(tmp_path, request=REQUEST, shard=Shard(1, 2))


def test_a_whole_run_and_a_shard_exclude_each_other(tmp_path: Path) -> None:
    with (
        Ledger.open(tmp_path, request=REQUEST, shard=Shard(1, 2)),
        pytest.raises(RunFolderError, match="in use"),
    ):
        Ledger.open(tmp_path, request=REQUEST, resume=True)
    with (
        Ledger.open(tmp_path, request=REQUEST, resume=True),
        pytest.raises(RunFolderError, match="in use"),
    ):
        Ledger.open(tmp_path, request=REQUEST, shard=Shard(1, 2))


def test_a_shard_of_another_request_is_refused(tmp_path: Path) -> None:
    with (
        Ledger.open(tmp_path, request=REQUEST, shard=Shard(1, 2)),
        pytest.raises(RunFolderError, match=r"another request \(differs in seed\)"),
    ):
        Ledger.open(tmp_path, request={**REQUEST, "seed": 2}, shard=Shard(2, 2))


def test_an_unfinished_run_asks_for_resume_or_overwrite(tmp_path: Path) -> None:
    with Ledger.open(tmp_path, request=REQUEST) as run:
        compute(run, stop_after=2)
    with pytest.raises(RunFolderError, match="--resume, or begin again with --overwrite"):
        Ledger.open(tmp_path, request=REQUEST)


def test_a_run_that_had_not_finished_a_block_begins_again_unasked(tmp_path: Path) -> None:
    with Ledger.open(tmp_path, request=REQUEST) as run:
        run.write_text("half.txt", "of a result")
    with Ledger.open(tmp_path, request={**REQUEST, "seed": 2}) as run:
        run.finish(Manifest(command="demo"))
    assert names_in(tmp_path) == ["drops.tsv", "manifest.json"]


@pytest.mark.parametrize("fault", [InputError("spoilt"), KeyboardInterrupt()])
def test_a_run_that_fails_before_its_first_block_leaves_nothing(
    tmp_path: Path, fault: BaseException
) -> None:
    out = tmp_path / "out"
    with contextlib.suppress(type(fault)), Ledger.open(out, request=REQUEST) as run:
        run.claim("log.txt").write_text("begun")
        run.write_text("half.txt", "of a result")
        raise fault
    assert not out.exists()


def test_a_fault_of_proteomrs_own_leaves_its_log_and_hinders_no_other_run(tmp_path: Path) -> None:
    with contextlib.suppress(ZeroDivisionError), Ledger.open(tmp_path, request=REQUEST) as run:
        run.claim("log.txt").write_text("the traceback")
        raise ZeroDivisionError
    assert (tmp_path / "log.txt").read_text() == "the traceback"
    with Ledger.open(tmp_path, request={**REQUEST, "seed": 2}) as run:
        run.finish(Manifest(command="demo"))
    assert names_in(tmp_path) == ["drops.tsv", "log.txt", "manifest.json"]


def test_an_interrupt_after_all_is_written_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
        patch.setattr("proteomr.runs.opening._move", interrupt)
        with Ledger.open(tmp_path, request=REQUEST) as run:
            run.write_text("half.txt", "of a result")
            run.finish(Manifest(command="demo"))
    with Ledger.open(tmp_path, request=REQUEST) as run:
        assert run.finished
    assert (tmp_path / "half.txt").read_text() == "of a result"


def test_resuming_another_request_names_what_differs(tmp_path: Path) -> None:
    with Ledger.open(tmp_path, request=REQUEST) as run:
        compute(run, stop_after=1)
    other = {**REQUEST, "exposure": ["lo"], "firth": True}
    with pytest.raises(RunFolderError, match=r"differs in exposure, firth\).*--overwrite"):
        Ledger.open(tmp_path, request=other, resume=True)


def test_a_finished_result_is_not_overwritten_unasked(
    whole: dict[str, bytes], tmp_path: Path
) -> None:
    with pytest.raises(RunFolderError, match=r"finished result; .*--overwrite"):
        Ledger.open(tmp_path / "whole", request=REQUEST)
    with pytest.raises(RunFolderError, match=r"another request \(differs in seed\)"):
        Ledger.open(tmp_path / "whole", request={**REQUEST, "seed": 2}, resume=True)
    assert content_of(tmp_path / "whole") == whole


def test_resuming_a_finished_run_finds_nothing_to_do(
    whole: dict[str, bytes], tmp_path: Path
) -> None:
    with Ledger.open(tmp_path / "whole", request=REQUEST, resume=True) as run:
        assert run.finished
        assert run.parts.pending(BLOCKS) == []
        run.finish(Manifest(command="demo"))
    assert content_of(tmp_path / "whole") == whole


def test_resuming_a_finished_run_with_an_altered_table_computes_it_again(
    whole: dict[str, bytes], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "whole" / "fits.parquet").write_bytes(b"altered")
    with Ledger.open(tmp_path / "whole", request=REQUEST, resume=True) as run:
        assert run.parts.pending(BLOCKS) == list(range(BLOCKS))
        compute(run)
        write_results(run)
    assert content_of(tmp_path / "whole") == whole
    assert "altered since it was written" in caplog.text


def test_a_manifest_that_names_what_no_disk_holds_is_of_no_whole_run(
    whole: dict[str, bytes], tmp_path: Path
) -> None:
    del whole
    manifest = tmp_path / "whole" / "manifest.json"
    manifest.write_text(manifest.read_text("utf-8").replace("fits.parquet", "f" * 3000), "utf-8")
    with Ledger.open(tmp_path / "whole", request=REQUEST, resume=True) as run:
        assert not run.finished


def test_overwriting_keeps_the_old_result_until_the_new_one_is_complete(
    whole: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "whole"
    with Ledger.open(out, request={"seed": 9}, overwrite=True) as run:
        run.parts.save(0, {"fits": block(0)})
        run.write_text("fits.parquet", "new")
        assert content_of(out)["fits.parquet"] == whole["fits.parquet"]
        run.finish(Manifest(command="demo"))
    assert names_in(out) == ["drops.tsv", "figures", "fits.parquet", "manifest.json"]
    assert names_in(out / "figures") == []


def test_overwriting_an_unfinished_run_drops_its_parts(tmp_path: Path) -> None:
    with Ledger.open(tmp_path, request=REQUEST) as run:
        compute(run, stop_after=3)
    with Ledger.open(tmp_path, request=REQUEST, overwrite=True) as run:
        assert run.parts.pending(3) == [0, 1, 2]


@pytest.mark.parametrize(("resume", "overwrite"), [(False, False), (True, False), (False, True)])
def test_a_folder_of_foreign_files_is_refused_and_left_alone(
    tmp_path: Path, *, resume: bool, overwrite: bool
) -> None:
    (tmp_path / "thesis.docx").write_text("years of work")
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "engine.step").write_text("a drawing")
    with pytest.raises(RunFolderError, match="2 files that are not proteomr's"):
        Ledger.open(tmp_path, request=REQUEST, resume=resume, overwrite=overwrite)
    assert names_in(tmp_path) == ["parts", "thesis.docx"]


def test_empty_folders_are_nobodys_files(tmp_path: Path) -> None:
    inner = tmp_path / "gwas" / "inner"  # as workflows make for outputs to come
    inner.mkdir(parents=True)
    (inner / "note.txt").write_text("mine")
    with pytest.raises(RunFolderError, match=r"not proteomr's \(gwas\)"):
        Ledger.open(tmp_path, request=REQUEST, overwrite=True)
    (inner / "note.txt").unlink()
    with Ledger.open(tmp_path, request=REQUEST) as run:
        assert run.parts.pending(3) == [0, 1, 2]


def test_overwriting_and_finishing_leave_foreign_files_alone(
    whole: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "whole"
    (out / "notes.txt").write_text("mine")
    with Ledger.open(out, request={"seed": 9}, overwrite=True) as run:
        (out / "parts" / "mine.txt").write_text("mine too")
        with pytest.raises(RunFolderError, match=r"notes\.txt: was not written by proteomr"):
            run.write_text("notes.txt", "theirs")
        run.finish(Manifest(command="demo"))
    assert (out / "notes.txt").read_text() == "mine"
    assert (out / "parts" / "mine.txt").read_text() == "mine too"


def test_a_log_may_grow_after_the_run_was_recorded(tmp_path: Path) -> None:
    with Ledger.open(tmp_path, request=REQUEST) as run:
        log = run.claim("log.txt")
        log.write_text("begun\n")
        run.finish(Manifest(command="demo"))
    log.write_text("begun\nended\n")
    with Ledger.open(tmp_path, request=REQUEST, resume=True) as run:
        assert run.finished


@pytest.mark.parametrize("name", ["", "../x", "a/../b", "/a", ".b", "a/.b", "parts/x", "nul\0"])
def test_a_result_has_a_plain_name(tmp_path: Path, name: str) -> None:
    with (
        Ledger.open(tmp_path, request=REQUEST) as run,
        pytest.raises(ValueError, match="not the name of a result"),
    ):
        run.write_text(name, "x")


def test_a_path_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("x")
    with pytest.raises(RunFolderError, match="is a file; choose a folder"):
        Ledger.open(tmp_path / "out", request=REQUEST)
    with pytest.raises(StorageError, match="part of the path is a file"):
        Ledger.open(tmp_path / "out" / "deeper", request=REQUEST)


def test_a_parent_that_cannot_be_written_is_named() -> None:
    with pytest.raises(StorageError, match=r"/proc/out: .*; "):
        Ledger.open("/proc/out", request=REQUEST)


def test_a_refused_run_leaves_no_new_folder(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="not JSON"):
        Ledger.open(tmp_path / "out", request={"a": {1}})
    assert not (tmp_path / "out").exists()


def test_a_linked_result_is_refused_and_its_target_left_alone(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("precious")
    with Ledger.open(tmp_path / "out", request=REQUEST) as run:
        (tmp_path / "out" / "hits.tsv").symlink_to(elsewhere)
        with pytest.raises(RunFolderError, match="not written by proteomr"):
            run.write_text("hits.tsv", "x")
    assert elsewhere.read_text() == "precious"


def test_a_linked_parts_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "parts").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunFolderError, match="symbolic link"):
        Ledger.open(tmp_path / "out", request=REQUEST)


def test_tables_are_written_in_each_format(tmp_path: Path) -> None:
    frame = pl.DataFrame({"protein": ["A"], "estimate": [0.1], "message": [None]})
    with Ledger.open(tmp_path, request=REQUEST, formats=("parquet", "csv", "tsv")) as run:
        run.write_table("t", frame)
        run.finish(Manifest(command="demo"))
    assert (tmp_path / "t.csv").read_text() == "protein,estimate,message\nA,0.1,\n"
    assert (tmp_path / "t.tsv").read_text() == "protein\testimate\tmessage\nA\t0.1\t\n"
    assert pl.read_parquet(tmp_path / "t.parquet").equals(frame)


def test_a_table_says_what_made_it_and_is_held_against_its_schema(tmp_path: Path) -> None:
    with Ledger.open(tmp_path, request={**REQUEST, "command": "demo"}) as run:
        run.write_table("drops", pl.DataFrame({"step": ["load"], "reason": ["gone"], "n": [3]}))
        with pytest.raises(ColumnError, match="no column 'n'"):
            run.write_table("drops", pl.DataFrame({"step": ["load"], "reason": ["gone"]}))
        run.finish(Manifest(command="demo"))
    stamp = read_stamp(tmp_path / "drops.parquet")
    assert stamp["request"] == digest_asked({**REQUEST, "command": "demo", "inputs": {}})
    assert stamp["schema"] == "drops/1"
    assert stamp["producer"].endswith(" demo")


def test_equal_tables_give_equal_bytes_whatever_their_chunks(tmp_path: Path) -> None:
    frame = pl.concat([block(index) for index in range(BLOCKS)], rechunk=False)
    with Ledger.open(tmp_path, request=REQUEST) as run:
        run.write_table("one", frame)
        run.write_table("two", frame.rechunk())
        run.finish(Manifest(command="demo"))
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()


def test_a_file_owns_what_bears_its_stem_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "other.counts.tsv").write_text("mine")
    (tmp_path / "cohort.csv").write_text("mine")
    out = tmp_path / "cohort.parquet"
    with Ledger.open(out, request=REQUEST, main="people", as_file=True) as run:
        run.write_table("people", pl.DataFrame({"n": [1]}))
        run.write_table("counts", pl.DataFrame({"n": [1]}), formats=("tsv",))
        run.finish(Manifest(command="demo"))
    beside = ["cohort.counts.tsv", "cohort.drops.tsv", "cohort.manifest.json", "cohort.parquet"]
    assert names_in(tmp_path) == sorted([*beside, "cohort.csv", "other.counts.tsv"])
    with Ledger.open(out, request=REQUEST, main="people", as_file=True, resume=True) as run:
        assert list(run.list_tables()) == ["people", "counts", "drops"]
    forms: dict[str, Any] = {"formats": ("parquet", "csv"), "overwrite": True}
    with pytest.raises(RunFolderError, match=r"not proteomr's \(cohort\.csv\)"):
        Ledger.open(out, request=REQUEST, main="people", as_file=True, **forms)


def test_a_file_of_another_among_the_results_is_refused_before_the_work(tmp_path: Path) -> None:
    with Ledger.open(tmp_path, request=REQUEST) as run:
        run.finish(Manifest(command="demo"))
    (tmp_path / "estimates.parquet").write_text("precious")
    with pytest.raises(RunFolderError, match=r"not proteomr's \(estimates\.parquet\)"):
        Ledger.open(tmp_path, request={"seed": 9}, results=["estimates.parquet"], overwrite=True)
    assert (tmp_path / "estimates.parquet").read_text() == "precious"


@pytest.mark.parametrize("name", ["gwas/exposure.parquet", "estimates.parquet"])
def test_a_file_or_link_of_another_in_any_folder_is_refused_before_the_work(
    tmp_path: Path, name: str
) -> None:
    with Ledger.open(tmp_path, request=REQUEST) as run:
        run.finish(Manifest(command="demo"))
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).symlink_to(tmp_path / "nowhere")
    with pytest.raises(RunFolderError, match=rf"not proteomr's \({name}\)"):
        Ledger.open(tmp_path, request={"seed": 9}, results=[name], overwrite=True)
    assert (tmp_path / name).is_symlink()


def test_tables_of_subfolders_are_listed_by_folder_and_name(tmp_path: Path) -> None:
    with Ledger.open(tmp_path, request=REQUEST, main="fits") as run:
        run.write_table("gwas/exposure", block(1))
        run.write_table("fits", block(2))
        run.finish(Manifest(command="demo"))
    with Ledger.open(tmp_path, request=REQUEST, main="fits", resume=True) as run:
        assert list(run.list_tables()) == ["fits", "gwas/exposure", "drops"]


@pytest.mark.parametrize("content", ["{}", "[]", "not JSON", '{"request": {}, "outputs": []}'])
def test_a_manifest_of_another_makes_nothing_proteomrs_own(tmp_path: Path, content: str) -> None:
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(RunFolderError, match="not proteomr's"):
        Ledger.open(tmp_path, request=REQUEST, overwrite=True)
    assert (tmp_path / "manifest.json").read_text() == content


def test_a_closed_run_writes_nothing(tmp_path: Path) -> None:
    with Ledger.open(tmp_path, request=REQUEST) as run:
        run.finish(Manifest(command="demo"))
    with pytest.raises(RuntimeError, match="closed"):
        run.write_text("late.txt", "x")


def test_the_manifest_holds_the_request_and_the_digests(tmp_path: Path) -> None:
    run_whole(tmp_path)
    facts = json.loads((tmp_path / "manifest.json").read_text())
    assert facts["request"] == REQUEST
    names = [entry["name"] for entry in facts["outputs"]]
    assert names == ["drops.tsv", "figures/one.json", "fits.parquet"]
    assert facts["beside"] == ["log.txt"]


def test_logs_of_shards_survive_the_merge(tmp_path: Path) -> None:
    with Ledger.open(tmp_path, request=REQUEST, shard=Shard(1, 2)) as run:
        compute(run, stop_after=1)
        run.claim("log-1-of-2.txt").write_text("done\n")
    with Ledger.open(tmp_path, request=REQUEST, resume=True) as run:
        run.finish(Manifest(command="demo"))
    assert names_in(tmp_path) == ["drops.tsv", "log-1-of-2.txt", "manifest.json"]
    with Ledger.open(tmp_path, request=REQUEST, resume=True) as run:
        assert run.finished


def test_a_result_of_the_replaced_run_that_is_not_written_again_is_dropped(tmp_path: Path) -> None:
    with Ledger.open(tmp_path, request=REQUEST) as run:
        run.write_text("fits.csv", "")
        run.finish(Manifest(command="demo"))
    with Ledger.open(tmp_path, request=REQUEST, overwrite=True) as run:
        run.write_text("fits.tsv", "")
        run.finish(Manifest(command="demo"))
    assert names_in(tmp_path) == ["drops.tsv", "fits.tsv", "manifest.json"]


def test_what_was_left_out_is_counted(tmp_path: Path) -> None:
    with Ledger.open(tmp_path, request=REQUEST) as run:
        run.count_drops([Drop("load", "withdrawn", 3), Drop("load", "repeated", 0)])
        run.finish(Manifest(command="demo"))
    assert (tmp_path / "drops.tsv").read_text() == "step\treason\tn\nload\twithdrawn\t3\n"


def test_what_a_killed_process_said_of_the_files_is_told_by_the_one_that_goes_on(
    tmp_path: Path,
) -> None:
    with collect_notes(), Ledger.open(tmp_path, request={"seed": 1}) as first:
        add_note("a.csv: ends without a line break")
        first.parts.save(0, {"fits": pl.DataFrame({"n": [1]})})
        add_note("said after the last block that was kept")
    with collect_notes(), Ledger.open(tmp_path, request={"seed": 1}, resume=True) as second:
        add_note("b.csv: ends without a line break")
        add_note("a.csv: ends without a line break")
        second.parts.save(1, {"fits": pl.DataFrame({"n": [2]})})
        assert second.parts.recall_notes() == [
            "a.csv: ends without a line break",
            "b.csv: ends without a line break",
        ]
    kept = tmp_path / "parts" / "notes.json"
    kept.write_text(kept.read_text().replace(first.digest, "0" * 64))  # copied from another run
    with Ledger.open(tmp_path, request={"seed": 1}, resume=True) as third:
        assert third.parts.recall_notes() == []
        third.finish(Manifest(command="demo"))
    assert not kept.exists()
