"""Causal estimates of one pair or of thousands, by every method asked for."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

import numpy as np
import polars as pl
from numpy.random import Generator

from proteomr.execute import Executor, Serial
from proteomr.mr.choice import build_methods, method_keys, name_methods
from proteomr.mr.methods.base import Estimate
from proteomr.mr.methods.method import Method
from proteomr.stats.distributions import p_from_neg_log10
from proteomr.stats.generators import random_of
from proteomr.tables import Harmonised, load_schema
from proteomr.tables import columns as c

__all__ = [
    "DEFAULT_METHODS",
    "EstimateRow",
    "build_methods",
    "estimate",
    "estimate_rows",
    "method_keys",
    "tabulate_estimates",
]

DEFAULT_METHODS: Final = (
    "wald",
    "egger",
    "weighted_median",
    "ivw",
    "simple_mode",
    "weighted_mode",
)
"""Those of the R package TwoSampleMR: the Wald ratio for a single variant, else the other five."""


EstimateRow: TypeAlias = tuple[str, str, str, str, Estimate]
"""Exposure, outcome, direction, method, and what the method says."""


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
    it is the only method. The column ``method`` has the names of
    `proteomr.mr.choice.name_methods`.

    Parameters
    ----------
    pairs : harmonised analyses of one exposure each.
    methods : as `build_methods` gives them.
    seed : of the random numbers.
    executor : runs blocks of pairs; None for one after another.

    Examples
    --------
    >>> pair = Harmonised(
    ...     exposures=("loneliness",),
    ...     outcome="ADM",
    ...     variants=pl.DataFrame({"variant_id": ["rs1", "rs2", "rs3"]}),
    ...     beta_x=np.array([[0.1], [0.2], [0.3]]),
    ...     se_x=np.full((3, 1), 0.01),
    ...     beta_y=np.array([0.06, 0.09, 0.15]),
    ...     se_y=np.full(3, 0.02),
    ... )
    >>> estimates = estimate([pair], build_methods(["ivw"]))
    >>> estimates.select("outcome", "method", "nsnp").row(0)
    ('ADM', 'ivw', 3)
    """
    return tabulate_estimates(estimate_rows(pairs, methods, seed=seed, executor=executor))


def estimate_rows(
    pairs: Iterable[Harmonised],
    methods: Sequence[Method],
    *,
    seed: int = 1,
    executor: Executor | None = None,
) -> list[EstimateRow]:
    """Return the estimates of pairs by methods, which `estimate` brings into a table.

    Parameters
    ----------
    pairs, methods, seed, executor : see `estimate`.

    Examples
    --------
    >>> estimate_rows([], build_methods(["ivw"]))
    []
    """
    names = name_methods(methods)
    work = _Work(tuple(methods), names, seed)
    sizes = [method.pairs_at_once for method in methods]
    # Threads want many blocks, arrays of pairs long ones; the numbers are the same.
    size = (max if executor is None else min)(sizes, default=1)
    parts = dict((executor or Serial()).map(work, _in_blocks(pairs, size=size)))
    return [row for place in sorted(parts) for row in parts[place]]


