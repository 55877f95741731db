"""The job `survive`: lags, spells, shards, and what a request refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from proteomr_cli.main import run as command

import proteomr
from proteomr.association import ModelSpec
from proteomr.errors import ColumnError, UsageError
from proteomr.models import SurvivalOptions
from proteomr.models.further import Further
from proteomr.scan import FollowUp
from proteomr.survival import survive

PROTEINS = [f"P{i}" for i in range(5)]


def make_people(n: int = 400, seed: int = 3) -> tuple[pl.DataFrame, pl.DataFrame]:
    generator = np.random.default_rng(seed)
    ids = [f"{i:05d}" for i in range(n)]
    values = generator.normal(size=(n, len(PROTEINS)))
    values[generator.random(values.shape) < 0.1] = np.nan
    age = generator.normal(56, 8, n)
    risk = np.exp(0.5 * np.nan_to_num(values[:, 0]) + 0.05 * (age - 56))
    years = generator.exponential(12 / risk)
    ends = generator.uniform(8, 14, n)
    samples = pl.DataFrame(
        {
            "ID": ids,
            "age": age,
            "site": generator.choice(["a", "b", "c"], n),
            "death": (years < ends).astype(int),
            "death_years": np.minimum(years, ends),
        }
    )
    proteins = pl.DataFrame(values, schema=PROTEINS).fill_nan(None)
    return samples, proteins.with_columns(ID=pl.Series(ids))


def run(samples: pl.DataFrame, proteins: pl.DataFrame, **more: Any) -> pl.DataFrame:
    spec = more.pop("models", ModelSpec("cox", adjust={"aged": "age"}))
    more.setdefault("outcomes", "death")
    return survive(samples, proteins, models=spec, **more).table()


def test_several_lags_are_a_scan_each_told_by_a_column() -> None:
    samples, proteins = make_people()
    both = run(samples, proteins, lags=(0.0, 2.0))
    assert both["lag"].to_list() == [0.0] * 5 + [2.0] * 5
    for lag in (0.0, 2.0):
        alone = run(samples, proteins, lags=lag)
        assert both.filter(pl.col("lag") == lag).drop("lag").equals(alone)


def test_imputations_of_events_have_as_many_degrees_of_freedom_as_mice_gives_coxph() -> None:
    """Complete data have events less coefficients, so that equal imputations keep nearly these."""
    samples, proteins = make_people()
    three = pl.concat([samples.with_columns(pl.lit(i).alias(".imp")) for i in (1, 2, 3)])
    pooled, alone = run(three, proteins), run(samples, proteins)
    complete = alone["n_case"].to_numpy() - 2  # the protein and age; no intercept
    expected = complete * (complete + 1) / (complete + 3)
    np.testing.assert_allclose(pooled["df"], expected, rtol=1e-12)
    np.testing.assert_allclose(pooled["se"], alone["se"], rtol=1e-14)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"weights": "age"}, "case weights"),
        ({"errors": "robust"}, "robust errors"),
        ({"cluster": "site"}, "clusters"),
        ({"firth": True}, "Firth"),
    ],
)
def test_exact_ties_refuse_what_they_have_not(more: dict[str, Any], said: str) -> None:
    samples, proteins = make_people(60)
    exact = SurvivalOptions(ties="exact")
    with pytest.raises(UsageError, match=f"--ties exact goes not with .*{said}"):
        run(samples, proteins, models=ModelSpec("cox", survival=exact, **more))


def test_exact_ties_are_there_for_cause_specific_hazards_alone_beside_cox() -> None:
    samples, proteins = make_people(60)
    exact = SurvivalOptions(ties="exact")
    found = run(samples, proteins, models=ModelSpec("cause-specific", survival=exact))
    assert found["status"].unique().to_list() == ["ok"]
    with pytest.raises(UsageError, match="--ties exact is for the cox and cause-specific families"):
        ModelSpec("finegray", survival=exact)


def test_a_time_that_is_not_there_is_not_taken_for_the_event() -> None:
    samples, proteins = make_people()
    with pytest.raises(ColumnError) as fault:
        run(samples.rename({"death_years": "months"}), proteins)
    assert "did you mean 'death'" not in str(fault.value)


def test_a_lag_of_events_is_the_same_as_leaving_those_people_out() -> None:
    samples, proteins = make_people()
    left = samples.filter((pl.col("death") == 0) | (pl.col("death_years") > 2))
    assert run(samples, proteins, lags=2.0).equals(run(left, proteins))


def test_times_beyond_all_follow_up_are_told(caplog: pytest.LogCaptureFixture) -> None:
    samples, proteins = make_people()
    last = float(np.max(samples["death_years"].to_numpy()))
    for late in (20.0, 4.0):
        asked = SurvivalOptions(tau=late, periods=(3.0, late))
        run(samples, proteins, models=ModelSpec("cox", survival=asked))
    ends = f"note: follow-up of 'death' ends at {last:g}"
    assert [message for message in caplog.messages if message.startswith(ends)] == [
        f"{ends}: Uno's concordance up to 20 is of all its events",
        f"{ends}: nobody is in the period from 20 on",
    ]


def test_spells_of_people_give_the_fit_of_whole_follow_ups() -> None:
    samples, proteins = make_people(200)
    whole = run(samples, proteins)
    cut = 3.0
    early = samples.with_columns(
        start=pl.lit(0.0),
        death=pl.when(pl.col("death_years") > cut).then(0).otherwise("death"),
        death_years=pl.min_horizontal("death_years", pl.lit(cut)),
    )
    late = samples.filter(pl.col("death_years") > cut).with_columns(start=pl.lit(cut))
    spells = pl.concat([late, early])
    spec = ModelSpec("cox", adjust={"aged": "age"})
    follow_up = type(spec.follow_up)((FollowUp("death", "death_years", "start"),), person="ID")
    split = run(
        spells,
        proteins,
        models=ModelSpec("cox", adjust={"aged": "age"}, follow_up=follow_up),
        outcomes=(),
        id_column="ID",
    )
    assert split["n"].to_list() == whole["n"].to_list()
    for name in ("estimate", "se"):
        assert np.allclose(split[name].to_numpy(), whole[name].to_numpy(), rtol=1e-9)


def test_shards_join_to_the_bytes_of_one_run(tmp_path: Path) -> None:
    samples, proteins = make_people(150)
    samples.write_parquet(tmp_path / "s.parquet")
    proteins.write_parquet(tmp_path / "p.parquet")
    files = [str(tmp_path / "s.parquet"), str(tmp_path / "p.parquet")]
    words = ["survive", *files, "--outcome", "death", "--adjust", "aged=age", "--lag", "0"]
    words += ["--lag", "1", "--zph", "km"]

    def call(*arguments: str) -> None:
        with pytest.raises(SystemExit) as ending:
            command([*arguments])
        assert ending.value.code in (0, None)

    call(*words, "-o", str(tmp_path / "one"))
    for shard in ("1/2", "2/2"):
        call(*words, "-o", str(tmp_path / "two"), "--shard", shard)
    call("merge", str(tmp_path / "two"))
    for table in ("associations", "proportional_hazards"):
        one, two = ((tmp_path / d / f"{table}.parquet").read_bytes() for d in ("one", "two"))
        assert one == two


@pytest.mark.parametrize(
    ("spec", "outcomes", "said"),
    [
        (ModelSpec("linear", ("age",)), "death", "follow-up is of families of times"),
        (ModelSpec("cox"), (), "no outcome given"),
    ],
)
def test_what_has_no_times_is_refused(spec: ModelSpec, outcomes: Any, said: str) -> None:
    samples, proteins = make_people(30)
    with pytest.raises(UsageError, match=said):
        survive(samples, proteins, models=spec, outcomes=outcomes)


def test_options_of_times_are_refused_by_families_without() -> None:
    with pytest.raises(UsageError, match="--zph is for"):
        ModelSpec("linear", ("age",), survival=SurvivalOptions(zph="km"))


def test_the_public_name_is_the_function() -> None:
    assert proteomr.survive is survive


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("unit", [1e-300, 1e-200, 1e200, 1e300])
@pytest.mark.parametrize("errors", ["classical", "robust"])
def test_the_unit_of_weights_changes_nothing_but_what_counts_them(errors: Any, unit: float) -> None:
    samples, proteins = make_people()
    generator = np.random.default_rng(1)
    weighted = samples.with_columns(w=pl.Series(generator.uniform(0.5, 2.0, samples.height)))
    tests: Any = ("wald",) if errors == "robust" else ("lr", "score", "wald")
    options = SurvivalOptions(periods=(3.0,), concordance=True, tau=6.0)
    spec = ModelSpec(
        "cox",
        adjust={"aged": "age"},
        weights="w",
        errors=errors,
        survival=options,
        further=Further(joint_tests=tests),
    )
    usual, other = (
        survive(frame, proteins, models=spec, outcomes="death")
        for frame in (weighted, weighted.with_columns(pl.col("w") * unit))
    )
    root = 1.0 if errors == "robust" else unit**0.5  # of the errors of a model that counts weights
    for name, columns in {
        "associations": {"estimate": 1.0, "se": 1.0 / root},
        "periods": {"estimate": 1.0, "se": 1.0 / root, "equal_statistic": root**2},
        "concordance": {"estimate": 1.0, "se": 1.0},
        "joint_tests": {"statistic": root**2},
    }.items():
        a, b = usual.table(name), other.table(name)
        assert b["status"].to_list() == a["status"].to_list() if "status" in a.columns else True
        for column, factor in columns.items():
            expected = a[column].to_numpy() * factor
            np.testing.assert_allclose(b[column].to_numpy(), expected, rtol=1e-9, err_msg=name)


def test_weights_of_which_some_count_nothing_beside_others_are_refused() -> None:
    samples, proteins = make_people()
    spread = samples.with_columns(w=pl.Series(10.0 ** np.linspace(-9, 7, samples.height)))
    for family in ("cox", "aalen", "aft", "royston-parmar"):
        with pytest.raises(ColumnError, match=r"weights 'w' go from 1e-09 to 1e\+07: nothing is"):
            run(spread, proteins, models=ModelSpec(family, weights="w"))
    kept = spread.with_columns(pl.when(pl.col("w") > 1e-7).then("w").otherwise(0.0).alias("w"))
    assert (run(kept, proteins, models=ModelSpec("cox", weights="w"))["n"] < 360).all()


@pytest.mark.parametrize("event", [0, 1])
@pytest.mark.parametrize("family", ["cox", "aalen", "aft"])
def test_an_event_that_all_or_nobody_has_is_not_said_to_change_nothing(
    family: Any, event: int
) -> None:
    samples, proteins = make_people()
    one = samples.with_columns(death=pl.lit(event), age=pl.lit(50.0))
    found = survive(one, proteins, models=ModelSpec(family, adjust={"a": "age"}), outcomes="death")
    assert [note for note in found.notes if "changes nothing" in note] == [
        "'age' has one value, 50.0, and changes nothing"
    ]
    assert found.table()["status"].unique().to_list() == (["ok"] if event else ["too_few"])


@pytest.mark.parametrize("errors", ["classical", "robust"])
@pytest.mark.parametrize("family", ["cox", "aalen", "royston-parmar"])
def test_strata_of_one_person_each_hold_nobody_against_another(family: Any, errors: Any) -> None:
    samples, proteins = make_people(150)
    alone = samples.with_columns(own=pl.col("ID"))
    more = {"adjust": {"aged": "age"}, "baseline": "own", "errors": errors}
    found = run(alone, proteins, models=ModelSpec(family, **more))
    assert set(found["status"]) <= {"collinear", "separated"}
    assert found["estimate"].null_count() == found.height


def test_a_protein_that_is_one_in_each_stratum_has_no_test_and_no_warning() -> None:
    samples, proteins = make_people(600)
    trios = samples.with_columns(trio=pl.int_range(pl.len()) // 3)
    level = np.repeat(np.random.default_rng(5).normal(size=200), 3)
    same = proteins.with_columns(pl.Series("same", level))
    changes = SurvivalOptions(zph="km")
    models = ModelSpec("cox", adjust={"aged": "age"}, baseline="trio", survival=changes)
    table = run(trios, same, models=models)
    assert table.filter(pl.col("protein") == "same")["status"].to_list() == ["collinear"]
    assert "ok" in set(table["status"])
