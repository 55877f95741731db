"""Variance of a trait that variants explain: one rule for direction, filter and reach."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.errors import InputError
from proteomr.stats.variance_explained import correlation_from_beta, correlation_from_log_odds
from proteomr.tables import Harmonised

__all__ = [
    "EXCESS",
    "Explained",
    "Side",
    "TraitSize",
    "explain",
    "find_excess",
    "is_binary",
    "sum_r2",
]

Side: TypeAlias = Literal["exposure", "outcome"]

EXCESS: Final = "more than can be"
"""Words of every message on a share of variance that is none."""

_FEWEST: Final = 4  # people: Steiger's test divides by n - 3
_PREVALENCE: Final = 0.1  # TwoSampleMR's, where none is told


@dataclass(frozen=True, slots=True)
class TraitSize:
    """What is known of a trait's study beside its summary statistics.

    Parameters
    ----------
    n_case, n_control : people of a binary trait, whose effects are log odds ratios.
    prevalence : of a binary trait in the population.
    """

    n_case: float | None = None
    n_control: float | None = None
    prevalence: float = _PREVALENCE

    @property
    def binary(self) -> bool:
        """Whether cases and controls are told."""
        return self.n_case is not None and self.n_control is not None

    @property
    def case_share(self) -> float | None:
        """Share of cases among the people; None where it is not told."""
        if self.n_case is None or self.n_control is None:
            return None
        return self.n_case / (self.n_case + self.n_control)


@dataclass(frozen=True, slots=True, eq=False)
class Explained:
    """Correlations of variants with a trait, on the scale of its liability where it is binary.

    Parameters
    ----------
    side : which of the two traits of a pair it is.
    r : (m,) signed correlations.
    n : (m,) people.
    case_share : share of cases; None for a quantitative trait.
    note : what was taken for granted; None for nothing.
    """

    side: Side
    r: F64
    n: F64
    case_share: float | None = None
    note: str | None = None

    @property
    def r2(self) -> float | None:
        """Share of the variance that all variants explain; None where it is no share, see
        `excess`, or there is no variant.
        """
        total = sum_r2(self.r)
        return total if self.r.size and total < 1 else None

    @property
    def excess(self) -> str | None:
        """Why the variants' shares cannot be right; None where they can."""
        return find_excess(sum_r2(self.r), self.side)


def sum_r2(r: F64) -> float:
    """Return the sum of the shares of variance, which holds for independent variants.

    Examples
    --------
    >>> round(sum_r2(np.array([0.1, -0.2])), 12)
    0.05
    """
    return float(np.sum(np.square(r)))


def find_excess(r2: float, side: Side) -> str | None:
    """Return why a share of variance cannot be one, or None where it can.

    Every number that is made of such a share (Steiger's test, power) is left out with these words.

    Examples
    --------
    >>> find_excess(0.3, "exposure")
    >>> find_excess(2.1, "exposure")[:55]
    'the variants explain 210 % of the variance of the expos'
    """
    if r2 < 1:
        return None
    shown = f"{100 * r2:.3g} %" if math.isfinite(r2) else "an unknown share"
    return (
        f"the variants explain {shown} of the variance of the {side}, {EXCESS}: they are not "
        "independent, or its n, unit or standard errors are wrong"
    )


def is_binary(pair: Harmonised, side: Side, size: TraitSize | None = None) -> bool:
    """Tell whether a trait is known to be binary, so that its effects are log odds ratios.

    Its cases are told by the size, or stand in the column ``n_case_exposure`` or
    ``n_case_outcome`` of every variant.
    """
    if size is not None and size.binary:
        return True
    return pair.m > 0 and _is_known(pair, f"n_case_{side}")


def explain(pair: Harmonised, side: Side, size: TraitSize | None = None) -> Explained:
    """Return how much of a trait each variant of a pair explains.

    A quantitative trait by beta, standard error and n; a binary one (see `is_binary`) on the scale
    of the liability by log odds ratio, frequency, cases and controls, at the prevalence of the
    size, which is 0.1 where none is told.

    Parameters
    ----------
    pair : one exposure and one outcome, harmonised.
    side : which of the two.
    size : cases, controls and prevalence; None where they are not told.

    Raises
    ------
    InputError
        A sample size, or a frequency that a binary trait needs, is not known of every variant, or
        is none.

    Examples
    --------
    >>> pair = Harmonised(
    ...     exposures=("x",), outcome="y",
    ...     variants=pl.DataFrame({"variant_id": ["rs1"], "n_outcome": [1e4]}),
    ...     beta_x=np.array([[0.1]]), se_x=np.array([[0.01]]),
    ...     beta_y=np.array([0.03]), se_y=np.array([0.01]),
    ... )
    >>> round(explain(pair, "outcome").r2, 6)
    0.000899
    """
    size = size or TraitSize()
    beta, se = (pair.x, pair.sx) if side == "exposure" else (pair.beta_y, pair.se_y)
    if not is_binary(pair, side, size):
        n = _read_sizes(pair, f"n_{side}")
        _check_sizes(n, f"n_{side}")
        return Explained(side, correlation_from_beta(beta, se, n), n)
    cases, controls = _count_cases(pair, side, size)
    n = cases + controls
    _check_sizes(n, f"n_{side}")
    if not _is_known(pair, f"eaf_{side}"):
        raise InputError(f"frequencies are needed: eaf_{side} is not known of every variant")
    r = correlation_from_log_odds(
        beta,
        pair.variants[f"eaf_{side}"].cast(pl.Float64).to_numpy(),
        n_case=cases,
        n_control=controls,
        prevalence=size.prevalence,
    )
    note = f"{side} on the scale of liability, at a prevalence of {size.prevalence:g}"
    share = float(cases.sum() / n.sum()) if n.size else size.case_share
    return Explained(side, r, n, share, note)


def _count_cases(pair: Harmonised, side: Side, size: TraitSize) -> tuple[F64, F64]:
    """Return (m,) cases and controls."""
    if size.n_case is not None and size.n_control is not None:
        return np.full(pair.m, float(size.n_case)), np.full(pair.m, float(size.n_control))
    cases = _read_sizes(pair, f"n_case_{side}")
    if _is_known(pair, f"n_control_{side}"):
        controls = _read_sizes(pair, f"n_control_{side}")
    else:
        controls = _read_sizes(pair, f"n_{side}") - cases
    if not (np.all(cases > 0) and np.all(controls > 0)):
        raise InputError(f"n_case_{side}: cases above zero and fewer than all people are needed")
    return cases, controls


def _is_known(pair: Harmonised, name: str) -> bool:
    return name in pair.variants.columns and not pair.variants[name].null_count()


def _read_sizes(pair: Harmonised, name: str) -> F64:
    if not _is_known(pair, name):
        raise InputError(f"sample sizes are needed: {name} is not known of every variant")
    sizes: F64 = pair.variants[name].cast(pl.Float64).to_numpy()
    return sizes


def _check_sizes(n: F64, name: str) -> None:
    few = int(np.count_nonzero(~(np.isfinite(n) & (n >= _FEWEST))))
    if few:
        raise InputError(f"{name}: sample sizes of {_FEWEST} or more are needed; {few} are not")
