"""The most frequent of the variants' ratios: five modes from the same draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

import numpy as np
from numpy.random import Generator
from scipy import special

from proteomr._typing import F64
from proteomr.mr.methods.base import Convention, Estimate, MethodStatus, conclude, refuse
from proteomr.stats.density_modes import find_modes
from proteomr.stats.kernel_density import mode_bandwidth, prepare_grid
from proteomr.tables import Harmonised

__all__ = [
    "ModeName",
    "ModeOptions",
    "Modes",
    "PenalisedMode",
    "SimpleMode",
    "SimpleModeNome",
    "WeightedMode",
    "WeightedModeNome",
    "fit_chosen_modes",
    "fit_modes",
]

ModeName: TypeAlias = Literal["simple", "weighted", "penalised", "simple_nome", "weighted_nome"]

_NAMES: tuple[ModeName, ...] = ("simple", "weighted", "penalised", "simple_nome", "weighted_nome")
_FEWEST = 3
_NARROWEST = 1e-8
_MAD = 1.4826
_NUMBERS_PER_BLOCK = 1 << 20
_REFERENCE = "10.1093/ije/dyx102"


@dataclass(frozen=True, slots=True)
class ModeOptions:
    """How modes are found.

    Parameters
    ----------
    phi : factor on the bandwidth.
    draws : sets of ratios drawn for the standard error.
    penalty : factor on the p value of a variant's distance from the weighted mode, in the
        penalised mode.
    convention : ``twosamplemr`` takes p from Student's t and keeps the bandwidth at 1e-8 or more;
        ``mendelianrandomization`` takes p from the normal distribution.
    """

    phi: float = 1.0
    draws: int = 1000
    penalty: float = 20.0
    convention: Convention = "twosamplemr"


@dataclass(frozen=True, slots=True)
class Modes:
    """The five modes of one set of variants, from the same draws."""

    simple: Estimate
    weighted: Estimate
    penalised: Estimate
    simple_nome: Estimate
    weighted_nome: Estimate


@dataclass(frozen=True, slots=True)
class _Ratios:
    value: F64
    se: F64
    se_nome: F64


def fit_modes(data: Harmonised, *, random: Generator, options: ModeOptions | None = None) -> Modes:
    r"""Return the five modes of the variants' ratios with their standard errors.

    .. math:: \hat\beta = \arg\max_u \sum_j w_j\,\phi\{(u - y_j/x_j)/h\}, \qquad
        h = 0.9\,\varphi\,\min(\mathrm{sd}, \mathrm{mad})\,m^{-1/5}

    over the points of R's ``density``, with equal weights or :math:`w_j \propto s_j^{-2}`;
    :math:`s_j^2 = s_{yj}^2/x_j^2 + y_j^2 s_{xj}^2/x_j^4`, or :math:`s_{yj}^2/x_j^2` under NOME
    (no measurement error in the exposure). The penalised mode lowers :math:`w_j` to
    :math:`w_j \min(1, 20 p_j)` with p of the distance of j from the weighted mode. The standard
    error is the MAD of the modes of B sets of ratios drawn with :math:`s_j`.

    Source: Hartwig, Davey Smith and Bowden 2017, doi:10.1093/ije/dyx102.
    R: ``TwoSampleMR::mr_mode`` 0.7.9, ``MendelianRandomization::mr_mbe`` 0.10.0.

    Parameters
    ----------
    data : variants.
    random : source of the draws.
    options : see `ModeOptions`.

    Examples
    --------
    >>> import polars as pl
    >>> made = Harmonised(
    ...     exposures=("x",), outcome="y", variants=pl.DataFrame({"variant_id": list("abcd")}),
    ...     beta_x=np.full((4, 1), 0.1), se_x=np.full((4, 1), 0.01),
    ...     beta_y=np.array([0.05, 0.051, 0.049, 0.09]), se_y=np.full(4, 0.005),
    ... )
    >>> modes = fit_modes(made, random=np.random.default_rng(1))
    >>> round(modes.weighted.estimate, 2)
    0.5
    """
    found = fit_chosen_modes(data, _NAMES, options or ModeOptions(), random)
    return Modes(**dict(zip(_NAMES, found, strict=True)))


def fit_chosen_modes(
    data: Harmonised, wanted: Sequence[ModeName], options: ModeOptions, random: Generator
) -> list[Estimate]:
    """Return some of the five modes, in the order asked for; see `fit_modes`.

    Each has the numbers that all five together would give it.
    """
    refused = _refuse(data)
    if refused is not None:
        return [refused] * len(wanted)
    ratios = _Ratios(
        value=data.beta_y / data.x,
        se=np.sqrt((data.se_y / data.x) ** 2 + (data.beta_y * data.sx / data.x**2) ** 2),
        se_nome=np.abs(data.se_y / data.x),
    )
    value = ratios.value[None, :]
    points = _find(value, value, ratios, wanted, options)
    spread = _mad(_draw_modes(ratios, wanted, options, random))
    df = data.m - 1.0 if options.convention == "twosamplemr" else None
    return [
        conclude(float(point[0]), float(se), nsnp=data.m, df=df)
        for point, se in zip(points, spread, strict=True)
    ]


def _refuse(data: Harmonised) -> Estimate | None:
    if data.m < _FEWEST:
        message = f"{_FEWEST} variants are needed, {data.m} given"
        return refuse(MethodStatus.too_few, message, nsnp=data.m)
    zero = int((data.x == 0.0).sum())
    if zero:
        message = f"{zero} variants have no effect on the exposure: no ratio"
        return refuse(MethodStatus.zero_effect, message, nsnp=data.m)
    if not mode_bandwidth((data.beta_y / data.x)[None, :])[0] > 0.0:
        message = "more than half of the ratios are equal: no bandwidth"
        return refuse(MethodStatus.not_identified, message, nsnp=data.m)
    return None


def _draw_modes(
    ratios: _Ratios, wanted: Sequence[ModeName], options: ModeOptions, random: Generator
) -> F64:
    """Modes (modes wanted, B) of B sets of ratios."""
    m = ratios.value.size
    out = np.empty((len(wanted), options.draws))
    size = max(1, _NUMBERS_PER_BLOCK // m)
    for first in range(0, options.draws, size):
        deviates = random.standard_normal((min(size, options.draws - first), m))
        drawn = ratios.value + ratios.se * deviates
        drawn_nome = ratios.value + ratios.se_nome * deviates
        found = _find(drawn, drawn_nome, ratios, wanted, options)
        out[:, first : first + size] = np.stack(found)
    return out


def _find(
    drawn: F64, drawn_nome: F64, ratios: _Ratios, wanted: Sequence[ModeName], options: ModeOptions
) -> list[F64]:
    """Wanted modes of ratios (B, m), each (B,)."""
    equal = np.full(ratios.value.size, 1.0 / ratios.value.size)
    found: dict[ModeName, F64] = {}
    if {"simple", "weighted", "penalised"} & set(wanted):
        grid = prepare_grid(drawn, _bandwidth(drawn, options))
        if "simple" in wanted:
            found["simple"] = find_modes(grid, equal)
        if {"weighted", "penalised"} & set(wanted):
            found["weighted"] = find_modes(grid, _normalise(ratios.se**-2))
        if "penalised" in wanted:
            weights = _penalise(drawn, found["weighted"], ratios.se**-2, options.penalty)
            found["penalised"] = find_modes(grid, weights)
    if {"simple_nome", "weighted_nome"} & set(wanted):
        grid = prepare_grid(drawn_nome, _bandwidth(drawn_nome, options))
        if "simple_nome" in wanted:
            found["simple_nome"] = find_modes(grid, equal)
        if "weighted_nome" in wanted:
            found["weighted_nome"] = find_modes(grid, _normalise(ratios.se_nome**-2))
    return [found[name] for name in wanted]


def _bandwidth(drawn: F64, options: ModeOptions) -> F64:
    h = options.phi * mode_bandwidth(drawn)
    if options.convention == "mendelianrandomization":
        return np.where(h > 0.0, h, _NARROWEST)
    return np.maximum(h, _NARROWEST)


def _normalise(weights: F64) -> F64:
    out: F64 = weights / weights.sum(axis=-1, keepdims=True)
    return out


def _penalise(drawn: F64, centre: F64, weights: F64, penalty: float) -> F64:
    """Weights (B, m) of the ratios, lower the farther they lie from the centres (B,)."""
    distance = np.sqrt(0.5 * weights) * np.abs(drawn - centre[:, None])
    return _normalise(weights * np.minimum(1.0, penalty * special.erfc(distance)))


def _mad(modes: F64) -> F64:
    centre = np.median(modes, axis=1, keepdims=True)
    out: F64 = _MAD * np.median(np.abs(modes - centre), axis=1)
    return out


@dataclass(frozen=True, slots=True)
class SimpleMode:
    """Mode of the variants' ratios, all alike.

    Model and standard error: `fit_modes`. Student's t with m - 1 degrees of freedom.

    Assumptions: the largest group of variants with the same ratio are the valid ones (ZEMPA).
    Limits: wide where few ratios agree; the estimate moves with the bandwidth.

    Parameters
    ----------
    options : see `ModeOptions`.
    """

    key: ClassVar[str] = "simple_mode"
    label: ClassVar[str] = "Simple mode"
    reference: ClassVar[str] = _REFERENCE
    min_variants: ClassVar[int] = _FEWEST
    needs_ld: ClassVar[bool] = False
    stochastic: ClassVar[bool] = True

    options: ModeOptions = ModeOptions()

    def estimate(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the estimate, or a status; never raises for what the data are like."""
        return fit_chosen_modes(data, ("simple",), self.options, random)[0]


