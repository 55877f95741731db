"""A study of summary statistics, read in one way for all who use it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import polars as pl

from proteomr.border import reads
from proteomr.errors import FormatError, InputError, NothingToDo
from proteomr.gwas.agreement import AgreementSample
from proteomr.gwas.match import Match, add_keys
from proteomr.gwas.munge_report import describe_made, note_findings
from proteomr.gwas.munging import MungeOptions, MungeReport, munge_files, pile_files
from proteomr.gwas.repeats import REPEATED_DIFFERENTLY
from proteomr.gwas.trait_piles import TraitPile
from proteomr.gwas.twosamplemr import Side, from_twosamplemr
from proteomr.io.bounds import read_whole
from proteomr.io.sources import find_files, inspect_file
from proteomr.io.sumstats.archive import is_archive
from proteomr.io.sumstats.canonical import LOGICAL_TRUE, sample_rows
from proteomr.io.sumstats.cells import parse_names, parse_p, parse_rsids
from proteomr.io.sumstats.delimited import open_delimited
from proteomr.io.sumstats.selection import Selection
from proteomr.io.sumstats.sidecar import find_sidecar
from proteomr.io.sumstats.source import ReadOptions, SumStatsFile, open_sumstats
from proteomr.provenance import RowFilter
from proteomr.runs import Data, Source
from proteomr.tables import Drop, load_schema

__all__ = [
    "Study",
    "filter_rows",
    "name_studies",
    "name_study",
    "note_contradictions",
    "pile_study",
    "read_hits",
    "read_study",
    "read_variant_list",
    "select_variants",
]

_MOST_MEGABYTES: Final = 512  # names of twenty million variants
_SIDES: Final[dict[str, Side]] = {
    "twosamplemr_exposure": "exposure",
    "twosamplemr_outcome": "outcome",
}


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """Rows of summary statistics, and what was left out and found on the way.

    Parameters
    ----------
    rows : columns of the schema ``sumstats``; for tables of TwoSampleMR also ``mr_keep``.
    drops : rows that left, by reason.
    notes : what a user should know, one sentence each.
    from_twosamplemr : whether the rows are a table of TwoSampleMR, taken as that package made it.
    """

    rows: pl.DataFrame
    drops: tuple[Drop, ...]
    notes: tuple[str, ...]
    from_twosamplemr: bool = False


def name_study(data: Data, *, name: str = "sumstats") -> Source:
    """Return a study of summary statistics as the input of a job.

    Parameters
    ----------
    data : a file, a quoted glob whose files follow each other, or a frame; a yaml file beside a
        file, which may tell its build and trait, is an input too.
    name : of a frame; its trait where no column tells one.

    Raises
    ------
    InputError
        A glob matches no file.
    UsageError
        It is neither a path nor a frame.

    Examples
    --------
    >>> name_study(pl.DataFrame({"rsid": ["rs1"]}), name="stroke").name
    'stroke'
    """
    if not isinstance(data, str | Path):
        return Source.of(data, name=name)
    files = find_files(data)
    beside = [path for path in map(find_sidecar, files) if path is not None]
    return Source(str(data), (*files, *dict.fromkeys(beside)))


def name_studies(data: Data | Sequence[Data], *, name: str = "sumstats") -> tuple[Source, ...]:
    """Return one study or several as the inputs of a job, see `name_study`.

    Parameters
    ----------
    data : one, or a list or tuple of several.
    name : of a frame; of several with its number.

    Examples
    --------
    >>> [source.name for source in name_studies([pl.DataFrame(), pl.DataFrame()], name="outcome")]
    ['outcome 1', 'outcome 2']
    """
    if not isinstance(data, list | tuple):
        return (name_study(data, name=name),)
    numbered = len(data) > 1
    return tuple(
        name_study(entry, name=f"{name} {place}" if numbered else name)
        for place, entry in enumerate(data, start=1)
    )


def filter_rows(rows: int, drops: Sequence[Drop]) -> tuple[RowFilter, ...]:
    """Return rows in and out of each step that dropped any, for the account of a run.

    Parameters
    ----------
    rows : before the first step.
    drops : of these rows, in the order of the steps.

    Examples
    --------
    >>> filter_rows(9, [Drop("munge", "repeated", 2), Drop("munge", "se_missing", 0)])
    (RowFilter(step='repeated', rows_in=9, rows_out=7),)
    """
    filters: list[RowFilter] = []
    for drop in drops:
        if drop.n:
            filters.append(RowFilter(drop.reason, rows, rows - drop.n))
            rows -= drop.n
    return tuple(filters)


def read_study(
    paths: str | Path | Sequence[str | Path],
    *,
    options: MungeOptions | None = None,
    step: str = "munge",
) -> Study:
    r"""Return the rows of a study that can be used, each variant once, with an account of others.

    All commands read by it. Rows are judged as by `proteomr.gwas.munging.munge_files`: of a variant
    that stands several times the first row stays and the others are counted as ``repeated``; where
    they contradict each other all are left out as ``repeated_differently``, with a note. What
    TwoSampleMR's ``format_data`` made is taken as it stands, with its ``mr_keep``.

    Parameters
    ----------
    paths : one file or several, whose rows follow each other.
    options : how they are read.
    step : name of the step under which drops are counted.

    Raises
    ------
    InputError, FormatError, NothingToDo
        As for `proteomr.gwas.munging.munge_files`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".ma") as file:
    ...     size = file.write("SNP A1 A2 freq b se p N\nrs1 a g 0.2 0.1 0.02 5.7e-7 900\n" * 1)
    ...     size = file.write("rs1 g a 0.8 -0.1 0.02 5.7e-7 900\n")
    ...     file.flush()
    ...     study = read_study(file.name)
    >>> study.rows["beta"].to_list(), study.drops
    ([0.1], (Drop(step='munge', reason='repeated', n=1),))
    """
    asked = options or MungeOptions()
    files = find_files(paths)
    made = _read_made(files, asked)
    if made is not None:
        return made
    munged = munge_files(files, options=asked)
    return Study(munged.rows.collect(), *_account(munged.report, files, step))


def pile_study(
    path: Path, *, folder: Path, options: MungeOptions | None = None, step: str = "munge"
) -> tuple[TraitPile, tuple[Drop, ...], tuple[str, ...]]:
    """Return the rows of a study as a pile of traits, with the drops and notes of `read_study`.

    Parameters
    ----------
    path : one file.
    folder : for rows that are too many for memory; it outlives the pile.
    options, step : see `read_study`.

    Raises
    ------
    InputError, FormatError, NothingToDo, StorageError
        As for `proteomr.gwas.munging.munge_files`.
    """
    asked = options or MungeOptions()
    made = _read_made([path], asked)
    if made is not None:
        return TraitPile.of(made.rows.drop("mr_keep", strict=False)), made.drops, made.notes
    pile, report = pile_files([path], folder=folder, options=asked)
    return (pile, *_account(report, [path], step))


def _read_made(files: Sequence[Path], asked: MungeOptions) -> Study | None:
    """Return what TwoSampleMR's ``format_data`` made; None of other files."""
    opened = [open_sumstats(path, options=asked.read) for path in files]
    if asked.read.columns or not all(file.layout.book.name in _SIDES for file in opened):
        return None
    notes = [f"{f.path.name}: {note}" for f in opened for note in _check_scales(f, asked)]
    tables = [_take_twosamplemr(file) for file in opened]
    rows = pl.concat(tables, how="diagonal_relaxed")
    return Study(rows, (), tuple(notes), from_twosamplemr=True)


