"""Effects of variants on an exposure and an outcome, drawn under a known causal effect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64
from proteomr.errors import UsageError, nearest

__all__ = [
    "PLEIOTROPIES",
    "REVERSE_EFFECT",
    "Pleiotropy",
    "SummaryEffects",
    "SummaryTruth",
    "draw_direct_effects",
    "draw_exposure_effects",
    "draw_summary_effects",
    "standard_errors",
]

Pleiotropy: TypeAlias = Literal["none", "balanced", "directional", "correlated", "reverse"]
"""How invalid variants act on the outcome other than through the exposure."""

PLEIOTROPIES: tuple[Pleiotropy, ...] = get_args(Pleiotropy)

_BALANCED_SD = 0.5
_DIRECTIONAL_MEAN, _DIRECTIONAL_SD = 0.5, 0.2
_CONFOUNDER = 0.8
REVERSE_EFFECT = 0.4
_RAREST = 0.1


@dataclass(frozen=True, slots=True)
class SummaryTruth:
    """What the effects are drawn from.

    Parameters
    ----------
    effect : causal effect, SD of the outcome per SD of the exposure.
    pleiotropy : ``none``; ``balanced``, direct effects around zero; ``directional``, direct effects
        of one sign that are independent of the effects on the exposure (InSIDE holds);
        ``correlated``, through a confounder of exposure and outcome (InSIDE is violated);
        ``reverse``, variants of the outcome that reach the exposure through it.
    instruments : number of variants.
    strength : mean F over the variants, above 1.
    invalid_share : share of the variants that have a direct effect.
    people_exposure, people_outcome : sizes of two samples without a person in common.

    Raises
    ------
    UsageError
        A number is out of its range, or the pleiotropy is unknown.

    Examples
    --------
    >>> SummaryTruth(effect=0.2, pleiotropy="balanced").invalid
    9
    """

    effect: float = 0.0
    pleiotropy: Pleiotropy = "none"
    instruments: int = 30
    strength: float = 60.0
    invalid_share: float = 0.3
    people_exposure: int = 100_000
    people_outcome: int = 100_000

    def __post_init__(self) -> None:
        if self.pleiotropy not in PLEIOTROPIES:
            hint = nearest(self.pleiotropy, PLEIOTROPIES)
            choices = ", ".join(PLEIOTROPIES)
            raise UsageError(f"no pleiotropy called {self.pleiotropy!r}{hint}; known: {choices}")
        if self.instruments < 1:
            raise UsageError(f"cannot simulate {self.instruments} instruments: choose 1 or more")
        if not self.strength > 1:
            raise UsageError(f"a mean F of {self.strength:g} is not above 1")
        if not 0 <= self.invalid_share <= 1:
            raise UsageError(f"a share of {self.invalid_share:g} invalid variants is not in 0 to 1")
        if min(self.people_exposure, self.people_outcome) < 1000:
            raise UsageError("samples of fewer than 1,000 people cannot be simulated")

    @property
    def invalid(self) -> int:
        """Number of variants with a direct effect."""
        share = 0.0 if self.pleiotropy == "none" else self.invalid_share
        return round(share * self.instruments)


@dataclass(frozen=True, slots=True, eq=False)
class SummaryEffects:
    """Effects of m variants as two studies would report them, and the truth behind them.

    Parameters
    ----------
    eaf : (m,) frequency of the effect allele.
    beta_x, se_x, beta_y, se_y : (m,) estimated effects and standard errors.
    gamma : (m,) true effects on the exposure.
    alpha : (m,) true effects on the outcome that bypass the exposure.
    """

    eaf: F64
    beta_x: F64
    se_x: F64
    beta_y: F64
    se_y: F64
    gamma: F64
    alpha: F64


def draw_summary_effects(truth: SummaryTruth, /, *, random: Generator) -> SummaryEffects:
    r"""Return the effects of independent variants on an exposure and on an outcome.

    .. math::
        \hat\gamma_j \sim N(\gamma_j, s_{xj}^2), \qquad
        \hat\Gamma_j \sim N(\theta \gamma_j + \alpha_j, s_{yj}^2), \qquad
        s_j^2 = \frac{1}{2 f_j (1 - f_j) n}

    as in the simulations of Bowden, Davey Smith, Haycock and Burgess 2016,
    doi:10.1002/gepi.21965, without genotypes. The variants are taken as chosen in other data, so
    that there is no winner's curse, and which allele counts is a coin's toss.

    Parameters
    ----------
    truth : causal effect, pleiotropy, sizes.
    random : the generator.

    Examples
    --------
    >>> drawn = draw_summary_effects(SummaryTruth(), random=np.random.default_rng(1))
    >>> drawn.beta_x.shape, bool((drawn.alpha == 0).all())
    ((30,), True)
    """
    m = truth.instruments
    eaf = random.uniform(_RAREST, 1 - _RAREST, m)
    se_x = standard_errors(eaf, people=truth.people_exposure)
    se_y = standard_errors(eaf, people=truth.people_outcome)
    gamma = draw_exposure_effects(se_x, strength=truth.strength, random=random)
    alpha = draw_direct_effects(gamma, truth, random=random)
    outcome = truth.effect * gamma + alpha
    return SummaryEffects(
        eaf=eaf,
        beta_x=gamma + se_x * random.standard_normal(m),
        se_x=se_x,
        beta_y=outcome + se_y * random.standard_normal(m),
        se_y=se_y,
        gamma=gamma,
        alpha=alpha,
    )


def standard_errors(eaf: F64, /, *, people: int) -> F64:
    """Return standard errors of effects on a trait of variance one.

    Examples
    --------
    >>> standard_errors(np.array([0.5]), people=20_000).tolist()
    [0.01]
    """
    return np.asarray(1 / np.sqrt(2 * eaf * (1 - eaf) * people))


def draw_exposure_effects(se: F64, /, *, strength: float, random: Generator) -> F64:
    """Return effects on the exposure of either sign, with a mean F as asked for.

    Their sizes are uniform between one half and three halves of their mean, whatever the
    frequency.

    Parameters
    ----------
    se : (m,) standard errors.
    strength : the mean of 1 + (effect / se)^2.
    random : the generator.

    Examples
    --------
    >>> se = np.full(4, 0.01)
    >>> effects = draw_exposure_effects(se, strength=60, random=np.random.default_rng(1))
    >>> round(float(np.mean(1 + (effects / se) ** 2)), 6)
    60.0
    """
    size = random.uniform(0.5, 1.5, len(se))
    scale = np.sqrt((strength - 1) / np.mean((size / se) ** 2))
    return np.asarray(random.choice([-1.0, 1.0], len(se)) * scale * size)


def draw_direct_effects(gamma: F64, truth: SummaryTruth, /, *, random: Generator) -> F64:
    r"""Return effects on the outcome that bypass the exposure, zero for the valid variants.

    With :math:`g` the mean of :math:`|\gamma|`, counted for the allele that raises the exposure:
    balanced :math:`N(0, (0.5 g)^2)`; directional :math:`N(0.5 g, (0.2 g)^2)`; correlated
    :math:`0.8 u_j \gamma_j`, a share :math:`u_j`, uniform between 0 and 1, of the effect on the
    exposure coming through a confounder that acts on the outcome 0.8 times as it does on the
    exposure; reverse :math:`\gamma_j (1 / 0.4 - \theta)`, so that the outcome's effect is
    :math:`\gamma_j / 0.4`.

    Parameters
    ----------
    gamma : (m,) true effects on the exposure.
    truth : pleiotropy and the share of invalid variants.
    random : the generator.

    Examples
    --------
    >>> truth = SummaryTruth(pleiotropy="directional", instruments=10)
    >>> gamma = np.full(10, 0.05)
    >>> int(np.count_nonzero(draw_direct_effects(gamma, truth, random=np.random.default_rng(1))))
    3
    """
    alpha = np.zeros(len(gamma))
    rows = random.permutation(len(gamma))[: truth.invalid]
    k, typical = len(rows), float(np.mean(np.abs(gamma)))
    sign = np.sign(gamma[rows])
    match truth.pleiotropy:
        case "none":
            pass
        case "balanced":
            alpha[rows] = typical * _BALANCED_SD * random.standard_normal(k)
        case "directional":
            drawn = _DIRECTIONAL_MEAN + _DIRECTIONAL_SD * random.standard_normal(k)
            alpha[rows] = sign * typical * drawn
        case "correlated":
            alpha[rows] = _CONFOUNDER * random.uniform(0, 1, k) * gamma[rows]
        case "reverse":
            alpha[rows] = gamma[rows] * (1 / REVERSE_EFFECT - truth.effect)
    return alpha
