"""A contrast of genes from tables: which genes are found, whom it is fitted to, what is told."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

import proteomr
from proteomr.ctra.genes import find_contrast, read_genes
from proteomr.errors import ColumnError, FormulaError, InputError, UsageError
from proteomr.runs import Results
from proteomr.runs.notes import collect_notes
from proteomr.tables import Cohort
from proteomr.tables.proteins import ArrayProteins

N = 60
GENES = read_genes(None, named="ctra53")
NAMES = GENES["gene_published"].to_list()
IDS = [f"p{i:02d}" for i in range(N)]


def draw(seed: int = 1) -> tuple[pl.DataFrame, pl.DataFrame]:
    g = np.random.default_rng(seed)
    x, z, age = g.normal(size=N), g.normal(size=N), g.normal(50, 8, N)
    signed = 0.3 * x[:, None] + 0.2 * (x * z)[:, None] + g.normal(size=(N, 1)) * 0.3
    values = 8.0 + GENES["weight"].to_numpy() * (signed + g.normal(size=(N, 53)))
    people = pl.DataFrame({"ID": IDS, "x": x, "z": z, "age": age, "sex": ["F", "M"] * (N // 2)})
    return pl.DataFrame({"ID": IDS, **dict(zip(NAMES, values.T, strict=True))}), people


EXPRESSION, PEOPLE = draw()


def fit(
    expression: pl.DataFrame = EXPRESSION, people: pl.DataFrame = PEOPLE, **asked: Any
) -> Results:
    return proteomr.ctra(
        expression, people, **{"exposure": "x", "adjust": {"a": "age + sex"}, **asked}
    )


def row(results: Results, **where: object) -> dict[str, Any]:
    table = results.table()
    for name, value in where.items():
        table = table.filter(pl.col(name).eq_missing(value))
    assert table.height == 1, table
    return table.row(0, named=True)


def notes_of(results: Results) -> str:
    return " | ".join(results.notes)


def test_the_composite_is_least_squares_of_the_mean_of_signed_scores() -> None:
    values = EXPRESSION.select(NAMES).to_numpy()
    scores = (
        (values - values.mean(axis=0)) / values.std(axis=0, ddof=1) * GENES["weight"].to_numpy()
    )
    X = np.column_stack([np.ones(N), PEOPLE["age"], PEOPLE["sex"] == "M", PEOPLE["x"]])
    want = np.linalg.lstsq(X, scores.mean(axis=1), rcond=None)[0][-1]
    found = row(fit())
    assert found["estimate"] == pytest.approx(want, rel=1e-10)
    assert (found["n"], found["genes"], found["df"]) == (N, 53, N - 4)


@pytest.mark.parametrize("scale", ["z", "log2"])
def test_people_with_all_genes_give_the_same_by_every_model(scale: Any) -> None:
    one = row(fit(scale=scale))
    for model in ("mixed", "gls"):
        other = row(fit(scale=scale, model=model))
        assert other["estimate"] == pytest.approx(one["estimate"], rel=1e-9)
        assert other["se"] == pytest.approx(one["se"], rel=1e-9)


def test_current_names_other_cases_and_probes_are_found() -> None:
    renamed = EXPRESSION.rename(
        {"IL8": "CXCL8", "IGJ": "jchain", "IFIT1L": "IFIT1B", "IGLL3": "IGLL3P"}
    )
    assert row(fit(renamed))["estimate"] == row(fit())["estimate"]
    twice = EXPRESSION.with_columns(pl.col("IL6").alias("IL6_2"), CXCL8=pl.col("IL8"))
    results = fit(twice)
    assert row(results)["estimate"] == pytest.approx(row(fit())["estimate"], rel=1e-12)
    assert "given by several columns, of which the mean is taken: IL6, IL8" in notes_of(results)


def test_genes_that_lack_or_are_constant_or_empty_are_listed() -> None:
    odd = EXPRESSION.drop("IL6").with_columns(
        IFNB1=pl.lit(4.0), IFITM5=pl.lit(None, dtype=pl.Float64)
    )
    results = fit(odd)
    assert row(results)["genes"] == 50
    for words in ("not measured: IL6", "constant: IFNB1", "without a value: IFITM5"):
        assert words in notes_of(results)
    status = dict(results.table("ctra_genes").select("gene_published", "found").rows())
    assert (status["IL6"], status["IFNB1"], status["IFITM5"]) == (
        "missing",
        "constant",
        "all_missing",
    )


def test_assays_of_a_panel_are_genes_by_what_they_name_and_a_group_that_lacks_is_told() -> None:
    g = np.random.default_rng(3)
    names = ("OID1", "seq.2", "OID3")
    cohort = Cohort(
        pl.DataFrame({"ID": IDS}),
        "ID",
        ArrayProteins(names, g.normal(size=(N, 3))),
        pl.DataFrame({"protein": names, "gene": ["CXCL8", "TNF|LTA", None]}),
    )
    with collect_notes() as notes:
        found = find_contrast(cohort, GENES)
    assert found.names == ("IL8", "TNF")
    assert "no gene of interferon and antibody is measured" in " ".join(notes)


def test_no_gene_at_all_is_refused() -> None:
    with pytest.raises(
        InputError, match="none of the 53 genes is measured; columns are named as ADM"
    ):
        fit(pl.DataFrame({"ID": IDS, "ADM": np.arange(N) * 1.0}))


def test_values_that_are_no_logarithms_are_refused_and_taken_with_the_option() -> None:
    counts = EXPRESSION.with_columns((2.0 ** pl.col(name)).alias(name) for name in NAMES)
    with pytest.raises(InputError, match="no logarithms to base 2; --log2"):
        fit(counts)
    assert row(fit(counts, log2=True))["estimate"] == pytest.approx(
        row(fit())["estimate"], rel=1e-10
    )
    with pytest.raises(InputError, match="have no logarithm"):
        fit(EXPRESSION.with_columns(pl.col("IL6") - 9.0), log2=True)


def test_fifty_two_genes_are_without_il6() -> None:
    without = row(fit(EXPRESSION.drop("IL6")))
    assert row(fit(gene_set="ctra52"))["estimate"] == without["estimate"]


def test_other_genes_come_from_a_table() -> None:
    mine = pl.DataFrame(
        {
            "gene_published": ["TNF", "MX1"],
            "gene_current": ["TNF", "MX1"],
            "group": ["u", "d"],
            "weight": [1, -1],
        }
    )
    assert row(fit(genes=mine))["genes"] == 2
    with pytest.raises(ColumnError, match="no column 'weight'"):
        fit(genes=mine.drop("weight"))
    with pytest.raises(InputError, match="TNF stands twice"):
        fit(genes=pl.concat([mine, mine.head(1)]))


def test_each_exposure_stands_alone_and_all_stand_together() -> None:
    results = fit(exposure=["x", "z"], joint=True)
    alone, beside = row(results, exposure="x"), row(results, exposure="x + z", term="x")
    assert alone["estimate"] == row(fit())["estimate"]
    assert beside["estimate"] == pytest.approx(
        row(fit(adjust={"a": "age + sex + z"}))["estimate"], rel=1e-10
    )


@pytest.mark.parametrize("model", ["composite", "mixed"])
def test_slopes_are_those_of_moved_moderators(model: Any) -> None:
    results = fit(interaction="x:z", slopes=(-1, 0, 2.5), model=model)
    for at in (-1.0, 0.0, 2.5):
        moved = fit(people=PEOPLE.with_columns(pl.col("z") - at), interaction="x:z", model=model)
        want, found = row(moved, term="x"), row(results, term="x", at=at)
        for name in ("estimate", "se", "df"):
            assert found[name] == pytest.approx(want[name], rel=1e-8)
    assert row(results, term="x:z")["p_value"] < 0.05


def test_components_are_the_groups_by_themselves() -> None:
    results = fit(components=True)
    parts = {
        name: row(results, component=name) for name in ("inflammatory", "interferon", "antibody")
    }
    assert [part["genes"] for part in parts.values()] == [19, 31, 3]
    mean = sum(part["estimate"] * part["genes"] for part in parts.values()) / 53
    assert mean == pytest.approx(row(results, component="all")["estimate"], rel=1e-10)


def test_a_gene_left_out_is_the_contrast_of_the_others() -> None:
    left = fit(leave_one_out=True).table("ctra_leave_out")
    assert left.height == 53
    one = left.filter(pl.col("gene") == "IL6").row(0, named=True)
    assert one["estimate"] == pytest.approx(row(fit(gene_set="ctra52"))["estimate"], rel=1e-12)


def test_missing_values_leave_nobody_out_but_of_gls() -> None:
    holes = EXPRESSION.with_columns(
        pl.when(pl.col("ID").is_in(["p03", "p10"])).then(None).otherwise("TNF").alias("TNF")
    )
    assert row(fit(holes))["n"] == N
    assert row(fit(holes, model="mixed"))["n"] == N
    results = fit(holes, model="gls")
    assert row(results)["n"] == N - 2
    assert "gls takes people who have all genes: 2 of 60 are left out" in notes_of(results)


def test_errors_of_people_are_told_of_and_taken() -> None:
    g = np.random.default_rng(4)
    sd = np.exp(g.normal(0, 0.8, 53))
    values = 8.0 + GENES["weight"].to_numpy() * g.normal(size=(N, 1)) + g.normal(size=(N, 53)) * sd
    wide = pl.DataFrame({"ID": IDS, **dict(zip(NAMES, values.T, strict=True))})
    own = fit(wide, model="gls", gene_variances=True, scale="log2")
    people = fit(wide, model="gls", gene_variances=True, scale="log2", errors="people")
    assert "times as much as the model says" in notes_of(own)
    assert "times as much" not in notes_of(people)
    assert row(people)["estimate"] == row(own)["estimate"]
    assert row(people)["se"] > 1.15 * row(own)["se"]
    assert row(people)["df"] == N - 4  # 1, age, sex, x
    even = row(fit(wide, model="gls", errors="people"))
    means = row(fit(wide))
    assert [even["se"], even["df"]] == pytest.approx([means["se"], means["df"]], rel=1e-12)


def test_people_without_a_covariate_leave_its_models_and_are_counted() -> None:
    some = PEOPLE.with_columns(
        pl.when(pl.col("ID") < "p05").then(None).otherwise("age").alias("age")
    )
    assert row(fit(people=some))["n"] == N - 5


def test_transcripts_are_covariates_as_if_the_samples_had_them() -> None:
    g = np.random.default_rng(5)
    markers = pl.DataFrame({"ID": IDS, "CD3D": g.normal(9, 1, N), "CD19": g.normal(7, 1, N)})
    markers = markers.with_columns(CD19=pl.when(pl.col("ID") < "p03").then(None).otherwise("CD19"))
    asked: dict[str, Any] = {"adjust": {"a": "age + CD3D + log2(CD19)"}, "interaction": "x:CD3D"}
    within = fit(EXPRESSION.join(markers, on="ID"), **asked)
    beside = fit(people=PEOPLE.join(markers, on="ID"), **asked)
    assert within.table().equals(beside.table())
    assert row(within, term="x")["n"] == N - 3
    assert "covariates from the expression matrix: CD3D, CD19" in notes_of(within)
    assert "expression matrix" not in notes_of(beside)
    counts = EXPRESSION.join(markers, on="ID").with_columns(
        pl.lit(2.0).pow(pl.col(name)).alias(name) for name in [*NAMES, "CD3D", "CD19"]
    )
    as_logarithms = fit(counts, log2=True, **asked).table()
    for name in ("estimate", "se"):
        assert np.allclose(as_logarithms[name], within.table()[name], rtol=1e-9)


def test_a_transcript_that_tells_nothing_or_is_no_logarithm_is_refused() -> None:
    for values, said in (
        ([5.0] * N, "covariate 'CD14' is constant"),
        ([None] * N, "covariate 'CD14' is without a value"),
        (list(range(1000, 1000 + N)), "CD14 has values up to 1,059"),
    ):
        odd = EXPRESSION.with_columns(pl.Series("CD14", values, dtype=pl.Float64))
        with pytest.raises(InputError, match=said):
            fit(odd, adjust={"a": "CD14"})
    with pytest.raises(FormulaError, match="no column 'CD14'"):
        fit(adjust={"a": "CD14"})


def test_the_order_of_rows_and_columns_changes_nothing() -> None:
    g = np.random.default_rng(2)
    shuffled = EXPRESSION[g.permutation(N)].select("ID", *reversed(NAMES))
    for model in ("composite", "mixed", "gls"):
        one = fit(model=model, gene_variances=model == "gls")
        other = fit(shuffled, PEOPLE.reverse(), model=model, gene_variances=model == "gls")
        assert one.table().equals(other.table())
        assert one.table("ctra_scores").equals(other.table("ctra_scores"))


def test_an_exposure_that_covariates_determine_is_a_status() -> None:
    found = row(fit(people=PEOPLE.with_columns(x=pl.col("age") * 2.0)))
    assert (found["status"], found["estimate"]) == ("collinear", None)


def test_too_few_people_are_a_status() -> None:
    found = row(fit(people=PEOPLE.head(6)))
    assert (found["status"], found["n"]) == ("too_few", 6)


def test_scores_are_of_everybody_with_expression() -> None:
    scores = fit().table("ctra_scores")
    assert scores.columns == [
        "id",
        "score",
        "genes",
        "score_inflammatory",
        "score_interferon",
        "score_antibody",
    ]
    assert scores["score"].mean() == pytest.approx(0.0, abs=1e-12)


def test_a_request_that_contradicts_itself_is_refused() -> None:
    for asked in (
        {"ml": True},
        {"gene_variances": True, "model": "mixed"},
        {"errors": "people"},
        {"errors": "nobody", "model": "gls"},
        {"joint": True},
        {"exposure": ["x", "x"]},
        {"interaction": "z:x"},
        {"interaction": "x"},
        {"slopes": (1,)},
        {"interaction": "x:sex", "slopes": (0, 1)},
        {"exposure": "nothing"},
    ):
        with pytest.raises(UsageError):
            fit(**asked)


def test_odd_names_of_columns_are_columns() -> None:
    odd = PEOPLE.rename({"x": "social isolation"})
    assert row(fit(people=odd, exposure="social isolation"))["estimate"] == row(fit())["estimate"]


def test_a_contrast_of_nothing_is_significant_in_one_of_twenty() -> None:
    g = np.random.default_rng(4)
    nulls = {f"n{i}": g.normal(size=N) for i in range(60)}
    results = fit(
        people=PEOPLE.with_columns(**{k: pl.Series(v) for k, v in nulls.items()}),
        exposure=list(nulls),
    )
    assert (results.table()["p_value"] < 0.05).sum() <= 8
