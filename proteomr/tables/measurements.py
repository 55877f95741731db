"""What a platform measured: people by assays, with the warnings, plates and limits beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

import numpy as np
import polars as pl

from proteomr._typing import I64
from proteomr.errors import ColumnError, InputError, UsageError, nearest
from proteomr.tables import columns as c
from proteomr.tables.cohort import Drop, check_ids
from proteomr.tables.names import refuse_names
from proteomr.tables.proteins import Proteins
from proteomr.tables.table import load_schema

__all__ = ["Measurements", "Platform", "Precision"]

Platform: TypeAlias = Literal["olink", "somascan", "nulisa", "ukb", "massspec", "table"]
Precision: TypeAlias = Literal["float32", "float64"]


@dataclass(frozen=True, slots=True, eq=False)
class Measurements:
    """Proteins of many samples as a platform delivered them, in the order of the sample names.

    Parameters
    ----------
    platform : what measured them.
    samples : one row per sample that is no control: ``sample_id`` (text, sorted, none repeated),
        and whatever the source tells about a sample.
    proteins : n samples by p assays, aligned to the samples; names are keys of assays.
    assays : one row per assay, in the order of the proteins and sorted by ``protein``: the
        columns of the schema ``assays``, ``kind`` (protein, non_human, control) and further ones.
    precision : the precision of the numbers in the source.
    flags : warnings, one a row (schema ``qc_flags``); what passed has no row.
    plates : where each sample stood, one row per sample and panel (schema ``plates``).
    limits : limit of detection of an assay, by plate where it differs (schema ``limits``).
    controls : values of control samples, and of control assays, in long form (schema
        ``controls``).
    time_gap : ``sample_id`` and one column per panel: years from drawing the blood to measuring
        it; None where the source does not tell.
    drops : what was left out on reading, with reasons.
    notes : what a user should know of the source, one sentence each.
    parameters : how the source was read: instance, logarithm, and the like; JSON values.

    Raises
    ------
    IdentifierError
        Sample names are absent, not text, repeated or not sorted.
    InputError
        Samples, proteins and assays differ in length or order, or no sample or assay is left.

    Examples
    --------
    >>> import numpy as np
    >>> from proteomr.tables import ArrayProteins
    >>> measured = Measurements(
    ...     platform="table",
    ...     samples=pl.DataFrame({"sample_id": ["A1", "A2"]}),
    ...     proteins=ArrayProteins(("ADM",), np.array([[1.0], [np.nan]])),
    ...     assays=pl.DataFrame({"protein": ["ADM"], "kind": ["protein"]}),
    ... )
    >>> measured.n, measured.flags.height
    (2, 0)
    """

    platform: Platform
    samples: pl.DataFrame
    proteins: Proteins
    assays: pl.DataFrame
    precision: Precision = "float64"
    flags: pl.DataFrame = field(default_factory=load_schema("qc_flags").empty)
    plates: pl.DataFrame = field(default_factory=load_schema("plates").empty)
    limits: pl.DataFrame = field(default_factory=load_schema("limits").empty)
    controls: pl.DataFrame = field(default_factory=load_schema("controls").empty)
    time_gap: pl.DataFrame | None = None
    drops: tuple[Drop, ...] = ()
    notes: tuple[str, ...] = ()
    parameters: Mapping[str, object] = field(default_factory=dict[str, object])

    def __post_init__(self) -> None:
        check_ids(self.samples, c.SAMPLE_ID, among="samples")
        refuse_names(self.proteins.names, what="a protein")
        if self.proteins.n != self.samples.height:
            raise InputError(
                f"{self.proteins.n} samples in the proteins, {self.samples.height} in their list"
            )
        if self.assays[c.PROTEIN].to_list() != list(self.proteins.names):
            raise InputError("the assays do not stand in the order of the proteins")
        if not self.samples.height or not self.assays.height:
            raise InputError(
                f"{self.samples.height} samples and {self.assays.height} assays; at least one of "
                "each is needed"
            )

    @property
    def n(self) -> int:
        """Number of samples."""
        return self.samples.height

    def select_samples(self, kept: pl.Series, *, drop: Drop | None = None) -> Measurements:
        """Return the same measurements for chosen samples; of the others no table keeps a row.

        Control samples are not among those to choose from, and stay.

        Parameters
        ----------
        kept : one truth value per sample.
        drop : the record of who was left out.

        Raises
        ------
        UsageError
            As many truth values as samples are needed.
        InputError
            No sample is left.

        Examples
        --------
        >>> import numpy as np
        >>> from proteomr.tables import ArrayProteins
        >>> data = Measurements(
        ...     platform="table",
        ...     samples=pl.DataFrame({"sample_id": ["A1", "A2"]}),
        ...     proteins=ArrayProteins(("ADM",), np.array([[1.0], [2.0]])),
        ...     assays=pl.DataFrame({"protein": ["ADM"], "kind": ["protein"]}),
        ... )
        >>> data.select_samples(data.samples["sample_id"] != "A1").proteins.read(slice(0, 1)).T
        array([[2.]])
        """
        if kept.len() != self.n:
            raise UsageError(f"{kept.len()} truth values for {self.n} samples")
        chosen = kept.fill_null(value=False)
        rows: I64 = np.flatnonzero(chosen.to_numpy()).astype(np.int64)
        samples = self.samples[rows]
        of_sample = pl.col(c.SAMPLE_ID).is_in(samples[c.SAMPLE_ID].implode())
        gone = self.samples[c.SAMPLE_ID].filter(~chosen).implode()
        return replace(
            self,
            samples=samples,
            proteins=self.proteins.select_rows(rows),
            flags=self.flags.filter(of_sample | pl.col(c.SAMPLE_ID).is_null()),
            plates=self.plates.filter(of_sample),
            controls=self.controls.filter(~pl.col(c.SAMPLE_ID).is_in(gone)),
            time_gap=None if self.time_gap is None else self.time_gap.filter(of_sample),
            drops=(*self.drops, *((drop,) if drop is not None else ())),
        )

    def select_assays(self, names: Sequence[str], *, drop: Drop | None = None) -> Measurements:
        """Return the same measurements for chosen assays, in the order that they have here.

        Plates, time gaps and the values of controls stay as they are: they tell of the laboratory,
        of assays without a column as well.

        Parameters
        ----------
        names : assays to keep.
        drop : the record of what was left out.

        Raises
        ------
        ColumnError
            There is no assay of that name.
        InputError
            No assay is left.

        Examples
        --------
        >>> import numpy as np
        >>> from proteomr.tables import ArrayProteins
        >>> measured = Measurements(
        ...     platform="table",
        ...     samples=pl.DataFrame({"sample_id": ["A1"]}),
        ...     proteins=ArrayProteins(("ADM", "GDF15"), np.array([[1.0, 2.0]])),
        ...     assays=pl.DataFrame({"protein": ["ADM", "GDF15"], "kind": ["protein"] * 2}),
        ... )
        >>> measured.select_assays(["GDF15"]).proteins.names
        ('GDF15',)
        """
        wanted = set(names)
        chosen = [name for name in self.proteins.names if name in wanted]
        if len(chosen) < len(wanted):
            absent = min(wanted.difference(chosen))
            hint = nearest(absent, self.proteins.names)
            raise ColumnError(f"no assay {absent!r} among {len(self.proteins.names)}{hint}")
        of_assay = pl.col(c.PROTEIN).is_in(chosen)
        return replace(
            self,
            proteins=self.proteins.select_columns(chosen),
            assays=self.assays.filter(of_assay),
            flags=self.flags.filter(of_assay | pl.col(c.PROTEIN).is_null()),
            limits=self.limits.filter(of_assay),
            drops=(*self.drops, *((drop,) if drop is not None else ())),
        )
