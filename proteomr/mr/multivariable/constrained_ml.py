"""Multivariable constrained maximum likelihood: some variants may act by other ways."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64, I64, Bool
from proteomr.errors import UsageError
from proteomr.mr.methods.base import Estimate
from proteomr.mr.methods.ranges import check_above_zero
from proteomr.mr.multivariable.base import (
    MultivariableMethod,
    conclude_each,
    correlate_estimates,
    fit_weighted,
    refuse_each,
)
from proteomr.mr.multivariable.errors_in_variables import (
    STALLS,
    certify_terms,
    combine_errors,
    evaluate_terms,
    step_terms,
    vary_residuals,
)
from proteomr.stats.parametric_bootstrap import check_draws
from proteomr.status import Status
from proteomr.tables import Harmonised

__all__ = ["MultivariableConstrainedMl"]

_STEPS = 300  # each step lowers the sum, and there are few sets of variants near its least
_TOLERANCE = 1e-11  # standard errors per root of a variant


@dataclass(frozen=True, slots=True)
class MultivariableConstrainedMl(MultivariableMethod):
    r"""Maximum likelihood with K variants free of the model, K chosen by an information criterion.

    .. math:: -2 \ell_K(\theta) = \min_{|V| = m - K} \sum_{j \in V}
        \frac{(y_j - x_j^T \theta)^2}{u^T \Sigma_j u}, \quad u = (-\theta, 1), \qquad
        \mathrm{BIC}(K) = -2 \hat\ell_K + K \log n

    with :math:`\Sigma_j` the covariance of a variant's estimates. Without perturbations the
    standard errors come from the observed information of the variants kept at the chosen K. With
    them the whole is repeated on effects drawn anew, and mean and standard deviation are reported:
    these carry the doubt about which variants are invalid. Normal p value.

    Source: Lin, Xue and Pan 2023, doi:10.1016/j.ajhg.2023.02.014. R:
    ``MendelianRandomization::mr_mvcML`` 0.10.0, which ends its iterations at a change of 0.01 and
    so is right to about four digits; here they end at the optimum.

    Assumptions: among all sets of variants that share an effect, the valid ones are the most
    (plurality). Variants are independent.
    Limits: the criterion needs n; without perturbations the standard errors are too small.

    Parameters
    ----------
    sample_size : n; None for the least of those of the data.
    invalid_counts : the K to try; None for 0 to half of the variants.
    perturbations : sets of effects drawn anew; 0 for none. The package draws 200.
    correlations : (e + 1, e + 1) rows of the correlations of a variant's estimates, exposures
        first and the outcome last, from overlapping samples; None for none.

    Raises
    ------
    UsageError
        From `estimate`: correlations that do not fit, or counts below zero.

    Examples
    --------
    >>> import polars as pl
    >>> x = np.array([[0.1, 0.0], [0.0, 0.2], [0.1, 0.1], [0.3, 0.1], [0.2, 0.3]])
    >>> data = Harmonised(
    ...     exposures=("a", "b"), outcome="y",
    ...     variants=pl.DataFrame({"variant_id": ["r1", "r2", "r3", "r4", "r5"]}),
    ...     beta_x=x, se_x=np.full((5, 2), 0.01),
    ...     beta_y=np.array([0.05, 0.02, 0.06, 0.90, 0.13]), se_y=np.full(5, 0.01),
    ... )
    >>> method = MultivariableConstrainedMl(sample_size=1e4, perturbations=0)
    >>> fits = method.estimate(data, random=np.random.default_rng(1))
    >>> [round(fit.estimate, 4) for fit in fits], fits[0].used
    ([0.5, 0.1], (0, 1, 2, 4))
    """

    key: ClassVar[str] = "mv_cml"
    label: ClassVar[str] = "Multivariable constrained maximum likelihood"
    aliases: ClassVar[tuple[str, ...]] = ("mr_mvcML",)
    reference: ClassVar[str] = "10.1016/j.ajhg.2023.02.014"
    needs_sample_size: ClassVar[bool] = True
    min_variants: ClassVar[int] = 3
    stochastic: ClassVar[bool] = True

    sample_size: float | None = None
    invalid_counts: tuple[int, ...] | None = None
    perturbations: int = 200
    correlations: tuple[tuple[float, ...], ...] | None = None

    def __post_init__(self) -> None:
        check_above_zero("sample_size", self.sample_size)
        if self.perturbations:
            check_draws(self.perturbations)

    def fit(self, data: Harmonised, /, *, random: Generator) -> tuple[Estimate, ...]:
        """Return one estimate per exposure, in order."""
        e = len(data.exposures)
        declared = None if self.correlations is None else np.array(self.correlations)
        correlations = correlate_estimates(declared, size=e + 1)
        counts = self._list_counts(data)
        n = _least_size(data) if self.sample_size is None else self.sample_size
        if not n > 1:
            text = "the information criterion needs the sample size, which is not known"
            return refuse_each(data, status=Status.needs_sample_size, message=text)
        errors = combine_errors(data.se_x, data.se_y, correlations=correlations)
        starts, path = _fit_once(data, errors, counts)
        chosen = int(_choose_each(path, counts, n)[0])
        if self.perturbations:
            return self._perturb(data, errors, counts, n=n, starts=starts, random=random)
        theta, valid = starts[chosen], path.kept[chosen, 0]
        if not path.settled[chosen, 0]:
            text = "the iterations at the number of invalid variants chosen have no certificate"
            return refuse_each(data, status=Status.not_converged, message=text)
        return _conclude(data, errors, theta=theta, valid=valid)

    def _list_counts(self, data: Harmonised) -> tuple[int, ...]:
        most = data.m - len(data.exposures) - 1
        if self.invalid_counts is None:
            return tuple(range(min(math.ceil(data.m / 2), max(most, 0)) + 1))
        if not self.invalid_counts or min(self.invalid_counts) < 0:
            raise UsageError(
                "numbers of invalid variants to try are zero or more, and one at least"
            )
        fitting = tuple(sorted({count for count in self.invalid_counts if count <= most}))
        return fitting or (max(most, 0),)

    def _perturb(
        self,
        data: Harmonised,
        errors: F64,
        counts: tuple[int, ...],
        *,
        n: float,
        starts: F64,
        random: Generator,
    ) -> tuple[Estimate, ...]:
        e, b = len(data.exposures), self.perturbations
        deviates = random.standard_normal((b, data.m, e + 1))
        values, vectors = np.linalg.eigh(errors)
        roots = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
        moved = np.einsum("mkl,bml->bmk", roots, deviates)
        x, y = data.beta_x + moved[..., :e], data.beta_y + moved[..., e]
        every = np.arange(b)
        path = _follow(
            x,
            y,
            errors,
            counts,
            starts=np.repeat(starts[:, None], b, axis=1),
            price=math.log(n),
        )
        best = _choose_each(path, counts, n)
        drawn = path.theta[best, every]
        if not path.settled[best, every].all():
            text = "the iterations did not end for every set of perturbed effects"
            return refuse_each(data, status=Status.not_converged, message=text)
        details = {"perturbations": float(b), "invalid": float(np.array(counts)[best].mean())}
        return conclude_each(
            drawn.mean(axis=0), drawn.std(axis=0, ddof=1), nsnp=data.m, details=details
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Path:
    """For each K and set of effects: effects, -2 log likelihood, variants kept, whether settled."""

    theta: F64
    deviance: F64
    kept: Bool
    settled: Bool


def _least_size(data: Harmonised) -> float:
    sizes = np.append([] if data.n_x is None else data.n_x, data.n_y)
    return float(sizes.min()) if np.isfinite(sizes).all() and sizes.size > 1 else math.nan


def _fit_once(data: Harmonised, errors: F64, counts: tuple[int, ...]) -> tuple[F64, _Path]:
    """The best fit of every K over three ways to start: at zero, at IVW, from the K before."""
    x, y = data.beta_x[None], data.beta_y[None]
    e = x.shape[2]
    ivw = fit_weighted(data.beta_x, data.beta_y, weights=data.se_y**-2)
    centre = np.zeros(e) if ivw is None else ivw.coefficients
    fits = [
        _follow(x, y, errors, counts, starts=np.tile(start, (len(counts), 1, 1)), chained=chained)
        for start, chained in ((np.zeros(e), False), (centre, False), (centre, True))
    ]
    deviance = np.stack([np.where(fit.settled, fit.deviance, np.inf) for fit in fits])[..., 0]
    best = deviance.argmin(axis=0)
    rows = np.arange(len(counts))
    path = _Path(
        np.stack([fit.theta for fit in fits])[best, rows],
        np.stack([fit.deviance for fit in fits])[best, rows],
        np.stack([fit.kept for fit in fits])[best, rows],
        np.stack([fit.settled for fit in fits])[best, rows],
    )
    return path.theta[:, 0], path


def _follow(
    x: F64,
    y: F64,
    errors: F64,
    counts: tuple[int, ...],
    *,
    starts: F64,
    chained: bool = False,
    price: float = 0.0,
) -> _Path:
    """Fits of every K; starts are (K, b, e), or the fit of the K before where chained.

    With a price per invalid variant, the K are left out whose price alone exceeds the criterion of
    a smaller K in every set.
    """
    theta = starts[0]
    best = np.full(y.shape[0], np.inf)
    fits = []
    for count, start in zip(counts, starts, strict=True):
        if price * count > best.max():
            break
        fits.append(_trim(x, y, errors, count, theta if chained else start))
        theta = fits[-1][0]
        best = np.minimum(best, fits[-1][1] + price * count)
    return _Path(
        np.stack([fit[0] for fit in fits]),
        np.stack([fit[1] for fit in fits]),
        np.stack([fit[2] for fit in fits]),
        np.stack([fit[3] for fit in fits]),
    )


def _trim(x: F64, y: F64, errors: F64, count: int, start: F64) -> tuple[F64, F64, Bool, Bool]:
    """Alternate: leave out the variants that fit worst, then a Newton step on the others."""
    theta = start.copy()
    valid, value = _keep(x, y, errors, count, theta)
    first = np.einsum("bm,bm->b", value, valid)
    settled = np.zeros(theta.shape[0], dtype=np.bool_)
    stalls = np.zeros(theta.shape[0], dtype=np.int64)
    for _ in range(_STEPS):
        rows = np.flatnonzero(~settled)
        if not rows.size:
            break
        theta[rows], moved, fell = step_terms(
            x[rows], y[rows], covariances=errors, theta=theta[rows], kept=valid[rows]
        )
        again, value[rows] = _keep(x[rows], y[rows], errors, count, theta[rows])
        same = (again == valid[rows]).all(axis=1)
        stalls[rows] = np.where(fell | ~same, 0, stalls[rows] + 1)
        small = moved <= _TOLERANCE * math.sqrt(y.shape[1])
        settled[rows] = (small | (stalls[rows] >= STALLS)) & same
        valid[rows] = again
    deviance = np.einsum("bm,bm->b", value, valid)
    settled &= certify_terms(x, y, covariances=errors, theta=theta, kept=valid, rival=first)
    return theta, deviance, valid, settled


def _keep(x: F64, y: F64, errors: F64, count: int, theta: F64) -> tuple[Bool, F64]:
    _, variance = vary_residuals(errors, theta)
    value = (y - np.einsum("bme,be->bm", x, theta)) ** 2 / variance
    valid = np.zeros(value.shape, dtype=np.bool_)
    best = np.argsort(value, axis=1, kind="stable")[:, : value.shape[1] - count]
    np.put_along_axis(valid, best, values=True, axis=1)
    return valid, value


def _choose_each(path: _Path, counts: tuple[int, ...], n: float) -> I64:
    tried = np.array(counts[: path.deviance.shape[0]], dtype=np.float64)
    criterion = path.deviance + math.log(n) * tried[:, None]
    return np.asarray(criterion.argmin(axis=0), dtype=np.int64)


def _conclude(data: Harmonised, errors: F64, *, theta: F64, valid: Bool) -> tuple[Estimate, ...]:
    used = np.flatnonzero(valid)
    terms = evaluate_terms(
        data.beta_x[None, used],
        data.beta_y[None, used],
        covariances=errors[used],
        theta=theta[None],
    )
    information = 0.5 * terms.curvature[0].sum(axis=0)
    if not np.linalg.eigvalsh(information)[0] > 0:
        text = "the likelihood has no maximum among the variants kept"
        return refuse_each(data, status=Status.not_identified, message=text)
    se = np.sqrt(np.diagonal(np.linalg.inv(information)))
    details = {"invalid": float(data.m - used.size), "q": float(terms.value.sum())}
    return conclude_each(theta, se, nsnp=used.size, details=details, used=tuple(used.tolist()))
