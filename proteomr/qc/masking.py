"""Single values that the laboratory's checks failed, set missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self, TypeAlias, get_args

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.errors import InputError, UsageError
from proteomr.qc.changed_proteins import ChangedProteins
from proteomr.qc.placement import Placement, assay_column, place_samples
from proteomr.qc.policy import Policy
from proteomr.tables import Drop, Measurements, load_schema
from proteomr.tables import columns as c

__all__ = ["MaskedProteins", "Masking", "mask"]

Masked: TypeAlias = Literal["failed", "flagged"]
Target: TypeAlias = tuple[str | None, str | None]  # the assay, or the panel or block; neither: all
_STEP = "mask"


@dataclass(frozen=True, slots=True)
class Masking:
    """Which flags set the values missing that they are about.

    Parameters
    ----------
    which : failed: those whose result the policy counts as failing (``failing_values``); flagged:
        all, warnings among them.

    Raises
    ------
    UsageError
        There is no such choice.
    """

    which: Masked = "failed"

    def __post_init__(self) -> None:
        if self.which not in get_args(Masked):
            raise UsageError(f"masking of {self.which!r}; known: {', '.join(get_args(Masked))}")


@dataclass(frozen=True, slots=True, eq=False)
class MaskedProteins(ChangedProteins):
    """Proteins of which some values are hidden when they are read.

    Parameters
    ----------
    base, rows : as of `ChangedProteins`.
    hidden : for each of the p proteins, the positions of samples whose value is missing.
    """

    hidden: tuple[I64, ...]

    def change(self, block: F64, columns: slice) -> None:
        """Hide values, in place."""
        for row, hidden in zip(block, self.hidden[columns], strict=True):
            row[hidden] = np.nan

    def choose(self, places: Sequence[int]) -> Self:
        """Return what is hidden of the proteins at some places."""
        return replace(self, hidden=tuple(self.hidden[place] for place in places))


def mask(
    measured: Measurements, *, masking: Masking, policy: Policy
) -> tuple[Measurements, pl.DataFrame]:
    """Return the measurements with flagged values missing, and the flags that did it.

    A flag about a sample and a panel, or a block of one (``panel:block``), hides the sample's
    values of that panel or block; one about a sample alone hides all of them; one about an assay
    hides it on the plate named, or on all; one about both hides one value. The flags that were
    acted on leave the measurements, so that no rule of a policy takes out a whole sample, or an
    assay, for values that are no longer there.

    Parameters
    ----------
    measured : the measurements.
    masking : which flags.
    policy : says which results of a check are failing.

    Returns
    -------
    measured : with hidden values; drops count them by flag and result.
    masked : the flags, with the number of values that were there and each of them hid (schema
        ``masked``).

    Raises
    ------
    InputError
        The source tells no flags at all, or one is about a plate and there are no plates.

    Examples
    --------
    >>> from proteomr.tables import ArrayProteins
    >>> measured = Measurements(
    ...     platform="olink",
    ...     samples=pl.DataFrame({"sample_id": ["A1", "A2"]}),
    ...     proteins=ArrayProteins(("ADM", "REN"), np.array([[1.0, 2.0], [3.0, 4.0]])),
    ...     assays=pl.DataFrame({"protein": ["ADM", "REN"], "panel": ["I", "II"]}),
    ...     flags=load_schema("qc_flags").validate(pl.DataFrame({
    ...         "sample_id": ["A2"], "protein": pl.Series([None], dtype=pl.String), "panel": ["II"],
    ...         "plate": pl.Series([None], dtype=pl.String), "flag": ["sample_qc"],
    ...         "value": ["FAIL"]})),
    ... )
    >>> hidden, _ = mask(measured, masking=Masking(), policy=Policy())
    >>> hidden.proteins.read(slice(1, 2)).T
    array([[ 2., nan]])
    """
    if not measured.flags.height:
        raise InputError("the measurements have no flags of the laboratory; there is none to mask")
    acts = pl.lit(value=True)
    if masking.which == "failed":
        words = [word.casefold() for word in policy.failing_values]
        acts = pl.col(c.VALUE).str.to_lowercase().is_in(words)
    acting = measured.flags.filter(acts)
    hidden, counts = _find_hidden(measured, acting)
    table = acting.with_columns(pl.Series(c.N_VALUES, counts, dtype=pl.Int64))
    drops = tuple(
        Drop(_STEP, f"values missing: {flag} {value}", n)
        for flag, value, n in table.group_by(c.FLAG, c.VALUE)
        .agg(pl.col(c.N_VALUES).sum())
        .sort(c.FLAG, c.VALUE)
        .iter_rows()
    )
    masked = replace(
        measured,
        proteins=MaskedProteins(measured.proteins, hidden),
        flags=measured.flags.filter(~acts),
        drops=(*measured.drops, *drops),
        parameters={**measured.parameters, "mask": masking.which},
    )
    return masked, load_schema("masked").validate(table)


def _find_hidden(measured: Measurements, flags: pl.DataFrame) -> tuple[tuple[I64, ...], list[int]]:
    """Return the samples hidden in each assay, and how many values each flag hides.

    A value that several flags are about is counted for the first of them.
    """
    about = _resolve_flags(measured, flags)
    panels = assay_column(measured, c.PANEL).to_list()
    blocks = assay_column(measured, c.BLOCK).to_list()
    counts = np.zeros(flags.height, dtype=np.int64)
    hidden: list[I64] = []
    for column, name in enumerate(measured.proteins.names):
        targets = ((name, None), *_list_targets(panels[column], blocks[column]))
        pairs = [pair for target in targets for pair in about.get(target, [])]
        if not pairs:
            hidden.append(np.empty(0, dtype=np.int64))
            continue
        rows, blamed = np.concatenate(pairs, axis=1)
        order = np.lexsort((blamed, rows))
        rows, first = np.unique(rows[order], return_index=True)
        hidden.append(rows)
        values = measured.proteins.read(slice(column, column + 1))[:, 0]
        there = ~np.isnan(values[rows])
        counts += np.bincount(blamed[order][first][there], minlength=flags.height)
    return tuple(hidden), counts.tolist()


def _list_targets(panel: str | None, block: str | None) -> Iterator[Target]:
    """Yield what a flag that is about an assay's panel or block, or about all assays, may name."""
    yield None, None
    if panel is not None:
        yield None, panel
    if block is not None:
        yield None, block
        yield None, f"{panel}:{block}"


