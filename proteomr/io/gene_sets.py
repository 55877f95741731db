"""Sets of genes from files of the form GMT."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from proteomr.border import reads
from proteomr.errors import FormatError, printable
from proteomr.io.bounds import read_whole
from proteomr.io.sources import inspect_file
from proteomr.tables.names import refuse_names

__all__ = ["GeneSet", "read_gmt"]

_MOST_MEGABYTES: Final = 64
_WIKIPATHWAYS: Final = 4  # parts of a name: title%WikiPathways_date%identifier%organism


@dataclass(frozen=True, slots=True)
class GeneSet:
    """A set of genes or proteins as its file names them.

    Attributes
    ----------
    name : of the set, unique in its file.
    description : what it is, in words; may be empty.
    members : as they are spelt, each once.
    """

    name: str
    description: str
    members: tuple[str, ...]


@reads
def read_gmt(path: str | Path) -> tuple[GeneSet, ...]:
    r"""Return the sets of a file of the form GMT: name, description, members, parted by tabs.

    The long names of WikiPathways (``title%WikiPathways_20240901%WP254%Homo sapiens``) become
    their identifier, and the title the description.

    Parameters
    ----------
    path : the file, also compressed with gzip.

    Raises
    ------
    FormatError
        A line has no member, or a name stands twice; with the line.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile(suffix=".gmt") as file:
    ...     size = file.write(b"heart\tof GTEx\tNPPB\tTNNI3\n")
    ...     file.flush()
    ...     read_gmt(file.name)
    (GeneSet(name='heart', description='of GTEx', members=('NPPB', 'TNNI3')),)
    """
    place = Path(path)
    kind, compressed = inspect_file(place)
    if kind == "parquet":
        raise FormatError("is parquet; sets are read from GMT, a text", path=place)
    content = read_whole(place, compressed=compressed, megabytes=_MOST_MEGABYTES)
    sets: dict[str, GeneSet] = {}
    for number, line in enumerate(content.decode("utf-8-sig", "replace").splitlines(), start=1):
        if not line.strip():
            continue
        found = _read_line(line, place, number)
        if found.name in sets:
            message = f"the set {printable(found.name)!r} stands twice"
            raise FormatError(message, path=place, line=number)
        sets[found.name] = found
    if not sets:
        raise FormatError("holds no set", path=place)
    refuse_names(sets, what="a set", path=place)
    return tuple(sets.values())


def _read_line(line: str, path: Path, number: int) -> GeneSet:
    name, *rest = (cell.strip() for cell in line.split("\t"))
    members = tuple(dict.fromkeys(cell for cell in rest[1:] if cell))
    if not name or not members:
        found = f"{len(rest) + 1} column{'' if not rest else 's'}" if name else "no name"
        message = f"{found}: a name, a description and members are needed, parted by tabs"
        raise FormatError(message, path=path, line=number)
    parts = name.split("%")
    if len(parts) == _WIKIPATHWAYS and parts[1].startswith("WikiPathways"):
        return GeneSet(parts[2], parts[0], members)
    return GeneSet(name, rest[0], members)
