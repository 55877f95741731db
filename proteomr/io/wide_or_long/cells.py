"""What a column of text holds: numbers, codes, words, or something that its user has to say.

The one rule, for all plain tables. Missing cells, and words for a value that is not there
(``<LOD``, ``n.d.``), tell nothing; a column of nothing else holds numbers. Otherwise

- **words** where fewer than one in five of the known cells is a number, unless the column has the
  name of a protein and any number; or where the name sounds like a fact about samples (age, sex,
  batch, ...) and one cell is a word (``90+``);
- **codes** where all are whole numbers of one width, zeros in front of at least one in five
  (``007``, ``0100``), and the name is no protein's;
- **numbers** where none has zeros in front, or most have a decimal point or an exponent: a cell
  like ``00012`` among decimals is the number 12;
- **doubtful** otherwise: whole numbers of which some have zeros in front.

Numbers are assays, codes and words describe samples, and what is doubtful is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import polars as pl

from proteomr.io.column_names import names_protein, sounds_like_sample
from proteomr.io.conversion import NO_VALUE
from proteomr.io.text import MISSING

__all__ = ["Content", "Judgement", "judge_cells"]

Content: TypeAlias = Literal["numbers", "codes", "words", "doubtful"]

_FEW: Final = 0.2  # a stray word in an assay is a fault with its line, not another kind of column
_PADDED: Final = r"^[+-]?0\d+$"
_WHOLE: Final = r"^[+-]?\d+$"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a column holds, and what told it.

    Parameters
    ----------
    content : what it holds.
    padded : how many of its cells are whole numbers with zeros in front.
    decimals : share of its numbers that have a decimal point or an exponent.
    """

    content: Content
    padded: int = 0
    decimals: float = 0.0


def judge_cells(column: pl.Series) -> Judgement:
    """Return what a column of text holds.

    Examples
    --------
    >>> judge_cells(pl.Series("IL6", ["0.5", "00012", "-1e-3"])).content
    'numbers'
    >>> judge_cells(pl.Series("site", ["0012", "0100"])).content
    'codes'
    >>> judge_cells(pl.Series("IL6", ["7", "007", "1200"])).content
    'doubtful'
    """
    text = column.str.strip_chars(' \t"')
    told = text.filter(~(text.is_in(MISSING) | text.str.to_lowercase().is_in(NO_VALUE)))
    cells = told.drop_nulls()
    if not cells.len():
        return Judgement("numbers")
    is_number = cells.cast(pl.Float64, strict=False).is_not_null()
    numbers = cells.filter(is_number)
    if _are_words(column.name, numbers=numbers.len(), known=cells.len()):
        return Judgement("words")
    padded = int(numbers.str.contains(_PADDED).sum())
    decimals = float((~numbers.str.contains(_WHOLE)).mean() or 0.0)  # type: ignore[arg-type]
    if not padded or decimals > 0.5:
        return Judgement("numbers", padded, decimals)
    one_width = numbers.str.len_chars().n_unique() == 1 and numbers.len() == cells.len()
    many = padded >= _FEW * numbers.len()
    codes = one_width and many and not decimals and not names_protein(column.name)
    return Judgement("codes" if codes else "doubtful", padded, decimals)


def _are_words(name: str, *, numbers: int, known: int) -> bool:
    if numbers == known:
        return False
    if sounds_like_sample(name) or not numbers:
        return True
    return numbers < _FEW * known and not names_protein(name)
