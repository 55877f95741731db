"""Mediation by two regressions, held against R's fits and against refits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from proteomr.stats.mediation import doubt_proportion
from proteomr.stats.mediation_effects import Contrast
from proteomr.stats.mediation_product import ProductOptions, analyse_product
from proteomr.stats.mediation_regressions import OutcomeLink, Unfit
from tests.stats.mediation_trios import EXPECTED, change, errors_of, make_trio, move_counts, named

UNIT = Contrast(0.0, 1.0)


def test_two_lines_give_the_numbers_of_r() -> None:
    expected = EXPECTED["lines"]
    found = analyse_product(make_trio("mediator", "y", batches=True), UNIT, ProductOptions())
    for quantity in ("total", "direct", "indirect"):
        assert named(found)[quantity] == pytest.approx(expected[quantity], rel=1e-10)
        assert errors_of(found)[quantity] == pytest.approx(expected[f"se_{quantity}"], rel=1e-10)
    paths = {path.path: path for path in found.paths}
    for name in ("a", "b"):
        estimate, se, _, p = expected[name]
        assert (paths[name].estimate, paths[name].se) == pytest.approx((estimate, se), rel=1e-10)
        assert paths[name].neg_log10_p == pytest.approx(-np.log10(p), rel=1e-9)


def test_an_interaction_gives_averages_over_both_exposures() -> None:
    expected = EXPECTED["interaction"]
    options = ProductOptions(interaction=True)
    found = named(analyse_product(make_trio("mediator", "y"), UNIT, options))
    for quantity in ("direct", "indirect"):
        assert found[quantity] == pytest.approx(expected[quantity], rel=1e-9)
    assert found["total"] == pytest.approx(found["direct"] + found["indirect"], rel=1e-12)


def test_four_components_and_their_errors_are_those_of_the_delta_method() -> None:
    expected = EXPECTED["four_way"]
    contrast = replace(UNIT, mediator=expected["at"])
    options = ProductOptions(interaction=True, four_way=True)
    found = analyse_product(make_trio("mediator", "y"), contrast, options)
    for name, estimate, se in zip(*(expected[k] for k in ("names", "estimate", "se")), strict=True):
        assert named(found)[name] == pytest.approx(estimate, rel=1e-9)
        assert errors_of(found)[name] == pytest.approx(se, rel=1e-7)


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_mean_outcomes_are_those_of_adaptive_quadrature(link: OutcomeLink) -> None:
    expected, trio = EXPECTED[link], make_trio("mediator", "case")
    contrast = replace(UNIT, mediator=expected["at"])
    found = named(analyse_product(trio, contrast, ProductOptions(link, interaction=True)))
    for quantity in ("total", "direct", "indirect"):
        assert found[quantity] == pytest.approx(expected[quantity], rel=1e-8)
    options = ProductOptions(link, interaction=True, four_way=True)
    four = named(analyse_product(trio, contrast, options))
    for quantity in ("cde", "nde", "nie", "pie"):
        assert four[quantity] == pytest.approx(expected[quantity], rel=1e-8)
    assert four["te"] == pytest.approx(found["total"], rel=1e-10)


@pytest.mark.parametrize(("outcome", "link"), [("y", "linear"), ("case", "logit")])
def test_a_mediator_of_two_values_has_a_logistic_model(outcome: str, link: OutcomeLink) -> None:
    expected = EXPECTED["marker"]
    found = analyse_product(make_trio("marker", outcome), UNIT, ProductOptions(link))
    for quantity in ("total", "direct", "indirect"):
        assert named(found)[quantity] == pytest.approx(expected[link][quantity], rel=1e-8)
    assert found.paths[0].estimate == pytest.approx(expected["a"], rel=1e-9)


def test_the_values_of_a_two_valued_mediator_do_not_matter() -> None:
    trio = make_trio("marker", "y")
    other = change(trio, mediator=-3.0 + 1e-6 * trio.mediator)
    first, second = (analyse_product(t, UNIT, ProductOptions()) for t in (trio, other))
    assert second.estimates == pytest.approx(first.estimates, rel=1e-9)


@pytest.mark.parametrize(
    ("mediator", "outcome", "options"),
    [
        ("mediator", "y", ProductOptions()),
        ("mediator", "y", ProductOptions(interaction=True, four_way=True)),
        ("mediator", "case", ProductOptions("logit", interaction=True, four_way=True)),
        ("mediator", "case", ProductOptions("probit")),
        ("marker", "case", ProductOptions("logit")),
        ("marker", "y", ProductOptions()),
    ],
)
def test_influences_are_what_refits_do(
    mediator: str, outcome: str, options: ProductOptions
) -> None:
    trio = make_trio(mediator, outcome)
    found = analyse_product(trio, replace(UNIT, mediator=0.3), options)
    assert np.abs(found.influence.sum(axis=0)).max() < 1e-9
    count = 4 + 2 * options.four_way if found.parameters.size > 6 else found.parameters.size
    sizes = np.sqrt(np.einsum("ij,ij->j", found.influence, found.influence))[:count]
    for person in (0, 17, 203):
        moved = move_counts(found, person, trio.n, 0.01)[:count]
        # the mean influence of what a count adds to all is none
        expected = found.influence[person, :count]
        assert np.abs(moved - expected).max() < 2e-3 * sizes.max()


@pytest.mark.parametrize("factor", [1e-150, 1e-9, 1e9, 1e150])
def test_units_of_mediator_and_outcome_change_no_test(factor: float) -> None:
    trio = make_trio("mediator", "y")
    other = change(trio, mediator=factor * trio.mediator, outcome=trio.outcome / factor)
    first, second = (analyse_product(t, UNIT, ProductOptions()) for t in (trio, other))
    ratios = [found.estimates / found.standard_errors() for found in (first, second)]
    assert ratios[1] == pytest.approx(ratios[0], rel=1e-8)
    assert second.estimates[0] * factor == pytest.approx(first.estimates[0], rel=1e-9)


def test_a_far_zero_of_the_mediator_changes_nothing() -> None:
    trio = make_trio("mediator", "y")
    contrasts = replace(UNIT, mediator=0.5), replace(UNIT, mediator=0.5 + 2.0**20)
    far = change(trio, mediator=trio.mediator + 2.0**20)
    options = ProductOptions(interaction=True, four_way=True)
    first = analyse_product(trio, contrasts[0], options)
    second = analyse_product(far, contrasts[1], options)
    assert second.estimates == pytest.approx(first.estimates, rel=1e-7)


def test_a_separated_outcome_says_so() -> None:
    trio = make_trio("mediator", "case")
    parted = change(trio, outcome=(trio.mediator > 0.2).astype(np.float64))
    with pytest.raises(Unfit, match="separation"):
        analyse_product(parted, UNIT, ProductOptions("logit"))


def test_aliased_covariates_leave_the_effects_as_they_are() -> None:
    trio = make_trio("mediator", "y")
    again = np.column_stack([trio.for_outcome, 2.0 * trio.for_outcome[:, 1] + 1.0])
    other = change(trio, for_outcome=again, for_mediator=again)
    first, second = (analyse_product(t, UNIT, ProductOptions()) for t in (trio, other))
    assert second.estimates == pytest.approx(first.estimates, rel=1e-9)


def test_no_total_effect_is_said_of_the_proportion() -> None:
    trio = make_trio("mediator", "y")
    noise = np.random.default_rng(1).normal(size=trio.n)
    found = analyse_product(change(trio, outcome=noise), UNIT, ProductOptions())
    assert "may be none" in doubt_proportion(found)["proportion"]
