"""Which values a method's numbers may have: outside them an estimate would be of no model."""

from __future__ import annotations

import math

from proteomr.errors import UsageError

__all__ = ["check_above_zero", "check_correlation", "check_not_negative", "check_p_value"]


def check_above_zero(name: str, value: float | None, *, hint: str = "") -> None:
    """Refuse a number that is not finite and above zero; None is the method's own choice.

    Raises
    ------
    UsageError
        It is not.

    Examples
    --------
    >>> check_above_zero("penalty", 20.0)
    >>> check_above_zero("penalty", 0.0)
    Traceback (most recent call last):
    ...
    proteomr.errors.UsageError: penalty is 0.0: a finite number above zero is needed
    """
    if value is not None and not 0.0 < value < math.inf:
        raise UsageError(f"{name} is {value}: a finite number above zero is needed{hint}")


def check_not_negative(name: str, value: float | None) -> None:
    """Refuse a number that is not finite or below zero; None is the method's own choice.

    Raises
    ------
    UsageError
        It is.

    Examples
    --------
    >>> check_not_negative("penalty", 0.0)
    """
    if value is not None and not 0.0 <= value < math.inf:
        raise UsageError(f"{name} is {value}: a finite number of zero or more is needed")


def check_p_value(name: str, value: float | None) -> None:
    """Refuse what cannot be a threshold of p values; None is the method's own choice.

    Raises
    ------
    UsageError
        It is not above zero and at most one.

    Examples
    --------
    >>> check_p_value("own_instruments_p", 5e-8)
    """
    if value is not None and not 0.0 < value <= 1.0:
        raise UsageError(f"{name} is {value}: a p value above 0 and up to 1 is needed")


def check_correlation(psi: float) -> None:
    """Refuse what cannot be the correlation of two estimates.

    Raises
    ------
    UsageError
        It does not lie strictly between -1 and 1.

    Examples
    --------
    >>> check_correlation(0.3)
    """
    if not -1.0 < psi < 1.0:
        raise UsageError(f"psi is {psi}: a correlation strictly between -1 and 1 is needed")
