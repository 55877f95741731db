"""What the terminal shows beside the data: tables, notes and errors."""

import os
import sys
import textwrap
from collections.abc import Iterable, Sequence

from proteomr.errors import printable
from proteomr.files import storage_errors

__all__ = [
    "one_line",
    "open_streams",
    "print_rows",
    "report_error",
    "report_note",
    "say",
    "show_limits",
    "terminal_width",
]

WIDTH = 100
_NARROWEST, _NARROWEST_WRAPPED = 8, 20
_WIDEST_CELL = 40


def open_streams() -> None:
    """Open streams that the caller has closed (``>&-``) to nowhere.

    Else the first file that is opened takes the number of the stream, and what a library prints.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8", closefd=False)


def report_error(error: BaseException | str) -> None:
    """Print one line, ``error: ...``, to stderr, whatever the message holds."""
    report_note(f"error: {error}")


def report_note(text: str) -> None:
    """Print one line to stderr."""
    encoding = sys.stderr.encoding or "utf-8"
    shown = one_line(text).encode(encoding, "backslashreplace").decode(encoding)
    sys.stderr.write(shown + "\n")


def say(text: str) -> None:
    """Print a text to stdout at once, each line and cell in its printable form.

    A disk that is full is an error in words.
    """
    lines = ("\t".join(map(printable, line.split("\t"))) for line in text.split("\n"))
    with storage_errors("standard output"):
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()


def one_line(text: str) -> str:
    """Return a text on one line, with its escape for what cannot be printed."""
    return printable(" ".join(text.split()))


def print_rows(
    headings: Sequence[str], rows: Iterable[Sequence[str]], *, left: int, wrap: bool = False
) -> None:
    """Print a table to stdout, no wider than the terminal where its names can be shortened.

    Where it is too wide, the columns first come nearer to each other, then text is shortened.

    Parameters
    ----------
    headings : of the columns; ``a|b`` stands on two lines.
    rows : the cells.
    left : how many columns from the left hold text, shortened where they must; the last does too.
    wrap : go on with the last column on further lines rather than shorten it.
    """
    rows = list(rows)
    above = [*zip(*[_split_heading(heading) for heading in headings], strict=True)]
    body = [[printable(cell, width=_WIDEST_CELL) for cell in row] for row in rows]
    if wrap:
        body = [[*short[:-1], printable(row[-1])] for short, row in zip(body, rows, strict=True)]
    lines = [list(line) for line in above if any(line)] + body
    textual = {*range(left), len(headings) - 1}
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    room = terminal_width()
    gap = 2 if sum(widths) + 2 * (len(widths) - 1) <= room or wrap else 1
    while sum(widths) + gap * (len(widths) - 1) > room:
        last = len(widths) - 1
        widest = last if wrap else max(textual, key=widths.__getitem__)
        if widths[widest] <= (_NARROWEST_WRAPPED if wrap else _NARROWEST):
            break
        widths[widest] -= 1
    for line in lines:
        for part in _wrap_last(line, widths[-1]) if wrap else [line]:
            cells = [
                _cut(cell, width).ljust(width) if place in textual else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(part, widths, strict=True))
            ]
            say((" " * gap).join(cells).rstrip())


def show_limits(low: float | None, high: float | None, form: str = ".3g") -> str:
    """Return both limits as a cell of a table, blank where one is not there."""
    return "" if low is None or high is None else f"{low:{form}} to {high:{form}}"


def terminal_width() -> int:
    """Return how many columns a table may have: COLUMNS, the terminal's, or 100 where none is."""
    told = os.environ.get("COLUMNS", "")
    if told.isdigit() and int(told) > 0:
        return int(told)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or WIDTH
    except (OSError, ValueError, AttributeError):  # no terminal, or no file behind stdout
        return WIDTH


def _wrap_last(line: Sequence[str], width: int) -> list[list[str]]:
    first, *further = textwrap.wrap(line[-1], width) or [""]
    empty = [""] * (len(line) - 1)
    return [[*line[:-1], first], *([*empty, more] for more in further)]


def _split_heading(heading: str) -> tuple[str, str]:
    above, mark, below = heading.partition("|")
    return (above, below) if mark else ("", above)


def _cut(cell: str, width: int) -> str:
    return cell if len(cell) <= width else cell[: width - 1] + "…"
