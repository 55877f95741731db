"""Protein values: latent factors, noise, the NPX scale and missing values, chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from proteomr._typing import F64, I64, Bool
from proteomr.simulate.covariates import Covariates
from proteomr.simulate.effects import Effects
from proteomr.simulate.modules import draw_module_loadings
from proteomr.simulate.study import Modules, random_stream

__all__ = ["BLOCK", "F32", "Chunk", "Measurement", "draw_measurement", "plan_chunks"]

F32: TypeAlias = NDArray[np.float32]

BLOCK = 64
_STREAM, _SCORES, _NOISE, _MISSING, _PANEL_MISSING = 2, 3, 4, 5, 6
_CELLS, _FEWEST_ROWS, _MOST_ROWS = 24_000_000, 512, 16_384
_GLOBAL, _PER_PANEL, _MODULES = 2, 2, 13
_LARGEST_FACTOR_SHARE = 0.7


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive people that are made, and written, together."""

    index: int
    start: int
    stop: int

    @property
    def rows(self) -> int:
        """Number of people."""
        return self.stop - self.start


def plan_chunks(people: int, proteins: int, /) -> tuple[Chunk, ...]:
    """Divide the people into near equal chunks, all proteins of which take about 100 MB at most.

    Examples
    --------
    >>> [chunk.rows for chunk in plan_chunks(42062, 2920)]
    [7011, 7011, 7011, 7011, 7011, 7007]
    """
    most = min(max(_CELLS // proteins, _FEWEST_ROWS), _MOST_ROWS)
    rows = -(-people // -(-people // most))
    starts = range(0, people, rows)
    return tuple(Chunk(i, start, min(start + rows, people)) for i, start in enumerate(starts))


@dataclass(frozen=True, slots=True)
class Measurement:
    """How p proteins are measured; K columns of covariates and factors.

    The latent value is ``x = W c + L f + s e``: covariates c, standard normal factors f, standard
    normal noise e; its mean is 0 and its variance 1. What is reported is ``NPX = centre + spread
    (exp(skew x) - 1) / skew``, which keeps the order, rounded to 4 decimals.

    Parameters
    ----------
    covariates : columns of the cohort.
    seed : of the cohort.
    panel : (p,) index of the panel.
    module : (p,) number of the module, from 1; 0 for none.
    weights : (p, K) coefficients of covariates, then of factors.
    noise_sd, centre, spread, skew : (p,).
    lod : (p,) limit of detection, NPX.
    missing, panel_missing : (p,) and (panels,) probabilities that a value, or a person's panel, is
        missing.
    """

    covariates: Covariates
    seed: int
    panel: I64
    module: I64
    weights: F32
    noise_sd: F32
    centre: F32
    spread: F32
    skew: F32
    lod: F64
    missing: F64
    panel_missing: F64

    def scores(self, chunk: Chunk, /) -> F32:
        """Return (K, rows) the covariates and factors of a chunk of people."""
        rng = random_stream(self.seed, _SCORES, chunk.index)
        covariates = self.covariates.rows(chunk.start, chunk.stop).astype(np.float32)
        factors = self.weights.shape[1] - len(covariates)
        hidden = rng.standard_normal((factors, chunk.rows), dtype=np.float32)
        return np.concatenate([covariates, hidden])

    def latent(self, scores: F32, /, *, chunk: Chunk, block: int) -> F32:
        """Return (b, rows) the latent values of one block of proteins in one chunk of people."""
        within = slice(block * BLOCK, (block + 1) * BLOCK)
        rng = random_stream(self.seed, _NOISE, chunk.index, block)
        noise_sd = self.noise_sd[within, None]
        x: F32 = rng.standard_normal((len(noise_sd), chunk.rows), dtype=np.float32)
        x *= noise_sd
        x += self.weights[within] @ scores
        return x

    def npx(self, x: F32, /, *, block: int) -> F32:
        """Turn latent values (b, rows) into NPX in place, and return them."""
        within = slice(block * BLOCK, (block + 1) * BLOCK)
        skew = self.skew[within, None]
        np.exp(np.multiply(x, skew, out=x), out=x)
        x -= np.float32(1)
        x *= self.spread[within, None] / skew
        x += self.centre[within, None]
        np.rint(np.multiply(x, np.float32(1e4), out=x), out=x)
        x /= np.float32(1e4)
        return x

    def panel_gaps(self, chunk: Chunk, /) -> Bool:
        """Return (panels, rows): people whose sample of a panel failed."""
        rng = random_stream(self.seed, _PANEL_MISSING, chunk.index)
        failed: Bool = (
            rng.random((self.panel_missing.size, chunk.rows)) < self.panel_missing[:, None]
        )
        return failed

    def gaps(self, failed: Bool, /, *, chunk: Chunk, block: int) -> Bool:
        """Return (b, rows): the missing values of one block, given the failed panels."""
        within = slice(block * BLOCK, (block + 1) * BLOCK)
        rng = random_stream(self.seed, _MISSING, chunk.index, block)
        limit = np.rint(self.missing[within, None] * 65_536).astype(np.uint16)
        drawn = rng.integers(0, 65_536, (len(limit), chunk.rows), dtype=np.uint16)
        missing: Bool = (drawn < limit) | failed[self.panel[within]]
        return missing

    def blocks(self, chunk: Chunk, /) -> Iterator[tuple[int, F32, Bool]]:
        """Yield first protein, NPX (b, rows) and missing values (b, rows) of each block."""
        scores, failed = self.scores(chunk), self.panel_gaps(chunk)
        for block in range(-(-self.panel.size // BLOCK)):
            values = self.npx(self.latent(scores, chunk=chunk, block=block), block=block)
            missing = self.gaps(failed, chunk=chunk, block=block)
            values[missing] = 0.0
            yield block * BLOCK, values, missing


def draw_measurement(covariates: Covariates, effects: Effects, /, *, seed: int) -> Measurement:
    """Draw how each protein is measured: factor loadings, scale, limit of detection, missing share.

    Two factors act on all proteins, two on each panel, and one on each of 13 modules that most
    proteins belong to, or on each of the study's modules; what covariates and factors leave of the
    unit variance is noise. A protein
    misses 3 to 15 % of its values at random, part of them together with its panel.

    Examples
    --------
    >>> from proteomr.simulate.effects import plant_effects
    >>> from proteomr.simulate.people import draw_people
    >>> from proteomr.simulate.study import SHEN2025
    >>> covariates = Covariates(SHEN2025, draw_people(SHEN2025, 500, seed=1))
    >>> measurement = draw_measurement(covariates, plant_effects(covariates, 80, seed=1), seed=1)
    >>> [values.shape for _, values, _ in measurement.blocks(Chunk(0, 0, 500))]
    [(64, 500), (16, 500)]
    """
    rng = random_stream(seed, _STREAM)
    p, panels = effects.panel.size, len(covariates.study.panels)
    gathering = covariates.study.modules, random_stream(seed, _STREAM, 0)
    loadings, noise_sd, module = _draw_loadings(effects, panels, rng, *gathering)
    spread, skew = rng.uniform(0.35, 1.1, p), rng.uniform(0.03, 0.3, p)
    centre = rng.normal(0.0, 0.3, p)
    low = rng.uniform(-4.0, -0.8, p)
    panel_missing = rng.uniform(0.010, 0.025, panels)
    share = 0.035 + 0.105 * rng.beta(2.2, 1.4, p)
    return Measurement(
        covariates=covariates,
        seed=seed,
        panel=effects.panel,
        module=module,
        weights=np.hstack([effects.weights, loadings]).astype(np.float32),
        noise_sd=noise_sd.astype(np.float32),
        centre=centre.astype(np.float32),
        spread=spread.astype(np.float32),
        skew=skew.astype(np.float32),
        lod=np.round(centre + spread * np.expm1(skew * low) / skew, 4),
        missing=1 - (1 - share) / (1 - panel_missing[effects.panel]),
        panel_missing=panel_missing,
    )


def _draw_loadings(
    effects: Effects, panels: int, rng: Generator, modules: Modules | None, gathering: Generator
) -> tuple[F64, F64, I64]:
    """Return (p, factors) the loadings, (p,) the SD of the noise beside them, (p,) the modules."""
    p = effects.panel.size
    everywhere = np.column_stack([rng.normal(0.36, 0.12, p), rng.normal(0.0, 0.2, p)])
    of_panel = np.zeros((p, panels, _PER_PANEL))
    of_panel[np.arange(p), effects.panel] = np.column_stack(
        [rng.normal(0.28, 0.10, p), rng.normal(0.0, 0.15, p)]
    )
    of_module = np.zeros((p, _MODULES))
    sign = np.where(rng.random(p) < 0.85, 1.0, -1.0)
    strength = np.where(rng.random(p) < 0.6, rng.normal(0.4, 0.12, p), 0.0)
    module = rng.integers(0, _MODULES, p)
    of_module[np.arange(p), module] = strength * sign
    module = np.where(strength == 0.0, 0, module + 1)
    largest_share = _LARGEST_FACTOR_SHARE
    if modules is not None:
        log_odds = np.log(effects.odds_ratio)
        of_module, module = draw_module_loadings(log_odds, modules, gathering)
        everywhere *= modules.everywhere
        of_panel *= modules.panel
        largest_share = modules.largest_share
    loadings = np.hstack([everywhere, of_panel.reshape(p, -1), of_module])
    unexplained = 1 - effects.explained
    shared = (loadings**2).sum(axis=1)
    scale = np.sqrt(np.minimum(1.0, largest_share * unexplained / shared))
    loadings *= scale[:, None]
    noise_sd: F64 = np.sqrt(unexplained - (loadings**2).sum(axis=1))
    return loadings, noise_sd, module
