"""Contrasts of the levels of an exposure: read from their words, and asked of its target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from proteomr._typing import I64
from proteomr.errors import UsageError, nearest
from proteomr.models.level_coding import code_pairs, part_circles
from proteomr.models.targets import Target

__all__ = ["ask_contrasts", "names_levels"]

_SEPARATORS = (" - ", " vs ", "-")


def ask_contrasts(targets: Sequence[Target], contrasts: Sequence[str]) -> list[Target]:
    """Return exposures with the contrasts of levels that are asked for, in place of their own.

    Contrasts that follow from those before them are of a target of their own, in another coding
    of the same model. An exposure that has the levels of none keeps its contrasts.

    Parameters
    ----------
    contrasts : such as ``Current - Never``.

    Raises
    ------
    UsageError
        A contrast is not of two levels of an exposure, or is given twice.

    Examples
    --------
    >>> smoking = Target("smoking", "exposure", "factor", np.eye(3)[:, 1:],
    ...     ("b vs a", "c vs a"), levels=("a", "b", "c"), codes=np.array([0.0, 1.0, 2.0]))
    >>> [target.contrasts for target in ask_contrasts([smoking], ["c - b", "b - a", "c - a"])]
    [('c vs b', 'b vs a'), ('c vs a',)]
    """
    used: set[str] = set()
    out: list[Target] = []
    for target in targets:
        found = {text: pair for text in contrasts if (pair := _find_pair(text, target.levels))}
        used.update(found)
        out += _recode(target, list(found.values())) if found else [target]
    for text in contrasts:
        if text not in used:
            raise UsageError(_describe_unknown(text, targets))
    return out


def names_levels(text: str, levels: tuple[str, ...]) -> bool:
    """Whether a contrast is of two of some levels.

    Examples
    --------
    >>> names_levels("2 - 1", ("1", "2", "3"))
    True
    """
    return _find_pair(text, levels) is not None


def _find_pair(text: str, levels: tuple[str, ...]) -> tuple[int, int] | None:
    """Return the positions of the two levels that a contrast names; None where it does not."""
    for separator in _SEPARATORS:
        parts = text.split(separator)
        for i in range(1, len(parts)):
            first, second = separator.join(parts[:i]).strip(), separator.join(parts[i:]).strip()
            if first in levels and second in levels and first != second:
                return levels.index(first), levels.index(second)
    return None


def _describe_unknown(text: str, targets: Sequence[Target]) -> str:
    known = [level for target in targets for level in target.levels]
    if not known:
        return f"contrast {text!r}: no exposure has levels"
    wrong = next((part for part in map(str.strip, text.split(" - ")) if part not in known), text)
    had = "; ".join(f"{t.name} has {', '.join(t.levels)}" for t in targets if t.levels)
    return (
        f'contrast {text!r} is not of two levels of an exposure, as "B - A" is: '
        f"{had}{nearest(wrong, known)}"
    )


def _recode(target: Target, pairs: list[tuple[int, int]]) -> list[Target]:
    if len(set(pairs)) < len(pairs):
        raise UsageError(f"a contrast of {target.name} is given twice")
    if target.codes is None:
        return [_turn(target, pair, first=k == 0) for k, pair in enumerate(pairs)]
    free, tied = part_circles(pairs, len(target.levels))
    groups = [free, *([pair] for pair in tied)]
    codes = np.where(np.isnan(target.codes), -1, target.codes).astype(np.int64)
    return [_take(target, codes, tuple(group), tested=k == 0) for k, group in enumerate(groups)]


def _take(
    target: Target, codes: I64, pairs: tuple[tuple[int, int], ...], *, tested: bool
) -> Target:
    coded = code_pairs(codes[codes >= 0], target.levels, pairs)
    values = np.full((codes.size, coded.columns.shape[1]), np.nan)
    values[codes >= 0] = coded.columns
    return replace(
        target,
        values=values,
        contrasts=tuple(_label(target, pair) for pair in pairs),
        pairs=pairs,
        tested=tested,
    )


def _turn(target: Target, pair: tuple[int, int], *, first: bool) -> Target:
    """Return a target of two levels as the contrast has them."""
    values = target.values if pair == (1, 0) else 1.0 - target.values
    label = (_label(target, pair),)
    return replace(target, values=values, contrasts=label, tested=first)


def _label(target: Target, pair: tuple[int, int]) -> str:
    return f"{target.levels[pair[0]]} vs {target.levels[pair[1]]}"
