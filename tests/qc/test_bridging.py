from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr._typing import F64
from proteomr.errors import InputError
from proteomr.qc import bridge, judge_assay
from proteomr.stats.quantile_mapping import map_quantiles
from proteomr.tables import ArrayProteins, Drop, Measurements, load_schema


def project(values: F64, *, first: int = 0, names: Any = None, **changed: Any) -> Measurements:
    """Build a project: samples S0000 and on from a first one, assays of UniProt U000 and on."""
    n, p = values.shape
    names = names or [f"Q{j:03d}" for j in range(p)]
    ids = [f"S{first + i:04d}" for i in range(n)]
    parts: dict[str, Any] = {
        "platform": "olink",
        "samples": pl.DataFrame({"sample_id": ids, "plate": [f"P{i % 3}" for i in range(n)]}),
        "proteins": ArrayProteins(tuple(names), values),
        "assays": pl.DataFrame(
            {
                "protein": names,
                "uniprot": [f"U{j:03d}" for j in range(p)],
                "unit": ["NPX"] * p,
                "kind": ["protein"] * p,
            }
        ),
    }
    return Measurements(**{**parts, **changed})


def all_of(measured: Measurements) -> F64:
    return measured.proteins.read(slice(0, len(measured.proteins.names)))


def draw(seed: int, n: int, p: int) -> F64:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, p))
    values[rng.random((n, p)) < 0.05] = np.nan
    return values


def test_a_project_is_moved_by_medians_of_paired_differences() -> None:
    theirs, ours = draw(1, 40, 3), draw(2, 50, 3)
    bridged = bridge(project(ours, first=30), project(theirs))  # S0030 to S0039 in both
    pairs = theirs[30:40] - ours[:10]
    shift = np.array([np.median(column[~np.isnan(column)]) for column in pairs.T])
    pooled = bridged.measured
    assert pooled.samples["sample_id"].to_list() == [f"S{i:04d}" for i in range(80)]
    np.testing.assert_array_equal(all_of(pooled)[:40], theirs)
    np.testing.assert_allclose(all_of(pooled)[40:], ours[10:] + shift, rtol=1e-15)
    np.testing.assert_allclose(bridged.assays["adjustment"].to_numpy(), shift, rtol=1e-15)
    assert bridged.assays["pooled"].unique().to_list() == ["pooled"]


def test_bridge_samples_keep_what_the_reference_measured() -> None:
    theirs, ours = draw(1, 40, 3), draw(2, 50, 3)
    pooled = bridge(project(ours, first=30), project(theirs)).measured
    row = pooled.samples["sample_id"].to_list().index("S0035")
    np.testing.assert_array_equal(all_of(pooled)[row], theirs[35])
    assert pooled.samples["project"][row] == "reference"
    assert pooled.drops[-1].n == 10


def test_listed_bridge_samples_alone_tell_the_shift() -> None:
    theirs, ours = draw(1, 40, 3), draw(2, 50, 3)
    listed = [f"S{i:04d}" for i in range(32, 37)]
    bridged = bridge(project(ours, first=30), project(theirs), bridges=listed)
    expected = np.nanmedian(theirs[32:37] - ours[2:7], axis=0)
    np.testing.assert_allclose(bridged.assays["adjustment"].to_numpy(), expected, rtol=1e-15)


def test_samples_of_one_name_that_are_not_listed_are_counted() -> None:
    theirs, ours = draw(1, 40, 3), draw(2, 50, 3)
    listed = [*(f"S{i:04d}" for i in range(32, 37)), "S9999", "S9998"]
    pooled = bridge(project(ours, first=30), project(theirs), bridges=listed).measured
    assert [(drop.step, drop.n) for drop in pooled.drops] == [("bridge", 5), ("bridge", 5)]
    assert "2 of 7 bridge samples listed are not in both projects" in pooled.notes
    assert any(note.startswith("5 samples have one name in both") for note in pooled.notes)
    assert not any("S9" in note or "S00" in note for note in pooled.notes)


def test_a_project_that_the_reference_has_whole_brings_nothing_over() -> None:
    values = draw(1, 40, 3)
    with pytest.raises(InputError, match="all 10 samples of the project are in the reference"):
        bridge(project(values[:10]), project(values))


def test_projects_are_bridged_one_after_another_as_often_as_there_are_projects() -> None:
    values = draw(1, 60, 3)
    pooled = project(values[:20])
    for k in range(1, 5):
        pooled = bridge(project(values[: 20 + 2 * k]), pooled, names=(f"p{k}", "pool")).measured
    assert pooled.n == 28
    told = {name for name in pooled.samples.columns if name.startswith("project")}
    assert told == {"project", "project_in_source", "project_in_source_2", "project_in_source_3"}
    assert pooled.samples.row(21, named=True)["project_in_source"] == "p1"
    assert pooled.samples["project"].to_list() == ["pool"] * 26 + ["p4"] * 2


