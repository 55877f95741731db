"""Options of `coloc`, `finemap` and `mr` where something takes them, and where nothing does."""

from __future__ import annotations

import contextlib
import itertools
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from proteomr_cli.coloc_options import Comparison, TraitSides
from proteomr_cli.coloc_region_options import Regions

from proteomr.colocalisation.request import ColocRequest
from proteomr.errors import UsageError
from tests.colocalisation.loci import draw_founders, make_locus, measure

METHODS = ("abf", "susie", "conditional", "smr", "hyprcoloc", "moloc")
PAIRS = ("abf", "susie", "conditional")
LINKED = ("susie", "conditional", "smr")  # have --ld in all that follows
PLACES = ("windows", "region")
# Each option of coloc with a value that is not the usual one, and the methods that take it in
# windows around leads, and in one region.
TAKEN: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "--lead-p 1e-12": (METHODS, LINKED),
    "--window-kb 9": (METHODS, ()),
    "--lead-kb 11": (METHODS, ()),
    "--long-range drop": (METHODS, ()),
    "--cis-kb 10": ((), ()),
    "--build hg19": ((), ()),
    "--variants none": (PAIRS, PAIRS),
    "--coverage 0.5": ((*PAIRS, "hyprcoloc"), (*PAIRS, "hyprcoloc")),
    "--p12 1e-6": (PAIRS, PAIRS),
    "--sdy1 3": ((*PAIRS, "hyprcoloc", "moloc"), (*PAIRS, "hyprcoloc", "moloc")),
    "--type2 cc": ((*PAIRS, "hyprcoloc", "moloc"), (*PAIRS, "hyprcoloc", "moloc")),
    "--n2 90": ((*PAIRS, "hyprcoloc", "moloc"), (*PAIRS, "hyprcoloc", "moloc")),
    "--prior 1e-5": (("hyprcoloc",), ("hyprcoloc",)),
    "--priors 1e-3,1e-5,1e-6,1e-7": (("moloc",), ("moloc",)),
    "--l 1": (("susie",), ("susie",)),
    "--ld-values r": (LINKED, LINKED),
    "--lead-r2 0.5": (LINKED, ()),
    "--ld ld.csv": (METHODS, ("abf", *LINKED)),
    "--ld1 ld.csv --ld2 other.csv": (METHODS, ("susie", "conditional")),
}
SAMPLES = 1500


def ask(method: str, place: str, option: str) -> ColocRequest:
    """Return the request of a command line, without the time that its parsing takes."""
    words = option.split()
    region = ["--region", "6:1-9"] if place == "region" else []
    linked = ["--ld", "ld.csv"] if method in LINKED and words[0] not in ("--ld", "--ld1") else []
    words = [*words, *region, *linked, "--method", method]
    values: dict[str, Any] = {}
    for name, text in zip(words[::2], words[1::2], strict=True):
        value: Any = Path(text) if name.startswith("--ld") and "." in text else text
        with contextlib.suppress(ValueError, TypeError):
            value = float(value) if name != "--l" else int(value)
        values[{"--l": "effects"}.get(name, name[2:].replace("-", "_"))] = value
    comparison, sides, regions = (
        {field.name: values.pop(field.name) for field in fields(kind) if field.name in values}
        for kind in (Comparison, TraitSides, Regions)
    )
    files = [Path("one.tsv"), Path("two.tsv")]
    request: ColocRequest = Comparison(**comparison).request(
        files, sides=TraitSides(**sides), regions=Regions(**regions)
    )
    assert not values
    return request


@pytest.mark.parametrize("option", TAKEN)
def test_an_option_is_refused_where_nothing_takes_it(option: str) -> None:
    for method, (place, takers) in itertools.product(
        METHODS, zip(PLACES, TAKEN[option], strict=True)
    ):
        if method in takers:
            assert ask(method, place, option).method == method
            continue
        with pytest.raises(UsageError) as refused:
            ask(method, place, option)
        names = [word for word in option.split() if word.startswith("--")]
        assert any(name in str(refused.value) for name in names), (method, place, refused.value)


