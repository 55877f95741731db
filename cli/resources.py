"""Threads of a command, and the work that they do while libraries are imported."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from proteomr.digests import begin_digests

__all__ = ["hash_ahead", "hold_threads"]


def hold_threads(threads: int | None) -> int:
    """Return how many threads to use, and set up the libraries that are not loaded yet.

    Polars is held to that many threads. Arrow takes memory from the system, which gives a block of
    proteins the pages of the one before: its own pool gives them back and has each cleared anew,
    for a tenth of a linear scan's time.
    """
    from proteomr.execute import available_threads

    count = available_threads() if threads is None else threads
    if "polars" not in sys.modules:
        os.environ.setdefault("POLARS_MAX_THREADS", str(count))
    if "pyarrow" not in sys.modules:
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    return count


def hash_ahead(options: Iterable[object]) -> None:
    """Begin to hash the large files among what options name, while libraries are imported."""
    begin_digests(_list_files(options))


def _list_files(values: Iterable[object]) -> list[Path]:
    """Return what options name that may be files; what is none is found out by who asks."""
    found: list[Path] = []
    for value in values:
        if isinstance(value, (str, Path)):
            found.append(Path(value))
        elif isinstance(value, (list, tuple)):
            found.extend(_list_files(value))
    return found
