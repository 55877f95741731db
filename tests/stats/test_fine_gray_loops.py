"""Compiled loops of competing risks give the numbers of plain ones, which fits one by one are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from proteomr.stats import compiled_fine_gray_loops as compiled
from proteomr.stats import fine_gray_loops as plain
from proteomr.stats.batched_regressions import BatchedRegressions
from proteomr.stats.block_rows import lay_out_block
from proteomr.stats.chunked import chunk_design
from proteomr.stats.fine_gray_errors import ErrorSums
from proteomr.stats.fine_gray_limits import fit_fine_gray_limit
from proteomr.stats.fine_gray_rows import FineGrayRows, FineGraySums
from tests.stats.fine_gray_rules import Design, lay_out, load, make

KINDS = (plain.KNOWN, plain.CENSORING, plain.STRETCHES)
SUMS: tuple[ErrorSums, ...] = ("known", "censoring", "stretches")


def data_of(place: int) -> tuple[Design, plain.FineGrayTimes]:
    """Return a design in order of stratum and exit, and its times."""
    design = load()[place]
    data = make(design)
    order = np.lexsort((data.times[:, 1], data.strata))
    parts = (data.X, data.times, data.event, data.strata, data.groups, data.weights)
    data = Design(*(part[order] for part in parts))  # type: ignore[arg-type]  # each in its place
    code = data.event.astype(np.int8)
    efron = design["ties"] == "efron"
    given = (data.times[:, 1], code, data.strata)
    return data, plain.lay_out_times(*given, entries=data.times[:, 0], efron=efron)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", [1, 3, 4, 6, 8, 16])
def test_influences_are_alike(place: int, kind: int) -> None:
    data, times = data_of(place)
    times = times._replace(crr=place in {6, 8})
    g = np.random.default_rng(place)
    n, B, P = data.event.size, 2, 2
    mask = (g.random((B, n)) < 0.8) * data.weights
    counted = np.maximum(g.random(n) < 0.9, data.event == 1)
    times = times._replace(counted=counted.astype(np.float64))
    state = mask * times.counted * np.exp(0.5 * g.normal(size=(B, n)))
    u = g.normal(size=(P, B, n))
    found: list[Any] = []
    for loops in (plain, compiled):
        kept, squares = np.zeros((P, B, n)), np.zeros((B, P, P))
        loops.sum_influence(u.copy(), mask, times, state.copy(), kind, kept, squares)
        found.append((kept, squares))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("kind", SUMS)
@pytest.mark.parametrize("place", [3, 4, 18, 19])
def test_fits_of_a_block_are_those_one_by_one(place: int, kind: ErrorSums) -> None:
    data, times = data_of(place)
    n = data.event.size
    g = np.random.default_rng(3)
    observed = g.random((3, n)) < 0.9
    proteins = (g.normal(size=(3, n)) + 0.3 * data.X[:, 0]) * observed
    A = data.X - data.X.mean(axis=0)
    design = chunk_design(A, np.zeros((1, 0)), np.zeros(n, dtype=np.int64))
    rows = FineGrayRows.load(times)
    unit = data.weights.mean()
    base = rows.fit_base(design, times.code == 1, data.weights / unit)
    assert base is not None
    solver = BatchedRegressions(design, [base], model=rows)
    laid_out = lay_out_block(
        proteins[:, None], observed.astype(np.float32), weights=data.weights / unit
    )
    found = solver.fit(laid_out, meat=FineGraySums(design, rows, kind))
    assert found.converged.all()
    assert found.sandwich is not None
    for j in range(3):
        some = Design(
            np.column_stack([proteins[j], data.X])[observed[j]],
            data.times[observed[j]],
            data.event[observed[j]],
            data.strata[observed[j]],
            data.groups[observed[j]],
            data.weights[observed[j]],
        )
        wanted = fit_fine_gray_limit(some.X, lay_out(some), weights=some.weights, ties="efron")
        assert found.estimate[j, 0, 0] == pytest.approx(wanted.coefficients[0], rel=1e-9)
        variance = wanted.covariance(kind)[0, 0]
        assert found.sandwich[j, 0, 0, 0] == pytest.approx(variance, rel=2e-8)
