from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from proteomr.stats.quantile_mapping import map_quantiles

STORED = Path(__file__).with_name("quantile_mapping.json")


def test_mapped_values_are_those_of_r() -> None:
    """R 4.2.2, ``lm`` on ``splines::ns``: make_quantile_mapping.R beside the numbers."""
    facts = json.loads(STORED.read_text(encoding="utf-8"))
    x, y, mapped = (np.array(facts[name]) for name in ("x", "y", "mapped"))
    bridges = facts["bridges"]
    found = map_quantiles(x, source=x[:bridges], target=y[:bridges])
    np.testing.assert_allclose(found, mapped, rtol=1e-10, atol=1e-11)


def test_beyond_the_source_values_are_mapped_along_a_line() -> None:
    source, target = np.random.default_rng(1).normal(size=(2, 60))
    for end in (np.array([-9.0, -6.0, -3.0]), np.array([3.0, 6.0, 9.0])):
        found = map_quantiles(end, source=source, target=target)
        assert abs(found[0] - 2 * found[1] + found[2]) < 1e-9


def test_missing_values_stay_missing() -> None:
    source, target = np.random.default_rng(1).normal(size=(2, 60))
    found = map_quantiles(np.array([np.nan, 0.0]), source=source, target=target)
    assert np.isnan(found).tolist() == [True, False]


@pytest.mark.parametrize("scale", [1e-150, 1.0, 1e150])
def test_units_do_not_matter(scale: float) -> None:
    rng = np.random.default_rng(2)
    source, target = rng.normal(size=(2, 50))
    found = map_quantiles(source * scale, source=source * scale, target=target)
    np.testing.assert_allclose(
        found, map_quantiles(source, source=source, target=target), rtol=1e-9
    )


def test_too_few_distinct_values_are_refused() -> None:
    with pytest.raises(ValueError, match="9 distinct values"):
        map_quantiles(np.zeros(1), source=np.repeat(np.arange(9.0), 5), target=np.arange(45.0))
