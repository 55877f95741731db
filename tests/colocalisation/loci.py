"""Simulated loci: haplotypes with linkage disequilibrium, traits of known causal variants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from proteomr._typing import F64

_FOUNDERS = 8  # haplotypes of which all are mosaics: neighbours have a mean r2 of 0.2
_SWITCH = 0.01
_ODD = 0.005


@dataclass(frozen=True)
class Locus:
    """Copies (n, m) of the effect alleles, and where the variants lie."""

    copies: F64
    names: list[str]
    chromosome: str
    positions: list[int]

    @property
    def correlations(self) -> pl.DataFrame:
        """The correlations of the variants, as a file of them holds."""
        return pl.DataFrame(np.corrcoef(self.copies.T), schema=self.names)


def make_locus(
    rng: np.random.Generator,
    *,
    n: int = 1500,
    m: int = 120,
    chromosome: str = "1",
    start: int = 1_000_000,
    founders: F64 | None = None,
) -> Locus:
    """Draw people as mosaics of founders' haplotypes."""
    held = draw_founders(rng, m) if founders is None else founders
    switch = rng.random((2 * n, m)) < _SWITCH
    switch[:, 0] = True
    origin = np.where(switch, rng.integers(0, _FOUNDERS, (2 * n, m)), 0)
    last = np.maximum.accumulate(np.where(switch, np.arange(m), 0), axis=1)
    who = np.take_along_axis(origin, last, axis=1)
    haplotypes = held[who, np.arange(m)]
    haplotypes = np.where(rng.random(haplotypes.shape) < _ODD, 1.0 - haplotypes, haplotypes)
    copies = haplotypes[:n] + haplotypes[n:]
    varies = copies.std(axis=0) > 0.1
    positions = (start + 1000 * np.arange(m))[varies]
    names = [f"rs{chromosome}{i:05d}" for i in np.flatnonzero(varies)]
    return Locus(copies[:, varies], names, chromosome, positions.tolist())


def draw_founders(rng: np.random.Generator, m: int) -> F64:
    """Draw the haplotypes that all others are mosaics of."""
    copies = rng.integers(2, _FOUNDERS - 1, m)  # of the effect allele: none is rare
    order = rng.random((_FOUNDERS, m)).argsort(axis=0)
    return (order < copies).astype(np.float64)


def measure(
    locus: Locus,
    effects: Mapping[int, float],
    rng: np.random.Generator,
    *,
    turned: Sequence[int] = (),
) -> pl.DataFrame:
    """Return the summary statistics of a trait with some causal variants, of variance about 1."""
    g = locus.copies
    n = g.shape[0]
    y: F64 = np.asarray(rng.normal(0.0, 1.0, n))
    for variant, effect in effects.items():
        y = y + effect * (g[:, variant] - g[:, variant].mean())
    x = g - g.mean(axis=0)
    z = y - y.mean()
    sxx = (x * x).sum(axis=0)
    beta = x.T @ z / sxx
    residual = (z @ z) - beta**2 * sxx
    se = np.sqrt(residual / (n - 2) / sxx)
    sign = np.ones(g.shape[1])
    sign[list(turned)] = -1.0
    share: F64 = np.asarray(g.mean(axis=0) / 2.0)
    alleles = (["A"] * g.shape[1], ["G"] * g.shape[1])
    first = [alleles[0][i] if sign[i] > 0 else alleles[1][i] for i in range(g.shape[1])]
    second = [alleles[1][i] if sign[i] > 0 else alleles[0][i] for i in range(g.shape[1])]
    return pl.DataFrame(
        {
            "rsid": locus.names,
            "chromosome": [locus.chromosome] * len(locus.names),
            "position_bp": locus.positions,
            "effect_allele": first,
            "other_allele": second,
            "eaf": np.where(sign > 0, share, 1.0 - share),
            "beta": beta * sign,
            "se": se,
            "n": [float(n)] * len(locus.names),
        }
    )
