"""Alleles as columns: in one spelling, on the other strand, alike on both."""

from __future__ import annotations

from typing import Final

import polars as pl

__all__ = ["clean_allele", "flip_strand", "is_palindromic"]

_BASES: Final = ["A", "C", "G", "T"]
_COMPLEMENTS: Final = ["T", "G", "C", "A"]
_MISSING: Final = ["", "NA", "N/A", "NAN", "NULL", "NONE", ".", "0"]


def clean_allele(allele: pl.Expr) -> pl.Expr:
    """Return alleles in capital letters, null where there is none.

    TRUE is T: R takes a column of T alone for logical.

    Parameters
    ----------
    allele : text.

    Examples
    --------
    >>> frame = pl.DataFrame({"allele": ["a", " NA ", "", "Ct", "TRUE"]})
    >>> frame.select(clean_allele(pl.col("allele"))).to_series().to_list()
    ['A', None, None, 'CT', 'T']
    """
    text = allele.cast(pl.String).str.strip_chars().str.to_uppercase().replace("TRUE", "T")
    return pl.when(~text.is_in(_MISSING)).then(text)


def flip_strand(allele: pl.Expr) -> pl.Expr:
    """Return alleles with each base as its complement, in the order given.

    Parameters
    ----------
    allele : capital letters; others than A, C, G, T stay as they are.

    Examples
    --------
    >>> frame = pl.DataFrame({"allele": ["A", "GT", "I"]})
    >>> frame.select(flip_strand(pl.col("allele"))).to_series().to_list()
    ['T', 'CA', 'I']
    """
    return allele.str.replace_many(_BASES, _COMPLEMENTS)


def is_palindromic(first: pl.Expr, second: pl.Expr) -> pl.Expr:
    """Return whether two single bases are each other's complement, so that strands look alike.

    Parameters
    ----------
    first, second : alleles in capital letters.

    Examples
    --------
    >>> frame = pl.DataFrame({"a": ["A", "A", "AT"], "b": ["T", "G", "TA"]})
    >>> frame.select(is_palindromic(pl.col("a"), pl.col("b"))).to_series().to_list()
    [True, False, False]
    """
    return (first + second).is_in(["AT", "TA", "CG", "GC"]).fill_null(value=False)
