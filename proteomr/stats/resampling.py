"""People drawn anew with replacement: how often each is in each sample of a bootstrap."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from proteomr._typing import F64, I64

__all__ = ["Resamples"]

# Samples that are held from one block of proteins to the next: 2,500 of 40,000 people.
_HELD_BYTES = 100_000_000
# Samples that are multiplied together: as many doubles of 42,062 people are 21 MB.
_TOGETHER = 64


class Resamples:
    """B samples with replacement of n people, as counts of each person.

    Sample b comes of the seed and of b alone, so that neither order nor number of the rest matter.
    Samples of few people are held, others are drawn anew whenever they are asked for.

    Parameters
    ----------
    n : people.
    draws : how many samples B.
    seed : of all of them.
    clusters : ``(n,)``, codes of people who are drawn together; None where each is by itself.

    Examples
    --------
    >>> samples = Resamples(5, 3, seed=1)
    >>> [int(counts.sum()) for _, chunk in samples.chunks() for counts in chunk]
    [5, 5, 5]
    """

    def __init__(self, n: int, draws: int, *, seed: int, clusters: I64 | None = None) -> None:
        self.n, self.draws, self._seed = n, draws, seed
        self._codes, self._units = None, n
        if clusters is not None:
            distinct, self._codes = np.unique(clusters, return_inverse=True)
            self._units = distinct.size
        self._held: np.ndarray[tuple[int, ...], np.dtype[np.uint8]] | None = None
        if n * draws <= _HELD_BYTES:
            self._held = np.empty((draws, n), dtype=np.uint8)
            for b in range(draws):
                self._held[b] = self._draw(b)

    def counts_of(self, b: int) -> F64:
        """Return how often each person is in sample b ``(n,)``."""
        drawn = self._draw(b) if self._held is None else self._held[b]
        return np.asarray(drawn, dtype=np.float64)

    def chunks(self) -> Iterator[tuple[slice, F64]]:
        """Yield samples by chunks: their positions, and their counts ``(c, n)``."""
        for first in range(0, self.draws, _TOGETHER):
            where = slice(first, min(first + _TOGETHER, self.draws))
            if self._held is not None:
                yield where, self._held[where].astype(np.float64)
            else:
                yield where, np.stack([self.counts_of(b) for b in range(where.start, where.stop)])

    def sum_influences(self, influence: F64) -> F64:
        """Return how far each sample moves parameters ``(B, P)`` of influences ``(n, P)``.

        The first-order bootstrap: ``sum_i (count_i - 1) influence_i`` of each sample.
        """
        centred = influence - influence.mean(axis=0)
        moved = np.empty((self.draws, influence.shape[1]))
        for where, counts in self.chunks():
            moved[where] = counts @ centred
        return moved

    def _draw(self, b: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
        generator = np.random.default_rng(np.random.SeedSequence([self._seed, b]))
        drawn = generator.integers(0, self._units, self._units)
        counts = np.bincount(drawn, minlength=self._units)
        return counts if self._codes is None else counts[self._codes]
