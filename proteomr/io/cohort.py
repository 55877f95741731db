"""Samples, proteins, assays and covariates of the same people, joined into a cohort."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from proteomr.border import reads
from proteomr.errors import (
    ColumnError,
    InputError,
    UsageError,
    nearest,
)
from proteomr.io.identifiers import (
    Match,
    find_id_column,
    match_ids,
    normalise_ids,
)
from proteomr.io.imputations import IMPUTATION
from proteomr.io.people_choice import PeopleChoice, choose_people
from proteomr.io.protein_columns import (
    ProteinColumns,
    find_codes,
    glance_at_text,
    list_columns,
    note_shared,
    sort_columns,
)
from proteomr.io.proteins import Paths, ProteinFiles, name_file, open_proteins
from proteomr.io.sources import find_files, lacks_line_end
from proteomr.io.store import is_store, refuse_unfinished
from proteomr.io.tables import read_table
from proteomr.io.withdrawals import find_withdrawn
from proteomr.runs import refuse_altered
from proteomr.runs.notes import add_note
from proteomr.stats.sentinels import describe_sentinels, find_sentinels, seems_code
from proteomr.tables import WITHDRAWN, WITHOUT_PROTEINS, Cohort, Drop
from proteomr.tables import columns as c

__all__ = ["choose_id", "read_assays", "read_cohort", "read_samples"]

_STEP: Final = "load"
_LOOKED_AT: Final = 100  # proteins: what is wrong with an export is so with the first of them
_HUGE: Final = 1e6
_KEYED_BY_SAMPLE: Final = frozenset(
    f"{name}.parquet" for name in ("samples", "proteins", "time_gap")
)
_EIGENPROTEINS: Final = "eigenproteins.parquet"  # of `network`, whose identifier is ``id``
_NOBODY: Final = pl.Series("id", [], dtype=pl.String)


@dataclass(frozen=True, slots=True)
class _Named:
    samples: Path
    proteins: tuple[Path, ...]
    assays: Path | None
    beside: Path | None = None  # samples of a store that was given for its proteins


@reads
def read_cohort(
    samples: str | Path,
    proteins: Paths = (),
    *,
    scratch: Path,
    id_column: str | None = None,
    assays: str | Path | None = None,
    withdrawn: str | Path | None = None,
    people: PeopleChoice | None = None,
    exclude: Collection[str] | None = None,
    sample_columns: Collection[str] = (),
) -> Cohort:
    r"""Return the people who stand in both the samples and the proteins, sorted by identifier.

    The order of the rows in the files has no influence. Who stands in one of them alone, or has
    withdrawn, is left out and counted in ``Cohort.drops``.

    Parameters
    ----------
    samples : one row per person; or a folder that holds samples.parquet, proteins.parquet and
        perhaps assays.parquet.
    proteins : wide protein files or a quoted glob, joined on the identifier; or such a folder,
        whose samples then add the columns that the samples lack (batch, plate, ...); may be left
        out where samples is such a folder.
    scratch : folder for converted text files; the caller removes it after the last read.
    id_column : name of the identifier in every file; None for the usual names. Files of a store
        may keep their own, ``sample_id``.
    assays : one row per protein, with at least the column ``protein``.
    withdrawn : identifiers of people who have withdrawn, one a line.
    people : who of the samples is asked for, of those who have not withdrawn; None for all. A
        condition may name the columns that such a folder adds.
    exclude : columns of the protein files that are no proteins; None for those that the samples
        hold too, and fields of UK Biobank's participants.
    sample_columns : further columns of the protein files that are no proteins.

    Raises
    ------
    InputError
        A file is absent, unreadable or not what it should be, or was altered since proteomr wrote
        it into such a folder.
    RunFolderError
        A folder is a store that was not written to its end.
    IdentifierError
        Identifiers are absent, repeated, or shared by nobody.
        Or nobody is left of those asked for.
    NothingToDo
        Everybody in the samples has withdrawn.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     folder = Path(name)
    ...     size = (folder / "samples.csv").write_text("ID,age\n2,61\n1,50\n3,44\n")
    ...     size = (folder / "olink.csv").write_text("ID,ADM\n1,0.5\n2,1.5\n")
    ...     cohort = read_cohort(folder / "samples.csv", folder / "olink.csv", scratch=folder)
    ...     cohort.samples["ID"].to_list(), cohort.drops[0].n
    (['1', '2'], 1)
    """
    _refuse_frames({"samples": samples, "assays": assays})
    named = _name_files(samples, proteins, assays)
    everybody, id_name = read_samples(named.samples, id_column=choose_id(named.samples, id_column))
    withdrawal = None
    frame, gone = everybody, _NOBODY
    if withdrawn is not None:
        withdrawal = find_withdrawn(everybody[id_name], withdrawn, id_column=id_column)
        frame, gone = everybody.filter(~withdrawal.gone), withdrawal.listed
    if named.beside is not None:
        frame = _add_columns(frame, id_name, named.beside)
    unasked: tuple[Drop, ...] = ()
    if people is not None:
        stay, unasked = choose_people(
            frame, people, id_name=id_name, scratch=scratch, id_column=id_column
        )
        gone = pl.concat([gone, frame[id_name].filter(~stay).alias("id")])
        frame = frame.filter(stay)
    own = choose_id(named.proteins[0], id_column) if len(named.proteins) == 1 else id_column
    sorted_out = ProteinColumns(frozenset(exclude or ()).union(sample_columns))
    if exclude is None:
        _refuse_one_file(named)
        others = [name for name in frame.columns if name != id_name]
        sorted_out = _sort_columns(named, others, scratch, id_column=own, apart=sample_columns)
    opened = open_proteins(
        named.proteins,
        scratch=scratch,
        id_column=own,
        exclude=sorted_out.exclude,
        remedy="; name the column with --sample-column if it is no protein",
    )
    ids = frame[id_name]
    match = match_ids(ids, opened.ids, names=("samples", "proteins"))
    _note_cuts(named, match)
    _note_codes(opened)
    shared = ids[match.left]
    order = np.arange(shared.len()) if shared.is_sorted() else shared.arg_sort().to_numpy()
    removed = 0 if withdrawal is None else withdrawal.removed
    return Cohort(
        samples=frame[match.left[order]],
        id_column=id_name,
        proteins=opened.proteins.select_rows(match.right[order]),
        assays=read_assays(named.assays, names=opened.proteins.names),
        drops=(
            *((Drop(_STEP, WITHDRAWN, removed),) if withdrawn is not None else ()),
            *unasked,
            *_count_drops(match, opened, gone=gone),
        ),
        provenance={} if withdrawal is None else {"withdrawn": dict(withdrawal.counts)},
        notes=sorted_out.notes,
    )


@reads
def read_assays(path: str | Path | None, *, names: Sequence[str]) -> pl.DataFrame:
    """Return the assays of given proteins, one row each, in their order.

    Parameters
    ----------
    path : a table with at least the column ``protein``; None for a table of names alone.
    names : the proteins; one that the table lacks gets an empty row.

    Raises
    ------
    ColumnError
        The table has no column ``protein``, names a protein twice, or knows none of the proteins.

    Examples
    --------
    >>> read_assays(None, names=["ADM"]).row(0)[0]
    'ADM'
    """
    wanted = pl.DataFrame({c.PROTEIN: list(names)}, schema={c.PROTEIN: pl.String})
    if path is None:
        return wanted
    frame = read_table(path)
    if c.PROTEIN not in frame.columns:
        hint = nearest(c.PROTEIN, frame.columns)
        raise ColumnError(f"{path}: no column {c.PROTEIN!r}{hint}; it names the proteins")
    frame = frame.with_columns(pl.col(c.PROTEIN).cast(pl.String))
    if repeated := frame.height - frame[c.PROTEIN].n_unique():
        raise ColumnError(f"{path}: {repeated} proteins stand twice; keep one row for each")
    if not frame[c.PROTEIN].is_in(list(names)).any():
        hint = nearest(names[0], frame[c.PROTEIN].drop_nulls().to_list())
        raise ColumnError(f"{path}: none of the {len(names)} proteins, such as {names[0]!r}{hint}")
    joined = wanted.with_row_index("_order").join(frame, on=c.PROTEIN, how="left")
    return joined.sort("_order").drop("_order")


def _refuse_frames(given: Mapping[str, object]) -> None:
    for name, value in given.items():
        if value is not None and not isinstance(value, str | Path):
            raise UsageError(
                f"{name}: read_cohort reads files, and this is a {type(value).__name__}; "
                "proteomr.associate takes frames"
            )


def _name_files(samples: str | Path, proteins: Paths, assays: str | Path | None) -> _Named:
    if not isinstance(proteins, str | Path | list | tuple):
        _refuse_frames({"proteins": proteins})
    files = () if not isinstance(proteins, str | Path) and not proteins else find_files(proteins)
    folder = Path(samples)
    listed = None if assays is None else Path(assays)
    if len(files) == 1 and files[0].is_dir():
        inside = _files_inside(files[0])
        own = _files_inside(folder)["samples"] if folder.is_dir() else folder
        return _Named(own, (inside["proteins"],), _assays(inside, listed), inside["samples"])
    if not folder.is_dir():
        if not files:
            raise UsageError("no protein file is named; give one or several after the samples")
        return _Named(folder, files, listed)
    inside = _files_inside(folder)
    modules = bool(files) and all(file.name == _EIGENPROTEINS for file in files)
    described = listed if modules else _assays(inside, listed)  # modules are no assays
    return _Named(inside["samples"], files or (inside["proteins"],), described)


def _sort_columns(
    named: _Named,
    of_samples: Sequence[str],
    scratch: Path,
    *,
    id_column: str | None,
    apart: Collection[str],
) -> ProteinColumns:
    """Return which columns of the protein files are no proteins; those of a store all are."""
    stored = all(path.name in _KEYED_BY_SAMPLE and is_store(path.parent) for path in named.proteins)
    files, codes, keys = [], list[str](), set[str]()
    for path in named.proteins:
        glance = None if stored else glance_at_text(path)
        columns = list_columns(path, scratch=scratch, id_column=id_column)
        with name_file(path):
            key = find_id_column(columns, id_column=id_column)
        keys.add(key)
        others = [name for name in columns if name != key]
        files.append((path, others))
        if glance is not None:
            codes += find_codes(glance, set(others).difference(of_samples, apart))
    if stored:
        names = [name for _, columns in files for name in columns]
        shared = [name for name in names if name in of_samples]
        return ProteinColumns(frozenset({*shared, *apart}), note_shared(shared))
    return sort_columns(
        files,
        samples=named.samples,
        of_samples=of_samples,
        apart=apart,
        codes=codes,
        ids=keys,
    )


def _files_inside(folder: Path) -> dict[str, Path]:
    inside = {name: folder / f"{name}.parquet" for name in ("samples", "proteins", "assays")}
    refuse_unfinished(folder)
    if not inside["samples"].is_file():
        message = "a folder without samples.parquet; name a file, or a folder made by ingest"
        raise InputError(f"{folder}: {message}")
    for file in inside.values():
        if file.is_file():
            refuse_altered(file)
    return inside


def choose_id(path: Path, id_column: str | None) -> str | None:
    """Return the identifier to look for: the one named, or that of a file of our own."""
    if id_column is not None and path.name == _EIGENPROTEINS:
        return None
    if id_column is None or path.name not in _KEYED_BY_SAMPLE or not is_store(path.parent):
        return id_column
    return c.SAMPLE_ID


def _assays(inside: dict[str, Path], listed: Path | None) -> Path | None:
    return inside["assays"] if listed is None and inside["assays"].is_file() else listed


def _add_columns(frame: pl.DataFrame, id_name: str, path: Path) -> pl.DataFrame:
    """Add the columns that only the store's samples have; people it lacks get empty cells."""
    stored, stored_id = read_samples(path, id_column=None)
    further = [name for name in stored.columns if name not in {*frame.columns, stored_id}]
    keyed = stored.select(pl.col(stored_id).alias(id_name), *further)
    return frame.join(keyed, on=id_name, how="left", maintain_order="left")


