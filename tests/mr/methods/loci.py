"""Loci of correlated variants made for tests: haplotypes, and effects whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64
from proteomr.tables import Harmonised
from tests.mr.methods.examples import make


def decay(m: int, r: float) -> F64:
    """Correlations that fall with the distance, of changing sign."""
    sign = np.where(np.arange(m) % 3 == 1, -1.0, 1.0)
    return np.asarray(
        r ** np.abs(np.subtract.outer(np.arange(m), np.arange(m))) * np.outer(sign, sign)
    )


def copy_haplotypes(random: Generator, *, m: int, people: int, ancestors: int = 12) -> F64:
    """Copies of alleles (people, m) of people whose chromosomes are mosaics of a few ancestors'."""
    source = random.random((ancestors, m)) < random.uniform(0.2, 0.8, m)
    switch = random.random((2 * people, m)) < 0.12
    switch[:, 0] = True
    who = random.integers(0, ancestors, (2 * people, m))
    last = np.maximum.accumulate(np.where(switch, np.arange(m), 0), axis=1)
    who = np.take_along_axis(who, last, axis=1)
    alleles = source[who, np.arange(m)]
    return np.asarray(alleles[:people].astype(np.float64) + alleles[people:])


def draw_locus(
    random: Generator,
    correlations: F64,
    *,
    strength: float,
    effect: float = 0.4,
    n_x: float = 1e4,
    n_y: float = 1e5,
    causal: int = 2,
) -> Harmonised:
    """Draw effects of variants of variance one, of which a few are causal for the exposure.

    ``strength`` is the share of the exposure's variance that they explain.
    """
    m = correlations.shape[0]
    own = np.zeros(m)
    own[random.choice(m, causal, replace=False)] = random.choice([-1.0, 1.0], causal)
    own *= np.sqrt(strength / (own @ correlations @ own))
    truth = correlations @ own
    root = np.linalg.cholesky(correlations + 1e-10 * np.eye(m))
    x = truth + root @ random.normal(size=m) / np.sqrt(n_x)
    y = effect * truth + root @ random.normal(size=m) / np.sqrt(n_y)
    sx, sy = np.sqrt((1.0 - x**2) / n_x), np.sqrt((1.0 - y**2) / n_y)
    return replace(make(x, sx, y, sy), ld=correlations, n_x=np.array([n_x]), n_y=n_y, ld_people=n_x)


def turn(data: Harmonised, sign: F64) -> Harmonised:
    """Count the other allele of some variants, in the correlations, too."""
    assert data.ld is not None
    return replace(
        data,
        beta_x=data.beta_x * sign[:, None],
        beta_y=data.beta_y * sign,
        ld=data.ld * np.outer(sign, sign),
    )
