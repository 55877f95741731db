"""Words on pairs: no more than the numbers of all pairs together bear, in both directions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
import pytest

import proteomr
from proteomr.mr.analysis import analyse
from proteomr.mr.estimate import build_methods
from proteomr.mr.inputs import InstrumentRule
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
FORWARD: Final = "forward"
REVERSE: Final = "reverse"
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
    return [
        replace(pair, exposures=("same",), outcome="same", direction=direction)
        for pair, direction in ((there, FORWARD), (back, REVERSE))
    ]


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
    for name in ("estimates", "steiger", "reach"):
        assert found.table(name)["message"].str.contains("may be correlated").all(), name
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
