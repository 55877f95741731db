"""The bar of a command: what it is doing, how far it has come, its rate, and the time left."""

import logging
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from .console import one_line

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["Bar", "Silence", "watch"]

Item = TypeVar("Item")
_WIDTH = 14
_STEP = 28  # letters of what is being done


class Silence:
    """Nobody is told; the items pass."""

    def follow(
        self, items: Iterable[Item], *, total: int | None, doing: str, unit: str
    ) -> Iterator[Item]:
        """Yield the items."""
        del total, doing, unit
        return iter(items)


class Bar:
    """A bar on stderr: a line for the step that the log names, and one for what is counted.

    Parameters
    ----------
    progress : of rich, started.
    """

    def __init__(self, progress: "Progress") -> None:
        self._progress = progress
        self._step = progress.add_task("starting", total=None, counted="")

    def name_step(self, text: str) -> None:
        """Say what is being done."""
        shown = one_line(text)
        cut = shown if len(shown) <= _STEP else f"{shown[: _STEP - 1]}…"
        self._progress.update(self._step, description=cut)

    def follow(
        self, items: Iterable[Item], *, total: int | None, doing: str, unit: str
    ) -> Iterator[Item]:
        """Yield the items, and count each as it is done."""
        of = "" if total is None else f"/{total}"
        task = self._progress.add_task(doing, total=total, counted=f"0{of} {unit}")
        try:
            for done, item in enumerate(items, start=1):
                yield item
                speed = self._progress.tasks[self._progress.task_ids.index(task)].speed
                rate = f" {speed:.1f}/s" if speed else ""
                self._progress.update(task, advance=1, counted=f"{done}{of} {unit}{rate}")
        finally:
            self._progress.remove_task(task)


class _Steps(logging.Handler):
    """Shows the last line of the log as the step under way."""

    def __init__(self, bar: Bar) -> None:
        super().__init__(logging.INFO)
        self._bar = bar

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno == logging.INFO:
            self._bar.name_step(record.getMessage())


@contextmanager
def watch(*, show: bool) -> Iterator[Bar | Silence]:
    """Yield who is told of progress; a bar only where stderr is a terminal that can draw one."""
    if not (show and sys.stderr.isatty()):
        yield Silence()
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        ProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class TimeLeft(ProgressColumn):
        """The time left, where it can be known."""

        inner = TimeRemainingColumn()

        def render(self, task: Any) -> Text:
            if task.total is None or task.time_remaining is None:
                return Text("")
            return Text("left ").append_text(self.inner.render(task))

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=_WIDTH),
        TextColumn("{task.fields[counted]}", markup=False),
        TimeElapsedColumn(),
        TimeLeft(),
    )
    log = logging.getLogger("proteomr")
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = Bar(progress)
        steps = _Steps(bar)
        log.addHandler(steps)
        try:
            yield bar
        finally:
            log.removeHandler(steps)
