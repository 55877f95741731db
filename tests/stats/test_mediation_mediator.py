"""What no method can tell from the exposure says so, in the same words."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.stats.mediation import Analysis, Trio
from proteomr.stats.mediation_effects import Contrast
from proteomr.stats.mediation_hazards import analyse_percentage
from proteomr.stats.mediation_mediator import DETERMINED
from proteomr.stats.mediation_product import ProductOptions, analyse_product
from proteomr.stats.mediation_regressions import Unfit
from proteomr.stats.mediation_weighting import analyse_counterfactual
from proteomr.status import Status
from tests.stats.mediation_trios import change, make_trio

UNIT = Contrast(0.0, 1.0)
FOUR = ProductOptions(interaction=True, four_way=True)
METHODS: dict[str, tuple[str, Callable[[Trio], Analysis]]] = {
    "product": ("y", lambda trio: analyse_product(trio, UNIT, ProductOptions())),
    "product of a binary outcome": (
        "case",
        lambda trio: analyse_product(trio, UNIT, ProductOptions("probit")),
    ),
    "four-way": ("y", lambda trio: analyse_product(trio, UNIT, FOUR)),
    "perm": ("time", lambda trio: analyse_percentage(trio, UNIT)),
    "counterfactual, additive": (
        "time",
        lambda trio: analyse_counterfactual(trio, UNIT, hazard="aalen"),
    ),
    "counterfactual, Cox": ("time", lambda trio: analyse_counterfactual(trio, UNIT, hazard="cox")),
}
MEDIATORS: dict[str, Callable[[F64, F64], F64]] = {
    "the exposure": lambda a, _: a,
    "its opposite, in other units": lambda a, _: 7.0 - 1e-3 * a,
    "a line of it and of a covariate": lambda a, c: a + 0.1 * c,
    "a covariate": lambda _, c: c,
    "the exposure but for rounding": lambda a, c: a + 1e-10 * np.sin(1e3 * c),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("mediator", MEDIATORS)
@pytest.mark.parametrize("method", METHODS)
def test_a_mediator_that_exposure_and_covariates_determine_is_collinear(
    method: str, mediator: str, *, weighted: bool
) -> None:
    outcome, analyse = METHODS[method]
    trio = make_trio("mediator", outcome)
    column = MEDIATORS[mediator](trio.exposure, trio.for_mediator[:, 1])
    more = {"weights": 0.5 + (np.arange(trio.n) % 3).astype(np.float64)} if weighted else {}
    with pytest.raises(Unfit, match=DETERMINED) as ending:
        analyse(change(trio, mediator=column, **more))
    assert ending.value.status is Status.collinear


@pytest.mark.parametrize("method", METHODS)
def test_fewer_people_than_coefficients_are_too_few_and_not_collinear(method: str) -> None:
    outcome, analyse = METHODS[method]
    trio = make_trio("mediator", outcome)
    few = Trio(trio.mediator[:4], trio.bench, np.arange(trio.n) < 4)
    with pytest.raises(Unfit) as ending:
        analyse(few)
    assert ending.value.status is Status.too_few
