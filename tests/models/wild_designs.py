"""Designs in which iterations run away, and the plain Newton's method that tells the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, Bool
from proteomr.models import Adjustment, Block, Factor, Model, Problem, Target, order_rows

PROTEINS = 3
# A covariate closer to the others is aliased, and a protein has fewer than eight digits.
ALIASED, COLLINEAR = 1e-9, 1e-7
# Probabilities beyond are those of a separated group, where the information is degenerate too.
FAR, DEGENERATE = 28.0, 1e-4


@dataclass(frozen=True)
class Truth:
    """A maximum: the last column's estimate and standard error."""

    estimate: float
    se: float


def draw_covariates(g: np.random.Generator, n: int) -> tuple[list[F64], F64, list[Factor]]:
    """Return up to a few wild columns, their part of the log odds, and the factor among them."""
    columns, eta, factors = [np.ones(n)], np.zeros(n), []
    kinds = ["rare", "rare", "normal", "strong", "factor", "twin", "mean", "scale", "ties", "one"]
    for kind in g.choice(kinds, size=int(g.integers(1, 5))):
        z = g.normal(size=n)
        if kind == "rare":  # odds ratios of 1 to 1,000, or their inverses
            z = np.zeros(n)
            z[g.choice(n, int(g.integers(2, 80)), replace=False)] = 1.0
            eta += z * np.log(10.0 ** g.uniform(0, 3)) * g.choice([1.0, 1.0, -1.0])
        elif kind == "one":
            z = np.zeros(n)
            z[g.integers(n)] = 1.0
        elif kind == "normal":
            eta += z * g.normal()
        elif kind == "strong":
            eta += z * g.choice([3.0, 6.0])
        elif kind == "factor":  # levels of a few people, often without a case
            codes = np.unique(g.choice(8, n, p=g.dirichlet(np.full(8, 0.3))), return_inverse=True)[
                1
            ]
            if factors or codes.max() == 0:
                continue
            eta += (2.0 * g.normal(size=8))[codes]
            dummies = np.arange(len(columns), len(columns) + codes.max())
            factors.append(Factor("site", codes, dummies))
            columns += [(codes == level).astype(float) for level in range(1, codes.max() + 1)]
            continue
        elif kind == "twin":
            other = columns[int(g.integers(len(columns)))]
            z = other / np.abs(other).max() + 10.0 ** -g.integers(1, 12) * z
        elif kind == "mean":
            eta += 0.5 * z
            z = z + 10.0 ** g.integers(3, 11)
        elif kind == "scale":
            eta += 0.5 * z
            z = z * 10.0 ** g.integers(-300, 300)
        elif kind == "ties":
            z = (g.random(n) < 0.03) * g.integers(0, 3, n).astype(float)
            eta += 0.5 * z
        columns.append(z)
    return columns, eta, factors


def draw_proteins(g: np.random.Generator, y: F64, group: F64, observed: Bool) -> F64:
    values = g.normal(size=observed.shape)
    for v, kind in zip(values, g.integers(0, 7, len(values)), strict=True):
        if kind == 1:
            v += 0.5 * y
        elif kind == 2:
            v += g.choice([2.0, 4.0]) * y
        elif kind == 3:  # a limit of detection
            np.maximum(v + 0.3 * y, g.choice([0.5, 1.5]), out=v)
        elif kind == 4:
            v += 3.0 * group / max(float(np.abs(group).max()), 1e-300)
        elif kind == 5:  # a heavy tail
            v[g.random(y.size) < 0.01] += 30.0
        elif kind == 6:
            v *= 10.0 ** g.integers(-300, 300)
    return values * observed


