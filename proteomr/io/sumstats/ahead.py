"""Batches read while the ones before are worked on."""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

__all__ = ["read_ahead"]

_Item = TypeVar("_Item")
_DEPTH: Final = 1  # a batch of 16 MB of text is some 80 MB in memory
_PAUSE_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class _Batch(Generic[_Item]):
    item: _Item


@dataclass(frozen=True, slots=True)
class _End:
    fault: BaseException | None = None


def read_ahead(batches: Iterator[_Item]) -> Generator[_Item, None, None]:
    """Yield the same batches in the same order, the next one being read in the meantime.

    A fault of the reading is raised where its batch would have come. When the receiver stops
    early, so does the reading.

    Parameters
    ----------
    batches : what is read.

    Examples
    --------
    >>> list(read_ahead(iter([1, 2, 3])))
    [1, 2, 3]
    """
    held: queue.Queue[_Batch[_Item] | _End] = queue.Queue(_DEPTH)
    stopped = threading.Event()
    run = contextvars.copy_context().run  # what is noted there is noted here
    reader = threading.Thread(target=run, args=(_read, batches, held, stopped), daemon=True)
    reader.start()
    try:
        while isinstance(entry := held.get(), _Batch):
            yield entry.item
        if entry.fault is not None:
            raise entry.fault
    finally:
        stopped.set()
        reader.join()


def _read(
    batches: Iterator[_Item],
    held: queue.Queue[_Batch[_Item] | _End],
    stopped: threading.Event,
) -> None:
    end = _End()
    try:
        for item in batches:
            if not _put(_Batch(item), held, stopped):
                return
    except BaseException as fault:  # noqa: BLE001 - handed to the receiver, who raises it
        end = _End(fault)
    _put(end, held, stopped)


def _put(
    entry: _Batch[_Item] | _End,
    held: queue.Queue[_Batch[_Item] | _End],
    stopped: threading.Event,
) -> bool:
    """Hand on an entry as soon as there is room; tell whether it is still wanted."""
    while not stopped.is_set():
        try:
            held.put(entry, timeout=_PAUSE_SECONDS)
        except queue.Full:
            continue
        return True
    return False
