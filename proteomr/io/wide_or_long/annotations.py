"""Further columns of a long table: which describe the samples, and which the assays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from proteomr.io.tables import infer_column
from proteomr.io.wide_or_long.wide import describe_assays
from proteomr.tables import columns as c

__all__ = ["KNOWN", "Annotations"]

KNOWN: Final = {
    **dict.fromkeys(
        ("gene", "genes", "gene_symbol", "genesymbol", "symbol", "entrezgenesymbol"), c.GENE
    ),
    **dict.fromkeys(("uniprot", "uniprot_id", "uniprotid", "uniprot.id"), c.UNIPROT),
    "panel": c.PANEL,
    **dict.fromkeys(("unit", "units"), c.UNIT),
    "lod": c.LOD,
}
"""Usual names of what describes an assay, in small letters."""
_RESERVED: Final = (*c.ASSAYS, c.KIND, c.SAMPLE_ID)
_LISTED: Final = 5


@dataclass(slots=True)
class Annotations:
    """What further columns say, gathered block by block.

    A column belongs to the samples where it never has two values in one sample, to the assays
    likewise; where both hold, to the assays if its name is one of theirs, else to the samples.

    Examples
    --------
    >>> annotations = Annotations()
    >>> rows = {"sample_id": ["1", "2"], "protein": ["ADM", "ADM"], "further": [{"age": 50}] * 2}
    >>> annotations.see(pl.DataFrame(rows))
    >>> annotations.describe_samples(["1", "2"], {"1": "1", "2": "2"}).rows()
    [('1', 50), ('2', 50)]
    """

    of_samples: dict[str, pl.DataFrame | None] = field(default_factory=dict)
    of_assays: dict[str, pl.DataFrame | None] = field(default_factory=dict)

    def see(self, frame: pl.DataFrame) -> None:
        """Take note of a block with the columns sample_id, protein and further (a struct)."""
        if frame["further"].dtype == pl.Null:
            return
        further = frame["further"].struct.unnest()
        for column in further.iter_columns():
            text = None if column.dtype.is_nested() else column.cast(pl.String, strict=False)
            for columns, key in ((self.of_samples, c.SAMPLE_ID), (self.of_assays, c.PROTEIN)):
                before = columns.get(column.name, _NO_PAIRS)
                pairs = None if text is None else pl.DataFrame({"key": frame[key], "text": text})
                columns[column.name] = _join(before, pairs)

    def describe_samples(self, ids: Sequence[str], renamed: Mapping[str, str]) -> pl.DataFrame:
        """Return the samples in the order given, with their columns in alphabetical order.

        Parameters
        ----------
        ids : names of the samples.
        renamed : the name in ``ids`` of each name in the file.
        """
        columns = [pl.Series(c.SAMPLE_ID, ids, dtype=pl.String)]
        for name in self._sample_columns():
            pairs = self.of_samples[name]
            text_of = (
                {} if pairs is None else {renamed[key]: text for key, text in pairs.iter_rows()}
            )
            texts = pl.Series(name, [text_of.get(id_) for id_ in ids], dtype=pl.String)
            columns.append(infer_column(texts))
        return pl.DataFrame(columns)

    def describe_assays(self, names: Sequence[str], *, log2: bool) -> pl.DataFrame:
        """Return the assays in the order given, with what the columns say of them."""
        assays = describe_assays(names, log2=log2)
        for column, target in self._assay_columns().items():
            pairs = self.of_assays[column]
            text_of = {} if pairs is None else dict(pairs.iter_rows())
            texts = pl.Series(target, [text_of.get(name) for name in names], dtype=pl.String)
            if target == c.LOD:
                assays = assays.with_columns(texts.cast(pl.Float64, strict=False))
            elif target == c.UNIT and log2:
                assays = assays.with_columns(("log2 " + texts).fill_null("log2").alias(target))
            else:
                assays = assays.with_columns(texts if target in _RESERVED else infer_column(texts))
        return assays

    def notes(self) -> tuple[str, ...]:
        """Return which columns were left out."""
        described = {*self._sample_columns(), *self._assay_columns()}
        left_out = sorted(set(self.of_samples).difference(described))
        if not left_out:
            return ()
        listed = ", ".join(left_out[:_LISTED]) + (", ..." if len(left_out) > _LISTED else "")
        return (f"left out, for they describe neither samples nor assays: {listed}",)

    def _assay_columns(self) -> dict[str, str]:
        """Return the columns of the assays, each with its name among them."""
        targets: dict[str, str] = {}
        for name in sorted(self.of_assays):
            target = KNOWN.get(name.casefold(), name)
            fits = self.of_assays[name] is not None
            sample_too = self.of_samples[name] is not None
            free = target not in targets.values() and (
                target in KNOWN.values() or name not in _RESERVED
            )
            if fits and free and (not sample_too or target in KNOWN.values()):
                targets[name] = target
        return targets

    def _sample_columns(self) -> list[str]:
        taken = self._assay_columns()
        return [
            name
            for name in sorted(self.of_samples)
            if self.of_samples[name] is not None and name not in taken and name != c.SAMPLE_ID
        ]


_NO_PAIRS: Final = pl.DataFrame(schema={"key": pl.String, "text": pl.String})


def _join(before: pl.DataFrame | None, pairs: pl.DataFrame | None) -> pl.DataFrame | None:
    """Return the distinct pairs of key and text; None where a key has two texts."""
    if before is None or pairs is None:
        return None
    joined = pl.concat([before, pairs.drop_nulls()]).unique()
    return joined if joined.height == joined["key"].n_unique() else None
