"""Competing risks by rule: the same numbers here and in ``make_fine_gray.R``, which holds R's
answers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from proteomr._typing import F64, I64
from proteomr.stats.censoring import CensoringTies, estimate_censoring
from proteomr.stats.fine_gray_limits import CompetingRisks
from tests.stats.cox_rules import draw

STORED = Path(__file__).with_name("fine_gray.json")


@dataclass(frozen=True)
class Design:
    """One design: columns ``X (n, 3)`` are x, age, rare; times are entry and exit."""

    X: F64
    times: F64
    event: I64
    strata: I64
    groups: I64
    weights: F64


def load() -> list[dict[str, Any]]:
    """Return the designs with R's numbers."""
    return list(json.loads(STORED.read_text(encoding="utf-8")))


def make(design: dict[str, Any]) -> Design:
    """Return the data of a design, whose entries say what it has."""
    n, grid, rates = int(design["n"]), float(design["grid"]), design["rates"]
    x = draw(n, 1) + draw(n, 2) + draw(n, 3) - 1.5
    age = draw(n, 4) + draw(n, 5) - 1.0
    rare = (draw(n, 6) < 0.08).astype(np.float64)
    first = -np.log(draw(n, 7)) * np.exp(-0.7 * x - age - 0.5 * rare) / rates[0]
    other = -np.log(draw(n, 8)) * np.exp(0.4 * x - 1.5 * age) / rates[1]
    group = np.floor(draw(n, 9) * design["groups"]).astype(np.int64)
    censored = 0.2 + draw(n, 10) * (1.0 + group)
    entry = np.where(draw(n, 11) < design["truncated"], 0.6 * draw(n, 12), 0.0)
    end = np.minimum(np.minimum(first, other), censored)
    exit_ = np.floor(end * grid + 1.0) / grid
    entry = np.floor(entry * grid) / grid
    happened = np.where(first <= other, 1, 2)
    event = np.where(censored <= np.minimum(first, other), 0, happened)
    strata = np.floor(draw(n, 13) * design["strata"]).astype(np.int64)
    strata = group if design["strata"] == design["groups"] else strata
    weights = 0.2 + 2.0 * draw(n, 14) if design["weighted"] else np.ones(n)
    kept = entry < exit_
    low = entry if design["truncated"] > 0.0 else np.full(n, -np.inf)
    return Design(
        np.column_stack([x, age, rare])[kept],
        np.column_stack([low, exit_])[kept],
        event[kept],
        strata[kept],
        group[kept],
        weights[kept],
    )


def lay_out(data: Design, ties: CensoringTies = "events-first") -> CompetingRisks:
    """Return the follow-up of a design, with its censoring."""
    censoring = estimate_censoring(data.times, data.event, strata=data.groups, ties=ties)
    return CompetingRisks(data.times, data.event, censoring, data.strata, data.groups)
