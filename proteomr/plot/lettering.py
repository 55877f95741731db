"""Names and numbers as a figure prints them."""

from __future__ import annotations

import math
import textwrap
import unicodedata
from collections.abc import Sequence

import numpy as np

from proteomr._typing import F64

__all__ = [
    "choose_decimals",
    "format_number",
    "format_p",
    "format_power",
    "format_ratio",
    "format_tick",
    "label_axis",
    "measure_letters",
    "shorten",
    "shorten_trait",
    "wrap",
]

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_MINUS = "−"
_LINES = 3
_TRAIT_LETTERS = 48  # of two names that share a label of three lines


def shorten(name: str, *, letters: int) -> str:
    """Return a name on one line, its middle left out where it is longer than allowed.

    The gap lies between words where two thirds of the letters can be kept so, within one elsewhere.
    Letters of double width count as two.

    Examples
    --------
    >>> shorten("chr1:123456789:ACGTACGT:A", letters=12)
    'chr1:1…CGT:A'
    >>> shorten("Loneliness as answered in the second questionnaire", letters=30)
    'Loneliness as … questionnaire'
    >>> shorten("positive regulation of signal transduction", letters=34)
    'positive regulation … transduction'
    """
    plain = "".join(letter for letter in " ".join(name.split()) if letter.isprintable())
    if measure_letters(plain) <= letters:
        return plain
    if (at_words := _leave_words_out(plain.split(" "), letters)) is not None:
        return at_words
    tail = (letters - 1) // 2
    head = _take(plain, letters - 1 - tail)
    return f"{head}…{_take(plain[::-1], tail)[::-1]}"


def _leave_words_out(words: Sequence[str], letters: int) -> str | None:
    """Return as many words of both ends as have room; None where they are less than two thirds."""
    best, most = None, 2 * letters
    for first in range(1, len(words)):
        for last in range(1, len(words) - first):
            text = f"{' '.join(words[:first])} … {' '.join(words[-last:])}"
            wide = 3 * measure_letters(text)
            if wide > 3 * letters:
                break
            if wide >= most:
                best, most = text, wide
    return best


def shorten_trait(name: str) -> str:
    """Return the name of an exposure or outcome as every figure prints it.

    Examples
    --------
    >>> shorten_trait("ADM")
    'ADM'
    """
    return shorten(name, letters=_TRAIT_LETTERS)


def measure_letters(text: str) -> int:
    """Return the width of a text in letters; those of East Asia are two wide.

    Examples
    --------
    >>> measure_letters("ADM"), measure_letters("孤独")
    (3, 4)
    """
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return len(text) + wide


def _take(text: str, letters: int) -> str:
    """Return as much of the beginning as is so many letters wide."""
    taken = ""
    for letter in text:
        if measure_letters(taken + letter) > letters:
            break
        taken += letter
    return taken


def wrap(text: str, *, letters: int) -> str:
    r"""Return a text in at most three lines of a given length, its middle left out beyond that.

    Examples
    --------
    >>> wrap("SNP effect on loneliness", letters=14)
    'SNP effect on\nloneliness'
    """
    plain = shorten(text, letters=_LINES * letters)
    lines = textwrap.wrap(plain, letters)
    if len(lines) > _LINES:
        rest = shorten(" ".join(lines[_LINES - 1 :]), letters=letters)
        lines = [*lines[: _LINES - 1], rest]
    return "\n".join(lines)


def label_axis(what: str, unit: str | None, *, letters: int) -> str:
    """Return the label of an axis with its unit in brackets, wrapped.

    Examples
    --------
    >>> label_axis("SNP effect on ADM", "SD", letters=40)
    'SNP effect on ADM (SD)'
    """
    most = int((_LINES - 0.6) * letters)  # words that do not split leave gaps at the ends of lines
    if not unit:
        return wrap(shorten(what, letters=most), letters=letters)
    bracket = shorten(unit, letters=letters)
    what = shorten(what, letters=most - len(bracket) - 3)
    return wrap(f"{what} ({bracket})", letters=letters)


def choose_decimals(se: F64) -> int:
    """Return the decimals that show standard errors to two digits or more, at most four.

    Examples
    --------
    >>> choose_decimals(np.array([0.03, 0.05, np.nan])), choose_decimals(np.array([40.0]))
    (3, 0)
    """
    usable = se[np.isfinite(se) & (se > 0)]
    if not usable.size:
        return 2
    typical = float(np.median(usable))
    return min(4, max(2 if typical < 10 else 0, 1 - math.floor(math.log10(typical))))


