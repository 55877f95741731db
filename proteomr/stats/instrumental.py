r"""Instrumental-variable estimates of many regressions of one endogenous variable, by triangles.

What the covariates leave of q instruments Z, the endogenous variable x and the response y is
written in an orthonormal basis, ``[Z x y] = Q R``: a and b ``(q,)`` are x and y along the
instruments, c what the instruments leave of x, d and e what they leave of y along that and beyond.
Every k-class estimate of ``y = x beta + covariates + u`` is a function of these few numbers, whose
squares are sums without cancellation:

.. math::
   \hat\beta = \frac{a'b - \lambda\, c d}{a'a - \lambda\, c^2}, \qquad
   \hat u'\hat u = |b - a\hat\beta|^2 + (d - c\hat\beta)^2 + e^2

with :math:`\lambda = 0` for two-stage least squares (Theil 1953; Basmann 1957,
doi:10.2307/1907743) and the smallest root of the variance ratio, less 1, for limited-information
maximum likelihood (Anderson and Rubin 1949, doi:10.1214/aoms/1177730090).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from proteomr._typing import F64, I64

__all__ = [
    "Estimates",
    "Triangles",
    "estimate_limited_information",
    "estimate_two_stage",
    "invert_moments",
]

# Beyond the rounding of the q numbers that a length is made of: a residual of this share of the
# whole is nothing, and the variance ratio that divides by it no number.
_NOTHING = 1e-12


@dataclass(frozen=True, slots=True)
class Triangles:
    """b regressions, what the covariates leave of them in an orthonormal basis.

    Attributes
    ----------
    a, b : ``(b, q)``, endogenous variable and response along the instruments.
    c : ``(b,)``, length of what the instruments leave of the endogenous variable.
    d, e : ``(b,)``, what they leave of the response, along that and beyond.
    n, k : ``(b,)``, rows, and independent covariates (the intercept among them).

    Examples
    --------
    >>> one = Triangles.of(np.array([[[2.0, 3.0, 4.0], [0.0, 1.0, 5.0], [0.0, 0.0, 6.0]]]),
    ...     n=np.array([10]), k=np.array([1]))
    >>> one.a.tolist(), one.b.tolist(), one.c.tolist(), one.d.tolist(), one.e.tolist()
    ([[3.0]], [[4.0]], [1.0], [5.0], [6.0])
    """

    a: F64
    b: F64
    c: F64
    d: F64
    e: F64
    n: F64
    k: F64

    @classmethod
    def of(cls, R: F64, *, n: F64, k: F64) -> Triangles:
        """Read upper triangles ``(b, q + 2, q + 2)`` of instruments, endogenous and response."""
        return cls(
            R[:, :-2, -2],
            R[:, :-2, -1],
            R[:, -2, -2],
            R[:, -2, -1],
            R[:, -1, -1],
            np.asarray(n, dtype=np.float64),
            np.asarray(k, dtype=np.float64),
        )

    def take(self, some: I64) -> Triangles:
        """Return those of some regressions."""
        return Triangles(*(getattr(self, entry.name)[some] for entry in fields(self)))

    @property
    def q(self) -> int:
        """Number of instruments."""
        return int(self.a.shape[1])

    @property
    def df(self) -> F64:
        """Residual degrees of freedom of the response's equation ``(b,)``."""
        return np.asarray(self.n - self.k - 1.0)

    @property
    def first_df(self) -> F64:
        """Those of the first stage, and of the reduced form ``(b,)``."""
        return np.asarray(self.n - self.k - self.q)

    @property
    def predicted(self) -> F64:
        """Sum of squares of the endogenous variable that the instruments add ``(b,)``."""
        return np.asarray(np.sum(self.a**2, axis=1))


@dataclass(frozen=True, slots=True)
class Estimates:
    """Estimates of b regressions.

    Attributes
    ----------
    beta : ``(b,)``, the coefficient of the endogenous variable.
    information : ``(b,)``, what the variance of a residual is divided by for that of the estimate.
    kappa : ``(b,)``, of the k-class: 1 for two-stage least squares.
    along : ``(b, q)``, residuals along the instruments.
    beyond : ``(b, 2)``, along what the instruments leave of the endogenous variable, and beyond.
    """

    beta: F64
    information: F64
    kappa: F64
    along: F64
    beyond: F64

    def take(self, some: I64) -> Estimates:
        """Return those of some regressions."""
        return Estimates(*(getattr(self, entry.name)[some] for entry in fields(self)))

    @property
    def rss(self) -> F64:
        """Residual sum of squares ``(b,)``."""
        return np.asarray(np.sum(self.along**2, axis=1) + np.sum(self.beyond**2, axis=1))


