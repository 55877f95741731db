"""Summary statistics munged, clumped and searched for leads on the command line."""

from __future__ import annotations

import gzip
import io
import json
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.errors import StorageError
from proteomr.tables.sumstats import SUMSTATS

HEAD = "SNP chr pos effect_allele other_allele eaf beta se pval samplesize"


def write(folder: Path, rows: list[str], name: str = "a.txt", head: str = HEAD) -> Path:
    path = folder / name
    path.write_text("\n".join([head, *rows]) + "\n")
    return path


def good(count: int = 12) -> list[str]:
    return [
        f"rs{i} 1 {1000 + i} A G 0.3 {0.1 * (-1) ** i} 0.02 5.733e-07 900" for i in range(count)
    ]


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def write_panel(folder: Path, ids: list[str]) -> Path:
    """Write a matrix of r: neighbours in pairs are correlated."""
    r = np.eye(len(ids))
    for i in range(0, len(ids) - 1, 2):
        r[i, i + 1] = r[i + 1, i] = 0.9
    lines = [",".join(ids), *(",".join(map(str, row)) for row in r)]
    path = folder / "ld.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_table_its_account_and_its_manifest_are_written(proteomr: Any, tmp_path: Path) -> None:
    rows = [*good(), "rs90 1 90 A G 1.5 0.1 0.02 5.7e-7 900", "rs91 1 91 A T 0.2 0.1 0.02 0 900"]
    path = write(tmp_path, rows)
    ending = proteomr("gwas", "munge", path, "-o", tmp_path / "out.parquet", "--trait", "height")
    assert ending.code == 0, ending.err
    table = pl.read_parquet(tmp_path / "out.parquet")
    assert table.columns == list(SUMSTATS)
    assert (table.height, table["trait"].unique().to_list()) == (13, ["height"])
    drops = pl.read_csv(tmp_path / "out.drops.tsv", separator="\t")
    assert drops.rows() == [("munge", "eaf_outside", 1)]
    told = pl.read_csv(tmp_path / "out.report.tsv", separator="\t").rows()
    assert ("rows", "read", "14") in told
    assert ("rows", "kept", "13") in told
    assert ("found", "p_zero", "1") in told
    manifest = json.loads((tmp_path / "out.manifest.json").read_text())
    assert manifest["command"] == "gwas munge"
    assert manifest["filters"] == [{"step": "eaf_outside", "rows_in": 14, "rows_out": 13}]
    assert [entry["name"] for entry in manifest["inputs"]] == [str(path)]
    outputs = {entry["name"] for entry in manifest["outputs"]}
    assert outputs == {"out.parquet", "out.drops.tsv", "out.report.tsv"}
    lines = ending.out.splitlines()
    assert lines[0] == "twosamplemr_input: 13 rows kept of 14"
    assert lines[1].startswith("build: a.txt: the build is not known")
    assert "left out: 1 eaf_outside" in lines
    assert "found: 1 palindromic" in lines
    assert lines[-1] == str(tmp_path / "out.parquet")


def test_quality_options_drop_rows(proteomr: Any, tmp_path: Path) -> None:
    odd = ["rs91 1 91 A T 0.2 0.1 0.02 5.7e-7 9", "rs92 1 92 A AT 0.2 0.1 0.02 5.7e-7 9"]
    rare = ["rs93 1 93 A G 0.001 0.1 0.02 5.7e-7 9", "rs94 1 94 A G 0.2 0.1 0.02 1e-9 9"]
    path = write(tmp_path, [*good(), *odd, *rare])
    options = ("--drop-palindromic", "--drop-indels", "--min-maf", 0.01, "--drop", "p_disagrees")
    assert proteomr("gwas", "munge", path, *options, "-o", tmp_path / "o.parquet").code == 0
    drops = pl.read_csv(tmp_path / "o.drops.tsv", separator="\t")
    assert dict(drops.select("reason", "n").rows()) == {
        "palindromic": 1,
        "indel": 1,
        "maf_low": 1,
        "p_disagrees": 1,
    }


def test_regions_and_lists_are_read_alone(proteomr: Any, tmp_path: Path) -> None:
    path = write(tmp_path, good())
    near = ("--region", "1:1002-1004", "--region", "chr2", "-o", tmp_path / "near.parquet")
    assert proteomr("gwas", "munge", path, *near).code == 0
    assert pl.read_parquet(tmp_path / "near.parquet")["position_bp"].to_list() == [1002, 1003, 1004]
    with gzip.open(tmp_path / "list.txt.gz", "wt") as file:
        file.write("rs3\nrs7\nrs700\n")
    listed = ("--variants", tmp_path / "list.txt.gz", "-o", tmp_path / "listed.parquet")
    assert proteomr("gwas", "munge", path, *listed).code == 0
    assert pl.read_parquet(tmp_path / "listed.parquet")["rsid"].to_list() == ["rs3", "rs7"]


