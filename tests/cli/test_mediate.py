"""What `mediate` prints and leaves, and what each mistake is answered with."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import scipy.stats

FILES = [
    "attrition.tsv",
    "composite_null.parquet",
    "drops.tsv",
    "log.txt",
    "manifest.json",
    "mediation.parquet",
    "paths.parquet",
]


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Write a study of 160 people and five proteins, two of which cannot be analysed."""
    generator = np.random.default_rng(7)
    n = 160
    ids = [f"p{i:03d}" for i in range(n)]
    lonely = np.arange(n) % 2
    adm = 0.8 * lonely + generator.normal(size=n)
    end = generator.exponential(5.0 * np.exp(-0.4 * adm))
    pl.DataFrame(
        {
            "ID": ids,
            "lonely": lonely,
            "three": [("never", "often", "some")[i % 3] for i in range(n)],
            "age": generator.normal(60.0, 8.0, n),
            "bmi": 26.0 + adm + generator.normal(size=n),
            "ill": (adm + generator.normal(size=n) > 0.5).astype(np.int64),
            "died": (end < 6.0).astype(np.int64),
            "died_years": np.round(np.minimum(end, 6.0), 1) + 0.1,
            "none": 0,
            "none_years": 1.0,
            "site": [f"s{i // 2 % 4}" for i in range(n)],
        }
    ).write_csv(tmp_path / "people.csv")
    infinite = generator.normal(size=n)
    infinite[3] = np.inf
    missing = np.where(np.arange(n) % 5 == 0, np.nan, generator.normal(size=n))
    pl.DataFrame(
        {
            "ID": ids,
            "ADM": adm,
            "REN": missing,
            "CONST": np.ones(n),
            "INF": infinite,
            "ILL": (generator.random(n) > 0.5).astype(np.float64),
        }
    ).with_columns(pl.col("REN").fill_nan(None)).write_parquet(tmp_path / "proteins.parquet")
    return tmp_path


@pytest.fixture
def mediate(proteomr: Any, people: Path) -> Callable[..., Any]:
    """Run mediate on the small study; failures are allowed."""

    def run(*arguments: object, method: str = "product", exposure: str = "lonely") -> Any:
        files = (people / "people.csv", people / "proteins.parquet")
        ends = () if "-o" in arguments else ("-o", people / "out")
        asked = ("--method", method, "--exposure", exposure, "--allow-failures")
        return proteomr("mediate", *files, *asked, *arguments, *ends)

    return run


def read(people: Path, name: str = "mediation", out: str = "out") -> pl.DataFrame:
    return pl.read_parquet(people / out / f"{name}.parquet")


def test_effects_and_the_path_are_printed(mediate: Any, people: Path) -> None:
    ending = mediate("--outcome", "bmi", "--adjust", "a=age", "--transform", "none")
    lines = ending.out.splitlines()
    assert ending.code == 0
    assert "2 of 5 analyses have no estimate: constant 1, infinite 1" in ending.err
    assert lines[1].split()[:5] == ["protein", "exposure", "outcome", "adjustment", "effect"]
    assert lines[2].split()[0] == "ADM"
    assert lines[-1] == str(people / "out" / "mediation.parquet")
    assert sorted(file.name for file in (people / "out").iterdir()) == FILES


