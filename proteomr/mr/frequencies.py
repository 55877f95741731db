"""Allele frequencies of two studies compared after harmonisation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

import polars as pl

from proteomr.errors import ColumnError, UsageError, nearest
from proteomr.gwas.alleles import clean_allele, is_palindromic

__all__ = ["FrequencyCheck", "check_frequencies", "note_frequencies", "tabulate_frequencies"]

_FEWEST: Final = 5  # a correlation of fewer frequencies may be high by chance
_BAND: Final = 0.08  # around a half, in which frequencies tell no strand, as in harmonisation
_MOST: Final = 0.8  # of the frequencies that tell: fewer may be mirrored by strand alone


@dataclass(frozen=True, slots=True)
class FrequencyCheck:
    """How well the frequencies of an exposure and an outcome agree.

    Parameters
    ----------
    exposure, outcome : the pair.
    n_compared : variants with both frequencies whose alleles, not frequencies, gave the strand.
    n_differ : those further apart than the threshold.
    n_mirrored : those of the variants away from a half that are nearer to 1 - eaf of the other.
    n_informative : variants away from a half.
    swapped : whether most are mirrored, so that one study's allele columns are likely exchanged.
    message : what a user should know, None where all agree.
    """

    exposure: str
    outcome: str
    n_compared: int
    n_differ: int
    n_mirrored: int
    n_informative: int
    swapped: bool
    message: str | None


def check_frequencies(table: pl.DataFrame, *, threshold: float = 0.2) -> list[FrequencyCheck]:
    """Return for each exposure and outcome whether their frequencies are of the same allele.

    Parameters
    ----------
    table : as `proteomr.mr.harmonise.harmonise_table` gives it. Palindromic variants are left out:
        their strand may stem from the frequencies.
    threshold : largest absolute difference of frequencies that needs no mention.

    Raises
    ------
    ColumnError
        A column is absent.
    UsageError
        The threshold is not between 0 and 1.

    Examples
    --------
    >>> table = pl.DataFrame(
    ...     {"exposure": "X", "outcome": "Y", "eaf_exposure": [0.1, 0.2, 0.15, 0.3, 0.1, 0.25],
    ...      "eaf_outcome": [0.9, 0.8, 0.84, 0.7, 0.91, 0.75], "remove": False,
    ...      "palindromic": False}
    ... )
    >>> check_frequencies(table)[0].swapped
    True
    """
    for name in ("exposure", "outcome", "eaf_exposure", "eaf_outcome", "remove", "palindromic"):
        if name not in table.columns:
            raise ColumnError(f"harmonised table: no column {name!r}{nearest(name, table.columns)}")
    if not 0 < threshold < 1:
        raise UsageError(f"threshold is {threshold:g}; it lies between 0 and 1")
    x, y = pl.col("eaf_exposure"), pl.col("eaf_outcome")
    comparable = x.is_not_null() & y.is_not_null() & ~pl.col("remove") & ~pl.col("palindromic")
    far = ((x - 0.5).abs() > threshold / 2) & comparable
    counted = table.group_by("exposure", "outcome").agg(
        comparable.sum().alias("n_compared"),
        (((x - y).abs() > threshold) & comparable).sum().alias("n_differ"),
        (((x + y - 1.0).abs() < (x - y).abs()) & far).sum().alias("n_mirrored"),
        far.sum().alias("n_informative"),
    )
    return [_describe(row, threshold) for row in counted.sort("exposure", "outcome").iter_rows()]


def note_frequencies(rows: pl.DataFrame) -> tuple[str, ...]:
    """Return what the frequencies say against variants that were harmonised before.

    Parameters
    ----------
    rows : ``exposure``, ``outcome``, ``variant_id``; alleles and frequencies where known.

    Examples
    --------
    >>> rows = pl.DataFrame(
    ...     {"exposure": ["x"], "outcome": "y", "variant_id": "rs1", "eaf_exposure": 0.2,
    ...      "eaf_outcome": 0.8, "effect_allele_exposure": "A", "other_allele_exposure": "T"}
    ... )
    >>> len(note_frequencies(rows))
    1
    """
    frequencies, alleles = (
        [f"{name}_{side}" for name, side in pairs]
        for pairs in (
            (("eaf", "exposure"), ("eaf", "outcome")),
            (("effect_allele", "exposure"), ("other_allele", "exposure")),
        )
    )
    if not {*frequencies, *alleles} <= {*rows.columns} or not all(
        rows[name].dtype.is_numeric() for name in frequencies
    ):
        return ()
    first, second = (clean_allele(pl.col(name)) for name in alleles)
    told = rows.with_columns(palindromic=is_palindromic(first, second), remove=pl.lit(value=False))
    swapped = [check.message for check in check_frequencies(told) if check.swapped]
    x, y = (pl.col(name) - 0.5 for name in frequencies)
    opposite = (x * y < 0) & (x.abs() >= _BAND) & (y.abs() >= _BAND)
    turned = told.filter(pl.col("palindromic") & opposite)
    notes = [message for message in swapped if message]
    if turned.height:
        notes.append(
            f"{turned.height:,} variants of alleles A/T or C/G, as {turned['variant_id'][0]!r}, "
            "have frequencies on opposite sides of a half: their effects may be of two strands; "
            "harmonise with --action 2 or 3"
        )
    return tuple(notes)


def tabulate_frequencies(checks: Sequence[FrequencyCheck]) -> pl.DataFrame:
    """Return checks as a table, a row for each pair and a column for each field.

    Examples
    --------
    >>> tabulate_frequencies([FrequencyCheck("x", "y", 9, 0, 0, 5, False, None)]).row(0)[:3]
    ('x', 'y', 9)
    """
    return pl.DataFrame([asdict(check) for check in checks])


def _describe(row: tuple[str, str, int, int, int, int], threshold: float) -> FrequencyCheck:
    exposure, outcome, compared, differ, mirrored, informative = row
    swapped = informative >= _FEWEST and mirrored >= _MOST * informative
    message = None
    if swapped:
        message = (
            f"{exposure} -> {outcome}: {mirrored} of {informative} variants have the frequency of "
            "the other allele: in one of the two files effect_allele and other_allele are likely "
            "exchanged, or eaf is that of other_allele"
        )
    elif differ:
        message = (
            f"{exposure} -> {outcome}: frequencies of {differ} of {compared} variants differ by "
            f"more than {threshold:g}: another ancestry, or alleles exchanged for some"
        )
    return FrequencyCheck(
        exposure, outcome, compared, differ, mirrored, informative, swapped, message
    )
