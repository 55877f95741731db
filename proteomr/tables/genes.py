"""Genes and the names they go by: one symbol for what every platform spells in its own way."""

from __future__ import annotations

import importlib.resources
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final, Literal, TypeAlias

import polars as pl

from proteomr.errors import ColumnError, UsageError, nearest
from proteomr.tables import columns as c
from proteomr.tables.gene_names import (
    JOIN,
    SEPARATORS,
    NameMatch,
    fill_unknown,
    find_senses,
    index_names,
    resolve_names,
    settle_assay,
)
from proteomr.tables.table import load_schema

__all__ = [
    "Build",
    "GeneTable",
    "NameMatch",
    "fold_name",
    "gene_names",
    "human_accessions",
    "load_genes",
]

Build: TypeAlias = Literal["GRCh38", "GRCh37"]

_POSITIONS: Final[Mapping[str, tuple[str, str, str]]] = {
    "GRCh38": ("start", "end", "strand"),
    "GRCh37": ("start_grch37", "end_grch37", "strand_grch37"),
}
_TEXTS: Final = pl.List(pl.String)
_MARKS: Final = re.compile(r"[-_. ]+")
_LETTER_AND_NUMBER: Final = re.compile(r"[a-z]\d*")
_STORED: Final[Mapping[str, pl.DataType]] = {
    c.SYMBOL: pl.String(),
    "name": pl.String(),
    "aliases": _TEXTS,
    "uniprot": _TEXTS,
    "ensembl": _TEXTS,
    "entrez": pl.Int64(),
    "chromosome": pl.String(),
    **{
        name: pl.Int8() if name.startswith("strand") else pl.Int64()
        for names in _POSITIONS.values()
        for name in names
    },
}


