"""Loops compiled by numba, wherever their machine code may be kept, and where it may not."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numba

__all__ = ["compile_loop"]

_FAULTS = (OSError, EOFError, pickle.UnpicklingError, AttributeError, ImportError, ValueError)


def compile_loop(*, fastmath: set[str]) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator that compiles a loop, and keeps its machine code where that is possible.

    It is kept beside the module, in ``NUMBA_CACHE_DIR`` or in the user's cache folder. Where none
    of them can be written, or a disk is full or what stands there is damaged, the loop is compiled
    anew by each process, which takes seconds and changes no number.

    Parameters
    ----------
    fastmath : what may be done to sums and products, as LLVM names it.

    Notes
    -----
    A loop over elements compiles in a tenth of the time of an assignment of one array to a part of
    another, for which numba compiles how to print the shapes that do not fit.

    Examples
    --------
    >>> @compile_loop(fastmath=set())
    ... def double(x):
    ...     return 2 * x
    >>> double(21)
    42
    """
    options: dict[str, Any] = {"nogil": True, "fastmath": fastmath, "error_model": "numpy"}
    options["no_cfunc_wrapper"] = True  # a door for callers in C, which nobody goes through

    def decorate(function: Callable[..., Any]) -> Any:
        try:
            compiled = numba.njit(cache=True, **options)(function)
        except RuntimeError:  # no folder for the machine code
            return numba.njit(**options)(function)
        cache = compiled._cache  # noqa: SLF001 - numba has no door for what its cache meets
        for name in ("load_overload", "save_overload"):
            setattr(cache, name, _suppressed(getattr(cache, name)))
        return compiled

    return decorate


def _suppressed(call: Callable[..., Any]) -> Callable[..., Any]:
    def attempt(*given: Any) -> Any:
        try:
            return call(*given)
        except _FAULTS:
            return None

    return attempt
