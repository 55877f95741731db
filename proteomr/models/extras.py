"""What is asked of models beside their estimates: tests, coefficients, additive interaction.

All of it stands on whole models (:mod:`proteomr.models.whole`), on the rows of the estimate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.errors import ColumnError
from proteomr.models.base import Block, Problem
from proteomr.models.details import Details
from proteomr.models.family import Distribution, FitOptions, Scans
from proteomr.models.fits import FitBlock, JointTests
from proteomr.models.targets import Role
from proteomr.models.whole import (
    WholeFit,
    WholeModel,
    WholeSolver,
    find_column,
    lay_out_whole,
    name_columns,
)
from proteomr.models.whole_blocks import BlockFinder, FoundModels
from proteomr.stats.additive import AdditiveMeasure, measure_additive
from proteomr.stats.distributions import neg_log10_p_normal, neg_log10_p_t, p_from_neg_log10
from proteomr.stats.joint_wald import test_jointly
from proteomr.stats.natural_splines import bend_line
from proteomr.stats.nested_tests import NestedTest, refer_chi2
from proteomr.status import Status

__all__ = [
    "ADDITIVE",
    "COEFFICIENTS",
    "Adder",
    "Extras",
    "Found",
    "WithExtras",
    "leave_intercepts",
    "list_coefficients",
    "refer_estimates",
]

ChooseRows: TypeAlias = Callable[[Problem, int, Bool], Bool]
"""Which of the rows observed the estimate of a model is of."""

COEFFICIENTS, ADDITIVE = "coefficients", "additive_interaction"
NONLINEAR, SPLINE = "nonlinear", "spline"


@dataclass(slots=True)
class Found:
    """What came of the models of a block.

    Attributes
    ----------
    joint : tests by name.
    coefficients : rows of the table, as (protein, model, names, fit, contrast of levels or None).
    additive : rows of the table, as (protein, model, fit).
    """

    joint: dict[str, JointTests]
    coefficients: list[tuple[int, int, tuple[str, ...], WholeFit, str | None]] = field(
        default_factory=list
    )
    additive: list[tuple[int, int, AdditiveMeasure]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class WithExtras:
    """What a family has prepared for its estimates, and what adds to them."""

    plain: Any
    adders: tuple[Adder, ...]

    def add(self, block: Block, fits: FitBlock) -> FitBlock:
        """Return the fits with all that is added to them."""
        for adder in self.adders:
            fits = adder.add(block, fits)
        return fits


class Adder(Protocol):
    """What adds to the fits of a block."""

    def add(self, block: Block, fits: FitBlock) -> FitBlock:
        """Return the fits with what is added to them."""
        ...


@dataclass(frozen=True, slots=True)
class Extras:
    """Adds to the fits of blocks what is asked beside them.

    Parameters
    ----------
    problem, options : as the family has them.
    solver : of whole models.
    side_of_protein : whether the protein is the response or the predictor beside a target.
    distribution : of the family.
    blocks : for those of a whole block together; None without.
    choose_rows : which of the rows observed estimates are of; None for all.
    """

    problem: Problem
    options: FitOptions
    solver: WholeSolver
    side_of_protein: Callable[[Role], Scans]
    distribution: Distribution
    blocks: BlockFinder | None = None
    choose_rows: ChooseRows | None = None

    def __post_init__(self) -> None:
        if self.options.further.additive:
            self._find_modifier()

    def _find_modifier(self) -> int:
        """Return which covariate the interaction is with.

        Raises
        ------
        ColumnError
            It has not the values 0 and 1.
        """
        by = np.empty((0, 0)) if self.problem.interaction is None else self.problem.interaction
        two = by.shape[1] == 1 and np.all((by == 0.0) | (by == 1.0))
        which = find_column(self.problem, by[:, 0]) if two else None
        if which is None:
            raise ColumnError(
                "interaction on the additive scale needs a covariate of two levels, or 0 and 1"
            )
        return which

    @property
    def _kind_of_nested(self) -> Literal["lr", "wald"]:
        """F in families of t, which is Wald's; else the ratio of likelihoods, where errors are its
        own.
        """
        likelihood = self.distribution == "normal" and self.options.errors == "classical"
        return "lr" if likelihood else "wald"

    def add(self, block: Block, fits: FitBlock) -> FitBlock:
        """Return the fits with the tests and tables that are asked for."""
        found = Found({name: self._empty(fits) for name in self._names()})
        able = self._find_able(fits)
        if self.blocks is not None:
            for models in self.blocks.find(block, able):
                self._enter_together(models, able, found)
        for j, m in np.argwhere(able).tolist():
            self._enter(block, j, m, found)
        joint = {**fits.joint, **found.joint}
        return replace(fits, joint=joint, details={**fits.details, **self._list_details(found)})

    def _names(self) -> list[str]:
        asked = self.options.further
        nonlinear = [] if asked.nonlinear is None else [NONLINEAR, SPLINE]
        return [*asked.joint_tests, *nonlinear, *([ADDITIVE] if asked.additive else [])]

    def _empty(self, fits: FitBlock) -> JointTests:
        return JointTests.empty(fits.n.shape[0], len(self.problem.models))

    def _find_able(self, fits: FitBlock) -> Bool:
        """Return which models ``(b, m)`` can be tested: those with an estimate, or separated."""
        first = np.array([(c.contrast, c.term) == (0, 0) for c in self.problem.coefficients])
        status = fits.status[:, first]
        return np.asarray((status == Status.ok) | (status == Status.separated))

    def _enter_together(self, models: FoundModels, able: Bool, found: Found) -> None:
        """Enter the models of a block that are settled; they are able no more."""
        names = {
            m: models.names or name_columns(self.problem, m, side=self._side(m))
            for m in np.unique(models.models).tolist()
        }
        for r in np.flatnonzero(models.settled).tolist():
            j, m = int(models.proteins[r]), int(models.models[r])
            if not able[j, m]:
                continue
            able[j, m] = False
            for name, tests in models.tests.items():
                found.joint[name].enter(j, m, tests[r])
            fit = None if models.fits is None else models.fits[r]
            if fit is not None:
                self.enter_whole(j, m, names[m], fit, found)

    def _side(self, m: int) -> Scans:
        return self.side_of_protein(self.problem.targets[self.problem.models[m].target].role)

    def _enter(self, block: Block, j: int, m: int, found: Found) -> None:
        """Enter what is asked of one model of one protein."""
        asked = self.options.further
        kept = block.observed[j]
        if self.choose_rows is not None:
            kept = self.choose_rows(self.problem, m, kept)
        model = lay_out_whole(self.problem, block, j, m, side=self._side(m), kept=kept)
        tested = model.asked
        if not tested.size:
            return
        for name, test in self._test_nested(model, tested):
            found.joint[name].enter(j, m, test)
        if self.options.coefficients or asked.additive:
            fit = self.solver.fit(model.X, model, asked=tested)
            if fit is not None:
                self.enter_whole(j, m, model.names_of(fit), model.spread(fit), found)

    def _test_nested(
        self, model: WholeModel, tested: I64
    ) -> Iterator[tuple[str, NestedTest | None]]:
        """Yield the tests of one model, by name."""
        asked = self.options.further
        for kind in asked.joint_tests:
            yield kind, self._compare(model.X, model, tested, kind)
        if asked.nonlinear is not None:
            bent = bend_line(model.x, df=asked.nonlinear)
            if bent is not None and model.X.shape[0] > model.X.shape[1] + bent.shape[1]:
                p = model.X.shape[1]
                X = np.column_stack([model.X, bent])
                bends = np.arange(p, X.shape[1])
                kind = self._kind_of_nested
                yield NONLINEAR, self._compare(X, model, bends, kind)
                yield SPLINE, self._compare(X, model, np.concatenate([tested, bends]), kind)

    def _compare(self, X: F64, model: WholeModel, tested: I64, kind: str) -> NestedTest | None:
        if kind != "wald":
            return self.solver.compare(X, model, tested=tested, kind=kind)
        if self.options.errors == "CR2" and tested.size > 1:
            return None  # it has degrees of freedom for single coefficients alone
        fit = self.solver.fit(X, model, asked=tested)
        if fit is None or not np.isin(tested, fit.columns).all():
            return None
        at = np.searchsorted(fit.columns, tested)
        df = np.broadcast_to(fit.df, fit.columns.shape)[at[:1]]
        at = at + len(fit.thresholds)
        covariance = fit.covariance[np.ix_(at, at)]
        se = np.sqrt(np.diagonal(covariance))
        test = test_jointly(fit.coefficients[None, at], se[None], covariance[None], df)
        statistic, q, minus_log = (float(part[0]) for part in test)
        return None if np.isnan(statistic) else (statistic, q, minus_log)

    def enter_whole(
        self, j: int, m: int, names: tuple[str, ...], fit: WholeFit, found: Found
    ) -> None:
        """Enter what all coefficients of a model tell."""
        if self.options.coefficients:
            found.coefficients.append((j, m, names, fit, None))
        if not self.options.further.additive:
            return
        columns = self.problem.adjustments[self.problem.models[m].adjustment].columns
        by = np.flatnonzero(columns == self._find_modifier())
        at = np.array([len(names) - 2, *by, len(names) - 1])
        covariance = fit.covariance_of(at)
        if not (np.all(np.isfinite(fit.estimate[at])) and np.all(np.isfinite(covariance))):
            return
        measures = measure_additive(fit.estimate[at], covariance, level=self.options.level)
        found.additive += [(j, m, measure) for measure in measures]
        test = refer_chi2(measures[0].statistic ** 2, 1)
        found.joint[ADDITIVE].enter(j, m, test)

    def _list_details(self, found: Found) -> dict[str, Details]:
        """Return the further tables that are asked for."""
        out = {}
        if self.options.coefficients:
            out[COEFFICIENTS] = list_coefficients(found)
        if self.options.further.additive:
            out[ADDITIVE] = _list_additive(found)
        return out


def list_coefficients(found: Found) -> Details:
    """Return the table of all coefficients that were found.

    Examples
    --------
    >>> list(list_coefficients(Found({})).columns)[:3]
    ['coefficient', 'contrast', 'estimate']
    """
    fits = found.coefficients
    counts = [len(names) for _, _, names, _, _ in fits]

    def join(parts: list[F64]) -> F64:
        return np.concatenate([np.empty(0), *parts])

    estimate = join([fit.estimate for _, _, _, fit, _ in fits])
    se = join([fit.se for _, _, _, fit, _ in fits])
    df = join([fit.df for _, _, _, fit, _ in fits])
    statistic, minus_log = refer_estimates(estimate, se, df)
    columns: dict[str, Sequence[str | None] | F64] = {
        "coefficient": [name for _, _, names, _, _ in fits for name in names],
        "contrast": [contrast for _, _, names, _, contrast in fits for _ in names],
        "estimate": estimate,
        "se": se,
        "statistic": statistic,
        "df": np.where(np.isfinite(df), df, np.nan),
        "neg_log10_p": minus_log,
        "p_value": p_from_neg_log10(minus_log),
    }
    models = np.array([(j, m) for j, m, *_ in fits], dtype=np.int64).reshape(-1, 2)
    return Details(np.repeat(models[:, 0], counts), np.repeat(models[:, 1], counts), columns)


def _list_additive(found: Found) -> Details:
    measures = [measure for _, _, measure in found.additive]
    statistic = np.array([measure.statistic for measure in measures])
    minus_log = refer_estimates(
        statistic, np.ones(statistic.size), np.full(statistic.size, np.inf)
    )[1]
    columns: dict[str, list[str] | F64] = {
        "measure": [measure.name for measure in measures],
        "estimate": np.array([measure.estimate for measure in measures]),
        "se": np.array([measure.se for measure in measures]),
        "statistic": statistic,
        "neg_log10_p": minus_log,
        "p_value": p_from_neg_log10(minus_log),
        "conf_low": np.array([measure.low for measure in measures]),
        "conf_high": np.array([measure.high for measure in measures]),
    }
    models = np.array([(j, m) for j, m, _ in found.additive], dtype=np.int64).reshape(-1, 2)
    return Details(models[:, 0], models[:, 1], columns)


def refer_estimates(estimate: F64, se: F64, df: F64) -> tuple[F64, F64]:
    """Return statistics, and minus log10 of their p values by t, or normal where df is infinite.

    Parameters
    ----------
    estimate, se, df : ``(c,)``; NaN for those without.

    Examples
    --------
    >>> found = refer_estimates(np.array([1.96]), np.ones(1), np.array([np.inf]))
    >>> [float(part[0].round(3)) for part in found]
    [1.96, 1.301]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(se > 0.0, estimate / se, np.nan)
    minus_log, there = np.full(statistic.size, np.nan), np.isfinite(statistic)
    normal = there & np.isinf(df)
    minus_log[normal] = neg_log10_p_normal(statistic[normal])
    rest = there & ~normal
    minus_log[rest] = neg_log10_p_t(statistic[rest], df[rest])
    return statistic, minus_log


def leave_intercepts(fits: FitBlock) -> FitBlock:
    """Return fits without the coefficients of intercepts, which a baseline hazard stands for.

    Parameters
    ----------
    fits : with or without a table of coefficients.
    """
    table = fits.details.get(COEFFICIENTS)
    if table is None:
        return fits
    kept = np.array([name != "(Intercept)" for name in table.columns["coefficient"]], dtype=bool)
    columns = {
        name: [x for x, keep in zip(values, kept, strict=True) if keep]
        if isinstance(values, list)
        else np.asarray(values)[kept]
        for name, values in table.columns.items()
    }
    rest = Details(table.protein[kept], table.model[kept], columns)
    return replace(fits, details={**fits.details, COEFFICIENTS: rest})
