"""Scores: what is learnt where, what is measured on whom, and weights that travel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.stats import rankdata

from proteomr.errors import ColumnError, InputError, UsageError
from proteomr.runs import Results
from proteomr.scan import FollowUp
from proteomr.score import ScoreOptions, apply_score, score
from tests.score.people import FEW, N, P, make, mean_of, options

OUTCOMES = ("bmi", "diabetes", "death")


@pytest.fixture(scope="module", params=OUTCOMES)
def learnt(request: pytest.FixtureRequest) -> tuple[str, Results]:
    samples, proteins = make()
    outcome = str(request.param)
    found = score(
        samples, proteins, outcome=outcome, adjust={"base": "age + sex"}, options=options(outcome)
    )
    return outcome, found


def test_a_score_finds_what_proteins_say(learnt: tuple[str, Results]) -> None:
    outcome, found = learnt
    metric, least = {"bmi": ("r2", 0.35), "diabetes": ("auc", 0.72), "death": ("c_harrell", 0.68)}[
        outcome
    ]
    assert mean_of(found, metric) > least
    assert mean_of(found, metric, "both - covariates") > 0.1
    weights = found.table("weights")
    largest = weights.sort(pl.col("weight").abs(), descending=True)["protein"].head(2)
    assert set(largest) == {"P0", "P3"}
    assert set(weights["status"]) == {"ok"}


def test_every_measure_stands_for_each_fold_and_their_mean(learnt: tuple[str, Results]) -> None:
    table = learnt[1].table()
    for _, own in table.group_by("model", "adjustment", "metric", "horizon"):
        folds = own.filter(pl.col("fold") != "mean")
        assert sorted(folds["fold"]) == ["1", "2", "3"]
        assert folds["n"].sum() == N
        mean = own.filter(pl.col("fold") == "mean")
        values = folds["value"].to_numpy()
        np.testing.assert_allclose(mean["value"][0], values.mean(), rtol=1e-12)
        expected = np.sqrt(np.sum(folds["se"].to_numpy() ** 2)) / 3
        np.testing.assert_allclose(mean["se"][0], expected, rtol=1e-12)


def test_weights_give_the_same_people_the_same_scores(learnt: tuple[str, Results]) -> None:
    _, proteins = make()
    found = learnt[1]
    again = apply_score(found.table("weights"), proteins, ranks=found.table("weights_ranks"))
    own = found.table("scores").sort("id")
    other = again.table().sort("id")
    assert own["id"].to_list() == other["id"].to_list()
    assert own["score_in_sample"].to_list() == other["score"].to_list()
    assert again.table("absent").height == 0


def test_scores_of_people_who_were_held_out_are_less_good_than_those_in_sample(
    learnt: tuple[str, Results],
) -> None:
    outcome, found = learnt
    samples, _ = make()
    scores = found.table("scores").join(samples, left_on="id", right_on="ID")
    y = scores[outcome].cast(pl.Float64).to_numpy()
    held, own = (
        np.corrcoef(y, scores[name].to_numpy())[0, 1]
        for name in ("score_standardised", "score_in_sample")
    )
    assert held < own


def test_a_file_of_people_is_for_its_owner_alone(tmp_path: Path) -> None:
    samples, proteins = make()
    score(samples, proteins, outcome="bmi", options=FEW, out=tmp_path / "run")
    modes = {p.name: p.stat().st_mode & 0o777 for p in (tmp_path / "run").glob("*.parquet")}
    assert modes["scores.parquet"] == 0o600
    again = apply_score(tmp_path / "run" / "weights.parquet", proteins, out=tmp_path / "applied")
    assert again.table().height == N
    assert (tmp_path / "applied" / "scores.parquet").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_neither_the_order_of_rows_nor_of_threads_changes_anything(outcome: str) -> None:
    samples, proteins = make(3)
    first = score(samples, proteins, outcome=outcome, options=options(outcome), threads=1)
    turned = score(
        samples.reverse(),
        proteins.sample(fraction=1.0, shuffle=True, seed=1),
        outcome=outcome,
        options=options(outcome),
        threads=3,  # the last of four units has all of them
    )
    for name in ("score_performance", "weights", "scores", "tuning"):
        assert first.table(name).equals(turned.table(name)), name


def test_a_killed_run_goes_on_with_the_folds_that_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from proteomr.score.fitting import FoldWork, Unit

    samples, proteins = make()
    whole = score(samples, proteins, outcome="bmi", options=FEW)
    learn, seen = FoldWork.__call__, []

    def stop(self: FoldWork, unit: Unit) -> dict[str, pl.DataFrame]:
        seen.append(unit.label)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return learn(self, unit)

    monkeypatch.setattr(FoldWork, "__call__", stop)
    with pytest.raises(KeyboardInterrupt):
        score(samples, proteins, outcome="bmi", options=FEW, out=tmp_path / "run", threads=1)
    resumed = score(
        samples, proteins, outcome="bmi", options=FEW, out=tmp_path / "run", threads=1, resume=True
    )
    assert seen == ["1", "2", "3", "3", "all"]
    for name in whole.names:
        assert resumed.table(name).equals(whole.table(name)), name


@pytest.mark.parametrize("outcome", ["diabetes", "death"])
def test_outcomes_that_proteins_say_nothing_of_are_not_predicted(outcome: str) -> None:
    values = []
    for seed in range(8):
        samples, proteins = make(seed)
        shuffled = samples.with_columns(
            samples.select("age", "sex", "bmi", "diabetes", "death", "death_years").sample(
                fraction=1.0, shuffle=True, seed=seed
            )
        )
        found = score(shuffled, proteins, outcome=outcome, options=FEW)
        metric = "auc" if outcome == "diabetes" else "c_harrell"
        values.append(mean_of(found, metric))
    assert abs(np.mean(values) - 0.5) < 3.0 * np.std(values) / np.sqrt(8) + 0.005


def test_what_is_held_out_changes_nothing_that_is_learnt() -> None:
    samples, proteins = make()
    found = score(samples, proteins, outcome="bmi", options=FEW)
    fold = found.table("scores").sort("id")["fold"]
    inside = (fold == "1").to_numpy()
    wild = [
        pl.when(pl.Series(inside)).then(1e6).otherwise(pl.col(f"P{j}")).alias(f"P{j}")
        for j in range(P)
    ]
    changed = score(
        samples.with_columns(
            pl.when(pl.Series(inside)).then(-99.0).otherwise(pl.col("bmi")).alias("bmi")
        ),
        proteins.with_columns(wild),
        outcome="bmi",
        options=FEW,
    )
    own, other = (one.table("tuning").filter(pl.col("fold") == "1") for one in (found, changed))
    assert own.equals(other)


def test_ranks_of_the_training_people_are_those_of_a_plain_count() -> None:
    samples, proteins = make(missing=0.0)
    found = score(samples, proteins, outcome="bmi", options=FEW)
    ranks = found.table("weights_ranks")
    own = ranks.filter(pl.col("protein") == "P0").sort("value")
    values = proteins["P0"].to_numpy()
    expected = np.sort((rankdata(values) - 0.375) / (N + 0.25))
    from scipy.special import ndtr

    np.testing.assert_allclose(ndtr(own["score"].to_numpy()), expected, rtol=1e-12)


def test_a_protein_that_cannot_enter_says_why() -> None:
    samples, proteins = make()
    odd = proteins.with_columns(
        pl.lit(3.0).alias("flat"),
        pl.lit(None, dtype=pl.Float64).alias("none"),
        pl.when(pl.col("ID") == "0003").then(float("inf")).otherwise(pl.col("P1")).alias("endless"),
    )
    found = score(samples, odd, outcome="bmi", options=FEW).table("weights")
    status = dict(zip(found["protein"], found["status"], strict=True))
    assert (status["flat"], status["none"], status["endless"]) == (
        "constant",
        "all_missing",
        "infinite",
    )
    assert found.filter(pl.col("status") != "ok")["weight"].null_count() == 3


def test_one_of_several_events_is_predicted_with_the_others_as_ends_of_observation() -> None:
    samples, proteins = make()
    other = np.arange(samples.height) % 7 == 0
    coded = samples.with_columns(
        death=pl.when(pl.Series(other)).then(2).otherwise(pl.col("death") * 3)
    )
    alone = samples.with_columns(death=pl.when(pl.Series(other)).then(0).otherwise(pl.col("death")))
    found = score(coded, proteins, outcome="death", event_code=3, options=FEW)
    plain = score(alone, proteins, outcome="death", options=FEW)
    for name in ("score_performance", "weights", "scores", "tuning"):
        assert found.table(name).equals(plain.table(name)), name
    with pytest.raises(UsageError, match="leave --horizon out"):
        score(coded, proteins, outcome="death", event_code=3, options=options("death"))
    with pytest.raises(UsageError, match="is of an outcome over time"):
        score(coded, proteins, outcome="bmi", event_code=3, options=FEW)
    with pytest.raises(ColumnError, match="has no code 4"):
        score(coded, proteins, outcome="death", event_code=4, options=FEW)


def test_late_entry_is_measured_by_concordance_alone() -> None:
    samples, proteins = make()
    late = FollowUp("death", "death_years", "begun")
    found = score(samples, proteins, outcome=late, options=FEW)
    assert set(found.table()["metric"]) == {"c_harrell"}
    assert mean_of(found, "c_harrell") > 0.6
    with pytest.raises(UsageError, match="followed from the beginning"):
        score(samples, proteins, outcome=late, options=options("death"))


def test_a_clock_tells_a_gap_that_age_does_not_explain() -> None:
    samples, proteins = make(5, n=600)
    clock = ScoreOptions(folds=3, inner_folds=3, clock=True, gap_tests=("sex", "bmi"))
    found = score(samples, proteins, outcome="age", options=clock)
    scores = found.table("scores").join(samples, left_on="id", right_on="ID")
    raw = scores["predicted_age"] - scores["age"]
    assert abs(np.corrcoef(scores["gap"], scores["age"])[0, 1]) < 0.12
    assert np.corrcoef(raw, scores["age"])[0, 1] < -0.6
    tests = found.table("gap_associations")
    assert tests["term"].to_list() == ["sex[M]", "bmi"]
    assert "r2" in found.table()["metric"].to_list()


def test_associations_of_the_gap_are_those_of_least_squares_with_hc3() -> None:
    import statsmodels.api as sm

    samples, proteins = make(6)
    clock = ScoreOptions(folds=3, inner_folds=3, clock=True, gap_tests=("bmi",))
    found = score(samples, proteins, outcome="age", adjust={"sexed": "sex"}, options=clock)
    row = found.table("gap_associations").row(0, named=True)
    scores = found.table("scores").join(samples, left_on="id", right_on="ID", maintain_order="left")
    X = np.column_stack(
        [
            scores["bmi"].to_numpy(),
            np.ones(N),
            scores["age"].to_numpy(),
            *(scores["fold"] == str(k) for k in (2, 3)),
            (scores["sex"] == "M").to_numpy(),
        ]
    ).astype(np.float64)
    fit = sm.OLS(scores["gap"].to_numpy(), X).fit(cov_type="HC3", use_t=True)
    np.testing.assert_allclose(row["estimate"], fit.params[0], rtol=1e-9)
    np.testing.assert_allclose(row["se"], fit.bse[0], rtol=1e-9)
    np.testing.assert_allclose(row["p_value"], fit.pvalues[0], rtol=1e-8)


def test_clocks_of_organs_have_gaps_from_training_people_alone(tmp_path: Path) -> None:
    samples, proteins = make(6)
    organs = tmp_path / "organs.gmt"
    organs.write_text("heart\tfrom\tP0\tP3\tP5\nliver\tfrom\tP5\tP6\n")
    clock = ScoreOptions(folds=3, inner_folds=3, clock=True, gap_tests=("bmi",), penalty="lasso")

    def learn(people: pl.DataFrame) -> Results:
        return score(people, proteins, outcome="age", options=clock, sets=organs)

    found = learn(samples)
    scores = found.table("scores")
    tests = found.table("gap_associations")
    assert tests["set"].to_list() == ["heart", "liver"]
    for (organ,), own in scores.group_by("set", maintain_order=True):
        people = own.join(samples, left_on="id", right_on="ID", maintain_order="left")
        X = people.select(
            "bmi", "age", *((pl.col("fold") == k).cast(pl.Float64).alias(k) for k in "123")
        ).to_numpy()
        b = np.linalg.lstsq(X, people["gap"].to_numpy(), rcond=None)[0]
        row = tests.row(by_predicate=pl.col("set") == organ, named=True)
        assert row["estimate"] == pytest.approx(b[0], rel=1e-8)
    # the age of somebody held out moves that person's gap along the line, and nobody's beside
    held = scores.filter(pl.col("fold") == "1")["id"]
    aged = pl.col("ID").is_in(held[:5].implode())
    moved = learn(samples.with_columns(age=pl.when(aged).then(pl.col("age") + 10).otherwise("age")))
    both = scores.join(moved.table("scores"), on=["set", "id"], suffix="_then")
    both = both.filter(pl.col("fold") == "1")
    assert both["fold"].equals(both["fold_then"].alias("fold"))
    change = both["gap_then"] - both["gap"]
    older = both["id"].is_in(held[:5].implode())
    assert np.abs(change.filter(~older).to_numpy()).max() < 1e-12
    for name in ("heart", "liver"):
        falls = change.filter(older & (both["set"] == name)).to_numpy()
        assert falls.max() < 0.0
        assert falls == pytest.approx(falls[0], rel=1e-9)
    np.testing.assert_allclose(both["score_then"], both["score"], rtol=1e-12)


def test_sets_of_genes_have_a_score_each(tmp_path: Path) -> None:
    samples, proteins = make()
    sets = tmp_path / "organs.gmt"
    sets.write_text("heart\tfrom\tGENE0\tGENE1\tNONE\nliver\tfrom\tP4\tP6\nbrain\tfrom\tNONE\n")
    assays = pl.DataFrame(
        {"protein": [f"P{j}" for j in range(P)], "gene": [f"GENE{j}" for j in range(P)]}
    )
    found = score(samples, proteins, outcome="bmi", options=FEW, sets=sets, assays=assays)
    weights = found.table("weights")
    assert weights.group_by("set", maintain_order=True).len().rows() == [("heart", 2), ("liver", 2)]
    heart, liver = (
        found.table().filter(
            (pl.col("set") == name) & (pl.col("fold") == "mean") & (pl.col("metric") == "r2")
        )["value"][0]
        for name in ("heart", "liver")
    )
    assert heart > liver
    assert found.table("scores").height == 2 * N
    ranks = found.table("weights_ranks")
    again = apply_score(weights, proteins, ranks=ranks).table().sort("set", "id")
    own = found.table("scores").sort("set", "id")
    assert again["score"].to_list() == own["score_in_sample"].to_list()


def test_absent_proteins_are_told_and_refused_above_a_share() -> None:
    samples, proteins = make()
    found = score(samples, proteins, outcome="bmi", options=FEW)
    weights, ranks = found.table("weights"), found.table("weights_ranks")
    with pytest.raises(InputError, match=r"lack 1 protein with \d\d\.\d% .*\(P0\)"):
        apply_score(weights, proteins.drop("P0"), ranks=ranks)
    loose = apply_score(weights, proteins.drop("P0"), ranks=ranks, max_absent=0.9)
    absent = loose.table("absent").row(0, named=True)
    assert absent["protein"] == "P0"
    size = weights["weight"].abs()
    np.testing.assert_allclose(absent["share"], abs(weights["weight"][0]) / size.sum())
    blank = proteins.with_columns(pl.lit(None, dtype=pl.Float64).alias("P0"))
    with pytest.raises(InputError, match=r"lack 1 protein with \d\d\.\d% .*\(P0\)"):
        apply_score(weights, blank, ranks=ranks)
    same = apply_score(weights, blank, ranks=ranks, max_absent=0.9)
    np.testing.assert_allclose(
        loose.table()["score"].to_numpy(), same.table()["score"].to_numpy(), rtol=1e-12
    )
    assert any("1 protein with" in note for note in loose.notes)


def test_weights_without_their_ranks_are_refused() -> None:
    samples, proteins = make()
    weights = score(samples, proteins, outcome="bmi", options=FEW).table("weights")
    with pytest.raises(InputError, match="its ranks are not there"):
        apply_score(weights, proteins)
    with pytest.raises(ColumnError, match="no column 'set'"):
        apply_score(proteins, proteins)


@pytest.mark.parametrize("transform", ["rint", "none"])
def test_values_on_another_scale_are_refused(transform: str) -> None:
    samples, proteins = make()
    asked = ScoreOptions(folds=3, inner_folds=3, transform=transform)  # type: ignore[arg-type]
    found = score(samples, proteins, outcome="bmi", options=asked)
    counts = proteins.with_columns(pl.exclude("ID") * 50.0 + 900.0)
    with pytest.raises(InputError, match="another scale"):
        apply_score(found.table("weights"), counts, ranks=found.table("weights_ranks"))


def test_net_benefit_of_treating_everybody_is_that_of_the_share_of_cases() -> None:
    samples, proteins = make()
    found = score(samples, proteins, outcome="diabetes", options=FEW)
    curve = found.table("decision_curve").filter(pl.col("model") == "everybody")
    share = float(samples["diabetes"].to_numpy().mean())
    odds = curve["threshold"] / (1 - curve["threshold"])
    expected = share - (1 - share) * odds.to_numpy()
    np.testing.assert_allclose(curve["net_benefit"].to_numpy(), expected, atol=1e-12)
    groups = found.table("calibration").filter(pl.col("model") == "score")
    assert groups["n"].sum() == N
    seen = groups["observed"].to_numpy() @ groups["n"].to_numpy()
    np.testing.assert_allclose(seen / N, share)


@pytest.mark.parametrize(
    ("outcome", "change", "error", "words"),
    [
        ("nothing", {}, ColumnError, "no column 'nothing'"),
        ("sex", {"clock": True}, ColumnError, "is no number"),
        ("death", {"horizons": (99.0,)}, UsageError, "nobody is seen beyond it"),
        ("diabetes", {"horizons": (2.0,)}, UsageError, "is of outcomes over time"),
        ("bmi", {"folds": 100, "inner_folds": 100}, InputError, "ask for fewer"),
    ],
)
def test_what_cannot_be_learnt_is_refused_in_a_line(
    outcome: str, change: dict[str, object], error: type[Exception], words: str
) -> None:
    samples, proteins = make()
    asked = ScoreOptions(**{"folds": 3, "inner_folds": 3, **change})  # type: ignore[arg-type]
    with pytest.raises(error, match=words) as told:
        score(samples, proteins, outcome=outcome, options=asked)
    assert "\n" not in str(told.value)


def test_outcomes_without_events_and_circles_are_refused() -> None:
    samples, proteins = make()
    none = samples.with_columns(pl.lit(0).alias("death"))
    with pytest.raises(ColumnError, match="0 events among 240 people"):
        score(none, proteins, outcome="death", options=FEW)
    with pytest.raises(UsageError, match="is what is predicted and is in 'base'"):
        score(samples, proteins, outcome="bmi", adjust={"base": "age + bmi"}, options=FEW)
    with pytest.raises(ColumnError, match="has no time"):
        score(samples, proteins, outcome="diabetes", family="cox", options=FEW)


def test_people_without_covariates_are_counted_and_take_no_part() -> None:
    samples, proteins = make()
    some = samples.with_columns(
        pl.when(pl.col("ID") < "0010").then(None).otherwise(pl.col("age")).alias("age"),
        pl.when(pl.col("ID") > "0230").then(None).otherwise(pl.col("bmi")).alias("bmi"),
    )
    found = score(some, proteins, outcome="bmi", adjust={"aged": "age"}, options=FEW)
    drops = {row[1]: int(row[2]) for row in found.table("drops").rows()}
    assert drops["covariates missing"] == 10
    assert drops["bmi missing"] == 9
    assert found.table("scores").height == N - 19


@pytest.mark.parametrize("named", [False, True])
def test_people_without_any_protein_take_part_and_are_counted(
    tmp_path: Path, *, named: bool
) -> None:
    samples, proteins = make(missing=0.0)
    gone, some = pl.col("ID").is_in(["0003", "0007", "0100"]), [f"P{j}" for j in range(4)]
    lacking = some if named else proteins.columns[1:]
    blank = proteins.with_columns(
        pl.when(gone).then(None).otherwise(pl.col(name)).alias(name) for name in lacking
    )
    more: dict[str, Any] = {}
    if named:
        sets = tmp_path / "organs.gmt"
        sets.write_text("\t".join(("heart", "", *some)) + "\nliver\t\tP4\tP6\n")
        more = {"sets": sets}
    found = score(samples, blank, outcome="bmi", options=FEW, **more)
    told = [note for note in found.notes if "no value of any protein" in note]
    expected = (
        f"3 of {N} people have no value of any protein; they take part with the median of each"
    )
    assert told == [("set 'heart': " if named else "") + expected]
    none = score(samples, proteins, outcome="bmi", options=FEW, **more)
    assert not any("no value of any" in note for note in none.notes)
