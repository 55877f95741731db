"""From files of summary statistics to harmonised analyses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypeAlias

import polars as pl

from proteomr.errors import InputError, NothingToDo
from proteomr.gwas.clump import Clumping, clump
from proteomr.gwas.munge import MungeOptions, munge
from proteomr.io.genotypes import LdSource
from proteomr.io.sumstats.selection import Selection as RowSelection
from proteomr.mr.harmonise import Action, harmonise_table, to_harmonised
from proteomr.mr.instruments import Region, drop_outcome_hits, select_instruments
from proteomr.mr.proxies import find_proxies
from proteomr.mr.pruning import check_pruning
from proteomr.mr.strength import measure_instruments
from proteomr.tables import Drop, Harmonised
from proteomr.tables import columns as c

__all__ = ["InstrumentRule", "Instruments", "harmonise_files", "read_instruments", "read_outcomes"]

Unproven: TypeAlias = Literal["refuse", "flag"]


@dataclass(frozen=True, slots=True)
class InstrumentRule:
    """How instruments are chosen.

    Parameters
    ----------
    p : largest p value for the exposure; None for any.
    region : where they lie; None for anywhere.
    variants : which they are; None for all.
    clumping : distance and correlation beyond which variants count as independent.
    unproven : whether instruments that nothing shows to be independent are refused or flagged.
    outcome_p : drop variants whose p value for the outcome is below; None for no such filter.
    action : what becomes of palindromic variants.
    proxies : whether variants that an outcome lacks are replaced by correlated ones.
    """

    p: float | None = 5e-8
    region: Region | None = None
    variants: tuple[str, ...] | None = None
    clumping: Clumping = field(default_factory=lambda: Clumping(r2=0.001, kb=10_000))
    unproven: Unproven = "refuse"
    outcome_p: float | None = None
    action: Action = 2
    proxies: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Instruments:
    """The variants that stand for exposures.

    Parameters
    ----------
    rows : columns of the table ``sumstats``, by exposure in ``trait``.
    strength : the schema ``instruments``.
    drops : what was left out, with reasons.
    notes : what a user should know, one sentence each.
    """

    rows: pl.DataFrame
    strength: pl.DataFrame
    drops: tuple[Drop, ...]
    notes: tuple[str, ...]


def read_instruments(
    paths: Sequence[Path],
    *,
    rule: InstrumentRule,
    ld: LdSource | None = None,
    options: MungeOptions | None = None,
) -> Instruments:
    """Return the instruments of the exposures in some files.

    Raises
    ------
    NothingToDo
        No variant can serve.
    InputError
        A file cannot be read, or nothing shows that the instruments are independent.
    """
    made = munge([*paths], options=options)
    chosen = select_instruments(
        made.rows.collect(), p=rule.p, region=rule.region, variants=rule.variants
    )
    drops = [Drop("munge", reason, n) for reason, n in made.report.dropped.items() if n]
    drops += [Drop(*row) for row in chosen.drops.rows()]
    if not chosen.kept.height:
        limit = "" if rule.p is None else f" at p < {rule.p:g}"
        raise NothingToDo(
            f"{', '.join(map(str, paths))}: no instrument{limit} among {made.report.rows_kept:,} "
            "variants; --instruments-p sets the limit"
        )
    notes = list(made.report.notes)
    kept = chosen.kept
    if ld is not None:
        kept, clumped = _clump(kept, ld, rule.clumping)
        drops += clumped
    checked = check_pruning(
        kept, ld=ld, kb=rule.clumping.kb, r2=rule.clumping.r2, unproven=rule.unproven
    )
    doubtful = checked.filter(pl.col("pruning").is_in(["unproven", "correlated"])).height
    if doubtful:
        notes.append(f"nothing shows that {doubtful} of {kept.height} instruments are independent")
    measured = measure_instruments(checked)
    return Instruments(kept, measured, tuple(drops), tuple(notes))


def read_outcomes(
    paths: Sequence[Path],
    instruments: Instruments,
    *,
    options: MungeOptions | None = None,
    panel: LdSource | None = None,
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Return the rows of instruments in files of outcomes, each read once, and notes.

    Variants are found by their names, or by rsid where that finds more of them.

    Parameters
    ----------
    paths : the files.
    instruments : the variants looked for.
    options : how the files are read.
    panel : genotypes by which variants that an outcome lacks are replaced; the files are then read
        whole. None for no proxies.

    Raises
    ------
    InputError
        A file cannot be read, or no file has any of the variants.
    """
    chosen = options or MungeOptions()
    names = {*instruments.rows[c.VARIANT_ID], *instruments.rows["rsid"].drop_nulls()}
    if panel is None:
        selection = RowSelection(variants=frozenset(names))
        chosen = replace(chosen, read=replace(chosen.read, selection=selection))
    parts, notes = [], []
    for path in paths:
        try:
            made = munge(path, options=chosen)
        except NothingToDo:
            notes.append(f"{path}: none of the {instruments.rows.height} instruments is in it")
            continue
        rows, told = _name_like(made.rows.collect(), instruments.rows)
        if panel is not None:
            rows, further = _stand_in(rows, instruments.rows, panel)
            told += further
        parts.append(rows)
        notes += [*(f"{path}: {text}" for text in told), *made.report.notes]
    if not parts or not any(part.height for part in parts):
        raise InputError(
            f"none of the {instruments.rows.height} instruments is in "
            f"{', '.join(map(str, paths))}; check that both use the same names of variants (rsid "
            "or chromosome:position)"
        )
    return pl.concat(parts, how="diagonal_relaxed"), tuple(notes)


