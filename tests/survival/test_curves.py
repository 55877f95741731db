"""Curves of groups as a job: tables, groups, statuses, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from proteomr_cli.main import run as command

from proteomr.errors import ColumnError, UsageError
from proteomr.runs import Results
from proteomr.scan import FollowUp, FollowUpOptions
from proteomr.stats.curve_counts import Subjects, count_risk, place_people
from proteomr.stats.kaplan_meier import estimate_curves
from proteomr.stats.log_rank import compare_curves
from proteomr.survival import CurveOptions, compare_survival

KEYS = ["protein", "outcome", "group"]


def make_people(n: int = 300, seed: int = 5) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return samples with two outcomes and codes of a third, and proteins of every kind."""
    generator = np.random.default_rng(seed)
    ids = [f"{i:05d}" for i in range(n)]
    level = generator.normal(size=n)
    end = generator.uniform(8.0, 14.0, n)
    first, second = (generator.exponential(14 * np.exp(-0.5 * level)) for _ in range(2))
    code = np.where(first < second, 1, 3)
    many = np.minimum(first, second)
    samples = pl.DataFrame(
        {
            "ID": ids,
            "age": generator.normal(56, 8, n).round(1),
            "site": generator.choice(["a", "b", "c"], n),
            "arm": np.where(generator.random(n) < 0.1, np.nan, generator.integers(0, 2, n)),
            "weight": generator.uniform(0.5, 2.0, n).round(2),
            "begun": generator.uniform(0.0, 1.0, n).round(2),
            "death": (first < end).astype(int),
            "death_years": np.minimum(first, end),
            "stroke": (second < end).astype(int),
            "stroke_years": np.minimum(second, end),
            "which": np.where(many < end, code, 0),
            "which_years": np.minimum(many, end),
            "never": np.zeros(n, dtype=int),
            "never_years": end,
        }
    )
    samples = samples.with_columns(pl.col("arm").fill_nan(None))
    proteins = pl.DataFrame(
        {
            "ID": ids,
            "LEVEL": np.where(generator.random(n) < 0.1, np.nan, level),
            "FEW": generator.integers(0, 3, n).astype(float),
            "TIED": np.maximum(level, 0.5),
            "SAME": np.ones(n),
            "GONE": np.full(n, np.nan),
            "WILD": np.where(np.arange(n) == 7, np.inf, level),
        }
    ).fill_nan(None)
    return samples, proteins


PEOPLE, PROTEINS = make_people()


def run(*names: str, **more: Any) -> Results:
    options = {name: more.pop(name) for name in list(more) if name in CurveOptions.__slots__}
    more.setdefault("outcomes", "death")
    people, proteins = more.pop("people", PEOPLE), more.pop("proteins", PROTEINS)
    return compare_survival(people, proteins, curves=CurveOptions(names, **options), **more)


def test_a_pair_is_what_its_arrays_give() -> None:
    results = run("LEVEL", threads=1)
    both = PEOPLE.join(PROTEINS, on="ID").drop_nulls("LEVEL")
    x = both["LEVEL"].to_numpy()
    borders = np.quantile(x, [0.25, 0.5, 0.75])
    group = np.searchsorted(borders, x)
    risk = place_people(
        np.full(x.size, -np.inf), both["death_years"].to_numpy(), both["death"].to_numpy()
    )
    counts = count_risk(Subjects(risk, group, 4))
    test = compare_curves(counts, count=4)
    row = results.table("logrank").row(0, named=True)
    assert row["statistic"] == pytest.approx(test.statistic, rel=1e-12)
    assert (row["n"], row["n_case"]) == (x.size, int(both["death"].sum()))
    curves = estimate_curves(counts)
    table = results.table("curves").filter(group="Q2", protein="LEVEL")
    there = counts.deaths[1] > 0
    events = table.filter(pl.col("events") > 0)
    assert events["time"].to_list() == counts.times[there].tolist()
    assert events["survival"].to_list() == curves.survival[1, there].tolist()
    assert events["at_risk"].to_list() == counts.at_risk[1, there].tolist()


