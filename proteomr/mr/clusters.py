"""Clusters of variants whose ratios are of one slope each, as tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.mr.methods.base import infer
from proteomr.stats.distributions import p_from_neg_log10
from proteomr.stats.slope_clusters import FEWEST, MOST_CLUSTERS, SlopeClusters, cluster_slopes
from proteomr.status import Status
from proteomr.tables import Harmonised, load_schema
from proteomr.tables import columns as c

__all__ = ["CLUSTER_TABLES", "tabulate_clusters"]

CLUSTER_TABLES: Final = ("cluster_estimates", "variant_clusters")
"""Names of the tables of clusters."""

_NONE, _OUTLIER = "none", "outlier"
_ASSIGNED: Final = 0.8  # the probability that the paper asks of a variant that is shown as of one
_WIDEST: Final = 1e100  # of a ratio over the median error: squares of more are no numbers


def tabulate_clusters(pairs: Sequence[Harmonised]) -> dict[str, pl.DataFrame]:
    """Return which variants of each pair agree on one slope, and these slopes.

    Variants of one mechanism have one ratio of effects; where an exposure acts on the outcome by
    several, or variants have other ways to it, their ratios are of several clusters. See
    `proteomr.stats.slope_clusters.cluster_slopes` for the model, which is that of MR-Clust (Foley
    and others 2021, doi:10.1093/bioinformatics/btaa778). The errors of ratios are to first order;
    variants without an effect on the exposure have no ratio and are left out.

    Parameters
    ----------
    pairs : harmonised analyses of one exposure each.

    Returns
    -------
    tables : the schemas ``cluster_estimates`` and ``variant_clusters``; a pair without clusters to
        find has one row in the first, with the reason.

    Examples
    --------
    >>> pair = Harmonised(
    ...     exposures=("x",), outcome="y", variants=pl.DataFrame({"variant_id": list("abcdef")}),
    ...     beta_x=np.full((6, 1), 0.1), se_x=np.full((6, 1), 0.01),
    ...     beta_y=np.array([0.05, 0.05, 0.051, 0.049, 0.0, 0.001]), se_y=np.full(6, 0.001),
    ... )
    >>> tables = tabulate_clusters([pair])
    >>> tables["variant_clusters"]["cluster"].to_list()
    ['1', '1', '1', '1', 'none', 'none']
    """
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in CLUSTER_TABLES}
    for pair in pairs:
        clusters, variants = _describe_pair(pair)
        keys = {c.EXPOSURE: pair.exposures[0], c.OUTCOME: pair.outcome, c.DIRECTION: pair.direction}
        rows["cluster_estimates"] += [keys | row for row in clusters]
        rows["variant_clusters"] += [keys | row for row in variants]
    return {name: _tabulate(name, listed) for name, listed in rows.items()}


def _tabulate(name: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    declared = load_schema(name)
    frame = pl.DataFrame(rows, schema=declared.empty().schema)
    return declared.validate(frame.with_columns(pl.selectors.float().fill_nan(None)))


def _describe_pair(pair: Harmonised) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the rows of both tables."""
    usable = np.flatnonzero(pair.x != 0)
    x, y, sy = pair.x[usable], pair.beta_y[usable], pair.se_y[usable]
    with np.errstate(over="ignore", divide="ignore", under="ignore"):
        ratios, errors = y / x, sy / np.abs(x)
    lacking = pair.m - usable.size
    gone = f"{lacking} variants have no effect on the exposure, so no ratio" if lacking else None
    if usable.size < FEWEST:
        text = f"needs {FEWEST} variants, found {usable.size}"
        return [_refuse(Status.too_few, text, gone, n=usable.size)], []
    if not _is_measurable(ratios, errors):
        text = "ratios or their errors are no numbers, or too far apart for such"
        return [_refuse(Status.not_identified, text, gone, n=usable.size)], []
    found = cluster_slopes(ratios, errors)
    if not found.proven:
        text = "the favoured mixture has no certificate of a maximum: clusters merge or vanish"
        return [_refuse(Status.not_converged, text, gone, n=usable.size)], []
    names = pair.variants[c.VARIANT_ID].cast(pl.String).gather(usable).to_list()
    return _list_clusters(found, gone), _list_variants(found, names, ratios, errors)


def _is_measurable(ratios: F64, errors: F64) -> bool:
    finite = bool(np.isfinite(ratios).all() and np.isfinite(errors).all() and (errors > 0).all())
    if not finite:
        return False
    middle = float(np.median(errors))
    furthest = max(float(np.abs(ratios).max()), float(errors.max())) / middle
    return furthest < _WIDEST and middle / float(errors.min()) < _WIDEST


def _refuse(status: Status, text: str, gone: str | None, *, n: int) -> dict[str, Any]:
    message = "; ".join(filter(None, [text, gone]))
    return {c.NSNP: n, c.N: n, c.STATUS: status.name, c.MESSAGE: message}


def _list_clusters(found: SlopeClusters, gone: str | None) -> list[dict[str, Any]]:
    """Return the clusters, the largest first, and what stands beside them."""
    k = found.means.size
    minus_log, low, high = infer(found.means, found.errors)
    p = p_from_neg_log10(minus_log)
    likeliest = found.probabilities.argmax(axis=1)
    sure = found.probabilities.max(axis=1) >= _ASSIGNED
    many = f"no more than {MOST_CLUSTERS} clusters are looked for" if k == MOST_CLUSTERS else None
    message = "; ".join(filter(None, [None if k else "no cluster", many, gone])) or None
    rows = []
    for component in [*range(2, k + 2), 0, 1]:
        mine = likeliest == component
        row: dict[str, Any] = {
            "cluster": _name(component),
            "share": float(found.weights[component]),
            c.NSNP: int(mine.sum()),
            "assigned": int((mine & sure).sum()),
            c.N: int(mine.sum()),
            "bic": found.bic,
            "bic_gain": found.bic_none - found.bic,
            c.STATUS: Status.ok.name,
            c.MESSAGE: message,
        }
        if (place := component - 2) >= 0:
            row |= {
                c.ESTIMATE: float(found.means[place]),
                c.SE: float(found.errors[place]),
                c.STATISTIC: float(found.means[place] / found.errors[place]),
                c.DF: math.nan,
                c.NEG_LOG10_P: float(minus_log[place]),
                c.P_VALUE: float(p[place]),
                c.CONF_LOW: float(low[place]),
                c.CONF_HIGH: float(high[place]),
            }
        rows.append(row)
    return rows


def _list_variants(
    found: SlopeClusters, names: Sequence[str], ratios: F64, errors: F64
) -> list[dict[str, Any]]:
    rows = []
    for name, ratio, error, each in zip(names, ratios, errors, found.probabilities, strict=True):
        component = int(each.argmax())
        rows.append(
            {
                c.VARIANT_ID: name,
                c.ESTIMATE: float(ratio),
                c.SE: float(error),
                "cluster": _name(component),
                "probability": min(float(each[component]), 1.0),
                "probability_none": min(float(each[0]), 1.0),
                "probability_outlier": min(float(each[1]), 1.0),
                "assigned": bool(each[component] >= _ASSIGNED),
            }
        )
    return rows


def _name(component: int) -> str:
    return {0: _NONE, 1: _OUTLIER}.get(component, str(component - 1))
