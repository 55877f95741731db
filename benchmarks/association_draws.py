"""How people and proteins of known truth are drawn, for the families of ``associate``.

A design draws people (covariates, exposure or outcome) and a batch of proteins beside them, as
often as it is asked to; the r-th draw is the same however many there are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64, I64
from proteomr.models import (
    Adjustment,
    Block,
    FitOptions,
    Model,
    Problem,
    Target,
)
from proteomr.models.random_effects import RandomEffects, RandomTerm
from proteomr.simulate.study import random_stream
from proteomr.stats.distributions import quantile_normal
from proteomr.stats.transforms import transform_block

__all__ = [
    "SEED",
    "Asked",
    "Clustering",
    "Design",
    "Noise",
    "Spread",
    "draw_batch",
    "draw_endogenous",
    "draw_exposed",
    "draw_groups",
    "draw_ordered",
    "draw_visits",
]

SEED = 2026
Noise: TypeAlias = Literal["normal", "ranks", "t3", "t3 ranked"]
Spread: TypeAlias = Literal["equal", "exposed", "grows"]
Draw: TypeAlias = Callable[["Design", Generator, float], tuple[Problem, Block]]

_AGE = 0.3  # what a standard deviation of age adds to a protein
_THREEFOLD = 3.0
_SHARED = 0.8  # correlation of what is not observed, where the exposure is endogenous
_GRID = np.linspace(-8.0, 8.0, 6401)


@dataclass(frozen=True, slots=True)
class Asked:
    """A way to fit, and the tests that are read from it.

    Attributes
    ----------
    test : what its own p values and intervals are called.
    beside : joint tests, or tests of its diagnostics, that are counted too.
    null, effect : tests without and with an effect; the first are many where far tails are asked.
    """

    test: str
    options: FitOptions
    null: int
    effect: int = 0
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Clustering:
    """Clusters of people: how many there are, and how many of them are exposed.

    A fifth of a protein's variance is the cluster's.
    """

    clusters: int
    exposed: int


@dataclass(frozen=True, slots=True)
class Design:
    """One setting.

    Attributes
    ----------
    key : of the results; the draws follow from it.
    says : what is drawn, in words.
    n : people.
    shares : of the levels of the exposure or outcome; none where it is a number.
    effect : that of the runs with one.
    batch : proteins that are drawn beside the same people.
    noise, spread : distribution of a protein, and where its standard deviation is not 1.
    clustering, own_clusters : of people; whether each is a cluster of their own.
    visits, within : samples of a person; whether the exposure changes between them.
    strength : expected first-stage F less 1, of three instruments.
    """

    key: str
    family: str
    says: str
    n: int
    draw: Draw
    asked: tuple[Asked, ...]
    shares: tuple[float, ...] = ()
    effect: float = 0.3
    batch: int = 1000
    noise: Noise = "normal"
    spread: Spread = "equal"
    clustering: Clustering | None = None
    own_clusters: bool = False
    visits: int = 1
    within: bool = False
    strength: float = 0.0
    words: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Derive from the key what the draws follow from."""
        digest = hashlib.sha256(self.key.encode()).digest()[:8]
        object.__setattr__(self, "words", tuple(np.frombuffer(digest, dtype="<u4").tolist()))


def draw_batch(design: Design, r: int, /, *, effect: float) -> tuple[Problem, Block]:
    """Return the r-th draw of people, and proteins beside them.

    Examples
    --------
    >>> design = Design("d", "linear", "", 50, draw_exposed, (), shares=(0.6, 0.4), batch=3)
    >>> problem, block = draw_batch(design, 0, effect=0.0)
    >>> problem.n, block.values.shape
    (50, (3, 50))
    """
    random = random_stream(SEED, *design.words, int(effect != 0.0), r)
    return design.draw(design, random, effect)


def _pose(target: Target, covariates: F64, /, **more: object) -> Problem:
    k = covariates.shape[1]
    return Problem(
        covariates=covariates,
        names=("(Intercept)", *(f"age{i}" for i in range(1, k))),
        factors=(),
        targets=(target,),
        adjustments=(Adjustment("age", np.arange(k)),),
        models=(Model(0, 0),),
        **more,  # type: ignore[arg-type]
    )


def _block(values: F64) -> Block:
    b, n = values.shape
    return Block(values, np.empty((b, 0, n)), np.ones((b, n), dtype=bool))


def _draw_levels(design: Design, random: Generator) -> I64:
    """Return the levels of the people, each of as many as its share says."""
    counts = np.round(np.array(design.shares[1:]) * design.n).astype(int)
    codes = np.repeat(np.arange(1, counts.size + 1), counts)
    return random.permutation(np.concatenate([np.zeros(design.n - codes.size, int), codes]))


def _draw_noise(design: Design, random: Generator, spread: F64) -> F64:
    """Return what neither the exposure nor age is to a protein ``(b, n)``."""
    shape = design.batch, design.n
    if design.noise == "ranks":  # the scores of values without ties, whatever their distribution
        scores = quantile_normal((np.arange(1, design.n + 1) - 0.375) / (design.n + 0.25))
        return random.permuted(np.broadcast_to(scores, shape), axis=1)
    if design.noise == "normal":
        return random.standard_normal(shape) * spread
    values = random.standard_t(3.0, shape) * spread
    if design.noise == "t3":
        return values
    ranked = np.empty(shape)
    transform_block(values, ranked, transform="rint")
    return ranked


