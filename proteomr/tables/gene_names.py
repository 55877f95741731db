"""What a name of a gene or protein may mean: spellings, and the order in which they are tried."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

import polars as pl

from proteomr.tables import columns as c

__all__ = [
    "JOIN",
    "SEPARATORS",
    "NameMatch",
    "choose_senses",
    "fill_unknown",
    "find_senses",
    "index_names",
    "resolve_names",
    "settle_assay",
]

NameMatch: TypeAlias = Literal[
    "symbol", "alias", "uniprot", "ensembl", "entrez", "several", "ambiguous", "unknown"
]

JOIN: Final = ";"
SEPARATORS: Final = r"[;|,\s_/]+"

_GREEK: Final = {
    "α": "alpha",
    "β": "beta",
    "γ": "gamma",
    "δ": "delta",
    "ε": "epsilon",
    "ζ": "zeta",
    "κ": "kappa",
}
_LETTERS: Final = {word.upper(): word[0].upper() for word in _GREEK.values()}
_LISTED: Final = r"[;|,]"
_ISOFORM: Final = r"-\d+$"
_VERSION: Final = r"\.\d+$"
# in the order in which they are tried: what a name is taken for, and how the key is spelt
_TIERS: Final[tuple[tuple[NameMatch, str], ...]] = (
    ("symbol", "exact"),
    ("symbol", "plain"),
    ("alias", "exact"),
    ("alias", "plain"),
    ("uniprot", "accession"),
    ("ensembl", "stable"),
    ("entrez", "exact"),
    ("symbol", "latin"),
    ("alias", "latin"),
)
_LISTS: Final = {"alias": "aliases", "uniprot": "uniprot", "ensembl": "ensembl"}


def index_names(genes: pl.DataFrame) -> pl.DataFrame:
    """Return the genes behind each key: ``tier``, ``key``, sorted ``candidates``.

    Parameters
    ----------
    genes : ``symbol``, ``entrez``, and lists of ``aliases``, ``uniprot`` and ``ensembl``.

    Examples
    --------
    >>> gene = {"symbol": ["CXCL8"], "entrez": [3576], "aliases": [["IL8"]]}
    >>> index = index_names(pl.DataFrame({**gene, "uniprot": [["P10145"]], "ensembl": [["ENSG1"]]}))
    >>> sorted(index["key"].unique().to_list())
    ['3576', 'CXCL8', 'ENSG1', 'IL8', 'P10145']
    """
    pieces = []
    for tier, (kind, way) in enumerate(_TIERS):
        column = pl.col(_LISTS.get(kind, kind)).alias("value")
        named = genes.select(column, pl.col(c.SYMBOL).alias(c.CANDIDATES))
        named = named.explode("value") if kind in _LISTS else named
        key = _spell(pl.col("value").cast(pl.String), "plain" if way == "latin" else way)
        number = pl.lit(tier, dtype=pl.Int8).alias("tier")
        pieces.append(named.select(number, key.alias("key"), c.CANDIDATES))
    every = pl.concat(pieces).drop_nulls("key")
    return every.group_by("tier", "key").agg(pl.col(c.CANDIDATES).unique().sort())


def find_senses(
    names: pl.Series, *, index: pl.DataFrame, kind: NameMatch | None = None
) -> pl.DataFrame:
    """Return every sense of every distinct name: ``name``, ``tier``, ``candidates``.

    Parameters
    ----------
    names : the names; null has no sense.
    index : from `index_names`.
    kind : what they are, where that is known; None to try everything.
    """
    asked = pl.DataFrame({"name": names.drop_nulls().unique()})
    trimmed = pl.col("name").str.strip_chars()
    keys = [
        asked.select(
            "name",
            pl.lit(tier, dtype=pl.Int8).alias("tier"),
            _spell(trimmed, way).alias("key"),
        )
        for tier, (what, way) in enumerate(_TIERS)
        if kind in {None, what}
    ]
    return pl.concat(keys).join(index, on=["tier", "key"]).drop("key")


def choose_senses(names: pl.Series, *, index: pl.DataFrame) -> pl.DataFrame:
    """Return the first sense of every distinct name: ``name``, ``match``, ``candidates``.

    Parameters
    ----------
    names : the names.
    index : from `index_names`.
    """
    asked = pl.DataFrame({"name": names.drop_nulls().unique(maintain_order=True)})
    best = find_senses(names, index=index).sort("name", "tier").unique("name", keep="first")
    kinds = pl.col("tier").replace_strict(
        list(range(len(_TIERS))), [kind for kind, _ in _TIERS], return_dtype=pl.String
    )
    ambiguous = pl.when(pl.col(c.CANDIDATES).list.len() > 1).then(pl.lit("ambiguous"))
    chosen = best.select("name", ambiguous.otherwise(kinds).alias(c.MATCH), c.CANDIDATES)
    return fill_unknown(asked.join(chosen, on="name", how="left", maintain_order="left"))


def resolve_names(names: pl.Series, *, index: pl.DataFrame) -> pl.DataFrame:
    """Return the sense of every distinct name, split into parts where it is none as a whole.

    Parameters
    ----------
    names : the names.
    index : from `index_names`.

    Returns
    -------
    resolved : ``name``, ``match``, ``candidates``.
    """
    first = choose_senses(names, index=index)
    listed = pl.col("name").str.strip_chars().str.replace_all(SEPARATORS, "\t").str.split("\t")
    parts = (
        first.filter(pl.col(c.MATCH) == "unknown")
        .select("name", listed.alias("part"))
        .filter(pl.col("part").list.len() > 1)
        .explode("part")
    )
    senses = choose_senses(parts["part"], index=index).rename({"name": "part"})
    single = pl.col(c.CANDIDATES).list.len() == 1
    whole = (
        parts.join(senses, on="part", how="left", maintain_order="left")
        .group_by("name", maintain_order=True)
        .agg(
            single.all().alias("whole"),
            pl.col(c.MATCH).first(),
            pl.col(c.CANDIDATES).list.first().unique(maintain_order=True),
        )
        .filter("whole")
    )
    several = pl.when(pl.col(c.CANDIDATES).list.len() > 1).then(pl.lit("several"))
    joined = whole.select("name", several.otherwise(c.MATCH).alias(c.MATCH), c.CANDIDATES)
    return pl.concat([first.join(joined, on="name", how="anti"), joined])


def fill_unknown(resolved: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with ``unknown`` and no candidates where a name found nothing."""
    none = pl.lit([], dtype=pl.List(pl.String))
    return resolved.with_columns(
        pl.col(c.MATCH).fill_null("unknown"), pl.col(c.CANDIDATES).fill_null(none)
    )


