"""Rows of a file as canonical rows, with what was found wrong on the way."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
import polars as pl

from proteomr._typing import F64, Bool
from proteomr.io.sumstats.books import RowRule
from proteomr.io.sumstats.cells import (
    ABSENT,
    parse_alleles,
    parse_chromosomes,
    parse_names,
    parse_numbers,
    parse_p,
    parse_rsids,
)
from proteomr.io.sumstats.header import Layout
from proteomr.io.sumstats.selection import Selection
from proteomr.stats.distributions import neg_log10_p_normal
from proteomr.tables.sumstats import SUMSTATS, GenomeBuild

__all__ = ["Chunk", "Facts", "canonicalise"]

_NUMBERS: Final = ("eaf", "se", "n", "n_case", "info")


@dataclass(frozen=True, slots=True)
class Facts:
    """What holds for all rows of a file.

    Parameters
    ----------
    build : genome build, None where unknown.
    trait : name of the trait where no column tells it.
    n, n_case : people and cases where no column tells them.
    zero_based : positions count from zero.
    case_share : share of cases, to turn effects of a linear model into log odds.
    ratio_se : what the standard error beside a ratio is of: its logarithm, or the ratio itself.
    """

    build: GenomeBuild | None = None
    trait: str | None = None
    n: float | None = None
    n_case: float | None = None
    zero_based: bool = False
    case_share: float | None = None
    ratio_se: Literal["log", "ratio"] = "log"


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Canonical rows, and what was noted of them.

    Parameters
    ----------
    frame : r rows with the columns of the schema ``sumstats``.
    marks : by name of a finding, (r,) the rows that it holds for.
    passed_over : rows that did not enter, by reason.
    rows_read : rows before any was passed over.
    """

    frame: pl.DataFrame
    marks: dict[str, Bool]
    passed_over: Counter[str]
    rows_read: int


@dataclass(slots=True, eq=False)
class _Work:
    """Columns made so far of the rows that are left."""

    raw: pl.DataFrame
    layout: Layout
    facts: Facts
    columns: dict[str, pl.Series] = field(default_factory=dict)
    marks: dict[str, Bool] = field(default_factory=dict)

    def source(self, to: str) -> pl.Series | None:
        assignment = self.layout.get(to)
        return None if assignment is None else self.raw[assignment.source]

    def by(self, to: str) -> str:
        assignment = self.layout.get(to)
        return "" if assignment is None else assignment.by

    def mark(self, name: str, rows: Bool) -> None:
        held = self.marks.get(name)
        self.marks[name] = rows if held is None else held | rows

    def array(self, to: str) -> F64:
        return self.columns[to].cast(pl.Float64).fill_null(math.nan).to_numpy()

    def empty(self, dtype: pl.DataType) -> pl.Series:
        return pl.repeat(None, self.raw.height, dtype=dtype, eager=True)


def canonicalise(raw: pl.DataFrame, layout: Layout, *, facts: Facts, selection: Selection) -> Chunk:
    r"""Return rows of a file as canonical rows.

    P-values keep their size below the smallest double. Where p is zero or absent it is computed
    from effect and error, and ``p_origin`` says so; ``bound`` is a p-value known to be below what
    is given. A statistic z without its error becomes an effect per allele of a standardised trait,

    .. math:: s = 1 / \\sqrt{2 f (1 - f) (n + z^2)}, \\qquad b = z s

    (Zhu et al. 2016, doi:10.1038/ng.3538), or per standard deviation of the genotype,
    :math:`s = 1 / \\sqrt{n + z^2}`, where f is not known. With a case share k an effect of a linear
    model becomes a log odds ratio, :math:`b / (k (1 - k))` (Loh et al. 2018,
    doi:10.1038/s41588-018-0144-6).

    Parameters
    ----------
    raw : r rows as the file has them.
    layout : its format and columns.
    facts : what holds for all rows.
    selection : what is wanted of them.
    """
    rows_read = raw.height
    passed: Counter[str] = Counter()
    work = _Work(_apply_rules(raw, layout, passed), layout, facts)
    _select_early(work, selection, passed)
    _set_names(work)
    _set_alleles(work)
    for to in _NUMBERS:
        _set_number(work, to)
    _set_effect(work)
    _set_p(work)
    frame = pl.DataFrame([work.columns[name].alias(name) for name in SUMSTATS])
    if not selection.is_list:
        return Chunk(frame, work.marks, passed, rows_read)
    listed = selection.is_listed(frame)
    passed["not_listed"] += int((~listed).sum())
    chosen = listed.to_numpy()
    marks = {name: rows[chosen] for name, rows in work.marks.items()}
    return Chunk(frame.filter(listed), marks, passed, rows_read)


