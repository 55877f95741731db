"""Whether effect, standard error and p of a file say the same, and if not, what they are."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64, Bool
from proteomr.errors import InputError
from proteomr.gwas.readings import Interval, Numbers, Reading, other_readings
from proteomr.io.sumstats.cells import parse_numbers, parse_p
from proteomr.io.sumstats.digits import half_units
from proteomr.io.sumstats.effects import HALF_WIDTH
from proteomr.io.sumstats.header import Layout

__all__ = ["AgreementSample"]

_ROWS: Final = 20_000
_TRIED: Final = 4_000  # rows on which other readings are tried
# Likelihood-ratio, score and saddle-point p, p of Student's t, and p corrected for inflation stay
# within a tenth of the Wald z in most rows of a well-made file; what is taken for proven fits twice
# as well.
_NEAR: Final = 0.05
_FAR: Final = 0.1
_FEWEST: Final = 3  # rows that prove; fewer are told of
_NEARLY_ALL: Final = 0.8
_MANY: Final = 0.2  # of rows that are apart for no known reason: told of
_ALONE: Final = 0.95  # of the rows that tell two readings apart
_DIRT: Final = (10, 0.05)  # as many impossible values, and so large a share of rows, are no dirt
_SENTINEL: Final = 0.5  # share of rows that one value may stand in for a missing one


class AgreementSample:
    """Some rows of a file as it holds them, by which its scales are judged.

    Parameters
    ----------
    layout : how the columns are taken.
    path : the file, for messages.
    option : option that maps columns, for messages.

    Examples
    --------
    >>> from proteomr.io.sumstats.header import assign_columns
    >>> from proteomr.io.sumstats.books import load_book
    >>> names = ["rsid", "ea", "oa", "beta", "se", "p"]
    >>> layout = assign_columns(names, load_book("named"), mapping={}, path=Path("x.tsv"))
    >>> sample = AgreementSample(layout, path=Path("x.tsv"))
    >>> cells = {"beta": ["1.5", "0.5", "1.1"], "se": ["0.100"] * 3}
    >>> sample.add(pl.DataFrame({**cells, "p": ["5e-5", "4e-12", "0.34"]}))
    >>> sample.check(refuse=False)[0].partition(": ")[0]
    "column 'beta' holds odds ratios"
    """

    def __init__(self, layout: Layout, *, path: Path, option: str = "--map") -> None:
        self._layout = layout
        self._path = path
        self._option = option
        self._parts: list[pl.DataFrame] = []
        self._rows = 0

    def add(self, raw: pl.DataFrame) -> None:
        """Take rows as the file holds them into account."""
        if self._rows < _ROWS:
            self._parts.append(raw.head(_ROWS - self._rows))
            self._rows += self._parts[-1].height

    def check(self, *, refuse: bool = True) -> tuple[str, ...]:
        """Return what is to be said of the scales of the columns.

        Parameters
        ----------
        refuse : whether columns that are proven to hold something else are refused, or told of.

        Raises
        ------
        InputError
            A column holds something else than what it is taken for.
        """
        if not self._rows:
            return ()
        raw = pl.concat(self._parts, how="vertical_relaxed")
        columns = {name: self._column(raw, to) for name, to in _COLUMNS.items()}
        if columns["error"] is None or not np.isfinite(columns["error"].values).any():
            columns["error"] = self._error_of_limits(raw, columns["effect"])
        said: list[str] = []
        for doubt in self._judge(columns):
            if doubt.proven and refuse:
                raise InputError(f"{self._path}: {doubt.message}")
            said.append(doubt.message)
        return tuple(said)

    def _column(self, raw: pl.DataFrame, to: str) -> _Column | None:
        entry = self._layout.get(to)
        if entry is None or entry.source not in raw.columns:
            return None
        cells = raw[entry.source]
        values = parse_numbers(cells)[0].fill_null(math.nan).to_numpy()
        return _Column(entry.source, entry.by, cells, values)

    def _error_of_limits(self, raw: pl.DataFrame, effect: _Column | None) -> _Column | None:
        """Return the errors that limits of 95 % make, where there are any."""
        low, high = (self._column(raw, to) for to in ("conf_low", "conf_high"))
        if low is None or high is None or effect is None:
            return None
        half = [half_units(end.cells, end.values) for end in (low, high)]
        ends = [low.values, high.values]
        if effect.by == "log":
            with np.errstate(divide="ignore", invalid="ignore"):
                half = [part / end for part, end in zip(half, ends, strict=True)]
                ends = [np.log(end) for end in ends]
        return _Column(
            f"{low.source} to {high.source}",
            "limits",
            low.cells,
            (ends[1] - ends[0]) / (2.0 * HALF_WIDTH),
            (half[0] + half[1]) / (2.0 * HALF_WIDTH),
        )

    def _judge(self, columns: dict[str, _Column | None]) -> Iterable[_Doubt]:
        effect, error, p, eaf = (columns[name] for name in _COLUMNS)
        if effect is not None:
            yield from self._judge_ratio(effect)
        if eaf is not None:
            yield from self._judge_frequency(eaf)
        if effect is None:
            return
        settled = False
        if p is not None and (error is not None or effect.by == "z"):
            settled, doubts = self._compare(effect, error, p)
            yield from doubts
        if p is not None and p.by == "p_text":
            yield from self._judge_p(p)
        if effect.by == "number" and error is not None and not settled:
            yield from self._judge_lone(effect, error, p)

    def _judge_ratio(self, effect: _Column) -> Iterable[_Doubt]:
        """Judge odds ratios of which some are none."""
        held = effect.values[np.isfinite(effect.values)]
        if effect.by != "log" or not (wrong := held[held <= 0]).size:
            return
        n, rows = wrong.size, held.size
        if np.unique(wrong).size == 1 and n <= _SENTINEL * rows:
            message = (
                f"column {effect.source!r} is {wrong[0]:g} in {n:,} of {rows:,} rows looked at, "
                "which no ratio is; these rows leave"
            )
            yield _Doubt(message)
            return
        yield _Doubt(
            f"column {effect.source!r} is taken for odds ratios, and {n:,} of {rows:,} rows "
            f"are 0 or below, as {wrong.min():g}; if it holds effects or log odds ratios, give "
            f"{self._option} beta={_quote(effect.source)}",
            proven=True,
        )

    def _judge_frequency(self, eaf: _Column) -> Iterable[_Doubt]:
        """Judge frequencies in per cent."""
        held = eaf.values[np.isfinite(eaf.values)]
        if eaf.by != "number" or not held.size or held.min() < 0 or held.max() > 100:
            return
        if above := int((held > 1).sum()):
            yield _Doubt(
                f"column {eaf.source!r} lies above 1 in {above:,} of {held.size:,} rows, up to "
                f"{held.max():g}; if it holds frequencies in per cent, give {self._option} "
                f"eaf_percent={_quote(eaf.source)}",
                proven=_is_no_dirt(above, held.size),
            )

    def _judge_p(self, p: _Column) -> Iterable[_Doubt]:
        held = p.values[np.isfinite(p.values)]
        n = int(((held > 1) | (held < 0)).sum())
        if not n:
            return
        to = "log10_p" if held.max() <= 0 else "neg_log10_p"
        yield _Doubt(
            f"column {p.source!r} lies outside 0 to 1 in {n:,} of {held.size:,} rows; if it "
            f"holds {'' if to == 'log10_p' else '-'}log10 p, give {self._option} "
            f"{to}={_quote(p.source)}",
            proven=_is_no_dirt(n, held.size),
        )

    def _judge_lone(self, effect: _Column, error: _Column, p: _Column | None) -> Iterable[_Doubt]:
        """Judge effects of which p tells nothing: odds ratios lie around 1, and never below 0."""
        held = np.unique(effect.values[np.isfinite(effect.values)])
        near = (held > _AROUND_ONE[0]) & (held < _AROUND_ONE[1])
        if held.size < _FEWEST or held.min() <= 0 or near.mean() < _NEARLY_ALL:
            return
        if p is not None and _are_no_ratios(effect, error, p):
            return
        proven = held.size >= _LONE and bool(near.mean() >= _ALONE)
        yield _Doubt(
            f"all {held.size:,} effects in column {effect.source!r} lie above 0 around 1, as odds "
            f"ratios do; if they are, give {self._option} odds_ratio={_quote(effect.source)}"
            f"{', else --scales note' if proven else ''}",
            proven=proven,
        )

    def _compare(
        self, effect: _Column, error: _Column | None, p: _Column
    ) -> tuple[bool, list[_Doubt]]:
        """Return whether p tells what the effects are, and what it says of the scales."""
        given = Reading(effect.by, "none" if error is None else error.by, p.by)
        told = (np.isfinite(p.values) & (p.values != 0)) | np.isfinite(p.as_p())
        usable = np.isfinite(effect.values) & told
        if error is not None:
            usable &= np.isfinite(error.values) & (error.values > 0)
        usable &= _first_of_its_kind(effect, error)
        n = int(usable.sum())
        if not n:
            return False, []
        misfit = given.misfit(_numbers(effect, error, p, usable), guess=False)
        if (far := int((misfit > _FAR).sum())) < max(0.01 * n, 1.0):
            return n >= _FEWEST, []
        some = usable & (np.cumsum(usable) % max(1, math.ceil(n / _TRIED)) == 0)
        best = _explain(given, _numbers(effect, error, p, some))
        if best is not None:
            return True, [self._tell(best, columns={"beta": effect, "se": error, "neg_log10_p": p})]
        if far <= _MANY * n:
            return n >= _FEWEST, []
        factor = given.find_factor(_numbers(effect, error, p, some))
        corrected = factor is None or _CORRECTED[0] <= factor <= _CORRECTED[1]
        why = "and no other reading of the columns explains it"
        if factor is not None:
            why = f"as if the statistics were {factor:.3g} times as large"
            why += " (corrected for inflation?)" if corrected else ": one is on another scale"
        message = (
            f"p differs from effect and error by more than {_FAR:.0%} in {far:,} of {n:,} rows"
        )
        proven = not corrected and n >= _LONE
        remedy = "; find out which, or give --scales note" if proven else ""
        return False, [_Doubt(f"{message}, {why}{remedy}", proven=proven)]

    def _tell(self, best: _Explained, *, columns: dict[str, _Column | None]) -> _Doubt:
        holds, remedies = [], []
        for to, words, name in best.changes:
            column = columns[to]
            source = "" if column is None else column.source
            holds.append(f"column {source!r} holds {words}")
            remedies.append(f"{self._option} {name}={_quote(source)}")
        as_given = f"{best.given:,}" if best.given else "none"
        proven = best.rows >= _FEWEST
        doubt = "" if proven else "; so few rows prove nothing"
        return _Doubt(
            f"{' and '.join(holds)}: so read, effect, error and p agree in {best.agreeing:,} of "
            f"{best.rows:,} rows, as given in {as_given}; give {' '.join(remedies)}{doubt}",
            proven=proven,
        )


_COLUMNS: Final = {"effect": "beta", "error": "se", "p": "neg_log10_p", "eaf": "eaf"}
_SMALLEST: Final = 2.2250738585072014e-308
_AROUND_ONE: Final = (1 / 1.6, 1.6)
# Factors of z that a correction for inflation may give: lambda is near 3 for height in half a
# million people; 1 / 1.96, of limits in the place of errors, lies beyond.
_CORRECTED: Final = (0.55, 1.4)
_NOT_ZERO: Final = 5.0  # statistics of p above 1e-7, which no program prints as 0
_LONE: Final = 10  # effects around 1 that are odds ratios also where no p-value says so


@dataclass(frozen=True, slots=True)
class _Doubt:
    """What is to be said of a column, and whether it is proven."""

    message: str
    proven: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Column:
    """A column of the file: its name, how it is taken, its cells, and the numbers in them."""

    source: str
    by: str
    cells: pl.Series
    values: F64
    half: F64 | None = None

    def interval(self, rows: Bool) -> Interval:
        half = (half_units(self.cells, self.values) if self.half is None else self.half)[rows]
        return Interval(self.values[rows] - half, self.values[rows] + half)

    def as_p(self) -> F64:
        """Return -log10 of p-values, also of those that no double holds; NaN for none and bounds.

        A number above 1 is told as well, and lies below 0 here.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            plain = -np.log10(self.values)
        plain[~np.isfinite(plain)] = math.nan
        if self.cells.dtype != pl.String:
            return plain
        rare = np.flatnonzero(self.values < _SMALLEST)
        if rare.size:
            parsed = parse_p(self.cells.gather(rare))
            small = pl.when(pl.col("kind") == "small").then("neg_log10_p")
            plain[rare] = parsed.select(small).to_series().fill_null(math.nan).to_numpy()
        return plain

    def as_p_interval(self, rows: Bool) -> Interval:
        with np.errstate(divide="ignore", invalid="ignore"):
            share = half_units(self.cells, self.values)[rows] / self.values[rows]
            small = self.values[rows] < _SMALLEST
            share[small] = np.nanmax(share[~small], initial=0.05) if small.any() else 0.0
            width = np.log10(1.0 + np.minimum(share, 0.99))
        middle = self.as_p()[rows]
        return Interval(middle - width, middle - np.log10(1.0 - np.minimum(share, 0.99)))


