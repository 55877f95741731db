"""The sum of single effects: which variants of a region carry effects, from summary statistics."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from scipy.linalg.blas import dsymv

from proteomr._typing import F64
from proteomr.errors import InputError
from proteomr.stats.credible_sets import CredibleSet, find_credible_sets
from proteomr.stats.single_effect import SingleEffect, VariantPrior, fit_single_effect
from proteomr.stats.susie_fits import SusieFit, SusieOptions, SusieProblem

__all__ = [
    "SusieFit",
    "SusieOptions",
    "SusieProblem",
    "fit_susie",
    "fit_susie_sums",
    "shrink_z",
]

_PRESENT: Final = 1e-9  # least prior variance of an effect that counts: susieR's prior_tol
_MOST_PRIOR: Final = 100.0  # times the largest squared statistic: susieR's check of the prior
_SCALED: Final = 0.2  # prior variance as a share of the trait's, with n: susieR's default
_UNSCALED: Final = 50.0  # prior variance of z without n
# Of the running sums, which a few hundred additions round: 1e-16 each on a scale of at most the
# number of effects. Above it the matrix was not what the iteration took it for.
_AGREEMENT: Final = 1e-8
# A million entries of this share of the largest are below the rounding of its product.
_LAST_BIT: Final = 1e-22
_FEW: Final = 8  # rows of a matrix are gathered where they are fewer than a share of it


def shrink_z(z: F64, n: float | None) -> F64:
    r"""Return statistics as those of a regression whose residuals have the trait's variance.

    .. math:: \tilde z = z \sqrt{\frac{n - 1}{z^2 + n - 2}}

    (Zou and others 2022, doi:10.1371/journal.pgen.1010299); as they are without n.

    Examples
    --------
    >>> shrink_z(np.array([3.0]), 11.0).round(4).tolist(), shrink_z(np.array([3.0]), None).tolist()
    ([2.2361], [3.0])
    """
    if n is None:
        return z
    with np.errstate(over="ignore"):
        square = z * z
    shrunk: F64 = z * np.sqrt((n - 1.0) / (square + n - 2.0))
    return np.where(np.isinf(square), np.copysign(math.sqrt(n - 1.0), z), shrunk)


def fit_susie(
    z: F64,
    r: F64,
    *,
    n: float | None = None,
    prior_weights: F64 | None = None,
    options: SusieOptions | None = None,
) -> SusieFit:
    r"""Return the variants that carry effects on a trait, from z statistics and correlations.

    .. math:: y = \sum_{l=1}^{L} X b_l + e, \quad b_l = \beta_l \gamma_l, \quad
        \gamma_l \sim \mathrm{Mult}(1, \pi), \quad \beta_l \sim N(0, V_l)

    fitted by coordinate ascent on a lower bound of the likelihood (Wang and others 2020,
    doi:10.1111/rssb.12388), with X'X = (n - 1) R and X'y = sqrt(n - 1) z, z shrunk by n (Zou and
    others 2022, doi:10.1371/journal.pgen.1010299), as ``susie_rss`` of susieR 0.12.35 does. Later
    versions start other effects and take other defaults. Without n: X'X = R, X'y = z.

    Parameters
    ----------
    z : (p,) effect over standard error.
    r : (p, p) correlations of the same alleles.
    n : people, above 2.
    prior_weights : (p,) prior probabilities up to a factor; None for equal ones.
    options : what is asked.

    Raises
    ------
    InputError
        Shapes do not fit, a number is not finite, or no variant has a prior probability.

    Examples
    --------
    >>> r = np.array([[1.0, 0.3], [0.3, 1.0]])
    >>> fit = fit_susie(np.array([8.0, 2.4]), r, n=1000)
    >>> fit.pip.round(3).tolist(), [one.members.tolist() for one in fit.sets]
    ([1.0, 0.0], [[0]])
    """
    asked = options or SusieOptions()
    if n is not None and not n > 2:
        raise InputError(f"{n:g} people: more than 2 are needed")
    if n is None:
        scale = _UNSCALED if asked.prior_variance is None else asked.prior_variance
        return fit_susie_sums(
            z, r, weight=1.0, yty=1.0, n=2.0, prior_weights=prior_weights,
            options=replace(asked, prior_variance=scale),
        )  # fmt: skip
    var_y = 1.0 if asked.var_y is None else asked.var_y
    xty = math.sqrt((n - 1.0) * var_y) * shrink_z(z, n)
    return fit_susie_sums(
        xty, r, weight=n - 1.0, yty=(n - 1.0) * var_y, n=n, prior_weights=prior_weights,
        options=asked,
    )  # fmt: skip


def fit_susie_sums(
    xty: F64,
    r: F64,
    *,
    weight: float,
    yty: float,
    n: float,
    prior_weights: F64 | None = None,
    options: SusieOptions | None = None,
) -> SusieFit:
    """Return a sum of single effects from sums over people, as susieR's ``susie_suff_stat`` does.

    Parameters
    ----------
    xty : (p,) X'y of standardised variants.
    r : (p, p) correlations; X'X is ``weight`` times it.
    weight : n - 1, or 1 for statistics without n.
    yty : y'y.
    n : people, 2 for statistics without n.
    prior_weights, options : see `fit_susie`.

    Raises
    ------
    InputError
        See `fit_susie`.

    Examples
    --------
    >>> fit = fit_susie_sums(np.array([60.0]), np.ones((1, 1)), weight=99.0, yty=99.0, n=100.0)
    >>> fit.pip.round(3).tolist()
    [1.0]
    """
    asked = options or SusieOptions()
    _check(xty, r, prior_weights)
    weights = np.full(xty.size, 1.0 / xty.size) if prior_weights is None else prior_weights
    weights = weights / weights.sum() * (1.0 - asked.null_weight)
    run = _Run(xty, _symmetric(r), weight, yty, n, asked)
    fit = run.fit(VariantPrior(weights, asked.null_weight), check_prior=asked.check_prior)
    while asked.refine and fit.converged and fit.sets:
        others = [run.fit_without(one, weights) for one in fit.sets]
        better = [other for other in others if other is not None and other.converged]
        best = max(better, key=lambda other: float(other.elbo[-1]), default=None)
        if best is None or best.elbo[-1] <= fit.elbo[-1]:
            break
        fit = best
    return fit


@dataclass(slots=True, eq=False)
class _State:
    """What changes from round to round."""

    effects: list[SingleEffect | None]
    b: F64
    products: F64
    kl: F64
    v: list[float]
    sigma2: float
    elbo: list[float] = field(default_factory=list[float])


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """One problem, which may be fitted from several starts."""

    xty: F64
    r: F64
    weight: float
    yty: float
    n: float
    options: SusieOptions

    def fit(
        self, prior: VariantPrior, *, start: SusieFit | None = None, check_prior: bool = False
    ) -> SusieFit:
        """Go round the effects until the objective rests."""
        state = self._begin(start)
        problem: SusieProblem | None = "iteration_limit"
        limit = _MOST_PRIOR * float(np.max(self.xty**2)) / (self.weight * state.sigma2)
        for _ in range(self.options.most_rounds):
            before = state.elbo[-1] if state.elbo else -math.inf
            self._go_round(state, prior)
            er2 = self._squares(state)
            state.elbo.append(self._objective(state, er2))
            if check_prior and max(state.v) > limit:
                problem = "prior_variance_large"
                break
            if not math.isfinite(state.elbo[-1]):
                problem = "objective_infinite"
                break
            if state.elbo[-1] - before < self.options.tolerance:
                problem = self._certify(state, before)
                break
            if self.options.estimate_residual_variance:
                if er2 <= 0:
                    problem = "residual_variance_negative"
                    break
                state.sigma2 = er2 / self.n
        return self._finish(state, problem)

    def fit_without(self, left_out: CredibleSet, weights: F64) -> SusieFit | None:
        """Fit from where a fit without the variants of a set ends; None where none are left."""
        others = weights.copy()
        others[left_out.members] = 0.0
        if not others.any():
            return None
        null = self.options.null_weight
        left = others.sum() + null
        start = self.fit(VariantPrior(others / left, null / left))
        return self.fit(VariantPrior(weights, null), start=start)

    def _begin(self, start: SusieFit | None) -> _State:
        p = self.xty.size
        count = min(self.options.effects, p + (self.options.null_weight > 0))
        var_y = self.yty / (self.n - 1.0)
        scaled = _SCALED if self.options.prior_variance is None else self.options.prior_variance
        b = np.zeros((count, p)) if start is None else start.alpha * start.mu
        products = self.weight * (b @ self.r) if b.any() else np.zeros((count, p))
        return _State([None] * count, b, products, np.zeros(count), [scaled * var_y] * count, var_y)

    def _go_round(self, state: _State, prior: VariantPrior) -> None:
        """Fit each effect to what the others leave.

        Effects that are none leave the same to the next, which is then the same fit.
        """
        total = state.products.sum(axis=0)
        last: tuple[F64, float, SingleEffect] | None = None
        for place, v in enumerate(state.v):
            total -= state.products[place]
            xtr = self.xty - total
            if last is None or last[1] != v or not np.array_equal(last[0], xtr):
                effect = fit_single_effect(
                    xtr,
                    weight=self.weight,
                    sigma2=state.sigma2,
                    v=v,
                    prior=prior,
                    rule=self.options.rule,
                )
                last = (xtr, v, effect)
            effect = last[2]
            b = effect.alpha * effect.mu
            state.effects[place], state.v[place], state.b[place] = effect, effect.v, b
            state.products[place] = self._multiply(b)
            squares = self.weight * float(effect.alpha @ effect.mu2)
            state.kl[place] = -effect.lbf - 0.5 / state.sigma2 * (squares - 2.0 * float(b @ xtr))
            total += state.products[place]

    def _multiply(self, b: F64) -> F64:
        """Return X'X b; what is below the last bit of the largest entry adds nothing."""
        sizes = np.abs(b)
        kept = np.flatnonzero(sizes > _LAST_BIT * sizes.max())
        if kept.size * _FEW < b.size:
            return np.asarray(self.weight * (b[kept] @ self.r[kept]))
        return np.asarray(self.weight * dsymv(1.0, self.r, b))

    def _squares(self, state: _State) -> float:
        """Return the expected residual sum of squares."""
        b = state.b.sum(axis=0)
        own = float(np.vdot(state.b, state.products))
        fitted = float(b @ state.products.sum(axis=0))
        spread = sum(float(e.alpha @ e.mu2) for e in state.effects if e is not None)
        return self.yty - 2.0 * float(b @ self.xty) + fitted - own + self.weight * spread

    def _objective(self, state: _State, er2: float) -> float:
        constant = -0.5 * self.n * math.log(2.0 * math.pi * state.sigma2)
        return constant - 0.5 / state.sigma2 * er2 - float(state.kl.sum())

    def _certify(self, state: _State, before: float) -> SusieProblem | None:
        """Hold the end of the iteration against what it has not used.

        A bound that falls by more than its own tolerance has not come to rest; and the sums that
        were carried along are computed again, from the other side of the matrix.
        """
        if state.elbo[-1] - before < -self.options.tolerance:
            return "objective_fell"
        again = self.weight * (state.b.sum(axis=0) @ self.r)
        carried = state.products.sum(axis=0)
        scale = max(float(np.max(np.abs(carried))), float(np.max(np.abs(self.xty))))
        agree = float(np.max(np.abs(again - carried))) <= _AGREEMENT * max(scale, 1e-300)
        return None if agree else "sums_disagree"

    def _finish(self, state: _State, problem: SusieProblem | None) -> SusieFit:
        effects = [effect for effect in state.effects if effect is not None]
        alpha, mu, mu2, factors = (
            np.array([getattr(effect, name) for effect in effects])
            for name in ("alpha", "mu", "mu2", "lbf_variable")
        )
        v = np.array(state.v)
        null_alpha = np.array([effect.null_alpha for effect in effects])
        pip = 1.0 - np.prod(1.0 - alpha[v > _PRESENT], axis=0)
        sets: tuple[CredibleSet, ...] = ()
        if problem is None:
            sets = find_credible_sets(
                alpha,
                self.r,
                v=v,
                null_alpha=null_alpha if self.options.null_weight else None,
                coverage=self.options.coverage,
                min_purity=self.options.min_purity,
            )
        lbf = np.array([effect.lbf for effect in effects])
        return SusieFit(
            alpha, mu, mu2, factors, lbf, v, null_alpha, state.sigma2, pip, sets,
            np.array(state.elbo), problem,
        )  # fmt: skip


def _symmetric(r: F64) -> F64:
    """Return the mean of a matrix and its transpose, by columns, as susieR takes it."""
    if np.array_equal(r, r.T):
        return np.asfortranarray(r.T if r.flags.c_contiguous else r)
    return np.asfortranarray(0.5 * (r + r.T))


def _check(xty: F64, r: F64, prior_weights: F64 | None) -> None:
    p = xty.size
    if p == 0 or r.shape != (p, p):
        raise InputError(f"{p} statistics do not fit correlations of shape {r.shape}")
    if not (np.isfinite(xty).all() and np.isfinite(r).all()):
        raise InputError("a statistic or a correlation is not finite")
    if prior_weights is None:
        return
    if prior_weights.shape != (p,):
        raise InputError(f"{prior_weights.size} prior weights for {p} variants")
    good = np.isfinite(prior_weights).all() and (prior_weights >= 0).all() and prior_weights.any()
    if not good:
        raise InputError("prior weights: finite, 0 or above and not all 0 is needed")
