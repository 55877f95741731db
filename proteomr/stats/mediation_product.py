"""Mediation by two regressions: of the mediator on the exposure, of the outcome on both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from proteomr._typing import F64
from proteomr.stats.mediation import (
    Analysis,
    PathEstimate,
    Scaled,
    Trio,
    each_sample,
    paths_of,
    scale_trio,
)
from proteomr.stats.mediation_bases import root_rows
from proteomr.stats.mediation_effects import (
    Contrast,
    Effects,
    bend,
    four_way_of_lines,
    four_way_of_means,
    product_of_lines,
    product_of_means,
)
from proteomr.stats.mediation_mediator import fit_mediator
from proteomr.stats.mediation_ratios import list_ratios
from proteomr.stats.mediation_reach import OUT_OF_REACH, find_out_of_reach
from proteomr.stats.mediation_regressions import (
    BinaryModel,
    LinearModel,
    OutcomeLink,
    Unfit,
    fit_regression,
)
from proteomr.stats.outcome_means import FOCAL_SIZE, OutcomeMeans, Point
from proteomr.status import Status

__all__ = ["ProductOptions", "analyse_product"]

_OF_HELD = {"cde", "int_ref"}  # effects of a mediator that is held at a value


@dataclass(frozen=True, slots=True)
class ProductOptions:
    """What is asked of a mediation by two regressions.

    Attributes
    ----------
    link : of the outcome.
    interaction : whether exposure and mediator have a product in the model of the outcome.
    four_way : whether the total effect is taken apart in four.
    """

    link: OutcomeLink = "linear"
    interaction: bool = False
    four_way: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Fits:
    """The models of a trio, and where their columns of interest stand.

    Attributes
    ----------
    mediator : of the mediator, whose last column is the exposure.
    outcome : of the outcome, whose columns from ``first`` on are exposure, mediator, product.
    total : of the outcome without the mediator.
    """

    scaled: Scaled
    mediator: LinearModel | BinaryModel
    outcome: LinearModel | BinaryModel
    total: LinearModel | BinaryModel
    first: int
    options: ProductOptions

    @property
    def trio(self) -> Trio:
        return self.scaled.trio

    @property
    def lines(self) -> bool:
        """Whether both models are lines, so that all effects are products of coefficients."""
        return isinstance(self.mediator, LinearModel) and isinstance(self.outcome, LinearModel)


def analyse_product(trio: Trio, contrast: Contrast, options: ProductOptions) -> Analysis:
    r"""Return the effects of an exposure through a mediator and beside it.

    :math:`M = \beta_0 + \beta A + C_M + \epsilon` (logistic where M has two values) and
    :math:`F^{-1}\{E(Y)\} = \theta_A A + \theta_M M + \theta_{AM} A M + C_Y`. Of two lines the
    effects are products of coefficients, whose errors are those of the models (the indirect
    effect's is Sobel's, doi:10.2307/270723); otherwise they are differences of mean outcomes
    (:class:`proteomr.stats.outcome_means.OutcomeMeans`), averaged over the people, whose errors are
    those of the joint influence functions.

    Raises
    ------
    Unfit
        A model has no estimate.

    Examples
    --------
    >>> generator = np.random.default_rng(1)
    >>> a = np.arange(200) % 2.0
    >>> m = 0.5 * a + generator.normal(size=200)
    >>> y = 0.3 * a + 0.4 * m + generator.normal(size=200)
    >>> one = np.ones((200, 1))
    >>> trio = Trio.of(a, m, y, for_mediator=one, for_outcome=one)
    >>> found = analyse_product(trio, Contrast(0.0, 1.0), ProductOptions())
    >>> dict(zip(found.effects.names, found.estimates.round(3).tolist(), strict=True))
    {'total': 0.72, 'direct': 0.499, 'indirect': 0.22, 'proportion': 0.306, 'difference': 0.22}
    """
    fits = _fit_models(trio, contrast, options)
    analysis = _analyse_lines(fits) if fits.lines else _analyse_means(fits)
    if trio.robust:
        by_models = {} if fits.lines else analysis.errors
        analysis = replace(analysis, errors=by_models, clusters=trio.clusters)
    return replace(
        analysis,
        paths=_list_paths(fits),
        said=_tell_lost(analysis),
        ratios=list_ratios(analysis, fits.scaled, link=options.link, four_way=options.four_way),
    )


def _tell_lost(analysis: Analysis) -> dict[str, str]:
    """Return what is to be said of effects whose error is not theirs."""
    return {name: OUT_OF_REACH for name, error in analysis.errors.items() if np.isnan(error)}


def _fit_models(trio: Trio, contrast: Contrast, options: ProductOptions) -> _Fits:
    scaled = scale_trio(trio, contrast, scales_outcome=options.link == "linear")
    line, weights = options.link == "linear", trio.weights
    without = trio.bench.outcome_basis(trio.there, line=line)
    first = without.k - 1
    columns = [scaled.mediator]
    columns += [trio.exposure * scaled.mediator] if options.interaction else []
    what = ["the exposure", "the protein", "the product of exposure and protein"]
    mediator = fit_mediator(scaled)
    outcome = fit_regression(
        without.extend(root_rows(np.column_stack(columns), weights if line else None)),
        scaled.outcome,
        link=options.link,
        needed=list(range(first, first + 1 + len(columns))),
        what=what[: 1 + len(columns)],
        of="the outcome",
        weights=weights,
    )
    total = fit_regression(
        without,
        scaled.outcome,
        link=options.link,
        needed=[first],
        what=["the exposure"],
        of="the outcome without the protein",
        weights=weights,
    )
    return _Fits(scaled, mediator, outcome, total, first, options)


def _analyse_lines(fits: _Fits) -> Analysis:
    options, first = fits.options, fits.first
    parameters, influence, covariance = _stack_lines(fits)
    contrast = fits.scaled.contrast
    effects = product_of_lines(contrast, interaction=options.interaction)
    if options.four_way:
        effects = four_way_of_lines(contrast)
    units = np.full(len(effects.names), fits.scaled.outcome_unit)
    units[effects.names.index("proportion")] = 1.0

    def refit(counts: F64) -> F64:
        again = zip(counts, fits.mediator.refit(counts), fits.outcome.refit(counts), strict=True)
        found = np.zeros((counts.shape[0], parameters.size))
        for one, (sample, (beta, _), (theta, _)) in zip(found, again, strict=True):
            one[0] = fits.trio.average(fits.trio.for_mediator, sample) @ beta[:-1]
            one[1], one[2 : 2 + theta.size - first] = beta[-1], theta[first:]
        if not options.four_way:
            found[:, 5] = [total[first] for total, _ in fits.total.refit(counts)]
        return found

    errors = _errors_by_models(effects, parameters, covariance, units)
    return Analysis(effects, parameters, influence, units, refit, (), errors)


def _stack_lines(fits: _Fits) -> tuple[F64, F64, F64]:
    """Return the parameters of two lines ``(P,)``, their influences, their covariance by models.

    They are the mean of the mediator without exposure, its slope, the coefficients of exposure,
    mediator and product, and of the exposure without the mediator, which four effects do not need.
    """
    mediator, outcome, first = fits.mediator, fits.outcome, fits.first
    covariates = fits.trio.for_mediator
    middle = fits.trio.average(covariates)
    turned = np.zeros((mediator.coefficients.size, 2))
    turned[:-1, 0], turned[-1, 1] = middle, 1.0
    spread = mediator.follow(turned)
    spread[:, 0] += (covariates - middle) @ mediator.coefficients[:-1] * fits.trio.shares
    of_outcome = slice(first, outcome.coefficients.size)
    own = slice(2, 2 + outcome.coefficients.size - first)
    size = 5 if fits.options.four_way else 6
    parameters, influence = np.zeros(size), np.zeros((fits.trio.n, size))
    covariance = np.zeros((size, size))
    parameters[:2], influence[:, :2] = mediator.coefficients @ turned, spread
    covariance[:2, :2] = turned.T @ mediator.covariance @ turned
    parameters[own] = outcome.coefficients[of_outcome]
    influence[:, own] = outcome.influence(range(first, outcome.coefficients.size))
    covariance[own, own] = outcome.covariance[of_outcome, of_outcome]
    if size > 5:
        parameters[5] = fits.total.coefficients[first]
        influence[:, 5] = fits.total.influence([first])[:, 0]
        covariance[5, 5] = fits.total.covariance[first, first]
    return parameters, influence, covariance


def _errors_by_models(
    effects: Effects, parameters: F64, covariance: F64, units: F64
) -> dict[str, float]:
    """Return the errors of quantities that need no covariance between models of one response."""
    gradient = effects.gradient(parameters)
    errors = np.sqrt(np.einsum("qp,pr,qr->q", gradient, covariance, gradient)) * np.abs(units)
    alone = [name for name in effects.names if name != "difference"]
    if "difference" in effects.names:  # the total is then of a model by itself
        alone.remove("proportion")
    return {name: float(errors[effects.names.index(name)]) for name in alone}


def _analyse_means(fits: _Fits) -> Analysis:
    """Analyse by mean outcomes, in whose neighbourhood products of coefficients are kept.

    The parameters are the means and the focal coefficients; of a draw the means move by their
    influence and by the curvature that the focal coefficients give them, which is what makes the
    law of a product skewed.
    """
    points = _choose_points(fits)
    means = _means_of(fits)
    moved = _influence_of_focal(fits)
    count = len(points)
    parameters = np.zeros(count + FOCAL_SIZE)
    influence = np.zeros((fits.trio.n, count + FOCAL_SIZE))
    curvatures = np.zeros((count, FOCAL_SIZE, FOCAL_SIZE))
    steps = np.sqrt(np.einsum("ij,ij->j", moved, moved))
    for place, point in enumerate(points):
        parameters[place], influence[:, place] = _linearise(fits, means, point)
        curvatures[place] = means.focal_curvature(point, steps)
    parameters[count:], influence[:, count:] = means.focal, moved
    base = four_way_of_means() if fits.options.four_way else product_of_means()
    effects = Effects(base.names, bend(base.function, means.focal, curvatures))
    units = np.full(len(base.names), fits.scaled.outcome_unit)
    units[base.names.index("proportion")] = 1.0

    def refit(counts: F64) -> F64:
        again = _means_of(fits, counts)
        found = np.empty(count + FOCAL_SIZE)
        found[:count] = [fits.trio.average(again.at(point).value, counts) for point in points]
        found[count:] = means.focal  # where nothing is bent
        return found

    analysis = Analysis(effects, parameters, influence, units, each_sample(refit), ())
    apart = [name for name in base.names if name != "proportion"]
    at = [base.names.index(name) for name in apart]
    lost = find_out_of_reach(
        _follow_errors(fits),
        lambda values: base.of(values)[at],
        points,
        shares=fits.trio.shares,
        errors=(analysis.standard_errors() / units)[at],
    )
    out = [name for name, bent in zip(apart, lost, strict=True) if bent]
    if set(out) - _OF_HELD:
        raise Unfit(Status.not_identified, OUT_OF_REACH)
    return replace(analysis, errors=dict.fromkeys(out, np.nan))


def _follow_errors(fits: _Fits) -> list[Callable[[float], OutcomeMeans]]:
    """Return the means at a number of errors of each focal coefficient, others going with it."""
    beta, theta = fits.mediator.coefficients, fits.outcome.coefficients
    V, W = fits.mediator.covariance, fits.outcome.covariance
    moves = [(V[:, -1] / np.sqrt(V[-1, -1]), 0.0 * theta)]
    moves += [
        (0.0 * beta, W[:, column] / np.sqrt(W[column, column]))
        for column in range(fits.first, theta.size)
    ]

    def follow(move: tuple[F64, F64]) -> Callable[[float], OutcomeMeans]:
        return lambda s: _expect(fits, beta + s * move[0], theta + s * move[1])

    return [follow(move) for move in moves]


def _choose_points(fits: _Fits) -> list[Point]:
    contrast = fits.scaled.contrast
    low, high = contrast.low, contrast.high
    points = [Point(high, high), Point(high, low), Point(low, high), Point(low, low)]
    if fits.options.four_way:
        points += [Point(a, held=contrast.mediator) for a in (high, low)]
    return points


def _means_of(fits: _Fits, counts: F64 | None = None) -> OutcomeMeans:
    """Return the mean outcomes of the models, or of a sample of how often people count."""
    if counts is None:
        return _expect(fits, fits.mediator.coefficients, fits.outcome.coefficients)
    beta, variance = fits.mediator.refit(counts[None])[0]
    return _expect(fits, beta, fits.outcome.refit(counts[None])[0][0], variance)


def _expect(fits: _Fits, beta: F64, theta: F64, variance: float | None = None) -> OutcomeMeans:
    """Return the mean outcomes of coefficients of mediator and outcome."""
    first, trio = fits.first, fits.trio
    if variance is None:
        variance = fits.mediator.variance if isinstance(fits.mediator, LinearModel) else np.nan
    product = theta[first + 2] if fits.options.interaction else 0.0
    return OutcomeMeans(
        trio.for_outcome @ theta[:first],
        trio.for_mediator @ beta[:-1],
        np.array([beta[-1], theta[first], theta[first + 1], product, 0.0, 0.0]),
        float(np.sqrt(variance)),
        fits.options.link,
        "normal" if isinstance(fits.mediator, LinearModel) else "binary",
        shares=trio.shares,
    )


def _influence_of_focal(fits: _Fits) -> F64:
    """Return what each person adds to the focal parameters ``(n, FOCAL_SIZE)``."""
    mediator, outcome, first = fits.mediator, fits.outcome, fits.first
    moved = np.zeros((fits.trio.n, FOCAL_SIZE))
    moved[:, 0] = mediator.influence([mediator.coefficients.size - 1])[:, 0]
    places = range(first, outcome.coefficients.size)
    moved[:, 1 : 1 + len(places)] = outcome.influence(list(places))
    for column, fit, covariates in (
        (4, mediator, fits.trio.for_mediator),
        (5, outcome, fits.trio.for_outcome),
    ):
        middle = np.zeros((fit.coefficients.size, 1))
        middle[: covariates.shape[1], 0] = fits.trio.average(covariates)
        moved[:, column] = fit.follow(middle)[:, 0]
    return moved


def _linearise(fits: _Fits, means: OutcomeMeans, point: Point) -> tuple[float, F64]:
    """Return a mean outcome, and what each person adds to it ``(n,)``."""
    rows, trio, shares = means.at(point), fits.trio, fits.trio.shares
    value = float(shares @ rows.value)
    by_mediator = rows.by_mediator * shares
    by_beta = np.append(trio.for_mediator.T @ by_mediator, point.mediated * by_mediator.sum())
    by_outcome, slope = rows.by_outcome * shares, float(shares @ rows.by_slope)
    of_focal = [point.exposure * by_outcome.sum(), slope, point.exposure * slope]
    own = fits.outcome.coefficients.size - fits.first
    by_theta = np.concatenate([trio.for_outcome.T @ by_outcome, of_focal[:own]])
    influence = (rows.value - value) * shares
    for fit, gradient in ((fits.mediator, by_beta), (fits.outcome, by_theta)):
        influence += fit.follow(gradient[:, None])[:, 0]
    if isinstance(fits.mediator, LinearModel):
        by_variance = float(shares @ rows.by_spread) / (2.0 * means.spread)
        influence += by_variance * fits.mediator.variance_influence
    return value, influence


def _list_paths(fits: _Fits) -> tuple[PathEstimate, ...]:
    """Return a, b, c and c_prime, each of one unit of the data."""
    scaled, first = fits.scaled, fits.first
    a = 1.0 if scaled.binary else scaled.mediator_unit
    y, last = scaled.outcome_unit, fits.mediator.coefficients.size - 1
    exact = [isinstance(fit, LinearModel) for fit in (fits.mediator, fits.outcome)]
    lines = [
        ("a", fits.mediator, last, a / scaled.exposure_unit, exact[0]),
        ("b", fits.outcome, first + 1, y / scaled.mediator_unit, exact[1]),
        ("c", fits.total, first, y / scaled.exposure_unit, exact[1]),
        ("c_prime", fits.outcome, first, y / scaled.exposure_unit, exact[1]),
    ]
    return paths_of(lines, fits.trio)
