"""What every figure of Mendelian randomisation draws, and what it says of what it cannot draw."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from matplotlib.text import Text

from proteomr.errors import ColumnError, InputError, NothingToDo, UsageError
from proteomr.mr.methods.radial import fit_radial_egger, fit_radial_ivw
from proteomr.plot import (
    PlotStyle,
    draw_forest,
    draw_funnel,
    draw_leave_one_out,
    draw_pair,
    draw_radial,
    draw_scatter,
)
from proteomr.plot.canvas import list_ratio_ticks
from proteomr.plot.lettering import shorten_trait
from proteomr.plot.style import choose_fonts, find_undrawable

MakePair = Callable[..., Any]
LONG = "Answers about feeling lonely or isolated in $three$ questionnaires & an <interview>, " * 2
KINDS = ["scatter", "forest", "leave_one_out", "funnel", "radial"]


def draw_all(pair: Any, **options: Any) -> list[Any]:
    return list(
        draw_pair(
            pair.data,
            estimates=pair.estimates,
            singlesnp=pair.singlesnp,
            leaveoneout=pair.leaveoneout,
            **options,
        )
    )


def points_of(axes: Any) -> np.ndarray[Any, Any]:
    """Return the places of all markers without a line, sorted."""
    found = [line.get_xydata() for line in axes.lines if line.get_linestyle() == "None"]
    drawn = np.concatenate(found)
    return drawn[np.lexsort((drawn[:, 1], drawn[:, 0]))]


def lies_inside(figure: Any) -> bool:
    """Tell whether everything drawn lies on the paper, to a pixel."""
    box = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    slack = 1 / 300
    return bool(
        box.x0 > -slack and box.y0 > -slack and box.x1 < width + slack and box.y1 < height + slack
    )


@pytest.mark.parametrize("m", [1, 30])
def test_every_figure_of_a_pair_is_drawn_inside_its_paper(make_pair: MakePair, m: int) -> None:
    drawings = draw_all(make_pair(m))
    assert [drawing.kind for drawing in drawings] == KINDS
    assert all(lies_inside(page) for drawing in drawings for page in drawing.pages)


@pytest.mark.parametrize("width", ["single", "double"])
def test_long_names_stay_inside_the_paper(make_pair: MakePair, width: Any) -> None:
    style = PlotStyle(width=width, title=LONG, exposure_unit="log odds", outcome_unit=LONG)
    pair = make_pair(8, exposure=LONG, outcome=LONG, prefix="chr1:123456789:ACGT:" + 60 * "A")
    drawings = draw_all(pair, style=style)
    assert all(lies_inside(page) for drawing in drawings for page in drawing.pages)
    assert {page.get_figwidth() for d in drawings for page in d.pages} == {style.width_mm / 25.4}


def test_twenty_methods_have_a_legend_inside_the_paper(make_pair: MakePair) -> None:
    pair = make_pair(6)
    rows = [pair.estimates[:1].with_columns(method=pl.lit(f"method_{i}")) for i in range(20)]
    drawn = draw_scatter(pair.data, pl.concat(rows))
    assert lies_inside(drawn.figure)
    assert len(drawn.figure.legends) == 1


def test_scatter_data_are_the_points_and_lines_drawn(make_pair: MakePair) -> None:
    pair = make_pair(12)
    drawn = draw_scatter(pair.data, pair.estimates)
    variants = drawn.data.filter(pl.col("kind") == "variant").sort("x", "y")
    assert np.array_equal(points_of(drawn.figure.axes[0]), variants.select("x", "y").to_numpy())
    axes: Any = drawn.figure.axes[0]
    line = next(line for line in axes.lines if line.get_label() == "IVW")
    (x0, y0), (x1, y1) = line.get_xydata()
    assert (y1 - y0) / (x1 - x0) == pytest.approx(pair.estimates["estimate"][0], rel=1e-12)


def test_scatter_turns_variants_to_the_allele_that_raises_the_exposure(make_pair: MakePair) -> None:
    data = make_pair(9).data
    turned = replace(data, beta_x=-data.beta_x, beta_y=-data.beta_y)
    assert draw_scatter(data).data.equals(draw_scatter(turned).data)
    assert (draw_scatter(data).data["x"] > 0).all()


def test_egger_line_has_the_intercept_of_weighted_least_squares(make_pair: MakePair) -> None:
    data = make_pair(15).data
    sign = np.sign(data.x)
    slope, intercept = np.polyfit(sign * data.x, sign * data.beta_y, 1, w=1 / data.se_y)
    estimates = make_pair(15).estimates.with_columns(
        estimate=pl.when(pl.col("method") == "egger").then(float(slope)).otherwise("estimate")
    )
    drawn = draw_scatter(data, estimates, methods=["egger"]).data
    assert drawn.filter(name="egger")["intercept"][0] == pytest.approx(intercept, rel=1e-9)


def test_a_stated_intercept_is_drawn_as_it_is(make_pair: MakePair) -> None:
    pair = make_pair(6)
    stated = pair.estimates.with_columns(intercept=pl.Series([None, 0.01, None]))
    lines = draw_scatter(pair.data, stated).data.filter(kind="line")
    assert lines["intercept"].to_list() == [0.0, 0.01, 0.0]


def test_an_egger_method_without_intercept_has_no_line_and_a_note(make_pair: MakePair) -> None:
    pair = make_pair(6)
    other = pair.estimates.with_columns(pl.col("method").replace("egger", "egger_bootstrap"))
    drawn = draw_scatter(pair.data, other)
    assert drawn.data.filter(name="egger_bootstrap")["drawn"].to_list() == [False]
    assert "intercept" in drawn.notes[0]


def test_scatter_marks_palindromic_variants_and_names_outliers(make_pair: MakePair) -> None:
    drawn = draw_scatter(make_pair(12).data)
    labels = {text.get_text() for text in drawn.figure.legends[0].get_texts()}
    assert {"Palindromic", "Outlier", "Variant (± 1 SE)"} <= labels
    named = {text.get_text() for text in drawn.figure.axes[0].texts}
    assert named == {"rs1", "rs6", "rs11"}


def test_names_inside_a_figure_never_overlap(make_pair: MakePair) -> None:
    data = make_pair(40).data
    variants = data.variants.with_columns(outlier=pl.lit(value=True))
    drawn = draw_scatter(replace(data, variants=variants), style=PlotStyle(labels=40))
    axes = drawn.figure.axes[0]
    drawn.figure.draw_without_rendering()
    frame = axes.get_window_extent()
    boxes = [Text.get_window_extent(text) for text in axes.texts]  # without the lines to them
    assert len(boxes) > 3
    for i, one in enumerate(boxes):
        assert frame.x0 <= one.x0 < one.x1 <= frame.x1
        assert frame.y0 <= one.y0 < one.y1 <= frame.y1 + 1
        for other in boxes[:i]:
            apart_x = one.x1 <= other.x0 + 1 or other.x1 <= one.x0 + 1
            assert apart_x or one.y1 <= other.y0 + 1 or other.y1 <= one.y0 + 1


def test_forest_data_are_the_estimates_drawn_from_large_to_small(make_pair: MakePair) -> None:
    pair = make_pair(7)
    drawn = draw_forest(pair.singlesnp, pair.estimates)
    rows = drawn.data.filter(kind="variant")
    assert rows["estimate"].to_list() == sorted(pair.singlesnp["estimate"], reverse=True)
    axes: Any = drawn.figure.axes[0]
    assert np.array_equal(points_of(axes)[:, 0], np.sort(rows["estimate"].to_numpy()))
    diamonds = [patch.get_xy()[:4, 0].tolist() for patch in axes.patches]
    methods = drawn.data.filter(kind="method").select("conf_low", "estimate", "conf_high")
    assert diamonds == [[low, middle, high, middle] for low, middle, high in methods.rows()]
    half = 1.959963984540054 * pair.singlesnp.sort("estimate", descending=True)["se"]
    assert (rows["conf_high"] - rows["estimate"]).to_list() == pytest.approx(half.to_list())


def test_forest_of_hundreds_has_pages_that_share_axis_and_methods(make_pair: MakePair) -> None:
    pair = make_pair(66)
    drawn = draw_forest(pair.singlesnp, pair.estimates, rows_per_page=30)
    assert len(drawn.pages) == 3
    assert len({page.axes[0].get_xlim() for page in drawn.pages}) == 1
    assert drawn.data["page"].value_counts().sort("page").rows() == [
        (0, 3),
        (1, 22),
        (2, 22),
        (3, 22),
    ]
    for page in drawn.pages:
        assert "IVW" in {text.get_text() for text in page.axes[0].texts}
        assert lies_inside(page)


def test_an_interval_that_would_squeeze_the_others_is_cut(make_pair: MakePair) -> None:
    pair = make_pair(20)
    wide = pair.singlesnp.with_columns(
        estimate=pl.when(pl.col("variant_id") == "rs3").then(500.0).otherwise("estimate")
    )
    forest, funnel = draw_forest(wide), draw_funnel(wide)
    assert forest.data.filter(pl.col("cut"))["name"].to_list() == ["rs3"]
    assert funnel.data.filter(pl.col("cut"))["name"].to_list() == ["rs3"]
    assert forest.figure.axes[0].get_xlim()[1] < 20
    assert funnel.figure.axes[0].get_xlim()[1] < 20


def test_rows_without_an_estimate_keep_their_row_and_their_reason(make_pair: MakePair) -> None:
    pair = make_pair(5)
    nan = float("nan")
    single = pair.singlesnp.with_columns(estimate=pl.Series([nan, None, 0.1, 0.2, 0.3]))
    estimates = pair.estimates.with_columns(
        estimate=pl.Series([0.3, nan, 0.2]),
        status=pl.Series(["ok", "too_few", "ok"]),
        neg_log10_p=pl.Series([300.0, nan, 887.0]),
    )
    drawn = draw_forest(single, estimates)
    assert drawn.data["drawn"].to_list() == [True, True, True, False, False, True, False, True]
    texts = {text.get_text() for text in drawn.figure.axes[0].texts}
    assert {"too few", "no estimate", "1×10⁻³⁰⁰", "1×10⁻⁸⁸⁷"} <= texts
    assert drawn.notes == (
        "2 variants have no estimate to draw",
        "method egger is not drawn: too_few",
    )
    assert draw_funnel(single, estimates).data["drawn"].sum() == 5
    lines = draw_scatter(pair.data, estimates).data.filter(kind="line")
    assert lines["drawn"].to_list() == [True, False, True]


def test_leave_one_out_has_a_dashed_line_at_the_estimate_of_all(make_pair: MakePair) -> None:
    pair = make_pair(6)
    drawn = draw_leave_one_out(pair.leaveoneout)
    whole = pair.leaveoneout.filter(variant_id="all")["estimate"][0]
    axes: Any = drawn.figure.axes[0]
    guides = [
        line
        for line in axes.lines
        if line.get_xdata()[0] == line.get_xdata()[-1] == whole and line.get_linestyle() == "--"
    ]
    assert len(guides) == 1
    assert drawn.data.filter(kind="method")["estimate"].to_list() == [whole]


def test_leave_one_out_of_nothing_but_empty_rows_is_drawn(make_pair: MakePair) -> None:
    empty = make_pair(4).leaveoneout.with_columns(estimate=pl.lit(None, dtype=pl.Float64))
    drawn = draw_leave_one_out(empty)
    assert not drawn.data["drawn"].any()


def test_funnel_data_are_the_points_drawn(make_pair: MakePair) -> None:
    pair = make_pair(9)
    drawn = draw_funnel(pair.singlesnp, pair.estimates)
    points = drawn.data.filter(kind="variant").sort("estimate", "precision")
    assert np.array_equal(
        points_of(drawn.figure.axes[0]), points.select("estimate", "precision").to_numpy()
    )
    assert drawn.data["precision"][0] == 1 / pair.singlesnp["se"][0]


def test_radial_shows_the_regressions_of_the_radial_methods(make_pair: MakePair) -> None:
    data = make_pair(20).data
    ivw, egger = fit_radial_ivw(data), fit_radial_egger(data)
    drawn = draw_radial(data)
    points = drawn.data.filter(kind="variant")
    assert points["root_weight"].to_numpy() == pytest.approx(ivw.root_weights, rel=1e-12)
    slopes = points["weighted_ratio"] / points["root_weight"]
    assert slopes.to_numpy() == pytest.approx(data.beta_y / data.x, rel=1e-12)
    assert set(np.flatnonzero(points["outlier"])) == {*ivw.outliers, *egger.outliers}
    lines = drawn.data.filter(kind="line")
    assert lines["slope"].to_list() == [ivw.effect.estimate, egger.effect.estimate]
    assert lines["intercept"].to_list() == [0.0, egger.effect.details["intercept"]]
    placed = points.sort("root_weight", "weighted_ratio").select("root_weight", "weighted_ratio")
    assert np.array_equal(points_of(drawn.figure.axes[0]), placed.to_numpy())


def test_a_variant_without_effect_on_the_exposure_is_in_the_radial_data_only(
    make_pair: MakePair,
) -> None:
    data = make_pair(5).data
    beta = data.beta_x.copy()
    beta[2] = 0.0
    drawn = draw_radial(replace(data, beta_x=beta))
    assert drawn.data.filter(kind="variant")["drawn"].to_list() == [True, True, False, True, True]
    assert drawn.notes == ("1 variants have no ratio to draw",)


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_effects_of_any_size_are_drawn(make_pair: MakePair, scale: float) -> None:
    pair = make_pair(6)
    data = replace(pair.data, beta_y=pair.data.beta_y * scale, se_y=pair.data.se_y * scale)
    numbers = [pl.col("estimate", "se") * scale]
    bounds = [pl.col("conf_low", "conf_high") * scale]
    single, whole = (
        pair.singlesnp.with_columns(numbers),
        pair.estimates.with_columns(numbers + bounds),
    )
    drawings = [
        draw_scatter(data, whole),
        draw_forest(single, whole),
        draw_funnel(single, whole),
        draw_radial(data),
    ]
    assert all(lies_inside(drawing.figure) for drawing in drawings)


def test_no_variant_is_nothing_to_do(make_pair: MakePair) -> None:
    pair = make_pair(3)
    nothing = pair.data.select(np.array([], dtype=np.int64))
    with pytest.raises(NothingToDo):
        draw_scatter(nothing)
    with pytest.raises(NothingToDo):
        draw_radial(nothing)
    with pytest.raises(NothingToDo):
        draw_funnel(pair.singlesnp.with_columns(se=pl.lit(0.0)))


def test_an_absent_column_is_named_with_the_nearest(make_pair: MakePair) -> None:
    single = make_pair(3).singlesnp.rename({"estimate": "estimat"})
    with pytest.raises(ColumnError, match=r"'estimate' \(did you mean 'estimat'"):
        draw_forest(single)


def test_a_column_of_text_in_place_of_numbers_is_refused(make_pair: MakePair) -> None:
    single = make_pair(3).singlesnp.with_columns(pl.col("se").cast(pl.String))
    with pytest.raises(ColumnError, match="'se' holds String"):
        draw_funnel(single)


def test_tables_of_several_pairs_or_of_another_are_refused(make_pair: MakePair) -> None:
    pair, other = make_pair(3), make_pair(3, outcome="ASGR1")
    with pytest.raises(InputError, match="2 pairs"):
        draw_forest(pl.concat([pair.singlesnp, other.singlesnp]))
    with pytest.raises(InputError, match="'ASGR1'"):
        draw_scatter(pair.data, other.estimates)
    twice = [pair.leaveoneout, pair.leaveoneout.with_columns(method=pl.lit("egger"))]
    with pytest.raises(InputError, match="2 methods"):
        draw_leave_one_out(pl.concat(twice))


def test_a_method_that_is_not_there_is_refused_with_the_nearest(make_pair: MakePair) -> None:
    pair = make_pair(3)
    with pytest.raises(UsageError, match=r"'eger' \(did you mean 'egger'"):
        draw_scatter(pair.data, pair.estimates, methods=["eger"])


def texts_apart(figure: Any, *, slack: float = 1.0) -> bool:
    """Tell whether no two texts of a figure cover each other, measured with the renderer."""
    figure.draw_without_rendering()
    beyond = {
        label
        for axis, ends in (
            (axis, sorted(limits))
            for axes in figure.axes
            for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim()))
        )
        for tick in axis.get_major_ticks()
        if not ends[0] <= tick.get_loc() <= ends[1]
        for label in (tick.label1, tick.label2)
    }  # of ticks outside the axes, which are not drawn
    boxes = [
        Text.get_window_extent(text)
        for text in figure.findobj(Text)
        if text.get_visible() and text.get_text().strip() and text not in beyond
    ]
    canvas = figure.bbox
    shown = [box for box in boxes if box.x1 > 0 and box.y1 > 0 and box.x0 < canvas.x1]
    return not any(
        one.x0 + slack < other.x1
        and other.x0 + slack < one.x1
        and one.y0 + slack < other.y1
        and other.y0 + slack < one.y1
        for place, one in enumerate(shown)
        for other in shown[:place]
    )


SMALL = "30 variants · Q 61.0 (df 29, P 5×10⁻⁴) · I² 52% · Egger intercept −0.0012 (P 0.31)"


@pytest.mark.parametrize("m", [1, 2, 30])
@pytest.mark.parametrize("ratio", [None, "OR"])
def test_titles_small_print_labels_and_numbers_cover_nothing(
    make_pair: MakePair, m: int, ratio: str | None
) -> None:
    style = PlotStyle(title="Loneliness", small_print=SMALL, ratio=ratio)
    for drawing in draw_all(make_pair(m, exposure=LONG, outcome="Depression"), style=style):
        for page in drawing.pages:
            assert texts_apart(page), drawing.kind
            assert lies_inside(page), drawing.kind
            printed = " ".join(text.get_text() for text in page.texts)
            assert "Egger intercept" in printed


def test_a_ratio_is_the_exponential_of_all_that_is_printed_and_drawn(make_pair: MakePair) -> None:
    pair = make_pair(9)
    plain = draw_forest(pair.singlesnp, pair.estimates)
    drawn = draw_forest(pair.singlesnp, pair.estimates, style=PlotStyle(ratio="OR"))
    axes: Any = drawn.figure.axes[0]
    assert "OR (95% CI)" in {text.get_text() for text in axes.texts}
    assert axes.get_xlim() == plain.figure.axes[0].get_xlim()  # in logarithms: a log axis
    ticks = dict(
        zip((label.get_text() for label in axes.get_xticklabels()), axes.get_xticks(), strict=True)
    )
    assert len(ticks) >= 3
    assert ticks["1"] == 0.0
    for text, place in ticks.items():
        assert math.exp(place) == pytest.approx(float(text), rel=1e-9)
    assert drawn.data["ratio"].to_list() == drawn.data["estimate"].exp().to_list()
    first = drawn.data.row(0, named=True)
    shown = next(
        t.get_text() for t in axes.texts if t.get_text().startswith(f"{first['ratio']:.2f}")
    )
    assert f"({first['ratio_low']:.2f}, {first['ratio_high']:.2f})" in shown
    funnel: Any = draw_funnel(pair.singlesnp, style=PlotStyle(ratio="OR")).figure.axes[0]
    assert funnel.get_xlabel().startswith("OR, ")


@pytest.mark.parametrize(
    ("least", "most", "count"),
    [
        (0.95, 1.02, 5),
        (0.3, 3.0, 6),
        (1e-3, 40.0, 6),
        (1e-90, 1e90, 5),
        (1.2, 1.9, 4),
        (2.0, 7.0, 3),
    ],
)
def test_ticks_of_ratios_are_round_and_neither_few_nor_many(
    least: float, most: float, count: int
) -> None:
    ticks = list_ratio_ticks(least, most, count)
    assert 2 <= len(ticks) <= count + 2
    assert all(least <= tick <= most for tick in ticks)
    assert all(len(f"{tick:.3g}") <= 5 for tick in ticks)
    assert 1.0 in ticks or not least <= 1.0 <= most


def test_effects_that_no_ratio_can_show_stay_effects(make_pair: MakePair) -> None:
    pair = make_pair(5)
    huge = pair.singlesnp.with_columns(estimate=pl.col("estimate") * 1e4)
    drawn = draw_forest(huge, style=PlotStyle(ratio="OR"))
    assert "ratio" not in drawn.data.columns
    assert "Estimate (95% CI)" in {text.get_text() for text in drawn.figure.axes[0].texts}


def test_squares_have_the_weights_of_the_variants_as_their_areas(make_pair: MakePair) -> None:
    pair = make_pair(6)
    drawn = draw_forest(pair.singlesnp)
    axes: Any = drawn.figure.axes[0]
    sides = {
        float(line.get_xdata()[0]): line.get_markersize()
        for line in axes.lines
        if line.get_marker() == "s"
    }
    rows = drawn.data.filter(kind="variant")
    widths = (rows["conf_high"] - rows["conf_low"]).to_numpy()
    found = np.array([sides[value] for value in rows["estimate"]])
    large = found > 0.9 + 1e-9
    np.testing.assert_allclose(found[large] * widths[large], 4.2 * widths.min(), rtol=1e-9)
    assert large.sum() >= 3


def test_letters_without_a_font_are_named_and_those_with_one_are_not(make_pair: MakePair) -> None:
    odd = chr(0x1F9EC)  # a double helix, in no font of text
    absent: list[str] = []
    pair = make_pair(3, outcome=f"gene {odd}")
    kinds = list(
        draw_pair(
            pair.data,
            estimates=pair.estimates,
            singlesnp=pair.singlesnp,
            leaveoneout=pair.leaveoneout,
            absent=absent,
        )
    )
    if find_undrawable(odd):
        assert absent == [next(note for note in kinds[0].notes if odd in note)]
    assert not find_undrawable("Greek αβγ, Кириллица, é, −, ⁻⁵, …")


def test_a_table_without_rows_passes_its_figure_over_with_a_note(make_pair: MakePair) -> None:
    pair = make_pair(1)
    absent: list[str] = []
    drawn = draw_pair(
        pair.data,
        estimates=pair.estimates,
        singlesnp=pair.singlesnp,
        leaveoneout=pair.leaveoneout[:0],
        absent=absent,
    )
    assert [drawing.kind for drawing in drawn] == ["scatter", "forest", "funnel", "radial"]
    assert absent == ["no leave-one-out figure: the table leaveoneout has no row of the pair"]


def test_the_line_of_ivw_looks_the_same_in_every_figure(make_pair: MakePair) -> None:
    pair = make_pair(12)
    looks = set()
    for drawing in (
        draw_scatter(pair.data, pair.estimates),
        draw_funnel(pair.singlesnp, pair.estimates),
        draw_radial(pair.data),
    ):
        axes: Any = drawing.figure.axes[0]
        line = next(line for line in axes.lines if str(line.get_label()).startswith("IVW"))
        looks.add((line.get_color(), line.get_linestyle()))
    assert len(looks) == 1


def test_every_font_that_is_installed_is_looked_into(make_pair: MakePair) -> None:
    drawn = draw_scatter(make_pair(3, exposure="孤独").data)
    families = {tuple(text.get_fontfamily()) for text in drawn.figure.findobj(Text)}
    assert families == {tuple(choose_fonts())}
    label: Any = drawn.figure.axes[0].xaxis.label
    assert label.get_text() == "SNP effect on 孤独"


def test_a_long_name_is_shortened_in_one_way_in_every_figure(make_pair: MakePair) -> None:
    name = "Loneliness as answered in the second questionnaire of 2012 by all people"
    short = shorten_trait(name)
    assert "… " in short
    for drawing in draw_all(make_pair(4, exposure=name), style=PlotStyle(width="double")):
        texts = [" ".join(t.get_text().split()) for t in drawing.figure.findobj(Text)]
        assert any(short in text for text in texts), drawing.kind


def test_truth_in_words_as_text_tables_hold_it_marks_variants(make_pair: MakePair) -> None:
    data = make_pair(8).data
    words = pl.col("palindromic").cast(pl.String).str.to_uppercase()
    spelt = replace(data, variants=data.variants.with_columns(words))
    assert draw_scatter(spelt).data.equals(draw_scatter(data).data)
