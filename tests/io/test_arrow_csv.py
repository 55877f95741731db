"""Text that arrow reads in a thread of its own: what is left of it when reading ends early."""

from __future__ import annotations

import io
import subprocess
import sys
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
        self.pause = 0.05

    def read(self, size: int) -> bytes:
        self.reading = True
        self.blocks += 1
        time.sleep(self.pause if self.blocks > 1 else 0.0)
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


def test_no_more_than_some_blocks_wait_for_whoever_is_slow() -> None:
    """Arrow would read 32 ahead: of blocks of 16 MB half a gigabyte."""
    source = Slow(b"a,b\n" + b"4,5\n" * 60 * BLOCK)
    batches = open_stream(source)
    next(batches)
    time.sleep(1.0)  # at 0.05 s a block 20 would be read
    assert source.blocks <= 10
    source.pause = 0.0
    rows = sum(batch.num_rows for batch in batches)
    assert 59 * BLOCK < rows < 60 * BLOCK


def test_lines_as_long_as_a_block_pass() -> None:
    cells = [b"x" * (BLOCK - 40 + 7 * (i % 9)) for i in range(60)]
    source = io.BytesIO(b"a,b\n" + b"".join(b"%d,%s\n" % (i, c) for i, c in enumerate(cells)))
    rows = pa.Table.from_batches(list(open_stream(source)))  # type: ignore[arg-type]
    assert [len(cell) for cell in rows["b"].to_pylist()] == [len(cell) for cell in cells]


def test_an_end_of_the_interpreter_amid_a_text_keeps_its_exit_code() -> None:
    script = """
import io, sys, pyarrow.csv
from proteomr.io.arrow_csv import stream_batches
text = io.BytesIO(b"a,b\\n" + b"4,5\\n" * 400_000)
sys.modules["held"] = batches = stream_batches(
    text, read=pyarrow.csv.ReadOptions(use_threads=False, block_size=1 << 14),
    parse=pyarrow.csv.ParseOptions(), convert=pyarrow.csv.ConvertOptions())
next(batches)
raise SystemExit(7)
"""
    ended = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True
    )
    assert (ended.returncode, ended.stderr) == (7, "")
