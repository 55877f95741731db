"""No small count is found in a release by whoever adds, subtracts and inverts all of it."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import optimize, stats

from proteomr.egress.judging import judge_tables
from proteomr.egress.policies import Policy
from proteomr.egress.reading import GivenTable
from proteomr.stats.multiple import adjust
from proteomr.stats.transforms import rank_normalise
from tests.egress.attacker import Sum, is_open, narrow, see
from tests.egress.tables import given

UKB = Policy("own", "five", 5)
SMALL = (1, 2, 3, 4)
small_counts = pytest.mark.parametrize("small", SMALL)


def leave(*tables: GivenTable, policy: Policy = UKB) -> list[pl.DataFrame]:
    judged, _ = judge_tables(tables, policy)
    frames = [one.leaving for one in judged if one.leaving is not None]
    assert len(frames) == len(tables)
    return frames


def test_the_attacker_finds_what_is_only_blanked() -> None:
    seen = {"all": (1003, 1003), "F": (1000, 1000), "M": (0, 4)}
    assert narrow({"M": 1}, seen, [("all", ["F", "M"])]) == (3, 3)


def test_the_attacker_finds_what_is_only_rounded() -> None:
    parts = [f"p{i}" for i in range(4)]
    seen = {"all": (20, 24), "M": (0, 4), **dict.fromkeys(parts, (5, 9))}
    seen["all"] = (40, 44)
    assert narrow({"M": 1}, seen, [("all", [*parts, "M"])]) == (4, 4)


@small_counts
def test_a_stratum_stays_open(small: int) -> None:
    for most in (1000, 1001, 1004, 17):
        n = [most + small, most, small]
        table = given("associations", {"stratum": [None, "F", "M"], "n": n, "protein": ["A"] * 3})
        (left,) = leave(table)
        seen = {name: see(left["n"][i], 5) for i, name in enumerate(("all", "F", "M"))}
        assert left["n"][2] is None
        assert is_open(narrow({"M": 1}, seen, [("all", ["F", "M"])]), 5)


@small_counts
def test_people_lost_between_two_models_stay_open(small: int) -> None:
    for n in range(995, 1010):
        table = given("associations", {"adjustment": ["a", "b"], "n": [n + small, n]})
        (left,) = leave(table)
        seen = {"a": see(left["n"][0], 5), "b": see(left["n"][1], 5)}
        assert is_open(narrow({"a": 1, "b": -1}, seen), 5)


@small_counts
def test_people_lost_between_two_releases_stay_open(small: int) -> None:
    for n in range(995, 1010):
        (before,) = leave(given("associations", {"n": [n + small]}))
        (after,) = leave(given("associations", {"n": [n]}))
        seen = {"before": see(before["n"][0], 5), "after": see(after["n"][0], 5)}
        assert is_open(narrow({"before": 1, "after": -1}, seen), 5)


@small_counts
def test_drops_between_two_tables_stay_open(small: int) -> None:
    drops = given(
        "drops", {"step": ["load", "fit"], "reason": ["withdrawn", "no value"], "n": [small, 44]}
    )
    for people in (1044, 1043, 1040):
        flow = given("associations", {"n": [people - 44 - small]})
        all_of_them = given("attrition", {"people": [people], "complete": [people - 44 - small]})
        dropped, fitted, begun = leave(drops, flow, all_of_them)
        assert dropped["n"][0] is None
        seen = {
            "withdrawn": see(dropped["n"][0], 5),
            "missing": see(dropped["n"][1], 5),
            "fit": see(fitted["n"][0], 5),
            "people": see(begun["people"][0], 5),
        }
        ends = narrow({"withdrawn": 1}, seen, [("people", ["withdrawn", "missing", "fit"])])
        assert is_open(ends, 5)


@small_counts
def test_the_attrition_of_a_model_stays_open(small: int) -> None:
    lost = {"withdrawn": small, "not_chosen": 104, "target_missing": 39, "covariate_missing": 24}
    for complete in (1000, 1004):
        people = complete + sum(lost.values())
        table = given(
            "attrition",
            {"people": [people], "complete": [complete], **{k: [v] for k, v in lost.items()}},
        )
        (left,) = leave(table)
        names = [*lost, "complete"]
        seen = {name: see(left[name][0], 5) for name in ("people", *names)}
        assert is_open(narrow({"withdrawn": 1}, seen, [("people", names)]), 5)


@small_counts
def test_levels_of_a_factor_stay_open(small: int) -> None:
    count = [14, 19, 24, 9, small]
    table = given(
        "description",
        {
            "variable": ["site"] * 5,
            "level": list("ABCDE"),
            "count": count,
            "n": [sum(count)] * 5,
            "percent": [100.0 * one / sum(count) for one in count],
        },
    )
    (left,) = leave(table)
    seen = {level: see(left["count"][i], 5) for i, level in enumerate("ABCDE")}
    seen["n"] = see(left["n"][0], 5)
    assert is_open(narrow({"E": 1}, seen, [("n", list("ABCDE"))]), 5)
    assert left["percent"][4] is None
    for i in range(4):
        if left["percent"][i] is not None:  # a function of what left anyway
            again = 100.0 * left["count"][i] / left["n"][i]
            assert left["percent"][i] == pytest.approx(again, rel=1e-3)


def test_numbers_at_risk_stay_open() -> None:
    at_risk = [200, 196, 193, 150]
    events = [0, 3, 5, 20]
    censored = [0, 1, 2, 30]
    rows = {
        "group": ["Q1"] * 4,
        "time": [0.0, 1.0, 2.0, 3.0],
        "at_risk": at_risk,
        "events": events,
        "censored": censored,
    }
    (left,) = leave(given("curve_times", rows))
    assert left["survival"].null_count() == 4
    first, second = (see(int(left["at_risk"][i]), 5) for i in (0, 1))
    assert is_open(narrow({"a": 1, "b": -1}, {"a": first, "b": second}), 5)


@pytest.mark.parametrize("seed", range(16))
def test_tables_of_two_ways_with_margins_stay_open(seed: int) -> None:
    rng = np.random.default_rng(seed)
    k = int(rng.choice([5, 10]))
    shape = [int(size) for size in rng.integers(2, 5, size=2)]
    inner = rng.integers(1, 4 * k, size=shape)
    inner[rng.integers(shape[0]), rng.integers(shape[1])] = rng.integers(1, k)
    whole = np.zeros((shape[0] + 1, shape[1] + 1), dtype=int)
    whole[:-1, :-1] = inner
    whole[-1], whole[:, -1] = whole.sum(axis=0), whole.sum(axis=1)
    whole[-1, -1] = inner.sum()
    places = list(itertools.product(range(whole.shape[0]), range(whole.shape[1])))
    table = given(
        "associations",
        {
            "adjustment": [f"a{i}" for i, _ in places],
            "stratum": [f"s{j}" for _, j in places],
            "protein": ["A"] * len(places),
            "n": [int(whole[place]) for place in places],
        },
    )
    (left,) = leave(table, policy=Policy("own", "own", k))
    released = dict(zip(places, left["n"], strict=True))
    seen = {f"{place}": see(released[place], k) for place in places}
    sums: list[Sum] = []
    for i in range(whole.shape[0]):
        parts = [f"{(i, j)}" for j in range(shape[1])]
        sums.append((f"{(i, shape[1])}", parts))
    for j in range(whole.shape[1]):
        parts = [f"{(i, j)}" for i in range(shape[0])]
        sums.append((f"{(shape[0], j)}", parts))
    for place in places:
        if 0 < whole[place] < k:
            assert released[place] is None
            assert is_open(narrow({f"{place}": 1}, seen, sums), k), place


def t_table(n: int, df: int, *, proteins: int = 1) -> dict[str, Any]:
    rng = np.random.default_rng(n)
    estimate, se = rng.normal(0.2, 0.1, proteins), rng.uniform(0.05, 0.1, proteins)
    t = estimate / se
    p = 2 * stats.t.sf(np.abs(t), df)
    reach = stats.t.ppf(0.975, df) * se
    return {
        "protein": [f"P{i}" for i in range(proteins)],
        "n": [n] * proteins,
        "estimate": estimate,
        "se": se,
        "statistic": t,
        "df": [float(df)] * proteins,
        "p_value": p,
        "neg_log10_p": -np.log10(p),
        "conf_low": estimate - reach,
        "conf_high": estimate + reach,
        "term": ["lonely"] * proteins,
        "exposure": ["lonely"] * proteins,
        "adjustment": ["full"] * proteins,
        "p_bonferroni": np.minimum(1.0, proteins * p),
        "q_bh": adjust(-np.log10(p), method="bh"),
        "status": ["ok"] * proteins,
    }


def test_p_values_limits_and_corrections_are_a_function_of_rounded_people() -> None:
    """Every n of a window of k, with the same estimates, gives the same release.

    Errors are those of normal scores of which covariates leave a share: smaller for more people.
    """
    estimate = t_table(40, 36, proteins=12)["estimate"]
    share = np.random.default_rng(3).uniform(0.3, 0.4, 12)
    left = []
    for n in range(40, 45):
        again = t_table(n, n - 4, proteins=12)
        scores = np.square(rank_normalise(np.arange(float(n)))).sum()
        se = np.sqrt((share * scores / (n - 1) - estimate**2) / (n - 4))
        t = estimate / se
        p = 2 * stats.t.sf(np.abs(t), n - 4)
        reach = stats.t.ppf(0.975, n - 4) * se
        again |= {
            "estimate": estimate,
            "se": se,
            "statistic": t,
            "p_value": p,
            "neg_log10_p": -np.log10(p),
            "conf_low": estimate - reach,
            "conf_high": estimate + reach,
            "p_bonferroni": np.minimum(1.0, 12 * p),
            "q_bh": adjust(-np.log10(p), method="bh"),
        }
        (frame,) = leave(given("associations", again))
        left.append(frame)
    assert all(frame.equals(left[0]) for frame in left[1:])
    assert left[0]["df"].to_list() == [36.0] * 12
    assert left[0].select("p_value", "conf_low", "q_bh", "p_bonferroni").null_count().row(0) == (
        0,
        0,
        0,
        0,
    )


def test_degrees_of_freedom_found_by_inverting_p_are_those_of_rounded_people() -> None:
    table = t_table(1003, 993)
    (left,) = leave(given("associations", table), policy=Policy("own", "own", 5, digits=15))
    t, minus_log = left["estimate"][0] / left["se"][0], left["neg_log10_p"][0]
    found = optimize.brentq(
        lambda df: -np.log10(2 * stats.t.sf(abs(t), df)) - minus_log, 500, 2000, xtol=1e-9
    )
    assert found == pytest.approx(990.0, abs=0.01)


def test_a_table_whose_p_values_are_not_understood_keeps_none() -> None:
    table = t_table(1003, 993)
    table["neg_log10_p"] = table["neg_log10_p"] + 0.3
    table["conf_high"] = table["conf_high"] + 0.1
    (left,) = leave(given("associations", table))
    for name in ("p_value", "neg_log10_p", "conf_low", "conf_high", "q_bh"):
        assert left[name].null_count() == 1, name


@small_counts
def test_a_model_of_few_cases_or_few_others_leaves_no_estimate(small: int) -> None:
    for cases in (small, 1000 - small):
        table = given(
            "associations",
            {
                "n": [1000],
                "n_case": [cases],
                "estimate": [0.3],
                "se": [0.5],
                "p_value": [0.55],
                "family": ["logistic"],
            },
        )
        (left,) = leave(table)
        assert left.select("estimate", "se", "p_value").null_count().row(0) == (1, 1, 1)


def test_words_that_may_hold_a_count_do_not_leave() -> None:
    (left,) = leave(given("associations", {"n": [1000], "message": ["3 people alone have it"]}))
    assert left["message"].null_count() == 1


def test_what_sums_give_away_is_withheld_wherever_it_stands() -> None:
    parts = [9, 9, 9, 9, 4]
    strata = {"stratum": [None, *"ABCDE"], "n": [sum(parts), *parts], "protein": ["A"] * 6}
    elsewhere = given("rates", {"people": [40, 9], "events": [20, 9]}, file="b/rates.parquet")
    left, other = leave(given("associations", strata), elsewhere)
    seen = {name: see(left["n"][i], 5) for i, name in enumerate(["all", *"ABCDE"])}
    assert is_open(narrow({"E": 1}, seen, [("all", list("ABCDE"))]), 5)
    assert left["n"].null_count() > 1
    hidden = {value for value, cell in zip([40, *parts], left["n"], strict=True) if cell is None}
    assert 9 in hidden
    assert other["people"][1] is None


def test_proteins_that_as_many_people_lack_do_not_withhold_each_other() -> None:
    """Else of hundreds of proteins, whose numbers repeat, hardly a count would leave."""
    rng = np.random.default_rng(7)
    proteins = [f"P{i}" for i in range(150)]
    women, cases = (rng.integers(low, high, 150) for low, high in ((1400, 1500), (5, 40)))
    men, others = (rng.integers(low, high, 150) for low, high in ((1300, 1400), (10, 40)))
    ill = [*(cases + others).tolist(), *cases.tolist(), *others.tolist()]
    strata = {
        "protein": [*proteins, *proteins, *proteins],
        "stratum": [None] * 150 + ["F"] * 150 + ["M"] * 150,
        "n": [*(women + men), *women, *men],
        "n_case": ill,
    }
    levels = {"variable": ["ward"] * 4, "level": [*"abcd"], "count": [2000, 900, 98, 2]}
    described = given("description", {**levels, "n": [3000] * 4})
    left, _ = leave(given("associations", strata), described, policy=Policy("own", "ten", 10))
    assert left["n"].null_count() == 0
    small = sum(n < 10 for n in ill)
    assert 0 < small <= left["n_case"].null_count() <= 3 * small
    for place in np.flatnonzero(cases < 10):
        at = {"all": place, "F": 150 + place, "M": 300 + place}
        seen = {name: see(left["n_case"][int(row)], 10) for name, row in at.items()}
        assert is_open(narrow({"F": 1}, seen, [("all", ["F", "M"])]), 10)


@small_counts
def test_sums_over_two_releases_stay_open(small: int) -> None:
    """Four sites left in spring; in autumn the fifth comes, and everybody."""
    sites = [9, 14, 19, 29]
    spring = given(
        "associations",
        {"stratum": list("ABCD"), "n": sites, "protein": ["P"] * 4},
        file="spring/associations.parquet",
    )
    whole = {"stratum": [None, "E"], "n": [sum(sites) + small, small], "protein": ["P"] * 2}
    autumn = given("associations", whole, file="autumn/associations.parquet")
    (first,) = leave(spring)
    sums: list[Sum] = [("all", list("ABCDE"))]

    def attack(second: pl.DataFrame) -> bool:
        seen = {site: see(first["n"][i], 5) for i, site in enumerate("ABCD")}
        seen |= {"all": see(second["n"][0], 5), "E": see(second["n"][1], 5)}
        return is_open(narrow({"E": 1}, seen, sums), 5)

    (alone,) = leave(autumn)
    judged, _ = judge_tables([autumn], UKB, earlier=[[spring]])
    assert judged[0].leaving is not None
    assert attack(judged[0].leaving)
    if small == 4:  # by itself it would have given the fifth away
        assert not attack(alone)


def test_what_left_before_is_not_taken_back_and_what_stayed_stays() -> None:
    parts = [9, 9, 9, 9, 4]
    strata = {"stratum": [None, *"ABCDE"], "n": [sum(parts), *parts], "protein": ["A"] * 6}
    spring = given("associations", strata, file="a/associations.parquet")
    (before,) = leave(spring)
    stayed = {n for n, cell in zip([40, *parts], before["n"], strict=True) if cell is None}
    assert 9 in stayed
    autumn = given("rates", {"people": [40, 9, 12], "events": [20, 9, 7]}, file="b/rates.parquet")
    judged, _ = judge_tables([autumn], UKB, earlier=[[spring]])
    assert judged[0].leaving is not None
    assert judged[0].leaving["people"].to_list() == [40 if 40 not in stayed else None, None, 10]
    again, _ = judge_tables([spring], UKB, earlier=[[spring]])
    assert again[0].leaving is not None
    assert again[0].leaving["n"].to_list() == before["n"].to_list()


def test_the_name_of_a_level_of_few_people_does_not_leave() -> None:
    """A factor by identifiers, or by wards named after their only patient."""
    count = [1, 2, 40, 57]
    columns = {"variable": ["ward"] * 4, "level": ["1000001", "Ann Lee", "east", "west"]}
    described = given("description", {**columns, "count": count, "n": [sum(count)] * 4})
    strata = {"stratum": [None, "1000001", "east"], "n": [100, 1, 99], "protein": ["A"] * 3}
    first, second = leave(described, given("associations", strata))
    assert first["level"].to_list() == [None, None, "east", "west"]
    assert second["stratum"].to_list() == [None, None, "east"]
