"""Words on pairs: no more than the numbers of all pairs together bear, in both directions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import proteomr
from proteomr.mr.analysis import analyse
from proteomr.mr.estimate import build_methods
from proteomr.mr.inputs import InstrumentRule
from proteomr.mr.opening import label_placement
from proteomr.runs import Results
from proteomr.stats.multiple import adjust
from proteomr.tables import Harmonised
from tests.mr.test_estimate import make_pair

KEYS = {
    "estimates": ["method"],
    "heterogeneity": ["method"],
    "pleiotropy": [],
    "singlesnp": ["variant_id", "method"],
    "leaveoneout": ["variant_id"],
    "rucker": ["model"],
    "outliers": ["variant_id"],
    "steiger": [],
    "verdict": [],
    "reach": [],
    "harmonised": ["variant_id"],
}
PAIR = ["exposure", "outcome", "direction"]


def test_the_words_of_many_pairs_follow_their_q_values() -> None:
    pairs = [make_pair(f"P{i}", m=12, seed=i, effect=0.0) for i in range(200)]
    pairs[7] = make_pair("P7", m=12, seed=7, effect=2.0)
    verdict = analyse(pairs, build_methods(["ivw"])).verdict
    goes = verdict["verdict"].str.contains("goes with")
    assert verdict.filter(goes)["outcome"].to_list() == ["P7"]
    assert verdict.filter(goes)["verdict"].str.contains(", q ").all()
    expected = adjust(verdict["neg_log10_p"].to_numpy(), method="bh")
    np.testing.assert_allclose(verdict["q_bh"], expected)
    raised = verdict.filter((pl.col("neg_log10_p") > -np.log10(0.05)) & (pl.col("q_bh") >= 0.05))
    assert raised.height > 3
    assert raised["verdict"].str.starts_with("no effect shown among 200 pairs (p 0.0").all()


def test_wald_ratios_and_other_main_estimates_are_one_family_of_verdicts() -> None:
    pairs = [make_pair(f"P{i}", m=1 + 8 * (i % 2), seed=i, effect=0.1 * i) for i in range(8)]
    verdict = analyse(pairs, build_methods(["wald", "ivw"])).verdict
    assert set(verdict["main_method"]) == {"wald", "ivw"}
    expected = adjust(verdict["neg_log10_p"].to_numpy(), method="bh")
    np.testing.assert_allclose(verdict["q_bh"], expected)


def test_a_pair_alone_has_its_p_value_for_q_and_no_word_of_q() -> None:
    row = analyse([make_pair("A", effect=2.0)], build_methods(["ivw"])).verdict.row(0, named=True)
    assert row["q_bh"] == pytest.approx(10 ** -row["neg_log10_p"])
    assert ", q" not in row["verdict"]


def test_a_p_value_below_all_numbers_is_still_written() -> None:
    pair = make_pair("A", m=30, effect=2.0)
    precise = replace(pair, se_y=pair.se_y * 1e-2, beta_y=2.0 * pair.x)
    words = analyse([precise], build_methods(["ivw"])).verdict["verdict"].item()
    assert "(p 0" not in words
    assert "e-" in words.partition("(p ")[2].partition(")")[0]


def make_both_ways(effects: tuple[float, float]) -> list[Harmonised]:
    there, back = (make_pair("same", effect=effect, seed=i) for i, effect in enumerate(effects))
    named = [replace(pair, exposures=("same",), outcome="same") for pair in (there, back)]
    return [named[0], replace(named[1], direction="reverse")]


def test_what_goes_both_ways_is_one_pair_in_words() -> None:
    both = analyse(make_both_ways((2.0, 2.0)), build_methods(["ivw"])).verdict
    assert both["direction"].to_list() == ["forward", "reverse"]
    assert both["verdict"].str.contains("one pair that goes both ways").all()
    one = analyse(make_both_ways((2.0, 0.0)), build_methods(["ivw"])).verdict["verdict"]
    assert "the reverse shows no effect" in one[0]
    assert one[1].startswith("no effect shown")


def write_region(folder: Path, name: str, *, m: int, beta: float) -> Path:
    """Write m variants a thousand bases apart; the files of all folders have one trait's name."""
    rows = [
        f"rs{i}\t1\t{10_000_000 + 1000 * i}\tA\tG\t0.3\t{beta + 0.01 * i}\t0.01\t20000"
        for i in range(m)
    ]
    path = folder / name / "P.tsv"
    path.parent.mkdir()
    head = "SNP\tchr\tpos\teffect_allele\tother_allele\teaf\tbeta\tse\tsamplesize"
    path.write_text("\n".join([head, *rows]) + "\n")
    return path


