"""Effects on hazards by weighting: whose errors they have, and what is said of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import scipy.stats

NOTE = "errors of counterfactual effects take the weights for known"


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write 3,000 people, 4 % of them lonely, and a protein that is higher in these."""
    folder = tmp_path_factory.mktemp("few exposed")
    g = np.random.default_rng(12)
    n = 3000
    ids = [f"p{i:04d}" for i in range(n)]
    lonely = (np.arange(n) % 25 == 0).astype(np.int64)
    adm = 0.8 * lonely + g.normal(size=n)
    end = g.exponential(1.0 / (0.005 + 0.03 * np.clip(adm + 1.0, 0.0, 6.0)))
    pl.DataFrame(
        {
            "ID": ids,
            "lonely": lonely,
            "died": (end < 14.0).astype(np.int64),
            "died_years": np.minimum(end, 14.0),
        }
    ).write_csv(folder / "people.csv")
    pl.DataFrame({"ID": ids, "ADM": adm}).write_parquet(folder / "proteins.parquet")
    return folder


def run(proteomr: Any, cohort: Path, out: Path, *asked: str) -> tuple[dict[str, Any], str]:
    files = (cohort / "people.csv", cohort / "proteins.parquet")
    times = ("--time", "died_years", "--event", "died", "--transform", "none")
    method = ("--method", "counterfactual", "--exposure", "lonely")
    ending = proteomr("mediate", *files, *method, *times, *asked, "-o", out)
    assert ending.code == 0, ending.err
    table = pl.read_parquet(out / "mediation.parquet")
    return table.row(by_predicate=pl.col("quantity") == "indirect", named=True), ending.err


@pytest.mark.parametrize("hazard", [(), ("--outcome-family", "cox")])
def test_errors_and_p_values_go_with_the_limits_beside_them(
    proteomr: Any, cohort: Path, tmp_path: Path, hazard: tuple[str, ...]
) -> None:
    published, told = run(proteomr, cohort, tmp_path / "published", *hazard)
    assert NOTE in told
    drawn, told = run(proteomr, cohort, tmp_path / "drawn", *hazard, "--bootstraps", "2000")
    assert NOTE not in told
    assert drawn["estimate"] == published["estimate"]
    assert drawn["se"] > 1.25 * published["se"]  # few are exposed: the weights are known badly
    width = (drawn["conf_high"] - drawn["conf_low"]) / (2 * scipy.stats.norm.ppf(0.975))
    assert width == pytest.approx(drawn["se"], rel=0.1)
    p = 2 * scipy.stats.norm.sf(abs(drawn["estimate"] / drawn["se"]))
    assert drawn["p_value"] == pytest.approx(p, rel=1e-9)
    refits, _ = run(
        proteomr, cohort, tmp_path / "refits", *hazard, "--bootstrap", "refit", "--bootstraps", "40"
    )
    assert refits["se"] == drawn["se"]
