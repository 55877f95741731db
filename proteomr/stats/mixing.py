"""Anderson's mixing of the steps of many iterations at once."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from proteomr._typing import F64, Bool

__all__ = ["Mixing"]

_MIXED = 3  # steps that are remembered
_ALIKE = 1e-12  # of squared lengths: remembered steps as alike as that are one


class Mixing:
    """The last places and steps of R iterations (Anderson 1965, doi:10.1145/321296.321305).

    Examples
    --------
    >>> mixing, metric = Mixing(), np.eye(1)[None]
    >>> place = np.array([[1.0]])  # an iteration whose steps are half of what they should be
    >>> for _ in range(2):
    ...     place = place + mixing.mix(place, -0.5 * place, metric)
    >>> place.tolist()
    [[0.0]]
    """

    def __init__(self) -> None:
        self._places: list[F64] = []
        self._steps: list[F64] = []

    def keep(self, stays: Bool) -> None:
        """Forget the iterations that have ended."""
        self._places = [each[stays] for each in self._places]
        self._steps = [each[stays] for each in self._steps]

    def mix(self, place: F64, step: F64, metric: F64) -> F64:
        """Return what to move by, of the place and the plain step ``(R, p)`` there.

        Parameters
        ----------
        metric : ``(R, p, p)``, in which steps are measured.
        """
        self._places.append(place)
        self._steps.append(step)
        del self._places[: -_MIXED - 1], self._steps[: -_MIXED - 1]
        if len(self._places) < 2:
            return step
        moved = np.stack([b - a for a, b in pairwise(self._places)], 1)
        changed = np.stack([b - a for a, b in pairwise(self._steps)], 1)
        weighted = np.matmul(changed, metric)
        square = np.matmul(weighted, changed.transpose(0, 2, 1))
        right = np.matmul(weighted, step[:, :, None])
        sound = np.isfinite(square).all(axis=(1, 2)) & np.isfinite(right).all(axis=(1, 2))
        square[~sound], right[~sound] = 0.0, 0.0
        shares = np.matmul(np.linalg.pinv(square, rcond=_ALIKE, hermitian=True), right)
        mixed = step - np.sum((moved + changed) * shares, axis=1)
        forward = np.einsum("rp,rpq,rq->r", mixed, metric, step) > 0.0
        return np.where((sound & forward)[:, None], mixed, step)
