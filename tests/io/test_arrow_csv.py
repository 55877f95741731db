"""Text that arrow reads in a thread of its own: what is left of it when reading ends early."""

from __future__ import annotations

import io
import time

import pyarrow as pa
import pyarrow.csv
import pytest

from proteomr.io.arrow_csv import stream_batches

BLOCK = 1 << 12


class Slow:
    """Bytes whose later blocks take their time, and whether one is being read."""

    def __init__(self, text: bytes) -> None:
        self._file = io.BytesIO(text)
        self.reading = False
        self.blocks = 0

    def read(self, size: int) -> bytes:
        self.reading = True
        self.blocks += 1
        time.sleep(0.05 if self.blocks > 1 else 0.0)
        block = self._file.read(size)
        self.reading = False
        return block


def open_stream(source: Slow):  # type: ignore[no-untyped-def]  # of batches
    return stream_batches(
        source,
        read=pyarrow.csv.ReadOptions(use_threads=False, block_size=BLOCK),
        parse=pyarrow.csv.ParseOptions(),
        convert=pyarrow.csv.ConvertOptions(),
    )


def test_a_fault_leaves_no_thread_that_reads() -> None:
    """A thread at work when the interpreter ends would abort it, with another exit code."""
    source = Slow(b"a,b\n1,2\n3\n" + b"4,5\n" * BLOCK)
    with pytest.raises(pa.ArrowInvalid):
        list(open_stream(source))
    assert not source.reading
    blocks = source.blocks
    time.sleep(0.1)
    assert source.blocks == blocks


def test_whoever_wants_no_more_leaves_no_thread_that_reads() -> None:
    source = Slow(b"a,b\n" + b"4,5\n" * 40 * BLOCK)
    batches = open_stream(source)
    assert next(batches).num_rows > 0
    batches.close()
    assert not source.reading
    blocks = source.blocks
    time.sleep(0.1)
    assert source.blocks == blocks


def test_a_whole_text_comes_out_as_it_is() -> None:
    source = io.BytesIO(b"a,b\n" + b"".join(b"%d,x\n" % i for i in range(5000)))
    rows = pa.Table.from_batches(list(open_stream(source)))  # type: ignore[arg-type]
    assert rows["a"].to_pylist() == list(range(5000))