def test_columns_may_be_mapped_and_ratios_become_logarithms(proteomr: Any, tmp_path: Path) -> None:
    head = "name EA OA RATIO ERR PV"
    path = write(tmp_path, [f"rs{i} A G {1 + i / 10} 0.1 0.5" for i in range(3)], head=head)
    pairs = ("effect_allele=EA", "other_allele=OA", "variant_id=name", "odds_ratio=RATIO", "se=ERR")
    mapped = [part for pair in (*pairs, "p_value=PV") for part in ("--map", pair)]
    ending = proteomr("gwas", "munge", path, *mapped, "-o", tmp_path / "o.parquet")
    assert ending.code == 0, ending.err
    found = pl.read_parquet(tmp_path / "o.parquet")["beta"].to_numpy()
    np.testing.assert_allclose(found, np.log([1.0, 1.1, 1.2]), rtol=1e-12)
    assert json.loads((tmp_path / "o.manifest.json").read_text())["configuration"]["map"][
        "odds_ratio"
    ] == "RATIO"  # fmt: skip


def test_names_come_from_a_table(proteomr: Any, tmp_path: Path) -> None:
    path = write(tmp_path, ["1:5:A:G 1 5 A G 0.3 0.1 0.02 5.7e-7 900"])
    table = tmp_path / "map.tsv"
    table.write_text("ID\trsid\n1:5:A:G\trs7\n")
    ending = proteomr("gwas", "munge", path, "--rsids", table, "-o", tmp_path / "o.parquet")
    assert ending.code == 0, ending.err
    assert pl.read_parquet(tmp_path / "o.parquet")["rsid"].to_list() == ["rs7"]


def test_positions_are_lifted(proteomr: Any, tmp_path: Path) -> None:
    chain = tmp_path / "a.chain"
    chain.write_text("chain 1 chr1 249250621 + 0 5000 chr1 248956422 + 100 5100 1\n5000\n\n")
    path = write(tmp_path, good(2))
    builds = ("--build", "GRCh37", "--liftover", chain, "--to-build", "GRCh38")
    ending = proteomr("gwas", "munge", path, *builds, "-o", tmp_path / "o.parquet")
    assert ending.code == 0, ending.err
    made = pl.read_parquet(tmp_path / "o.parquet")
    assert made["position_bp"].to_list() == [1100, 1101]
    assert made["build"].unique().to_list() == ["GRCh38"]


@pytest.mark.parametrize("entry", [0, 4, 8])
def test_clumps_are_those_of_plink(
    proteomr: Any, reference: Path, entry: int, tmp_path: Path
) -> None:
    folder = reference / "mr" / "data" / "ldclump"
    case = json.loads((reference / "mr" / "expected" / "ldclump.json").read_text("utf-8"))[entry]
    given = case["args"]
    thresholds = [x for name in ("p1", "p2", "r2", "kb") for x in (f"--{name}", given[name])]
    out = tmp_path / "o.parquet"
    hits = folder / "assoc.txt"
    ending = proteomr("gwas", "clump", hits, "--ld", folder / "sim", *thresholds, "-o", out)
    assert ending.code == 0, ending.err
    assert "columns 'SNP' and 'P' alone are taken" in ending.err
    assert pl.read_parquet(out)["variant_id"].to_list() == case["result"]["kept"]
    everyone = pl.read_parquet(tmp_path / "o.clumps.parquet")
    assert everyone.filter(pl.col("reason") == "index").height == len(case["result"]["kept"])
    assert names(tmp_path) == [
        "o.clumps.parquet",
        "o.drops.tsv",
        "o.log.txt",
        "o.manifest.json",
        "o.parquet",
    ]


