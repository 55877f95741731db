"""Effects, errors and p that are not what they are called; and good files, which pass."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import stats

from proteomr._typing import F64
from proteomr.errors import InputError
from proteomr.gwas.agreement import AgreementSample
from proteomr.gwas.munging import MungeOptions, munge_files
from proteomr.io.sumstats import ReadOptions, load_book, open_sumstats
from proteomr.io.sumstats.canonical import sample_rows
from proteomr.io.sumstats.header import assign_columns

RNG = np.random.default_rng(11)
ROWS = 40
SE = RNG.uniform(0.03, 0.09, ROWS)
BETA = RNG.normal(0, 1, ROWS) * SE + np.sign(RNG.normal(size=ROWS)) * RNG.uniform(0, 0.6, ROWS)
P = 2 * stats.norm.sf(np.abs(BETA / SE))


@dataclass(frozen=True)
class Mistake:
    """Columns that hold something else, and the mapping that reads them."""

    columns: dict[str, F64]
    mapping: dict[str, str]
    words: str


MISTAKES = {
    "an odds ratio as effect": Mistake(
        {"beta": np.exp(BETA), "se": SE, "p": P}, {"odds_ratio": "beta"}, "'beta' holds odds ratios"
    ),
    "an effect as odds ratio": Mistake(
        {"or": BETA, "se": SE, "p": P}, {"beta": "or"}, "rows are 0 or below"
    ),
    "positive effects as odds ratios": Mistake(
        {"or": np.abs(BETA), "se": SE, "p": P}, {"beta": "or"}, "'or' holds effects"
    ),
    "the error of the ratio": Mistake(
        {"or": np.exp(BETA), "se": SE * np.exp(BETA), "p": P},
        {"se_of_ratio": "se"},
        "'se' holds standard errors of the ratio",
    ),
    "a ratio and its error as effect": Mistake(
        {"beta": np.exp(BETA), "se": SE * np.exp(BETA), "p": P},
        {"odds_ratio": "beta", "se_of_ratio": "se"},
        "'se' holds standard errors of the ratio",
    ),
    "a variance as error": Mistake(
        {"beta": BETA, "se": SE**2, "p": P}, {"variance": "se"}, "'se' holds variances"
    ),
    "an error as variance": Mistake(
        {"beta": BETA, "varbeta": SE, "p": P}, {"se": "varbeta"}, "'varbeta' holds standard errors"
    ),
    "half the width of limits as error": Mistake(
        {"beta": BETA, "se": 1.959964 * SE, "p": P}, {"half_width": "se"}, "half widths"
    ),
    "a weight as error": Mistake(
        {"beta": BETA, "se": SE**-2, "p": P}, {"weight": "se"}, "'se' holds weights"
    ),
    "an effect in per cent": Mistake(
        {"beta": 100 * BETA, "se": SE, "p": P}, {"effect_percent": "beta"}, "in per cent"
    ),
    "-log10 p as p": Mistake(
        {"beta": BETA, "se": SE, "p": -np.log10(P)}, {"neg_log10_p": "p"}, "'p' holds -log10 p"
    ),
    "ln p as p": Mistake({"beta": BETA, "se": SE, "p": np.log(P)}, {"ln_p": "p"}, "'p' holds ln p"),
    "p as -log10 p": Mistake(
        {"beta": BETA, "se": SE, "mlogp": P}, {"p_value": "mlogp"}, "'mlogp' holds p"
    ),
    "one-sided p": Mistake(
        {"beta": BETA, "se": SE, "p": stats.norm.sf(BETA / SE)}, {"one_sided_p": "p"}, "one-sided p"
    ),
    "a frequency in per cent": Mistake(
        {"beta": BETA, "se": SE, "p": P, "eaf": RNG.uniform(2, 98, ROWS)},
        {"eaf_percent": "eaf"},
        "frequencies in per cent",
    ),
}


def write(folder: Path, columns: dict[str, F64], digits: int = 6) -> Path:
    shown = {name: [f"{x:.{digits}g}" for x in values] for name, values in columns.items()}
    rows = len(next(iter(shown.values())))
    names = {"rsid": [f"rs{i}" for i in range(rows)], "ea": ["A"] * rows, "oa": ["G"] * rows}
    path = folder / "given.tsv"
    pl.DataFrame({**names, **shown}).write_csv(path, separator="\t")
    return path


def judge(columns: dict[str, list[str]], *, refuse: bool = True) -> tuple[str, ...]:
    names = ["rsid", "ea", "oa", *columns]
    layout = assign_columns(names, load_book("named"), mapping={}, path=Path("x"))
    sample = AgreementSample(layout, path=Path("x"))
    sample.add(pl.DataFrame(columns))
    return sample.check(refuse=refuse)


@pytest.mark.parametrize("name", MISTAKES)
def test_what_a_column_holds_is_proven_and_the_option_named_reads_it(
    name: str, tmp_path: Path
) -> None:
    mistake = MISTAKES[name]
    path = write(tmp_path, mistake.columns)
    with pytest.raises(InputError) as caught:
        munge_files(path)
    assert mistake.words in str(caught.value)
    for canonical, column in mistake.mapping.items():
        assert f"--map {canonical}={column}" in str(caught.value)
    read = ReadOptions(columns=mistake.mapping)
    made = munge_files(path, options=MungeOptions(read=read)).collect().frame
    sign = np.abs if "positive" in name else np.asarray
    told = np.isfinite(made["neg_log10_p"].to_numpy())
    assert told.all()
    assert made["beta"].to_numpy() == pytest.approx(sign(BETA), rel=2e-4, abs=1e-5)
    assert made["se"].to_numpy() == pytest.approx(SE, rel=2e-4)
    assert made["neg_log10_p"].to_numpy() == pytest.approx(-np.log10(P), rel=2e-3, abs=1e-4)


@pytest.mark.parametrize("name", MISTAKES)
def test_a_note_stands_for_the_refusal_on_request(name: str, tmp_path: Path) -> None:
    mistake = MISTAKES[name]
    path = write(tmp_path, mistake.columns)
    layout = open_sumstats(path).layout
    sample = AgreementSample(layout, path=path)
    sample.add(sample_rows(pl.read_csv(path, separator="\t", infer_schema=False), layout))
    assert any(mistake.words in note for note in sample.check(refuse=False))


def t_of_30(z: F64) -> F64:
    return np.asarray(2 * stats.t.sf(np.abs(z), 30))


TESTS: dict[str, Callable[[F64], F64]] = {
    "wald": lambda z: 2 * stats.norm.sf(np.abs(z)),
    "t": t_of_30,
    "inflation": lambda z: 2 * stats.norm.sf(np.abs(z) / math.sqrt(1.25)),
    "likelihood ratio": lambda z: 2 * stats.norm.sf(np.abs(z) * (1 + 0.02 * z)),
    "permutations": lambda z: np.maximum(2 * stats.norm.sf(np.abs(z)), 1e-3),
    "another test": lambda z: 2 * stats.norm.sf(np.abs(0.7 * z + np.sin(1e4 * z))),
}


@pytest.mark.parametrize("name", TESTS)
@pytest.mark.parametrize("ratio", [False, True])
@pytest.mark.parametrize("strong", [False, True])
def test_good_files_are_not_refused_whatever_the_test_and_the_digits(
    name: str, *, ratio: bool, strong: bool
) -> None:
    rng = np.random.default_rng(3)
    for rows in (1, 2, 3, 5, 10, 300):
        for digits in (2, 3, 6):
            se = rng.uniform(0.01, 0.1, rows)
            z = rng.normal(size=rows)
            z = z + np.sign(z) * 6 if strong else z
            effect = np.exp(z * se) if ratio else z * se
            columns = {"or" if ratio else "beta": effect, "se": se, "p": TESTS[name](z)}
            judge({k: [f"{x:.{digits}g}" for x in v] for k, v in columns.items()})


@pytest.mark.parametrize("p", ["0", "1e-400", "<1e-300", "NA"])
def test_p_that_no_double_holds_or_none_tells_proves_nothing(p: str) -> None:
    columns = {"beta": ["0.9012", "-0.5010", "0.4001"], "se": ["0.0100"] * 3, "p": [p] * 3}
    notes = judge(columns)
    assert all("no other reading" in note for note in notes)


def test_rounded_numbers_agree_within_their_digits() -> None:
    assert (
        judge({"beta": ["0.1", "0.2", "0.4"], "se": ["0.02"] * 3, "p": ["1e-7", "1e-20", "0"]})
        == ()
    )


def test_one_row_is_told_of_and_not_refused() -> None:
    notes = judge({"beta": ["1.3499"], "se": ["0.0200"], "p": ["7.3e-51"]})
    assert len(notes) == 1
    assert "'beta' holds odds ratios" in notes[0]
    assert notes[0].endswith("so few rows prove nothing")


@pytest.mark.parametrize("rows", [1, 4, 30])
def test_rows_next_to_nothing_that_agree_are_not_told_of(rows: int) -> None:
    rng = np.random.default_rng(rows)
    z, se = rng.uniform(-0.25, 0.25, rows), rng.uniform(0.01, 0.1, rows)
    columns = {"beta": z * se, "se": se, "p": 2 * stats.norm.sf(np.abs(z))}
    assert judge({k: [f"{x:.4g}" for x in v] for k, v in columns.items()}) == ()


def test_p_of_zero_tells_effects_around_one_from_ratios() -> None:
    effects = np.linspace(0.7, 1.5, 30)
    columns = {"beta": [f"{x:.4f}" for x in effects], "se": ["0.0150"] * 30}
    assert judge({**columns, "p": ["0"] * 30}) == ()
    with pytest.raises(InputError, match="odds_ratio=beta, else --scales note"):
        judge(columns)
    with pytest.raises(InputError, match="odds_ratio=beta, else --scales note"):
        judge({**columns, "p": ["NA"] * 30})


def test_copies_of_a_row_are_one_row() -> None:
    columns = {"beta": ["1.3499"] * 9, "se": ["0.0200"] * 9, "p": ["7.3e-51"] * 9}
    assert judge(columns)[0].endswith("so few rows prove nothing")
    same = {**columns, "p": [f"{i + 1}e-51" for i in range(9)]}
    assert all("in 1 of 1 rows" in note for note in judge(same))


def test_a_constant_factor_is_named_and_refused_beyond_corrections_for_inflation() -> None:
    shown = [f"{x:.6g}" for x in BETA / math.log(10)]
    columns = {"beta": shown, "se": [f"{x:.6g}" for x in SE], "p": [f"{x:.6g}" for x in P]}
    with pytest.raises(InputError, match=r"as if the statistics were 2\.3 times as large: one is"):
        judge(columns)
    columns = {"beta": [f"{x:.6g}" for x in BETA], "se": columns["se"]}
    for inflation, factor in ((1.3225, "0.87"), (2.7, "0.609")):
        corrected = 2 * stats.norm.sf(np.abs(BETA / SE) / math.sqrt(inflation))
        notes = judge({**columns, "p": [f"{x:.6g}" for x in corrected]})
        assert f"{factor} times as large (corrected for inflation?)" in notes[0]


def test_what_no_reading_explains_is_counted() -> None:
    p = [f"{x:.3g}" for x in RNG.uniform(0.2, 1, ROWS)]
    columns = {"beta": [f"{x:.6g}" for x in 20 * SE], "se": [f"{x:.6g}" for x in SE], "p": p}
    notes = judge(columns)
    assert "in 40 of 40 rows, and no other reading of the columns explains it" in notes[0]


def test_a_value_that_stands_for_none_is_no_odds_ratio_and_no_reason_to_refuse() -> None:
    ratios = [f"{x:.6g}" for x in np.exp(BETA)]
    columns = {"or": ["-9", *ratios[1:]], "se": [f"{x:.6g}" for x in SE]}
    assert "is -9 in 1 of 40 rows" in judge(columns)[0]
    with pytest.raises(InputError, match=r"2 of 40 rows are 0 or below, as -0\.5"):
        judge({**columns, "or": ["-0.5", "-0.2", *ratios[2:]]})


def test_limits_of_another_level_are_seen_in_p() -> None:
    ends = {
        "ci_lower": [f"{x:.6g}" for x in np.exp(BETA - 1.644854 * SE)],
        "ci_upper": [f"{x:.6g}" for x in np.exp(BETA + 1.644854 * SE)],
    }
    ratio, p = [f"{x:.6g}" for x in np.exp(BETA)], [f"{x:.6g}" for x in P]
    assert "0.839 times as large" in judge({"or": ratio, "p": p, **ends})[0]


@pytest.mark.parametrize(
    "name",
    [
        "formats/okbay2016_education_head.txt",
        "formats/regenie_step2_firth_Y1.regenie",
        "formats/als_gwas.vcf.gz",
        "formats/gwas_vcf_example.vcf",
        "formats/gwas_ssf_0000123.tsv",
        "formats/twosamplemr_bmi.txt",
        "pqtl/cistrans_exposure_regenie_8proteins.csv.gz",
        "pqtl/cistrans_outcome_assoc_sbp_ms_ldl.csv",
        "pqtl/zheng2020_instruments_all.csv",
        "pqtl/sost/sost_region_gwas.csv.gz",
        "pqtl/sost/ukbb_sost_pqtl_region.tsv",
        "mr/data/harm_mrmix_MDD18_outcome.csv",
        "mr/data/harm_bmi_chd_outcome.csv",
        "mr/data/mvlocal_edu.csv",
        "mr/data/mv_tsmr_exposure.csv",
    ],
)
def test_no_real_file_is_refused(reference: Path, name: str) -> None:
    opened = open_sumstats(reference / name)
    sample = AgreementSample(opened.layout, path=opened.path)
    for raw in opened.raw(opened.columns_read()):
        sample.add(sample_rows(raw, opened.layout))
    for note in sample.check():
        assert "no other reading" in note
