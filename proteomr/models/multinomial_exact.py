"""One multinomial fit by itself: empty levels, aliasing and separation resolved.

A level that nobody has on the rows of the fit leaves the model. Where a combination of columns
rules levels out for some rows, coefficients that this sends to infinity are separated, and the
others have their limit (:mod:`proteomr.stats.multinomial`). The likelihood ratio is that of the
limits, and finite under separation.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import numpy as np

from proteomr._typing import F64, I64
from proteomr.models.base import Block, Fit, Problem, Refusal
from proteomr.models.cells import describe_aliased
from proteomr.models.columns import ModelColumns, lay_out_model
from proteomr.models.exact import INTERACTION
from proteomr.stats.distributions import neg_log10_p_chi2
from proteomr.stats.joint_wald import test_jointly
from proteomr.stats.linalg import change_units, orthonormalise
from proteomr.stats.multinomial import (
    MultinomialLimit,
    fit_multinomial_limit,
    score_multinomial,
)
from proteomr.status import Status

__all__ = [
    "Outcome",
    "describe_empty",
    "describe_ruled_out",
    "fit_exactly",
    "refer_to_chi2",
]

Joint = tuple[float, float, float]
RATIO, SCORE, WALD = "lr", "score", "wald"
_UNSETTLED = "Newton's method did not settle"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one model of one protein.

    Attributes
    ----------
    fits : by contrast and term.
    tests : of all coefficients of the protein by name, ``lr``, ``score`` and ``wald``, and of its
        products; None where there is none.
    """

    fits: dict[tuple[int, int], Fit | Refusal]
    tests: Mapping[str, Joint | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of one fit.

    Attributes
    ----------
    levels : ``(n,)``, among the K levels that somebody has.
    present : these, among those of the target.
    """

    levels: I64
    present: I64
    labels: tuple[str, ...]
    weights: F64 | None

    @property
    def note(self) -> str:
        """What is to be said of levels that nobody has."""
        absent = [label for i, label in enumerate(self.labels) if i not in self.present]
        return describe_empty(absent)


def describe_empty(labels: list[str]) -> str:
    """Say which levels nobody has, and are left out; empty for none.

    Examples
    --------
    >>> describe_empty(["Low"])
    'nobody has Low, which is left out'
    """
    if not labels:
        return ""
    verb = "which is" if len(labels) == 1 else "which are"
    return f"nobody has {', '.join(labels)}, {verb} left out"


def describe_ruled_out(people: int) -> str:
    """Say for how many people a fit that has run to a limit rules levels out; empty for none.

    Examples
    --------
    >>> describe_ruled_out(1)
    'limit of a fit that rules levels out for 1 person'
    """
    who = "1 person" if people == 1 else f"{people} people"
    return f"limit of a fit that rules levels out for {who}" if people else ""


def refer_to_chi2(statistic: F64, df: F64) -> tuple[F64, F64, F64]:
    """Return statistic, degrees of freedom and -log10 p; one below 0 by rounding is 0.

    Examples
    --------
    >>> [part.round(4).tolist() for part in refer_to_chi2(np.array([4.0]), np.array([2.0]))]
    [[4.0], [2.0], [0.8686]]
    """
    statistic = np.maximum(statistic, 0.0)
    return statistic, df, neg_log10_p_chi2(statistic, df)


def fit_exactly(
    problem: Problem, block: Block, j: int, m: int, *, tests: Collection[str] = (RATIO,)
) -> Outcome:
    """Fit one model to one protein.

    Parameters
    ----------
    tests : names of those wanted.
    """
    observed = block.observed[j]
    target = problem.targets[problem.models[m].target]
    codes = target.values[observed].astype(np.int64)
    present = np.unique(codes)
    weights = None if problem.weights is None else problem.weights[observed]
    rows = _Rows(np.searchsorted(present, codes), present, target.levels, weights)
    everything = [(c, t) for c in range(len(target.contrasts)) for t in range(problem.terms)]
    if present.size < 2:
        what = Refusal(Status.constant, f"{target.name} has one value on the rows of the fit")
        return Outcome(dict.fromkeys(everything, what))
    design = lay_out_model(
        problem, block, j, m, block.values[j, observed][:, None], label="the protein"
    )
    n, p = design.X.shape
    if n <= p:
        what = Refusal(Status.too_few, f"{n} people for {design.scale.size} coefficients")
        return Outcome(dict.fromkeys(everything, what))
    asked = np.flatnonzero(design.independent >= design.term)
    if asked.size == 0:
        return Outcome({(c, t): design.describe_dependence(t) for c, t in everything})
    return _Solved.of(design, rows, asked).report(everything, tests)


@dataclass(frozen=True, slots=True)
class _Solved:
    """A fitted model.

    Attributes
    ----------
    asked : positions of the protein's columns among those of the design, the last of them.
    Q : ``(n, p)``, an orthogonal basis of the columns.
    turn : ``(a, a)``, turns coefficients in it into theirs.
    full, null : the fits with and without them.
    """

    design: ModelColumns
    rows: _Rows
    asked: I64
    Q: F64
    turn: F64
    full: MultinomialLimit
    null: MultinomialLimit
    at: dict[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, design: ModelColumns, rows: _Rows, asked: I64) -> _Solved:
        first, K = int(asked[0]), rows.present.size
        Q = orthonormalise(design.X)
        turn = np.linalg.inv(Q[:, first:].T @ design.X[:, first:] / Q.shape[0])
        null = fit_multinomial_limit(Q[:, :first], rows.levels, K, weights=rows.weights)
        start = np.zeros((K - 1, Q.shape[1]))
        if null.apart == 0:
            start[:, :first] = null.fit.coefficients
        full = fit_multinomial_limit(Q, rows.levels, K, weights=rows.weights, start=start)
        at = {int(design.independent[a]) - design.term: i for i, a in enumerate(asked.tolist())}
        return cls(design, rows, asked, Q, turn, full, null, at)

    def report(self, everything: list[tuple[int, int]], tests: Collection[str]) -> Outcome:
        """Return the fits of all contrasts and terms, and the joint tests."""
        fits = {(c, t): self._fit_one(c + 1, t) for c, t in everything}
        terms = 1 + max(t for _, t in everything)
        makers: dict[str, Callable[[], Joint | None]] = {
            RATIO: self._test_ratio,
            SCORE: self._test_score,
            WALD: lambda: self._test_jointly(fits, range(terms), whole=True),
            INTERACTION: lambda: self._test_jointly(fits, range(1, terms)),
        }
        return Outcome(fits, {name: makers[name]() for name in tests})

    @property
    def _df(self) -> float:
        return float(self.asked.size * (self.rows.present.size - 1))

    def _test_ratio(self) -> Joint | None:
        if not (self.full.settled and self.null.settled):
            return None
        return _refer(2.0 * (self.full.fit.log_likelihood - self.null.fit.log_likelihood), self._df)

    def _test_score(self) -> Joint | None:
        if not self.null.settled:
            return None
        levels, K = self.rows.levels, self.rows.present.size
        statistic = score_multinomial(self.Q, levels, K, self.null, weights=self.rows.weights)
        return None if np.isnan(statistic) else _refer(statistic, self._df)

    def _weights_of(self, level: int, term: int) -> F64 | None:
        """Return what a coefficient is of those of the orthogonal basis ``(K - 1, p)``."""
        places = np.flatnonzero(self.rows.present == level)
        if places.size == 0 or term not in self.at:
            return None
        out = np.zeros((self.rows.present.size - 1, self.design.X.shape[1]))
        out[places[0] - 1, self.asked] = self.turn[self.at[term]]
        return out

    def _fit_one(self, level: int, term: int) -> Fit | Refusal:
        design, full = self.design, self.full
        lacking = [one for one in (0, level) if one not in self.rows.present]
        if lacking:
            label = self.rows.labels[lacking[0]]
            return Refusal(Status.too_few, f"nobody has {label} on the rows of the fit")
        weights = self._weights_of(level, term)
        if weights is None:
            return design.describe_dependence(term)
        said = [describe_aliased(design.aliased), self.rows.note]
        if not full.settled:
            return Refusal(Status.not_converged, _UNSETTLED)
        if full.complete or not full.is_finite(weights):
            kind = "complete" if full.complete else "quasi"
            return Refusal(Status.separated, "; ".join(filter(None, (*said, f"{kind} separation"))))
        said.append(describe_ruled_out(full.apart))
        flat = weights.ravel()
        variance = flat @ full.fit.covariance.reshape(flat.size, -1) @ flat
        numbers = np.array([float(np.sum(weights * full.fit.coefficients)), np.sqrt(variance)])
        scale = float(design.scale[design.term + term])
        estimate, se = change_units(numbers, per=scale).tolist()
        return Fit(estimate, se, np.inf, message="; ".join(filter(None, said)))

    def _test_jointly(
        self, fits: dict[tuple[int, int], Fit | Refusal], terms: range, *, whole: bool = False
    ) -> Joint | None:
        """Return the Wald test of some terms of the protein, of those that have an estimate.

        Parameters
        ----------
        whole : all that are in the model must have one.
        """
        able = [key for key, fit in fits.items() if key[1] in terms and isinstance(fit, Fit)]
        found = [self._weights_of(c + 1, t) for c, t in able]
        rows = [weights.ravel() for weights in found if weights is not None]
        if not rows or (whole and len(rows) < self._df):
            return None
        W = np.stack(rows)
        fit = self.full.fit
        covariance = W @ fit.covariance.reshape(W.shape[1], -1) @ W.T
        estimate, se = W @ fit.coefficients.ravel(), np.sqrt(np.diagonal(covariance))
        tested = test_jointly(estimate[None], se[None], covariance[None], np.array([np.inf]))
        statistic, df, p = (float(part[0]) for part in tested)
        return None if np.isnan(statistic) else (statistic, df, p)


def _refer(statistic: float, df: float) -> Joint:
    found = refer_to_chi2(np.array([statistic]), np.array([df]))
    return float(found[0][0]), df, float(found[2][0])
