"""What a command takes of its machine: threads, memory, and the time that imports would waste."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from proteomr.digests import begin_digests

__all__ = ["hash_ahead", "hold_threads", "share_heap"]

_M_ARENA_MAX = -8  # of glibc's malloc.h


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


def share_heap() -> None:
    """Have glibc keep one heap for all threads; other systems' libraries have none apart.

    Of a command that works through blocks of one size: what its plan and bases leave free then
    holds the blocks, a tenth of its memory. Where threads hold matrices of their own, for some time
    each, what one leaves free lies below what others hold, and a heap for each is the smaller.
    """
    if "MALLOC_ARENA_MAX" in os.environ or not sys.platform.startswith("linux"):
        return
    import ctypes

    choose = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if choose is not None:
        choose(_M_ARENA_MAX, 1)


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
