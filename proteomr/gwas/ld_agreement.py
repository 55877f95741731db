"""Whether correlations are of genotypes, and of those that a trait's statistics are of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from proteomr._typing import F64, I64
from proteomr.io.genetics.genotypes import LdSource
from proteomr.io.genetics.ld_matrices import LdMatrix
from proteomr.stats.ld_contradiction import weigh_contradiction
from proteomr.stats.ld_mismatch import LEAST_EIGENVALUE, decompose, has_least
from proteomr.status import Status

__all__ = ["Agreement", "judge_agreement", "judge_panel", "say_not_positive"]

_SMALL: Final = 2_000  # variants whose eigenvectors take a second or two
_JUDGED: Final = 5_000  # variants whose correlations are held against one another at once


@dataclass(frozen=True, slots=True)
class Agreement:
    """What is to be said of statistics and correlations.

    Parameters
    ----------
    status : ``ok``; ``not_positive`` where no genotypes have the correlations; ``mismatched`` where
        the statistics contradict them.
    message : empty where all is well.
    """

    status: Status = Status.ok
    message: str = ""

    @property
    def contradicts(self) -> bool:
        """Whether the statistics contradict the correlations."""
        return self.status is Status.mismatched


def judge_agreement(z: F64, r: F64) -> Agreement:
    """Return whether statistics and correlations can be of the same genotypes.

    Parameters
    ----------
    z : (p,) effect over standard error of one trait.
    r : (p, p) correlations of the same variants' effect alleles.

    Examples
    --------
    >>> import numpy as np
    >>> judge_agreement(np.zeros(2), np.array([[1.0, 1.2], [1.2, 1.0]])).status.name
    'not_positive'
    """
    if z.size < 2:
        return Agreement()
    spectrum = decompose(r)
    if spectrum.least < LEAST_EIGENVALUE:
        return Agreement(Status.not_positive, say_not_positive(f"{spectrum.least:.3g}"))
    found = weigh_contradiction(z, spectrum)
    if not found.is_plain:
        return Agreement()
    return Agreement(
        Status.mismatched,
        f"effects contradict the correlations ({min(found.share, 1.0):.0%} of their squares): "
        "variants in another order, other alleles or other people",
    )


def judge_panel(z: F64, panel: LdSource, *, rows: I64, signs: F64) -> Agreement:
    """Return whether a matrix is of genotypes, and a small one of those of the statistics.

    Large matrices are judged by blocks of variants; genotypes by nothing, as their correlations
    are computed where they are needed alone.

    Parameters
    ----------
    z : (p,) effect over standard error of one trait.
    panel : of correlations.
    rows, signs : (p,) where the variants stand in it, and the signs of their effect alleles there.

    Examples
    --------
    >>> import numpy as np
    >>> import polars as pl
    >>> r = np.array([[1.0, 0.9, 0.9], [0.9, 1.0, -0.9], [0.9, -0.9, 1.0]])
    >>> panel = LdMatrix(pl.DataFrame({"variant_id": ["a", "b", "c"]}), r)
    >>> judge_panel(np.ones(3), panel, rows=np.arange(3), signs=np.ones(3)).status.name
    'not_positive'
    """
    if not isinstance(panel, LdMatrix):
        return Agreement()
    if rows.size <= _SMALL:
        return judge_agreement(z, panel.matrix(rows) * np.outer(signs, signs))
    blocks = (panel.matrix(rows[low : low + _JUDGED]) for low in range(0, rows.size, _JUDGED))
    if all(has_least(block, LEAST_EIGENVALUE) for block in blocks):
        return Agreement()
    return Agreement(Status.not_positive, say_not_positive("negative"))


def say_not_positive(least: str) -> str:
    """Return what is wrong with correlations of a negative eigenvalue.

    Parameters
    ----------
    least : the smallest eigenvalue.

    Examples
    --------
    >>> say_not_positive("-0.3")[:56]
    'the smallest eigenvalue of the correlations is -0.3: no '
    """
    return (
        f"the smallest eigenvalue of the correlations is {least}: no genotypes have "
        "them, as where pairs of variants are of different people; correlate complete genotypes"
    )
