"""A file of summary statistics, opened: its format, its columns, and its rows in batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import polars as pl

from proteomr.border import reads
from proteomr.errors import FormatError, UsageError
from proteomr.io.sources import inspect_file
from proteomr.io.sumstats.ahead import read_ahead
from proteomr.io.sumstats.archive import describe_members, is_archive, open_archive
from proteomr.io.sumstats.books import FormatBook, is_book_file, load_book
from proteomr.io.sumstats.canonical import Chunk, Facts, canonicalise
from proteomr.io.sumstats.cells import ABSENT
from proteomr.io.sumstats.delimited import RawTable, open_delimited
from proteomr.io.sumstats.distinct import find_distinct
from proteomr.io.sumstats.header import Layout, assign_columns, find_book
from proteomr.io.sumstats.selection import Selection
from proteomr.io.sumstats.sidecar import find_sidecar, read_sidecar
from proteomr.io.sumstats.vcf import read_meta, unpack
from proteomr.runs import refuse_altered
from proteomr.tables.names import refuse_names
from proteomr.tables.sumstats import GenomeBuild, name_build

__all__ = ["ReadOptions", "SumStatsFile", "name_trait", "open_sumstats"]

_SUFFIXES = (".gz", ".bgz", ".tar", ".tgz", ".tsv", ".csv", ".txt", ".regenie", ".vcf", ".parquet")


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How a file is to be read.

    Parameters
    ----------
    format : ``auto``, the name of a format, or a book of the user's own, which may be given by its
        file (``.toml``); the book is read at once, and what it says is part of the request.
    columns : canonical column to column of the file; goes before what the format says.
    selection : regions and variants wanted.
    build : genome build of the positions, by any of its names; goes before what the file says.
    trait : name of the trait; goes before the name of the file.
    n, n_case : people and cases, where no column tells them.
    case_share : share of cases, to turn effects of a linear model into log odds ratios.
    ratio_se : what the standard error beside a ratio is of.
    scales : whether a file whose effects, errors, p or frequencies are proven to be on another
        scale than they are taken for is refused, or read with a note.

    Raises
    ------
    UsageError
        The share of cases is not between 0 and 1, or the build is none.
    InputError
        The file of a book cannot be read, or is none.
    """

    format: str | FormatBook = "auto"
    columns: Mapping[str, str] = field(default_factory=dict[str, str])
    selection: Selection = field(default_factory=Selection)
    build: GenomeBuild | None = None
    trait: str | None = None
    n: float | None = None
    n_case: float | None = None
    case_share: float | None = None
    ratio_se: Literal["log", "ratio"] = "log"
    scales: Literal["refuse", "note"] = "refuse"

    def __post_init__(self) -> None:
        if isinstance(self.format, str) and is_book_file(self.format):
            object.__setattr__(self, "format", load_book(self.format))
        if self.build is not None:
            object.__setattr__(self, "build", name_build(self.build))
        if self.case_share is not None and not 0 < self.case_share < 1:
            raise UsageError(f"share of cases {self.case_share:g}: between 0 and 1 is needed")


