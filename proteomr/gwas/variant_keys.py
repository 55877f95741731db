"""Numbers that stand for variants and places, by which those are found that stand several times."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from proteomr._typing import Bool

__all__ = ["find_repeated", "key_variants", "rows_of"]

_U64 = NDArray[np.uint64]
# Multipliers and shifts of the finaliser of splitmix64 (Steele, Lea and Flood 2014,
# doi:10.1145/2714064.2660195): one to one, and every bit depends on every other.
_ROUNDS: Final = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1))


def key_variants(frame: pl.DataFrame) -> pl.DataFrame:
    """Return 64-bit numbers that are the same for the same variant, and for the same place.

    Beside them stand the effect per the allele that sorts last, and its error, by which rows of one
    variant are compared; 32 bits hold a hundredth of a standard error up to z of 100,000.

    A variant is a trait, a place and a pair of alleles in any order; where the place is unknown,
    a name instead, and where an allele is, a name alone. Among ten million variants two share a
    number by chance in 3 of a million tables.

    Returns
    -------
    keys : ``variant``, ``site``, ``effect`` and ``error``, one row for each of the table.

    Examples
    --------
    >>> from proteomr.tables import load_schema
    >>> key_variants(load_schema("sumstats").empty()).columns
    ['variant', 'site', 'effect', 'error']
    """
    effect, other = frame["effect_allele"], frame["other_allele"]
    placed = _all_told(frame["chromosome"], frame["position_bp"])
    paired = _all_told(effect, other)
    trait = _hash(frame["trait"])
    named = _mix(_mix(trait) ^ _hash(frame["variant_id"])) if not (placed & paired).all() else trait
    position = frame["position_bp"].fill_null(0).to_numpy().astype(np.uint64)
    place = _mix(_mix(trait + _mix(_hash(frame["chromosome"]))) ^ _mix(position))
    site = np.where(placed, place, named)
    pair = _mix(_hash(effect) + _hash(other))  # in any order
    turned = (effect < other).fill_null(value=False)
    beta = frame["beta"]
    return pl.DataFrame(
        {
            "variant": np.where(paired, _mix(site ^ pair), named),
            "site": site,
            "effect": beta.zip_with(~turned, -beta).cast(pl.Float32),
            "error": frame["se"].cast(pl.Float32),
        }
    )


def find_repeated(keys: pl.Series) -> pl.Series:
    """Return the numbers that occur more than once, each once.

    Parameters
    ----------
    keys : (r,) 64-bit numbers.

    Examples
    --------
    >>> find_repeated(pl.Series([7, 3, 7, 7, 3, 1], dtype=pl.UInt64)).to_list()
    [3, 7]
    """
    ordered = keys.to_numpy(writable=True)
    ordered.sort()
    return pl.Series(np.unique(ordered[1:][ordered[1:] == ordered[:-1]]))


def rows_of(keys: pl.Series, wanted: pl.Series) -> Bool:
    """Return which keys are among some.

    Examples
    --------
    >>> rows_of(pl.Series([1, 2, 1]), pl.Series([1])).tolist()
    [True, False, True]
    """
    return keys.is_in(wanted.implode()).to_numpy()


def _all_told(first: pl.Series, second: pl.Series) -> Bool:
    return (first.is_not_null() & second.is_not_null()).to_numpy()


def _hash(cells: pl.Series) -> _U64:
    return cells.hash(seed=0).to_numpy()


def _mix(numbers: _U64) -> _U64:
    """Return numbers in which any difference, however regular, has become one of half the bits."""
    mixed = numbers.copy()
    for shift, factor in _ROUNDS:
        mixed ^= mixed >> np.uint64(shift)
        mixed *= np.uint64(factor)
    return mixed
