"""Effects of one trait on another by its strongest variant, and whether both signals are one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.colocalisation.linkage import describe_variants
from proteomr.colocalisation.multiple_signals import correlate_trait
from proteomr.colocalisation.pairs import PairBlock, PairTask
from proteomr.colocalisation.stretches import NOWHERE
from proteomr.colocalisation.traits import SAME_DATA, Atlas, Trait, is_same
from proteomr.errors import InputError
from proteomr.gwas.correlations import (
    AlignedCorrelations,
    correlate_variants,
    explain_absence,
)
from proteomr.gwas.ld_agreement import Agreement
from proteomr.io.genetics.genotypes import LdSource
from proteomr.stats.smr import Effects, Smr, SmrOptions, estimate_smr
from proteomr.status import Status
from proteomr.tables import load_schema

__all__ = ["SmrWork"]


@dataclass(frozen=True, slots=True, eq=False)
class SmrWork:
    """SMR and HEIDI of the pairs of a block.

    Attributes
    ----------
    atlas : variants; traits come with the blocks.
    panel : of correlations.
    options : thresholds.
    """

    atlas: Atlas
    panel: LdSource
    options: SmrOptions
    _judged: dict[tuple[int, int, int], Agreement] = field(
        default_factory=dict[tuple[int, int, int], Agreement]
    )

    def __call__(self, block: PairBlock, /) -> dict[str, pl.DataFrame]:
        """Return the table ``smr`` of a block."""
        columns = load_schema("smr").columns
        rows = [self._estimate(task, block.traits) for task in block.tasks]
        return {"smr": pl.DataFrame(rows, schema={c.name: c.stored for c in columns})}

    def _estimate(self, task: PairTask, known: Mapping[int, Trait]) -> Mapping[str, object]:
        """Return the row of a pair in a region."""
        one, two = known[task.first], known[task.second]
        if task.stretch == NOWHERE:
            text = f"no variant of either trait has p <= {self.options.p:g}"
            return _row(task, one, two, status=Status.no_signal, message=text)
        if "p_values" in (one.form, two.form):
            text = "SMR needs effects, which P does not tell"
            return _row(task, one, two, status=Status.not_identified, message=text)
        low, high = task.stretch.codes(self.atlas)
        places = [trait.rows_between(low, high) for trait in (one, two)]
        codes, at1, at2 = np.intersect1d(
            one.codes[places[0]], two.codes[places[1]], assume_unique=True, return_indices=True
        )
        if not codes.size:
            text = "the traits share no variant of the region"
            return _row(task, one, two, status=Status.nothing_shared, message=text)
        rows = (at1 + places[0].start, at2 + places[1].start)
        if is_same((one, two), rows):
            return _row(task, one, two, status=Status.same_data, message=SAME_DATA)
        try:
            aligned = self._correlate(one, rows[0])
        except InputError as fault:
            return _row(task, one, two, status=Status.not_identified, message=str(fault))
        kept = (rows[0][aligned.places], rows[1][aligned.places])
        found = estimate_smr(
            _effects(one, kept[0]), _effects(two, kept[1]), r=aligned.r, options=self.options
        )
        doubt = self._judge(task.first, one, low, high)
        status = found.status
        if status is Status.ok and doubt.status is Status.mismatched:
            status = doubt.status
        said = f"{one.name}: {doubt.message}" if doubt.message else ""
        message = "; ".join(filter(None, (found.message, said))) or None
        row = _row(task, one, two, status=status, message=message)
        return {**row, "nsnps": kept[0].size, **self._describe(found, (one, two), kept)}

    def _correlate(self, trait: Trait, rows: I64) -> AlignedCorrelations:
        """Return the correlations of variants, of which there is one at least."""
        aligned = correlate_variants(describe_variants(self.atlas, trait, rows), self.panel)
        if not aligned.places.size:
            raise InputError(f"no variant of the region {explain_absence(aligned.reasons)}")
        return aligned

    def _judge(self, first: int, trait: Trait, low: int, high: int) -> Agreement:
        """Return whether a first trait fits the correlations of a region, for all its pairs."""
        key = (first, low, high)
        if key not in self._judged:
            found = correlate_trait(self.atlas, trait, trait.rows_between(low, high), self.panel)
            self._judged[key] = Agreement() if isinstance(found, str) else found.agreement
        return self._judged[key]

    def _describe(
        self, found: Smr, traits: tuple[Trait, Trait], rows: tuple[I64, I64]
    ) -> Mapping[str, object]:
        """Return the columns of the estimate and of its test."""
        heidi = found.heidi
        told: dict[str, object] = {
            "heidi_status": heidi.status.name,
            "nsnp_heidi": heidi.rows.size,
            "heidi_statistic": _known(heidi.statistic),
            "neg_log10_p_heidi": _known(heidi.neg_log10_p),
            "p_heidi": _raise(heidi.neg_log10_p),
            "estimate": _known(found.estimate),
            "se": _known(found.se),
            "neg_log10_p": _known(found.neg_log10_p),
            "p_value": _raise(found.neg_log10_p),
        }
        if found.top < 0:
            return told
        top = tuple(int(own[found.top]) for own in rows)
        variant = self.atlas.variants.row(int(traits[0].codes[top[0]]), named=True)
        told["snp"] = variant["variant_id"]
        for name in ("chromosome", "position_bp", "effect_allele", "other_allele"):
            told[name] = variant[name]
        for side, (trait, row) in enumerate(zip(traits, top, strict=True), start=1):
            told[f"beta{side}"] = float(trait.beta[row] * trait.sign[row])
            told[f"se{side}"] = float(trait.se[row])
            told[f"neg_log10_p{side}"] = _known(float(trait.neg_log10_p[row]))
        return told


def _effects(trait: Trait, rows: I64) -> Effects:
    beta: F64 = trait.beta[rows] * trait.sign[rows]
    return Effects(beta, trait.se[rows])


def _row(
    task: PairTask, one: Trait, two: Trait, *, status: Status, message: str | None
) -> dict[str, object]:
    region = None if task.stretch == NOWHERE else task.stretch.name
    return {
        "trait1": one.name,
        "trait2": two.name,
        "region": region,
        "nsnps": 0,
        "nsnp_heidi": 0,
        "heidi_status": Status.too_few.name,
        "status": status.name,
        "message": message,
    }


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _raise(neg_log10_p: float) -> float | None:
    """Return p of its negative logarithm."""
    return float(10.0**-neg_log10_p) if np.isfinite(neg_log10_p) else None
