"""Brant's test against R: glm of each logit, and Brant's covariance between them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logit, ndtri

from proteomr._typing import F64
from proteomr.stats.brant import compare_slopes

# R 4.2.2: the formula with glm(control = list(epsilon = 1e-14)) on the people below.
R = [
    (3, False, 4.29196372680976),
    (3, True, 8.84607140328667),
    (4, False, 2.94947484611145),
    (4, True, 9.77030875478117),
    (6, False, 6.07163891895736),
    (6, True, 15.6305487073228),
]


def part(of: float) -> F64:
    values = np.arange(1, 501) * np.sqrt(of)
    return np.asarray(values - np.floor(values))


@pytest.mark.parametrize(("levels", "weighted", "statistic"), R)
def test_the_statistic_is_that_of_its_formula(
    levels: int, *, weighted: bool, statistic: float
) -> None:
    x, z, site = ndtri(part(2)), ndtri(part(3)), np.floor(3 * part(7))
    latent = 0.4 * x + 0.5 * z + logit(part(13))
    latent = latent + 0.3 * x * (latent > 0.0)
    y = np.searchsorted(2.0 * logit(np.arange(1, levels) / levels), latent, side="right")
    X = np.column_stack([np.ones(500), z, site == 1, site == 2, x]).astype(float)
    counts = 1.0 + np.floor(3 * part(17)) if weighted else None
    found, df = compare_slopes(X, y, 4, counts)
    assert df == levels - 2
    assert found == pytest.approx(statistic, rel=1e-9)


def test_a_separated_logit_has_no_test() -> None:
    x = np.arange(9.0)
    X = np.column_stack([np.ones(9), x])
    statistic, df = compare_slopes(X, np.array([0, 0, 0, 1, 2, 1, 2, 1, 2]), 1)
    assert np.isnan(statistic)
    assert df == 1
