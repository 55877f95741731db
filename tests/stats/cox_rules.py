"""Survival data by rule: the same numbers here and in ``make_cox.R``, which holds R's answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from proteomr._typing import F64, I64

STORED = Path(__file__).with_name("cox.json")
_PRIME = 1_000_003


@dataclass(frozen=True)
class Design:
    """One design: columns ``X (n, 6)`` are x, age, rare, and three levels of a factor."""

    X: F64
    outcome: F64
    strata: I64
    weights: F64
    clusters: I64


def load() -> list[dict[str, Any]]:
    """Return the designs with R's numbers."""
    return list(json.loads(STORED.read_text(encoding="utf-8")))


def draw(n: int, column: int) -> F64:
    """Return numbers between 0 and 1 that no order is seen in."""
    i = np.arange(1, n + 1)
    a, b, c = 7919 * column + 104729, 15485863 % (_PRIME - column), 31337 * column
    return np.asarray((((i * i % _PRIME) * a + i * b + c) % _PRIME + 0.5) / _PRIME)


def make(design: dict[str, Any]) -> Design:
    """Return the data of a design, whose entries say what it has."""
    n, grid = int(design["n"]), float(design["grid"])
    x = draw(n, 1) + draw(n, 2) + draw(n, 3) - 1.5
    age = draw(n, 4) + draw(n, 5) - 1.0
    rare = (draw(n, 6) < 0.08).astype(np.float64)
    level = np.floor(draw(n, 7) * 4.0)
    dummies = (level[:, None] == np.array([1.0, 2.0, 3.0])).astype(np.float64)
    eta = design["effect"] * x + 1.5 * age + 0.5 * rare + 0.3 * dummies[:, 1]
    eta = eta - 0.8 * x * (draw(n, 8) < 0.3)
    died = -np.log(draw(n, 9)) * np.exp(-eta) / design["rate"]
    censored = 0.2 + draw(n, 10)
    entry = np.where(draw(n, 11) < design["truncated"], 0.6 * draw(n, 12), 0.0)
    exit_ = np.minimum(died, censored)
    event = (died <= censored).astype(np.float64)
    entry, exit_ = np.floor(entry * grid) / grid, np.floor(exit_ * grid + 1.0) / grid
    kept = entry < exit_
    low = entry if design["truncated"] > 0.0 else np.full(n, -np.inf)
    strata = np.floor(draw(n, 13) * design["strata"]).astype(np.int64)
    weights = 0.2 + 2.0 * draw(n, 14) if design["weighted"] else np.ones(n)
    clusters = np.floor(draw(n, 15) * max(5.0, n / 4.0)).astype(np.int64)
    X = np.column_stack([x, age, rare, dummies])
    outcome = np.column_stack([low, exit_, event])
    return Design(X[kept], outcome[kept], strata[kept], weights[kept], clusters[kept])