def _apply_rules(raw: pl.DataFrame, layout: Layout, passed: Counter[str]) -> pl.DataFrame:
    for rules, wanted in ((layout.book.keep, True), (layout.book.drop, False)):
        for rule in rules:
            if rule.column in raw.columns:
                stays = _matches(raw[rule.column], rule) == wanted
                passed[rule.reason] += int((~stays).sum())
                raw = raw.filter(stays)
    return raw


def _matches(column: pl.Series, rule: RowRule) -> pl.Series:
    """Tell which cells hold a value of a rule; missing cells stand for a dot, as they are read."""
    return column.cast(pl.String).fill_null(".").str.strip_chars().is_in(rule.values)


def _select_early(work: _Work, selection: Selection, passed: Counter[str]) -> None:
    """Set chromosome and position, and let go of rows outside the regions first of all."""
    chromosome, position = work.source("chromosome"), work.source("position_bp")
    codes = work.layout.book.chromosome_codes
    work.columns["chromosome"] = (
        work.empty(pl.String())
        if chromosome is None
        else parse_chromosomes(chromosome, codes=codes)
    )
    work.columns["position_bp"] = (
        work.empty(pl.Int64()) if position is None else _positions(position, work.facts)
    )
    if not selection.regions:
        return
    inside = selection.in_regions(work.columns["chromosome"], work.columns["position_bp"])
    passed["outside_regions"] += int((~inside).sum())
    work.raw = work.raw.filter(inside)
    for name in ("chromosome", "position_bp"):
        work.columns[name] = work.columns[name].filter(inside)


def _positions(cells: pl.Series, facts: Facts) -> pl.Series:
    whole = cells.cast(pl.Int64, strict=False)
    if whole.null_count() > cells.null_count():  # 1e6 and 1000000.0 are whole numbers, too
        decimal = cells.cast(pl.Float64, strict=False)
        whole = pl.select(
            pl.when(decimal == decimal.floor()).then(decimal).cast(pl.Int64, strict=False)
        ).to_series()
    shifted = whole + 1 if facts.zero_based else whole
    return shifted.set((shifted < 1).fill_null(value=False), None)


def _set_names(work: _Work) -> None:
    texts = work.source("variant_id")
    names = work.empty(pl.String()) if texts is None else parse_names(texts)
    rsids = work.source("rsid")
    parsed, several = parse_rsids(names if rsids is None else rsids)
    work.mark("several_rsids", several)
    work.columns["rsid"] = parsed
    work.columns["variant_id"] = names
    trait = work.source("trait")
    work.columns["trait"] = (
        pl.repeat(work.facts.trait, work.raw.height, dtype=pl.String, eager=True)
        if trait is None
        else _text(trait)
    )
    build = work.source("build")
    work.columns["build"] = (
        pl.repeat(work.facts.build, work.raw.height, dtype=pl.String, eager=True)
        if build is None or work.facts.build
        else _text(build)
    )


def _text(cells: pl.Series) -> pl.Series:
    text = cells.cast(pl.String).str.strip_chars()
    return text.set(text.is_in(ABSENT), None)


def _set_alleles(work: _Work) -> None:
    effect = work.source("effect_allele")
    work.columns["effect_allele"] = (
        work.empty(pl.String()) if effect is None else parse_alleles(effect)
    )
    other = work.source("other_allele")
    pair = work.layout.book.other_from
    if other is not None:
        work.columns["other_allele"] = parse_alleles(other)
    elif pair:
        first, second = (parse_alleles(work.raw[name]) for name in pair)
        ours = work.columns["effect_allele"]
        single = ~second.str.contains(",", literal=True)
        work.columns["other_allele"] = pl.select(
            pl.when(ours != first).then(first).when(single).then(second)
        ).to_series()
    composed = pl.DataFrame([work.columns[name].alias(name) for name in _COMPOSED]).select(
        pl.coalesce(
            "variant_id",
            pl.format("{}:{}:{}:{}", "chromosome", "position_bp", "other_allele", "effect_allele"),
            "rsid",
        )
    )
    work.columns["variant_id"] = composed.to_series()


