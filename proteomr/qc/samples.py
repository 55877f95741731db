"""What each sample shows on each panel: missing values, median, IQR, principal components."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from proteomr._typing import F64, Bool
from proteomr.qc.assays import blocks_of
from proteomr.qc.placement import assay_column
from proteomr.qc.policy import Policy
from proteomr.qc.summaries import Summaries, summarise_rows
from proteomr.stats.principal_components import PrincipalComponents, find_components, standardise
from proteomr.tables import Measurements, Proteins
from proteomr.tables import columns as c

__all__ = ["PanelFindings", "assess_panels", "join_samples", "lies_apart", "read_standardised"]

_ROWS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True, eq=False)
class PanelFindings:
    """A panel: what its assays show of the samples.

    Parameters
    ----------
    panel : its name; None where the source names none.
    frame : one row per sample with a value on it, of schema ``qc_panels`` but for the plate.
    measured_here : (n,) which of the samples have one.
    components : of the panel's standardised assays; rows are all n samples.
    """

    panel: str | None
    frame: pl.DataFrame
    measured_here: Bool
    components: PrincipalComponents


def lies_apart(values: F64, *, deviations: float) -> Bool:
    """Tell which values lie more than so many standard deviations (n - 1) from their mean.

    The value itself counts for both, so that of n values none can lie further than
    (n - 1) / sqrt(n) standard deviations: of fewer than 11 none lies three apart. Values that
    differ by rounding alone lie nowhere apart.

    Parameters
    ----------
    values : (n,), NaN = missing, which never lies apart.
    deviations : how many.

    Examples
    --------
    >>> lies_apart(np.array([0.0, 1.0, 0.0, 1.0, 50.0]), deviations=1.5).tolist()
    [False, False, False, False, True]
    """
    there = values[~np.isnan(values)]
    if there.size < 2:
        return np.zeros(values.size, dtype=np.bool_)
    mean, spread = there.mean(), there.std(ddof=1)
    noise = 64 * np.finfo(np.float64).eps * np.abs(there).max()
    apart: Bool = np.abs(values - mean) > max(deviations * spread, noise)
    return apart


def read_standardised(proteins: Proteins) -> F64:
    """Return all proteins, each with mean 0 and standard deviation 1, missing values 0, (n, p).

    Examples
    --------
    >>> from proteomr.tables import ArrayProteins
    >>> read_standardised(ArrayProteins(("A",), np.array([[1.0], [3.0]]))).round(3).tolist()
    [[-0.707], [0.707]]
    """
    matrix = np.empty((len(proteins.names), proteins.n))
    for columns, block in blocks_of(proteins):
        matrix[columns] = standardise(block.T).T
    return matrix.T


def assess_panels(
    measured: Measurements, *, policy: Policy, components: int, together: F64 | None = None
) -> Iterator[PanelFindings]:
    """Yield for each panel, sorted by name, what its assays show of the samples.

    Outliers by median and IQR follow the rule of Olink's QC plot (``olink_qc_plot`` of the R
    package OlinkAnalyze): a sample's median, or IQR, over the assays of a panel is more than k
    standard deviations from the mean of all samples'. Outliers by components have a score on the
    first or the second principal component of the panel that is more than k standard deviations
    from the mean. For the components alone a missing value stands at the mean of its assay.

    Parameters
    ----------
    measured : with the assays to judge by.
    policy : its ``sd_median_iqr`` and ``sd_components``.
    components : how many components to find.
    together : (p, n) to put the standardised assays of all panels into, as `read_standardised`
        gives them, without a second reading; None where they are not wanted.
    """
    panels = assay_column(measured, c.PANEL)
    names = np.array(measured.proteins.names, dtype=np.str_)
    for panel in panels.unique().sort().to_list():
        chosen = panels.eq_missing(pl.Series([panel], dtype=pl.String)).to_numpy()
        proteins = measured.proteins.select_columns(names[chosen].tolist())
        matrix: F64 = np.empty((len(proteins.names), proteins.n))
        for columns, block in blocks_of(proteins):
            matrix[columns] = block
        yield _assess_panel(measured, panel, matrix, policy=policy, components=components)
        if together is not None:
            together[chosen] = matrix


def _assess_panel(
    measured: Measurements,
    panel: str | None,
    matrix: F64,
    *,
    policy: Policy,
    components: int,
) -> PanelFindings:
    """Return what the assays of a panel (p, n) show of the samples; standardises them in place."""
    p, n = matrix.shape
    summary = _summarise_samples(matrix)
    for row in range(0, p, 64):
        rows = slice(row, row + 64)
        matrix[rows] = standardise(matrix[rows].T).T
    decomposition = find_components(matrix.T, components=max(components, 2))
    here: Bool = summary.n > 0
    first, second = (_score(decomposition, place, here) for place in (0, 1))
    by_moments = lies_apart(summary.median, deviations=policy.sd_median_iqr) | lies_apart(
        summary.iqr, deviations=policy.sd_median_iqr
    )
    by_scores = lies_apart(first, deviations=policy.sd_components) | lies_apart(
        second, deviations=policy.sd_components
    )
    frame = pl.DataFrame(
        {
            c.SAMPLE_ID: measured.samples[c.SAMPLE_ID],
            c.PANEL: pl.Series([panel] * n, dtype=pl.String),
            c.N: summary.n,
            c.SHARE_MISSING: (p - summary.n) / p,
            c.MEDIAN: summary.median,
            c.IQR: summary.iqr,
            c.OUTLIER_MEDIAN_IQR: by_moments,
            c.PC1: first,
            c.PC2: second,
            c.OUTLIER_COMPONENTS: by_scores,
        }
    )
    rows_kept = frame.fill_nan(None).filter(pl.Series(here))
    return PanelFindings(panel, rows_kept, here, decomposition)


def _score(decomposition: PrincipalComponents, place: int, here: Bool) -> F64:
    if place >= decomposition.shares.size:
        return np.full(here.size, np.nan)
    return np.where(here, decomposition.scores[:, place], np.nan)


def _summarise_samples(matrix: F64) -> Summaries:
    """Summarise the columns of a matrix (p, n), some at a time."""
    parts = [
        summarise_rows(np.ascontiguousarray(matrix[:, start : start + _ROWS_AT_ONCE].T))
        for start in range(0, matrix.shape[1], _ROWS_AT_ONCE)
    ]
    return Summaries(
        np.concatenate([part.n for part in parts]),
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("mean", "sd", "median", "iqr")
        ),
    )


def join_samples(
    measured: Measurements, panels: Sequence[pl.DataFrame], *, policy: Policy
) -> pl.DataFrame:
    """Return one row per sample: the columns of the schema ``qc_samples`` up to the decision.

    Parameters
    ----------
    measured : with the assays to judge by.
    panels : the frames of all panels.
    policy : its ``failing_values``.

    Examples
    --------
    >>> from proteomr.tables import ArrayProteins
    >>> measured = Measurements(
    ...     platform="table",
    ...     samples=pl.DataFrame({"sample_id": ["A1", "A2"]}),
    ...     proteins=ArrayProteins(("ADM",), np.array([[1.0], [np.nan]])),
    ...     assays=pl.DataFrame({"protein": ["ADM"], "kind": ["protein"]}),
    ... )
    >>> frames = [panel.frame for panel in assess_panels(measured, policy=Policy(), components=2)]
    >>> join_samples(measured, frames, policy=Policy())["n"].to_list()
    [1, 0]
    """
    p = len(measured.proteins.names)
    of_sample = pl.concat(panels).group_by(c.SAMPLE_ID)
    counted = of_sample.agg(
        pl.col(c.N).sum(),
        pl.col(c.OUTLIER_MEDIAN_IQR).sum().cast(pl.Int64).alias(c.PANELS_OUTLYING_MEDIAN_IQR),
        pl.col(c.OUTLIER_COMPONENTS).sum().cast(pl.Int64).alias(c.PANELS_OUTLYING_COMPONENTS),
    )
    flags = measured.flags.drop_nulls(c.SAMPLE_ID)
    flagged = flags.group_by(c.SAMPLE_ID).agg(pl.len().cast(pl.Int64).alias(c.N_FLAGS))
    words = [word.casefold() for word in policy.failing_values]
    failed = (
        flags.filter(pl.col(c.PROTEIN).is_null(), pl.col(c.VALUE).str.to_lowercase().is_in(words))
        .group_by(c.SAMPLE_ID)
        .agg(pl.col(c.PANEL).n_unique().cast(pl.Int64).alias(c.N_FAILED_PANELS))
    )
    table = measured.samples.select(c.SAMPLE_ID)
    for other in (counted, flagged, failed):
        table = table.join(other, on=c.SAMPLE_ID, how="left", maintain_order="left")
    filled = table.with_columns(pl.exclude(c.SAMPLE_ID).fill_null(0))
    missing = p - filled[c.N].to_numpy()
    share = missing / p  # rounded as a threshold is; polars multiplies by 1 / p
    return filled.with_columns(
        pl.Series(c.N_MISSING, missing, dtype=pl.Int64), pl.Series(c.SHARE_MISSING, share)
    )
