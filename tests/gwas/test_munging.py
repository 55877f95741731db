from __future__ import annotations

import gzip
import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from proteomr._typing import F64
from proteomr.errors import FormatError, InputError, NothingToDo, UsageError
from proteomr.gwas.lead_variants import find_leads
from proteomr.gwas.munging import Munged, MungeOptions, munge_files
from proteomr.gwas.policy import Duplicates, VariantPolicy
from proteomr.io.sumstats import ReadOptions, Region, Selection
from proteomr.stats.distributions import neg_log10_p_normal
from proteomr.tables.sumstats import SUMSTATS

COLUMNS = "SNP chr pos effect_allele other_allele eaf beta se pval samplesize info"
GOOD = "rs{i} 1 {at} A G 0.3 0.1 0.02 5.733e-07 900 0.9"


def write(folder: Path, rows: list[str], name: str = "a.txt", head: str = COLUMNS) -> Path:
    path = folder / name
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return path


def good(count: int) -> list[str]:
    return [GOOD.format(i=i, at=1000 + i) for i in range(count)]


def found_in(folder: Path, row: str, policy: VariantPolicy | None = None) -> Munged:
    path = write(folder, [*good(2), row])
    return munge_files(path, options=MungeOptions(policy=policy or VariantPolicy()))


@pytest.mark.parametrize(
    ("row", "finding", "kept"),
    [
        ("rs9 1 9 A G 0.3 NA 0.02 0.5 900 0.9", "effect_missing", 2),
        ("rs9 1 9 A G 0.3 inf 0.02 0.5 900 0.9", "effect_missing", 2),
        ("rs9 1 9 A G 0.3 0.1 NA 0.5 900 0.9", "se_missing", 2),
        ("rs9 1 9 A G 0.3 0.1 0 0.5 900 0.9", "se_not_positive", 2),
        ("rs9 1 9 A G 0.3 0.1 -1 0.5 900 0.9", "se_not_positive", 2),
        ("rs9 1 9 A G 1.0 0.1 0.02 5.7e-7 900 0.9", "eaf_outside", 2),
        ("rs9 1 9 A G 0.3 0.1 0.02 1.2 900 0.9", "p_outside", 2),
        ("rs9 1 9 A NA 0.3 0.1 0.02 5.7e-7 900 0.9", "allele_missing", 2),
        ("rs9 1 9 A a 0.3 0.1 0.02 5.7e-7 900 0.9", "alleles_equal", 2),
        ("rs9 1 9 A 2 0.3 0.1 0.02 5.7e-7 900 0.9", "allele_code", 3),
        ("rs9 1 9 A AT 0.3 0.1 0.02 5.7e-7 900 0.9", "indel", 3),
        ("rs9 1 9 A T 0.3 0.1 0.02 5.7e-7 900 0.9", "palindromic", 3),
        ("rs9 1 9 A G 0.3 0.1 0.02 0 900 0.9", "p_zero", 3),
        ("rs9 1 9 A G 0.3 0.1 0.02 <1e-4 900 0.9", "p_bound", 3),
        ("rs9 1 9 A G 0.3 0.1 0.02 1e-400 900 0.9", "p_below_doubles", 3),
        ("rs9 1 9 A G 0.3 0.1 0.02 many 900 0.9", "p_unreadable", 3),
        ("rs9 1 9 A G 0.3 −0.1 0.02 5.7e-7 900 0.9", "typographic_minus", 3),
        ("rs9 1 9 A G 0.3 0.1 0.02 1e-9 900 0.9", "p_disagrees", 3),
        ("rs9 1 9 A G 0.3 0.09 0.02 1e-9 900 0.9", "p_significant_z_below_5", 3),
        ("rs9 GL1 9 A G 0.3 0.1 0.02 5.7e-7 900 0.9", "chromosome_unknown", 3),
        ("rs9 1 1001 A C 0.3 0.1 0.02 5.7e-7 900 0.9", "multiallelic", 3),
        ("rs1 1 1001 g a 0.3 0.1 0.02 5.7e-7 900 0.9", "repeated_differently", 1),
    ],
)
def test_each_kind_of_dirt_is_counted(row: str, finding: str, kept: int, tmp_path: Path) -> None:
    report = found_in(tmp_path, row).report
    assert report.found[finding] == (2 if finding == "multiallelic" else 1)
    assert report.rows_kept == kept
    assert sum(report.dropped.values()) == 3 - kept
    assert sum(drop.n for drop in report.drops) == 3 - kept


