"""Loops over the rows of subdistribution hazards for many fits at once, in numpy.

The plain twin of :mod:`proteomr.stats.compiled_fine_gray_loops`, made of the parts that fit one
regression at a time. Shapes and letters are those of :mod:`proteomr.stats.row_models`; every fit
has weights of its own, as censoring is estimated on the rows that it has.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64, I64
from proteomr.stats.censoring import Censoring, CensoringTies, ProductLimit
from proteomr.stats.fine_gray import FineGrayModel, FineGrayPoint
from proteomr.stats.fine_gray_errors import (
    CensoringTerm,
    leave_score_residuals,
    sum_stretches,
)
from proteomr.stats.spans import Spans, lay_out_spans
from proteomr.stats.subdistribution import SubdistributionRisk

__all__ = [
    "CENSORING",
    "COMPETING",
    "EVENT",
    "KNOWN",
    "STRETCHES",
    "FineGrayTimes",
    "apply_curvature",
    "lay_out_times",
    "move_state",
    "recall_point",
    "store_state",
    "sum_influence",
    "sum_scores",
    "weigh_rows",
]

_Array = NDArray[Any]
# Codes of events, as the families have them, and of the sums of errors.
EVENT, COMPETING = 1, 2
"""What ends a follow-up; 0 where it is censored."""
KNOWN, CENSORING, STRETCHES = 0, 1, 2
"""What errors are made of (:data:`proteomr.stats.fine_gray_errors.ErrorSums`)."""


class FineGrayTimes(NamedTuple):
    """Rows in order of stratum and exit, against K event times; U moments are their exits, and
    their entries where some are late.

    Attributes
    ----------
    code : ``(n,)``, 0 censored, :data:`EVENT` or :data:`COMPETING`.
    rank : ``(n,)``, of the exit among the moments.
    entry : ``(n,)``, that of the entry; -1 where it is before all of them.
    moments : how many these are.
    late : whether anybody comes when somebody may have left.
    stratum : ``(n,)``, of the baseline hazard.
    counted : ``(n,)``, 1 for who is in risk sets; others, 0, tell of the censoring alone.
    starts : ``(B + 1,)``, where the event times of each stratum begin, and the end.
    time_rank : ``(K,)``, of each event time among the moments.
    first_row : ``(K,)``, the first row of the stratum that leaves at each event time or later.
    row_end : ``(B,)``, where the rows of each stratum end.
    spans : event times that each row is under observation at, where some are late.
    events : ``(d,)``, rows with the event.
    event_from : ``(K + 1,)``, where the events of each time begin among them, and the end.
    competing : ``(c,)``, rows with a competing event.
    competing_from : ``(B + 1,)``, where those of each stratum begin among them, and the end.
    competing_to : ``(K,)``, up to where they are over before each event time.
    efron : whether ties are Efron's; Breslow's otherwise.
    crr : whether censoring is estimated as ``cmprsk::crr`` does.
    share, steps : ``(U,)``, the chance to be observed at each moment, and how often it has changed
        before, where they are known; empty where they are estimated on the rows of each fit.
    """

    code: NDArray[np.int8]
    rank: I64
    entry: I64
    moments: int
    late: bool
    stratum: I64
    counted: F64
    starts: I64
    time_rank: I64
    first_row: I64
    row_end: I64
    spans: Spans
    events: I64
    event_from: I64
    competing: I64
    competing_from: I64
    competing_to: I64
    efron: bool
    crr: bool
    share: F64
    steps: I64


def lay_out_times(
    exits: F64,
    code: NDArray[np.int8],
    stratum: I64,
    *,
    entries: F64 | None = None,
    counted: F64 | None = None,
    censoring: Censoring | None = None,
    efron: bool,
    crr: bool = False,
) -> FineGrayTimes:
    """Return the times of rows ``(n,)`` in order of stratum and exit.

    Parameters
    ----------
    entries : ``(n,)``, minus infinity where there is none; None for nobody's.
    censoring : where it is known, of one stratum.

    Examples
    --------
    >>> code = np.array([2, 1, 0, 1], dtype=np.int8)
    >>> times = lay_out_times(np.array([1.0, 2.0, 2.0, 3.0]), code, np.zeros(4, int), efron=True)
    >>> times.first_row.tolist(), times.time_rank.tolist(), times.competing_to.tolist()
    ([1, 3], [1, 2], [1, 1])
    """
    late = entries is not None and bool(entries.max(initial=-np.inf) >= exits.min(initial=np.inf))
    came = np.full(exits.size, -np.inf) if entries is None or not late else entries
    moments = np.union1d(exits, came[np.isfinite(came)])
    rank, entry = _find_places(moments, exits), _find_places(moments, came)
    entry[np.isneginf(came)] = -1
    U, B = moments.size, int(stratum.max(initial=0)) + 1
    place = stratum * U + rank
    events, competing = np.flatnonzero(code == EVENT), np.flatnonzero(code == COMPETING)
    at, first = np.unique(place[events], return_index=True)
    low = np.searchsorted(at, stratum * U + entry, side="right")
    high = np.searchsorted(at, place, side="right")
    some = slice(None if late else 0)
    known = np.empty(0) if censoring is None else censoring.share(moments, 0)
    steps = np.empty(0, np.int64) if censoring is None else censoring.count_steps(moments, 0)
    return FineGrayTimes(
        code=code,
        rank=rank,
        entry=entry,
        moments=U,
        late=late,
        stratum=stratum,
        counted=np.ones(code.size) if counted is None else counted,
        starts=_find_places(at, U * np.arange(B + 1)),
        time_rank=at % U,
        first_row=_find_places(place, at),
        row_end=_find_places(stratum, np.arange(1, B + 1)),
        spans=lay_out_spans(low[some], high[some]),
        events=events,
        event_from=np.append(first, events.size).astype(np.int64),
        competing=competing,
        competing_from=_find_places(stratum[competing], np.arange(B + 1)),
        competing_to=_find_places(place[competing], at),
        efron=efron,
        crr=crr,
        share=known,
        steps=steps,
    )


def _find_places(ascending: _Array, values: _Array) -> I64:
    return np.asarray(np.searchsorted(ascending, values), dtype=np.int64)


def sum_scores(
    eta: _Array,
    borders: _Array,
    mask: _Array,
    coefficients: _Array,
    score: F64,
    times: FineGrayTimes,
) -> None:
    """Replace the covariates' part of the predictors ``(R, n)`` by the residuals, and add their
    products with the borders to the score ``(R, s)``.
    """
    F = eta.shape[0] // mask.shape[0]
    for r in range(eta.shape[0]):
        j = r // F
        whole = (eta[r] + coefficients[r] @ borders[j]).astype(np.float64)
        point = weigh_rows(times, mask[j]).judge(whole, np.empty(0))
        residuals = _residuals_of(point)
        eta[r] = residuals
        score[r] += borders[j].astype(np.float64) @ residuals


def store_state(
    eta: F64,
    borders: F64,
    mask: _Array,
    coefficients: F64,
    score: F64,
    times: FineGrayTimes,
    state: F64,
    weights: NDArray[np.float32],
) -> None:
    """As :func:`sum_scores`; keep the relative hazards ``(R, n)``, and what bounds the curvature
    from above.
    """
    F = eta.shape[0] // mask.shape[0]
    for r in range(eta.shape[0]):
        j = r // F
        point = weigh_rows(times, mask[j]).judge(eta[r] + coefficients[r] @ borders[j], np.empty(0))
        residuals = _residuals_of(point)
        eta[r], state[r], weights[r] = residuals, point.relative, point.seen
        score[r] += borders[j] @ residuals


def apply_curvature(
    u: _Array,
    borders: _Array,
    mask: _Array,
    vector: _Array,
    product: F64,
    times: FineGrayTimes,
    state: F64,
) -> None:
    """Replace the covariates' part of predictors ``(R, n)`` by their product with the curvature,
    and add its products with the borders ``(R, s)``.
    """
    F = u.shape[0] // mask.shape[0]
    for r in range(u.shape[0]):
        j = r // F
        whole = (u[r] + vector[r] @ borders[j]).astype(np.float64)
        point = recall_point(weigh_rows(times, mask[j]), state[r])
        curved = _curve(point, whole)
        u[r] = curved
        product[r] += borders[j].astype(np.float64) @ curved


def move_state(
    u: F64,
    shift: NDArray[np.float32],
    borders: F64,
    mask: _Array,
    vector: F64,
    step: F64,
    product: F64,
    times: FineGrayTimes,
    state: F64,
) -> None:
    """Move the relative hazards by a small step of the predictors; then :func:`apply_curvature`."""
    F = u.shape[0] // mask.shape[0]
    for r in range(u.shape[0]):
        state[r] *= np.exp(shift[r] + step[r] @ borders[r // F])
    apply_curvature(u, borders, mask, vector, product, times, state)


def sum_influence(
    u: F64,
    mask: _Array,
    times: FineGrayTimes,
    state: F64,
    kind: int,
    kept: F64,
    squares: F64,
) -> None:
    """Leave what each row adds to each of P directions, and sums of squares beside it.

    Parameters
    ----------
    u : ``(P, R, n)``, the predictors along the directions.
    state : ``(R, n)``.
    kind : :data:`CENSORING`, with what people do through the estimated censoring, :data:`KNOWN`, or
        :data:`STRETCHES`, each stretch of one weight after a competing event for a row of its own.
    kept : ``(P, R, n)``, out.
    squares : ``(R, P, P)``, out: products of the stretches, which are not in ``kept``.
    """
    P, R = u.shape[:2]
    F = R // mask.shape[0]
    for r in range(R):
        j = r // F
        model, term = weigh_rows(times, mask[j]), _censoring_of(times, mask[j])
        along = FineGrayModel(model.risk, u[:, r].T, model.weights, model.ties)
        point = recall_point(along, state[r])
        residuals = leave_score_residuals(point, np.eye(P))
        squares[r] = 0.0
        if kind == STRETCHES:
            residuals, squares[r] = sum_stretches(point, residuals, np.eye(P), term)
        if kind == CENSORING:
            added = term.leave_residuals(point, np.eye(P))
            residuals = residuals + np.where((mask[j] > 0.0)[:, None], added, 0.0)
        kept[:, r] = residuals.T


def _residuals_of(point: FineGrayPoint) -> F64:
    return np.asarray(point.model.weights * point.model.risk.is_event - point.seen)


def recall_point(model: FineGrayModel, relative: F64) -> FineGrayPoint:
    """Return the point of relative hazards that were kept."""
    with np.errstate(divide="ignore", invalid="ignore"):
        eta = np.where(model.weights > 0.0, np.log(relative / model.weights), 0.0)
    return model.judge(eta, np.empty(0))


def _curve(point: FineGrayPoint, u: F64) -> F64:
    """Return the product of the curvature by the predictors with u ``(n,)``."""
    model = point.model
    at, out, _ = model.terms
    K = model.risk.times.size
    rise = point.hazard * point.means(u[:, None])[:, 0]
    whole = np.bincount(at, weights=rise, minlength=K)
    own = np.bincount(at, weights=(1.0 - out) * rise, minlength=K)
    hazards = (np.asarray(part, dtype=np.float64)[:, None] for part in (whole, own))
    seen = model.risk.sum_hazards(*hazards)[:, 0]
    return np.asarray(point.seen * u - point.relative * seen)


def _limit_leaving(times: FineGrayTimes, mask: _Array) -> tuple[ProductLimit, F64]:
    """Return the product limit of censoring on the rows of a fit, at the ranks of moments, and how
    many are there just after each moment ``(U,)``.
    """
    U = times.moments
    counts = (mask > 0.0).astype(np.float64)
    leaving = np.bincount(times.rank, weights=counts, minlength=U)
    censored = np.bincount(times.rank, weights=counts * (times.code == 0), minlength=U)
    entered = np.bincount(times.entry + 1, weights=counts, minlength=U + 1)
    there = np.cumsum(entered[:U]) - np.cumsum(leaving) + leaving
    risk = there - (0.0 if times.crr else leaving - censored)
    at: I64 = np.flatnonzero(censored > 0.0)
    limit = ProductLimit(at.astype(np.float64), censored[at] / risk[at], risk[at])
    after = there - leaving + entered[1:]
    return limit, np.asarray(after, dtype=np.float64)


def _limit_entering(times: FineGrayTimes, mask: _Array, after: F64) -> ProductLimit | None:
    """Return the product limit of late entry; None where nobody of the fit has left before the last
    comes.
    """
    observed = mask > 0.0
    first, came = times.rank[observed].min(initial=times.moments), times.entry[observed]
    if not times.late or came.max(initial=-1) <= first:
        return None
    entered = np.bincount(came[came >= 0], minlength=times.moments)
    at = np.flatnonzero(entered)
    return ProductLimit(at.astype(np.float64), entered[at] / after[at], after[at])


def _censoring_of(times: FineGrayTimes, mask: _Array) -> CensoringTerm:
    observed = mask > 0.0
    ties: CensoringTies = "crr" if times.crr else "events-first"
    if times.share.size:
        at = np.flatnonzero(np.diff(times.steps)).astype(np.float64)
        censoring = Censoring(ties, {0: ProductLimit(at, 0.0 * at, 1.0 + 0.0 * at)}, {0: np.inf})
    else:
        leaving, after = _limit_leaving(times, mask)
        entering = _limit_entering(times, mask, after)
        last = float(times.rank[observed].max(initial=-1))
        censoring = Censoring(
            ties, {0: leaving}, {0: last}, {} if entering is None else {0: entering}
        )
    entry = np.where(observed & (times.entry >= 0), times.entry, -np.inf)
    rows = np.column_stack([entry, times.rank.astype(np.float64)])
    return CensoringTerm(
        censoring, rows, (times.code == 0) & observed, 0 * times.stratum, times.stratum
    )


def weigh_rows(times: FineGrayTimes, mask: _Array, X: F64 | None = None) -> FineGrayModel:
    """Return the likelihood of a fit, given what its rows count ``(n,)``, with columns or none."""
    n, observed = times.rank.size, mask > 0.0
    share = times.share
    if not share.size:
        share = _censoring_of(times, mask).censoring.share(np.arange(times.moments, dtype=float), 0)
    own = np.where(observed, share[times.rank], 1.0)
    place = times.stratum * times.moments
    event_places = np.repeat(np.arange(times.starts.size - 1), np.diff(times.starts))
    event_places = event_places * times.moments + times.time_rank
    risk = SubdistributionRisk(
        np.arange(n),
        times.starts,
        times.time_rank.astype(np.float64),
        _find_places(event_places, place + times.entry + 1),
        np.searchsorted(event_places, place + times.rank, side="right").astype(np.int64),
        times.starts[times.stratum + 1],
        (times.code == EVENT) & observed,
        (times.code == COMPETING) & observed,
        np.where(own > 0.0, own, np.nan),  # who has no weight has no likelihood
        np.zeros(n, dtype=np.int64),
        share[times.time_rank][None],
    )
    ties: Any = "efron" if times.efron else "breslow"
    columns = np.empty((n, 0)) if X is None else X
    return FineGrayModel(risk, columns, mask * times.counted, ties)
