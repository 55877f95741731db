"""Whoever solves errors for the people behind them finds all that the rounded counts allow."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

from proteomr._typing import F64
from proteomr.egress.judging import judge_tables
from proteomr.egress.moved_errors import LENDERS, OF_PEOPLE
from proteomr.egress.policies import Policy
from proteomr.egress.releasing import judge_table
from proteomr.stats.e_values import e_values_of
from proteomr.stats.multiple import adjust
from proteomr.stats.transforms import rank_normalise
from proteomr.tables import load_schema, schema_names
from tests.egress.tables import given

K = 5
UKB = Policy("own", "five", K)
TESTS = ("se", "statistic", "df", "p_value", "neg_log10_p", "conf_low", "conf_high")
# Errors over variants, studies or proteins, or of classes that do not leave as statistics.
OF_OTHERS = {
    *("cause", "cluster_estimates", "cojo", "cojo_conditional", "estimates", "instruments"),
    *("leaveoneout", "pleiotropy", "pruning_grid", "rucker", "singlesnp", "smr", "sumstats"),
    *("harmonised", "coloc_snps", "variant_clusters", "without_altering", "agreement"),
    *("meta", "meta_bias", "meta_dose", "meta_dose_curve", "meta_influence", "meta_moderators"),
    *("calibration", "cumulative_incidence", "curve_times", "curves", "decision_curve"),
    *("score_performance", "tuning"),
}


def test_every_table_with_errors_says_what_they_are_over() -> None:
    """A new table is judged by whoever adds it: people, or something else."""
    held = {
        name
        for name in schema_names()
        if any("se" in column.name.split("_") for column in load_schema(name).columns)
    }
    held |= {n for n in schema_names() if {"se1", "se2"} & {*load_schema(n).names}}
    assert held == OF_OTHERS | {*LENDERS, *OF_PEOPLE}


def squares(n: int, transform: str) -> float:
    if transform == "zscore":
        return n - 1.0
    return float(np.square(rank_normalise(np.arange(float(n)))).sum())


def linear(n: int, cases: int | None, estimate: float, transform: str) -> dict[str, Any]:
    """Return a row as least squares without covariates gives it."""
    information = n - 1.0 if cases is None else cases * (n - cases) / n
    df = n - 2.0
    se = np.sqrt((squares(n, transform) / information - estimate**2) / df)
    t = estimate / se
    reach = stats.t.ppf(0.975, df) * se
    p = 2 * stats.t.sf(abs(t), df)
    return {
        "n": n,
        "n_case": cases,
        "estimate": estimate,
        "se": se,
        "statistic": t,
        "df": df,
        "p_value": p,
        "neg_log10_p": -np.log10(p),
        "conf_low": estimate - reach,
        "conf_high": estimate + reach,
    }


def moderate(n: int, cases: int, estimate: float, *, prior: tuple[float, float]) -> dict[str, Any]:
    """Return a row as moderated least squares gives it, with df and variance of the prior."""
    row = linear(n, cases, estimate, "rank")
    df = row["df"] + prior[0]
    information = cases * (n - cases) / n
    variance = (prior[0] * prior[1] + row["se"] ** 2 * information * row["df"]) / df
    se = np.sqrt(variance / information)
    p = 2 * stats.t.sf(abs(estimate / se), df)
    reach = stats.t.ppf(0.975, df) * se
    row |= {"se": se, "statistic": estimate / se, "df": df, "p_value": p}
    limits = {"conf_low": estimate - reach, "conf_high": estimate + reach}
    return row | limits | {"neg_log10_p": -np.log10(p)}


def likelihood(n: int, cases: int, estimate: float, transform: str, family: str) -> dict[str, Any]:
    """Return a row with the information of a likelihood about no effect."""
    information = cases if family == "cox" else cases * (n - cases) / n
    se = np.sqrt(n / (information * squares(n, transform)))
    z = estimate / se
    p = 2 * stats.norm.sf(abs(z))
    return {
        "n": n,
        "n_case": cases,
        "estimate": estimate,
        "se": se,
        "statistic": z,
        "df": None,
        "p_value": p,
        "neg_log10_p": -np.log10(p),
        "conf_low": estimate - 1.959963984540054 * se,
        "conf_high": estimate + 1.959963984540054 * se,
    }


def tabulate(rows: list[dict[str, Any]], *, family: str = "linear") -> dict[str, Any]:
    """Return the columns of associations of one exposure or outcome, a protein each."""
    of_exposure = family == "linear"
    proteins = [f"P{i}" for i in range(len(rows))]
    named = ["lonely"] * len(rows)
    levels = [None if row["n_case"] is None else "1 vs 0" for row in rows]
    return {
        **{name: [row[name] for row in rows] for name in rows[0]},
        "protein": proteins,
        "adjustment": ["none"] * len(rows),
        "status": ["ok"] * len(rows),
        "exposure": named if of_exposure else [None] * len(rows),
        "outcome": [None] * len(rows) if of_exposure else named,
        "term": named if of_exposure else proteins,
        "family": [family] * len(rows),
        "direction": ["protein~exposure" if of_exposure else "outcome~protein"] * len(rows),
        "contrast": levels if of_exposure else [None] * len(rows),
    }


def leave(
    columns: dict[str, Any], policy: Policy = UKB, name: str = "associations"
) -> pl.DataFrame:
    left = judge_table(given(name, columns), policy).leaving
    assert left is not None
    return left


def count_agreeing(left: pl.DataFrame, row: int, n: F64, cases: F64) -> tuple[int, int]:
    """Return of how many n, and of how many cases, all that left agrees with a row's."""
    same = np.all(
        [
            np.isclose(left[name].to_numpy(), left[name][row], rtol=1e-9)
            for name in ("n", "n_case", *TESTS)
            if name in left.columns and left[name][row] is not None
        ],
        axis=0,
    )
    return len({*n[same].tolist()}), len({*cases[same].tolist()})


