"""Random numbers of units of work: each has a generator of its own, reached by its names alone."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.random import Generator, SeedSequence

__all__ = ["random_of"]


def random_of(seed: int, *names: str) -> Generator:
    """Return the generator of one unit of work: reached by its names alone.

    Examples
    --------
    >>> a, b = random_of(1, "loneliness", "ADM"), random_of(1, "loneliness", "ADM")
    >>> bool(a.random() == b.random())
    True
    """
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    words = np.frombuffer(digest[:16], dtype="<u4").tolist()
    return np.random.default_rng(SeedSequence([seed, *words]))