def test_every_table_of_both_directions_has_unique_keys_whatever_the_names(tmp_path: Path) -> None:
    files = [
        write_region(tmp_path, name, m=5, beta=beta) for name, beta in (("a", 0.1), ("b", 0.2))
    ]
    found = proteomr.run_mr(*files, reverse=True, rule=InstrumentRule(unproven="flag"))
    for name, more in KEYS.items():
        table = found.table(name)
        assert set(table["direction"]) == {"forward", "reverse"}, name
        assert not table.select(PAIR + more).is_duplicated().any(), name
    instruments = found.table("instruments")
    assert not instruments.select("exposure", "direction", "variant_id").is_duplicated().any()
    one_way = proteomr.run_mr(*files, rule=InstrumentRule(unproven="flag"))
    forward = found.table("estimates").filter(direction="forward")
    assert forward.drop("q_bh").equals(one_way.table("estimates").drop("q_bh"))


def test_ids_of_twosamplemr_tell_the_directions_apart(tmp_path: Path) -> None:
    files = [
        write_region(tmp_path, name, m=3, beta=beta) for name, beta in (("a", 0.1), ("b", 0.2))
    ]
    rule = InstrumentRule(unproven="flag")
    found = proteomr.run_mr(
        *files, reverse=True, rule=rule, out=tmp_path / "o", columns="twosamplemr"
    )
    table = found.table()
    assert table.width == 9
    assert not table.select("id.exposure", "id.outcome", "method").is_duplicated().any()
    assert set(table["exposure"]) == {"P"}


def test_an_outcome_without_instruments_of_its_own_is_a_note_of_the_reverse(tmp_path: Path) -> None:
    strong = write_region(tmp_path, "a", m=4, beta=0.1)
    weak = write_region(tmp_path, "b", m=4, beta=0.0)
    found = proteomr.run_mr(strong, weak, reverse=True, rule=InstrumentRule(unproven="flag"))
    assert set(found.table()["direction"]) == {"forward"}
    assert any("--reverse" in note and "no instrument" in note for note in found.notes)


def test_instruments_not_shown_to_be_independent_are_told_in_every_row(tmp_path: Path) -> None:
    files = [
        write_region(tmp_path, name, m=5, beta=beta) for name, beta in (("a", 0.1), ("b", 0.2))
    ]
    found = proteomr.run_mr(*files, methods="all", rule=InstrumentRule(unproven="flag"))
    independent = found.table("estimates").filter(pl.col("status") != "needs_correlations")
    for rows in (independent, found.table("steiger"), found.table("reach")):
        assert rows["message"].str.contains("may be correlated").all()
    verdict = found.table("verdict")["verdict"].item()
    assert "against it: " in verdict
    assert "variants may be correlated" in verdict.partition("against it: ")[2]


def test_one_variant_of_a_doubtful_region_is_no_doubt(tmp_path: Path) -> None:
    many, one = (write_region(tmp_path, name, m=m, beta=0.1) for name, m in (("a", 5), ("b", 1)))
    found = proteomr.run_mr(many, one, rule=InstrumentRule(unproven="flag"))
    assert not found.table()["message"].str.contains("correlated").any()
    assert found.table("verdict")["caveats"].to_list() == [None]


