from __future__ import annotations

import numpy as np
import pytest

from proteomr.simulate.covariates import Covariates
from proteomr.simulate.study import EXPOSURES


def test_rows_are_the_same_in_pieces_as_at_once(covariates: Covariates) -> None:
    whole = covariates.rows(0, 3000)
    pieces = np.hstack([covariates.rows(0, 1300), covariates.rows(1300, 3000)])
    assert np.array_equal(whole, pieces)


def test_the_full_set_has_the_62_columns_of_the_model(covariates: Covariates) -> None:
    gaps = sum(name.startswith("gap=") for name in covariates.simple)
    assert gaps == 8
    assert 1 + len(covariates.simple) - gaps + len(covariates.further) == 62


def test_every_factor_level_is_marked_for_its_people(covariates: Covariates) -> None:
    matrix = dict(zip(covariates.names, covariates.rows(0, 3000), strict=True))
    columns = covariates.people.columns
    for name, row in matrix.items():
        source, _, level = name.partition("=")
        if level and source != "gap":
            assert np.array_equal(row == 1, columns[source].astype(str) == level)
            assert row.sum() > 0


@pytest.mark.parametrize("exposure", EXPOSURES)
def test_regressions_from_moments_equal_least_squares(
    covariates: Covariates, exposure: str
) -> None:
    moments = covariates.moments()
    full = ("intercept", *covariates.simple, *covariates.further)
    matrix = covariates.rows(0, 3000)
    x, y = matrix[moments.places(full)].T, matrix[moments.places((exposure,))[0]]
    oracle, rss, _, _ = np.linalg.lstsq(x, y)
    assert np.allclose(moments.regress((exposure,), on=full)[:, 0], oracle, atol=1e-9)
    assert moments.residual_variance(exposure, on=full) == pytest.approx(rss[0] / 3000, rel=1e-9)


def test_covariance_equals_that_of_numpy(covariates: Covariates) -> None:
    oracle = np.cov(covariates.rows(0, 3000), bias=True)
    assert np.allclose(covariates.moments().covariance(), oracle, atol=1e-9)
