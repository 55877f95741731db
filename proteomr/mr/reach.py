"""What each pair can show: instrument strength, detectable effects, bias of shared people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from proteomr.errors import InputError
from proteomr.mr.power import bound_overlap_bias, detectable_effect
from proteomr.mr.steiger import filter_variants, sample_sizes
from proteomr.stats.variance_explained import correlation_from_beta
from proteomr.tables import Harmonised, load_schema
from proteomr.tables import columns as c

__all__ = ["keep_forward_variants", "tabulate_reach"]

_POWER = 0.8  # the power that studies are planned for


def tabulate_reach(
    pairs: Sequence[Harmonised], *, overlap: float | None = None, case_share: float | None = None
) -> pl.DataFrame:
    """Return what each pair can show; schema ``reach``.

    Parameters
    ----------
    pairs : harmonised analyses of one exposure each.
    overlap : share of the larger study that is in the other one, too; None where unknown.
    case_share : share of cases of a binary outcome.

    Raises
    ------
    InputError
        A share is out of range.

    Examples
    --------
    >>> tabulate_reach([]).columns[:3]
    ['exposure', 'outcome', 'nsnp']
    """
    declared = load_schema("reach")
    rows = [_measure(pair, overlap, case_share) for pair in pairs]
    return declared.validate(
        pl.DataFrame(rows, infer_schema_length=None) if rows else declared.empty()
    )


def keep_forward_variants(pair: Harmonised) -> Harmonised:
    """Return a pair without the variants that explain more of the outcome than of the exposure.

    Steiger filtering (Hemani et al. 2017, doi:10.1371/journal.pgen.1007081), with both traits
    taken as quantitative.

    Raises
    ------
    InputError
        A sample size is not known of every variant.

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
    n_x, n_y = (sample_sizes(pair, name) for name in ("n_exposure", "n_outcome"))
    judged = filter_variants(
        correlation_from_beta(pair.x, pair.sx, n_x),
        correlation_from_beta(pair.beta_y, pair.se_y, n_y),
        n_x=n_x,
        n_y=n_y,
    )
    forward = judged["exposure_first"].to_numpy()
    gone = pair.variants.filter(pl.Series(~forward)).select(
        pl.col(c.VARIANT_ID).cast(pl.String),
        pl.lit("explains more of the outcome").alias("reason"),
    )
    remaining = pair.select(np.flatnonzero(forward).astype(np.int64))
    return replace(remaining, dropped=pl.concat([pair.dropped.select(gone.columns), gone]))


def _measure(
    pair: Harmonised, overlap: float | None, case_share: float | None
) -> dict[str, object]:
    f = float(np.mean((pair.x / pair.sx) ** 2)) if pair.m else float("nan")
    row: dict[str, object] = {
        c.EXPOSURE: pair.exposures[0],
        c.OUTCOME: pair.outcome,
        c.NSNP: pair.m,
        "mean_f": f if np.isfinite(f) else None,
        "r2_exposure": None,
        "detectable_effect": None,
        "overlap": overlap,
        "relative_bias": None,
        "worst_relative_bias": None,
    }
    try:
        n_x, n_y = (sample_sizes(pair, name) for name in ("n_exposure", "n_outcome"))
    except InputError:
        return row
    if not pair.m:
        return row
    r2 = float(np.sum(correlation_from_beta(pair.x, pair.sx, n_x) ** 2))
    row["r2_exposure"] = r2
    if 0 < r2 < 1:
        row["detectable_effect"] = detectable_effect(
            _POWER, n=float(n_y.mean()), r2=r2, case_share=case_share
        )
    if overlap is not None:
        bias = bound_overlap_bias(f, n_variants=pair.m, n=float(n_x.mean()), overlap=overlap)
        row["relative_bias"] = bias.relative_bias
        row["worst_relative_bias"] = bias.worst_relative_bias
    return row