def format_number(value: float, *, decimals: int) -> str:
    """Return a number with fixed decimals, or as a power of ten where those would not serve.

    Examples
    --------
    >>> format_number(-0.1234, decimals=2), format_number(123456.0, decimals=2)
    ('−0.12', '1.2×10⁵')
    """
    if not math.isfinite(value):
        return "∞" if value > 0 else f"{_MINUS}∞" if value < 0 else "NA"
    if value != 0 and not 0.5 * 10.0**-decimals <= abs(value) < 1e4:
        if abs(value) < 0.5 * 10.0**-decimals and decimals < 4:
            return f"{0.0:.{decimals}f}"
        return _as_power(value, digits=1)
    return f"{value:.{decimals}f}".replace("-", _MINUS)


def format_power(value: float, *, decimals: int = 1) -> str:
    """Return a number as a power of ten with one decimal, whatever decimals are asked for.

    Examples
    --------
    >>> format_power(0.000134), format_power(-2e-5, decimals=4), format_power(0.0)
    ('1.3×10⁻⁴', '−2.0×10⁻⁵', '0')
    """
    del decimals
    if value == 0 or not math.isfinite(value):
        return format_number(value, decimals=0)
    return _as_power(value, digits=1)


def format_ratio(value: float, *, decimals: int) -> str:
    """Return a ratio with fixed decimals near one, and with two digits or none far from it.

    Examples
    --------
    >>> [format_ratio(value, decimals=2) for value in (1.234, 0.0123, 137.4, 1e-7, 2.5e6)]
    ['1.23', '0.012', '137', '1.0×10⁻⁷', '2.5×10⁶']
    """
    if not math.isfinite(value) or value >= 1e4 or 0 < value < 1e-3:
        return format_number(value, decimals=decimals) if value >= 1e4 else _as_tiny(value)
    if value >= 100:
        return f"{value:.0f}"
    if 0 < value < 0.1:
        return f"{value:.{max(decimals, 1 - math.floor(math.log10(value)))}f}"
    return f"{value:.{decimals}f}"


def _as_tiny(value: float) -> str:
    return _as_power(value, digits=1) if math.isfinite(value) else format_number(value, decimals=0)


def format_tick(value: float, *, step: float = math.inf) -> str:
    """Return the number of a tick, in six digits, or as many as tell it from its neighbours.

    Parameters
    ----------
    step : between ticks.

    Examples
    --------
    >>> format_tick(-0.30000000000000004), format_tick(2e6)
    ('−0.3', '2×10⁶')
    >>> format_tick(10.283001, step=5e-7), format_tick(10.283001)
    ('10.283001', '10.283')
    """
    digits = 6
    if 0.0 < step < abs(value):
        digits = min(15, max(6, math.floor(math.log10(abs(value) / step)) + 2))
    text = f"{value:.{digits}g}"
    if "e" not in text:
        return text.replace("-", _MINUS)
    mantissa, _, exponent = text.partition("e")
    return f"{mantissa.replace('-', _MINUS)}×10{_raise(int(exponent))}"


def format_p(neg_log10_p: float) -> str:
    """Return a p value from its minus log10, however small it is.

    Examples
    --------
    >>> format_p(300.0), format_p(1.301), format_p(0.1), format_p(887.3)
    ('1×10⁻³⁰⁰', '0.050', '0.79', '5×10⁻⁸⁸⁸')
    """
    if not math.isfinite(neg_log10_p):
        return "0" if neg_log10_p > 0 else "NA"
    if neg_log10_p < 1:
        return f"{10.0**-neg_log10_p:.2f}"
    if neg_log10_p < 3:
        return f"{10.0**-neg_log10_p:.3f}"
    exponent = math.ceil(neg_log10_p)
    mantissa = round(10.0 ** (exponent - neg_log10_p))
    if mantissa == 10:
        mantissa, exponent = 1, exponent - 1
    return "0.001" if (mantissa, exponent) == (1, 3) else f"{mantissa}×10{_raise(-exponent)}"


def _as_power(value: float, *, digits: int) -> str:
    mantissa, _, exponent = f"{value:.{digits}e}".partition("e")
    return f"{mantissa.replace('-', _MINUS)}×10{_raise(int(exponent))}"


def _raise(exponent: int) -> str:
    return str(exponent).translate(_SUPERSCRIPTS)
