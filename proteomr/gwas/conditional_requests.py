"""All that determines the numbers of `gwas cojo`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final, Self

from proteomr.gwas.conditional_units import CojoOptions
from proteomr.gwas.munging import MUNGE_VERSION
from proteomr.gwas.panel import name_panel
from proteomr.gwas.study import name_study
from proteomr.io.genetics.ld_matrices import LdValues
from proteomr.io.sumstats.source import ReadOptions
from proteomr.runs import Data, Request, Source
from proteomr.tables import load_schema

__all__ = ["CojoRequest"]

_COJO_VERSION: Final = 1  # of how effects are joined: raised when the same files give others


@dataclass(frozen=True, slots=True)
class CojoRequest(Request):
    """What is to be joined and conditioned on, and how.

    Attributes
    ----------
    study : summary statistics, of one trait or several.
    ld : panel, see `proteomr.gwas.panel.open_panel`.
    condition : names of the variants to condition on; None chooses them.
    options : how variants are chosen and conditioned on.
    read : how the study is read.
    ld_values : what the numbers of a matrix are.
    """

    command: ClassVar[str] = "gwas cojo"

    study: Source
    ld: Source
    condition: Source | None = None
    options: CojoOptions = field(default_factory=CojoOptions)
    read: ReadOptions = field(default_factory=ReadOptions)
    ld_values: LdValues = "auto"

    @classmethod
    def of(
        cls,
        study: Data,
        ld: Data,
        *,
        condition: str | Path | None = None,
        options: CojoOptions | None = None,
        read: ReadOptions | None = None,
        ld_values: LdValues = "auto",
    ) -> Self:
        """Return the request for a study and a panel as a user names them.

        Examples
        --------
        >>> CojoRequest.of("hits.tsv", "panel").options.p
        5e-08
        """
        return cls(
            name_study(study),
            name_panel(ld),
            None if condition is None else Source.of(condition),
            CojoOptions() if options is None else options,
            ReadOptions() if read is None else read,
            ld_values,
        )

    def formulas(self) -> Mapping[str, int]:
        """Return the versions of reading and joining.

        Examples
        --------
        >>> sorted(CojoRequest.of("hits.tsv", "panel").formulas())
        ['cojo', 'munge', 'sumstats']
        """
        return {
            "munge": MUNGE_VERSION,
            "sumstats": load_schema("sumstats").version,
            "cojo": _COJO_VERSION,
        }
