"""Mixed models: blocks against fits one by one, these against whole covariance matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from proteomr.models import FitBlock, Status, Target, TargetColumn
from proteomr.models.random_effects import RandomEffects, RandomTerm
from proteomr.models.targets import FACTOR
from tests.models.mixed_designs import (
    block_of,
    components,
    fit,
    fit_densely,
    fit_slowly,
    make_visits,
    pose,
    refused,
)

COMPONENTS = ("variance", "slope_variance", "correlation", "residual", "reml")


def agree(one: FitBlock, other: FitBlock, *, to: float = 1e-8) -> None:
    assert np.array_equal(one.status, other.status)
    gap = np.abs(one.estimate - other.estimate) / other.se
    assert np.nanmax(gap) < to
    np.testing.assert_allclose(one.se, other.se, rtol=to)
    np.testing.assert_allclose(one.df, other.df, rtol=1e3 * to)
    for name in COMPONENTS:
        np.testing.assert_allclose(
            components(one, name), components(other, name), rtol=1e3 * to, atol=1e-12
        )
    assert set(one.joint) == set(other.joint)
    for name, tests in one.joint.items():
        theirs = other.joint[name]
        np.testing.assert_allclose(tests.statistic, theirs.statistic, rtol=1e2 * to)
        np.testing.assert_allclose(tests.neg_log10_p, theirs.neg_log10_p, rtol=1e3 * to)


DESIGNS: list[dict[str, Any]] = [
    {},
    {"missing": 0.0},
    {"uneven": True},
    {"missing": 0.4},
    {"people": 7, "visits": 3},
    {"people": 1500, "visits": 3, "proteins": 3},  # above the switch to compiled loops
]


@pytest.mark.parametrize("ddf", ["satterthwaite", "kr", "none"])
@pytest.mark.parametrize("slope", [False, True])
@pytest.mark.parametrize("design", DESIGNS)
def test_blocks_have_the_numbers_of_fits_one_by_one(
    design: dict[str, Any], ddf: str, *, slope: bool
) -> None:
    visits = make_visits(**design)
    problem = pose(visits, slope=slope)
    agree(fit(problem, visits.values, ddf=ddf), fit_slowly(problem, visits.values, ddf=ddf))


@pytest.mark.parametrize("slope", [False, True])
@pytest.mark.parametrize("role", ["exposure", "outcome"])
def test_products_and_own_covariates_go_in_blocks_too(role: str, *, slope: bool) -> None:
    visits = make_visits(people=60)
    draw = np.random.default_rng(3)
    target = draw.normal(size=visits.subject.size) + draw.normal(size=60)[visits.subject]
    own = draw.normal(size=(visits.values.shape[0], 1, visits.subject.size))
    later = np.column_stack([visits.time > 1, visits.time > 2]) + 0.0
    visits = visits._replace(covariates=np.column_stack([visits.covariates, later]))
    problem = pose(
        visits, slope=slope, role=role, target=target, own_names=("gap",), interaction=later
    )
    one, other = fit(problem, visits.values, own), fit_slowly(problem, visits.values, own)
    assert one.estimate.shape[1] == 3
    assert set(one.joint) == {"interaction"}
    agree(one, other)


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_a_random_intercept_is_the_maximum_of_the_whole_covariance(missing: float) -> None:
    visits = make_visits(people=25, missing=missing, uneven=True, slope=0.0)
    problem = pose(visits)
    found = fit(problem, visits.values)
    for j in range(2, 5):  # those between whose people there is variance
        rows = ~np.isnan(visits.values[j])
        X = np.column_stack([visits.covariates, visits.treated])[rows]
        same = (visits.subject[rows, None] == visits.subject[rows]) + 0.0
        slow = fit_densely(X, visits.values[j, rows], [same])
        assert components(found, "reml")[j] == pytest.approx(slow.criterion, abs=1e-8)
        assert found.estimate[j, 0] == pytest.approx(slow.estimate, abs=1e-5 * slow.se)
        assert found.se[j, 0] == pytest.approx(slow.se, rel=1e-5)
        assert components(found, "variance")[j] == pytest.approx(slow.variances[0], rel=1e-4)
        assert components(found, "residual")[j] == pytest.approx(slow.variances[1], rel=1e-4)


@pytest.mark.parametrize("nested", [False, True])
def test_several_grouping_factors_are_the_maximum_of_the_whole_covariance(*, nested: bool) -> None:
    visits = make_visits(people=24, missing=0.0, slope=0.0, proteins=2)
    draw = np.random.default_rng(5)
    n = visits.subject.size
    other = visits.subject // 4 if nested else draw.integers(0, 5, n)
    values = visits.values + draw.normal(size=6)[other]
    terms = tuple(
        RandomTerm(name, codes, np.ones((n, 1)), ("(Intercept)",))
        for name, codes in (("subject", visits.subject), ("plate", other))
    )
    found = fit(pose(visits, random=RandomEffects(terms)), values)
    kernels = [(codes[:, None] == codes) + 0.0 for codes in (visits.subject, other)]
    X = np.column_stack([visits.covariates, visits.treated])
    slow = fit_densely(X, values[1], kernels)
    rows = slice(2, 4)
    assert components(found, "reml")[rows] == pytest.approx(slow.criterion, abs=1e-7)
    assert found.estimate[1, 0] == pytest.approx(slow.estimate, abs=1e-4 * slow.se)
    assert found.se[1, 0] == pytest.approx(slow.se, rel=1e-4)
    assert components(found, "variance")[rows] == pytest.approx(slow.variances[:2], rel=1e-2)


def test_balanced_visits_have_the_closed_form_of_the_analysis_of_variance() -> None:
    visits = make_visits(people=30, visits=3, missing=0.0, slope=0.0)
    found = fit(pose(visits), visits.values)
    y = visits.values[4]
    # within people after their means and time; between people on age and treatment
    means = np.array([y[visits.subject == s].mean() for s in range(30)])
    first = [int(np.flatnonzero(visits.subject == s)[0]) for s in range(30)]
    between = np.column_stack([np.ones(30), visits.covariates[first, 1], visits.treated[first]])
    b, rss = np.linalg.lstsq(between, means, rcond=None)[:2]
    t = visits.time - visits.time.mean()
    within = y - means[visits.subject]
    residual = float(np.sum((within - t * (t @ within) / (t @ t)) ** 2)) / (60 - 1)
    spread = 3 * float(rss[0]) / (30 - 3)
    se = np.sqrt(spread / 3 * np.linalg.inv(between.T @ between)[2, 2])
    assert found.estimate[4, 0] == pytest.approx(b[2], rel=1e-9)
    assert found.se[4, 0] == pytest.approx(se, rel=1e-9)
    assert found.df[4, 0] == pytest.approx(27.0, rel=1e-9)
    assert components(found, "residual")[4] == pytest.approx(residual, rel=1e-9)
    assert components(found, "variance")[4] == pytest.approx((spread - residual) / 3, rel=1e-8)


def test_without_variance_between_people_the_numbers_are_those_of_least_squares() -> None:
    visits = make_visits(people=30, visits=3, missing=0.0, slope=0.0)
    # the means of all people are made equal: less variance between them than chance leaves
    y = visits.values[0]
    y = y - np.array([y[visits.subject == s].mean() for s in range(30)])[visits.subject]
    found = fit(pose(visits), y[None])
    X = np.column_stack([visits.covariates, visits.treated])
    b, rss = np.linalg.lstsq(X, y, rcond=None)[:2]
    se = np.sqrt(float(rss[0]) / (90 - 4) * np.linalg.inv(X.T @ X)[3, 3])
    assert list(found.details["variance_components"].columns["singular"]) == [True]
    assert components(found, "variance").tolist() == [0.0]
    assert found.estimate[0, 0] == pytest.approx(b[3], abs=1e-9)
    assert found.se[0, 0] == pytest.approx(se, rel=1e-9)
    assert found.df[0, 0] == pytest.approx(86.0, rel=1e-9)


@pytest.mark.parametrize("unit", [1e-290, 1e-12, 1e12, 1e290])
@pytest.mark.parametrize("slope", [False, True])
def test_units_change_no_statistic(unit: float, *, slope: bool) -> None:
    visits = make_visits()
    plain = fit(pose(visits, slope=slope), visits.values)
    moved = fit(pose(visits, slope=slope), visits.values * unit)
    np.testing.assert_allclose(moved.estimate / moved.se, plain.estimate / plain.se, rtol=1e-9)
    np.testing.assert_allclose(moved.df, plain.df, rtol=1e-7)
    turned = fit(pose(visits, slope=slope, target=visits.treated * unit), visits.values)
    np.testing.assert_allclose(turned.estimate / turned.se, plain.estimate / plain.se, rtol=1e-9)
    assert set(turned.status.ravel()) == {Status.ok}


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_units_of_a_slope_change_nothing_but_its_variance(unit: float) -> None:
    visits = make_visits(slope=0.6)
    plain = fit(pose(visits, slope=True), visits.values)
    effects = np.column_stack([np.ones(visits.time.size), visits.time * unit])
    term = RandomTerm("subject", visits.subject, effects, ("1", "t"))
    moved = fit(pose(visits, random=RandomEffects((term,))), visits.values)
    np.testing.assert_allclose(moved.se, plain.se, rtol=1e-9)
    np.testing.assert_allclose(moved.df, plain.df, rtol=1e-6)
    for name in ("variance", "residual", "reml"):
        np.testing.assert_allclose(components(moved, name), components(plain, name), rtol=1e-6)
    slopes = components(moved, "slope_variance") * unit**2
    np.testing.assert_allclose(slopes, components(plain, "slope_variance"), rtol=1e-6, atol=1e-13)


def make_arms(codes: Any) -> Target:
    levels = TargetColumn("arm", "exposure", None, np.asarray(codes), 3, ("a", "b", "c"))
    target = FACTOR.read(levels)
    assert target is not None
    return target


def regroup(visits: Any, codes: Any, *, slope: bool = False) -> RandomEffects:
    ones = np.ones((visits.time.size, 1))
    effects = np.column_stack([ones, visits.time]) if slope else ones
    return RandomEffects((RandomTerm("subject", np.asarray(codes), effects, ("1", "t")),))


def test_groups_of_one_row_each_determine_no_variance() -> None:
    visits = make_visits(missing=0.0)
    codes = np.arange(visits.time.size)
    found = refused(pose(visits, random=regroup(visits, codes)), visits.values[0])
    assert found[0] is Status.not_identified
    assert "every group of subject has one row" in found[1]


def test_a_protein_seen_once_in_everybody_determines_no_variance() -> None:
    visits = make_visits(missing=0.0)
    values = np.where(visits.time == 0, visits.values[4], np.nan)
    both = fit(pose(visits), np.stack([values, visits.values[3]]))
    assert both.status[:, 0].tolist() == [Status.not_identified, Status.ok]
    alone = fit(pose(visits), visits.values[3:4])
    assert both.estimate[1, 0] == pytest.approx(alone.estimate[0, 0], rel=1e-12)


def test_one_group_determines_no_variance() -> None:
    visits = make_visits(missing=0.0)
    codes = np.zeros(visits.time.size, dtype=np.int64)
    found = refused(pose(visits, random=regroup(visits, codes)), visits.values[0])
    assert found == (Status.not_identified, "one group of subject on the rows of the fit")


def test_as_many_random_effects_as_rows_are_not_identified() -> None:
    visits = make_visits(visits=2, missing=0.0)
    found = refused(pose(visits, slope=True), visits.values[0])
    assert found == (Status.not_identified, "80 random effects of subject for 80 rows")


def test_a_slope_in_a_column_of_one_value_is_not_identified() -> None:
    visits = make_visits()
    values = np.where(visits.time == 1, visits.values[4], np.nan)
    couples = regroup(visits, visits.subject // 4, slope=True)
    found = refused(pose(visits, random=couples), values)
    assert found == (
        Status.not_identified,
        "the slope of subject has one value on the rows of the fit",
    )


def test_an_exposure_that_the_covariates_determine_is_collinear() -> None:
    visits = make_visits()
    found = refused(pose(visits, target=2.0 * visits.covariates[:, 1] - 7.0), visits.values[4])
    assert found[0] is Status.collinear
    assert found[1] == "treated is a linear combination of the covariates on the rows of the fit"


def test_a_protein_that_the_covariates_determine_is_collinear() -> None:
    visits = make_visits()
    found = refused(pose(visits), 3.0 * visits.covariates[:, 1] - visits.time)
    assert found[0] is Status.collinear


def test_a_perfect_fit_leaves_no_variance() -> None:
    visits = make_visits()
    found = refused(pose(visits), visits.covariates[:, 1] + 5.0 * visits.treated)
    assert found == (
        Status.not_identified,
        "the terms explain all of the protein: no variance left",
    )


def test_a_protein_that_the_groups_determine_leaves_no_residual_variance() -> None:
    visits = make_visits()
    level = np.random.default_rng(99).normal(size=40)[visits.subject]
    found = refused(pose(visits), level)
    assert found == (
        Status.not_identified,
        "the groups determine the protein: no residual variance",
    )
    both = refused(pose(visits), level + 0.5 * visits.time)
    assert both[0] is Status.not_identified


def test_covariates_that_determine_the_groups_leave_no_variance_between_them() -> None:
    """Of three people, two differ from the first by an effect each: no variance is left."""
    three = make_visits(people=3, visits=8, missing=0.0, seed=3)
    arms = make_arms(three.subject)
    problem = pose(three._replace(covariates=three.covariates[:, [0, 2]]))
    object.__setattr__(problem, "targets", (arms,))
    found = refused(problem, three.values[4])
    message = "the protein and the covariates do not determine the variances of the groups"
    assert found == (Status.not_identified, message)


def test_technical_replicates_keep_their_digits() -> None:
    """Variances whose ratio is 1e10 leave the estimates between people what they are."""
    visits = make_visits(people=30, visits=3, missing=0.0)
    draw = np.random.default_rng(4)
    level = draw.normal(size=30)
    y = level[visits.subject] + 1e-5 * draw.normal(size=90)
    found = fit(pose(visits), y[None])
    first = [int(np.flatnonzero(visits.subject == s)[0]) for s in range(30)]
    means = np.array([y[visits.subject == s].mean() for s in range(30)])
    X = np.column_stack([np.ones(30), visits.covariates[first, 1], visits.treated[first]])
    b, rss = np.linalg.lstsq(X, means, rcond=None)[:2]
    se = np.sqrt(float(rss[0]) / 27 * np.linalg.inv(X.T @ X)[2, 2])
    assert found.status[0, 0] == Status.ok
    assert found.estimate[0, 0] == pytest.approx(b[2], abs=1e-9 * se)
    assert found.se[0, 0] == pytest.approx(se, rel=1e-8)


def test_aliased_covariates_are_left_out_and_named() -> None:
    visits = make_visits()
    problem = pose(visits)
    doubled = np.column_stack([visits.covariates, 2.0 * visits.covariates[:, 1] + 1.0])
    more = pose(visits)
    object.__setattr__(more, "covariates", doubled)
    object.__setattr__(more, "scales", np.ones(4))
    object.__setattr__(more, "names", (*problem.names, "months"))
    object.__setattr__(more, "adjustments", (type(problem.adjustments[0])("a", np.arange(4)),))
    one, other = fit(problem, visits.values), fit(more, visits.values)
    np.testing.assert_allclose(other.estimate, one.estimate, rtol=1e-8)
    assert set(other.messages.values()) == {"aliased: months"}


def test_levels_of_an_exposure_have_their_contrasts_and_a_joint_test() -> None:
    visits = make_visits(people=60)
    arm = np.random.default_rng(9).integers(0, 3, 60)[visits.subject]
    problem = pose(visits)
    object.__setattr__(problem, "targets", (make_arms(arm),))
    found = fit(problem, visits.values)
    assert found.estimate.shape[1] == 2
    assert np.all(found.joint["contrasts"].df == 2.0)
    agree(found, fit_slowly(problem, visits.values))


@pytest.mark.parametrize(("lost", "kept"), [(0, ()), (1, (1,)), (2, (0,))])
def test_a_level_that_a_protein_loses_leaves_the_other_contrasts(
    lost: int, kept: tuple[int, ...]
) -> None:
    visits = make_visits(people=60)
    arm = np.random.default_rng(9).integers(0, 3, 60)[visits.subject]
    problem = pose(visits, interaction=visits.time[:, None])
    object.__setattr__(problem, "targets", (make_arms(arm),))
    values = np.where(arm == lost, np.nan, visits.values[4])
    found = fit(problem, values[None])
    for contrast in range(2):
        for term in range(2):
            at = 0, 2 * contrast + term
            if contrast in kept:
                assert found.status[at] == Status.ok
            else:
                assert found.status[at] == Status.too_few
                nobody = f"nobody has {'abc'[lost]} on the rows of the fit"
                assert found.messages[at] == nobody
    if kept:  # as if the level had never been
        two = pose(visits, target=(arm == 1 + kept[0]) + 0.0, interaction=visits.time[:, None])
        alone = fit(two, values[None])
        mine = slice(2 * kept[0], 2 * kept[0] + 2)
        np.testing.assert_allclose(found.estimate[0, mine], alone.estimate[0], rtol=1e-9)
        np.testing.assert_allclose(found.se[0, mine], alone.se[0], rtol=1e-9)


def test_a_slope_without_variance_of_its_own_is_singular() -> None:
    visits = make_visits(people=30, slope=0.0, missing=0.0)
    found = fit(pose(visits, slope=True), visits.values)
    singular = np.array(found.details["variance_components"].columns["singular"])
    assert singular.any()
    size = np.abs(components(found, "correlation")[singular])
    assert np.all(
        np.isnan(size) | (size > 1 - 1e-6) | (components(found, "slope_variance")[singular] < 1e-6)
    )
    assert np.isfinite(found.df).all()


def test_other_proteins_of_a_block_change_no_more_than_rounding() -> None:
    visits = make_visits(people=80, proteins=6)
    for slope in (False, True):
        problem = pose(visits, slope=slope)
        whole = fit(problem, visits.values)
        alone = [fit(problem, visits.values[j : j + 1]) for j in range(6)]
        estimate = np.array([one.estimate[0, 0] for one in alone])
        assert np.abs((whole.estimate[:, 0] - estimate) / whole.se[:, 0]).max() < 1e-12
        se = np.array([one.se[0, 0] for one in alone])
        np.testing.assert_allclose(whole.se[:, 0], se, rtol=1e-10)


def test_large_groups_are_summed_as_small_ones() -> None:
    draw = np.random.default_rng(2)
    n = 900
    visits = make_visits(people=n // 3, visits=3)
    sites = draw.integers(0, 9, n)
    problem = pose(visits, random=regroup(visits, sites))
    agree(fit(problem, visits.values), fit_slowly(problem, visits.values))
    problem = pose(visits, random=regroup(visits, sites, slope=True))
    agree(fit(problem, visits.values), fit_slowly(problem, visits.values))


def test_times_that_nobody_shares_go_one_by_one() -> None:
    visits = make_visits(people=1200, visits=3, drifting=True, proteins=2)
    found = fit(pose(visits, slope=True), visits.values)
    assert set(found.status.ravel()) == {Status.ok}


def test_a_block_without_proteins_to_fit_has_their_statuses() -> None:
    visits = make_visits()
    values = np.stack([np.full(visits.time.size, np.nan), np.full(visits.time.size, 2.0)])
    found = fit(pose(visits), values)
    assert found.status[:, 0].tolist() == [Status.all_missing, Status.constant]
    assert block_of(values).counts.tolist() == [0, visits.time.size]
