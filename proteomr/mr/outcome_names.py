"""Names of outcomes: two files are two outcomes, also where their traits share a name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import polars as pl

from proteomr.io.sumstats.source import name_trait

__all__ = ["Apart", "find_stretches", "name_outcomes_apart"]


@dataclass(frozen=True, slots=True, eq=False)
class Apart:
    """Rows of several files whose traits have names of their own.

    Parameters
    ----------
    frames : the rows of each file.
    own_names : the trait in its file, by the name that it got.
    notes : on new names.
    """

    frames: list[pl.DataFrame]
    own_names: Mapping[str, str]
    notes: tuple[str, ...]


def find_stretches(rows: pl.DataFrame) -> pl.DataFrame:
    """Return from where to where each trait reaches on each chromosome, null where unknown.

    Examples
    --------
    >>> rows = pl.DataFrame({"trait": ["o"] * 2, "chromosome": ["1"] * 2, "position_bp": [7, 3]})
    >>> find_stretches(rows).rows()
    [('o', '1', 3, 7)]
    """
    types = {"chromosome": pl.String, "position_bp": pl.Int64}
    unknown = [pl.lit(None, t).alias(n) for n, t in types.items() if n not in rows.columns]
    return (
        rows.with_columns(unknown)
        .group_by("trait", "chromosome")
        .agg(pl.col("position_bp").min().alias("low"), pl.col("position_bp").max().alias("high"))
    )


def name_outcomes_apart(
    parts: Sequence[tuple[Path, pl.DataFrame]], *, stretches: Sequence[pl.DataFrame] | None = None
) -> Apart:
    """Return the rows of each file with traits that no other file has.

    A trait that several files have is named ``trait (path)``, the path as short as tells the files
    apart. Files that name their trait in a column and share no variant are parts of one study, as
    one file for each chromosome, and keep its name, with a note.

    Parameters
    ----------
    parts : files, and their rows with ``variant_id`` and ``trait``.
    stretches : what the whole files reach over, see `find_stretches`, where the rows are chosen by
        p: two studies of a trait may share none of these, but not their stretches.

    Examples
    --------
    >>> rows = pl.DataFrame({"variant_id": ["rs1"], "trait": ["o"]})
    >>> apart = name_outcomes_apart([(Path("C/o.tsv"), rows), (Path("D/o.tsv"), rows)])
    >>> [frame["trait"][0] for frame in apart.frames]
    ['o (C/o.tsv)', 'o (D/o.tsv)']
    >>> apart.own_names
    {'o (C/o.tsv)': 'o', 'o (D/o.tsv)': 'o'}
    """
    holders: dict[str, list[int]] = {}
    for i, (_, rows) in enumerate(parts):
        for trait in rows["trait"].drop_nulls().unique(maintain_order=True):
            holders.setdefault(str(trait), []).append(i)
    names: list[dict[str, str]] = [{} for _ in parts]
    notes = []
    for trait, files in holders.items():
        if len(files) < 2:
            continue
        whole = None if stretches is None else [stretches[i] for i in files]
        if _is_one_study(trait, [parts[i] for i in files], whole):
            notes.append(
                f"{len(files)} files share no variant and are taken as parts of one study of "
                f"{trait!r}"
            )
            continue
        labels = _shorten([parts[i][0] for i in files])
        for i, label in zip(files, labels, strict=True):
            names[i][trait] = f"{trait} ({label})"
        notes.append(f"{len(files)} files have an outcome {trait!r}; they are named by their paths")
    frames = [
        rows.with_columns(pl.col("trait").replace(new)) if new else rows
        for (_, rows), new in zip(parts, names, strict=True)
    ]
    own_names = {new: trait for renamed in names for trait, new in renamed.items()}
    return Apart(frames, own_names, tuple(notes))


def _is_one_study(
    trait: str,
    parts: Sequence[tuple[Path, pl.DataFrame]],
    stretches: Sequence[pl.DataFrame] | None,
) -> bool:
    """Tell whether files are parts of one study: named in a column, and without a variant twice."""
    if any(trait == name_trait(path) for path, _ in parts):
        return False
    variants = [{*rows.filter(trait=trait)["variant_id"]} for _, rows in parts]
    if any(first & second for first, second in combinations(variants, 2)):
        return False
    whole = [reach.filter(trait=trait) for reach in stretches or ()]
    return not any(_overlap(first, second) for first, second in combinations(whole, 2))


def _overlap(first: pl.DataFrame, second: pl.DataFrame) -> bool:
    """Tell whether stretches overlap, or may: where a position is not known."""
    if any(
        part.select(pl.any_horizontal(pl.all().is_null()).any()).item() for part in (first, second)
    ):
        return True
    both = first.join(second, on="chromosome")
    apart = (pl.col("high") < pl.col("low_right")) | (pl.col("high_right") < pl.col("low"))
    return bool(both.select((~apart).any()).item())


def _shorten(paths: Sequence[Path]) -> list[str]:
    """Return paths without the leading folders that are not needed to tell them apart."""
    whole = [path.resolve().parts for path in paths]
    for length in range(1, max(map(len, whole)) + 1):
        labels = ["/".join(parts[-length:]) for parts in whole]
        if len({*labels}) == len(labels):
            return labels
    return [f"{'/'.join(parts[-2:])}, {i}" for i, parts in enumerate(whole, start=1)]
