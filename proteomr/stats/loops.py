"""The choice between the compiled and the plain form of the row loops."""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = ["load_loops"]


def load_loops(*, compiled: bool = True) -> ModuleType:
    """Return the module of row loops, imported when it is first needed.

    Examples
    --------
    >>> load_loops(compiled=False).__name__
    'proteomr.stats.row_loops'
    """
    name = "compiled_loops" if compiled else "row_loops"
    return importlib.import_module(f"proteomr.stats.{name}")
