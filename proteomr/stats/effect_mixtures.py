r"""How a variant's effects on two traits are distributed over the genome.

Of variant j the estimates :math:`(\hat x_j, \hat y_j)` have errors of correlation :math:`\rho`
around effects that a mixture of independent pairs of normals draws:

.. math:: (\beta_j, \theta_j) \sim \sum_k \pi_k N(0, \sigma_{xk}^2) N(0, \sigma_{yk}^2), \qquad
    \begin{pmatrix} \hat x_j \\ \hat y_j \end{pmatrix} \sim N\left(
    \begin{pmatrix} \beta_j \\ b \beta_j + \theta_j \end{pmatrix},
    \begin{pmatrix} s_{xj}^2 & \rho s_{xj} s_{yj} \\ \cdot & s_{yj}^2 \end{pmatrix} \right)

with b a slope along which the effects on the first trait act on the second. Source: Morrison,
Knoblauch, Marcus, Stephens and He 2020, doi:10.1038/s41588-020-0631-4.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from proteomr._typing import F64, Bool
from proteomr.stats.mixture_weights import fit_mixture_weights

__all__ = ["EffectMixture", "Estimates", "fit_effect_mixture", "list_sizes"]

_PER_STEP: Final = 2.0  # sizes of effects in the grid double, as in ashr's coarse grid
_MOST_SIZES: Final = 40  # 2^40 between the smallest error and the largest effect
_NULL_ROWS: Final = 9.0  # of a Dirichlet prior of 10 on no effects and of 1 on all others
_CORRELATION_SD: Final = 0.5  # of the normal prior of atanh rho
_SMALLEST: Final = 1e-4  # weights below which a size is left out of the pairs first tried
# Log likelihood that a variant may lack by sizes that are left out: one of z 300 lacks thousands,
# which no correlation makes up for, and the search would follow it.
_LACK: Final = 20.0
_GAP: Final = (
    1e-8  # a component outside adds less than this to a row's log likelihood at first order
)
_SUBSET: Final = 50_000  # variants that tell the correlation well enough to begin with
_CHUNK: Final = 16_384  # variants whose densities under all of the grid are held at once
_ROUNDS: Final = 30  # three to six are taken; an end by it is not proven
_SCORE: Final = 1e-3  # standard errors of the correlation that its score may be off at the end


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """Estimates of effects of variants on two traits.

    Parameters
    ----------
    x, sx, y, sy : (n,) effects on the first and the second trait, with their standard errors.
    """

    x: F64
    sx: F64
    y: F64
    sy: F64

    @property
    def n(self) -> int:
        """Number of variants."""
        return self.x.size

    def select(self, rows: slice) -> Estimates:
        """Return those of some variants.

        Parameters
        ----------
        rows : positions.
        """
        return Estimates(self.x[rows], self.sx[rows], self.y[rows], self.sy[rows])


@dataclass(frozen=True, slots=True, eq=False)
class EffectMixture:
    """A distribution of effects on two traits, and how it was come by.

    Parameters
    ----------
    var_x, var_y : (k,) variances of the components.
    weights : (k,).
    rho : correlation of the errors of a variant's two estimates.
    gap : most by which the log likelihood could rise, by other weights of the whole grid of sizes.
    score : of the correlation, in its standard errors.
    proven : whether both are as small as is asked.
    """

    var_x: F64
    var_y: F64
    weights: F64
    rho: float
    gap: float
    score: float
    proven: bool

    @property
    def null_share(self) -> float:
        """Weight of no effect on either trait."""
        return float(self.weights[(self.var_x == 0) & (self.var_y == 0)].sum())

    def log_densities(self, data: Estimates, slopes: F64) -> F64:
        """Return the log density of each variant along each slope, (b, n), without -log 2 pi.

        Parameters
        ----------
        data : n variants.
        slopes : (b,).
        """
        from proteomr.stats.compiled_sharing_loops import fill_slope_densities

        out = np.empty((slopes.size, data.n))
        fill_slope_densities(
            data.x, data.sx, data.y, data.sy, self.rho, self.var_x, self.var_y, self.weights,
            slopes, out,
        )  # fmt: skip
        return out


def list_sizes(effects: F64, errors: F64) -> F64:
    r"""Return the standard deviations that effects may have: none, and doubling steps.

    From a tenth of the smallest error to twice the largest effect beyond its error,
    :math:`2 \max \sqrt{\hat\beta^2 - s^2}` (Stephens 2017, doi:10.1093/biostatistics/kxw041).

    Parameters
    ----------
    effects, errors : estimates.

    Examples
    --------
    >>> list_sizes(np.array([0.0, 0.5]), np.array([0.1, 0.3])).round(3).tolist()
    [0.0, 0.012, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8]
    """
    smallest = 0.1 * float(errors.min())
    beyond = float((effects**2 - errors**2).max())
    largest = 2.0 * math.sqrt(beyond) if beyond > 0.0 else 8.0 * smallest
    if not largest < smallest * _PER_STEP**_MOST_SIZES:
        raise ArithmeticError("effects and errors differ by more than a grid of sizes can span")
    count = max(1, 1 + math.floor(math.log(max(largest / smallest, 1.0), _PER_STEP) + 1e-9))
    return np.concatenate([[0.0], largest * _PER_STEP ** np.arange(1.0 - count, 1.0)])


def fit_effect_mixture(data: Estimates) -> EffectMixture:
    r"""Return the mixture of the whole genome, most likely where nothing acts along a slope.

    Weights and correlation maximise the likelihood with b = 0, times a Dirichlet prior of 10 on no
    effects and of 1 on all other pairs of sizes, and a normal prior of standard deviation 0.5 on
    :math:`\operatorname{atanh} \rho`. In turn: weights over pairs of sizes that either trait has by
    itself, and the correlation given these, on a part and then on all variants; then whatever
    pair of the whole grid the likelihood would rise by is added, until there is none.

    The certificate does not rest on this path: with :math:`g_k` the mean ratio of component k to
    the mixture, over all pairs, the log likelihood is at most :math:`N \ln \max_k g_k` below its
    maximum for this correlation; and the score of the correlation in its own standard errors.

    Parameters
    ----------
    data : variants drawn from the genome; those in linkage disequilibrium count as they come.

    Examples
    --------
    >>> random = np.random.default_rng(1)
    >>> effects = random.normal(0.0, 5.0, (2, 20_000)) * (random.random((2, 20_000)) < 0.1)
    >>> errors = random.multivariate_normal([0, 0], [[1, 0.3], [0.3, 1]], 20_000).T
    >>> one = np.ones(20_000)
    >>> x, y = effects + errors
    >>> found = fit_effect_mixture(Estimates(x, one, y, one))
    >>> round(found.rho, 1), round(found.null_share, 1), found.proven
    (0.3, 0.8, True)
    """
    sizes = list_sizes(data.x, data.sx), list_sizes(data.y, data.sy)
    grid = np.stack(np.meshgrid(sizes[0] ** 2, sizes[1] ** 2, indexing="ij")).reshape(2, -1)
    part = data.select(slice(0, _SUBSET))
    held = _pair_sizes(part, sizes)
    held |= _pair_outlying(data, sizes, held)
    pairs = grid[:, held]
    weights, rho = np.full(int(held.sum()), 1.0 / held.sum()), 0.0
    score, gap, proven = math.inf, math.inf, False
    if part.n < data.n:
        weights, rho, score, proven = _alternate(part, pairs, weights, rho)
    for _ in range(_ROUNDS):
        weights, rho, score, proven = _alternate(data, pairs, weights, rho)
        if not proven:
            break
        slopes, gap = _look_over_grid(data, grid, pairs, weights, rho)
        lacking = (slopes > 1.0 + _GAP) & ~held
        if not lacking.any():
            break
        extended = np.zeros(held.size)
        extended[held] = weights
        held = held | lacking
        pairs, weights = grid[:, held], extended[held]
    used = weights > 0.0
    proven = proven and gap <= 2.0 * _GAP * data.n and abs(score) <= _SCORE
    return EffectMixture(
        pairs[0, used], pairs[1, used], weights[used] / weights[used].sum(), rho, gap, score, proven
    )


def _pair_sizes(data: Estimates, sizes: tuple[F64, F64]) -> Bool:
    """Return which pairs of the grid are of sizes that each trait has by itself."""
    held = []
    for logs in _size_densities(data, sizes):
        weights = fit_mixture_weights(logs)[0]
        chosen = weights > _SMALLEST
        chosen[0] = True
        held.append(chosen)
    return np.asarray((held[0][:, None] & held[1]).ravel())


def _size_densities(data: Estimates, sizes: tuple[F64, F64]) -> Iterator[F64]:
    """Yield the log densities of variants under each size, (n, k), of either trait by itself."""
    for (x, sx), each in zip(((data.x, data.sx), (data.y, data.sy)), sizes, strict=True):
        variance = sx[:, None] ** 2 + each**2
        yield -0.5 * (np.log(variance) + x[:, None] ** 2 / variance)


def _pair_outlying(data: Estimates, sizes: tuple[F64, F64], held: Bool) -> Bool:
    """Return pairs of sizes of variants that those held explain badly, too few to have weight."""
    square = held.reshape(sizes[0].size, sizes[1].size)
    own = square.any(axis=1), square.any(axis=0)
    found = np.zeros_like(square)
    for start in range(0, data.n, _CHUNK):
        both = list(_size_densities(data.select(slice(start, start + _CHUNK)), sizes))
        short = [
            logs.max(axis=1) - logs[:, each].max(axis=1) > _LACK
            for logs, each in zip(both, own, strict=True)
        ]
        rows = short[0] | short[1]
        found[both[0][rows].argmax(axis=1), both[1][rows].argmax(axis=1)] = True
    return np.asarray(found.ravel())


def _alternate(
    data: Estimates, pairs: F64, weights: F64, rho: float
) -> tuple[F64, float, float, bool]:
    """Return weights and correlation that suit each other, its score, and whether proven."""
    prior = np.where((pairs == 0.0).all(axis=0), _NULL_ROWS, 0.0)
    score = math.inf
    for _ in range(_ROUNDS):
        weights, proven = fit_mixture_weights(
            _densities(data, pairs, rho), prior=prior, start=weights
        )
        if not proven:
            return weights, rho, score, False
        rho, moved = _improve_correlation(data, pairs, weights, rho)
        score = moved
        if abs(moved) <= _SCORE:
            return weights, rho, score, True
    return weights, rho, score, False


def _densities(data: Estimates, pairs: F64, rho: float) -> F64:
    from proteomr.stats.compiled_sharing_loops import fill_component_densities

    out = np.empty((data.n, pairs.shape[1]))
    fill_component_densities(data.x, data.sx, data.y, data.sy, rho, pairs[0], pairs[1], out)
    return out


def _improve_correlation(
    data: Estimates, pairs: F64, weights: F64, rho: float
) -> tuple[float, float]:
    """Return the correlation that suits the weights, and the score at the one before."""
    from proteomr.stats.compiled_sharing_loops import score_correlation

    used = weights > 0.0
    var_x, var_y, w = pairs[0, used], pairs[1, used], weights[used]

    def measure(z: float) -> tuple[float, float, float]:
        r = math.tanh(z)
        value, slope, square = score_correlation(
            data.x, data.sx, data.y, data.sy, r, var_x, var_y, w
        )
        turn = 1.0 - r * r
        sd = _CORRELATION_SD
        return value - 0.5 * (z / sd) ** 2, slope * turn - z / sd**2, square * turn**2 + sd**-2

    z = math.atanh(rho)
    value, slope, information = measure(z)
    score = slope / math.sqrt(information)
    if abs(score) <= _SCORE:
        return rho, score
    for _ in range(_ROUNDS):
        step = slope / information
        while True:
            new = measure(z + step)
            if new[0] >= value or abs(step) < 1e-12:
                break
            step *= 0.5
        z, (value, slope, information) = z + step, new
        if abs(slope) <= 0.1 * _SCORE * math.sqrt(information) or abs(step) < 1e-12:
            break
    return math.tanh(z), score


def _look_over_grid(
    data: Estimates, grid: F64, pairs: F64, weights: F64, rho: float
) -> tuple[F64, float]:
    """Return each pair's mean ratio to the mixture, and what the log likelihood could rise by."""
    total = np.zeros(grid.shape[1])
    for start in range(0, data.n, _CHUNK):
        part = data.select(slice(start, start + _CHUNK))
        own, every = _densities(part, pairs, rho), _densities(part, grid, rho)
        top = own.max(axis=1, keepdims=True)
        mixture = np.log(np.exp(own - top) @ weights)[:, None] + top
        total += np.exp(every - mixture).sum(axis=0)
    null = (grid == 0.0).all(axis=0)
    total[null] += _NULL_ROWS / weights[(pairs == 0.0).all(axis=0)]
    rows = data.n + _NULL_ROWS
    slopes = total / rows
    return slopes, float(rows * math.log(max(1.0, slopes.max())))
