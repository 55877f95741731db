"""What a family says it supports, it gives: in every family, on small and large cohorts."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.association import associate
from proteomr.families import FAMILY_NAMES
from proteomr.models import Further, IvOptions, find_family
from tests.association.cohorts import make_samples, make_values

SIZES = (300, 4500)  # below and above the numbers of people from which blocks are fitted together
MODEL = ["protein", "exposure", "adjustment"]


def scan(family: str, n: int, **more: Any) -> Any:
    names = [f"P{i:02d}" for i in range(3)]
    samples = make_samples(n)
    proteins = pl.DataFrame(make_values(n, 3), schema=names).fill_nan(None)
    supports = find_family(family).supports
    if supports.instruments:
        more["iv"] = IvOptions(("assigned", "distance"))
    if supports.random_effects:
        more["random"] = "1|house"
    return associate(
        samples, proteins.insert_column(0, samples["id"]), family=family, exposure="iso",
        adjust={"none": "1", "full": "age + C(site)"}, id_column="id", threads=1, **more,
    )  # fmt: skip


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize(
    "family", [name for name in FAMILY_NAMES if find_family(name).supports.coefficients]
)
def test_the_coefficient_of_the_term_is_its_estimate(family: str, n: int) -> None:
    found = scan(family, n, coefficients=True)
    table = found.table().filter(status="ok")
    assert table.height == 6
    term = pl.col("protein") if table["direction"][0] == "exposure~protein" else pl.lit("iso")
    rows = found.table("coefficients").filter(pl.col("coefficient") == term)
    both = table.join(rows, on=MODEL, suffix="_of_model", validate="1:1")
    assert both.height == 6
    for name in ("estimate", "se"):
        np.testing.assert_allclose(both[f"{name}_of_model"], both[name], rtol=1e-7)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize(
    "family", [name for name in FAMILY_NAMES if find_family(name).supports.joint_tests]
)
def test_every_joint_test_is_there_and_wald_s_is_that_of_the_estimate(family: str, n: int) -> None:
    tests = find_family(family).supports.joint_tests
    found = scan(family, n, further=Further(tests))
    table, joint = found.table().filter(status="ok"), found.table("joint_tests")
    for test in tests:
        rows = table.join(joint.filter(test=test), on=MODEL, suffix="_joint", validate="1:1")
        assert rows.height == 6
        assert rows["statistic_joint"].is_finite().all()
        if test == "wald":
            square = (rows["estimate"] / rows["se"]) ** 2
            np.testing.assert_allclose(rows["statistic_joint"], square, rtol=1e-6)


def test_a_coefficient_that_runs_away_has_no_estimate_and_leaves_the_others() -> None:
    samples = make_samples(300)
    g = np.random.default_rng(2)
    group = g.choice(["a", "b", "c"], 300)
    clinic = np.where(group == "c", "x", g.choice(["x", "y"], 300))  # nobody of c is in y
    samples = samples.with_columns(pl.Series("group", group), pl.Series("clinic", clinic))
    proteins = pl.DataFrame(make_values(300, 2), schema=["P0", "P1"]).fill_nan(None)
    found = associate(
        samples, proteins.insert_column(0, samples["id"]), family="multinomial", exposure="group",
        adjust={"m": "age + clinic"}, id_column="id", threads=1, coefficients=True,
    )  # fmt: skip
    rows = found.table("coefficients").filter(protein="P0")
    lost = rows.filter(pl.col("estimate").is_null()).select("coefficient", "contrast").rows()
    assert lost == [("clinic[y]", "c vs a")]
    own = rows.filter(coefficient="P0")
    main = found.table().filter(protein="P0")
    np.testing.assert_allclose(own["estimate"], main["estimate"], rtol=1e-7)
    np.testing.assert_allclose(own["se"], main["se"], rtol=1e-7)
