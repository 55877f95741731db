"""From the files of any platform to measurements: who reads what is told by its content."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from proteomr.border import reading
from proteomr.errors import FormatError, InputError, UsageError, nearest
from proteomr.io.formats import IngestOptions, PlatformReader, Source, open_source, seems_cut
from proteomr.io.identifiers import refuse_other_spelling
from proteomr.io.olink import Olink
from proteomr.io.proteins import Paths
from proteomr.io.somascan import SomaScan
from proteomr.io.sources import find_files
from proteomr.io.ukbiobank import UkBiobank
from proteomr.io.wide_or_long import PlainTable
from proteomr.io.withdrawals import read_withdrawn
from proteomr.provenance import digest_file
from proteomr.tables import Drop, Measurements
from proteomr.tables import columns as c

__all__ = ["PLATFORMS", "detect_platform", "read_measurements", "remove_withdrawn_samples"]

PLATFORMS: Final[tuple[PlatformReader, ...]] = (SomaScan(), Olink(), UkBiobank(), PlainTable())
"""In the order in which they are asked; the last takes any table."""


def read_measurements(
    paths: Paths,
    *,
    scratch: Path,
    platform: str = "auto",
    options: IngestOptions | None = None,
    withdrawn: str | Path | None = None,
) -> Measurements:
    r"""Return what the files of a platform hold, as samples by assays.

    Parameters
    ----------
    paths : a file, several, or a quoted glob; what they are is told by their content.
    scratch : folder for converted files; the caller removes it after the last read.
    platform : name of the platform; auto: the first that knows all of the files.
    options : what the user says about the files.
    withdrawn : identifiers of people who have withdrawn, one a line; their samples are left out.

    Raises
    ------
    InputError
        A file is absent, unreadable, damaged, or of no platform.
    UsageError
        There is no such platform.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     folder = Path(name)
    ...     size = (folder / "wide.csv").write_text("sample_id,ADM,GDF15\n2,1.5,\n1,2.5,0.5\n")
    ...     measured = read_measurements(folder / "wide.csv", scratch=folder)
    ...     measured.platform, measured.proteins.read(slice(0, 2)).tolist()
    ('table', [[2.5, 0.5], [1.5, nan]])
    """
    sources = tuple(open_source(path) for path in find_files(paths))
    reader = detect_platform(sources) if platform == "auto" else _choose(platform, sources)
    with reading(sources[0].path):
        measured = reader.read(sources, options=options or IngestOptions(), scratch=scratch)
    if doubts := _note_cuts(sources):
        measured = replace(measured, notes=(*measured.notes, *doubts))
    return measured if withdrawn is None else remove_withdrawn_samples(measured, withdrawn)


def _note_cuts(sources: Sequence[Source]) -> tuple[str, ...]:
    cut = [source.path.name for source in sources if seems_cut(source)]
    if not cut:
        return ()
    which = f"{cut[0]} does" if len(cut) == 1 else f"{len(cut)} files, as {cut[0]}, do"
    return (f"{which} not end with a line break: if it was cut off, its last value is wrong",)


def detect_platform(sources: Sequence[Source]) -> PlatformReader:
    """Return the first platform that knows all of the files.

    Raises
    ------
    InputError
        The files are of several platforms, or of none.
    """
    *platforms, any_table = PLATFORMS
    for platform in platforms:
        if all(platform.matches(source) for source in sources):
            return platform
    readers = {source.path: _first_match(source) for source in sources}
    if all(reader is any_table for reader in readers.values()):
        return any_table
    unknown = [path for path, reader in readers.items() if reader is None]
    if unknown:
        raise FormatError(
            "is no Olink, SomaScan or UK Biobank file and no table with a header; name the "
            "platform with --platform",
            path=unknown[0],
        )
    kinds: dict[str, Path] = {}
    for path, reader in readers.items():
        if reader is not None:
            kinds.setdefault(reader.name, path)
    listed = ", ".join(f"{path} ({name})" for name, path in kinds.items())
    raise InputError(f"the files are of several platforms: {listed}; ingest one platform at a time")


def remove_withdrawn_samples(measured: Measurements, path: str | Path) -> Measurements:
    """Return measurements without the samples of people who have withdrawn, counted.

    Raises
    ------
    InputError
        The list cannot be read, or nobody is left.
    """
    gone = read_withdrawn(path)
    ids = measured.samples[c.SAMPLE_ID]
    listed = ids.is_in(gone.implode())
    removed = int(listed.sum())
    if removed == measured.n:
        raise InputError(f"all {removed} samples belong to people who have withdrawn")
    if gone.len() and not removed:
        refuse_other_spelling(ids, gone, shared=0, names=("samples", "list of withdrawals"))
    remaining = measured.select_samples(~listed, drop=Drop("withdrawn", "withdrawn", removed))
    noted = {"sha256": digest_file(path), "removed": removed}
    return replace(remaining, parameters={**remaining.parameters, "withdrawn": noted})


def _choose(platform: str, sources: Sequence[Source]) -> PlatformReader:
    by_name = {reader.name: reader for reader in PLATFORMS}
    for name, reader in by_name.items():
        if name == platform:
            _refuse_strangers(reader, sources)
            return reader
    names = ("auto", *by_name)
    hint = nearest(platform, names)
    raise UsageError(f"no platform {platform!r}{hint}; known: {', '.join(names)}")


def _refuse_strangers(reader: PlatformReader, sources: Sequence[Source]) -> None:
    for source in sources:
        if not reader.matches(source):
            other = _first_match(source)
            seems = f"; it looks like {other.name}" if other is not None else ""
            message = f"is not recognised as {reader.name}{seems}"
            raise FormatError(message, path=source.path)


def _first_match(source: Source) -> PlatformReader | None:
    return next((reader for reader in PLATFORMS if reader.matches(source)), None)
