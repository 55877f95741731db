"""The choice between the compiled and the plain form of loops over rows."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Literal

__all__ = ["COMPILED_FROM", "load_loops"]

COMPILED_FROM = 4_096
"""People from whom on compiled loops save more than the quarter of a second that loading takes."""


def load_loops(
    of: Literal[
        "cell",
        "cox",
        "elastic_net",
        "fine_gray",
        "hazard",
        "logistic",
        "multinomial",
        "normal_score",
        "observed",
        "ordinal",
        "pair",
        "sandwich",
        "stored",
    ],
    *,
    compiled: bool = True,
) -> ModuleType:
    """Return a module of loops over rows, imported when it is first needed.

    Examples
    --------
    >>> load_loops("logistic", compiled=False).__name__
    'proteomr.stats.logistic_loops'
    """
    form = "compiled_" if compiled else ""
    return importlib.import_module(f"proteomr.stats.{form}{of}_loops")
