"""The designs of tests/reference/make_iv.R, made anew by the same rules of whole numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from proteomr._typing import F64
from proteomr.models import Adjustment, Block, Factor, Model, Problem, Target, order_rows

STORED = Path(__file__).parents[1] / "reference" / "iv.json"


def load() -> list[dict[str, Any]]:
    """Return R's numbers."""
    designs: list[dict[str, Any]] = json.loads(STORED.read_text("utf-8"))
    return designs


def draw(n: int, seed: int) -> F64:
    """Return numbers between -1 and 1: residues of a quadratic, exact in doubles."""
    i = np.arange(1, n + 1, dtype=np.int64)
    residue = (i * i * 7919 + i * 104729 + seed * 15485863) % 100003
    return np.asarray((2.0 * residue - 100002.0) / 100003.0)


def make(design: dict[str, Any], *, clustered: bool) -> tuple[Problem, Block]:
    """Return a design as a problem of one protein, the response."""
    n, q, seed = design["n"], design["q"], design["seed"]
    Z = np.column_stack([draw(n, seed + 10 * k) for k in range(1, q + 1)])
    hidden, age = draw(n, seed + 1), draw(n, seed + 2)
    i = np.arange(1, n + 1)
    site = (i * 7 + seed) % 4
    x = design["strength"] * Z.sum(axis=1) + 0.5 * age + hidden + draw(n, seed + 3)
    noise = draw(n, seed + 4) * (1.0 + np.abs(Z[:, 0]))
    y = 0.4 * x + 0.25 * age + hidden + 0.125 * (site == 2) + noise
    dummies = (site[:, None] == np.arange(1, 4)).astype(float)
    order = order_rows((Factor("site", site, np.arange(2, 5)),), n)
    problem = Problem(
        covariates=np.column_stack([np.ones(n), age, dummies])[order],
        names=("(Intercept)", "age", "site[1]", "site[2]", "site[3]"),
        factors=(Factor("site", site[order], np.arange(2, 5)),),
        targets=(Target("x", "exposure", "continuous", x[order]),),
        adjustments=(Adjustment("all", np.arange(5)),),
        models=(Model(0, 0),),
        weights=(1.5 + draw(n, seed + 5))[order] if design["weighted"] else None,
        clusters=((i * 13 + seed) % 17)[order] if clustered else None,
        instruments=Z[order],
        instrument_names=tuple(f"X{k}" for k in range(1, q + 1)),
    )
    one = np.ones((1, n), dtype=bool)
    return problem, Block(y[order][None], np.empty((1, 0, n)), one)
