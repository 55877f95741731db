"""What spreadsheets make of names, dates and numbers, and how genes are restored from it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import polars as pl

from proteomr.tables import columns as c
from proteomr.tables.genes import load_genes

__all__ = [
    "RestoredGenes",
    "is_damaged",
    "is_damaged_gene",
    "is_date",
    "restore_genes",
    "restore_groups",
]

_MONTH: Final = "jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec"
_DATE: Final = re.compile(
    rf"({_MONTH})[a-z]*[-/ .]\d{{1,4}}"
    rf"|\d{{1,4}}[-/ .]({_MONTH})[a-z]*([-/ .]\d{{2,4}})?"
    r"|\d{4}[-/]\d{1,2}[-/]\d{1,2}( 00:00(:00)?)?|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}|\d{4,5}-0\d",
    re.IGNORECASE,
)
_SHORT_MONTH: Final = "(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
_DAMAGED: Final = re.compile(
    r"[+-]?\d(\.\d+)?e\+\d+"  # 1E+05
    rf"|\d{{1,2}}-{_SHORT_MONTH}(-\d{{2,4}})?|{_SHORT_MONTH}-\d{{2,4}}"  # 1-Mar, Mar-01
    r"|\d{4}-\d{2}-\d{2}([ t]\d{2}:\d{2}(:\d{2})?)?"  # 2021-03-01
    r"|\d{1,2}/\d{1,2}/\d{2,4}|#(ref|name|n/a|value|num|div/0)[!?]?",
    re.IGNORECASE,
)
_SERIAL: Final = re.compile(r"(\d{5})(\.0+)?")
_SERIALS: Final = range(36526, 54789)  # days of a spreadsheet from 2000 to 2049
_SHORTENED: Final = re.compile(rf"{_SHORT_MONTH}[ _.]?\d{{1,2}}", re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class RestoredGenes:
    """Names of genes after what a spreadsheet did to some was undone.

    Parameters
    ----------
    names : of the genes; null where a date stands and no accession tells the gene.
    restored, lost : how many were restored, and how many left empty.
    """

    names: pl.Series
    restored: int
    lost: int

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know, counts only."""
        notes = []
        if self.restored:
            notes.append(
                f"{self.restored} names of genes that a spreadsheet turned into dates are restored "
                "from their UniProt accessions"
            )
        if self.lost:
            notes.append(
                f"{self.lost} names of genes are dates, a spreadsheet changed them, and no UniProt "
                "accession tells the gene: left empty"
            )
        return tuple(notes)


def is_date(text: str) -> bool:
    """Tell whether a text is a date, as spreadsheets write them in place of a name.

    Examples
    --------
    >>> is_date("Jan-75"), is_date("10-Aug"), is_date("1900-10-28"), is_date("10000-28")
    (True, True, True, False)
    """
    return _DATE.fullmatch(text) is not None


def is_damaged(name: str) -> bool:
    """Tell whether a spreadsheet has rewritten a name as a date, a number or an error.

    Examples
    --------
    >>> is_damaged("1.00E+05"), is_damaged("1-Mar"), is_damaged("OID20001")
    (True, True, False)
    """
    return _DAMAGED.fullmatch(name) is not None


def is_damaged_gene(name: str) -> bool:
    """Tell whether the name of a gene is a date, written as one or as a spreadsheet counts days.

    Examples
    --------
    >>> is_damaged_gene("2-Sep"), is_damaged_gene("44256"), is_damaged_gene("SEPTIN2")
    (True, True, False)
    """
    serial = _SERIAL.fullmatch(name)
    counted = serial is not None and int(serial[1]) in _SERIALS
    return counted or is_damaged(name) or is_date(name)


def _is_number(name: str) -> bool:
    return name.removesuffix(".0").isdecimal()


def restore_genes(names: pl.Series, uniprot: pl.Series) -> RestoredGenes:
    """Return the names of genes with those that a spreadsheet made dates restored.

    ``MAR1`` may be a name or what is left of one: it is replaced where the accession belongs to a
    gene that never had it. Five digits are the count of days of a spreadsheet, unless other numbers
    stand among the names, as where Entrez numbers name the genes.

    Parameters
    ----------
    names, uniprot : name of the gene and UniProt accessions of each assay, text or null.

    Examples
    --------
    >>> found = restore_genes(pl.Series(["1-Mar", "IL6"]), pl.Series(["Q8TCQ1", "P05231"]))
    >>> found.names.to_list(), found.restored
    (['MARCHF1', 'IL6'], 1)
    """
    texts = names.cast(pl.String).alias(c.GENE)
    distinct = texts.drop_nulls().unique()
    counts = [name for name in distinct if _SERIAL.fullmatch(name) and is_damaged_gene(name)]
    numbered = sum(map(_is_number, distinct)) > len(counts)
    sound = frozenset(counts if numbered else ())
    dates = [name for name in distinct if is_damaged_gene(name) and name not in sound]
    doubtful = [name for name in distinct if name not in dates and _SHORTENED.fullmatch(name)]
    damaged = texts.is_in(dates).fill_null(value=False)
    suspected = damaged | texts.is_in(doubtful).fill_null(value=False)
    if not suspected.any():
        return RestoredGenes(texts, 0, 0)
    frame = pl.DataFrame([texts, uniprot.cast(pl.String).alias(c.UNIPROT)])
    genes = load_genes()
    of_protein = genes.label_assays(frame.with_columns(gene=pl.lit(None, pl.String)))[c.GENE]
    senses = dict(genes.resolve(doubtful).select("name", c.CANDIDATES).iter_rows())
    own = pl.Series(
        [
            gene in senses.get(name, [])
            for name, gene in zip(texts.fill_null(""), of_protein, strict=True)
        ],
        dtype=pl.Boolean,
    )
    known = suspected & of_protein.is_not_null() & ~own
    lost = damaged & of_protein.is_null()
    restored = texts.zip_with(~known, of_protein).set(lost, None)
    return RestoredGenes(restored, int(known.sum()), int(lost.sum()))


def restore_groups(
    described: pl.DataFrame, *, separator: str
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Return assays of several genes each with those that are dates restored, and what was done.

    Parameters
    ----------
    described : assays with ``gene`` and ``uniprot``.
    separator : between the genes of one assay.

    Examples
    --------
    >>> frame = pl.DataFrame({"gene": ["1-Mar", "1-Mar|IL6"], "uniprot": ["Q8TCQ1", None]})
    >>> restore_groups(frame, separator="|")[0]["gene"].to_list()
    ['MARCHF1', 'IL6']
    """
    spelt = described[c.GENE]
    parts = [text.split(separator) if text else [] for text in spelt]
    dates = [next((part for part in each if is_damaged_gene(part)), None) for each in parts]
    names = pl.Series(dates, dtype=pl.String)
    restored = restore_genes(names, described[c.UNIPROT])
    if not restored.restored + restored.lost:
        return described, ()
    whole = [separator.join(part for part in each if not is_damaged_gene(part)) for each in parts]
    rest = pl.Series(whole, dtype=pl.String).replace({"": None})
    settled = restored.names.str.replace_all(";", separator, literal=True)
    undone = settled.zip_with(settled.is_not_null(), rest)
    gene = undone.zip_with(names.is_not_null(), spelt)
    return described.with_columns(gene.alias(c.GENE)), restored.notes
