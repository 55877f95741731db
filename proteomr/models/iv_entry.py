"""What instrumental-variable fits give beside their estimates: tests, sets, and what is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from proteomr._typing import F64
from proteomr.models.carriers import remark_on_carriers
from proteomr.models.details import Details
from proteomr.stats.anderson_rubin import Interval
from proteomr.stats.distributions import neg_log10_p_t, p_from_neg_log10
from proteomr.stats.instrument_tests import InstrumentTest
from proteomr.stats.linalg import change_units
from proteomr.stats.sandwich import ErrorKind

__all__ = ["COEFFICIENTS", "CONFIDENCE_SETS", "DIAGNOSTICS", "Told", "describe_strength"]

DIAGNOSTICS = "iv_diagnostics"
CONFIDENCE_SETS = "confidence_sets"
COEFFICIENTS = "coefficients"
# Staiger and Stock (1997, doi:10.2307/2171753): below it two-stage least squares is biased towards
# least squares by more than a tenth, and its intervals cover too little.
_WEAK = 10.0


@dataclass(slots=True)
class Told:
    """The rows of the further tables of a block."""

    diagnostics: list[tuple[int, int, dict[str, object]]] = field(default_factory=list)
    sets: list[tuple[int, int, dict[str, object]]] = field(default_factory=list)
    coefficients: list[tuple[int, int, dict[str, object]]] = field(default_factory=list)

    def enter(
        self,
        j: int,
        m: int,
        tests: dict[str, InstrumentTest],
        i: int,
        parts: Sequence[Interval] | None,
        units: tuple[F64 | float, F64 | float],
    ) -> None:
        """Add the tests of regression ``i`` and the parts of its set for one protein and model.

        Parameters
        ----------
        parts : none where it is empty; None where the fit has no set.
        units : what a coefficient is multiplied by and divided by.
        """
        for name, test in tests.items():
            p = float(p_from_neg_log10(test.neg_log10_p[i]))
            row = {"test": name, "statistic": float(test.statistic[i]), "df1": float(test.df1[i])}
            log = float(test.neg_log10_p[i])
            rest = {"df2": float(test.df2[i]), "neg_log10_p": log, "p_value": p}
            self.diagnostics.append((j, m, {**row, **rest}))
        if parts is None:
            return
        by, per = units
        for place, part in enumerate(parts or (None,), start=1):
            ends = (np.nan, np.nan) if part is None else (part.low, part.high)
            low, high = change_units(np.array(ends), by=by, per=per).tolist()
            row = {"test": "anderson_rubin", "part": 0 if part is None else place}
            opened = {"open_low": bool(np.isinf(low)), "open_high": bool(np.isinf(high))}
            limits = {"low": _limit(low), "high": _limit(high)}
            self.sets.append((j, m, {**row, **limits, **opened}))

    def enter_coefficients(
        self, j: int, m: int, found: Sequence[tuple[str, float, float]], df: float
    ) -> None:
        """Add name, estimate and standard error of every coefficient of a model."""
        for name, estimate, se in found:
            statistic = estimate / se if se > 0.0 else np.nan
            log = float(neg_log10_p_t(statistic, df))
            row = {
                "coefficient": name,
                "contrast": None,
                "estimate": estimate,
                "se": se,
                "statistic": statistic,
            }
            rest = {"df": df if np.isfinite(df) else np.nan, "neg_log10_p": log}
            self.coefficients.append((j, m, {**row, **rest, "p_value": float(10.0**-log)}))

    def list_details(self) -> dict[str, Details]:
        """Return the tables."""
        return {
            DIAGNOSTICS: Details.of_rows(self.diagnostics),
            CONFIDENCE_SETS: Details.of_rows(self.sets),
            COEFFICIENTS: Details.of_rows(self.coefficients),
        }


def _limit(value: float) -> float:
    return float("nan") if np.isinf(value) else value


def describe_strength(
    tests: dict[str, InstrumentTest], i: int, carriers: float, errors: ErrorKind, df: float
) -> list[str]:
    """Say that instruments are weak, or predict too well, and that few people carry an error."""
    first = float(tests["weak_instruments"].statistic[i])
    said = []
    if np.isnan(first):
        said.append("the instruments predict the endogenous variable perfectly")
    elif first < _WEAK:
        said.append(f"weak instruments (first-stage F {first:.3g})")
    if np.isfinite(carriers):
        said.append(remark_on_carriers(carriers, errors, df))
    return [what for what in said if what]
