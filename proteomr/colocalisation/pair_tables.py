"""Tables of pairs of traits, from the segments of a block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64, I64, Bool
from proteomr.colocalisation.linkage import HitLink
from proteomr.colocalisation.rules import PairRule
from proteomr.colocalisation.signals import Signals
from proteomr.colocalisation.stretches import NOWHERE, Stretch
from proteomr.colocalisation.traits import Atlas, Trait
from proteomr.stats.colocalisation import (
    Evidence,
    Posterior,
    mark_credible,
    share_within,
    strongest_within,
    sum_evidence,
    weigh_hypotheses,
)
from proteomr.status import Status
from proteomr.tables import load_schema

__all__ = [
    "Details",
    "Segment",
    "describe_stretch",
    "empty_table",
    "tabulate_evidence",
    "tabulate_failures",
    "tabulate_sensitivity",
    "tabulate_sets",
    "tabulate_variants",
]

# Sums of a region are made of all their terms: what they differ by is rounding alone, of some
# thousand additions.
_RESIDUAL: Final = 1e-10
_POWER: Final = 0.5  # of H3 and H4 together, below which a study is too small to tell them apart
_PP: Final = tuple(f"pp_h{h}" for h in range(5))


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Two signals on the variants that both have.

    Attributes
    ----------
    place : of the task in its block.
    stretch : the region.
    traits, rows : both traits, and their rows of the variants.
    codes : (k,) variants.
    logs : (k,) natural logarithms of Bayes factors, of each signal.
    labels : numbers of the signals.
    sides : all signals of each trait.
    words : what is to be said.
    """

    place: int
    stretch: Stretch
    traits: tuple[Trait, Trait]
    rows: tuple[I64, I64]
    codes: I64
    logs: tuple[F64, F64]
    labels: tuple[int | None, int | None]
    sides: tuple[Signals, Signals]
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Details:
    """What the tables of a block share.

    Attributes
    ----------
    evidence : sums of the segments.
    starts : (g + 1,) where each segment starts.
    logs : (n,) of each trait, all segments behind each other.
    shares : (n,) posterior of each variant to be the shared one.
    credible : (n,) whether it is in the credible set.
    good : (g,) which segments have numbers.
    """

    evidence: Evidence
    starts: I64
    logs: tuple[F64, F64]
    shares: F64
    credible: Bool
    good: Bool


def empty_table(name: str) -> pl.DataFrame:
    """Return a table of no rows by its schema."""
    return load_schema(name).empty()


def describe_stretch(stretch: Stretch) -> dict[str, object]:
    """Return the columns that tell a region."""
    if stretch == NOWHERE:
        return {}
    return {
        "region": stretch.name,
        "chromosome": stretch.chromosome,
        "start_bp": stretch.start_bp,
        "end_bp": stretch.end_bp,
        "leads": ", ".join(stretch.leads) or None,
        "lead_of": ", ".join(stretch.lead_of) or None,
        "long_range": stretch.long_range,
    }


def tabulate_failures(rows: Sequence[Mapping[str, object]]) -> pl.DataFrame:
    """Return pairs without numbers as rows of the table ``coloc``."""
    flat = []
    for row in rows:
        stretch = row["stretch"]
        told = describe_stretch(stretch) if isinstance(stretch, Stretch) else {}
        flat.append({**{k: v for k, v in row.items() if k != "stretch"}, **told, "nsnps": 0})
    return _frame(flat)