@pytest.mark.parametrize("transform", ["zscore", "rank"])
@pytest.mark.parametrize(("n", "cases"), [(123, 12), (121, 63), (403, 23), (2002, 81)])
@pytest.mark.parametrize("estimate", [0.0213, -0.84])
def test_errors_of_unadjusted_linear_models_leave_k_people_open(
    transform: str, n: int, cases: int, estimate: float
) -> None:
    """The attacker makes the release that any people would have made, and compares."""
    spread = range(-9, 10)
    people = [(n + a, cases + b) for a, b in product(spread, spread) if cases + b >= K]
    rows = [linear(*both, estimate, transform) for both in people]
    left = leave(tabulate(rows))
    assert left["se"].null_count() == 0
    n_of, cases_of = np.array(people, dtype=np.float64).T
    found = count_agreeing(left, people.index((n, cases)), n_of, cases_of)
    assert found == (K, K)
    (own,) = np.flatnonzero((n_of == n) & (cases_of == cases))
    assert left["se"][int(own)] == pytest.approx(rows[int(own)]["se"], rel=0.25)


@pytest.mark.parametrize("prior", [(3.7, 0.91), (60.2, 0.83), (900.0, 0.97)])
def test_moderated_errors_leave_k_people_open(prior: tuple[float, float]) -> None:
    """The prior is one for all proteins, and leaves: it is known."""
    people = [(123 + a, 12 + b) for a, b in product(range(-7, 8), range(-7, 8))]
    rows = [moderate(*both, -0.41, prior=prior) for both in people]
    left = leave(tabulate(rows))
    n_of, cases_of = np.array(people, dtype=np.float64).T
    assert count_agreeing(left, people.index((123, 12)), n_of, cases_of) == (K, K)


def test_df_bounded_by_the_sum_of_all_proteins_do_not_tell_the_people() -> None:
    rows = [moderate(n, 42, 0.2, prior=(1.0, 0.9)) | {"df": 9_000.0} for n in range(400, 405)]
    assert leave(tabulate(rows))["df"].n_unique() == 1


def test_the_attacker_finds_the_people_of_exact_errors() -> None:
    people = [(n, cases) for n, cases in product(range(120, 125), range(10, 15))]
    rows = [linear(*both, -0.84, "rank") for both in people]
    exact = pl.DataFrame(rows).with_columns(
        *(pl.col(name).round_sig_figs(4) for name in TESTS), n=120, n_case=10
    )
    n_of, cases_of = np.array(people, dtype=np.float64).T
    assert count_agreeing(exact, 12, n_of, cases_of) == (1, 1)


