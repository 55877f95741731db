"""Two projects brought to one scale by the samples that both of them measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64, I64, Bool
from proteomr.errors import InputError
from proteomr.qc.pooling import Mapping, PooledProteins, pool_tables
from proteomr.stats.quantile_mapping import FEWEST_VALUES
from proteomr.tables import Drop, Measurements, load_schema
from proteomr.tables import columns as c

__all__ = ["Bridged", "bridge", "judge_assay"]

FEW_BRIDGES: Final = 8
"""Bridge samples that Olink recommends at the least, within a product."""
_NEEDED_FOR_QUANTILES: Final = 40  # bridge samples that OlinkAnalyze asks for, towards Explore HT
_OUTLYING_IQRS: Final = 3.0
_LARGE_RANGE_DIFFERENCE: Final = 1.0
_GOOD_R2: Final = 0.8
_LOW_COUNT: Final = 150.0
_DISTANT_KS: Final = 0.2
_STEP: Final = "bridge"
_SHOWN: Final = "; name the samples of both with --bridge-samples FILE"


@dataclass(frozen=True, slots=True, eq=False)
class Bridged:
    """Two projects as one, and how each assay came there.

    Parameters
    ----------
    measured : the samples of both, each once, on the scale of the reference.
    assays : one row per assay of either project (schema ``bridging``).
    """

    measured: Measurements
    assays: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Judgement:
    """What bridge samples show of an assay: see `judge_assay`."""

    n: int
    adjustment: float | None
    r2: float | None = None
    range_difference: float | None = None
    ks: float | None = None
    recommendation: str = "median_centring"


def judge_assay(reference: F64, project: F64, *, low_count: bool | None) -> Judgement:
    r"""Return whether, and how, an assay of two products can be brought to one scale.

    From the pairs of values of the bridge samples, as Olink's ``olink_normalization_bridgeable``
    (OlinkAnalyze 4.2): an assay is **not bridgeable** where the ranges from the 10 to the 90 %
    quantile differ by more than 1, the reads are few (a median count below 150 in either product)
    and r squared is below 0.8, all three; else it is brought over by **median centring** where the
    two distributions are alike (Kolmogorov-Smirnov statistic up to 0.2), by **quantile smoothing**
    where they are not. Before r squared and the statistic, pairs leave of which a value lies more
    than 3 IQR from its median. Where no counts are known, few reads are taken for possible: an
    assay whose ranges and ranks disagree is not bridged on the hope that they were many.

    Parameters
    ----------
    reference, project : (k,) values of the same samples, none missing.
    low_count : whether the reads are few in either product; None where that is not known.

    Examples
    --------
    >>> x = np.linspace(-1.0, 1.0, 50)
    >>> judge_assay(x + 2.0, x, low_count=None).recommendation
    'quantile_smoothing'
    """
    if reference.size < 2:
        return Judgement(reference.size, None, recommendation="not_bridgeable")
    adjustment = float(np.median(reference - project))
    ranges = [float(np.subtract(*np.quantile(x, [0.9, 0.1]))) for x in (reference, project)]
    difference = abs(ranges[0] - ranges[1])
    near = _lies_near(reference) & _lies_near(project)
    x, y = reference[near], project[near]
    r2 = float(np.corrcoef(x, y)[0, 1]) ** 2 if min(np.ptp(x), np.ptp(y)) > 0 else 0.0
    ks = _measure_distance(x, y)
    poor = difference > _LARGE_RANGE_DIFFERENCE and r2 < _GOOD_R2
    if poor and low_count is not False:
        recommendation = "not_bridgeable"
    else:
        recommendation = "median_centring" if ks <= _DISTANT_KS else "quantile_smoothing"
    return Judgement(reference.size, adjustment, r2, difference, ks, recommendation)


def _measure_distance(x: F64, y: F64) -> float:
    """Return the Kolmogorov-Smirnov statistic: the widest gap of the distribution functions."""
    everywhere = np.concatenate([x, y])
    shares = [
        np.searchsorted(np.sort(part), everywhere, side="right") / part.size for part in (x, y)
    ]
    return float(np.abs(shares[0] - shares[1]).max())


def _lies_near(values: F64) -> Bool:
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    near: Bool = np.abs(values - middle) <= _OUTLYING_IQRS * (high - low)
    return near


def bridge(
    measured: Measurements,
    reference: Measurements,
    *,
    names: tuple[str, str] = ("project", "reference"),
    bridges: Sequence[str] | None = None,
) -> Bridged:
    r"""Return two projects as one, on the scale of the reference.

    Where the projects share names of assays they are of one product, and each shared assay of the
    project is moved by the median of the paired differences of the bridge samples,

    .. math:: x + \mathrm{median}_i (r_i - x_i)

    (``olink_normalization`` of OlinkAnalyze). Where they share none, assays are paired by their
    UniProt accession, if one of each has it, and each pair is judged by `judge_assay`; quantiles
    are smoothed with `proteomr.stats.quantile_mapping.map_quantiles` on 40 bridge samples or more.
    An assay that cannot be brought over keeps the values of the reference alone; one of the project
    alone keeps its own. A bridge sample keeps what the reference measured, and so does any other
    sample of one name in both projects.

    Parameters
    ----------
    measured : the project that is moved.
    reference : the project that stays.
    names : of the two, for the column ``project`` of the samples.
    bridges : names of samples that both projects measured; None for all names that they share.

    Raises
    ------
    InputError
        The projects share fewer than two bridge samples, the reference has all samples of the
        project, no assay can be brought over, or values are on another scale.
    """
    common = _find_bridges(measured, reference, bridges)
    twice = len(_find_shared(measured, reference))
    if twice == measured.n:
        raise InputError(
            f"all {twice:,} samples of the project are in the reference, too; there is none to "
            "bring over"
        )
    pairs, between = _pair_assays(measured, reference)
    _refuse_other_units(measured, reference, pairs)
    ours = _read_values(measured, common, [own for own, _ in pairs])
    theirs = _read_values(reference, common, [other for _, other in pairs])
    low = _list_low_counts(measured, reference, pairs) if between else [None] * len(pairs)
    mappings: dict[str, tuple[str, Mapping]] = {}
    rows: list[tuple[object, ...]] = []
    for place, (own, other) in enumerate(pairs):
        there = ~np.isnan(ours[:, place]) & ~np.isnan(theirs[:, place])
        x, r = ours[there, place], theirs[there, place]
        judged = judge_assay(r, x, low_count=low[place]) if between else _centre(r, x)
        mapping, status = _choose_mapping(judged, r, x)
        if mapping is not None:
            mappings[other] = (own, mapping)
        figures = (judged.n, judged.r2, judged.range_difference, judged.ks, low[place])
        rows.append((other, own, *figures, judged.recommendation, judged.adjustment, status))
    if not mappings:
        raise InputError(
            f"none of {len(pairs):,} shared assays can be brought over by {len(common):,} bridge "
            "samples"
        )
    table = _complete_table(rows, measured, reference, pairs)
    pooled = _pool(measured, reference, names, mappings, bridges=len(common), between=between)
    return Bridged(_count_shared(pooled, len(common), twice, bridges), table)


def _centre(reference: F64, project: F64) -> Judgement:
    if not reference.size:
        return Judgement(0, None, recommendation="not_bridgeable")
    return Judgement(reference.size, float(np.median(reference - project)))


def _choose_mapping(judged: Judgement, reference: F64, project: F64) -> tuple[Mapping | None, str]:
    if judged.recommendation == "not_bridgeable" or judged.adjustment is None:
        return None, "reference_only"
    if judged.recommendation == "median_centring":
        return Mapping(shift=judged.adjustment), "pooled"
    distinct = np.unique(project).size
    if judged.n < _NEEDED_FOR_QUANTILES or distinct < FEWEST_VALUES:
        return None, "too_few_bridges"
    return Mapping(source=project, target=reference), "pooled"


def _find_bridges(
    measured: Measurements, reference: Measurements, bridges: Sequence[str] | None
) -> list[str]:
    shared = _find_shared(measured, reference)
    common = sorted(shared if bridges is None else shared.intersection(bridges))
    if len(common) < 2:
        listed = "" if bridges is None else f" of the {len(bridges):,} listed"
        hint = _SHOWN if bridges is None else ""
        raise InputError(
            f"{len(common)} samples{listed} were measured in both projects; bridging needs at "
            f"least 2, and {FEW_BRIDGES} to be of use{hint}"
        )
    return common


def _find_shared(measured: Measurements, reference: Measurements) -> set[str]:
    return set(measured.samples[c.SAMPLE_ID]) & set(reference.samples[c.SAMPLE_ID])


def _count_shared(
    pooled: Measurements, bridges: int, twice: int, listed: Sequence[str] | None
) -> Measurements:
    """Count the samples of both projects that are no bridges, and listed ones that are in one."""
    notes = []
    drops = [Drop(_STEP, "bridge samples: the project's measurement", bridges)]
    if listed is not None and (absent := len(set(listed)) - bridges):
        notes.append(
            f"{absent:,} of {len(set(listed)):,} bridge samples listed are not in both projects"
        )
    if others := twice - bridges:
        drops.append(Drop(_STEP, "samples of both, not listed: the project's measurement", others))
        notes.append(
            f"{others:,} samples have one name in both projects and are no bridge samples listed: "
            "the reference's measurement stays; if they are other people, name them apart"
        )
    return replace(
        pooled, drops=(*pooled.drops, *drops), notes=(*dict.fromkeys((*pooled.notes, *notes)),)
    )


def _pair_assays(
    measured: Measurements, reference: Measurements
) -> tuple[list[tuple[str, str]], bool]:
    """Return pairs of assays, the project's first, and whether they are of two products."""
    known = set(reference.proteins.names)
    shared = [name for name in measured.proteins.names if name in known]
    if shared:
        return [(name, name) for name in shared], False
    ours, theirs = _by_accession(measured), _by_accession(reference)
    pairs = [(ours[key], theirs[key]) for key in sorted(ours.keys() & theirs.keys())]
    if not pairs:
        raise InputError(
            "the two projects share no assay, by name or by UniProt accession; are both stores of "
            "one kind?"
        )
    return pairs, True


