"""Analytes of SomaScan as assays: their keys, genes and kinds, and the checks on them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

import polars as pl

from proteomr.errors import FormatError
from proteomr.io.somascan.adat import SEQ_ID, Adat
from proteomr.io.tables import infer_column
from proteomr.io.text import MISSING
from proteomr.tables import columns as c

__all__ = [
    "Kind",
    "collect_assays",
    "describe_analytes",
    "find_kind",
    "name_assay",
]

Kind: TypeAlias = Literal["protein", "non_human", "control"]

COL_CHECK: Final = "ColCheck"
SEPARATOR: Final = "|"
TYPE: Final = "type"
_CONTROL_TYPES: Final = (
    *("hybridizationcontrolelution", "hybridizationcontrol", "hybridizationelution"),
    *("spuriomer", "nonbiotin", "nonbiotinylated", "noncleavable", "nocleavable", "control"),
)
_KNOWN_TYPES: Final = ("protein", "nonhuman", "deprecated")
_LIKENESS: Final = 0.85  # of one letter lost, added or changed in nine, as in Spurimer
_RENAMED: Final = {
    SEQ_ID: "seq_id",
    "SeqIdVersion": "seq_id_version",
    "SomaId": "soma_id",
    "Target": "target",
    "TargetFullName": "target_full_name",
    "UniProt": c.UNIPROT,
    "EntrezGeneID": "entrez",
    "EntrezGeneSymbol": c.GENE,
    "Organism": "organism",
    "Units": c.UNIT,
    "Type": TYPE,
    "Dilution": "dilution",
}
_SEVERAL: Final = (c.GENE, c.UNIPROT, "entrez")
_FIRST: Final = tuple(dict.fromkeys((*c.ASSAYS, c.KIND, *_RENAMED.values())))


def name_assay(seq_id: str) -> str:
    """Return the key of an analyte, which is the name that SomaDataIO gives its column.

    Examples
    --------
    >>> name_assay("10000-28")
    'seq.10000.28'
    """
    return f"seq.{seq_id.replace('-', '.')}"


def find_kind(type_: str, organism: str) -> Kind:
    """Return whether an analyte measures a human protein, another one, or serves as a control.

    Parameters
    ----------
    type_ : ``Type`` of the ADAT. Hybridization Control Elution, Spuriomer, Non-Biotin and
        Non-Cleavable are controls, of whatever organism, as SomaLogic's files spell them: Spurimer
        is a Spuriomer.
    organism : ``Organism``; empty counts as human.

    Examples
    --------
    >>> find_kind("Protein", "Mouse"), find_kind("Spurimer", "Human")
    ('non_human', 'control')
    """
    kind = _recognise(type_)
    if kind in _CONTROL_TYPES:
        return "control"
    if kind == "nonhuman" or organism.strip().casefold() not in {"", "human", "homo sapiens"}:
        return "non_human"
    return "protein"


def describe_analytes(adat: Adat) -> pl.DataFrame:
    """Return the assays of one file, one row each, in the order of the file, all text.

    Several symbols, accessions or numbers of one analyte, which an ADAT separates by spaces,
    commas or bars, are joined by ``|`` in their order; all of them stay.

    Raises
    ------
    FormatError
        A line of the annotation has the name of a column that is made here.
    """
    for name in adat.analytes.columns:
        if name in _FIRST:
            message = "a line of the analytes has a name that is needed; rename it"
            raise FormatError(message, path=adat.path, column=name)
    assays = adat.analytes.rename(_RENAMED, strict=False)
    absent = [name for name in _FIRST if name not in assays.columns]
    assays = assays.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in absent)
    cells = pl.all().str.strip_chars()
    assays = assays.with_columns(pl.when(~cells.is_in(MISSING)).then(cells).name.keep())
    several = pl.col(_SEVERAL).str.replace_all(r"[\s,;|]+", SEPARATOR)
    kinds = [
        find_kind(type_ or "", organism or "")
        for type_, organism in assays.select(TYPE, "organism").iter_rows()
    ]
    return assays.with_columns(
        several,
        pl.Series(c.PROTEIN, [name_assay(name) for name in assays["seq_id"]], dtype=pl.String),
        pl.Series(c.KIND, kinds, dtype=pl.String),
        pl.lit("somascan").alias(c.PLATFORM),
        pl.col(c.UNIT).fill_null("RFU"),
    )


def collect_assays(described: Sequence[pl.DataFrame], *, unit: str) -> pl.DataFrame:
    """Return the assays of all files, sorted by key; where files differ, one of them is followed.

    Which one does not depend on the order of the files: the first in the order of the text.

    Parameters
    ----------
    described : the assays of each file.
    unit : of the values that are kept.
    """
    merged = merge_rows(described, key=c.PROTEIN, leave_out=(COL_CHECK,))
    numbers = [name for name in merged.columns if name not in {*_FIRST, COL_CHECK}]
    return merged.select(
        *_FIRST,
        *(infer_column(merged[name]) for name in numbers),
    ).with_columns(
        pl.lit(unit).alias(c.UNIT),
        pl.lit(None, dtype=pl.Float64).alias(c.LOD),
        infer_column(merged["dilution"]),
    )


def merge_rows(
    frames: Sequence[pl.DataFrame], *, key: str, leave_out: Sequence[str] = ()
) -> pl.DataFrame:
    """Return one row per key, sorted, with the first value in the order of whole rows.

    The order of the columns is that of the frames where all have the same, else alphabetical.

    Examples
    --------
    >>> first = pl.DataFrame({"protein": ["b", "a"], "gene": ["B", None]})
    >>> merge_rows([first, pl.DataFrame({"protein": ["a"], "gene": ["A"]})], key="protein").rows()
    [('a', 'A'), ('b', 'B')]
    """
    orders = {tuple(frame.columns) for frame in frames}
    names = next(iter(orders)) if len(orders) == 1 else sorted(set().union(*orders))
    columns = [name for name in names if name not in {key, *leave_out}]
    stacked = pl.concat(frames, how="diagonal").select(key, *columns)
    ordered = stacked.sort(key, *sorted(columns), nulls_last=True)
    return ordered.group_by(key, maintain_order=True).agg(pl.col(columns).drop_nulls().first())


def note_differences(described: Sequence[pl.DataFrame]) -> list[str]:
    """Return what a user should know of the analytes, counts only."""
    notes = []
    stacked = pl.concat(described, how="diagonal")
    per_assay = stacked.group_by(c.PROTEIN).agg(
        pl.len().alias("files"),
        pl.col(c.UNIPROT, "seq_id_version").drop_nulls().n_unique(),
    )
    partial = per_assay.filter(pl.col("files") < len(described)).height
    if partial:
        notes.append(
            f"{partial} of {per_assay.height} SeqIds stand in some of the {len(described)} files "
            "only; their values are missing in the samples of the others"
        )
    for name, what in (("seq_id_version", "version"), (c.UNIPROT, "UniProt accession")):
        if count := per_assay.filter(pl.col(name) > 1).height:
            notes.append(f"{count} SeqIds have another {what} in another file")
    unknown = sorted({text for text in stacked[TYPE].drop_nulls() if not _is_known(text)})
    if unknown:
        notes.append(f"analytes of the types {', '.join(unknown[:5])} are taken as proteins")
    return notes


def is_deprecated(type_: str | None) -> bool:
    """Tell whether the platform has withdrawn an analyte from use.

    Examples
    --------
    >>> is_deprecated("Deprecated"), is_deprecated("Protein")
    (True, False)
    """
    return _recognise(type_ or "") == "deprecated"


def _is_known(type_: str) -> bool:
    return _recognise(type_) in {"", *_CONTROL_TYPES, *_KNOWN_TYPES}


def _recognise(type_: str) -> str:
    """Return the type that a text spells, though a letter be wrong; the text where it is none."""
    folded = re.sub(r"hybridis", "hybridiz", _fold(type_))
    if "control" in folded and not folded.startswith("noncontrol"):
        return "control"
    known = (*_CONTROL_TYPES, *_KNOWN_TYPES)
    near = difflib.get_close_matches(folded, known, n=1, cutoff=_LIKENESS)
    return near[0] if near else folded


def _fold(text: str) -> str:
    return re.sub(r"[^a-z]", "", text.casefold())
