"""Cells of summary statistics as files have them: numbers, p-values, chromosomes, alleles."""

from __future__ import annotations

import math
from typing import Final, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from proteomr._typing import F64, Bool
from proteomr.io.sumstats.distinct import map_letters, map_runs, put_cells
from proteomr.tables.sumstats import CHROMOSOMES

__all__ = [
    "P_KINDS",
    "parse_alleles",
    "parse_chromosomes",
    "parse_names",
    "parse_numbers",
    "parse_p",
    "parse_rsids",
    "read_p",
    "write_p",
]

ABSENT: Final = ("", "NA", "#NA", "N/A", "NaN", "nan", "null", "NULL", "None", ".", "NR")
# Words that stand for the name of a variant that has none. `rs0` may be a name where it is there
# once; where it stands at several places, `proteomr.gwas.match` takes it for none.
_NO_NAME: Final = (
    r"(?i)^(?:[^\p{L}\p{N}]*|0+|rs(?:[^\p{L}\p{N}]*|nan?|nr|null|none|x+)|#?n/?a|n\.a\.?|nan|nr|null"
    r"|none|nil|unknown|unnamed|undefined|novel|missing|tbd|not[ _-]?available"
    r"|no[ _-]?(?:name|(?:rs)?[ _-]?(?:id|number)|rs))$"
)
_PLAIN_RSID: Final = r"^rs[0-9]+$"  # what most names are: no rule changes such a cell
NO_ALLELE: Final = (*ABSENT, "-", "?", "NAN", "NONE")
_DASHES: Final = "[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]"
_P_PARTS: Final = r"^\+?([0-9]*\.?[0-9]+\.?)(?:[eE]([+-]?[0-9]+)|[x×*]10\^?([+-]?[0-9]+))?$"
_SMALL: Final = 2.2250738585072014e-308  # below it doubles lose digits, then vanish
P_KINDS: Final = ("", "given", "small", "bound", "zero", "outside")
"""What a cell of p tells; the first stands for no number."""
_PLINK: Final = {"23": "X", "24": "Y", "25": "X", "26": "MT"}
_CATALOG: Final = {"23": "X", "24": "Y", "25": "MT", "26": "MT"}


def parse_numbers(text: pl.Series) -> tuple[pl.Series, Bool]:
    """Return numbers, null where a cell holds none, and where a typographic minus was put right.

    Examples
    --------
    >>> values, mended = parse_numbers(pl.Series(["0.5", "−1.5", "NA"]))
    >>> values.to_list(), mended.tolist()
    ([0.5, -1.5, None], [False, True, False])
    """
    mended = np.zeros(text.len(), dtype=np.bool_)
    if text.dtype != pl.String:
        return text.cast(pl.Float64).fill_nan(None), mended
    values = text.cast(pl.Float64, strict=False)
    if values.null_count() > text.null_count():
        rows = (values.is_null() & text.is_not_null()).arg_true()
        cells = text.gather(rows)
        plain = cells.str.replace_all(_DASHES, "-").str.strip_chars()
        values = values.scatter(rows, plain.cast(pl.Float64, strict=False))
        mended[rows.to_numpy()] = (plain != cells.str.strip_chars()).to_numpy()
    return values.fill_nan(None), mended


def parse_p(text: pl.Series) -> pl.DataFrame:
    """Return -log10 p of p-values written as text, without underflow.

    Returns
    -------
    parsed : ``neg_log10_p``; ``kind``: ``given``, ``small`` (no double holds it), ``bound`` (``<``
        before it), ``zero``, ``outside`` (not from 0 to 1), null where there is no number;
        ``mended`` where a typographic minus was put right.

    Examples
    --------
    >>> parse_p(pl.Series(["0.01", "1e-1828", "<1e-300", "3.0E‐09", "0"])).select(
    ...     pl.col("neg_log10_p").round(2), "kind"
    ... ).rows()
    [(2.0, 'given'), (1828.0, 'small'), (300.0, 'bound'), (8.52, 'given'), (None, 'zero')]
    """
    out, kind, mended = read_p(text)
    names = pl.Series([None, *P_KINDS[1:]], dtype=pl.String)
    neg_log10_p = pl.Series("neg_log10_p", out).set(pl.Series((kind == 0) | (kind >= 4)), None)
    return pl.DataFrame(
        [neg_log10_p, names.gather(kind).alias("kind"), pl.Series("mended", mended)]
    )


