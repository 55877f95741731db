"""Variants whose effects on an exposure and on an outcome refer to the same allele."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.errors import InputError
from proteomr.tables.genome_wide import GenomeWide

__all__ = ["Direction", "Harmonised"]

Direction: TypeAlias = Literal["forward", "reverse"]
"""Which way a pair is analysed: as it was asked for, or the other way as well."""


@dataclass(frozen=True, slots=True, eq=False)
class Harmonised:
    """The variants that enter an analysis, and those that were dropped on the way.

    Parameters
    ----------
    exposures : names of the e exposures; one but for multivariable analyses.
    outcome : name of the outcome.
    variants : one row per variant: ``variant_id`` and what is known of it.
    beta_x, se_x : (m, e) effect on each exposure per effect allele, and its standard error.
    beta_y, se_y : (m,) effect on the outcome per the same allele, and its standard error.
    ld : (m, m) correlations of the variants, signed by the same alleles, NaN in the rows and
        columns of variants of which they are not known; None where none are.
    ld_people : people of whom the correlations are, NaN where unknown.
    genome : what both traits show over the whole genome; None where that is not known.
    dropped : ``variant_id`` and ``reason`` of those left out.
    n_x : (e,) sample sizes of the exposures, NaN where unknown.
    n_y : sample size of the outcome, NaN where unknown.
    provenance : where the variants come from.
    direction : "forward" as asked, or "reverse" where exposure and outcome changed places.
    ld_doubt : what speaks against the correlations; empty for nothing.
    caveats : what a user should know of every number of the analysis, such as that variants may
        be correlated.

    Raises
    ------
    InputError
        Shapes differ, or an effect or standard error is not finite, or not above zero.

    Examples
    --------
    >>> data = Harmonised(
    ...     exposures=("loneliness",),
    ...     outcome="ADM",
    ...     variants=pl.DataFrame({"variant_id": ["rs1", "rs2"]}),
    ...     beta_x=np.array([[0.1], [0.2]]),
    ...     se_x=np.array([[0.01], [0.01]]),
    ...     beta_y=np.array([0.02, 0.03]),
    ...     se_y=np.array([0.01, 0.01]),
    ... )
    >>> data.m, data.x.tolist()
    (2, [0.1, 0.2])
    """

    exposures: tuple[str, ...]
    outcome: str
    variants: pl.DataFrame
    beta_x: F64
    se_x: F64
    beta_y: F64
    se_y: F64
    ld: F64 | None = None
    dropped: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(schema={"variant_id": pl.String, "reason": pl.String})
    )
    n_x: F64 | None = None
    n_y: float = float("nan")
    provenance: Mapping[str, object] = field(default_factory=dict[str, object])
    direction: Direction = "forward"
    caveats: tuple[str, ...] = ()
    ld_doubt: str = ""
    ld_people: float = float("nan")
    genome: GenomeWide | None = None

    def __post_init__(self) -> None:
        m, e = self.variants.height, len(self.exposures)
        shapes = (self.beta_x.shape, self.se_x.shape, self.beta_y.shape, self.se_y.shape)
        if shapes != ((m, e), (m, e), (m,), (m,)):
            raise InputError(f"{m} variants and {e} exposures do not fit arrays of {shapes}")
        if self.ld is not None and self.ld.shape != (m, m):
            raise InputError(f"{m} variants do not fit correlations of {self.ld.shape}")
        for name, values in (("beta", self.beta_x), ("beta", self.beta_y)):
            if not np.isfinite(values).all():
                raise InputError(f"{int((~np.isfinite(values)).sum())} values of {name} not finite")
        for values in (self.se_x, self.se_y):
            if not (np.isfinite(values) & (values > 0)).all():
                raise InputError("standard errors are finite and above zero")

    @property
    def m(self) -> int:
        """Number of variants."""
        return self.beta_y.size

    @property
    def x(self) -> F64:
        """Effects on the only exposure, (m,)."""
        return self.beta_x[:, 0]

    @property
    def sx(self) -> F64:
        """Standard errors of the effects on the only exposure, (m,)."""
        return self.se_x[:, 0]

    def select(self, rows: I64) -> Harmonised:
        """Return the same analysis for chosen variants, in the order given.

        Parameters
        ----------
        rows : positions of the variants.
        """
        return replace(
            self,
            variants=self.variants[rows],
            beta_x=self.beta_x[rows],
            se_x=self.se_x[rows],
            beta_y=self.beta_y[rows],
            se_y=self.se_y[rows],
            ld=None if self.ld is None else self.ld[np.ix_(rows, rows)],
        )
