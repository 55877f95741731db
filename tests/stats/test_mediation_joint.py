"""Several mediators in one model: which have an effect of their own, and what those are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.stats.mediation import Analysis, Trio
from proteomr.stats.mediation_effects import Contrast
from proteomr.stats.mediation_joint import analyse_each_beside
from proteomr.stats.mediation_mediator import DETERMINED
from proteomr.stats.mediation_regressions import Unfit
from proteomr.status import Status
from tests.stats.mediation_trios import make_trio

UNIT = Contrast(0.0, 1.0)


def draw(trio: Trio, count: int) -> list[F64]:
    """Return mediators that the exposure moves, the first that of the trio."""
    generator = np.random.default_rng(4)
    others = [0.3 * j * trio.exposure + generator.normal(size=trio.n) for j in range(1, count)]
    return [trio.mediator, *others]


def analyse(trio: Trio, *mediators: F64) -> list[Analysis | Unfit]:
    return analyse_each_beside([replace(trio, mediator=m) for m in mediators], UNIT)


def numbers(found: Analysis | Unfit) -> F64:
    assert isinstance(found, Analysis)
    return np.concatenate([found.estimates, found.standard_errors()])


def refusal(found: Analysis | Unfit) -> tuple[Status, str]:
    assert isinstance(found, Unfit)
    return found.status, found.message


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("kind", ["twice", "a sum", "three in two dimensions"])
def test_mediators_that_others_determine_take_no_effect_from_those_beside(
    kind: str, place: int, *, weighted: bool
) -> None:
    trio = make_trio("mediator", "y")
    if weighted:
        trio = Trio.of(
            trio.exposure,
            trio.mediator,
            trio.outcome,
            for_mediator=trio.for_mediator,
            for_outcome=trio.for_outcome,
            weights=0.5 + (np.arange(trio.n) % 3).astype(np.float64),
        )
    alone, first, second = draw(trio, 3)
    alike = {
        "twice": [first, 3.0 - 2.0 * first],
        "a sum": [first, second, first + second + 0.2 * trio.for_outcome[:, 1]],
        "three in two dimensions": [first - second, first + second, first, second],
    }[kind]
    basis = [first] if kind == "twice" else [first, second]
    expected = numbers(analyse(trio, alone, *basis)[0])
    columns = [*alike[:place], alone, *alike[place:]]
    found = analyse(trio, *columns)
    np.testing.assert_allclose(numbers(found.pop(min(place, len(alike)))), expected, rtol=1e-9)
    assert {refusal(one)[0] for one in found} == {Status.collinear}
    assert {refusal(one)[1][:14] for one in found} == {"other proteins"}


def test_a_mediator_that_is_the_exposure_leaves_the_others_theirs() -> None:
    trio = make_trio("mediator", "y")
    alone, other = draw(trio, 2)
    shifted = trio.exposure + 0.1 * trio.for_outcome[:, 1]
    expected = [numbers(one) for one in analyse(trio, alone, other)]
    first, refused, second = analyse(trio, alone, shifted, other)
    assert refusal(refused) == (Status.collinear, DETERMINED)
    for one, theirs in zip((first, second), expected, strict=True):
        np.testing.assert_allclose(numbers(one), theirs, rtol=1e-9)
        assert isinstance(one, Analysis)
        assert "of its own: 1" in one.notes[0]


def test_mediators_that_together_are_the_exposure_have_no_effects() -> None:
    trio = make_trio("mediator", "y")
    alone, first = draw(trio, 2)
    found = analyse(trio, alone, first, trio.exposure - first)
    assert {refusal(one)[0] for one in found} == {Status.collinear}
    assert all("determine the exposure" in refusal(one)[1] for one in found)
