"""From the files of any platform to measurements: who reads what is told by its content."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from proteomr.border import reading
from proteomr.errors import FormatError, InputError, UsageError, nearest
from proteomr.io.archives import Unpacked, unpack
from proteomr.io.formats import IngestOptions, PlatformReader, Source, open_source
from proteomr.io.mass_spectrometry import MassSpectrometry
from proteomr.io.nulisa import Nulisa
from proteomr.io.olink import Olink
from proteomr.io.proteins import Paths
from proteomr.io.somascan import SomaScan
from proteomr.io.sources import find_files, lacks_line_end
from proteomr.io.streams import describe_cut
from proteomr.io.ukbiobank import UkBiobank
from proteomr.io.wide_or_long import PlainTable
from proteomr.io.withdrawals import find_withdrawn
from proteomr.tables import Drop, Measurements
from proteomr.tables import columns as c

__all__ = ["PLATFORMS", "detect_platform", "read_measurements", "remove_withdrawn_samples"]

PLATFORMS: Final[tuple[PlatformReader, ...]] = (
    SomaScan(),
    Olink(),
    Nulisa(),
    UkBiobank(),
    MassSpectrometry(),
    PlainTable(),
)
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
    paths : a file, several, or a quoted glob; what they are is told by their content. A zip archive
        stands for the tables in it.
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
    chosen = None if platform == "auto" else _choose(platform)
    opened, unpacked = _unpack([open_source(path) for path in find_files(paths)], scratch)
    with _named_as_delivered(unpacked):
        sources = tuple(
            source if source.kind != "archive" else _open_member(path) for source, path in opened
        )
        reader = detect_platform(sources) if chosen is None else chosen
        _refuse_workbooks(reader, sources)
        with reading(sources[0].path):
            measured = reader.read(sources, options=options or IngestOptions(), scratch=scratch)
    notes = [note for archive in unpacked.values() for note in archive.notes]
    plain = [source.path for source in sources if source.kind == "text" and not source.compressed]
    cuts = [describe_cut(path.name) for path in plain if lacks_line_end(path)]
    if doubts := (*notes, *cuts):
        measured = replace(measured, notes=(*measured.notes, *doubts))
    return measured if withdrawn is None else remove_withdrawn_samples(measured, withdrawn)


def _refuse_workbooks(reader: PlatformReader, sources: Sequence[Source]) -> None:
    for source in sources:
        if source.kind == "workbook" and reader is PLATFORMS[-1]:
            message = "is a workbook, read from Olink and NULISA alone; save the sheet as csv"
            raise FormatError(message, path=source.path)


def _unpack(
    sources: Sequence[Source], scratch: Path
) -> tuple[list[tuple[Source, Path]], dict[Path, Unpacked]]:
    """Return each source with where it stands: as it is, or unpacked from an archive."""
    unpacked = {
        source.path: unpack(source.path, scratch=scratch)
        for source in sources
        if source.kind == "archive"
    }
    placed = [
        (source, path)
        for source in sources
        for path in (unpacked[source.path].names if source.path in unpacked else [source.path])
    ]
    return placed, unpacked


def _open_member(path: Path) -> Source:
    source = open_source(path)
    if source.kind == "archive":
        raise FormatError("is an archive in an archive; unpack it", path=path)
    return source


@contextmanager
def _named_as_delivered(unpacked: Mapping[Path, Unpacked]) -> Iterator[None]:
    """Name files of an archive in errors by the archive and not by where they were unpacked."""
    try:
        yield
    except InputError as fault:
        message = str(fault)
        for archive, content in unpacked.items():
            for path, name in content.names.items():
                message = message.replace(str(path), f"{archive}/{name}")
                if isinstance(fault, FormatError) and fault.path == path:
                    fault.path = archive / name
        fault.args = (message,)
        raise


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
    books = {source.path for source in sources if source.kind == "workbook"}
    if unknown and unknown[0] in books:
        message = "no sheet of the workbook is a table of Olink or NULISA; save the sheet as csv"
        raise FormatError(message, path=unknown[0])
    if unknown:
        raise FormatError(
            "is no Olink, SomaScan, NULISA, UK Biobank or mass-spectrometry file and no table with "
            "a header; name the platform with --platform",
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
    withdrawal = find_withdrawn(measured.samples[c.SAMPLE_ID], path)
    drop = Drop("withdrawn", "withdrawn", withdrawal.removed)
    remaining = measured.select_samples(~withdrawal.gone, drop=drop)
    noted = {**withdrawal.counts, "removed": withdrawal.removed}
    return replace(remaining, parameters={**remaining.parameters, "withdrawn": noted})


def _choose(platform: str) -> PlatformReader:
    """Return the reader that the user names, which is not asked whether it knows the files."""
    by_name = {reader.name: reader for reader in PLATFORMS}
    for name, reader in by_name.items():
        if name == platform:
            return reader
    names = ("auto", *by_name)
    hint = nearest(platform, names)
    raise UsageError(f"no platform {platform!r}{hint}; known: {', '.join(names)}")


def _first_match(source: Source) -> PlatformReader | None:
    return next((reader for reader in PLATFORMS if reader.matches(source)), None)
