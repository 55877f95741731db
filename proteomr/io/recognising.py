"""What the files of a folder are to a study, told by the readers that would read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeAlias

import polars as pl

from proteomr.errors import InputError, ProteomrError
from proteomr.io.column_names import names_protein, sounds_like_sample
from proteomr.io.formats import IngestOptions, Source, open_source
from proteomr.io.identifiers import find_id_column
from proteomr.io.ingest import PLATFORMS, detect_platform
from proteomr.io.own_results import find_figure_numbers, name_result
from proteomr.io.store import PROTEINS, is_store
from proteomr.io.sumstats import open_sumstats
from proteomr.io.tables import read_table
from proteomr.io.ukbiobank.reader import find_roles
from proteomr.io.wide_or_long.layout import Glance, glance_at, looks_long, names_people
from proteomr.io.wide_or_long.rows import find_orientation
from proteomr.tables import columns as c

__all__ = ["Recognised", "Role", "list_kinds", "recognise_folder"]

Role: TypeAlias = Literal[
    "platform",
    "store",
    "proteins",
    "people",
    "participants",
    "covariate",
    "assays",
    "sumstats",
    "harmonised",
    "genotypes",
    "unknown",
]
"""Of a file in a study; ``unknown`` is one that no reader takes, or that needs to be told more."""

_GENOTYPES: Final = {
    ".bed": ((".bim",), (".fam",)),
    ".pgen": ((".pvar", ".pvar.zst"), (".psam",)),
}
_BESIDE: Final = {
    ending for several in _GENOTYPES.values() for one in several for ending in one
} | {".log"}
_MOST: Final = 0.5  # of the columns beside the identifier: names of proteins make a matrix
_FEWEST_DECIMALS: Final = 10  # columns of decimals that no name explains: a matrix all the same
_RESULTS: Final = {c.ESTIMATE, c.P_VALUE, c.EXPOSURE, c.OUTCOME, "effect"}
_SAID_HARMONISED: Final = "harmonised variants of two traits"
_HARMONISED: Final = ({"beta_exposure", "beta_outcome"}, {"beta.exposure", "beta.outcome"})


@dataclass(frozen=True, slots=True)
class Recognised:
    """A file, a folder or a set of genotypes, and what it is to a study.

    Attributes
    ----------
    path : the file or folder; of genotypes their prefix.
    role : what it is.
    detail : the platform, the format or what it holds; of what is unknown, why.
    columns : of tables, without the identifier.
    people : rows of a table of people, or of what a table of proteins says of them; None for all
        else.
    identifier : name of the identifier where it is none of the usual ones.
    """

    path: Path
    role: Role
    detail: str
    columns: tuple[str, ...] = ()
    people: pl.DataFrame | None = field(default=None, compare=False, repr=False)
    identifier: str | None = None


def recognise_folder(folder: str | Path) -> tuple[Recognised, ...]:
    r"""Return what each file of a folder is, in the order of their names.

    Content decides, by the readers that the commands use: platforms, formats of summary statistics,
    genotypes whose files stand together, stores; then tables with an identifier. A table whose
    columns are mostly named after proteins (or are ten decimals and more) is a matrix of proteins,
    any other one of people; one whose columns are panels or proteins of the others is a covariate
    of proteins. Results that proteomr wrote, and the numbers beside its figures, are unknown, so
    that nothing takes them. Folders within are looked into no further than whether they are stores.

    Parameters
    ----------
    folder : of the files; hidden ones are passed over.

    Raises
    ------
    InputError
        There is no such folder.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     size = Path(name, "people.csv").write_text("eid,age,ill\n1,60,0\n2,70,1\n")
    ...     size = Path(name, "notes.txt").write_text("to do\n")
    ...     [(one.path.name, one.role) for one in recognise_folder(name)]
    [('notes.txt', 'unknown'), ('people.csv', 'people')]
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: is no folder; name the one that holds the files of the study")
    entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    found = [_of_store(folder)] if is_store(folder) else []
    own = _list_own_files(folder) if found else set()
    genotypes = _find_genotypes(entries)
    taken = {file for files in genotypes.values() for file in files} | own
    found += [
        Recognised(prefix, "genotypes", "genotypes (" + ", ".join(f.suffix for f in files) + ")")
        for prefix, files in genotypes.items()
    ]
    numbers = find_figure_numbers(entries)
    found += [
        Recognised(path, "unknown", f"numbers of the figure {numbers[path].name}")
        if path in numbers
        else _recognise(path)
        for path in entries
        if path not in taken
    ]
    return _find_covariates(found)


def _of_store(folder: Path) -> Recognised:
    people = read_table(folder / "samples.parquet")
    return Recognised(folder, "store", "store of proteins", tuple(people.columns[1:]), people)


def _list_own_files(folder: Path) -> set[Path]:
    """Return the files that a store or a run consists of."""
    names = ("samples.parquet", f"{PROTEINS}.parquet", "manifest.json", "log.txt", "drops.tsv")
    return {folder / name for name in names}


def _find_genotypes(entries: Sequence[Path]) -> dict[Path, list[Path]]:
    """Return the files of each set of genotypes that is whole, by their prefix."""
    there = set(entries)
    found: dict[Path, list[Path]] = {}
    for path in entries:
        for needed in [_GENOTYPES[path.suffix]] if path.suffix in _GENOTYPES else []:
            prefix = path.with_suffix("")
            choices = [[Path(f"{prefix}{ending}") for ending in endings] for endings in needed]
            beside = [next((file for file in of if file in there), None) for of in choices]
            if all(beside):
                whole = [path, *(file for file in beside if file is not None)]
                found[prefix] = found.get(prefix, []) + whole
    return found