def _note_cuts(named: _Named, match: Match) -> None:
    """Say of a file that may be cut off and lacks people whom the other file has."""
    for lacking, other, files in (
        (match.only_left, "samples", named.proteins),
        (match.only_right, "proteins", (named.samples,)),
    ):
        cut = [path for path in files if lacks_line_end(path)] if lacking else []
        for path in cut:
            add_note(
                f"{path.name} SEEMS CUT OFF: it lacks {lacking:,} of the people in the {other}, "
                "and its last line has no end; compare its size with the original's, or copy it "
                "again"
            )


def _note_codes(opened: ProteinFiles) -> None:
    """Say of how many proteins values seem to stand for a missing one, by the first of them."""
    proteins = opened.proteins
    candidates = proteins.find_candidates(lambda value: seems_code(value) or abs(value) > _HUGE)
    found = [
        (proteins.names[place], codes)
        for place in candidates[:_LOOKED_AT]
        if (codes := find_sentinels(proteins.read(slice(place, place + 1))[:, 0]))
    ]
    if found:
        name, codes = found[0]
        others = len(found) - 1
        more = f"; {others} more protein{' has' if others == 1 else 's have'} the like"
        more = more if others else ""
        add_note(f"the protein {name!r} has {describe_sentinels(codes)}{more}")