def test_clean_rows_have_no_finding(tmp_path: Path) -> None:
    made = munge_files(write(tmp_path, good(5)))
    assert (made.report.found, made.report.rows_kept) == ({}, 5)
    assert made.collect().frame.columns == list(SUMSTATS)


def test_frequency_and_imputation_thresholds_drop(tmp_path: Path) -> None:
    row = "rs9 1 9 A G 0.995 0.1 0.02 5.7e-7 900 0.4"
    policy = VariantPolicy(min_maf=0.01, min_info=0.8)
    report = found_in(tmp_path, row, policy).report
    assert report.dropped == {"maf_low": 1}
    assert (report.found["maf_low"], report.found["info_low"]) == (1, 1)


def test_p_of_zero_is_computed_in_logarithms(tmp_path: Path) -> None:
    made = found_in(tmp_path, "rs9 1 9 A G 0.3 -2 0.02 0 900 0.9").collect().frame
    row = made.filter(pl.col("variant_id") == "rs9").row(0, named=True)
    assert row["neg_log10_p"] == pytest.approx(float(neg_log10_p_normal(100.0)), rel=1e-12)
    assert row["p_origin"] == "computed"


@pytest.mark.parametrize(
    ("how", "kept"),
    [
        ("agreeing", []),
        ("first", [0.1]),
        ("strongest", [0.3]),
        ("none", []),
        ("all", [0.1, 0.3]),
    ],
)
def test_rows_that_contradict_each_other_follow_the_policy(
    how: Duplicates, kept: list[float], tmp_path: Path
) -> None:
    rows = ["rs1 1 5 A G 0.3 0.1 0.02 1e-6 9 1", "rs1 1 5 G A 0.7 0.3 0.02 1e-9 9 1"]
    path = write(tmp_path, [*rows, "rs2 1 6 A G 0.3 0.1 0.02 5.7e-7 9 1"])
    policy = VariantPolicy(duplicates=how)
    for out in (None, tmp_path / "out.parquet"):
        munged = munge_files(path, options=MungeOptions(policy=policy), out=out)
        made = munged.collect().frame
        assert made.filter(pl.col("position_bp") == 5)["beta"].to_list() == kept
        assert "with another effect or error, as 'rs1'" in munged.report.notes[-1]


