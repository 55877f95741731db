"""The same files give the same answer by every command that reads them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

M = 8
FAR_BP = 20_000_000


def make_study(*, beta: list[float], trait: str | None = None, **columns: Any) -> pl.DataFrame:
    m = len(beta)
    usual: dict[str, Any] = {
        "variant_id": [f"rs{i + 1}" for i in range(m)],
        "rsid": [f"rs{i + 1}" for i in range(m)],
        "chromosome": [str(1 + i // 4) for i in range(m)],
        "position_bp": [1_000_000 + FAR_BP * (i % 4) for i in range(m)],
        "effect_allele": ["A"] * m,
        "other_allele": ["G"] * m,
        "eaf": [0.3] * m,
        "beta": beta,
        "se": [0.01] * m,
        "n": [10_000] * m,
    }
    named = {} if trait is None else {"trait": [trait] * m}
    return pl.DataFrame(usual | named | columns, strict=False)


def exposure(**columns: Any) -> pl.DataFrame:
    return make_study(beta=[0.1 + 0.01 * i for i in range(M)], trait="x", **columns)


def outcome(**columns: Any) -> pl.DataFrame:
    return make_study(beta=[0.03 + 0.003 * i for i in range(M)], trait="y", **columns)


def write(path: Path, frame: pl.DataFrame) -> Path:
    frame.write_csv(path, separator="\t")
    return path


class Answers:
    """Estimates and drops of both ways from two files to an answer."""

    def __init__(self, proteomr: Any, folder: Path) -> None:
        self._proteomr, self._folder = proteomr, folder
        self.err = ""

    def straight(self, x: Path, *ys: Path, options: tuple[object, ...] = ()) -> pl.DataFrame:
        """Analyse the files."""
        return self._run(("mr", x, *ys, *options), "straight")

    def around(self, x: Path, y: Path, options: tuple[object, ...] = ()) -> pl.DataFrame:
        """Harmonise the files first, and analyse what that wrote."""
        out = self._folder / "h"
        ending = self._proteomr("harmonise", x, y, *options, "-o", out, "--overwrite")
        assert ending.code == 0, ending.err
        self.err = ending.err
        return self._run(("mr", "--harmonised", out / "harmonised.parquet"), "around")

    def _run(self, command: tuple[object, ...], name: str) -> pl.DataFrame:
        out = self._folder / name
        ending = self._proteomr(*command, "--methods", "ivw", "-o", out, "--overwrite")
        assert ending.code == 0, ending.err
        self.err += ending.err
        return pl.read_parquet(out / "estimates.parquet").select("nsnp", "estimate", "se")

    def munge(self, path: Path) -> Any:
        """Bring a file to the canonical table."""
        return self._proteomr("gwas", "munge", path, "-o", self._folder / "munged.parquet")

    def drops(self, name: str) -> dict[str, int]:
        """Return what a way left out, by reason."""
        table = pl.read_csv(self._folder / name / "drops.tsv", separator="\t")
        return dict(table.group_by("reason").agg(pl.col("n").sum()).iter_rows())


@pytest.fixture
def answers(proteomr: Any, tmp_path: Path) -> Answers:
    return Answers(proteomr, tmp_path)


def turn(row: pl.DataFrame) -> pl.DataFrame:
    return row.with_columns(
        effect_allele="other_allele", other_allele="effect_allele", beta=-pl.col("beta")
    )


def flip(row: pl.DataFrame) -> pl.DataFrame:
    return row.with_columns(effect_allele=pl.lit("T"), other_allele=pl.lit("C"))


REPEATS: dict[str, tuple[Callable[[pl.DataFrame], pl.DataFrame], str]] = {
    "the same row": (lambda row: row, "repeated"),
    "the other allele": (turn, "repeated"),
    "the other strand": (flip, "repeated"),
    "another effect": (lambda row: row.with_columns(beta=pl.lit(0.5)), "repeated_differently"),
    "another error": (lambda row: row.with_columns(se=pl.lit(0.02)), "repeated_differently"),
    "alleles exchanged alone": (
        lambda row: turn(row).with_columns(beta=-pl.col("beta")),
        "repeated_differently",
    ),
    "another effect on the other strand": (
        lambda row: flip(row).with_columns(beta=pl.lit(0.5)),
        "repeated_differently",
    ),
}


@pytest.mark.parametrize("side", ["exposure", "outcome"])
@pytest.mark.parametrize("kind", REPEATS)
def test_a_repeated_variant_counts_once_on_every_way(
    answers: Answers, tmp_path: Path, kind: str, side: str
) -> None:
    change, reason = REPEATS[kind]
    x, y = exposure(), outcome()
    contradicts = reason == "repeated_differently"
    first = int(contradicts)  # where rows contradict each other, none of the variant stays
    pure = answers.straight(write(tmp_path / "x.tsv", x[first:]), write(tmp_path / "y.tsv", y))
    added = change((x if side == "exposure" else y)[:1])
    x, y = (pl.concat([x, added]), y) if side == "exposure" else (x, pl.concat([y, added]))
    files = write(tmp_path / "x.tsv", x), write(tmp_path / "y.tsv", y)
    options = ("--unproven", "flag") if side == "exposure" else ()
    assert answers.straight(*files, options=options).equals(pure)
    assert answers.drops("straight")[reason] == 1 + first
    assert ("with another effect or error" in answers.err) == contradicts
    assert answers.around(*files).equals(pure)
    assert answers.drops("h")[reason] == 1 + first
    assert ("with another effect or error" in answers.err) == contradicts


@pytest.mark.parametrize(("beta", "reason"), [(0.03, "repeated"), (0.5, "repeated_differently")])
@pytest.mark.parametrize("named", ["SNP", "variant_id"])
def test_harmonised_variants_count_once(
    proteomr: Any, tmp_path: Path, beta: float, reason: str, named: str
) -> None:
    rows = [f"rs{i},0.1,0.01,0.0{i},0.02" for i in (3, 4, 5)]
    text = f"{named},beta_exposure,se_exposure,beta_outcome,se_outcome\n"
    (tmp_path / "h.csv").write_text(
        "\n".join([text.strip(), *rows, f"rs3,0.1,0.01,{beta},0.02", ""])
    )
    ending = proteomr(
        "mr", "--harmonised", tmp_path / "h.csv", "--methods", "ivw", "-o", tmp_path / "o"
    )
    assert ending.code == 0, ending.err
    found = pl.read_parquet(tmp_path / "o" / "estimates.parquet")
    contradicts = beta == 0.5
    assert found["nsnp"].to_list() == [3 - contradicts]
    assert found["estimate"][0] == pytest.approx(0.45 if contradicts else 0.4)
    assert f"left out: {1 + contradicts} {reason}" in ending.out
    assert ("as 'rs3'; none of them is kept" in ending.err) == contradicts


def test_harmonised_variants_of_several_pairs_in_one_are_refused(
    proteomr: Any, tmp_path: Path
) -> None:
    text = "SNP,beta_exposure,se_exposure,beta_outcome,se_outcome,lipid\n"
    text += "rs1,0.1,0.01,0.05,0.02,ldl\nrs1,0.2,0.01,0.05,0.02,hdl\n"
    text += "rs2,0.1,0.01,0.05,0.02,ldl\nrs3,0.1,0.01,0.05,0.02,hdl\n"
    (tmp_path / "h.csv").write_text(text)
    ending = proteomr("mr", "--harmonised", tmp_path / "h.csv", "-o", tmp_path / "o")
    assert "column 'lipid' parts them" in ending.message
    assert ending.code == 3


def test_variants_that_say_themselves_not_to_be_harmonised_are_refused(
    proteomr: Any, tmp_path: Path
) -> None:
    head = "SNP,beta.exposure,se.exposure,beta.outcome,se.outcome,effect_allele.exposure,"
    rows = [
        "rs1,0.1,0.01,0.05,0.02,A,a",
        "rs2,0.1,0.01,0.05,0.02,A,NA",
        "rs3,0.1,0.01,-0.05,0.02,A,G",
    ]
    (tmp_path / "h.csv").write_text("\n".join([f"{head}effect_allele.outcome", *rows, ""]))
    ending = proteomr("mr", "--harmonised", tmp_path / "h.csv", "-o", tmp_path / "o")
    assert (
        "not harmonised, 1 of 3 variants: effects of 'rs3' are per A on the exposure"
        in ending.message
    )
    assert ending.code == 3


def test_several_alleles_at_one_place_are_several_variants(
    answers: Answers, tmp_path: Path
) -> None:
    other = exposure()[:1].with_columns(other_allele=pl.lit("C"), beta=pl.lit(0.2))
    x = pl.concat([exposure(), other])
    third = outcome()[:1].with_columns(other_allele=pl.lit("C"), beta=pl.lit(0.06))
    y = pl.concat([outcome(), third])
    files = write(tmp_path / "x.tsv", x), write(tmp_path / "y.tsv", y)
    straight = answers.straight(*files, options=("--unproven", "flag"))
    assert straight["nsnp"].to_list() == [M + 1]
    assert answers.around(*files).equals(straight)


@pytest.mark.parametrize("place", [("7", 5), ("1", 5)])
@pytest.mark.parametrize("word", ["rs1", "-", "novel"])
def test_one_name_at_two_places_is_two_variants(
    answers: Answers, tmp_path: Path, word: str, place: tuple[str, int]
) -> None:
    named = pl.when(pl.col("variant_id") == "rs1").then(pl.lit(word)).otherwise("variant_id")
    x = exposure().with_columns(variant_id=named, rsid=named)
    y = outcome().with_columns(variant_id=named, rsid=named)
    pure = answers.straight(write(tmp_path / "x.tsv", x), write(tmp_path / "y.tsv", y))
    elsewhere = y[:1].with_columns(
        chromosome=pl.lit(place[0]), position_bp=pl.lit(place[1], pl.Int64), beta=pl.lit(0.5)
    )
    write(tmp_path / "y.tsv", pl.concat([elsewhere, y]))
    files = tmp_path / "x.tsv", tmp_path / "y.tsv"
    assert answers.straight(*files).equals(pure)
    assert answers.around(*files).equals(pure)


def test_a_name_found_on_another_chromosome_is_dropped_with_the_reason(
    answers: Answers, tmp_path: Path
) -> None:
    y = outcome()
    moved = pl.when(pl.col("variant_id") == "rs3").then(pl.lit("9")).otherwise("chromosome")
    files = (
        write(tmp_path / "x.tsv", exposure()),
        write(tmp_path / "y.tsv", y.with_columns(chromosome=moved)),
    )
    assert answers.straight(*files)["nsnp"].to_list() == [M - 1]
    assert answers.drops("straight") == {"position_differs": 1}
    assert answers.around(*files)["nsnp"].to_list() == [M - 1]


NAMES = {
    "rsid": pl.col("rsid"),
    "place": pl.format("{}:{}:A:G", "chromosome", "position_bp"),
    "turned": pl.format("chr{}_{}_G_A", "chromosome", "position_bp"),
    "own": pl.format("{}-x", "rsid"),
}


@pytest.mark.parametrize("theirs", NAMES)
@pytest.mark.parametrize("ours", NAMES)
def test_the_way_of_naming_changes_nothing(
    answers: Answers, tmp_path: Path, ours: str, theirs: str
) -> None:
    pure = answers.straight(
        write(tmp_path / "x.tsv", exposure()), write(tmp_path / "y.tsv", outcome())
    )
    files = (
        write(tmp_path / "x.tsv", exposure().with_columns(variant_id=NAMES[ours])),
        write(tmp_path / "y.tsv", outcome().with_columns(variant_id=NAMES[theirs])),
    )
    assert answers.straight(*files).equals(pure)
    assert answers.around(*files).equals(pure)


def test_positions_are_matched_on_request_by_both(
    proteomr: Any, answers: Answers, tmp_path: Path
) -> None:
    pure = answers.straight(
        write(tmp_path / "x.tsv", exposure()), write(tmp_path / "y.tsv", outcome())
    )
    own = outcome().drop("rsid").with_columns(pl.col("variant_id").str.replace("rs", "v"))
    files = tmp_path / "x.tsv", write(tmp_path / "y.tsv", own)
    refused = [proteomr(command, *files, "-o", tmp_path / "no") for command in ("mr", "harmonise")]
    assert [ending.code for ending in refused] == [3, 3]
    asked = ("--match", "position")
    assert answers.straight(*files, options=asked).equals(pure)
    assert answers.around(*files, options=asked).equals(pure)


def write_matrix(folder: Path, names: list[str], kind: str) -> Path:
    r = np.eye(len(names))
    frame = pl.DataFrame({name: r[:, i] for i, name in enumerate(names)})
    path = folder / f"ld.{kind}"
    if kind == "npz":
        np.savez(path, r=r, variant_id=np.array(names))
    elif kind == "parquet":
        frame.write_parquet(path)
    else:
        frame.write_csv(path, separator="\t" if kind == "tsv" else ",")
    return path


@pytest.mark.parametrize("kind", ["csv", "tsv", "npz", "parquet"])
@pytest.mark.parametrize("theirs", ["rsid", "place", "turned"])
def test_a_panel_serves_mr_as_it_serves_clumping(
    proteomr: Any, tmp_path: Path, theirs: str, kind: str
) -> None:
    x = exposure().with_columns(variant_id=NAMES["place"])
    names = x.select(NAMES[theirs].alias("n"))["n"].to_list()
    panel = write_matrix(tmp_path, names, kind)
    files = write(tmp_path / "x.tsv", x), write(tmp_path / "y.tsv", outcome())
    clumped = proteomr("gwas", "clump", files[0], "--ld", panel, "-o", tmp_path / "c.parquet")
    assert clumped.code == 0, clumped.err
    assert f"{M} clumps of {M} variants" in clumped.out
    ending = proteomr("mr", *files, "--ld", panel, "--methods", "ivw", "-o", tmp_path / "o")
    assert ending.code == 0, ending.err
    assert pl.read_parquet(tmp_path / "o" / "estimates.parquet")["nsnp"].to_list() == [M]
    assert ("in the panel by rsid" in ending.err) == (theirs == "rsid")


def test_a_variant_twice_in_the_panel_is_said_by_both(proteomr: Any, tmp_path: Path) -> None:
    names = [*(f"rs{i + 1}" for i in range(M)), "rs2"]
    r = np.eye(M + 1)
    np.savez(tmp_path / "ld.npz", r=r, variant_id=np.array(names))
    files = write(tmp_path / "x.tsv", exposure()), write(tmp_path / "y.tsv", outcome())
    panel = tmp_path / "ld.npz"
    clumping = proteomr("gwas", "clump", files[0], "--ld", panel, "-o", tmp_path / "c.parquet")
    analysis = proteomr("mr", *files, "--ld", panel, "--methods", "ivw", "-o", tmp_path / "o")
    assert (clumping.code, analysis.code) == (3, 3)
    assert clumping.message == analysis.message
    assert "variant 'rs2' stands twice" in analysis.message


def test_outcomes_of_one_file_name_are_two(proteomr: Any, tmp_path: Path) -> None:
    paths = []
    for folder, factor in (("C", 1.0), ("D", 2.0)):
        (tmp_path / folder).mkdir()
        frame = outcome().drop("trait").with_columns(pl.col("beta") * factor)
        paths.append(write(tmp_path / folder / "o.tsv", frame))
    x = write(tmp_path / "x.tsv", exposure())
    ending = proteomr("mr", x, *paths, "--methods", "ivw", "-o", tmp_path / "out")
    assert ending.code == 0, ending.err
    found = pl.read_parquet(tmp_path / "out" / "estimates.parquet").sort("outcome")
    assert found["outcome"].to_list() == ["o (C/o.tsv)", "o (D/o.tsv)"]
    assert found["estimate"][1] == pytest.approx(2 * found["estimate"][0])
    assert found["nsnp"].to_list() == [M, M]
    assert "2 files have an outcome 'o'" in ending.err


def test_one_file_for_each_chromosome_is_one_outcome(proteomr: Any, tmp_path: Path) -> None:
    y = outcome()
    parts = [write(tmp_path / f"chr{c}.tsv", y.filter(chromosome=c)) for c in ("1", "2")]
    x = write(tmp_path / "x.tsv", exposure())
    ending = proteomr("mr", x, *parts, "--methods", "ivw", "-o", tmp_path / "out")
    assert ending.code == 0, ending.err
    found = pl.read_parquet(tmp_path / "out" / "estimates.parquet")
    assert found.select("outcome", "nsnp").rows() == [("y", M)]


@pytest.mark.parametrize("name", ["gene", "id", "sex", "Assay"])
@pytest.mark.parametrize("command", ["mr", "harmonise", "gwas clump", "gwas leads", "gwas munge"])
def test_a_column_that_parts_the_effects_is_the_trait_by_its_name_or_asked_for(
    proteomr: Any, tmp_path: Path, command: str, name: str
) -> None:
    first = exposure().drop("trait").with_columns(pl.lit("IL6").alias(name))
    second = first[:2].with_columns(pl.lit("CRP").alias(name), beta=-pl.col("beta"))
    x = write(tmp_path / "p.tsv", pl.concat([first, second]))
    y = write(tmp_path / "y.tsv", outcome())
    panel = write_matrix(tmp_path, ["rs1", "rs2"], "csv")
    files = {"mr": (x, y), "harmonise": (x, y), "gwas clump": (x, "--ld", panel)}.get(command, (x,))
    out = tmp_path / ("o.parquet" if "gwas" in command else "o")
    ending = proteomr(*command.split(), *files, "-o", out)
    if name in ("id", "sex"):
        assert f"column {name!r} parts them" in ending.message
        assert ending.code == 3
        return
    assert f"{name!r} parts the rows of a variant; it is taken for the trait" in ending.err
    assert ending.code == 0, ending.err


def test_few_repeats_that_a_column_parts_by_chance_are_told_and_not_refused(
    answers: Answers, tmp_path: Path
) -> None:
    beta = [0.001 * (i % 7) for i in range(400)]
    places = {"chromosome": ["3"] * 400, "position_bp": list(range(1, 401))}
    many = make_study(beta=beta, trait="y", **places).with_columns(
        variant_id=pl.format("v{}", "position_bp"), rsid=pl.lit(None, pl.String)
    )
    y = pl.concat([outcome(), many]).with_columns(Direction=pl.lit("+-"))
    again = y[:1].with_columns(Direction=pl.lit("++"), beta=pl.lit(0.5))
    pure = answers.straight(write(tmp_path / "x.tsv", exposure()), write(tmp_path / "y.tsv", y))
    whole = write(tmp_path / "y.tsv", pl.concat([y, again]))
    assert pure["nsnp"].to_list() == [M]
    ending = answers.munge(whole)
    assert "1 row repeats a variant with another effect or error, as 'rs1'" in ending.err
    assert ending.code == 0


def test_a_column_protein_is_the_trait(proteomr: Any, tmp_path: Path) -> None:
    first = exposure().rename({"trait": "protein"}).with_columns(protein=pl.lit("IL6"))
    second = first.with_columns(protein=pl.lit("CRP"), beta=-pl.col("beta"))
    x = write(tmp_path / "p.tsv", pl.concat([first, second]))
    y = write(tmp_path / "y.tsv", outcome())
    assert proteomr("mr", x, y, "--methods", "ivw", "-o", tmp_path / "o").code == 0
    found = pl.read_parquet(tmp_path / "o" / "estimates.parquet")
    assert found["exposure"].to_list() == ["CRP", "IL6"]
