"""Whether variants that two sources share stand at the same places, and so on one build."""

from __future__ import annotations

import polars as pl

__all__ = ["lie_on_other_chromosomes", "show_builds", "shows_one_build"]

# Of five shared variants at least nine in ten stand at the same position: then both sources are
# on one build, whatever they say (the same figures as in `proteomr.gwas.build`). Of three or four
# all but one: half a per cent of places are the same on two builds, two by chance in 1 of 10,000.
_FEWEST, _SURE, _LEAST = 5, 0.9, 3


def shows_one_build(pairs: pl.DataFrame) -> bool | None:
    """Return whether rows that share a name lie at the same positions; None if too few tell.

    Parameters
    ----------
    pairs : see `proteomr.gwas.match.contradict_positions`.

    Examples
    --------
    >>> places = {"chromosome": ["1"] * 6, "position_bp": [1, 2, 3, 4, 5, 6]}
    >>> other = {"chromosome_right": ["1"] * 6, "position_bp_right": [1, 2, 3, 4, 5, 6]}
    >>> shows_one_build(pl.DataFrame({**places, **other, "indel": [False] * 6}))
    True
    """
    return _judge_counts(*pairs.select(*_count_comparable()).row(0))


def show_builds(pairs: pl.DataFrame, *, by: str) -> dict[str, bool | None]:
    """Return `shows_one_build` of every group of rows.

    Parameters
    ----------
    pairs : see `proteomr.gwas.match.contradict_positions`.
    by : column of text whose values name the groups.

    Examples
    --------
    >>> places = {"chromosome": ["1"] * 6, "position_bp": [1, 2, 3, 4, 5, 6]}
    >>> other = {"chromosome_right": ["1"] * 6, "position_bp_right": [1, 2, 3, 4, 5, 6]}
    >>> show_builds(pl.DataFrame({**places, **other, "outcome": ["a"] * 5 + ["b"]}), by="outcome")
    {'a': True, 'b': None}
    """
    counts = pairs.group_by(by, maintain_order=True).agg(*_count_comparable())
    return {name: _judge_counts(n, same) for name, n, same in counts.iter_rows()}


def _judge_counts(n: int, same: int) -> bool | None:
    if n >= _LEAST and n - same <= max(1.0, (1.0 - _SURE) * n):
        return True
    return False if n >= _FEWEST or (n >= _LEAST and same == 0) else None


def _count_comparable() -> tuple[pl.Expr, pl.Expr]:
    """Return how many pairs have both positions, and how many of these the same."""
    near = ~lie_on_other_chromosomes()
    distance = (pl.col("position_bp") - pl.col("position_bp_right")).abs()
    return (
        (near & distance.is_not_null()).sum().alias("n"),
        (near & (distance == 0)).sum().alias("same"),
    )


def lie_on_other_chromosomes() -> pl.Expr:
    """Return whether both chromosomes of a row are known, and differ.

    Examples
    --------
    >>> rows = pl.DataFrame({"chromosome": ["1", "X"], "chromosome_right": ["chr1", None]})
    >>> rows.select(lie_on_other_chromosomes()).to_series().to_list()
    [False, False]
    """
    first, second = (
        pl.col(name).cast(pl.String).str.replace("(?i)^chr", "").str.to_uppercase()
        for name in ("chromosome", "chromosome_right")
    )
    return (first != second).fill_null(value=False)
