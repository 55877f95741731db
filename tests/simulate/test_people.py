from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proteomr.simulate.people import COMPONENTS, People, draw_people, top_scorers
from proteomr.simulate.study import SHEN2025, apportion


def count_cells(people: People) -> tuple[int, ...]:
    code = people.columns["isolation"] + 2 * people.columns["loneliness"]
    return tuple(np.bincount(code, minlength=4).tolist())


def test_the_cells_are_exact_at_the_size_of_the_study(study_people: People) -> None:
    assert count_cells(study_people) == (36_100, 3_273, 2_057, 632)


@settings(max_examples=15, deadline=None)
@given(people=st.integers(100, 3000), seed=st.integers(0, 2**40))
def test_the_cells_at_any_size_are_the_largest_remainder(people: int, seed: int) -> None:
    drawn = draw_people(SHEN2025, people, seed=seed)
    assert count_cells(drawn) == apportion(SHEN2025.cells, people)
    assert {column.size for column in drawn.columns.values()} == {people}
    assert np.unique(drawn.columns["sample_id"]).size == people


def test_identifiers_have_seven_digits_and_are_in_no_order(study_people: People) -> None:
    ids = study_people.columns["sample_id"]
    assert 1_000_000 <= ids.min() <= ids.max() <= 9_999_999
    order = np.corrcoef(np.arange(ids.size), ids)[0, 1]
    assert abs(order) < 4 / np.sqrt(ids.size)


def test_margins_are_those_of_the_study(study_people: People) -> None:
    columns, n = study_people.columns, study_people.n
    assert (columns["sex"] == 0).sum() == pytest.approx(SHEN2025.women, abs=1)
    assert columns["smoking"].sum() == SHEN2025.smokers
    assert columns["alcohol"].sum() == SHEN2025.drinkers
    assert (columns["income"] == 0).sum() == SHEN2025.low_income
    for level, count in SHEN2025.education.items():
        assert (columns["education"] == level).sum() == count
    for level, count in SHEN2025.ethnicity.items():
        assert (columns["ethnicity"] == level).sum() == pytest.approx(
            count, abs=5 * np.sqrt(count * (1 - count / n))
        )


def test_age_and_weight_have_the_moments_of_the_study(study_people: People) -> None:
    age, bmi = study_people.columns["age"], study_people.columns["bmi"]
    assert (age.min(), age.max()) == (40, 70)
    assert (age.mean(), age.std()) == (pytest.approx(56.4, abs=0.2), pytest.approx(8.2, abs=0.1))
    assert (bmi.mean(), bmi.std()) == (pytest.approx(27.4, abs=0.1), pytest.approx(4.8, abs=0.15))


def test_sites_are_unequal_and_every_level_is_present(study_people: People) -> None:
    sites = np.bincount(study_people.columns["site"])[1:]
    batches = np.bincount(study_people.columns["batch"])[1:]
    assert (sites.size, batches.size) == (22, 8)
    assert sites.max() > 5 * sites.min() > 500
    assert batches.min() > 1000


def test_nothing_is_missing(study_people: People) -> None:
    numbers = [column for column in study_people.columns.values() if column.dtype.kind in "if"]
    assert len(numbers) == 11 + COMPONENTS
    assert all(np.isfinite(column).all() for column in numbers)


@pytest.mark.parametrize("exposure", ["isolation", "loneliness"])
def test_life_style_differs_between_the_exposed_and_the_others(
    study_people: People, exposure: str
) -> None:
    exposed = study_people.columns[exposure] == 1
    for name, sign in (("smoking", 1), ("bmi", 1), ("income", -1), ("alcohol", -1)):
        column = study_people.columns[name].astype(float)
        gap = column[exposed].mean() - column[~exposed].mean()
        assert sign * gap > 5 * column.std() / np.sqrt(exposed.sum())


def test_the_time_gap_differs_by_panel_and_ends_before_the_follow_up(study_people: People) -> None:
    gap = study_people.time_gap
    assert gap.shape == (study_people.n, 8)
    assert (gap > 9).all()
    assert (gap < study_people.censored_at_years[:, None]).all()
    assert len(np.unique(gap[0])) > 4


@given(
    score=st.lists(st.integers(0, 5), min_size=1, max_size=30),
    share=st.floats(0, 1),
)
def test_top_scorers_are_so_many_and_no_one_left_out_scores_higher(
    score: list[int], share: float
) -> None:
    count = round(share * len(score))
    values = np.array(score, dtype=float)
    chosen = top_scorers(values, count)
    assert chosen.sum() == count
    if 0 < count < len(score):
        assert values[chosen].min() >= values[~chosen].max()