@dataclass(frozen=True, slots=True)
class WeightedMode:
    """Mode of the variants' ratios, weighted by the inverse of their variances.

    Model and standard error: `fit_modes`. Student's t with m - 1 degrees of freedom.

    Assumptions: the group of variants with the same ratio that carries most weight is valid.
    Limits: the weights take the standard errors for known; the estimate moves with the bandwidth.

    Parameters
    ----------
    options : see `ModeOptions`.
    """

    key: ClassVar[str] = "weighted_mode"
    label: ClassVar[str] = "Weighted mode"
    reference: ClassVar[str] = _REFERENCE
    min_variants: ClassVar[int] = _FEWEST
    needs_ld: ClassVar[bool] = False
    stochastic: ClassVar[bool] = True

    options: ModeOptions = ModeOptions()

    def estimate(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the estimate, or a status; never raises for what the data are like."""
        return fit_chosen_modes(data, ("weighted",), self.options, random)[0]


@dataclass(frozen=True, slots=True)
class PenalisedMode:
    """Weighted mode after variants far from it have lost weight.

    Model and standard error: `fit_modes`. Student's t with m - 1 degrees of freedom.

    Assumptions: as for `WeightedMode`.
    Limits: the first mode decides what is far; the penalty is a convention.

    Parameters
    ----------
    options : see `ModeOptions`.
    """

    key: ClassVar[str] = "penalised_mode"
    label: ClassVar[str] = "Penalised mode"
    reference: ClassVar[str] = _REFERENCE
    min_variants: ClassVar[int] = _FEWEST
    needs_ld: ClassVar[bool] = False
    stochastic: ClassVar[bool] = True

    options: ModeOptions = ModeOptions()

    def estimate(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the estimate, or a status; never raises for what the data are like."""
        return fit_chosen_modes(data, ("penalised",), self.options, random)[0]


@dataclass(frozen=True, slots=True)
class SimpleModeNome:
    """Mode of the variants' ratios, drawn as if the effects on the exposure were known.

    Model and standard error: `fit_modes`. Student's t with m - 1 degrees of freedom.

    Assumptions: as for `SimpleMode`, and no measurement error in the exposure.
    Limits: too narrow with weak instruments.

    Parameters
    ----------
    options : see `ModeOptions`.
    """

    key: ClassVar[str] = "simple_mode_nome"
    label: ClassVar[str] = "Simple mode (NOME)"
    reference: ClassVar[str] = _REFERENCE
    min_variants: ClassVar[int] = _FEWEST
    needs_ld: ClassVar[bool] = False
    stochastic: ClassVar[bool] = True

    options: ModeOptions = ModeOptions()

    def estimate(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the estimate, or a status; never raises for what the data are like."""
        return fit_chosen_modes(data, ("simple_nome",), self.options, random)[0]


@dataclass(frozen=True, slots=True)
class WeightedModeNome:
    """Weighted mode of the variants' ratios as if the effects on the exposure were known.

    Model and standard error: `fit_modes`. Student's t with m - 1 degrees of freedom.

    Assumptions: as for `WeightedMode`, and no measurement error in the exposure.
    Limits: too narrow with weak instruments.

    Parameters
    ----------
    options : see `ModeOptions`.
    """

    key: ClassVar[str] = "weighted_mode_nome"
    label: ClassVar[str] = "Weighted mode (NOME)"
    reference: ClassVar[str] = _REFERENCE
    min_variants: ClassVar[int] = _FEWEST
    needs_ld: ClassVar[bool] = False
    stochastic: ClassVar[bool] = True

    options: ModeOptions = ModeOptions()

    def estimate(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the estimate, or a status; never raises for what the data are like."""
        return fit_chosen_modes(data, ("weighted_nome",), self.options, random)[0]
