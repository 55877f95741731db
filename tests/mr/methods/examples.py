"""Harmonised variants made for tests, and what every estimator must not depend on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
from numpy.random import Generator
from scipy.special import ndtri

from proteomr._typing import F64
from proteomr.mr.methods.base import Estimate
from proteomr.mr.methods.method import Method
from proteomr.tables import Harmonised
from proteomr.tables.genome_wide import GenomeWide


def make(x: F64, sx: F64, y: F64, sy: F64) -> Harmonised:
    """Return variants of one exposure."""
    return Harmonised(
        exposures=("exposure",),
        outcome="outcome",
        variants=pl.DataFrame({"variant_id": [f"rs{i}" for i in range(x.size)]}),
        beta_x=np.asarray(x, dtype=np.float64)[:, None],
        se_x=np.asarray(sx, dtype=np.float64)[:, None],
        beta_y=np.asarray(y, dtype=np.float64),
        se_y=np.asarray(sy, dtype=np.float64),
    )


def simulate(
    random: Generator,
    *,
    variants: int = 40,
    effect: float = 0.4,
    pleiotropy: F64 | float = 0.0,
    noise_x: float = 0.005,
) -> Harmonised:
    """Draw effects whose truth is known; `pleiotropy` is on the outcome, per exposure-raising
    allele.
    """
    truth = random.uniform(0.05, 0.2, variants) * random.choice([-1.0, 1.0], variants)
    sx = noise_x * random.uniform(0.8, 1.2, variants)
    sy = 0.01 * random.uniform(0.5, 2.0, variants)
    direct = np.sign(truth) * pleiotropy
    x = random.normal(truth, sx)
    return make(x, sx, random.normal(effect * truth + direct, sy), sy)


def grow_genome(data: Harmonised) -> GenomeWide:
    """Return a genome of variants without effects, and of the same effects on the exposure alone.

    No number is drawn, and each variant stands there for either allele and with either sign of its
    effect on the outcome: exposure and outcome are not correlated.
    """
    if not data.m:
        nothing = np.empty(0)
        return GenomeWide(data, nothing, nothing, nothing, nothing)
    place = np.arange(1500)
    zx = ndtri((place + 0.5) / place.size)
    zy = ndtri((place * 601 % place.size + 0.5) / place.size)
    of = np.argsort(np.abs(data.x), kind="stable")[place % data.m]
    held = 10 * data.m  # so many times as in the analysis, with what is noise for the outcome
    sx, sy = data.sx[of], data.se_y[of]
    x, y = zx * sx, zy * sy
    x[:held] = np.abs(data.x[of[:held]])
    mirrored = ((1, 1), (1, -1), (-1, 1), (-1, -1))
    return GenomeWide(
        data,
        np.concatenate([a * x for a, _ in mirrored]),
        np.tile(sx, 4),
        np.concatenate([b * y for _, b in mirrored]),
        np.tile(sy, 4),
    )


def run(method: Method, data: Harmonised, seed: int = 1) -> Estimate:
    """Estimate; to methods that need correlations unlinked ones of 1,000,000 people are given, and
    to those that need a genome one in which the variants are the strongest."""
    if method.needs_correlations and data.ld is None:
        people = 1e6
        known = {"n_x": np.array([people]), "n_y": people, "ld_people": people}
        data = replace(data, ld=np.eye(data.m), **known)  # type: ignore[arg-type]
    if method.needs_genome and data.genome is None:
        data = replace(data, genome=grow_genome(data))
    return method.estimate(data, random=np.random.default_rng(seed))


def cover(method: Method, truth: float, sets: list[Harmonised]) -> tuple[float, float]:
    """Mean estimate, and share of the intervals that hold the truth."""
    found = [run(method, data) for data in sets]
    inside = [one.conf_low <= truth <= one.conf_high for one in found]
    return float(np.mean([one.estimate for one in found])), float(np.mean(inside))
