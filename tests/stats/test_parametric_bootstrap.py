from __future__ import annotations

import numpy as np
import pytest

from proteomr.stats import parametric_bootstrap
from proteomr.stats.parametric_bootstrap import draw_effects

EXPOSURE = np.array([1.0, -2.0, 3.0]), np.array([0.1, 0.2, 0.3])
OUTCOME = np.array([10.0, 0.0, -5.0]), np.array([1.0, 2.0, 0.5])


def test_draws_have_the_means_and_errors_given_and_are_independent() -> None:
    random = np.random.default_rng(1)
    blocks = list(draw_effects(EXPOSURE, OUTCOME, draws=20_000, random=random))
    x, y = (np.concatenate(part) for part in zip(*blocks, strict=True))
    assert x.shape == y.shape == (20_000, 3)
    np.testing.assert_array_less(np.abs(x.mean(axis=0) - EXPOSURE[0]), 0.03 * EXPOSURE[1])
    np.testing.assert_allclose(x.std(axis=0), EXPOSURE[1], rtol=0.02)
    np.testing.assert_allclose(y.std(axis=0), OUTCOME[1], rtol=0.02)
    between = np.corrcoef(np.hstack([x, y]).T) - np.eye(6)
    assert np.abs(between).max() < 0.03


def test_the_size_of_the_blocks_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = list(draw_effects(EXPOSURE, OUTCOME, draws=7, random=np.random.default_rng(1)))
    monkeypatch.setattr(parametric_bootstrap, "_NUMBERS_PER_BLOCK", 12)
    parts = list(draw_effects(EXPOSURE, OUTCOME, draws=7, random=np.random.default_rng(1)))
    assert [x.shape[0] for x, _ in parts] == [2, 2, 2, 1]
    np.testing.assert_array_equal(whole[0][0], np.concatenate([x for x, _ in parts]))
    np.testing.assert_array_equal(whole[0][1], np.concatenate([y for _, y in parts]))