def draw_exposed(design: Design, random: Generator, effect: float) -> tuple[Problem, Block]:
    """A protein = effect exposure + 0.3 age + noise; ranks are of noise alone."""
    n, clustering = design.n, design.clustering
    age = random.standard_normal(n)
    clusters = np.arange(n) if design.own_clusters else None
    if clustering is not None:
        clusters = np.arange(n) % clustering.clusters
        x = (clusters < clustering.exposed).astype(np.float64)
    elif design.shares:
        x = _draw_levels(design, random).astype(np.float64)
    else:
        x = random.standard_normal(n)
    spread = {
        "equal": np.ones(n),
        "exposed": np.where(x == 1.0, _THREEFOLD, 1.0),
        "grows": np.exp(0.5 * x),
    }[design.spread]
    values = _draw_noise(design, random, spread)
    if clustering is not None:
        own = random.standard_normal((design.batch, clustering.clusters))
        values = np.sqrt(0.8) * values + np.sqrt(0.2) * own[:, clusters]
    if design.noise in {"normal", "t3"}:
        values = values + effect * x + _AGE * age
    kind = "binary" if design.shares or clustering is not None else "continuous"
    target = Target("exposure", "exposure", kind, x, ("1 vs 0" if kind == "binary" else None,))
    problem = _pose(target, np.column_stack([np.ones(n), age]), clusters=clusters)
    return problem, _block(values)


def draw_groups(design: Design, random: Generator, effect: float) -> tuple[Problem, Block]:
    """A protein = effect level + noise: the level is then a logistic model of the protein."""
    codes = _draw_levels(design, random)
    age = random.standard_normal(design.n)
    values = effect * codes + _AGE * age + _draw_noise(design, random, np.ones(design.n))
    several = len(design.shares) > 2
    levels = tuple(map(str, range(len(design.shares))))
    target = Target(
        "exposure",
        "exposure",
        "categorical" if several else "binary",
        codes.astype(np.float64),
        tuple(f"{level} vs 0" for level in levels[1:]),
        levels=levels,
    )
    return _pose(target, np.column_stack([np.ones(design.n), age])), _block(values)


def draw_ordered(design: Design, random: Generator, effect: float) -> tuple[Problem, Block]:
    """The protein given the level, of a standard normal protein and proportional odds."""
    codes = _draw_levels(design, random)
    uniform = random.random((design.batch, design.n))
    values = np.empty_like(uniform)
    for level, cumulative in enumerate(_given_levels(design.shares, effect)):
        at = codes == level
        values[:, at] = np.interp(uniform[:, at], cumulative, _GRID)
    levels = tuple(map(str, range(len(design.shares))))
    target = Target(
        "outcome", "outcome", "ordered", codes.astype(np.float64), (None,), levels=levels
    )
    age = random.standard_normal(design.n)
    return _pose(target, np.column_stack([np.ones(design.n), age])), _block(values)


def _given_levels(shares: Sequence[float], effect: float) -> list[F64]:
    """Return the distribution functions of the protein in each level, on the grid."""
    density = np.exp(-0.5 * _GRID**2)
    density /= density.sum()
    wanted = np.cumsum(shares)[:-1]
    low, high = np.full(wanted.size, -20.0), np.full(wanted.size, 20.0)
    for _ in range(60):  # thresholds by which the levels have their shares
        middle = (low + high) / 2.0
        reached = _chances(middle, effect) @ density
        low, high = (
            np.where(reached < wanted, middle, low),
            np.where(reached < wanted, high, middle),
        )
    bounds = np.vstack([np.zeros(_GRID.size), _chances(middle, effect), np.ones(_GRID.size)])
    masses = np.cumsum(np.diff(bounds, axis=0) * density, axis=1)
    return list(masses / masses[:, -1:])


def _chances(thresholds: F64, effect: float) -> F64:
    return np.asarray(1.0 / (1.0 + np.exp(effect * _GRID[None, :] - thresholds[:, None])))


def draw_visits(design: Design, random: Generator, effect: float) -> tuple[Problem, Block]:
    """People seen several times; half of a protein's variance is the person's."""
    people = design.n // design.visits
    subject = np.repeat(np.arange(people), design.visits)
    if design.within:
        x = random.standard_normal(design.n)
    else:
        x = random.permutation(np.arange(people) % 2)[subject].astype(np.float64)
    age = random.standard_normal(people)[subject]
    person = random.standard_normal((design.batch, people))
    values = person[:, subject] + random.standard_normal((design.batch, design.n))
    values += effect * x + _AGE * age
    kind = "continuous" if design.within else "binary"
    term = RandomTerm("person", subject, np.ones((design.n, 1)), ("(Intercept)",))
    target = Target("exposure", "exposure", kind, x, (None,))
    covariates = np.column_stack([np.ones(design.n), age])
    return _pose(target, covariates, random=RandomEffects((term,))), _block(values)


def draw_endogenous(design: Design, random: Generator, effect: float) -> tuple[Problem, Block]:
    """An outcome = effect protein + e, e going with what moves the protein beside instruments."""
    n = design.n
    Z = random.binomial(2, 0.3, (n, 3)).astype(np.float64)
    hidden = random.standard_normal(n)
    slope = np.sqrt(design.strength / (n * 0.42))  # 0.42: the variance of a genotype
    protein = slope * Z.sum(axis=1) + hidden
    y = effect * protein + _SHARED * hidden + np.sqrt(1 - _SHARED**2) * random.standard_normal(n)
    target = Target("outcome", "outcome", "continuous", y, (None,))
    covariates = np.column_stack([np.ones(n), random.standard_normal(n)])
    names = ("z1", "z2", "z3")
    problem = _pose(target, covariates, instruments=Z, instrument_names=names)
    return problem, _block(protein[None, :])
