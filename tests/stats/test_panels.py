"""Densities on panels: masses, quantiles and what is not resolved."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from proteomr.stats.panels import Panels


def test_quantiles_are_those_of_the_distribution() -> None:
    panels = Panels.even(-1.0, 9.0, count=40, order=6)
    density = 7.0 * stats.gamma.pdf(panels.nodes, 3.0)
    found = panels.quantiles(density, [0.025, 0.5, 0.9])
    inside = stats.gamma.cdf(9.0, 3.0)
    assert found == pytest.approx(stats.gamma.ppf(inside * np.array([0.025, 0.5, 0.9]), 3.0), 1e-4)


def test_integrals_to_any_place_are_those_of_the_distribution_for_each_row() -> None:
    panels = Panels(np.array([-8.0, -3.0, -1.0, 0.0, 1.0, 2.0, 4.0, 8.0]), 12)
    means, at = np.array([-0.5, 0.0, 1.0]), np.array([-9.0, 0.3, 20.0])
    rows = stats.norm.pdf(panels.nodes, means[:, None])
    assert panels.cumulate(rows, at) == pytest.approx(stats.norm.cdf(at, means), abs=1e-6)


def test_polynomials_are_integrated_exactly() -> None:
    panels = Panels(np.array([0.0, 0.1, 0.7, 1.0]), 4)
    assert panels.masses(panels.nodes**7).sum() == pytest.approx(1 / 8, rel=1e-12)
    assert panels.cumulate(panels.nodes**3, np.array([0.5]))[0] == pytest.approx(0.5**4 / 4)


def test_panels_are_cut_just_where_the_density_turns() -> None:
    panels = Panels.even(-8.0, 8.0, count=8, order=5)
    density = np.exp(-0.5 * ((panels.nodes - 3.0) / 0.1) ** 2) + 1e-3
    cut = panels.unresolved(density, share=1e-3)
    assert cut[5]
    assert not cut[[0, 1, 2, 3, 7]].any()
    finer = panels.bisect(cut)
    assert finer.count == 8 + cut.sum()
    assert set(panels.edges) <= set(finer.edges)


def test_panels_from_the_first_to_the_last_chosen_are_kept() -> None:
    panels = Panels.even(0.0, 4.0, count=4, order=3)
    kept = panels.keep(np.array([False, True, False, True]))
    assert kept.edges.tolist() == [1.0, 2.0, 3.0, 4.0]
