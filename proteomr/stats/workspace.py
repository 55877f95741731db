"""Large arrays that outlive one block of work."""

from __future__ import annotations

import math
import threading
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["ALIGNMENT", "Workspace", "aligned", "workspace"]

_Float = TypeVar("_Float", np.float32, np.float64)

ALIGNMENT = 64
"""Bytes of a line of the cache, which the widest registers fill."""


def aligned(shape: tuple[int, ...], dtype: type[_Float]) -> NDArray[_Float]:
    """Return an array of undefined content that begins with a line of the cache.

    A register of 64 bytes that is filled from within a line takes two of them: matrix products in
    double precision are a third slower. numpy's own large arrays begin 16 bytes into one.

    Examples
    --------
    >>> aligned((3, 5), np.float32).ctypes.data % ALIGNMENT
    0
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    raw = np.empty(size + ALIGNMENT, dtype=np.uint8)
    first = -raw.ctypes.data % ALIGNMENT
    return raw[first : first + size].view(dtype).reshape(shape)


class Workspace(threading.local):
    """Large arrays that a thread keeps between blocks, so that their pages are touched once."""

    def __init__(self) -> None:
        self._buffers: dict[tuple[str, type], NDArray[Any]] = {}

    def take(self, name: str, shape: tuple[int, ...], dtype: type[_Float]) -> NDArray[_Float]:
        """Return an array of undefined content."""
        size = math.prod(shape)
        key = (name, dtype)
        if key not in self._buffers or self._buffers[key].size < size:
            self._buffers[key] = aligned((size,), dtype)
        return self._buffers[key][:size].reshape(shape)


workspace = Workspace()
