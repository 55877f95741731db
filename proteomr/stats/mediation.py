"""One exposure, one mediator, one outcome: what a mediation analysis has before its intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.additive_hazards import sum_clusters
from proteomr.stats.distributions import neg_log10_p_t
from proteomr.stats.e_values import Measure
from proteomr.stats.linalg import condition_columns
from proteomr.stats.mediation_bench import Bench
from proteomr.stats.mediation_effects import Contrast, Effects
from proteomr.stats.mediation_regressions import Regression

__all__ = [
    "Analysis",
    "LogRatio",
    "PathEstimate",
    "Scaled",
    "Trio",
    "average",
    "doubt_proportion",
    "each_sample",
    "measure_error",
    "path_of",
    "path_of_mediator",
    "paths_of",
    "scale_trio",
]


@dataclass(frozen=True, eq=False)
class Trio:
    """An exposure, a mediator and an outcome on n rows, with what each model adjusts for.

    Attributes
    ----------
    mediator : ``(n,)``.
    bench : exposure, outcome and covariates on all N rows.
    there : ``(N,)``, which of them the n are; None for all.
    """

    mediator: F64
    bench: Bench
    there: Bool | None = None

    @classmethod
    def of(
        cls,
        exposure: F64,
        mediator: F64,
        outcome: F64,
        *,
        for_mediator: F64,
        for_outcome: F64,
        clusters: I64 | None = None,
        weights: F64 | None = None,
    ) -> Trio:
        """Return the trio of columns ``(n,)`` and covariates ``(n, k)``, the intercept the first.

        Parameters
        ----------
        outcome : ``(n,)``; of a follow-up ``(n, 3)``: entry, exit, event.
        clusters : ``(n,)``, codes of people who are not independent; None where all are.
        weights : ``(n,)``, above 0, of people; None for equal ones.
        """
        bench = Bench(exposure, outcome, for_mediator, for_outcome, clusters, weights)
        return cls(mediator, bench)

    @property
    def n(self) -> int:
        """Rows."""
        return int(self.mediator.size)

    @cached_property
    def exposure(self) -> F64:
        """The exposure ``(n,)``, in the units of the bench."""
        return self._take(self.bench.exposure)

    @cached_property
    def outcome(self) -> F64:
        """The outcome ``(n,)`` or ``(n, 3)``."""
        return self._take(self.bench.outcome)

    @cached_property
    def for_mediator(self) -> F64:
        """Covariates of the mediator's model ``(n, k)``."""
        return self._take(self.bench.for_mediator)

    @cached_property
    def for_outcome(self) -> F64:
        """Covariates of the outcome's model ``(n, k)``."""
        return self._take(self.bench.for_outcome)

    @cached_property
    def clusters(self) -> I64 | None:
        """Codes of the clusters of people ``(n,)``; None where each is one."""
        whole = self.bench.clusters
        return whole if whole is None or self.there is None else whole[self.there]

    @cached_property
    def weights(self) -> F64 | None:
        """Weights of people ``(n,)``, in an arbitrary unit; None for equal ones."""
        whole = self.bench.weights
        return None if whole is None else self._take(whole)

    @property
    def robust(self) -> bool:
        """Whether errors are those of influence functions, and not of the models."""
        return self.clusters is not None or self.weights is not None

    @cached_property
    def shares(self) -> F64:
        """What each person counts in a mean ``(n,)``."""
        if self.weights is None:
            return np.full(self.n, 1.0 / self.n)
        return np.asarray(self.weights / self.weights.sum())

    def average(self, columns: F64, counts: F64 | None = None) -> F64:
        """Return the means of columns ``(n, k)``, each row counted as often as is said."""
        if self.weights is None:
            return average(columns, counts)
        return average(columns, self.weights if counts is None else counts * self.weights)

    def _take(self, values: F64) -> F64:
        return values if self.there is None else values[self.there]


