r"""Tests of a ratio of effects that hold whatever the strength of the instruments, and their sets.

Of effects :math:`x \sim N(\gamma, \Sigma_x)` and :math:`y \sim N(\theta\gamma, \Sigma_y)`,
independent of each other,

.. math:: S = (\Sigma_y + \theta^2 \Sigma_x)^{-1/2} (y - \theta x), \qquad
    T = (\Sigma_x^{-1} + \theta^2 \Sigma_y^{-1})^{-1/2} (\Sigma_x^{-1} x + \theta \Sigma_y^{-1} y)

are independent at the true :math:`\theta`, with symmetric roots, and S is standard normal (Wang and
Kang 2022, doi:10.1111/biom.13524). All lines through the origin are looked at as angles, on which
everything is smooth and an infinite ratio is a point as any other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, TypeAlias

import numpy as np
from scipy.optimize import brentq
from scipy.special import chdtrc, chdtri, gammaln

from proteomr._typing import F64, Bool
from proteomr.stats.correlated_effects import Diagonal, diagonalise
from proteomr.stats.distributions import neg_log10_p_chi2

__all__ = ["Interval", "RatioTests", "clr_minus_log10_p"]

Interval: TypeAlias = tuple[float, float]
"""Ends of a part of a set; an infinite one is open."""

_NODES: Final = 256  # of the integral over angles: 1e-12 from 1 to 2,000 instruments
_UNIFORM: Final = 181  # angles that are looked at whatever the data, one per degree
_PER_TURN: Final = 16.0  # angles in the time in which S and T exchange one unit of length
_FEWEST, _MOST = 2_000, 100_000  # angles of the search in the diagonal basis
_BLOCK: Final = 1 << 20  # numbers at a time
_AROUND: Final = np.array([0.0, 0.03, 0.1, 0.3, 1.0, 3.0])  # units of length beside a guide
_SETTLED: Final = 1e-14  # of an angle: rounding


@dataclass(frozen=True, slots=True, eq=False)
class RatioTests:
    """The Anderson-Rubin, K and conditional likelihood ratio (CLR) tests of a ratio.

    Parameters
    ----------
    x, y : (m,) effects.
    covariance_x, covariance_y : (m, m), positive definite.

    Examples
    --------
    >>> one = np.eye(2)
    >>> tests = RatioTests(np.array([9.0, 0.0]), np.array([4.5, 0.0]), one, one)
    >>> [round(end, 3) for end in tests.find_sets(level=0.95)["k"][0]]
    [0.274, 0.776]
    """

    x: F64
    y: F64
    covariance_x: F64
    covariance_y: F64

    def measure(self, ratio: float) -> dict[str, float]:
        """Return -log10 p of a ratio by test: ``clr``, ``k``, ``ar``.

        Parameters
        ----------
        ratio : the hypothesis.
        """
        angle = math.atan(ratio * self._unit())
        qs, qst, qt = self._square(np.array([angle]))[:, 0]
        m = self.x.size
        return {
            "clr": clr_minus_log10_p(float(_clr(qs, qst, qt)), float(qt), m),
            "k": float(neg_log10_p_chi2(qst**2 / qt if qt > 0 else 0.0, 1.0)),
            "ar": float(neg_log10_p_chi2(qs, float(m))),
        }

    def find_sets(self, *, level: float) -> dict[str, tuple[Interval, ...]]:
        """Return the ratios that each test does not reject, as parts from low to high.

        As a test of the score, that of K does not reject what fits worst either, where the
        likelihood is flat too: parts in which the residuals S are longer than T, which tells of the
        instruments, stand apart under ``k_misfit``. K's set is both together.

        Parameters
        ----------
        level : of confidence.

        Returns
        -------
        sets : of ``clr``, ``k``, ``ar``, and ``k_misfit`` where there is such a part.
        """
        alpha = 1.0 - level
        angles = self._list_angles(alpha)
        squares = self._square(angles)
        sets: dict[str, tuple[Interval, ...]] = {}
        for test in ("clr", "k", "ar"):
            judge = self._judge(test, alpha)
            inside = judge(squares) > 0.0
            turns = np.flatnonzero(inside[1:] != inside[:-1])
            ends = [self._cross(judge, angles[k], angles[k + 1]) for k in turns]
            sets[test] = _join_parts(
                ends, first=bool(inside[0]), last=bool(inside[-1]), unit=self._unit()
            )
        misfits = self._find_misfits(sets["k"])
        if misfits:
            sets["k"] = tuple(part for part in sets["k"] if part not in misfits)
            sets["k_misfit"] = misfits
        return sets

    def _find_misfits(self, parts: Sequence[Interval]) -> tuple[Interval, ...]:
        """Return the parts in whose middle S is longer than T, unless all are such."""
        unit = self._unit()
        middles = [0.5 * (math.atan(low * unit) + math.atan(high * unit)) for low, high in parts]
        qs, _, qt = self._square(np.array(middles))
        far = [part for part, longer in zip(parts, qs > qt, strict=True) if longer]
        return tuple(far) if len(far) < len(parts) else ()

    def _unit(self) -> float:
        """Return the ratio of the sizes of both errors: that of 45 degrees."""
        return math.sqrt(np.trace(self.covariance_x) / np.trace(self.covariance_y))

    def _cross(self, judge: Callable[[F64], F64], low: float, high: float) -> float:
        """Return the angle at which a test changes its mind."""

        def value(angle: float) -> float:
            return float(judge(self._square(np.array([angle])))[0])

        return float(brentq(value, low, high, xtol=_SETTLED, rtol=4 * np.finfo(float).eps))

    def _square(self, angles: F64) -> F64:
        """Return S'S, S'T and T'T at angles (k,), (3, k)."""
        m = self.x.size
        out = np.empty((3, angles.size))
        unit = self._unit()
        of_x, of_y = self.covariance_x / unit**2, self.covariance_y
        x, y = self.x / unit, self.y
        inverse_x, inverse_y = np.linalg.inv(of_x), np.linalg.inv(of_y)
        whole_x, whole_y = inverse_x @ x, inverse_y @ y
        size = max(1, _BLOCK // (m * m))
        for first in range(0, angles.size, size):
            block = angles[first : first + size]
            c, s = np.cos(block)[:, None], np.sin(block)[:, None]
            c2, s2 = (c**2)[:, :, None], (s**2)[:, :, None]
            left = _rotate(c2 * of_y + s2 * of_x, c * y - s * x)
            right = _rotate(c2 * inverse_x + s2 * inverse_y, c * whole_x + s * whole_y)
            here = slice(first, first + size)
            out[0, here] = np.sum(left**2, axis=1)
            out[1, here] = np.sum(left * right, axis=1)
            out[2, here] = np.sum(right**2, axis=1)
        return out

    def _judge(self, test: str, alpha: float) -> Callable[[F64], F64]:
        """Return a function of S'S, S'T, T'T that is above zero where a ratio is not rejected."""
        m = self.x.size
        match test:
            case "ar":
                most = float(chdtri(m, alpha))
                return lambda squares: most - squares[0]
            case "k":
                one = float(chdtri(1, alpha))
                return lambda squares: one * squares[2] - squares[1] ** 2
            case "clr":
                return lambda squares: _judge_clr(squares, m=m, alpha=alpha)
        raise ValueError(test)

    def _list_angles(self, alpha: float) -> F64:
        """Return the angles to look at: one a degree, and around whatever turns of a like problem.

        With roots in the basis in which both covariances are diagonal the tests cost next to
        nothing; where the covariances are multiples of each other they are these very tests.
        """
        both = diagonalise(
            self.x, self.y, covariance_x=self.covariance_x, covariance_y=self.covariance_y
        )
        unit = self._unit()
        like = Diagonal(both.x / unit, both.y, both.spread / unit**2)
        length = math.sqrt(float(np.sum(like.x**2 / like.spread) + np.sum(like.y**2)))
        count = int(np.clip(_PER_TURN * length, _FEWEST, _MOST))
        fine = np.linspace(-0.5 * math.pi, 0.5 * math.pi, count)
        squares = _square_diagonal(like, fine)
        changes = [squares[1], *(self._judge(test, alpha)(squares) for test in ("ar", "k", "clr"))]
        guides = [fine[np.flatnonzero(_signs(one)[1:] != _signs(one)[:-1])] for one in changes]
        near = np.concatenate(guides)[:, None]
        offsets = np.concatenate([-_AROUND[1:], _AROUND]) / max(length, 1.0)
        around = np.clip(near + offsets, fine[0], fine[-1]).ravel()
        uniform = np.linspace(fine[0], fine[-1], _UNIFORM)
        return np.unique(np.concatenate([uniform, around]))


def clr_minus_log10_p(statistic: float, strength: float, instruments: int) -> float:
    r"""Return -log10 p of the conditional likelihood ratio, given the length of T.

    .. math:: p = E\left[ P\left(\chi^2_m > \frac{q + c}{1 + q B / c}\right) \right], \quad
        B \sim \operatorname{Beta}(\tfrac12, \tfrac{m - 1}2)

    Source: Andrews, Moreira and Stock 2007, doi:10.1016/j.jeconom.2006.07.012.

    Parameters
    ----------
    statistic : c.
    strength : q, the squared length of T.
    instruments : m.

    Examples
    --------
    >>> round(clr_minus_log10_p(3.841459, 1e9, 5), 4)
    1.301
    """
    if instruments == 1 or not statistic > 0:
        return float(neg_log10_p_chi2(max(statistic, 0.0), 1.0))
    sines, log_weights = _weigh_angles(instruments)
    bound = (strength + statistic) / (1.0 + strength * sines / statistic)
    terms = log_weights / math.log(10.0) - neg_log10_p_chi2(bound, float(instruments))
    top = float(terms.max())
    return max(0.0, -(top + math.log10(float(np.sum(10.0 ** (terms - top))))))


@cache
def _weigh_angles(instruments: int) -> tuple[F64, F64]:
    """Return squared sines and log weights of the nodes; the weights sum to one."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    angle = 0.25 * math.pi * (nodes + 1.0)
    constant = gammaln(instruments / 2) - gammaln((instruments - 1) / 2) - 0.5 * math.log(math.pi)
    log = np.log(weights * 0.25 * math.pi * 2.0) + constant
    return np.sin(angle) ** 2, np.asarray(log + (instruments - 2) * np.log(np.cos(angle)))


def _judge_clr(squares: F64, *, m: int, alpha: float) -> F64:
    """Return p less alpha; where bounds on the critical value settle it, their distance."""
    qs, qst, qt = squares
    statistic = _clr(qs, qst, qt)
    least, most = float(chdtri(1, alpha)), float(chdtri(m, alpha))
    out = np.where(statistic < least, 1.0, -1.0)
    open_ = (statistic >= least) & (statistic <= most) if m > 1 else np.zeros(qs.shape, np.bool_)
    if m == 1:
        return least - statistic
    sines, log_weights = _weigh_angles(m)
    for k in np.flatnonzero(open_):
        bound = (qt[k] + statistic[k]) / (1.0 + qt[k] * sines / statistic[k])
        out[k] = float(np.sum(np.exp(log_weights) * chdtrc(m, bound))) - alpha
    return out


def _clr(qs: F64, qst: F64, qt: F64) -> F64:
    """Return the likelihood ratio, of no difference of large numbers."""
    root: F64 = np.sqrt((qs - qt) ** 2 + 4.0 * np.square(qst))
    ahead: F64 = np.maximum(qs - qt, 0.0)
    small: F64 = 2.0 * np.square(qst) / np.maximum(root + np.abs(qs - qt), np.finfo(float).tiny)
    return np.asarray(ahead + small)


def _rotate(covariances: F64, effects: F64) -> F64:
    """Return effects (k, m) times the inverse symmetric roots of covariances (k, m, m)."""
    values, vectors = np.linalg.eigh(covariances)
    inner = np.einsum("kij,ki->kj", vectors, effects) / np.sqrt(values)
    return np.asarray(np.einsum("kij,kj->ki", vectors, inner))


def _square_diagonal(both: Diagonal, angles: F64) -> F64:
    """Return S'S, S'T and T'T with roots in the diagonal basis, (3, k)."""
    out = np.empty((3, angles.size))
    size = max(1, _BLOCK // both.x.size)
    root = np.sqrt(both.spread)
    for first in range(0, angles.size, size):
        block = angles[first : first + size, None]
        c, s = np.cos(block), np.sin(block)
        variance = np.sqrt(c**2 + s**2 * both.spread)
        left = (c * both.y - s * both.x) / variance
        right = (c * both.x / root + s * root * both.y) / variance
        here = slice(first, first + size)
        out[0, here] = np.sum(left**2, axis=1)
        out[1, here] = np.sum(left * right, axis=1)
        out[2, here] = np.sum(right**2, axis=1)
    return out


def _signs(values: F64) -> Bool:
    return np.asarray(values > 0.0)


def _join_parts(
    ends: Sequence[float], *, first: bool, last: bool, unit: float
) -> tuple[Interval, ...]:
    """Return the parts between the angles of crossings as ratios; the outermost may be open."""
    ratios = [math.tan(end) / unit for end in ends]
    bounds = [*([-math.inf] if first else []), *ratios, *([math.inf] if last else [])]
    return tuple(zip(bounds[::2], bounds[1::2], strict=True))
