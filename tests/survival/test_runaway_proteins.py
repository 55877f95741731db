"""A protein that drives a search to where there are no numbers has a status; the others theirs."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from proteomr.association import ModelSpec
from proteomr.scan import FollowUp
from proteomr.survival import survive


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("seed", [1, 3])
@pytest.mark.parametrize(
    ("family", "stratified"), [("aft", False), ("royston-parmar", False), ("royston-parmar", True)]
)
def test_a_protein_that_is_the_time_ends_no_run(
    family: str, seed: int, *, stratified: bool, late: bool
) -> None:
    g, n = np.random.default_rng(seed), 700
    level = g.normal(size=n)
    end = g.weibull(1.3, n) * 8.0 * np.exp(-0.4 * level)
    free = g.uniform(1.0, 12.0, n)
    years = np.round(np.minimum(end, free), 1) + 0.1
    ids = [f"{i:03d}" for i in range(n)]
    # some are there from the beginning, and the others come later
    begun = np.round(g.uniform(0.0, 1.0, n) * np.minimum(years, 3.0) * 0.8, 2)
    people = pl.DataFrame(
        {
            "ID": ids,
            "since": begun * (g.uniform(size=n) < 0.6),
            "age": g.normal(60.0, 8.0, n).round(1),
            "sex": g.choice(["F", "M"], n),
            "site": g.choice(["a", "b", "c"], n, p=[0.5, 0.3, 0.2]),
            "died": (end <= free).astype(int),
            "years": years,
        }
    )
    proteins = pl.DataFrame({"ID": ids, "LEVEL": level, "TIME": years, "LATER": years**2})
    found = survive(
        people,
        proteins,
        outcomes=[FollowUp("died", "years", "since" if late else None)],
        models=ModelSpec(
            family=family,
            adjust={"m": "age + sex"},
            transform="none",
            baseline="site" if stratified else None,
            errors="robust",
        ),
    ).table()
    rows = {row["protein"]: row for row in found.iter_rows(named=True)}
    assert rows["LEVEL"]["status"] == "ok"
    for name in ("TIME", "LATER"):
        known = rows[name]["status"] == "ok"
        assert known == (rows[name]["estimate"] is not None)
        assert known == (rows[name]["se"] is not None)
