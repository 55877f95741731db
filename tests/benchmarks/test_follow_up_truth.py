"""The truths of survive and mediate: designs give tests, and the page has a row of each."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.follow_up_truth import (
    EFFECT,
    FOLLOW_UPS,
    NULLS,
    PAGE,
    PATHS,
    FollowUpDesign,
    PathDesign,
    fill_page,
    measure_follow_up,
    measure_paths,
)


@pytest.mark.parametrize("design", FOLLOW_UPS, ids=lambda d: f"{d.family}: {d.what}")
def test_every_design_gives_tests_and_an_effect_near_the_planted_one(
    design: FollowUpDesign,
) -> None:
    draws = 3
    found = measure_follow_up(design, draws=draws)
    assert found["tests"] >= 0.9 * draws * NULLS
    assert found["draws"] == draws
    assert abs(found["mean"] - EFFECT) < 0.35
    assert 0.0 <= found["type I"] < 0.7


@pytest.mark.parametrize("design", PATHS, ids=lambda d: f"{d.method}: {d.what}")
def test_intervals_of_indirect_effects_hold_them_mostly(design: PathDesign) -> None:
    found = measure_paths(design, draws=10)
    assert set(found) == {"by its error", "by influence"}
    assert min(found.values()) >= 0.6


def test_the_page_has_a_row_of_every_design() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for design in FOLLOW_UPS:
        assert f"| {design.family} | {design.what} | {design.n:,} |" in text
    for path in PATHS:
        assert f"| {path.method} | {path.what} |" in text


def test_tables_stand_between_their_comments_and_nowhere_else() -> None:
    page = "a\n<!-- one -->\nold\n<!-- /one -->\nb\n"
    assert fill_page(page, {"one": ["x", "y"]}) == "a\n<!-- one -->\nx\ny\n<!-- /one -->\nb\n"
    with pytest.raises(ValueError, match="no place for two"):
        fill_page(page, {"two": []})


def test_draws_are_those_of_the_seed() -> None:
    one, two = (measure_follow_up(FOLLOW_UPS[0], draws=2, seed=9) for _ in range(2))
    assert one == two
    assert np.isfinite(list(one.values())).all()