def test_every_quantity_of_every_protein_is_one_row(mediate: Any, people: Path) -> None:
    mediate("--outcome", "bmi", "--transform", "none")
    table = read(people)
    keys = table.select("protein", "quantity")
    assert keys.n_unique() == keys.height
    failed = table.filter(pl.col("protein") == "INF")
    assert failed["quantity"].to_list() == [
        "total",
        "direct",
        "indirect",
        "proportion",
        "difference",
    ]
    assert set(failed["message"]) == {"1 infinite value on the rows of the fit"}
    assert table.filter(pl.col("protein") == "REN")["n"][0] == 128


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("product", ("--outcome", "bmi")),
        ("product", ("--outcome", "ill", "--outcome-family", "probit", "--interaction")),
        ("four-way", ("--outcome", "bmi", "--interaction", "--mediator-at", "0.5")),
        ("four-way", ("--outcome", "ill", "--outcome-family", "logit", "--interaction")),
        ("perm", ("--outcome", "died")),
        ("counterfactual", ("--time", "died_years", "--event", "died")),
        ("counterfactual", ("--outcome", "died", "--outcome-family", "cox")),
    ],
)
@pytest.mark.parametrize("bootstrap", ["influence", "refit"])
def test_every_method_has_limits_by_both_bootstraps(
    mediate: Any, people: Path, method: str, arguments: tuple[str, ...], bootstrap: str
) -> None:
    limits = ("--bootstrap", bootstrap, "--bootstraps", 40, "--proteins", "ADM,REN", "--seed", 3)
    ending = mediate(*arguments, *limits, "--adjust", "a=age + C(site)", method=method)
    assert ending.code == 0
    table = read(people).filter(pl.col("protein") == "ADM")
    assert table["conf_low"].null_count() == 0
    assert (table["conf_low"] < table["conf_high"]).all()
    assert set(read(people, "paths")["path"]) == {"a", "b", "c", "c_prime"}


def test_rows_whose_limits_lack_their_estimate_are_those_that_say_so(
    mediate: Any, people: Path
) -> None:
    table = pl.read_csv(people / "people.csv")
    coin = np.random.default_rng(4).integers(0, 2, table.height)  # of no effect: shares of none
    table.with_columns(lonely=pl.Series(coin)).write_csv(people / "people.csv")
    asked = ("--outcome", "died", "--bootstraps", 40, "--level", 0.5, "--seed", 4)
    mediate(*asked, method="perm")
    found = read(people).filter(pl.col("conf_low").is_not_null())
    within = pl.col("estimate").is_between("conf_low", "conf_high")
    says = pl.col("message").str.contains("limits lack the estimate").fill_null(value=False)
    assert found.filter(within == says).height == 0
    assert 0 < found.filter(within).height < found.height


def test_shards_join_to_the_bytes_of_a_whole_run(mediate: Any, proteomr: Any, people: Path) -> None:
    asked = ("--outcome", "died", "--bootstrap", "refit", "--bootstraps", 20, "--seed", 5)
    mediate(*asked, method="perm")
    for shard in ("1/2", "2/2"):
        mediate(*asked, "--shard", shard, "-o", people / "parts", method="perm")
    assert proteomr("merge", people / "parts", "--allow-failures").code == 0
    for name in ("mediation", "paths", "composite_null"):
        whole, joined = (people / out / f"{name}.parquet" for out in ("out", "parts"))
        assert whole.read_bytes() == joined.read_bytes()


def test_threads_processes_and_order_of_rows_change_no_byte(mediate: Any, people: Path) -> None:
    asked = ("--outcome", "bmi", "--bootstrap", "influence", "--bootstraps", 30, "--seed", 5)
    mediate(*asked, "--threads", 1)
    mediate(*asked, "--threads", 2, "--executor", "processes", "-o", people / "two")
    samples = pl.read_csv(people / "people.csv")
    samples.sample(fraction=1.0, shuffle=True, seed=1).write_csv(people / "people.csv")
    mediate(*asked, "-o", people / "turned")
    whole = (people / "out" / "mediation.parquet").read_bytes()
    for other in ("two", "turned"):
        assert (people / other / "mediation.parquet").read_bytes() == whole


def test_the_model_of_the_protein_has_covariates_of_its_own(mediate: Any, people: Path) -> None:
    mediate("--outcome", "bmi", "--adjust", "a=age", "--proteins", "ADM")
    own = ("--adjust-mediator", "a=a + C(site)")
    mediate(
        "--outcome", "bmi", "--adjust", "a=age", *own, "--proteins", "ADM", "-o", people / "own"
    )
    usual, changed = (
        dict(read(people, "paths", out).select("path", "estimate").rows()) for out in ("out", "own")
    )
    assert usual["b"] == pytest.approx(changed["b"], rel=1e-12)
    assert usual["a"] != pytest.approx(changed["a"], rel=1e-4)


