"""Quality control of measurements: what there is to see, what leaves, and the rest."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from proteomr.errors import NothingToDo
from proteomr.qc.assays import assess_assays, find_empty_samples
from proteomr.qc.controls import assess_controls
from proteomr.qc.exclusions import (
    count_exclusions,
    exclude_assays,
    exclude_empty,
    exclude_samples,
)
from proteomr.qc.placement import Placement, assay_column, place_samples
from proteomr.qc.plates import ALL_PANELS, assess_plates
from proteomr.qc.policy import Policy
from proteomr.qc.samples import PanelFindings, assess_panels, join_samples
from proteomr.stats.principal_components import find_components
from proteomr.tables import Measurements, load_schema
from proteomr.tables import columns as c

__all__ = ["Assessment", "apply", "assess"]


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """What quality control has seen and decided.

    Parameters
    ----------
    policy : the rules that decided.
    assays : one row per assay (schema ``qc_assays``).
    samples : one row per sample that has a value (schema ``qc_samples``).
    panels : one row per sample and panel (schema ``qc_panels``).
    plates : principal components by plate and batch (schema ``qc_plates``).
    controls : variation of control samples (schema ``qc_controls``).
    exclusions : one row per assay and sample that leaves (schema ``exclusions``).
    """

    policy: Policy
    assays: pl.DataFrame
    samples: pl.DataFrame
    panels: pl.DataFrame
    plates: pl.DataFrame
    controls: pl.DataFrame
    exclusions: pl.DataFrame

    @property
    def tables(self) -> dict[str, pl.DataFrame]:
        """The tables by the names of their schemas. Those of samples are of single people."""
        return {
            "qc_assays": self.assays,
            "qc_samples": self.samples,
            "qc_panels": self.panels,
            "qc_plates": self.plates,
            "qc_controls": self.controls,
            "exclusions": self.exclusions,
        }


def assess(measured: Measurements, *, policy: Policy, components: int = 10) -> Assessment:
    """Return what the values show and who leaves under a policy; changes nothing.

    In this order: samples without any value; assays, on all other samples; samples, on the assays
    that stay. The panels' principal components are found on the same assays and samples, with
    missing values at the mean of their assay, and compared with plates and batches; where there
    are several panels, so are the components of all of them together.

    Parameters
    ----------
    measured : what a platform measured.
    policy : what makes an assay or a sample leave.
    components : principal components compared with plates and batches, at least 2.

    Raises
    ------
    NothingToDo
        No assay, or no sample, would be left.
    InputError
        A value is infinite.

    Examples
    --------
    >>> import numpy as np
    >>> from proteomr.tables import ArrayProteins
    >>> nan = np.nan
    >>> measured = Measurements(
    ...     platform="table",
    ...     samples=pl.DataFrame({"sample_id": ["A1", "A2", "A3"]}),
    ...     proteins=ArrayProteins(("ADM", "REN"), np.array([[1, nan], [2, nan], [3, 4.0]])),
    ...     assays=pl.DataFrame({"protein": ["ADM", "REN"], "kind": ["protein"] * 2}),
    ... )
    >>> assessment = assess(measured, policy=Policy(max_missing_per_assay=0.5))
    >>> assessment.exclusions.select("name", "reason").rows()
    [('REN', 'missing')]
    """
    empty = pl.Series(find_empty_samples(measured.proteins))
    exclusions = [load_schema("exclusions").empty()]
    seen = measured
    if policy.remove_empty_samples and empty.any():
        exclusions.append(exclude_empty(measured.samples[c.SAMPLE_ID].filter(empty)))
        if empty.all():
            raise NothingToDo(f"none of {measured.n:,} samples has a value of any assay")
        seen = measured.select_samples(~empty)
    plates, batches = place_samples(seen, by="plate"), place_samples(seen, by="batch")
    controls = assess_controls(seen)
    assays = assess_assays(seen, plates=plates, controls=controls)
    exclusions.append(exclude_assays(assays, policy=policy))
    chosen = _keep_assays(seen, exclusions[-1], policy=policy)
    frames, compared = _look_at_panels(
        chosen, policy=policy, components=components, placements=(plates, batches)
    )
    samples = join_samples(chosen, frames, policy=policy)
    exclusions.append(exclude_samples(samples, policy=policy))
    if exclusions[-1].height == samples.height:
        raise NothingToDo(f"policy {policy.name!r} leaves none of {samples.height:,} samples")
    decided = pl.concat(exclusions)
    return Assessment(
        policy=policy,
        assays=_decide(assays, c.PROTEIN, "assay", decided, schema="qc_assays"),
        samples=_decide(samples, c.SAMPLE_ID, "sample", decided, schema="qc_samples"),
        panels=load_schema("qc_panels").validate(pl.concat(frames)),
        plates=pl.concat(compared),
        controls=controls,
        exclusions=decided,
    )


def apply(measured: Measurements, assessment: Assessment) -> Measurements:
    """Return the measurements without the assays and samples that an assessment excludes.

    The drops tell how many left for which reason. Values of control assays in samples that leave
    are left out of the controls.

    Parameters
    ----------
    measured : what was assessed.
    assessment : of `assess`.

    Examples
    --------
    >>> import numpy as np
    >>> from proteomr.tables import ArrayProteins
    >>> measured = Measurements(
    ...     platform="table",
    ...     samples=pl.DataFrame({"sample_id": ["A1", "A2"]}),
    ...     proteins=ArrayProteins(("ADM",), np.array([[1.0], [np.nan]])),
    ...     assays=pl.DataFrame({"protein": ["ADM"], "kind": ["protein"]}),
    ... )
    >>> apply(measured, assess(measured, policy=Policy(remove_empty_samples=True))).n
    1
    """
    gone = {
        kind: assessment.exclusions.filter(pl.col(c.KIND) == kind)[c.NAME]
        for kind in ("assay", "sample")
    }
    left_out = set(gone["assay"])
    names = [name for name in measured.proteins.names if name not in left_out]
    chosen = measured.select_assays(names) if left_out else measured
    excluded = chosen.samples[c.SAMPLE_ID].is_in(gone["sample"].implode())
    chosen = chosen.select_samples(~excluded)
    drops = count_exclusions(assessment.exclusions)
    return replace(chosen, drops=(*chosen.drops, *drops))


def _keep_assays(seen: Measurements, gone: pl.DataFrame, *, policy: Policy) -> Measurements:
    if not gone.height:
        return seen
    left_out = set(gone[c.NAME])
    names = [name for name in seen.proteins.names if name not in left_out]
    if not names:
        raise NothingToDo(f"policy {policy.name!r} leaves none of {gone.height:,} assays")
    return seen.select_assays(names)


def _look_at_panels(
    measured: Measurements,
    *,
    policy: Policy,
    components: int,
    placements: tuple[Placement | None, ...],
) -> tuple[list[pl.DataFrame], list[pl.DataFrame]]:
    """Return what each panel shows of the samples, and of plates and batches."""
    frames: list[pl.DataFrame] = []
    compared: list[pl.DataFrame] = []
    here = np.zeros(measured.n, dtype=np.bool_)
    several = assay_column(measured, c.PANEL).n_unique() > 1
    matrix = np.empty((len(measured.proteins.names), measured.n)) if several else None
    for findings in assess_panels(measured, policy=policy, components=components, together=matrix):
        frames.append(_name_plates(findings, measured, placements))
        compared.append(_compare(findings, placements))
        here |= findings.measured_here
    if matrix is not None:
        together = find_components(matrix.T, components=max(components, 2))
        everything = PanelFindings(ALL_PANELS, load_schema("qc_panels").empty(), here, together)
        compared.insert(0, _compare(everything, placements))
    return frames, compared


def _name_plates(
    findings: PanelFindings, measured: Measurements, placements: tuple[Placement | None, ...]
) -> pl.DataFrame:
    """Return the rows of a panel with the plate that each sample stood on, where that is known."""
    placed = next((one for one in placements if one is not None and one.factor == "plate"), None)
    codes = None if placed is None else placed.of(findings.panel)
    levels = () if placed is None else placed.levels
    names = [None] * measured.n if codes is None else [levels[k] if k >= 0 else None for k in codes]
    plates = pl.DataFrame(
        {c.SAMPLE_ID: measured.samples[c.SAMPLE_ID], c.PLATE: names},
        schema_overrides={c.PLATE: pl.String},
    )
    told = findings.frame.join(plates, on=c.SAMPLE_ID, how="left", maintain_order="left")
    return told.select(load_schema("qc_panels").names)


def _compare(findings: PanelFindings, placements: tuple[Placement | None, ...]) -> pl.DataFrame:
    return assess_plates(
        findings.components,
        panel=findings.panel,
        measured_here=findings.measured_here,
        placements=placements,
    )


def _decide(
    table: pl.DataFrame, key: str, kind: str, exclusions: pl.DataFrame, *, schema: str
) -> pl.DataFrame:
    reasons = exclusions.filter(pl.col(c.KIND) == kind).select(pl.col(c.NAME).alias(key), c.REASON)
    joined = table.join(reasons, on=key, how="left", maintain_order="left")
    declared = load_schema(schema)
    decided = joined.with_columns(pl.col(c.REASON).is_not_null().alias(c.EXCLUDED))
    return declared.validate(decided.select(declared.names))
