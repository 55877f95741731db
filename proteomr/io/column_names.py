"""What the name of a column says: that it holds a protein, or a fact about the samples."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from proteomr.tables.genes import fold_name, gene_names, human_accessions

__all__ = [
    "find_facts",
    "find_proteins",
    "is_protein",
    "names_protein",
    "share_of_proteins",
    "sounds_like_sample",
]

_SAMPLE_WORDS: Final = frozenset(
    {"age", "sex", "gender", "bmi", "weight", "height", "batch", "plate", "well", "site", "centre"}
    | {"center", "visit", "year", "date", "time", "group", "status", "outcome", "case", "smoking"}
    | {"education", "income", "ethnicity", "race", "id", "eid", "iid", "fid", "pidn", "season"}
    | {"years", "month", "day", "days", "smoker", "alcohol", "townsend", "deprivation", "fasting"}
    | {"storage", "lot", "run", "slide", "array", "score", "waist", "circumference", "diabetes"}
    | {"hypertension", "statin", "medication", "cholesterol", "triglycerides", "glucose", "lonely"}
    | {"loneliness", "isolation", "isolated", "exposure", "treatment", "arm", "weights", "stratum"}
    | {"female", "male", "followup", "death", "died", "cluster", "cohort", "rack", "operator"}
)
_COMPONENT: Final = re.compile(r"(?:gen(?:etic)?[ _.-]?)?pc[ _.-]?\d{1,3}", re.IGNORECASE)
_ACCESSION: Final = (
    r"(?:[OPQ][0-9][A-Z0-9]{3}[0-9]|[A-NR-Z][0-9](?:[A-Z][A-Z0-9]{2}[0-9]){1,2})(?:-\d+)?"
)
_PROTEIN_ID: Final = re.compile(
    rf"{_ACCESSION}|OID\d{{5}}|SL\d{{6}}"
    r"|\d{4,5}-\d{1,3}(?:_\d{1,2})?|(?:seq\.|X)\d{4,5}\.\d{1,3}(?:[._]\d{1,2})?"
)
_SEPARATORS: Final = re.compile(r"[;|,/:_ ]+")
_NUMBERED: Final = re.compile(r"(.*?)(\d+)")
_REMEMBERED: Final = 1 << 15  # names of a table of proteins are asked about several times
_SERIES: Final = 2  # names of one stem that count on are people: AD1, AD2
_DENSE: Final = 0.75  # of the numbers up to the last one: some people leave a study, IL2, 4, 6 stay


@functools.lru_cache(maxsize=_REMEMBERED)
def sounds_like_sample(name: str) -> bool:
    """Tell whether a name is one of the usual ones of information on samples.

    A name that is the symbol of a gene, as it is approved, is a protein's.

    Examples
    --------
    >>> [sounds_like_sample(name) for name in ("Age_at_Baseline", "PC1", "AGER", "ID4")]
    [True, True, False, False]
    """
    if _COMPONENT.fullmatch(name):
        return True
    apart = re.sub(r"([a-z])([A-Z])", r"\1 \2", name)
    words = (word.casefold() for word in re.split(r"[^A-Za-z]+", apart))
    return any(word in _SAMPLE_WORDS for word in words) and not _is_symbol(name)


def names_protein(name: str) -> bool:
    """Tell whether a name is a gene's, in any of its spellings, or an identifier of a protein.

    Known are symbols and aliases of human genes, UniProt accessions, OlinkIDs and SomaScan's
    sequence and analyte identifiers; and several of them joined. In small letters a word is a
    symbol's alone: ``hip`` and ``sbp`` are aliases, too.

    Examples
    --------
    >>> [names_protein(name) for name in ("gdf15", "IL-8", "P05231", "OID20049", "age", "prot1")]
    [True, True, True, True, False, False]
    """
    text = name.strip()
    if sounds_like_sample(text):
        return False
    if _PROTEIN_ID.fullmatch(text) or _names_gene(text):
        return True
    parts = [part for part in _SEPARATORS.split(text) if part]
    if len(parts) < 2:
        return False
    return any(map(_PROTEIN_ID.fullmatch, parts)) or all(map(_names_gene, parts))


def _is_symbol(text: str) -> bool:
    return fold_name(text) in gene_names(aliases=False)


def is_protein(text: str) -> bool:
    """Tell whether a cell that may name a person names a protein for certain.

    As `names_protein`, but that an accession of one letter and digits is one of a human protein,
    as people are called ``P10001``, too; and that numbers (``10023-1``) are none.

    Examples
    --------
    >>> [is_protein(text) for text in ("P05231", "P10001", "Q9Y6K5", "GDF15", "10023-1")]
    [True, False, True, True, False]
    """
    parts = [part for part in re.split(r"[;|,/ ]+", text.strip()) if part]
    if any(map(str.isdecimal, parts)):  # IL 6, MIP 1 alpha; of PT 1 the first word is a gene
        return _is_known(text.strip())
    return bool(parts) and any(map(_is_known, parts))


def share_of_proteins(names: Sequence[str], *, known: Callable[[str], bool] = is_protein) -> float:
    """Return which share of names that may be people's are proteins'.

    People are numbered: ``CD1``, ``CD2``, ... are patients with Crohn's disease, though most of it
    are aliases of genes. Where names are one stem or a few with numbers, aliases count for nothing,
    and neither do numbers that count on if some are no protein, or if they count from one (``ID1``
    to ``ID4``). Symbols, accessions, OlinkIDs and their like do: ``IL2``, ``IL4``, ``IL6``.

    Parameters
    ----------
    names : all of a column, or of a header.
    known : which names are proteins' where they are no series.

    Examples
    --------
    >>> share_of_proteins(["CD1", "CD2", "CD3"]), share_of_proteins(["IL-2", "IL-4", "IL-6"])
    (0.0, 1.0)
    """
    stems: dict[str, list[tuple[int, str]]] = {}
    for name in names:
        match = _NUMBERED.fullmatch(name.strip())
        stem, number = (match[1].casefold(), int(match[2][-9:])) if match else (name, 0)
        stems.setdefault(stem, []).append((number, name))
    series = [members for members in stems.values() if len(members) >= _SERIES]
    if 2 * sum(map(len, series)) <= len(names):
        return sum(map(known, names)) / max(len(names), 1)
    rest = [name for of in stems.values() if len(of) < _SERIES for _, name in of]
    return (sum(map(known, rest)) + sum(map(_count_certain, series))) / len(names)


def _count_certain(series: Sequence[tuple[int, str]]) -> int:
    """Return how many of one stem with numbers are proteins."""
    names = [name.strip() for _, name in series]
    numbers = {number for number, _ in series}
    identifiers = sum(_PROTEIN_ID.fullmatch(name) is not None and _is_known(name) for name in names)
    certain = max(identifiers, sum(map(_is_symbol, names)))
    counts_on = len(numbers) >= _DENSE * (max(numbers) - min(numbers) + 1)
    from_one = min(numbers) == 1 and not identifiers
    return 0 if counts_on and (from_one or certain < len(names)) else certain


def _is_known(text: str) -> bool:
    bare = re.sub(r"-\d+$", "", text)
    if not re.search(r"[A-Za-z]", text):
        return False
    if re.fullmatch(r"[A-Z]\d+", bare):
        return bare in human_accessions() or bare.casefold() in gene_names(aliases=False)
    return bool(_PROTEIN_ID.fullmatch(text)) or _names_gene(text)


def _names_gene(text: str) -> bool:
    return fold_name(text) in gene_names(aliases=not text.islower())


def find_proteins(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names that are proteins'.

    Examples
    --------
    >>> find_proteins(["age", "NPPB", "hla_dra"])
    ('NPPB', 'hla_dra')
    """
    return tuple(name for name in names if names_protein(name))


def find_facts(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names that sound like facts about samples.

    Examples
    --------
    >>> find_facts(["age", "NPPB", "well_number"])
    ('age', 'well_number')
    """
    return tuple(name for name in names if sounds_like_sample(name))
