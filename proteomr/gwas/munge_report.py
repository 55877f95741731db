"""The account of files of summary statistics: rows, findings, notes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from proteomr.gwas.build import BuildEvidence
from proteomr.gwas.repeats import REPEATED, REPEATED_DIFFERENTLY
from proteomr.tables import Drop

__all__ = ["MungeReport", "describe_made", "describe_nothing", "note_findings"]

_STEP: Final = "munge"
# Facts of many good files, and what has a note of its own.
_USUAL: Final = (
    *("palindromic", "indel", "multiallelic", "chromosome_unknown", "p_missing"),
    *("p_below_doubles", "allele_logical", "se_from_limits", "se_from_p"),
    *(REPEATED, REPEATED_DIFFERENTLY),
)


@dataclass(frozen=True, slots=True)
class MungeReport:
    """The account of a run.

    Parameters
    ----------
    formats : format of each file.
    rows_read, rows_kept : rows of the files, and of the table.
    passed_over : rows that did not enter (other tests, other regions), by reason.
    dropped : rows that left, each counted once, under the first finding that applies.
    found : rows for which each finding holds, whether they left or not.
    builds : what was told and inferred of the build, one for each file.
    notes : what a user should know, one sentence each.
    """

    formats: tuple[str, ...]
    rows_read: int
    rows_kept: int
    passed_over: dict[str, int]
    dropped: dict[str, int]
    found: dict[str, int]
    builds: tuple[BuildEvidence, ...]
    notes: tuple[str, ...]

    @property
    def drops(self) -> tuple[Drop, ...]:
        """Counts of the rows that are not there, by reason."""
        counts = self.passed_over | self.dropped
        return tuple(Drop(_STEP, reason, count) for reason, count in counts.items() if count)


def describe_made(counts: Counter[str]) -> tuple[str, ...]:
    """Return notes on what was made of cells that do not tell it.

    Parameters
    ----------
    counts : rows for which each finding holds.

    Examples
    --------
    >>> describe_made(Counter(se_from_p=2))
    ('no standard error in 2 rows; made from effect and p, |beta| / z',)
    """
    told = {
        "allele_logical": "T was read as logical TRUE: {}; TRUE is taken for the allele T",
        "se_from_limits": "no standard error in {}; made from their limits of 95 %",
        "se_from_p": "no standard error in {}; made from effect and p, |beta| / z",
    }
    shown = {name: f"{n:,} {'row' if n == 1 else 'rows'}" for name, n in counts.items()}
    return tuple(text.format(shown[name]) for name, text in told.items() if counts[name])


def describe_nothing(
    paths: Sequence[Path], rows: int, dropped: Counter[str], *, option: str
) -> str:
    """Return why no row of some files is left, and what may be done.

    Parameters
    ----------
    paths : the files.
    rows : how many they hold.
    dropped : those that left, by finding.
    option : option that maps columns.

    Examples
    --------
    >>> describe_nothing([Path("x.tsv")], 9, Counter(se_missing=9), option="--map")
    'x.tsv: no variant is left of 9 (se_missing 9); name the standard error: --map se=COLUMN'
    """
    most = [(name, n) for name, n in dropped.most_common(3) if n]
    reasons = ", ".join(f"{name} {n}" for name, n in most)
    remedy = _REMEDIES[most[0][0]].format(option=option) if most and most[0][0] in _REMEDIES else ""
    shown = ", ".join(map(str, paths))
    return f"{shown}: no variant is left of {rows} ({reasons}){remedy and f'; {remedy}'}"


_REMEDIES: Final = {
    "size_or_frequency_missing": (
        "--zstd needs frequencies and people: {option} eaf=COLUMN, n=COLUMN"
    ),
    "unnamed": "name the variants: {option} rsid=COLUMN, or chromosome and position_bp",
    "effect_missing": "name the effect: {option} beta=COLUMN, or odds_ratio=COLUMN",
    "se_missing": "name the standard error: {option} se=COLUMN",
    "se_not_positive": "is the standard error in another column? {option} se=COLUMN",
    "allele_missing": "name the alleles: {option} effect_allele=COLUMN, other_allele=COLUMN",
    "alleles_equal": "name the other allele: {option} other_allele=COLUMN",
    "eaf_outside": "is the frequency another column, or in per cent? {option} eaf_percent=COLUMN",
    "p_outside": "is it -log10 p? {option} neg_log10_p=COLUMN",
    "lift_failed": "is the chain from the build of the file?",
    "maf_low": "a lower --min-maf keeps rarer ones",
    "info_low": "a lower --min-info keeps more",
}


def note_findings(report: MungeReport) -> tuple[str, ...]:
    """Return a note on what was found in rows that stay; none on what is usual.

    Examples
    --------
    >>> note_findings(MungeReport((), 2, 2, {}, {}, {"indel": 1, "p_disagrees": 2}, (), ()))
    ('found in 2 rows kept: 2 p_disagrees',)
    """
    found = {
        name: n - report.dropped.get(name, 0)
        for name, n in report.found.items()
        if name not in _USUAL
    }
    told = [f"{n:,} {name}" for name, n in found.items() if n > 0]
    return (f"found in {report.rows_kept:,} rows kept: {', '.join(told)}",) if told else ()
