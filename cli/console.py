"""What the terminal shows beside the data: tables, progress with rate and time left, errors."""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from proteomr.errors import printable
from proteomr.files import storage_errors

__all__ = ["one_line", "open_streams", "print_rows", "report_error", "report_note", "say", "track"]

WIDTH = 100
_NARROWEST = 8
_WIDEST_CELL = 40

Item = TypeVar("Item")


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


def print_rows(headings: Sequence[str], rows: Iterable[Sequence[str]], *, left: int) -> None:
    """Print a table to stdout, no wider than 100 columns.

    Parameters
    ----------
    headings : of the columns; ``a|b`` stands on two lines.
    rows : the cells.
    left : how many columns from the left hold text, shortened where they must; the last does too.
    """
    above = [*zip(*[_split_heading(heading) for heading in headings], strict=True)]
    body = [[printable(cell, width=_WIDEST_CELL) for cell in row] for row in rows]
    lines = [list(line) for line in above if any(line)] + body
    textual = {*range(left), len(headings) - 1}
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    while sum(widths) + 2 * (len(widths) - 1) > WIDTH:
        widest = max(textual, key=widths.__getitem__)
        if widths[widest] <= _NARROWEST:
            break
        widths[widest] -= 1
    for line in lines:
        cells = [
            _cut(cell, width).ljust(width) if place in textual else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        say("  ".join(cells).rstrip())


def _split_heading(heading: str) -> tuple[str, str]:
    above, mark, below = heading.partition("|")
    return (above, below) if mark else ("", above)


def _cut(cell: str, width: int) -> str:
    return cell if len(cell) <= width else cell[: width - 1] + "…"


def track(
    items: Iterable[Item],
    *,
    total: int,
    label: str,
    unit: str = "blocks",
    show: bool | None = None,
) -> Iterator[Item]:
    """Pass items through and show a bar with their rate and the time left.

    Parameters
    ----------
    items : what is being worked through; closed when the consumer stops early.
    total : how many there will be.
    label : what is being done.
    unit : what one item is called.
    show : whether to draw the bar; by default only when stderr is a terminal.
    """
    draw = sys.stderr.isatty() if show is None else show and sys.stderr.isatty()
    return _draw(items, total=total, label=label, unit=unit) if draw else iter(items)


def _draw(items: Iterable[Item], *, total: int, label: str, unit: str) -> Iterator[Item]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn(f"{unit} {{task.fields[rate]}}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(label, total=total, rate="")
        for item in items:
            yield item
            speed = progress.tasks[0].speed
            rate = f"{speed:.1f}/s" if speed else ""
            progress.update(task, advance=1, rate=rate)
