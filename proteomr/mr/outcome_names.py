"""Names of outcomes: two files are two outcomes, also where their traits share a name."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import polars as pl

from proteomr.io.sumstats.source import name_trait

__all__ = ["bare_name", "name_outcomes_apart"]


def name_outcomes_apart(
    parts: Sequence[tuple[Path, pl.DataFrame]],
) -> tuple[list[pl.DataFrame], tuple[str, ...]]:
    """Return the rows of each file with traits that no other file has, and notes on new names.

    A trait that several files have is named ``trait (path)``, the path as short as tells the files
    apart. Files that name their trait in a column and share no variant are parts of one study, as
    one file for each chromosome, and keep its name.

    Parameters
    ----------
    parts : files, and their rows with ``variant_id`` and ``trait``.

    Examples
    --------
    >>> rows = pl.DataFrame({"variant_id": ["rs1"], "trait": ["o"]})
    >>> frames, notes = name_outcomes_apart([(Path("C/o.tsv"), rows), (Path("D/o.tsv"), rows)])
    >>> [frame["trait"][0] for frame in frames]
    ['o (C/o.tsv)', 'o (D/o.tsv)']
    """
    holders: dict[str, list[int]] = {}
    for i, (_, rows) in enumerate(parts):
        for trait in rows["trait"].drop_nulls().unique(maintain_order=True):
            holders.setdefault(str(trait), []).append(i)
    names: list[dict[str, str]] = [{} for _ in parts]
    notes = []
    for trait, files in holders.items():
        if len(files) < 2 or _is_one_study(trait, [parts[i] for i in files]):
            continue
        labels = _shorten([parts[i][0] for i in files])
        for i, label in zip(files, labels, strict=True):
            names[i][trait] = f"{trait} ({label})"
        notes.append(f"{len(files)} files have an outcome {trait!r}; they are named by their paths")
    frames = [
        rows.with_columns(pl.col("trait").replace(new)) if new else rows
        for (_, rows), new in zip(parts, names, strict=True)
    ]
    return frames, tuple(notes)


def bare_name(name: str) -> str:
    """Return the trait of an outcome that its path tells apart from others.

    Examples
    --------
    >>> bare_name("IL6 (C/o.tsv)"), bare_name("IL6")
    ('IL6', 'IL6')
    """
    trait, parted, _ = name.rpartition(" (")
    return trait if parted and name.endswith(")") else name


def _is_one_study(trait: str, parts: Sequence[tuple[Path, pl.DataFrame]]) -> bool:
    """Tell whether files are parts of one study: named in a column, and without a variant twice."""
    if any(trait == name_trait(path) for path, _ in parts):
        return False
    variants = [{*rows.filter(trait=trait)["variant_id"]} for _, rows in parts]
    return not any(first & second for first, second in combinations(variants, 2))


def _shorten(paths: Sequence[Path]) -> list[str]:
    """Return paths without the leading folders that are not needed to tell them apart."""
    whole = [path.resolve().parts for path in paths]
    for length in range(1, max(map(len, whole)) + 1):
        labels = ["/".join(parts[-length:]) for parts in whole]
        if len({*labels}) == len(labels):
            return labels
    return [f"{'/'.join(parts[-2:])}, {i}" for i, parts in enumerate(whole, start=1)]
