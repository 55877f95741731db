"""What of moderation, weights and absorbed effects contradicts itself is answered in one line."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

import proteomr
from proteomr.association import ModelSpec
from proteomr.errors import ColumnError, ProteomrError, UsageError
from proteomr.models import ModerationOptions

PEOPLE = pl.DataFrame(
    {
        "ID": [f"{i:02d}" for i in range(40)],
        "sad": np.arange(40) % 2,
        "age": np.linspace(40.0, 70.0, 40),
        "house": np.arange(40) // 3,
        "alone": np.arange(40),
        "weight": np.where(np.arange(40) == 3, 1.5, 1.0),
    }
)
PROTEINS = pl.DataFrame(
    {"ID": PEOPLE["ID"], "ADM": np.sin(np.arange(40.0)), "REN": np.cos(np.arange(40.0) ** 2)}
)
MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"family": "logistic", "moderate": "plain"}, "moderation is for the linear family, not for"),
    ({"moderate": "plane"}, "no moderation 'plane' .*did you mean 'plain'"),
    ({"moderate": "trend"}, "follows the averages of the proteins, which --transform rint makes"),
    ({"moderate": "plain", "errors": "HC3"}, "moderation is of classical errors"),
    (
        {"moderate": "plain", "weights": "weight", "weight_kind": "frequency"},
        "weights of kind precision, not frequency",
    ),
    ({"moderate": "plain", "exposure": (), "outcome": "sad"}, "it needs --exposure"),
    (
        {"block": "house", "weights": "weight", "weight_kind": "frequency"},
        "blocks .* and weights of kind frequency go not together",
    ),
    (
        {"block": "house", "weights": "weight", "weight_kind": "sampling"},
        "blocks .* and weights of kind sampling go not together",
    ),
    ({"block": "house", "errors": "HC0"}, "blocks .* and errors of kind HC0 go not together"),
    ({"block": "house", "absorb": "house"}, "blocks .* and absorbed effects go not together"),
    ({"family": "logistic", "block": "house"}, "a correlation within blocks is for the linear"),
    ({"block": "alone"}, "blocks 'alone': no protein has a correlation within them"),
    ({"block": "hous"}, "'hous'.*did you mean 'house'"),
    ({"weight_kind": "sampling"}, "weights of kind sampling need a column of weights"),
    (
        {"weights": "weight", "weight_kind": "sampling", "errors": "classical"},
        "sampling weights have no classical errors: leave --se out",
    ),
    ({"weights": "weight", "weight_kind": "often"}, "no kind of weight 'often'"),
    (
        {"weights": "weight", "weight_kind": "frequency"},
        "weights 'weight' are no whole numbers for 1 people",
    ),
    ({"family": "logistic", "absorb": "house"}, "an absorbed effect is for the linear family"),
    ({"absorb": "house", "adjust": {"a": "C(house)"}}, "'house' is absorbed and in 'a'"),
    ({"absorb": "sad"}, "'sad' is an exposure and absorbed"),
    ({"absorb": ("house", "house")}, "'house' is absorbed twice"),
    ({"absorb": "hose"}, "'hose'.*did you mean 'house'"),
    (
        {"absorb": "house", "errors": "CR2", "cluster": "house"},
        "CR2 needs leverages, which absorbed effects have not: take CR0 or CR1",
    ),
    ({"contrast": "2 - 1"}, "contrast '2 - 1' is not of two levels of an exposure"),
    ({"contrast": "1 - 0", "exposure": (), "outcome": "sad"}, "leave --outcome out"),
    ({"family": "logistic", "contrast": "1 - 0"}, "a contrast of levels is for the linear"),
    ({"absorb": ("house", "alone"), "errors": "HC3"}, "HC3 needs leverages, which several"),
]


@pytest.mark.parametrize(("options", "message"), MISTAKES)
def test_a_mistake_is_one_line_that_says_what_is_needed(
    options: dict[str, Any], message: str
) -> None:
    given = {"family": "linear", "exposure": "sad", **options}
    with pytest.raises(ProteomrError, match=message) as raised:
        proteomr.associate(PEOPLE, PROTEINS, threads=1, **given)
    assert isinstance(raised.value, UsageError | ColumnError)
    assert "\n" not in str(raised.value)


def test_multiply_imputed_samples_are_not_moderated() -> None:
    twice = pl.concat([PEOPLE.with_columns(pl.lit(m).alias(".imp")) for m in (1, 2)])
    with pytest.raises(UsageError, match="leave --moderate, --block and --contrast out"):
        proteomr.associate(
            twice.rename({"ID": ".id"}),
            PROTEINS,
            family="linear",
            exposure="sad",
            moderate="plain",
            threads=1,
        )


def test_a_specification_tells_its_options_and_is_read_again() -> None:
    spec = ModelSpec(
        "linear",
        ("sad",),
        weights="weight",
        moderation=ModerationOptions("robust"),
        absorb=("house",),
    )
    assert ModelSpec.from_dict(spec.to_dict()) == spec


def test_options_that_nobody_asked_for_are_not_in_the_request() -> None:
    told = ModelSpec("linear", ("sad",)).to_dict()
    assert not {"moderation", "weight_kind", "absorb"} & set(told)
    assert told["errors"] == "classical"


def test_sampling_weights_bring_their_errors_with_them() -> None:
    plain = ModelSpec("linear", ("sad",), weights="weight", weight_kind="sampling")
    grouped = ModelSpec(
        "linear", ("sad",), weights="weight", weight_kind="sampling", cluster="house"
    )
    assert (plain.errors, grouped.errors) == ("linearised", "CR1")