@pytest.mark.parametrize("method", ["product", "perm", "counterfactual"])
def test_clusters_change_errors_and_their_missing_codes_leave_people_out(
    mediate: Any, people: Path, method: str
) -> None:

    outcome = ("--outcome", "bmi") if method == "product" else ("--outcome", "died")
    table = pl.read_csv(people / "people.csv", schema_overrides={"ID": pl.String})
    table = table.with_columns(family=pl.Series([f"f{i // 4}" for i in range(table.height)]))
    table[0, "family"] = None
    table.write_csv(people / "people.csv")
    asked = (*outcome, "--adjust", "a=age", "--cluster", "family", "--bootstraps", "40")
    assert mediate(*asked, method=method).code == 0
    found = read(people).filter(pl.col("status") == "ok")
    assert found["n"].max() == table.height - 1
    assert found["conf_low"].is_finite().any()
    mediate(*outcome, "--adjust", "a=age", "--bootstraps", "40", "--overwrite", method=method)
    plain = read(people).filter(pl.col("status") == "ok")
    both = found.join(plain, on=["protein", "quantity"], suffix="_plain")
    assert both.height > 0
    ratio = (both["se"] / both["se_plain"]).to_numpy()
    assert np.all(np.abs(np.log(ratio)) > 1e-4)
    assert np.all((ratio > 0.3) & (ratio < 3.0))


@pytest.mark.parametrize("method", ["product", "perm", "counterfactual"])
def test_weights_leave_out_those_without_and_make_errors_robust(
    mediate: Any, people: Path, method: str
) -> None:
    outcome = ("--outcome", "bmi") if method == "product" else ("--outcome", "died")
    table = pl.read_csv(people / "people.csv", schema_overrides={"ID": pl.String})
    weights = np.where(np.arange(table.height) < 3, 0.0, 1.0 + np.arange(table.height) % 3)
    table.with_columns(w=weights).write_csv(people / "people.csv")
    asked = (*outcome, "--adjust", "a=age", "--bootstraps", "40")
    assert mediate(*asked, "--weights", "w", method=method).code == 0
    found = read(people).filter(pl.col("status") == "ok")
    assert found["n"].max() == table.height - 3
    assert found["conf_low"].is_finite().any()
    mediate(*asked, "--weights", "w", "--cluster", "ID", "--overwrite", method=method)
    # Each a cluster: the same errors, of the same influences.
    clustered = read(people).filter(pl.col("status") == "ok")
    np.testing.assert_allclose(clustered["se"], found["se"], rtol=1e-9)
    mediate(*outcome, "--adjust", "a=age", "--overwrite", method=method)
    plain = read(people).filter(pl.col("status") == "ok")
    assert (plain["estimate"] != found["estimate"]).all()


def impute(people: Path) -> list[Path]:
    """Write three imputations of an age that a fifth lacks: each by itself, and all in one."""
    table = pl.read_csv(people / "people.csv", schema_overrides={"ID": pl.String})
    generator, files = np.random.default_rng(3), []
    parts = [table.with_columns(pl.lit(0).alias(".imp"))]
    for k in (1, 2, 3):
        lost = np.arange(table.height) % 5 == 2
        age = np.where(lost, generator.normal(60.0, 8.0, table.height), table["age"].to_numpy())
        one = table.with_columns(age=age)
        files.append(people / f"people{k}.csv")
        one.write_csv(files[-1])
        parts.append(one.with_columns(pl.lit(k).alias(".imp")))
    pl.concat(parts).write_csv(people / "people.csv")
    return files


