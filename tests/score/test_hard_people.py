"""Scores of people who are few, alike, separated or far from all others."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from proteomr.errors import ColumnError
from proteomr.runs import Results
from proteomr.score import ScoreOptions, apply_score, score
from tests.score.people import FEW, make, mean_of, options


def few_with(samples: pl.DataFrame, every: int) -> pl.DataFrame:
    return samples.with_columns((pl.int_range(pl.len()) % every == 0).cast(int).alias("rare"))


def statuses(found: Results, model: str) -> set[str]:
    return set(found.table().filter(pl.col("model") == model)["status"])


def test_covariates_that_separate_an_outcome_are_told_and_the_score_stands() -> None:
    samples, proteins = make()
    cases = samples.with_columns((pl.col("age") > 60.0).cast(int).alias("diabetes"))
    found = score(cases, proteins, outcome="diabetes", adjust={"base": "age + sex"}, options=FEW)
    assert statuses(found, "score") == {"ok"}
    assert statuses(found, "covariates") == {"separated"}
    assert statuses(found, "both - covariates") == {"separated"}


def test_proteins_that_separate_an_outcome_have_finite_weights() -> None:
    samples, proteins = make(missing=0.0)
    cases = samples.with_columns((proteins["P0"] > 0.0).cast(int).alias("diabetes"))
    found = score(cases, proteins, outcome="diabetes", options=FEW)
    assert statuses(found, "score") == {"ok"}
    assert mean_of(found, "auc") > 0.98


def test_a_score_without_any_protein_has_no_correlation_and_says_why() -> None:
    samples, proteins = make()
    noise = np.random.default_rng(3).normal(size=samples.height)
    asked = ScoreOptions(folds=3, inner_folds=3, penalty="lasso", rule="1se")
    found = score(samples.with_columns(noise=noise), proteins, outcome="noise", options=asked)
    assert (found.table("weights")["weight"] == 0.0).all()
    without = found.table().filter((pl.col("metric") == "r") & (pl.col("fold") != "mean"))
    assert set(without["status"]) == {"constant"}
    assert set(without["message"]) == {"the model predicts one value for everybody in this fold"}


def test_three_cases_in_a_fold_are_measured_or_say_why_not() -> None:
    samples, proteins = make()
    found = score(few_with(samples, 8), proteins, outcome="rare", options=ScoreOptions())
    table = found.table().filter(pl.col("fold") != "mean")
    assert set(table["n_case"]) == {3}
    assert set(table.filter(pl.col("metric") == "auc")["status"]) == {"ok"}
    without = table.filter(pl.col("status") != "ok")
    assert set(without["metric"]) <= {"calibration_slope", "calibration_intercept"}
    assert without["message"].str.contains("one value|no finite line").all()
    with pytest.raises(ColumnError, match="19 events among 240 people; 10 x 10 folds need 20"):
        score(few_with(samples, 13), proteins, outcome="rare", options=ScoreOptions())


def test_a_horizon_that_nobody_of_a_fold_is_followed_beyond_has_no_measures_there() -> None:
    samples, proteins = make()
    late = float(samples["death_years"].max()) * 0.9999  # type: ignore[arg-type]
    asked = ScoreOptions(folds=3, inner_folds=3, horizons=(late,))
    found = score(samples, proteins, outcome="death", adjust={"base": "age"}, options=asked).table()
    at = found.filter(pl.col("horizon").is_not_null() & (pl.col("metric") != "c_uno"))
    unseen = at.filter(pl.col("status") == "all_missing")
    assert set(unseen["metric"]) == {
        *("auc", "brier", "ipa", "nri", "idi", "calibration_slope", "calibration_intercept")
    }
    assert unseen["value"].null_count() == unseen.height
    mean = at.filter((pl.col("fold") == "mean") & (pl.col("model") == "score"))
    assert mean["message"].drop_nulls().str.contains("of 3 folds have an estimate").all()


@pytest.mark.parametrize("transform", ["rint", "none", "log2"])
@pytest.mark.parametrize("outcome", ["bmi", "diabetes", "death"])
def test_proteins_of_one_value_or_none_outside_of_a_fold(outcome: str, transform: str) -> None:
    samples, proteins = make()
    positive = proteins.with_columns(pl.exclude("ID").exp())
    first = score(samples, positive, outcome=outcome, options=options(outcome))
    inside = pl.Series((first.table("scores").sort("id")["fold"] == "1").to_numpy())
    odd = positive.with_columns(
        pl.when(inside).then(pl.col("P1")).otherwise(5.0).alias("P1"),
        pl.when(inside).then(pl.col("P2")).otherwise(None).alias("P2"),
        pl.when(inside).then(None).otherwise(pl.col("P4")).alias("P4"),
        pl.when(inside).then(3.0).otherwise(pl.col("P6")).alias("P6"),
        pl.when(pl.col("ID") == "0007").then(1e12).otherwise(pl.col("P7")).alias("P7"),
    )
    found = score(samples, odd, outcome=outcome, options=options(outcome, transform=transform))
    # of lines of calibration the person at 1e12 may leave none
    without = found.table().filter(pl.col("status") != "ok")["metric"]
    assert without.str.starts_with("calibration").all()
    assert found.table("weights")["weight"].is_finite().all()
    again = apply_score(found.table("weights"), odd, ranks=found.table("weights_ranks"))
    own = found.table("scores").sort("id")["score_in_sample"]
    assert again.table().sort("id")["score"].to_list() == own.to_list()


@pytest.mark.parametrize("unit", [1e200, 1e-200])
def test_an_outcome_whose_squares_are_no_numbers_is_refused(unit: float) -> None:
    samples, proteins = make()
    with pytest.raises(ColumnError, match="give it in a unit"):
        score(samples.with_columns(pl.col("bmi") * unit), proteins, outcome="bmi", options=FEW)


def test_an_outcome_far_from_zero_is_predicted_as_well() -> None:
    samples, proteins = make()
    far = samples.with_columns(pl.col("bmi") + 1e9)
    plain, other = (score(one, proteins, outcome="bmi", options=FEW) for one in (samples, far))
    for metric in ("r2", "r", "mae"):
        np.testing.assert_allclose(mean_of(other, metric), mean_of(plain, metric), atol=1e-6)


def test_a_gap_is_not_tested_against_a_column_of_one_value() -> None:
    samples, proteins = make()
    one = samples.with_columns(pl.lit("a").alias("site"))
    clock = ScoreOptions(folds=3, inner_folds=3, clock=True, gap_tests=("site",))
    with pytest.raises(ColumnError, match="--gap-test 'site' has one value"):
        score(one, proteins, outcome="age", options=clock)


def test_several_alphas_choose_what_each_alone_gives() -> None:
    samples, proteins = make()
    both = score(
        samples,
        proteins,
        outcome="bmi",
        options=ScoreOptions(alphas=(0.1, 0.9), folds=3, inner_folds=3),
    ).table("tuning")
    for alpha in (0.1, 0.9):
        alone = score(
            samples,
            proteins,
            outcome="bmi",
            options=ScoreOptions(alphas=(alpha,), folds=3, inner_folds=3),
        ).table("tuning")
        own = both.filter(pl.col("alpha") == alpha)
        assert own.drop("chosen").equals(alone.drop("chosen"))
    assert set(both.filter(pl.col("chosen")).group_by("fold").len()["len"]) == {1}


def test_counts_of_a_horizon_are_of_the_cases_until_then_and_of_who_is_seen_beyond() -> None:
    samples, proteins = make()
    asked = ScoreOptions(folds=3, inner_folds=3, horizons=(4.0,))
    table = score(samples, proteins, outcome="death", options=asked).table()
    died, at = samples["death"].cast(bool), samples["death_years"]
    counts = {"auc": (int((died & (at <= 4.0)).sum()), int((at > 4.0).sum())),
              "c_uno": (int((died & (at <= 4.0)).sum()), None),
              "c_harrell": (int(died.sum()), None)}  # fmt: skip
    for metric, (cases, beyond) in counts.items():
        own = table.filter((pl.col("metric") == metric) & (pl.col("model") == "score"))
        folds, mean = own.filter(pl.col("fold") != "mean"), own.filter(pl.col("fold") == "mean")
        assert folds["n_case"].sum() == mean["n_case"].item() == cases, metric
        assert mean["at_risk"].item() == beyond, metric
        assert folds["at_risk"].sum() == (beyond or 0), metric


def test_without_a_horizon_unos_concordance_has_one_time_and_one_mean() -> None:
    samples, proteins = make()
    table = score(samples, proteins, outcome="death", options=FEW).table()
    own = table.filter(pl.col("metric") == "c_uno")
    folds, mean = own.filter(pl.col("fold") != "mean"), own.filter(pl.col("fold") == "mean")
    last = samples.filter(pl.col("death") == 1)["death_years"].max()
    assert set(own["horizon"]) == {last}
    assert (folds.height, mean.height) == (3, 1)
    assert mean["value"].item() == pytest.approx(folds["value"].mean(), abs=1e-15)
    keys = ["set", "fold", "model", "adjustment", "metric", "horizon"]
    assert not table.select(keys).is_duplicated().any()