def test_canonical_rows_of_index_variants_stay_whole(proteomr: Any, tmp_path: Path) -> None:
    rows = [f"rs{i} 1 {1000 + i} A G 0.3 0.1 0.02 1e-{20 - i} 900" for i in range(6)]
    panel = write_panel(tmp_path, [f"rs{i}" for i in range(4)])
    made = tmp_path / "m.parquet"
    assert proteomr("gwas", "munge", write(tmp_path, rows), "-o", made).code == 0
    ending = proteomr("gwas", "clump", made, "--ld", panel, "-o", tmp_path / "o.parquet")
    assert ending.code == 0, ending.err
    kept = pl.read_parquet(tmp_path / "o.parquet")
    assert kept.columns == [*SUMSTATS, "index_variant", "reason"]
    assert kept["variant_id"].to_list() == ["rs0", "rs2"]
    drops = pl.read_csv(tmp_path / "o.drops.tsv", separator="\t")
    assert dict(drops.select("reason", "n").rows()) == {"clumped": 2, "absent_from_panel": 2}


def test_variants_are_found_in_a_panel_by_rsid(proteomr: Any, tmp_path: Path) -> None:
    head = "variant_id rsid chr pos effect_allele other_allele eaf beta se pval"
    rows = [f"1:{i}:A:G rs{i} 1 {i} A G 0.3 0.1 0.02 1e-{20 - i}" for i in range(1, 5)]
    panel = write_panel(tmp_path, [f"rs{i}" for i in range(1, 5)])
    path = write(tmp_path, rows, head=head)
    ending = proteomr("gwas", "clump", path, "--ld", panel, "-o", tmp_path / "o.parquet")
    assert ending.code == 0, ending.err
    assert "4 of 4 variants are in the panel by rsid" in ending.err
    assert pl.read_parquet(tmp_path / "o.parquet")["rsid"].to_list() == ["rs1", "rs3"]


def test_leads_are_the_strongest_of_their_stretches(proteomr: Any, tmp_path: Path) -> None:
    places = [(1000, 12), (2000, 20), (900_000, 9), (1_900_000, 3)]
    rows = [f"rs{i} 1 {at} A G 0.3 0.1 0.02 1e-{p} 900" for i, (at, p) in enumerate(places)]
    out = tmp_path / "o.parquet"
    ending = proteomr("gwas", "leads", write(tmp_path, rows), "-o", out)
    assert ending.code == 0, ending.err
    assert pl.read_parquet(out)["rsid"].to_list() == ["rs1", "rs2"]
    far = ("--distance-kb", 2000, "--p", 0.01, "--overwrite", "-o", out)
    assert proteomr("gwas", "leads", tmp_path / "a.txt", *far).code == 0
    assert pl.read_parquet(out)["rsid"].to_list() == ["rs1"]


@pytest.mark.parametrize(
    ("name", "format"),
    [("regenie_step2_firth_Y1.regenie", "regenie"), ("gwas_ssf_0000123.tsv", "gwas_ssf"),
     ("gwas_vcf_example.vcf", "gwas_vcf")],
)  # fmt: skip
def test_real_files_are_known(
    proteomr: Any, reference: Path, name: str, format: str, tmp_path: Path
) -> None:
    ending = proteomr("gwas", "munge", reference / "formats" / name, "-o", tmp_path / "o.parquet")
    assert ending.code == 0, ending.err
    assert ending.out.startswith(f"{format}: ")


