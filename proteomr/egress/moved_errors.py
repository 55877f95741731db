"""Standard errors as the people that leave would give them.

The error of an unadjusted model is a formula of counts: with a response of variance 1 and an
exposure that c of n people have, its square is (n / (c (n - c)) - estimate^2 / n) or nearly so,
and four digits of it tell c. Rounding to fewer digits does not mend this: of thousands of proteins
with the same people, whose estimates differ, each one narrows c down anew. So an error is computed
again for the counts that leave, as its degrees of freedom are: of all people that these counts
may stand for, the same error leaves.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

import numpy as np
import polars as pl
from scipy import special

from proteomr._typing import F64, Bool
from proteomr.egress.recomputing import numbers
from proteomr.families import SURVIVAL_NAMES
from proteomr.stats.transforms import BLOM
from proteomr.tables import columns as c

__all__ = ["LENDERS", "OF_PEOPLE", "find_few", "leave_df", "move_errors", "round_digits"]

LENDERS: Final = ("associations", "replication_fits")
"""Tables whose rows say of how many people and cases they are."""

OF_PEOPLE: Final = (
    *("additive_interaction", "adjusted", "against", "coefficients", "compared", "concordance"),
    *("covariate_changes", "ctra", "ctra_leave_out", "gap_associations", "influence", "leave_out"),
    *("mediation", "paths", "periods", "rmst"),
)
"""Further tables whose errors are over people, and do not say what they are a formula of."""

_KEYS: Final = (c.EXPOSURE, c.OUTCOME, c.ADJUSTMENT, c.STRATUM, "split", "half")
# Additive hazards: their errors grow with the events, by hazards that no table has.
_NO_FORMULA: Final = ("aalen",)
# What covariates leave of a variance of 1, divided by what they leave of the exposure's, lies
# between these; beyond, the response has another unit.
_UNIT: Final = (0.1, 2.0)


def move_errors(exact: pl.DataFrame, counts: Mapping[str, pl.Series], *, digits: int) -> F64:
    """Return the errors of associations as the counts that leave would give them.

    With information I (c (n - c) / n of an exposure or outcome that c people have, c of c events,
    n - 1 of numbers) and sum of squares T of the transformed protein, a linear model has
    ``se^2 df + estimate^2 = T / I``, up to factors that covariates make and counts do not tell
    (moderated: ``(T + df_prior s2_prior) / I``); likelihoods ``se^2 = n / (I T)`` about no effect.
    Both are solved for the error with I', T' and df' of the counts that leave. Where no formula of
    the row's counts is known (one level of several, products with a covariate, and main effects
    beside these) the error is rounded.

    Parameters
    ----------
    exact : the table.
    counts : its columns of people and cases as they leave; where one stays, so does the error.
    digits : significant digits of errors without a formula.
    """
    before = numbers(exact, c.SE)
    n, cases = (numbers(exact, name) for name in (c.N, c.N_CASE))
    n_left, cases_left = (_numbers_left(counts, name, n.size) for name in (c.N, c.N_CASE))
    timed = exact[c.FAMILY].is_in(SURVIVAL_NAMES).to_numpy()
    of_response = (exact["direction"] == "protein~exposure").to_numpy()
    df, estimate = numbers(exact, c.DF), numbers(exact, c.ESTIMATE)
    was, left = (_inform(a, b, timed) for a, b in ((n, cases), (n_left, cases_left)))
    with np.errstate(divide="ignore", invalid="ignore"):
        moderated = n - df < 1.0  # more degrees of freedom than people: those of a prior
        whole = before**2 * df + estimate**2
        held = np.where(np.isnan(df), n / (before**2 * was), whole * was)
        scores = _scale_squares(held, n) | moderated
        squares, squares_left = _of_squares(scores, n), _of_squares(scores, n_left)
        # what a prior adds to the squares does not grow with the people
        adds = np.isfinite(cases) | moderated
        grown = np.where(adds, held + squares_left - squares, held * squares_left / squares)
        linear = np.where(of_response, grown / left, whole) - estimate**2
        moved = np.sqrt(linear / leave_df(n, n_left, df))
        likely = np.sqrt(n_left / (left * held * squares_left / squares))
    moved = np.where(np.isnan(df), likely, moved)
    moved = np.where(_have_formula(exact, cases), moved, round_digits(before, digits))
    stays = np.isnan(n_left) | (np.isfinite(cases) & np.isnan(cases_left))
    return np.where(stays, np.nan, moved)


def find_few(exact: pl.DataFrame, *, k: int) -> Bool:
    """Tell the rows without a formula whose error is that of fewer than k people.

    The error of one level of several, or of a product, is that of the people whom it compares, and
    no column says how many these are. The table's other rows tell whether proteins have variance 1.

    Parameters
    ----------
    exact : the table of associations.
    k : fewest people.
    """
    n, cases = (numbers(exact, name) for name in (c.N, c.N_CASE))
    with np.errstate(invalid="ignore"):
        whole = numbers(exact, c.SE) ** 2 * numbers(exact, c.DF) + numbers(exact, c.ESTIMATE) ** 2
    known = _have_formula(exact, cases)
    of_levels = known & np.isfinite(cases) & np.isfinite(whole)
    shares = whole * _inform(n, cases, np.zeros(n.size, dtype=np.bool_)) / (n - 1.0)
    if of_levels.any() and not _UNIT[0] < np.median(shares[of_levels]) < _UNIT[1]:
        return np.zeros(n.size, dtype=np.bool_)
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Bool = ~known & (exact["direction"] == "protein~exposure").to_numpy()
        found &= (n - 1.0) / whole < k
    return found


def leave_df(n: F64, n_left: F64, df: F64) -> F64:
    """Return degrees of freedom for the people that leave: the coefficients are the same.

    Those of a prior beside have two digits: where they are bounded by the sum over all proteins,
    they are one number for all, and the difference from it would tell each protein's people.
    """
    more = df - n
    return n_left + np.where(more > -1.0, round_digits(more, 2), more)


def round_digits(values: F64, digits: int) -> F64:
    """Return numbers with so many significant digits."""
    rounded = pl.Series(values, dtype=pl.Float64).round_sig_figs(digits)
    return rounded.to_numpy().copy()


def _numbers_left(counts: Mapping[str, pl.Series], name: str, height: int) -> F64:
    if name not in counts:
        return np.full(height, np.nan)
    return counts[name].cast(pl.Float64).fill_null(np.nan).to_numpy()


def _inform(n: F64, cases: F64, timed: Bool) -> F64:
    """Return how many people's worth of information a row has."""
    with np.errstate(divide="ignore", invalid="ignore"):
        levels = np.where(timed, cases, cases * (n - cases) / n)
    return np.where(np.isnan(cases), n - 1.0, levels)


