"""Work in threads that stops soon when nobody waits for it any more."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Stoppable", "Stopped"]

Block = TypeVar("Block")
Result = TypeVar("Result")


class Stopped(KeyboardInterrupt):
    """Raised in the middle of a block whose result nobody waits for."""


class Stoppable(Generic[Block, Result]):
    """Work on blocks that :meth:`stop` ends wherever it is, at the next step of the interpreter.

    A fit may take minutes, and an interrupt is for the main thread alone. So each thread that is at
    work is told by an exception of its own; a call into compiled code ends before that. It is
    raised nowhere but within the work: threads enter and leave it, and are told, under one lock.

    Parameters
    ----------
    work : done on a block.

    Examples
    --------
    >>> work = Stoppable(abs)
    >>> work(-3)
    3
    >>> work.stop()
    """

    def __init__(self, work: Callable[[Block], Result]) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._at_work: set[int] = set()
        self._stopped = False

    def __call__(self, block: Block) -> Result:
        """Return the work on a block; raise `Stopped` where it is to end."""
        thread = threading.get_ident()
        with self._lock:
            if self._stopped:
                raise Stopped
            self._at_work.add(thread)
        try:
            return self._work(block)
        finally:
            with self._lock:
                self._at_work.discard(thread)

    def stop(self) -> None:
        """Raise `Stopped` in all threads that are at work, and in those that begin."""
        with self._lock:
            self._stopped = True
            for thread in self._at_work:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    ctypes.c_ulong(thread), ctypes.py_object(Stopped)
                )
