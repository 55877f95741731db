"""Genes behind names: what a list and the sets call by different names is one gene."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import I64
from proteomr.enrichment.listing import ASSAY, LABEL, RANK, P
from proteomr.tables import columns as c
from proteomr.tables.genes import load_genes

__all__ = ["KEY", "Naming", "Units", "describe_kinds", "name_keys", "order_ranks", "take_best"]

KEY: Final = "key"
_KINDS: Final = {
    "symbol": "gene symbols",
    "alias": "gene symbols",
    "uniprot": "UniProt accessions",
    "ensembl": "Ensembl genes",
    "entrez": "Entrez numbers",
    "several": "names of several genes",
    "ambiguous": "names that several genes have",
    "unknown": "names of no known gene",
}


@dataclass(frozen=True, slots=True, eq=False)
class Naming:
    """The gene of each name.

    Attributes
    ----------
    keys : by name: the approved symbol, or the name where it is of no one gene.
    several : names of several genes, whose first one is taken.
    unknown : names of no known gene.
    """

    keys: Mapping[str, str]
    several: frozenset[str]
    unknown: frozenset[str]


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """The genes of a background or a ranked list, each once.

    Attributes
    ----------
    labels : (N,) as the user names them.
    places : of every name and symbol that they go by, among these.
    """

    labels: tuple[str, ...]
    places: Mapping[str, int]

    @classmethod
    def of(cls, keyed: pl.DataFrame) -> Units:
        """Take distinct ``key`` and ``label``, in order."""
        labels, keys = keyed[LABEL].to_list(), keyed[KEY].to_list()
        places = {key: place for place, key in enumerate(keys)}
        for place, label in enumerate(labels):
            places.setdefault(label, place)
        return cls(tuple(labels), places)

    def find(self, members: Sequence[str], other: Mapping[str, str]) -> I64:
        """Return the places of members: by their own names, else by those of the genes.

        Parameters
        ----------
        members : as a set spells them.
        other : symbols of members, by name.
        """
        found = {
            self.places.get(name, self.places.get(other.get(name, ""), -1)) for name in members
        }
        return np.array(sorted(found - {-1}), dtype=np.int64)


def name_keys(names: Iterable[str]) -> Naming:
    """Return the gene of each name, see :meth:`proteomr.tables.genes.GeneTable.resolve`.

    Of names of several genes (``IL12A_IL12B``, ``A B``) the first one counts, known or not; a
    whole name that is no gene is parted at blanks, ``;``, ``|`` and ``,``. An alias of a gene
    that is itself among the names stays what it is: the same list names two things.

    Examples
    --------
    >>> naming = name_keys(["IL8", "P05231", "IL12A_IL12B", "spike"])
    >>> naming.keys["IL8"], naming.keys["P05231"], naming.keys["IL12A_IL12B"]
    ('CXCL8', 'IL6', 'IL12A')
    >>> sorted(naming.unknown)
    ['spike']
    """
    distinct = sorted(set(names))
    resolved = _resolve(distinct)
    approved = {
        name
        for name, symbol, match, _ in resolved.iter_rows()
        if match == "symbol" and symbol == name
    }
    keys: dict[str, str] = {}
    several, unknown = set(), set()
    for name, symbol, match, candidates in resolved.iter_rows():
        if match == "several":
            several.add(name)
            keys[name] = symbol or candidates[0]
        elif symbol is None or (name != symbol and match in _LOOSE and symbol in approved):
            keys[name] = name
        else:
            keys[name] = symbol
        if match == "unknown":
            unknown.add(name)
    return Naming(keys, frozenset(several), frozenset(unknown))


def _resolve(names: Sequence[str]) -> pl.DataFrame:
    """Return what each name is, with the first of several that are not all known as the symbol."""
    resolved = load_genes().resolve(list(names))
    strange = resolved.filter(
        pl.col(c.MATCH).is_in(["unknown", "ambiguous"]) & pl.col("name").str.contains(_PARTED)
    )["name"]
    firsts = {name: _FIRST.split(name, maxsplit=1)[0] for name in strange}
    known = load_genes().resolve(sorted(set(firsts.values())))
    symbols = {name: symbol or name for name, symbol in known.select("name", c.SYMBOL).iter_rows()}
    parted = pl.col("name").is_in(strange.implode())
    mended = pl.Series(
        [symbols.get(firsts.get(name, "")) for name in resolved["name"]], dtype=pl.String
    )
    return resolved.with_columns(
        pl.when(parted).then(mended).otherwise(c.SYMBOL).alias(c.SYMBOL),
        pl.when(parted).then(pl.lit("several")).otherwise(c.MATCH).alias(c.MATCH),
    )


_PARTED: Final = r"\S[\s;|,]+\S"
_FIRST: Final = re.compile(r"[\s;|,]+")
_LOOSE: Final = ("symbol", "alias")  # matches by which a list may name a gene and another thing


def take_best(rows: pl.DataFrame, naming: Naming) -> tuple[pl.DataFrame, int]:
    """Return the best row of each gene, and how many proteins have a gene that another has too.

    The best is that of the smallest p value; where there is none, of the largest rank in size;
    then the first by name.

    Parameters
    ----------
    rows : ``label``, ``assay``, ``neg_log10_p``, and ``rank`` where there are ranks.
    """
    keyed = rows.with_columns(
        pl.col(LABEL).replace_strict(dict(naming.keys), return_dtype=pl.String).alias(KEY)
    )
    strength = [pl.col(P).fill_nan(None)]
    if RANK in rows.columns:
        strength.append(pl.col(RANK).abs())
    ordered = keyed.sort(
        KEY, *(one.neg() for one in strength), LABEL, nulls_last=True, maintain_order=True
    )
    best = ordered.unique(KEY, keep="first", maintain_order=True)
    return best, keyed.select(KEY, ASSAY).n_unique() - best.height


def order_ranks(best: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Return genes from the highest rank to the lowest, and how many share theirs with another.

    Those that share a rank stand in the order of the SHA-256 of their symbols: the alphabet would
    put families of genes side by side, which sets are made of.
    """
    digests = [hashlib.sha256(key.encode()).hexdigest() for key in best[KEY]]
    ordered = best.with_columns(pl.Series("digest", digests)).sort(
        [RANK, "digest"], descending=[True, False]
    )
    tied = int(ordered[RANK].is_duplicated().sum())
    return ordered.drop("digest"), tied


def describe_kinds(names: Sequence[str]) -> str:
    """Say what names are, by what most of them are, with an example.

    Examples
    --------
    >>> describe_kinds(["ENSG00000136244", "ENSG00000169429"])
    "Ensembl genes such as 'ENSG00000136244'"
    """
    resolved = load_genes().resolve(list(names[:1_000]))
    kind, _ = Counter(resolved[c.MATCH].to_list()).most_common(1)[0]
    first = resolved.filter(pl.col(c.MATCH) == kind)["name"][0]
    return f"{_KINDS[kind]} such as {first!r}"