def test_a_curve_begins_with_all_and_ends_with_the_last_and_counts_everybody() -> None:
    table = run("LEVEL").table("curves")
    groups = run("LEVEL").table("groups")
    for row in groups.iter_rows(named=True):
        curve = table.filter(group=row["group"])
        assert curve["time"][0] == 0.0
        assert curve["at_risk"][0] == row["people"]
        assert curve["events"].sum() == row["events"]
        assert int(curve["events"].sum()) + int(curve["censored"].sum()) == row["people"]
        assert curve["survival"][0] == 1.0


def test_steps_of_all_times_hold_those_of_events() -> None:
    few, every = (run("LEVEL", steps=steps).table("curves") for steps in ("events", "all"))
    wanted = few.filter(pl.col("events") > 0)
    shared = wanted.join(every, on=[*KEYS, "time"], suffix="_all")
    assert shared.height == wanted.height
    for name in ("survival", "se", "conf_low", "conf_high", "at_risk"):
        assert shared[name].equals(shared[f"{name}_all"], null_equal=True)
    assert every["censored"].sum() == few["censored"].sum()


def test_numbers_at_chosen_times_are_those_of_a_count() -> None:
    times = (0.0, 3.0, 9.5)
    table = run("LEVEL", times=times).table("curve_times").filter(group="Q1")
    both = PEOPLE.join(PROTEINS, on="ID").drop_nulls("LEVEL")
    low = both.filter(pl.col("LEVEL") <= np.quantile(both["LEVEL"].to_numpy(), 0.25))
    for row in table.iter_rows(named=True):
        left = low.filter(pl.col("death_years") <= row["time"])
        assert row["at_risk"] == low.filter(pl.col("death_years") >= row["time"]).height
        assert row["events"] == left["death"].sum()
        assert row["censored"] == left.height - left["death"].sum()


def test_a_protein_of_few_values_is_grouped_by_them() -> None:
    groups = run("FEW").table("groups")
    assert groups["group"].to_list() == ["0", "1", "2"]
    assert groups["low"].to_list() == groups["high"].to_list() == [0.0, 1.0, 2.0]
    assert groups["at_high"].equals(groups["people"])


def test_ties_that_leave_fewer_groups_are_told() -> None:
    groups = run("TIED").table("groups")
    assert groups.height < 4
    assert groups["message"][0] == f"ties leave {groups.height} of 4 groups"


@pytest.mark.parametrize(
    ("name", "status"), [("SAME", "constant"), ("GONE", "all_missing"), ("WILD", "infinite")]
)
def test_what_cannot_be_compared_is_a_row_with_a_status(name: str, status: str) -> None:
    results = run(name, "LEVEL")
    row = results.table("logrank").filter(protein=name).row(0, named=True)
    assert row["status"] == status
    assert row["statistic"] is None
    assert results.failed == 1
    assert results.table("logrank").filter(protein="LEVEL")["status"].item() == "ok"


def test_an_outcome_that_nobody_has_is_too_few() -> None:
    results = run("LEVEL", outcomes="never")
    assert results.table("logrank")["status"].to_list() == ["too_few"]
    assert results.table("medians")["status"].unique().to_list() == ["not_identified"]
    assert results.table("curves")["survival"].unique().to_list() == [1.0]
    assert results.table("rates")["rate"].to_list() == [0.0] * 4


