"""Sandwich sums of a block of fits are the robust errors of each fit by itself."""

from __future__ import annotations

import numpy as np
import pytest

from proteomr.stats.block_rows import lay_out_block
from proteomr.stats.loops import load_loops
from proteomr.stats.row_models import Rows
from proteomr.stats.sandwich import ErrorKind, estimate_sandwich
from proteomr.stats.sandwich_sums import SandwichSums
from tests.stats.test_leverages import B, F, N, draw

POWERS = {"HC0": 0.0, "HC2": 0.5, "HC3": 1.0, "CR0": 0.0}


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("kind", ["HC0", "HC2", "HC3", "CR0"])
def test_the_sums_are_those_of_each_fit(kind: ErrorKind, *, compiled: bool) -> None:
    design, rows, state = draw(2)
    clusters = np.random.default_rng(4).integers(0, 60, N) if kind == "CR0" else None
    loops = load_loops("logistic", compiled=compiled)
    sums = SandwichSums(design, loops, clusters, POWERS[kind])
    breads, wanted = [], []
    for r in range(B * F):
        seen = rows.mask[r // F] > 0.0
        X = np.column_stack([design.matrix(), rows.borders[r // F].T])[seen]
        mu, y = state[r, 0, seen], rows.response[r % F, seen]
        w = rows.mask[r // F, seen] * mu * (1.0 - mu)
        breads.append(np.linalg.inv(X.T @ (X * w[:, None])))
        labels = None if clusters is None else clusters[seen]
        scaled = (y - mu) / (mu * (1.0 - mu))
        wanted.append(estimate_sandwich(X, scaled, w, kind=kind, clusters=labels))
    k = design.k
    columns = [np.array([bread[:, k + a] for bread in breads]) for a in range(2)]
    meat, carriers, sound = sums.sum_rows(rows, columns, state=state)
    assert sound.all()
    for r, one in enumerate(wanted):
        np.testing.assert_allclose(meat[r], one.covariance[k:, k:], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(carriers[r], one.carriers[k:], rtol=1e-9)


def test_a_person_of_leverage_one_is_not_sound() -> None:
    design, rows, state = draw(1)
    rows.borders[0, 0] = 0.0
    rows.borders[0, 0, np.flatnonzero(rows.mask[0] > 0.0)[0]] = 1.0
    sums = SandwichSums(design, load_loops("logistic", compiled=False), power=1.0)
    column = np.ones((B * F, design.k + 1))
    assert sums.sum_rows(rows, [column], state=state)[2].tolist() == [False] * F + [True] * 4


def test_weights_make_the_mask_and_the_share_observed() -> None:
    observed = (np.arange(20).reshape(2, 10) % 3 > 0).astype(np.float32)
    weights = np.linspace(0.1, 1.9, 10)
    laid_out = lay_out_block(np.zeros((2, 1, 10)), observed, weights)
    rows: Rows = laid_out.double(np.zeros((1, 10)))
    np.testing.assert_array_equal(rows.mask[:2], observed * weights)
    share = (observed * weights).sum(axis=1) / weights.sum()
    np.testing.assert_allclose(laid_out.share[:2], share)
    assert laid_out.wanted == 2
