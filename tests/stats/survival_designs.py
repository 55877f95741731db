"""People that follow from the formulas of make_survival_models.R, and what R made of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import ndtri

from proteomr._typing import F64, I64

__all__ = ["CASES", "People", "draw_people", "name_case", "part"]

CASES: list[dict[str, Any]] = json.loads(
    Path(__file__).with_name("survival_models.json").read_text()
)["cases"]


@dataclass(frozen=True, slots=True)
class People:
    """Columns z1, z2, x of people, and what was seen of them."""

    X: F64
    outcome: F64
    weights: F64
    clusters: I64
    strata: I64


def part(n: int, of: float) -> F64:
    values = np.arange(1, n + 1) * np.sqrt(of)
    return np.asarray(values - np.floor(values))


def draw_people(case: dict[str, Any]) -> People:
    """Repeat the formulas of make_survival_models.R."""
    n, unit = case["n"], case["unit"]
    x, z1, z2 = ndtri(part(n, 2)), ndtri(part(n, 3)), (part(n, 5) < 0.4).astype(float)
    time = np.exp(1 + 0.2 * x - 0.3 * z1 + 0.4 * z2 + 0.7 * np.log(-np.log(part(n, 13)))) * unit
    end = np.quantile(time, case["share"]) * (0.7 + 0.6 * part(n, 7))
    leaves, event = np.minimum(time, end), (time <= end).astype(float)
    entry = leaves * np.maximum(0.6 * part(n, 11) - 0.2, 0.0) if case["late"] else np.zeros(n)
    if case["ties"]:
        leaves, entry = np.ceil(4 * leaves / unit) / 4 * unit, np.floor(4 * entry / unit) / 4 * unit
    group = np.floor(n / 4 * part(n, 19)) if case["clustered"] else np.arange(n)
    stratum = np.floor(3 * part(n, 23)) if case["strata"] else np.zeros(n)
    return People(
        np.column_stack([z1, z2, x]),
        np.column_stack([np.where(entry > 0.0, entry, -np.inf), leaves, event]),
        0.5 + part(n, 17) if case["weighted"] else np.ones(n),
        group.astype(np.int64),
        stratum.astype(np.int64),
    )


def name_case(case: dict[str, Any]) -> str:
    flags = [f for f in ("late", "weighted", "clustered", "strata", "ties") if case[f]]
    return "-".join([str(case["n"]), f"{case['share']:g}", f"{case['unit']:g}", *flags])
