"""Plates whose differences are taken out of proteins in training folds."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from proteomr.errors import ColumnError
from proteomr.qc import centre_groups
from proteomr.score import ScoreOptions, apply_score, score
from proteomr.score.correcting import Groups
from proteomr.score.preparing import ColumnRule
from tests.score.people import FEW, P, make, mean_of

PLATES = 6
CORRECTED = ScoreOptions(folds=3, inner_folds=3, transform="none", correct="plate")


def on_plates(seed: int = 1) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Return people, proteins, and proteins as six plates measure them."""
    samples, proteins = make(seed)
    plate = np.random.default_rng(seed).permutation(len(samples)) % PLATES
    shift = np.random.default_rng(seed + 1).normal(size=(PLATES, P)) * 5.0
    moved = proteins.with_columns(
        (pl.col(f"P{j}") + pl.Series(shift[plate, j])).alias(f"P{j}") for j in range(P)
    )
    return samples.with_columns(pl.Series("plate", [f"p{k}" for k in plate])), proteins, moved


@pytest.mark.parametrize("transform", ["none", "log2"])
def test_shifts_of_training_people_are_those_of_a_regression(transform: str) -> None:
    random = np.random.default_rng(1)
    values = random.lognormal(size=90)
    values[random.uniform(size=90) < 0.1] = np.nan
    codes = np.arange(90) % 4
    rule, ready = ColumnRule.learn(values, transform, Groups(codes, 4))  # type: ignore[arg-type]
    raw = values if transform == "none" else np.log2(values)
    expected = centre_groups(raw[None], codes, method="regression")[0]
    expected = np.where(np.isnan(expected), np.nanmedian(expected), expected)
    np.testing.assert_allclose(ready, (expected - expected.mean()) / expected.std(), atol=1e-12)
    np.testing.assert_array_equal(rule.apply(values, codes), ready)


def test_a_score_of_plates_is_that_without_them() -> None:
    samples, proteins, moved = on_plates()
    plain = ScoreOptions(folds=3, inner_folds=3, transform="none")
    clean = mean_of(score(samples, proteins, outcome="bmi", options=plain), "r2")
    lost = mean_of(score(samples, moved, outcome="bmi", options=plain), "r2")
    found = score(samples, moved, outcome="bmi", options=CORRECTED)
    assert lost < clean - 0.2
    assert abs(mean_of(found, "r2") - clean) < 0.05
    assert set(found.table("weights")["corrected_for"]) == {"plate"}


def test_plates_are_learnt_from_training_people_alone() -> None:
    samples, _, moved = on_plates()
    found = score(samples, moved, outcome="bmi", options=CORRECTED)
    inside = pl.Series((found.table("scores").sort("id")["fold"] == "1").to_numpy())
    wild = moved.with_columns(
        pl.when(inside).then(1e3).otherwise(pl.col(f"P{j}")).alias(f"P{j}") for j in range(P)
    )
    changed = score(samples, wild, outcome="bmi", options=CORRECTED)
    own, other = (one.table("tuning").filter(pl.col("fold") == "1") for one in (found, changed))
    assert own.equals(other)


def test_weights_tell_what_they_were_corrected_for_when_they_are_applied() -> None:
    samples, _, moved = on_plates()
    found = score(samples, moved, outcome="bmi", options=CORRECTED)
    codes = samples["plate"].str.slice(1).cast(pl.Int64).to_numpy()
    own = centre_groups(moved.select(pl.exclude("ID")).to_numpy().T, codes, method="regression")
    centred = pl.DataFrame({"ID": moved["ID"], **{f"P{j}": own[j] for j in range(P)}})
    again = apply_score(found.table("weights"), centred.fill_nan(None))
    assert any("corrected for 'plate'" in note for note in again.notes)
    np.testing.assert_allclose(
        again.table().sort("id")["score"].to_numpy(),
        found.table("scores").sort("id")["score_in_sample"].to_numpy(),
        rtol=1e-12,
    )


def test_a_protein_that_only_its_plate_tells_is_constant() -> None:
    samples, _, moved = on_plates()
    flat = moved.with_columns(
        (samples["plate"].str.slice(1).cast(pl.Float64) / 3.0 + 0.1).alias("P1")
    )
    for transform in ("none", "rint"):
        asked = ScoreOptions(folds=3, inner_folds=3, transform=transform, correct="plate")
        weights = score(samples, flat, outcome="bmi", options=asked).table("weights")
        status = dict(zip(weights["protein"], weights["status"], strict=True))
        assert (status["P1"], status["P2"]) == ("constant", "ok")


def test_groups_that_cannot_serve_are_refused() -> None:
    samples, _, moved = on_plates()
    odd = samples.with_columns(
        pl.when(pl.col("ID") < "0004")
        .then(pl.lit("few"))
        .otherwise(pl.col("plate"))
        .alias("plate"),
        pl.lit(1).alias("site"),
    )
    with pytest.raises(ColumnError, match="1 of 7 groups have fewer than 6 people"):
        score(odd, moved, outcome="bmi", options=CORRECTED)
    for name, words in (("site", "has one value"), ("plato", "no column 'plato'")):
        asked = ScoreOptions(folds=FEW.folds, inner_folds=3, correct=name)
        with pytest.raises(ColumnError, match=words):
            score(odd, moved, outcome="bmi", options=asked)
