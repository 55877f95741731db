"""Pairs of an exposure and the outcome of the same name, such as a protein in two studies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, Self, TypeAlias

import polars as pl

from proteomr.errors import NothingToDo
from proteomr.mr.caveats import caution
from proteomr.mr.harmonise import describe_outcomes, to_harmonised
from proteomr.mr.inputs import InstrumentRule, Instruments, Outcomes
from proteomr.mr.pairs import Stretch, account_for, harmonise_rows, refuse_nothing
from proteomr.tables import Drop, Harmonised

__all__ = ["NamedPairs", "PairBy"]

PairBy: TypeAlias = Literal["all", "name"]
"""Which pairs are made: each exposure with each outcome, or with those of its own name."""


@dataclass(frozen=True, slots=True, eq=False)
class NamedPairs:
    """The pairs of exposures with the outcomes of their names, harmonised one by one.

    Parameters
    ----------
    instruments, outcomes : the rows of both, and what was left out when they were read.
    rule : how they are harmonised.
    names : of exposure and outcome of each pair, in alphabetical order.
    described : what the whole studies tell of each outcome.
    exposure_rows, outcome_rows : the rows of each exposure and outcome by its name.
    """

    instruments: Instruments
    outcomes: Outcomes
    rule: InstrumentRule
    names: tuple[tuple[str, str], ...]
    described: pl.DataFrame
    exposure_rows: dict[str, pl.DataFrame]
    outcome_rows: dict[str, pl.DataFrame]

    @classmethod
    def of(cls, instruments: Instruments, outcomes: Outcomes, *, rule: InstrumentRule) -> Self:
        """Return the pairs of instruments and outcomes.

        Raises
        ------
        NothingToDo
            No outcome has the name of an exposure, or no variant is left of any pair.
        """
        x = _part(instruments.rows, "exposure")
        y = _part(outcomes.rows, "outcome")
        called: dict[str, list[str]] = {}
        for name in x:
            called.setdefault(instruments.own_names.get(name, name), []).append(name)
        names = sorted(
            (name, other)
            for other in y
            for name in called.get(outcomes.own_names.get(other, other), [])
        )
        if not names:
            shown = f"exposure {min(x)!r}, outcome {min(y)!r}"
            raise NothingToDo(f"no outcome has the name of an exposure ({shown}); see --pair-by")
        described = describe_outcomes(instruments.rows, outcomes.rows)
        pairs = cls(instruments, outcomes, rule, tuple(names), described, x, y)
        refuse_nothing(pairs.harmonise(stretch) for stretch in pairs.cut(1))
        return pairs

    @property
    def count(self) -> int:
        """How many pairs there are."""
        return len(self.names)

    @property
    def outcome_names(self) -> Sequence[str]:
        """Names of the outcomes, each once."""
        return sorted({outcome for _, outcome in self.names})

    def cut(self, size: int) -> list[Stretch]:
        """Return stretches of so many pairs."""
        return list(pairwise([*range(0, self.count, size), self.count]))

    def take(self, stretch: Stretch) -> tuple[pl.DataFrame, list[Harmonised]]:
        """Return every variant of a stretch of `cut`, kept or not, and its analyses."""
        table = self.harmonise(stretch)
        return table, caution(to_harmonised(table), self.instruments.strength)

    def account(self, table: pl.DataFrame) -> tuple[tuple[Drop, ...], tuple[str, ...]]:
        """Return what was left out until the variants of all stretches, and notes."""
        return account_for(table, self.instruments, self.outcomes)

    def harmonise(self, stretch: Stretch) -> pl.DataFrame:
        """Return every variant of a stretch of `cut`, kept or not."""
        tables = [
            harmonise_rows(
                self.exposure_rows[exposure],
                self.outcome_rows[outcome],
                self.rule,
                self.described.filter(pl.col("outcome") == outcome),
            )
            for exposure, outcome in self.names[stretch[0] : stretch[1]]
        ]
        return pl.concat(tables, how="diagonal_relaxed")


def _part(rows: pl.DataFrame, side: str) -> dict[str, pl.DataFrame]:
    """Return the rows of each trait; those without a name are called by their side."""
    named = rows.with_columns(pl.col("trait").fill_null(side))
    parts = named.partition_by("trait", as_dict=True, maintain_order=True)
    return {str(name): part for (name,), part in parts.items()}