def tabulate_estimates(rows: Sequence[EstimateRow]) -> pl.DataFrame:
    """Return rows of exposure, outcome, direction, method and estimate as the table ``estimates``.

    Units are not known yet, see `proteomr.mr.analysis.add_units`.

    Examples
    --------
    >>> tabulate_estimates([]).columns[:3]
    ['exposure', 'outcome', 'direction']
    """
    estimates = [entry[-1] for entry in rows]
    minus_log = np.array([each.neg_log10_p for each in estimates], dtype=np.float64)
    effects = np.array([each.estimate for each in estimates], dtype=np.float64)
    errors = np.array([each.se for each in estimates], dtype=np.float64)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        statistic = effects / errors
    numbers: dict[str, Any] = {
        c.ESTIMATE: effects,
        c.SE: errors,
        c.STATISTIC: np.where(np.isfinite(statistic), statistic, np.nan),
        c.DF: [np.nan if each.df is None else each.df for each in estimates],
        c.NEG_LOG10_P: minus_log,
        c.P_VALUE: p_from_neg_log10(minus_log),
        c.CONF_LOW: [each.conf_low for each in estimates],
        c.CONF_HIGH: [each.conf_high for each in estimates],
    }
    frame = pl.DataFrame(
        {
            c.EXPOSURE: pl.Series([row[0] for row in rows], dtype=pl.String),
            c.OUTCOME: pl.Series([row[1] for row in rows], dtype=pl.String),
            c.DIRECTION: pl.Series([row[2] for row in rows], dtype=pl.String),
            c.METHOD: pl.Series([row[3] for row in rows], dtype=pl.String),
            c.NSNP: pl.Series([each.nsnp for each in estimates], dtype=pl.Int64),
            c.N: pl.Series([each.nsnp for each in estimates], dtype=pl.Int64),
            **{
                name: pl.Series(values, dtype=pl.Float64).fill_nan(None)
                for name, values in numbers.items()
            },
            c.RATIO: pl.Series([None] * len(rows), dtype=pl.Float64),
            **{
                name: pl.Series([None] * len(rows), dtype=pl.String)
                for name in ("exposure_unit", "outcome_unit")
            },
            c.STATUS: pl.Series([each.status.name for each in estimates], dtype=pl.String),
            c.MESSAGE: pl.Series([each.message for each in estimates], dtype=pl.String),
        }
    )
    return load_schema("estimates").validate(frame)


@dataclass(frozen=True, slots=True)
class _Work:
    methods: tuple[Method, ...]
    names: tuple[str, ...]
    seed: int

    def __call__(self, pairs: Sequence[Harmonised]) -> list[EstimateRow]:
        columns: dict[int, list[Estimate]] = {}
        for places in self._group():
            columns.update(zip(places, self._estimate(places, pairs), strict=True))
        return [
            (
                pair.exposures[0],
                pair.outcome,
                pair.direction,
                name,
                _warn(columns[place][row], self._list_caveats(place, pair)),
            )
            for row, pair in enumerate(pairs)
            for place, name in enumerate(self.names)
            if self._applies(self.methods[place], pair)
        ]

    def _group(self) -> list[list[int]]:
        """Return the positions of the methods, those of one kin together."""
        groups: dict[Hashable, list[int]] = {}
        for place, method in enumerate(self.methods):
            groups.setdefault((method.kin, None if method.kin else place), []).append(place)
        return list(groups.values())

    def _estimate(self, places: list[int], pairs: Sequence[Harmonised]) -> list[list[Estimate]]:
        """Return for each method of a group its estimates of all pairs."""
        methods = [self.methods[place] for place in places]
        first = methods[0]

        def draw(row: int) -> Generator:
            pair = pairs[row]
            return random_of(self.seed, pair.exposures[0], pair.outcome, first.stream)

        return first.estimate_together(methods, pairs, draw=draw)

    def _list_caveats(self, place: int, pair: Harmonised) -> tuple[str, ...]:
        """What holds of the numbers of a method: that variants are correlated does not of all."""
        return () if self.methods[place].needs_correlations else pair.caveats

    def _applies(self, method: Method, pair: Harmonised) -> bool:
        """A method for few variants stands only where it can, unless it is the only one."""
        most = method.max_variants
        if most is None or not method.optional:
            return True
        return 0 < pair.m <= most or len(self.methods) == 1


def _warn(estimate: Estimate, caveats: tuple[str, ...]) -> Estimate:
    """Return an estimate whose message has what holds of every number of its pair."""
    if not caveats:
        return estimate
    return replace(estimate, message="; ".join(filter(None, [estimate.message, *caveats])))


def _in_blocks(pairs: Iterable[Harmonised], *, size: int) -> Iterable[list[Harmonised]]:
    block: list[Harmonised] = []
    for pair in pairs:
        block.append(pair)
        if len(block) == size:
            yield block
            block = []
    if block:
        yield block