def test_imputations_are_pooled_by_rubins_rules(mediate: Any, proteomr: Any, people: Path) -> None:
    files = impute(people)
    asked = ("--outcome", "bmi", "--adjust", "a=age")
    ending = mediate(*asked)
    assert ending.code == 0
    assert "3 imputations pooled by Rubin's rules" in ending.err
    for name, key in (("mediation", "quantity"), ("paths", "path")):
        pooled = read(people, name).filter(pl.col("estimate").is_not_null())
        singles = []
        for file in files:
            whole = ("--method", "product", "--exposure", "lonely", *asked, "--overwrite")
            out = ("--allow-failures", "-o", people / "one")
            proteomr("mediate", file, people / "proteins.parquet", *whole, *out)
            one = read(people, name, "one").select("protein", key, "estimate", "se")
            kept = pooled.select("protein", key)
            singles.append(kept.join(one, on=["protein", key], maintain_order="left"))
        estimate, se = (
            np.array([one[column].to_numpy() for one in singles]) for column in ("estimate", "se")
        )
        total = np.mean(se**2, axis=0) + 4.0 / 3.0 * np.var(estimate, axis=0, ddof=1)
        np.testing.assert_allclose(pooled["estimate"], estimate.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(pooled["se"], np.sqrt(total), rtol=1e-12)
        assert pooled["df"].is_not_null().all()
    effects = read(people)
    assert effects["m"].to_list() == [3] * effects.height
    refused = effects.filter(pl.col("protein") == "CONST")
    assert set(refused["status"]) == {"constant"}
    alone = read(people, "mediation", "one").filter(pl.col("protein") == "CONST")
    assert set(refused["message"]) == set(alone["message"]) != {None}  # each imputation says so
    law = effects.filter(pl.col("protein") == "ADM").row(0, named=True)
    half = scipy.stats.t.ppf(0.975, law["df"]) * law["se"]
    assert law["conf_high"] == pytest.approx(law["estimate"] + half, rel=1e-9)


def test_shards_of_imputations_join_and_draws_are_refused(
    mediate: Any, proteomr: Any, people: Path
) -> None:
    impute(people)
    asked = ("--outcome", "bmi", "--adjust", "a=age")
    assert "3, pooled" in mediate(*asked, "--dry-run").out
    mediate(*asked)
    for k in (1, 2):
        mediate(*asked, "--shard", f"{k}/2", "-o", people / "shards")
    assert proteomr("merge", people / "shards", "--allow-failures").code == 0
    assert read(people).equals(read(people, out="shards"))
    ending = mediate(*asked, "--bootstraps", "40", "--overwrite")
    assert ending.code == 2
    assert "leave --bootstrap and --bootstraps out" in ending.err


def test_one_cluster_is_a_status_and_none_a_line(mediate: Any, people: Path) -> None:
    table = pl.read_csv(people / "people.csv", schema_overrides={"ID": pl.String})
    table.with_columns(one=pl.lit("x")).write_csv(people / "people.csv")
    ending = mediate("--outcome", "bmi", "--adjust", "a=age", "--cluster", "one")
    assert ending.code != 0
    assert "at least two" in ending.err
    ending = mediate("--outcome", "bmi", "--adjust", "a=age", "--cluster", "famly")
    assert "famly" in ending.err


def test_a_dry_run_writes_nothing(mediate: Any, people: Path) -> None:
    ending = mediate("--outcome", "bmi", "--bootstrap", "influence", "--dry-run")
    assert ending.code == 0
    assert "limits" in ending.out
    assert not (people / "out").exists()


def test_below_two_hundred_proteins_a_note_says_what_q_is(mediate: Any, people: Path) -> None:
    ending = mediate("--outcome", "bmi")
    assert "3 proteins are fewer than the 200" in ending.err
    assert read(people, "composite_null")["test"].to_list() == ["max_p"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--outcome", "lonely"), "'lonely' is an exposure and of an outcome"),
        (("--outcome", "ADM"), "outcome 'ADM' is a protein, and proteins are the mediators"),
        (("--outcome", "bmi", "--adjust", "a=lonely"), "'lonely' is an exposure and in the"),
        (("--outcome", "bmi", "--adjust", "a=bmi"), "'bmi' is an outcome and in the adjustment"),
        (("--outcome", "site"), "needs numbers|numbers are needed"),
        (("--outcome", "bmj"), "no column 'bmj' in the samples .did you mean 'bmi'"),
        ((), "no outcome given"),
        (
            ("--outcome", "bmi", "--adjust-mediator", "b=age"),
            "b: is no adjustment set",
        ),
        (("--outcome", "bmi", "--mediator-at", "1"), "--mediator-at is of the controlled direct"),
        (("--outcome", "bmi", "--outcome-family", "cox"), "--outcome-family linear or logit"),
        (("--outcome", "bmi", "--exposure-levels", "0,1"), "is for numbers, and 'lonely' has two"),
        (("--outcome", "bmi", "--exposure-levels", "0"), "two numbers parted by a comma"),
        (("--outcome", "bmi", "--bootstraps", "5"), "at least 20"),
        (("--time", "died_years", "--outcome", "bmi"), "--time and --event go together"),
        (("--time", "died_years", "--event", "died"), "outcomes without a time"),
        (("--outcome", "bmi", "--reference-level", "x"), "no level 'x'"),
        (("--outcome", "bmi", "--weights", "bmi"), "--weights 'bmi' is an exposure or of an outco"),
        (("--outcome", "bmi", "--weights", "agee"), "no column 'agee' .* .did you mean 'age'"),
    ],
)
def test_a_mistake_is_one_line(mediate: Any, arguments: tuple[str, ...], said: str) -> None:
    ending = mediate(*arguments)
    assert ending.code in {2, 3}
    lines = ending.err.strip().splitlines()
    assert len(lines) == 1
    assert re.search(said, lines[0]), lines[0]


