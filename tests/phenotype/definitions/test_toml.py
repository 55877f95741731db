from __future__ import annotations

import tomllib
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proteomr.phenotype.definitions.toml import write_toml

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6)
PLAIN = st.one_of(
    TEXT,
    st.integers(-(2**62), 2**62),
    st.booleans(),
    st.dates(),
    st.floats(allow_nan=False, allow_infinity=False),
)
VALUE = st.recursive(
    PLAIN,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(TEXT, VALUE, max_size=4))
def test_what_is_written_reads_back_as_the_same(facts: dict[str, Any]) -> None:
    assert tomllib.loads(write_toml(facts)) == facts


@pytest.mark.parametrize(
    "facts",
    [
        {"end": date(2022, 11, 30), "text": 'a "quoted" \\ line\n\u007f'},
        {"outcome": [{"name": "cvd", "codes": [1]}, {"name": "stroke", "published": {"n": 1}}]},
        {"rule": {"x": {"levels": {"1": [-7]}, "empty": {}}}},
    ],
)
def test_dates_quotes_and_lists_of_tables_read_back(facts: dict[str, Any]) -> None:
    assert tomllib.loads(write_toml(facts)) == facts
