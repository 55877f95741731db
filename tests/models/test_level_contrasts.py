"""Contrasts of levels: their words, their columns, and circles among them."""

from __future__ import annotations

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.errors import UsageError
from proteomr.models.level_coding import code_pairs
from proteomr.models.level_contrasts import ask_contrasts
from proteomr.models.targets import Target

LEVELS = ("Current", "Never", "Past", "x - y")
CODES = np.array([0.0, 1.0, 2.0, 3.0, np.nan, 1.0, 0.0])


def target() -> Target:
    values = np.where(np.isnan(CODES)[:, None], np.nan, CODES[:, None] == np.arange(1, 4))
    contrasts = tuple(f"{level} vs Current" for level in LEVELS[1:])
    return Target(
        "smoking", "exposure", "factor", values.astype(float), contrasts, levels=LEVELS, codes=CODES
    )


def fit_means(columns: F64, codes: F64, means: F64) -> F64:
    X = np.column_stack([np.ones(codes.size), columns])
    return np.asarray(np.linalg.lstsq(X, means[codes.astype(int)])[0][1:])


@pytest.mark.parametrize(
    "pairs", [[(2, 1)], [(1, 0), (2, 0), (3, 0)], [(3, 2), (0, 1)], [(1, 3), (3, 2), (2, 0)]]
)
def test_coefficients_are_differences_of_the_levels_means(pairs: list[tuple[int, int]]) -> None:
    means = np.array([1.0, 4.0, -2.0, 7.5])
    codes = np.array([0, 1, 2, 3, 3, 1])
    coded = code_pairs(codes, LEVELS, pairs)
    found = fit_means(coded.columns, codes.astype(float), means)
    wanted = [means[first] - means[second] for first, second in pairs]
    np.testing.assert_allclose(found[list(coded.places)], wanted, atol=1e-12)


def test_a_level_that_nobody_has_leaves_the_other_contrasts() -> None:
    means = np.array([1.0, 4.0, -2.0, 7.5])
    codes = np.array([0, 1, 3, 3])
    coded = code_pairs(codes, LEVELS, [(2, 1), (3, 1), (0, 3)])
    found = fit_means(coded.columns, codes.astype(float), means)
    assert coded.places[0] == -1
    assert dict(coded.lacking) == {0: "Past"}
    np.testing.assert_allclose(found[list(coded.places[1:])], [3.5, -6.5], atol=1e-12)


def test_a_contrast_that_follows_from_others_is_of_a_target_of_its_own() -> None:
    asked = ["Past - Never", "Never - Current", "Past - Current", "Current vs Past"]
    found = ask_contrasts([target()], asked)
    assert [each.contrasts for each in found] == [
        ("Past vs Never", "Never vs Current"),
        ("Past vs Current",),
        ("Current vs Past",),
    ]
    assert [each.tested for each in found] == [True, False, False]
    assert {each.width for each in found} == {3}


def test_names_with_the_separator_are_levels() -> None:
    (found,) = ask_contrasts([target()], ["x - y - Never"])
    assert found.contrasts == ("x - y vs Never",)


def test_an_exposure_of_two_levels_is_turned() -> None:
    values = np.array([0.0, 1.0, np.nan])
    sick = Target("sick", "exposure", "binary", values, ("1 vs 0",), levels=("0", "1"))
    (same,), (turned,) = (ask_contrasts([sick], [text]) for text in ("1 - 0", "0 - 1"))
    assert (same.contrasts, turned.contrasts) == (("1 vs 0",), ("0 vs 1",))
    np.testing.assert_array_equal(turned.values, [1.0, 0.0, np.nan])


@pytest.mark.parametrize(
    ("contrasts", "message"),
    [
        (["Past - Nevver"], "not of two levels of an exposure.*did you mean 'Never'"),
        (["Past"], "not of two levels"),
        (["Past - Past"], "not of two levels"),
        (["Past - Never", "Past vs Never"], "a contrast of smoking is given twice"),
    ],
)
def test_a_contrast_of_no_levels_is_refused(contrasts: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        ask_contrasts([target()], contrasts)
