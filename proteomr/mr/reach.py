"""What each pair can show: instrument strength, detectable effects, bias of shared people."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl

from proteomr.errors import InputError
from proteomr.mr.explained import Explained, Side, TraitSize, explain
from proteomr.mr.power import bound_overlap_bias, detectable_effect
from proteomr.mr.strength import WEAK_F
from proteomr.tables import Harmonised, load_schema
from proteomr.tables import columns as c

__all__ = ["tabulate_reach"]

_POWER = 0.8  # the power that studies are planned for
_OVERLAP_UNKNOWN: Final = "overlap of the studies not told (--overlap): its bias is not bounded"


def tabulate_reach(
    pairs: Sequence[Harmonised],
    *,
    overlap: float | None = None,
    exposure_size: TraitSize | None = None,
    outcome_size: TraitSize | None = None,
) -> pl.DataFrame:
    """Return what each pair can show; schema ``reach``.

    Parameters
    ----------
    pairs : harmonised analyses of one exposure each.
    overlap : share of the larger study that is in the other one, too; None where unknown.
    exposure_size, outcome_size : of binary traits; None for what the variants tell.

    Raises
    ------
    InputError
        The overlap is no share.

    Examples
    --------
    >>> tabulate_reach([]).columns[:3]
    ['exposure', 'outcome', 'direction']
    """
    if overlap is not None and not 0 <= overlap <= 1:
        raise InputError(f"overlap {overlap:g}: a share from 0 to 1 is needed")
    declared = load_schema("reach")
    rows = [_measure(pair, overlap, exposure_size, outcome_size) for pair in pairs]
    return declared.validate(
        pl.DataFrame(rows, infer_schema_length=None) if rows else declared.empty()
    )


def _measure(
    pair: Harmonised,
    overlap: float | None,
    exposure_size: TraitSize | None,
    outcome_size: TraitSize | None,
) -> dict[str, object]:
    f = (pair.x / pair.sx) ** 2
    row: dict[str, object] = {
        c.EXPOSURE: pair.exposures[0],
        c.OUTCOME: pair.outcome,
        c.DIRECTION: pair.direction,
        c.NSNP: pair.m,
        "mean_f": _finite(f.mean()) if pair.m else None,
        "min_f": _finite(f.min()) if pair.m else None,
        "n_weak": int(np.count_nonzero(f < WEAK_F)),
        "r2_exposure": None,
        "detectable_effect": None,
        "overlap": overlap,
        "relative_bias": None,
        "worst_relative_bias": None,
    }
    notes = [] if overlap is not None else [_OVERLAP_UNKNOWN]
    if pair.m:
        found, why = _measure_power(pair, overlap, exposure_size, outcome_size)
        row |= found
        notes = [*why, *notes]
    return {**row, c.MESSAGE: "; ".join([*notes, *pair.caveats]) or None}


def _measure_power(
    pair: Harmonised,
    overlap: float | None,
    exposure_size: TraitSize | None,
    outcome_size: TraitSize | None,
) -> tuple[dict[str, object], list[str]]:
    """Return what the sizes of the two studies tell, and why not where they do not."""
    x = _explain(pair, "exposure", exposure_size)
    if isinstance(x, str):
        return {}, [x]
    found: dict[str, object] = {"r2_exposure": x.r2}
    n, mean_f = float(x.n.mean()), float(np.mean((pair.x / pair.sx) ** 2))
    if overlap is not None and 0 < mean_f < math.inf and n > pair.m:
        bias = bound_overlap_bias(mean_f, n_variants=pair.m, n=n, overlap=overlap)
        found["relative_bias"] = bias.relative_bias
        found["worst_relative_bias"] = bias.worst_relative_bias
    y = _explain(pair, "outcome", outcome_size, shares=False)
    if isinstance(y, str):
        return found, [y]
    if x.r2:
        found["detectable_effect"] = detectable_effect(
            _POWER, n=float(y.n.mean()), r2=x.r2, case_share=y.case_share
        )
    return found, [note for note in (x.note,) if note]


def _explain(
    pair: Harmonised, side: Side, size: TraitSize | None, *, shares: bool = True
) -> Explained | str:
    """Return what the variants explain of a trait, or why that is not known or cannot be."""
    try:
        explained = explain(pair, side, size)
    except InputError as fault:
        return str(fault)
    excess = explained.excess if shares else None
    return explained if excess is None else excess


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
