"""Delimited text by arrow's parser, batch by batch, with nothing of it left at work behind."""

from __future__ import annotations

import atexit
import time
import weakref
from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeAlias

import pyarrow as pa
import pyarrow.csv

from proteomr.io.streams import Bytes

__all__ = ["stream_batches"]

Held: TypeAlias = weakref.ref[Any]
"""What another thread may hold."""

# What is under way ends within milliseconds; a disk may take longer.
_LONGEST_WAIT: Final = 2.0
_PAUSE: Final = 1e-3
# Arrow would hold 32 of them, 0.5 GB; it needs three to go on: one, the next, and what is cut.
_MOST_AHEAD: Final = 6
_LENT: Final[weakref.WeakSet[_Lent]] = weakref.WeakSet()


class _Lent:
    """A stream that another thread reads, until it is stopped; it knows who holds what it gave."""

    closed = False
    at_work = False

    def __init__(self, source: Bytes, given: list[Held]) -> None:
        self._source: Bytes | None = source
        self._given = given
        given.append(weakref.ref(self))

    def read(self, size: int = -1, /) -> memoryview:
        """Return the next bytes; none once it is stopped."""
        self.at_work = True
        while self._count_held() > _MOST_AHEAD and self._source is not None:
            time.sleep(_PAUSE)
        source = self._source
        block = memoryview(b"" if source is None else source.read(size))
        self._given.append(weakref.ref(block))
        self.at_work = False
        return block

    def _count_held(self) -> int:
        """Return how many of the blocks given are still held."""
        self._given[1:] = [one for one in self._given[1:] if one() is not None]
        return len(self._given) - 1

    def stop(self) -> None:
        """Give no more bytes."""
        self._source = None

    def close(self) -> None:
        """Mark the stream as closed; the source stays open."""
        self.closed = True


def stream_batches(
    source: Bytes,
    /,
    *,
    read: pyarrow.csv.ReadOptions,
    parse: pyarrow.csv.ParseOptions,
    convert: pyarrow.csv.ConvertOptions,
) -> Iterator[pa.RecordBatch]:
    r"""Yield the batches of a text, and end when the thread that reads ahead has let go of it.

    Arrow reads ahead in a thread of its own, held back here while six blocks wait to be parsed. A
    fault in the text, or whoever wants no more of it, leaves it at work. Should the interpreter end
    meanwhile, that thread asks for it in vain and aborts the process: no traceback, and another
    exit code than that of the fault.

    Parameters
    ----------
    source : bytes of the text.
    read, parse, convert : options of `pyarrow.csv.open_csv`.

    Raises
    ------
    pyarrow.ArrowInvalid
        The text is not as the options have it.

    Examples
    --------
    >>> import io
    >>> batches = stream_batches(
    ...     io.BytesIO(b"a,b\n1,2\n"), read=pyarrow.csv.ReadOptions(),
    ...     parse=pyarrow.csv.ParseOptions(), convert=pyarrow.csv.ConvertOptions())
    >>> [batch.to_pydict() for batch in batches]
    [{'a': [1], 'b': [2]}]
    """
    given: list[Held] = []
    lent = _Lent(source, given)
    _LENT.add(lent)
    reader = None
    try:
        reader = pyarrow.csv.open_csv(
            pa.PythonFile(lent, mode="r"),
            read_options=read,
            parse_options=parse,
            convert_options=convert,
        )
        yield from reader
    except BaseException:
        lent.stop()
        del reader, lent
        _wait_for(given)
        raise


def _wait_for(given: Sequence[Held]) -> None:
    """Return when nobody holds the stream or a block of it, or after a while."""
    end = time.monotonic() + _LONGEST_WAIT
    while any(one() is not None for one in given) and time.monotonic() < end:
        time.sleep(_PAUSE)


@atexit.register
def _stop_all() -> None:
    """Let the threads that are held back come to their end before that of the interpreter."""
    lent = list(_LENT)
    for one in lent:
        one.stop()
    end = time.monotonic() + _LONGEST_WAIT
    while any(one.at_work for one in lent) and time.monotonic() < end:
        time.sleep(_PAUSE)
    if lent:
        time.sleep(10 * _PAUSE)  # what returns from its last reading lets go of the interpreter