@dataclass(frozen=True, slots=True, eq=False)
class Scaled:
    """A trio in units in which no square overflows, and what they are.

    Attributes
    ----------
    trio : whose exposure is by a power of two already.
    mediator, outcome : ``(n,)``, less a shift, by a power of two; a mediator of two values as 0 and
        1; an outcome that is not scaled as it is.
    binary : whether the mediator has two values.
    contrast : in these units.
    mediator_unit, outcome_unit : by which they are multiplied to come back.
    """

    trio: Trio
    mediator: F64
    outcome: F64
    binary: bool
    contrast: Contrast
    mediator_unit: float
    outcome_unit: float

    @property
    def exposure_unit(self) -> float:
        """By which the exposure is multiplied to come back."""
        return self.trio.bench.exposure_unit


@dataclass(frozen=True, slots=True)
class PathEstimate:
    """A line of the path diagram: a, b, c or c_prime, with its error."""

    path: str
    estimate: float
    se: float
    df: float = np.inf

    @property
    def neg_log10_p(self) -> float:
        """Minus log10 of the p value of no path."""
        return float(neg_log10_p_t(np.array([self.estimate / self.se]), np.array([self.df]))[0])


@dataclass(frozen=True, slots=True)
class LogRatio:
    """An effect as the logarithm of a ratio, or a difference in standard deviations."""

    log: float
    se: float
    measure: Measure


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """The estimates of a trio, and what intervals are made of.

    Attributes
    ----------
    effects : the quantities as a function of the parameters.
    parameters : ``(P,)``.
    influence : ``(n, P)``, what each person adds to the parameters; the sums are 0.
    errors : standard errors by quantity, where they are not those of the influence functions.
    clusters : ``(n,)``, codes of people whose influences are one; None where each is one.
    units : ``(q,)``, of the quantities.
    refit : the parameters ``(c, P)`` of samples ``(c, n)`` of how often each person counts; NaN for
        those that have none.
    paths : the numbers of the path diagram.
    ratios : quantities as ratios, by their names, for E-values.
    said : what is to be said of quantities, by their names.
    notes : what is to be said of all.
    """

    effects: Effects
    parameters: F64
    influence: F64
    units: F64
    refit: Callable[[F64], F64]
    paths: tuple[PathEstimate, ...]
    errors: Mapping[str, float] = field(default_factory=dict[str, float])
    ratios: Mapping[str, LogRatio] = field(default_factory=dict[str, LogRatio])
    said: Mapping[str, str] = field(default_factory=dict[str, str])
    notes: tuple[str, ...] = ()
    clusters: I64 | None = None

    @property
    def estimates(self) -> F64:
        """The quantities ``(q,)`` in the units of the data."""
        return self.effects.of(self.parameters) * self.units

    @property
    def joint_covariance(self) -> F64:
        """Covariance of the parameters ``(P, P)`` by the influence functions."""
        summed = sum_clusters(self.influence, self.clusters)
        return np.asarray(summed.T @ summed)

    def standard_errors(self) -> F64:
        """Return the errors of the quantities ``(q,)``: the delta method, where none is given."""
        gradient = self.effects.gradient(self.parameters)
        variances = np.einsum("qp,pr,qr->q", gradient, self.joint_covariance, gradient)
        found: F64 = np.sqrt(variances) * np.abs(self.units)
        for position, name in enumerate(self.effects.names):
            found[position] = self.errors.get(name, found[position])
        return found


def scale_trio(trio: Trio, contrast: Contrast, *, scales_outcome: bool) -> Scaled:
    """Return a trio whose columns have sizes near 1 and zeros near themselves.

    Effects are those of the trio itself: exposures and mediators that are compared move along.

    Examples
    --------
    >>> one, m = np.ones((3, 1)), np.array([1e9, 1e9 + 1, 1e9 + 4])
    >>> trio = Trio.of(np.arange(3.0), m, 4 * np.arange(3.0), for_mediator=one, for_outcome=one)
    >>> scaled = scale_trio(trio, Contrast(0.0, 1.0, 1e9), scales_outcome=True)
    >>> scaled.mediator.tolist(), scaled.contrast.mediator, scaled.outcome_unit
    ([0.0, 0.25, 1.0], 0.0, 8.0)
    """
    mediator, mediator_unit, nought = _condition(trio.mediator)
    low, high = float(trio.mediator.min()), float(trio.mediator.max())
    upper = trio.mediator == high
    binary = low < high and bool(np.all(upper | (trio.mediator == low)))
    if binary:
        mediator, nought, mediator_unit = upper.astype(np.float64), low, high - low
    outcome, outcome_unit = trio.outcome, 1.0
    if scales_outcome:
        outcome, outcome_unit, _ = _condition(outcome)
    bench = trio.bench
    moved = Contrast(
        (contrast.low - bench.exposure_shift) / bench.exposure_unit,
        (contrast.high - bench.exposure_shift) / bench.exposure_unit,
        (contrast.mediator - nought) / mediator_unit,
    )
    return Scaled(trio, mediator, outcome, binary, moved, mediator_unit, outcome_unit)


