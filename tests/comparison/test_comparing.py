"""Two tables of effects: how they are matched, what is counted, what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from proteomr import compare
from proteomr.errors import ColumnError, InputError, UsageError
from proteomr.stats.effect_agreement import correlate

_N = 40


def draw(seed: int = 1, *, scale: float = 1.0, **keys: str | None) -> pl.DataFrame:
    g = np.random.default_rng(seed)
    truth = np.random.default_rng(0).normal(size=_N)
    frame = pl.DataFrame(
        {
            "protein": [f"P{i:02d}" for i in range(_N)],
            **{name: [value] * _N for name, value in keys.items()},
            "estimate": scale * truth + 0.1 * g.normal(size=_N),
            "se": np.full(_N, 0.1),
        }
    )
    return frame.with_columns(pl.col(name).cast(pl.String) for name in keys)


def test_measures_are_those_of_the_effects_in_both() -> None:
    a, b = draw(1), draw(2).head(30).sample(fraction=1.0, shuffle=True, seed=3)
    row = compare(a, b).table().row(0, named=True)
    joined = a.join(b, on="protein")
    x, y = joined["estimate"].to_numpy(), joined["estimate_right"].to_numpy()
    assert row["proteins"] == 30
    assert row["r"] == pytest.approx(correlate(x, y), rel=1e-12)
    assert row["sign_agreement"] == pytest.approx(np.mean(np.sign(x) == np.sign(y)))
    assert row["r_corrected"] == pytest.approx(1.0, abs=0.02)
    assert row["slope"] == pytest.approx(1.0, abs=0.1)
    assert row["n_effective"] == 30.0


def test_hits_are_bonferronis_over_all_effects_of_each_table() -> None:
    a, b = draw(1), draw(2).head(30)
    results = compare(a, b)
    row, compared = results.table().row(0, named=True), results.table("compared")
    from scipy import stats

    p = 2 * stats.norm.sf(np.abs(a["estimate"] / a["se"]))[:30]
    q = 2 * stats.norm.sf(np.abs(b["estimate"] / b["se"]))
    assert row["hits_a"] == int(np.sum(p < 0.05 / _N))
    assert row["hits_b"] == int(np.sum(q < 0.05 / 30))
    assert row["hits_both"] == int(np.sum((p < 0.05 / _N) & (q < 0.05 / 30)))
    assert compared["hit_a"].sum() == row["hits_a"]


def test_differences_are_those_of_independent_estimates() -> None:
    a, b = draw(1), draw(2, scale=1.5)
    row = compare(a, b).table("compared").row(7, named=True)
    assert row["difference"] == pytest.approx(row["estimate_b"] - row["estimate_a"])
    assert row["z_difference"] == pytest.approx(row["difference"] / np.hypot(0.1, 0.1))


@pytest.mark.parametrize("alpha", [0.5, 0.05, 1e-6])
def test_what_differs_is_below_alpha_whatever_the_intervals_cover(alpha: float) -> None:
    from scipy import stats

    a, b = draw(1), draw(2, scale=1.5)
    results = compare(a, b, alpha=alpha, level=0.5)
    z = results.table("compared")["z_difference"].to_numpy()
    expected = int(np.sum(2 * stats.norm.sf(np.abs(z)) < alpha / _N))
    assert results.table().row(0, named=True)["differ"] == expected > 0


def test_models_that_both_tables_have_are_compared_one_by_one() -> None:
    tables = [
        pl.concat([draw(seed, adjustment="simple"), draw(seed + 5, adjustment="full")])
        for seed in (1, 2)
    ]
    table = compare(*tables).table()
    assert table["adjustment"].to_list() == ["simple", "full"]
    assert table["proteins"].to_list() == [_N, _N]


def test_one_exposure_is_set_against_another() -> None:
    table = compare(draw(1, exposure="iso"), draw(2, exposure="lo")).table()
    assert table["exposure"].to_list() == ["iso vs lo"]


def test_several_values_against_others_are_refused_by_name() -> None:
    several = pl.concat([draw(1, exposure="iso"), draw(1, exposure="bmi")])
    with pytest.raises(InputError, match=r"several values of 'exposure' \(bmi, iso\)"):
        compare(several, draw(2, exposure="lo"))
    table = compare(several, draw(2, exposure="lo"), rows_a=["exposure=bmi"]).table()
    assert table["exposure"].to_list() == ["bmi vs lo"]


def test_an_effect_that_stands_twice_is_refused_with_what_tells_its_rows_apart() -> None:
    twice = pl.concat([draw(1, stratum="F"), draw(1, stratum="M")])
    with pytest.raises(ColumnError, match="P00 stands more than once"):
        compare(twice, draw(2))


def test_products_are_matched_whatever_the_protein_is_called() -> None:
    term = pl.format("{}:sex", pl.col("protein"))
    main = draw(1).with_columns(pl.col("protein").alias("term"))
    both = pl.concat([main, draw(4).with_columns(term.alias("term"))])
    table = compare(both, both).table()
    assert table["effect"].to_list() == [None, "sex"]
    assert table["r"].to_list() == pytest.approx([1.0, 1.0])


def test_people_of_proteins_widen_the_interval(tmp_path: Path) -> None:
    g = np.random.default_rng(3)
    common = g.normal(size=(300, 1))
    values = 1.5 * common + g.normal(size=(300, _N))
    names = [f"P{i:02d}" for i in range(_N)]
    proteins = pl.DataFrame(values, schema=names)
    ids = pl.Series("ID", [f"{i:03d}" for i in range(300)])
    proteins.insert_column(0, ids).write_csv(tmp_path / "proteins.csv")
    naive = compare(draw(1), draw(2)).table().row(0, named=True)
    honest = compare(draw(1), draw(2), proteins=[tmp_path / "proteins.csv"]).table()
    row = honest.row(0, named=True)
    assert 1.0 < row["n_effective"] < 10.0
    assert row["r_low"] < naive["r_low"]
    few = proteins.drop("P07")
    with pytest.raises(InputError, match="lacks 1 of the 40 proteins"):
        compare(draw(1), draw(2), proteins=[few])


def test_a_run_folder_stands_for_its_associations(tmp_path: Path) -> None:
    draw(1).write_parquet(tmp_path / "associations.parquet")
    assert compare(tmp_path, draw(1)).table()["r"].to_list() == pytest.approx([1.0])


def test_rows_without_an_estimate_are_left_out() -> None:
    a = draw(1).with_columns(
        pl.when(pl.col("protein") == "P03").then(None).otherwise("estimate").alias("estimate")
    )
    results = compare(a, draw(2))
    assert results.table()["proteins"].to_list() == [_N - 1]
    assert "1 row has no estimate with an error above 0: left out" in results.notes[0]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"by": ()}, "by: names of columns"),
        ({"by": "exposure"}, "is of the model"),
        ({"alpha": 0.0}, "alpha is 0"),
        ({"rows_a": ["q_bh <"]}, "q_bh <"),
    ],
)
def test_what_makes_no_sense_is_refused(asked: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        compare(draw(1), draw(2), **asked)  # type: ignore[arg-type]


def test_tables_without_a_common_effect_are_refused() -> None:
    other = draw(2).with_columns(pl.format("X{}", pl.col("protein")).alias("protein"))
    with pytest.raises(InputError, match="no effect is in both, by protein"):
        compare(draw(1), other)
    with pytest.raises(ColumnError, match=r"no column 'se'"):
        compare(draw(1).drop("se"), draw(2))