def truncated_gz(folder: Path) -> Path:
    path = folder / "a.txt.gz"
    content = gzip.compress("\n".join([HEAD, *good(3000)]).encode())
    path.write_bytes(content[: len(content) // 2])
    return path


def tar_of(folder: Path, member: str, *, cut: bool = False) -> Path:
    rows = "CHROM GENPOS ID ALLELE0 ALLELE1 A1FREQ INFO N TEST BETA SE CHISQ LOG10P EXTRA\n"
    rows += "1 5 1:5:A:G:imp:v1 A G 0.3 0.9 900 ADD 0.1 0.02 25 6.2 NA\n" * 400
    content = gzip.compress(rows.encode())
    path = folder / "P.tar"
    with tarfile.open(path, "w") as archive:
        entry = tarfile.TarInfo(member)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    if cut:
        path.write_bytes(path.read_bytes()[: 512 + len(content) // 2])
    return path


MISTAKES: dict[str, tuple[Callable[[Path], Path], tuple[str, ...], int, str]] = {
    "lacking columns": (
        lambda d: write(d, ["rs1 A G 0.1 0.02"], head="SNP A1 A2 betaa SE"), (), 3, "'betaa'"
    ),
    "an odds ratio as beta": (
        lambda d: write(
            d, [f"rs{i} 1 {i} A G 0.3 {1 + i / 100} 0.02 0.{5 + i % 4} 9" for i in range(1, 30)]
        ), (), 3, "odds_ratio",
    ),
    "another build": (
        lambda d: write(d, ["rs1 17 83000000 A G 0.3 0.1 0.02 5.7e-7 900"]),
        ("--build", "GRCh37"), 3, "GRCh38",
    ),
    "a gz cut off": (truncated_gz, (), 3, "cut off"),
    "a tar cut off": (lambda d: tar_of(d, "chr1.gz", cut=True), (), 3, "cut off"),
    "a tar with a path outside": (lambda d: tar_of(d, "../../chr1.gz"), (), 3, "outside"),
    "an unknown format": (lambda d: write(d, good()), ("--format", "regenia"), 2, "'regenie'"),
    "an unknown finding": (lambda d: write(d, good()), ("--drop", "indell"), 2, "'indel'"),
    "no such file": (lambda d: d / "none.txt", (), 3, "no such file"),
    "a region that is none": (lambda d: write(d, good()), ("--region", "1:9-5"), 2, "1:9-5"),
    "a mapping to no column": (
        lambda d: write(d, good()), ("--map", "eaf=frq"), 3, "no column 'frq'"
    ),
    "a pair that is none": (lambda d: write(d, good()), ("--map", "eaf"), 2, "eaf=FRQ_U"),
    "a chain without its build": (
        lambda d: write(d, good()), ("--liftover", "x.chain"), 2, "chain"
    ),
    "a share above 0.5": (lambda d: write(d, good()), ("--min-maf", "0.7"), 2, "min_maf"),
    "nothing in the region": (lambda d: write(d, good()), ("--region", "9"), 5, "no row"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_and_leaves_nothing(
    proteomr: Any, mistake: str, tmp_path: Path
) -> None:
    make, options, code, words = MISTAKES[mistake]
    path = make(tmp_path)
    before = names(tmp_path)
    ending = proteomr("gwas", "munge", path, *options, "-o", tmp_path / "o.parquet")
    assert words in ending.message
    assert ending.code == code
    assert names(tmp_path) == before


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--p1", 1.5), 2, "p1 is 1.5"),
        (("--r2", 0), 2, "r2 is 0"),
        (("--p1", 0.1, "--p2", 0.01), 2, "p2"),
        (("--measure", "genotype"), 2, "--measure"),
        (("--p1", 1e-300), 5, "no variant has p <= 1e-300"),
        (("--ld", "nowhere"), 3, "nowhere"),
    ],
)
def test_mistakes_of_clumping_are_one_line(
    proteomr: Any, options: tuple[object, ...], code: int, words: str, tmp_path: Path
) -> None:
    path, panel = write(tmp_path, good()), write_panel(tmp_path, [f"rs{i}" for i in range(4)])
    before = names(tmp_path)
    ending = proteomr("gwas", "clump", path, "--ld", panel, *options, "-o", tmp_path / "o.parquet")
    assert words in ending.message
    assert (ending.code, names(tmp_path)) == (code, before)


def test_a_pgen_file_without_its_reader_says_how_to_get_it(
    proteomr: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pgenlib", None)
    path = write(tmp_path, good())
    panel = tmp_path / "x.pgen"
    panel.write_bytes(b"")
    ending = proteomr("gwas", "clump", path, "--ld", panel, "-o", tmp_path / "o.parquet")
    assert "proteomr[geno]" in ending.message
    assert (ending.code, names(tmp_path)) == (2, ["a.txt", "x.pgen"])


def test_a_panel_without_the_variants_is_refused(proteomr: Any, tmp_path: Path) -> None:
    panel = write_panel(tmp_path, ["x1", "x2"])
    out = tmp_path / "o.parquet"
    ending = proteomr("gwas", "clump", write(tmp_path, good()), "--ld", panel, "-o", out)
    assert "none of the 12 variants is in the panel" in ending.message
    assert ending.code == 3
    assert not out.exists()


@pytest.mark.parametrize(("p", "code"), [(2, 2), (0, 2), (1e-200, 5)])
def test_leads_need_a_p_value_that_can_be(
    proteomr: Any, p: float, code: int, tmp_path: Path
) -> None:
    path = write(tmp_path, good())
    ending = proteomr("gwas", "leads", path, "--p", p, "-o", tmp_path / "o.parquet")
    assert f"{p:g}" in ending.message
    assert (ending.code, names(tmp_path)) == (code, ["a.txt"])


def test_results_are_replaced_only_when_asked(proteomr: Any, tmp_path: Path) -> None:
    path, out = write(tmp_path, good()), tmp_path / "o.parquet"
    assert proteomr("gwas", "munge", path, "-o", out).code == 0
    first = out.read_bytes()
    ending = proteomr("gwas", "munge", path, "--region", "1:1001-1002", "-o", out)
    assert "--overwrite" in ending.message
    assert (ending.code, out.read_bytes()) == (3, first)
    again = ("--region", "1:1001-1002", "--overwrite", "-o", out)
    assert proteomr("gwas", "munge", path, *again).code == 0
    assert pl.read_parquet(out).height == 2


def test_a_file_that_is_read_is_not_written(proteomr: Any, tmp_path: Path) -> None:
    out = tmp_path / "o.parquet"
    assert proteomr("gwas", "munge", write(tmp_path, good()), "-o", out).code == 0
    before = out.read_bytes()
    ending = proteomr("gwas", "leads", out, "--p", 0.1, "--overwrite", "-o", out)
    assert "is read; choose another name" in ending.message
    assert (ending.code, out.read_bytes()) == (2, before)


def test_the_table_is_parquet_by_its_name(proteomr: Any, tmp_path: Path) -> None:
    ending = proteomr("gwas", "munge", write(tmp_path, good()), "-o", tmp_path / "o.tsv")
    assert ".parquet" in ending.message
    assert ending.code == 2


def test_a_disk_that_fails_at_the_end_leaves_nothing(
    proteomr: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise StorageError("the disk is full")

    path = write(tmp_path, good())
    monkeypatch.setattr("proteomr.gwas.sinks.replace_file", refuse)
    ending = proteomr("gwas", "munge", path, "-o", tmp_path / "o.parquet")
    assert ending.message == "the disk is full"
    assert (ending.code, names(tmp_path)) == (74, ["a.txt"])


def test_quiet_prints_the_path_alone(proteomr: Any, tmp_path: Path) -> None:
    out = tmp_path / "o.parquet"
    ending = proteomr("gwas", "munge", write(tmp_path, good()), "-q", "-o", out)
    assert (ending.out, ending.err) == (f"{out}\n", "")


def test_a_group_without_a_command_says_what_is_missing(proteomr: Any) -> None:
    ending = proteomr("gwas")
    assert "is a group of commands: munge, clump, leads" in ending.message
    assert ending.code == 2


def test_a_file_is_read_by_a_book_of_the_users_own(proteomr: Any, tmp_path: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "summary-statistics.md"
    book = tmp_path / "mine.toml"
    book.write_text(page.read_text().partition("```toml\n")[2].partition("```")[0])
    head = "rsid chromosome position alleleA alleleB all_total frequentist_add_pvalue "
    head += "frequentist_add_beta_1 frequentist_add_se_1"
    path = write(tmp_path, ["rs1 X 500 G A 900 6.334e-5 0.2 0.05"], head=head)
    assert proteomr("gwas", "munge", path, "-o", tmp_path / "a.parquet").code == 3
    ending = proteomr("gwas", "munge", path, "--format", book, "-o", tmp_path / "a.parquet")
    assert ending.code == 0, ending.err
    assert pl.read_parquet(tmp_path / "a.parquet")["effect_allele"].to_list() == ["A"]
    book.write_text(book.read_text().replace("[[drop]]", "[[dropp]]"))
    ending = proteomr("gwas", "munge", path, "--format", book, "-o", tmp_path / "b.parquet")
    assert (ending.code, "did you mean 'drop'" in ending.err) == (3, True)


def test_leads_too_close_for_mr_say_the_ways_out(proteomr: Any, tmp_path: Path) -> None:
    header = "rsid\tchr\tpos\tea\toa\teaf\tbeta\tse\tp\n"
    lines = [f"rs{i}\t1\t{i}000000\tA\tG\t0.3\t0.{i}\t0.01\t1e-30\n" for i in (1, 2, 3)]
    study = tmp_path / "x.tsv"
    study.write_text(header + "".join(lines))
    found = proteomr("gwas", "leads", study, "-o", tmp_path / "leads.parquet")
    assert "3 leads" in found.out
    assert "--distance-kb 10000" in found.err
    assert "--clump-kb 500" in found.err
    analysis = ("mr", tmp_path / "leads.parquet", study, "--methods", "ivw", "-o", tmp_path / "o")
    refused = proteomr(*analysis)
    assert refused.code == 3
    for option in ("--ld", "--distance-kb 10000", "--clump-kb", "--unproven flag"):
        assert option in refused.message
    assert proteomr(*analysis, "--clump-kb", "500").code == 0
    far = ("--distance-kb", "10000", "-o", tmp_path / "far.parquet")
    assert "--clump-kb" not in proteomr("gwas", "leads", study, *far).err
