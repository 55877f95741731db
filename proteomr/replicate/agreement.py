"""How far the fits of two halves agree: effects, signs, and what is found in both."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
import polars as pl

from proteomr._typing import Bool
from proteomr.stats.effect_agreement import allowed_correlation, correlate
from proteomr.tables import columns as c
from proteomr.tables import load_schema

__all__ = ["ALPHA", "MODEL", "measure_agreement", "summarise_splits"]

ALPHA = 0.05
"""Of the tests that count as hits, after Bonferroni's correction."""
MODEL = (c.EXPOSURE, c.OUTCOME, c.ADJUSTMENT, c.EFFECT, c.CONTRAST)
"""What identifies the fits of all proteins that one row of agreement is about."""
_MEASURES = (c.R_EFFECTS, c.R_CORRECTED, c.SIGN_AGREEMENT, c.HITS1, c.HITS2, c.HITS_BOTH)
_LEVELS = (0.025, 0.25, 0.5, 0.75, 0.975)


def measure_agreement(
    first: pl.DataFrame, second: pl.DataFrame, *, hits: tuple[pl.Series, pl.Series] | None = None
) -> Iterator[dict[str, object]]:
    """Yield a row for each model of two halves: what their estimates have in common.

    ``r_effects`` is Pearson's r over the proteins estimated in both. It is below 1 where the true
    effects are the same, as both halves err: ``r_allowed``, the square root of the product of their
    reliabilities ``1 - mean(se^2) / var(estimate)``, is what it then is, and ``r_corrected`` their
    ratio (Spearman 1904, doi:10.2307/1412159), which chance may bring above 1.

    Parameters
    ----------
    first, second : associations of the halves, the same fits in the same order, with their
        ``effect``.
    hits : which of them are hits in each; those below 0.05 after Bonferroni's correction by
        default.
    """
    if hits is None:
        hits = _find_hits(first), _find_hits(second)
    found = [of.to_numpy() for of in hits]
    groups = first.select(pl.struct(MODEL).rank("dense").alias("model"))["model"].to_numpy()
    for model in dict.fromkeys(groups.tolist()):
        rows = np.flatnonzero(groups == model)
        one, two = first[rows], second[rows]
        pair = found[0][rows], found[1][rows]
        yield {**{name: one[name][0] for name in MODEL}, **_compare(one, two, pair)}


def _find_hits(half: pl.DataFrame) -> pl.Series:
    return (half[c.P_BONFERRONI] < ALPHA).fill_null(value=False)


def _compare(one: pl.DataFrame, two: pl.DataFrame, hits: tuple[Bool, Bool]) -> dict[str, object]:
    a, b = (half[c.ESTIMATE].to_numpy().astype(np.float64) for half in (one, two))
    both = ~np.isnan(a) & ~np.isnan(b)
    a, b = a[both], b[both]
    r = correlate(a, b)
    errors = (half[c.SE].to_numpy()[both] for half in (one, two))
    allowed = allowed_correlation(*zip((a, b), errors, strict=True))
    return {
        c.PROTEINS: int(both.sum()),
        c.R_EFFECTS: _or_none(r),
        c.R_ALLOWED: _or_none(allowed),
        c.R_CORRECTED: _or_none(r / allowed),
        c.HITS1: int(hits[0].sum()),
        c.HITS2: int(hits[1].sum()),
        c.HITS_BOTH: int((hits[0] & hits[1]).sum()),
        c.SIGN_AGREEMENT: float(np.mean(np.sign(a) == np.sign(b))) if a.size else None,
    }


def _or_none(number: float) -> float | None:
    return None if math.isnan(number) else number


def summarise_splits(replication: pl.DataFrame) -> pl.DataFrame:
    """Return mean, deviation and quantiles over the splits of each measure of each model."""
    rows: list[Mapping[str, object]] = []
    for group in replication.partition_by(MODEL, maintain_order=True):
        for measure in _MEASURES:
            values = group[measure].drop_nulls().cast(pl.Float64).to_numpy()
            quantiles = np.quantile(values, _LEVELS).tolist() if values.size else [None] * 5
            rows.append(
                {
                    **{name: group[name][0] for name in MODEL},
                    "measure": measure,
                    "splits": values.size,
                    "mean": float(values.mean()) if values.size else None,
                    "sd": float(values.std(ddof=1)) if values.size > 1 else None,
                    **dict(zip(("q2_5", "q25", "median", "q75", "q97_5"), quantiles, strict=True)),
                }
            )
    return load_schema("replication_summary").validate(pl.DataFrame(rows, infer_schema_length=None))