def test_what_the_project_lost_before_is_told_with_what_the_reference_lost() -> None:
    theirs, ours = draw(1, 40, 3), draw(2, 50, 3)
    lost = Drop("withdrawn", "withdrawn", 1)
    pooled = bridge(project(ours, first=30, drops=(lost,)), project(theirs, drops=(lost,))).measured
    assert [drop.reason for drop in pooled.drops[:2]] == ["project: withdrawn", "withdrawn"]


def limits(kinds: dict[str, list[float | None]]) -> pl.DataFrame:
    rows = {"protein": ["Q000", "Q001"], "plate": ["P0", "P0"], **kinds}
    return load_schema("limits").validate(pl.DataFrame(rows, schema_overrides={"lod": pl.Float64}))


def test_limits_of_every_kind_are_mapped_as_the_values_are() -> None:
    theirs, ours = draw(1, 40, 2), draw(2, 50, 2)
    own = limits({"lod": [-1.0, None], "lloq": [-2.0, 3.0], "lql": [None, 0.5]})
    other = limits({"lod": [-4.0, -4.0], "uloq": [9.0, 9.0]})
    bridged = bridge(project(ours, first=30, limits=own), project(theirs, limits=other))
    shift = bridged.assays["adjustment"].to_list()
    held = bridged.measured.limits.sort("plate", "protein").to_dict(as_series=False)
    assert held["plate"] == ["project:P0"] * 2 + ["reference:P0"] * 2
    assert held["lod"] == [-1.0 + shift[0], None, -4.0, -4.0]
    assert held["lloq"] == [-2.0 + shift[0], 3.0 + shift[1], None, None]
    assert held["lql"] == [None, 0.5 + shift[1], None, None]
    assert held["uloq"] == [None, None, 9.0, 9.0]


def test_assays_of_one_project_alone_are_missing_in_the_other() -> None:
    theirs, ours = draw(1, 40, 2), draw(2, 50, 2)
    reference = project(theirs, names=["A", "B"])
    own = project(ours, first=30, names=["B", "C"])
    bridged = bridge(own, reference)
    found = dict(zip(bridged.measured.proteins.names, all_of(bridged.measured).T, strict=True))
    assert np.isnan(found["A"][40:]).all()
    assert np.isnan(found["C"][:40]).all()
    np.testing.assert_array_equal(found["C"][40:], ours[10:, 1])
    told = {
        row[0] or row[1]: row[2]
        for row in bridged.assays.select("protein", "protein_of_project", "pooled").iter_rows()
    }
    assert told == {"A": "reference_only", "B": "pooled", "C": "project_only"}


def two_products(bridges: int = 50) -> tuple[Measurements, Measurements, F64, F64]:
    """Draw two products: alike, of another shape, and without relation (many and few reads)."""
    rng = np.random.default_rng(7)
    ours = rng.normal(size=(120, 4))
    theirs = rng.normal(size=(90, 4))
    both = ours[:bridges]
    theirs[:bridges, 0] = both[:, 0] + rng.normal(scale=0.1, size=bridges)
    theirs[:bridges, 1] = 3 * np.exp(both[:, 1] / 2) + rng.normal(scale=0.1, size=bridges)
    theirs[:bridges, 2:] = rng.normal(scale=3, size=(bridges, 2))
    counts = pl.Series("median_count", [900.0, 900.0, 900.0, 20.0])
    project_ids = project(ours, names=[f"OLD{j}" for j in range(4)])
    reference = project(theirs, names=[f"NEW{j}" for j in range(4)])
    ids = [f"S{i:04d}" for i in range(bridges)] + [f"T{i:04d}" for i in range(90 - bridges)]
    reference = project(
        theirs,
        names=[f"NEW{j}" for j in range(4)],
        samples=pl.DataFrame({"sample_id": ids}),
        assays=reference.assays.with_columns(counts),
    )
    return (
        project(ours, names=list(project_ids.proteins.names),
                assays=project_ids.assays.with_columns(counts)),
        reference, ours, theirs,
    )  # fmt: skip