def test_the_other_trait_of_the_reverse_is_the_binary_one(tmp_path: Path) -> None:
    from proteomr.mr.analysis import TraitSize

    files = [
        write_region(tmp_path, name, m=3, beta=beta) for name, beta in (("a", 0.1), ("b", 0.2))
    ]
    size = TraitSize(n_case=1_000, n_control=19_000)
    asked: dict[str, Any] = {
        "rule": InstrumentRule(unproven="flag"),
        "methods": "ivw",
        "outcome_size": size,
    }
    found = proteomr.run_mr(*files, reverse=True, **asked)
    units = found.table().select("direction", "exposure_unit", "outcome_unit").rows()
    assert units == [("forward", None, "log odds"), ("reverse", "log odds", None)]
    forward, back = found.table("steiger").iter_rows(named=True)
    assert forward["r2_outcome"] == pytest.approx(back["r2_exposure"])
    assert forward["r2_exposure"] == pytest.approx(back["r2_outcome"])
    ratios = found.table()["ratio"]
    assert ratios[0] == pytest.approx(np.exp(found.table()["estimate"][0]))
    assert ratios[1] is None


def test_text_tables_write_truth_as_r_reads_it(tmp_path: Path) -> None:
    files = [
        write_region(tmp_path, name, m=4, beta=beta) for name, beta in (("a", 0.1), ("b", 0.2))
    ]
    out = tmp_path / "o"
    rule = InstrumentRule(unproven="flag")
    proteomr.run_mr(*files, rule=rule, out=out, formats=("parquet", "csv", "tsv"))
    found = set[str]()
    for path in [*out.glob("*.csv"), *out.glob("*.tsv")]:
        if path.with_suffix(".parquet").is_file():
            separator = "," if path.suffix == ".csv" else "\t"
            text = pl.read_csv(path, separator=separator, infer_schema=False)
            stored = pl.read_parquet(path.with_suffix(".parquet")).select(pl.selectors.boolean())
            for column in stored.columns:
                assert set(text[column].drop_nulls()) <= {"TRUE", "FALSE"}
                assert (text[column] == "TRUE").to_list() == stored[column].to_list()
                found.add(column)
    assert {"mr_keep", "exposure_first", "palindromic", "selected"} <= found


HARMONISED = "SNP,exposure,outcome,beta_exposure,se_exposure,beta_outcome,se_outcome,n_exposure"


def draw_pairs(folder: Path, sizes: list[int], *, methods: str = "wald,ivw,egger") -> Results:
    """Analyse and draw pairs of so many variants each, the first of them without an effect."""
    pytest.importorskip("matplotlib")
    from proteomr.mr.job import MrJob
    from proteomr.mr.request import MrRequest
    from proteomr.plot.mr_figures import FigureOptions, draw_causes
    from proteomr.runs import Output, run_job

    rows = [
        f"rs{i},X,Y{place},{0.1 + 0.01 * i},0.01,{0.05 + 0.003 * (i % 5)},0.01,9000"
        for place, m in enumerate(sizes)
        for i in range(m)
    ]
    path = folder / "h.csv"
    path.write_text("\n".join([HARMONISED, *rows]) + "\n")
    options = FigureOptions(("svg",))
    job = MrJob(
        MrRequest.of(harmonised=path, methods=methods, log_odds=True),
        draw=lambda *given, **named: draw_causes(*given, **named, options=options),
    )
    return run_job(job, Output(folder / "o"))


