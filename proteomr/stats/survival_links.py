"""Scales on which parametric survival models are linear: ``g(S(t)) = eta``, and its likelihood.

Royston and Parmar 2002 (doi:10.1002/sim.1203): the logarithm of the cumulative hazard
(proportional hazards), that of the odds of failure (proportional odds), and the normal deviate of
the probability of failure. With ``s'`` the slope of eta in log time, a person who fails at t adds
``log s' - log t + a(eta)`` to the log-likelihood, one who does not ``b(eta) = log S``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, Protocol, TypeAlias

import numpy as np
from scipy.special import erfcx, expit, log_ndtr

from proteomr._typing import F64

__all__ = ["SCALES", "Derivatives", "HazardScale", "NormalScale", "OddsScale", "Scale", "ScaleName"]

ScaleName: TypeAlias = Literal["hazard", "odds", "normal"]
# Of the normal density.
_LOG_ROOT_TWO_PI = 0.5 * float(np.log(2.0 * np.pi))
_ROOT_HALF = float(np.sqrt(0.5))  # erfcx is of the normal distribution with variance 1/2


@dataclass(frozen=True, slots=True)
class Derivatives:
    """A function of eta, its slope and its curvature, each ``(n,)``."""

    value: F64
    slope: F64
    curvature: F64


class Scale(Protocol):
    """A scale: what survival to eta, and failure at it, add to a log-likelihood."""

    def survive(self, eta: F64) -> Derivatives:
        """Return the logarithm of the probability of survival."""
        ...

    def fail(self, eta: F64) -> Derivatives:
        """Return the logarithm of the density of eta."""
        ...


@dataclass(frozen=True, slots=True)
class HazardScale:
    """``eta = log H(t)``: effects are log hazard ratios.

    Examples
    --------
    >>> HazardScale().survive(np.array([0.0])).value.tolist()
    [-1.0]
    """

    def survive(self, eta: F64) -> Derivatives:
        """Return the logarithm of the probability of survival."""
        with np.errstate(over="ignore"):
            minus = -np.exp(eta)
        return Derivatives(minus, minus, minus)

    def fail(self, eta: F64) -> Derivatives:
        """Return the logarithm of the density of eta."""
        with np.errstate(over="ignore"):
            minus = -np.exp(eta)
        return Derivatives(eta + minus, 1.0 + minus, minus)


@dataclass(frozen=True, slots=True)
class OddsScale:
    """``eta = log((1 - S) / S)``: effects are log odds ratios of failure.

    Examples
    --------
    >>> OddsScale().survive(np.array([0.0])).value.round(4).tolist()
    [-0.6931]
    """

    def survive(self, eta: F64) -> Derivatives:
        """Return the logarithm of the probability of survival."""
        p, rest = expit(eta), expit(-eta)
        return Derivatives(-np.logaddexp(0.0, eta), -p, -p * rest)

    def fail(self, eta: F64) -> Derivatives:
        """Return the logarithm of the density of eta."""
        p, rest = expit(eta), expit(-eta)
        return Derivatives(eta - 2.0 * np.logaddexp(0.0, eta), rest - p, -2.0 * p * rest)


@dataclass(frozen=True, slots=True)
class NormalScale:
    """``eta = Phi^-1(1 - S)``.

    Examples
    --------
    >>> NormalScale().survive(np.array([0.0])).value.round(4).tolist()
    [-0.6931]
    """

    def survive(self, eta: F64) -> Derivatives:
        """Return the logarithm of the probability of survival."""
        # The normal density over its upper tail, which neither overflows nor cancels.
        mills = np.sqrt(2.0 / np.pi) / erfcx(eta * _ROOT_HALF)
        return Derivatives(log_ndtr(-eta), -mills, -mills * (mills - eta))

    def fail(self, eta: F64) -> Derivatives:
        """Return the logarithm of the density of eta."""
        value = -0.5 * eta * eta - _LOG_ROOT_TWO_PI
        return Derivatives(value, -eta, np.full(eta.shape, -1.0))


SCALES: Final[Mapping[ScaleName, Scale]] = MappingProxyType(
    {"hazard": HazardScale(), "odds": OddsScale(), "normal": NormalScale()}
)
