"""Several mediators in one model of the outcome, each beside the others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from proteomr._typing import F64
from proteomr.stats.mediation import (
    Analysis,
    PathEstimate,
    Scaled,
    Trio,
    path_of_mediator,
    paths_of,
    scale_trio,
)
from proteomr.stats.mediation_bases import Basis, root_rows
from proteomr.stats.mediation_effects import Contrast, Effects, Numbers
from proteomr.stats.mediation_mediator import DETERMINED, fit_mediator
from proteomr.stats.mediation_regressions import Regression, Unfit, fit_regression
from proteomr.status import Status

__all__ = ["JOINT_EFFECTS", "OF_TWO_VALUES", "analyse_each_beside", "analyse_together", "part_of"]

OF_TWO_VALUES = "a protein of two values has no part in a joint model"
JOINT_EFFECTS = ("total", "direct", "indirect", "proportion", "indirect_all")
"""Quantities of each mediator: of the exposure, of it beside all mediators, through this one, its
share, and through all.
"""


def analyse_together(trios: list[Trio], contrast: Contrast) -> Analysis:
    r"""Return the effects through each of J mediators beside the others, of a linear outcome.

    :math:`M_j = \beta_j A + C_M + \epsilon_j` and
    :math:`Y = \theta_A A + \sum_j \theta_j M_j + C_Y`: the effect through the j-th mediator is
    :math:`\theta_j \beta_j (a - a^*)`, whatever the mediators have to do with one another
    (VanderWeele and Vansteelandt 2014, doi:10.1515/em-2012-0010: parallel mediators). Errors are
    those of the joint influence functions. The quantities are ``total, direct, indirect_all`` and
    the J effects.

    Parameters
    ----------
    trios : on the same bench and rows.

    Raises
    ------
    Unfit
        A model has no estimate.

    Examples
    --------
    >>> generator = np.random.default_rng(1)
    >>> a, one = np.arange(400) % 2.0, np.ones((400, 1))
    >>> first, second = a + generator.normal(size=400), generator.normal(size=400)
    >>> y = 0.2 * a + 0.5 * first + generator.normal(size=400)
    >>> trio = Trio.of(a, first, y, for_mediator=one, for_outcome=one)
    >>> found = analyse_together([trio, replace(trio, mediator=second)], Contrast(0.0, 1.0))
    >>> found.estimates[3:].round(1).tolist()
    [0.5, -0.0]
    """
    scaled = [scale_trio(trio, contrast, scales_outcome=True) for trio in trios]
    first, J = scaled[0], len(scaled)
    mediators, outcome, total = _fit_together(scaled)
    at = total.coefficients.size - 1
    last = mediators[0].coefficients.size - 1
    slopes = np.array([fit.coefficients[last] for fit in mediators])
    parameters = np.concatenate([slopes, outcome.coefficients[at:], total.coefficients[[at]]])
    influence = np.column_stack(
        [
            *(fit.influence([last])[:, 0] for fit in mediators),
            outcome.influence(range(at, at + 1 + J)),
            total.influence([at]),
        ]
    )

    def refit(counts: F64) -> F64:
        again = [[beta[last] for beta, _ in fit.refit(counts)] for fit in mediators]
        beside = [theta[at:] for theta, _ in outcome.refit(counts)]
        alone = [theta[at] for theta, _ in total.refit(counts)]
        return np.column_stack([*again, beside, alone])

    effects = _effects(J, first.contrast.high - first.contrast.low)
    units = np.full(len(effects.names), first.outcome_unit)
    paths = tuple(
        path
        for j, each in enumerate(scaled)
        for path in _list_paths(each, mediators[j], outcome, total, j)
    )
    clusters = first.trio.clusters
    return Analysis(effects, parameters, influence, units, refit, paths, clusters=clusters)


def analyse_each_beside(trios: list[Trio], contrast: Contrast) -> list[Analysis | Unfit]:
    """Return the effects through each of J mediators beside the others, or why it has none.

    Mediators that the others determine have no effects of their own. In the model they stand as a
    basis of them does, whichever it is: neither the exposure's coefficient nor those of other
    mediators change with it, and ``indirect_all`` neither.

    Parameters
    ----------
    trios : on the same bench and rows.

    Examples
    --------
    >>> generator = np.random.default_rng(1)
    >>> a, one = np.arange(400) % 2.0, np.ones((400, 1))
    >>> first, second = a + generator.normal(size=400), generator.normal(size=400)
    >>> trio = Trio.of(a, first, first + second + a, for_mediator=one, for_outcome=one)
    >>> trios = [replace(trio, mediator=m) for m in (first, generator.normal(size=400), 2 * first)]
    >>> found = analyse_each_beside(trios, Contrast(0.0, 1.0))
    >>> [one.status.name if isinstance(one, Unfit) else "ok" for one in found]
    ['collinear', 'ok', 'collinear']
    """
    try:
        whole = analyse_together(trios, contrast)
    except Unfit as ending:
        if ending.status is not Status.collinear:
            return [ending] * len(trios)
    else:
        return [part_of(whole, j) for j in range(len(trios))]
    try:
        kept, refused = _find_determined(
            [scale_trio(t, contrast, scales_outcome=True) for t in trios]
        )
        if len(refused) < len(trios):
            whole = analyse_together([trios[j] for j in kept], contrast)
    except Unfit as ending:
        return [ending] * len(trios)
    note = (
        f"in the model beside {len(trios) - 1} proteins, of which what others determine has no "
        f"effect of its own: {len(refused)}"
    )
    return [
        refused[j] if j in refused else replace(part_of(whole, kept.index(j)), notes=(note,))
        for j in range(len(trios))
    ]


def _find_determined(scaled: list[Scaled]) -> tuple[list[int], dict[int, Unfit]]:
    """Return mediators that determine all of them, and why some have no effect of their own.

    Raises
    ------
    Unfit
        The mediators determine the exposure.
    """
    first, J = scaled[0], len(scaled)
    weights = first.trio.weights
    without = first.trio.bench.outcome_basis(first.trio.there, line=True)
    own = root_rows(np.column_stack([each.mediator for each in scaled]), weights)
    alone = {j for j in range(J) if without.determines(own[:, j])}
    rest = [j for j in range(J) if j not in alone]
    columns = without.extend(own[:, rest]).kept - without.k
    kept = [rest[place] for place in columns.tolist() if place >= 0]
    covariates = Basis.of(without.design[:, :-1])
    if covariates.extend(own[:, rest]).determines(without.design[:, -1]):
        raise Unfit(
            Status.collinear,
            "covariates and proteins determine the exposure in the model of the outcome",
        )
    refused = {j: Unfit(Status.collinear, DETERMINED) for j in alone}
    for j in rest:
        others = [other for other in rest if other != j]
        if without.extend(own[:, others]).determines(own[:, j]):
            message = "other proteins determine the protein in the model of the outcome"
            refused[j] = Unfit(Status.collinear, message)
    return kept, refused


def _fit_together(
    scaled: list[Scaled],
) -> tuple[list[Regression], Regression, Regression]:
    """Fit each mediator, the outcome with all of them, and the outcome with none."""
    if any(each.binary for each in scaled):
        raise Unfit(Status.not_identified, OF_TWO_VALUES)
    first, J = scaled[0], len(scaled)
    without = first.trio.bench.outcome_basis(first.trio.there, line=True)
    at, weights = without.k - 1, first.trio.weights
    own = np.column_stack([each.mediator for each in scaled])
    outcome = fit_regression(
        without.extend(root_rows(own, weights)),
        first.outcome,
        link="linear",
        needed=list(range(at, at + 1 + J)),
        what=["the exposure", *["a protein"] * J],
        of="the outcome",
        weights=weights,
    )
    total = fit_regression(
        without,
        first.outcome,
        link="linear",
        needed=[at],
        what=["the exposure"],
        of="the outcome",
        weights=weights,
    )
    return [fit_mediator(each) for each in scaled], outcome, total


def _effects(J: int, d: float) -> Effects:
    def function(p: Numbers) -> Numbers:
        products = p[..., :J] * p[..., J + 1 : 2 * J + 1] * d
        direct, total = p[..., J] * d, p[..., -1] * d
        return np.concatenate(
            [np.stack([total, direct, products.sum(axis=-1)], axis=-1), products], axis=-1
        )

    names = ("total", "direct", "indirect_all", *(f"indirect {j}" for j in range(J)))
    return Effects(names, function)


def _list_paths(
    scaled: Scaled, fit: Regression, outcome: Regression, total: Regression, j: int
) -> tuple[PathEstimate, ...]:
    """Return the lines of the diagram of one mediator."""
    at = total.coefficients.size - 1
    y, a = scaled.outcome_unit, scaled.exposure_unit
    lines = (
        ("b", outcome, at + 1 + j, y / scaled.mediator_unit, True),
        ("c", total, at, y / a, True),
        ("c_prime", outcome, at, y / a, True),
    )
    return (path_of_mediator(fit, scaled), *paths_of(lines, scaled.trio))


def part_of(analysis: Analysis, j: int) -> Analysis:
    """Return the effects of the j-th mediator, named as :data:`JOINT_EFFECTS`."""

    def function(p: Numbers) -> Numbers:
        whole = analysis.effects.function(p)
        total, direct, every = np.moveaxis(whole[..., :3], -1, 0)
        own = whole[..., 3 + j]
        return np.stack([total, direct, own, own / total, every], axis=-1)

    units = np.full(len(JOINT_EFFECTS), analysis.units[0])
    units[JOINT_EFFECTS.index("proportion")] = 1.0
    paths = analysis.paths[4 * j : 4 * j + 4]
    return replace(analysis, effects=Effects(JOINT_EFFECTS, function), units=units, paths=paths)
