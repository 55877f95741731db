"""Figures on the disk: the same bytes, the numbers beside them, whole or not there."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from proteomr.errors import NothingToDo, StorageError, UsageError
from proteomr.plot import (
    draw_forest,
    draw_funnel,
    draw_radial,
    draw_scatter,
    save_book,
    save_drawing,
)
from proteomr.plot.style import look_of_method

MakePair = Callable[..., Any]

ROOT = Path(__file__).parents[2]
DIGEST = """
import hashlib, tempfile
import numpy as np, polars as pl
from proteomr.plot import draw_radial, save_book, save_drawing
from proteomr.tables import Harmonised
data = Harmonised(
    exposures=("loneliness",), outcome="ADM",
    variants=pl.DataFrame({"variant_id": ["rs1", "rs2", "rs3"]}),
    beta_x=np.array([[0.1], [0.2], [0.3]]), se_x=np.full((3, 1), 0.01),
    beta_y=np.array([0.06, 0.09, 0.30]), se_y=np.full(3, 0.02),
)
with tempfile.TemporaryDirectory() as folder:
    paths = save_drawing(draw_radial(data), f"{folder}/a", formats=["svg", "png", "pdf"])
    paths += save_book([draw_radial(data)], f"{folder}/b")
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
if __name__ == "__main__":
    print(*digests)
