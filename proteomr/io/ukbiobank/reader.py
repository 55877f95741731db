"""Proteins of UK Biobank with what is known about plates and assays, from any of its exports."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from proteomr.errors import FormatError, nearest
from proteomr.io.column_names import find_proteins, names_protein
from proteomr.io.formats import IngestOptions, Source
from proteomr.io.text import DELIMITERS, find_layout
from proteomr.io.ukbiobank.helper_tables import HelperRole, HelperTable, find_helper, read_helper
from proteomr.io.ukbiobank.laboratory import FIELDS, describe
from proteomr.io.ukbiobank.long_file import LONG_COLUMNS, read_coding, read_long
from proteomr.io.ukbiobank.names import find_fields, is_of_participants, parse_name
from proteomr.io.ukbiobank.participants import read_fields
from proteomr.io.ukbiobank.protein_names import find_eid, known_proteins, parse_protein
from proteomr.io.ukbiobank.proteins import ProteinValues, read_wide
from proteomr.tables import Fields, Measurements, Platform

__all__ = ["UkBiobank", "find_roles"]

Role: TypeAlias = Literal["wide", "long", "coding", "participants"] | HelperRole

_MANY: Final = 20
_MOST: Final = 1000
_FOREIGN: Final = 0.25  # of the platform's: with more, proteins would be passed over
_READ: Final = "30900-30903, 53 or 3166"
_ROLES: Final = (
    "a protein table (eid and gene names), the long file (eid, ins_index, protein_id, result), "
    "coding 143 (coding, meaning), a helper table (assay, batch, limit of detection, ...), or "
    f"participants with fields {_READ}"
)


@dataclass(frozen=True, slots=True)
class UkBiobank:
    r"""Reads the proteins of UK Biobank: wide tables or the Showcase's long file, with its helpers.

    Parameters
    ----------
    name : the platform.

    Examples
    --------
    >>> UkBiobank().matches(Source(Path("a.csv"), "text", head="eid,gdf15,nppb\n"))
    True
    """

    name: Platform = "ukb"

    def matches(self, source: Source, /) -> bool:
        """Tell from its columns whether a file is one of UK Biobank's."""
        return bool(find_roles(source))

    def read(
        self, sources: tuple[Source, ...], /, *, options: IngestOptions, scratch: Path
    ) -> Measurements:
        """Return the proteins of one instance, in NPX, with plates, batches, limits, time gaps.

        Parameters
        ----------
        sources : protein tables, or the long file and coding 143; helper tables; participants.
        options : instance, name of the identifier, what to do with replicates.
        scratch : folder for converted files, which the caller removes after the last read.

        Raises
        ------
        FormatError
            A file has no role here, is damaged, contradicts itself, or one that it needs is
            absent.
        IdentifierError
            Identifiers are absent, missing, repeated, or shared by no other file.
        """
        parts = _sort_roles(sources)
        values = _read_values(parts, options, scratch)
        fields = _read_participants(parts["participants"], options, scratch)
        description = describe(
            values.ids,
            values.proteins.names,
            helpers=_read_helpers(parts),
            fields=fields,
            instance=options.instance,
        )
        return Measurements(
            platform=self.name,
            samples=description.samples,
            proteins=values.proteins,
            assays=description.assays,
            precision=values.precision,
            flags=description.flags,
            plates=description.plates,
            limits=description.limits,
            time_gap=description.time_gap,
            drops=values.drops,
            notes=(*values.notes, *(fields.notes if fields else ()), *description.notes),
            parameters={"instance": options.instance, **description.parameters},
        )


def find_roles(source: Source) -> tuple[Role, ...]:
    r"""Return what a file is to the reader of UK Biobank: nothing, one thing, or two.

    A table of participants that also holds proteins, as one extract of two entities does, is both.

    Examples
    --------
    >>> find_roles(Source(Path("a.csv"), "text", head="eid,p30901_i0,olink_instance_0.gdf15\n"))
    ('wide', 'participants')
    """
    columns = _list_columns(source)
    plain = [name.casefold() for name in columns]
    if set(LONG_COLUMNS) <= set(plain):
        return ("long",)
    if "coding" in plain and "meaning" in plain:
        return ("coding",) if _holds_genes(source) else ()
    if (helper := find_helper(columns)) is not None:
        return (helper,)
    roles: list[Role] = []
    fields = find_fields(columns)
    others = [name for name in columns if name not in fields]
    if _is_wide(others):
        roles.append("wide")
    read_beside = any(map(_is_laboratory, fields)) and (roles or not find_proteins(others))
    if read_beside or (not roles and is_of_participants(columns)):
        roles.append("participants")
    return tuple(roles)