_COMPOSED: Final[Sequence[str]] = (
    "variant_id",
    "rsid",
    "chromosome",
    "position_bp",
    "other_allele",
    "effect_allele",
)


def _set_number(work: _Work, to: str) -> None:
    cells = work.source(to)
    fallback = {"n": work.facts.n, "n_case": work.facts.n_case}.get(to)
    if cells is None:
        work.columns[to] = pl.repeat(fallback, work.raw.height, dtype=pl.Float64, eager=True)
        return
    values, mended = parse_numbers(cells)
    work.mark("typographic_minus", mended)
    work.columns[to] = values if fallback is None else values.fill_null(fallback)


def _set_effect(work: _Work) -> None:
    cells = work.source("beta")
    if cells is None:
        work.columns["beta"] = work.empty(pl.Float64())
        return
    values, mended = parse_numbers(cells)
    work.mark("typographic_minus", mended)
    beta = values.fill_null(math.nan).to_numpy()
    se = work.array("se")
    with np.errstate(divide="ignore", invalid="ignore"):
        if work.by("beta") == "log":
            se = se / beta if work.facts.ratio_se == "ratio" else se
            beta = np.where(beta > 0, np.log(beta), math.nan)
        elif work.by("beta") == "z":
            f = work.array("eaf")
            weight = np.where(np.isnan(f), 1.0, 2.0 * f * (1.0 - f))
            se = 1.0 / np.sqrt(weight * (work.array("n") + beta * beta))
            beta = beta * se
    if (k := work.facts.case_share) is not None:
        beta, se = beta / (k * (1 - k)), se / (k * (1 - k))
    work.columns["beta"] = pl.Series(beta).fill_nan(None)
    work.columns["se"] = pl.Series(se).fill_nan(None)


def _set_p(work: _Work) -> None:
    cells, by = work.source("neg_log10_p"), work.by("neg_log10_p")
    rows = work.raw.height
    neg_log10_p = np.full(rows, math.nan)
    bound = zero = outside = np.zeros(rows, dtype=np.bool_)
    if cells is not None and by == "p_text":
        parsed = parse_p(cells)
        kind = parsed["kind"]
        neg_log10_p = parsed["neg_log10_p"].fill_null(math.nan).to_numpy().copy()
        bound, zero, outside, small = (
            (kind == name).fill_null(value=False).to_numpy()
            for name in ("bound", "zero", "outside", "small")
        )
        work.mark("p_below_doubles", small)
        work.mark("typographic_minus", parsed["mended"].to_numpy())
        absent = cells.is_null() | cells.cast(pl.String).is_in(ABSENT)
        work.mark("p_unreadable", (kind.is_null() & ~absent).to_numpy())
    elif cells is not None:
        values, mended = parse_numbers(cells)
        work.mark("typographic_minus", mended)
        neg_log10_p = values.fill_null(math.nan).to_numpy() * (-1.0 if by == "log10" else 1.0) + 0.0
        zero, outside = np.isposinf(neg_log10_p), neg_log10_p < 0
        neg_log10_p = np.where(zero | outside, math.nan, neg_log10_p)
    for name, flags in (("p_bound", bound), ("p_zero", zero), ("p_outside", outside)):
        work.mark(name, flags)
    _fill_p(work, neg_log10_p, bound, outside)


def _fill_p(work: _Work, neg_log10_p: F64, bound: Bool, outside: Bool) -> None:
    """Compute p where none is told, and where only a bound is."""
    needed = (np.isnan(neg_log10_p) | bound) & ~outside
    origin = np.zeros(neg_log10_p.size, dtype=np.int64)
    if needed.any():
        beta, se = work.array("beta")[needed], work.array("se")[needed]
        good = np.isfinite(beta) & np.isfinite(se) & (se > 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            computed = np.where(good, neg_log10_p_normal(np.where(good, beta / se, 0.0)), math.nan)
        limit = neg_log10_p[needed]
        neg_log10_p = neg_log10_p.copy()
        neg_log10_p[needed] = np.fmax(computed, limit)
        origin[needed] = np.where(limit >= computed, 2, np.where(good, 1, 0))
        origin[bound & (origin == 0)] = 2
    names = pl.Series([None, "computed", "bound"], dtype=pl.String)
    work.columns["neg_log10_p"] = pl.Series(neg_log10_p).fill_nan(None)
    work.columns["p_origin"] = names.gather(origin)
