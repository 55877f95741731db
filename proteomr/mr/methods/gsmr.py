"""Generalised summary-data Mendelian randomisation, with HEIDI's removal of outliers (GSMR)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Final, Literal, Self, TypeAlias

import numpy as np
import polars as pl
from numpy.random import Generator

from proteomr._typing import F64, I64
from proteomr.errors import UsageError
from proteomr.mr.methods.base import Cell, Estimate, FurtherRows, conclude, refuse
from proteomr.mr.methods.correlated import CorrelatedMethod, correlate
from proteomr.mr.methods.correlated_ivw import UNSETTLED
from proteomr.mr.methods.ranges import check_above_zero, check_p_value
from proteomr.mr.methods.units import scale_positive
from proteomr.stats.correlated_effects import find_singularity, fit_correlated
from proteomr.stats.distributions import neg_log10_p_normal, p_from_neg_log10
from proteomr.stats.heterogeneous_ratios import (
    Outlying,
    covary_ratios,
    find_one_by_one,
    find_target,
    find_turn_by_turn,
    keep_unlinked,
    silence_chance,
)
from proteomr.status import Status
from proteomr.tables import Harmonised
from proteomr.tables import columns as c

__all__ = ["Gsmr", "Heidi", "Preset"]

Heidi: TypeAlias = Literal["off", "v1", "v2"]
"""Which outliers leave: none, those by the tests of gsmr2_beta = 0, or of 1."""
Preset: TypeAlias = Literal["gsmr2", "shen2025"]
"""Whose thresholds are taken where none is given."""

_PRESETS: Final[dict[str, tuple[float, float, float, int, float | None]]] = {
    "gsmr2": (0.01, 0.05, 0.05, 10, None),
    "shen2025": (0.05, 0.05, 0.05, 1, 10_000.0),
}  # p of HEIDI, r2, false discovery rate, fewest variants, people behind the correlations
_P_COLUMNS: Final = ("neg_log10_p_exposure", "pval_exposure", "p_exposure", "p_value_exposure")


@dataclass(frozen=True, slots=True)
class Gsmr(CorrelatedMethod):
    r"""Generalised least squares mean of the variants' ratios, without outliers of the ratio.

    .. math:: \hat\theta = \frac{1^T V^{-1} b}{1^T V^{-1} 1}, \quad
        s = (1^T V^{-1} 1)^{-1/2}, \quad b_j = y_j / x_j

    with V the covariances of the ratios (`proteomr.stats.heterogeneous_ratios.covary_ratios`) and
    1e-6 on its diagonal. Variants leave before, in this order: those of a p value for the exposure
    above ``instruments_p``; of each pair whose r2 is above ``ld_r2`` the one of more such pairs,
    of as many the one of the earlier row, as in the package, so that here alone the order of rows
    counts; and the outliers of HEIDI. Correlations that chance explains at the false discovery rate
    ``ld_fdr`` count as zero. ``used`` are the variants that stay; ``details`` counts the others.
    Normal p value.

    HEIDI ``v1`` holds each ratio against that of the variant of the least p for the exposure within
    the middle fifth of the ratios; those of p below ``heidi_p`` leave. ``v2`` holds all others
    against each variant together; that of the least p leaves, turn by turn, until none is below
    ``heidi_p``. The table ``heidi`` has the variants that reach it.

    Source: Zhu et al. 2018, doi:10.1038/s41467-017-02317-2. R: ``gsmr2::gsmr`` 1.1.1 with
    ``gsmr2_beta = 0`` (v1) and 1 (v2). Its covariance has no second-order term of the exposure's
    error. Its list of variants used is wrong with ``gsmr2_beta = 1``; ours are those of the
    estimate.

    Assumptions: most variants valid, their ratios equal; correlations are those of both studies.
    Limits: every variant is a strong instrument; weak ones bias it towards the null. v1 depends on
    its one target. Removal of outliers is taken as certain, so that errors are too small.

    Parameters
    ----------
    heidi : which outliers leave.
    ld_people : people behind the correlations; those of the genotypes if not given.
    instruments_p : largest p value for the exposure; None for any.
    preset : thresholds where none is given: those of gsmr2, or "shen2025" as the study ran it
        (``heidi_p`` 0.05, 10,000 people, any number of variants).
    heidi_p : p below which an outlier leaves; 0.01 if not given.
    ld_r2 : r2 above which one of a pair leaves; 0.05 if not given.
    ld_fdr : false discovery rate from which on a correlation counts as zero; 0.05 if not given.
    fewest_variants : that an estimate takes; 10 if not given.
    ridge_root : root of what stands on the diagonal of V beside the variances, in the unit of the
        effect.

    Examples
    --------
    >>> ten = np.linspace(0.1, 0.3, 10)
    >>> data = Harmonised(
    ...     exposures=("x",), outcome="y",
    ...     variants=pl.DataFrame({"variant_id": [f"rs{i}" for i in range(10)]}),
    ...     beta_x=ten[:, None], se_x=np.full((10, 1), 0.01), beta_y=0.5 * ten,
    ...     se_y=np.full(10, 0.02), ld=np.eye(10),
    ... )
    >>> fit = Gsmr(ld_people=5_000).estimate(data, random=np.random.default_rng(1))
    >>> round(fit.estimate, 6), fit.nsnp
    (0.5, 10)
    """

    key: ClassVar[str] = "gsmr"
    label: ClassVar[str] = "GSMR with HEIDI-outlier"
    reference: ClassVar[str] = "10.1038/s41467-017-02317-2"
    aliases: ClassVar[tuple[str, ...]] = ("gsmr2", "mr_gsmr")
    by_rows: ClassVar[bool] = True
    min_variants: ClassVar[int] = 10
    tables: ClassVar[tuple[str, ...]] = ("heidi",)

    heidi: Heidi = "v1"
    ld_people: float | None = None
    instruments_p: float | None = 5e-8
    preset: Preset = "gsmr2"
    heidi_p: float | None = None
    ld_r2: float | None = None
    ld_fdr: float | None = None
    fewest_variants: int | None = None
    ridge_root: float = 1e-3

    def __post_init__(self) -> None:
        check_p_value("instruments_p", self.instruments_p)
        check_p_value("heidi_p", self.heidi_p)
        check_p_value("ld_r2", self.ld_r2)
        check_p_value("ld_fdr", self.ld_fdr)
        check_above_zero("ld_people", self.ld_people)
        check_above_zero("ridge_root", self.ridge_root)
        if self.fewest_variants is not None and self.fewest_variants < 1:
            raise UsageError(f"fewest_variants is {self.fewest_variants}: 1 or more")

    @property
    def fewest(self) -> int:
        """Variants needed."""
        return self.fewest_variants or _PRESETS[self.preset][3]

    def in_units(self, outcome: int, exposure: int) -> Self:
        """Return the method with its ridge in the units of scaled effects."""
        return replace(self, ridge_root=scale_positive(self.ridge_root, exposure - outcome))

    def fit(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the mean of the ratios that stay, and what HEIDI found of each."""
        del random
        people = self._count_people(data)
        if not people > 0:
            text = "needs the number of people behind the LD: add --ld-n"
            return refuse(Status.needs_correlations, text, nsnp=data.m)
        minus_log = _measure_strength(data)
        strong = self._keep_strong(data, minus_log)
        r = correlate(data)
        unlinked = strong[keep_unlinked(r[np.ix_(strong, strong)], r2=self._choose("ld_r2", 1))]
        details = {
            "weak": float(data.m - strong.size),
            "linked": float(strong.size - unlinked.size),
        }
        if unlinked.size < self.fewest:
            return self._refuse_few(data, unlinked.size, details)
        chosen = data.select(unlinked)
        quiet = silence_chance(correlate(chosen), people=people, rate=self._choose("ld_fdr", 2))
        ratios = chosen.beta_y / chosen.x
        covariances = covary_ratios(
            chosen.x, chosen.sx, chosen.beta_y, chosen.se_y, correlations=quiet
        )
        outlying = self._find_outlying(ratios, covariances, minus_log[unlinked])
        details["outliers"] = float(np.count_nonzero(~outlying.kept))
        kept = np.flatnonzero(outlying.kept)
        if kept.size < self.fewest:
            return self._refuse_few(data, kept.size, details)
        found = self._average(ratios[kept], covariances[np.ix_(kept, kept)], details)
        rows = [] if self.heidi == "off" else [_tabulate(chosen, outlying)]
        return replace(found, used=tuple(unlinked[kept].tolist()), further=tuple(rows))

    def _choose(self, name: str, place: int) -> float:
        """Return a threshold as given, or as the preset has it."""
        given = getattr(self, name)
        return float(_PRESETS[self.preset][place] or 0.0) if given is None else float(given)

    def _count_people(self, data: Harmonised) -> float:
        if self.ld_people is not None:
            return self.ld_people
        preset = _PRESETS[self.preset][4]
        return data.ld_people if preset is None else preset

    def _keep_strong(self, data: Harmonised, minus_log: F64) -> I64:
        """Return the variants whose effect on the exposure is significant, and not zero."""
        limit = -math.inf if self.instruments_p is None else -math.log10(self.instruments_p)
        return np.flatnonzero((minus_log >= limit) & (data.x != 0)).astype(np.int64)

    def _find_outlying(self, ratios: F64, covariances: F64, minus_log: F64) -> Outlying:
        level = self._choose("heidi_p", 0)
        match self.heidi:
            case "off":
                empty = np.full(ratios.size, np.nan)
                return Outlying(np.ones(ratios.size, dtype=np.bool_), empty, empty)
            case "v1":
                target = find_target(ratios, minus_log)
                return find_one_by_one(ratios, covariances, target=target, level=level)
            case "v2":
                return find_turn_by_turn(ratios, covariances, level=level)

    def _average(self, ratios: F64, covariances: F64, details: dict[str, float]) -> Estimate:
        m = ratios.size
        whole = covariances + self.ridge_root**2 * np.eye(m)
        size = np.sqrt(np.diagonal(whole))
        singular = find_singularity(whole / np.outer(size, size))
        if singular is not None:
            text = f"{singular.replace('the correlations', 'the covariances of the ratios')}: "
            return refuse(Status.not_identified, text + "lower ld_r2, or add --ld-ridge", nsnp=m)
        line = fit_correlated(np.ones((m, 1)), ratios, covariance=whole)
        if not line.score < UNSETTLED:
            text = f"the least squares are not solved: a score of {line.score:.1g} is left"
            return refuse(Status.not_converged, text, nsnp=m)
        found = conclude(float(line.coefficients[0]), float(line.se[0]), nsnp=m, details=details)
        return replace(found, message=self._say(details))

    def _say(self, details: dict[str, float]) -> str | None:
        words = {
            "weak": f"of p for the exposure above {self.instruments_p:g}"
            if self.instruments_p is not None
            else "without effect on the exposure",
            "linked": f"of r2 above {self._choose('ld_r2', 1):g}",
            "outliers": "by HEIDI",
        }
        told = [f"{int(details[name])} {text}" for name, text in words.items() if details.get(name)]
        return f"left out: {', '.join(told)}" if told else None

    def _refuse_few(self, data: Harmonised, left: int, details: dict[str, float]) -> Estimate:
        said = self._say(details)
        text = f"needs {self.fewest} variants, {left} of {data.m} are left"
        return refuse(Status.too_few, f"{text}; {said}" if said else text, nsnp=left)


def _measure_strength(data: Harmonised) -> F64:
    """Return -log10 p for the exposure: as the variants tell it, else of their z."""
    of_z = neg_log10_p_normal(data.x / data.sx)
    for name in _P_COLUMNS:
        if name not in data.variants.columns or not data.variants[name].dtype.is_numeric():
            continue
        told = data.variants[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
        if not name.startswith("neg_log10"):
            with np.errstate(divide="ignore", invalid="ignore"):
                told = -np.log10(told)  # zero for one that underflowed: the strongest
        return np.where(np.isnan(told), of_z, told)
    return of_z


def _tabulate(chosen: Harmonised, outlying: Outlying) -> FurtherRows:
    cells: dict[str, list[Cell]] = {
        "variant": chosen.variants[c.VARIANT_ID].cast(pl.String).to_list(),
        "statistic": outlying.statistic.tolist(),
        c.NEG_LOG10_P: outlying.minus_log.tolist(),
        c.P_VALUE: p_from_neg_log10(outlying.minus_log).tolist(),
        "kept": outlying.kept.tolist(),
    }
    return FurtherRows("heidi", cells)
