"""The truth of the shipped study's people: the published numbers, at the published size."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from proteomr.errors import InputError
from proteomr.simulate.covariates import Covariates
from proteomr.simulate.effects import plant_effects
from proteomr.simulate.expected_findings import tabulate_expected_findings
from proteomr.simulate.expected_hits import tabulate_expected_hits
from proteomr.simulate.follow_up import draw_follow_up
from proteomr.simulate.measurement import draw_measurement
from proteomr.simulate.outcomes import (
    draw_outcomes,
    log_risks,
    rate_events,
    solve_hazards,
    tabulate_hazards,
)
from proteomr.simulate.people import draw_people
from proteomr.simulate.phenome import draw_phenome
from proteomr.simulate.study import SHEN2025_COUNTS
from proteomr.simulate.summary_statistics import simulate_causes
from proteomr.simulate.truth import tabulate_truth
from proteomr.study import read_study_file
from proteomr.study.published import compare_published

PROTEINS = 2_920
SEED = 2025


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tables of the truth of `simulate`, at the size of the paper; no protein is drawn."""
    folder = tmp_path_factory.mktemp("truth")
    study = SHEN2025_COUNTS
    covariates = Covariates(study, draw_people(study, study.people, seed=SEED))
    effects = plant_effects(covariates, PROTEINS, seed=SEED)
    measured = draw_measurement(covariates, effects, seed=SEED)
    hazards = solve_hazards(measured, effects)
    risks = log_risks(measured, hazards)
    follow_up = draw_follow_up(measured, log_risk=risks[0])
    outcomes = draw_outcomes(measured, hazards, risks=risks, follow_up=follow_up)
    rates = rate_events(measured, outcomes)
    assert study.phenome is not None
    assert study.causes is not None
    told: dict[str, Mapping[str, Any]] = {
        "truth": tabulate_truth(effects, measured, proteins=PROTEINS),
        "outcome_truth": tabulate_hazards(effects, hazards, proteins=PROTEINS, rates=rates),
        "expected_hits": tabulate_expected_hits(effects, measured, proteins=PROTEINS),
        "expected_findings": tabulate_expected_findings(
            effects, measured, hazards, proteins=PROTEINS
        ),
        "phenome_truth": draw_phenome(measured, effects, study.phenome).truth,
    }
    for name, columns in told.items():
        pl.DataFrame(columns).write_parquet(folder / f"{name}.parquet")
    (folder / "gwas").mkdir()
    simulate_causes(study.causes, seed=SEED).truth.write_parquet(folder / "gwas" / "truth.parquet")
    return folder


@pytest.fixture(scope="module")
def expected(tables: Path) -> pl.DataFrame:
    """The last table of the study as far as the truth alone fills it."""

    def find(stage: str, table: str | None) -> Path:
        if stage != "people":
            raise InputError("no stage was run")
        return tables / f"{table}.parquet"

    told = compare_published(read_study_file("shen2025").findings, find)
    assert told["found"].null_count() == told.height
    return told.drop_nulls("expected")


def test_the_truth_lies_within_what_the_paper_printed(expected: pl.DataFrame) -> None:
    bounded = expected.filter(pl.any_horizontal(pl.col("^published_(low|high)$").is_not_null()))
    outside = bounded.filter(
        (pl.col("expected") < pl.col("published_low"))
        | (pl.col("expected") > pl.col("published_high").fill_null(float("inf")))
    )
    assert outside["finding"].to_list() == []
    assert bounded.height == 17  # three odds ratios, r, three shares, five of MR, five paths


def test_published_numbers_are_those_that_the_truth_lets_expect(expected: pl.DataFrame) -> None:
    known = expected.drop_nulls("published").filter(pl.col("published_low").is_null())
    drawn = known.filter(pl.col("expected_low").is_not_null())
    assert drawn.height == 11
    assert (
        drawn.select(pl.col("published").is_between("expected_low", "expected_high"))
        .to_series()
        .all()
    )
    counts = known.filter(pl.col("finding").str.contains("set: proteins"))
    assert counts.height == 5
    assert (counts["expected"] / counts["published"] - 1).abs().max() < 0.04  # type: ignore[operator]
    shares = known.filter(pl.col("finding").str.contains("mediated"))
    assert shares.height == 5
    # that of depression is a difference of rounded means, and its indirect effect says 1.2
    apart = shares.filter((pl.col("expected") - pl.col("published")).abs() > 1e-9)
    assert apart["finding"].to_list() == ["ADM, loneliness and depression: mediated, %"]
