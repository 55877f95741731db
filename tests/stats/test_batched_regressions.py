"""Batches of logistic fits on shared covariates equal each fit by itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from proteomr._typing import F64
from proteomr.stats.batched_regressions import BatchedRegressions
from proteomr.stats.block_rows import lay_out_block
from proteomr.stats.chunked import ChunkedDesign, chunk_design
from proteomr.stats.logistic import fit_logistic
from proteomr.stats.logistic_base import fit_base
from proteomr.stats.logistic_rows import LogisticRows
from proteomr.stats.row_models import Base, BaseThresholds, Rows
from proteomr.stats.row_sweeps import RowSweeps
from proteomr.stats.tiles import TILE


@dataclass(frozen=True)
class Batch:
    """Covariates, proteins and responses of a batch."""

    design: ChunkedDesign
    borders: F64
    mask: NDArray[np.float32]
    responses: F64


def draw(n: int, proteins: int, *, own: int = 0, effect: float = 0.3, seed: int = 0) -> Batch:
    """Draw covariates with ten sites, proteins partly missing, and two responses."""
    g = np.random.default_rng(seed)
    site = np.sort(g.integers(0, 10, n))
    cells = np.column_stack([np.ones(10), np.eye(10)[:, 1:]])
    dense = np.linalg.qr(g.normal(size=(n, 4)))[0] * np.sqrt(n)
    design = chunk_design(dense, cells, site)
    share = np.linspace(0.4, 1.0, proteins)
    mask = (g.random((proteins, n)) < share[:, None]).astype(np.float32)
    borders = g.normal(size=(proteins, 1 + own, n)) * mask[:, None]
    eta = -1 + effect * borders[0, 0] + 0.3 * dense[:, 0] + 0.1 * (site % 3)
    y = (g.random((2, n)) < 1 / (1 + np.exp(-eta))).astype(float)
    return Batch(design, borders, mask, y)


def bases_of(batch: Batch) -> list[Base]:
    bases = [fit_base(batch.design, y) for y in batch.responses]
    found = [base for base in bases if base is not None]
    assert len(found) == len(bases)
    return found


def build(batch: Batch, *, compiled: bool = True) -> BatchedRegressions:
    model = LogisticRows.load(compiled=compiled)
    return BatchedRegressions(batch.design, bases_of(batch), model=model)


def test_the_fit_of_the_covariates_alone_is_the_maximum() -> None:
    batch = draw(1500, 1)
    base = fit_base(batch.design, batch.responses[0])
    assert base is not None
    one = fit_logistic(batch.design.matrix(), batch.responses[0])
    np.testing.assert_allclose(base.coefficients, one.coefficients, atol=1e-10)


@pytest.mark.parametrize("own", [0, 2])
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("effect", [0.0, 0.5, 2.5])
def test_each_fit_of_a_batch_equals_the_fit_of_its_own_rows(
    own: int, *, compiled: bool, effect: float
) -> None:
    batch = draw(3000, 4, own=own, effect=effect)
    found = build(batch, compiled=compiled).fit(lay_out_block(batch.borders, batch.mask))
    A = batch.design.matrix()
    assert found.converged.any()
    for j, f in np.argwhere(found.converged):
        rows = batch.mask[j] > 0
        X = np.column_stack([A[rows], batch.borders[j, 1:, rows], batch.borders[j, 0, rows]])
        one = fit_logistic(X, batch.responses[f, rows])
        se = one.se[-1]
        assert found.se[j, f, 0] == pytest.approx(se, rel=1e-8)
        assert abs(found.estimate[j, f, 0] - one.coefficients[-1]) < 1e-8 * se


def test_a_separated_protein_never_counts_as_converged() -> None:
    batch = draw(3000, 3)
    batch.borders[1, 0] = batch.responses[0] * batch.mask[1]
    found = build(batch).fit(lay_out_block(batch.borders, batch.mask))
    assert not found.converged[1, 0]
    assert found.converged[[0, 2]].all()


def test_a_fit_has_the_same_numbers_whatever_others_are_in_its_block() -> None:
    # The second protein separates the first response, and keeps its block at work to the end.
    batch = draw(2500, 4, own=1, effect=1.0)
    batch.borders[1, 0] = batch.responses[0] * batch.mask[1]
    solver = build(batch)
    together = solver.fit(lay_out_block(batch.borders, batch.mask))
    for j in range(4):
        alone = solver.fit(lay_out_block(batch.borders[[j]], batch.mask[[j]]))
        for one, other in ((alone.estimate, together.estimate), (alone.se, together.se)):
            np.testing.assert_allclose(one[0], other[j], rtol=1e-12)
        np.testing.assert_array_equal(alone.converged[0], together.converged[j])


def test_proteins_that_only_fill_a_tile_cost_no_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    batch, passes = draw(3000, 1), []
    curve = RowSweeps.curve

    def count(sweeps: RowSweeps, rows: Rows, v: F64, *, state: F64, weights: Any) -> F64:
        passes.append(rows.mask.shape[0])
        return curve(sweeps, rows, v, state=state, weights=weights)

    monkeypatch.setattr(RowSweeps, "curve", count)
    assert build(batch).fit(lay_out_block(batch.borders, batch.mask)).converged.all()
    assert passes[0] == TILE
    assert len(passes) <= 4


def test_a_base_of_other_shapes_than_the_model_s_is_refused() -> None:
    batch = draw(500, 1)
    bases, model = bases_of(batch), LogisticRows.load(compiled=False)
    flat = [replace(base, weights=base.weights[0]) for base in bases]
    with pytest.raises(ValueError, match=r"weights of a base: \(1, 500\), where \(1, 1, 500\)"):
        BatchedRegressions(batch.design, flat, model=model)
    thresholds = BaseThresholds(np.empty((1, 500)), np.empty((1, 1, 500)), np.empty(1))
    ordinal = [replace(base, thresholds=thresholds) for base in bases]
    with pytest.raises(ValueError, match="a model of 0 thresholds"):
        BatchedRegressions(batch.design, ordinal, model=model)


def test_compiled_and_plain_loops_give_the_same_fits() -> None:
    batch = draw(2500, 5, own=1)
    one, other = (
        build(batch, compiled=compiled).fit(lay_out_block(batch.borders, batch.mask))
        for compiled in (True, False)
    )
    np.testing.assert_array_equal(one.converged, other.converged)
    np.testing.assert_allclose(one.estimate, other.estimate, atol=1e-9 * one.se.max())
    np.testing.assert_allclose(one.se, other.se, rtol=1e-8)


def test_a_response_that_the_covariates_separate_has_no_base() -> None:
    batch = draw(1500, 1)
    separated = (batch.design.matrix()[:, 0] > 0).astype(float)
    assert fit_base(batch.design, separated) is None


@pytest.mark.parametrize("own", [0, 2])
def test_log_likelihoods_with_and_without_the_protein_are_those_of_single_fits(own: int) -> None:
    batch = draw(3000, 4, own=own)
    kernel = build(batch, compiled=False)
    rows = lay_out_block(batch.borders, batch.mask)
    begun = kernel.begin(rows, terms=1)
    found = kernel.fit(rows, begun=begun, likelihood=True)
    null = kernel.maximise(rows, begun)
    without, certain = null.log_likelihood, null.converged
    assert found.converged.all()
    assert certain.all()
    assert found.log_likelihood is not None
    A = batch.design.matrix()
    for j, f in np.ndindex(4, 2):
        seen = batch.mask[j] > 0
        others = np.column_stack([A, batch.borders[j, 1:].T])[seen]
        full = np.column_stack([others, batch.borders[j, 0, seen]])
        y = batch.responses[f, seen]
        values = [fit_logistic(X, y).log_likelihood for X in (full, others)]
        assert abs(found.log_likelihood[j, f] - values[0]) < 1e-9
        assert abs(without[j, f] - values[1]) < 1e-9
