"""How much of the principal components lies between plates and between batches."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
from scipy.special import betainc, betaln

from proteomr._typing import I64, Bool
from proteomr.qc.placement import Placement, variance_shares
from proteomr.stats.distributions import p_from_neg_log10
from proteomr.stats.principal_components import PrincipalComponents
from proteomr.tables import load_schema

__all__ = ["ALL_PANELS", "assess_plates", "neg_log10_p_f"]

ALL_PANELS = "all"
_SMALLEST = 1e-290


def neg_log10_p_f(statistic: float, *, between: int, within: int) -> float:
    r"""Return -log10 of the upper tail of the F distribution, also where it underflows.

    The tail is :math:`I_x(b/2, a/2)`, x = b / (b + a F), with a and b the degrees of freedom; where
    it is below the smallest doubles, its series in x is summed in logarithms (DLMF 8.17.8).

    Parameters
    ----------
    statistic : F, 0 or more.
    between, within : degrees of freedom.

    Examples
    --------
    >>> round(neg_log10_p_f(4.0, between=2, within=30), 6)
    1.539935
    """
    a, b = between / 2, within / 2
    if np.isinf(statistic):
        return float("inf")
    x = within / (within + between * statistic)
    tail = float(betainc(b, a, x))
    if tail > _SMALLEST:
        return float(-np.log10(tail)) + 0.0
    term = total = 1.0
    step = 0
    while term > total * 1e-17:
        term *= x * (a + b + step) / (b + 1 + step)
        total += term
        step += 1
    log = b * np.log(x) + a * np.log1p(-x) - np.log(b) - betaln(b, a) + np.log(total)
    return float(-log / np.log(10))


def assess_plates(
    components: PrincipalComponents,
    *,
    panel: str | None,
    measured_here: Bool,
    placements: tuple[Placement | None, ...],
) -> pl.DataFrame:
    r"""Return for each component and factor the share of its variance between the groups.

    The share is eta squared, the R squared of the component's scores on dummies of the groups, and

    .. math:: F = \frac{R^2 / (g - 1)}{(1 - R^2) / (n - g)}

    for g groups and n samples.

    Parameters
    ----------
    components : of the panel, rows are the samples.
    panel : whose components they are; ``all`` for those of all panels.
    measured_here : (n,) the samples that have a value.
    placements : plates and batches, None where they are not known.

    Returns
    -------
    frame : schema ``qc_plates``.

    Examples
    --------
    >>> z = np.array([[-1.0], [-1.0], [1.0], [1.0]])
    >>> components = PrincipalComponents(z, np.ones((1, 1)), np.ones(1))
    >>> plates = Placement("plate", ("P1", "P2"), {None: np.array([0, 0, 1, 1])})
    >>> assess_plates(components, panel=None, measured_here=np.ones(4, dtype=np.bool_),
    ...               placements=(plates,))["r2"].to_list()
    [1.0]
    """
    rows = [
        row
        for placement in placements
        if placement is not None
        for row in _rows(components, panel, measured_here, placement)
    ]
    schema = load_schema("qc_plates")
    return schema.validate(pl.DataFrame(rows, schema=schema.empty().schema, orient="row"))


def _rows(
    components: PrincipalComponents, panel: str | None, here: Bool, placement: Placement
) -> Iterator[tuple[object, ...]]:
    codes = placement.shared() if panel == ALL_PANELS else placement.of(panel)
    if codes is None:
        return
    used: I64 = np.flatnonzero(here & (codes >= 0)).astype(np.int64)
    groups = np.unique(codes[used]).size
    if groups < 2 or used.size <= groups:
        return
    shares = variance_shares(np.ascontiguousarray(components.scores[used].T), codes[used])
    for place, share in enumerate(shares):
        if np.isnan(share):
            continue
        between, within = groups - 1, used.size - groups
        rest = (1 - share) / within
        statistic = share / between / rest if rest > 0 else float("inf")
        strength = neg_log10_p_f(statistic, between=between, within=within)
        finite = np.isfinite(statistic)
        yield (
            panel,
            placement.factor,
            place + 1,
            min(float(components.shares[place]), 1.0),
            groups,
            used.size,
            float(share),
            float(statistic) if finite else None,
            strength if finite else None,
            float(p_from_neg_log10(strength)) if finite else 0.0,
        )
