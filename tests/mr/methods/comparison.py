"""Comparison of an estimator with every entry of the reference that records its counterpart."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from proteomr.mr.methods.base import Estimate
from proteomr.tables import Harmonised
from tests.mr.reference import read_expected, read_set

Entry = dict[str, Any]

_FIELDS = {
    "b": "estimate",
    "se": "se",
    "ci_low": "conf_low",
    "ci_high": "conf_high",
    "nsnp": "nsnp",
    "b_i": "intercept",
    "se_i": "intercept_se",
    "ci_low_i": "intercept_conf_low",
    "ci_high_i": "intercept_conf_high",
    "Q": "q",
    "Q_df": "q_df",
    "RSE": "residual_se",
    "I.sq": "i2_gx",
}
_P_FIELDS = {
    "pval": "neg_log10_p",
    "pval_i": "intercept_neg_log10_p",
    "Q_pval": "q_neg_log10_p",
}


@dataclass
class Tally:
    """How many entries were compared, and the largest difference of each field."""

    entries: int = 0
    refused: int = 0
    largest: dict[str, tuple[float, str]] = field(default_factory=dict)

    def add(self, name: str, difference: float, where: str) -> None:
        if math.isnan(difference) or difference > self.largest.get(name, (-1.0, ""))[0]:
            self.largest[name] = (difference, where)

    def check(self, tolerance: float, *, apart: tuple[str, ...] = ()) -> None:
        worst = {k: v for k, v in self.largest.items() if k not in apart}
        assert all(value <= tolerance for value, _ in worst.values()), worst


@functools.cache
def load(folder: Path, name: str) -> tuple[Harmonised, list[Entry]]:
    return read_set(folder, name), read_expected(folder, name)


def entries(
    folder: Path, package: str, method: str, args: Entry | None = None
) -> Iterator[tuple[str, Harmonised, Entry]]:
    """Name, data and entry of every univariable set whose arguments are exactly the given ones."""
    for path in sorted((folder / "mr" / "expected").glob("*.json")):
        if not (folder / "mr" / "data" / path.with_suffix(".csv").name).exists():
            continue
        if path.stem.startswith(("mv_", "susie_", "coloc_", "gsmr_")):
            continue
        data, found = load(folder, path.stem)
        for entry in found:
            if (entry["package"], entry["method"]) != (package, method):
                continue
            given = {k: v for k, v in (entry["args"] or {}).items() if k not in {"note", "tol"}}
            if args is None or given == args:
                yield path.stem, data, entry


def compare(
    tally: Tally, where: str, found: Estimate, entry: Entry, *, skip: tuple[str, ...] = ()
) -> None:
    """Add the relative differences of an entry's fields to a tally; refusals must agree."""
    tally.entries += 1
    result = entry.get("result")
    if not isinstance(result, dict) or result.get("b") is None:
        tally.refused += 1
        assert found.status.name != "ok", (where, found)
        assert found.message
        return
    assert found.status.name == "ok", (where, found)
    for name, value in result.items():
        if name in skip or value is None:
            continue
        if name in _FIELDS:
            tally.add(name, _relative(_look(found, _FIELDS[name]), value), where)
        elif name in _P_FIELDS:
            tally.add(name, _relative_p(_look(found, _P_FIELDS[name]), value), where)
        elif name == "Heter.Stat" and value[0] is not None and not math.isnan(value[0]):
            tally.add("Q", _relative(_look(found, "q"), value[0]), where)
            tally.add("Q_pval", _relative_p(_look(found, "q_neg_log10_p"), value[1]), where)


def _look(found: Estimate, name: str) -> float:
    if name in {"estimate", "se", "conf_low", "conf_high", "nsnp", "neg_log10_p"}:
        return float(getattr(found, name))
    return float(found.details.get(name, math.nan))


def _relative(value: float, expected: float) -> float:
    if math.isnan(expected):
        return 0.0 if math.isnan(value) else math.inf
    if value == expected:
        return 0.0
    return abs(value - expected) / max(abs(expected), 1e-12)


def _relative_p(minus_log: float, expected: float) -> float:
    """Relative difference of p values; 1 - pnorm leaves R's an absolute error near 1e-16."""
    p = 10.0**-minus_log
    return float(np.maximum(abs(p - expected) - 1e-15, 0.0) / max(expected, 1e-300))