def test_an_exposure_of_three_levels_is_refused(mediate: Any) -> None:
    ending = mediate("--outcome", "bmi", exposure="three")
    assert ending.code in {2, 3}
    assert "has 3 levels (never, often, some): two levels or numbers are needed" in ending.err


def test_weighting_needs_two_levels(mediate: Any) -> None:
    ending = mediate("--outcome", "died", method="counterfactual", exposure="age")
    assert ending.code in {2, 3}
    assert "exposure 'age' has more than two values" in ending.err


def test_four_way_needs_the_interaction(mediate: Any) -> None:
    ending = mediate("--outcome", "bmi", method="four-way")
    assert ending.code == 2
    assert "add --interaction" in ending.err


@pytest.mark.parametrize("method", ["perm", "counterfactual"])
def test_no_events_are_rows_with_a_status(mediate: Any, people: Path, method: str) -> None:
    mediate("--outcome", "none", method=method)
    table = read(people).filter(pl.col("protein") == "ADM")
    assert set(table["status"]) == {"constant"}
    assert set(table["message"]) == {"nobody has the event on the rows of the fit"}


def test_an_outcome_without_its_time_says_how_it_is_named(mediate: Any) -> None:
    ending = mediate("--outcome", "ill", method="perm")
    assert ending.code == 3
    assert "outcome 'ill' has no time" in ending.err


def test_a_mediator_that_is_the_exposure_is_a_status(mediate: Any, people: Path) -> None:
    proteins = pl.read_parquet(people / "proteins.parquet")
    copied = pl.Series("COPY", [3.0 * (i % 2) for i in range(proteins.height)])
    proteins.with_columns(copied).write_parquet(people / "proteins.parquet")
    mediate("--outcome", "bmi", "--proteins", "COPY")
    assert read(people)["status"][0] in {"collinear", "separated"}


def test_a_joint_model_has_each_protein_beside_the_others(mediate: Any, people: Path) -> None:
    asked = ("--outcome", "bmi", "--joint", "--proteins", "ADM,REN", "--bootstraps", 60)
    for bootstrap in ("influence", "refit"):
        mediate(*asked, "--bootstrap", bootstrap, "-o", people / bootstrap)
    table = read(people, out="influence")
    assert table["n"].unique().to_list() == [128]
    effects = {(p, q): e for p, q, e in table.select("protein", "quantity", "estimate").rows()}
    through = [effects[protein, "indirect"] for protein in ("ADM", "REN")]
    assert effects["ADM", "indirect_all"] == pytest.approx(sum(through), rel=1e-12)
    assert effects["ADM", "direct"] + sum(through) == pytest.approx(effects["ADM", "total"])
    limits = [read(people, out=out)["conf_low"].to_numpy() for out in ("influence", "refit")]
    assert np.abs(limits[0] - limits[1]).max() < 0.3 * np.max(table["se"].to_numpy())