@dataclass(frozen=True, slots=True, eq=False)
class GeneTable:
    """Human genes with their former names, identifiers and positions.

    Parameters
    ----------
    frame : one row per gene: ``symbol`` (unique), ``name``, lists of ``aliases``, ``uniprot`` and
        ``ensembl``, ``entrez``, ``chromosome`` (1-22, X, Y, MT), ``start``, ``end`` (bp, one-based,
        both included) and ``strand`` (1, -1) on GRCh38, and the same with ``_grch37``; positions
        are null where the source has none.
    provenance : source, version, dates and licence of the content.

    Raises
    ------
    ColumnError
        A column is absent or of another type, or a symbol stands twice.

    Examples
    --------
    >>> load_genes().resolve(["IL-8", "hla_dra", "P12544"])["symbol"].to_list()
    ['CXCL8', 'HLA-DRA', 'GZMA']
    """

    frame: pl.DataFrame
    provenance: Mapping[str, str] = field(default_factory=dict[str, str])
    _index: pl.DataFrame = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name, dtype in _STORED.items():
            if self.frame.schema.get(name) != dtype:
                actual = self.frame.schema.get(name, "nothing")
                raise ColumnError(f"genes: column {name!r} holds {actual}; {dtype} is needed")
        if repeated := self.frame.height - self.frame[c.SYMBOL].n_unique():
            raise ColumnError(f"genes: {repeated} symbols stand more than once")
        object.__setattr__(self, "_index", index_names(self.frame))

    def resolve(self, names: pl.Series | Sequence[str | None]) -> pl.DataFrame:
        """Return which gene each name means.

        A name is, in this order: an approved symbol; one but for case, hyphens, spaces, dots and
        underscores; an alias; one but for these; a UniProt accession (the isoform is left out),
        an Ensembl gene (the version likewise), an Entrez number; a symbol or alias with Greek
        letters or their names written as Latin letters. Names of several genes (``A_B``, ``A|B``,
        ``A;B``) are split where the whole is nothing and every part is one gene.

        Parameters
        ----------
        names : n names; null is unknown.

        Returns
        -------
        resolved : n rows in the order given: ``name``; ``symbol``, null unless it is one gene;
            ``match``, a `NameMatch`; ``candidates``, the genes it may mean (``ambiguous``) or
            means together (``several``).

        Examples
        --------
        >>> load_genes().resolve(["KIM1", "IL12A_IL12B", "no such"]).rows()[1:]
        [('IL12A_IL12B', None, 'several', ['IL12A', 'IL12B']), ('no such', None, 'unknown', [])]
        """
        asked = pl.DataFrame({"name": pl.Series(names, dtype=pl.String)})
        resolved = resolve_names(asked["name"], index=self._index)
        rows = fill_unknown(asked.join(resolved, on="name", how="left", maintain_order="left"))
        single = pl.col(c.CANDIDATES).list.len() == 1
        symbol = pl.when(single).then(pl.col(c.CANDIDATES).list.first()).alias(c.SYMBOL)
        return rows.select("name", symbol, c.MATCH, c.CANDIDATES)

    def locate(
        self, symbols: pl.Series | Sequence[str], *, build: Build = "GRCh38"
    ) -> pl.DataFrame:
        """Return where genes stand.

        Parameters
        ----------
        symbols : n approved symbols.
        build : genome build.

        Returns
        -------
        located : n rows in the order given: ``symbol``, ``chromosome``, ``start``, ``end`` (bp,
            one-based, both included), ``strand``; null where the table has no such gene, or no
            place for it on this build.

        Raises
        ------
        UsageError
            There is no such build.

        Examples
        --------
        >>> load_genes().locate(["GDF15"], build="GRCh37").row(0)[1:3]
        ('19', 18496968)
        """
        if build not in _POSITIONS:
            builds = " and ".join(_POSITIONS)
            raise UsageError(f"no build {build!r}{nearest(build, _POSITIONS)}; there are {builds}")
        start, end, strand = _POSITIONS[build]
        places = self.frame.filter(pl.col(start).is_not_null()).select(
            c.SYMBOL,
            "chromosome",
            pl.col(start).alias("start"),
            pl.col(end).alias("end"),
            pl.col(strand).alias("strand"),
        )
        asked = pl.DataFrame({c.SYMBOL: pl.Series(symbols, dtype=pl.String)})
        return asked.join(places, on=c.SYMBOL, how="left", maintain_order="left")

    def label_assays(self, assays: pl.DataFrame) -> pl.DataFrame:
        """Return assays with the approved symbol of their gene.

        The gene's name decides, where it is an approved symbol or no accession speaks against it.
        Where it is absent, unknown or ambiguous, or an alias of another gene than theirs, the
        UniProt accessions do; and where a symbol is also an alias of theirs (TF is transferrin,
        and an alias of the tissue factor F3). Assays of several genes have their symbols joined
        by ``;``. What is not settled, and a number, stays as the source spells it.

        Parameters
        ----------
        assays : one row per assay, with ``gene`` and ``uniprot``, both text or null; several
            accessions are separated by ``;``, ``,``, ``|``, ``_`` or spaces.

        Returns
        -------
        labelled : the same rows, with ``gene`` as the approved symbol and ``assay``, the source's
            spelling where it differs; a spelling that stands there already is kept.

        Raises
        ------
        ColumnError
            There is no column ``gene`` or ``uniprot``.

        Examples
        --------
        >>> assays = pl.DataFrame({"gene": ["TF", None], "uniprot": ["P13726", "P05231"]})
        >>> load_genes().label_assays(assays).rows()
        [('F3', 'P13726', 'TF'), ('IL6', 'P05231', None)]
        """
        for name in (c.GENE, c.UNIPROT):
            if name not in assays.columns:
                raise ColumnError(f"assays: no column {name!r}{nearest(name, assays.columns)}")
        spelt = assays[c.GENE].cast(pl.String)
        named = self.resolve(spelt.set(spelt.str.contains(r"^\d+$"), None))  # a number is no name
        senses = self._list_senses(spelt)
        proteins = self._list_proteins(assays[c.UNIPROT].cast(pl.String))
        symbols = [
            settle_assay(
                match, candidates, senses=senses.get(name, frozenset()), proteins=of_protein
            )
            for (name, _, match, candidates), of_protein in zip(
                named.iter_rows(), proteins, strict=True
            )
        ]
        gene = pl.Series(c.GENE, symbols, dtype=pl.String)
        before = assays[c.ASSAY] if c.ASSAY in assays.columns else pl.Series([None] * len(symbols))
        changed = pl.when(spelt != gene).then(spelt)
        return assays.with_columns(
            pl.coalesce(gene, spelt).alias(c.GENE),
            pl.coalesce(before.cast(pl.String), changed).alias(c.ASSAY),
        )

    def describe(self, names: Sequence[str]) -> pl.DataFrame:
        """Return all that is known of the gene that each name means.

        Parameters
        ----------
        names : n names of any kind.

        Returns
        -------
        described : n rows in the order given, with the columns of the schema ``genes``.

        Examples
        --------
        >>> load_genes().describe(["TRAIL-R2"]).select("symbol", "match").row(0)
        ('TNFRSF10B', 'alias')
        """
        facts = self.frame.rename({"name": "full_name"}).with_columns(
            pl.col("aliases", "uniprot", "ensembl").list.join(JOIN)
        )
        asked = self.resolve(names).with_columns(pl.col(c.CANDIDATES).list.join(JOIN))
        schema = load_schema("genes")
        rows = asked.join(facts, on=c.SYMBOL, how="left", maintain_order="left")
        return schema.validate(rows.select(schema.names))

    def _list_senses(self, names: pl.Series) -> dict[str, frozenset[str]]:
        """Return everything that each name may mean."""
        senses = find_senses(names, index=self._index).explode(c.CANDIDATES)
        every = senses.group_by("name").agg(c.CANDIDATES)
        return {name: frozenset(genes) for name, genes in every.iter_rows()}

    def _list_proteins(self, uniprot: pl.Series) -> list[list[list[str]]]:
        """Return the genes of each accession of each assay."""
        accessions = [re.split(SEPARATORS, text.strip()) if text else [] for text in uniprot]
        every = pl.Series(
            [accession for several in accessions for accession in several], dtype=pl.String
        )
        senses = find_senses(every, index=self._index, kind="uniprot")
        genes = dict(senses.select("name", c.CANDIDATES).iter_rows())
        return [[genes.get(accession, []) for accession in several] for several in accessions]


