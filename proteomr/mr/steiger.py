"""Which way the effect runs: Steiger's test of the variance that variants explain in two traits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.errors import InputError
from proteomr.mr.explained import Side, TraitSize, explain, find_excess, sum_r2
from proteomr.stats.distributions import neg_log10_p_normal, p_from_neg_log10
from proteomr.tables import Harmonised, load_schema
from proteomr.tables import columns as c

__all__ = [
    "FILTER_REASONS",
    "SteigerTest",
    "filter_variants",
    "judge_direction",
    "keep_forward_variants",
    "measure_direction",
]

FILTER_REASONS: Final = ("explains more of the outcome", "explains all of a trait: n or unit wrong")
"""Why the filter leaves a variant out."""

_RESOLVED: Final = 1e-10  # of terms that cancel in a volume: below, six digits are not left


@dataclass(frozen=True, slots=True)
class SteigerTest:
    r"""Whether the variants explain more of the exposure than of the outcome.

    Parameters
    ----------
    r2_exposure, r2_outcome : variance explained, summed over the variants.
    exposure_first : whether the exposure's share is the larger one, as it must be where the
        exposure causes the outcome and acts for the variants.
    neg_log10_p, p_value : two-sided, of equal shares.
    sensitivity_ratio : volume of the measurement errors under which the direction stands over that
        under which it turns; NaN where the variants explain nothing, or so nearly all that the
        volumes vanish.

    Examples
    --------
    >>> r_x, r_y = np.array([0.1, 0.1]), np.array([0.01, 0.02])
    >>> judge_direction(r_x, r_y, n_x=1e4, n_y=1e4).exposure_first
    True
    """

    r2_exposure: float
    r2_outcome: float
    exposure_first: bool
    neg_log10_p: float
    p_value: float
    sensitivity_ratio: float


def judge_direction(
    r_x: F64,
    r_y: F64,
    *,
    n_x: float,
    n_y: float,
    reliability_x: float = 1.0,
    reliability_y: float = 1.0,
) -> SteigerTest:
    r"""Test the direction of an effect (Hemani et al. 2017, doi:10.1371/journal.pgen.1007081).

    .. math:: z = \frac{\operatorname{artanh} \rho_x - \operatorname{artanh} \rho_y}
                       {\sqrt{1 / (n_x - 3) + 1 / (n_y - 3)}},
              \qquad \rho^2 = \sum_j r_j^2 / \text{reliability}^2

    as ``mr_steiger`` of the R package TwoSampleMR. The variants are taken as independent.

    Parameters
    ----------
    r_x, r_y : (m,) correlations of the variants with exposure and outcome; signs do not matter.
    n_x, n_y : sample sizes, their means where they differ by variant.
    reliability_x, reliability_y : correlation of each trait as measured with the trait itself.

    Raises
    ------
    InputError
        No variant is left, a sample size is below four, a reliability is outside (0, 1], or a
        share of variance is 1 or more, see `proteomr.mr.explained.find_excess`.

    Examples
    --------
    >>> direction = judge_direction(np.array([0.2]), np.array([0.05]), n_x=2000, n_y=2000)
    >>> round(direction.neg_log10_p, 2)
    5.85
    """
    if not len(r_x) or min(n_x, n_y) < 4 or not math.isfinite(n_x + n_y):
        raise InputError("Steiger's test needs a variant and sample sizes of four or more")
    if not (0 < reliability_x <= 1 and 0 < reliability_y <= 1):
        raise InputError("reliabilities are correlations above 0 and up to 1")
    plain_x, plain_y = (math.sqrt(sum_r2(r)) for r in (r_x, r_y))
    x, y = plain_x / reliability_x, plain_y / reliability_y
    sides: tuple[tuple[float, Side], ...] = ((x, "exposure"), (y, "outcome"))
    excess = [text for root, side in sides if (text := find_excess(root * root, side))]
    if excess:
        raise InputError("; ".join(excess))
    minus_log = _compare(np.array([x]), np.array([y]), n_x=n_x, n_y=n_y)
    return SteigerTest(
        r2_exposure=x * x,
        r2_outcome=y * y,
        exposure_first=x > y,
        neg_log10_p=float(minus_log[0]),
        p_value=float(p_from_neg_log10(minus_log)[0]),
        sensitivity_ratio=_weigh_errors(plain_x, plain_y),
    )


def filter_variants(r_x: F64, r_y: F64, *, n_x: F64, n_y: F64) -> pl.DataFrame:
    """Return for each variant by itself whether it speaks for exposure to outcome.

    Parameters
    ----------
    r_x, r_y, n_x, n_y : (m,).

    Returns
    -------
    frame : ``r2_exposure, r2_outcome, exposure_first, neg_log10_p, p_value``, m rows; empty where
        a share of variance is 1 or more.

    Examples
    --------
    >>> n = np.array([1e4])
    >>> filter_variants(np.array([0.1]), np.array([0.2]), n_x=n, n_y=n)["exposure_first"].to_list()
    [False]
    """
    possible = (np.abs(r_x) < 1) & (np.abs(r_y) < 1)
    x, y = (np.where(possible, np.abs(r), 0.0) for r in (r_x, r_y))
    minus_log = _compare(x, y, n_x=n_x, n_y=n_y)
    judged = pl.DataFrame(
        {
            "r2_exposure": x * x,
            "r2_outcome": y * y,
            "exposure_first": x > y,
            c.NEG_LOG10_P: minus_log,
            c.P_VALUE: p_from_neg_log10(minus_log),
        }
    )
    return judged.with_columns(pl.when(pl.Series(possible)).then(pl.all()))


def keep_forward_variants(
    pair: Harmonised,
    *,
    exposure_size: TraitSize | None = None,
    outcome_size: TraitSize | None = None,
) -> Harmonised:
    """Return a pair without the variants that explain more of the outcome than of the exposure.

    Steiger filtering (Hemani et al. 2017, doi:10.1371/journal.pgen.1007081), each trait on the
    scale on which the direction is tested, see `proteomr.mr.explained.explain`. A variant that
    would explain all of a trait by itself is left out as well.

    Parameters
    ----------
    pair : one exposure and one outcome.
    exposure_size, outcome_size : of binary traits.

    Raises
    ------
    InputError
        A sample size, or a frequency that a binary trait needs, is not known of every variant.

    Examples
    --------
    >>> pair = Harmonised(
    ...     exposures=("x",),
    ...     outcome="y",
    ...     variants=pl.DataFrame(
    ...         {"variant_id": ["rs1", "rs2"], "n_exposure": [1e4] * 2, "n_outcome": [1e4] * 2}
    ...     ),
    ...     beta_x=np.array([[0.1], [0.1]]),
    ...     se_x=np.array([[0.01], [0.01]]),
    ...     beta_y=np.array([0.02, 0.3]),
    ...     se_y=np.array([0.01, 0.01]),
    ... )
    >>> keep_forward_variants(pair).dropped.rows()
    [('rs2', 'explains more of the outcome')]
    """
    if not pair.m:
        return pair
    x, y = explain(pair, "exposure", exposure_size), explain(pair, "outcome", outcome_size)
    forward = filter_variants(x.r, y.r, n_x=x.n, n_y=y.n)["exposure_first"]
    backward, impossible = FILTER_REASONS
    gone = pair.variants.select(
        pl.col(c.VARIANT_ID).cast(pl.String),
        pl.when(forward.is_null())
        .then(pl.lit(impossible))
        .otherwise(pl.lit(backward))
        .alias(c.REASON),
    ).filter(~forward.fill_null(value=False))
    remaining = pair.select(np.flatnonzero(forward.fill_null(value=False)).astype(np.int64))
    return replace(remaining, dropped=pl.concat([pair.dropped.select(gone.columns), gone]))


def measure_direction(
    pairs: Sequence[Harmonised],
    *,
    exposure_size: TraitSize | None = None,
    outcome_size: TraitSize | None = None,
) -> pl.DataFrame:
    """Return Steiger's test of each pair whose sample sizes are known.

    Parameters
    ----------
    pairs : harmonised analyses of one exposure each.
    exposure_size, outcome_size : of binary traits; None for what the variants tell.

    Returns
    -------
    table : the schema ``steiger``; a pair without a test has a row with the reason.

    Examples
    --------
    >>> measure_direction([]).height
    0
    """
    declared = load_schema("steiger")
    rows = [_direct(pair, exposure_size, outcome_size) for pair in pairs]
    return declared.validate(
        pl.DataFrame(rows, infer_schema_length=None) if rows else declared.empty()
    )


def _direct(
    pair: Harmonised, exposure_size: TraitSize | None, outcome_size: TraitSize | None
) -> dict[str, object]:
    row: dict[str, object] = {
        c.EXPOSURE: pair.exposures[0],
        c.OUTCOME: pair.outcome,
        c.DIRECTION: pair.direction,
        c.NSNP: pair.m,
        "r2_exposure": None,
        "r2_outcome": None,
        "exposure_first": None,
        c.NEG_LOG10_P: None,
        c.P_VALUE: None,
        "sensitivity_ratio": None,
        c.MESSAGE: None,
    }
    try:
        x, y = explain(pair, "exposure", exposure_size), explain(pair, "outcome", outcome_size)
        row |= {"r2_exposure": x.r2, "r2_outcome": y.r2}
        n_x, n_y = (float(side.n.mean()) if side.n.size else math.nan for side in (x, y))
        direction = judge_direction(x.r, y.r, n_x=n_x, n_y=n_y)
    except InputError as fault:
        return {**row, c.MESSAGE: str(fault)}
    ratio = direction.sensitivity_ratio
    notes = [note for note in (x.note, y.note, *pair.caveats) if note]
    return {
        **row,
        "exposure_first": direction.exposure_first,
        c.NEG_LOG10_P: direction.neg_log10_p,
        c.P_VALUE: direction.p_value,
        "sensitivity_ratio": ratio if math.isfinite(ratio) else None,
        c.MESSAGE: "; ".join(notes) or None,
    }


def _compare(x: F64, y: F64, *, n_x: F64 | float, n_y: F64 | float) -> F64:
    spread = np.sqrt(1 / (np.asarray(n_x) - 3) + 1 / (np.asarray(n_y) - 3))
    with np.errstate(invalid="ignore", divide="ignore"):
        z = (np.arctanh(np.minimum(x, 1)) - np.arctanh(np.minimum(y, 1))) / spread
    return neg_log10_p_normal(z)


def _weigh_errors(x: float, y: float) -> float:
    """Return the ratio of the volumes over all reliabilities above the observed correlations."""
    a, b = max(x, y), min(x, y)
    if not 0 < b < a < 1:
        return math.nan
    stands = a * math.log(a) - b * math.log(b) + a * b * (math.log(b) - math.log(a))
    turns = -2 * b - b * math.log(a) - a * b * math.log(a) + 2 * a * b
    if not turns > _RESOLVED * b:
        return math.nan
    return abs(stands - turns) / turns