def test_levels_of_a_column_need_no_proteins() -> None:
    results = compare_survival(PEOPLE, outcomes="death", curves=CurveOptions(by="arm"))
    row = results.table("logrank").row(0, named=True)
    assert (row["protein"], row["by"], row["df"]) == (None, "arm", 1.0)
    assert row["n"] == PEOPLE["arm"].drop_nulls().len()
    assert row["trend_p_value"] == pytest.approx(row["p_value"], rel=1e-9)
    text = compare_survival(PEOPLE, outcomes="death", curves=CurveOptions(by="site"))
    assert text.table("groups")["group"].to_list() == ["a", "b", "c"]
    assert text.table("logrank")["trend_p_value"].to_list() == [None]


def test_competing_events_have_incidences_by_their_codes() -> None:
    results = run("LEVEL", outcomes="which", follow_up=FollowUpOptions(event_code=1.0))
    table = results.table("cumulative_incidence")
    assert table["cause"].unique().sort().to_list() == [1, 3]
    last = table.group_by("group", "cause").agg(pl.col("incidence").last())
    together = last.group_by("group").agg(pl.col("incidence").sum())["incidence"]
    assert bool((together < 1.0).all())
    gray = results.table("gray")
    assert gray["cause"].to_list() == [1, 3]
    assert (
        gray["n_case"].sum()
        == PEOPLE.join(PROTEINS, on="ID").drop_nulls("LEVEL").filter(pl.col("which") > 0).height
    )


def test_robust_errors_are_said_and_leave_grays_test_out() -> None:
    results = run(
        "LEVEL", outcomes="which", follow_up=FollowUpOptions(event_code=1.0), weights="weight"
    )
    assert results.table("logrank")["variance"].to_list() == ["robust"]
    assert results.table("gray").height == 0
    assert results.table("cumulative_incidence")["se_gray"].null_count() > 0
    assert any("Gray" in note for note in results.notes)


def test_the_unit_of_weights_changes_no_test_and_whole_ones_are_told() -> None:
    whole = PEOPLE.with_columns(weight=pl.col("weight") * 100)
    found = [
        run("LEVEL", people=people, weights="weight").table("logrank").row(0, named=True)
        for people in (PEOPLE, whole.with_columns(pl.col("weight").round()))
    ]
    assert found[0]["statistic"] == pytest.approx(found[1]["statistic"], rel=1e-9)
    results = run("LEVEL", people=whole.with_columns(pl.col("weight").round()), weights="weight")
    assert any("so many people" in note for note in results.notes)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("unit", [2.0**-150, 1e-20, 1e16, 1e40])
@pytest.mark.parametrize("errors", [None, "robust"])
def test_shares_of_people_are_no_numbers_of_them_in_any_unit(unit: float, errors: Any) -> None:
    usual, other = (
        run("LEVEL", people=people, weights="weight", errors=errors)
        for people in (PEOPLE, PEOPLE.with_columns(pl.col("weight") * unit))
    )
    assert not any("so many people" in note for note in other.notes)
    for name, columns in {
        "curves": ("survival", "se", "conf_low", "conf_high"),
        "rmst": ("estimate", "se"),
        "logrank": ("statistic",),
        "rates": ("rate", "conf_low", "conf_high", "ratio_low"),
    }.items():
        for column in columns:
            a, b = (found.table(name)[column].to_numpy() for found in (usual, other))
            np.testing.assert_allclose(b, a, rtol=1e-9, err_msg=f"{name} {column}")


@pytest.mark.parametrize("unit", [1e-200, 1e60, 1e300])
def test_weights_whose_products_are_no_numbers_are_refused(unit: float) -> None:
    people = PEOPLE.with_columns(pl.col("weight") * unit)
    with pytest.raises(ColumnError, match="give them in a unit in which a person counts about one"):
        run("LEVEL", people=people, weights="weight")


def test_an_outcome_that_makes_its_own_groups_is_refused() -> None:
    with pytest.raises(UsageError, match="is of the outcome 'death' itself"):
        compare_survival(PEOPLE, outcomes="death", curves=CurveOptions(by="death"))


