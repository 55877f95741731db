from __future__ import annotations

import tomllib

import polars as pl
import pytest

from proteomr.errors import ColumnError, InputError, UsageError
from proteomr.tables import ColumnSchema, Schema, Table, load_schema, schema_names
from proteomr.tables import columns as c
from proteomr.tables.table import schema_text

SCHEMA = Schema(
    "small",
    "one row per protein",
    (
        ColumnSchema("protein", "text", "name"),
        ColumnSchema("n", "integer", "people", minimum=0),
        ColumnSchema("p_value", "float", "p", null=True, minimum=0.0, maximum=1.0),
        ColumnSchema("role", "text", "role", values=("planted", "null")),
    ),
)


def small(**changes: object) -> pl.DataFrame:
    cells: dict[str, object] = {"protein": ["ADM"], "n": [3], "p_value": [0.5], "role": ["null"]}
    return pl.DataFrame({**cells, **changes})


def test_columns_are_put_in_declared_order_and_type() -> None:
    frame = small(n=pl.Series([3], dtype=pl.UInt8), p_value=[None]).select(
        "role", "p_value", "n", "protein"
    )
    checked = SCHEMA.validate(frame)
    assert checked.columns == ["protein", "n", "p_value", "role"]
    assert checked.dtypes == [pl.String, pl.Int64, pl.Float64, pl.String]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (small().drop("n"), "table 'small': no column 'n'"),
        (small().rename({"p_value": "pvalue"}), "no column 'p_value' (did you mean 'pvalue'?)"),
        (small(extra=[1]), "undeclared column 'extra'"),
        (small(n=["x"]), "column 'n': holds String, integer is needed"),
        (small(n=[1.5]), "column 'n': holds Float64, integer is needed"),
        (small(n=[None]), "column 'n': 1 empty cells"),
        (small(n=[-1]), "column 'n': 1 values below 0"),
        (small(p_value=[1.5]), "column 'p_value': 1 values above 1"),
        (small(p_value=[float("nan")]), "column 'p_value': 1 cells are NaN"),
        (small(role=["plantd"]), "holds 'plantd' (did you mean 'planted'?)"),
    ],
)
def test_a_broken_frame_is_refused_with_its_column(frame: pl.DataFrame, message: str) -> None:
    with pytest.raises(ColumnError) as raised:
        SCHEMA.validate(frame)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_infinities_of_both_signs_are_no_nan() -> None:
    column = ColumnSchema("ratio", "float", "ratio", null=True)
    values = [float("inf"), None, float("-inf")]
    assert column.convert(pl.Series(values)).to_list() == values
    with pytest.raises(ColumnError, match="'ratio': 2 cells are NaN"):
        column.convert(pl.Series([*values, float("nan"), float("nan")]))


def test_of_words_that_are_not_allowed_the_first_is_named_and_no_empty_cell() -> None:
    column = ColumnSchema("role", "text", "role", null=True, values=("planted", "null"))
    assert column.convert(pl.Series(["null", None])).to_list() == ["null", None]
    with pytest.raises(ColumnError, match=r"holds 'nul'[^;]*; allowed"):
        column.convert(pl.Series([None, "planned", "nul", "null"]))


def test_further_columns_follow_where_the_schema_allows_them() -> None:
    schema = Schema("open", "", (ColumnSchema("n", "integer", "people"),), extra=True)
    assert schema.validate(pl.DataFrame({"more": ["x"], "n": [1]})).columns == ["n", "more"]


def test_every_shipped_schema_loads_and_accepts_its_own_empty_frame() -> None:
    assert {"associations", "assays", "drops", "truth"} <= set(schema_names())
    for name in schema_names():
        schema = load_schema(name)
        assert schema.name == name
        assert schema.validate(schema.empty()).columns == list(schema.names)
        assert all(column.description for column in schema.columns)


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("associations", c.ASSOCIATIONS),
        ("drops", c.DROPS),
        ("assays", c.ASSAYS),
        ("qc_flags", c.FLAGS),
        ("plates", c.PLATES),
        ("limits", c.LIMITS),
        ("controls", c.CONTROLS),
        ("truth", c.TRUTH),
    ],
)
def test_schemas_name_the_vocabulary_in_order(name: str, names: tuple[str, ...]) -> None:
    assert load_schema(name).names == names


def test_an_unknown_table_names_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"no table 'asociations' \(did you mean 'associations'"):
        load_schema("asociations")


def test_a_table_without_schema_is_refused() -> None:
    with pytest.raises(InputError, match="declares no schema"):
        Table(pl.DataFrame())


def test_a_table_may_have_the_columns_of_another_after_its_own() -> None:
    own = load_schema("replication_fits").names
    assert own == ("split", "half", *load_schema("associations").names)
    text = schema_text("replication_fits")
    assert "columns_of" not in text
    assert tomllib.loads(text)["columns"][2]["name"] == "protein"
    assert 'values = ["linear", ' in text
