"""The most frequent of the variants' ratios: five modes from the same draws."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self, TypeAlias

import numpy as np
from numpy.random import Generator
from scipy import special

from proteomr._typing import F64
from proteomr.mr.methods.base import Convention, Estimate, conclude, refuse
from proteomr.mr.methods.method import Method
from proteomr.mr.methods.ranges import check_above_zero
from proteomr.stats.density_modes import Samples, find_modes, measure_samples
from proteomr.stats.kernel_density import lay_frame, median_rows, mode_bandwidth
from proteomr.stats.parametric_bootstrap import check_draws, draw_normals
from proteomr.status import Status
from proteomr.tables import Harmonised

__all__ = [
    "Mode",
    "ModeWeights",
    "PenalisedMode",
    "SimpleMode",
    "SimpleModeNome",
    "WeightedMode",
    "WeightedModeNome",
]

ModeWeights: TypeAlias = Literal["equal", "precision", "penalised"]

_NARROWEST = 1e-8  # TwoSampleMR's floor of the bandwidth, here of effects at the size of one
_MAD = 1.4826  # 1 / qnorm(3/4), as R's mad has it
_COARSE = (
    "some ratios are so far out that the points of the density, of which the mode is one, are "
    "{apart:.3g} bandwidths apart: leave out variants without effect on the exposure"
)
_NUMBERS_PER_BLOCK = 1 << 17  # 1 MB of draws: what a second-level cache holds


@dataclass(frozen=True, slots=True)
class Mode(Method):
    r"""What the five modes of the variants' ratios share: their model, and how they are found.

    .. math:: \hat\beta = \arg\max_u \sum_j w_j\,\phi\{(u - y_j/x_j)/h\}, \qquad
        h = 0.9\,\varphi\,\min(\mathrm{sd}, \mathrm{mad})\,m^{-1/5}

    over the points of R's ``density``, with equal weights or :math:`w_j \propto s_j^{-2}`;
    :math:`s_j^2 = s_{yj}^2/x_j^2 + y_j^2 s_{xj}^2/x_j^4`, or :math:`s_{yj}^2/x_j^2` under NOME
    (no measurement error in the exposure). The penalised mode lowers :math:`w_j` to
    :math:`w_j \min(1, 20 p_j)` with p of the distance of j from the weighted mode. The standard
    error is the MAD of the modes of B sets of ratios drawn with :math:`s_j`. Modes with the same
    parameters are found from the same draws, whichever of them are asked for.

    Source: Hartwig, Davey Smith and Bowden 2017, doi:10.1093/ije/dyx102.
    R: ``TwoSampleMR::mr_mode`` 0.7.9, ``MendelianRandomization::mr_mbe`` 0.10.0.

    Parameters
    ----------
    phi : factor on the bandwidth.
    draws : B, sets of ratios drawn for the standard error.
    convention : ``twosamplemr`` takes p from Student's t with m - 1 degrees of freedom;
        ``mendelianrandomization`` from the normal distribution.
    """

    reference: ClassVar[str] = "10.1093/ije/dyx102"
    min_variants: ClassVar[int] = 3
    every_effect: ClassVar[bool] = True
    stochastic: ClassVar[bool] = True
    weights: ClassVar[ModeWeights]
    nome: ClassVar[bool] = False

    phi: float = 1.0
    draws: int = 1000
    convention: Convention = "twosamplemr"

    def __post_init__(self) -> None:
        check_draws(self.draws)
        check_above_zero("phi", self.phi)

    @property
    def stream(self) -> str:
        """All modes have the same random numbers."""
        return "modes"

    @property
    def kin(self) -> Hashable:
        """Modes that share their draws and their grids."""
        return (Mode, self.phi, self.draws, self.convention)

    def fit(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the mode, and its spread over the draws."""
        return self.fit_kin([self], data, random=random)[0]

    def fit_kin(
        self, methods: Sequence[Self], data: Harmonised, /, *, random: Generator
    ) -> list[Estimate]:
        """Return several modes from the same draws; each has the numbers that it has alone."""
        ratios = _Ratios(
            value=data.beta_y / data.x,
            se=np.sqrt((data.se_y / data.x) ** 2 + (data.beta_y * data.sx / data.x**2) ** 2),
            se_nome=np.abs(data.se_y / data.x),
        )
        value = ratios.value[None, :]
        bandwidth = float(mode_bandwidth(value)[0])
        if not bandwidth > 0.0:
            message = "more than half of the ratios are equal: no bandwidth"
            return [refuse(Status.not_identified, message, nsnp=data.m)] * len(methods)
        points = np.empty(len(methods))
        for places in _group(methods).values():
            points[places] = np.ravel(_find(value, ratios, [methods[k] for k in places]))
        spread = _mad(_draw_modes(ratios, methods, random))
        df = data.m - 1.0 if self.convention == "twosamplemr" else None
        width = np.array([methods[0].phi * bandwidth])
        frame = lay_frame(value.min(axis=1), value.max(axis=1), width)
        apart = float(frame.stride[0] / width[0])
        coarse = _COARSE.format(apart=apart) if apart > 1.0 else None
        return [
            replace(conclude(float(point), float(se), nsnp=data.m, df=df), message=coarse)
            for point, se in zip(points, spread, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class _Ratios:
    value: F64
    se: F64
    se_nome: F64

    def spread(self, *, nome: bool) -> F64:
        """Standard errors with which ratios are drawn."""
        return self.se_nome if nome else self.se


def _draw_modes(ratios: _Ratios, methods: Sequence[Mode], random: Generator) -> F64:
    """Modes (methods, B) of B sets of ratios."""
    m, draws = ratios.value.size, methods[0].draws
    out = np.empty((len(methods), draws))
    size = max(1, _NUMBERS_PER_BLOCK // m)
    for first in range(0, draws, size):
        deviates = draw_normals(random, (min(size, draws - first), m))
        for nome, places in _group(methods).items():
            drawn = ratios.value + ratios.spread(nome=nome) * deviates
            out[places, first : first + size] = _find(drawn, ratios, [methods[k] for k in places])
    return out


def _group(methods: Sequence[Mode]) -> dict[bool, list[int]]:
    """Positions of the methods by whether they draw as if effects on the exposure were known."""
    groups: dict[bool, list[int]] = {}
    for place, method in enumerate(methods):
        groups.setdefault(method.nome, []).append(place)
    return groups


def _find(values: F64, ratios: _Ratios, methods: Sequence[Mode]) -> list[F64]:
    """Modes (B,) of ratios (B, m) by methods that draw alike."""
    precision = ratios.spread(nome=methods[0].nome) ** -2
    samples = _measure(values, methods[0])
    kinds = {method.weights for method in methods}
    sets: dict[ModeWeights, F64] = {}
    if "equal" in kinds:
        sets["equal"] = np.full(precision.size, 1.0 / precision.size)
    if kinds != {"equal"}:
        sets["precision"] = _normalise(precision)
    modes = dict(zip(sets, find_modes(samples, *sets.values()), strict=True))
    found = []
    for method in methods:
        if isinstance(method, PenalisedMode):
            weights = _penalise(values, modes["precision"], precision, method.penalty)
            found += find_modes(samples, weights)
        else:
            found.append(modes[method.weights])
    return found


def _measure(drawn: F64, method: Mode) -> Samples:
    samples = measure_samples(drawn)
    h = method.phi * samples.bandwidth
    if method.convention == "mendelianrandomization":
        return replace(samples, bandwidth=np.where(h > 0.0, h, _NARROWEST))
    return replace(samples, bandwidth=np.maximum(h, _NARROWEST))


def _normalise(weights: F64) -> F64:
    out: F64 = weights / weights.sum(axis=-1, keepdims=True)
    return out


def _penalise(drawn: F64, centre: F64, weights: F64, penalty: float) -> F64:
    """Weights (B, m) of the ratios, lower the farther they lie from the centres (B,)."""
    distance = np.sqrt(0.5 * weights) * np.abs(drawn - centre[:, None])
    return _normalise(weights * np.minimum(1.0, penalty * special.erfc(distance)))


def _mad(modes: F64) -> F64:
    return np.asarray(_MAD * median_rows(np.abs(modes - median_rows(modes)[:, None])))


@dataclass(frozen=True, slots=True)
class SimpleMode(Mode):
    """Mode of the variants' ratios, all alike; see `Mode`.

    Assumptions: the largest group of variants with the same ratio are the valid ones (ZEMPA).
    Limits: wide where few ratios agree; the estimate moves with the bandwidth.
    """

    key: ClassVar[str] = "simple_mode"
    label: ClassVar[str] = "Simple mode"
    aliases: ClassVar[tuple[str, ...]] = ("mr_simple_mode",)
    weights: ClassVar[ModeWeights] = "equal"


@dataclass(frozen=True, slots=True)
class WeightedMode(Mode):
    """Mode of the variants' ratios, weighted by the inverse of their variances; see `Mode`.

    Assumptions: the group of variants with the same ratio that carries most weight is valid.
    Limits: the weights take the standard errors for known; the estimate moves with the bandwidth.
    """

    key: ClassVar[str] = "weighted_mode"
    label: ClassVar[str] = "Weighted mode"
    aliases: ClassVar[tuple[str, ...]] = ("mr_weighted_mode", "mr_mbe")
    weights: ClassVar[ModeWeights] = "precision"


@dataclass(frozen=True, slots=True)
class PenalisedMode(Mode):
    """Weighted mode after variants far from it have lost weight; see `Mode`.

    Assumptions: as for `WeightedMode`.
    Limits: the first mode decides what is far; the penalty is a convention.

    Parameters
    ----------
    penalty : factor on the p value of a variant's distance from the weighted mode.
    """

    key: ClassVar[str] = "penalised_mode"
    label: ClassVar[str] = "Penalised mode"
    aliases: ClassVar[tuple[str, ...]] = ("mr_penalised_mode", "Penalized mode")
    weights: ClassVar[ModeWeights] = "penalised"

    penalty: float = 20.0

    def __post_init__(self) -> None:
        Mode.__post_init__(self)  # with slots, super() would look in the class before it got them
        check_above_zero("penalty", self.penalty)


@dataclass(frozen=True, slots=True)
class SimpleModeNome(Mode):
    """Mode of the variants' ratios, drawn as if effects on the exposure were known; see `Mode`.

    Assumptions: as for `SimpleMode`, and no measurement error in the exposure.
    Limits: too narrow with weak instruments.
    """

    key: ClassVar[str] = "simple_mode_nome"
    label: ClassVar[str] = "Simple mode (NOME)"
    aliases: ClassVar[tuple[str, ...]] = ("mr_simple_mode_nome",)
    weights: ClassVar[ModeWeights] = "equal"
    nome: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class WeightedModeNome(Mode):
    """Weighted mode of the ratios as if effects on the exposure were known; see `Mode`.

    Assumptions: as for `WeightedMode`, and no measurement error in the exposure.
    Limits: too narrow with weak instruments.
    """

    key: ClassVar[str] = "weighted_mode_nome"
    label: ClassVar[str] = "Weighted mode (NOME)"
    aliases: ClassVar[tuple[str, ...]] = ("mr_weighted_mode_nome",)
    weights: ClassVar[ModeWeights] = "precision"
    nome: ClassVar[bool] = True
