"""Derivatives of the log likelihood of a spike and a wide normal component, up to the third."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64

__all__ = ["Derivatives", "differentiate_spike"]


@dataclass(frozen=True, slots=True, eq=False)
class Derivatives:
    """Derivatives of the density of each variant, over the density itself.

    The letters are p (share of the spike), s (variance of the others), t (slope), and y and x (the
    effects of the variant), in the order p, s, t, y, x; what is absent is zero.

    Parameters
    ----------
    density : by letters, (m,) each.
    """

    density: Mapping[str, F64]

    def each(self, letters: str) -> F64:
        """Return a derivative of the log density of each variant.

        Parameters
        ----------
        letters : one, two or three of those of the class.
        """
        of = self._of
        if len(letters) == 1:
            return of(letters)
        if len(letters) == 2:
            return of(letters) - of(letters[0]) * of(letters[1])
        a, b, c = letters[0], letters[1], letters[2]
        pairs = of(a + b) * of(c) + of(a + c) * of(b) + of(b + c) * of(a)
        return of(letters) - pairs + 2 * of(a) * of(b) * of(c)

    def total(self, letters: str) -> float:
        """Return a derivative of the log likelihood.

        Parameters
        ----------
        letters : see `each`.
        """
        return float(np.sum(self.each(letters)))

    def _of(self, letters: str) -> F64:
        key = "".join(sorted(letters, key="pstyx".index))
        return self.density.get(key, np.zeros(1))


def differentiate_spike(
    x: F64, y: F64, sx: F64, sy: F64, *, slope: float, share: float, variance: float
) -> Derivatives:
    r"""Return the derivatives of :math:`\pi N(r; 0, v) + (1 - \pi) N(r; 0, \sigma^2)`.

    Here :math:`r = y - \theta x` and :math:`v = s_y^2 + \theta^2 s_x^2`. By the heat equation a
    derivative by a variance is half the second by r.

    Parameters
    ----------
    x, y, sx, sy : (m,).
    slope, share, variance : :math:`\theta, \pi, \sigma^2`.
    """
    r, v = y - slope * x, sy**2 + (slope * sx) ** 2
    rest, by_v, twice = 1.0 - share, 2.0 * slope * sx**2, 2.0 * sx**2
    logs = [-0.5 * (np.log(each) + r**2 / each) for each in (v, np.full(v.shape, variance))]
    largest = np.maximum(*logs)
    f = _by_residual(np.exp(logs[0] - largest), r, v, order=4)
    g = _by_residual(np.exp(logs[1] - largest), r, np.full(v.shape, variance), order=6)
    f_t, g_t = -x * f[1] + 0.5 * by_v * f[2], -x * g[1]
    f_tt = x**2 * f[2] - x * by_v * f[3] + 0.25 * by_v**2 * f[4] + 0.5 * twice * f[2]
    g_tt = x**2 * g[2]
    f_ty, g_ty = -x * f[2] + 0.5 * by_v * f[3], -x * g[2]
    f_tx, g_tx = -slope * f_ty - f[1], -slope * g_ty - g[1]
    density = {
        "p": f[0] - g[0],
        "s": rest * 0.5 * g[2],
        "t": share * f_t + rest * g_t,
        "ps": -0.5 * g[2],
        "pt": f_t - g_t,
        "ss": rest * 0.25 * g[4],
        "st": -rest * 0.5 * x * g[3],
        "tt": share * f_tt + rest * g_tt,
        "pss": -0.25 * g[4],
        "pst": 0.5 * x * g[3],
        "ptt": f_tt - g_tt,
        "sss": rest * 0.125 * g[6],
        "sst": -rest * 0.25 * x * g[5],
        "stt": rest * 0.5 * x**2 * g[4],
        "y": share * f[1] + rest * g[1],
        "py": f[1] - g[1],
        "sy": rest * 0.5 * g[3],
        "ty": share * f_ty + rest * g_ty,
        "psy": -0.5 * g[3],
        "pty": f_ty - g_ty,
        "ssy": rest * 0.25 * g[5],
        "sty": -rest * 0.5 * x * g[4],
    }
    density |= {
        name.replace("y", "x"): -slope * density[name] for name in ("y", "py", "sy", "psy", "ssy")
    }
    density |= {
        "tx": share * f_tx + rest * g_tx,
        "ptx": f_tx - g_tx,
        "stx": rest * 0.5 * (slope * x * g[4] - g[3]),
    }
    whole = share * f[0] + rest * g[0]
    return Derivatives({name: value / whole for name, value in density.items()})


def _by_residual(density: F64, r: F64, v: F64, *, order: int) -> list[F64]:
    """Return a normal density and its derivatives by the residual (Hermite's recurrence)."""
    found = [density, -r / v * density]
    for k in range(1, order):
        found.append(-(r * found[k] + k * found[k - 1]) / v)
    return found
