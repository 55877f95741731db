"""The choice between the compiled and the plain form of a model's row loops."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Literal

__all__ = ["load_loops"]


def load_loops(model: Literal["logistic"], *, compiled: bool = True) -> ModuleType:
    """Return the module of a model's row loops, imported when it is first needed.

    Examples
    --------
    >>> load_loops("logistic", compiled=False).__name__
    'proteomr.stats.logistic_loops'
    """
    form = "compiled_" if compiled else ""
    return importlib.import_module(f"proteomr.stats.{form}{model}_loops")
