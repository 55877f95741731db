"""A whole analysis from files: instruments, harmonised variants, estimates and diagnostics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from proteomr.errors import UsageError
from proteomr.execute import Executor
from proteomr.gwas.panel import Panel, open_panel
from proteomr.gwas.study import read_variant_list
from proteomr.mr.analysis import TraitSize, analyse
from proteomr.mr.controls import check_controls, read_controls
from proteomr.mr.estimate import DEFAULT_METHODS, build_methods
from proteomr.mr.frequencies import check_frequencies
from proteomr.mr.harmonised_files import drop_significant, read_harmonised
from proteomr.mr.inputs import (
    InstrumentRule,
    harmonise_files,
    read_instruments,
    read_outcomes,
)
from proteomr.mr.methods.base import Convention
from proteomr.mr.multivariable.tables import estimate_jointly, read_joint, tabulate_strength
from proteomr.mr.outputs import list_harmonised
from proteomr.mr.reach import keep_forward_variants, tabulate_reach
from proteomr.mr.repeated import note_repeats
from proteomr.tables import Drop, Harmonised

__all__ = ["CausalAnalysis", "MrRequest", "run_mr"]


@dataclass(frozen=True, slots=True)
class MrRequest:
    """What is to be analysed, and how: all that determines the numbers.

    Parameters
    ----------
    exposure, outcomes : files of summary statistics; None and none with ``harmonised``.
    harmonised : file of variants that were harmonised before.
    rule : how instruments are chosen and found in the outcomes.
    instruments : file with names of the only variants that may serve; goes before the rule's.
    ld : panel for clumping and proxies, see `proteomr.gwas.panel.open_panel`.
    reverse : whether the other direction is analysed as well.
    steiger_filter : whether variants that explain more of the outcome are dropped.
    methods : keys, as `proteomr.mr.estimate.build_methods` takes them; those of several exposures
        (``mv_...``) stand alone, and with ``harmonised``.
    convention : R package whose defaults the methods follow.
    bootstraps : draws of medians and modes.
    outcome_size : cases, controls and prevalence of a binary outcome.
    overlap : share of the larger study that is in the other one.
    controls : file of pairs of which the answer is known.
    seed : of the random numbers.

    Raises
    ------
    UsageError
        Inputs are absent, or two of them exclude each other.

    Examples
    --------
    >>> MrRequest(Path("x.tsv"), (Path("y.tsv"),), methods=("ivw",)).joint
    ()
    """

    exposure: Path | None = None
    outcomes: tuple[Path, ...] = ()
    harmonised: Path | None = None
    rule: InstrumentRule = field(default_factory=InstrumentRule)
    instruments: Path | None = None
    ld: Path | None = None
    reverse: bool = False
    steiger_filter: bool = False
    methods: tuple[str, ...] = tuple(DEFAULT_METHODS)
    convention: Convention = "twosamplemr"
    bootstraps: int = 1000
    outcome_size: TraitSize = field(default_factory=TraitSize)
    overlap: float | None = None
    controls: Path | None = None
    seed: int = 1

    def __post_init__(self) -> None:
        files = self.exposure is not None or bool(self.outcomes)
        size = self.outcome_size
        if self.harmonised is not None and files:
            raise UsageError("--harmonised stands for exposure and outcome: give it alone")
        if self.harmonised is not None and self.reverse:
            raise UsageError("--reverse needs the summary statistics of both, not harmonised ones")
        if self.harmonised is None and (self.exposure is None or not self.outcomes):
            raise UsageError("an exposure and an outcome are needed (or --harmonised FILE)")
        if (size.n_case is None) != (size.n_control is None):
            raise UsageError("--outcome-cases and --outcome-controls: give both")
        if self.rule.proxies and self.ld is None:
            raise UsageError("--proxies needs genotypes: add --ld")
        if self.joint and (len(self.joint) < len(self.methods) or self.harmonised is None):
            raise UsageError(
                "methods mv_... are for --harmonised variants of several exposures, alone"
            )
        if not self.joint:
            build_methods(self.methods, convention=self.convention, draws=self.bootstraps)

    @property
    def joint(self) -> tuple[str, ...]:
        """Keys of the methods for several exposures."""
        return tuple(key for key in self.methods if key.startswith("mv_"))


@dataclass(frozen=True, slots=True, eq=False)
class CausalAnalysis:
    """What an analysis gives.

    Parameters
    ----------
    pairs : the analyses, one for each exposure and outcome; none with several exposures at once.
    tables : by name, ``harmonised`` among them.
    drops : what was left out, with reasons.
    notes : what a user should know, one sentence each.
    inputs : the files that were read.
    """

    pairs: tuple[Harmonised, ...]
    tables: dict[str, pl.DataFrame]
    drops: tuple[Drop, ...]
    notes: tuple[str, ...]
    inputs: tuple[Path, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Variants:
    """Harmonised variants, before any estimate."""

    pairs: tuple[Harmonised, ...]
    table: pl.DataFrame
    tables: dict[str, pl.DataFrame]
    drops: tuple[Drop, ...]
    notes: tuple[str, ...] = ()


def run_mr(request: MrRequest, *, executor: Executor | None = None) -> CausalAnalysis:
    r"""Return the tables of a whole analysis from files; nothing is written.

    Parameters
    ----------
    request : what is asked for.
    executor : runs blocks of pairs; None for one after another.

    Raises
    ------
    InputError, FormatError
        A file cannot be read.
    NothingToDo
        No instrument, or no harmonised variant, is left.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
    ...     size = file.write("SNP,beta_exposure,se_exposure,beta_outcome,se_outcome\n")
    ...     size = file.write("rs1,0.1,0.01,0.05,0.02\n")
    ...     file.flush()
    ...     found = run_mr(MrRequest(harmonised=Path(file.name), methods=("wald",)))
    >>> found.tables["estimates"]["estimate"].to_list()
    [0.5]
    """
    inputs = [request.exposure, *request.outcomes, request.harmonised]
    if request.joint:
        found = _read_jointly(request)
        return _finish(request, found, inputs)
    panel = None if request.ld is None else open_panel(request.ld)
    found = _read_files(request, panel) if request.harmonised is None else _read_ready(request)
    if request.steiger_filter:
        found = _keep_forward(found)
    size = request.outcome_size
    methods = build_methods(
        request.methods, convention=request.convention, draws=request.bootstraps
    )
    made = analyse(found.pairs, methods, seed=request.seed, executor=executor, outcome_size=size)
    share = None
    if size.n_case is not None and size.n_control is not None:
        share = size.n_case / (size.n_case + size.n_control)
    reach = tabulate_reach(found.pairs, overlap=request.overlap, case_share=share)
    found = replace(found, tables={**made.tables, "reach": reach, **found.tables})
    inputs += [*(panel.files if panel else ()), request.instruments]
    return _finish(request, found, inputs)


def _finish(request: MrRequest, found: _Variants, inputs: Sequence[Path | None]) -> CausalAnalysis:
    tables = dict(found.tables)
    if request.controls is not None:
        known = read_controls(request.controls)
        tables["controls_checked"] = check_controls(tables["estimates"], known)
    return CausalAnalysis(
        pairs=found.pairs,
        tables={**tables, "harmonised": found.table},
        drops=found.drops,
        notes=found.notes,
        inputs=tuple(path for path in (*inputs, request.controls) if path is not None),
    )


def _read_ready(request: MrRequest) -> _Variants:
    """Read variants that were harmonised before."""
    pairs = read_harmonised(Path(str(request.harmonised)))
    if request.rule.outcome_p is not None:
        pairs = [drop_significant(pair, p=request.rule.outcome_p) for pair in pairs]
    table = list_harmonised(pairs)
    counts = table.filter(~pl.col("mr_keep"))["reason"].value_counts(sort=True).rows()
    drops = tuple(Drop("harmonised", reason, n) for reason, n in counts)
    return _Variants(tuple(pairs), table, {}, drops, note_repeats(table))


def _read_jointly(request: MrRequest) -> _Variants:
    """Read variants of several exposures, and estimate the effect of each given the others."""
    data = read_joint(Path(str(request.harmonised)))
    estimates = estimate_jointly(data, request.joint, seed=request.seed)
    counts = data.dropped["reason"].value_counts(sort=True).rows()
    tables = {"estimates": estimates, "conditional_strength": tabulate_strength(data)}
    drops = tuple(Drop("harmonised", reason, n) for reason, n in counts)
    return _Variants((), data.variants, tables, drops)


def _read_files(request: MrRequest, panel: Panel | None) -> _Variants:
    """Read exposure and outcomes, choose instruments and harmonise them, both ways if asked."""
    rule = request.rule
    if request.instruments is not None:
        rule = replace(rule, variants=read_variant_list(request.instruments))
    exposure, outcomes = Path(str(request.exposure)), list(request.outcomes)
    ways = [(exposure, outcomes)]
    ways += [(path, [exposure]) for path in outcomes if request.reverse]
    parts = [_harmonise(first, others, rule, panel) for first, others in ways]
    instruments = [part.tables["instruments"] for part in parts]
    return _Variants(
        tuple(pair for part in parts for pair in part.pairs),
        pl.concat([part.table for part in parts], how="diagonal_relaxed"),
        {"instruments": pl.concat(instruments, how="diagonal_relaxed")},
        tuple(drop for part in parts for drop in part.drops),
        tuple(dict.fromkeys(note for part in parts for note in part.notes)),
    )


def _harmonise(
    exposure: Path, outcomes: list[Path], rule: InstrumentRule, panel: Panel | None
) -> _Variants:
    ld = None if panel is None else panel.ld
    instruments = read_instruments([exposure], rule=rule, ld=ld)
    found = read_outcomes(
        outcomes, instruments, panel=ld if rule.proxies else None, match=rule.match
    )
    table, pairs = harmonise_files(instruments, found.rows, rule=rule)
    counts = table.filter(~pl.col("mr_keep"))["reason"].value_counts(sort=True).rows()
    checks = check_frequencies(table)
    swapped = [check.message for check in checks if check.swapped and check.message]
    harmonised = (Drop("harmonise", reason, n) for reason, n in counts)
    return _Variants(
        tuple(pairs),
        table,
        {"instruments": instruments.strength},
        (*instruments.drops, *found.drops, *harmonised),
        (*instruments.notes, *found.notes, *note_repeats(table), *swapped),
    )


def _keep_forward(found: _Variants) -> _Variants:
    """Drop variants that explain more of the outcome than of the exposure, and count them."""
    pairs = tuple(keep_forward_variants(pair) for pair in found.pairs)
    gone = sum(old.m - new.m for old, new in zip(found.pairs, pairs, strict=True))
    drop = Drop("steiger", "explains more of the outcome than of the exposure", gone)
    return replace(found, pairs=pairs, drops=(*found.drops, drop))
