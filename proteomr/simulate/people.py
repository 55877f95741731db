"""People: demography, propensities, life style, exposures in exact cells, technical factors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from proteomr._typing import F64, I64, Bool
from proteomr.simulate.study import Study, apportion, random_stream

__all__ = ["COMPONENTS", "People", "draw_people", "top_scorers"]

COMPONENTS = 20
_STREAM = 0
_FIRST_ID, _IDS = 1_000_000, 9_000_000


@dataclass(frozen=True, slots=True)
class People:
    """A simulated cohort before its proteins are measured; n people, m panels.

    Parameters
    ----------
    columns : what the samples table holds, by column name, each of length n; follow-up apart.
    time_gap : (n, m) years between blood draw and processing.
    censored_at_years : (n,) years from recruitment to the end of follow-up.
    """

    columns: Mapping[str, NDArray[Any]]
    time_gap: F64
    censored_at_years: F64

    @property
    def n(self) -> int:
        """Number of people."""
        return self.censored_at_years.size


def draw_people(study: Study, people: int, /, *, seed: int) -> People:
    """Draw the people of a cohort: everything about them except proteins and follow-up.

    Propensities to isolation and loneliness depend on age, sex, ethnicity and site. Life-style
    covariates depend on the propensities. The exposures are the upper tails of the propensities,
    cut so that the cells are the study's own, by the largest remainder. Site and batch are codes
    from 1.

    Parameters
    ----------
    study : the study to resemble.
    people : how many, at least 100.
    seed : the same seed gives the same people.

    Examples
    --------
    >>> from proteomr.simulate.study import SHEN2025
    >>> int(draw_people(SHEN2025, 42062, seed=1).columns["isolation"].sum())
    3905
    """
    rng = random_stream(seed, _STREAM)
    demography = _draw_demography(study, people, rng)
    q = _draw_propensities(demography, rng)
    isolated, lonely = _assign_exposures(study, q)
    life_style = _draw_life_style(study, demography, q, rng)
    technical, time_gap, censored = _draw_measurement(study, people, rng)
    ids = rng.choice(_IDS, size=people, replace=False) + _FIRST_ID
    columns = {
        "sample_id": ids.astype(np.int64),
        "isolation": isolated.astype(np.int64),
        "loneliness": lonely.astype(np.int64),
        **demography,
        **life_style,
        **technical,
        **_draw_components(demography["ethnicity"], rng),
    }
    return People(columns=columns, time_gap=time_gap, censored_at_years=censored)


def top_scorers(score: F64, count: int, /) -> Bool:
    """Mark the people with the highest scores, exactly so many of them; ties go to the earlier.

    Parameters
    ----------
    score : (n,) finite.
    count : 0 to n.

    Examples
    --------
    >>> import numpy as np
    >>> top_scorers(np.array([0.3, 0.9, 0.5]), 2)
    array([False,  True,  True])
    """
    chosen = np.zeros(score.size, dtype=np.bool_)
    chosen[np.argsort(-score, kind="stable")[:count]] = True
    return chosen


def _draw_demography(study: Study, n: int, rng: Generator) -> dict[str, NDArray[Any]]:
    """Age follows a beta density on 40 to 70, which has the study's mean 56.4 and SD 8.2."""
    men = study.people - study.women
    site_weights = np.linspace(2.2, 0.2, study.sites)
    shares = np.array(list(study.ethnicity.values())) / study.people
    return {
        "age": np.rint(40 + 30 * rng.beta(1.267, 1.050, n)).astype(np.int64),
        "sex": top_scorers(rng.random(n), study.scale(men, people=n)).astype(np.int64),
        "ethnicity": rng.choice(np.array(list(study.ethnicity)), size=n, p=shares),
        "site": 1 + rng.choice(study.sites, size=n, p=site_weights / site_weights.sum()),
    }


def _draw_propensities(demography: Mapping[str, NDArray[Any]], rng: Generator) -> F64:
    """Return (n, 2) standardised propensities to isolation and to loneliness."""
    age = (demography["age"] - 56.4) / 8.2
    male = demography["sex"]
    minority = demography["ethnicity"] != "white"
    site = rng.normal(0.0, 0.08, int(demography["site"].max()))[demography["site"] - 1]
    e = rng.standard_normal((age.size, 2))
    e[:, 1] = 0.35 * e[:, 0] + np.sqrt(1 - 0.35**2) * e[:, 1]
    q: F64 = e + site[:, None]
    q[:, 0] += 0.10 * age + 0.15 * male + 0.20 * minority
    q[:, 1] += -0.10 * age - 0.10 * male + 0.15 * minority
    standard: F64 = (q - q.mean(axis=0)) / q.std(axis=0)
    return standard