def estimate_two_stage(triangles: Triangles) -> Estimates:
    """Return two-stage least squares.

    Examples
    --------
    >>> one = Triangles.of(np.array([[[2.0, 3.0, 6.0], [0.0, 1.0, 5.0], [0.0, 0.0, 6.0]]]),
    ...     n=np.array([10]), k=np.array([1]))
    >>> estimate_two_stage(one).beta.tolist()
    [2.0]
    """
    information = triangles.predicted
    with np.errstate(divide="ignore", invalid="ignore"):
        beta = np.sum(triangles.a * triangles.b, axis=1) / information
    return _of_beta(triangles, beta, information, np.ones_like(beta))


def estimate_limited_information(triangles: Triangles) -> Estimates:
    """Return limited-information maximum likelihood.

    With one instrument it is two-stage least squares, to the bit, and so it is where the
    instruments leave nothing of the endogenous variable. Where both leave nothing of the response
    there is no variance ratio: NaN.

    Examples
    --------
    >>> one = Triangles.of(np.array([[[2.0, 3.0, 6.0], [0.0, 1.0, 5.0], [0.0, 0.0, 6.0]]]),
    ...     n=np.array([10]), k=np.array([1]))
    >>> estimate_limited_information(one).kappa.tolist()
    [1.0]
    """
    if triangles.q == 1:
        return estimate_two_stage(triangles)
    size = np.sqrt(triangles.d**2 + triangles.e**2 + np.sum(triangles.b**2, axis=1))
    whole = np.sqrt(triangles.c**2 + triangles.predicted)
    able, loose = triangles.e > _NOTHING * size, triangles.c > _NOTHING * whole
    c, e = np.where(loose, triangles.c, 1.0), np.where(able, triangles.e, 1.0)
    # [b a] on the right by the inverse of [[e, 0], [d, c]], columns y and x
    x = triangles.a / c[:, None]
    y = (triangles.b - x * triangles.d[:, None]) / e[:, None]
    values, vectors = np.linalg.svd(np.stack([y, x], axis=2), full_matrices=False)[1:]
    turned = vectors[:, -1]
    # the direction (1, -beta) of the smallest ratio, back in the units of y and x
    of_y = turned[:, 0] / e
    of_x = (turned[:, 1] - triangles.d * of_y) / c
    with np.errstate(divide="ignore", invalid="ignore"):
        beta = -of_x / of_y
    ratio = np.where(loose, values[:, -1] ** 2, 0.0)
    beta = np.where(loose, beta, estimate_two_stage(triangles).beta)
    beta[~able], ratio[~able] = np.nan, np.nan
    return _of_beta(triangles, beta, triangles.predicted - ratio * triangles.c**2, 1.0 + ratio)


def invert_moments(moments: F64) -> F64:
    """Return inverses of covariances of moments ``(b, q, q)``, NaN where they have not their rank.

    Examples
    --------
    >>> invert_moments(np.array([[[4.0]], [[0.0]]])).tolist()
    [[[0.25]], [[nan]]]
    """
    size = np.sqrt(np.einsum("bii->bi", moments))
    scale = size[:, :, None] * size[:, None, :]
    with np.errstate(divide="ignore", invalid="ignore"):
        shaped = moments / scale
        able = np.all(np.isfinite(shaped), axis=(1, 2))
        shaped[~able] = np.eye(moments.shape[1])
        values, vectors = np.linalg.eigh(shaped)
        able &= values[:, 0] > _NOTHING * values[:, -1]
        inverse = np.matmul(vectors / values[:, None, :], vectors.transpose(0, 2, 1)) / scale
    inverse[~able] = np.nan
    return np.asarray(inverse)


def _of_beta(triangles: Triangles, beta: F64, information: F64, kappa: F64) -> Estimates:
    with np.errstate(invalid="ignore", over="ignore"):
        along = triangles.b - triangles.a * beta[:, None]
        beyond = np.stack([triangles.d - triangles.c * beta, triangles.e], axis=1)
    return Estimates(beta, information, kappa, along, beyond)
