"""What a header says: its format, and which of its columns are the canonical ones."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from proteomr.errors import FormatError, UsageError, nearest
from proteomr.io.sumstats.books import (
    CONVERSIONS,
    USUAL,
    ColumnRule,
    FormatBook,
    book_names,
    load_book,
)

__all__ = ["Assignment", "Layout", "assign_columns", "find_book", "fold_trait"]

_CALL: Final = re.compile(r"^(\w+)\((.+)\)$")
_SHORTHANDS: Final[Mapping[str, tuple[str, str]]] = {
    "odds_ratio": ("beta", "log"),
    "hazard_ratio": ("beta", "log"),
    "z": ("beta", "z"),
    "effect_percent": ("beta", "percent"),
    "se_of_ratio": ("se", "ratio"),
    "variance": ("se", "variance"),
    "half_width": ("se", "half_width"),
    "weight": ("se", "weight"),
    "statistic": ("se", "statistic"),
    "p_value": ("neg_log10_p", "p_text"),
    "log10_p": ("neg_log10_p", "log10"),
    "ln_p": ("neg_log10_p", "ln"),
    "neg_ln_p": ("neg_log10_p", "neg_ln"),
    "one_sided_p": ("neg_log10_p", "one_sided"),
    "eaf_percent": ("eaf", "percent"),
}
_NAMED: Final = "named"
# What names a trait in a file of any format: the first of these that is there; else a lone one of
# the others, of two of which neither is taken unasked.
_TRAITS: Final = ("trait", "phenotype", "protein")
_LONE_TRAITS: Final = (
    *("traitname", "traitid", "phenotypename", "phenotypeid", "pheno"),
    *("proteinname", "proteinid", "olinkid", "exposure", "outcome"),
)


@dataclass(frozen=True, slots=True)
class Assignment:
    """One canonical column, the column of the file that it is, and what is done to it."""

    to: str
    source: str
    by: str


@dataclass(frozen=True, slots=True)
class Layout:
    """The format of a file and its columns.

    Parameters
    ----------
    book : the format.
    assignments : one for each canonical column that the file has.
    traits : names of the traits, where columns stand once for each; else empty.
    """

    book: FormatBook
    assignments: tuple[Assignment, ...]
    traits: tuple[str, ...] = ()

    def get(self, to: str) -> Assignment | None:
        """Return the assignment of a canonical column, None where the file lacks it."""
        return next((entry for entry in self.assignments if entry.to == to), None)

    def taking(self, to: str, *, by: str) -> Layout:
        """Return the layout with another conversion of a column that the file has."""
        entries = (replace(e, by=by) if e.to == to else e for e in self.assignments)
        return replace(self, assignments=tuple(entries))


def find_book(
    names: Sequence[str], *, path: Path, ids: Iterable[str] = (), required: bool = True
) -> FormatBook:
    """Return the book of the format that a header is of.

    Parameters
    ----------
    names : the header.
    path : the file, for messages.
    ids : some names of variants, for formats that are told by them.
    required : whether a header without a format of its own must still name what is needed.

    Raises
    ------
    FormatError
        The header is of no known format.

    Examples
    --------
    >>> find_book(["SNP", "A1", "A2", "freq", "b", "se", "p", "N"], path=Path("x.ma")).name
    'cojo'
    """
    books = [load_book(name) for name in book_names()]
    sample = list(ids)
    fitting = [book for book in books if _fits(book, names, sample)]
    best = max(fitting, key=lambda book: (book.priority, len(book.required)))
    if best.name == _NAMED and required:
        _check_enough(best, names, path)
    return best


def assign_columns(
    names: Sequence[str],
    book: FormatBook,
    *,
    mapping: Mapping[str, str],
    path: Path,
    whole: bool = True,
) -> Layout:
    """Return which columns of a file are the canonical ones.

    Parameters
    ----------
    names : the header.
    book : the format; what it says yields to the mapping.
    mapping : canonical column to column of the file, or to ``conversion(column)``; ``odds_ratio``,
        ``hazard_ratio``, ``z``, ``effect_percent``; ``se_of_ratio``, ``variance``, ``half_width``,
        ``weight``, ``statistic``;
        ``p_value``, ``log10_p``, ``ln_p``, ``neg_ln_p``, ``one_sided_p``; ``eaf_percent`` stand for
        what becomes of them.
    path : the file, for messages.
    whole : whether a file that lacks what an estimate per allele needs is refused.

    Raises
    ------
    UsageError
        The mapping names no canonical column or no conversion.
    FormatError
        A column is absent.

    Examples
    --------
    >>> book = load_book("named")
    >>> layout = assign_columns(
    ...     ["snp", "EA", "OA", "hazard", "se"],
    ...     book,
    ...     mapping={"hazard_ratio": "hazard"},
    ...     path=Path("x"),
    ... )
    >>> layout.get("beta")
    Assignment(to='beta', source='hazard', by='log')
    """
    traits = _find_traits(names, book)
    assignments: dict[str, Assignment] = {}
    for key, value in mapping.items():
        to, assignment = _read_mapping(key, value, names, path)
        if to in assignments:
            raise UsageError(f"columns {assignments[to].source!r} and {value!r} are both {to!r}")
        assignments[to] = assignment
    single = [*names, *book.per_trait] if traits else list(names)
    for rule in book.columns:
        if rule.to not in assignments and (source := _find(rule, single)):
            assignments[rule.to] = Assignment(rule.to, source, rule.by)
    trait = None if "trait" in assignments or traits else _find_trait(names)
    if trait is not None:
        assignments["trait"] = Assignment("trait", trait, USUAL["trait"])
    layout = Layout(book, tuple(assignments.values()), traits)
    if whole:
        _check_needed(layout, single, path)
    return layout


def _find_trait(names: Sequence[str]) -> str | None:
    """Return the column that names a trait in a file of any format, None where none surely does."""
    folded = {fold_trait(name): name for name in reversed(names)}
    lone = [folded[name] for name in _LONE_TRAITS if name in folded]
    first = next((folded[name] for name in _TRAITS if name in folded), None)
    return first or (lone[0] if len(lone) == 1 else None)


def fold_trait(name: str) -> str:
    """Return the name of a column in small letters and without what stands between its words.

    Examples
    --------
    >>> fold_trait("Protein_Name")
    'proteinname'
    """
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def _fits(book: FormatBook, names: Sequence[str], ids: Sequence[str]) -> bool:
    if book.id_pattern and not (ids and all(re.match(book.id_pattern, text) for text in ids)):
        return False
    available = set(names) if book.vcf else {_fold(name) for name in names}
    return all((name if book.vcf else _fold(name)) in available for name in book.required)


def _fold(name: str) -> str:
    return name.removeprefix("#").casefold()


def _find(rule: ColumnRule, names: Sequence[str]) -> str | None:
    """Return the column of a rule: as spelt, else but for case."""
    for source in rule.sources:
        if source in names:
            return source
    folded = {_fold(name): name for name in reversed(names)}
    for source in rule.sources:
        if _fold(source) in folded:
            return folded[_fold(source)]
    return None


def _find_traits(names: Sequence[str], book: FormatBook) -> tuple[str, ...]:
    if not book.per_trait or book.per_trait[0] in names:
        return ()
    stem = f"{book.per_trait[0]}."
    return tuple(name.removeprefix(stem) for name in names if name.startswith(stem))


def _turn(key: str, value: str, allowed: Sequence[str]) -> str:
    """Say how a mapping is written that was written the other way round, or what is nearest."""
    if value in allowed:
        return f": the canonical name stands first, {value}={key}"
    return nearest(key, allowed) or f"; they are {', '.join(USUAL)}"


def _read_mapping(key: str, value: str, names: Sequence[str], path: Path) -> tuple[str, Assignment]:
    to, by = _SHORTHANDS.get(key, (key, USUAL.get(key, "")))
    if not by:
        allowed = [*USUAL, *_SHORTHANDS]
        if key in names and value in allowed:
            raise UsageError(
                f"{path}: {key!r} is a column of the file and {value!r} a canonical one: the "
                f"canonical name comes first, {value}={shlex.quote(key)}"
            )
        raise UsageError(f"no canonical column {key!r}{_turn(key, value, allowed)}")
    source = value
    if value not in names and (call := _CALL.match(value)):
        by, source = call[1], call[2]
        if by not in CONVERSIONS:
            raise UsageError(f"no conversion {by!r}{nearest(by, CONVERSIONS)}")
    if source not in names:
        raise FormatError(f"no column {source!r}{nearest(source, names)}", path=path, line=1)
    return to, Assignment(to, source, by)


def _check_enough(book: FormatBook, names: Sequence[str], path: Path) -> None:
    targets = {rule.to for rule in book.columns if _find(rule, names)}
    lacking = {"effect_allele", "beta"} - targets
    if not {"variant_id", "rsid"} & targets and not {"chromosome", "position_bp"} <= targets:
        lacking.add("variant_id")
    if {"beta_exposure", "beta_outcome"} <= {name.replace(".", "_") for name in names}:
        message = "is harmonised already: mr takes it by --harmonised FILE"
        raise FormatError(message, path=path, line=1)
    if len(lacking) > 1:
        shown = ", ".join(names[:12])
        raise FormatError(
            f"columns of no known format ({shown}); lacking {', '.join(sorted(lacking))}: name the"
            f" format, or map canonical columns to these{_guess(names)}",
            path=path,
            line=1,
        )


def _guess(names: Sequence[str]) -> str:
    """Return the format whose columns a header has most of, in words."""
    folded = {_fold(name) for name in names}
    books = [load_book(name) for name in book_names() if name != _NAMED]
    share, name = max(
        (sum(_fold(column) in folded for column in book.required) / len(book.required), book.name)
        for book in books
    )
    return f" (nearest format: {name!r})" if share >= 0.5 else ""


def _check_needed(layout: Layout, names: Sequence[str], path: Path) -> None:
    parts = re.compile(layout.book.name_parts).groupindex
    for to in ("effect_allele", "beta"):
        if layout.get(to) is None and to not in parts:
            _refuse(to, layout.book, names, path)
    other = layout.get("other_allele") or layout.book.other_from or "other_allele" in parts
    if not other:
        _refuse("other_allele", layout.book, names, path)
    beta = layout.get("beta")
    limits = layout.get("conf_low") and layout.get("conf_high")
    told = layout.get("se") or limits or layout.get("neg_log10_p")
    if beta is not None and beta.by != "z" and not told:
        _refuse("se", layout.book, names, path)
    named = any(layout.get(to) for to in ("variant_id", "rsid"))
    if not named and not (layout.get("chromosome") and layout.get("position_bp")):
        _refuse("variant_id", layout.book, names, path)


def _refuse(to: str, book: FormatBook, names: Sequence[str], path: Path) -> None:
    spelt = {source for rule in book.columns if rule.to == to for source in rule.sources}
    hints = {nearest(name, names) for name in (*spelt, to) if len(name) > 2}
    hint = next(iter(sorted(hints, key=lambda text: (-len(text), text))), "")
    raise FormatError(
        f"no column for {to!r} in format {book.name!r}{hint}; map one of: {', '.join(names[:20])}",
        path=path,
        line=1,
    )
