"""Weights of people in mediated effects: as often as they say, in any unit, with robust errors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.stats.mediation import Analysis, Trio
from proteomr.stats.mediation_effects import Contrast
from proteomr.stats.mediation_hazards import analyse_percentage
from proteomr.stats.mediation_joint import analyse_together
from proteomr.stats.mediation_product import ProductOptions, analyse_product
from proteomr.stats.mediation_weighting import HazardModel, analyse_counterfactual

N = 120
PRODUCTS = {
    "lines": ("normal", ProductOptions()),
    "lines with a product": ("normal", ProductOptions(interaction=True)),
    "four ways": ("normal", ProductOptions(interaction=True, four_way=True)),
    "logit": ("normal", ProductOptions("logit")),
    "probit": ("normal", ProductOptions("probit", interaction=True)),
    "binary mediator": ("binary", ProductOptions("logit", interaction=True, four_way=True)),
    "binary mediator, line": ("binary", ProductOptions(interaction=True)),
}
HAZARDS: tuple[HazardModel, ...] = ("aalen", "cox")
CASES = (*PRODUCTS, "perm", "joint", *HAZARDS)


@dataclass(frozen=True)
class People:
    """Columns of people, with weights of whole numbers."""

    exposure: F64
    mediator: F64
    outcome: F64
    covariates: F64
    weights: F64

    @classmethod
    def draw(cls, case: str) -> People:
        g = np.random.RandomState(4)
        a, x = (g.rand(N) < 0.5).astype(np.float64), g.randn(N)
        m = 0.6 * a + 0.3 * x + g.randn(N)
        eta = 0.4 * a + 0.7 * m - 0.2 * x
        covariates, weights = np.column_stack([np.ones(N), x]), g.randint(1, 4, N).astype(float)
        if case in {"perm", *HAZARDS}:
            time = np.ceil(100.0 * g.exponential(np.exp(-eta))) / 100.0
            y = np.column_stack([np.full(N, -np.inf), time, (g.rand(N) < 0.7).astype(float)])
            return cls(a, m, y, covariates, weights)
        kind, options = PRODUCTS.get(case, PRODUCTS["lines"])
        m = m if kind == "normal" else (m > 0.4).astype(np.float64)
        y = eta + g.randn(N)
        y = y if options.link == "linear" else (y > 0.3).astype(np.float64)
        return cls(a, m, y, covariates, weights)

    def analyse(self, case: str, weights: F64 | None) -> Analysis:
        own = self.covariates
        trio = Trio.of(
            self.exposure,
            self.mediator,
            self.outcome,
            for_mediator=own,
            for_outcome=own,
            weights=weights,
        )
        if case == "perm":
            return analyse_percentage(trio, Contrast(0.0, 1.0))
        if case == "joint":
            other = replace(trio, mediator=np.cos(9.0 * self.mediator) + self.exposure)
            return analyse_together([trio, other], Contrast(0.0, 1.0))
        for hazard in HAZARDS:
            if case == hazard:
                given: dict[str, Any] = {"hazard": hazard, "as_published": False}
                return analyse_counterfactual(trio, Contrast(0.0, 1.0), **given)
        return analyse_product(trio, Contrast(0.0, 1.0, 0.2), PRODUCTS[case][1])

    def repeat(self) -> People:
        often = self.weights.astype(int)
        columns = (self.exposure, self.mediator, self.outcome, self.covariates, self.weights)
        return People(*(np.repeat(column, often, axis=0) for column in columns))


@pytest.mark.parametrize("case", CASES)
def test_whole_weights_are_people_who_are_there_so_often(case: str) -> None:
    people = People.draw(case)
    found = people.analyse(case, people.weights).estimates
    again = people.repeat().analyse(case, None).estimates
    # Efron's weights of tied events are their mean, which copies of a person are not.
    rough = case in {"perm", "cox"}
    # The residual variance is over people less coefficients, of whom copies are more.
    spread = case in {"logit", "probit", "aalen"}
    rtol = 0.05 if rough else 0.02 if spread else 1e-9
    np.testing.assert_allclose(found, again, rtol=rtol)


@pytest.mark.parametrize("case", CASES)
def test_the_unit_of_weights_does_not_matter(case: str) -> None:
    people = People.draw(case)
    one, other = (people.analyse(case, people.weights * unit) for unit in (1.0, 1e-3))
    np.testing.assert_allclose(one.estimates, other.estimates, rtol=1e-11)
    np.testing.assert_allclose(one.standard_errors(), other.standard_errors(), rtol=1e-9)


@pytest.mark.parametrize("case", CASES)
def test_equal_weights_change_no_estimate(case: str) -> None:
    people = People.draw(case)
    equal, none = (people.analyse(case, weights) for weights in (np.full(N, 3.0), None))
    np.testing.assert_allclose(equal.estimates, none.estimates, rtol=1e-9)
    np.testing.assert_allclose(equal.influence, none.influence, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_influences_are_what_a_weight_does(case: str) -> None:
    people = People.draw(case)
    whole = people.analyse(case, people.weights)
    exact = {"perm", "lines", "four ways", "joint", *HAZARDS}
    tested = slice(None) if case in exact else slice(0, 4)
    for i in range(0, N, 17):
        step = 1e-4 * people.weights[i] * (np.arange(N) == i)
        ends = [people.analyse(case, people.weights + sign * step) for sign in (1.0, -1.0)]
        moved = (ends[0].parameters - ends[1].parameters)[tested] / 2e-4
        np.testing.assert_allclose(whole.influence[i, tested], moved, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("case", CASES)
def test_refits_count_people_by_their_weights(case: str) -> None:
    people = People.draw(case)
    whole = people.analyse(case, people.weights)
    counts = np.ones((1, N))
    np.testing.assert_allclose(whole.refit(counts)[0], whole.parameters, rtol=1e-6, atol=1e-9)
    counts[0, :40] = 0.0
    less = People(
        *(
            column[40:]
            for column in (
                people.exposure,
                people.mediator,
                people.outcome,
                people.covariates,
                people.weights,
            )
        )
    )
    if case in {"perm", "joint", *HAZARDS}:
        alone = less.analyse(case, less.weights)
        np.testing.assert_allclose(whole.refit(counts)[0], alone.parameters, rtol=1e-6)