def test_the_strata_of_the_test_are_those_of_people() -> None:
    within = run("LEVEL", strata="site").table("logrank").row(0, named=True)
    plain = run("LEVEL").table("logrank").row(0, named=True)
    assert within["baseline"] == "site"
    assert within["statistic"] != plain["statistic"]


def test_late_entry_begins_the_curve_and_an_empty_risk_set_is_a_status() -> None:
    late = FollowUp("death", "death_years", "begun")
    rows = PEOPLE.with_columns(
        begun=pl.when(pl.int_range(pl.len()) == 0).then(0.0).otherwise(pl.col("begun") + 0.1),
        death=pl.when(pl.int_range(pl.len()) == 0).then(1).otherwise("death"),
        death_years=pl.when(pl.int_range(pl.len()) == 0)
        .then(0.05)
        .otherwise(pl.col("death_years") + 1.5),
    )
    results = run("FEW", people=rows, outcomes=[late])
    mine = str(int(PROTEINS["FEW"][0]))
    curves = results.table("curves")
    assert curves.filter(group=mine)["status"].to_list() == ["not_identified"]
    assert "before others came" in curves.filter(group=mine)["message"][0]
    others = curves.filter(pl.col("group") != mine)
    assert others["status"].unique().to_list() == ["ok"]
    assert bool((others["time"] > 0.0).all())
    for table in ("medians", "rmst"):
        bad = results.table(table).filter(pl.col("group") == mine)
        assert bad["status"].unique().to_list() == ["not_identified"]
    assert results.table("logrank")["status"].to_list() == ["ok"]
    begun = run("FEW", people=rows, outcomes=[late], begin=0.5)
    assert begun.table("curves")["status"].unique().to_list() == ["ok"]
    assert bool((begun.table("curves")["time"] >= 0.5).all())
    competing = run(
        "FEW", people=rows, outcomes=[late], follow_up=FollowUpOptions(event_code=1.0)
    ).table("gray")
    assert competing["status"].to_list() == ["not_identified"]
    assert "empties before" in competing["message"][0]


def test_survival_from_a_time_on_is_the_share_of_what_was_left() -> None:
    whole, later = run("FEW").table("curves"), run("FEW", begin=4.0).table("curves")
    both = whole.join(later, on=[*KEYS, "time"], suffix="_later").filter(pl.col("events") > 0)
    for (group,), part in both.group_by("group"):
        before = whole.filter((pl.col("group") == group) & (pl.col("time") <= 4.0))["survival"][-1]
        ratio = (part["survival"] / part["survival_later"]).to_numpy()
        np.testing.assert_allclose(ratio, before, rtol=1e-12)


def test_a_tau_beyond_a_groups_follow_up_is_a_status_of_what_hangs_on_it() -> None:
    results = run("LEVEL", tau=13.99)
    table = results.table("rmst")
    known = dict(table.filter(quantity="mean").select("group", "status").iter_rows())
    assert "not_identified" in known.values()
    for row in table.filter(pl.col("quantity") != "mean").iter_rows(named=True):
        both = {known[row["group"]], known[row["reference"]]}
        assert (row["status"] == "ok") == (both == {"ok"})


def test_times_that_are_asked_for_are_those_of_the_data_but_for_rounding() -> None:
    people = pl.DataFrame(
        {
            "ID": list("12345678"),
            "arm": [0, 1] * 4,
            "d": [1] * 8,
            "d_years": [0.1 + 0.2, 0.1 + 0.2, 0.3, 0.3, 0.7, 0.1 * 7, 0.7, 0.7],
        }
    )
    options = CurveOptions(by="arm", times=(0.3, 0.7 - 1e-13), tau=0.7 - 1e-12)
    results = compare_survival(people, outcomes="d", curves=options)
    assert results.table("curve_times")["survival"].to_list() == [0.5, 0.0] * 2
    assert set(results.table("rmst")["status"]) == {"ok"}


