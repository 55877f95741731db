"""An exposure and an outcome from two studies, brought to one allele."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Self

import polars as pl

from proteomr.errors import InputError, NothingToDo, UsageError
from proteomr.gwas.match import Match, describe_match, match_variants
from proteomr.gwas.munging import MUNGE_VERSION, MungeOptions
from proteomr.gwas.study import Study, name_study, read_study, select_variants
from proteomr.io.sumstats.source import ReadOptions, open_sumstats
from proteomr.mr.frequencies import FrequencyCheck, check_frequencies
from proteomr.mr.harmonise import HARMONISE_VERSION, Action, harmonise_table
from proteomr.mr.harmonised_files import refuse_harmonised
from proteomr.mr.repeated import keep_once, mark_repeated_pairs, note_repeats
from proteomr.runs import Data, Request, Source, open_scratch
from proteomr.tables import Drop, load_schema

__all__ = ["HarmoniseRequest", "HarmonisedPair", "harmonise_pair"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HarmoniseRequest(Request):
    """What is to be harmonised, and how.

    Attributes
    ----------
    exposure, outcome : studies of summary statistics.
    read_exposure, read_outcome : how they are read.
    exposure_trait, outcome_trait : names of the traits, before those of the files; None for those.
    match : by what a variant is found in the outcome.
    action : what becomes of palindromic variants, see `proteomr.mr.harmonise.harmonise_table`.
    tolerance : frequencies this near to a half tell no strand.

    Raises
    ------
    UsageError
        The tolerance is out of range.
    """

    command: ClassVar[str] = "harmonise"

    exposure: Source
    outcome: Source
    read_exposure: ReadOptions = field(default_factory=ReadOptions)
    read_outcome: ReadOptions = field(default_factory=ReadOptions)
    exposure_trait: str | None = None
    outcome_trait: str | None = None
    match: Match = "auto"
    action: Action = 2
    tolerance: float = 0.08

    def __post_init__(self) -> None:
        if not 0 <= self.tolerance < 0.5:
            raise UsageError(f"tolerance is {self.tolerance:g}; it lies from 0 to below 0.5")

    @classmethod
    def of(
        cls,
        exposure: Data,
        outcome: Data,
        *,
        read_exposure: ReadOptions | None = None,
        read_outcome: ReadOptions | None = None,
        exposure_trait: str | None = None,
        outcome_trait: str | None = None,
        match: Match = "auto",
        action: Action = 2,
        tolerance: float = 0.08,
    ) -> Self:
        """Return the request for paths or frames as a user names them.

        Examples
        --------
        >>> HarmoniseRequest.of("x.tsv", "y.tsv", action=3).match
        'auto'
        """
        for study, read in ((exposure, read_exposure), (outcome, read_outcome)):
            if read is None or read.format == "auto":
                refuse_harmonised(study)
        return cls(
            name_study(exposure, name="exposure"),
            name_study(outcome, name="outcome"),
            ReadOptions() if read_exposure is None else read_exposure,
            ReadOptions() if read_outcome is None else read_outcome,
            exposure_trait,
            outcome_trait,
            match,
            action,
            tolerance,
        )

    def formulas(self) -> Mapping[str, int]:
        """Return the versions of reading, harmonising and the table.

        Examples
        --------
        >>> sorted(HarmoniseRequest.of("x.tsv", "y.tsv").formulas())
        ['harmonise', 'munge', 'table harmonised']
        """
        return {
            "munge": MUNGE_VERSION,
            "harmonise": HARMONISE_VERSION,
            "table harmonised": load_schema("harmonised").version,
        }


@dataclass(frozen=True, slots=True, eq=False)
class HarmonisedPair:
    """Two studies per one allele, and what was left out on the way.

    Parameters
    ----------
    table : every variant of the exposure, kept or not; the schema ``harmonised``.
    checks : whether the frequencies of both are of the same allele.
    drops : what was left out, with reasons.
    notes : what a user should know, one sentence each.
    summary : how many variants were found in the outcome, and by what.
    """

    table: pl.DataFrame
    checks: tuple[FrequencyCheck, ...]
    drops: tuple[Drop, ...]
    notes: tuple[str, ...]
    summary: str


def harmonise_pair(request: HarmoniseRequest) -> HarmonisedPair:
    r"""Return the variants of an exposure with an outcome's effects per the same allele.

    Both are read by `proteomr.gwas.study.read_study` and matched by
    `proteomr.gwas.match.match_variants`, as `proteomr.mr.inputs` does, so that an analysis of the
    table is that of the files. Two tables that TwoSampleMR has made keep its rows, repeated ones
    too, which then carry a note and enter an analysis once.

    Raises
    ------
    InputError
        A file cannot be read, or the outcome has none of the variants.
    NothingToDo
        No variant is left.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".ma") as file:
    ...     size = file.write("SNP A1 A2 freq b se p N\nrs1 A G 0.2 0.1 0.02 5.7e-7 900\n")
    ...     file.flush()
    ...     pair = harmonise_pair(HarmoniseRequest.of(file.name, file.name))
    >>> pair.summary, pair.table["reason"][0]
    ('1 of 1 variants found by name', 'alleles_agree')
    """
    with open_scratch() as scratch:
        _log.info("reading %s and %s", request.exposure.name, request.outcome.name)
        path = request.outcome.on_disk(scratch)
        first = read_study(
            request.exposure.on_disk(scratch),
            options=MungeOptions(read=request.read_exposure, map_option="--exposure-map"),
            step="munge exposure",
        )
        second = _read_outcome(request, first.rows, path)
    matches = match_variants(first.rows, second.rows, by=request.match, path=request.outcome.name)
    if not matches.rows.height:
        raise _no_shared(request, first.rows, path)
    table = harmonise_table(
        _name_trait(first.rows, request.exposure_trait),
        _name_trait(matches.rows, request.outcome_trait),
        action=request.action,
        tolerance=request.tolerance,
    )
    if not (first.from_twosamplemr and second.from_twosamplemr):
        table = keep_once(table)
    _refuse_nothing(table)
    counts = table.filter(~pl.col("mr_keep"))["reason"].value_counts(name="n")
    counts = counts.sort("n", "reason", descending=True)
    return HarmonisedPair(
        table,
        tuple(check_frequencies(table)),
        (*first.drops, *second.drops, *(Drop("harmonise", *row) for row in counts.rows())),
        (*first.notes, *second.notes, *_note_all(table)),
        describe_match(matches),
    )


def _read_outcome(request: HarmoniseRequest, wanted: pl.DataFrame, path: Path) -> Study:
    read = select_variants(request.read_outcome, wanted, match=request.match)
    try:
        options = MungeOptions(read=read, map_option="--outcome-map")
        return read_study(path, options=options, step="munge outcome")
    except NothingToDo:
        raise _no_shared(request, wanted, path) from None


def _note_all(table: pl.DataFrame) -> tuple[str, ...]:
    """Return notes on repeated variants, those that are kept in a table of TwoSampleMR included."""
    used = table.filter("mr_keep")
    marks = mark_repeated_pairs(used)
    further = used.select("variant_id", reason=marks)
    return note_repeats(pl.concat([table.select("variant_id", "reason"), further]))


def _no_shared(request: HarmoniseRequest, wanted: pl.DataFrame, path: Path) -> InputError:
    try:
        opened = open_sumstats(path, options=request.read_outcome)
        there = next(opened.chunks()).frame["variant_id"][0]
        hint = f", as {there!r} there and {wanted['variant_id'][0]!r} here"
    except (InputError, StopIteration, IndexError):
        hint = ""
    return InputError(
        f"{request.outcome.name}: holds none of the {wanted.height:,} variants of "
        f"{request.exposure.name}"
        f"{hint}; add rsids with gwas munge --rsids, or give --match position"
    )


def _name_trait(rows: pl.DataFrame, name: str | None) -> pl.DataFrame:
    if name is None:
        return rows
    if rows["trait"].n_unique() > 1:
        raise UsageError(f"trait {name!r}: the file holds {rows['trait'].n_unique()} traits")
    return rows.with_columns(trait=pl.lit(name))


def _refuse_nothing(table: pl.DataFrame) -> None:
    if table["mr_keep"].any():
        return
    counts = table["reason"].value_counts(name="n").sort("n", "reason", descending=True)
    reasons = ", ".join(f"{n} {reason}" for reason, n in counts.rows())
    raise NothingToDo(f"no variant of {table.height:,} is left ({reasons}); see --action")
