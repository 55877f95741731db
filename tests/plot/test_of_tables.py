"""Figures of tables and results in Python: those of the command, or a word on why not."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from proteomr_cli import main

import proteomr
from proteomr.errors import UsageError
from proteomr.plot.drawing import render, save_drawing
from proteomr.plot.kinds import KINDS, RESULT_TABLES
from proteomr.plot.of_tables import choose_kind, draw_kind
from proteomr.runs import Results
from proteomr.tables import Associations, JointTests, load_schema, schema_names

NAMING = {"protein", "gene", "set", "name", "snp"}
# Tables of tests of proteins in which no row is the test of a protein in a model, or that have a
# figure of their own kind.
NOT_OF_PROTEINS = {
    "against",  # a discovery held against another cohort
    "ctra_leave_out",  # genes left out, one by one
    "gap_associations",  # clocks
    "leave_out",
    "mediation",  # bars
    "meta_bias",
    "meta_influence",
    "paths",  # parts of an effect, not tests beside one another
}


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder = tmp_path_factory.mktemp("scan")
    proteomr.simulate(people=400, proteins=20, seed=3, out=folder / "cohort")
    return proteomr.associate(
        folder / "cohort",
        family="linear",
        exposure=["isolation", "loneliness"],
        adjust={"simple": "age + sex"},
        out=folder / "results",
    )


@pytest.mark.parametrize("kind", ["volcano", "qq", "forest", "flow"])
def test_a_figure_of_results_is_that_of_the_command(
    kind: str, scan: Results, tmp_path: Path
) -> None:
    with pytest.raises(SystemExit) as left:
        main.run(["plot", kind, str(scan.where), "-o", str(tmp_path / f"{kind}.svg")])
    assert left.value.code == 0
    drawing = scan.plot(kind)
    assert drawing.data.height > 0
    written = save_drawing(drawing, tmp_path / "again", formats=["svg"])
    assert {path.suffix for path in written} == {".svg", ".tsv"}
    for ours in written:
        theirs = tmp_path / ours.name.replace("again", kind)
        assert ours.read_bytes() == theirs.read_bytes()


def test_results_and_their_table_have_the_same_figure_without_a_kind(scan: Results) -> None:
    table = Associations(scan.table())
    assert scan.plot().kind == table.plot().kind == "volcano"
    assert scan.plot().data.equals(table.plot().data)
    assert scan.plot(table="attrition").kind == "flow"
    assert render(scan.plot().figure, "svg") == render(scan.plot("volcano").figure, "svg")


def test_the_numbers_of_a_figure_are_those_of_the_table(scan: Results) -> None:
    drawn, held = scan.plot().data, scan.table()
    assert drawn.height == held.height > 0
    for name in ("estimate", "neg_log10_p"):
        assert drawn[name].sort().to_list() == held[name].sort().to_list()


def test_title_labels_and_width_reach_the_figure(scan: Results) -> None:
    wide = scan.plot("forest", width="double", title="T", labels=1).figure.get_size_inches()[0]
    assert wide == pytest.approx(183 / 25.4)
    with pytest.raises(UsageError, match=r"'single' or 'double' is needed"):
        scan.plot("forest", width="treble")  # type: ignore[arg-type]


def test_a_figure_shows_itself_in_a_notebook(scan: Results) -> None:
    assert scan.plot()._repr_png_().startswith(b"\x89PNG")


def test_a_table_without_a_figure_says_so_and_names_those_beside_it(scan: Results) -> None:
    with pytest.raises(UsageError, match=r"'drops' has no figure; .*associations.* have one"):
        scan.plot(table="drops")
    with pytest.raises(UsageError, match=r"^the table 'joint_tests' has no figure$"):
        JointTests(load_schema("joint_tests").empty()).plot()
    with pytest.raises(UsageError, match=r"no kind of figure 'vulcano'.*did you mean 'volcano'"):
        scan.plot("vulcano")
    with pytest.raises(UsageError, match=r"gave no table 'asociations'.*did you mean"):
        scan.plot(table="asociations")


def test_without_matplotlib_the_message_says_how_to_get_it(
    scan: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UsageError, match=r"pip install 'proteomr\[plot\]'"):
        scan.plot()


def test_runs_whose_main_table_has_no_figure_have_that_of_another() -> None:
    assert choose_kind(["coloc", "coloc_snps", "coloc_sensitivity"], "coloc")[1] is KINDS["coloc"]
    assert choose_kind(["qc_assays", "qc_panels"], "qc_assays")[0] == "qc_panels"
    with pytest.raises(UsageError, match=r"'coloc' has no figure; .* coloc_snps has one"):
        choose_kind(["coloc", "coloc_snps"], "coloc")


def test_every_table_of_the_registry_is_one_that_is_written() -> None:
    named = {name for kind in KINDS.values() for name in (*kind.tables, *filter(None, [kind.of]))}
    assert named <= set(schema_names())
    for kind in KINDS.values():
        assert kind.of is None or not any(kind.of in other.tables for other in KINDS.values())


def test_every_table_of_tests_of_proteins_has_a_figure_or_a_reason() -> None:
    def has_tests(name: str) -> bool:
        columns = {column.name for column in load_schema(name).columns}
        tested = columns & {"p_value", "neg_log10_p"}
        return bool(columns & NAMING and tested and "estimate" in columns)

    assert {name for name in schema_names() if has_tests(name)} == (
        set(RESULT_TABLES) | NOT_OF_PROTEINS
    )


def test_tables_and_results_load_no_figure_before_one_is_asked_for() -> None:
    code = "import sys, proteomr.runs; print([n for n in sys.modules if 'proteomr.plot' in n])"
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert re.fullmatch(r"\[\]\n", told.stdout)


def test_letters_that_no_font_has_are_told_of_every_kind() -> None:
    table = pl.DataFrame(
        {"protein": ["ADM", "\U00013000"], "estimate": [0.1, 0.2], "se": 0.05, "p_value": 1e-9}
    )
    for name in ("volcano", "forest", "heatmap"):
        notes = draw_kind(table, KINDS[name]).notes
        assert any("no font here has the letters \U00013000" in note for note in notes), name
    assert not draw_kind(table.head(1), KINDS["forest"]).notes
