"""What commands share that are no jobs yet."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from proteomr.errors import FAILED_UNITS, RunFolderError

from .jobs import hold_threads

if TYPE_CHECKING:
    from proteomr.provenance import InputFile

__all__ = [
    "FAILED_UNITS",
    "hold_threads",
    "open_scratch",
    "record_inputs",
    "refuse_used_folder",
]


@contextlib.contextmanager
def open_scratch() -> Iterator[Path]:
    """Make a folder in TMPDIR for converted files, and remove it at the end."""
    from proteomr.runs import open_scratch as library

    with library() as folder:
        yield folder


def record_inputs(*paths: Path | None) -> "tuple[InputFile, ...]":
    """Take the record of every file that was given, for the manifest; None is one that was not."""
    from proteomr.provenance import InputFile

    return tuple(InputFile.read(path) for path in paths if path is not None)


def refuse_used_folder(out: Path, *, overwrite: bool) -> None:
    """Refuse a folder that holds a result, unless it is to be replaced."""
    if overwrite or not (out / "manifest.json").exists():
        return
    raise RunFolderError(
        f"{out}: already holds a manifest.json; choose another folder, or replace it with "
        "--overwrite"
    )
