"""Effects taken out of columns against least squares on all their dummies."""

from __future__ import annotations

import numpy as np
import pytest

from proteomr._typing import F64, I64
from proteomr.stats import absorbing
from proteomr.stats.absorbing import AbsorbedEffects

DESIGNS = [(60, (7,)), (80, (7, 5)), (80, (9, 5, 4)), (200, (60, 50)), (200, (90, 80, 3))]


def dummies(codes: I64) -> F64:
    each = [codes[:, [j]] == np.unique(codes[:, j]) for j in range(codes.shape[1])]
    return np.concatenate(each, axis=1).astype(np.float64)


@pytest.mark.parametrize("most", [absorbing.MOST_LEVELS, 1])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("n", "sizes"), DESIGNS)
def test_what_is_left_and_the_rank_are_those_of_dummies(
    n: int, sizes: tuple[int, ...], most: int, monkeypatch: pytest.MonkeyPatch, *, weighted: bool
) -> None:
    monkeypatch.setattr(absorbing, "MOST_LEVELS", most)
    draw = np.random.default_rng(n)
    codes = np.column_stack([draw.integers(0, size, n) for size in sizes])
    weights = draw.uniform(0.5, 2.0, n) if weighted else None
    if most == 1 and len(sizes) > 2:
        with pytest.raises(ValueError, match="levels beside the largest"):
            AbsorbedEffects(codes, weights)
        return
    effects = AbsorbedEffects(codes, weights)
    D, y = dummies(codes), draw.normal(size=(n, 3)) + 100.0
    root = np.ones((n, 1)) if weights is None else np.sqrt(weights)[:, None]
    rest = y - D @ np.linalg.lstsq(D * root, y * root, rcond=None)[0]
    np.testing.assert_allclose(effects.take_out(y), rest, atol=1e-11)
    assert effects.rank == np.linalg.matrix_rank(D)


def test_disconnected_effects_count_their_components() -> None:
    codes = np.array([[0, 0], [0, 1], [1, 1], [2, 2], [2, 3], [3, 3]])
    assert AbsorbedEffects(codes).rank == 4 + 4 - 2


@pytest.mark.parametrize("unit", [1e-120, 1.0, 1e120])
def test_the_unit_of_weights_changes_nothing(unit: float) -> None:
    draw = np.random.default_rng(5)
    codes = np.column_stack([draw.integers(0, 20, 150), draw.integers(0, 6, 150)])
    weights, y = draw.uniform(0.1, 2.0, 150), draw.normal(size=(150, 2))
    plain, scaled = AbsorbedEffects(codes, weights), AbsorbedEffects(codes, weights * unit)
    assert scaled.rank == plain.rank == 25
    np.testing.assert_allclose(scaled.take_out(y), plain.take_out(y), atol=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
def test_an_effect_of_one_level_takes_nothing(*, weighted: bool) -> None:
    draw = np.random.default_rng(6)
    codes = np.column_stack([np.zeros(90, dtype=np.int64), draw.integers(0, 12, 90)])
    weights = draw.uniform(0.1, 2.0, 90) if weighted else None
    assert AbsorbedEffects(codes, weights).rank == 12
