"""The scan as other rooms use it: reading, targets, plan, parts, without a specification."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import polars as pl
import pytest

from proteomr._typing import I64
from proteomr.association import scan_cohort
from proteomr.design import parse_sets
from proteomr.errors import ColumnError, UsageError
from proteomr.execute import Serial
from proteomr.models import FitOptions, Layout, Linear, find_family, list_families
from proteomr.scan import Plan, Reading, fit_blocks, plan_blocks, read_formulas, read_target
from proteomr.scan import reading as reading_room
from proteomr.scan.parts import PART_ORDER
from proteomr.scan.planning import choose_block_size
from proteomr.tables import ArrayProteins, ProteinCovariate
from tests.association.cohorts import make_cohort, make_samples, make_values, spec_of

SETS = {"none": "1", "full": "age + C(site)"}


def read(n: int = 200, **more: Any) -> Reading:
    cohort = make_cohort(make_samples(n), make_values(n, 4))
    return read_formulas(cohort, parse_sets(SETS), **more)


def plan_of(reading: Reading, family: Any, *, names: tuple[str, ...] = ("iso", "lo")) -> Plan:
    targets = [read_target(reading, name, role="exposure", family=family) for name in names]
    return plan_blocks(reading, family, targets=targets, block_size=3)


@pytest.mark.parametrize("family", list_families(), ids=lambda family: str(family.name))
def test_parts_hold_the_fits_that_the_table_of_a_specification_has(family: Any) -> None:
    spec = spec_of(family.name)
    reading = read(instruments=spec.iv.instruments, random=spec.mixed.random)
    parts = fit_blocks(plan_of(reading, family(spec.options)), executor=Serial())
    frame = pl.concat(parts)
    wanted = scan_cohort(reading.cohort, spec, block_size=3).frame
    keys = ["protein", "exposure", "adjustment"]
    same = [*keys, "n", "n_case", "status"]
    assert frame.sort(keys).select(same).equals(wanted.sort(keys).select(same))
    assert frame.sort(keys)["estimate"].equals(wanted.sort(keys)["estimate"])


def test_a_column_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    import proteomr.scan.columns as module

    seen: list[str] = []
    missing_in = module.missing_in

    def count(column: pl.Series) -> Any:
        seen.append(column.name)
        return missing_in(column)

    monkeypatch.setattr(module, "missing_in", count)
    plan_of(read(strata="sex"), Linear())
    assert sorted(seen) == sorted(set(seen))


class ByTarget(Linear):
    """A family that wants its rows by the values of the target, as Cox wants them by time."""

    shares_rows: ClassVar[bool] = False

    def order(self, layout: Layout) -> I64:
        """Return the rows by ascending values of the only target."""
        (target,) = layout.targets
        return np.argsort(target.values, kind="stable")


def test_a_family_may_order_rows_by_its_target_and_then_has_each_by_itself() -> None:
    reading = read()
    plan = plan_of(reading, ByTarget())
    assert [{key.target for key in group.models} for group in plan.groups] == [{0}, {1}]
    for group in plan.groups:
        values = plan.targets[group.models[0].target].values[group.rows]
        assert np.all(np.diff(values) >= 0)
        np.testing.assert_array_equal(plan.problem(group).targets[0].values, values)
    together = plan_of(reading, Linear())
    assert [{key.target for key in group.models} for group in together.groups] == [{0, 1}]
    ours, theirs = (
        pl.concat(fit_blocks(one, executor=Serial())).sort("protein", "exposure", "adjustment")
        for one in (plan, together)
    )
    np.testing.assert_allclose(ours["estimate"], theirs["estimate"], rtol=1e-9)


def test_what_a_family_does_not_do_is_refused_whoever_plans() -> None:
    reading = read()
    family = find_family("linear")(FitOptions(firth=True))
    with pytest.raises(UsageError, match="Firth's estimate is for the logistic family"):
        plan_of(reading, family)


@pytest.mark.parametrize("role", ["exposure", "outcome"])
def test_targets_are_refused_by_their_role(role: Any) -> None:
    reading = read()
    with pytest.raises(ColumnError, match=f"^{role} 'age' has 200 levels: it needs two levels"):
        read_target(reading, "age", role=role, family=find_family("logistic"))
    target = read_target(reading, "age", role=role, family=find_family("linear"))
    with pytest.raises(UsageError, match=f"'age' is an {role} and in the adjustment set 'full'"):
        plan_blocks(reading, Linear(), targets=[target])


@pytest.mark.parametrize(
    ("people", "size"),
    [(1, 48), (83_333, 48), (83_334, 36), (200_000, 12), (10_000_000, 12)],
)
def test_blocks_are_whole_tiles_and_shrink_with_people(people: int, size: int) -> None:
    assert choose_block_size(people) == size


@pytest.mark.parametrize(("name", "n"), [("linear", 300), ("logistic", 300), ("logistic", 2_300)])
def test_a_covariate_of_panels_gives_the_same_fits_as_one_of_each_protein(
    name: str, n: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    gaps = np.random.default_rng(5).normal(30.0, 9.0, (n, 2))
    gaps[:20, 1] = np.nan
    covariate = ProteinCovariate("gap", ArrayProteins(("a", "b"), gaps), (0,) * 10 + (1,) * 10)
    cohort = make_cohort(make_samples(n), make_values(n, 20))
    family = find_family(name)()
    frames = []
    for proteins in (48, 1):  # of a panel, from whom on it is fitted apart
        monkeypatch.setattr(reading_room, "_SHARED_BY", proteins)
        reading = read_formulas(cohort, parse_sets({"g": "gap + age"}), covariates=[covariate])
        targets = [read_target(reading, "iso", role="exposure", family=family)]
        plan = plan_blocks(reading, family, targets=targets)
        assert len(plan.groups) == (1 if proteins == 48 else 2)
        frames.append(pl.concat(fit_blocks(plan, executor=Serial())).sort(PART_ORDER))
    own, shared = frames
    assert own.select("n", "n_case", "status", "message").equals(
        shared.select("n", "n_case", "status", "message")
    )
    for column in ("estimate", "se"):
        off = (own[column] - shared[column]) / shared["se"]
        assert off.abs().max() < 1e-8  # type: ignore[operator]


def test_a_function_of_a_panels_covariate_is_fitted_panel_by_panel() -> None:
    n = 200
    gaps = np.random.default_rng(5).normal(30.0, 9.0, (n, 2))
    covariate = ProteinCovariate("gap", ArrayProteins(("a", "b"), gaps), (0,) * 10 + (1,) * 10)
    cohort = make_cohort(make_samples(n), make_values(n, 20))
    reading = read_formulas(cohort, parse_sets({"g": "ns(gap, 3)"}), covariates=[covariate])
    targets = [read_target(reading, "iso", role="exposure", family=find_family("linear"))]
    assert len(plan_blocks(reading, find_family("linear")(), targets=targets).groups) == 2