def test_pairs_of_few_variants_are_drawn_as_far_as_they_go(tmp_path: Path) -> None:
    found = draw_pairs(tmp_path, [1, 2, 3, 30])
    kinds = {
        place: {
            path.stem[3:].partition("-")[0]
            for path in (tmp_path / "o/figures").glob(f"0{place}*svg")
        }
        for place in range(1, 5)
    }
    points = {"scatter", "forest", "funnel", "radial"}
    assert kinds == {1: points, 2: points | {"leave_one_out"}, 3: kinds[4], 4: kinds[2]}
    assert [note for note in found.notes if "leave-one-out" in note] == [
        "X on Y0: no leave-one-out figure: the table leaveoneout has no row of the pair"
    ]
    numbers = pl.read_csv(tmp_path / "o/figures/04-forest.tsv", separator="\t")
    assert {"ratio", "ratio_low", "ratio_high"} <= set(numbers.columns)
    text = (tmp_path / "o/figures/04-forest.svg").read_text()
    assert "OR (95% CI)" in text
    assert "30 variants" in text
    assert "Egger intercept" in text


def test_figures_without_any_estimate_or_of_many_pairs_without_a_hit_are_a_note(
    tmp_path: Path,
) -> None:
    few = draw_pairs(tmp_path, [2], methods="egger")
    assert set(few.table()["status"]) == {"too_few"}
    assert (tmp_path / "o/figures/01-scatter.svg").is_file()
    folder = tmp_path / "many"
    folder.mkdir()
    many = draw_pairs(folder, [1] * 7, methods="egger")
    assert any(note.startswith("no figure") for note in many.notes)


def test_both_directions_of_one_name_are_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from proteomr.mr.job import MrJob
    from proteomr.mr.request import MrRequest
    from proteomr.plot.mr_figures import FigureOptions, draw_causes
    from proteomr.runs import Output, run_job

    files = [write_region(tmp_path, name, m=m, beta=0.1) for name, m in (("a", 4), ("b", 1))]
    options = FigureOptions(("svg",))
    request = MrRequest.of(
        files[0], files[1], reverse=True, methods="wald,ivw", rule=InstrumentRule(unproven="flag")
    )
    job = MrJob(request, draw=lambda *given, **named: draw_causes(*given, **named, options=options))
    run_job(job, Output(tmp_path / "o"))
    names = {path.name for path in (tmp_path / "o/figures").glob("*scatter.svg")}
    assert names == {"01-scatter.svg", "02-scatter.svg"}


def test_an_exposure_without_a_usable_variant_first_in_order_stops_nothing(tmp_path: Path) -> None:
    head = "trait,rsid,chr,pos,ea,oa,eaf,beta,se,p"
    (tmp_path / "x.csv").write_text(
        f"{head}\nP1,rs1,1,1000000,A,T,0.5,0.2,0.01,1e-80\nP2,rs2,2,2000000,A,G,0.3,0.1,0.01,1e-22\n"
    )
    (tmp_path / "y.csv").write_text(
        f"{head}\nY,rs1,1,1000000,A,T,0.5,0.1,0.01,1e-22\nY,rs2,2,2000000,A,G,0.3,0.05,0.01,1e-6\n"
    )
    found = proteomr.run_mr(tmp_path / "x.csv", tmp_path / "y.csv")
    verdict = found.table("verdict")
    assert verdict.select("exposure", "nsnp").rows() == [("P1", 0), ("P2", 1)]
    assert verdict["verdict"][0] == "no estimate"
    assert verdict["verdict"][1].startswith("the exposure goes with")


def test_instruments_near_the_gene_that_names_the_exposure_are_cis() -> None:
    rows = pl.DataFrame(
        {
            "exposure": ["GDF15", "loneliness", "GDF15", "GDF15"],
            "chromosome": ["19", "19", "2", "19"],
            "position_bp": [18_400_000, 18_400_000, 1, 18_400_000],
            "build": ["GRCh38", "GRCh38", "GRCh38", None],
        }
    )
    assert label_placement(rows)["placement"].to_list() == ["cis", None, "trans", None]
    assert label_placement(rows.drop("build"))["placement"].null_count() == 4
