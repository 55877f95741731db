"""What a user should know of the files, said where it is seen and told once at the end of a run."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

__all__ = ["add_note", "collect_notes", "current_notes"]

_collected: Final[ContextVar[dict[str, None] | None]] = ContextVar("notes", default=None)
_log = logging.getLogger(__name__)


def add_note(text: str) -> None:
    """Say one sentence on an input; a run tells each once, however often the input is read.

    Outside of a run it goes to the log at once.

    Parameters
    ----------
    text : the sentence; it names the file, and no person.

    Examples
    --------
    >>> with collect_notes() as notes:
    ...     add_note("olink.csv: ends without a line break")
    ...     add_note("olink.csv: ends without a line break")
    >>> list(notes)
    ['olink.csv: ends without a line break']
    """
    held = _collected.get()
    if held is None:
        _log.warning("note: %s", text)
    else:
        held.setdefault(text)


@contextmanager
def collect_notes() -> Iterator[Mapping[str, None]]:
    """Collect the sentences that are said inside the block, each once, in order.

    Where the block ends with an error they go to the log alone: they may tell its cause, and the
    error is the one line that is shown.

    Examples
    --------
    >>> with collect_notes() as notes:
    ...     pass
    >>> list(notes)
    []
    """
    held: dict[str, None] = {}
    token = _collected.set(held)
    try:
        yield held
    except Exception:
        for text in held:
            _log.info("note: %s", text)
        raise
    finally:
        _collected.reset(token)


def current_notes() -> tuple[str, ...]:
    """Return the sentences that the block around has collected so far.

    Examples
    --------
    >>> with collect_notes():
    ...     add_note("olink.csv: ends without a line break")
    ...     current_notes()
    ('olink.csv: ends without a line break',)
    """
    held = _collected.get()
    return () if held is None else tuple(held)