def test_joint_models_of_many_proteins_are_refused(mediate: Any, people: Path) -> None:
    proteins = pl.read_parquet(people / "proteins.parquet").select("ID")
    generator = np.random.default_rng(1)
    columns = [pl.Series(f"P{i}", generator.normal(size=proteins.height)) for i in range(51)]
    proteins.with_columns(columns).write_parquet(people / "proteins.parquet")
    ending = mediate("--outcome", "bmi", "--joint")
    assert ending.code == 2
    assert "51 proteins in one model, and 50 at most" in ending.err


def test_effects_have_e_values(mediate: Any, people: Path) -> None:
    mediate("--outcome", "ill", "--outcome-family", "logit", "--proteins", "ADM")
    table = read(people)
    told = table.filter(pl.col("e_value").is_not_null())
    assert told["quantity"].to_list() == ["direct", "indirect"]
    assert (told["e_value"] >= told["e_value_limit"]).all()


def alter(people: Path, **columns: pl.Expr) -> None:
    pl.read_csv(people / "people.csv").with_columns(**columns).write_csv(people / "people.csv")


@pytest.mark.parametrize("family", ["logit", "probit"])
@pytest.mark.parametrize(("first", "second"), [("case", "control"), ("demented", "well")])
def test_two_texts_are_told_which_of_them_is_the_reference(
    mediate: Any, people: Path, family: str, first: str, second: str
) -> None:
    text = pl.when(pl.col("ill") == 1).then(pl.lit(first)).otherwise(pl.lit(second))
    alter(
        people,
        state=text,
        told=pl.when(pl.col("lonely") == 1).then(pl.lit("x")).otherwise(pl.lit("y")),
    )
    ending = mediate("--outcome", "state", "--outcome-family", family, exposure="told")
    notes = [line for line in ending.err.splitlines() if "comes first in the alphabet" in line]
    said = f"{first!r} comes first in the alphabet and is the reference"
    outcome = f"note: outcome 'state' is {second} vs {first}: {said}; else make a column of 0 and 1"
    assert max(notes) == outcome
    assert min(notes).endswith("else give --reference-level y")
    assert len(notes) == 2


def test_levels_whose_order_is_known_are_told_nothing(mediate: Any, people: Path) -> None:
    alter(people, state=pl.when(pl.col("ill") == 1).then(pl.lit("yes")).otherwise(pl.lit("no")))
    for outcome in ("state", "ill"):
        ending = mediate("--outcome", outcome, "--outcome-family", "logit", "--overwrite")
        assert "alphabet" not in ending.err
    known = ("--outcome-family", "logit", "--reference-level", "1", "--overwrite")
    assert "alphabet" not in mediate("--outcome", "ill", *known).err


@pytest.mark.parametrize("method", ["product", "four-way"])
def test_a_line_through_two_texts_names_the_families_that_take_them(
    mediate: Any, people: Path, method: str
) -> None:
    alter(people, state=pl.when(pl.col("ill") == 1).then(pl.lit("yes")).otherwise(pl.lit("no")))
    ending = mediate("--outcome", "state", "--interaction", method=method)
    assert "--outcome-family logit or probit takes two levels" in ending.message


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("unit", [1e-200, 1e200])
@pytest.mark.parametrize("more", [(), ("--bootstrap", "influence", "--bootstraps", "40")])
def test_effects_per_unit_of_endless_times_are_a_status(
    mediate: Any, people: Path, unit: float, more: tuple[str, ...]
) -> None:
    alter(people, died_years=pl.col("died_years") * unit)
    assert mediate("--outcome", "died", *more, method="counterfactual").code == 0
    table = read(people)
    assert "ok" not in table["status"].to_list()
    assert table["estimate"].null_count() == table.height


@pytest.mark.filterwarnings("error")
def test_one_more_of_an_exposure_in_tiny_units_is_a_status(mediate: Any, people: Path) -> None:
    alter(people, tiny=pl.col("age") * 1e-200)
    for method, outcome in (("product", "ill"), ("perm", "died")):
        family = ("--outcome-family", "probit") if method == "product" else ()
        asked = ("--outcome", outcome, *family, "--overwrite")
        assert mediate(*asked, method=method, exposure="tiny").code == 0
        assert set(read(people)["status"]) & {"ok"} == set()
