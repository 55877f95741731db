r"""Divide-aggregate composite-null test of mediation (DACT), with its correction.

Liu, Shen, Barfield, Schwartz, Baccarelli and Lin 2022, doi:10.1080/01621459.2021.1914634. The p
values of the three kinds of no mediation, p_a where b alone is there, p_b where a alone is, and
:math:`\max(p_a, p_b)^2` where neither is, are averaged with the shares of these kinds. The average
is no p value; its normal scores are brought back to a standard normal law by the estimates of Jin
and Cai 2007, doi:10.1198/016214507000000167.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri

from proteomr._typing import F64

__all__ = ["combine_paths", "estimate_null_law", "estimate_share_of_effects"]

# Frequencies at which characteristic functions are looked at, as the paper has them.
_STEPS, _PER_UNIT = 1000, 200
_GAMMA = 0.1  # the paper's: the frequency is where the size is m to the power of minus it
_WEIGHTED = 100  # intervals of the smoothing integral
_SMALLEST, _LARGEST = 1e-300, 1.0 - 1e-16  # p values whose scores are finite


def combine_paths(p_a: F64, p_b: F64) -> F64:
    """Return the corrected p values of no mediation ``(m,)``.

    Examples
    --------
    >>> generator = np.random.default_rng(1)
    >>> p = combine_paths(generator.random(2000), generator.random(2000))
    >>> bool(0.03 < (p < 0.05).mean() < 0.07)
    True
    """
    without_a, without_b = (1.0 - estimate_share_of_effects(_score(p)) for p in (p_a, p_b))
    shares = np.array(
        [without_a * (1.0 - without_b), (1.0 - without_a) * without_b, without_a * without_b]
    )
    total = shares.sum()
    shares = shares / total if total > 0.0 else np.array([0.0, 0.0, 1.0])
    raw = shares[0] * p_a + shares[1] * p_b + shares[2] * np.maximum(p_a, p_b) ** 2
    scores = _score(raw)
    mean, spread = estimate_null_law(scores)
    return np.asarray(ndtr(-(scores - mean) / spread))


def estimate_share_of_effects(z: F64) -> float:
    """Return the share of normal scores ``(m,)`` that are not of a standard normal law.

    Jin and Cai 2007: what smoothed characteristic functions lack, at most over all frequencies.

    Examples
    --------
    >>> generator = np.random.default_rng(1)
    >>> z = np.append(generator.normal(size=1800), generator.normal(3.0, 1.0, 200))
    >>> bool(0.05 < estimate_share_of_effects(z) < 0.15)
    True
    """
    places = np.arange(_WEIGHTED + 1) / _WEIGHTED
    weights = (1.0 - places) / (1.0 - places).sum()
    lacking = [0.0]
    for frequency in np.arange(0.1, np.sqrt(np.log(z.size)), 0.1).tolist():
        at = frequency * places
        waves = np.array([np.cos(step * z).mean() for step in at.tolist()])
        lacking.append(1.0 - float(weights @ (np.exp(at * at / 2.0) * waves)))
    return float(np.clip(max(lacking), 0.0, 1.0))


def estimate_null_law(z: F64) -> tuple[float, float]:
    """Return mean and standard deviation of the normal law that most scores ``(m,)`` are of.

    Jin and Cai 2007: from the characteristic function and its derivative at the first frequency
    where its size is ``m**-0.1``.

    Examples
    --------
    >>> z = np.random.default_rng(1).normal(0.5, 1.2, 5000)
    >>> [0.3 < of < 0.6 for of in estimate_null_law(z)]
    [True, False]
    """
    bound = z.size**-_GAMMA
    frequency = 0.0
    wave: complex = 1.0
    for step in range(1, _STEPS + 1):
        frequency = step / _PER_UNIT
        wave = complex(np.exp(1j * frequency * z).mean())
        if abs(wave) <= bound:
            break
    slope = complex((1j * z * np.exp(1j * frequency * z)).mean())
    size = abs(wave)
    falls = (wave.real * slope.real + wave.imag * slope.imag) / size
    turns = (wave.real * slope.imag - slope.real * wave.imag) / size**2
    return turns, float(np.sqrt(max(-falls / (frequency * size), np.finfo(float).tiny)))


def _score(p: F64) -> F64:
    """Return normal scores of p values, large for small ones."""
    return np.asarray(-ndtri(np.clip(p, _SMALLEST, _LARGEST)))
