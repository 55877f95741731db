"""From files of summary statistics to instruments and their rows in outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal, TypeAlias

import polars as pl

from proteomr.errors import InputError, NothingToDo, UsageError
from proteomr.gwas.clumping import Clumping, clump_traits
from proteomr.gwas.gene_regions import Region
from proteomr.gwas.match import Match, is_listed, match_variants
from proteomr.gwas.munging import MungeOptions
from proteomr.gwas.study import Study, read_study, select_variants
from proteomr.io.genetics.genotypes import LdSource
from proteomr.mr.harmonise import Action
from proteomr.mr.instruments import select_instruments
from proteomr.mr.outcome_names import find_stretches, name_outcomes_apart
from proteomr.mr.proxies import find_proxies
from proteomr.mr.pruning import check_pruning
from proteomr.mr.strength import measure_instruments
from proteomr.tables import Drop
from proteomr.tables import columns as c

__all__ = [
    "InstrumentRule",
    "Instruments",
    "Outcomes",
    "read_instruments",
    "read_outcomes",
]

_REMEDIES: Final = {
    "p_above_threshold": "--instruments-p sets the limit",
    "outside_region": "--cis and --cis-kb set the region",
    "not_in_list": "--instruments names the list",
}

Unproven: TypeAlias = Literal["refuse", "flag"]


@dataclass(frozen=True, slots=True)
class InstrumentRule:
    """How instruments are chosen.

    Parameters
    ----------
    p : largest p value for the exposure; None for any.
    region : where they lie; None for anywhere.
    variants : which they are, by name or rsid; None for all.
    clumping : distance and correlation beyond which variants count as independent.
    unproven : whether instruments that nothing shows to be independent are refused or flagged.
    outcome_p : drop variants whose p value for the outcome is below; None for no such filter.
    action : what becomes of palindromic variants.
    proxies : whether variants that an outcome lacks are replaced by correlated ones.
    match : by what they are found in an outcome, see `proteomr.gwas.match.match_variants`.

    Raises
    ------
    UsageError
        The p value is not above 0 and at most 1.
    """

    p: float | None = 5e-8
    region: Region | None = None
    variants: tuple[str, ...] | None = None
    clumping: Clumping = field(default_factory=lambda: Clumping(r2=0.001, kb=10_000))
    unproven: Unproven = "refuse"
    outcome_p: float | None = None
    action: Action = 2
    proxies: bool = False
    match: Match = "auto"

    def __post_init__(self) -> None:
        if self.p is not None and not 0 < self.p <= 1:
            raise UsageError(f"--instruments-p {self.p:g}: above 0 and at most 1")


@dataclass(frozen=True, slots=True, eq=False)
class Instruments:
    """The variants that stand for exposures.

    Parameters
    ----------
    rows : columns of the table ``sumstats``, by exposure in ``trait``.
    strength : the schema ``instruments``.
    drops : what was left out, with reasons.
    notes : what a user should know, one sentence each.
    stretches : what the whole studies reach over, see `proteomr.mr.outcome_names.find_stretches`.
    own_names : exposures in their files, by the names that tell files apart.
    """

    rows: pl.DataFrame
    strength: pl.DataFrame
    drops: tuple[Drop, ...]
    notes: tuple[str, ...]
    stretches: pl.DataFrame = field(default_factory=pl.DataFrame)
    own_names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """The rows of instruments in studies of outcomes.

    Parameters
    ----------
    rows : columns of the table ``sumstats`` under the names of the instruments, by outcome in
        ``trait``; further columns of proxies.
    drops : what was left out, with reasons.
    notes : what a user should know, one sentence each.
    own_names : outcomes in their files, by the names that tell files apart.
    """

    rows: pl.DataFrame
    drops: tuple[Drop, ...]
    notes: tuple[str, ...]
    own_names: Mapping[str, str] = field(default_factory=dict)


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
    study = read_study(paths, options=options)
    chosen = select_instruments(study.rows, p=rule.p, region=rule.region, variants=rule.variants)
    drops = [*study.drops, *(Drop(*row) for row in chosen.drops.rows())]
    if not chosen.kept.height:
        limit = "" if rule.p is None else f" at p < {rule.p:g}"
        left_out = {reason: n for _, reason, n in chosen.drops.rows()}
        counted = ", ".join(f"{n:,} {reason}" for reason, n in left_out.items())
        raise NothingToDo(
            f"{', '.join(map(str, paths))}: no instrument{limit} among {study.rows.height:,} "
            f"variants ({counted}); {', '.join(_REMEDIES[reason] for reason in left_out)}"
        )
    notes = [*study.notes, *_note_list(study.rows, rule.variants)]
    selected = chosen.kept
    if ld is not None:
        selected, clumped, messages = _clump(selected, ld, rule.clumping)
        drops += clumped
        notes += messages
    checked = check_pruning(
        selected, ld=ld, kb=rule.clumping.kb, r2=rule.clumping.r2, unproven=rule.unproven
    )
    doubtful = checked.filter(pl.col("pruning").is_in(["unproven", "correlated"])).height
    if doubtful:
        notes.append(
            f"nothing shows that {doubtful} of {selected.height} instruments are independent"
        )
    measured = measure_instruments(checked)
    return Instruments(selected, measured, tuple(drops), tuple(notes), find_stretches(study.rows))


def read_outcomes(
    paths: Sequence[Path],
    instruments: Instruments,
    *,
    options: MungeOptions | None = None,
    panel: LdSource | None = None,
    match: Match = "auto",
) -> Outcomes:
    """Return the rows of instruments in files of outcomes, each read once.

    Two files whose trait has the same name are two outcomes, named apart by their paths.

    Parameters
    ----------
    paths : the files.
    instruments : the variants looked for.
    options : how the files are read.
    panel : genotypes by which variants that an outcome lacks are replaced; the files are then read
        whole. None for no proxies.
    match : by what variants are found, see `proteomr.gwas.match.match_variants`.

    Raises
    ------
    InputError
        A file cannot be read, or no file has any of the variants.
    """
    chosen = options or MungeOptions()
    if panel is None:
        chosen = replace(chosen, read=select_variants(chosen.read, instruments.rows, match=match))
    parts, drops, notes = list[tuple[Path, pl.DataFrame]](), list[Drop](), list[str]()
    for path in paths:
        rows = None
        try:
            study = read_study(path, options=chosen, step="munge outcome")
        except NothingToDo:
            pass
        else:
            rows, messages = _find_rows(
                study, instruments.rows, path=path, match=match, panel=panel
            )
            notes += [*(f"{path}: {text}" for text in messages), *study.notes]
            drops += study.drops
        if rows is None or not rows.height:
            notes.append(f"{path}: none of the {instruments.rows.height} instruments is in it")
        else:
            parts.append((path, rows))
    if not parts:
        raise InputError(
            f"none of the {instruments.rows.height} instruments is in "
            f"{', '.join(map(str, paths))}; check that both use the same names of variants (rsid "
            "or chromosome:position)"
        )
    apart = name_outcomes_apart(parts)
    return Outcomes(
        pl.concat(apart.frames, how="diagonal_relaxed"),
        tuple(drops),
        (*notes, *apart.notes),
        apart.own_names,
    )


def _note_list(rows: pl.DataFrame, listed: tuple[str, ...] | None) -> list[str]:
    """Return a note on the variants of a list that an exposure does not have."""
    if listed is None:
        return []
    there = rows.filter(is_listed(rows, listed))
    names = [*there[c.VARIANT_ID].drop_nulls(), *there["rsid"].drop_nulls()]
    absent = [
        name
        for name, found in zip(
            listed, is_listed(pl.DataFrame({c.VARIANT_ID: listed}), names), strict=True
        )
        if not found
    ]
    if not absent:
        return []
    return [f"{len(absent)} of {len(listed)} variants listed are not there, as {absent[0]!r}"]


def _find_rows(
    study: Study,
    instruments: pl.DataFrame,
    *,
    path: Path,
    match: Match,
    panel: LdSource | None,
) -> tuple[pl.DataFrame, list[str]]:
    """Return the instruments' rows of an outcome file, with proxies where a panel is given."""
    matches = match_variants(instruments, study.rows, by=match, path=path)
    notes = [f"{n} variants found by {key}" for key, n in matches.counts.items() if key != "name"]
    rows = matches.rows.drop("name_there")
    if panel is None:
        return rows, notes
    parts = [rows]
    for (trait,), part in study.rows.group_by("trait", maintain_order=True):
        own = rows.filter(pl.col("trait").eq_missing(pl.lit(trait)))
        lacking = instruments.join(own, on=c.VARIANT_ID, how="anti")
        proxies = find_proxies(lacking, part, panel=panel)
        parts.append(proxies.rows)
        if proxies.rows.height or proxies.unresolved.height:
            notes.append(
                f"{trait}: {proxies.rows.height} proxies, {proxies.unresolved.height} instruments "
                "without one"
            )
    return pl.concat(parts, how="diagonal_relaxed"), notes


def _clump(
    rows: pl.DataFrame, ld: LdSource, options: Clumping
) -> tuple[pl.DataFrame, list[Drop], tuple[str, ...]]:
    judged, notes = clump_traits(rows, ld, options=options)
    index = judged.filter(judged["reason"] == "index")["row"].sort()
    if not index.len():
        raise NothingToDo("no instrument is left after clumping: the panel has none of them")
    counts = judged.filter(judged["reason"] != "index")["reason"].value_counts().sort("reason")
    return rows[index], [Drop("clump", reason, n) for reason, n in counts.rows()], notes