def _count_drops(match: Match, opened: ProteinFiles, *, gone: pl.Series) -> Iterator[Drop]:
    absent = match.only_right - int(opened.ids.is_in(gone.implode()).sum())
    yield Drop(_STEP, WITHOUT_PROTEINS, match.only_left)
    yield Drop(_STEP, "in the proteins, not in the samples", absent)
    if opened.excluded:
        reason = "columns of the protein files that are no proteins"
        yield Drop(_STEP, reason, len(opened.excluded))


@reads
def read_samples(path: Path, *, id_column: str | None) -> tuple[pl.DataFrame, str]:
    """Return a table of one row per person with its identifiers as text, and their column.

    Raises
    ------
    InputError
        There is no such file, or it is not such a table.
    IdentifierError
        Identifiers are absent, missing or repeated.
    """
    frame = read_table(path, id_column=id_column)
    if IMPUTATION in frame.columns and frame[IMPUTATION].n_unique() > 1:
        raise InputError(
            f"{path}: holds {frame[IMPUTATION].n_unique()} data sets of the same people (column "
            f"{IMPUTATION!r}), and this command takes one: keep the rows of one imputation"
        )
    with name_file(path):
        name = find_id_column(frame.columns, id_column=id_column)
        ids = normalise_ids(frame[name])
    return frame.with_columns(ids.alias(name)), name


def _refuse_one_file(named: _Named) -> None:
    same = named.samples.exists() and any(
        path.exists() and path.samefile(named.samples) for path in named.proteins
    )
    if same:
        raise InputError(
            f"{named.samples}: stands for both the samples and the proteins; name the columns "
            "that are no proteins, or write the proteins to a file of their own"
        )
