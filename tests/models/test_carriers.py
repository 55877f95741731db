"""How often robust errors of few people reject a true null hypothesis, against simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from proteomr.models.carriers import count_rejections, remark_on_carriers
from proteomr.stats.sandwich import ErrorKind

# of a mean of c values: what their squared deviations are multiplied by, over c^2
FACTORS: dict[ErrorKind, float] = {"HC0": 0.0, "HC2": 1.0, "HC3": 2.0}


@pytest.mark.parametrize("kind", FACTORS)
@pytest.mark.parametrize("c", [5, 10, 20])
def test_rejections_are_those_of_simulated_groups(c: int, kind: ErrorKind) -> None:
    """A group of c beside one so large that its mean has no error."""
    draw = np.random.default_rng(c).normal(size=(150_000, c))
    rest = draw - draw.mean(axis=1, keepdims=True)
    se = np.sqrt(np.sum(rest**2, axis=1) * (c / (c - 1)) ** FACTORS[kind]) / c
    often = np.mean(np.abs(draw.mean(axis=1)) / se > stats.norm.isf(0.0005))
    assert count_rejections(float(c), kind, np.inf) == pytest.approx(often, rel=0.15)


@pytest.mark.parametrize(("c", "said"), [(10.0, True), (19.0, True), (25.0, False), (60.0, False)])
def test_few_people_behind_hc3_are_said(c: float, *, said: bool) -> None:
    assert bool(remark_on_carriers(c, "HC3", 5_000.0)) is said


def test_clusters_that_the_reference_distribution_counts_are_enough() -> None:
    assert remark_on_carriers(22.0, "CR1", 21.0) == ""
    assert "rests on about 3.0 clusters" in remark_on_carriers(3.0, "CR1", 19.0)