def _have_formula(exact: pl.DataFrame, cases: F64) -> Bool:
    """Tell the rows whose model has one effect, of numbers or of two levels."""
    named = (c.EXPOSURE, c.OUTCOME, c.PROTEIN)
    main = pl.any_horizontal(pl.col(c.TERM) == pl.col(n) for n in named if n in exact.columns)
    keys = [name for name in _KEYS if name in exact.columns]
    alone = exact.select(main.fill_null(value=False).all().over(keys)).to_series()
    numeric = exact[c.CONTRAST].is_null().to_numpy()
    formula = ~exact[c.FAMILY].is_in(_NO_FORMULA).to_numpy()
    return np.asarray(alone.to_numpy() & formula & (numeric | np.isfinite(cases)))


def _scale_squares(found: F64, n: F64) -> Bool:
    """Tell whether the sum of squares of a protein is nearer to that of normal scores than n - 1.

    Ties and covariates take a little of it; what is told apart is how it grows with n.
    """
    with np.errstate(invalid="ignore"):
        return np.asarray(found < (_sum_scores(n) + n - 1.0) / 2.0)


def _of_squares(scores: Bool, n: F64) -> F64:
    return np.where(scores, _sum_scores(n), n - 1.0)


def _sum_scores(n: F64) -> F64:
    sizes, places = np.unique(n, return_inverse=True)
    return np.array([_sum_squares(int(one)) if one > 1 else np.nan for one in sizes])[places]


@cache
def _sum_squares(n: int) -> float:
    """Return the sum of squares of the normal scores of n people without ties."""
    ranks = np.arange(1.0, n // 2 + 1.0)  # scores are symmetric, and 0 in the middle
    return float(2.0 * np.square(special.ndtri((ranks - BLOM) / (n + 1.0 - 2.0 * BLOM))).sum())
