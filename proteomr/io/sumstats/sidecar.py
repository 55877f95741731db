"""The yaml file beside a GWAS-SSF table: what it says of the study, read and written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from proteomr.border import reads
from proteomr.errors import FormatError
from proteomr.files import replace_file, shared_mode
from proteomr.tables.sumstats import BUILD_NAMES, GenomeBuild

__all__ = ["StudyMeta", "find_sidecar", "read_sidecar", "write_sidecar"]

_ENDS: Final = ("-meta.yaml", "-meta.yml", ".yaml", ".yml")
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9 ._/()-]*")


@dataclass(frozen=True, slots=True)
class StudyMeta:
    """What the metadata of a study say that matters for its numbers.

    Parameters
    ----------
    build : genome build.
    zero_based : whether positions count from zero.
    traits : names of the traits.
    sample_size : people, over all groups of samples.
    case_control : whether the trait has cases; None where it is not said.
    harmonised : whether alleles were put on the reference's strand; None where it is not said.
    """

    build: GenomeBuild | None = None
    zero_based: bool = False
    traits: tuple[str, ...] = ()
    sample_size: float | None = None
    case_control: bool | None = None
    harmonised: bool | None = None


def find_sidecar(path: Path) -> Path | None:
    """Return the yaml file beside a table, None where there is none.

    Examples
    --------
    >>> find_sidecar(Path("no such file.tsv")) is None
    True
    """
    stems = dict.fromkeys([path.name, path.name.removesuffix(".gz"), path.name.split(".")[0]])
    candidates = (path.with_name(stem + end) for stem in stems for end in _ENDS)
    return next((file for file in candidates if file.is_file()), None)


@reads
def read_sidecar(path: Path) -> StudyMeta:
    r"""Return the metadata of a study from its yaml file.

    Parameters
    ----------
    path : the yaml file, in the plain style in which the GWAS Catalog writes it.

    Raises
    ------
    FormatError
        It cannot be read, or names a build or a coordinate system that does not exist.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
    ...     size = file.write("genome_assembly: GRCh38\ncoordinate_system: 0-based\n")
    ...     file.flush()
    ...     meta = read_sidecar(Path(file.name))
    >>> meta.build, meta.zero_based
    ('GRCh38', True)
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise FormatError("the metadata cannot be read as text", path=path) from fault
    entries = _entries(text)
    assembly = entries.get("genome_assembly", [""])[0]
    build = BUILD_NAMES.get(assembly.casefold().split(".")[0])
    if assembly and build is None:
        message = f"genome_assembly {assembly!r}; GRCh37 or GRCh38 is needed"
        raise FormatError(message, path=path)
    system = entries.get("coordinate_system", ["1-based"])[0]
    if system not in {"0-based", "1-based"}:
        raise FormatError(f"coordinate_system {system!r}; 0-based or 1-based", path=path)
    sizes = [float(size) for size in entries.get("sample_size", []) if size.isdigit()]
    return StudyMeta(
        build=build,
        zero_based=system == "0-based",
        traits=tuple(entries.get("trait_description", [])),
        sample_size=sum(sizes) if sizes else None,
        case_control=_truth(entries, "case_control_study"),
        harmonised=_truth(entries, "is_harmonised"),
    )


def write_sidecar(path: Path, meta: StudyMeta, *, data_file: str, md5: str) -> None:
    """Write the yaml file beside a GWAS-SSF table.

    Parameters
    ----------
    path : the yaml file.
    meta : what it says.
    data_file, md5 : name and digest of the table.

    Raises
    ------
    StorageError
        The disk refused.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "a.tsv-meta.yaml"
    ...     write_sidecar(file, StudyMeta(build="GRCh37"), data_file="a.tsv", md5="0")
    ...     read_sidecar(file).build
    'GRCh37'
    """
    lines = ["# Study meta-data", *(["trait_description:"] if meta.traits else [])]
    lines += [f"  - {_scalar(trait)}" for trait in meta.traits]
    if meta.build is not None:
        lines.append(f"genome_assembly: {meta.build}")
    lines.append(f"coordinate_system: {'0' if meta.zero_based else '1'}-based")
    if meta.sample_size is not None:
        lines += ["samples:", f"  - sample_size: {meta.sample_size:.0f}"]
        if meta.case_control is not None:
            lines.append(f"    case_control_study: {str(meta.case_control).lower()}")
    lines += [
        f"data_file_name: {_scalar(data_file)}",
        "file_type: GWAS-SSF v1.0",
        f"data_file_md5sum: {md5}",
        f"is_harmonised: {str(bool(meta.harmonised)).lower()}",
        "is_sorted: false",
    ]
    replace_file(
        path, lambda file: file.write(("\n".join(lines) + "\n").encode()), mode=shared_mode()
    )


def _entries(text: str) -> dict[str, list[str]]:
    """Return the values of each key, at any depth; those of a list under the key above it."""
    entries: dict[str, list[str]] = {}
    key = ""
    for raw in text.splitlines():
        line = raw.split(" #", 1)[0].strip()
        if not line or line.startswith(("#", "---")):
            continue
        bare = line.removeprefix("- ").strip()
        pair = re.fullmatch(r"(\w+):(?:\s+(.*))?", bare)
        if pair is not None:
            key = pair[1]
            if pair[2]:
                entries.setdefault(key, []).append(pair[2].strip("'\" "))
        elif line.startswith("- ") and key:
            entries.setdefault(key, []).append(bare.strip("'\" "))
    return entries


def _truth(entries: Mapping[str, list[str]], key: str) -> bool | None:
    values = {value.casefold() for value in entries.get(key, [])}
    return None if not values else "true" in values


def _scalar(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else "'" + text.replace("'", "''") + "'"
