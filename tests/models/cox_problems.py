"""Problems of outcomes that happen at a time, drawn with all that Cox models may have."""

from __future__ import annotations

from typing import Any

import numpy as np

from proteomr.models import Adjustment, Block, Factor, Model, Problem, make_times

__all__ = ["draw_times"]


def draw_times(
    n: int,
    proteins: int = 4,
    *,
    seed: int = 0,
    weighted: bool = False,
    stratified: bool = False,
    truncated: bool = False,
    product: bool = False,
    own: bool = False,
    clustered: bool = False,
    rate: float = 0.03,
    grid: float = 100.0,
) -> tuple[Problem, Block]:
    """Return a problem of two models, with and without a factor, and a block of proteins."""
    g = np.random.RandomState(seed)
    site = np.sort(g.randint(0, 5, n))
    age, sex = g.randn(n), (g.rand(n) < 0.5).astype(np.float64)
    dummies = (site[:, None] == np.arange(1, 5)).astype(np.float64)
    P = 3.0 + g.randn(proteins, n) + 0.4 * age
    observed = g.rand(proteins, n) < 0.95
    eta = 0.5 * age + 0.3 * sex + 0.3 * (P[0] - 3.0)
    died = -np.log(g.rand(n)) * np.exp(-eta) / rate
    censored = 5.0 + 10.0 * g.rand(n)
    entry = np.where(g.rand(n) < 0.5, 2.0 * g.rand(n), 0.0) if truncated else None
    exit_ = np.ceil(np.minimum(died, censored) * grid) / grid + (2.01 if truncated else 0.0)
    more: dict[str, Any] = {}
    if weighted:
        more["weights"] = 0.2 + 2.0 * g.rand(n)
    if stratified:
        more["baseline"] = g.randint(0, 3, n)
    if product:
        more["interaction"] = sex[:, None]
    if clustered:
        more["clusters"] = g.randint(0, n // 4, n)
    values = np.empty((proteins, 0, n))
    if own:
        more["own_names"] = ("gap",)
        values = np.where(observed, 1.0 + g.randn(proteins, n), 0.0)[:, None]
    names = ("(Intercept)", "age", "sex", *(f"site[{level}]" for level in range(2, 6)))
    problem = Problem(
        covariates=np.column_stack([np.ones(n), age, sex, dummies]),
        names=names,
        factors=(Factor("site", site, np.arange(3, 7)),),
        targets=(make_times("death", exit=exit_, event=(died <= censored) * 1.0, entry=entry),),
        adjustments=(Adjustment("all", np.arange(7)), Adjustment("few", np.arange(3))),
        models=(Model(0, 0), Model(0, 1)),
        **more,
    )
    return problem, Block(np.where(observed, P, 0.0), values, observed)
