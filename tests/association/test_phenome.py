"""Phenome scans: outcomes by the file, each with its own missing values and covariates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from scipy.special import ndtri
from scipy.stats import rankdata

import proteomr.scan.plan
from proteomr._typing import F64, Bool
from proteomr.association import ModelSpec, plan_scan, scan_cohort
from proteomr.association.outcome_options import OutcomeOptions
from proteomr.design import parse
from proteomr.errors import ColumnError, FormulaError, UsageError
from proteomr.io import OutcomeTable, read_outcomes
from proteomr.runs.notes import collect_notes
from proteomr.scan import count_people
from proteomr.tables import ArrayProteins, Cohort
from tests.association.cohorts import make_cohort, make_samples, make_values
from tests.association.phenome_cohort import make_outcomes, make_people

STORED = Path(__file__).resolve().parents[1] / "reference" / "phenome.json"
TRANSFORMS: dict[str, Any] = {
    "none": lambda y: y,
    "log": np.log,
    "rint": lambda y: ndtri((rankdata(y) - 0.375) / (y.size + 0.25)),
    "zscore": lambda y: (y - y.mean()) / y.std(ddof=1),
}


def table(cohort: Cohort, frame: pl.DataFrame, tmp_path: Path, terms: str = "1") -> OutcomeTable:
    path = tmp_path / "outcomes.parquet"
    frame.write_parquet(path)
    return read_outcomes(path, label="phenome", cohort=cohort, formula=parse(terms))


def spec_of(family: str = "linear", *, terms: str = "1", **more: Any) -> ModelSpec:
    transform = more.pop("outcome_transform", "none")
    options = OutcomeOptions((("phenome", terms),), transform)
    return ModelSpec(family, outcome_options=options, **{"adjust": {"a": "age + C(site)"}, **more})


# R's numbers


@pytest.fixture(scope="module")
def stored() -> pl.DataFrame:
    facts = json.loads(STORED.read_text("utf-8"))
    assert facts.pop("R").startswith("4.")
    return pl.DataFrame(facts)


@pytest.mark.parametrize("transform", ["none", "log", "rint", "zscore"])
def test_a_grid_of_proteins_and_outcomes_equals_r(
    stored: pl.DataFrame, tmp_path: Path, transform: Any
) -> None:
    cohort, (body, brain) = make_people(), make_outcomes()
    first = table(cohort, body, tmp_path)
    brain.write_csv(tmp_path / "brain.csv")
    second = read_outcomes(
        tmp_path / "brain.csv", label="brain", cohort=cohort, formula=parse("volume")
    )
    options = OutcomeOptions((("phenome", "1"), ("brain", "volume")), transform)
    spec = ModelSpec("linear", adjust={"a": "age + sex + C(site)"}, outcome_options=options)
    found = scan_cohort(cohort, spec, outcomes=[first, second]).frame
    assert set(found["status"]) == {"ok"}
    assert found["exposure"].null_count() == found.height
    known = stored.filter(family="linear", transform=transform)
    both = known.join(found, on=["protein", "outcome"], suffix="_found")
    assert both.height == known.height == (30 if transform == "none" else 24)
    assert both["n"].equals(both["n_found"].alias("n"))
    assert both["df"].cast(pl.Float64).equals(both["df_found"].alias("df"))
    gap = (both["estimate"] - both["estimate_found"]).abs() / both["se"]
    assert float(gap.to_numpy().max()) < 1e-10
    np.testing.assert_allclose(both["se_found"], both["se"], rtol=1e-10)


def test_binary_outcomes_of_a_file_equal_r_by_logistic_regression(
    stored: pl.DataFrame, tmp_path: Path
) -> None:
    cohort, (body, _) = make_people(), make_outcomes()
    outcomes = table(cohort, body.select("eid", "event"), tmp_path)
    spec = spec_of("logistic", adjust={"a": "age + sex + C(site)"})
    found = scan_cohort(cohort, spec, outcomes=[outcomes]).frame
    known = stored.filter(family="logistic")
    assert found["n"].to_list() == known["n"].to_list()
    np.testing.assert_allclose(found["estimate"], known["estimate"], rtol=1e-7)
    np.testing.assert_allclose(found["se"], known["se"], rtol=1e-7)


def test_the_stored_file_stays_small() -> None:
    assert STORED.stat().st_size < 60_000


# the slow loop


def lacking(n: int, q: int, *, seed: int = 5) -> pl.DataFrame:
    """Return q positive outcomes, each with missing values of its own."""
    g = np.random.default_rng(seed)
    y = np.exp(g.normal(0, 0.5, (n, q))) + 0.1
    y[:, 0] = y[:, 0].round(1)
    for i, share in enumerate(np.linspace(0.0, 0.6, q)):
        y[g.random(n) < share, i] = np.nan
    columns = {f"y{i}": y[:, i] for i in range(q)}
    return pl.DataFrame({"id": [f"{i:06d}" for i in range(n)], **columns}).fill_nan(None)


def design_of(samples: pl.DataFrame, scores: F64) -> F64:
    site = samples["site"].to_numpy()
    dummies = [(site == level).astype(float) for level in np.unique(site)[1:]]
    return np.column_stack([scores, np.ones(scores.size), samples["age"].to_numpy(), *dummies])


def slow(samples: pl.DataFrame, x: F64, y: F64, transform: str) -> tuple[int, float, float]:
    """Fit one cell by itself: complete cases, transforms within them, least squares by QR."""
    rows: Bool = ~np.isnan(x) & ~np.isnan(y)
    response = TRANSFORMS[transform](y[rows])
    X = design_of(samples.filter(pl.Series(rows)), TRANSFORMS["rint"](x[rows]))
    Q, R = np.linalg.qr(X)
    beta = np.linalg.solve(R, Q.T @ response)
    rest = response - X @ beta
    variance = rest @ rest / (rest.size - X.shape[1])
    return rest.size, beta[0], np.sqrt(variance * np.linalg.inv(R.T @ R)[0, 0])


@pytest.mark.parametrize("n", [260, 4_500])
@pytest.mark.parametrize("transform", ["none", "log", "rint", "zscore"])
def test_every_cell_has_its_own_rows_and_equals_the_slow_loop(
    tmp_path: Path, n: int, transform: Any
) -> None:
    samples, values, frame = make_samples(n), make_values(n, 3), lacking(n, 4)
    cohort = make_cohort(samples, values)
    spec = spec_of(outcome_transform=transform)
    found = scan_cohort(cohort, spec, outcomes=[table(cohort, frame, tmp_path)]).frame
    for row in found.iter_rows(named=True):
        x = values[:, int(row["protein"][1:])]
        y = frame[row["outcome"]].fill_null(np.nan).to_numpy()
        count, estimate, se = slow(samples, x, y, transform)
        assert row["n"] == count
        assert row["estimate"] == pytest.approx(estimate, abs=1e-10 * se, rel=1e-10)
        assert row["se"] == pytest.approx(se, rel=1e-10)


@pytest.mark.parametrize("n", [260, 4_500])
@pytest.mark.parametrize(
    "options", [{"weights": "weight"}, {"errors": "HC3"}, {"errors": "HC1", "interaction": "sex"}]
)
@pytest.mark.parametrize("transform", ["rint", "zscore"])
def test_the_transform_of_outcomes_is_the_same_on_every_path(
    tmp_path: Path, n: int, options: dict[str, Any], transform: Any
) -> None:
    weights = np.random.default_rng(2).random(n) + 0.5
    samples = make_samples(n).with_columns(weight=pl.Series(weights))
    values, frame = make_values(n, 2), lacking(n, 3)
    cohort = make_cohort(samples, values)
    spec = spec_of(outcome_transform=transform, **options)
    found = scan_cohort(cohort, spec, outcomes=[table(cohort, frame, tmp_path)]).frame
    for row in found.filter(~pl.col("term").str.contains(":")).iter_rows(named=True):
        x = values[:, int(row["protein"][1:])]
        y = frame[row["outcome"]].fill_null(np.nan).to_numpy()
        rows = ~np.isnan(x) & ~np.isnan(y)
        scores, response = TRANSFORMS["rint"](x[rows]), TRANSFORMS[transform](y[rows])
        sex = samples["sex"].to_numpy()[rows]
        products = [scores * sex, sex] if "interaction" in options else []
        X = np.column_stack([design_of(samples.filter(pl.Series(rows)), scores), *products])
        model = sm.WLS(response, X, weights=weights[rows] if "weights" in options else 1.0)
        theirs = model.fit(cov_type=options.get("errors", "nonrobust"))
        se = theirs.bse[0]
        assert row["estimate"] == pytest.approx(theirs.params[0], abs=1e-9 * se)
        assert row["se"] == pytest.approx(se, rel=1e-9)


# what must not matter


def test_what_else_is_asked_for_changes_no_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    n = 4_500
    cohort, frame = make_cohort(make_samples(n), make_values(n, 5)), lacking(n, 6)
    whole = scan_cohort(cohort, spec_of(), outcomes=[table(cohort, frame, tmp_path)]).frame
    monkeypatch.setattr(proteomr.scan.planning, "ROWS_AT_ONCE", 2 * n)
    parted = plan_scan(cohort, spec_of(), outcomes=[table(cohort, frame, tmp_path)])
    assert len({block.groups for block in parted.blocks}) > 2
    again = scan_cohort(cohort, spec_of(), outcomes=[table(cohort, frame, tmp_path)]).frame
    assert whole.equals(again)
    turned = frame.select("id", "y5", "y2").sample(fraction=1.0, shuffle=True, seed=3)
    few = scan_cohort(cohort, spec_of(), outcomes=[table(cohort, turned, tmp_path)]).frame
    columns = ["protein", "outcome", "n", "estimate", "se", "p_value"]
    both = few.select(columns).join(whole.select(columns), on=columns[:2], suffix="_whole")
    assert both.height == few.height == 10
    for name in columns[2:]:
        np.testing.assert_allclose(both[name], both[f"{name}_whole"], rtol=1e-12)


def test_an_outcome_of_a_file_has_the_numbers_of_the_column_of_its_name(tmp_path: Path) -> None:
    frame, samples = lacking(300, 3), make_samples(300)
    beside = make_cohort(samples, make_values(300, 4))
    inside = make_cohort(samples.join(frame, on="id"), make_values(300, 4))
    found = scan_cohort(beside, spec_of(), outcomes=[table(beside, frame, tmp_path)]).frame
    spec = ModelSpec("linear", adjust={"a": "age + C(site)"}, outcomes=("y0", "y1", "y2"))
    assert found.equals(scan_cohort(inside, spec).frame)


# people and covariates of a file


def test_people_whom_a_file_lacks_lose_its_outcomes_alone(tmp_path: Path) -> None:
    samples = make_samples(300).with_columns(bmi=pl.Series(np.random.default_rng(1).random(300)))
    cohort, frame = make_cohort(samples, make_values(300, 2)), lacking(300, 2)
    some = pl.concat([frame[:200], frame[:3].with_columns(id=pl.Series(["x1", "x2", "x3"]))])
    outcomes = table(cohort, some, tmp_path)
    assert [drop.n for drop in outcomes.drops] == [3]
    plan = plan_scan(cohort, spec_of(outcomes=("bmi",)), outcomes=[outcomes])
    counts = dict(count_people(plan).select("outcome", "complete").rows())
    assert counts["bmi"] == 300
    assert counts["y0"] == 200
    assert counts["y1"] < 200


def test_covariates_of_a_file_join_its_models_alone(tmp_path: Path) -> None:
    n = 300
    g = np.random.default_rng(8)
    samples = make_samples(n).with_columns(bmi=pl.Series(g.random(n)))
    frame = lacking(n, 2).with_columns(
        scanner=pl.Series(g.integers(0, 3, n).astype(str)),
        volume=pl.Series(np.where(g.random(n) < 0.1, np.nan, g.normal(size=n))).fill_nan(None),
    )
    cohort = make_cohort(samples, make_values(n, 3))
    terms = "C(scanner) + volume"
    found = scan_cohort(
        cohort,
        spec_of(terms=terms, outcomes=("bmi",)),
        outcomes=[table(cohort, frame, tmp_path, terms)],
    ).frame
    everything = make_cohort(samples.join(frame, on="id"), make_values(n, 3))
    for outcomes, adjust in (
        (("bmi",), "age + C(site)"),
        (("y0", "y1"), f"age + C(site) + {terms}"),
    ):
        spec = ModelSpec("linear", adjust={"a": adjust}, outcomes=outcomes)
        known = scan_cohort(everything, spec).frame
        mine = found.filter(pl.col("outcome").is_in(outcomes))
        for name in ("n", "estimate", "se", "p_value"):
            np.testing.assert_allclose(mine[name], known[name], rtol=1e-11)
    assert set(found["adjustment"]) == {"a"}


# what cannot be fitted


def test_an_outcome_without_two_values_is_a_status_and_shifts_no_other(tmp_path: Path) -> None:
    n = 300
    frame = lacking(n, 2)
    odd = frame.select(
        "id",
        "y0",
        always=pl.lit(1.0),
        nobody=pl.lit(None, dtype=pl.Float64),
        text=pl.lit("one"),
        y1="y1",
    )
    cohort = make_cohort(make_samples(n), make_values(n, 2))
    found = scan_cohort(cohort, spec_of(), outcomes=[table(cohort, odd, tmp_path)]).frame
    sound = scan_cohort(cohort, spec_of(), outcomes=[table(cohort, frame, tmp_path)]).frame
    assert found.filter(pl.col("outcome").is_in(["y0", "y1"]))["estimate"].equals(sound["estimate"])
    statuses = dict(found.filter(protein="P00").select("outcome", "status").rows())
    assert statuses == {
        "y0": "ok",
        "always": "constant",
        "nobody": "all_missing",
        "text": "constant",
        "y1": "ok",
    }
    assert found["outcome"].to_list()[:5] == ["y0", "always", "nobody", "text", "y1"]
    assert found.filter(status="constant")["estimate"].null_count() == 4


@pytest.mark.parametrize("family", ["linear", "logistic"])
def test_an_outcome_that_is_a_covariate_too_has_a_status(tmp_path: Path, family: str) -> None:
    n = 300
    samples = make_samples(n)
    cohort = make_cohort(samples, make_values(n, 2))
    frame = samples.select("id", "sex", iso="iso")
    with collect_notes() as notes:
        found = scan_cohort(
            cohort,
            spec_of(family, adjust={"a": "age + sex"}),
            outcomes=[table(cohort, frame, tmp_path)],
        ).frame
    assert set(found.filter(outcome="iso")["status"]) == {"ok"}
    assert set(found.filter(outcome="sex")["status"]) <= {"collinear", "separated"}
    assert found.filter(outcome="sex")["estimate"].null_count() == 2
    assert any(note.startswith("sex is an outcome of phenome") for note in notes)


def test_a_logarithm_of_what_is_not_positive_is_a_status_where_it_is_on_the_rows(
    tmp_path: Path,
) -> None:
    n = 300
    frame = lacking(n, 2).with_columns(y0=pl.when(pl.int_range(n) == 7).then(0.0).otherwise("y0"))
    values = make_values(n, 2)
    values[7] = [np.nan, 1.0]
    cohort = make_cohort(make_samples(n), values)
    found = scan_cohort(
        cohort, spec_of(outcome_transform="log"), outcomes=[table(cohort, frame, tmp_path)]
    ).frame
    rows = {(r["protein"], r["outcome"]): r for r in found.iter_rows(named=True)}
    assert rows["P01", "y0"]["status"] == "untransformed"
    assert "the logarithm of y0 needs values above 0" in rows["P01", "y0"]["message"]
    assert {rows[key]["status"] for key in rows if key != ("P01", "y0")} == {"ok"}


@pytest.mark.parametrize(
    ("column", "family", "message"),
    [
        (
            ["a", "b", "c"] * 100,
            "linear",
            "'bad' has 3 levels .*; leave the column out of the file",
        ),
        ([0.0, 1.0, 2.0] * 100, "logistic", "'bad' has 3 levels"),
        ([0.0, 1.0, float("inf")] * 100, "linear", "'bad' is infinite for 100 people"),
    ],
)
def test_a_column_that_is_no_outcome_of_the_family_is_one_line(
    tmp_path: Path, column: list[Any], family: str, message: str
) -> None:
    frame = make_samples(300).select("id", "iso").with_columns(bad=pl.Series(column))
    cohort = make_cohort(make_samples(300), make_values(300, 2))
    with pytest.raises(ColumnError, match=message):
        scan_cohort(cohort, spec_of(family), outcomes=[table(cohort, frame, tmp_path)])


@pytest.mark.parametrize(
    ("make", "fault", "message"),
    [
        (lambda: OutcomeOptions.read(["a", "b"], ["age"]), UsageError, "say of which file"),
        (lambda: OutcomeOptions.read([], ["age"]), UsageError, "need a file of outcomes"),
        (lambda: OutcomeOptions.read(["a"], ["b=age"]), UsageError, "which are in no file"),
        (lambda: OutcomeOptions.read(["a"], ["a=x", "a=y"]), UsageError, "given twice"),
        (lambda: OutcomeOptions.read(["a"], ["a=x +"]), FormulaError, "name was needed"),
        (lambda: OutcomeOptions((), cast("Any", "root")), UsageError, "no transform 'root'"),
        (lambda: ModelSpec("linear", ("iso",), outcome_options=OutcomeOptions((), "log")),
         UsageError, "is for outcomes, and exposures are given"),
        (lambda: ModelSpec("linear", ("iso",), outcome_options=OutcomeOptions((("a", "1"),))),
         UsageError, "two scans: give one or the other"),
        (lambda: spec_of("logistic", outcome_transform="rint"), UsageError, "linear, iv and mixed"),
    ],
)  # fmt: skip
def test_options_that_say_nothing_are_refused(
    make: Any, fault: type[Exception], message: str
) -> None:
    with pytest.raises(fault, match=message):
        make()


def test_terms_may_be_a_list_of_names() -> None:
    options = OutcomeOptions.read(["brain"], ['C(site, ref="2"), volume, poly(age, 2)'])
    assert options.covariates == (("brain", 'C(site, ref="2") + volume + poly(age, 2)'),)


def test_a_specification_with_files_is_stored_and_read_back() -> None:
    spec = spec_of(terms="volume", outcome_transform="rint", outcomes=("bmi",))
    assert ModelSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec
    assert spec.role == "outcome"


def test_a_transform_without_a_continuous_outcome_is_refused(tmp_path: Path) -> None:
    cohort = make_cohort(make_samples(300), make_values(300, 2))
    frame = make_samples(300).select("id", "iso")
    with pytest.raises(UsageError, match="of continuous outcomes, and none is one"):
        plan_scan(
            cohort, spec_of(outcome_transform="rint"), outcomes=[table(cohort, frame, tmp_path)]
        )


def test_names_that_stand_twice_are_refused(tmp_path: Path) -> None:
    cohort = make_cohort(make_samples(300), make_values(300, 2))
    frame = lacking(300, 2)
    one = table(cohort, frame, tmp_path)
    options = OutcomeOptions((("phenome", "1"), ("other", "1")))
    other = OutcomeTable("other", one.outcomes.select("y1"), one.covariates, parse("1"))
    with pytest.raises(ColumnError, match="'y1' is in phenome and other: rename one"):
        plan_scan(cohort, ModelSpec("linear", outcome_options=options), outcomes=[one, other])
    aged = frame.with_columns(age=pl.lit(3.0))
    with pytest.raises(
        ColumnError, match="'age' of the outcomes phenome is a column of the samples"
    ):
        plan_scan(cohort, spec_of(terms="age"), outcomes=[table(cohort, aged, tmp_path, "age")])
    sited = frame.with_columns(scanner=pl.Series(["x", "y"] * 150))
    with pytest.raises(UsageError, match="'scanner' makes the strata and is in 'outcomes phenome'"):
        plan_scan(
            cohort,
            spec_of(terms="scanner", strata="scanner"),
            outcomes=[table(cohort, sited, tmp_path, "scanner")],
        )
    with pytest.raises(FormulaError, match="no column 'y9'"):
        table(cohort, frame, tmp_path, "y9")
    assert isinstance(cohort.proteins, ArrayProteins)
