"""Figures of tables of results: what they draw, what they say, and that no words lie on others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl
import pytest
from matplotlib.text import Text

from proteomr.errors import ColumnError, NothingToDo, UsageError
from proteomr.plot import PlotStyle, save_drawing
from proteomr.plot.canvas import Box
from proteomr.plot.effects import draw_effects
from proteomr.plot.heatmap import draw_heatmap
from proteomr.plot.hits_forest import draw_hits_forest
from proteomr.plot.kinds import KINDS
from proteomr.plot.manhattan import draw_manhattan, draw_miami
from proteomr.plot.qq import draw_qq, expect_uniform
from proteomr.plot.replication_strips import draw_replication
from proteomr.plot.result_models import split_models
from proteomr.plot.style import house_style
from proteomr.plot.survival_curves import draw_curves
from proteomr.plot.volcano import draw_volcano
from proteomr.stats.multiple import adjust
from proteomr.tables.genes import load_genes

GENES = (
    load_genes()
    .frame.filter(pl.col("gene_type") == "protein-coding", pl.col("start").is_not_null())["symbol"]
    .sort()
    .to_list()
)
LONG = "a name of more than forty letters, which no panel has room for at all"


def make_table(m: int, *, models: int = 1, seed: int = 1, ratio: bool = False) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    names = [GENES[i] for i in rng.choice(len(GENES), m, replace=False)]
    parts = []
    for model in range(models):
        se = rng.uniform(0.02, 0.05, m)
        estimate = rng.normal(0, 0.03, m) + np.where(rng.random(m) < 0.2, rng.normal(0, 0.3, m), 0)
        z = np.abs(estimate / se)
        height = z**2 / 4.6 + 0.2
        parts.append(
            pl.DataFrame(
                {
                    "protein": names,
                    "adjustment": f"set{model}",
                    "family": "logistic" if ratio else "linear",
                    "term": names if ratio else "lonely",
                    "estimate": estimate,
                    "se": se,
                    "conf_low": estimate - 1.96 * se,
                    "conf_high": estimate + 1.96 * se,
                    "neg_log10_p": height,
                    "p_value": 10.0**-height,
                    "ratio": np.exp(estimate) if ratio else [None] * m,
                }
            )
        )
    return pl.concat(parts, how="diagonal_relaxed")


def make_curves(groups: int = 4, proteins: int = 2) -> pl.DataFrame:
    rng = np.random.default_rng(3)
    rows = []
    for protein in range(proteins):
        for group in range(groups):
            left, survival = 900, 1.0
            for time in np.sort(rng.uniform(0, 14, 30)):
                survival *= 1 - 1 / left
                rows.append((f"P{protein}", "death", f"Q{group + 1}", time, left, 1, 4, survival))
                left -= 5
    names = ["protein", "outcome", "group", "time", "at_risk", "events", "censored", "survival"]
    frame = pl.DataFrame(rows, schema=names, orient="row")
    spread = pl.col("survival") * 0.02
    return frame.with_columns(
        conf_low=pl.col("survival") - spread, conf_high=pl.col("survival") + spread
    )


def make_splits(splits: int = 20) -> pl.DataFrame:
    rng = np.random.default_rng(4)
    return pl.DataFrame(
        {
            "split": [str(i) for i in range(splits)] * 2,
            "exposure": ["lonely"] * splits + ["isolated"] * splits,
            "r_effects": rng.uniform(0.3, 0.8, 2 * splits),
            "sign_agreement": rng.uniform(0.5, 0.9, 2 * splits),
            "hits_both": rng.integers(0, 9, 2 * splits),
        }
    )


def make_mediation(m: int = 12) -> pl.DataFrame:
    table = make_table(m)
    return table.drop("term", "ratio", "family").with_columns(quantity=pl.lit("proportion"))


def make_region() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Two traits that share a variant in a region: other priors, and the variants."""
    keys = {"trait1": "ADM", "trait2": "stroke", "region": "11:1-9", "set1": None, "set2": None}
    p12 = 10 ** np.linspace(-8, -4, 9)
    h4 = p12 / (p12 + 1e-6)
    priors = pl.DataFrame({"p12": p12, "pp_h4": h4, "pp_h3": 0.9 * (1 - h4), "pp_h0": 0.0 * h4})
    priors = priors.with_columns(pp_h1=0.1 * (1 - pl.col("pp_h4")), pp_h2=pl.lit(0.0))
    rng = np.random.default_rng(4)
    peak = np.exp(-0.01 * (np.arange(120) - 60.0) ** 2)
    variants = pl.DataFrame(
        {
            "snp": [f"rs{i}" for i in range(120)],
            "position_bp": np.arange(120) * 5000 + 10_000_000,
            "neg_log10_p1": 30 * peak + rng.exponential(0.5, 120),
            "neg_log10_p2": 12 * peak + rng.exponential(0.5, 120),
            "pp_h4": peak / peak.sum(),
            "credible": peak > 0.6,
        }
    )
    both = (
        frame.with_columns(**{k: pl.lit(v) for k, v in keys.items()})
        for frame in (priors, variants)
    )
    first, second = both
    return first, second


