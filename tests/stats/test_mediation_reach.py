"""Effects whose error is not that of their estimate, and those that keep theirs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from proteomr.stats.mediation import Trio
from proteomr.stats.mediation_effects import Contrast
from proteomr.stats.mediation_product import ProductOptions, analyse_product
from proteomr.stats.mediation_regressions import OutcomeLink, Unfit
from proteomr.status import Status


def draw(n: int, apart: float, *, odds: float = 0.5, seed: int = 0) -> Trio:
    """Return a mediator that is the exposure but for so much, and an outcome of two levels."""
    g = np.random.default_rng(seed)
    a = g.integers(0, 2, n).astype(np.float64)
    m = a + apart * g.normal(size=n)
    y = (g.random(n) < expit(odds * m + 0.4 * a - 1.0)).astype(np.float64)
    one = np.ones((n, 1))
    return Trio.of(a, m, y, for_mediator=one, for_outcome=one)


@pytest.mark.parametrize("four_way", [False, True])
@pytest.mark.parametrize("link", ["logit", "probit"])
@pytest.mark.parametrize("apart", [1e-6, 1e-2])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_mediator_that_is_almost_the_exposure_has_no_error(
    link: OutcomeLink, apart: float, seed: int, *, four_way: bool
) -> None:
    options = ProductOptions(link, interaction=four_way, four_way=four_way)
    with pytest.raises(Unfit) as refused:
        analyse_product(draw(300, apart, seed=seed), Contrast(0.0, 1.0), options)
    assert refused.value.status is Status.not_identified


@pytest.mark.parametrize(("n", "odds"), [(30, 1.0), (100, 3.0), (1000, 5.0)])
def test_strong_mediators_and_few_people_keep_their_error(n: int, odds: float) -> None:
    trio = draw(n, 1.0, odds=odds, seed=4)
    found = analyse_product(trio, Contrast(0.0, 1.0), ProductOptions("logit"))
    assert np.all(np.isfinite(found.standard_errors()))


def test_a_mediator_held_out_of_reach_costs_the_effects_of_holding_it_alone() -> None:
    trio = draw(300, 1.0, odds=0.0, seed=1)
    options = ProductOptions("logit", interaction=True, four_way=True)
    near = analyse_product(trio, Contrast(0.0, 1.0, 0.5), options)
    far = analyse_product(trio, Contrast(0.0, 1.0, 1e6), options)
    names = np.array(near.effects.names)
    held = np.isin(names, ["cde", "int_ref"])
    assert np.all(np.isnan(far.standard_errors()[held]))
    assert {"cde", "int_ref"} <= set(far.said)
    np.testing.assert_allclose(far.estimates[~held], near.estimates[~held], rtol=1e-12)
    np.testing.assert_allclose(far.standard_errors()[~held], near.standard_errors()[~held])
