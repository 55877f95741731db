"""Curves of spells, held against R's survfit(Surv(start, stop, event) ~ g, id =)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr._typing import F64
from proteomr.errors import InputError, UsageError
from proteomr.runs import Results
from proteomr.scan import FollowUp, FollowUpOptions
from proteomr.survival import CurveOptions, compare_survival

DESIGNS = json.loads((Path(__file__).parent / "spell_curves.json").read_text())
SPELLS = FollowUp("event", "stop", entry="start")


def draw(n: int, k: int) -> F64:
    values = np.arange(1, n + 1) * np.sqrt([2, 3, 5, 7, 11, 13, 17, 19, 23, 29][k - 1])
    return np.asarray(values - np.floor(values))


def make_spells(kind: str, n: int = 80) -> pl.DataFrame:
    """Return the people of make_spell_curves.R."""
    end, event = 2 + 8 * draw(n, 1), (draw(n, 2) < 0.6).astype(int)
    cut = end * (0.2 + 0.6 * draw(n, 3))
    g = (draw(n, 4) < 0.5).astype(int)
    ids = [f"{i:03d}" for i in range(n)]
    early = np.zeros(n, dtype=int)
    if kind == "again":
        early = (draw(n, 7) < 0.3).astype(int)
    moved = np.maximum(g, draw(n, 5) < 0.5) if kind == "moved" else g
    begins = cut
    if kind == "gaps":
        begins = np.where(draw(n, 6) < 0.5, cut, cut + 0.3 * (end - cut))
    first = {"ID": ids, "start": np.zeros(n), "stop": cut, "event": early, "g": g}
    last = {"ID": ids, "start": begins, "stop": end, "event": event, "g": moved}
    return pl.concat([pl.DataFrame(last), pl.DataFrame(first)])


PROTEINS = pl.DataFrame({"ID": [f"{i:03d}" for i in range(80)], "LEVEL": draw(80, 8)})


def run(spells: pl.DataFrame, *names: str, code: float | None = None, **options: Any) -> Results:
    return compare_survival(
        spells,
        PROTEINS,
        outcomes=[SPELLS],
        curves=CurveOptions(names, **options),
        follow_up=FollowUpOptions(event_code=code, person="ID"),
        id_column="ID",
    )


@pytest.mark.parametrize("d", DESIGNS, ids=lambda d: d["kind"])
def test_curves_of_spells_are_those_of_survfit(d: dict[str, Any]) -> None:
    results = run(make_spells(d["kind"]), by="g")
    curves, groups = results.table("curves"), results.table("groups")
    for k, r in enumerate(d["curves"]):
        rows = curves.filter(pl.col("group") == str(k), pl.col("events") > 0)
        expected = (r["time"], r["n"], r["survival"], r["se"], r["low"], r["high"])
        names = ("time", "at_risk", "survival", "se", "conf_low", "conf_high")
        for name, values in zip(names, expected, strict=True):
            known = [None if value in ("NaN", "NA") else value for value in values]
            assert rows[name].to_list() == [
                value if value is None else pytest.approx(value, rel=1e-9) for value in known
            ], name
    assert groups["people"].to_list() == d["people"]
    assert groups["events"].to_list() == d["events"]
    test = results.table("logrank").row(0, named=True)
    assert test["statistic"] == pytest.approx(d["statistic"], rel=1e-9)
    assert test["variance"] == ("robust" if d["robust"] else "hypergeometric")
    assert test["n"] == 80


def test_spells_that_follow_one_another_are_whole_follow_ups() -> None:
    spells = make_spells("whole")
    whole = spells.group_by("ID", maintain_order=True).agg(
        pl.col("stop").max(), pl.col("event").max(), pl.col("g").first(), start=pl.lit(0.0)
    )
    split = run(spells, "LEVEL", code=1)
    alone = compare_survival(
        whole,
        PROTEINS,
        outcomes=[SPELLS],
        curves=CurveOptions(("LEVEL",)),
        follow_up=FollowUpOptions(event_code=1),
    )
    for name in alone.names:
        assert split.table(name).equals(alone.table(name)), name


def test_quantiles_are_of_people_and_not_of_spells() -> None:
    spells = make_spells("gaps")
    groups = run(spells, "LEVEL").table("groups")
    assert groups["people"].to_list() == [20] * 4
    borders = np.quantile(PROTEINS["LEVEL"].to_numpy(), [0.25, 0.5, 0.75, 1.0])
    assert groups["high"].to_list() == pytest.approx(borders)


def test_spells_that_cannot_serve_are_refused() -> None:
    spells = make_spells("moved")
    with pytest.raises(InputError, match=r"must be one follow-up in one group: \d+ people"):
        run(spells, by="g", code=1)
    with pytest.raises(UsageError, match="spells with --by: give PROTEINS"):
        compare_survival(
            spells,
            outcomes=[SPELLS],
            curves=CurveOptions(by="g"),
            follow_up=FollowUpOptions(person="ID"),
        )
    twice = pl.concat([spells.with_columns(pl.lit(j).alias(".imp")) for j in (1, 2)])
    with pytest.raises(InputError, match=r"2 imputations .* of spells"):
        run(twice, by="g")
