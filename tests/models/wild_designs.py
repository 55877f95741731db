"""Designs in which iterations run away, and the plain Newton's method that tells the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64
from proteomr.models import Adjustment, Block, Factor, Model, Problem, Target, order_rows
from proteomr.stats.separation import find_separation

PROTEINS = 1
# A covariate closer to the others is aliased, and a protein has fewer than eight digits.
ALIASED, COLLINEAR = 1e-9, 1e-7


@dataclass(frozen=True)
class Truth:
    """A maximum: the last column's estimate and standard error."""

    estimate: float
    se: float


class Draw:
    """Columns, log odds and factors of a wild design, drawn one covariate at a time."""

    def __init__(self, g: np.random.Generator, n: int) -> None:
        self.g, self.n = g, n
        self.columns: list[F64] = [np.ones(n)]
        self.eta = np.zeros(n)
        self.factors: list[Factor] = []

    def rare(self) -> None:
        """Add a group of 2 to 80 people with an odds ratio of 1 to 1,000, or its inverse."""
        z = np.zeros(self.n)
        z[self.g.choice(self.n, int(self.g.integers(2, 80)), replace=False)] = 1.0
        self.eta += z * np.log(10.0 ** self.g.uniform(0, 3)) * self.g.choice([1.0, 1.0, -1.0])
        self.columns.append(z)

    def one(self) -> None:
        """Add one person's own column."""
        self.columns.append((np.arange(self.n) == self.g.integers(self.n)).astype(float))

    def continuous(self) -> None:
        """Add a covariate with an effect of up to six log odds per standard deviation."""
        z = self.g.normal(size=self.n)
        self.eta += z * self.g.choice([0.5, 1.0, 3.0, 6.0])
        self.columns.append(z)

    def levels(self) -> None:
        """Add a factor with levels of a few people, often without a case."""
        shares = self.g.dirichlet(np.full(8, 0.3))
        codes = np.unique(self.g.choice(8, self.n, p=shares), return_inverse=True)[1]
        if self.factors or codes.max() == 0:
            return
        self.eta += (2.0 * self.g.normal(size=8))[codes]
        dummies = np.arange(len(self.columns), len(self.columns) + codes.max())
        self.factors.append(Factor("site", codes, dummies))
        self.columns += [(codes == level).astype(float) for level in range(1, codes.max() + 1)]

    def twin(self) -> None:
        """Add a column close to another, or its double."""
        other = self.columns[int(self.g.integers(len(self.columns)))]
        apart = self.g.choice([0.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5])
        z = other / max(float(np.abs(other).max()), 1e-300) + apart * self.g.normal(size=self.n)
        self.columns.append(z)

    def far(self) -> None:
        """Add a covariate with a mean of up to 1e10 of its standard deviations."""
        z = self.g.normal(size=self.n)
        self.eta += 0.5 * z
        self.columns.append(z + 10.0 ** self.g.integers(3, 11))

    def scaled(self) -> None:
        """Add a covariate in units of 1e-300 to 1e300."""
        z = self.g.normal(size=self.n)
        self.eta += 0.5 * z
        self.columns.append(z * 10.0 ** self.g.integers(-300, 300))

    def ties(self) -> None:
        """Add a covariate of 0 in nearly all people."""
        z = (self.g.random(self.n) < 0.03) * self.g.integers(0, 3, self.n).astype(float)
        self.eta += 0.5 * z
        self.columns.append(z)

    def add(self) -> None:
        """Add one covariate of any kind."""
        kinds = [self.rare, self.rare, self.one, self.continuous, self.levels, self.twin]
        kinds += [self.far, self.scaled, self.ties]
        kinds[int(self.g.integers(len(kinds)))]()


def draw_protein(g: np.random.Generator, y: F64, group: F64) -> F64:
    v = g.normal(size=y.size)
    reach = max(float(np.abs(group).max()), 1e-300)
    kinds = [
        v,
        v + 0.5 * y,
        v + g.choice([2.0, 4.0]) * y,
        np.maximum(v + 0.3 * y, g.choice([0.5, 1.5])),  # a limit of detection
        v + 3.0 * group / reach,
        np.where(g.random(y.size) < 0.01, v + 30.0, v),  # a heavy tail
        v * 10.0 ** g.integers(-300, 300),
    ]
    return np.asarray(kinds[int(g.integers(len(kinds)))])


def draw_problem(seed: int, low: int, high: int) -> tuple[Problem, Block]:
    """Return a wild design of between `low` and `high` people, and a block of proteins."""
    g = np.random.default_rng(seed)
    n = int(g.integers(low, high + 1))
    draw = Draw(g, n)
    for _ in range(int(g.integers(1, 5))):
        draw.add()
    columns, factors = draw.columns, draw.factors
    # From 0.5 per cent of cases on.
    eta = draw.eta + np.log(g.choice([0.005, 0.05, 0.3, 1.0]))
    y = (g.random(n) < 1.0 / (1.0 + np.exp(-eta))).astype(float)
    observed = g.random((PROTEINS, n)) >= g.choice([0.0, 0.05, 0.5])
    values = np.stack([draw_protein(g, y, columns[-1]) for _ in range(PROTEINS)]) * observed
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


def climb(C: F64, x: F64, y: F64) -> Truth | None:
    """Maximise the likelihood by Newton's method with step halving; None without a maximum."""
    if np.ptp(y) == 0 or (built := build_basis(C, x)) is None:
        return None
    Q, length = built
    Q = Q * y.size**0.5
    b, eta = np.zeros(Q.shape[1]), np.zeros(y.size)
    value = float(np.sum(y * eta - np.logaddexp(0.0, eta)))
    for _ in range(80):
        mu = 1.0 / (1.0 + np.exp(-np.clip(eta, -700.0, 700.0)))
        R = np.linalg.qr(Q * np.sqrt(mu * (1.0 - mu))[:, None])[1]
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
    scale = y.size**0.5 / length
    return Truth(float(b[-1]) * scale, scale / float(pivots[-1]))


def find_truth(problem: Problem, block: Block, protein: int, *, apart: bool) -> Truth | None:
    """Return the maximum, or where covariates set rows apart, that over the other rows."""
    rows = block.observed[protein]
    C = np.column_stack([problem.covariates[rows, 1:], block.own[protein][:, rows].T])
    x, y = block.values[protein, rows], problem.targets[0].values[rows]
    if apart:
        built = build_basis(C, x)
        if built is None:
            return None
        overlap = find_separation(built[0], y).overlapping
        C, x, y = C[overlap], x[overlap], y[overlap]
    return climb(C, x, y)
