"""What the terminal shows beside the data: progress with rate and time left, and errors."""

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import polars as pl

__all__ = ["print_table", "report_error", "report_note", "track"]

Item = TypeVar("Item")


def report_error(error: BaseException | str) -> None:
    """Print one line, ``error: ...``, to stderr, whatever the message holds."""
    _print_line(f"error: {error}")


def report_note(text: str) -> None:
    """Print one line to stderr."""
    _print_line(text)


def print_table(frame: "pl.DataFrame") -> None:
    """Print a short table to stdout: columns aligned, columns without any value left out."""
    names = [name for name in frame.columns if frame[name].null_count() < frame.height]
    rows = [[_show(value) for value in row] for row in frame.select(names).iter_rows()]
    widths = [max(map(len, column)) for column in zip(names, *rows, strict=True)]
    numeric = [frame.schema[name].is_numeric() for name in names]
    for row in [names, *rows]:
        cells = (
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        )
        sys.stdout.write("  ".join(cells).rstrip() + "\n")


def _show(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


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
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(label, total=total, rate="")
        for item in items:
            yield item
            speed = progress.tasks[0].speed
            rate = f"{speed:.1f} {unit}/s" if speed else ""
            progress.update(task, advance=1, rate=rate)


def _print_line(text: str) -> None:
    line = " ".join(text.split())
    encoding = sys.stderr.encoding or "utf-8"
    shown = line.encode(encoding, "backslashreplace").decode(encoding)
    sys.stderr.write("".join(letter if letter.isprintable() else "?" for letter in shown) + "\n")