@dataclass(frozen=True, slots=True)
class _Explained:
    """A reading by which numbers agree that do not as they are given."""

    changes: list[tuple[str, str, str]]
    rows: int
    agreeing: int
    given: int


def _are_no_ratios(effect: _Column, error: _Column, p: _Column) -> bool:
    """Tell whether a p of 0 stands where the logarithm of a ratio would be next to nothing."""
    zero = (p.values == 0) & ~np.isfinite(p.as_p()) & (effect.values > 0) & (error.values > 0)
    z = np.abs(np.log(effect.values[zero])) / error.values[zero]
    return p.by == "p_text" and bool((z < _NOT_ZERO).any())


def _is_no_dirt(n: int, rows: int) -> bool:
    """Tell whether n impossible values prove what a column holds: most rows, or too many."""
    fewest, share = _DIRT
    return n > rows / 2 or (n >= fewest and n >= share * rows)


def _numbers(effect: _Column, error: _Column | None, p: _Column, rows: Bool) -> Numbers:
    return Numbers(
        effect.interval(rows),
        None if error is None else error.interval(rows),
        p.interval(rows),
        p.as_p_interval(rows),
    )


def _first_of_its_kind(*columns: _Column | None) -> Bool:
    """Tell rows whose effect and error no row above has: a copy proves nothing."""
    held = [pl.Series(f"{i}", column.values) for i, column in enumerate(columns) if column]
    distinct = pl.DataFrame(held).select(pl.struct(pl.all()).is_first_distinct()).to_series()
    return distinct.to_numpy()


