"""Leverages of the rows of all fits of a block are those of each fit by itself."""

from __future__ import annotations

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.stats.chunked import ChunkedDesign, chunk_design
from proteomr.stats.leverages import Leverages
from proteomr.stats.row_models import Rows

N, B, F = 400, 3, 2


def draw(s: int, *, seed: int = 0) -> tuple[ChunkedDesign, Rows, F64]:
    """Draw a design of five cells, borders, and means."""
    g = np.random.default_rng(seed)
    cells = np.column_stack([np.ones(5), np.eye(5)[:, 1:]])
    design = chunk_design(g.normal(size=(N, 3)), cells, np.sort(g.integers(0, 5, N)), chunk_rows=90)
    mask = (g.random((B, N)) < 0.8) * g.uniform(0.5, 2.0, N)
    borders = g.normal(size=(B, s, N)) * (mask > 0.0)[:, None]
    rows = Rows(borders, mask, g.integers(0, 2, (F, N)).astype(np.float64))
    return design, rows, g.uniform(0.05, 0.95, (B * F, 1, N))


def find(design: ChunkedDesign, rows: Rows, state: F64) -> F64:
    leverages = Leverages(design)
    inverses = leverages.invert(rows, state)
    assert inverses.plain.all()
    chunks = [leverages.of_chunk(rows, state, inverses, chunk) for chunk in design.chunks]
    return np.concatenate(chunks, axis=1)


@pytest.mark.parametrize("s", [1, 3])
def test_leverages_are_the_diagonal_of_each_hat_matrix(s: int) -> None:
    design, rows, state = draw(s)
    found = find(design, rows, state)
    for r in range(B * F):
        X = np.column_stack([design.matrix(), rows.borders[r // F].T])
        mu = state[r, 0]
        root = np.sqrt(rows.mask[r // F] * mu * (1.0 - mu))
        Q = np.linalg.qr(X * root[:, None])[0]
        np.testing.assert_allclose(found[r], np.square(Q).sum(axis=1), atol=1e-13)


def test_a_border_made_of_covariates_is_not_plain() -> None:
    design, rows, state = draw(1)
    rows.borders[1, 0] = design.matrix()[:, 0] * (rows.mask[1] > 0.0)
    plain = Leverages(design).invert(rows, state).plain
    assert plain.tolist() == [True, True, False, False, True, True]
