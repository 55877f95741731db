"""A cohort of known truth, written to a folder."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import polars as pl

from proteomr.errors import RunFolderError, UsageError
from proteomr.execute import one_blas_thread
from proteomr.files import replace_file, storage_errors
from proteomr.provenance import digest_file, tool_versions
from proteomr.simulate.covariates import ADJUSTMENTS, Covariates
from proteomr.simulate.effects import plant_effects
from proteomr.simulate.export import check_export, list_export_files, write_ukb_export
from proteomr.simulate.follow_up import DIRECT_HAZARD_RATIOS, draw_follow_up
from proteomr.simulate.measurement import Measurement, draw_measurement
from proteomr.simulate.people import People, draw_people
from proteomr.simulate.study import EXPOSURES, Study, find_study
from proteomr.simulate.truth import tabulate_assays, tabulate_truth
from proteomr.simulate.write import write_columns, write_proteins

__all__ = ["ExportForm", "Simulation", "simulate"]

ExportForm: TypeAlias = Literal["ukb"]

_FEWEST_PEOPLE, _MOST_PEOPLE = 100, 5_000_000
_KIND = "proteomr simulated cohort"
_TABLES = ("samples", "proteins", "timegap", "assays", "truth")
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
}


@dataclass(frozen=True, slots=True)
class Simulation:
    """Where a simulated cohort stands, and its counts.

    Parameters
    ----------
    samples, proteins, timegap, assays, truth, manifest : paths of the files.
    people, protein_count : size.
    cells : people with neither exposure, isolation only, loneliness only, both.
    deaths : people who died during the follow-up.
    seed : what it was made from.
    """

    samples: Path
    proteins: Path
    timegap: Path
    assays: Path
    truth: Path
    manifest: Path
    people: int
    protein_count: int
    cells: tuple[int, int, int, int]
    deaths: int
    seed: int


def simulate(
    directory: str | Path,
    *,
    people: int = 42_062,
    proteins: int = 2_920,
    like: str = "shen2025",
    seed: int = 1,
    export: ExportForm | None = None,
) -> Simulation:
    """Write a cohort of known truth in the shape of a study, and return its paths and counts.

    ``samples.parquet`` (exposures, covariates, follow-up), ``proteins.parquet`` (one float32 column
    each, streamed by row groups), ``timegap.parquet`` (years between blood draw and processing, one
    column per panel), ``assays.parquet``, ``truth.parquet`` and, last, ``manifest.json``, which
    gives the adjustment sets for which the truth holds. The study's named proteins come first; the
    rest are called P0005, P0006, ... The same seed and size give the same bytes with the same
    versions of the libraries on the same kind of processor.

    The latent protein is ``x = W c + L f + s e``, with covariates and exposures c, hidden factors f
    and noise e, of variance 1. With v the share of the variance that c leaves, a protein moves by
    ``d = log(OR) v`` SD with the exposure given all covariates, so that the odds ratio of the
    exposure per SD of the protein is near OR. Odds ratios, cells, counts and shares follow Shen et
    al. 2025, doi:10.1038/s41562-024-02078-1, where they are published; the truth marks the chosen
    ones.

    Parameters
    ----------
    directory : folder of the files; made if absent. An earlier simulation in it is replaced.
    people : at least 100.
    proteins : at least 1.
    like : key of the study.
    seed : not negative.
    export : ukb: also write the folder ``export``, the same people in the form of UK Biobank's
        exports, see :func:`proteomr.simulate.export.write_ukb_export`.

    Raises
    ------
    UsageError
        For a size, seed or study that cannot be simulated.
    RunFolderError
        When the folder holds files of these names that no simulation made.
    StorageError
        When the disk refuses a file.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made = simulate(folder, people=200, proteins=10, seed=1)
    ...     made.cells, sorted(path.name for path in Path(folder).iterdir())[:3]
    ((172, 15, 10, 3), ['assays.parquet', 'manifest.json', 'proteins.parquet'])
    """
    study = find_study(like)
    _check_request(people=people, proteins=proteins, seed=seed)
    if export is not None:
        check_export(export, proteins=proteins)
    folder = Path(directory)
    paths = {name: folder / f"{name}.parquet" for name in _TABLES}
    manifest = folder / "manifest.json"
    exported = list_export_files(folder).values()
    _claim_folder(folder, manifest, tables=paths.values(), exported=exported)
    with one_blas_thread():
        drawn = draw_people(study, people, seed=seed)
        covariates = Covariates(study, drawn)
        effects = plant_effects(covariates, proteins, seed=seed)
        measurement = draw_measurement(covariates, effects, seed=seed)
        deaths = _write_people(paths, measurement)
        write_columns(paths["assays"], tabulate_assays(effects, measurement, proteins=proteins))
        write_columns(paths["truth"], tabulate_truth(effects, measurement, proteins=proteins))
        write_proteins(paths["proteins"], measurement, names=effects.names[:proteins])
    cells = _count_cells(drawn)
    facts = {"people": people, "proteins": proteins, "cells": cells, "deaths": deaths, "seed": seed}
    if export is not None:
        write_ukb_export(folder, samples=pl.read_parquet(paths["samples"]), seed=seed)
    written = (*paths.values(), *(exported if export is not None else ()))
    _write_manifest(manifest, study, facts=facts, files=written)
    return Simulation(
        **paths,
        manifest=manifest,
        people=people,
        protein_count=proteins,
        cells=cells,
        deaths=deaths,
        seed=seed,
    )


def _check_request(*, people: int, proteins: int, seed: int) -> None:
    if not _FEWEST_PEOPLE <= people <= _MOST_PEOPLE:
        raise UsageError(
            f"cannot simulate {people} people: choose from {_FEWEST_PEOPLE} to {_MOST_PEOPLE}"
        )
    if proteins < 1:
        raise UsageError(f"cannot simulate {proteins} proteins: choose 1 or more")
    if seed < 0:
        raise UsageError(f"seed {seed} is negative: choose 0 or more")


def _claim_folder(
    folder: Path, manifest: Path, *, tables: Iterable[Path], exported: Iterable[Path]
) -> None:
    """Make the folder, refuse foreign files in it, and void an earlier simulation.

    Its export goes at once: beside another cohort it would be taken for that one's.
    """
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        earlier = _earlier_files(manifest)
        known = {path.relative_to(folder).as_posix(): path for path in (*tables, *exported)}
        taken = [name for name, path in known.items() if path.exists() and name not in earlier]
        if manifest.exists() and not earlier:
            taken.append(manifest.name)
        if taken:
            raise RunFolderError(
                f"{folder}: already holds {', '.join(taken)}, not known to be simulated:"
                " choose another folder, or move them away"
            )
        manifest.unlink(missing_ok=True)
        for path in exported:
            path.unlink(missing_ok=True)


def _earlier_files(manifest: Path) -> frozenset[str]:
    """Return the files of the simulation that a manifest is of; none where it is of another."""
    try:
        found = json.loads(manifest.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return frozenset()
    made_here = isinstance(found, dict) and found.get("kind") == _KIND
    return frozenset(found["sha256"]) if made_here else frozenset()


def _write_people(paths: dict[str, Path], measurement: Measurement) -> int:
    people = measurement.covariates.people
    panels = measurement.covariates.study.panels
    follow_up = draw_follow_up(measurement)
    gaps = {panel: people.time_gap[:, place] for place, panel in enumerate(panels)}
    write_columns(paths["samples"], {**people.columns, **follow_up})
    write_columns(paths["timegap"], {"sample_id": people.columns["sample_id"], **gaps})
    return int(follow_up["death"].sum())


def _count_cells(people: People) -> tuple[int, int, int, int]:
    isolated, lonely = (people.columns[name] == 1 for name in EXPOSURES)
    groups = (~isolated & ~lonely, isolated & ~lonely, ~isolated & lonely, isolated & lonely)
    neither, first, second, both = (int(group.sum()) for group in groups)
    return neither, first, second, both


def _write_manifest(
    path: Path, study: Study, *, facts: dict[str, object], files: Iterable[Path]
) -> None:
    content = {
        "kind": _KIND,
        "like": study.name,
        "reference": study.reference,
        **facts,
        "versions": tool_versions(),
        "adjustments": dict(ADJUSTMENTS),
        "model": _MODEL,
        "direct_hazard_ratios": dict(DIRECT_HAZARD_RATIOS),
        "sha256": {file.relative_to(path.parent).as_posix(): digest_file(file) for file in files},
    }
    text = json.dumps(content, indent=2, sort_keys=True) + "\n"
    replace_file(path, lambda file: file.write(text.encode()))
