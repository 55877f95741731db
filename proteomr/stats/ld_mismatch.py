"""Whether statistics and correlations are of the same people, as a whole and by variant."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.linalg.lapack import dpotrf

from proteomr._typing import F64, Bool
from proteomr.stats.bounded_minimum import minimise_between
from proteomr.stats.mixture_weights import fit_mixture_weights
from proteomr.stats.susie import shrink_z

__all__ = [
    "LEAST_EIGENVALUE",
    "Kriging",
    "Spectrum",
    "decompose",
    "estimate_mismatch",
    "find_indefinite",
    "has_least",
    "krige",
]

# Rounding to three digits gives 5,000 variants a smallest eigenvalue of -0.04; correlations whose
# pairs are of different people give -0.1 and less.
LEAST_EIGENVALUE: Final = -0.05
"""Below it no genotypes have the correlations, whatever they were rounded to."""

_ROUNDING: Final = 1e-8  # of eigenvalues: susieR's r_tol
_TOLERANCE: Final = math.sqrt(2.220446049250313e-16)  # of s: the default of R's optim
_FLIPPED: Final = (2.0, 2.0)  # least log ratio and |z| of a variant that susieR shows in red
_GRID: Final = (0.8, 1.05)  # smallest spread of the mixture, and the factor between two
_LEAST: Final = 1e-15  # that susieR adds to each weight


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """Eigenvalues and vectors of correlations.

    Parameters
    ----------
    values : (p,) ascending, those within 1e-8 of 0 and below set to 0.
    vectors : (p, p) in columns.
    least : the smallest eigenvalue as it is; below -1e-8 the matrix is of no people.
    """

    values: F64
    vectors: F64
    least: float

    @property
    def is_positive(self) -> bool:
        """Whether no eigenvalue is negative but for rounding."""
        return self.least >= -_ROUNDING


@dataclass(frozen=True, slots=True, eq=False)
class Kriging:
    """What each statistic is expected to be, given the others.

    Parameters
    ----------
    z : (p,) statistics, shrunk by n.
    expected, variance : (p,) of each, given the others.
    difference : (p,) standardised.
    log_ratio : (p,) log-likelihood with the sign turned, against as it is.
    """

    z: F64
    expected: F64
    variance: F64
    difference: F64
    log_ratio: F64

    @property
    def flagged(self) -> Bool:
        """(p,) statistics above 2 in size whose sign is likely turned, by a log ratio above 2."""
        least, size = _FLIPPED
        return np.asarray((self.log_ratio > least) & (np.abs(self.z) > size))


def decompose(r: F64) -> Spectrum:
    """Return eigenvalues and vectors of correlations.

    Parameters
    ----------
    r : (p, p) symmetric.

    Examples
    --------
    >>> decompose(np.array([[1.0, 1.0], [1.0, 1.0]])).values.round(12).tolist()
    [0.0, 2.0]
    """
    values, vectors = np.linalg.eigh(r)
    return Spectrum(np.where(values < _ROUNDING, 0.0, values), vectors, float(values[0]))


def has_least(r: F64, bound: float) -> bool:
    """Whether no eigenvalue of correlations is below a bound, by one Cholesky factorisation.

    A twentieth of the work of `decompose` with thousands of variants.

    Parameters
    ----------
    r : (p, p) symmetric.
    bound : below zero.

    Examples
    --------
    >>> r = np.array([[1.0, 1.02], [1.02, 1.0]])
    >>> has_least(r, -0.05), has_least(r, -0.01)
    (True, False)
    """
    return find_indefinite(r, bound) is None


def find_indefinite(r: F64, bound: float = LEAST_EIGENVALUE) -> int | None:
    """Return the first variant with which an eigenvalue falls below a bound; None for none.

    Parameters
    ----------
    r : (p, p) symmetric.
    bound : below zero.

    Examples
    --------
    >>> r = np.array([[1.0, 0.9, 0.9], [0.9, 1.0, -0.9], [0.9, -0.9, 1.0]])
    >>> find_indefinite(r), find_indefinite(np.abs(r))
    (2, None)
    """
    if not r.size:
        return None
    shifted = np.array(r, dtype=np.float64, order="F")
    np.fill_diagonal(shifted, np.diagonal(r) - bound)
    _, info = dpotrf(shifted, lower=True, overwrite_a=True, clean=False)
    return int(info) - 1 if info > 0 else None


def estimate_mismatch(z: F64, spectrum: Spectrum, *, n: float | None = None) -> float:
    r"""Return s, how far statistics are from what correlations let expect: 0 fits, 1 not at all.

    .. math:: \tilde z \sim N(0, (1 - s) R + s I)

    at its maximum of likelihood (Zou and others 2022, doi:10.1371/journal.pgen.1010299;
    ``estimate_s_rss`` of susieR 0.12.35, method ``null-mle``), z shrunk by n.

    Parameters
    ----------
    z : (p,) effect over standard error.
    spectrum : of R, see `decompose`.
    n : people; None leaves z as it is.

    Examples
    --------
    >>> r = np.full((3, 3), 0.9) + 0.1 * np.eye(3)
    >>> estimate_mismatch(np.array([3.0, 3.1, -3.0]), decompose(r), n=1000) > 0.9
    True
    """
    values = spectrum.values
    squares = (spectrum.vectors.T @ shrink_z(z, n)) ** 2

    def loss(s: float) -> float:
        spread = (1.0 - s) * values + s
        return 0.5 * float(np.log(spread).sum()) + 0.5 * float((squares / spread).sum())

    return minimise_between(loss, 0.0, 1.0, tolerance=_TOLERANCE)


def krige(z: F64, spectrum: Spectrum, *, n: float | None = None, s: float) -> Kriging:
    r"""Return what each statistic is expected to be, and whether its sign is likely turned.

    With the precision :math:`P = [(1 - s) R + s I]^{-1}`, given the others :math:`z_i` has mean
    :math:`z_i - (P z)_i / P_{ii}` and variance :math:`1 / P_{ii}`. Around the mean it is taken for
    a mixture of normals of 0.8 times that spread and more, whose weights are fitted to all
    variants; the ratio of its densities at :math:`-z_i` and at :math:`z_i` tells alleles that are
    turned (``kriging_rss`` of susieR 0.12.35).

    Parameters
    ----------
    z, spectrum, n : see `estimate_mismatch`.
    s : mismatch.

    Examples
    --------
    >>> r = np.full((9, 9), 0.95) + 0.05 * np.eye(9)
    >>> z = np.array([6.0, 6.1, -6.0, 5.9, 6.1, 5.9, 6.2, 5.8, 6.0])
    >>> np.flatnonzero(krige(z, decompose(r), n=5000, s=0.01).flagged).tolist()
    [2]
    """
    shrunk = shrink_z(z, n)
    spread = (1.0 - s) * spectrum.values + s
    inverse = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)
    diagonal = (spectrum.vectors**2) @ inverse
    through = spectrum.vectors @ (inverse * (spectrum.vectors.T @ shrunk))
    variance = 1.0 / diagonal
    expected = shrunk - through * variance
    difference = (shrunk - expected) / np.sqrt(variance)
    spreads = np.sqrt(variance)[:, None] * _list_spreads(difference)
    as_is = _log_densities(shrunk - expected, spreads)
    weights, _ = fit_mixture_weights(as_is)
    turned = _mix(_log_densities(shrunk + expected, spreads), weights)
    return Kriging(shrunk, expected, variance, difference, turned - _mix(as_is, weights))


def _list_spreads(difference: F64) -> F64:
    """Return the spreads of the mixture, in units of the conditional ones."""
    smallest, factor = _GRID
    largest = 2.0 * max(1.0, float(np.abs(difference).max()))
    steps = math.ceil(math.log2(largest / smallest) / math.log2(factor))
    return np.asarray(factor ** np.arange(-steps, 1.0) * largest)


def _log_densities(x: F64, spreads: F64) -> F64:
    return np.asarray(
        -0.5 * (x[:, None] / spreads) ** 2 - np.log(spreads) - 0.5 * math.log(2.0 * math.pi)
    )


def _mix(log_densities: F64, weights: F64) -> F64:
    most = log_densities.max(axis=1)
    mixed = np.exp(log_densities - most[:, None]) @ (weights + _LEAST)
    return np.asarray(np.log(mixed) + most)