def make_sets(m: int = 40) -> pl.DataFrame:
    rng = np.random.default_rng(5)
    height = rng.exponential(2.0, m)
    return pl.DataFrame(
        {
            "set": [f"regulation of a process number {i}" for i in range(m)],
            "odds_ratio": rng.lognormal(0, 1, m),
            "overlap": rng.integers(1, 40, m),
            "neg_log10_p": height,
            "q_bh": adjust(height, method="bh"),
        }
    )


def make_modules(m: int = 200) -> pl.DataFrame:
    rng = np.random.default_rng(6)
    return pl.DataFrame(
        {
            "protein": [f"P{i}" for i in range(m)],
            "module": rng.choice(6, m, p=[0.2, 0.3, 0.2, 0.15, 0.1, 0.05]),
            "connectivity": rng.gamma(2.0, 3.0, m),
        }
    )


def make_pairs(m: int = 40) -> pl.DataFrame:
    rng = np.random.default_rng(9)
    ends = [sorted(rng.choice(m, 2, replace=False).tolist()) for _ in range(70)]
    pairs = sorted({(a, b) for a, b in ends} | {(m, m + 1), (m, m + 2)})
    return pl.DataFrame(
        {
            "gene1": [f"GENE{a}" for a, _ in pairs],
            "gene2": [f"GENE{b}" for _, b in pairs],
            "strength": rng.uniform(0.4, 1.0, len(pairs)),
        }
    )


def make_attrition() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "adjustment": ["simple", "full"],
            "exposure": ["isolation", "isolation"],
            "people": [42_062, 42_062],
            "withdrawn": [12, 12],
            "without_proteins": [0, 0],
            "target_missing": [310, 310],
            "covariate_missing": [25, 4_101],
            "complete": [41_715, 37_639],
            "n_case": [3_905, 3_456],
        }
    )


def make_quality(m: int = 60) -> pl.DataFrame:
    rng = np.random.default_rng(7)
    return pl.DataFrame(
        {
            "sample_id": [f"S{i}" for i in range(2 * m)],
            "panel": ["Inflammation"] * m + ["Neurology"] * m,
            "median": rng.normal(size=2 * m),
            "iqr": rng.gamma(4.0, 0.3, 2 * m),
            "outlier_median_iqr": rng.random(2 * m) < 0.05,
            "pc1": rng.normal(size=2 * m),
            "pc2": rng.normal(size=2 * m),
            "outlier_components": rng.random(2 * m) < 0.05,
        }
    )


def make_causes(outcomes: int = 40) -> pl.DataFrame:
    rng = np.random.default_rng(8)
    estimate = rng.normal(0.0, 0.2, 2 * outcomes)
    return pl.DataFrame(
        {
            "exposure": "loneliness",
            "outcome": [f"protein {i // 2} of plasma" for i in range(2 * outcomes)],
            "direction": "forward",
            "method": ["ivw", "weighted_median"] * outcomes,
            "estimate": estimate,
            "se": 0.03,
            "neg_log10_p": (estimate / 0.03) ** 2 / 4.6,
            "conf_low": estimate - 0.06,
            "conf_high": estimate + 0.06,
            "status": "ok",
        }
    )


