"""The tables and the values of two projects as those of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.stats.quantile_mapping import map_quantiles
from proteomr.tables import Measurements, Proteins, find_columns
from proteomr.tables import columns as c

__all__ = ["Mapping", "PooledProteins", "PooledTables", "pool_tables"]


@dataclass(frozen=True, slots=True, eq=False)
class Mapping:
    """How values of one scale become values of another: a shift, or matched quantiles.

    Parameters
    ----------
    shift : added to each value.
    source, target : values of the bridge samples on both scales, for quantiles; None for a shift.
    """

    shift: float = 0.0
    source: F64 | None = None
    target: F64 | None = None

    def apply(self, values: F64) -> F64:
        """Return mapped values; NaN stays NaN."""
        if self.source is None or self.target is None:
            return values + self.shift
        return map_quantiles(values, source=self.source, target=self.target)


@dataclass(frozen=True, slots=True, eq=False)
class PooledProteins:
    """Proteins of two projects, those of the first mapped when they are read.

    Parameters
    ----------
    names : names of the p proteins.
    project, reference : the matrices as measured.
    columns : for each protein its name in the project and in the reference; None where it has none.
    mappings : for each protein how values of the project are mapped; None for not at all.
    rows : for each of the n samples its row in the project and in the reference, (2, n); -1 for
        none.
    """

    names: tuple[str, ...]
    project: Proteins
    reference: Proteins
    columns: tuple[tuple[str | None, str | None], ...]
    mappings: tuple[Mapping | None, ...]
    rows: I64

    @classmethod
    def of(
        cls,
        measured: Measurements,
        reference: Measurements,
        samples: pl.Series,
        *,
        mappings: dict[str, tuple[str, Mapping]],
        alone: Sequence[str],
    ) -> PooledProteins:
        """Return the proteins of the reference, then those of the project alone, by name."""
        entries: dict[str, tuple[str | None, str | None, Mapping | None]] = {}
        for name in reference.proteins.names:
            own, mapping = mappings.get(name, (None, None))
            entries[name] = (own, name, mapping)
        for name in alone:
            entries[name] = (name, None, None)
        names = tuple(sorted(entries))
        rows_of = [
            {name: row for row, name in enumerate(table.samples[c.SAMPLE_ID])}
            for table in (measured, reference)
        ]
        theirs = np.array([rows_of[1].get(name, -1) for name in samples], dtype=np.int64)
        ours = np.array([rows_of[0].get(name, -1) for name in samples], dtype=np.int64)
        ours[theirs >= 0] = -1  # a bridge sample keeps what the reference measured
        return cls(
            names,
            measured.proteins,
            reference.proteins,
            tuple(entries[name][:2] for name in names),
            tuple(entries[name][2] for name in names),
            np.stack([ours, theirs]),
        )

    @property
    def n(self) -> int:
        """Number of samples."""
        return int(self.rows.shape[1])

    def read(self, columns: slice, /) -> F64:
        """Return a slice of proteins, (n, b), Fortran-ordered."""
        places = range(*columns.indices(len(self.names)))
        block: F64 = np.full((len(places), self.n), np.nan)
        for side, base in enumerate((self.project, self.reference)):
            there = self.rows[side] >= 0
            named = [(row, self.columns[place][side]) for row, place in enumerate(places)]
            wanted = [(row, name) for row, name in named if name is not None]
            if not wanted or not there.any():
                continue
            chosen = base.select_rows(self.rows[side][there])
            values = chosen.select_columns([name for _, name in wanted]).read(slice(0, len(wanted)))
            for (row, _), column in zip(wanted, values.T, strict=True):
                mapping = self.mappings[places[row]] if side == 0 else None
                block[row, there] = column if mapping is None else mapping.apply(column)
        return block.T

    def select_rows(self, rows: I64) -> PooledProteins:
        """Return the same proteins for chosen samples; -1 for a sample without any value."""
        chosen = np.where(rows < 0, -1, self.rows[:, rows])
        return replace(self, rows=chosen)

    def select_columns(self, names: Sequence[str]) -> PooledProteins:
        """Return chosen proteins, in the order given."""
        places = find_columns(self.names, names)
        return replace(
            self,
            names=tuple(names),
            columns=tuple(self.columns[place] for place in places),
            mappings=tuple(self.mappings[place] for place in places),
        )


@dataclass(frozen=True, slots=True, eq=False)
class PooledTables:
    """Tables of both projects together."""

    samples: pl.DataFrame
    assays: pl.DataFrame
    flags: pl.DataFrame
    plates: pl.DataFrame
    limits: pl.DataFrame
    time_gap: pl.DataFrame | None
    notes: tuple[str, ...]


def pool_tables(
    measured: Measurements,
    reference: Measurements,
    *,
    names: tuple[str, str],
    mappings: dict[str, tuple[str, Mapping]],
    alone: Sequence[str],
) -> PooledTables:
    """Return the tables of two projects as one.

    Plates get the project before their name, for plate 1 of one is not that of the other. Limits
    of detection by plate are mapped as the values are; those of the controls of the project are
    left out, and so are its control samples.
    """
    kept = measured.select_samples(
        ~measured.samples[c.SAMPLE_ID].is_in(reference.samples[c.SAMPLE_ID].implode())
    )
    named = {own: name for name, (own, _) in mappings.items()} | {name: name for name in alone}
    own_flags = _spread_over_plates(_rename(kept.flags, named), kept.plates)
    plates = [
        _prefix(table, name)
        for table, name in ((kept.plates, names[0]), (reference.plates, names[1]))
    ]
    limits = _prefix(_map_limits(_rename(kept.limits, named), mappings), names[0])
    samples = [
        _name_project(_prefix(table.samples, name), name)
        for table, name in ((kept, names[0]), (reference, names[1]))
    ]
    gaps = (kept.time_gap, reference.time_gap)
    time_gap = None
    if gaps[0] is not None and gaps[1] is not None:
        time_gap = pl.concat([gaps[0], gaps[1]], how="diagonal_relaxed").sort(c.SAMPLE_ID)
    notes = ["control samples are those of the reference alone"] if kept.controls.height else []
    if time_gap is None and any(gap is not None for gap in gaps):
        notes.append("times from drawing to measuring are left out: one project does not tell them")
    assays = pl.concat(
        [reference.assays, measured.assays.filter(pl.col(c.PROTEIN).is_in(list(alone)))],
        how="diagonal_relaxed",
    ).sort(c.PROTEIN)
    return PooledTables(
        samples=pl.concat(samples, how="diagonal_relaxed").sort(c.SAMPLE_ID),
        assays=assays,
        flags=pl.concat([_prefix(own_flags, names[0]), _prefix(reference.flags, names[1])]),
        plates=pl.concat(plates),
        limits=pl.concat(
            [limits, _prefix(reference.limits, names[1])], how="diagonal_relaxed"
        ),  # of which one project may tell more kinds than the other
        time_gap=time_gap,
        notes=tuple(notes),
    )


def _rename(table: pl.DataFrame, named: dict[str, str]) -> pl.DataFrame:
    """Give assays their pooled names; rows of assays without one leave."""
    protein = pl.col(c.PROTEIN)
    kept = table.filter(protein.is_null() | protein.is_in(list(named)))
    return kept.with_columns(protein.replace(named))


def _spread_over_plates(flags: pl.DataFrame, plates: pl.DataFrame) -> pl.DataFrame:
    """Give flags about an assay on all plates a row for each plate of their own project.

    Without a plate they would be about the samples of the other project too; where no plates are
    known they leave.
    """
    everywhere = pl.col(c.SAMPLE_ID).is_null() & pl.col(c.PLATE).is_null()
    spread = (
        flags.filter(everywhere).drop(c.PLATE).join(plates.select(c.PLATE).unique(), how="cross")
    )
    return pl.concat([flags.filter(~everywhere), spread.select(flags.columns)])


def _map_limits(limits: pl.DataFrame, mappings: dict[str, tuple[str, Mapping]]) -> pl.DataFrame:
    """Map limits by plate; one for all plates would be taken for that of the reference too."""
    by_plate = limits.drop_nulls(c.PLATE)
    proteins = by_plate[c.PROTEIN].to_list()
    mapped = [
        pl.Series(
            name, [_map_limit(mappings, *pair) for pair in zip(proteins, column, strict=True)]
        )
        for name, column in by_plate.to_dict().items()
        if column.dtype.is_float()
    ]
    return by_plate.with_columns(column.cast(pl.Float64) for column in mapped)


def _map_limit(
    mappings: dict[str, tuple[str, Mapping]], protein: str, limit: float | None
) -> float | None:
    if limit is None or protein not in mappings:
        return limit
    return float(mappings[protein][1].apply(np.array([limit]))[0])


def _name_project(samples: pl.DataFrame, name: str) -> pl.DataFrame:
    """Add a column that tells the project; one of that name in the source gets another.

    A store that was bridged before has one, and one for each time that it was.
    """
    names = ("project_in_source", *(f"project_in_source_{k}" for k in range(2, samples.width + 2)))
    free = next(other for other in names if other not in samples.columns)
    renamed = samples.rename({"project": free}, strict=False)
    return renamed.with_columns(pl.lit(name).alias("project"))


def _prefix(table: pl.DataFrame, name: str) -> pl.DataFrame:
    """Put the project before the names of plates and batches."""
    there = [column for column in (c.PLATE, c.BATCH) if column in table.columns]
    return table.with_columns(
        (pl.lit(f"{name}:") + pl.col(column).cast(pl.String)).alias(column) for column in there
    )