def _resolve_flags(measured: Measurements, flags: pl.DataFrame) -> dict[Target, list[I64]]:
    """Return rows of samples and places of flags, (2, k), by the assay or panel they are about."""
    numbered = flags.with_row_index("place")
    ids = measured.samples.select(c.SAMPLE_ID).with_row_index("row")
    target = [c.PROTEIN, c.PANEL]
    of_samples = numbered.drop_nulls(c.SAMPLE_ID).join(ids, on=c.SAMPLE_ID)
    of_samples = of_samples.with_columns(
        pl.when(pl.col(c.PROTEIN).is_null()).then(c.PANEL).alias(c.PANEL)
    )
    about: dict[Target, list[I64]] = {}
    for key, group in of_samples.group_by(target, maintain_order=True):
        pair = group.select("row", "place").to_numpy().T.astype(np.int64)
        about.setdefault((key[0], key[1]), []).append(pair)
    plates = place_samples(measured, by="plate")
    panel_of = dict(zip(measured.proteins.names, assay_column(measured, c.PANEL), strict=True))
    whole = numbered.filter(pl.col(c.SAMPLE_ID).is_null())
    for place, protein, panel, plate in whole.select("place", *target, c.PLATE).iter_rows():
        stood_for = panel if protein is None else panel_of.get(protein, panel)
        rows = _find_rows(plates, plate, stood_for, measured.n)
        key = (protein, None if protein is not None else panel)
        about.setdefault(key, []).append(np.stack([rows, np.full_like(rows, place)]))
    return about


def _find_rows(plates: Placement | None, plate: str | None, panel: str | None, n: int) -> I64:
    if plate is None:
        return np.arange(n, dtype=np.int64)
    codes = None if plates is None else plates.of(panel)
    if plates is None or codes is None:
        raise InputError(f"a flag is about plate {plate!r}, and the source tells no plates")
    if plate not in plates.levels:
        return np.empty(0, dtype=np.int64)  # a plate of controls, or of people who have left
    return np.flatnonzero(codes == plates.levels.index(plate)).astype(np.int64)
