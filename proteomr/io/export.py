"""A store as one file, for other programs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from proteomr.errors import RunFolderError, UsageError
from proteomr.io.ingest import remove_withdrawn_samples
from proteomr.io.people_choice import PeopleChoice, choose_samples
from proteomr.io.store import read_store
from proteomr.io.tables import TableFormat, write_table
from proteomr.io.wide_or_long import write_anndata
from proteomr.runs import open_scratch
from proteomr.tables import Measurements
from proteomr.tables import columns as c

__all__ = ["Exported", "export_store"]

_TABLES: Final[dict[str, TableFormat]] = {".csv": "csv", ".tsv": "tsv", ".parquet": "parquet"}
_ANNDATA: Final = ".h5ad"
_OFFERED: Final = ", ".join((_ANNDATA, *_TABLES))


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Parameters
    ----------
    n, p : samples and assays.
    by_key : assays that have no gene of their own, where genes were asked for.
    not_chosen : samples that were not asked for.
    """

    n: int
    p: int
    by_key: int
    not_chosen: int = 0


def export_store(
    store: str | Path,
    out: str | Path,
    *,
    genes: bool = False,
    withdrawn: str | Path | None = None,
    people: PeopleChoice | None = None,
    overwrite: bool = False,
) -> Exported:
    """Write a store as one file, and return what it holds.

    As AnnData it holds the values with all that the store tells of samples and of assays. As a
    table it holds the identifier of each sample and a column of numbers for each assay, missing
    values empty; of the samples' facts none, which would be read for proteins.

    Parameters
    ----------
    store : folder of `proteomr.io.write_store`.
    out : file to write; its ending says as what: .h5ad, .csv, .tsv or .parquet.
    genes : name each assay by its gene; one without, or whose gene others have, keeps its key.
    withdrawn : file with identifiers of people who have withdrawn, one a line.
    people : which samples are asked for; None for all.
    overwrite : replace a file of that name.

    Raises
    ------
    UsageError
        The ending is none of these, or the package anndata is not installed.
    RunFolderError
        The folder is no store, or the file is there.
    InputError
        The list of withdrawals cannot be read, or nobody is left.
    StorageError
        The disk refused.

    Examples
    --------
    >>> export_store("store", "store.rds")
    Traceback (most recent call last):
    ...
    proteomr.errors.UsageError: store.rds: write .h5ad, .csv, .tsv, .parquet
    """
    path = Path(out)
    ending = path.suffix.lower()
    if ending != _ANNDATA and ending not in _TABLES:
        raise UsageError(f"{path}: write {_OFFERED}")
    if path.exists() and not overwrite:
        raise RunFolderError(f"{path}: already there; choose another name, or give --overwrite")
    measured = read_store(store)
    if withdrawn is not None:
        measured = remove_withdrawn_samples(measured, withdrawn)
    before = measured.n
    if people is not None:
        with open_scratch() as scratch:
            measured = choose_samples(measured, people, scratch=scratch)
    keys = measured.proteins.names
    names = _name_genes(measured) if genes else keys
    if ending == _ANNDATA:
        write_anndata(measured, path, names=names)
    else:
        write_table(_tabulate(measured, names), path, format=_TABLES[ending])
    own = dict(measured.assays.select(c.PROTEIN, c.GENE).iter_rows()) if genes else {}
    by_key = sum(own.get(key) != name for key, name in zip(keys, names, strict=True))
    return Exported(measured.n, len(keys), by_key if genes else 0, before - measured.n)


def _tabulate(measured: Measurements, names: tuple[str, ...]) -> pl.DataFrame:
    """Return the samples with a column for each assay."""
    values = measured.proteins.read(slice(0, len(names)))
    columns = [
        pl.Series(name, column, nan_to_null=True)
        for name, column in zip(names, values.T, strict=True)
    ]
    return pl.DataFrame([measured.samples[c.SAMPLE_ID], *columns])


def _name_genes(measured: Measurements) -> tuple[str, ...]:
    """Return the gene of each assay that alone has it, and the key of each other."""
    keys = measured.proteins.names
    told = dict(measured.assays.select(c.PROTEIN, c.GENE).iter_rows())
    held = Counter(told.get(key) for key in keys)
    taken = set(keys)
    return tuple(
        gene if gene and held[gene] == 1 and (gene == key or gene not in taken) else key
        for key, gene in ((key, told.get(key)) for key in keys)
    )