def test_one_name_of_several_pairs_of_alleles_is_several_variants(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    rows = ["rs1 A G 0.3 0.1 0.02 1e-6 9", "rs1 A T 0.3 0.3 0.02 1e-9 9"]
    path.write_text("SNP A1 A2 freq b se p N\n" + "\n".join(rows) + "\n")
    assert munge_files(path).collect().frame["beta"].to_list() == [0.1, 0.3]


def test_written_and_held_tables_are_the_same(tmp_path: Path) -> None:
    path = write(tmp_path, [*good(50), "rs9 1 1001 C G 0.3 0.1 0 0.5 900 0.9", good(1)[0]])
    held = munge_files(path)
    out = tmp_path / "out.parquet"
    written = munge_files(path, out=out)
    assert written.collect().frame.equals(held.collect().frame)
    assert written.report == held.report
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.txt", "out.parquet"]


def test_regions_and_lists_are_read_alone(tmp_path: Path) -> None:
    path = write(tmp_path, good(20))
    near = Selection((Region("1", 1005, 1007), Region("2")))
    made = munge_files(path, options=MungeOptions(read=ReadOptions(selection=near)))
    assert made.collect().frame["position_bp"].to_list() == [1005, 1006, 1007]
    assert made.report.passed_over == {"outside_regions": 17}
    listed = Selection(variants=frozenset({"rs3", "rs19"}))
    made = munge_files(path, options=MungeOptions(read=ReadOptions(selection=listed)))
    assert made.collect().frame["rsid"].to_list() == ["rs3", "rs19"]
    nothing = Selection((Region("9"),))
    with pytest.raises(NothingToDo):
        munge_files(path, options=MungeOptions(read=ReadOptions(selection=nothing)))


def ratios(folder: Path, column: str, *, spread: float, of_ratio: bool) -> tuple[Path, F64]:
    """Write forty odds ratios with their p-values, and return the true errors of their logs."""
    rng = np.random.default_rng(7)
    beta, se = rng.normal(0, spread, 40), rng.uniform(0.3, 0.5, 40) * spread
    p = 10.0 ** -neg_log10_p_normal(beta / se)
    shown = se * np.exp(beta) if of_ratio else se
    cells = zip(np.exp(beta).tolist(), shown.tolist(), p.tolist(), strict=True)
    rows = [f"rs{i} {ratio} {error} {prob} A G" for i, (ratio, error, prob) in enumerate(cells)]
    return write(folder, rows, head=f"rsid {column} se p ea oa"), se


def test_an_odds_ratio_given_as_effect_is_refused(tmp_path: Path) -> None:
    path, _ = ratios(tmp_path, "beta", spread=0.2, of_ratio=False)
    with pytest.raises(InputError, match="odds_ratio"):
        munge_files(path)
    without_p = tmp_path / "without.txt"
    without_p.write_text(path.read_text().replace("beta se p ea", "beta se other ea"))
    with pytest.raises(InputError, match="odds_ratio"):
        munge_files(without_p)
    mapped = MungeOptions(read=ReadOptions(columns={"odds_ratio": "beta"}))
    assert munge_files(path, options=mapped).report.found.get("p_disagrees", 0) == 0


def test_the_standard_error_of_a_ratio_is_refused_and_put_right_on_request(tmp_path: Path) -> None:
    path, se = ratios(tmp_path, "OR", spread=1.0, of_ratio=True)
    with pytest.raises(InputError, match="give --map se_of_ratio=se"):
        munge_files(path)
    made = munge_files(path, options=MungeOptions(read=ReadOptions(ratio_se="ratio")))
    assert made.collect().frame["se"].to_numpy() == pytest.approx(se, rel=1e-9)


def test_positive_effects_that_fit_their_p_values_are_taken(tmp_path: Path) -> None:
    effects = [0.8 + i / 100 for i in range(20)]
    p = (10.0 ** -neg_log10_p_normal(np.array(effects) / 0.2)).tolist()
    rows = [f"rs{i} {effects[i]} 0.2 {p[i]} A G" for i in range(20)]
    path = write(tmp_path, rows, head="rsid beta se p ea oa")
    report = munge_files(path).report
    assert (report.rows_kept, report.found) == (20, {"chromosome_unknown": 20})


def test_the_build_is_inferred_from_the_ends_of_chromosomes(tmp_path: Path) -> None:
    far = "rs9 17 83000000 A G 0.3 0.1 0.02 5.7e-7 900 0.9"
    made = found_in(tmp_path, far)
    assert made.report.builds[0].inferred == "GRCh38"
    assert made.collect().frame["build"].unique().to_list() == ["GRCh38"]
    path = write(tmp_path, [far])
    with pytest.raises(InputError, match=r"declared to be GRCh37.*beyond the end.*17"):
        munge_files(path, options=MungeOptions(read=ReadOptions(build="GRCh37")))


def test_the_build_is_inferred_from_known_positions(tmp_path: Path) -> None:
    known = pl.DataFrame(
        {
            "rsid": [f"rs{i}" for i in range(10)] * 2,
            "position_bp": [1000 + i for i in range(10)] + [2000 + i for i in range(10)],
            "build": ["GRCh37"] * 10 + ["GRCh38"] * 10,
        }
    )
    path, out = write(tmp_path, good(10)), tmp_path / "o.parquet"
    made = munge_files(path, options=MungeOptions(known_positions=known), out=out)
    assert made.report.builds[0].agreeing == {"GRCh37": 10, "GRCh38": 0}
    assert made.collect().frame["build"].unique().to_list() == ["GRCh37"]
    declared = ReadOptions(build="GRCh38")
    with pytest.raises(InputError, match="10 of 10 known positions"):
        munge_files(path, options=MungeOptions(read=declared, known_positions=known))


def test_positions_and_alleles_are_lifted_and_lost_ones_counted(tmp_path: Path) -> None:
    chain = tmp_path / "c.chain"
    chain.write_text("chain 9 1 5000 + 999 1005 1 6000 - 10 16 1\n6\n\n")
    rows = [GOOD.format(i=0, at=1000), "rs5 1 1002 AC G 0.3 0.1 0.02 5.7e-7 900 0.9"]
    path = write(tmp_path, [*rows, GOOD.format(i=9, at=2000)])
    options = MungeOptions(read=ReadOptions(build="GRCh37"), chain=chain, lift_to="GRCh38")
    made = munge_files(path, options=options)
    assert made.collect().frame.select(
        "position_bp", "build", "effect_allele", "other_allele"
    ).rows() == [(5990, "GRCh38", "T", "C"), (5988, "GRCh38", "GT", "C")]
    assert made.report.dropped == {"lift_failed": 1}
    with pytest.raises(UsageError, match="lifting needs the build"):
        munge_files(path, options=MungeOptions(chain=chain, lift_to="GRCh38"))


def test_names_are_taken_from_a_table(tmp_path: Path) -> None:
    path = write(tmp_path, ["1:5:A:G:imp:v1 1 5 A G 0.3 0.1 0.02 5.7e-7 900 0.9"])
    names = tmp_path / "map.tsv"
    names.write_text("ID\tREF\tALT\trsid\tPOS38\n1:5:A:G:imp:v1\tA\tG\trs77\t9\n")
    made = munge_files(path, options=MungeOptions(annotation=names)).collect().frame
    assert made["rsid"].to_list() == ["rs77"]


def test_a_cut_gzip_file_leaves_nothing_behind(tmp_path: Path) -> None:
    whole = gzip.compress(("\n".join([COLUMNS, *good(20000)]) + "\n").encode())
    path = tmp_path / "a.txt.gz"
    path.write_bytes(whole[: len(whole) * 9 // 10])
    with pytest.raises(FormatError, match="cut off or damaged"):
        munge_files(path, out=tmp_path / "out.parquet")
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt.gz"]


def test_leads_equal_those_of_an_obvious_loop(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    rows = [
        f"rs{i} {rng.integers(1, 3)} {rng.integers(1, 10**7)} A G 0.3 0.1 0.02"
        f" {10.0 ** -rng.uniform(6, 20)!r} 9 1"
        for i in range(200)
    ]
    table = munge_files(write(tmp_path, rows)).collect()
    left = table.frame.filter(pl.col("neg_log10_p") >= -math.log10(5e-8))
    left = left.sort("neg_log10_p", descending=True)
    kept: list[tuple[str, int, str]] = []
    for row in left.iter_rows(named=True):
        where, at = row["chromosome"], row["position_bp"]
        if all(c != where or abs(p - at) > 500_000 for c, p, _ in kept):
            kept.append((where, at, row["variant_id"]))
    assert find_leads(table).frame["variant_id"].to_list() == [name for _, _, name in kept]


def test_published_instruments_show_every_kind_of_dirt(reference: Path) -> None:
    report = munge_files(reference / "pqtl" / "zheng2020_instruments_all.csv").report
    wanted = {
        "typographic_minus": 3,
        "p_bound": 2,
        "p_below_doubles": 29,
        "p_zero": 2,
        "allele_missing": 126,
        "repeated_differently": 18,
        "p_significant_z_below_5": 191,
    }
    assert {name: report.found[name] for name in wanted} == wanted
    assert report.rows_read == report.rows_kept + sum(report.dropped.values()) == 2685


def test_several_files_follow_each_other_under_their_names(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt"):
        write(tmp_path, good(2), name)
    made = munge_files(str(tmp_path / "*.txt"))
    assert made.collect().traits == ("a", "b")
    assert made.report.rows_kept == 4
    with pytest.raises(UsageError, match="no file"):
        munge_files([])


def test_a_frequency_is_taken_from_a_table_where_the_file_has_none(tmp_path: Path) -> None:
    path = write(tmp_path, ["v1 A G 0.1 0.02"], head="SNP effect_allele other_allele beta se")
    told = tmp_path / "told.tsv"
    told.write_text("Name\teffectAlleleFreq\nv1\t0.25\nv1\t0.9\n")
    made = munge_files(path, options=MungeOptions(annotation=told)).collect().frame
    assert made["eaf"].to_list() == [0.25]


def test_a_munged_table_is_munged_to_itself(tmp_path: Path) -> None:
    first = munge_files(write(tmp_path, good(5)), out=tmp_path / "one.parquet").collect().frame
    assert munge_files(tmp_path / "one.parquet").collect().frame.equals(first)


def test_options_that_cannot_be_are_refused() -> None:
    with pytest.raises(UsageError, match="min_maf"):
        VariantPolicy(min_maf=0.7)
    with pytest.raises(UsageError, match="both a chain file and the build"):
        MungeOptions(lift_to="GRCh38")
