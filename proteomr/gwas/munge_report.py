"""The account of files of summary statistics: rows, findings, notes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from proteomr.gwas.build import BuildEvidence
from proteomr.gwas.repeats import REPEATED, REPEATED_DIFFERENTLY
from proteomr.tables import Drop

__all__ = ["MungeReport", "describe_made", "note_findings"]

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
        "allele_logical": "T was read as logical TRUE: {} rows; TRUE is taken for the allele T",
        "se_from_limits": "no standard error in {} rows; made from their limits of 95 %",
        "se_from_p": "no standard error in {} rows; made from effect and p, |beta| / z",
    }
    return tuple(text.format(f"{counts[name]:,}") for name, text in told.items() if counts[name])


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
