"""Areas, concordances, pseudo-observations and calibration against R, see make_discrimination.R."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, logit, ndtri

from proteomr._typing import F64, Bool
from proteomr.stats.calibration import fit_calibration
from proteomr.stats.censoring import Censoring, find_pseudo_risks
from proteomr.stats.discrimination import find_auc, find_concordance, find_unos_concordance

DESIGNS = json.loads(Path(__file__).with_name("discrimination.json").read_text())
KEYS = ("n", "round", "level", "ties", "horizon")


def part(n: int, of: float) -> F64:
    v = np.arange(1, n + 1) * np.sqrt(of)
    return np.asarray(v - np.floor(v))


@dataclass(frozen=True)
class People:
    first: F64
    second: F64
    case: Bool
    exit: F64
    event: Bool
    entry: F64


def draw(d: dict[str, Any]) -> People:
    n = d["n"]
    first = ndtri(part(n, 2))
    second = 0.6 * first + 0.8 * ndtri(part(n, 3))
    if d["round"]:
        first, second = (np.round(s * d["round"]) / d["round"] for s in (first, second))
    case = logit(part(n, 5)) + 0.8 * first > d["level"]
    time = -np.log(part(n, 7)) / np.exp(0.6 * first) * 4
    free = 1 + 9 * part(n, 11)
    if d["ties"]:
        time, free = (np.ceil(t * d["ties"]) / d["ties"] for t in (time, free))
    entry = np.minimum(time, free) * 0.4 * part(n, 13)
    return People(first, second, case, np.minimum(time, free), time <= free, entry)


@pytest.fixture(params=DESIGNS, ids=lambda d: "-".join(f"{d[key]:g}" for key in KEYS))
def design(request: pytest.FixtureRequest) -> dict[str, Any]:
    return dict(request.param)


def near(found: float, expected: float) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_areas_and_their_difference_are_those_of_proc(design: dict[str, Any]) -> None:
    people = draw(design)
    first, second = (find_auc(s, people.case) for s in (people.first, people.second))
    near(first.value, design["auc1"])
    near(second.value, design["auc2"])
    near(first.se, design["se1"])
    near((first - second).se, design["se_gap"])


def test_concordances_and_their_difference_are_those_of_survival(design: dict[str, Any]) -> None:
    people = draw(design)
    first, second = (
        find_concordance(s, exit=people.exit, event=people.event)
        for s in (people.first, people.second)
    )
    near(first.value, design["c1"])
    near(second.value, design["c2"])
    near(first.se, design["c_se1"])
    near((first - second).se, design["c_gap"])


def test_late_entry_takes_pairs_away_as_in_survival(design: dict[str, Any]) -> None:
    people = draw(design)
    found = find_concordance(people.first, exit=people.exit, event=people.event, entry=people.entry)
    near(found.value, design["late"])
    near(found.se, design["late_se"])


def test_unos_concordance_is_that_of_survival(design: dict[str, Any]) -> None:
    people = draw(design)
    free = Censoring(people.exit, people.event).free_before(people.exit)
    found = find_unos_concordance(
        people.first, exit=people.exit, event=people.event, until=design["horizon"], free=free
    )
    near(found.value, design["uno"])
    near(found.se, design["uno_se"])


def test_pseudo_observations_are_those_of_survival(design: dict[str, Any]) -> None:
    people = draw(design)
    found = find_pseudo_risks(people.exit, people.event, design["horizon"])
    half = design["n"] // 2 - 1
    np.testing.assert_allclose(found[0], design["pseudo1"], atol=1e-9)
    np.testing.assert_allclose(found[half], design["pseudo2"], atol=1e-9)
    np.testing.assert_allclose(found[-1], design["pseudo3"], atol=1e-9)
    near(float(found.mean()), design["pseudo_mean"])
    near(float(found.std(ddof=1)), design["pseudo_sd"])


def test_calibration_is_the_regression_of_glm(design: dict[str, Any]) -> None:
    people = draw(design)
    line = fit_calibration(np.asarray(expit(0.3 * people.first - design["level"])), people.case)
    near(line.slope, design["slope"])
    np.testing.assert_allclose(line.slope_se, design["slope_se"], rtol=1e-7)
    np.testing.assert_allclose(line.intercept, design["large"], rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(line.intercept_se, design["large_se"], rtol=1e-7)
