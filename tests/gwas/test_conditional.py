"""Joint and conditional effects of studies: from people to files and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from proteomr._typing import F64
from proteomr.errors import InputError, NothingToDo, UsageError
from proteomr.gwas import CojoOptions, cojo
from proteomr.gwas.conditional import analyse_unit, separate_signals
from proteomr.gwas.conditional_units import Unit
from proteomr.gwas.given_variants import find_variants
from proteomr.io.sumstats import ReadOptions
from proteomr.runs import Results
from proteomr.status import Status
from tests.io.genetics.test_genotypes import write_bed
from tests.stats.test_joint_effects import correlate, regress_jointly, regress_singly
from tests.stats.test_stepwise import draw_region

LOOSE = CojoOptions(p=1e-5)
# Written in this file's panels: rs0, rs1, ... on chromosome 1, alleles A (counted) and G.


def tabulate(x: F64, y: F64, *, turned: tuple[int, ...] = ()) -> pl.DataFrame:
    """Return a study of these people as a file would have it; turned variants count allele G."""
    beta, se = regress_singly(x, y)
    m = x.shape[1]
    swap = np.isin(np.arange(m), turned)
    eaf = x.mean(axis=0) / 2
    return pl.DataFrame(
        {
            "variant_id": [f"rs{i}" for i in range(m)],
            "chromosome": "1",
            "position_bp": [100 * i + 1 for i in range(m)],
            "effect_allele": np.where(swap, "G", "A"),
            "other_allele": np.where(swap, "A", "G"),
            "eaf": np.where(swap, 1 - eaf, eaf),
            "beta": np.where(swap, -beta, beta),
            "se": se,
            "n": float(y.size),
        }
    )


@pytest.fixture(scope="module")
def people() -> tuple[F64, F64]:
    return draw_region(11)


@pytest.fixture(scope="module")
def panel(people: tuple[F64, F64], tmp_path_factory: pytest.TempPathFactory) -> Path:
    prefix = tmp_path_factory.mktemp("panel") / "panel"
    write_bed(prefix, people[0].T.astype(np.int8))
    return prefix


def places_of(table: pl.DataFrame) -> list[int]:
    return [int(name[2:]) for name in table["variant_id"]]


def test_files_give_the_regression_on_the_people(people: tuple[F64, F64], panel: Path) -> None:
    x, y = people
    turned = (3, 5, 9, 21)
    signs = np.where(np.isin(np.arange(x.shape[1]), turned), -1.0, 1.0)
    table = cojo(tabulate(x, y, turned=turned), panel, options=LOOSE).table()
    chosen = places_of(table)
    assert len(chosen) >= 2
    beta, se = regress_jointly(x[:, chosen], y)
    assert table["bJ"].to_numpy() == pytest.approx(beta * signs[chosen], rel=1e-10)
    assert table["bJ_se"].to_numpy() == pytest.approx(se, rel=1e-10)


def test_the_next_variant_is_correlated_as_the_effect_alleles_are(
    people: tuple[F64, F64], panel: Path
) -> None:
    x, y = people
    table = cojo(tabulate(x, y, turned=(9,)), panel, options=LOOSE).table()
    chosen = places_of(table)
    signs = np.where(np.isin(chosen, 9), -1.0, 1.0)
    r = np.corrcoef(x[:, chosen].T) * np.outer(signs, signs)
    assert table["LD_r"].to_list()[:-1] == pytest.approx(np.diag(r, 1).tolist(), rel=1e-12)
    assert table["LD_r"].to_list()[-1] is None


def test_variants_given_are_conditioned_on_in_both_scales(
    people: tuple[F64, F64], panel: Path, tmp_path: Path
) -> None:
    x, y = people
    given = tmp_path / "given.txt"
    given.write_text("rs9\nrs5\n")
    found = cojo(tabulate(x, y), panel, condition=given)
    table = found.table("cojo_conditional")
    assert table.height == x.shape[1]
    assert table.filter("given")["variant_id"].to_list() == ["rs5", "rs9"]
    design = np.column_stack([np.ones(y.size), x[:, [5, 9]]])
    left = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
    for row in table.filter(~pl.col("given"), status="ok").rows(named=True):
        place = int(row["variant_id"][2:])
        beta, se = regress_jointly(x[:, [5, 9, place]], y)
        assert row["beta_given"] == pytest.approx(beta[-1], rel=1e-7, abs=1e-10)
        assert row["se_given"] == pytest.approx(se[-1], rel=1e-9)
        centred = x[:, place] - x[:, place].mean()
        assert row["bC"] == pytest.approx(centred @ left / (centred @ centred), rel=1e-7, abs=1e-10)
        assert row["bC"] / row["bC_se"] == pytest.approx(beta[-1] / se[-1], rel=1e-7, abs=1e-9)
        assert row["pC"] == pytest.approx(10.0 ** -row["neg_log10_pC"])


def test_each_signal_is_what_the_others_leave(people: tuple[F64, F64]) -> None:
    x, y = people
    rows, r = tabulate(x, y), correlate(x)
    found = separate_signals(rows, r, options=LOOSE)
    leads = [signal.place for signal in found.signals]
    assert found.status is Status.ok
    assert len(leads) >= 2
    for signal in found.signals:
        others = [lead for lead in leads if lead != signal.place]
        assert signal.lead in signal.frame["variant_id"]
        assert not {f"rs{other}" for other in others} & {*signal.frame["variant_id"]}
        for name, beta, se in signal.frame.select("variant_id", "beta", "se").iter_rows():
            expected, error = regress_jointly(x[:, [*others, int(name[2:])]], y)
            assert beta == pytest.approx(expected[-1], rel=1e-7, abs=1e-9)
            assert se == pytest.approx(error[-1], rel=1e-9)


def test_one_signal_is_the_region_as_it_is() -> None:
    rng = np.random.default_rng(1)
    x = rng.binomial(2, 0.3, (500, 4)).astype(np.float64)
    rows = tabulate(x, 0.5 * x[:, 2] + rng.standard_normal(500))
    (signal,) = separate_signals(rows, correlate(x)).signals
    assert (signal.lead, signal.place) == ("rs2", 2)
    assert_frame_equal(signal.frame, rows)


def test_no_signal_is_a_status() -> None:
    rng = np.random.default_rng(2)
    x = rng.binomial(2, 0.3, (500, 4)).astype(np.float64)
    found = separate_signals(tabulate(x, rng.standard_normal(500)), correlate(x))
    assert (found.signals, found.status) == ((), Status.too_few)


def test_signals_of_a_wrong_matrix_are_refused(people: tuple[F64, F64]) -> None:
    with pytest.raises(UsageError, match="do not fit"):
        separate_signals(tabulate(*people), np.eye(2))
    with pytest.raises(UsageError, match="size"):
        separate_signals(tabulate(*people).with_columns(n=None), np.eye(30))


def shuffle(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.sample(fraction=1.0, shuffle=True, seed=3)


def same_tables(first: Results, second: Results) -> None:
    for name in ("cojo", "cojo_conditional"):
        assert_frame_equal(first.table(name), second.table(name), check_exact=True)


def test_order_of_rows_and_threads_change_no_bit(people: tuple[F64, F64], panel: Path) -> None:
    rows = tabulate(*people).with_columns(trait=pl.lit("y"))
    both = pl.concat([rows, rows.with_columns(trait=pl.lit("z"), beta=-pl.col("beta"))])
    plain = cojo(both, panel, options=LOOSE, threads=1)
    same_tables(plain, cojo(shuffle(both), panel, options=LOOSE, threads=2))
    assert plain.table()["trait"].unique(maintain_order=True).to_list() == ["y", "z"]


def test_a_run_that_was_stopped_goes_on(
    people: tuple[F64, F64], panel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = tabulate(*people).with_columns(trait=pl.lit("y"))
    both = pl.concat([rows, rows.with_columns(trait=pl.lit("z"), beta=-pl.col("beta"))])
    whole = cojo(both, panel, options=LOOSE, out=tmp_path / "whole", threads=1)
    done: list[str] = []
    stop = True

    def counted(unit: Unit, options: CojoOptions, **given: object) -> dict[str, pl.DataFrame]:
        if done and stop:
            raise KeyboardInterrupt
        done.append(unit.trait.trait)
        return analyse_unit(unit, options)

    monkeypatch.setattr("proteomr.gwas.conditional_job.analyse_unit", counted)
    with pytest.raises(KeyboardInterrupt):
        cojo(both, panel, options=LOOSE, out=tmp_path / "stopped", threads=1)
    stop = False
    again = cojo(both, panel, options=LOOSE, out=tmp_path / "stopped", threads=1, resume=True)
    assert done == ["y", "z"]
    same_tables(whole, again)
    for name in ("cojo.parquet", "cojo_conditional.parquet"):
        made, expected = (tmp_path / out / name for out in ("stopped", "whole"))
        assert made.read_bytes() == expected.read_bytes()


def test_traits_do_not_know_of_each_other(people: tuple[F64, F64], panel: Path) -> None:
    rows = tabulate(*people).with_columns(trait=pl.lit("y"))
    weak = rows.with_columns(trait=pl.lit("w"), beta=pl.col("beta") * 1e-3)
    found = cojo(pl.concat([rows, weak]), panel, options=LOOSE)
    same_tables(found, cojo(rows, panel, options=LOOSE))


def test_a_trait_that_cannot_be_analysed_is_a_row(people: tuple[F64, F64], panel: Path) -> None:
    rows = tabulate(*people).with_columns(trait=pl.lit("y"))
    other = rows.with_columns(trait=pl.lit("other"), variant_id=pl.col("variant_id") + "0000")
    other = other.with_columns(position_bp=pl.col("position_bp") + 5_000_000)
    found = cojo(pl.concat([rows, other]), panel, options=LOOSE)
    (row,) = found.table().filter(pl.col("status") != "ok").rows(named=True)
    assert (row["trait"], row["variant_id"], row["status"]) == ("other", None, "not_identified")
    assert "panel" in row["message"]
    assert found.failed == 1


def test_variants_that_leave_are_counted(people: tuple[F64, F64], panel: Path) -> None:
    rows = tabulate(*people).with_row_index("i")
    at = pl.col("i")
    rows = rows.with_columns(
        effect_allele=pl.when(at == 1).then(pl.lit("C")).otherwise("effect_allele"),
        eaf=pl.when(at == 2).then(1 - pl.col("eaf")).otherwise("eaf"),
        n=pl.when(at == 4).then(None).otherwise("n"),
        variant_id=pl.when(at == 6).then(pl.lit("rs999")).otherwise("variant_id"),
        position_bp=pl.when(at == 6).then(77).otherwise("position_bp"),
    ).drop("i")
    rows = rows.with_columns(eaf=pl.when(pl.col("variant_id") == "rs2").then(0.9).otherwise("eaf"))
    drops = cojo(rows, panel, options=LOOSE).table("drops")
    counts = dict(drops.filter(step="cojo").select("reason", "n").rows())
    assert counts == {
        "n_missing": 1,
        "absent_from_panel": 1,
        "alleles_differ_from_panel": 1,
        "frequency_differs": 1,
    }


@pytest.mark.parametrize("sizes", ["reported", "effective"])
def test_sizes_that_lack_are_refused(people: tuple[F64, F64], panel: Path, sizes: str) -> None:
    rows = tabulate(*people).drop("n" if sizes == "reported" else "eaf")
    options = CojoOptions(sizes="effective" if sizes == "effective" else "reported")
    words = "sample size" if sizes == "reported" else "frequency"
    with pytest.raises(InputError, match=words):
        cojo(rows, panel, options=options)


def test_a_size_can_be_given(people: tuple[F64, F64], panel: Path) -> None:
    rows = tabulate(*people)
    plain = cojo(rows, panel, options=LOOSE)
    given = cojo(rows.drop("n"), panel, options=LOOSE, read=ReadOptions(n=600.0))
    same_tables(plain, given)


def test_effective_sizes_are_told_beside_those_reported(
    people: tuple[F64, F64], panel: Path
) -> None:
    rows = tabulate(*people)
    effective = cojo(rows, panel, options=CojoOptions(p=1e-5, sizes="effective")).table()
    reported = cojo(rows, panel, options=LOOSE).table()
    assert_frame_equal(
        effective.select("variant_id", "n", "n_effective"),
        reported.select("variant_id", "n", "n_effective"),
    )
    assert effective["bJ"].to_list() != reported["bJ"].to_list()


def test_a_variant_that_others_given_tell_is_a_row(
    people: tuple[F64, F64], panel: Path, tmp_path: Path
) -> None:
    x, y = people
    copied = x.copy()
    copied[:, 6] = copied[:, 5]
    write_bed(tmp_path / "twice", copied.T.astype(np.int8))
    given = tmp_path / "given.txt"
    given.write_text("rs5\nrs6\n")
    found = cojo(tabulate(copied, y), tmp_path / "twice", condition=given)
    assert found.table().select("variant_id", "status").rows() == [
        ("rs5", "ok"),
        ("rs6", "collinear"),
    ]
    rows = found.table("cojo_conditional").filter(variant_id="rs6")
    assert rows.select("status", "bC").rows() == [("collinear", None)]
    assert found.failed == 1


@pytest.mark.parametrize(
    ("text", "words"), [("rs1\nrs77\n", "'rs77' is no variant"), ("", "empty")]
)
def test_lists_that_cannot_be_given_are_refused(
    people: tuple[F64, F64], panel: Path, tmp_path: Path, text: str, words: str
) -> None:
    given = tmp_path / "given.txt"
    given.write_text(text)
    with pytest.raises(InputError, match=words):
        cojo(tabulate(*people), panel, condition=given)


def test_no_variant_that_is_significant_is_nothing_to_do(
    people: tuple[F64, F64], panel: Path
) -> None:
    with pytest.raises(NothingToDo, match="p <= 1e-200"):
        cojo(tabulate(*people), panel, options=CojoOptions(p=1e-200))


def test_one_variant_is_its_own_joint_effect(people: tuple[F64, F64], panel: Path) -> None:
    x, y = people
    rows = tabulate(x, y)[5:6]
    table = cojo(rows, panel, options=LOOSE).table()
    assert table.select("bJ", "bJ_se").row(0) == pytest.approx(rows.select("beta", "se").row(0))


def test_an_effect_that_explains_all_of_the_trait_is_a_row_and_no_empty_table(
    people: tuple[F64, F64], panel: Path
) -> None:
    study = tabulate(*people)
    huge = pl.when(pl.col("variant_id") == "rs4").then(1e12).otherwise(0.0)
    table = cojo(study.with_columns(beta=huge), panel).table("cojo")
    assert table.select("variant_id", "status").rows() == [("rs4", "not_identified")]


def test_variants_beyond_the_window_are_independent(
    people: tuple[F64, F64], panel: Path, tmp_path: Path
) -> None:
    x, y = people
    given = tmp_path / "given.txt"
    given.write_text("rs5\n")
    options = CojoOptions(window_kb=0.25)  # two variants to each side
    table = cojo(tabulate(x, y), panel, condition=given, options=options).table("cojo_conditional")
    assert places_of(table) == [3, 4, 5, 6, 7]


def test_squares_of_correlations_are_refused(people: tuple[F64, F64], tmp_path: Path) -> None:
    names = [f"rs{i}" for i in range(30)]
    r2 = pl.DataFrame(np.corrcoef(people[0].T) ** 2, schema=names)
    with pytest.raises(InputError, match="without the signs"):
        cojo(tabulate(*people), r2, ld_values="r2")


def test_names_are_found_by_what_they_stand_for() -> None:
    rows = pl.DataFrame(
        {"variant_id": ["1:5:A:G", "1:9:C:T", "1:9:C:A"], "rsid": ["rs5", "rs9", "rs9"]}
    )
    found = find_variants(rows, ["chr1_9_T_C", "rs5", "1:5:G:A", "rs9", "rs7"])
    assert (found.rows, found.absent, found.shared) == ((1, 0), ("rs7",), ("rs9",))


@pytest.mark.parametrize(
    "wrong", [{"p": 0.0}, {"collinear": 1.0}, {"window_kb": 0.0}, {"diff_freq": 0.0}]
)
def test_thresholds_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        CojoOptions(**wrong)  # type: ignore[arg-type]


def test_linkage_that_contradicts_the_effects_is_told(people: tuple[F64, F64]) -> None:
    x, y = people
    signs = np.where(np.arange(x.shape[1]) % 4 == 1, -1.0, 1.0)
    names = [f"rs{i}" for i in range(x.shape[1])]
    turned = pl.DataFrame(correlate(x) * np.outer(signs, signs), schema=names)
    found = cojo(tabulate(x, y), turned, options=LOOSE)
    assert any("LD contradicts the effects" in note for note in found.notes)
    assert found.table()["message"].str.contains("other alleles or other people").all()


def _as_lists(rows: pl.DataFrame, **more: object) -> pl.DataFrame:
    """Return rows under the names that the R package coloc has for them."""
    return rows.select(
        pl.col("rsid").alias("snp"),
        pl.col("position_bp").alias("position"),
        "beta",
        (pl.col("se") ** 2).alias("varbeta"),
        pl.col("n").alias("N"),
        *(pl.lit(value).alias(name) for name, value in more.items()),
    )


def test_the_lists_of_coloc_give_what_summary_statistics_give() -> None:
    rows, r = _three()
    plain, lists = cojo(rows, r), cojo(_as_lists(rows, MAF=0.3), r)
    for name in ("cojo", "cojo_conditional"):
        numbers = ["variant_id", *(c for c in ("bJ", "bJ_se", "bC") if c in plain.table(name))]
        assert_frame_equal(plain.table(name).select(numbers), lists.table(name).select(numbers))
    assert plain.table().height == 2


def test_lists_without_what_conditioning_needs_are_refused_by_one_line() -> None:
    rows, r = _three()
    by_p = _as_lists(rows, MAF=0.3, pvalue=1e-9).drop("beta", "varbeta")
    with pytest.raises(InputError, match="add 'beta' and 'varbeta'"):
        cojo(by_p, r)
    with pytest.raises(InputError, match="give --n"):
        cojo(_as_lists(rows).drop("N"), r)
    with pytest.raises(InputError, match="add a column 'eaf'"):
        cojo(_as_lists(rows, MAF=0.3), r, options=CojoOptions(sizes="effective"))


def _three() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return two causal variants, one that goes with the first, and their correlations."""
    random = np.random.default_rng(1)
    genotypes = random.binomial(2, 0.3, (2000, 3)).astype(float)
    genotypes[:, 1] = np.where(random.random(2000) < 0.8, genotypes[:, 0], genotypes[:, 1])
    y = genotypes @ [0.4, 0.0, 0.3] + random.normal(size=2000)
    x, y = genotypes - genotypes.mean(axis=0), y - y.mean()
    squares = (x**2).sum(axis=0)
    beta = x.T @ y / squares
    se = np.sqrt(((y[:, None] - x * beta) ** 2).sum(axis=0) / 1998 / squares)
    names = ["s0", "s1", "s2"]
    rows = pl.DataFrame(
        {
            "rsid": names,
            "chromosome": ["1"] * 3,
            "position_bp": [100, 200, 300],
            "effect_allele": ["A"] * 3,
            "other_allele": ["G"] * 3,
            "beta": beta,
            "se": se,
            "n": [2000] * 3,
        }
    )
    r = np.corrcoef(genotypes.T)
    return rows, pl.DataFrame(r, schema=names, orient="row")