def test_products_are_bridged_by_olinks_criteria() -> None:
    own, reference, ours, theirs = two_products()
    bridged = bridge(own, reference)
    assert (
        bridged.assays.select("protein", "recommendation", "pooled").rows()
        == [
            ("NEW0", "median_centring", "pooled"),
            ("NEW1", "quantile_smoothing", "pooled"),
            ("NEW2", "quantile_smoothing", "pooled"),
            ("NEW3", "not_bridgeable", "reference_only"),
            (None, "nothing_shared", "project_only"),
        ][:4]
    )
    found = all_of(bridged.measured)
    moved = found[50:120]  # S0050 to S0119: the project alone
    shift = np.median(theirs[:50, 0] - ours[:50, 0])
    np.testing.assert_allclose(moved[:, 0], ours[50:, 0] + shift, rtol=1e-14)
    smooth = map_quantiles(ours[50:, 1], source=ours[:50, 1], target=theirs[:50, 1])
    np.testing.assert_allclose(moved[:, 1], smooth, rtol=1e-14)
    assert np.isnan(moved[:, 3]).all()


def test_quantiles_are_not_smoothed_on_too_few_bridge_samples() -> None:
    own, reference, _, _ = two_products(bridges=39)
    pooled = bridge(own, reference).assays["pooled"].to_list()
    assert pooled[1] == "too_few_bridges"


def test_an_assay_of_unknown_counts_is_not_bridged_on_hope() -> None:
    rng = np.random.default_rng(3)
    x, r = rng.normal(size=60), rng.normal(scale=4, size=60)
    assert judge_assay(r, x, low_count=None).recommendation == "not_bridgeable"
    assert judge_assay(r, x, low_count=True).recommendation == "not_bridgeable"
    assert judge_assay(r, x, low_count=False).recommendation == "quantile_smoothing"


def test_outlying_pairs_count_neither_in_r2_nor_in_ks() -> None:
    x = np.linspace(-1, 1, 41)
    with_outlier = np.append(x, 0.0), np.append(x, 50.0)
    judged = judge_assay(with_outlier[1], with_outlier[0], low_count=False)
    assert judged.r2 == pytest.approx(1.0)
    assert judged.ks == 0.0
    assert judged.n == 42


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("n", [5, 7, 13, 30])
def test_products_that_nearly_agree_warn_of_nothing(n: int) -> None:
    x = np.arange(float(n))
    judged = judge_assay(x + 1.0, x, low_count=None)
    assert judged.ks == pytest.approx(1 / n)


def test_plates_of_two_projects_stay_two() -> None:
    pooled = bridge(project(draw(2, 50, 3), first=30), project(draw(1, 40, 3))).measured
    assert set(pooled.samples["plate"]) == {f"{p}:P{i}" for p in ("project", "reference")
                                            for i in range(3)}  # fmt: skip


def test_a_flag_without_a_plate_stays_with_its_project() -> None:
    flag = pl.DataFrame(
        [(None, "Q001", None, None, "assay_qc", "FAIL")],
        schema=dict.fromkeys(load_schema("qc_flags").names, pl.String),
        orient="row",
    )
    plates = pl.DataFrame(
        [(f"S{30 + i:04d}", None, f"P{i % 2}", None, None) for i in range(50)],
        schema=dict.fromkeys(load_schema("plates").names, pl.String),
        orient="row",
    )
    own = project(draw(2, 50, 3), first=30, flags=flag, plates=plates)
    pooled = bridge(own, project(draw(1, 40, 3))).measured
    assert pooled.flags["plate"].sort().to_list() == ["project:P0", "project:P1"]


@pytest.mark.parametrize(
    ("own", "match"),
    [
        (project(draw(2, 50, 3), first=39), "1 samples were measured in both"),
        (project(draw(2, 50, 3), first=400), "0 samples were measured in both"),
        (
            project(draw(2, 50, 1), first=30, names=["X"]).select_assays(["X"]),
            None,
        ),
    ],
)
def test_projects_that_cannot_be_bridged_are_refused(own: Measurements, match: str | None) -> None:
    if match is None:
        own = project(
            draw(2, 50, 1), first=30, names=["X"],
            assays=pl.DataFrame({"protein": ["X"], "uniprot": ["none"], "kind": ["protein"]}),
        )  # fmt: skip
        match = "share no assay"
    with pytest.raises(InputError, match=match):
        bridge(own, project(draw(1, 40, 3)))


def test_another_unit_is_refused() -> None:
    own = project(draw(2, 50, 3), first=30)
    own = project(
        draw(2, 50, 3), first=30, assays=own.assays.with_columns(pl.lit("pg/mL").alias("unit"))
    )
    with pytest.raises(InputError, match=r"NPX in the reference and in pg/mL"):
        bridge(own, project(draw(1, 40, 3)))