def tabulate_evidence(
    segments: Sequence[Segment],
    atlas: Atlas,
    rule: PairRule,
    *,
    weights: tuple[F64 | None, F64 | None],
    link: HitLink | None,
) -> tuple[pl.DataFrame, Details | None]:
    """Return the rows of the table ``coloc``, and what the other tables need of them."""
    if not segments:
        return _frame([]), None
    codes = np.concatenate([segment.codes for segment in segments])
    one, two = (np.concatenate([segment.logs[side] for segment in segments]) for side in (0, 1))
    starts = np.concatenate([[0], np.cumsum([segment.codes.size for segment in segments])])
    own = tuple(None if weight is None else weight[codes] for weight in weights)
    evidence = sum_evidence(one, two, starts=starts, weights=(own[0], own[1]))
    posterior = weigh_hypotheses(evidence, p1=rule.p1, p2=rule.p2, p12=rule.shared)
    joint = one + two
    with np.errstate(divide="ignore"):
        for weight in own:
            if weight is not None:
                joint = joint + np.log(weight)
    shares = share_within(joint, starts=starts)
    credible = mark_credible(shares, starts=starts, coverage=rule.coverage)
    told = np.isfinite(evidence.shared) & (evidence.residual < _RESIDUAL)
    told &= np.abs(posterior.probabilities.sum(axis=1) - 1.0) < _RESIDUAL
    details = Details(evidence, starts, (one, two), shares, credible, told)
    hits = [strongest_within(logs, starts=starts) for logs in (one, two)]
    best = strongest_within(shares, starts=starts)
    names = atlas.variants["variant_id"]
    columns: dict[str, object] = {
        **{f"hit{side + 1}": names.gather(codes[at]) for side, at in enumerate(hits)},
        "snp": names.gather(codes[best]),
        "pp_snp": shares[best],
        "n_credible": np.add.reduceat(credible.astype(np.int64), starts[:-1]),
    }
    rows = [
        _describe(segment, i, posterior, details, link, codes, hits)
        for i, segment in enumerate(segments)
    ]
    frame = _frame(rows).with_columns(
        pl.when(pl.Series(told)).then(pl.Series(name, np.asarray(values))).alias(name)
        for name, values in columns.items()
    )
    return frame, details


def _describe(
    segment: Segment,
    i: int,
    posterior: Posterior,
    details: Details,
    link: HitLink | None,
    codes: I64,
    hits: Sequence[I64],
) -> dict[str, object]:
    """Return one row of the table ``coloc``."""
    good = bool(details.good[i])
    pp = posterior.probabilities[i]
    words = list(segment.words)
    for name, lowered, used in zip(
        ("p1", "p2", "p12"), posterior.lowered[i], posterior.priors[i], strict=True
    ):
        if lowered:
            words.append(f"{name} x n >= 1: {name} is 1 / (n + 1), {used:.3g}")
    if segment.codes.size == 1:
        words.append("one variant: two distinct ones are not possible")
    power = float(pp[3] + pp[4])
    if good and power < _POWER:
        words.append(f"PP0 + PP1 + PP2 is {1.0 - power:.2f}: too little power to tell")
    if not good:
        words = ["every prior weight of the shared variants is 0", *words]
    sides = segment.sides
    row: dict[str, object] = {
        "_place": segment.place,
        "trait1": segment.traits[0].name,
        "trait2": segment.traits[1].name,
        **describe_stretch(segment.stretch),
        "set1": segment.labels[0],
        "set2": segment.labels[1],
        "signals1": sides[0].way,
        "signals2": sides[1].way,
        "nsnps": segment.codes.size,
        "nsnps1": sides[0].n_variants,
        "nsnps2": sides[1].n_variants,
        "status": (_find_doubt(sides) if good else Status.not_identified).name,
        "message": "; ".join(words) or None,
        **dict(zip(("p1", "p2", "p12"), posterior.priors[i].tolist(), strict=True)),
        "sdy1": sides[0].sdy,
        "sdy2": sides[1].sdy,
    }
    if good:
        row |= dict(zip(_PP, pp.tolist(), strict=True))
        row["pp_h4_of_h3_h4"] = float(pp[4] / power) if power > 0.0 else None
        row["low_power"] = power < _POWER
        if link is not None:
            row["r2"] = link.square(int(codes[hits[0][i]]), int(codes[hits[1][i]]))
    return row


def _find_doubt(sides: Sequence[Signals]) -> Status:
    """Return what is doubtful of the signals of a segment with numbers; ok for nothing."""
    return next((side.doubt for side in sides if side.doubt is not Status.ok), Status.ok)


