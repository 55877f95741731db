"""Differences between plates or batches taken out, assay by assay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self, TypeAlias

import numpy as np

from proteomr._typing import F64, I64
from proteomr.errors import InputError, UsageError
from proteomr.qc.changed_proteins import ChangedProteins
from proteomr.qc.placement import Factor, Placement, assay_column, place_samples
from proteomr.tables import Measurements
from proteomr.tables import columns as c

__all__ = [
    "CentredProteins",
    "Correction",
    "CorrectionMethod",
    "centre_groups",
    "correct",
    "find_groups",
]

CorrectionMethod: TypeAlias = Literal["median", "regression"]
_UNPLACED = -1


@dataclass(frozen=True, slots=True)
class Correction:
    """How differences between groups of samples are taken out.

    Parameters
    ----------
    method : median centring, or residuals of a regression on the groups.
    by : plate or batch.

    Raises
    ------
    UsageError
        There is no such method or grouping.
    """

    method: CorrectionMethod = "median"
    by: Factor = "plate"

    def __post_init__(self) -> None:
        for value, choices in ((self.method, ("median", "regression")), (self.by, _FACTORS)):
            if value not in choices:
                raise UsageError(f"correction by {value!r}; known: {' and '.join(choices)}")


_FACTORS: tuple[Factor, ...] = ("plate", "batch")


def centre_groups(values: F64, codes: I64, *, method: CorrectionMethod) -> F64:
    r"""Return rows with the differences between groups of their values taken out.

    For a value x of group g, ``median`` gives :math:`x - med_g + med` with the medians of the group
    and of all groups together; ``regression`` gives the residual of the row on dummies of the
    groups plus the mean, which is :math:`x - \bar x_g + \bar x`. Missing values stay missing, and
    values without a group stay as they are and count nowhere.

    Parameters
    ----------
    values : (b, n), NaN = missing.
    codes : (n,) group of each value; -1 for none.
    method : which of the two.

    Examples
    --------
    >>> centre_groups(np.array([[1.0, 3.0, 11.0, 13.0]]), np.array([0, 0, 1, 1]), method="median")
    array([[6., 8., 6., 8.]])
    """
    centred = values.copy()
    order = np.argsort(codes, kind="stable")
    order = order[codes[order] >= 0]
    if not order.size:
        return centred
    ordered = values[:, order]
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    sizes = np.diff(starts, append=order.size)
    find = _find_medians if method == "median" else _find_means
    shift = find(ordered, np.zeros(1, dtype=np.int64)) - find(ordered, starts)
    centred[:, order] = ordered + np.repeat(shift, sizes, axis=1)
    return centred


def _find_means(values: F64, starts: I64) -> F64:
    """Return the means (b, g) of rows over groups of columns that begin at the starts."""
    there = ~np.isnan(values)
    total: F64 = np.add.reduceat(np.where(there, values, 0.0), starts, axis=1)
    count = np.add.reduceat(there, starts, axis=1, dtype=np.int64)
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def _find_medians(values: F64, starts: I64) -> F64:
    """Return the medians (b, g) of rows over groups of columns that begin at the starts."""
    rows = np.arange(values.shape[0])
    medians: F64 = np.full((rows.size, starts.size), np.nan)
    for group, members in enumerate(np.split(values, starts[1:], axis=1)):
        ascending = np.sort(members, axis=1)  # missing values last
        count = (~np.isnan(ascending)).sum(axis=1)
        low, high = np.maximum(count - 1, 0) // 2, count // 2
        pair = ascending[rows, low] + ascending[rows, np.minimum(high, members.shape[1] - 1)]
        medians[:, group] = np.where(count > 0, pair / 2, np.nan)
    return medians


@dataclass(frozen=True, slots=True, eq=False)
class CentredProteins(ChangedProteins):
    """Proteins whose differences between groups are taken out when they are read.

    Parameters
    ----------
    base, rows : as of `ChangedProteins`.
    groups : one row of codes per way of grouping, each (m,); -1 for no group.
    group_of : position among the groups for each of the p proteins; -1 for a protein that is left
        as it is.
    method : of `centre_groups`.
    """

    groups: tuple[I64, ...]
    group_of: tuple[int, ...]
    method: CorrectionMethod

    def change(self, block: F64, columns: slice) -> None:
        """Take the differences out, in place."""
        of_block = np.array(self.group_of[columns], dtype=np.int64)
        for group, codes in enumerate(self.groups):
            chosen = np.flatnonzero(of_block == group)
            if chosen.size:
                block[chosen] = centre_groups(block[chosen], codes, method=self.method)

    def choose(self, places: Sequence[int]) -> Self:
        """Return the groups of the proteins at some places."""
        return replace(self, group_of=tuple(self.group_of[place] for place in places))


def find_groups(measured: Measurements, *, by: Factor) -> Placement:
    """Return the plates or batches that values can be corrected for.

    Parameters
    ----------
    measured : the measurements.
    by : which of the two.

    Raises
    ------
    InputError
        The source tells no plates, or no batches, or all samples share one.

    Examples
    --------
    >>> import polars as pl
    >>> from proteomr.tables import ArrayProteins
    >>> measured = Measurements(
    ...     platform="table",
    ...     samples=pl.DataFrame({"sample_id": ["A1", "A2"], "plate": ["P1", "P2"]}),
    ...     proteins=ArrayProteins(("ADM",), np.array([[1.0], [3.0]])),
    ...     assays=pl.DataFrame({"protein": ["ADM"]}),
    ... )
    >>> find_groups(measured, by="plate").levels
    ('P1', 'P2')
    """
    placement = place_samples(measured, by=by)
    several = placement is not None and any(
        np.unique(codes[codes >= 0]).size > 1 for codes in placement.codes.values()
    )
    if placement is not None and several:
        return placement
    other = next(name for name in _FACTORS if name != by)
    hint = f"; --by {other} would do" if place_samples(measured, by=other) else ""
    if placement is None:
        plural = "plates" if by == "plate" else "batches"
        raise InputError(f"the measurements tell no {plural} to correct for{hint}")
    raise InputError(f"all samples share one {by}; there is no difference to correct for{hint}")


def correct(measured: Measurements, *, correction: Correction) -> Measurements:
    """Return the measurements with differences between plates or batches taken out.

    Each assay is centred by the plates of its own panel, where these differ. Notes tell how many
    samples have no plate and stay as they are, and how many plates hold a single sample, which
    centring puts at the middle of all. Limits of detection stay those of the values as measured.

    Parameters
    ----------
    measured : the measurements.
    correction : how.

    Raises
    ------
    InputError
        The source tells no plates, or no batches, or all samples share one.

    Examples
    --------
    >>> import polars as pl
    >>> from proteomr.tables import ArrayProteins
    >>> measured = Measurements(
    ...     platform="table",
    ...     samples=pl.DataFrame({"sample_id": list("ABCD"), "plate": ["P", "P", "Q", "Q"]}),
    ...     proteins=ArrayProteins(("ADM",), np.array([[1.0], [3.0], [11.0], [13.0]])),
    ...     assays=pl.DataFrame({"protein": ["ADM"], "kind": ["protein"]}),
    ... )
    >>> correct(measured, correction=Correction()).proteins.read(slice(0, 1)).T
    array([[6., 8., 6., 8.]])
    """
    placement = find_groups(measured, by=correction.by)
    groups: list[I64] = []
    place_of_panel: dict[str | None, int] = {}
    panels = assay_column(measured, c.PANEL).to_list()
    for panel in dict.fromkeys(panels):
        codes = placement.of(panel)
        place_of_panel[panel] = _UNPLACED if codes is None else len(groups)
        if codes is not None:
            groups.append(codes)
    centred = CentredProteins(
        measured.proteins,
        tuple(groups),
        tuple(place_of_panel[panel] for panel in panels),
        correction.method,
    )
    return replace(
        measured,
        proteins=centred,
        precision="float64",
        notes=(*measured.notes, *_describe(groups, panels, place_of_panel, correction)),
        parameters={
            **measured.parameters,
            "correction": {"method": correction.method, "by": correction.by},
        },
    )


def _describe(
    groups: Sequence[I64],
    panels: Sequence[str | None],
    place_of_panel: dict[str | None, int],
    correction: Correction,
) -> list[str]:
    by = correction.by
    notes = [f"values are corrected by {by} ({correction.method}); limits of detection are not"]
    without = max((int((codes < 0).sum()) for codes in groups), default=0)
    if without:
        notes.append(f"{without:,} samples have no {by} and are not corrected")
    alone = max((int((np.bincount(codes[codes >= 0]) == 1).sum()) for codes in groups), default=0)
    if alone:
        plural = f"{by}s" if by == "plate" else "batches"
        verb = "holds" if alone == 1 else "hold"
        plural = by if alone == 1 else plural
        notes.append(f"{alone:,} {plural} {verb} one sample, which now stands at the middle of all")
    apart = sum(place_of_panel[panel] == _UNPLACED for panel in panels)
    if apart:
        notes.append(f"{apart:,} assays belong to panels without a {by} and are not corrected")
    return notes