def _recognise(path: Path) -> Recognised:
    if path.is_dir():
        if is_store(path):
            return _of_store(path)
        return Recognised(path, "unknown", "a folder; files in it are not looked at")
    if path.suffix in _GENOTYPES or path.suffix in _BESIDE - {".log"}:
        return Recognised(path, "unknown", "genotypes without the files that stand beside them")
    try:
        return _recognise_file(path)
    except ProteomrError as fault:
        return Recognised(path, "unknown", str(fault).removeprefix(f"{path}: "))


def _recognise_file(path: Path) -> Recognised:
    if (result := name_result(path)) is not None:
        return Recognised(path, "unknown", f"results of proteomr ({result})")
    source = open_source(path)
    if source.kind == "archive":
        return Recognised(path, "unknown", "an archive; `proteomr ingest` takes one of tables")
    platform = detect_platform((source,))
    if platform.name == "ukb" and find_roles(source) == ("participants",):
        return Recognised(path, "participants", "participants of UK Biobank")
    if platform is not PLATFORMS[-1] or source.kind == "h5ad":
        return Recognised(path, "platform", platform.name)
    return _recognise_sumstats(path) or _recognise_table(path, source)


def _recognise_sumstats(path: Path) -> Recognised | None:
    try:
        opened = open_sumstats(path)
    except ProteomrError:
        return None
    if _is_harmonised(opened.names):
        return Recognised(path, "harmonised", _SAID_HARMONISED)
    return Recognised(path, "sumstats", f"summary statistics ({opened.layout.book.name})")


def _is_harmonised(names: Sequence[str]) -> bool:
    return any(needed <= set(names) for needed in _HARMONISED)


def _recognise_table(path: Path, source: Source) -> Recognised:
    glance = glance_at(source)
    names = set(glance.names)
    if _is_harmonised(glance.names):
        return Recognised(path, "harmonised", _SAID_HARMONISED)
    if {c.PROTEIN, c.PANEL} <= names:
        panels = glance.head[c.PANEL].drop_nulls().unique(maintain_order=True)
        return Recognised(path, "assays", "assays and their panels", tuple(map(str, panels)))
    if not names & _RESULTS and find_orientation(glance, IngestOptions()) is not None:
        return Recognised(path, "platform", "table")
    return _recognise_rows(path, glance)


def _recognise_rows(path: Path, glance: Glance) -> Recognised:
    """Return what a table with a row for each person is."""
    named = sum(map(names_protein, glance.names)) >= _MOST * len(glance.names)
    identifier, usual = _find_identifier(glance, beside_proteins=named)
    columns = tuple(name for name in glance.names if name != identifier)
    if usual is None and _is_matrix(glance, columns):
        return Recognised(path, "proteins", f"{len(columns):,} proteins", columns)
    if named:
        facts = tuple(name for name in columns if sounds_like_sample(name) or name in glance.other)
        people = read_table(path, id_column=identifier).select(identifier, *facts)
        return Recognised(path, "platform", "table", facts, people, usual)
    refused = looks_long(glance, glance.head[identifier])
    if refused is not None:
        raise refused
    people = read_table(path)
    if people[identifier].n_unique() < people.height:
        return Recognised(path, "unknown", f"several rows for one {identifier}")
    detail = f"{people.height:,} people, {len(columns):,} columns"
    return Recognised(path, "people", detail, columns, people)


def _find_identifier(glance: Glance, *, beside_proteins: bool) -> tuple[str, str | None]:
    """Return the column of the identifier, and the same again where the user has to name it.

    Beside proteins, which cannot be mistaken, a column that is called like an identifier is one.
    """
    try:
        return find_id_column(glance.names), None
    except InputError:
        likely = [name for name in glance.names if names_people(glance.head[name])]
        if not beside_proteins or not likely:
            raise
        return likely[0], likely[0]


def _is_matrix(glance: Glance, columns: Sequence[str]) -> bool:
    """Tell whether the columns of a table are proteins."""
    if not columns or not set(columns) <= set(glance.numeric) | set(glance.doubtful):
        return False
    if any(map(sounds_like_sample, columns)):
        return False
    if sum(map(names_protein, columns)) >= _MOST * len(columns):
        return True
    return len(columns) >= _FEWEST_DECIMALS and all(
        _holds_decimals(glance.head[name]) for name in columns
    )


def _holds_decimals(column: pl.Series) -> bool:
    values = column.cast(pl.Float64, strict=False).drop_nulls().drop_nans()
    return bool(values.len()) and bool((values != values.round()).any())


def _find_covariates(found: Sequence[Recognised]) -> tuple[Recognised, ...]:
    """Mark tables with a column for each panel, or for each protein of another table."""
    panels = {name for one in found if one.role == "assays" for name in one.columns}

    def is_covariate(one: Recognised) -> bool:
        return one.role in {"people", "proteins"} and bool(panels) and panels >= set(one.columns)

    return tuple(
        Recognised(one.path, "covariate", "a covariate by panel", one.columns)
        if is_covariate(one)
        else one
        for one in found
    )


def list_kinds(found: Sequence[Recognised]) -> Mapping[Role, tuple[Recognised, ...]]:
    """Return what was found by its role.

    Examples
    --------
    >>> sorted(list_kinds([Recognised(Path("a"), "unknown", "empty")]))
    ['unknown']
    """
    kinds: dict[Role, tuple[Recognised, ...]] = {}
    for one in found:
        kinds[one.role] = (*kinds.get(one.role, ()), one)
    return kinds
