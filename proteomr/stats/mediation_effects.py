"""What a mediation analysis says, as functions of the parameters that its models estimate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64

__all__ = [
    "Contrast",
    "Effects",
    "bend",
    "four_way_of_lines",
    "four_way_of_means",
    "percentages",
    "product_of_lines",
    "product_of_means",
    "sum_of_coefficients",
]

Numbers: TypeAlias = NDArray[Any]
"""Real, or complex where a derivative is taken by a step along the imaginary axis."""
_STEP = 1e-200  # squared it vanishes: the derivative has all its digits


@dataclass(frozen=True, slots=True)
class Contrast:
    """Which exposures are compared.

    Attributes
    ----------
    low, high : the exposure that is left, and the one that is come to.
    mediator : value at which the controlled direct effect holds the mediator.
    """

    low: float
    high: float
    mediator: float = 0.0


@dataclass(frozen=True, slots=True)
class Effects:
    """Quantities as a function of parameters.

    Attributes
    ----------
    names : of the q quantities.
    function : of parameters ``(..., P)``, the quantities ``(..., q)``.
    """

    names: tuple[str, ...]
    function: Callable[[Numbers], Numbers]

    def of(self, parameters: F64) -> F64:
        """Return the quantities ``(..., q)`` of parameters ``(..., P)``; not finite for none."""
        with np.errstate(all="ignore"):
            return np.asarray(self.function(parameters), dtype=np.float64)

    def gradient(self, parameters: F64) -> F64:
        """Return the derivatives ``(q, P)`` of the quantities at parameters ``(P,)``.

        Examples
        --------
        >>> square = Effects(("square",), lambda p: p**2)
        >>> square.gradient(np.array([3.0])).tolist()
        [[6.0]]
        """
        steps = parameters + 1j * _STEP * np.eye(parameters.size)
        with np.errstate(all="ignore"):
            return np.asarray(self.function(steps).imag.T / _STEP, dtype=np.float64)


def product_of_lines(contrast: Contrast, *, interaction: bool) -> Effects:
    r"""Return total, direct and indirect effects of a linear mediator and a linear outcome.

    With :math:`M = \beta_0 + \beta A + \ldots` and
    :math:`Y = \theta_A A + \theta_M M + \theta_{AM} A M + \ldots`, from a* to a: indirect
    :math:`\theta_M \beta (a - a^*)`, direct :math:`\theta_A (a - a^*)` (Baron and Kenny 1986,
    doi:10.1037/0022-3514.51.6.1173), and the total of the model without mediator, whose
    ``difference`` from the direct effect estimates the indirect one too. With an interaction
    direct and indirect are averages over both exposures, as in R's ``mediation``.

    Parameters of the function: ``beta_0, beta, theta_A, theta_M, theta_AM, total``, ``beta_0`` the
    mean of the mediator without exposure.

    Examples
    --------
    >>> effects = product_of_lines(Contrast(0.0, 1.0), interaction=False)
    >>> values = effects.of(np.array([0.0, 0.5, 0.3, 0.4, 0.0, 0.5]))
    >>> dict(zip(effects.names, values.round(3).tolist(), strict=True))
    {'total': 0.5, 'direct': 0.3, 'indirect': 0.2, 'proportion': 0.4, 'difference': 0.2}
    """
    low, high = contrast.low, contrast.high

    def function(p: Numbers) -> Numbers:
        beta_0, beta, by_a, by_m, by_am, total = np.moveaxis(p, -1, 0)
        d, middle = high - low, (high + low) / 2.0
        indirect = (by_m + by_am * middle) * beta * d
        direct = (by_a + by_am * (beta_0 + beta * middle)) * d
        whole = direct + indirect if interaction else total * d
        shown = [whole, direct, indirect, indirect / whole]
        return np.stack([*shown, *([] if interaction else [whole - direct])], axis=-1)

    names = ("total", "direct", "indirect", "proportion")
    return Effects(names if interaction else (*names, "difference"), function)


def product_of_means() -> Effects:
    r"""Return total, direct and indirect effects from means of the outcome.

    Of :math:`\mu(a, a')`, the mean of the outcome if all had exposure a and the mediator that they
    would have with exposure a' (Pearl 2001; Imai, Keele and Tingley 2010, doi:10.1037/a0020761):
    averages over both exposures of the other, as R's ``mediation`` gives.

    Parameters of the function: ``mu(1,1), mu(1,0), mu(0,1), mu(0,0)``.

    Examples
    --------
    >>> effects = product_of_means()
    >>> values = effects.of(np.array([0.4, 0.3, 0.25, 0.2]))
    >>> dict(zip(effects.names, values.round(3).tolist(), strict=True))
    {'total': 0.2, 'direct': 0.125, 'indirect': 0.075, 'proportion': 0.375}
    """

    def function(p: Numbers) -> Numbers:
        both, exposed, mediated, neither = np.moveaxis(p, -1, 0)
        indirect = ((both - exposed) + (mediated - neither)) / 2.0
        direct = ((exposed - neither) + (both - mediated)) / 2.0
        total = both - neither
        return np.stack([total, direct, indirect, indirect / total], axis=-1)

    return Effects(("total", "direct", "indirect", "proportion"), function)


_FOUR_WAY = ("cde", "int_ref", "int_med", "pie", "nde", "nie", "te", "proportion")


def four_way_of_lines(contrast: Contrast) -> Effects:
    r"""Return the four components of a total effect, of a linear mediator and outcome.

    VanderWeele 2014, doi:10.1097/EDE.0000000000000121, with m the value at which the mediator is
    held: :math:`CDE = (\theta_A + \theta_{AM} m)(a - a^*)`,
    :math:`INT_{ref} = \theta_{AM} (\beta_0 + \beta a^* - m)(a - a^*)`,
    :math:`INT_{med} = \theta_{AM} \beta (a - a^*)^2`,
    :math:`PIE = (\theta_M \beta + \theta_{AM} \beta a^*)(a - a^*)`. ``nde`` is the pure natural
    direct effect, the sum of the first two, ``nie`` the total natural indirect one, of the others.

    Parameters of the function: ``beta_0, beta, theta_A, theta_M, theta_AM``.

    Examples
    --------
    >>> effects = four_way_of_lines(Contrast(0.0, 1.0))
    >>> values = effects.of(np.array([1.0, 0.5, 0.3, 0.4, 0.2]))
    >>> dict(zip(effects.names[:4], values[:4].round(3).tolist(), strict=True))
    {'cde': 0.3, 'int_ref': 0.2, 'int_med': 0.1, 'pie': 0.2}
    """
    low, high, m = contrast.low, contrast.high, contrast.mediator

    def function(p: Numbers) -> Numbers:
        beta_0, beta, by_a, by_m, by_am = np.moveaxis(p, -1, 0)
        d = high - low
        cde = (by_a + by_am * m) * d
        reference = by_am * (beta_0 + beta * low - m) * d
        mediated = by_am * beta * d * d
        pure = (by_m * beta + by_am * beta * low) * d
        return _join_four(cde, reference, mediated, pure)

    return Effects(_FOUR_WAY, function)


def four_way_of_means() -> Effects:
    """Return the four components of a total effect from means of the outcome.

    Parameters of the function: those of :func:`product_of_means`, and the means with the mediator
    held at a value, with exposure and without.

    Examples
    --------
    >>> four_way_of_means().of(np.array([0.4, 0.3, 0.25, 0.2, 0.28, 0.2]))[:4].round(3).tolist()
    [0.08, 0.02, 0.05, 0.05]
    """

    def function(p: Numbers) -> Numbers:
        both, exposed, mediated, neither, held_exposed, held = np.moveaxis(p, -1, 0)
        cde = held_exposed - held
        pure = mediated - neither
        return _join_four(cde, exposed - neither - cde, both - exposed - pure, pure)

    return Effects(_FOUR_WAY, function)


def _join_four(cde: Numbers, reference: Numbers, mediated: Numbers, pure: Numbers) -> Numbers:
    nde, nie = cde + reference, mediated + pure
    return np.stack(
        [cde, reference, mediated, pure, nde, nie, nde + nie, nie / (nde + nie)], axis=-1
    )


def percentages() -> Effects:
    r"""Return the percentage of an excess hazard that goes with adjustment for the mediator.

    :math:`(HR_1 - HR_2) / (HR_1 - 1) \cdot 100`, and with logarithms
    :math:`(\log HR_1 - \log HR_2) / \log HR_1 \cdot 100`; HR_1 without and HR_2 with the mediator.
    Nothing is clipped: both explode where HR_1 is near 1.

    Parameters of the function: ``log HR_1, log HR_2``.

    Examples
    --------
    >>> percentages().of(np.log([1.5, 1.25])).round(2).tolist()
    [50.0, 44.97, 0.41, 0.22, 0.18]
    """

    def function(p: Numbers) -> Numbers:
        first, second = np.moveaxis(p, -1, 0)
        hazard = 100.0 * np.exp(second) * np.expm1(first - second) / np.expm1(first)
        return np.stack(
            [hazard, 100.0 * (first - second) / first, first, second, first - second], axis=-1
        )

    return Effects(("perm", "perm_log", "total", "direct", "indirect"), function)


def sum_of_coefficients() -> Effects:
    """Return total, direct and indirect effects that a model has as coefficients.

    Parameters of the function: ``direct, indirect``.

    Examples
    --------
    >>> sum_of_coefficients().of(np.array([0.3, 0.1])).round(2).tolist()
    [0.4, 0.3, 0.1, 0.25]
    """

    def function(p: Numbers) -> Numbers:
        direct, indirect = np.moveaxis(p, -1, 0)
        total = direct + indirect
        return np.stack([total, direct, indirect, indirect / total], axis=-1)

    return Effects(("total", "direct", "indirect", "proportion"), function)


def bend(
    function: Callable[[Numbers], Numbers], focal: F64, curvatures: F64
) -> Callable[[Numbers], Numbers]:
    """Return a function of means as one of means and focal coefficients, to second order.

    Parameters
    ----------
    focal : ``(f,)``, where nothing is bent.
    curvatures : ``(c, f, f)``, second derivatives of each mean by them.

    Examples
    --------
    >>> bent = bend(lambda means: means[..., :1], np.zeros(1), np.full((1, 1, 1), 2.0))
    >>> bent(np.array([1.0, 3.0])).tolist()  # 1 + 3 * 2 * 3 / 2
    [10.0]
    """
    count = curvatures.shape[0]

    def bent(p: Numbers) -> Numbers:
        away = p[..., count:] - focal
        second = np.einsum("...j,cjk,...k->...c", away, curvatures, away) / 2.0
        return function(p[..., :count] + second)

    return bent