def test_what_has_no_error_has_no_ratio_either() -> None:
    # before the first event all means are the time itself
    table = run("LEVEL", tau=1e-3).table("rmst").filter(pl.col("quantity") != "mean")
    assert set(table["status"]) == {"not_identified"}
    for name in ("estimate", "se", "p_value", "conf_low", "conf_high", "ratio"):
        assert table[name].null_count() == table.height


def test_differences_and_ratios_follow_from_the_means() -> None:
    table = run("LEVEL", tau=8.0).table("rmst")
    means = {r["group"]: r for r in table.filter(quantity="mean").iter_rows(named=True)}
    for row in table.filter(quantity="difference").iter_rows(named=True):
        one, other = means[row["group"]], means[row["reference"]]
        assert row["estimate"] == pytest.approx(one["estimate"] - other["estimate"])
        assert row["se"] == pytest.approx(np.hypot(one["se"], other["se"]))
    for row in table.filter(quantity="ratio").iter_rows(named=True):
        one, other = means[row["group"]], means[row["reference"]]
        assert row["ratio"] == pytest.approx(one["estimate"] / other["estimate"])


def test_threads_and_the_order_of_rows_change_no_byte(tmp_path: Path) -> None:
    names = ("LEVEL", "FEW", "TIED", "SAME", "WILD")
    asked = {"outcomes": ["death", "stroke"], "weights": "weight"}
    run(*names, out=tmp_path / "one", threads=1, **asked)
    order = np.random.default_rng(2).permutation(PEOPLE.height)
    run(*names, out=tmp_path / "two", threads=2, people=PEOPLE[order], **asked)
    for table in ("curves", "logrank", "medians", "rmst", "rates", "groups", "curve_times"):
        one, two = ((tmp_path / d / f"{table}.parquet").read_bytes() for d in ("one", "two"))
        assert one == two, table


def test_all_proteins_are_those_of_the_file_and_tests_are_corrected_over_them() -> None:
    results = run("all", outcomes=["death", "stroke"])
    table = results.table("logrank")
    assert table["protein"].unique(maintain_order=True).to_list() == PROTEINS.columns[1:]
    tested = table["p_value"].drop_nulls().len()
    smallest = table.sort("p_value", nulls_last=True).row(0, named=True)
    assert smallest["p_bonferroni"] == pytest.approx(min(1.0, tested * smallest["p_value"]))


def test_corrections_are_over_each_outcome_where_that_is_asked() -> None:
    table = run("LEVEL", "FEW", outcomes=["death", "stroke"], tests="exposure").table("logrank")
    for row in table.iter_rows(named=True):
        assert row["p_bonferroni"] == pytest.approx(min(1.0, 2 * row["p_value"]))


def test_a_lag_leaves_early_events_out() -> None:
    lagged = run("LEVEL", follow_up=FollowUpOptions(lag=2.0))
    left = PEOPLE.filter((pl.col("death") == 0) | (pl.col("death_years") > 2.0))
    alone = run("LEVEL", people=left)
    assert lagged.table("curves").equals(alone.table("curves"))


def test_several_lags_are_each_what_it_is_alone() -> None:
    both = run("LEVEL", "FEW", outcomes=["death", "stroke"], lags=(0.0, 2.0))
    for lag in (0.0, 2.0):
        one = run("LEVEL", "FEW", outcomes=["death", "stroke"], follow_up=FollowUpOptions(lag=lag))
        for name in ("curves", "curve_times", "groups", "logrank", "medians", "rmst", "rates"):
            rows = both.table(name).filter(pl.col("lag") == lag).drop("lag")
            assert rows.equals(one.table(name)), name