def harmonise_files(
    instruments: Instruments, outcomes: pl.DataFrame, *, rule: InstrumentRule
) -> tuple[pl.DataFrame, list[Harmonised]]:
    """Return the harmonised table of all exposures and outcomes, and its analyses.

    Raises
    ------
    NothingToDo
        No variant is left of any pair.
    """
    table = harmonise_table(instruments.rows, outcomes, action=rule.action)
    if rule.outcome_p is not None:
        table = drop_outcome_hits(table, p=rule.outcome_p)
    if not table["mr_keep"].any():
        counts = table["reason"].value_counts(sort=True).rows()
        shown = ", ".join(f"{n} {reason}" for reason, n in counts[:3])
        raise NothingToDo(f"no variant is left of {table.height}: {shown}")
    return table, to_harmonised(table)


def _name_like(rows: pl.DataFrame, instruments: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Give an outcome's rows the names that the instruments have, where only rsids are shared."""
    known = instruments[c.VARIANT_ID].implode()
    by_name = rows[c.VARIANT_ID].is_in(known).sum()
    names = instruments.select("rsid", c.VARIANT_ID).drop_nulls().unique("rsid", keep="first")
    by_rsid = rows["rsid"].is_in(names["rsid"].implode()).sum()
    if by_rsid <= by_name:
        return rows, []
    renamed = rows.drop(c.VARIANT_ID).join(names, on="rsid", how="inner", maintain_order="left")
    return renamed.select(rows.columns), [f"{by_rsid} variants found by rsid"]


def _stand_in(
    rows: pl.DataFrame, instruments: pl.DataFrame, panel: LdSource
) -> tuple[pl.DataFrame, list[str]]:
    """Return the instruments' rows of one outcome file, with proxies for those it lacks."""
    parts, notes = [], []
    for (trait,), part in rows.group_by("trait", maintain_order=True):
        found = find_proxies(instruments, part, panel=panel)
        own = part.filter(pl.col(c.VARIANT_ID).is_in(instruments[c.VARIANT_ID].implode()))
        parts += [own, found.rows]
        if found.rows.height or found.unresolved.height:
            notes.append(
                f"{trait}: {found.rows.height} proxies, {found.unresolved.height} instruments "
                "without one"
            )
    return pl.concat(parts, how="diagonal_relaxed"), notes


def _clump(rows: pl.DataFrame, ld: LdSource, options: Clumping) -> tuple[pl.DataFrame, list[Drop]]:
    parts, counts = [], dict[str, int]()
    for _, part in rows.group_by("trait", maintain_order=True):
        judged = clump(part, ld, options=options)
        reasons = dict(judged.select(c.VARIANT_ID, "reason").iter_rows())
        parts.append(part.filter(pl.col(c.VARIANT_ID).replace_strict(reasons) == "index"))
        for reason in reasons.values():
            if reason != "index":
                counts[reason] = counts.get(reason, 0) + 1
    kept = pl.concat(parts)
    if not kept.height:
        raise NothingToDo("no instrument is left after clumping: the panel has none of them")
    return kept, [Drop("clump", reason, n) for reason, n in sorted(counts.items())]
