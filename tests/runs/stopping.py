"""Runs stopped before any change of the file system, and what they leave."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.effort import choose

__all__ = ["Killed", "check_stops", "content_of", "forget_process", "stop_before"]

CHANGES = ("rename", "replace", "unlink", "link", "mkdir", "rmdir", "open", "utime", "chmod")


class Killed(BaseException):
    """Stands for the end of the process: nothing of it changes a file from then on."""


def stop_before(change: int, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Stop before the n-th change of the file system; return what counts them."""
    done = 0

    def counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal done
            if name == "open" and not arguments[1] & (os.O_CREAT | os.O_WRONLY):
                return function(*arguments, **options)
            done += 1
            if done >= change:
                raise Killed
            return function(*arguments, **options)

        return call

    for name in CHANGES:
        monkeypatch.setattr(os, name, counted(name, getattr(os, name)))
    return lambda: done


class Run(Protocol):
    """A run into a folder; ``again`` where another one was stopped there before."""

    def __call__(self, folder: Path, /, *, again: bool) -> object: ...


def check_stops(
    folder: Path,
    run: Run,
    *,
    least: int,
    usual: int = 14,
    between: Callable[[Path], object] = lambda _: None,
) -> None:
    """Stop runs before changes of the file system: the next run leaves the bytes of an unstopped.

    ``least`` is what a run changes at the least, so that the stops cannot go missing; ``usual`` is
    how many of the stops are tried: all that the ledger does by itself has a test that tries each.
    ``between`` looks at what a stopped run leaves.
    """
    with pytest.MonkeyPatch.context() as patch:
        count = stop_before(10**9, patch)
        run(folder / "whole", again=False)
    changes, whole = count(), content_of(folder / "whole")
    assert changes > least
    for change in choose(changes, usual=usual):
        out = folder / str(change)
        with pytest.MonkeyPatch.context() as patch, contextlib.suppress(Killed):
            stop_before(change, patch)
            run(out, again=False)
        if out.exists():
            forget_process(out)
        between(out)
        run(out, again=True)
        assert content_of(out) == whole, f"stopped before change {change}"


def forget_process(folder: Path) -> None:
    """Let the locks of this process look like those of one that has died."""
    for lock in folder.glob(".*lock"):
        lock.write_text(json.dumps({**json.loads(lock.read_text()), "started": "0"}))


def content_of(folder: Path) -> dict[str, bytes]:
    """Return the results by name; of the manifest what does not change from run to run."""
    content = {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }
    for name in [name for name in content if name.endswith("manifest.json")]:
        facts = json.loads(content[name])
        outputs = {entry["name"]: entry["sha256"] for entry in facts["outputs"]}
        fixed = [facts["request"], facts["request_sha256"], outputs]
        content[name] = json.dumps(fixed, sort_keys=True).encode()
    return content
