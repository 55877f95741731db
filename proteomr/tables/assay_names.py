"""The genes of assays, found by whatever a platform calls an assay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from proteomr.tables import columns as c

__all__ = ["find_assay_genes"]

_NAMES: Final = (
    *(c.PROTEIN, "seq_id", "soma_id", "target_id", c.ASSAY, "target", "target_full_name"),
)


def find_assay_genes(assays: pl.DataFrame, names: Sequence[str]) -> dict[str, str]:
    """Return the gene of each name that is one of an assay: its key, identifier or name.

    Parameters
    ----------
    assays : of a store, with the column ``gene``.
    names : OlinkIDs, SeqIds, targets and the like, in any letter case; a SeqId also with the
        version behind it (2597-8_3).

    Returns
    -------
    genes : by name; several are joined by ``;``. Names of no assay, and of assays whose gene is
        not known, are not among them.

    Examples
    --------
    >>> assays = pl.DataFrame({"protein": ["OID20563"], "assay": ["IL6"], "gene": ["IL6"]})
    >>> find_assay_genes(assays, ["oid20563", "OID1"])
    {'oid20563': 'IL6'}
    """
    genes: dict[str, dict[str, None]] = {}
    for column in (name for name in _NAMES if name in assays.columns):
        known = assays.select(pl.col(column, c.GENE).cast(pl.String)).drop_nulls()
        for name, gene in known.iter_rows():
            genes.setdefault(name.casefold(), {})[gene] = None
    found = {name: genes.get(_key(name, genes)) for name in names}
    return {name: ";".join(each).replace("|", ";") for name, each in found.items() if each}


def _key(name: str, genes: dict[str, dict[str, None]]) -> str:
    """Return a name as it is looked for, without the version of a SeqId where that is unknown."""
    key = name.strip().casefold()
    return key if key in genes else key.rpartition("_")[0] or key