def test_shards_of_curves_join_to_the_bytes_of_a_whole_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    PEOPLE.write_parquet(tmp_path / "s.parquet")
    PROTEINS.write_parquet(tmp_path / "p.parquet")

    def call(*words: str) -> int:
        with pytest.raises(SystemExit) as ending:
            command([*words, "--allow-failures"])
        return int(ending.value.code or 0)

    files = [str(tmp_path / name) for name in ("s.parquet", "p.parquet")]
    asked = ["survive", *files, "--outcome", "death", "--outcome", "never", "--curves", "all"]
    whole, parts = str(tmp_path / "whole"), str(tmp_path / "parts")
    assert call(*asked, "-o", whole) == 0
    printed = capsys.readouterr().out.replace(whole, "")
    for shard in ("1/2", "2/2"):
        assert call(*asked, "--shard", shard, "-o", parts, "-q") == 0
    capsys.readouterr()
    assert call("merge", parts) == 0
    assert capsys.readouterr().out.replace(parts, "") == printed
    for name in ("curves", "curve_times", "groups", "logrank", "medians", "rmst", "rates"):
        one, other = (Path(folder) / f"{name}.parquet" for folder in (whole, parts))
        assert one.read_bytes() == other.read_bytes(), name
    assert (tmp_path / "whole" / "drops.tsv").read_bytes() == (
        tmp_path / "parts" / "drops.tsv"
    ).read_bytes()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "name proteins"),
        ({"proteins": ("A",), "by": "arm"}, "one of the two"),
        ({"proteins": ("A", "A")}, "each protein once"),
        ({"by": "arm", "quantiles": 1}, "2 to 20"),
        ({"by": "arm", "conf_type": "logit"}, "no limits of the kind 'logit'"),
        ({"by": "arm", "tau": -1.0}, "--tau -1"),
        ({"by": "arm", "rho": float("nan")}, "--rho nan"),
        ({"by": "arm", "times": (3.0, 1.0)}, "ascend"),
        ({"by": "arm", "levels": (1.5,)}, "between 0 and 1"),
        ({"by": "arm", "errors": "classical", "cluster": "site"}, "robust errors"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        CurveOptions(**options)


def test_a_protein_or_column_that_there_is_not_is_named() -> None:
    with pytest.raises(ColumnError, match=r"no protein 'LEVLE' .did you mean"):
        run("LEVLE")
    with pytest.raises(ColumnError, match="groups need 2 to 20 of them"):
        compare_survival(PEOPLE, outcomes="death", curves=CurveOptions(by="age"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--curves", "LEVEL", "--adjust", "a=age"], "curves adjust for nothing"),
        (["--curves", "LEVEL", "--zph", "km"], "--zph with --curves"),
        (["--curves", "LEVEL", "--lag", "1", "--lag", "1"], "lags 1, 1: each once"),
        (["--curves", "LEVEL", "--proteins", "FEW"], "give it with --curves all"),
        (["--quantiles", "3"], "--quantiles is of curves"),
    ],
)
def test_the_command_refuses_what_curves_cannot_do(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    PEOPLE.write_parquet(tmp_path / "s.parquet")
    PROTEINS.write_parquet(tmp_path / "p.parquet")
    files = [str(tmp_path / name) for name in ("s.parquet", "p.parquet")]
    with pytest.raises(SystemExit) as ending:
        command(["survive", *files, "--outcome", "death", *words, "-o", str(tmp_path / "out")])
    assert ending.value.code == 2
    assert said in capsys.readouterr().err


def test_a_run_that_has_tests_that_failed_ends_with_4_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    PEOPLE.write_parquet(tmp_path / "s.parquet")
    PROTEINS.write_parquet(tmp_path / "p.parquet")
    files = [str(tmp_path / name) for name in ("s.parquet", "p.parquet")]
    words = ["survive", *files, "--outcome", "death", "--curves", "all", "-o", str(tmp_path / "o")]
    with pytest.raises(SystemExit) as ending:
        command(words)
    assert ending.value.code == 4
    said = capsys.readouterr()
    assert "3 of 6 have no test" in said.err
    assert max(map(len, said.out.splitlines())) <= 80 + len(str(tmp_path))