def _account(
    report: MungeReport, files: Sequence[Path], step: str
) -> tuple[tuple[Drop, ...], tuple[str, ...]]:
    """Return what left, and what a user should know."""
    drops = tuple(Drop(step, reason, n) for reason, n in report.dropped.items() if n)
    name = files[0].name if len(files) == 1 else f"{len(files)} files"
    return drops, (*report.notes, *(f"{name}: {note}" for note in note_findings(report)))


def select_variants(
    options: ReadOptions, wanted: pl.DataFrame, *, match: Match = "auto"
) -> ReadOptions:
    """Return options by which no more of a file is read than can be of the variants wanted.

    Parameters
    ----------
    options : how the file is read.
    wanted : ``variant_id``; where known ``rsid``, ``chromosome``, ``position_bp``.
    match : by what they will be looked for, see `proteomr.gwas.match.match_variants`.

    Examples
    --------
    >>> wanted = pl.DataFrame({"variant_id": ["rs1"], "chromosome": ["1"], "position_bp": [5]})
    >>> selection = select_variants(ReadOptions(), wanted).selection
    >>> sorted(selection.variants), sorted(selection.places)
    (['rs1'], [('1', 5)])
    """
    keyed = add_keys(wanted)
    names = [*keyed["variant_id"].drop_nulls(), *keyed["_rsid"].drop_nulls()]
    named = keyed["variant_id"].str.extract_groups(r"^(?i:chr)?([0-9XYM]+T?)[:_-]([0-9]+)[:_-]")
    spelt = named.struct.unnest().drop_nulls()
    by_name = [(str(c), int(p)) for c, p in spelt.iter_rows()] if spelt.width == 2 else []
    placed = keyed.select("_chromosome", "_position").drop_nulls().unique()
    places = frozenset([*placed.iter_rows(), *by_name])
    return replace(
        options,
        selection=Selection(
            regions=options.selection.regions,
            variants=frozenset() if match == "position" else frozenset(names),
            places=places,
        ),
    )