@pytest.mark.parametrize("transform", ["zscore", "rank"])
def test_errors_of_numbers_leave_k_people_open(transform: str) -> None:
    people = list(range(60, 90))
    rows = [linear(n, None, 0.31, transform) for n in people]
    left = leave(tabulate(rows))
    n_of = np.array(people, dtype=np.float64)
    for row in (3, 14, 20):
        same = np.isclose(left["se"].to_numpy(), left["se"][row], rtol=1e-9)
        assert {*n_of[same].tolist()} >= {*(n_of[row] // K * K + np.arange(K)).tolist()}


@pytest.mark.parametrize("family", ["logistic", "cox"])
@pytest.mark.parametrize("transform", ["zscore", "rank"])
def test_errors_of_likelihoods_leave_k_people_open(family: str, transform: str) -> None:
    people = [(401 + a, 22 + b) for a, b in product(range(-7, 8), range(-7, 8))]
    rows = [likelihood(*both, 0.11, transform, family) for both in people]
    left = leave(tabulate(rows, family=family))
    n_of, cases_of = np.array(people, dtype=np.float64).T
    assert count_agreeing(left, people.index((401, 22)), n_of, cases_of) == (K, K)


def test_thousands_of_proteins_of_the_same_people_tell_no_more_than_one() -> None:
    """Estimates that differ narrow a rounded error down, each anew; not one that was moved."""
    estimates = np.linspace(-0.4, 0.4, 300)
    released = []
    for n, cases in ((120, 10), (124, 14)):
        rows = [linear(n, cases, float(one), "rank") for one in estimates]
        released.append(leave(tabulate(rows)).select("estimate", *TESTS))
    assert released[0].equals(released[1])


def test_large_numbers_of_people_keep_their_digits() -> None:
    row = linear(42_062, 3_817, 0.0513, "rank")
    left = leave(tabulate([row]))
    assert left["se"][0] == pytest.approx(row["se"], rel=5e-4)
    assert left["neg_log10_p"][0] == pytest.approx(row["neg_log10_p"], rel=2e-3)


def test_the_error_of_a_level_of_few_people_does_not_leave() -> None:
    """Of three levels no column counts the people; the error of a contrast is theirs."""
    columns = tabulate([linear(400, 40, 0.1, "zscore") for _ in range(4)])
    columns["contrast"] = ["sometimes vs never", "often vs never"] * 2
    columns["n_case"] = [None] * 4
    columns["protein"] = ["A", "A", "B", "B"]
    columns["se"] = [0.1641234, np.sqrt(1 / 3 + 1 / 300), 0.1617891, np.sqrt(1 / 12 + 1 / 300)]
    left = leave(columns)
    assert left["se"].to_list() == [0.16, None, 0.16, 0.29]
    assert left["estimate"].to_list() == [0.1, None, 0.1, 0.1]


def test_products_with_a_covariate_and_effects_beside_them_have_two_digits() -> None:
    columns = tabulate([linear(400, 40, 0.1, "zscore") for _ in range(2)])
    columns["protein"] = ["A", "A"]
    columns["term"] = ["lonely", "lonely:sex"]
    columns["se"] = [0.1641234, 0.3317891]
    assert leave(columns)["se"].to_list() == [0.16, 0.33]


def leave_all(*tables: tuple[str, dict[str, Any]]) -> list[pl.DataFrame]:
    judged, _ = judge_tables([given(name, columns) for name, columns in tables], UKB)
    frames = [one.leaving for one in judged if one.leaving is not None]
    assert len(frames) == len(tables)
    return frames


def test_copies_of_a_moved_error_are_moved_alike() -> None:
    rows = [linear(403, 23, estimate, "rank") for estimate in (0.31, -0.2, 0.05)]
    columns = tabulate(rows)
    proteins = columns["protein"]
    p = [row["p_value"] for row in rows]
    corrected = {"p_bonferroni": [min(1.0, 3 * one) for one in p]}
    minus_log = np.array([row["neg_log10_p"] for row in rows])
    corrected |= {"q_bh": adjust(minus_log, method="bh").tolist()}
    plain = ("estimate", "se", "p_value", "neg_log10_p")
    shared = {name: columns[name] for name in ("protein", *plain)}
    both = {f"{name}_{end}": columns[name] for name in plain if name != "p_value" for end in "ab"}
    f = [row["statistic"] ** 2 for row in rows]
    joint = {"protein": proteins, "test": ["wald"] * 3, "statistic": f, "df": [1.0] * 3}
    joint |= {"p_value": stats.f.sf(f, 1, 401), "neg_log10_p": -np.log10(stats.f.sf(f, 1, 401))}
    lent, adjusted, compared, tests = leave_all(
        ("associations", columns),
        ("adjusted", {**shared, **corrected}),
        ("compared", {"protein": proteins, **both}),
        ("joint_tests", joint),
    )
    assert lent["se"].to_list() != pytest.approx([row["se"] for row in rows], rel=1e-3)
    for name in ("se", "p_value", "neg_log10_p"):
        assert adjusted[name].to_list() == lent[name].to_list()
    for end in "ab":
        assert compared[f"se_{end}"].to_list() == lent["se"].to_list()
        assert compared[f"neg_log10_p_{end}"].to_list() == lent["neg_log10_p"].to_list()
    assert adjusted["p_bonferroni"].to_list() == pytest.approx(
        np.minimum(1.0, 3 * lent["p_value"].to_numpy()).tolist(), rel=2e-3
    )
    assert adjusted["q_bh"].null_count() == 0
    assert tests["statistic"].to_list() == pytest.approx(
        np.square(lent["statistic"].to_numpy()).tolist(), rel=1e-3
    )
    assert tests["p_value"].to_list() == lent["p_value"].to_list()


def test_corrections_over_all_tables_and_within_halves_are_found_again() -> None:
    rows = [linear(400 + 2 * i, 40, 0.04 * i, "zscore") for i in range(1, 9)]
    minus_log = np.array([row["neg_log10_p"] for row in rows])
    columns = tabulate(rows)
    columns["adjustment"] = ["none"] * 4 + ["full"] * 4
    of_all = {"q_bh": adjust(minus_log, method="bh").tolist()}
    plain = ("protein", "adjustment", "estimate", "se", "p_value", "neg_log10_p")
    over_all = {name: columns[name] for name in plain} | of_all
    lent, left = leave_all(("associations", columns), ("adjusted", over_all))
    again = adjust(lent["neg_log10_p"].to_numpy(), method="bh")
    assert left["q_bh"].to_list() == pytest.approx(again.tolist(), rel=2e-3)
    parts = [adjust(minus_log[side::2], method="bh") for side in (0, 1)]
    halves = columns | {"split": ["1"] * 8, "half": [1, 2] * 4, "adjustment": ["none"] * 8}
    halves["q_bh"] = np.column_stack(parts).ravel().tolist()
    assert leave(halves, name="replication_fits")["q_bh"].null_count() == 0


def take_e_values(frame: pl.DataFrame) -> tuple[F64, F64, F64]:
    estimate, se, low, high = (
        frame[name].to_numpy() for name in ("estimate", "se", "conf_low", "conf_high")
    )
    return e_values_of(estimate, se, low, high, "OR")


def test_e_values_of_limits_are_those_of_limits_that_leave() -> None:
    rows = [likelihood(403, 23, 0.9, "rank", "logistic")]
    columns = tabulate(rows, family="logistic")
    ratio, value, limit = take_e_values(pl.DataFrame(columns))
    told = {"measure": ["OR"], "estimate": [0.9], "risk_ratio": ratio, "e_value": value}
    lent, left = leave_all(
        ("associations", columns), ("e_values", {**told, "e_value_limit": limit})
    )
    again = take_e_values(lent)[2]
    assert left["e_value_limit"].to_list() == pytest.approx(again.tolist(), rel=1e-3)
    (alone,) = leave_all(("e_values", {**told, "e_value_limit": limit}))
    assert alone["e_value_limit"].to_list() == [None]


def test_an_intercept_does_not_tell_the_share_of_the_exposed() -> None:
    """Of a response of mean 0 it is minus the estimate times the share."""
    row = linear(403, 23, 0.6, "zscore")
    columns = tabulate([row])
    coefficient = ["lonely", "(Intercept)"]
    estimates, errors = [0.6, -0.6 * 23 / 403], [row["se"], row["se"] * np.sqrt(23 / 403)]
    told = {"coefficient": coefficient, "estimate": estimates, "se": errors}
    lent, left = leave_all(("associations", columns), ("coefficients", told))
    assert left["se"].to_list() == [lent["se"][0], None]
    assert left["estimate"].to_list() == [0.6, None]


@pytest.mark.parametrize("name", ["gap_associations", "leave_out", "mediation", "ctra", "rmst"])
def test_errors_of_unknown_formulas_have_two_digits_and_so_has_what_follows(name: str) -> None:
    columns: dict[str, Any] = {"estimate": [0.31234], "se": [0.104567], "statistic": [2.98698]}
    if "n" in {*load_schema(name).names}:
        columns["n"] = [403]
    columns |= {"conf_low": [0.31234 - 0.2], "conf_high": [0.31234 + 0.2]}
    if name in {"mediation", "ctra"}:
        columns |= {"status": ["ok"]} if name == "mediation" else {}
    left = leave(columns, name=name)
    assert left["se"].to_list() == [0.1]
    if "statistic" in left.columns:
        assert left["statistic"].to_list() == [3.123]
    if "conf_low" in left.columns:
        half = 0.2 * 0.1 / 0.104567
        assert left["conf_low"][0] == pytest.approx(0.31234 - half, rel=1e-3)
