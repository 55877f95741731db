from __future__ import annotations

import time

import numpy as np
import pytest

from proteomr.mr.methods.egger import EggerRegression
from proteomr.mr.methods.ivw import InverseVarianceWeightedFixed
from proteomr.stats.weighted_lines import fit_lines, fit_slopes, penalise_weights
from tests.mr.methods.examples import run, simulate


def test_padded_pairs_equal_the_single_ones() -> None:
    random = np.random.default_rng(1)
    sets = [simulate(random, variants=int(m)) for m in random.integers(3, 30, 50)]
    shape = (len(sets), 30)
    x, y, w = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for row, data in enumerate(sets):
        sign = np.sign(data.x)
        x[row, : data.m], y[row, : data.m] = np.abs(data.x), sign * data.beta_y
        w[row, : data.m] = 1 / data.se_y**2
    slopes, lines = fit_slopes(x, y, weights=w), fit_lines(x, y, weights=w)
    for row, data in enumerate(sets):
        ivw = run(InverseVarianceWeightedFixed(), data)
        found = [slopes.slope[row], slopes.se[row], slopes.q[row], slopes.df[row]]
        wanted = [ivw.estimate, ivw.se, ivw.details["q"], data.m - 1]
        np.testing.assert_allclose(found, wanted, rtol=1e-12)
        egger = run(EggerRegression(), data)
        floor = max(1.0, egger.details["residual_se"])
        names = ("slope", "se", "intercept", "intercept_se", "q", "df")
        found = [getattr(lines, name)[row] for name in names]
        details = egger.details
        wanted = [egger.estimate, egger.se / floor, details["intercept"]]
        wanted += [details["intercept_se"] / floor, details["q"], data.m - 2]
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_lines_equal_least_squares() -> None:
    random = np.random.default_rng(2)
    x, y, w = random.normal(size=(3, 12))
    w = w**2
    root = np.sqrt(w)
    X = np.column_stack([root, root * x])
    b, rss, _, _ = np.linalg.lstsq(X, root * y)
    errors = np.sqrt(np.diag(np.linalg.inv(X.T @ X)))
    line = fit_lines(x, y, weights=w)
    np.testing.assert_allclose([line.intercept, line.slope], b, rtol=1e-10)
    np.testing.assert_allclose([line.intercept_se, line.se], errors, rtol=1e-10)
    assert line.q == pytest.approx(rss[0], rel=1e-10)
    assert line.df == 10


def test_degenerate_rows_are_not_a_number_and_spoil_no_other() -> None:
    x = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [1.0, 2.0, 3.0]])
    y = np.array([[1.0, 2.0, 3.0]] * 3)
    slopes, lines = (
        fit_slopes(x, y, weights=np.ones((3, 3))),
        fit_lines(x, y, weights=np.ones((3, 3))),
    )
    np.testing.assert_array_equal(np.isnan(slopes.slope), [True, False, False])
    np.testing.assert_array_equal(np.isnan(lines.slope), [True, True, False])
    none = fit_lines(x, y, weights=np.zeros((3, 3)))
    assert np.isnan(none.slope).all()


def test_penalised_weights_fall_only_where_p_is_small() -> None:
    # R: 20 * pchisq(c(1, 9, 16), 1, lower.tail = FALSE)
    lowered = penalise_weights(np.full(3, 2.0), deviations=np.array([1.0, 9.0, 16.0]), factor=20)
    np.testing.assert_allclose(
        lowered, [2.0, 2 * 0.0539959212652038, 2 * 0.0012668496733248], rtol=1e-10
    )


def test_thousands_of_pairs_take_a_moment() -> None:
    random = np.random.default_rng(3)
    x, y = random.normal(size=(2, 2920, 80))
    w = random.uniform(1, 2, (2920, 80))
    start = time.process_time()
    fit_slopes(x, y, weights=w)
    fit_lines(x, y, weights=w)
    assert time.process_time() - start < 0.5  # 20 ms where the processor is free
