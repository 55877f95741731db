"""Causal estimates of one pair or of thousands, by every method asked for."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np
import polars as pl
from numpy.random import Generator, SeedSequence

from proteomr.errors import UsageError, nearest
from proteomr.execute import Executor, Serial
from proteomr.mr.batch import batched_keys, estimate_together
from proteomr.mr.methods import METHOD_CLASSES
from proteomr.mr.methods.base import Convention, Estimate, Method
from proteomr.mr.methods.mode import (
    ModeName,
    ModeOptions,
    PenalisedMode,
    SimpleMode,
    SimpleModeNome,
    WeightedMode,
    WeightedModeNome,
    fit_chosen_modes,
)
from proteomr.stats.distributions import p_from_neg_log10
from proteomr.tables import Harmonised, load_schema
from proteomr.tables import columns as c

__all__ = ["DEFAULT_METHODS", "build_methods", "estimate", "method_keys", "random_of"]

DEFAULT_METHODS: Final = (
    "wald",
    "egger",
    "weighted_median",
    "ivw",
    "simple_mode",
    "weighted_mode",
)
"""Those of the R package TwoSampleMR: the Wald ratio for a single variant, else the other five."""

_MODES: Final[dict[type[Any], ModeName]] = {
    SimpleMode: "simple",
    WeightedMode: "weighted",
    PenalisedMode: "penalised",
    SimpleModeNome: "simple_nome",
    WeightedModeNome: "weighted_nome",
}
_PAIRS_AT_ONCE: Final = 16
_QUICK_PAIRS: Final = 4096


def method_keys() -> tuple[str, ...]:
    """Return the keys of all methods for one exposure.

    Examples
    --------
    >>> "ivw" in method_keys()
    True
    """
    return tuple(kind.key for kind in METHOD_CLASSES)


def build_methods(
    keys: Sequence[str],
    *,
    convention: Convention = "twosamplemr",
    draws: int = 1000,
    n_exposure: float | None = None,
) -> tuple[Method, ...]:
    """Return methods by their keys, in the order given.

    Parameters
    ----------
    keys : of the methods; ``all`` stands for every one.
    convention : whose defaults they follow where the field's two packages differ.
    draws : of those that draw random numbers for their standard errors.
    n_exposure : sample size for the methods that need one; None for the data's own.

    Raises
    ------
    UsageError
        A key is unknown or given twice, or too few draws are asked for.

    Examples
    --------
    >>> [method.key for method in build_methods(["ivw", "egger"])]
    ['ivw', 'egger']
    """
    if draws < 2:
        raise UsageError(f"{draws} bootstraps: two or more are needed")
    known = {kind.key: kind for kind in METHOD_CLASSES}
    wanted = [key for part in keys for key in (known if part == "all" else (part,))]
    for key in wanted:
        if key not in known:
            hint = nearest(key, known)
            raise UsageError(f"no method {key!r}{hint}; known: {', '.join(known)}, or all")
    if len(set(wanted)) < len(wanted):
        raise UsageError("a method is named twice; name each once")
    given = {
        "convention": convention,
        "draws": draws,
        "options": ModeOptions(draws=draws, convention=convention),
        "sample_size": n_exposure,
    }
    return tuple(_build(known[key], given) for key in wanted)


def estimate(
    pairs: Iterable[Harmonised],
    methods: Sequence[Method],
    *,
    seed: int = 1,
    executor: Executor | None = None,
) -> pl.DataFrame:
    """Return the estimates of pairs by methods, a row each, checked against ``estimates``.

    Random numbers come from the seed and the names of the pair and the method alone: neither
    other pairs nor their order, neither further methods nor threads change a number. A method that
    cannot run is a row with its status. The Wald ratio stands only for pairs of one variant, unless
    it is the only method.

    Parameters
    ----------
    pairs : harmonised analyses of one exposure each.
    methods : as `build_methods` gives them.
    seed : of the random numbers.
    executor : runs blocks of pairs; None for one after another.

    Examples
    --------
    >>> one = Harmonised(
    ...     exposures=("loneliness",),
    ...     outcome="ADM",
    ...     variants=pl.DataFrame({"variant_id": ["rs1", "rs2", "rs3"]}),
    ...     beta_x=np.array([[0.1], [0.2], [0.3]]),
    ...     se_x=np.full((3, 1), 0.01),
    ...     beta_y=np.array([0.06, 0.09, 0.15]),
    ...     se_y=np.full(3, 0.02),
    ... )
    >>> found = estimate([one], build_methods(["ivw"]))
    >>> found.select("outcome", "method", "nsnp").row(0)
    ('ADM', 'ivw', 3)
    """
    work = _Work(tuple(methods), seed)
    quick = all(method.key in batched_keys(methods) for method in methods)
    blocks = _in_blocks(pairs, size=_QUICK_PAIRS if quick else _PAIRS_AT_ONCE)
    parts = dict((executor or Serial()).map(work, blocks))
    rows = [row for place in sorted(parts) for row in parts[place]]
    return tabulate_estimates(rows)


def tabulate_estimates(rows: Sequence[tuple[str, str, str, Estimate]]) -> pl.DataFrame:
    """Return rows of exposure, outcome, method and estimate as the table ``estimates``.

    Examples
    --------
    >>> tabulate_estimates([]).columns[:3]
    ['exposure', 'outcome', 'method']
    """
    found = [entry[3] for entry in rows]
    minus_log = np.array([one.neg_log10_p for one in found], dtype=np.float64)
    numbers: dict[str, Any] = {
        c.ESTIMATE: [one.estimate for one in found],
        c.SE: [one.se for one in found],
        c.NEG_LOG10_P: minus_log,
        c.P_VALUE: p_from_neg_log10(minus_log),
        c.CONF_LOW: [one.conf_low for one in found],
        c.CONF_HIGH: [one.conf_high for one in found],
    }
    frame = pl.DataFrame(
        {
            c.EXPOSURE: pl.Series([row[0] for row in rows], dtype=pl.String),
            c.OUTCOME: pl.Series([row[1] for row in rows], dtype=pl.String),
            c.METHOD: pl.Series([row[2] for row in rows], dtype=pl.String),
            c.NSNP: pl.Series([one.nsnp for one in found], dtype=pl.Int64),
            **{
                name: pl.Series(values, dtype=pl.Float64).fill_nan(None)
                for name, values in numbers.items()
            },
            c.STATUS: pl.Series([one.status.value for one in found], dtype=pl.String),
            c.MESSAGE: pl.Series([one.message for one in found], dtype=pl.String),
        }
    )
    return load_schema("estimates").validate(frame)


def random_of(seed: int, *names: str) -> Generator:
    """Return the generator of one unit of work: reached by its names alone.

    Examples
    --------
    >>> a, b = random_of(1, "loneliness", "ADM"), random_of(1, "loneliness", "ADM")
    >>> bool(a.random() == b.random())
    True
    """
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    words = np.frombuffer(digest[:16], dtype="<u4").tolist()
    return np.random.default_rng(SeedSequence([seed, *words]))


@dataclass(frozen=True, slots=True)
class _Work:
    methods: tuple[Method, ...]
    seed: int

    def __call__(self, pairs: Sequence[Harmonised]) -> list[tuple[str, str, str, Estimate]]:
        together = estimate_together(pairs, batched_keys(self.methods))
        ready: list[dict[str, Estimate]] = [{} for _ in pairs]
        for (place, key), found in together.items():
            ready[place][key] = found
        return [
            row
            for pair, known in zip(pairs, ready, strict=True)
            for row in self._run(pair, {**known, **self._fit_modes(pair)})
        ]

    def _run(
        self, pair: Harmonised, ready: dict[str, Estimate]
    ) -> Iterable[tuple[str, str, str, Estimate]]:
        exposure = pair.exposures[0]
        for method in self.methods:
            if method.key == "wald" and pair.m != 1 and len(self.methods) > 1:
                continue
            found = ready.get(method.key)
            if found is None:
                random = random_of(self.seed, exposure, pair.outcome, method.key)
                found = method.estimate(pair, random=random)
            yield exposure, pair.outcome, method.key, found

    def _fit_modes(self, pair: Harmonised) -> dict[str, Estimate]:
        """Return the modes asked for by their keys: all from the same draws, made once."""
        chosen = [method for method in self.methods if type(method) in _MODES]
        if not chosen:
            return {}
        options = cast("SimpleMode", chosen[0]).options
        names = [_MODES[type(method)] for method in chosen]
        random = random_of(self.seed, pair.exposures[0], pair.outcome, "modes")
        found = fit_chosen_modes(pair, names, options, random)
        return {method.key: one for method, one in zip(chosen, found, strict=True)}


def _build(kind: type[Any], given: dict[str, Any]) -> Method:
    names = {field.name for field in dataclasses.fields(kind)}
    method: Method = kind(
        **{name: value for name, value in given.items() if name in names and value is not None}
    )
    return method


def _in_blocks(pairs: Iterable[Harmonised], *, size: int) -> Iterable[list[Harmonised]]:
    block: list[Harmonised] = []
    for pair in pairs:
        block.append(pair)
        if len(block) == size:
            yield block
            block = []
    if block:
        yield block
