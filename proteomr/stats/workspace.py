"""Large arrays that outlive one block of work."""

from __future__ import annotations

import math
import threading
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["Workspace", "workspace"]

_Float = TypeVar("_Float", np.float32, np.float64)


class Workspace(threading.local):
    """Large arrays that a thread keeps between blocks, so that their pages are touched once."""

    def __init__(self) -> None:
        self._buffers: dict[tuple[str, type], NDArray[Any]] = {}

    def take(self, name: str, shape: tuple[int, ...], dtype: type[_Float]) -> NDArray[_Float]:
        """Return an array of undefined content."""
        size = math.prod(shape)
        key = (name, dtype)
        if key not in self._buffers or self._buffers[key].size < size:
            self._buffers[key] = np.empty(size, dtype=dtype)
        return self._buffers[key][:size].reshape(shape)


workspace = Workspace()
