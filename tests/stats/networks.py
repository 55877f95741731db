"""R's networks of stored proteins, and partitions compared."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.stats.module_components import Component, find_component

_FOLDER = Path(__file__).parents[1] / "reference"


@cache
def load_cases() -> dict[str, Any]:
    """Return R's numbers; a table as an array, with its columns' names beside it."""
    cases: dict[str, Any] = json.loads((_FOLDER / "network.json").read_text(encoding="utf-8"))
    return {
        name: np.array(case["rows"], dtype=np.float64) if isinstance(case, dict) else case
        for name, case in cases.items()
    } | {
        f"{name} columns": case["columns"] for name, case in cases.items() if isinstance(case, dict)
    }


def load_proteins(name: str = "network_proteins") -> F64:
    """Return the stored proteins (p, n)."""
    frame = pl.read_csv(_FOLDER / f"{name}.csv")
    return np.ascontiguousarray(frame.drop("ID").to_numpy().T.astype(np.float64))


def rand_index(one: Sequence[int] | I64, other: Sequence[int] | I64) -> float:
    """Return how far two partitions agree, adjusted for chance (Hubert and Arabie 1985)."""
    a, b = (np.unique(np.asarray(x), return_inverse=True)[1] for x in (one, other))
    table = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(table, (a, b), 1.0)

    def pairs(counts: F64) -> float:
        return float((counts * (counts - 1.0) / 2.0).sum())

    both, rows, columns = pairs(table), pairs(table.sum(axis=1)), pairs(table.sum(axis=0))
    chance = rows * columns / (a.size * (a.size - 1) / 2)
    most = (rows + columns) / 2
    return 1.0 if most == chance else (both - chance) / (most - chance)


def plant(
    sizes: Sequence[int],
    *,
    n: int,
    loose: int,
    weight: float = 1.0,
    spread: float = 0.0,
    seed: int = 1,
) -> tuple[F64, I64]:
    """Return proteins (p, n) of modules of given sizes and loose ones, and the truth (p,).

    With a spread proteins go with their module by weights of their own, the same in any draw.
    """
    random = np.random.default_rng(seed)
    truth = np.concatenate(
        [*(np.full(size, label) for label, size in enumerate(sizes, start=1)), np.zeros(loose)]
    ).astype(np.int64)
    common = np.vstack([np.zeros(n), random.normal(size=(len(sizes), n))])
    weights = weight * (1.0 + spread * np.sin(np.arange(truth.size)))
    return weights[:, None] * common[truth] + random.normal(size=(truth.size, n)), truth


def find_among(x: F64) -> Callable[[Sequence[I64]], list[Component]]:
    """Return what finds the eigenproteins of modules, one after another."""
    return lambda modules: [find_component(x[rows]) for rows in modules]
