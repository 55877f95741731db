"""Covariates that are filled in: mice's long form, what follows from them, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from proteomr.errors import InputError, NothingToDo, UsageError
from proteomr.io import split_imputations
from proteomr.phenotype import DeriveOptions, ImputeOptions, derive
from proteomr.runs import Results
from proteomr.stats.chained_equations import impute_chained
from tests.phenotype.people import make_study

COVARIATES = ("age", "sex", "smoking", "education", "bmi")
ONLY = DeriveOptions(only=("isolation", *COVARIATES))


@pytest.fixture(scope="module")
def study() -> pl.DataFrame:
    frame = make_study(200).frame
    some = (pl.int_range(pl.len()) % 7 == 3).alias("some")
    return frame.with_columns(p21001_i0=pl.when(~some).then("p21001_i0"))


@pytest.fixture(scope="module")
def plain(study: pl.DataFrame) -> pl.DataFrame:
    return derive(study, options=ONLY).table()


@pytest.fixture(scope="module")
def imputed(study: pl.DataFrame) -> Results:
    return impute(study)


def impute(study: Any, *, options: DeriveOptions = ONLY, **asked: Any) -> Results:
    return derive(study, options=options, impute=ImputeOptions(3, iterations=2, **asked))


def test_the_data_come_first_and_each_imputation_has_all_people(
    imputed: Results, plain: pl.DataFrame
) -> None:
    long = imputed.table()
    assert long.columns == [".imp", ".id", *plain.columns]
    assert long[".imp"].to_list() == [number for number in range(4) for _ in range(200)]
    assert long.filter(pl.col(".imp") == 0).drop(".imp", ".id").equals(plain)
    assert long[".id"].to_list() == list(range(1, 201)) * 4


def test_missing_covariates_are_filled_in_and_nothing_else_changes(
    imputed: Results, plain: pl.DataFrame
) -> None:
    one = imputed.table().filter(pl.col(".imp") == 2)
    assert one.select(COVARIATES).null_count().row(0) == (0,) * 5
    assert all(plain[name].null_count() for name in COVARIATES)
    assert one["isolation"].equals(plain["isolation"])
    for name in COVARIATES:
        known = plain[name].is_not_null()
        assert one[name].filter(known).equals(plain[name].filter(known))
        assert one[name].dtype == plain[name].dtype
        assert set(one[name]) <= set(plain[name].drop_nulls())


def test_imputations_differ_and_a_seed_gives_others(study: pl.DataFrame, imputed: Results) -> None:
    bmi = imputed.table().filter(pl.col(".imp") > 0)["bmi"].to_numpy().reshape(3, 200)
    assert not (bmi[0] == bmi[1]).all()
    other = impute(study, seed=2).table().filter(pl.col(".imp") > 0)["bmi"].to_numpy()
    assert not (other.reshape(3, 200) == bmi).all()


def test_the_order_of_people_and_columns_changes_no_value(
    study: pl.DataFrame, imputed: Results
) -> None:
    mixed = study.sample(fraction=1.0, shuffle=True, seed=5)
    mixed = mixed.select(sorted(mixed.columns, reverse=True))
    again, keys = impute(mixed).table(), [".imp", ".id"]
    assert again.sort(keys).equals(imputed.table().sort(keys))


def test_what_is_made_of_imputed_answers_is_made_of_them_again(study: pl.DataFrame) -> None:
    items = ("lives_alone", "low_contact", "no_activity")
    options = DeriveOptions(only=(*items, "isolation", "isolation_score", "age"))
    long = impute(study, options=options, columns=items).table()
    one = long.filter(pl.col(".imp") > 0)
    assert one["isolation_score"].equals(
        one.select(pl.sum_horizontal(items)).to_series(), check_names=False
    )
    assert one["isolation"].equals((one["isolation_score"] >= 2).cast(pl.Int64), check_names=False)
    assert one["age"].null_count() == 3 * long.filter(pl.col(".imp") == 0)["age"].null_count() > 0


def test_an_exposure_is_filled_in_where_it_is_named_and_its_items_are_not_there(
    study: pl.DataFrame,
) -> None:
    long = impute(study, columns=("isolation",)).table()
    assert long.filter(pl.col(".imp") > 0)["isolation"].null_count() == 0
    assert long.filter(pl.col(".imp") > 0)["bmi"].null_count() > 0


def test_the_trace_has_each_pass_over_each_column(imputed: Results, plain: pl.DataFrame) -> None:
    trace = imputed.table("imputation")
    levels = {name: trace.filter(pl.col("rule") == name)["level"].n_unique() for name in COVARIATES}
    assert levels == {"age": 1, "bmi": 1, "sex": 2, "smoking": 2, "education": 4}
    assert trace.height == 3 * 2 * 10
    shares = trace.filter(pl.col("rule") == "education").group_by("imputation", "iteration")
    assert shares.agg(pl.col("mean").sum())["mean"].to_list() == pytest.approx([1.0] * 6)
    assert set(trace.filter(pl.col("rule") == "bmi")["n"]) == {plain["bmi"].null_count()}


def test_a_scan_splits_the_file_that_is_written_and_its_owner_alone_reads_it(
    study: pl.DataFrame, tmp_path: Path
) -> None:
    out = tmp_path / "people.parquet"
    derive(study, options=ONLY, impute=ImputeOptions(2, iterations=1), out=out)
    assert out.stat().st_mode & 0o077 == 0
    assert (tmp_path / "people.imputation.tsv").exists()
    parts = split_imputations(out, scratch=tmp_path)
    assert [pl.read_parquet(part).height for part in parts] == [200, 200]


def test_a_run_that_was_stopped_goes_on_with_the_imputations_it_has(
    study: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = derive(study, options=ONLY, impute=ImputeOptions(3, iterations=1))
    done = []

    def stop_at_the_second(*arguments: Any, imputation: int, **asked: Any) -> Any:
        done.append(imputation)
        if done == [1, 2]:
            raise KeyboardInterrupt
        return impute_chained(*arguments, imputation=imputation, **asked)

    monkeypatch.setattr("proteomr.phenotype.imputing.impute_chained", stop_at_the_second)
    asked: dict[str, Any] = {"options": ONLY, "impute": ImputeOptions(3, iterations=1)}
    with pytest.raises(KeyboardInterrupt):
        derive(study, **asked, out=tmp_path / "people.parquet")
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.rglob("*/*"))
    resumed = derive(study, **asked, out=tmp_path / "people.parquet", resume=True)
    assert done == [1, 2, 2, 3]
    assert resumed.table().equals(whole.table())
    assert resumed.table("imputation").rows() == whole.table("imputation").rows()


@pytest.mark.parametrize(
    ("columns", "predictors", "said"),
    [
        (("bmj",), (), "no column 'bmj' is made that could be imputed .did you mean 'bmi'"),
        ((), ("agee",), "no column 'agee' is made"),
        (("isolation",), (), "'isolation' follows from isolation_score, lives_alone.*impute these"),
    ],
)
def test_columns_that_cannot_be_imputed_by_their_nature_are_refused(
    study: pl.DataFrame, columns: tuple[str, ...], predictors: tuple[str, ...], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        impute(study, options=DeriveOptions(), columns=columns, predictors=predictors)


def test_a_covariate_that_nobody_answered_is_refused_by_name(study: pl.DataFrame) -> None:
    silent = study.with_columns(p738_i0=pl.lit(-3))
    options = DeriveOptions(only=("age", "income"))
    with pytest.raises(InputError, match="'income' has no value of anybody: leave it out"):
        impute(silent, options=options)


def test_nothing_is_written_where_nothing_is_missing(study: pl.DataFrame) -> None:
    full = study.with_columns(p31_i0=pl.int_range(pl.len()) % 2, p21003_i0=pl.lit(50))
    with pytest.raises(NothingToDo, match="no column that may be imputed lacks a value"):
        impute(full, options=DeriveOptions(only=("age", "sex")))


@pytest.mark.parametrize(
    ("asked", "said"),
    [({"imputations": 1}, "two imputations or more"), ({"iterations": 0}, "1 or more")],
)
def test_too_few_imputations_or_iterations_are_refused(asked: dict[str, int], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        ImputeOptions(**{"imputations": 2, **asked})  # type: ignore[arg-type]  # numbers alone


def test_complete_people_and_imputed_ones_are_not_asked_for_together(study: pl.DataFrame) -> None:
    with pytest.raises(UsageError, match="choose one"):
        derive(study, options=ONLY, complete=True, impute=ImputeOptions(2))
