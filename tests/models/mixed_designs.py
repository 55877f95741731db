"""Repeated measures that are made in the test, and mixed models by a slow obvious way."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize

from proteomr._typing import F64, I64
from proteomr.models import (
    Adjustment,
    Block,
    FitBlock,
    FitOptions,
    Mixed,
    MixedOptions,
    Model,
    Problem,
    Status,
    Target,
)
from proteomr.models.mixed_weights import weigh_effects
from proteomr.models.random_effects import RandomEffects, RandomTerm


class Visits(NamedTuple):
    """People seen several times, on rows that are not in the order of the people."""

    covariates: F64
    subject: I64
    time: F64
    treated: F64
    values: F64


def make_visits(
    people: int = 40,
    visits: int = 4,
    *,
    proteins: int = 5,
    missing: float = 0.1,
    slope: float = 0.3,
    uneven: bool = False,
    drifting: bool = False,
    seed: int = 1,
) -> Visits:
    draw = np.random.default_rng(seed)
    sizes = draw.integers(1, visits + 1, people) if uneven else np.full(people, visits)
    subject = np.repeat(np.arange(people), sizes)
    n = subject.size
    time = np.concatenate([np.arange(size, dtype=np.float64) for size in sizes])
    if drifting:
        time = time + draw.uniform(0.0, 0.5, n)
    age = draw.normal(55, 8, people)[subject]
    treated = (draw.random(people) < 0.5).astype(np.float64)
    level = draw.normal(size=(people, proteins)) * np.linspace(0.0, 2.0, proteins)
    rise = slope * draw.normal(size=(people, proteins))
    values = 0.02 * age[:, None] + level[subject] + rise[subject] * time[:, None]
    values = values + 0.3 * treated[subject, None] + draw.normal(size=(n, proteins))
    values[draw.random((n, proteins)) < missing] = np.nan
    mixed = draw.permutation(n)
    covariates = np.column_stack([np.ones(n), age, time])
    return Visits(
        covariates[mixed], subject[mixed], time[mixed], treated[subject][mixed], values[mixed].T
    )


def pose(visits: Visits, *, slope: bool = False, role: Any = "exposure", **more: Any) -> Problem:
    """Return the problem of treatment, adjusted for age and time, with the people's effects."""
    n = visits.subject.size
    ones = np.ones((n, 1))
    effects = np.column_stack([ones, visits.time]) if slope else ones
    names = ("(Intercept)", "time")[: effects.shape[1]]
    target = more.pop("target", visits.treated)
    kind = "binary" if np.unique(target).size == 2 else "continuous"
    random = RandomEffects((RandomTerm("subject", visits.subject, effects, names),))
    return Problem(
        covariates=visits.covariates,
        names=("(Intercept)", "age", "time", "second", "third")[: visits.covariates.shape[1]],
        factors=(),
        targets=(Target("treated", role, kind, target),),
        adjustments=(Adjustment("a", np.arange(visits.covariates.shape[1])),),
        models=(Model(0, 0),),
        random=more.pop("random", random),
        **more,
    )


def block_of(values: F64, own: F64 | None = None) -> Block:
    observed = ~np.isnan(values)
    kept = np.empty((values.shape[0], 0, values.shape[1])) if own is None else own
    return Block(np.where(observed, values, 0.0), np.where(observed[:, None], kept, 0.0), observed)


def fit(problem: Problem, values: F64, own: F64 | None = None, **asked: Any) -> FitBlock:
    """Fit as a scan does."""
    family = Mixed(FitOptions(mixed=MixedOptions(("1|subject",), **asked)))
    return family.fit(family.prepare(problem), block_of(values, own))


def fit_slowly(problem: Problem, values: F64, own: F64 | None = None, **asked: Any) -> FitBlock:
    """Fit on the path that can do all, one by one."""
    from proteomr.models.mixed import MixedState

    family = Mixed(FitOptions(mixed=MixedOptions(("1|subject",), **asked)))
    nothing = tuple(None for _ in problem.models)
    weighed, weights = weigh_effects(problem)
    return family.fit(MixedState(weighed, weights, None, nothing), block_of(values, own))


class Dense(NamedTuple):
    """A mixed model by inverses of whole covariance matrices."""

    estimate: float
    se: float
    variances: F64
    criterion: float


def fit_densely(X: F64, y: F64, kernels: list[F64], weights: F64 | None = None) -> Dense:
    """Maximise REML over the variances of kernels and of the residuals; the last column is asked.

    A residual has its variance over the weight of its row.

    The criterion is lme4's, -2 log REML.
    """

    def measure(logs: F64) -> tuple[float, F64, F64]:
        variances = np.exp(logs)
        V = variances[-1] * np.diag(np.ones(y.size) if weights is None else 1.0 / weights)
        V = V + sum(v * kernel for v, kernel in zip(variances, kernels, strict=False))
        inverse = np.linalg.inv(V)
        C = X.T @ inverse @ X
        b = np.linalg.solve(C, X.T @ inverse @ y)
        r = y - X @ b
        value = np.linalg.slogdet(V)[1] + np.linalg.slogdet(C)[1] + r @ inverse @ r
        free = y.size - X.shape[1]
        return float(value + free * np.log(2 * np.pi)), np.asarray(b), np.asarray(np.linalg.inv(C))

    start: Any = np.full(len(kernels) + 1, np.log(np.var(y) / (len(kernels) + 1)))
    closely: Any = {"xatol": 1e-9, "fatol": 1e-12, "maxiter": 5000, "maxfev": 5000}
    search: Any = minimize  # its stubs know no array of any shape
    found = search(lambda logs: measure(logs)[0], start, method="Nelder-Mead", options=closely)
    value, b, covariance = measure(found.x)
    return Dense(float(b[-1]), float(np.sqrt(covariance[-1, -1])), np.exp(found.x), value)


def components(fits: FitBlock, name: str) -> F64:
    """Return a column of the components of variance."""
    return np.array(fits.details["variance_components"].columns[name], dtype=np.float64)


def refused(problem: Problem, values: F64) -> tuple[Status, str]:
    """Return the status and message of a protein that has no estimate."""
    found = fit(problem, values[None])
    assert np.isnan(found.estimate).all()
    assert found.details["variance_components"].protein.size == 0
    return Status(found.status[0, 0]), found.messages[0, 0]