def _by_accession(measured: Measurements) -> dict[str, str]:
    if c.UNIPROT not in measured.assays.columns:
        return {}
    named = measured.assays.select(c.PROTEIN, c.UNIPROT).drop_nulls()
    single = named.filter(named[c.UNIPROT].is_unique())
    return dict(zip(single[c.UNIPROT], single[c.PROTEIN], strict=True))


def _refuse_other_units(
    measured: Measurements, reference: Measurements, pairs: Sequence[tuple[str, str]]
) -> None:
    units = [
        dict(table.assays.select(c.PROTEIN, c.UNIT).iter_rows())
        if c.UNIT in table.assays.columns
        else {}
        for table in (measured, reference)
    ]
    for own, other in pairs:
        here, there = units[0].get(own), units[1].get(other)
        if here != there and here is not None and there is not None:
            raise InputError(
                f"assay {other!r} is measured in {there} in the reference and in {here} in the "
                "project; bring both to one unit first (ingest --log2)"
            )


def _list_low_counts(
    measured: Measurements, reference: Measurements, pairs: Sequence[tuple[str, str]]
) -> list[bool | None]:
    counts = []
    for table in (measured, reference):
        known = c.MEDIAN_COUNT in table.assays.columns
        counts.append(
            dict(table.assays.select(c.PROTEIN, c.MEDIAN_COUNT).iter_rows()) if known else {}
        )
    low: list[bool | None] = []
    for own, other in pairs:
        both = (counts[0].get(own), counts[1].get(other))
        present = [count for count in both if count is not None]
        few = any(count < _LOW_COUNT for count in present)
        low.append(few if few or len(present) == len(both) else None)
    return low


