"""Keys that stand aside are those of memory, however many are held and sorted at a time."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from proteomr.gwas.key_store import KeyStore

KINDS = {"variant": pl.UInt64, "site": pl.UInt64, "effect": pl.Float32, "error": pl.Float32}


def draw(n: int, *, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    pool = rng.integers(0, 2**64, 2 + n // 2, dtype=np.uint64)
    pool[:2] = 0, 2**64 - 1  # both ends of the range that is cut into passes
    return pl.DataFrame(
        {
            "variant": pool[rng.integers(0, pool.size, n)],
            "site": pool[rng.integers(0, pool.size, n)],
            "effect": rng.normal(size=n).astype(np.float32),
            "error": rng.random(n).astype(np.float32),
        },
        schema=KINDS,
    )


@pytest.mark.parametrize(("at_once", "sorted_at_once"), [(1, 1), (7, 50), (64, 3), (1 << 20, 9)])
def test_keys_aside_are_those_of_memory(at_once: int, sorted_at_once: int) -> None:
    frames = [draw(n, seed=n) for n in (40, 1, 90, 3)]
    whole = pl.concat(frames)
    store = KeyStore(at_once=at_once, sorted_at_once=sorted_at_once)
    for frame in frames:
        store.add(frame)
    assert store.height == whole.height
    among = np.random.default_rng(5).random(whole.height) < 0.7
    for name in ("variant", "site"):
        for mask in (None, among):
            kept = whole[name] if mask is None else whole[name].filter(pl.Series(mask))
            wanted = kept.filter(kept.is_duplicated()).unique().sort()
            found = store.find_repeated(name, among=mask)
            assert found.to_list() == wanted.to_list()
            assert found.len()
            marked = whole[name].is_in(wanted.implode()).to_list()
            assert store.rows_of(name, wanted).tolist() == marked
    rows = np.flatnonzero(among)
    assert store.take(rows).equals(whole[rows])
    assert store.take(rows[:0]).height == 0
    store.close()


def test_a_store_without_rows_has_nothing_repeated() -> None:
    store = KeyStore()
    assert store.find_repeated("site").len() == 0
    assert store.rows_of("site", pl.Series([1])).size == 0
