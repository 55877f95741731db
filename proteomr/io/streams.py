"""Text files as streams of bytes that count their lines and know how they end."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, Protocol

import numpy as np

from proteomr.io.quoting import opens_cell, stray_quote

__all__ = [
    "Bytes",
    "CheckedLines",
    "CountedLines",
    "TabbedLines",
    "count_lines",
    "describe_cut",
    "part_by_tabs",
]

_LINE_END: Final = b"\r\n"
_CELLS: Final = re.compile(r'"(?:[^"\n]|"")*"|\S+', re.ASCII)
_SLICE: Final = 1 << 18  # stays in the cache of a core: four times as fast as bytes.count


class Bytes(Protocol):
    """Whatever gives bytes, some at a time and none at its end."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes."""
        ...


def describe_cut(name: str) -> str:
    """Return what is said of a text without a line break at its end.

    Well-made files of this kind are common, so that it is a note. What a cut leaves otherwise is
    seen by itself: a last row with fewer fields, or a quotation mark that does not close.

    Examples
    --------
    >>> describe_cut("olink.csv")
    'olink.csv does not end with a line break: if it was cut off, its last value is wrong'
    """
    return f"{name} does not end with a line break: if it was cut off, its last value is wrong"


def count_lines(block: bytes) -> int:
    r"""Return how many line feeds there are.

    Examples
    --------
    >>> count_lines(b"a\nb\r\nc")
    2
    """
    letters = np.frombuffer(block, np.uint8)
    starts = range(0, letters.size, _SLICE)
    return sum(int(np.count_nonzero(letters[at : at + _SLICE] == 10)) for at in starts)


class CountedLines:
    """A stream that counts the lines that pass, whatever quotation marks stand in them.

    Parameters
    ----------
    source : the bytes.

    Attributes
    ----------
    lines : line ends so far, of any system; and one for a last line without.
    last : what stands behind the last line end but those that follow it at once: the last line.
    """

    closed = False

    def __init__(self, source: Bytes) -> None:
        self._source = source
        self._after_return = False
        self.lines = 0
        self.last = b""

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes of the source, unchanged."""
        block = self._source.read(size)
        if block:
            self._count(block)
            self._keep_last(block)
        return block

    def close(self) -> None:
        """Mark the stream as closed; the source stays open."""
        self.closed = True

    @property
    def is_ended(self) -> bool:
        """Whether the last line that has passed has an end, or nothing has passed."""
        return not self.last or self.last[-1:] in _LINE_END

    @property
    def total(self) -> int:
        """Lines so far, the last one among them that has no end."""
        return self.lines + (not self.is_ended)

    def _count(self, block: bytes) -> None:
        self.lines += count_lines(block)
        if self._after_return and not block.startswith(b"\n"):
            self.lines += 1
        self._after_return = block.endswith(b"\r")
        if b"\r" in block:
            returns = np.flatnonzero(np.frombuffer(block, np.uint8) == 13)
            inner = returns[:-1] if self._after_return else returns
            alone = np.frombuffer(block, np.uint8)[inner + 1] != 10
            self.lines += int(np.count_nonzero(alone))

    def _keep_last(self, block: bytes) -> None:
        end = len(block)
        while end and block[end - 1] in _LINE_END:
            end -= 1
        start = max(block.rfind(b"\n", 0, end), block.rfind(b"\r", 0, end)) + 1
        if start:
            self.last = block[start:]
        elif not self.is_ended:
            self.last += block
        elif end:
            self.last = block


class TabbedLines:
    """A stream of lines whose cells are parted by runs of blanks, with one tab between cells.

    Parameters
    ----------
    source : the bytes.
    """

    closed = False

    def __init__(self, source: Bytes) -> None:
        self._source = source
        self._rest = b""
        self._ready = b""

    def read(self, size: int = -1, /) -> bytes:
        """Return lines, at most so many bytes, none at the end."""
        while not self._ready and (block := self._source.read(max(size, 1 << 16))):
            head, mark, rest = block.rpartition(b"\n")
            self._ready = _part_all(self._rest + head + mark) if mark else b""
            self._rest = rest if mark else self._rest + rest
        if not self._ready and self._rest:
            self._ready, self._rest = _part_all(self._rest), b""
        given = self._ready if size < 0 else self._ready[:size]
        self._ready = self._ready[len(given) :]
        return given

    def close(self) -> None:
        """Mark the stream as closed; the source stays open."""
        self.closed = True


class CheckedLines:
    """A stream that can be read once: a cell that spans lines is refused as it passes.

    Parameters
    ----------
    source : the bytes, from the line after the header.
    delimiter : what parts the cells.
    path, name : of the archive and of the member, for the message.
    """

    closed = False

    def __init__(self, source: Bytes, *, delimiter: str, path: Path, name: str) -> None:
        self._source = CountedLines(source)
        self._delimiter, self._path, self._name = delimiter, path, name
        self._seen, self._rest = 1, b""

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes of the source, unchanged.

        Raises
        ------
        FormatError
            A quotation mark opens a cell that does not end on its line.
        """
        block = self._source.read(size)
        head, mark, rest = (self._rest + block).rpartition(b"\n")
        complete, self._rest = (head, rest) if block else (self._rest, b"")
        if b'"' in complete:
            for number, line in enumerate(complete.split(b"\n"), start=self._seen + 1):
                if opens_cell(line.decode("latin-1").rstrip("\r"), delimiter=self._delimiter):
                    raise stray_quote(self._path, number, within=self._name)
        self._seen += count_lines(complete + mark)
        return block

    def close(self) -> None:
        """Mark the stream as closed; the source stays open."""
        self.closed = True

    @property
    def is_ended(self) -> bool:
        """Whether the last line has an end."""
        return self._source.is_ended


def part_by_tabs(line: str) -> str:
    r"""Return a line whose cells blanks part with one tab between them; quoted blanks stay.

    Examples
    --------
    >>> part_by_tabs('  7   "New York" 1.5 \n')
    '7\t"New York"\t1.5'
    """
    return "\t".join(_CELLS.findall(line))


def _part_all(lines: bytes) -> bytes:
    if b'"' not in lines:
        return b"\n".join([b"\t".join(line.split()) for line in lines.split(b"\n")])
    parted = (part_by_tabs(line) for line in lines.decode("latin-1").split("\n"))
    return "\n".join(parted).encode("latin-1")