@dataclass(frozen=True, slots=True, eq=False)
class SumStatsFile:
    """A file whose format is known.

    Parameters
    ----------
    path : the file.
    layout : its format and columns.
    facts : what holds for all its rows.
    declared : the build that the file or its format tells, before any option.
    notes : what a user should know of the reading, one sentence each.
    """

    path: Path
    layout: Layout
    facts: Facts
    declared: GenomeBuild | None
    notes: tuple[str, ...]
    _table: RawTable
    _selection: Selection

    @reads
    def chunks(self) -> Iterator[Chunk]:
        """Yield the canonical rows in batches of bounded size."""
        for raw in read_ahead(self._table.read(self.columns_read())):
            for trait, rows in self._by_trait(raw):
                facts = self.facts if trait is None else replace(self.facts, trait=trait)
                chunk = canonicalise(rows, self.layout, facts=facts, selection=self._selection)
                traits = find_distinct(chunk.frame["trait"]).cells.drop_nulls().unique()
                refuse_names(traits, what="a trait", path=self.path)
                yield chunk

    @property
    def names(self) -> tuple[str, ...]:
        """The header of the file."""
        return self._table.names

    @reads
    def raw(self, names: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Yield columns of the file as they stand in it, in batches of bounded size.

        Parameters
        ----------
        names : columns of the file.
        """
        yield from self._table.read(names)

    def columns_read(self) -> list[str]:
        """Return the columns of the file of which something is made, in its order."""
        book = self.layout.book
        single = {entry.source for entry in self.layout.assignments}
        single.update(rule.column for rule in (*book.keep, *book.drop))
        if self.layout.get("other_allele") is None:
            single.update(book.other_from)
        single.add(book.eaf_allele)
        several = {f"{name}.{trait}" for name in book.per_trait for trait in self.layout.traits}
        return [name for name in self._table.names if name in single | several]

    def _by_trait(self, raw: pl.DataFrame) -> Iterator[tuple[str | None, pl.DataFrame]]:
        if not self.layout.traits:
            yield None, raw
        book = self.layout.book
        for trait in self.layout.traits:
            names = {f"{name}.{trait}": name for name in book.per_trait}
            others = [name for name in raw.columns if name.split(".", 1)[0] not in book.per_trait]
            here = [name for name in names if name in raw.columns]
            yield trait, raw.select(*others, *here).rename({name: names[name] for name in here})


@reads
def open_sumstats(path: str | Path, *, options: ReadOptions | None = None) -> SumStatsFile:
    r"""Return a file of summary statistics, its format found from its content.

    Parameters
    ----------
    path : delimited text, also compressed with gzip; parquet; GWAS-VCF; or a tar of one protein.
    options : how it is to be read.

    Raises
    ------
    InputError
        There is no such file, or it may not be read; or it was altered since proteomr wrote it.
    FormatError
        It is of no known format, or lacks a column that is needed.
    UsageError
        The format or a column of the mapping does not exist, or the case share does not apply.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".ma") as file:
    ...     size = file.write("SNP A1 A2 freq b se p N\nrs1 a g 0.2 0.1 0.02 5.7e-7 900\n")
    ...     file.flush()
    ...     opened = open_sumstats(file.name)
    ...     row = next(opened.chunks()).frame.row(0, named=True)
    >>> opened.layout.book.name, row["rsid"], row["effect_allele"], row["n"]
    ('cojo', 'rs1', 'A', 900.0)
    """
    path, asked = Path(path), options or ReadOptions()
    members: tuple[str, ...] = ()
    if is_archive(path):
        members = describe_members(path)
        table = open_archive(path, chromosomes=asked.selection.chromosomes)
    else:
        table = open_delimited(path)
        if inspect_file(path)[0] == "parquet":
            refuse_altered(path)
    book = _book(table, asked)
    facts, notes = _facts(table, book, asked)
    if book.vcf:
        table = unpack(table)
    layout = assign_columns(table.names, book, mapping=asked.columns, path=path)
    if asked.ratio_se == "ratio":
        layout = layout.taking("se", by="ratio")
    _refuse_decimal_comma(table, layout)
    if asked.case_share is not None and not book.linear:
        raise UsageError(
            f"{path}: effects of {book.name!r} are taken as they are; a share of cases applies to"
            " linear models of bolt_lmm and fastgwa"
        )
    facts = replace(facts, without_errors=_lacks_errors(table, layout))
    notes += (*members, *_notes(layout, asked))
    return SumStatsFile(path, layout, facts, facts.build, notes, table, asked.selection)


def _book(table: RawTable, asked: ReadOptions) -> FormatBook:
    if isinstance(asked.format, FormatBook):
        return asked.format
    if asked.format != "auto":
        return load_book(asked.format)
    ids = table.sample["ID"].drop_nulls().to_list() if "ID" in table.names else []
    enough = "effect_allele" not in asked.columns
    return find_book(table.names, path=table.path, ids=ids, required=enough)


def _facts(table: RawTable, book: FormatBook, asked: ReadOptions) -> tuple[Facts, tuple[str, ...]]:
    notes: tuple[str, ...] = ()
    facts = Facts(
        build=asked.build or book.build,
        trait=asked.trait,
        n=asked.n,
        n_case=asked.n_case,
        case_share=asked.case_share,
    )
    if book.vcf:
        facts = read_meta(table.meta, facts)
    sidecar = find_sidecar(table.path) if book.sidecar else None
    if sidecar is not None:
        meta = read_sidecar(sidecar)
        facts = replace(
            facts,
            build=facts.build or meta.build,
            trait=facts.trait or "; ".join(meta.traits) or None,
            n=facts.n if facts.n is not None else meta.sample_size,
            zero_based=meta.zero_based,
        )
        notes += (f"metadata of {sidecar.name} were taken",)
        if meta.zero_based:
            notes += ("positions counted from zero; one was added",)
    if facts.trait is None:
        facts = replace(facts, trait=name_trait(table.path))
    return facts, notes


def _lacks_errors(table: RawTable, layout: Layout) -> bool:
    """Tell whether a file has no column of errors, or none in its first rows."""
    errors = layout.get("se")
    if errors is None or errors.source not in table.names:
        return errors is None
    return bool(table.sample[errors.source].cast(pl.String).is_in(ABSENT).all())


def _refuse_decimal_comma(table: RawTable, layout: Layout) -> None:
    for to in ("beta", "se", "eaf"):
        assignment = layout.get(to)
        if assignment is None or assignment.source not in table.names:
            continue
        cells = table.sample[assignment.source].drop_nulls()
        if cells.len() and cells.str.contains(r"^[+-]?\d*,\d+([eE][+-]?\d+)?$").all():
            message = "decimal comma; write numbers with a decimal point"
            raise FormatError(message, path=table.path, column=assignment.source)


def name_trait(path: Path) -> str:
    """Return the name of the trait of a file that tells none: its own, without its endings.

    Examples
    --------
    >>> name_trait(Path("data/stroke.tsv.gz"))
    'stroke'
    """
    name = path.name
    while shorter := next((name.removesuffix(s) for s in _SUFFIXES if name.endswith(s)), ""):
        name = shorter
    return name


def _notes(layout: Layout, asked: ReadOptions) -> tuple[str, ...]:
    notes = []
    effect, beta = layout.get("effect_allele"), layout.get("beta")
    if layout.book.name == "named" and effect and "effect_allele" not in asked.columns:
        notes.append(f"column {effect.source!r} is taken as the effect allele")
    trait = layout.get("trait")
    told = any(rule.to == "trait" for rule in layout.book.columns)
    if trait and not told and trait.source != "trait" and "trait" not in asked.columns:
        notes.append(f"column {trait.source!r} is taken for the trait")
    if beta is not None and beta.by == "log":
        notes.append(f"the logarithm of column {beta.source!r} is the effect")
    if beta is not None and beta.by == "z":
        scale = "allele" if layout.get("eaf") else "standard deviation of the genotype"
        notes.append(f"effects are made from {beta.source!r} and n, per {scale}")
    if asked.case_share is not None:
        notes.append(f"effects were divided by k (1 - k), k = {asked.case_share:g}, the case share")
    if layout.get("neg_log10_p") is None:
        notes.append("no p-values given; they are computed from effects and errors")
    return tuple(notes)