def _list_columns(source: Source) -> list[str]:
    if source.kind == "parquet":
        return list(source.columns)
    if source.kind != "text":
        return []
    if source.head.count("\n"):
        line = source.first_line
        mark = max(DELIMITERS, key=line.count)
        record = next(csv.reader([line], delimiter=mark), [])  # titles hold commas
        return [name.strip().strip('"') for name in record]
    return list(find_layout(source.path, compressed=source.compressed).names)


def _is_wide(columns: Sequence[str]) -> bool:
    """Tell whether columns are proteins of UK Biobank's, not of any table with gene names."""
    proteins = [protein for name in columns if (protein := parse_protein(name)) is not None]
    if any(protein.instance is not None for protein in proteins):
        return True
    if find_eid(columns) is None:
        return len(proteins) >= _MOST
    if sum(map(_is_foreign, columns)) > _FOREIGN * len(proteins):
        return False
    return len(proteins) >= _MANY or 2 * len(proteins) >= max(len(columns) - 1, 1)


def _is_foreign(name: str) -> bool:
    """Tell whether a column is a protein that the platform of UK Biobank has not."""
    return parse_protein(name) is None and names_protein(name)


def _is_laboratory(name: str) -> bool:
    """Tell whether a column is a field that is read beside the proteins."""
    field = parse_name(name)
    return field is not None and field.field in FIELDS


def _holds_genes(source: Source) -> bool:
    """Tell coding 143 from other codings: its meanings begin with a gene and a semicolon."""
    if source.kind != "text":
        return False
    lines = [line for line in source.head.splitlines() if line.strip()][1:]
    return bool(lines) and sum(";" in line for line in lines) * 2 > len(lines)


def _sort_roles(sources: Sequence[Source]) -> dict[Role, list[Source]]:
    parts: dict[Role, list[Source]] = {"wide": [], "long": [], "coding": [], "participants": []}
    for source in sources:
        roles = find_roles(source)
        if not roles:
            message = f"is no file of UK Biobank's proteins{_hint(source)}; known are {_ROLES}"
            raise FormatError(message, path=source.path)
        for role in roles:
            parts.setdefault(role, []).append(source)
    for role, files in parts.items():
        if role not in ("wide", "long", "participants") and len(files) > 1:
            message = f"is the same table as {files[0].path}; give one"
            raise FormatError(message, path=files[1].path)
    return parts


def _hint(source: Source) -> str:
    names = (*LONG_COLUMNS, "coding", "meaning", "PlateID", "Batch", "Assay", "Panel", "LOD")
    proteins = sorted(name.lower() for name in known_proteins())
    columns = _list_columns(source)[:_MANY]
    unknown = [name for name in columns if find_eid([name]) is None and name not in names]
    for name in unknown:
        if hint := nearest(name, names) or nearest(name, proteins):
            return f": column {name!r}{hint}"
    return ""


def _read_values(
    parts: dict[Role, list[Source]], options: IngestOptions, scratch: Path
) -> ProteinValues:
    wide, long, coding = parts["wide"], parts["long"], parts["coding"]
    if wide and long:
        message = f"the proteins stand in {wide[0].path} as well; give one of the two forms"
        raise FormatError(message, path=long[0].path)
    if wide:
        return read_wide(wide, options=options, scratch=scratch)
    if not long:
        first = next(files[0] for files in parts.values() if files)
        message = (
            "no protein table beside it: give the wide tables, or the long file "
            "(`proteomr phenotype` reads the answers of participants)"
        )
        raise FormatError(message, path=first.path)
    if not coding:
        message = "the long file names proteins by codes; give coding143.tsv beside it"
        raise FormatError(message, path=long[0].path)
    codes = read_coding(coding[0].path, compressed=coding[0].compressed)
    return read_long(long, codes, instance=options.instance, replicates=options.replicates)


def _read_participants(
    sources: Sequence[Source], options: IngestOptions, scratch: Path
) -> Fields | None:
    if not sources:
        return None
    for source in sources:
        if not any(map(_is_laboratory, _list_columns(source))):
            message = (
                f"holds none of the fields that are read with proteins ({_READ}); leave it out"
            )
            raise FormatError(message, path=source.path)
    columns = [name for source in sources for name in _list_columns(source)]
    there = {field.field for name in columns if (field := parse_name(name)) is not None}
    named = all(options.id_column in _list_columns(source) for source in sources)
    return read_fields(
        [source.path for source in sources],
        wanted=tuple(number for number in FIELDS if number in there),
        others=(),
        id_column=options.id_column if named else None,
        scratch=scratch,
        with_proteins=True,
    )


def _read_helpers(parts: dict[Role, list[Source]]) -> dict[HelperRole, HelperTable]:
    tables = (
        read_helper(files[0])
        for role, files in sorted(parts.items())
        if files and role not in ("wide", "long", "coding", "participants")
    )
    return {table.role: table for table in tables}