def _condition(column: F64) -> tuple[F64, float, float]:
    """Return a column in a range that loses no digits, its unit, and its zero."""
    stacked = np.column_stack([np.ones(column.size), column])
    conditioned, units = condition_columns(stacked)
    unit = float(units[1])
    out = np.ascontiguousarray(conditioned[:, 1])
    return out, unit, float(column[0] - out[0] * unit)


def average(columns: F64, counts: F64 | None = None) -> F64:
    """Return the means of columns ``(k,)``, each row counted as often as it is said.

    Examples
    --------
    >>> average(np.array([[1.0], [3.0]]), np.array([3.0, 1.0])).tolist()
    [1.5]
    """
    if counts is None:
        return np.asarray(columns.mean(axis=0))
    return np.asarray(counts @ columns / counts.sum())


def each_sample(refit: Callable[[F64], F64]) -> Callable[[F64], F64]:
    """Return what refits samples ``(c, n)`` from what refits one ``(n,)``.

    Examples
    --------
    >>> each_sample(lambda counts: counts[:1])(np.eye(2)).tolist()
    [[1.0], [0.0]]
    """
    return lambda counts: np.array([refit(one) for one in counts])


def path_of(
    name: str,
    fit: Regression,
    column: int,
    unit: float,
    *,
    exact: bool,
    trio: Trio,
) -> PathEstimate:
    """Return a coefficient of a model as a line of the diagram.

    Parameters
    ----------
    unit : by which it is multiplied.
    exact : whether its statistic has Student's law, and not the normal one.
    trio : whose clusters or weights make the error robust, and its law one that is taken as normal.
    """
    error = float(np.sqrt(fit.covariance[column, column]))
    df = float(fit.df) if exact else np.inf
    if trio.robust:
        error, df = measure_error(fit.influence([column]), trio.clusters), np.inf
    return PathEstimate(name, fit.coefficients[column] * unit, error * unit, df)


def measure_error(influence: F64, clusters: I64 | None) -> float:
    """Return the error of an estimate by its influences ``(n, 1)``, summed within clusters.

    Examples
    --------
    >>> measure_error(np.array([[3.0], [-3.0], [4.0]]), np.array([0, 0, 1]))
    4.0
    """
    return float(np.linalg.norm(sum_clusters(influence, clusters)))


def paths_of(
    fits: Sequence[tuple[str, Regression, int, float, bool]], trio: Trio
) -> tuple[PathEstimate, ...]:
    """Return the lines of a diagram: name, model, column, unit, and whether Student's law holds."""
    return tuple(
        path_of(n, fit, column, unit, exact=t, trio=trio) for n, fit, column, unit, t in fits
    )


def path_of_mediator(fit: Regression, scaled: Scaled) -> PathEstimate:
    """Return path a, the last coefficient of the mediator's model, in the units of the data."""
    unit = (1.0 if scaled.binary else scaled.mediator_unit) / scaled.exposure_unit
    last = fit.coefficients.size - 1
    return path_of("a", fit, last, unit, exact=not scaled.binary, trio=scaled.trio)


def doubt_proportion(analysis: Analysis) -> dict[str, str]:
    """Say of a proportion, by its name, that its total effect may be none; nothing without one."""
    names = analysis.effects.names
    if "proportion" not in names:
        return {}
    total = names.index("te" if "te" in names else "total")
    estimate, error = analysis.estimates[total], analysis.standard_errors()[total]
    if abs(estimate) > 1.96 * error:
        return {}
    ends = f"{estimate - 1.96 * error:.3g} to {estimate + 1.96 * error:.3g}"
    return {"proportion": f"the total effect may be none ({ends}): its share is unstable"}
