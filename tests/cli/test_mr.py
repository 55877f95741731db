"""From files to causal estimates: what is written, what is said, and what mistakes get."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

INPUT, USAGE, FAILED, NOTHING = 3, 2, 4, 5


def make_files(folder: Path, *, outcomes: int = 2, m: int = 12) -> tuple[Path, Path]:
    rng = np.random.default_rng(8)
    x = rng.uniform(0.05, 0.2, m)
    base = {
        "variant_id": [f"rs{i}" for i in range(m)],
        "rsid": [f"rs{i}" for i in range(m)],
        "chromosome": [str(1 + i) for i in range(m)],
        "position_bp": [1_000_000 + i for i in range(m)],
        "effect_allele": ["A"] * m,
        "other_allele": ["G"] * m,
        "eaf": rng.uniform(0.1, 0.4, m),
    }
    se = np.full(m, 0.01)
    exposure = pl.DataFrame(
        {**base, "beta": x, "se": se, "n": [50_000.0] * m, "trait": ["loneliness"] * m}
    )
    parts = [
        pl.DataFrame(
            {
                **base,
                "beta": 0.3 * j * x + rng.normal(0, 0.01, m),
                "se": se,
                "n": [30_000.0] * m,
                "trait": [f"P{j}"] * m,
            }
        )
        for j in range(1, outcomes + 1)
    ]
    paths = folder / "exposure.tsv", folder / "outcomes.tsv"
    for path, frame in zip(paths, (exposure, pl.concat(parts)), strict=True):
        frame.write_csv(path, separator="\t")
    return paths


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return make_files(tmp_path)


def test_two_files_become_estimates_and_diagnostics(
    proteomr: Any, tmp_path: Path, files: tuple[Path, Path]
) -> None:
    ending = proteomr("mr", *files, "-o", tmp_path / "out", "--bootstraps", 50)
    assert ending.code == 0, ending.err
    assert ending.out.splitlines()[-1] == str(tmp_path / "out" / "estimates.parquet")
    found = pl.read_parquet(tmp_path / "out" / "estimates.parquet")
    assert found.filter(method="ivw")["outcome"].to_list() == ["P1", "P2"]
    assert found.filter(method="ivw", outcome="P2")["estimate"][0] == pytest.approx(0.6, abs=0.1)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    tables = ("heterogeneity", "pleiotropy", "singlesnp", "leaveoneout", "rucker", "outliers")
    for name in (*tables, "steiger", "verdict", "instruments", "harmonised"):
        assert f"{name}.parquet" in names
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert [entry["name"] for entry in manifest["inputs"]] == [str(path) for path in files]
    assert manifest["seed"] == 1


def test_the_other_direction_is_estimated_on_request(
    proteomr: Any, tmp_path: Path, files: tuple[Path, Path]
) -> None:
    ending = proteomr(
        "mr", *files, "--reverse", "--methods", "ivw", "-o", tmp_path / "out", "--allow-failures"
    )
    assert ending.code == 0, ending.err
    found = pl.read_parquet(tmp_path / "out" / "estimates.parquet")
    assert ("P2", "loneliness") in found.select("exposure", "outcome").rows()


def test_the_same_request_gives_the_same_bytes(
    proteomr: Any, tmp_path: Path, files: tuple[Path, Path]
) -> None:
    for name, threads in (("a", 1), ("b", 2)):
        proteomr("mr", *files, "--bootstraps", 30, "--threads", threads, "-o", tmp_path / name)
    for table in ("estimates", "singlesnp", "harmonised", "verdict"):
        one, other = (tmp_path / name / f"{table}.parquet" for name in ("a", "b"))
        assert one.read_bytes() == other.read_bytes(), table


def test_harmonised_variants_are_taken_as_they_are(proteomr: Any, tmp_path: Path) -> None:
    text = "SNP,beta_exposure,se_exposure,beta_outcome,se_outcome\n"
    text += "".join(f"rs{i},0.{i + 1},0.01,0.0{i + 1},0.02\n" for i in range(5))
    (tmp_path / "h.csv").write_text(text)
    out = tmp_path / "out"
    ending = proteomr(
        *("mr", "--harmonised", tmp_path / "h.csv", "--methods", "ivw,egger", "-o", out),
        *("--columns", "twosamplemr", "--format", "csv"),
    )
    assert ending.code == 0, ending.err
    found = pl.read_csv(out / "estimates.csv")
    assert found["method"].to_list() == ["Inverse variance weighted", "MR Egger"]
    assert found["b"][0] == pytest.approx(0.1)


def test_several_exposures_are_estimated_together(
    proteomr: Any, tmp_path: Path, reference: Path
) -> None:
    path = reference / "mr" / "data" / "mv_mrb_lipids_chd.csv"
    out = tmp_path / "out"
    ending = proteomr("mr", "--harmonised", path, "--methods", "mv_ivw,mv_egger", "-o", out)
    assert ending.code == 0, ending.err
    found = pl.read_parquet(out / "estimates.parquet")
    assert found.filter(method="mv_ivw")["exposure"].to_list() == ["ldl", "hdl", "trig"]
    assert "conditional F of ldl: 18.4" in ending.out
    mixed = proteomr("mr", "--harmonised", path, "--methods", "mv_ivw,ivw", "-o", tmp_path / "no")
    assert mixed.code == USAGE
    assert "methods mv_... are for" in mixed.message


def test_figures_stand_beside_the_tables(
    proteomr: Any, tmp_path: Path, files: tuple[Path, Path]
) -> None:
    pytest.importorskip("matplotlib")
    out = tmp_path / "out"
    ending = proteomr("mr", *files, "--methods", "ivw,egger", "--figures", "-o", out)
    assert ending.code == 0, ending.err
    kinds = {path.name.partition("-")[2] for path in (out / "figures").glob("01-*.svg")}
    assert len(kinds) == 5
    assert len([*(out / "figures").glob("02-*.tsv")]) == 5


def test_instruments_are_taken_from_a_list_or_around_a_gene(
    proteomr: Any, tmp_path: Path, files: tuple[Path, Path]
) -> None:
    (tmp_path / "names.txt").write_text("rs1\nrs3\nrs5\n")
    listed = ("--instruments", tmp_path / "names.txt", "--methods", "ivw")
    assert proteomr("mr", *files, *listed, "-o", tmp_path / "listed").code == 0
    found = pl.read_parquet(tmp_path / "listed" / "estimates.parquet")
    assert found["nsnp"].to_list() == [3, 3]
    far = proteomr("mr", *files, "--cis", "GDF15", "-o", tmp_path / "cis")
    assert far.code == NOTHING
    unknown = proteomr("mr", *files, "--cis", "GDF-fifteen", "-o", tmp_path / "cis")
    assert unknown.code == USAGE
    assert "is not one gene" in unknown.message


def test_variants_of_the_outcome_are_filtered_on_request(
    proteomr: Any, tmp_path: Path, files: tuple[Path, Path]
) -> None:
    frame = pl.read_csv(files[1], separator="\t")
    strong = pl.when(pl.col("variant_id") == "rs2").then(0.9).otherwise(pl.col("beta"))
    frame.with_columns(strong.alias("beta")).write_csv(files[1], separator="\t")
    ending = proteomr("mr", *files, "--steiger-filter", "--methods", "ivw", "-o", tmp_path / "out")
    assert "left out: 2 explains more of the outcome than of the exposure" in ending.out
    found = pl.read_parquet(tmp_path / "out" / "estimates.parquet")
    assert found["nsnp"].to_list() == [11, 11]


def test_reach_tells_detectable_effects_and_the_bias_of_overlap(
    proteomr: Any, tmp_path: Path, files: tuple[Path, Path]
) -> None:
    out = tmp_path / "out"
    proteomr("mr", *files, "--methods", "ivw", "--overlap", "0.5", "-o", out)
    row = pl.read_parquet(out / "reach.parquet").row(0, named=True)
    assert row["relative_bias"] == pytest.approx(0.5 / row["mean_f"])
    assert 0 < row["detectable_effect"] < 1


def test_a_pair_without_an_estimate_is_a_row_and_code_4(proteomr: Any, tmp_path: Path) -> None:
    text = "SNP,beta_exposure,se_exposure,beta_outcome,se_outcome\nrs1,0,0.01,0.1,0.02\n"
    (tmp_path / "h.csv").write_text(text)
    arguments = ("mr", "--harmonised", tmp_path / "h.csv", "-o", tmp_path / "out")
    ending = proteomr(*arguments)
    assert ending.code == FAILED
    assert "1 of 1 pairs have no estimate" in ending.err
    statuses = pl.read_parquet(tmp_path / "out" / "estimates.parquet")["status"].to_list()
    assert "ok" not in statuses
    assert proteomr(*arguments, "--overwrite", "--allow-failures").code == 0


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ((), ("--columns", "twosamplemr"), "with columns native, not twosamplemr"),
        (("--columns", "twosamplemr"), (), "with columns twosamplemr, not native"),
        ((), ("--figures",), "with figures False, not True"),
    ],
)
def test_a_finished_run_is_not_taken_for_one_of_another_form(
    proteomr: Any,
    tmp_path: Path,
    files: tuple[Path, Path],
    before: tuple[str, ...],
    after: tuple[str, ...],
    expected: str,
) -> None:
    asked = ("mr", *files, "--methods", "ivw", "-o", tmp_path / "out")
    assert proteomr(*asked, *before).code == 0
    ending = proteomr(*asked, *after, "--resume")
    assert ending.code != 0
    assert expected in ending.err
    assert "--overwrite computes it again" in ending.err
    assert proteomr(*asked, *before, "--resume").code == 0
    assert proteomr(*asked, *after, "--overwrite").code == 0


@pytest.mark.parametrize(
    ("methods", "verdict"),
    [("egger", "no verdict: neither ivw"), ("conmix,sign", "no verdict"), ("ivw(robust=true)", "")],
)
def test_an_estimate_by_any_method_is_no_failure(
    proteomr: Any, tmp_path: Path, files: tuple[Path, Path], methods: str, verdict: str
) -> None:
    ending = proteomr("mr", *files, "--methods", methods, "-o", tmp_path / "out")
    assert ending.code == 0
    assert "no estimate" not in ending.out + ending.err
    words = pl.read_parquet(tmp_path / "out" / "verdict.parquet")["verdict"].to_list()
    assert all(word.startswith(verdict) for word in words)
    assert verdict or all("no verdict" not in word for word in words)


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        ((), USAGE, "an exposure and an outcome are needed"),
        (("EXPOSURE",), USAGE, "an exposure and an outcome are needed"),
        (("EXPOSURE", "OUTCOME", "--harmonised", "x.csv"), USAGE, "give it alone"),
        (("EXPOSURE", "OUTCOME", "--methods", "ivv"), USAGE, "did you mean 'ivw'"),
        (("EXPOSURE", "OUTCOME", "--instruments-p", "0"), USAGE, "above 0"),
        (("EXPOSURE", "OUTCOME", "--instruments-p", "1e-99"), NOTHING, "no instrument at p"),
        (("EXPOSURE", "OUTCOME", "--outcome-cases", "10"), USAGE, "give both"),
        (("EXPOSURE", "OUTCOME", "--region", "12:9-1"), USAGE, "region"),
        (("EXPOSURE", "missing.tsv"), INPUT, "there is no such file"),
        (("EXPOSURE", "OUTCOME", "--ld", "nopanel"), INPUT, "nopanel"),
        (("EXPOSURE", "OUTCOME", "--proxies"), USAGE, "--proxies needs genotypes"),
        (("EXPOSURE", "OUTCOME", "--instruments", "none.txt"), INPUT, "there is no such file"),
        (("EXPOSURE", "OUTCOME", "--region", "1", "--cis", "ADM"), USAGE, "give one"),
        (("EXPOSURE", "OUTCOME", "--overlap", "2"), USAGE, "--overlap"),
        (("--harmonised", "missing.csv"), INPUT, "there is no such file"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(
    proteomr: Any,
    tmp_path: Path,
    files: tuple[Path, Path],
    arguments: tuple[str, ...],
    code: int,
    expected: str,
) -> None:
    names = {"EXPOSURE": files[0], "OUTCOME": files[1]}
    given = [names.get(argument, argument) for argument in arguments]
    ending = proteomr("mr", *given, "-o", tmp_path / "out")
    assert ending.code == code, ending
    assert expected in ending.message
    assert not (tmp_path / "out").exists()


def test_variants_under_other_names_are_said(
    proteomr: Any, tmp_path: Path, files: tuple[Path, Path]
) -> None:
    text = files[1].read_text().replace("rs", "snp")
    files[1].write_text(text.replace("snpid", "rsid"))
    ending = proteomr("mr", *files, "-o", tmp_path / "out")
    assert ending.code == INPUT
    assert "none of the 12 instruments is in" in ending.message
    assert "same names of variants" in ending.message


def test_instruments_close_together_need_proof(proteomr: Any, tmp_path: Path) -> None:
    exposure, outcome = make_files(tmp_path, outcomes=1)
    for path in (exposure, outcome):
        frame = pl.read_csv(path, separator="\t").with_columns(pl.lit(7).alias("chromosome"))
        frame.write_csv(path, separator="\t")
    ending = proteomr("mr", exposure, outcome, "-o", tmp_path / "out")
    assert ending.code == INPUT
    assert "may be correlated" in ending.message
    flagged = proteomr(
        *("mr", exposure, outcome, "--unproven", "flag", "--methods", "ivw"),
        *("-o", tmp_path / "out"),
    )
    assert flagged.code == 0
    assert "nothing shows that 12 of 12 instruments are independent" in flagged.err


def test_a_result_is_not_replaced_unasked(
    proteomr: Any, tmp_path: Path, files: tuple[Path, Path]
) -> None:
    arguments = ("mr", *files, "--methods", "ivw", "-o", tmp_path / "out")
    assert proteomr(*arguments).code == 0
    assert "holds a finished result" in proteomr(*arguments).message
    assert proteomr(*arguments, "--overwrite").code == 0


def test_the_published_analysis_of_loneliness_and_dementia(
    proteomr: Any, tmp_path: Path, reference: Path
) -> None:
    path = reference / "mr" / "data" / "day2018_lon_kunkle2019_ad_harmonised.csv"
    arguments = ("mr", "--harmonised", path, "--methods", "ivw,egger")
    plain = proteomr(*arguments, "-o", tmp_path / "all")
    assert plain.code == 0
    ivw = pl.read_parquet(tmp_path / "all" / "estimates.parquet").row(0, named=True)
    assert round(ivw["estimate"], 4) == 0.0786
    filtered = proteomr(*arguments, "--outcome-p", "5e-8", "-o", tmp_path / "filtered")
    assert (
        "genome-wide significant" in filtered.out or "significant for the outcome" in filtered.out
    )
    ivw = pl.read_parquet(tmp_path / "filtered" / "estimates.parquet").row(0, named=True)
    assert ivw["estimate"] == pytest.approx(-0.0358175094, abs=5e-11)
    assert ivw["nsnp"] == 85


def test_a_panel_clumps_instruments_and_finds_proxies(
    proteomr: Any, tmp_path: Path, reference: Path
) -> None:
    folder = reference / "mr" / "data" / "ldclump"
    names = ["chromosome", "variant_id", "cm", "position_bp", "effect_allele", "other_allele"]
    bim = pl.read_csv(folder / "sim.bim", separator="\t", has_header=False, new_columns=names)
    p = pl.read_csv(folder / "assoc.txt", separator=" ").rename({"SNP": "variant_id"})
    table = bim.join(p, on="variant_id").with_columns(
        beta=0.038 * (-pl.col("P").clip(1e-300, 1).log10()).sqrt(),
        se=pl.lit(0.02),
        eaf=pl.lit(0.3),
        n=pl.lit(20_000.0),
    )
    table = table.drop("cm", "P").with_columns(pl.col("chromosome").cast(pl.String))
    exposure = tmp_path / "exposure.tsv"
    table.with_columns(trait=pl.lit("x")).write_csv(exposure, separator="\t")
    asked: tuple[object, ...] = ("--ld", folder / "sim", "--instruments-p", "1e-6")
    asked = (*asked, "--clump-kb", "250", "--clump-r2", "0.5", "--methods", "ivw")
    outcome = tmp_path / "outcome.tsv"
    whole = table.with_columns(trait=pl.lit("y"), beta=pl.col("beta") * 0.5)
    whole.write_csv(outcome, separator="\t")
    ending = proteomr("mr", exposure, outcome, *asked, "-o", tmp_path / "all")
    assert ending.code == 0, ending.err
    kept = pl.read_parquet(tmp_path / "all" / "instruments.parquet")["variant_id"].to_list()
    assert len(kept) > 3
    lacking = whole.filter(pl.col("variant_id") != kept[0])
    lacking.write_csv(outcome, separator="\t")
    without = proteomr("mr", exposure, outcome, *asked, "-o", tmp_path / "without")
    assert without.code == 0, without.err
    replaced = proteomr("mr", exposure, outcome, *asked, "--proxies", "-o", tmp_path / "proxies")
    assert replaced.code == 0, replaced.err
    counts = [
        pl.read_parquet(tmp_path / name / "estimates.parquet")["nsnp"][0]
        for name in ("all", "without", "proxies")
    ]
    assert counts[1] == counts[0] - 1
    assert counts[2] in (counts[0], counts[1])
    assert "proxies" in replaced.err


def test_variants_are_found_by_rsid_where_names_differ(
    proteomr: Any, tmp_path: Path, files: tuple[Path, Path]
) -> None:
    frame = pl.read_csv(files[0], separator="\t")
    name = pl.concat_str("chromosome", pl.lit(":"), "position_bp")
    frame.with_columns(variant_id=name).write_csv(files[0], separator="\t")
    ending = proteomr("mr", *files, "--methods", "ivw", "-o", tmp_path / "out")
    assert ending.code == 0, ending.err
    assert "variants found by rsid" in ending.err
    found = pl.read_parquet(tmp_path / "out" / "estimates.parquet")
    assert found["nsnp"].to_list() == [12, 12]


def test_controls_are_held_against_what_was_expected(
    proteomr: Any, tmp_path: Path, files: tuple[Path, Path]
) -> None:
    known = tmp_path / "controls.csv"
    rows = ("loneliness,P1,up", "loneliness,P2,none", "loneliness,P9,down")
    known.write_text("\n".join(("exposure,outcome,expected", *rows, "")))
    asked = ("mr", *files, "--methods", "ivw", "--controls", known)
    ending = proteomr(*asked, "-o", tmp_path / "out")
    assert "control loneliness on P1: as expected" in ending.out
    assert "control loneliness on P2: found up" in ending.out
    table = pl.read_parquet(tmp_path / "out" / "controls_checked.parquet")
    assert table["agrees"].to_list() == [True, False, None]
    known.write_text("exposure,outcome,expected\nloneliness,P1,higher\n")
    wrong = proteomr(*asked, "-o", tmp_path / "wrong")
    assert wrong.code == INPUT
    assert "up, down or none" in wrong.message


def test_what_speaks_against_many_pairs_is_on_the_screen(proteomr: Any, tmp_path: Path) -> None:
    files = make_files(tmp_path, outcomes=8)
    for path in files:
        near = pl.read_csv(path, separator="\t").with_columns(chromosome=pl.lit(1))
        near.write_csv(path, separator="\t")
    ending = proteomr("mr", *files, "--methods", "ivw", "--unproven", "flag", "-o", tmp_path / "o")
    assert "against 8 of 8 pairs: variants may be correlated" in ending.out
    assert "   F " in ending.out
    assert "R2" in ending.out
