"""A cohort of known truth, written table by table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from numpy.typing import NDArray

from proteomr.execute import one_blas_thread
from proteomr.simulate.covariates import ADJUSTMENTS, Covariates
from proteomr.simulate.disease import DISEASE_HAZARD_RATIOS, draw_disease
from proteomr.simulate.effects import Effects, plant_effects
from proteomr.simulate.expected_findings import tabulate_expected_findings
from proteomr.simulate.expected_hits import tabulate_expected_hits
from proteomr.simulate.follow_up import DIRECT_HAZARD_RATIOS, draw_follow_up
from proteomr.simulate.measurement import Measurement, draw_measurement
from proteomr.simulate.outcomes import (
    Hazard,
    draw_outcomes,
    log_risks,
    rate_events,
    solve_hazards,
    tabulate_hazards,
)
from proteomr.simulate.people import draw_people
from proteomr.simulate.phenome import draw_phenome
from proteomr.simulate.study import EXPOSURES, Study
from proteomr.simulate.traits import MEDIATED, MEDIATED_SHARE, SCORED_SHARE, draw_traits
from proteomr.simulate.truth import tabulate_assays, tabulate_truth
from proteomr.simulate.write import write_columns, write_proteins

__all__ = ["COHORT_TABLES", "count_cells", "describe_model", "list_tables", "write_cohort"]

COHORT_TABLES = ("samples", "proteins", "timegap", "assays", "truth")
_MODEL = {
    "exposures": "upper tails of two correlated propensities, cut to the study's cells by the"
    " largest remainder",
    "protein": "x = W c + L f + s e with variance 1: c covariates and exposures, f standard normal"
    " factors (2 on all proteins, 2 on each panel, 13 modules), e standard normal noise",
    "npx": "centre + spread (exp(skew x) - 1) / skew, rounded to 4 decimals",
    "effect": "log(odds_ratio) (1 - share of the variance explained by covariates and exposures)",
    "missing": "completely at random, by protein and by person and panel",
    "death": "Gompertz hazard: 0.09 per year of age and of follow-up, the direct hazard ratios"
    " below, and mortality_hazard_ratio per SD of the protein",
    "disease": "Gompertz hazard among the living: 0.06 per year, the ratios below, and"
    " disease_hazard_ratio per SD of the protein, times disease_early_ratio for five years",
    "frailty": f"linear; {MEDIATED_SHARE:.0%} of the effect of isolation goes through {MEDIATED},"
    " all covariates given; frail is its upper tenth",
    "biomarker": f"a sum of proteins by score_weight, {SCORED_SHARE:.0%} of its variance, and"
    " noise",
}


def write_cohort(
    place: Callable[[str], Path],
    /,
    *,
    study: Study,
    people: int,
    proteins: int,
    seed: int,
    after_chunk: Callable[[], object] = lambda: None,
) -> dict[str, Path]:
    """Write a cohort of known truth in the shape of a study, and return the files by table.

    ``samples.parquet`` (exposures, covariates, follow-up), ``proteins.parquet`` (one float32 column
    each, streamed by row groups), ``timegap.parquet`` (years between blood draw and processing, one
    column per panel), ``assays.parquet`` and ``truth.parquet``; of a study that has them also
    ``outcome_truth``, ``expected_hits``, ``expected_findings``, ``markers``, ``volumes`` and
    ``phenome_truth``. The
    study's named proteins come first; the rest are called P0005, P0006, ... The same seed and size
    give the same bytes with the same versions of the libraries on the same kind of processor.

    The latent protein is ``x = W c + L f + s e``, with covariates and exposures c, hidden factors f
    and noise e, of variance 1. With v the share of the variance that c leaves, a protein moves by
    ``d = log(OR) v`` SD with the exposure given all covariates, so that the odds ratio of the
    exposure per SD of the protein is near OR. Odds ratios, cells, counts and shares follow Shen et
    al. 2025, doi:10.1038/s41562-024-02078-1, where they are published; the truth marks the chosen
    ones.

    Parameters
    ----------
    place : gives the path to write for the name of a file.
    study : that the cohort resembles.
    people, proteins : size.
    seed : not negative.
    after_chunk : called when the proteins of a chunk of people are written.

    Raises
    ------
    StorageError
        The disk refused a file.

    Examples
    --------
    >>> import tempfile
    >>> from proteomr.simulate.study import SHEN2025
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files = write_cohort(
    ...         Path(folder).joinpath, study=SHEN2025, people=200, proteins=10, seed=1
    ...     )
    ...     count_cells(pl.read_parquet(files["samples"]))
    (172, 15, 10, 3)
    """
    paths = {name: place(f"{name}.parquet") for name in list_tables(study)}
    with one_blas_thread():
        covariates = Covariates(study, draw_people(study, people, seed=seed))
        effects = plant_effects(covariates, proteins, seed=seed)
        measurement = draw_measurement(covariates, effects, seed=seed)
        hazards = solve_hazards(measurement, effects)
        outcomes = _write_people(paths, measurement, effects, hazards)
        if hazards:
            rates = rate_events(measurement, outcomes)
            known = tabulate_hazards(effects, hazards, proteins=proteins, rates=rates)
            write_columns(paths["outcome_truth"], known)
            hits = tabulate_expected_hits(effects, measurement, proteins=proteins)
            write_columns(paths["expected_hits"], hits)
            known = tabulate_expected_findings(effects, measurement, hazards, proteins=proteins)
            write_columns(paths["expected_findings"], known)
        if study.phenome is not None:
            drawn = draw_phenome(measurement, effects, study.phenome)
            write_columns(paths["markers"], drawn.markers)
            write_columns(paths["volumes"], drawn.volumes)
            write_columns(paths["phenome_truth"], drawn.truth)
        write_columns(paths["assays"], tabulate_assays(effects, measurement, proteins=proteins))
        write_columns(paths["truth"], tabulate_truth(effects, measurement, proteins=proteins))
        names = effects.names[:proteins]
        write_proteins(paths["proteins"], measurement, names=names, after_chunk=after_chunk)
    return paths


def list_tables(study: Study) -> tuple[str, ...]:
    """Return the names of the tables of a cohort.

    Examples
    --------
    >>> from proteomr.simulate.study import SHEN2025, SHEN2025_COUNTS
    >>> list_tables(SHEN2025) == COHORT_TABLES, list_tables(SHEN2025_COUNTS)[-1]
    (True, 'phenome_truth')
    """
    outcomes = ("outcome_truth", "expected_hits", "expected_findings") if study.outcomes else ()
    phenome = () if study.phenome is None else ("markers", "volumes", "phenome_truth")
    return (*COHORT_TABLES, *outcomes, *phenome)


def count_cells(samples: pl.DataFrame) -> tuple[int, int, int, int]:
    """Count the people with neither exposure, isolation only, loneliness only, and both.

    Examples
    --------
    >>> count_cells(pl.DataFrame({"isolation": [0, 1, 1], "loneliness": [0, 0, 1]}))
    (1, 1, 0, 1)
    """
    isolated, lonely = (samples[name] == 1 for name in EXPOSURES)
    groups = (~isolated & ~lonely, isolated & ~lonely, ~isolated & lonely, isolated & lonely)
    neither, first, second, both = (int(group.sum()) for group in groups)
    return neither, first, second, both


def describe_model(study: Study) -> Mapping[str, object]:
    """Return what a cohort is drawn from, and the adjustment sets for which its truth holds.

    Examples
    --------
    >>> from proteomr.simulate.study import SHEN2025
    >>> sorted(describe_model(SHEN2025))
    ['adjustments', 'direct_hazard_ratios', 'disease_hazard_ratios', 'like', 'model', 'reference']
    """
    return {
        "like": study.name,
        "reference": study.reference,
        "adjustments": dict(ADJUSTMENTS),
        "model": _MODEL,
        "direct_hazard_ratios": dict(DIRECT_HAZARD_RATIOS),
        "disease_hazard_ratios": dict(DISEASE_HAZARD_RATIOS),
    }


def _write_people(
    paths: dict[str, Path], measurement: Measurement, effects: Effects, hazards: Sequence[Hazard]
) -> Mapping[str, NDArray[Any]]:
    """Write the people, and return the columns of their outcomes, of which few cohorts have any."""
    people = measurement.covariates.people
    panels = measurement.covariates.study.panels
    risks = log_risks(measurement, hazards) if hazards else None
    follow_up = draw_follow_up(measurement, log_risk=None if risks is None else risks[0])
    outcomes: Mapping[str, NDArray[Any]] = {}
    if risks is not None:
        outcomes = draw_outcomes(measurement, hazards, risks=risks, follow_up=follow_up)
    gaps = {panel: people.time_gap[:, place] for place, panel in enumerate(panels)}
    disease = draw_disease(measurement, follow_up)
    traits = draw_traits(measurement, effects)
    samples = {**people.columns, **disease, **traits, **follow_up, **outcomes}
    write_columns(paths["samples"], samples)
    write_columns(paths["timegap"], {"sample_id": people.columns["sample_id"], **gaps})
    return outcomes
