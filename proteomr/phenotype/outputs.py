"""Phenotypes on disk: the columns, and beside them counts, flow and manifest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import polars as pl

from proteomr.errors import NothingToDo, RunFolderError, UsageError
from proteomr.files import replace_file, storage_errors
from proteomr.io import TableFormat, write_table
from proteomr.phenotype.definition import Definition
from proteomr.phenotype.engine import DeriveOptions, Phenotypes
from proteomr.provenance import InputFile, Manifest, RowFilter, utc_now
from proteomr.tables.table import load_schema

__all__ = ["OutputFiles", "choose_files", "write_phenotypes"]

OutputFiles = Mapping[str, Path]
_SUFFIXES: Final[Mapping[str, TableFormat]] = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".tsv": "tsv",
}


def choose_files(
    out: str | Path, *, format: TableFormat | None = None, overwrite: bool = False
) -> tuple[dict[str, Path], TableFormat]:
    """Return the files that phenotypes are written to, and the format of the first.

    Parameters
    ----------
    out : the table of phenotypes.
    format : of the table; None for the one that the name ends in.
    overwrite : whether files may be replaced.

    Raises
    ------
    UsageError
        The name ends in no known format, and none is given.
    RunFolderError
        One of the files is there and may not be replaced.

    Examples
    --------
    >>> files, format = choose_files("cohort.parquet")
    >>> str(files["counts"]), format
    ('cohort.counts.tsv', 'parquet')
    """
    table = Path(out)
    known = _SUFFIXES.get(table.suffix.lower())
    if format is None and known is None:
        raise UsageError(f"{table}: end the name in .parquet, .csv or .tsv, or give --format")
    stem = table.stem if known is not None else table.name
    files = {"table": table}
    for kind in ("counts", "flow", "comparison"):
        files[kind] = table.with_name(f"{stem}.{kind}.tsv")
    files["manifest"] = table.with_name(f"{stem}.manifest.json")
    there = [path.name for path in files.values() if path.exists()]
    if there and not overwrite:
        raise RunFolderError(
            f"{table.parent}: already holds {', '.join(there)}; choose another name, or replace "
            "them with --overwrite"
        )
    return files, format or known or "parquet"


def write_phenotypes(
    phenotypes: Phenotypes,
    files: OutputFiles,
    *,
    definition: Definition,
    options: DeriveOptions,
    format: TableFormat = "parquet",
    complete: bool = False,
    inputs: tuple[InputFile, ...] = (),
    arguments: tuple[str, ...] = (),
    started: str = "",
) -> Manifest:
    """Write phenotypes, their counts and flow, and last the manifest, each whole or not at all.

    Parameters
    ----------
    phenotypes : what was derived.
    files : from `choose_files`.
    definition, options : what it was derived by.
    format : of the table.
    complete : whether only people with every exposure and covariate are written.
    inputs : records of the files that were read.
    arguments : the command line.
    started : when the run began, UTC, ISO 8601.

    Raises
    ------
    NothingToDo
        Nobody is complete, and only complete people are asked for.
    StorageError
        The disk refused.

    Examples
    --------
    >>> import tempfile
    >>> from proteomr.phenotype import derive, load_definition
    >>> from proteomr.tables import Fields
    >>> answers = Fields(pl.DataFrame({"eid": ["1"], "p2020_i0": [1], "p2110_i0": [0]}))
    >>> definition, options = load_definition("shen2025"), DeriveOptions(only=("loneliness",))
    >>> made = derive(answers, definition, options=options)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files, _ = choose_files(Path(folder) / "cohort.parquet")
    ...     _ = write_phenotypes(made, files, definition=definition, options=options)
    ...     pl.read_parquet(files["table"]).row(0)
    (1, 1)
    """
    frame = phenotypes.complete_cases if complete else phenotypes.frame
    if not frame.height:
        raise NothingToDo(
            "nobody has every exposure and every covariate; without --complete the flow says who "
            "lacks what"
        )
    with storage_errors(files["table"].parent):
        files["table"].parent.mkdir(parents=True, exist_ok=True)
    files["manifest"].unlink(missing_ok=True)
    write_table(_number_ids(frame, phenotypes.id_column), files["table"], format=format)
    counts = load_schema("phenotype_counts").validate(phenotypes.counts)
    flow = load_schema("phenotype_flow").validate(phenotypes.flow)
    write_table(counts, files["counts"], format="tsv")
    write_table(flow, files["flow"], format="tsv")
    written = ["table", "counts", "flow"]
    if phenotypes.comparison is not None and phenotypes.comparison.height:
        write_table(phenotypes.comparison, files["comparison"], format="tsv")
        written.append("comparison")
    else:
        files["comparison"].unlink(missing_ok=True)
    manifest = Manifest(
        command="phenotype",
        arguments=arguments,
        configuration={
            "definition": list(definition.sources),
            "definition_name": definition.name,
            "definition_sha256": definition.digest,
            "alternatives": dict(definition.alternatives),
            "instance": options.instance,
            "allow_partial": options.allow_partial,
            "only": list(options.only),
            "complete": complete,
        },
        inputs=inputs,
        outputs=tuple(InputFile.read(files[kind]) for kind in written),
        filters=_filters(phenotypes.flow),
        started=started,
        finished=utc_now(),
    )
    replace_file(files["manifest"], lambda file: file.write(manifest.to_json().encode()))
    return manifest


def _number_ids(frame: pl.DataFrame, id_column: str) -> pl.DataFrame:
    """Return identifiers as whole numbers where the text stays the same, else as text."""
    ids = frame[id_column]
    numbers = ids.cast(pl.Int64, strict=False)
    if numbers.null_count() or not bool((numbers.cast(pl.String) == ids).all()):
        return frame
    return frame.with_columns(numbers.alias(id_column))


def _filters(flow: pl.DataFrame) -> tuple[RowFilter, ...]:
    """Return how many people went into and came out of each step of the flow."""
    return tuple(
        RowFilter(f"{step}: {reason}" if reason else step, left + out, left)
        for step, reason, out, left in flow.rows()
        if out
    )
