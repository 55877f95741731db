"""Canonical rows written in the formats of other programs."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Final

import polars as pl

from proteomr.errors import UsageError
from proteomr.files import replace_file, shared_mode
from proteomr.io.sumstats.books import ColumnRule, FormatBook, load_book
from proteomr.io.sumstats.cells import write_p
from proteomr.io.sumstats.sidecar import StudyMeta, write_sidecar
from proteomr.tables.sumstats import SumStats

__all__ = ["arrange_harmonised", "arrange_sumstats", "write_sumstats"]

_CATALOG: Final = {"X": "23", "Y": "24", "MT": "25"}
_PALINDROMES: Final = ("AT", "TA", "CG", "GC")


def arrange_sumstats(table: SumStats, *, format: str) -> pl.DataFrame:
    """Return summary statistics with the columns of another format, and with its spelling of them.

    Parameters
    ----------
    table : canonical rows.
    format : name of a format, or file of a book.

    Raises
    ------
    UsageError
        The format does not exist, or is only read.

    Examples
    --------
    >>> from proteomr.tables import load_schema
    >>> arrange_sumstats(SumStats(load_schema("sumstats").empty()), format="cojo").columns
    ['SNP', 'A1', 'A2', 'freq', 'b', 'se', 'p', 'N']
    """
    book = load_book(format)
    if not book.written:
        raise UsageError(f"format {format!r} is read, not written; write gwas_ssf")
    rows = table.frame
    columns: dict[str, pl.Series] = {}
    written: set[str] = set()
    for rule in book.columns:
        if rule.written and rule.to in rows.columns and rule.to not in written:
            written.add(rule.to)
            columns[rule.sources[0]] = _express(rows, rule, book)
    for name, allele in zip(book.other_from, ("other_allele", "effect_allele"), strict=False):
        columns[name] = rows[allele]
    for rule_of_rows in book.keep:
        value = rule_of_rows.values[0]
        columns[rule_of_rows.column] = pl.repeat(value, rows.height, eager=True)
    return pl.DataFrame([column.alias(name) for name, column in columns.items()])


def write_sumstats(
    table: SumStats, path: str | Path, *, format: str, meta: StudyMeta | None = None
) -> None:
    r"""Write summary statistics in another format, whole or not at all.

    P-values are written as text that holds them also below the smallest double. Beside GWAS-SSF
    stands its yaml file.

    Parameters
    ----------
    table : canonical rows.
    path : the file, plain text.
    format : name of a format, or file of a book.
    meta : what the yaml file of GWAS-SSF says; made of the table where None.

    Raises
    ------
    UsageError
        The format does not exist, or is only read.
    StorageError
        The disk refused.

    Examples
    --------
    >>> import tempfile
    >>> from proteomr.tables import load_schema
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     target = Path(folder) / "x.ma"
    ...     write_sumstats(SumStats(load_schema("sumstats").empty()), target, format="cojo")
    ...     target.read_text()
    'SNP A1 A2 freq b se p N\n'
    """
    path, book = Path(path), load_book(format)
    frame = arrange_sumstats(table, format=format)
    held = io.BytesIO()
    frame.write_csv(held, separator=book.delimiter, null_value=book.missing)
    content = held.getvalue()
    replace_file(path, lambda file: file.write(content), mode=shared_mode())
    if book.sidecar:
        digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
        target = path.with_name(f"{path.name}-meta.yaml")
        write_sidecar(target, meta or _describe(table), data_file=path.name, md5=digest)


def arrange_harmonised(
    exposure: SumStats, outcome: SumStats, *, keep: pl.Series | None = None
) -> pl.DataFrame:
    """Return two aligned tables with the columns of TwoSampleMR's harmonised data.

    Parameters
    ----------
    exposure, outcome : m rows each, the same variants in the same order, effects per the same
        allele.
    keep : (m,) which variants enter an analysis; all where None.

    Raises
    ------
    UsageError
        The tables are not aligned.

    Examples
    --------
    >>> from proteomr.tables import load_schema
    >>> empty = SumStats(load_schema("sumstats").empty())
    >>> "beta.outcome" in arrange_harmonised(empty, empty).columns
    True
    """
    names = ("variant_id", "effect_allele")
    if not exposure.frame.select(names).equals(outcome.frame.select(names)):
        raise UsageError("exposure and outcome are not the same variants with the same alleles")
    exposure_columns = arrange_sumstats(exposure, format="twosamplemr_exposure")
    outcome_columns = arrange_sumstats(outcome, format="twosamplemr_outcome").drop("SNP")
    pair = pl.col("effect_allele.exposure") + pl.col("other_allele.exposure")
    mr_keep = pl.repeat(value=True, n=exposure_columns.height, eager=True) if keep is None else keep
    return pl.concat([exposure_columns, outcome_columns], how="horizontal").with_columns(
        palindromic=pair.is_in(_PALINDROMES), mr_keep=mr_keep
    )


def _express(rows: pl.DataFrame, rule: ColumnRule, book: FormatBook) -> pl.Series:
    """Return a canonical column as a format spells it."""
    column = rows[rule.to]
    if rule.by == "p_text":
        return write_p(column)
    if rule.by == "z":
        return rows["beta"] / rows["se"]
    if rule.by == "log":
        return column.exp()
    if rule.by == "log10":
        return -column
    if rule.to == "chromosome" and book.chromosome_codes == "catalog":
        return column.replace(_CATALOG)
    return column


def _describe(table: SumStats) -> StudyMeta:
    builds = table.frame["build"].drop_nulls().unique()
    sizes, cases = table.frame["n"].max(), table.frame["n_case"].max()
    return StudyMeta(
        build=builds[0] if builds.len() == 1 else None,
        traits=table.traits,
        sample_size=sizes if isinstance(sizes, float) else None,
        case_control=cases is not None,
        harmonised=False,
    )
