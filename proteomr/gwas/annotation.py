"""Names and frequencies of variants from a table of their own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from proteomr.border import reads
from proteomr.errors import ColumnError
from proteomr.io.sumstats.cells import parse_rsids
from proteomr.io.sumstats.delimited import open_delimited

__all__ = ["Annotation", "read_annotation"]

_KEYS: Final = ("variant_id", "ID", "Name", "MarkerName")
_NAMES: Final = ("rsid", "rsids", "RSID")
_FREQUENCIES: Final = ("effectAlleleFreq", "eaf", "effect_allele_frequency")


@dataclass(frozen=True, slots=True, eq=False)
class Annotation:
    """What is known of variants by their name.

    Parameters
    ----------
    frame : ``variant_id``, each once, and ``rsid`` or ``eaf`` or both.
    """

    frame: pl.DataFrame

    def apply(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return canonical rows in their order, empty names and frequencies filled.

        Examples
        --------
        >>> annotation = Annotation(pl.DataFrame({"variant_id": ["1:5:A:G"], "rsid": ["rs7"]}))
        >>> rows = pl.DataFrame({"variant_id": ["1:5:A:G", "x"], "rsid": [None, "rs8"]})
        >>> annotation.apply(rows)["rsid"].to_list()
        ['rs7', 'rs8']
        """
        columns = [name for name in ("rsid", "eaf") if name in self.frame.columns]
        joined = rows.join(
            self.frame, on="variant_id", how="left", suffix="_told", maintain_order="left"
        )
        filled = [pl.coalesce(name, f"{name}_told").alias(name) for name in columns]
        return joined.with_columns(filled).select(rows.columns)


@reads
def read_annotation(path: str | Path) -> Annotation:
    r"""Return names or frequencies of variants from a table (text, also compressed, or parquet).

    The name of a variant stands in ``variant_id``, ``ID``, ``Name`` or ``MarkerName``; that of
    dbSNP in ``rsid`` or ``rsids``; the frequency of the effect allele in ``effectAlleleFreq`` or
    ``eaf``. A name that stands twice is taken where it stands first.

    Raises
    ------
    ColumnError
        The table has no column of names, or nothing to tell of them.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
    ...     size = file.write("ID\trsid\n1:5:A:G:imp:v1\trs7\n")
    ...     file.flush()
    ...     read_annotation(file.name).frame.row(0)
    ('1:5:A:G:imp:v1', 'rs7')
    """
    table = open_delimited(Path(path))
    key = next((name for name in _KEYS if name in table.names), None)
    rsid = next((name for name in _NAMES if name in table.names), None)
    eaf = next((name for name in _FREQUENCIES if name in table.names), None)
    if key is None or (rsid is None and eaf is None):
        shown = ", ".join(table.names[:12])
        raise ColumnError(
            f"{path}: columns {shown}; a name of variants (ID, Name, variant_id) and rsid or eaf"
            " are needed"
        )
    wanted = [name for name in (key, rsid, eaf) if name is not None]
    rows = pl.concat(list(table.read(wanted)))
    columns = [rows[key].cast(pl.String).alias("variant_id")]
    if rsid is not None:
        columns.append(parse_rsids(rows[rsid])[0].alias("rsid"))
    if eaf is not None:
        columns.append(rows[eaf].cast(pl.Float64, strict=False).alias("eaf"))
    frame = pl.DataFrame(columns).drop_nulls("variant_id")
    return Annotation(frame.unique("variant_id", keep="first", maintain_order=True))