def tabulate_variants(
    segments: Sequence[Segment],
    atlas: Atlas,
    details: Details | None,
    rule: PairRule,
    *,
    link: HitLink | None = None,
) -> pl.DataFrame:
    """Return the variants of all segments: both traits' numbers and posteriors, r2 by a link."""
    if details is None or rule.variants == "none":
        return empty_table("coloc_snps")
    sizes = np.diff(details.starts)
    owner = np.repeat(np.arange(len(segments)), sizes)
    wanted = details.good[owner]
    if rule.variants == "credible":
        wanted &= details.credible
    codes = np.concatenate([segment.codes for segment in segments])[wanted]
    keys = _keys(segments)[owner[wanted]]
    variants = atlas.variants[codes]
    columns: dict[str, object] = {
        "snp": variants["variant_id"],
        **{name: variants[name] for name in _TOLD},
        **{
            f"{name}{side + 1}": _gather(segments, name, side)[wanted]
            for name in ("beta", "se", "neg_log10_p")
            for side in (0, 1)
        },
        "lbf1": details.logs[0][wanted],
        "lbf2": details.logs[1][wanted],
        "pp_h4": details.shares[wanted],
        "credible": details.credible[wanted],
        "r2_lead": _link_to_leads(segments, details, link)[wanted],
    }
    frame = pl.concat([keys, pl.DataFrame(columns)], how="horizontal")
    return frame.with_columns(pl.selectors.float().fill_nan(None))


def _link_to_leads(segments: Sequence[Segment], details: Details, link: HitLink | None) -> F64:
    """Return r2 of each variant with the likeliest of its segment; NaN where it is not known."""
    squares = np.full(int(details.starts[-1]), np.nan)
    if link is None:
        return squares
    for place in np.flatnonzero(details.good).tolist():
        rows = slice(int(details.starts[place]), int(details.starts[place + 1]))
        codes = segments[place].codes
        lead = int(codes[int(np.argmax(details.shares[rows]))])
        squares[rows] = link.squares(lead, codes)
    return squares


_TOLD: Final = ("rsid", "chromosome", "position_bp", "effect_allele", "other_allele")


def _gather(segments: Sequence[Segment], name: str, side: int) -> F64:
    """Return a column of a trait for the variants of all segments, effects per one allele."""
    parts = []
    for segment in segments:
        trait, rows = segment.traits[side], segment.rows[side]
        values = np.asarray(getattr(trait, name))[rows]
        parts.append(values * trait.sign[rows] if name == "beta" else values)
    return np.concatenate(parts)


def _keys(segments: Sequence[Segment]) -> pl.DataFrame:
    """Return the columns by which the segments are told apart."""
    return pl.DataFrame(
        {
            "trait1": [segment.traits[0].name for segment in segments],
            "trait2": [segment.traits[1].name for segment in segments],
            "region": [segment.stretch.name for segment in segments],
            "set1": pl.Series([segment.labels[0] for segment in segments], dtype=pl.Int64),
            "set2": pl.Series([segment.labels[1] for segment in segments], dtype=pl.Int64),
        }
    )


def tabulate_sensitivity(
    segments: Sequence[Segment], details: Details | None, rule: PairRule
) -> pl.DataFrame:
    """Return the posteriors of all segments for each p12 of the grid."""
    if details is None:
        return empty_table("coloc_sensitivity")
    keys = _keys(segments).with_row_index("_i")
    parts = []
    for p12 in rule.grid:
        found = weigh_hypotheses(details.evidence, p1=rule.p1, p2=rule.p2, p12=p12)
        posteriors = pl.DataFrame(found.probabilities, schema=_PP)
        parts.append(
            keys.with_columns(p12=pl.Series(found.priors[:, 2]))
            .hstack(posteriors)
            .filter(pl.Series(details.good))
        )
    return pl.concat(parts).sort("_i", maintain_order=True).drop("_i")


def tabulate_sets(sets: Mapping[tuple[str, str], pl.DataFrame], atlas: Atlas) -> pl.DataFrame:
    """Return the credible sets of single traits; a set has one row for each of its variants."""
    parts = [
        table.select(
            pl.lit(trait).alias("trait"),
            pl.lit(region).alias("region"),
            "set",
            atlas.variants["variant_id"].gather(table["code"]).alias("snp"),
            "pip",
            "coverage",
            "purity",
        )
        for (trait, region), table in sets.items()
        if table.height
    ]
    if not parts:
        return empty_table("credible_sets")
    # What fine mapping says beside has no place in a comparison of traits.
    rest = {name: pl.lit(None) for name in load_schema("credible_sets").names}
    found = pl.concat(parts)
    return found.with_columns(**{name: none for name, none in rest.items() if name not in found})


def _frame(rows: Sequence[Mapping[str, object]]) -> pl.DataFrame:
    """Return rows with every column of the table ``coloc``, and the place of their task."""
    columns = load_schema("coloc").columns
    kinds = {"_place": pl.Int64(), **{column.name: column.stored for column in columns}}
    return pl.DataFrame(list(rows), schema=kinds)