"""


def test_another_process_writes_the_same_bytes(tmp_path: Path) -> None:
    script = tmp_path / "digest.py"
    script.write_text(DIGEST)
    elsewhere = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONHASHSEED": "2", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert elsewhere.stdout.split() == runpy.run_path(str(script))["digests"]


def test_settings_from_elsewhere_change_no_byte_and_stand_as_before(
    make_pair: MakePair, tmp_path: Path
) -> None:
    data = make_pair(6).data
    save_drawing(draw_radial(data), tmp_path / "plain", formats=["svg"])
    with mpl.rc_context({"font.size": 20.0, "svg.fonttype": "path", "lines.linewidth": 5.0}):
        save_drawing(draw_radial(data), tmp_path / "other", formats=["svg"])
        assert mpl.rcParams["font.size"] == 20.0
    assert (tmp_path / "plain.svg").read_bytes() == (tmp_path / "other.svg").read_bytes()


def test_svg_keeps_text_as_text_and_names_no_date(make_pair: MakePair, tmp_path: Path) -> None:
    save_drawing(draw_scatter(make_pair(6).data), tmp_path / "scatter", formats=["svg"])
    text = (tmp_path / "scatter.svg").read_text("utf-8")
    assert "SNP effect on loneliness</text>" in text
    assert "<dc:date>" not in text


def test_png_has_300_dots_per_inch(make_pair: MakePair, tmp_path: Path) -> None:
    save_drawing(draw_scatter(make_pair(6).data), tmp_path / "scatter", formats=["png"])
    head = (tmp_path / "scatter.png").read_bytes()[:24]
    assert abs(int.from_bytes(head[16:20]) - 89 / 25.4 * 300) < 1


def test_the_table_beside_a_figure_holds_its_numbers(make_pair: MakePair, tmp_path: Path) -> None:
    pair = make_pair(6)
    drawing = draw_funnel(pair.singlesnp, pair.estimates)
    written = save_drawing(drawing, tmp_path / "a.funnel")
    assert [path.name for path in written] == ["a.funnel.svg", "a.funnel.png", "a.funnel.tsv"]
    assert_frame_equal(pl.read_csv(written[-1], separator="\t"), drawing.data, check_exact=True)


def test_each_page_is_a_file_of_its_own(make_pair: MakePair, tmp_path: Path) -> None:
    drawing = draw_forest(make_pair(9).singlesnp, rows_per_page=5)
    written = save_drawing(drawing, tmp_path / "forest", formats=["svg"])
    assert [path.name for path in written] == ["forest-1.svg", "forest-2.svg", "forest.tsv"]


def test_a_book_lists_its_pages_and_holds_their_numbers(
    make_pair: MakePair, tmp_path: Path
) -> None:
    pairs = [make_pair(9), make_pair(6, outcome="ASGR1")]
    drawings = [
        drawing
        for pair in pairs
        for drawing in (
            draw_scatter(pair.data, pair.estimates),
            draw_forest(pair.singlesnp, rows_per_page=5),
        )
    ]
    book, index, data = save_book(iter(drawings), tmp_path / "hits")
    listed = pl.read_csv(index, separator="\t")
    assert listed.select("page", "outcome", "figure", "figure_page").rows() == [
        (1, "ADM", "scatter", 1),
        (2, "ADM", "forest", 1),
        (3, "ADM", "forest", 2),
        (4, "ASGR1", "scatter", 1),
        (5, "ASGR1", "forest", 1),
        (6, "ASGR1", "forest", 2),
    ]
    assert book.read_bytes().count(b"/Type /Page ") == 6
    numbers = pl.read_csv(data, separator="\t", infer_schema_length=None)
    assert numbers.height == sum(drawing.data.height for drawing in drawings)
    shown = numbers.filter(page=4, kind="variant")["x"].to_list()
    assert shown == drawings[2].data.filter(kind="variant")["x"].to_list()


def test_an_empty_book_is_nothing_to_do_and_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(NothingToDo):
        save_book([], tmp_path / "hits")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_an_error_of_storage(
    make_pair: MakePair, tmp_path: Path
) -> None:
    drawing = draw_radial(make_pair(4).data)
    with pytest.raises(StorageError, match="the folder does not exist"):
        save_drawing(drawing, tmp_path / "none" / "radial", formats=["svg"])
    with pytest.raises(StorageError, match="the folder does not exist"):
        save_book([drawing], tmp_path / "none" / "book")


def test_a_folder_in_place_of_the_figure_is_an_error_of_storage(
    make_pair: MakePair, tmp_path: Path
) -> None:
    (tmp_path / "radial.svg").mkdir()
    with pytest.raises(StorageError, match="a folder stands in its place"):
        save_drawing(draw_radial(make_pair(4).data), tmp_path / "radial", formats=["svg"])


def test_another_format_is_refused_before_anything_is_written(
    make_pair: MakePair, tmp_path: Path
) -> None:
    wrong: Any = ["svg", "pngg"]
    with pytest.raises(UsageError, match=r"'pngg' \(did you mean 'png'"):
        save_drawing(draw_radial(make_pair(4).data), tmp_path / "radial", formats=wrong)
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib_the_message_says_how_to_get_it(
    make_pair: MakePair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UsageError, match=r"pip install 'proteomr\[plot\]'"):
        draw_scatter(make_pair(4).data)


def test_without_the_font_of_the_house_the_message_says_what_to_install(
    make_pair: MakePair, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find_none(*_: object, **__: object) -> str:
        raise ValueError("Failed to find font DejaVu Sans")

    monkeypatch.setattr("matplotlib.font_manager.findfont", find_none)
    with pytest.raises(UsageError, match=r"need the font DejaVu Sans, .* \(fonts-dejavu\)$"):
        draw_scatter(make_pair(4).data)


def test_importing_the_room_loads_no_matplotlib_and_no_pyplot_is_ever_loaded() -> None:
    code = (
        "import sys, proteomr.plot as p, polars as pl;"
        "assert 'matplotlib' not in sys.modules and 'scipy.stats' not in sys.modules;"
        "p.draw_forest(pl.DataFrame({'exposure': 'x', 'outcome': 'y', 'variant_id': ['a'],"
        "'estimate': 0.1, 'se': 0.1, 'neg_log10_p': 1.0}));"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_methods_of_the_default_set_differ_in_colour_and_in_dashes() -> None:
    keys = ("ivw", "egger", "weighted_median", "simple_mode", "weighted_mode")
    looks = [look_of_method(key) for key in keys]
    assert len({look.colour for look in looks}) == len({look.dashes for look in looks}) == 5