def make_variants(m: int = 30) -> pl.DataFrame:
    rng = np.random.default_rng(9)
    x = rng.uniform(0.05, 0.2, m)
    y = 0.4 * x + rng.normal(0, 0.02, m)
    return pl.DataFrame(
        {
            "exposure": "loneliness",
            "outcome": "ADM",
            "direction": "forward",
            "variant_id": [f"rs{1000 + i}" for i in range(m)],
            "method": "wald",
            "estimate": y / x,
            "se": 0.02 / x,
            "neg_log10_p": (y / 0.02) ** 2 / 4.6,
            "beta_exposure": x,
            "se_exposure": 0.01,
            "beta_outcome": y,
            "se_outcome": 0.02,
        }
    )


def make_risks(groups: int = 10) -> pl.DataFrame:
    rng = np.random.default_rng(10)
    parts = []
    for model, adjustment in (("score", None), ("covariates", "full"), ("both", "full")):
        predicted = np.sort(rng.beta(2, 20, groups))
        parts.append(
            pl.DataFrame(
                {
                    "set": "all",
                    "model": model,
                    "adjustment": pl.Series([adjustment] * groups, dtype=pl.String),
                    "horizon": 10.0,
                    "group": np.arange(groups) + 1,
                    "predicted": predicted,
                    "observed": np.abs(predicted + rng.normal(0, 0.01, groups)),
                    "se": 0.01,
                }
            )
        )
    return pl.concat(parts)


def make_benefits(thresholds: int = 20) -> pl.DataFrame:
    at = np.linspace(0.01, 0.5, thresholds)
    parts = [
        pl.DataFrame({"set": "all", "model": name, "adjustment": None, "horizon": horizon,
                      "threshold": at, "net_benefit": high - slope * at, "se": 0.01})
        for name, high, slope in (("score", 0.06, 0.1), ("both", 0.07, 0.1), ("everybody", 0.05, 9))
        for horizon in (5.0, 10.0)
    ]  # fmt: skip
    return pl.concat(parts)


def make_studies(studies: int = 12, effects: int = 2) -> pl.DataFrame:
    rng = np.random.default_rng(11)
    m = studies * effects
    return pl.DataFrame(
        {
            "protein": [f"P{i // studies}" for i in range(m)],
            "study": [f"Cohort number {i % studies} of many" for i in range(m)],
            "study_estimate": rng.normal(0.1, 0.05, m),
            "study_se": rng.uniform(0.02, 0.1, m),
            "weight": rng.uniform(1, 10, m),
        }
    )


TABLES: dict[str, Callable[[], pl.DataFrame]] = {
    "causes": make_causes,
    "scatter": make_variants,
    "variants": make_variants,
    "funnel": make_variants,
    "leave-one-out": make_variants,
    "volcano": lambda: make_table(300, models=3, ratio=True),
    "miami": lambda: make_table(300),
    "manhattan": lambda: make_table(300, models=2),
    "qq": lambda: make_table(300, models=3),
    "forest": lambda: make_table(40, models=2, ratio=True),
    "effects": lambda: make_table(200, models=3),
    "heatmap": lambda: make_table(200, models=6),
    "replication": make_splits,
    "km": make_curves,
    "mediation": make_mediation,
    "network": make_modules,
    "interactions": make_pairs,
    "enrichment": make_sets,
    "calibration": make_risks,
    "decision": make_benefits,
    "studies": make_studies,
    "flow": make_attrition,
    "qc": make_quality,
    "coloc": lambda: make_region()[0],
    "region": lambda: make_region()[1],
}


def boxes_of(figure: Any) -> list[tuple[str, Box]]:
    """Return the words of a figure and where they lie."""
    with house_style():
        renderer = figure.canvas.get_renderer()
        figure.draw(renderer)
        hidden = set(_list_hidden(figure))
        found = []
        for text in figure.findobj(Text):
            words = text.get_text().strip()
            if words and text.get_visible() and id(text) not in hidden:
                box = Text.get_window_extent(text, renderer)  # an annotation without its line
                found.append((words, Box(box.x0 + 0.5, box.y0 + 0.5, box.x1 - 0.5, box.y1 - 0.5)))
    return found


def _list_hidden(figure: Any) -> Iterator[int]:
    """Yield the labels of ticks beyond the ends of an axis, which are not drawn."""
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            slack = 1e-6 * (high - low)
            for tick in axis.get_major_ticks():
                if not low - slack <= tick.get_loc() <= high + slack:
                    yield id(tick.label1)
                    yield id(tick.label2)


