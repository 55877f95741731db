"""Pairs of exposures with the outcomes of their own names."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from proteomr.errors import NothingToDo
from proteomr.mr.job import run_mr


def write(path: Path, traits: dict[str, float]) -> Path:
    """Write two variants of each trait, whose effects are a multiple."""
    rows = [
        {"trait": trait, "rsid": f"rs{i}", "chr": str(i), "pos": 1000 * i, "ea": "A", "oa": "G",
         "eaf": 0.3, "beta": factor * i / 10, "se": 0.01}
        for trait, factor in traits.items() for i in (1, 2)
    ]  # fmt: skip
    pl.DataFrame(rows).write_csv(path, separator="\t")
    return path


def find_pairs(x: Path, *ys: Path, pair_by: str) -> list[tuple[str, str, float]]:
    found = run_mr(x, ys, methods="ivw", pair_by=pair_by)  # type: ignore[arg-type]
    return found.table().select("exposure", "outcome", pl.col("estimate").round(9)).rows()


def test_an_exposure_meets_the_outcome_of_its_name_alone(tmp_path: Path) -> None:
    x = write(tmp_path / "x.tsv", {"IL6": 1.0, "CRP": 1.0, "ADM": 1.0})
    y = write(tmp_path / "y.tsv", {"CRP": 0.5, "IL6": 0.25, "LEP": 9.0})
    named = find_pairs(x, y, pair_by="name")
    assert named == [("CRP", "CRP", 0.5), ("IL6", "IL6", 0.25)]
    assert {*named} < {*find_pairs(x, y, pair_by="all")}


def test_outcomes_that_paths_tell_apart_keep_their_name_in_pairing(tmp_path: Path) -> None:
    x = write(tmp_path / "x.tsv", {"IL6": 1.0, "CRP": 1.0})
    for folder in ("C", "D"):
        (tmp_path / folder).mkdir()
    c = write(tmp_path / "C" / "o.tsv", {"IL6": 0.5})
    d = write(tmp_path / "D" / "o.tsv", {"IL6": 0.25})
    named = find_pairs(x, c, d, pair_by="name")
    assert named == [("IL6", "IL6 (C/o.tsv)", 0.5), ("IL6", "IL6 (D/o.tsv)", 0.25)]


def test_the_reverse_pairs_outcomes_that_paths_tell_apart(tmp_path: Path) -> None:
    x = write(tmp_path / "x.tsv", {"IL6": 1.0})
    ys = []
    for folder, factor in (("C", 2.0), ("D", 4.0)):
        (tmp_path / folder).mkdir()
        ys.append(write(tmp_path / folder / "o.tsv", {"IL6": factor}))
    found = run_mr(x, ys, methods="ivw", pair_by="name", reverse=True).table()
    reverse = found.filter(direction="reverse").select("exposure", "outcome", "estimate")
    assert reverse.rows() == [("IL6 (C/o.tsv)", "IL6", 0.5), ("IL6 (D/o.tsv)", "IL6", 0.25)]


def test_brackets_of_a_trait_are_no_path(tmp_path: Path) -> None:
    x = write(tmp_path / "x.tsv", {"IL6": 1.0, "CRP": 1.0})
    y = write(tmp_path / "y.tsv", {"IL6 (urine)": 0.5, "CRP": 0.25})
    assert find_pairs(x, y, pair_by="name") == [("CRP", "CRP", 0.25)]


def write_hits(path: Path, hits: set[int], held: range) -> Path:
    """Write variants of one trait on as many chromosomes, of which some are significant."""
    rows = [
        {"trait": "IL6", "rsid": f"rs{i}", "chr": str(i), "pos": 1000 * i, "ea": "A", "oa": "G",
         "eaf": 0.3, "beta": 0.1 * i if i in hits else 0.001, "se": 0.01}
        for i in held
    ]  # fmt: skip
    path.parent.mkdir(exist_ok=True)
    pl.DataFrame(rows).write_csv(path, separator="\t")
    return path


def test_studies_of_a_trait_with_other_hits_are_no_parts_of_one_study(tmp_path: Path) -> None:
    x = write_hits(tmp_path / "x.tsv", {1, 2, 3, 4}, range(1, 5))
    both = range(1, 5)
    ys = [write_hits(tmp_path / n / "o.tsv", hits, both) for n, hits in (("C", {1}), ("D", {3}))]
    found = run_mr(x, ys, methods="wald", reverse=True).table().filter(direction="reverse")
    assert found.select("exposure", "nsnp").rows() == [("IL6 (C/o.tsv)", 1), ("IL6 (D/o.tsv)", 1)]


def test_files_of_a_chromosome_each_are_one_exposure_of_the_reverse(tmp_path: Path) -> None:
    x = write_hits(tmp_path / "x.tsv", {1, 2, 3, 4}, range(1, 5))
    ys = [
        write_hits(tmp_path / f"o{n}.tsv", {1, 3}, held)
        for n, held in enumerate((range(1, 3), range(3, 5)))
    ]
    found = run_mr(x, ys, methods="ivw", reverse=True)
    assert found.table().select("direction", "exposure", "outcome", "nsnp").rows() == [
        ("forward", "IL6", "IL6", 4),
        ("reverse", "IL6", "IL6", 2),
    ]
    assert any("taken as parts of one study of 'IL6'" in note for note in found.notes)


def test_names_that_never_meet_are_told(tmp_path: Path) -> None:
    x, y = write(tmp_path / "x.tsv", {"IL6": 1.0}), write(tmp_path / "y.tsv", {"IL-6": 1.0})
    with pytest.raises(NothingToDo, match="exposure 'IL6', outcome 'IL-6'"):
        run_mr(x, y, pair_by="name")