def _assign_exposures(study: Study, q: F64) -> tuple[Bool, Bool]:
    """Cut the propensities so that the four cells are exact."""
    _, only_isolated, only_lonely, both = apportion(study.cells, len(q))
    isolated = top_scorers(q[:, 0], only_isolated + both)
    lonely = np.zeros(len(q), dtype=np.bool_)
    for group, count in ((isolated, both), (~isolated, only_lonely)):
        members = np.flatnonzero(group)
        lonely[members[top_scorers(q[members, 1], count)]] = True
    return isolated, lonely


def _draw_life_style(
    study: Study, demography: Mapping[str, NDArray[Any]], q: F64, rng: Generator
) -> dict[str, NDArray[Any]]:
    n = len(q)
    age = (demography["age"] - 56.4) / 8.2
    male = demography["sex"] - 0.48
    e = rng.standard_normal((n, 5))
    less_schooled = 0.25 * q[:, 0] + 0.10 * q[:, 1] + 0.25 * age + e[:, 0]
    poor = 0.24 * q[:, 0] + 0.12 * q[:, 1] + 0.35 * less_schooled + 0.20 * age + e[:, 1]
    smoking = 0.24 * q[:, 0] + 0.15 * q[:, 1] + 0.15 * (male - age + less_schooled) + e[:, 2]
    drinking = -0.15 * q[:, 0] - 0.10 * q[:, 1] + 0.25 * male - 0.15 * less_schooled + e[:, 3]
    weight = 0.12 * q[:, 0] + 0.11 * q[:, 1] + 0.10 * less_schooled + 0.05 * male + e[:, 4]
    bmi = 27.0 * np.exp(0.172 * (weight - weight.mean()) / weight.std())
    return {
        "education": _cut_levels(less_schooled, study.education),
        "income": (~top_scorers(poor, study.scale(study.low_income, people=n))).astype(np.int64),
        "smoking": top_scorers(smoking, study.scale(study.smokers, people=n)).astype(np.int64),
        "alcohol": top_scorers(drinking, study.scale(study.drinkers, people=n)).astype(np.int64),
        "bmi": np.round(np.clip(bmi, 15.0, 65.0), 1),
    }


def _cut_levels(score: F64, counts: Mapping[str, int]) -> NDArray[Any]:
    """Give the levels in their order to ascending scores, in the proportions of the counts."""
    sizes = apportion(tuple(counts.values()), score.size)
    levels = np.empty(score.size, dtype=f"<U{max(map(len, counts))}")
    levels[np.argsort(score, kind="stable")] = np.repeat(np.array(list(counts)), sizes)
    return levels


def _draw_measurement(
    study: Study, n: int, rng: Generator
) -> tuple[dict[str, NDArray[Any]], F64, F64]:
    """Return the batch, the time gap of each panel and the administrative follow-up.

    Recruitment spreads over four and a half years; all panels of a batch are processed together,
    well before the follow-up ends: the gap is the follow-up less that lead, with a small scatter.
    """
    weights = np.linspace(1.4, 0.6, study.batches)
    batch: I64 = 1 + rng.choice(study.batches, size=n, p=weights / weights.sum())
    shortest, longest = study.follow_up_years
    censored: F64 = shortest + (longest - shortest) * rng.beta(1.7, 2.4, n)
    lead = 1.2 + 0.8 * rng.random((study.batches, len(study.panels)))
    scatter = 0.05 * rng.standard_normal((n, len(study.panels)))
    gap: F64 = np.round(censored[:, None] - lead[batch - 1] + scatter, 3)
    return {"batch": batch}, gap, censored


def _draw_components(ethnicity: NDArray[Any], rng: Generator) -> dict[str, NDArray[Any]]:
    """Return principal components of ancestry; the first few separate the groups."""
    pc = rng.standard_normal((ethnicity.size, COMPONENTS))
    for place, group in enumerate(("black", "asian", "other", "mixed")):
        pc[ethnicity == group, place] += 4.0 / (place + 1)
    return {f"PC{k + 1}": np.round(pc[:, k], 4) for k in range(COMPONENTS)}
