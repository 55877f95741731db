"""The frame of estimators that take the correlations of the variants."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Self

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64, I64
from proteomr.mr.methods.base import Estimate, FurtherRows, refuse
from proteomr.mr.methods.method import Method
from proteomr.stats.correlated_effects import find_singularity
from proteomr.status import Status
from proteomr.tables import Harmonised

__all__ = ["CorrelatedMethod", "correlate", "covary", "name_variant", "refuse_singular"]

_NO_LD = "needs the correlations of the variants: add --ld"


class CorrelatedMethod(Method):
    """An estimator for variants in linkage disequilibrium.

    It takes the variants whose correlations are known; what it leaves out the message says.

    Its ``q`` stands in the table ``heterogeneity``, its ``intercept`` in ``pleiotropy``.
    """

    __slots__ = ()

    needs_correlations: ClassVar[bool] = True
    pairs_at_once: ClassVar[int] = 64

    def estimate_kin(
        self, methods: Sequence[Self], data: Harmonised, /, *, random: Generator
    ) -> list[Estimate]:
        """Return the estimates from the variants whose correlations are known.

        Parameters
        ----------
        methods, data, random : see `Method.estimate_kin`.
        """
        if data.ld is None:
            return [refuse(Status.needs_correlations, _NO_LD, nsnp=data.m)] * len(methods)
        known = _find_known(data.ld)
        if not known.size and data.m:
            text = f"none of {data.m} variants is in the LD{_say_reasons(data)}"
            return [refuse(Status.needs_correlations, text, nsnp=0)] * len(methods)
        chosen = data if known.size == data.m else data.select(known)
        fitted = super().estimate_kin(methods, chosen, random=random)
        found = [_doubt(one, data.ld_doubt) for one in fitted]
        if known.size == data.m:
            return found
        return [_place_back(one, known, data) for one in found]


def _doubt(found: Estimate, text: str) -> Estimate:
    """Return an estimate with what speaks against the correlations behind it."""
    return replace(found, message="; ".join(filter(None, [found.message, text]))) if text else found


def covary(data: Harmonised) -> tuple[F64, F64]:
    """Return the covariances of the effects on the exposure and on the outcome, (m, m) each."""
    r = correlate(data)
    return np.outer(data.sx, data.sx) * r, np.outer(data.se_y, data.se_y) * r


def correlate(data: Harmonised) -> F64:
    """Return the correlations of the variants, symmetric and with ones on the diagonal."""
    r = np.eye(data.m) if data.ld is None else 0.5 * (data.ld + data.ld.T)
    np.fill_diagonal(r, 1.0)
    return r


def refuse_singular(data: Harmonised) -> Estimate | None:
    """Return a refusal where the correlations have no inverse that can be trusted; else None."""
    r = correlate(data)
    why = find_singularity(r)
    if why is None:
        return None
    first, second = np.unravel_index(np.argmax(np.abs(np.triu(r, 1))), r.shape)
    closest = (
        f"; closest are {name_variant(data, int(first))} and {name_variant(data, int(second))}, "
        f"r = {r[first, second]:.4g}"
    )
    text = f"{why}{closest}: prune variants (--prune-r2) or regularise (--ld-ridge 0.01)"
    return refuse(Status.not_identified, text, nsnp=data.m)


def name_variant(data: Harmonised, place: int) -> str:
    """Return the name of a variant."""
    return str(data.variants["variant_id"][place])


def _find_known(ld: F64) -> I64:
    """Return the variants whose correlations are known: NaN on the diagonal says that not."""
    return np.flatnonzero(np.isfinite(np.diagonal(ld))).astype(np.int64)


def _say_reasons(data: Harmonised) -> str:
    if "ld_reason" not in data.variants.columns:
        return ""
    counts = Counter(data.variants["ld_reason"].drop_nulls().to_list())
    return "".join(f", {n} {reason}" for reason, n in sorted(counts.items()))


def _place_back(found: Estimate, known: I64, data: Harmonised) -> Estimate:
    """Return an estimate of chosen variants in the positions of all, with what was left out."""
    used = range(known.size) if found.used is None else found.used
    text = f"{data.m - known.size} of {data.m} variants are not in the LD{_say_reasons(data)}"
    return replace(
        found,
        used=tuple(int(known[place]) for place in used),
        message="; ".join(filter(None, [found.message, text])),
        further=tuple(_replace_variants(rows, known) for rows in found.further),
    )


def _replace_variants(rows: FurtherRows, known: I64) -> FurtherRows:
    if rows.variants is None:
        return rows
    return replace(rows, variants=tuple(int(known[place]) for place in rows.variants))
