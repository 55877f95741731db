"""Joint and conditional effects of the variants of a trait, as tables, and its signals apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.errors import UsageError
from proteomr.gwas.conditional_units import CojoOptions, Unit, add_implied, read_implied
from proteomr.stats.distributions import neg_log10_p_normal, p_from_neg_log10
from proteomr.stats.joint_effects import JointFit
from proteomr.stats.stepwise import (
    Conditional,
    Given,
    condition_on,
    correlate_from_matrix,
    count_contradictions,
    select_stepwise,
)
from proteomr.status import Status
from proteomr.tables import load_schema

__all__ = ["Signal", "Signals", "analyse_unit", "doubt_linkage", "separate_signals"]

_UNSETTLED: Final = "the search ended as a variant came in again after it had been left out"
_BEYOND: Final = "it explains all of the trait in so many people: see its error and n"
# Of variants that those chosen tell: beyond it chance and further signals explain no more.
_DOUBTFUL: Final = 0.05
_KEYS: Final = (
    "trait",
    "chromosome",
    "position_bp",
    "variant_id",
    "rsid",
    "effect_allele",
    "other_allele",
    "eaf",
    "beta",
    "se",
    "neg_log10_p",
    "n",
)


@dataclass(frozen=True, slots=True, eq=False)
class Signal:
    """One signal of a region: what is left of it given the leads of all others.

    Parameters
    ----------
    lead : ``variant_id`` of its variant.
    place : position of the lead among the rows of the region.
    frame : rows of the region with ``beta``, ``se`` and ``neg_log10_p`` of the regression on the
        variant and the leads of the other signals; variants that these determine are left out.
    """

    lead: str
    place: int
    frame: pl.DataFrame


@dataclass(frozen=True, slots=True, eq=False)
class Signals:
    """The signals of a region.

    Parameters
    ----------
    signals : by position of their leads; empty unless ok.
    status : ok; ``too_few`` where no variant is significant enough.
    message : what a user should know; empty where nothing.
    """

    signals: tuple[Signal, ...]
    status: Status
    message: str = ""


def separate_signals(rows: pl.DataFrame, r: F64, *, options: CojoOptions | None = None) -> Signals:
    """Return each signal of a region conditional on the leads of all others.

    Leads are chosen as `proteomr.stats.stepwise.select_stepwise` does. Effects are those of the
    regression on a variant and the other leads together, which a Bayes factor of the signal takes;
    with one signal they are the region's own.

    Parameters
    ----------
    rows : variants of one trait and one region: ``variant_id``, ``beta``, ``se``, ``n``; ``eaf``
        with effective sizes; all of one window.
    r : correlations of the copies of their effect alleles, such as
        `proteomr.gwas.correlations.correlate_variants` gives them.
    options : how leads are chosen; window and frequencies of the panel are not looked at.

    Raises
    ------
    UsageError
        The matrix does not fit the rows, or a variant has no effect, error or size.

    Examples
    --------
    >>> rows = pl.DataFrame({
    ...     "variant_id": ["a", "b", "c"], "beta": [1.0, 0.8, 0.5], "se": [0.1, 0.1, 0.1],
    ...     "n": [400, 400, 400]})
    >>> r = np.array([[1.0, 0.8, 0.0], [0.8, 1.0, 0.0], [0.0, 0.0, 1.0]])
    >>> found = separate_signals(rows, r, options=CojoOptions(p=1e-5))
    >>> [signal.lead for signal in found.signals]
    ['a', 'c']
    >>> found.signals[1].frame["beta"].round(3).to_list()
    [0.082, 0.5]
    """
    asked = CojoOptions() if options is None else options
    if r.shape != (rows.height, rows.height):
        raise UsageError(f"{rows.height} variants do not fit correlations of {r.shape}")
    eaf = [] if "eaf" in rows.columns else [pl.lit(None, pl.Float64).alias("eaf")]
    simple = read_implied(add_implied(rows.with_columns(eaf), asked.sizes))
    if not all(np.isfinite(part).all() for part in (simple.rho, simple.n, simple.unit)):
        raise UsageError("a variant of the region has no effect, error above 0, size or frequency")
    given = Given(simple, correlate_from_matrix(r))
    chosen = select_stepwise(given, neg_log10_p=-math.log10(asked.p), collinear=asked.collinear)
    if not chosen.chosen.size:
        return Signals((), Status.too_few, f"no variant has p <= {asked.p:g}")
    leads = sorted(int(place) for place in chosen.chosen)
    said = [_UNSETTLED if chosen.unsettled else "", doubt_linkage(given)]
    message = "; ".join(filter(None, said))
    if len(leads) == 1:
        signal = Signal(str(rows["variant_id"][leads[0]]), leads[0], rows)
        return Signals((signal,), Status.ok, message)
    signals = []
    for lead in leads:
        apart = Given(simple, given.correlate)
        for other in chosen.chosen:
            if other != lead:
                apart.add(int(other))
        state = condition_on(apart, collinear=asked.collinear)
        others = [place for place in leads if place != lead]
        signals.append(_leave_signal(rows, state, simple.unit, lead=lead, others=others))
    return Signals(tuple(signals), Status.ok, message)


def _leave_signal(
    rows: pl.DataFrame, state: Conditional, unit: F64, *, lead: int, others: Sequence[int]
) -> Signal:
    """Return a signal with the effects given the others, whose leads and their like leave."""
    fits = state.status == int(Status.ok)
    fits[list(others)] = False
    frame = rows.with_columns(
        pl.Series("beta", state.effects * unit),
        pl.Series("se", state.errors * unit),
        pl.Series("neg_log10_p", neg_log10_p_normal(state.effects / state.errors)),
    )
    return Signal(str(rows["variant_id"][lead]), lead, frame.filter(pl.Series(fits)))


def analyse_unit(
    unit: Unit, options: CojoOptions, *, given: Sequence[int] | None = None
) -> dict[str, pl.DataFrame]:
    """Return the tables ``cojo`` and ``cojo_conditional`` of a chromosome.

    Parameters
    ----------
    unit : its variants.
    options : how variants are chosen and conditioned on.
    given : variants to condition on, in the order in which they come in; None chooses them.

    Returns
    -------
    tables : without rows where no variant is chosen.
    """
    agreement = unit.judge()
    if agreement.status is Status.not_positive:
        rows = unit.rows.with_columns(pl.lit(unit.trait.trait).alias("trait"))
        return {
            "cojo": _tabulate_strongest(rows, agreement.status, agreement.message),
            "cojo_conditional": load_schema("cojo_conditional").empty(),
        }
    state = Given(unit.simple, unit.correlate)
    message, collinear = "", list[int]()
    if given is None:
        found = select_stepwise(
            state, neg_log10_p=-math.log10(options.p), collinear=options.collinear
        )
        message = _UNSETTLED if found.unsettled else ""
    else:
        for variant in given:
            if 1.0 - state.share_left()[variant] > options.collinear:
                collinear.append(variant)
            else:
                state.add(variant)
    joint = state.fit(state.chosen)
    conditional = condition_on(state, collinear=options.collinear)
    beyond = bool((conditional.status == int(Status.not_identified)).any())
    doubt = "; ".join(filter(None, [agreement.message, doubt_linkage(state)]))
    message = "; ".join(filter(None, [message, doubt]))
    rows = unit.rows.with_columns(pl.lit(unit.trait.trait).alias("trait"))
    return {
        "cojo": _tabulate_strongest(rows, Status.not_identified, _BEYOND)
        if beyond and given is None and not state.chosen
        else _tabulate_joint(
            rows, state, joint, collinear=collinear, message=message, doubtful=bool(doubt)
        ),
        "cojo_conditional": _tabulate_conditional(rows, unit, state, conditional),
    }


def _tabulate_strongest(rows: pl.DataFrame, status: Status, message: str) -> pl.DataFrame:
    """Return the strongest variant of a chromosome as the row that says why none is chosen."""
    strongest = int((rows["beta"] / rows["se"]).abs().arg_max() or 0)
    return rows[[strongest]].select(
        *_KEYS,
        "eaf_panel",
        "n_effective",
        pl.lit(status.name).alias("status"),
        pl.lit(message).alias("message"),
    )


def doubt_linkage(state: Given) -> str:
    """Return what speaks against the correlations, as one sentence; empty where nothing does.

    Parameters
    ----------
    state : variants, some of them given.

    Examples
    --------
    >>> rows = pl.DataFrame({"beta": [1.0, -0.9], "se": [0.1, 0.1], "n": [400, 400], "eaf": None})
    >>> simple = read_implied(add_implied(rows, "reported"))
    >>> state = Given(simple, correlate_from_matrix(np.array([[1.0, 0.9], [0.9, 1.0]])))
    >>> state.add(0)
    >>> doubt_linkage(state)[:53]
    'LD contradicts the effects of 1 of 1 variants that th'
    """
    wrong, looked_at = count_contradictions(state)
    if wrong <= _DOUBTFUL * looked_at:
        return ""
    return (
        f"LD contradicts the effects of {wrong:,} of {looked_at:,} variants that those chosen "
        "tell: other alleles or other people; results are not to be trusted"
    )


def _tabulate_joint(
    rows: pl.DataFrame,
    state: Given,
    joint: JointFit,
    *,
    collinear: list[int],
    message: str,
    doubtful: bool,
) -> pl.DataFrame:
    """Return the variants chosen, by position, with their joint effects."""
    order = np.argsort(state.chosen, kind="stable")
    chosen = [state.chosen[place] for place in order]
    r = state.correlations(chosen)
    unit = state.simple.unit[chosen]
    p = neg_log10_p_normal(joint.effects / joint.errors)[order]
    status = Status.mismatched if doubtful and joint.status is Status.ok else joint.status
    fitted = (
        rows[chosen]
        .select(*_KEYS, "eaf_panel", "n_effective")
        .with_columns(
            pl.Series("step", order + 1, dtype=pl.Int64),
            pl.Series("bJ", joint.effects[order] * unit),
            pl.Series("bJ_se", joint.errors[order] * unit),
            pl.Series("neg_log10_pJ", p),
            pl.Series("pJ", p_from_neg_log10(p)),
            pl.Series("LD_r", [*np.diag(r, 1), None][: len(chosen)], dtype=pl.Float64),
            pl.lit(status.name).alias("status"),
            pl.lit(message or None, pl.String).alias("message"),
        )
    )
    left = rows[collinear].select(*_KEYS, "eaf_panel", "n_effective")
    told = left.with_columns(
        pl.lit(Status.collinear.name).alias("status"),
        pl.lit("the variants given before tell it beyond --collinear; it is not given").alias(
            "message"
        ),
    )
    both = pl.concat([fitted, told], how="diagonal_relaxed")
    return both.with_columns(pl.col(_numbers(both)).fill_nan(None))


def _tabulate_conditional(
    rows: pl.DataFrame, unit: Unit, state: Given, found: Conditional
) -> pl.DataFrame:
    """Return all variants within reach of those given, with their effects given these."""
    near = np.zeros(rows.height, dtype=np.bool_)
    for variant in state.chosen:
        low, high = unit.reach(variant)
        near[low:high] = True
    own = np.zeros(rows.height, dtype=np.bool_)
    own[state.chosen] = True
    scale = state.simple.unit
    p = neg_log10_p_normal(found.effects / found.errors)
    table = rows.select(_KEYS).with_columns(
        pl.Series("given", own),
        pl.Series("r2_given", found.determined),
        pl.Series("bC", found.effects * found.share * scale),
        pl.Series("bC_se", found.errors * found.share * scale),
        pl.Series("beta_given", found.effects * scale),
        pl.Series("se_given", found.errors * scale),
        pl.Series("neg_log10_pC", p),
        pl.Series("pC", p_from_neg_log10(p)),
        pl.Series("status", [Status(int(code)).name for code in found.status], dtype=pl.String),
    )
    return table.with_columns(pl.col(_numbers(table)).fill_nan(None)).filter(pl.Series(near))


def _numbers(frame: pl.DataFrame) -> list[str]:
    return [name for name, dtype in frame.schema.items() if dtype == pl.Float64]
