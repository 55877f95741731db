"""Sampling weights: of learning and of every measure, and what they are refused for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from proteomr._typing import F64
from proteomr.errors import ColumnError, UsageError
from proteomr.score import score
from proteomr.stats.calibration import fit_calibration, fit_pseudo_calibration
from proteomr.stats.censoring_weights import Censoring, find_pseudo_risks
from proteomr.stats.discrimination import Measured, find_concordance, find_unos_concordance
from proteomr.stats.elastic_net import Penalty
from proteomr.stats.elastic_net_losses import BinomialLoss, BreslowLoss, Loss, SquaredLoss
from proteomr.stats.elastic_net_newton import NewtonDescent
from proteomr.stats.elastic_net_steps import follow_path
from proteomr.stats.elastic_net_wide import WideDescent
from proteomr.stats.linear_accuracy import find_correlation, find_mae, find_r2
from proteomr.stats.risk_accuracy import (
    Standing,
    find_brier,
    find_explained,
    find_idi,
    find_net_benefit,
    find_nri,
    find_weighted_auc,
)
from tests.score.people import FEW, N, make, options

N_PEOPLE = 120


class People:
    """People of an outcome of every kind, each standing as often as the weight says."""

    def __init__(self, times: F64, *, counted: bool) -> None:
        g = np.random.default_rng(4)
        x, z = g.normal(size=(2, N_PEOPLE))
        self.copies = times.astype(int) if counted else np.ones(N_PEOPLE, dtype=int)
        self.weights = None if counted else times
        of = np.repeat(np.arange(N_PEOPLE), self.copies)
        time, end = g.exponential(size=N_PEOPLE) / np.exp(x), g.uniform(0.2, 3.0, N_PEOPLE)
        self.x, self.z, self.y = x[of], z[of], (x + g.normal(size=N_PEOPLE))[of]
        self.exit = np.ceil(np.minimum(time, end) * 8.0)[of] / 8.0  # with ties
        self.event, self.case = (time <= end)[of], (x + g.logistic(size=N_PEOPLE) > 0.4)[of]
        self.entry = np.where(g.random(N_PEOPLE) < 0.4, -np.inf, 0.0)[of]

    @property
    def risk(self) -> F64:
        return np.asarray(1.0 / (1.0 + np.exp(0.3 - self.x)))

    @property
    def other(self) -> F64:
        return np.asarray(1.0 / (1.0 + np.exp(0.2 - 0.5 * self.x - 0.4 * self.z)))

    def seen(self) -> Standing:
        return Standing.of_times(
            exit=self.exit, event=self.event, horizon=1.0, weights=self.weights
        )

    def levels(self) -> Standing:
        return Standing.of_levels(self.case, self.weights)

    def uno(self) -> Measured:
        free = Censoring(self.exit, self.event, self.weights).free_before(self.exit)
        return find_unos_concordance(
            self.x, exit=self.exit, event=self.event, until=1.5, free=free, weights=self.weights
        )


MEASURES: dict[str, Callable[[People], Measured]] = {
    "r2": lambda p: find_r2(p.y, p.x, mean=0.1, weights=p.weights),
    "r": lambda p: find_correlation(p.y, p.x, weights=p.weights),
    "mae": lambda p: find_mae(p.y, p.x, weights=p.weights),
    "harrell": lambda p: find_concordance(
        p.x, exit=p.exit, event=p.event, entry=p.entry, weights=p.weights
    ),
    "uno": People.uno,
    "auc": lambda p: find_weighted_auc(p.x, p.levels()),
    "auc at a time": lambda p: find_weighted_auc(p.x, p.seen()),
    "brier": lambda p: find_brier(p.risk, p.levels()),
    "brier at a time": lambda p: find_brier(p.risk, p.seen()),
    "ipa": lambda p: find_explained(find_brier(p.risk, p.seen()), find_brier(p.other, p.seen())),
    "net benefit": lambda p: find_net_benefit(p.risk, p.seen(), threshold=0.3),
    "nri": lambda p: find_nri(p.risk, p.other, p.seen()),
    "idi": lambda p: find_idi(p.risk, p.other, p.levels()),
}
TIMES = 1.0 + np.floor(3.0 * np.random.default_rng(3).random(N_PEOPLE))


@pytest.mark.parametrize("name", MEASURES)
def test_a_person_of_weight_three_is_three_people_and_one_draw(name: str) -> None:
    """The value is that of the copies, and the influence the sum of those of the copies."""
    weighted, counted = People(TIMES, counted=False), People(TIMES, counted=True)
    found, expected = MEASURES[name](weighted), MEASURES[name](counted)
    np.testing.assert_allclose(found.value, expected.value, rtol=1e-12)
    ends = np.cumsum(counted.copies)[:-1]
    together = [part.sum() for part in np.split(expected.influence, ends)]
    np.testing.assert_allclose(found.influence, together, atol=1e-13)


@pytest.mark.parametrize("name", MEASURES)
def test_the_scale_of_weights_does_not_matter(name: str) -> None:
    one, other = (MEASURES[name](People(TIMES * k, counted=False)) for k in (1.0, 1e-7))
    np.testing.assert_allclose(other.value, one.value, rtol=1e-11)
    np.testing.assert_allclose(other.influence, one.influence, atol=1e-12)


def test_pseudo_observations_and_calibration_are_those_of_the_copies() -> None:
    weighted, counted = People(TIMES, counted=False), People(TIMES, counted=True)
    first = np.concatenate([[0], np.cumsum(counted.copies)[:-1]])
    own = find_pseudo_risks(weighted.exit, weighted.event, 1.0, weights=TIMES)
    theirs = find_pseudo_risks(counted.exit, counted.event, 1.0)
    np.testing.assert_allclose(own, theirs[first], atol=1e-11)
    for lines in (
        (
            fit_calibration(weighted.risk, weighted.case, weights=TIMES),
            fit_calibration(counted.risk, counted.case),
        ),
        (
            fit_pseudo_calibration(weighted.risk, own, weights=TIMES),
            fit_pseudo_calibration(counted.risk, theirs),
        ),
    ):
        np.testing.assert_allclose(lines[0].slope, lines[1].slope, rtol=1e-9)
        np.testing.assert_allclose(lines[0].intercept, lines[1].intercept, atol=1e-9)
        # three copies are one draw, whose error is larger than that of three
        assert lines[0].slope_se > lines[1].slope_se


def weigh(samples: pl.DataFrame) -> pl.DataFrame:
    w = np.exp(np.random.default_rng(8).normal(size=samples.height))
    return samples.with_columns(pl.Series("w", w))


@pytest.mark.parametrize("outcome", ["bmi", "diabetes", "death"])
def test_weights_are_learnt_as_the_descent_learns_them(outcome: str) -> None:
    samples, proteins = make(missing=0.0)
    samples = weigh(samples)
    asked = options(outcome, transform="none")
    found = score(samples, proteins, outcome=outcome, weights="w", options=asked)
    chosen = found.table("tuning").filter((pl.col("fold") == "all") & pl.col("chosen"))
    X = proteins.drop("ID").to_numpy()
    X = np.asfortranarray((X - X.mean(axis=0)) / X.std(axis=0))
    w = samples["w"].to_numpy()
    loss: Loss
    if outcome == "bmi":
        descent = WideDescent(X, SquaredLoss(samples["bmi"].to_numpy(), w), Penalty(0.5))
    else:
        y = samples[outcome].to_numpy().astype(np.float64)
        times = samples["death_years"].to_numpy()
        loss = BinomialLoss(y, w) if outcome == "diabetes" else BreslowLoss(times, y, w)
        descent = NewtonDescent(X, loss, Penalty(0.5))  # type: ignore[assignment]
    path = follow_path(descent, penalties=chosen["penalty"].to_numpy())
    weights = found.table("weights")["weight"].to_numpy()
    np.testing.assert_allclose(weights, path.coefficients[0], atol=1e-7)
    plain = score(samples, proteins, outcome=outcome, options=asked).table("weights")
    assert np.abs(plain["weight"].to_numpy() - weights).max() > 1e-3


@pytest.mark.parametrize("outcome", ["bmi", "diabetes", "death"])
def test_equal_weights_change_nothing_but_the_way_an_area_is_told(outcome: str) -> None:
    samples, proteins = make()
    equal = samples.with_columns(pl.lit(2.5).alias("w"))
    asked = {"outcome": outcome, "adjust": {"base": "age"}, "options": options(outcome)}
    plain = score(samples, proteins, **asked)  # type: ignore[arg-type]
    found = score(equal, proteins, weights="w", **asked)  # type: ignore[arg-type]
    for name in ("score_performance", "weights", "tuning", "calibration", "decision_curve"):
        one, other = plain.table(name), found.table(name)
        for column in one.columns:
            if one[column].dtype == pl.Float64:
                # areas of equal people have DeLong's variance, by n - 1
                rtol = 2e-2 if column == "se" and name == "score_performance" else 1e-6
                np.testing.assert_allclose(
                    other[column].to_numpy(), one[column].to_numpy(), rtol=rtol, atol=1e-7
                )
            else:
                assert one[column].equals(other[column]), column


def test_people_without_a_weight_take_no_part_and_are_counted() -> None:
    samples, proteins = make()
    weighted = weigh(samples).with_columns(
        pl.when(pl.int_range(pl.len()) < 7).then(0.0).otherwise("w").alias("w")
    )
    found = score(weighted, proteins, outcome="bmi", weights="w", options=FEW)
    assert found.table("scores").height == N - 7
    drops = {row[1]: int(row[2]) for row in found.table("drops").rows()}
    assert drops["w missing or 0"] == 7


def test_weights_that_cannot_serve_are_refused_in_a_line() -> None:
    samples, proteins = make()
    odd = weigh(samples).with_columns(pl.lit(-1.0).alias("below"))
    with pytest.raises(ColumnError, match="no column 'absent'"):
        score(odd, proteins, outcome="bmi", weights="absent", options=FEW)
    with pytest.raises(ColumnError, match="below 0 or infinite for 240 people"):
        score(odd, proteins, outcome="bmi", weights="below", options=FEW)
    with pytest.raises(ColumnError, match="must be numbers"):
        score(odd, proteins, outcome="bmi", weights="sex", options=FEW)
    with pytest.raises(UsageError, match="is what is predicted"):
        score(odd, proteins, outcome="bmi", weights="bmi", options=FEW)


def test_a_gap_is_tested_by_the_weighted_regression() -> None:
    import statsmodels.api as sm

    from proteomr.score import ScoreOptions

    samples, proteins = make(6)
    samples = weigh(samples)
    clock = ScoreOptions(folds=3, inner_folds=3, clock=True, gap_tests=("bmi",))
    found = score(samples, proteins, outcome="age", weights="w", options=clock)
    row = found.table("gap_associations").row(0, named=True)
    scores = found.table("scores").join(samples, left_on="id", right_on="ID", maintain_order="left")
    age = scores["age"].to_numpy()
    folds = [(scores["fold"] == str(k)).to_numpy() for k in (2, 3)]
    X = np.column_stack([scores["bmi"].to_numpy(), np.ones(N), age, *folds]).astype(np.float64)
    fit = sm.WLS(scores["gap"].to_numpy(), X, weights=scores["w"].to_numpy()).fit(
        cov_type="HC3", use_t=True
    )
    np.testing.assert_allclose(row["estimate"], fit.params[0], rtol=1e-9)
    np.testing.assert_allclose(row["se"], fit.bse[0], rtol=1e-8)
