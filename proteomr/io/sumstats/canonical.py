"""Rows of a file as canonical rows, with what was found wrong on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from proteomr._typing import Bool
from proteomr.io.sumstats.books import RowRule
from proteomr.io.sumstats.cells import (
    ABSENT,
    parse_alleles,
    parse_chromosomes,
    parse_names,
    parse_numbers,
    parse_rsids,
)
from proteomr.io.sumstats.distinct import map_runs, put_cells
from proteomr.io.sumstats.effects import set_effect
from proteomr.io.sumstats.header import Layout
from proteomr.io.sumstats.selection import Selection
from proteomr.io.sumstats.work import Facts, Work
from proteomr.tables.sumstats import SUMSTATS
from proteomr.tables.texts import fill_text

__all__ = ["LOGICAL_TRUE", "Chunk", "Facts", "canonicalise", "sample_rows"]

_NUMBERS: Final = ("eaf", "se", "n", "n_case", "info")
_JUDGED: Final = ("beta", "se", "neg_log10_p", "eaf", "conf_low", "conf_high")
_SAMPLE: Final = 1_024
LOGICAL_TRUE: Final = "TRUE"
"""What an allele T becomes where R reads it as a logical value."""


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Canonical rows, and what was noted of them.

    Parameters
    ----------
    frame : r rows with the columns of the schema ``sumstats``.
    marks : by name of a finding, (r,) the rows that it holds for.
    passed_over : rows that did not enter, by reason.
    rows_read : rows before any was passed over.
    sample : some rows, selected or not, with the columns of the file by which its scales are
        judged.
    """

    frame: pl.DataFrame
    marks: dict[str, Bool]
    passed_over: Counter[str]
    rows_read: int
    sample: pl.DataFrame


def canonicalise(raw: pl.DataFrame, layout: Layout, *, facts: Facts, selection: Selection) -> Chunk:
    r"""Return rows of a file as canonical rows.

    P-values keep their size below the smallest double. Where p is zero or absent it is computed
    from effect and error, and ``p_origin`` says so; ``bound`` is a p-value known to be below what
    is given. A statistic z without its error becomes an effect per allele of a standardised trait,

    .. math:: s = 1 / \\sqrt{2 f (1 - f) (n + z^2)}, \\qquad b = z s

    (Zhu et al. 2016, doi:10.1038/ng.3538), or per standard deviation of the genotype,
    :math:`s = 1 / \\sqrt{n + z^2}`, where f is not known. With a case share k an effect of a linear
    model becomes a log odds ratio, :math:`b / (k (1 - k))` (Loh et al. 2018,
    doi:10.1038/s41588-018-0144-6). See `proteomr.io.sumstats.effects.set_effect` for errors that
    are not told.

    Parameters
    ----------
    raw : r rows as the file has them.
    layout : its format and columns.
    facts : what holds for all rows.
    selection : what is wanted of them.
    """
    rows_read = raw.height
    passed: Counter[str] = Counter()
    work = Work(_apply_rules(raw, layout, passed), layout, facts)
    sample = sample_rows(work.raw, layout)
    _select_early(work, selection, passed)
    _set_names(work)
    _set_alleles(work)
    for to in _NUMBERS:
        _set_number(work, to)
    set_effect(work)
    frame = pl.DataFrame([work.columns[name].alias(name) for name in SUMSTATS])
    if not selection.is_list:
        return Chunk(frame, work.marks, passed, rows_read, sample)
    listed = selection.is_listed(frame)
    passed["not_listed"] += int((~listed).sum())
    chosen = listed.to_numpy()
    marks = {name: rows[chosen] for name, rows in work.marks.items()}
    return Chunk(frame.filter(listed), marks, passed, rows_read, sample)