def _explain(given: Reading, numbers: Numbers) -> _Explained | None:
    """Return the one reading by which nearly all rows agree where those as given do not."""
    misfit = given.misfit(numbers, guess=False)
    near, far = misfit <= _NEAR, misfit > _FAR
    possible = given.p == "p_text" and bool(
        np.all(numbers.p.low >= 0) & np.all(numbers.p.high <= 1)
    )
    found: list[tuple[int, float, _Explained]] = []
    for reading in other_readings(given):
        other = reading.misfit(numbers)
        fits, fails = other <= _NEAR, other > _FAR
        ours, theirs = int((fits & far).sum()), int((near & fails).sum())
        share = _NEARLY_ALL if fits.size >= _LONE else _ALONE
        enough = fits.mean() >= share and ours >= min(_FEWEST, fits.size)
        if fits.size < _LONE and reading.p != given.p and possible:
            continue  # a few values that may be p are other than p by chance
        if enough and ours >= _ALONE * (ours + theirs):
            changes = reading.changes(given)
            explained = _Explained(changes, fits.size, int(fits.sum()), int(near.sum()))
            found.append((len(changes), float(np.mean(np.minimum(other, 1.0))), explained))
    if not found:
        return None
    fewest = min(entry[0] for entry in found)
    return min((entry for entry in found if entry[0] == fewest), key=lambda entry: entry[1])[2]


def _quote(name: str) -> str:
    return name if name.replace("_", "").replace(".", "").isalnum() else f"'{name}'"
