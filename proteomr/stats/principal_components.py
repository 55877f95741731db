"""Principal components of a matrix of people by proteins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh

from proteomr._typing import F64

__all__ = ["PrincipalComponents", "find_components", "standardise"]

_NEGLIGIBLE = 1e-12  # of the total variance: components below it are rounding of n products


@dataclass(frozen=True, slots=True)
class PrincipalComponents:
    """The leading components of a matrix of n rows and p columns.

    Parameters
    ----------
    scores : (n, k) one column per component.
    loadings : (p, k) of length one; the largest in size of each component is positive.
    shares : (k,) of the variance, in descending order.
    """

    scores: F64
    loadings: F64
    shares: F64


def standardise(values: F64) -> F64:
    """Columns with mean 0 and standard deviation 1 over what is there, and 0 for what is missing.

    A missing value thus stands at the mean of its column. Columns without two different values
    become 0.

    Parameters
    ----------
    values : (n, b), NaN = missing.

    Examples
    --------
    >>> standardise(np.array([[1.0, 5.0], [3.0, 5.0], [np.nan, 5.0]])).round(4).tolist()
    [[-0.7071, 0.0], [0.7071, 0.0], [0.0, 0.0]]
    """
    there = ~np.isnan(values)
    count = there.sum(axis=0)
    filled = np.where(there, values, 0.0)
    mean = filled.sum(axis=0) / np.maximum(count, 1)
    centred = np.where(there, values - mean, 0.0)
    spread = np.sqrt(np.square(centred).sum(axis=0) / np.maximum(count - 1, 1))
    noise = 64 * np.finfo(np.float64).eps * np.abs(mean)
    varies = spread > noise
    result: F64 = np.divide(centred, spread, out=np.zeros_like(centred), where=varies)
    return result


def find_components(centred: F64, *, components: int) -> PrincipalComponents:
    """Leading principal components of a matrix with centred columns.

    With Z the matrix, Z'Z = V diag(l) V', the scores are ZV and the shares l / trace(Z'Z); R's
    ``prcomp`` gives the same up to signs. The smaller of Z'Z and ZZ' is decomposed. Components
    without variance are left out, so that fewer than asked may be returned.

    Parameters
    ----------
    centred : (n, p), finite, columns with mean 0.
    components : how many, at least 1.

    Raises
    ------
    ValueError
        Where fewer than one component is asked for, or a value is not finite.

    Examples
    --------
    >>> z = np.array([[-1.0, -2.0], [0.0, 0.0], [1.0, 2.0]])
    >>> find_components(z, components=2).shares.round(6).tolist()
    [1.0]
    """
    if components < 1:
        raise ValueError(f"{components} components; at least one is needed")
    n, p = centred.shape
    gram = centred.T @ centred if p <= n else centred @ centred.T
    total = float(np.trace(gram))
    if not np.isfinite(total):
        raise ValueError("components need finite values")
    size = gram.shape[0]
    wanted = min(components, size)
    if not total > 0:
        return PrincipalComponents(np.empty((n, 0)), np.empty((p, 0)), np.empty(0))
    variance, vectors = eigh(gram, overwrite_a=True, subset_by_index=(size - wanted, size - 1))
    variance, vectors = variance[::-1], vectors[:, ::-1]
    varying = variance > _NEGLIGIBLE * total
    variance, vectors = variance[varying], vectors[:, varying]
    loadings = vectors if p <= n else centred.T @ vectors / np.sqrt(variance)
    largest = np.abs(loadings).argmax(axis=0)
    loadings = loadings * np.sign(loadings[largest, np.arange(variance.size)])
    return PrincipalComponents(centred @ loadings, loadings, variance / total)
