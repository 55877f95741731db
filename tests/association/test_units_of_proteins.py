"""Proteins in any unit: what stands beside estimates has the same digits, or is empty."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.association import associate

# Powers of two, which change no digit; their squares are no numbers.
SIZES = {"P": 1.0, "TINY": 2.0**-660, "HUGE": 2.0**660, "TINIER": 2.0**-900}
PURE = ("df", "statistic", "neg_log10_p", "p_value", "status")


def make_people(names: Iterable[str], n: int = 150) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return people of three visits each, and one protein in several units."""
    g = np.random.default_rng(2)
    ids = [f"{i:03d}" for i in range(n)]
    x, person = g.normal(size=n), np.arange(n) // 3
    level = 0.4 * x + g.normal(size=n) + g.normal(size=n // 3)[person]
    people = {"ID": ids, "x": x, "person": person, "sex": g.choice(["F", "M"], n)}
    people["site"] = g.choice(["a", "b", "c"], n)
    proteins = pl.DataFrame({"ID": ids, **{name: level * SIZES[name] for name in names}})
    return pl.DataFrame(people), proteins


def ask(names: Iterable[str], **more: Any) -> Any:
    people, proteins = make_people(names)
    asked: dict[str, Any] = {"family": "linear", "exposure": "x", "transform": "none"}
    return associate(people, proteins, **{**asked, **more})


def alike(table: pl.DataFrame, names: Iterable[str]) -> bool:
    """Whether rows of all proteins but for what has their unit are the same."""
    parts = [
        table.filter(protein=name).select(c for c in PURE if c in table.columns) for name in names
    ]
    return all(part.equals(parts[0]) for part in parts) and parts[0].height > 0


@pytest.mark.parametrize("interaction", [None, "sex"])
def test_the_test_between_strata_has_the_digits_of_any_unit(interaction: str | None) -> None:
    found = ask(SIZES, strata="site", interaction=interaction)
    tests = found.table("joint_tests")
    assert "heterogeneity" in tests["test"].to_list()
    assert alike(tests, SIZES)
    assert alike(found.table(), SIZES)


@pytest.mark.parametrize("random", ["1|person", "1|sex"])
def test_variances_that_no_number_holds_are_empty(random: str) -> None:
    table = ask(SIZES, family="mixed", random=random).table("variance_components")
    rows = {row["protein"]: row for row in table.iter_rows(named=True)}
    assert rows["P"]["residual"] > 0.0
    for name in ("TINY", "HUGE", "TINIER"):
        assert rows[name]["residual"] is None
        assert rows[name]["variance"] in (None, 0.0)
        assert rows[name]["singular"] == rows["P"]["singular"]
        assert np.isfinite(rows[name]["reml"])


@pytest.mark.parametrize("alone", ["TINY", "HUGE", "TINIER"])
def test_moderated_proteins_of_one_unit_have_the_digits_of_another(alone: str) -> None:
    found, plain = ask([alone], moderate="plain"), ask(["P"], moderate="plain")
    columns = list(PURE)
    assert found.table().select(columns).equals(plain.table().select(columns))
    row = found.table("moderation").row(0, named=True)
    assert row["s2_prior"] is None
    assert row["s2_post"] is None


@pytest.mark.parametrize("far", ["TINY", "HUGE", "TINIER"])
def test_a_protein_in_a_far_unit_is_moderated_beside_others(far: str) -> None:
    people, proteins = make_people([far])
    g = np.random.default_rng(5)
    others = {f"Q{j}": g.normal(size=proteins.height) * (1.0 + j / 9.0) for j in range(9)}
    table = associate(
        people,
        proteins.with_columns(**{k: pl.Series(v) for k, v in others.items()}),
        family="linear",
        exposure="x",
        transform="none",
        moderate="plain",
    ).table()
    assert set(table["status"]) == {"ok"}
    assert np.isfinite(table["se"].to_numpy()).all()
    assert (table["se"].to_numpy() > 0.0).all()
