"""Halves whose statistics are moderated, each over its own fits, with blocks or without."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import proteomr
from proteomr.association import ModelSpec
from proteomr.models import ModerationOptions
from proteomr.replicate import RandomHalves
from proteomr.runs import Results
from tests.replicate.people import make_people, make_proteins

PEOPLE = make_people(300, seed=3).with_columns(house=pl.int_range(300) // 3)
SPREAD = np.random.default_rng(4).uniform(0.2, 4.0, 20)
PROTEINS = make_proteins(PEOPLE, 20).with_columns(
    pl.col(f"P{j:02d}") * spread for j, spread in enumerate(SPREAD.tolist())
)


def fit(options: ModerationOptions) -> Results:
    spec = ModelSpec("linear", ("lo",), {"few": "age"}, "none", moderation=options)
    return proteomr.replicate(
        PEOPLE, PROTEINS, models=spec, scheme=RandomHalves(1), keep_fits=True, threads=1
    )


@pytest.mark.parametrize("block", [None, "house"])
def test_each_half_has_a_prior_of_its_own(block: str | None) -> None:
    fits = fit(ModerationOptions("plain", block)).table("replication_fits")
    plain = fit(ModerationOptions(None, block)).table("replication_fits")
    ratio = (fits["df"] - plain["df"]).to_list()
    halves = fits.with_columns(prior=pl.Series(ratio)).group_by("half").agg(pl.col("prior"))
    priors = [{round(value, 6) for value in prior} for prior in halves["prior"]]
    assert [len(prior) for prior in priors] == [1, 1]
    assert priors[0] != priors[1]
    assert min(min(prior) for prior in priors) > 0.0
    assert fits["estimate"].to_list() == plain["estimate"].to_list()