@cache
def load_genes() -> GeneTable:
    """Return the genes that are shipped with the package.

    Protein-coding genes, segments of immunoglobulins and T-cell receptors, and a few others of
    which assays exist, from the Bioconductor package org.Hs.eg.db (Marc Carlson, Artistic-2.0):
    names from NCBI Gene, identifiers from UniProt and Ensembl, positions from UCSC; positions on
    GRCh37 by liftover. `provenance` has version and dates.

    Raises
    ------
    ColumnError
        The shipped file is not the one of this version.

    Examples
    --------
    >>> load_genes().provenance["licence"]
    'Artistic-2.0'
    """
    content = _read_shipped()
    metadata = pl.read_parquet_metadata(io.BytesIO(content))
    provenance = {key: text for key, text in metadata.items() if not key.startswith("ARROW")}
    return GeneTable(pl.read_parquet(io.BytesIO(content)), provenance=provenance)


@cache
def gene_names(*, aliases: bool = True) -> frozenset[str]:
    """Return the symbols and aliases of the genes that are shipped, as `fold_name` writes them.

    To tell whether a word is the name of a gene at all; which one it means is for `GeneTable`.
    Aliases of one letter, or of a letter and a number (``S1``, ``p53``), are left out, as samples
    and fields have such names as well; symbols (``C3``, ``F2``) are not.

    Parameters
    ----------
    aliases : whether aliases are among them.

    Examples
    --------
    >>> fold_name("HLA-DRA") in gene_names(), "age" in gene_names()
    (True, False)
    """
    wanted = [c.SYMBOL, *(["aliases"] if aliases else [])]
    frame = pl.read_parquet(io.BytesIO(_read_shipped()), columns=wanted)
    names = {fold_name(symbol) for symbol in frame[c.SYMBOL]}
    if aliases:
        folded = map(fold_name, frame["aliases"].explode().drop_nulls())
        names.update(name for name in folded if not _LETTER_AND_NUMBER.fullmatch(name))
    return frozenset(names)


@cache
def human_accessions() -> frozenset[str]:
    """Return the UniProt accessions of the genes that are shipped.

    Examples
    --------
    >>> "P05231" in human_accessions(), "P10001" in human_accessions()
    (True, False)
    """
    frame = pl.read_parquet(io.BytesIO(_read_shipped()), columns=["uniprot"])
    return frozenset(frame["uniprot"].explode().drop_nulls())


def fold_name(name: str) -> str:
    """Return a name without letter case, hyphens, spaces, dots and underscores.

    Examples
    --------
    >>> fold_name("hla_DRA")
    'hladra'
    """
    return _MARKS.sub("", name).casefold()


def _read_shipped() -> bytes:
    place = importlib.resources.files("proteomr.schemas") / "genes" / "genes.parquet"
    return place.read_bytes()