def read_hits(path: Path, options: ReadOptions) -> Study:
    """Return the rows of a study, or names and p values alone of a table with columns SNP and P.

    Parameters
    ----------
    path : summary statistics, or a table as PLINK writes it.
    options : how it is read.

    Raises
    ------
    FormatError
        It is of no known format, and lacks these columns.
    """
    rows = _read_names_and_p(path, options)
    if rows is None:
        return read_study(path, options=MungeOptions(read=options))
    note = f"{path.name}: no effects; columns 'SNP' and 'P' alone are taken"
    return Study(rows, (), (note,))


@reads
def _read_names_and_p(path: Path, options: ReadOptions) -> pl.DataFrame | None:
    """Return names and p values of a table that is of no known format; None of any other."""
    try:
        open_sumstats(path, options=options)
    except FormatError:
        named = options.format == "auto" and not options.columns and not is_archive(path)
        table = open_delimited(path) if named else None
        if table is None or not {"SNP", "P"} <= set(table.names):
            raise
    else:
        return None
    rows = pl.concat(list(table.read(["SNP", "P"]))).cast(pl.String)
    names = parse_names(rows["SNP"])
    return pl.DataFrame(
        {"variant_id": names, "neg_log10_p": parse_p(rows["P"])["neg_log10_p"]}
    ).with_columns(trait=pl.lit(path.stem))


def note_contradictions(reasons: pl.Series, names: pl.Series) -> tuple[str, ...]:
    """Return a note on rows that repeat a variant with other numbers, none without such rows.

    Parameters
    ----------
    reasons : why rows left, null for those kept.
    names : their variants.

    Examples
    --------
    >>> note_contradictions(pl.Series(["repeated_differently"] * 2), pl.Series(["a", "a"]))
    ("2 rows repeat a variant with another effect or error, as 'a'; none of them is kept",)
    """
    which = names.filter((reasons == REPEATED_DIFFERENTLY).fill_null(value=False))
    if not which.len():
        return ()
    message = f"{which.len():,} rows repeat a variant with another effect or error"
    return (f"{message}, as {which[0]!r}; none of them is kept",)


@reads
def read_variant_list(path: Path) -> tuple[str, ...]:
    r"""Return names of variants from a text file, also compressed: the first word of each line.

    Raises
    ------
    InputError
        There is no such file, or it holds no name.
    FormatError
        It is no text.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
    ...     size = file.write("rs1\nrs2 A\n\n")
    ...     file.flush()
    ...     read_variant_list(Path(file.name))
    ('rs1', 'rs2')
    """
    kind, compressed = inspect_file(path)
    if kind != "text":
        raise FormatError("is no text; names of variants, one a line, are needed", path=path)
    content = read_whole(path, compressed=compressed, megabytes=_MOST_MEGABYTES)
    text = content.decode("utf-8-sig", "replace")
    names = tuple(line.split()[0] for line in text.splitlines() if line.strip())
    if not names:
        raise InputError(f"{path}: holds no name of a variant")
    return names


def _check_scales(opened: SumStatsFile, asked: MungeOptions) -> tuple[str, ...]:
    sample = AgreementSample(opened.layout, path=opened.path, option=asked.map_option)
    logical = 0
    for raw in opened.raw(opened.columns_read()):
        sample.add(sample_rows(raw, opened.layout))
        is_true = pl.any_horizontal(pl.col(_alleles_of(opened)).cast(pl.String) == LOGICAL_TRUE)
        logical += raw.select(is_true.sum()).item()
    made = describe_made(Counter(allele_logical=logical))
    return (*made, *sample.check(refuse=asked.read.scales == "refuse"))


def _alleles_of(opened: SumStatsFile) -> list[str]:
    """Return the columns of a file that hold alleles."""
    found = (opened.layout.get(to) for to in ("effect_allele", "other_allele"))
    return [entry.source for entry in found if entry is not None]


def _take_twosamplemr(opened: SumStatsFile) -> pl.DataFrame:
    side = _SIDES[opened.layout.book.name]
    raw = pl.concat(list(opened.raw(opened.names)))
    alleles = [name for name in _alleles_of(opened) if raw[name].dtype == pl.String]
    raw = raw.with_columns(pl.col(name).replace(LOGICAL_TRUE, "T") for name in alleles)
    rows = from_twosamplemr(raw, side=side)
    if not rows.height:
        raise NothingToDo(f"{opened.path}: a header and no rows")
    named = rows.with_columns(
        parse_names(rows["variant_id"]).alias("variant_id"),
        parse_rsids(rows["variant_id"])[0].alias("rsid"),
        pl.lit(opened.declared, pl.String).alias("build"),
    )
    schema = load_schema("sumstats").empty().schema
    absent = [pl.lit(None, t).alias(n) for n, t in schema.items() if n not in named.columns]
    order = [*schema, *(name for name in named.columns if name not in schema)]
    return named.with_columns(absent).select(order)