def find_collisions(figure: Any) -> list[tuple[str, str]]:
    boxes = {(words, box.x0, box.y0): box for words, box in boxes_of(figure)}
    inside = [(key[0], box) for key, box in boxes.items() if is_on_paper(figure, box)]
    return [(a, b) for (a, one), (b, other) in combinations(inside, 2) if one.overlaps(other)]


def is_on_paper(figure: Any, box: Box) -> bool:
    width, height = figure.get_size_inches() * figure.dpi
    return bool(box.x1 > 0 and box.y1 > 0 and box.x0 < width and box.y0 < height)


def lies_inside(figure: Any) -> bool:
    with house_style():
        box = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    slack = 1 / 100
    return bool(
        box.x0 > -slack and box.y0 > -slack and box.x1 < width + slack and box.y1 < height + slack
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", ["single", "double"])
def test_no_words_lie_on_others_and_all_lie_on_the_paper(kind: str, width: Any) -> None:
    style = PlotStyle(width=width, title="A title of the figure")
    drawing = KINDS[kind].draw(TABLES[kind](), style=style)
    for page in drawing.pages:
        assert find_collisions(page) == []
        assert lies_inside(page)
        assert page.get_figwidth() == pytest.approx(style.width_mm / 25.4)


@pytest.mark.parametrize("kind", ["volcano", "qq", "forest", "heatmap", "manhattan"])
@pytest.mark.parametrize("m", [1, 3, 30])
def test_few_proteins_are_a_figure_too(kind: str, m: int) -> None:
    drawing = KINDS[kind].draw(make_table(m, ratio=True), style=None)
    assert all(find_collisions(page) == [] and lies_inside(page) for page in drawing.pages)


@pytest.mark.parametrize("width", ["single", "double"])
def test_counts_of_thousands_of_hits_do_not_meet(width: Any) -> None:
    table = make_table(3_000, models=4)
    up = pl.int_range(pl.len()) % 7 > 0
    table = table.with_columns(
        estimate=pl.when(up).then(pl.col("estimate").abs()).otherwise(-pl.col("estimate").abs()),
        neg_log10_p=pl.col("neg_log10_p") + 5,
    )
    for page in draw_volcano(table, style=PlotStyle(width=width)).pages:
        assert find_collisions(page) == []


@pytest.mark.parametrize("columns", [3, 30, 229])
def test_names_of_many_columns_do_not_meet(columns: int) -> None:
    table = make_table(5, models=columns)
    drawing = draw_heatmap(table, style=PlotStyle(width="double"))
    assert find_collisions(drawing.figure) == []
    assert drawing.data["model"].n_unique() == columns
    told = any("columns bear their names" in note for note in drawing.notes)
    assert told == (columns > 100)


def test_what_two_columns_say_alike_names_a_model_once() -> None:
    frame = pl.DataFrame(
        {
            "protein": ["A"] * 4,
            "exposure": ["x", "x", "y", "y"],
            "adjustment": ["simple", "full"] * 2,
            "term": ["x", "x", "y", "y"],
            "estimate": [0.1] * 4,
            "p_value": [0.01] * 4,
        }
    )
    labels = [model.label for model in split_models(frame)]
    assert labels == ["x, simple", "x, full", "y, simple", "y, full"]
    others = split_models(frame.with_columns(term=pl.Series(["x", "x:z", "y", "y"])))
    assert others[1].label == "x, full, x:z"


def test_hits_are_not_cut_because_all_others_lie_near_zero() -> None:
    """Of 3,000 proteins 150 that move far more than the others, and one that is far from all."""
    table = make_table(3_000, models=2)
    rng = np.random.default_rng(3)
    effect = np.where(np.arange(3_000) < 150, rng.uniform(0.1, 0.15, 3_000), 0.0)
    effect[0] = 5.0
    z = np.tile(effect, 2) / 0.02
    table = table.with_columns(
        estimate=np.tile(effect, 2) + rng.normal(0, 0.01, 6_000), neg_log10_p=z**2 / 4.6
    ).drop("q_bh", strict=False)
    axes = draw_effects(table).figure.axes[0]
    for low, high in (axes.get_xlim(), axes.get_ylim()):
        assert 0.15 < high < 1.0
        assert low < 0.0


def test_long_names_are_shortened() -> None:
    table = make_table(20, models=2).with_columns(
        adjustment=pl.col("adjustment") + LONG, protein=pl.col("protein") + LONG
    )
    for kind in ("volcano", "effects", "forest", "heatmap"):
        drawing = KINDS[kind].draw(table, style=PlotStyle(title=LONG * 3))
        assert all(lies_inside(page) for page in drawing.pages)


def test_a_volcano_counts_the_hits_of_each_side() -> None:
    table = make_table(200)
    data = draw_volcano(table).data
    q = adjust(table["neg_log10_p"].to_numpy(), method="bh")
    up = int(((q < 0.05) & (table["estimate"].to_numpy() > 0)).sum())
    down = int(((q < 0.05) & (table["estimate"].to_numpy() < 0)).sum())
    assert data["side"].value_counts().sort("side")["count"].to_list() == [
        down,
        200 - up - down,
        up,
    ]
    words = [text for text, _ in boxes_of(draw_volcano(table).figure)]
    assert f"↑ {up}" in words
    assert f"↓ {down}" in words
    assert data["name"].to_list() == table["protein"].to_list()
    np.testing.assert_allclose(data["q"], q)


def test_the_q_values_of_the_table_decide_where_it_has_them() -> None:
    table = make_table(50).with_columns(q_bh=pl.lit(1.0))
    assert draw_volcano(table).data["side"].unique().to_list() == ["none"]


def test_a_p_of_zero_stands_at_the_top_and_is_marked() -> None:
    table = make_table(30).with_columns(
        neg_log10_p=pl.when(pl.int_range(pl.len()) == 4).then(float("inf")).otherwise("neg_log10_p")
    )
    for draw in (draw_volcano, draw_qq, draw_miami):
        data = draw(table).data
        assert int(data["cut"].sum()) >= 1
    assert draw_volcano(table).data["cut"][4]


def test_rows_without_an_estimate_are_left_out_and_counted() -> None:
    table = make_table(20).with_columns(
        estimate=pl.when(pl.int_range(pl.len()) < 3).then(None).otherwise("estimate")
    )
    drawing = draw_volcano(table)
    assert drawing.data.height == 17
    assert drawing.notes == ("3 rows have no estimate to draw",)


def test_models_are_told_apart_by_what_differs() -> None:
    both = make_table(5, models=2, ratio=True)
    assert [model.label for model in split_models(both)] == ["set0", "set1"]
    assert {model.ratio for model in split_models(both)} == {"OR"}
    assert [model.label for model in split_models(make_table(5))] == [""]


def test_a_qq_figure_has_lambda_and_the_band_of_the_beta_distribution() -> None:
    from scipy import stats

    data = draw_qq(make_table(100)).data
    expected, low, high = expect_uniform(100)
    np.testing.assert_allclose(data["expected"], expected)
    np.testing.assert_allclose(
        10.0**-low, stats.beta.ppf(0.975, np.arange(1, 101), np.arange(100, 0, -1))
    )
    np.testing.assert_allclose(
        10.0**-high, stats.beta.ppf(0.025, np.arange(1, 101), np.arange(100, 0, -1))
    )
    uniform = pl.DataFrame(
        {"protein": [f"P{i}" for i in range(999)], "estimate": 1.0,
         "p_value": (np.arange(999) + 1) / 1000}
    )  # fmt: skip
    assert draw_qq(uniform).data["lambda"][0] == pytest.approx(1.0, abs=1e-9)


def test_a_miami_figure_turns_negative_effects_down() -> None:
    table = make_table(100)
    data = draw_miami(table).data
    sign = np.sign(table["estimate"].to_numpy())
    np.testing.assert_allclose(data["height"], sign * table["neg_log10_p"].to_numpy())


def test_genes_lie_in_the_order_of_the_genome() -> None:
    table = pl.DataFrame(
        {"protein": ["REN", "ADM", "ASGR1", "nothing"], "estimate": 0.1, "p_value": 0.01}
    )
    drawing = draw_manhattan(table)
    assert drawing.data["chromosome"].to_list() == ["1", "11", "17", None]
    assert drawing.data["drawn"].to_list() == [True, True, True, False]
    assert drawing.notes == ("1 proteins have no known gene position",)
    with pytest.raises(NothingToDo, match="known gene position"):
        draw_manhattan(table.filter(protein="nothing"))


def test_places_of_the_table_go_before_those_of_genes() -> None:
    table = pl.DataFrame(
        {"protein": ["x", "y"], "chromosome": ["chr2", "2"], "position_bp": [5, 9],
         "estimate": 0.1, "p_value": 0.01}
    )  # fmt: skip
    assert draw_manhattan(table).data["chromosome"].to_list() == ["2", "2"]


def test_effects_of_two_models_have_their_correlation() -> None:
    table = make_table(80, models=2)
    data = draw_effects(table).data
    first, second = (part["estimate"].to_numpy() for part in table.partition_by("adjustment"))
    assert data["r"][0] == pytest.approx(np.corrcoef(first, second)[0, 1])
    assert data["r_low"][0] < data["r"][0] < data["r_high"][0]


def test_a_forest_shows_hits_of_any_model_strongest_first() -> None:
    table = make_table(60, models=2, ratio=True)
    drawing = draw_hits_forest(table, rows_per_page=20)
    names = [name.split(", ")[0] for name in drawing.data["name"]]
    hits = set()
    for part in table.partition_by("adjustment"):
        q = adjust(part["neg_log10_p"].to_numpy(), method="bh")
        hits |= set(part["protein"].to_numpy()[q < 0.05])
    assert set(names) == hits
    best = table.group_by("protein").agg(pl.col("neg_log10_p").max())
    rank = dict(best.iter_rows())
    seen = list(dict.fromkeys(names))
    assert seen == sorted(seen, key=lambda name: -rank[name])
    np.testing.assert_allclose(drawing.data["ratio"], np.exp(drawing.data["estimate"]))


def test_a_table_of_nulls_has_a_forest_of_its_smallest_p_values() -> None:
    table = make_table(100).with_columns(neg_log10_p=pl.lit(0.1) + pl.int_range(pl.len()) * 1e-3)
    drawing = draw_hits_forest(table)
    assert drawing.data.height == 30
    assert drawing.notes == ("70 proteins are not shown",)


def test_a_heatmap_lays_like_beside_like() -> None:
    profile = np.array([[3.0, -3.0], [-3.0, 3.0]] * 4)
    table = pl.DataFrame(
        {
            "protein": [f"P{i}" for i in range(8) for _ in range(2)],
            "exposure": ["x", "y"] * 8,
            "estimate": profile.ravel(),
            "se": 1.0,
            "p_value": 1e-3,
        }
    )
    order = draw_heatmap(table).data["name"].unique(maintain_order=True).to_list()
    parity = [int(name[1:]) % 2 for name in order]
    assert parity in ([0] * 4 + [1] * 4, [1] * 4 + [0] * 4)


def test_numbers_at_risk_are_those_of_the_chosen_times() -> None:
    curves = make_curves(groups=2, proteins=2)
    told = pl.DataFrame(
        {
            "protein": ["P0"] * 4 + ["P1"] * 4,
            "outcome": "death",
            "group": ["Q1", "Q1", "Q2", "Q2"] * 2,
            "time": [0.0, 10.0] * 4,
            "at_risk": [901.0, 771.0, 902.0, 772.0, 903.0, 773.0, 904.0, 774.0],
        }
    )
    words = [text for text, _ in boxes_of(draw_curves(curves, told).figure)]
    assert {"901", "771", "902", "772", "903", "773", "904", "774", "10"} <= set(words)
    assert not any(word.startswith("≥") for word in words)


def test_numbers_at_risk_are_exact_where_nobody_left_and_else_a_limit() -> None:
    rows = {
        "outcome": "death", "group": "Q1", "time": [4.0, 8.0, 15.0, 20.0],
        "at_risk": [900, 890, 1, 1], "events": [10, 1, 0, 0], "censored": [0, 0, 888, 0],
        "survival": [0.99, 0.98, 0.98, 0.98],
    }  # fmt: skip
    words = [text for text, _ in boxes_of(draw_curves(pl.DataFrame(rows)).figure)]
    # 900 at 0, 890 at 5; who left between 8 and 15 may have done so before 10 or after it
    assert {"900", "890", "≥1", "1"} <= set(words)


def test_strips_have_a_point_for_each_split() -> None:
    assert draw_replication(make_splits(5)).data.height == 5 * 2 * 3


def test_sets_stand_by_p_value_and_say_how_many_are_left_out() -> None:
    drawing = KINDS["enrichment"].draw(make_sets(40))
    assert drawing.data["neg_log10_p"].is_sorted(descending=True)
    assert drawing.notes == ("15 sets are not shown",)
    ranked = make_sets(8).rename({"odds_ratio": "nes", "overlap": "n_leading"})
    assert KINDS["enrichment"].draw(ranked).data["value"].to_list() == [
        row["nes"] for row in ranked.sort("neg_log10_p", descending=True).iter_rows(named=True)
    ]


def test_odds_ratios_without_a_place_on_the_axis_are_triangles_beyond_all_others() -> None:
    table = pl.DataFrame(
        {
            "set": ["none", "all", "some"], "odds_ratio": [0.0, float("inf"), 3.0],
            "overlap": [0, 4, 5], "neg_log10_p": [1.0, 2.0, 3.0], "q_bh": [0.5, 0.01, 0.01],
        }
    )  # fmt: skip
    drawing = KINDS["enrichment"].draw(table)
    marks = {line.get_marker(): line for line in drawing.figure.axes[0].lines}
    some, none, every = (np.ravel(marks[sign].get_xdata())[0] for sign in "o<>")
    assert none < -some < some < every
    assert drawing.notes == ("2 of the odds ratios drawn are 0 or infinite: triangles at the edge",)
    assert KINDS["enrichment"].draw(table.head(1)).data["value"].to_list() == [0.0]


def test_sets_are_called_by_what_they_are_and_no_two_alike() -> None:
    table = pl.DataFrame(
        {
            "set": ["GO:1", "GO:2", "GO:3", "HALLMARK", "M5", "M5"],
            "description": [
                "cell  motility", "cell motility", None, "http://x.org/M", "repair", "repair",
            ],
            "direction": ["any"] * 6,
            "odds_ratio": 2.0, "overlap": 3, "neg_log10_p": [6.0, 5.0, 4.0, 3.0, 2.0, 1.0],
            "q_bh": 0.01,
        }
    )  # fmt: skip
    names = KINDS["enrichment"].draw(table).data["name"].to_list()
    said = ["cell motility (GO:1)", "cell motility (GO:2)", "GO:3", "HALLMARK", "repair", "repair"]
    assert names == said
    sides = table.with_columns(direction=pl.Series(["up"] * 5 + ["down"]))
    names = KINDS["enrichment"].draw(sides).data["name"].to_list()
    assert names[-2:] == ["repair, up", "repair, down"]
    assert len(set(names)) == 6


def test_an_estimate_outside_of_its_limits_is_drawn() -> None:
    table = pl.DataFrame(
        {
            "protein": ["A", "B", "C"], "estimate": [0.1, 4.5, -0.2], "se": 0.1,
            "conf_low": [-3.0, -3.8, -3.4], "conf_high": [3.2, 3.5, 3.1], "p_value": 0.5,
        }
    )  # fmt: skip
    axes = draw_hits_forest(table).figure.axes[0]
    squares = [np.ravel(line.get_xdata())[0] for line in axes.lines if line.get_marker() == "s"]
    assert 4.5 in squares
    assert axes.get_xlim()[0] < -3.8 < 4.5 < axes.get_xlim()[1]


def test_few_mediators_are_all_drawn_and_of_many_the_hits() -> None:
    for proteins, drawn in ((5, 5), (30, 1)):
        table = pl.DataFrame(
            {
                "protein": [f"P{i}" for i in range(proteins)], "quantity": "perm", "estimate": 5.0,
                "conf_low": 1.0, "conf_high": 9.0, "p_value": [1e-6] + [0.5] * (proteins - 1),
            }
        )  # fmt: skip
        assert KINDS["mediation"].draw(table).data.height == drawn


def test_effects_of_three_proteins_have_a_correlation_without_limits() -> None:
    table = pl.DataFrame(
        {
            "protein": ["A", "B", "C"] * 2, "exposure": ["x"] * 3 + ["y"] * 3,
            "estimate": [0.1, 0.2, 0.4, 0.1, 0.3, 0.35], "se": 0.1, "p_value": 0.5,
        }
    )  # fmt: skip
    words = [text for text, _ in boxes_of(draw_effects(table).figure)]
    assert [word for word in words if word.startswith("r = ")] == ["r = 0.87"]


def test_modules_stand_side_by_side_and_those_in_none_last() -> None:
    data = KINDS["network"].draw(make_modules()).data
    assert data["module"].unique(maintain_order=True).to_list() == [1, 2, 3, 4, 5, 0]
    for part in data.partition_by("module"):
        assert part["connectivity"].is_sorted(descending=True)


def test_a_flow_chart_adds_up() -> None:
    drawing = KINDS["flow"].draw(make_attrition())
    for part in drawing.data.partition_by("model"):
        kept = part.filter(~pl.col("left_out") & ~pl.col("step").str.contains("cases"))["n"]
        assert kept[0] - part.filter("left_out")["n"].sum() == kept[1]
    assert len(drawing.pages) == 2


def test_samples_are_drawn_without_their_names() -> None:
    drawing = KINDS["qc"].draw(make_quality())
    assert "sample_id" not in drawing.data.columns
    assert drawing.data.height == 2 * 120


def test_a_table_of_another_kind_is_refused_in_one_line() -> None:
    table = make_table(4)
    with pytest.raises(ColumnError, match="no column 'outcome'"):
        draw_curves(table)
    with pytest.raises(ColumnError, match="no column 'r_effects'"):
        draw_replication(table)
    with pytest.raises(ColumnError, match="no column 'quantity'"):
        KINDS["mediation"].draw(table)
    with pytest.raises(ColumnError, match="no column 'protein'"):
        draw_volcano(table.drop("protein"))
    for kind, needs in (
        ("enrichment", "set"),
        ("network", "module"),
        ("interactions", "gene1"),
        ("flow", "people"),
        ("qc", "panel"),
    ):
        with pytest.raises(ColumnError, match=f"no column '{needs}'"):
            KINDS[kind].draw(table)
    with pytest.raises(NothingToDo, match="effects of one model alone"):
        draw_effects(table)
    with pytest.raises(NothingToDo, match="no row of the table"):
        draw_qq(table.with_columns(estimate=pl.lit(None, pl.Float64)))
    with pytest.raises(UsageError, match="13 models are more than the 12 panels"):
        draw_volcano(make_table(4, models=13))


def test_hubs_come_first_and_pairs_beyond_the_room_are_told() -> None:
    kind = KINDS["interactions"]
    assert kind.beside is not None
    hubs = pl.DataFrame({"gene": ["GENE41", "GENE2"], "hub": [True, False]})
    drawing = kind.beside[1](make_pairs(), hubs)
    assert drawing.data["gene"][0] == "GENE41"
    assert drawing.data.filter("hub")["gene"].to_list() == ["GENE41"]
    # genes of one pair lie nearer than others do
    where = {row["gene"]: np.array([row["x"], row["y"]]) for row in drawing.data.to_dicts()}
    pairs = make_pairs()
    paired = [
        float(np.linalg.norm(where[a] - where[b]))
        for a, b in zip(pairs["gene1"], pairs["gene2"], strict=True)
    ]
    every = [float(np.linalg.norm(a - b)) for a, b in combinations(where.values(), 2)]
    assert np.mean(paired) < 0.8 * np.mean(every)
    star = pl.DataFrame({"gene1": "A", "gene2": [f"B{i:03d}" for i in range(350)], "strength": 1.0})
    crowded = kind.draw(star)
    assert crowded.notes == ("51 of 351 genes, in the fewest pairs, are not drawn",)
    assert crowded.data.filter(pl.col("drawn").not_()).height == 51


def test_one_table_gives_one_figure(tmp_path: Any) -> None:
    table = make_table(80, models=2, ratio=True)
    for kind in ("volcano", "forest", "heatmap"):
        one, other = (
            save_drawing(KINDS[kind].draw(table), tmp_path / f"{kind}{i}", formats=["svg", "png"])
            for i in (1, 2)
        )
        assert [file.read_bytes() for file in one] == [file.read_bytes() for file in other]
