"""Simulated loci: haplotypes copied from a few founders, traits of known causal variants."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from proteomr._typing import F64

__all__ = ["Locus", "simulate_locus"]


@dataclass(frozen=True)
class Locus:
    """Statistics of p variants in n people, and correlations in these and in others."""

    rows: pl.DataFrame
    r: F64
    r_others: F64
    causal: list[str]
    n: int

    @property
    def names(self) -> list[str]:
        return self.rows["snp"].to_list()

    def matrix(self, r: F64 | None = None) -> pl.DataFrame:
        return pl.DataFrame(self.r if r is None else r, schema=self.names, orient="row")


def _copy(random: np.random.Generator, founders: F64, count: int, switch: float) -> F64:
    """Draw haplotypes that copy a founder until they switch to another one."""
    copied = np.empty((count, founders.shape[1]))
    which = random.integers(len(founders), size=count)
    for site in range(founders.shape[1]):
        new = random.random(count) < switch
        which[new] = random.integers(len(founders), size=int(new.sum()))
        copied[:, site] = founders[which, site]
    return copied


def _founders(random: np.random.Generator, p: int, count: int = 50) -> F64:
    frequencies = np.clip(random.beta(0.8, 2, p), 0.05, 0.95)
    deep = random.random((count, p))
    for site in range(1, p):
        kept = random.random(count) < 0.97
        deep[kept, site] = deep[kept, site - 1]
    return np.asarray((deep < frequencies).astype(np.float64))


def simulate_locus(
    seed: int,
    *,
    causal: int = 1,
    explained: float = 0.01,
    n: int = 2000,
    p: int = 120,
    others: int = 1000,
    ancestry: bool = False,
) -> Locus:
    """Return a locus; ``ancestry`` draws the others from founders of their own."""
    random = np.random.default_rng([20, seed])
    founders = _founders(random, p)
    elsewhere = _founders(random, p) if ancestry else founders

    def people(of: F64, count: int) -> F64:
        return _copy(random, of, count, 0.02) + _copy(random, of, count, 0.02)

    g, reference = people(founders, n), people(elsewhere, others)
    varies = (g.std(axis=0) > 0.15) & (reference.std(axis=0) > 0.15)
    g, reference = g[:, varies], reference[:, varies]
    x = (g - g.mean(axis=0)) / g.std(axis=0, ddof=1)
    chosen = random.choice(x.shape[1], causal, replace=False)
    y = x[:, chosen].sum(axis=1) * np.sqrt(explained) + random.normal(size=n)
    y = (y - y.mean()) / y.std(ddof=1)
    beta = g.T @ y / n - g.mean(axis=0) * y.mean()
    beta /= g.var(axis=0)
    residual = 1 - np.square(beta) * g.var(axis=0)
    f = g.mean(axis=0) / 2
    rows = pl.DataFrame(
        {
            "snp": [f"v{site}" for site in range(x.shape[1])],
            "position": range(1, x.shape[1] + 1),
            "beta": beta,
            "varbeta": residual / g.var(axis=0) / (n - 2),
            "MAF": np.minimum(f, 1 - f),
        }
    )
    names = [f"v{site}" for site in chosen]
    r, r_others = (np.asarray(np.corrcoef(one.T)) for one in (g, reference))
    return Locus(rows, r, r_others, names, n)
