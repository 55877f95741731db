"""Mediation asked from Python: outcomes by name and by their columns."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.errors import UsageError
from proteomr.mediation import family, mediate
from proteomr.mediation.analysing import Setting, analyse_trio
from proteomr.scan import FollowUp
from proteomr.stats.mediation import Analysis, Trio


def ask(method: Any, outcome: Any, **more: Any) -> pl.DataFrame:
    """Ask about 120 people and one protein; the outcome stands under two names."""
    generator, n = np.random.default_rng(3), 120
    ids = [f"{i:03d}" for i in range(n)]
    lonely = np.arange(n) % 2
    level = 0.8 * lonely + generator.normal(size=n)
    end = generator.exponential(6.0 * np.exp(-0.5 * level))
    died, years = (end < 8.0).astype(int), np.minimum(end, 8.0)
    people = pl.DataFrame(
        {
            "ID": ids,
            "lonely": lonely,
            "died": died,
            "died_years": years,
            "dead": died,
            "until": years,
            "since": years * generator.uniform(0.0, 0.5, n),
            "ill": 1 - died,
            "ill_years": years,
        }
    )
    proteins = pl.DataFrame({"ID": ids, "ADM": level})
    return mediate(
        people, proteins, method=method, exposure="lonely", outcome=outcome, **more
    ).table()


@pytest.mark.parametrize("method", ["perm", "counterfactual"])
def test_an_outcome_by_its_columns_is_the_outcome_by_its_name(method: str) -> None:
    named = ask(method, ["died", "ill"])
    given = ask(method, [FollowUp("dead", "until"), "ill"])
    assert given["outcome"].unique().sort().to_list() == ["dead", "ill"]
    assert given.drop("outcome").equals(named.drop("outcome"))
    assert ask(method, FollowUp("died", "died_years")).equals(ask(method, "died"))


def test_the_entry_of_an_outcome_is_that_of_its_columns() -> None:
    late = ask("perm", FollowUp("died", "died_years", "since"))
    assert late.equals(ask("perm", "died", entry="since"))
    assert late.equals(ask("perm", (), time="died_years", event="died", entry="since"))
    assert not late.equals(ask("perm", "died"))


@pytest.mark.parametrize(
    ("method", "outcome", "more", "said"),
    [
        ("product", FollowUp("died", "died_years"), {}, "outcomes without a time"),
        ("four-way", ["ill", FollowUp("died", "until")], {"interaction": True}, "without a time"),
        ("perm", FollowUp("died", "until"), {"entry": "since"}, "entry 'since' stands beside"),
        ("perm", ["died", FollowUp("died", "until")], {}, "'died' is given twice"),
        (
            "perm",
            FollowUp("died", "until"),
            {"time": "until", "event": "dead"},
            "give one or the other",
        ),
    ],
)
def test_outcomes_that_do_not_go_together_are_refused(
    method: str, outcome: object, more: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        ask(method, outcome, **more)


@pytest.mark.parametrize("bootstrap", [None, "refit", "influence"])
def test_no_more_than_one_analysis_has_its_models_at_a_time(
    bootstrap: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator, n = np.random.default_rng(3), 60
    ids = [f"{i:03d}" for i in range(n)]
    people = pl.DataFrame({"ID": ids, "lonely": np.arange(n) % 2, "bmi": generator.normal(size=n)})
    columns = {f"P{j}": generator.normal(size=n) for j in range(8)}
    models: list[weakref.ref[Any]] = []
    held: list[int] = []

    def watch(trio: Trio, setting: Setting) -> Analysis:
        gc.collect()
        held.append(sum(one() is not None for one in models))
        analysis = analyse_trio(trio, setting)
        models.append(weakref.ref(analysis.refit))
        return analysis

    monkeypatch.setattr(family, "analyse_trio", watch)
    found = mediate(
        people,
        pl.DataFrame({"ID": ids, **columns}),
        method="product",
        exposure="lonely",
        outcome="bmi",
        bootstrap=bootstrap,
        bootstraps=20,
    )
    assert set(found.table()["status"]) == {"ok"}
    assert len(models) >= len(columns)
    assert max(held) <= 1
