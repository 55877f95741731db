"""Problems of outcomes at a time for all families of them, drawn at random."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from proteomr.models import (
    Adjustment,
    Block,
    FitOptions,
    Model,
    Problem,
    SurvivalOptions,
    make_times,
)
from proteomr.models.aalen import Aalen
from proteomr.models.aft import Aft
from proteomr.models.royston_parmar import RoystonParmar
from proteomr.models.timed_family import TimedFamily

__all__ = ["KINDS", "Design", "draw_times", "make_family"]

KINDS = ("aalen", "weibull", "exponential", "lognormal", "hazard-0", "odds-2", "normal-1")


def make_family(kind: str, *, errors: str = "classical", coefficients: bool = False) -> TimedFamily:
    """Return a family as the name of a kind says."""
    options = FitOptions(errors=errors, coefficients=coefficients)  # type: ignore[arg-type]
    if kind == "aalen":
        return Aalen(options)
    if "-" not in kind:
        asked = SurvivalOptions(distribution=kind)  # type: ignore[arg-type]
        return Aft(replace(options, survival=asked))
    scale, knots = kind.split("-")
    asked = SurvivalOptions(scale=scale, knots=int(knots))  # type: ignore[arg-type]
    return RoystonParmar(replace(options, survival=asked))


@dataclass(frozen=True, slots=True)
class Design:
    """What is drawn: n people, b proteins, and what the problem has."""

    n: int = 640
    b: int = 3
    missing: float = 0.0
    late: bool = False
    weighted: bool = False
    clustered: bool = False
    baseline: bool = False
    interaction: bool = False
    own: bool = False
    ties: bool = False
    rare: bool = False
    aliased: bool = False
    empty_level: bool = False
    seed: int = 1


def draw_times(design: Design) -> tuple[Problem, Block]:
    rng, n = np.random.default_rng(design.seed), design.n
    x = rng.normal(size=(design.b, n))
    z, group = rng.normal(size=n), rng.integers(0, 3, n)
    C = np.column_stack([np.ones(n), z, 1950.0 + rng.integers(0, 30, n), group == 1, group == 2])
    names = ["(Intercept)", "z", "year", "g1", "g2"]
    time = rng.weibull(1.3, n) * np.exp(2.0 - 0.3 * x[0] - 0.2 * z + 0.1 * group)
    end = np.quantile(time, 0.05 if design.rare else 0.5) * rng.uniform(0.7, 1.3, n)
    leaves, event = np.minimum(time, end), (time <= end).astype(float)
    if design.ties:
        leaves = np.ceil(leaves * 4.0) / 4.0
    if design.empty_level:
        level = (rng.random(n) < 0.04).astype(float)
        event[level > 0.0] = 0.0
        C, names = np.column_stack([C, level]), [*names, "empty"]
    if design.aliased:
        C, names = np.column_stack([C, C[:, 3] + C[:, 4]]), [*names, "g12"]
    entry = np.where(rng.random(n) < 0.4, leaves * rng.uniform(0.1, 0.6, n), -np.inf)
    observed = rng.random((design.b, n)) >= design.missing
    own = rng.normal(size=(design.b, int(design.own), n)) * observed[:, None]
    problem = Problem(
        covariates=C.astype(float),
        names=tuple(names),
        factors=(),
        targets=(make_times("y", exit=leaves, event=event, entry=entry if design.late else None),),
        adjustments=(Adjustment("a", np.arange(C.shape[1])),),
        models=(Model(0, 0),),
        own_names=("gap",) * int(design.own),
        interaction=z[:, None] if design.interaction else None,
        weights=rng.uniform(0.3, 2.0, n) if design.weighted else None,
        clusters=rng.integers(0, n // 5, n) if design.clustered else None,
        baseline=rng.integers(0, 2, n) if design.baseline else None,
    )
    return problem, Block(np.where(observed, x, 0.0), own, observed)