def draw_problem(seed: int, low: int, high: int) -> tuple[Problem, Block]:
    """Return a wild design of between `low` and `high` people, and a block of proteins."""
    g = np.random.default_rng(seed)
    n = int(g.integers(low, high + 1))
    columns, eta, factors = draw_covariates(g, n)
    # From 0.5 per cent of cases on.
    eta += np.log(g.choice([0.005, 0.05, 0.3, 1.0]))
    y = (g.random(n) < 1.0 / (1.0 + np.exp(-eta))).astype(float)
    observed = g.random((PROTEINS, n)) >= g.choice([0.0, 0.05, 0.5])
    values = draw_proteins(g, y, columns[-1], observed)
    own = g.normal(size=(PROTEINS, int(g.random() < 0.2), n)) * observed[:, None]
    order = order_rows(factors, n)
    problem = Problem(
        covariates=np.column_stack(columns)[order],
        names=tuple(f"c{i}" for i in range(len(columns))),
        factors=tuple(Factor(f.name, f.codes[order], f.columns) for f in factors),
        targets=(Target("y", "exposure", "binary", y[order], ("1 vs 0",)),),
        adjustments=(Adjustment("all", np.arange(len(columns))),),
        models=(Model(0, 0),),
        own_names=("own",) * own.shape[1],
    )
    values, own, observed = (np.take(a, order, axis=-1) for a in (values, own, observed))
    return problem, Block(np.ascontiguousarray(values), np.ascontiguousarray(own), observed)


def build_basis(C: F64, x: F64) -> tuple[F64, float] | None:
    """Return an orthonormal basis of 1, C and last x, and the length of what they leave of x."""
    basis = [np.full(x.size, x.size**-0.5)]
    length = 0.0
    for z, least in [*((z, ALIASED) for z in C.T), (x, COLLINEAR)]:
        size = max(float(np.abs(z).max()), 1e-300)
        rest = z / size - (z / size).mean()
        whole = float(np.linalg.norm(rest))
        # Of numbers of size 1 a mean leaves rounding.
        length = 0.0 if whole <= 1e-12 * x.size**0.5 else 1.0
        for _ in range(3 if length else 0):
            for q in basis:
                rest = rest - q * float(q @ rest)
        length = float(np.linalg.norm(rest)) / whole if length else 0.0
        if length >= least:
            basis.append(rest / np.linalg.norm(rest))
            length *= whole * size
        elif z is x:
            return None
    return np.column_stack(basis), length


def climb(C: F64, x: F64, y: F64, *, depth: int = 0) -> Truth | None:
    """Maximise the likelihood by Newton's method with step halving; None without a maximum."""
    if np.ptp(y) == 0 or (built := build_basis(C, x)) is None:
        return None
    Q, length = built
    Q = Q * y.size**0.5
    b, eta = np.zeros(Q.shape[1]), np.zeros(y.size)
    value = float(np.sum(y * eta - np.logaddexp(0.0, eta)))
    for _ in range(80):
        mu = 1.0 / (1.0 + np.exp(-np.clip(eta, -700.0, 700.0)))
        R = np.linalg.qr(Q * np.sqrt(mu * (1.0 - mu))[:, None], mode="r")
        pivots = np.abs(np.diagonal(R))
        if pivots.min() < 1e-13 * pivots.max():
            break
        half = np.linalg.solve(R.T, Q.T @ (y - mu))
        if half @ half < 1e-18:
            break
        step = np.linalg.solve(R, half)
        for halving in range(40):
            new_eta = eta + 0.5**halving * (Q @ step)
            new_value = float(np.sum(y * new_eta - np.logaddexp(0.0, new_eta)))
            if new_value >= value - 1e-13 * abs(value):
                break
        b, eta, value = b + 0.5**halving * step, new_eta, new_value
    far = np.abs(eta) > FAR
    if pivots.min() < DEGENERATE * pivots.max() and far.any():
        # Separated rows leave the limit to the others.
        return climb(C[~far], x[~far], y[~far], depth=depth + 1) if depth < 3 else None
    scale = y.size**0.5 / length
    return Truth(float(b[-1]) * scale, scale / float(pivots[-1]))


def find_truth(problem: Problem, block: Block, protein: int) -> Truth | None:
    rows = block.observed[protein]
    C = np.column_stack([problem.covariates[rows, 1:], block.own[protein][:, rows].T])
    return climb(C, block.values[protein, rows], problem.targets[0].values[rows])
