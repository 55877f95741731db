from __future__ import annotations

import numpy as np
import pytest

from proteomr.stats import subset_mixtures
from proteomr.stats.subset_mixtures import mix_subsets


def test_compiled_densities_are_the_plain_ones_whichever_points_stand_beside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    random = np.random.default_rng(1)
    ratio, se = random.normal(0.3, 0.4, 13), random.uniform(0.01, 0.5, 13)
    mixture = mix_subsets(ratio, se, log_odds=0.4)
    points = np.linspace(-3.0, 3.0, 101)
    plain = mixture.log_density(points)
    monkeypatch.setattr(subset_mixtures, "_COMPILED_FROM", 1)
    compiled = mixture.log_density(points)
    # sums of 8,000 parts in another order
    np.testing.assert_allclose(compiled, plain, rtol=0.0, atol=1e-12)
    assert compiled[[0, 50]].tolist() == mixture.log_density(points[[0, 50]]).tolist()
    # far from every part no density is zero: the exponents there are some -1e8
    far = mixture.log_density(np.array([1e4]))
    monkeypatch.undo()
    np.testing.assert_allclose(far, mixture.log_density(np.array([1e4])), rtol=1e-13)
