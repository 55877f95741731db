from __future__ import annotations

import numpy as np
import pytest

from proteomr.stats.ld_contradiction import weigh_contradiction
from proteomr.stats.ld_mismatch import decompose


@pytest.mark.parametrize("size", [1e2, 1e3, 1e5, 1e160, 1e300])
def test_statistics_of_any_size_are_held_against_correlations(size: float) -> None:
    r = 0.95 ** np.abs(np.subtract.outer(np.arange(40.0), np.arange(40.0)))
    fit = size * r[7]
    assert not weigh_contradiction(fit, decompose(r)).is_plain
    astray = np.zeros(40)
    astray[11] = size
    assert weigh_contradiction(astray, decompose(r)).is_plain