def sample_rows(raw: pl.DataFrame, layout: Layout) -> pl.DataFrame:
    """Return some rows, evenly spread, with the columns by which the scales of a file are judged.

    Examples
    --------
    >>> from proteomr.io.sumstats.books import load_book
    >>> from proteomr.io.sumstats.header import Assignment
    >>> layout = Layout(load_book("named"), (Assignment("beta", "b", "number"),))
    >>> sample_rows(pl.DataFrame({"rsid": ["rs1"], "b": ["0.1"]}), layout).columns
    ['b']
    """
    sources = {entry.source for to in _JUDGED if (entry := layout.get(to)) is not None}
    step = -(-max(raw.height, 1) // _SAMPLE)
    return raw.select(name for name in raw.columns if name in sources).gather_every(step)


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


def _select_early(work: Work, selection: Selection, passed: Counter[str]) -> None:
    """Set chromosome and position, and let go of rows outside the regions first of all."""
    chromosome, position = (_told(work, to) for to in ("chromosome", "position_bp"))
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


def _told(work: Work, to: str) -> pl.Series | None:
    """Return cells of a canonical column; of the names of variants where these hold it."""
    cells, names = work.source(to), work.source("variant_id")
    pattern = work.layout.book.name_parts
    if cells is not None or names is None or f"(?P<{to}>" not in pattern:
        return cells
    groups = names.cast(pl.String).str.extract_groups(pattern).struct
    return groups.field(to)


def _positions(cells: pl.Series, facts: Facts) -> pl.Series:
    whole = cells.cast(pl.Int64, strict=False)
    if whole.null_count() > cells.null_count():  # 1e6 and 1000000.0 are whole numbers, too
        decimal = cells.cast(pl.Float64, strict=False)
        whole = pl.select(
            pl.when(decimal == decimal.floor()).then(decimal).cast(pl.Int64, strict=False)
        ).to_series()
    shifted = whole + 1 if facts.zero_based else whole
    return shifted.set((shifted < 1).fill_null(value=False), None)


def _set_names(work: Work) -> None:
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
    return map_runs(cells.cast(pl.String), _strip)


def _strip(cells: pl.Series) -> pl.Series:
    text = cells.str.strip_chars()
    return text.set(text.is_in(ABSENT), None)


def _set_alleles(work: Work) -> None:
    effect = _told(work, "effect_allele")
    work.columns["effect_allele"] = (
        work.empty(pl.String()) if effect is None else _read_alleles(work, effect)
    )
    other = _told(work, "other_allele")
    pair = work.layout.book.other_from
    if other is not None:
        work.columns["other_allele"] = _read_alleles(work, other)
    elif pair:
        first, second = (_read_alleles(work, work.raw[name]) for name in pair)
        ours = work.columns["effect_allele"]
        single = ~second.str.contains(",", literal=True)
        work.columns["other_allele"] = pl.select(
            pl.when(ours != first).then(first).when(single).then(second)
        ).to_series()
    else:
        work.columns["other_allele"] = work.empty(pl.String())
    if work.columns["variant_id"].null_count():
        work.columns["variant_id"] = _compose_names(work.columns)


def _compose_names(columns: dict[str, pl.Series]) -> pl.Series:
    """Return names of variants, made of place and alleles, else of dbSNP, where there is none."""
    named = columns["variant_id"].is_not_null()
    rows = (~named).arg_true()
    some = named.any()
    parts = [columns[name].gather(rows) if some else columns[name] for name in _COMPOSED]
    composed = pl.DataFrame([part.alias(str(i)) for i, part in enumerate(parts)]).select(
        pl.coalesce(fill_text("{}:{}:{}:{}", "0", "1", "2", "3"), "4")
    )
    made = composed.to_series()
    return put_cells(columns["variant_id"], rows, made) if some else made


def _read_alleles(work: Work, cells: pl.Series) -> pl.Series:
    """Return alleles; TRUE, which no allele is called, is a T that R took for a logical value."""
    alleles = parse_alleles(cells)
    logical = (alleles == LOGICAL_TRUE).fill_null(value=False)
    if not logical.any():
        return alleles
    work.mark("allele_logical", logical.to_numpy())
    return alleles.set(logical, "T")


_COMPOSED: Final[Sequence[str]] = (
    "chromosome",
    "position_bp",
    "other_allele",
    "effect_allele",
    "rsid",
)


def _set_number(work: Work, to: str) -> None:
    cells = work.source(to)
    fallback = {"n": work.facts.n, "n_case": work.facts.n_case}.get(to)
    if cells is None:
        work.columns[to] = pl.repeat(fallback, work.raw.height, dtype=pl.Float64, eager=True)
        return
    values, mended = parse_numbers(cells)
    work.mark("typographic_minus", mended)
    if work.by(to) == "percent":
        values = values / 100.0
    if to == "eaf" and (allele := work.layout.book.eaf_allele) in work.raw.columns:
        values = _turn_frequency(work, values, parse_alleles(work.raw[allele]))
    work.columns[to] = values if fallback is None else values.fill_null(fallback)


def _turn_frequency(work: Work, values: pl.Series, allele: pl.Series) -> pl.Series:
    """Return frequencies of the effect allele from those of the allele that a column names."""
    ours, others = work.columns["effect_allele"], work.columns["other_allele"]
    return pl.select(
        pl.when(allele == ours).then(values).when(allele == others).then(1.0 - values)
    ).to_series()
