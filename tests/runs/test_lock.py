"""A lock is honoured while its process lives, and taken over after."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from proteomr.errors import RunFolderError
from proteomr.runs.lock import SILENCE_SECONDS, Holder, Lock, acquire_lock, refuse_live_lock


def leave_lock(path: Path, holder: Holder, *, silent_for: float = 0.0) -> None:
    path.write_text(json.dumps(asdict(holder)))
    moment = time.time() - silent_for
    os.utime(path, (moment, moment))


def dead_process() -> int:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def test_a_lock_says_which_process_holds_it(tmp_path: Path) -> None:
    acquire_lock(tmp_path / ".lock")
    assert json.loads((tmp_path / ".lock").read_text())["process"] == os.getpid()
    with pytest.raises(RunFolderError, match=rf"process {os.getpid()}\)"):
        acquire_lock(tmp_path / ".lock")


def test_a_lock_names_no_machine(tmp_path: Path) -> None:
    acquire_lock(tmp_path / ".lock")
    assert os.uname().nodename not in (tmp_path / ".lock").read_text()


def test_the_lock_of_a_dead_process_is_taken_over_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    leave_lock(tmp_path / ".lock", replace(Holder.current(), process=dead_process(), nonce="x"))
    lock = acquire_lock(tmp_path / ".lock")
    assert json.loads(lock.path.read_text())["nonce"] == lock.holder.nonce
    assert "took over the lock" in caplog.text


def test_a_process_number_used_again_does_not_keep_a_lock_alive(tmp_path: Path) -> None:
    leave_lock(tmp_path / ".lock", replace(Holder.current(), started="1", nonce="x"))
    acquire_lock(tmp_path / ".lock")


def test_a_lock_from_before_a_restart_is_taken_over(tmp_path: Path) -> None:
    leave_lock(tmp_path / ".lock", replace(Holder.current(), boot="earlier", nonce="x"))
    acquire_lock(tmp_path / ".lock")


def test_a_lock_of_another_machine_is_honoured_while_it_shows_life(tmp_path: Path) -> None:
    elsewhere = replace(Holder.current(), boot="other", machine="other", nonce="x")
    leave_lock(tmp_path / ".lock", elsewhere, silent_for=30)
    with pytest.raises(RunFolderError, match=r"another machine, last heard of 30 .*remove \.lock"):
        acquire_lock(tmp_path / ".lock")
    leave_lock(tmp_path / ".lock", elsewhere, silent_for=SILENCE_SECONDS + 1)
    acquire_lock(tmp_path / ".lock")


def test_showing_life_refreshes_the_lock(tmp_path: Path) -> None:
    lock = acquire_lock(tmp_path / ".lock")
    os.utime(lock.path, (0, 0))
    lock.show_life()
    assert time.time() - lock.path.stat().st_mtime < 60


@pytest.mark.parametrize("content", ["", "{", "[]", '{"process": 1}'])
def test_a_lock_without_sense_is_taken_over(tmp_path: Path, content: str) -> None:
    (tmp_path / ".lock").write_text(content)
    refuse_live_lock(tmp_path / ".lock")
    acquire_lock(tmp_path / ".lock")


def test_releasing_leaves_the_lock_of_one_who_took_over(tmp_path: Path) -> None:
    lock = acquire_lock(tmp_path / ".lock")
    leave_lock(tmp_path / ".lock", replace(lock.holder, nonce="theirs"))
    lock.release()
    assert (tmp_path / ".lock").exists()


def test_of_many_that_take_over_a_stale_lock_at_once_exactly_one_does(tmp_path: Path) -> None:
    leave_lock(tmp_path / ".lock", replace(Holder.current(), started="1", nonce="x"))

    def attempt(_: int) -> Lock | None:
        try:
            return acquire_lock(tmp_path / ".lock")
        except RunFolderError:
            return None

    with ThreadPoolExecutor(8) as pool:
        assert len([lock for lock in pool.map(attempt, range(32)) if lock is not None]) == 1
