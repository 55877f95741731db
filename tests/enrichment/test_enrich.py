"""`enrich` from lists and tables: R's numbers, names, directions, corrections, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.enrichment import EnrichOptions, HubOptions, enrich
from proteomr.enrichment.naming import name_keys
from proteomr.errors import InputError, NothingToDo, ProteomrError, UsageError
from proteomr.runs import Results
from proteomr.tables.gene_ontology import load_ontology
from proteomr.tables.genes import load_genes

# 40 genes of known symbols, of which none is an alias of another
GENES = [
    *("IL6", "TNF", "IL1B", "CXCL8", "CCL2", "CRP", "GDF15", "LEP", "ADM", "REN"),
    *("ALB", "APOA1", "APOE", "APOB", "LPL", "LDLR", "PCSK9", "ACE2", "KIT", "KDR"),
    *("FLT1", "VEGFA", "EGF", "EGFR", "IGF1", "INS", "GCG", "MMP9", "TIMP1", "COL1A1"),
    *("FN1", "PLAT", "F3", "F7", "VWF", "SELE", "NTRK2", "BDNF", "GFAP", "NEFL"),
]
# phyper(k - 1, 6, 34, 10, lower.tail = FALSE) of R 4.2.2 for k = 0 to 6
R_TAIL = {
    0: 1.0,
    1: 0.845305832147937,
    2: 0.474039829302987,
    3: 0.152751942225626,
    4: 0.0258233942444469,
    5: 0.0020242914979757,
    6: 5.47105810263706e-05,
}
HITS = {"rows": "q_bh < 0.05"}
GSEA = {"options": {"method": "gsea"}}
MODELS = {"statistic": np.arange(40.0), "exposure": ["a", "b"] * 20}


def write_sets(folder: Path, **sets: list[str]) -> Path:
    lines = ["\t".join([name, "planted", *members]) for name, members in sets.items()]
    (folder / "sets.gmt").write_text("\n".join(lines) + "\n")
    return folder / "sets.gmt"


def table(**columns: Any) -> pl.DataFrame:
    hit = [i < 10 for i in range(len(GENES))]
    return pl.DataFrame({"gene": GENES, "q_bh": np.where(hit, 0.01, 0.5), **columns})


def run(frame: pl.DataFrame, own: Path, **asked: Any) -> Results:
    options = EnrichOptions(**{"min_size": 2, **asked.pop("options", {})})
    return enrich(frame, sets=asked.pop("sets", own), options=options, **asked)


def test_each_overlap_has_the_p_value_of_phyper(tmp_path: Path) -> None:
    named = {f"k{k}": GENES[:k] + GENES[20 : 26 - k] for k in range(7)}
    found = run(table(), write_sets(tmp_path, **named), rows="q_bh < 0.05").table()
    for row in found.iter_rows(named=True):
        assert (row["n_set"], row["n_hits"], row["n_background"]) == (6, 10, 40)
        assert row["p_value"] == pytest.approx(R_TAIL[row["overlap"]], rel=1e-12)
        assert row["expected"] == 1.5
    assert found["set"][0] == "k6"
    assert found["members"][0].split(";") == sorted(GENES[:6], key=name_keys(GENES).keys.get)  # type: ignore[arg-type]


def test_sets_and_list_meet_by_the_gene_that_their_names_mean(tmp_path: Path) -> None:
    genes = load_genes().frame.filter(pl.col("symbol").is_in(GENES[:6]))
    one = genes.select(
        "symbol", "entrez", pl.col("ensembl").list.first(), pl.col("uniprot").list.first()
    )
    kinds = {
        name: one[name].cast(pl.String).to_list()
        for name in ("symbol", "entrez", "ensembl", "uniprot")
    }
    sets = write_sets(tmp_path, **kinds, older=["IL8", "CCL2", "IL6"])
    found = run(table(), sets, rows="q_bh < 0.05").table()
    assert dict(found.select("set", "overlap").iter_rows()) == {
        **dict.fromkeys(kinds, 6),
        "older": 3,
    }


def test_hits_by_former_names_are_found_in_the_background(tmp_path: Path) -> None:
    sets = write_sets(tmp_path, one=GENES[:6])
    hits = pl.DataFrame({"gene": ["IL8", "P05231", "TNF"]})
    found = run(hits, sets, background=pl.DataFrame({"gene": GENES})).table()
    assert found.select("n_hits", "overlap", "members").row(0) == (3, 3, "CXCL8;IL6;TNF")


def test_proteins_of_one_gene_count_once_with_the_best_row(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "protein": [*(f"a{i}" for i in range(40)), "b0"],
            "gene": [*GENES, "IL6"],
            "statistic": [*np.linspace(4, -4, 40), -9.0],
            "p_value": [*np.linspace(0.01, 0.9, 40), 0.5],
        }
    )
    sets = write_sets(tmp_path, top=GENES[:4])
    results = run(frame, sets, options={"method": "gsea"})
    row = results.table().row(0, named=True)
    assert (row["n_background"], row["es"], row["members"]) == (40, 1.0, ";".join(GENES[:4]))
    assert any("1 proteins are of a gene" in note for note in results.notes)


def test_a_background_may_have_fewer_genes_than_the_list_has_names(tmp_path: Path) -> None:
    # four names of two genes, and a third gene that is no hit
    twice = pl.DataFrame({"gene": ["IL6", "P05231", "IL8", "CXCL8"]})
    tested = pl.DataFrame({"gene": ["IL6", "CXCL8", "TNF"]})
    sets = write_sets(tmp_path, one=["IL6", "TNF"], other=["IL6", "CXCL8"])
    row = run(twice, sets, background=tested).table().row(0, named=True)
    assert (row["n_hits"], row["n_background"]) == (2, 3)
    outside = pl.DataFrame({"gene": ["IL6", "CXCL8", "LEP", "ADM", "P41159"]})  # LEP
    with pytest.raises(InputError, match="3 genes and the list 4"):
        run(outside, sets, background=tested)


def test_up_and_down_are_tested_apart(tmp_path: Path) -> None:
    frame = table(estimate=[1.0, -1.0] * 20)
    up = [gene for i, gene in enumerate(GENES[:10]) if i % 2 == 0]
    sets = write_sets(tmp_path, up=up)
    found = run(frame, sets, rows="q_bh < 0.05", options={"direction": "both"}).table()
    rows = {row["direction"]: row for row in found.iter_rows(named=True)}
    assert (rows["up"]["overlap"], rows["up"]["n_hits"]) == (5, 5)
    assert (rows["down"]["overlap"], rows["down"]["p_value"]) == (0, 1.0)


def test_the_annotated_universe_leaves_out_genes_of_no_set(tmp_path: Path) -> None:
    sets = write_sets(tmp_path, one=GENES[:6], two=GENES[20:30])
    found = run(table(), sets, rows="q_bh < 0.05", options={"universe": "annotated"}).table()
    assert set(found["n_background"]) == {16}
    assert set(found["n_hits"]) == {6}


def test_a_correction_spans_a_source_or_all(tmp_path: Path) -> None:
    sets = write_sets(tmp_path, one=GENES[:6])
    each = run(table(), sets, rows="q_bh < 0.05", sets=[sets, "go-bp"]).table()
    both = run(
        table(), sets, rows="q_bh < 0.05", sets=[sets, "go-bp"], options={"tests": "all"}
    ).table()
    mine = pl.col("source") == "sets.gmt"
    assert each.filter(mine)["q_bh"].item() == each.filter(mine)["p_value"].item()
    assert both.filter(mine)["p_bonferroni"].item() == pytest.approx(
        both.filter(mine)["p_value"].item() * both.height
    )


def test_sets_of_other_sizes_are_listed_with_the_reason(tmp_path: Path) -> None:
    sets = write_sets(tmp_path, few=GENES[:1], none=["YAL001C"], many=GENES[:30], fits=GENES[:6])
    left = run(table(), sets, rows="q_bh < 0.05", options={"max_size": 20}).table("sets_left_out")
    assert dict(left.select("set", "reason").iter_rows()) == {
        "few": "fewer than 2 members in the background",
        "none": "no member in the background",
        "many": "more than 20 members",
    }


def test_threads_and_the_order_of_rows_change_no_byte(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    frame = table(statistic=rng.standard_normal(40).round(1))
    sets = write_sets(tmp_path, **{f"s{i}": GENES[i : i + 5 + i % 7] for i in range(25)})
    told = [
        run(one, sets, options={"method": "gsea"}, threads=threads, out=tmp_path / str(threads))
        for one, threads in ((frame, 1), (frame.reverse(), 2))
    ]
    one, other = (found.table() for found in told)
    assert one.equals(other)


def test_all_ranks_of_a_set_at_zero_is_a_status(tmp_path: Path) -> None:
    frame = table(statistic=[*np.linspace(3, 1, 20), *[0.0] * 20])
    sets = write_sets(tmp_path, flat=GENES[20:26], other=GENES[:6])
    found = run(frame, sets, options={"method": "gsea"})
    rows = {row["set"]: row for row in found.table().iter_rows(named=True)}
    assert rows["flat"]["status"] == "not_identified"
    assert rows["flat"]["p_value"] is None
    assert (found.failed, rows["other"]["status"]) == (1, "ok")


def test_a_planted_term_is_found_and_stands_for_those_like_it(tmp_path: Path) -> None:
    ontology = load_ontology("bp")
    members = set(ontology.genes[ontology.terms.index("GO:0006954")])  # inflammatory response
    some = load_genes().frame["symbol"].to_list()[::12]
    q = [0.01 if gene in members else 0.5 for gene in some]
    frame = pl.DataFrame({"gene": some, "q_bh": q})
    options = EnrichOptions(reduction="lin", similarity=0.6)
    found = enrich(frame, sets="go-bp", rows="q_bh < 0.05", options=options).table()
    assert found["set"][0] == "GO:0006954"
    assert found["represented_by"][0] == "GO:0006954"
    assert (found.filter("significant")["represented_by"] == "GO:0006954").sum() > 1


def test_hubs_are_counted_among_hits_alone(tmp_path: Path) -> None:
    pairs = [
        ("IL6", "TNF", 900),
        ("TNF", "IL6", 800),
        ("IL6", "IL8", 700),
        ("IL6", "EGF", 999),
        ("CRP", "IL6", 10),
    ]
    edges = pl.DataFrame(pairs, schema=["a", "b", "score"], orient="row")
    sets = write_sets(tmp_path, one=GENES[:6])
    found = run(
        table(), sets, rows="q_bh < 0.05", edges=edges, hubs=HubOptions(count=1, min_score=400.0)
    )
    hubs = found.table("interaction_hubs")
    first = hubs.row(0, named=True)
    assert (first["gene"], first["degree"], first["strength"], first["hub"]) == (
        "IL6",
        2,
        1600.0,
        True,
    )
    assert hubs["hub"].sum() == 1
    drawn = found.table("interaction_edges")
    assert drawn.rows() == [("IL6", "TNF", 900.0), ("CXCL8", "IL6", 700.0)]


@pytest.mark.parametrize(
    ("change", "asked", "kind", "message"),
    [
        ({}, {}, InputError, "all 40 genes of the background are hits"),
        ({}, {"rows": "q_bh < 0.001"}, NothingToDo, "no row is left where q_bh < 0.001"),
        ({}, {"background": GENES[:3], **HITS}, InputError, "3 genes and the list 10"),
        ({}, {"background": ["ENSG00000000003"], **HITS}, InputError, "Ensembl genes such as"),
        ({}, {"options": {"min_size": 9}, **HITS}, NothingToDo, "has 9 to 500 of the 40 genes"),
        ({}, {"options": {"direction": "up"}, **HITS}, ProteomrError, "needs estimates"),
        ({}, GSEA, ProteomrError, "no column 'statistic'"),
        ({"statistic": [1.0] * 40}, GSEA, InputError, "40 genes of one rank"),
        ({"statistic": [np.inf] * 40}, GSEA, ProteomrError, "infinite in 40 rows"),
        (MODELS, GSEA, ProteomrError, "several values of 'exposure' (a, b)"),
        ({}, {"rank": "q_bh"}, UsageError, "--rank is of --method gsea"),
        (
            {},
            {"options": {"evidence": "curated"}},
            UsageError,
            "--evidence is of the Gene Ontology",
        ),
        ({}, {"options": {"relations": "regulates"}}, UsageError, "--relations is of the Gene"),
        ({}, {"sets": "go-pb"}, UsageError, "did you mean 'go-bp'"),
        ({}, {"hubs": HubOptions(count=3)}, UsageError, "name its edges"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    tmp_path: Path,
    change: dict[str, Any],
    asked: dict[str, Any],
    kind: type[Exception],
    message: str,
) -> None:
    sets = write_sets(tmp_path, one=GENES[:6])
    if "background" in asked:
        asked = {**asked, "background": pl.DataFrame({"gene": asked["background"]})}
    with pytest.raises(kind) as refused:
        run(table(**change), sets, **asked)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_sets_of_another_organism_are_named(tmp_path: Path) -> None:
    sets = write_sets(tmp_path, yeast=["YAL001C", "YAL002W"])
    with pytest.raises(InputError, match="names of no known gene such as 'YAL001C'"):
        run(table(), sets, rows="q_bh < 0.05")


def test_the_manifest_says_what_the_correction_spans(tmp_path: Path) -> None:
    sets = write_sets(tmp_path, one=GENES[:6], two=GENES[:8])
    run(table(), sets, rows="q_bh < 0.05", out=tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["family_of_tests"] == "all 2 tests of sets"


def test_a_p_value_that_is_no_number_was_not_tested(tmp_path: Path) -> None:
    p = np.where(np.arange(len(GENES)) < 30, 0.5, np.nan)
    own = write_sets(tmp_path, some=GENES[:6])
    found = run(table(p_value=p), own, rows="q_bh < 0.05").table()
    assert found["n_background"].to_list() == [30]