def read_p(text: pl.Series) -> tuple[F64, NDArray[np.int8], Bool]:
    """Return -log10 p, the place of its kind in `P_KINDS`, and what was mended: see `parse_p`.

    Where the kind tells no p-value from 0 to 1, the number means nothing.

    Examples
    --------
    >>> neg_log10_p, kind, _ = read_p(pl.Series(["0.01", "0"]))
    >>> float(neg_log10_p[0]), [P_KINDS[place] for place in kind]
    (2.0, ['given', 'zero'])
    """
    values = text.cast(pl.Float64, strict=False)
    p = values.fill_null(math.nan).to_numpy()
    usual = (p > _SMALL) & (p <= 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        out = np.asarray(-np.log10(p) + 0.0)
    kind = usual.astype(np.int8)
    mended = np.zeros(text.len(), dtype=np.bool_)
    if not usual.all():
        at = np.flatnonzero(~usual & text.is_not_null().to_numpy())
        out[at], kind[at], mended[at] = _parse_rare(text.gather(at).cast(pl.String))
    return out, kind, mended


def _parse_rare(cells: pl.Series) -> tuple[F64, NDArray[np.int8], Bool]:
    """Return -log10 p, the number of the kind, and what was mended, of cells that are not usual."""
    bare = cells.str.replace_all(r"\s", "")
    plain = bare.str.replace_all(_DASHES, "-")
    bound = plain.str.contains(r"^[<≤]").fill_null(value=False).to_numpy()
    digits = plain.str.replace(r"^[<≤=]+", "")
    mantissa = digits.str.extract(_P_PARTS, 1).cast(pl.Float64, strict=False)
    power = pl.coalesce(
        digits.str.extract(_P_PARTS, 2), digits.str.extract(_P_PARTS, 3), pl.lit("0")
    )
    exponent = pl.select(power.cast(pl.Float64, strict=False)).to_series()
    m = mantissa.fill_null(math.nan).to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        out = np.asarray(-(np.log10(m) + exponent.to_numpy()) + 0.0)
    negative = digits.str.contains(r"^-[0-9.]").fill_null(value=False).to_numpy()
    kind = np.zeros(m.size, dtype=np.int8)
    kind[np.isfinite(m)] = np.where(out[np.isfinite(m)] > -math.log10(_SMALL), 2, 1)
    kind[np.isfinite(m) & bound] = 3
    kind[m == 0] = 4
    kind[negative | (np.isfinite(out) & (out < 0))] = 5
    return out, kind, (plain != bare).fill_null(value=False).to_numpy()


def write_p(neg_log10_p: pl.Series) -> pl.Series:
    """Return p-values as text that holds them all, also those below the smallest double.

    Examples
    --------
    >>> write_p(pl.Series([2.0, 1827.92081875395, None])).to_list()
    ['0.01', '1.2e-1828', None]
    """

    def one(value: float) -> str:
        if value < 300:
            return repr(float(10.0**-value))
        exponent = math.ceil(value)
        return f"{float(f'{10.0 ** (exponent - value):.10g}')!r}e-{exponent}".replace(".0e", "e")

    return neg_log10_p.map_elements(one, return_dtype=pl.String)


def parse_chromosomes(
    text: pl.Series, *, codes: Literal["plink", "catalog"] = "plink"
) -> pl.Series:
    """Return chromosomes as 1 to 22, X, Y and MT; null for others.

    Parameters
    ----------
    text : names with or without ``chr``, or numbers.
    codes : ``plink`` where 25 is the pseudo-autosomal part of X and 26 is MT; ``catalog`` where 25
        is MT, as in GWAS-SSF.

    Examples
    --------
    >>> parse_chromosomes(pl.Series(["chr7", "23", "26", "M", "HLA"])).to_list()
    ['7', 'X', 'MT', 'MT', None]
    """
    table = _PLINK if codes == "plink" else _CATALOG
    return map_runs(text.cast(pl.String), lambda cells: _name_chromosomes(cells, table))


def _name_chromosomes(cells: pl.Series, codes: dict[str, str]) -> pl.Series:
    spelt = cells.drop_nulls().unique()
    named = [_name_chromosome(name, codes) for name in spelt.to_list()]
    if not named:
        return cells
    return cells.replace_strict(spelt, pl.Series(named, dtype=pl.String), default=None)


def _name_chromosome(name: str, codes: dict[str, str]) -> str | None:
    bare = name.strip().upper().removeprefix("CHR").removesuffix(".0").lstrip("0_")
    bare = codes.get(bare, bare)
    bare = {"M": "MT", "XY": "X", "PAR": "X", "PAR1": "X", "PAR2": "X"}.get(bare, bare)
    return bare if bare in CHROMOSOMES else None


def parse_alleles(text: pl.Series) -> pl.Series:
    """Return alleles in capitals, null where none is told (``NA``, ``-``, ``.``).

    Examples
    --------
    >>> parse_alleles(pl.Series(["a", "NA", "TG"])).to_list()
    ['A', None, 'TG']
    """
    return map_letters(text.cast(pl.String), _spell_alleles)


def _spell_alleles(cells: pl.Series) -> pl.Series:
    spelt = cells.str.strip_chars().str.to_uppercase()
    return spelt.set(spelt.is_in(NO_ALLELE), None)


def parse_rsids(text: pl.Series) -> tuple[pl.Series, Bool]:
    """Return the first dbSNP identifier of each cell, and where there are several.

    What goes on with a number, as ``rs1_95`` does, is a name of the file's own.

    Examples
    --------
    >>> names, several = parse_rsids(pl.Series(["rs1,rs2", "rs3:C:T", "1_5_A_G", "rs1_95"]))
    >>> names.to_list(), several.tolist()
    (['rs1', 'rs3', None, None], [True, False, False, False])
    """
    cells = text.cast(pl.String)
    several = np.zeros(cells.len(), dtype=np.bool_)
    rows = _find_others(cells)
    if not rows.len():
        return cells, several
    others = cells.gather(rows)
    several[rows.to_numpy()] = (
        others.str.contains(r"(?i)rs[0-9]+.*[,;|]\s*rs[0-9]").fill_null(value=False).to_numpy()
    )
    found = others.str.extract(r"^\s*((?i:rs)[0-9]+)(?:$|[^0-9_.-]|[_-][A-Za-z<*])")
    return put_cells(cells, rows, found.str.to_lowercase()), several


def parse_names(text: pl.Series) -> pl.Series:
    """Return names of variants, null where a cell holds none or a word that stands for none.

    Examples
    --------
    >>> parse_names(pl.Series(["rs7 ", "1:5:A:G", "-", "rs", ".:.", "Affx-1", "no_rsid"])).to_list()
    ['rs7', '1:5:A:G', None, None, None, 'Affx-1', None]
    """
    cells = text.cast(pl.String)
    rows = _find_others(cells)
    if not rows.len():
        return cells
    names = cells.gather(rows).str.strip_chars()
    return put_cells(cells, rows, names.set((names == "") | names.str.contains(_NO_NAME), None))


def _find_others(cells: pl.Series) -> pl.Series:
    """Return the rows of names that are no plain rsid, those of null among them."""
    plain = pl.lit(cells).str.contains(_PLAIN_RSID).fill_null(value=False)
    return pl.select(pl.arg_where(~plain)).to_series()  # at once: most columns are short