def test_what_is_taken_changes_the_tables(
    proteomr: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one method; two loci, one of them in the MHC, with two signals each.

    It takes some seconds, of a run for each option: that something changes only a run can show.
    """
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(7)
    founders = {"1": draw_founders(rng, 30), "6": draw_founders(rng, 30)}
    for trait, panel, second in (("one", "ld", 0.25), ("two", "other", 0.3)):
        loci = [
            make_locus(rng, n=SAMPLES, m=30, chromosome=name, start=30_000_000, founders=held)
            for name, held in founders.items()
        ]
        rows = [measure(locus, {9: 0.6, 24: second}, rng) for locus in loci]
        pl.concat(rows).write_csv(f"{trait}.tsv", separator="\t")
        names = [name for locus in loci for name in locus.names]
        matrix = np.corrcoef(np.hstack([locus.copies for locus in loci]).T)
        pl.DataFrame({"snp": names}).hstack(pl.DataFrame(matrix, schema=names)).write_csv(
            f"{panel}.csv"
        )
    found = dict[str, list[bytes]]()
    for option in ("", *(name for name, places in TAKEN.items() if "abf" in places[0])):
        words = ["coloc", "one.tsv", "two.tsv", *option.split(), "--overwrite", "-o", "run"]
        assert proteomr(*words).code == 0
        found[option] = [path.read_bytes() for path in sorted(Path("run").glob("*.parquet"))]
    assert [option for option, tables in found.items() if option and tables == found[""]] == []


WHOLE = "a.csv: tells no chromosomes: all rows are taken as one region"


@pytest.mark.parametrize(
    ("words", "note"),
    [
        ("coloc a.csv b.csv", None),
        ("coloc a.csv b.csv --window-kb 9", f"{WHOLE}, where --window-kb has no effect"),
        (
            "coloc a.csv b.csv --long-range drop --lead-kb 9",
            f"{WHOLE}, where --lead-kb, --long-range has no effect",
        ),
        ("coloc a.csv b.csv --lead-p 1e-9", f"{WHOLE}, where --lead-p has no effect"),
        (
            "coloc a.csv b.csv --method susie --ld ld.csv --lead-p 1e-9 --lead-r2 0.1",
            f"{WHOLE}, where --lead-r2 has no effect",
        ),
        ("coloc a.csv b.csv --ld ld.csv", None),
        (
            "coloc a.csv b.csv --method hyprcoloc --ld ld.csv",
            f"{WHOLE}, where --ld has no effect",
        ),
        (
            "coloc a.csv b.csv --method moloc --ld1 ld.csv --ld2 other.csv",
            f"{WHOLE}, where --ld1, --ld2 has no effect",
        ),
        ("finemap a.csv", None),
        (
            "finemap a.csv --lead-p 1e-9 --window-kb 9",
            "--lead-p, --window-kb has no effect on what is read: a single locus, or no places",
        ),
    ],
)
def test_an_option_that_the_data_make_idle_is_noted(
    proteomr: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, note: str | None
) -> None:
    """Files without chromosomes are one region; only their reading tells."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(3)
    locus = make_locus(rng, n=SAMPLES, m=20)
    for name in ("a", "b"):
        rows = measure(locus, {9: 0.5}, rng).rename({"rsid": "snp"})
        rows = rows.select("snp", "beta", varbeta=pl.col("se") ** 2)
        rows.write_csv(f"{name}.csv")
    table = pl.DataFrame({"snp": locus.names}).hstack(locus.correlations)
    for name in ("ld", "other"):
        table.write_csv(f"{name}.csv")
    spread = ["--sdy1", "1", "--sdy2", "1"] if words.startswith("coloc") else ["--sdy", "1"]
    ending = proteomr(*words.split(), *spread, "-o", "run")
    assert ending.code == 0
    manifest = json.loads(Path("run/manifest.json").read_text())
    idle = [text for text in manifest["notes"] if "no effect" in text]
    assert idle == ([] if note is None else [note])


@pytest.mark.parametrize("command", ["coloc a.tsv b.tsv", "finemap a.tsv", "mr a.tsv b.tsv"])
def test_what_is_said_of_a_gene_is_refused_without_one(proteomr: Any, command: str) -> None:
    """The usual value, too: who writes it takes it for what the run does."""
    for option, place in (("--cis-kb 1000", ""), ("--build GRCh38", "--region 6:1-9")):
        ending = proteomr(*command.split(), *place.split(), *option.split(), "-o", "run")
        assert ending.code == 2
        assert f"{option} is of --cis GENE" in ending.message


def test_the_distance_from_a_gene_is_no_negative_number(proteomr: Any) -> None:
    ending = proteomr("finemap", "one.tsv", "--cis", "TNF", "--cis-kb", "-3", "-o", "run")
    assert ending.code == 2
    assert "--cis-kb -3: 0 or more is needed" in ending.message
