"""The multivariable reference sets as harmonised variants, and comparison with R's results."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.mr.methods.base import Estimate
from proteomr.tables import Harmonised
from tests.mr.reference import read_expected

Entry = dict[str, Any]

SETS = {
    "mv_mrb_lipids_chd": (("ldl", "hdl", "trig"), 17723.0, 17723.0),
    "mv_tsmr": (("ieu-a-299", "ieu-a-300", "ieu-a-302"), 188577.0, 184305.0),
}


def read_lipids(folder: Path, name: str) -> Harmonised:
    """Return a reference set with three exposures; p values of the exposures where it has them."""
    exposures, n_x, n_y = SETS[name]
    frame = pl.read_csv(folder / "mr" / "data" / f"{name}.csv")
    variants = frame.select(pl.col("SNP").alias("variant_id"))
    for exposure in exposures:
        if f"pval_{exposure}" in frame.columns:
            p = -pl.col(f"pval_{exposure}").log(10.0)
            variants = variants.with_columns(frame.select(p.alias(f"neg_log10_p_{exposure}")))
    return Harmonised(
        exposures=exposures,
        outcome="CHD",
        variants=variants,
        beta_x=np.column_stack([frame[f"beta_{exposure}"] for exposure in exposures]),
        se_x=np.column_stack([frame[f"se_{exposure}"] for exposure in exposures]),
        beta_y=np.array(frame["beta_outcome"]),
        se_y=np.array(frame["se_outcome"]),
        n_x=np.full(3, n_x),
        n_y=n_y,
    )


def entries(
    folder: Path, package: str, method: str, args: Entry | None = None
) -> Iterator[tuple[Harmonised, Entry]]:
    """Data and entry of both sets for a method with, where given, exactly these arguments."""
    for name in SETS:
        data = read_lipids(folder, name)
        for entry in read_expected(folder, name):
            same = args is None or entry["args"] == args
            if same and (entry["package"], entry["method"]) == (package, method):
                yield data, entry


def reorder(data: Harmonised, names: Sequence[str]) -> Harmonised:
    """Return the same analysis with exposures chosen and in another order."""
    columns = [data.exposures.index(name) for name in names]
    return replace(
        data,
        exposures=tuple(names),
        beta_x=data.beta_x[:, columns],
        se_x=data.se_x[:, columns],
        n_x=None if data.n_x is None else data.n_x[columns],
    )


def simulate(
    m: int,
    theta: Sequence[float],
    *,
    seed: int,
    pleiotropy: F64 | None = None,
    se: float = 0.01,
    spread: float = 0.1,
) -> Harmonised:
    """Return variants of random effects whose true effects on the outcome are known."""
    random = np.random.default_rng(seed)
    e = len(theta)
    truth = spread * random.standard_normal((m, e))
    direct = np.zeros(m) if pleiotropy is None else pleiotropy
    y = truth @ np.array(theta) + direct
    return Harmonised(
        exposures=tuple("abcdef"[:e]),
        outcome="y",
        variants=pl.DataFrame({"variant_id": [f"rs{j}" for j in range(m)]}),
        beta_x=truth + se * random.standard_normal((m, e)),
        se_x=np.full((m, e), se),
        beta_y=y + se * random.standard_normal(m),
        se_y=np.full(m, se),
        n_x=np.full(e, 1e4),
        n_y=1e4,
    )


@dataclass
class Tally:
    """How many entries were compared, and the largest relative difference of each field."""

    entries: int = 0
    largest: dict[str, float] = field(default_factory=dict)

    def add(self, name: str, found: float, expected: float) -> None:
        difference = abs(found - expected) / max(abs(expected), 1e-12)
        if name.startswith("p"):
            difference = max(abs(found - expected) - 1e-15, 0.0) / max(expected, 1e-300)
        if math.isnan(difference) or difference > self.largest.get(name, -1.0):
            self.largest[name] = difference

    def compare(
        self, found: Sequence[Estimate], result: Entry, *, skip: tuple[str, ...] = ()
    ) -> None:
        """Add every field of an entry that an estimate has a counterpart of."""
        self.entries += 1
        names = {"b": "estimate", "se": "se", "ci_low": "conf_low", "ci_high": "conf_high"}
        assert all(one.status.name == "ok" for one in found)
        for k, one in enumerate(found):
            for theirs, ours in names.items():
                if theirs in result and theirs not in skip:
                    self.add(theirs, getattr(one, ours), as_list(result[theirs])[k])
            if "pval" not in skip:
                self.add("pval", 10.0**-one.neg_log10_p, as_list(result["pval"])[k])
        self._compare_details(found[0], result)

    def _compare_details(self, found: Estimate, result: Entry) -> None:
        details = found.details
        names = {
            "RSE": "residual_se",
            "b_i": "intercept",
            "se_i": "intercept_se",
            "ci_low_i": "intercept_conf_low",
            "ci_high_i": "intercept_conf_high",
            "Lambda": "penalty",
        }
        for theirs, ours in names.items():
            if theirs in result:
                self.add(theirs, details[ours], result[theirs])
        if "pval_i" in result:
            self.add("pval_i", 10.0 ** -details["intercept_neg_log10_p"], result["pval_i"])
        if isinstance(result.get("Heter.Stat"), list):
            self.add("Q", details["q"], result["Heter.Stat"][0])
            self.add("pQ", 10.0 ** -details["q_neg_log10_p"], result["Heter.Stat"][1])

    def check(self, tolerance: float) -> None:
        assert self.largest
        assert all(value <= tolerance for value in self.largest.values()), self.largest


def as_list(values: Any) -> list[float]:
    return list(values.values()) if isinstance(values, dict) else list(values)