def _read_values(measured: Measurements, samples: Sequence[str], names: Sequence[str]) -> F64:
    """Return the values of samples and assays, (k, a), in the order of both lists."""
    row_of = {name: row for row, name in enumerate(measured.samples[c.SAMPLE_ID])}
    rows: I64 = np.array([row_of[name] for name in samples], dtype=np.int64)
    chosen = measured.proteins.select_rows(rows).select_columns(names)
    return chosen.read(slice(0, len(names)))


def _complete_table(
    rows: Sequence[tuple[object, ...]],
    measured: Measurements,
    reference: Measurements,
    pairs: Sequence[tuple[str, str]],
) -> pl.DataFrame:
    schema = load_schema("bridging")
    paired = {own for own, _ in pairs}, {other for _, other in pairs}
    empty = (None,) * 7
    more: list[tuple[object, ...]] = [
        (name, None, 0, *empty[:4], "nothing_shared", None, "reference_only")
        for name in reference.proteins.names
        if name not in paired[1]
    ]
    more += [
        (None, name, 0, *empty[:4], "nothing_shared", None, "project_only")
        for name in measured.proteins.names
        if name not in paired[0]
    ]
    frame = pl.DataFrame(
        [*rows, *more], schema=schema.names, orient="row", infer_schema_length=None
    )
    return schema.validate(frame.sort(c.PROTEIN, "protein_of_project", nulls_last=True))


def _pool(
    measured: Measurements,
    reference: Measurements,
    names: tuple[str, str],
    mappings: dict[str, tuple[str, Mapping]],
    *,
    bridges: int,
    between: bool,
) -> Measurements:
    own_alone = _list_own_alone(measured, reference, mappings)
    tables = pool_tables(measured, reference, names=names, mappings=mappings, alone=own_alone)
    proteins = PooledProteins.of(
        measured, reference, tables.samples[c.SAMPLE_ID], mappings=mappings, alone=own_alone
    )
    few = f"; Olink recommends {FEW_BRIDGES} or more" if bridges < FEW_BRIDGES else ""
    kind = "two products" if between else "one product"
    notes = (
        f"{names[0]} is brought to the scale of {names[1]} by {bridges:,} bridge samples{few}",
        f"{len(mappings):,} assays are pooled ({kind}), see bridging",
        *tables.notes,
    )
    return replace(
        reference,
        samples=tables.samples,
        proteins=proteins,
        assays=tables.assays,
        precision="float64",
        flags=tables.flags,
        plates=tables.plates,
        limits=tables.limits,
        time_gap=tables.time_gap,
        drops=(
            *(Drop(drop.step, f"{names[0]}: {drop.reason}", drop.n) for drop in measured.drops),
            *reference.drops,
        ),
        notes=(*dict.fromkeys((*reference.notes, *measured.notes)), *notes),
        parameters={
            **reference.parameters,
            "bridging": {"project": names[0], "reference": names[1], "bridges": bridges},
        },
    )


def _list_own_alone(
    measured: Measurements,
    reference: Measurements,
    mappings: dict[str, tuple[str, Mapping]],
) -> list[str]:
    """Return the assays of the project that are brought along under names of their own."""
    taken = {own for own, _ in mappings.values()} | set(reference.proteins.names)
    return [name for name in measured.proteins.names if name not in taken]