def settle_assay(
    match: str,
    candidates: Sequence[str],
    *,
    senses: frozenset[str],
    proteins: Sequence[Sequence[str]],
) -> str | None:
    """Return the symbol of an assay, or None where it is not settled.

    Parameters
    ----------
    match, candidates : what the name of its gene means first.
    senses : everything that the name may mean.
    proteins : the genes of each of its accessions.

    Examples
    --------
    >>> settle_assay("symbol", ["TF"], senses=frozenset({"TF", "F3"}), proteins=[["F3"]])
    'F3'
    >>> settle_assay("unknown", [], senses=frozenset(), proteins=[["IL12A"], ["IL12B"]])
    'IL12A;IL12B'
    """
    of_protein = {gene for genes in proteins for gene in genes}
    common = sorted(senses & of_protein)
    alone = bool(proteins) and all(len(genes) == 1 for genes in proteins)
    if match == "several" or (len(candidates) == 1 and candidates[0] in of_protein):
        return JOIN.join(candidates)
    if len(common) == 1:
        return common[0]
    if alone and match in {"alias", "ambiguous", "unknown"}:
        return JOIN.join(dict.fromkeys(genes[0] for genes in proteins))
    return candidates[0] if len(candidates) == 1 else None


def _spell(name: pl.Expr, way: str) -> pl.Expr:
    """Return names as keys: exactly, as an identifier, or without what spelling leaves open."""
    if way == "exact":
        return name
    if way == "accession":
        return name.str.to_uppercase().str.replace(_ISOFORM, "")
    if way == "stable":
        return name.str.to_uppercase().str.replace(_VERSION, "")
    letters = name.str.replace_many(_GREEK).str.to_uppercase().str.replace_all(r"[^A-Z0-9]", "")
    plain = pl.when(~name.str.contains(_LISTED) & (letters != "")).then(letters)
    return plain if way == "plain" else plain.str.replace_many(_LETTERS)
