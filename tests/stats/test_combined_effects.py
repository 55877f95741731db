"""Effects of correlated variants on all of them together: what no trait can have is refused."""

from __future__ import annotations

import numpy as np
import pytest

from proteomr.stats.combined_effects import join_effects


def test_combinations_do_not_hide_a_pair_that_explains_more_than_there_is() -> None:
    beta, se, r = np.full(4, 100.0), np.full(4, 0.01), np.full((4, 4), 0.3) + 0.7 * np.eye(4)
    mean = np.full((4, 1), 0.5)
    assert join_effects(beta, se, n=2e4, correlations=r) is None
    assert join_effects(beta, se, n=2e4, correlations=r, combinations=mean) is None


@pytest.mark.parametrize("shared", [0.0, 0.6, -0.6, 0.97])
def test_effects_of_a_regression_are_never_refused(shared: float) -> None:
    random = np.random.default_rng(1)
    x = random.normal(size=(500, 2)) @ np.linalg.cholesky([[1, shared], [shared, 1]]).T
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    y = x @ [0.9, 0.4] + 0.05 * random.normal(size=500)
    y = (y - y.mean()) / y.std()
    beta = x.T @ y / 500
    se = np.sqrt((1 - beta**2) / 498)
    joint = join_effects(beta, se, n=500, correlations=np.corrcoef(x.T))
    assert joint is not None
    whole = np.linalg.lstsq(x, y, rcond=None)[0]
    assert joint.effects == pytest.approx(whole, rel=0.02, abs=0.01)
