"""Rows of many traits that stand on disk are those of memory, trait by trait."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from proteomr.gwas.sinks import MemorySink
from proteomr.gwas.trait_piles import TraitPile, TraitSink
from proteomr.tables import load_schema

EMPTY = load_schema("sumstats").empty()


def draw(n: int, traits: list[str | None], *, seed: int, build: str | None) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    told = pl.DataFrame(
        {
            "variant_id": [f"rs{seed}_{i}" for i in range(n)],
            "chromosome": [("1", "X", None)[i % 3] for i in range(n)],
            "position_bp": rng.integers(1, 10**8, n),
            "build": [build] * n,
            "effect_allele": ["A", "CAT"] * (n // 2) + ["G"] * (n % 2),
            "beta": [None if i % 5 == 0 else x for i, x in enumerate(rng.normal(size=n))],
            "trait": [traits[i] for i in rng.integers(0, len(traits), n)],
        },
        schema_overrides={"build": pl.String, "trait": pl.String},
    )
    absent = [pl.lit(None, t).alias(c) for c, t in EMPTY.schema.items() if c not in told.columns]
    return told.with_columns(absent).select(EMPTY.columns)


@pytest.mark.parametrize("at_once", [1, 13, 40])
@pytest.mark.parametrize("share", [1.0, 0.6])
@pytest.mark.parametrize(
    "traits", [["b", "a", "c"], ["b", None, "é", "Z", "a b"], [f"T{k}" for k in range(300)]]
)
def test_a_pile_on_disk_has_the_rows_of_memory(
    tmp_path: Path, traits: list[str | None], share: float, at_once: int
) -> None:
    frames = [draw(n, traits, seed=n, build="GRCh37" if n == 9 else None) for n in (60, 9, 150, 31)]
    memory, aside = MemorySink(), TraitSink(tmp_path, at_once=at_once)
    for frame in frames:
        memory.add(frame)
        aside.add(frame)
    rows = sum(frame.height for frame in frames)
    keep = np.random.default_rng(1).random(rows) < share if share < 1 else None
    wanted = TraitPile.of(memory.finish(keep, {"build": "GRCh38"}).collect())
    found = aside.finish(keep, {"build": "GRCh38"})
    assert found.is_aside
    assert not wanted.is_aside
    assert_frame_equal(found.sizes, wanted.sizes)
    for size in (1, 50, 10**6):
        chunks = list(found.chunks(at_once=size))
        got = pl.concat(chunks)
        assert wanted.rows is not None
        assert_frame_equal(
            *(each.sort("trait", maintain_order=True) for each in (got, wanted.rows))
        )
        held = [set(chunk["trait"]) for chunk in chunks]
        assert sum(map(len, held)) == got["trait"].n_unique()  # no trait is cut
    every = pl.concat(frames)["variant_id"]
    assert [aside.find_name(i) for i in range(0, rows, 7)] == every.gather_every(7).to_list()
