"""The choice between the compiled and the plain form of the row loops."""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = ["load_loops"]


def load_loops(*, compiled: bool = True) -> ModuleType:
    """Return the compiled row loops, or those in numpy on request or where numba is absent.

    Examples
    --------
    >>> load_loops(compiled=False).__name__
    'proteomr.stats.row_loops'
    """
    if compiled:
        try:
            return importlib.import_module("proteomr.stats.compiled_loops")
        except ImportError:
            pass
    return importlib.import_module("proteomr.stats.row_loops")
