"""Mixed models one by one, from the rows of each: whatever the mass path leaves.

The design is laid out on the protein's own rows, and what the data cannot tell gets its status
before anything is fitted.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from proteomr._typing import F64, I64
from proteomr.errors import UsageError
from proteomr.models.base import Block, Problem, Refusal
from proteomr.models.family import Scans
from proteomr.models.level_coding import CodedRows
from proteomr.models.mixed_design import ALIASED, Design, lay_out, list_terms, place_terms
from proteomr.models.mixed_options import Ddf
from proteomr.models.mixed_results import KINSHIP, Group, MixedFit, conclude
from proteomr.models.mixed_weights import RowWeights
from proteomr.models.random_effects import RandomEffects, RandomTerm
from proteomr.models.responses import respond
from proteomr.stats.group_sums import turn_groups
from proteomr.stats.least_squares import solve_least_squares
from proteomr.stats.linalg import condition_columns
from proteomr.stats.random_structure import Structure
from proteomr.stats.reml_crossed import CrossedSums
from proteomr.stats.reml_search import minimise
from proteomr.stats.reml_sums import Sums
from proteomr.status import Status

__all__ = [
    "CONTRASTS",
    "INTERACTION",
    "LARGEST_CROSSED",
    "AloneFit",
    "fit_alone",
    "name_tests",
    "refuse_groups",
    "refuse_large",
    "refuse_values",
    "scale_effects",
    "weigh_response",
]

INTERACTION, CONTRASTS = "interaction", "contrasts"
# Random effects of all terms but the one of the most groups are one dense matrix: at 2,000 of them
# an evaluation takes seconds.
LARGEST_CROSSED = 2_000
# Residuals of this share of the response are rounding, as in the exact path of least squares.
_PERFECT = 1e-11
# What a column varies by within groups, in units of its length, when it is constant in them.
_ALIASED_WITHIN = 1e-9
# Of a response so many times larger than what covariates leave of it, rounding is so much more.
_ROUNDING = 1e-3
_ALONE = "nobody on the rows of the fit has a relative: no variance of kinship"
_COMBINATION = "{} is a linear combination of the covariates on the rows of the fit"


@dataclass(frozen=True, slots=True)
class AloneFit:
    """A model of one protein: its fit or why there is none, and which terms it has.

    Attributes
    ----------
    places : ``(c,)``, where each coefficient of the model stands among its terms; -1 for none.
    kept : ``(t,)``, terms that have an estimate.
    absent : by coefficient, why one without an estimate has none.
    """

    result: MixedFit | Refusal
    places: I64
    kept: I64
    absent: tuple[Refusal, ...]
    aliased: tuple[str, ...] = ()

    @classmethod
    def refused(cls, problem: Problem, m: int, refusal: Refusal) -> AloneFit:
        """Return a model none of whose coefficients has an estimate, whatever it is."""
        count = problem.terms * len(problem.targets[problem.models[m].target].contrasts)
        none = np.full(count, -1, dtype=np.int64)
        return cls(refusal, none, none[:0], (refusal,) * count)


def fit_alone(
    problem: Problem, block: Block, j: int, m: int, *, weights: RowWeights, side: Scans, ddf: Ddf
) -> AloneFit:
    """Fit one model to one protein by itself.

    Parameters
    ----------
    weights : by which the random effects of the problem are multiplied.
    """
    seen = block.observed[j]
    rows = np.flatnonzero(seen)
    model = problem.models[m]
    target = problem.targets[model.target]
    coded = target.code_rows(seen)
    varies = refuse_values(coded, target.name)
    effects = problem.effects.take(rows)
    refusal = varies or refuse_groups(effects, rows.size)
    if refusal is not None:
        return AloneFit.refused(problem, m, refusal)
    protein = block.values[j, rows]
    x, y, label, other = coded.columns, protein, target.name, "the protein"
    if side == "predictor":
        responded = respond(target, seen)
        if isinstance(responded, Refusal):
            return AloneFit.refused(problem, m, responded)
        x, y, label, other = protein[:, None], responded, "the protein", target.name
        coded = CodedRows(x, (0,), {})
    columns = problem.adjustments[model.adjustment].columns
    own, own_scale = condition_columns(block.own[j][:, rows].T)
    terms, powers = list_terms(problem, x, rows)
    design = lay_out(
        np.column_stack([problem.covariates[np.ix_(rows, columns)], own]),
        terms,
        (*problem.names_of(model.adjustment), *problem.own_names),
        root=weights.root[rows],
        scales=np.concatenate([problem.column_scales[columns], own_scale]),
        powers=powers,
    )
    places = place_terms(coded.places, x.shape[1], problem.terms)
    absent = _say_absent(coded, problem.terms, label, design)
    if rows.size <= design.rank:
        coefficients = columns.size + own.shape[1] + terms.shape[1]
        message = f"{rows.size} people for {coefficients} coefficients"
        return AloneFit.refused(problem, m, Refusal(Status.too_few, message))
    if design.kept.size == 0:
        return AloneFit(absent[0], places, design.kept, absent, design.aliased)
    tests = name_tests(problem, x.shape[1])
    of_rows = weights.take(rows)
    result = _fit(design, y, effects, of_rows, ddf=ddf, tests=tests, other=other)
    return AloneFit(result, places, design.kept, absent, design.aliased)


def name_tests(problem: Problem, width: int) -> dict[str, I64]:
    """Return the terms that are tested jointly, by the name of the test.

    Parameters
    ----------
    width : columns of the target, whose products follow them.
    """
    found = {}
    if width > 1:
        found[CONTRASTS] = np.arange(width)
    if problem.interaction is not None:
        found[INTERACTION] = width + np.arange(width * (problem.terms - 1))
    return found


def refuse_values(coded: CodedRows, name: str) -> Refusal | None:
    """Return why values of a target on the rows of a fit allow none."""
    if not coded.varies:
        return Refusal(Status.constant, f"{name} has one value on the rows of the fit")
    if len(coded.lacking) == len(coded.places):
        message = f"nobody has {next(iter(coded.lacking.values()))} on the rows of the fit"
        return Refusal(Status.too_few, message)
    return None


def refuse_groups(effects: RandomEffects, n: int) -> Refusal | None:
    """Return why groups do not determine the variances, by the rules of lme4."""
    if effects.kinship is not None:
        message = "" if effects.kinship.has_relatives else _ALONE
    else:
        told = (_doubt_term(term, n) for term in effects.terms)
        message = next(filter(None, told), "") or _find_same(effects)
    return Refusal(Status.not_identified, message) if message else None


def _doubt_term(term: RandomTerm, n: int) -> str:
    """Say why the groups of a term determine no variance; nothing where they do."""
    groups = np.unique(term.codes).size
    q = term.effects.shape[1]
    if groups < 2:
        return f"one group of {term.group} on the rows of the fit"
    if groups >= n:
        return f"every group of {term.group} has one row: no variance between groups"
    if q > 1 and groups * q >= n:
        return f"{groups * q} random effects of {term.group} for {n} rows"
    if q > 1 and np.linalg.matrix_rank(scale_effects(term)[0]) < q:
        return f"the slope of {term.group} has one value on the rows of the fit"
    return ""


def _find_same(effects: RandomEffects) -> str:
    """Say which two factors have the same groups; nothing where none have."""
    for one, other in combinations(effects.terms, 2):
        sizes = [np.unique(term.codes).size for term in (one, other)]
        both = np.unique(one.codes * (int(other.codes.max()) + 1) + other.codes).size
        if sizes == [both, both]:
            return f"{one.group} and {other.group} are the same groups on the rows of the fit"
    return ""


def refuse_large(effects: RandomEffects) -> None:
    """Refuse terms of which all but one have more effects than a dense matrix can hold.

    Raises
    ------
    UsageError
        With their number.
    """
    sizes = sorted(np.unique(term.codes).size * term.effects.shape[1] for term in effects.terms)
    rest = int(sum(sizes[:-1]))
    if rest > LARGEST_CROSSED:
        names = ", ".join(term.group for term in effects.terms)
        raise UsageError(
            f"random effects of {names}: beside the factor of the most groups there are {rest:,} "
            f"effects, at most {LARGEST_CROSSED:,} can be; leave one of the factors out"
        )


def _say_absent(coded: CodedRows, terms: int, label: str, design: Design) -> tuple[Refusal, ...]:
    """Return by coefficient why it has no estimate, where it has none."""
    what = _COMBINATION.format(label)
    if 0 in design.kept:
        what = "the term is a linear combination of the others on the rows of the fit"
    tied = Refusal(Status.collinear, what)
    found = []
    for contrast in range(len(coded.places)):
        level = coded.lacking.get(contrast)
        nobody = Refusal(Status.too_few, f"nobody has {level} on the rows of the fit")
        found += [tied if level is None else nobody] * terms
    return tuple(found)


def _fit(
    design: Design,
    y: F64,
    effects: RandomEffects,
    weights: RowWeights,
    *,
    ddf: Ddf,
    tests: dict[str, I64],
    other: str,
) -> MixedFit | Refusal:
    """Fit a response to an independent design."""
    ys, power = condition_columns(y[:, None])
    y, length = weigh_response(ys[:, 0], weights.root)
    n = y.size
    basis = design.covariates
    for _ in range(2):
        y = y - basis @ (basis.T @ y / n)
    unit = float(np.sqrt(np.mean(y**2)))
    if unit < _PERFECT * length:
        return Refusal(Status.collinear, _COMBINATION.format(other))
    y = y / unit
    left = y - design.terms @ np.linalg.lstsq(design.terms, y, rcond=None)[0]
    if float(np.sqrt(np.mean(left**2))) < _PERFECT:
        return Refusal(Status.not_identified, f"the terms explain all of {other}: no variance left")
    D = np.column_stack([basis, design.terms, y])
    sums, structure, groups, rest = sum_rows(D, effects)
    if rest is not None and _explain_within(rest, effects.terms[0], rounding=length / unit):
        message = f"the groups determine {other}: no residual variance"
        return Refusal(Status.not_identified, message)
    found = minimise(sums, structure)
    if found.flat[0]:
        message = f"{other} and the covariates do not determine the variances of the groups"
        return Refusal(Status.not_identified, message)
    if not found.certified[0]:
        return Refusal(Status.not_converged, "the REML criterion has no certified minimum")
    place = {int(term): at for at, term in enumerate(design.kept)}
    return conclude(
        found,
        sums,
        structure,
        ddf=ddf,
        terms=design.kept.size,
        units=design.units[None],
        powers=design.powers[None],
        y_units=np.array([unit]),
        y_powers=power,
        log_volumes=np.array([design.log_volume - np.sum(weights.half_log)]),
        weight_unit=weights.unit,
        groups=groups,
        tests={
            name: np.array([place[t] for t in members.tolist() if t in place], dtype=np.int64)
            for name, members in tests.items()
            if any(t in place for t in members.tolist())
        },
    )[0]


def weigh_response(y: F64, root: F64) -> tuple[F64, float]:
    """Return a response ``(n,)`` multiplied by numbers, and the root mean square of what its
    weighted mean leaves.

    Examples
    --------
    >>> weigh_response(np.array([1.0, 3.0]), np.array([2.0, 2.0]))
    (array([2., 6.]), 2.0)
    """
    weights = root**2
    centred = y - float(weights @ y) / float(np.sum(weights))
    return y * root, float(np.sqrt(np.mean(weights * centred**2)))


def sum_rows(
    D: F64, effects: RandomEffects
) -> tuple[Sums | CrossedSums, Structure, tuple[Group, ...], F64 | None]:
    """Return the sums of columns ``(n, K)``, their structure, and the groups of its terms.

    Last, what the random effects of one grouping factor leave of the columns.
    """
    if effects.kinship is not None:
        sums = effects.kinship.turn(D).sum_all()
        return sums, Structure(((1, 1),)), (Group(KINSHIP, np.ones(1)),), None
    scaled = [scale_effects(term) for term in effects.terms]
    groups = tuple(
        Group(term.group, units) for term, (_, units) in zip(effects.terms, scaled, strict=True)
    )
    if len(effects.terms) == 1:
        order = np.argsort(effects.terms[0].codes, kind="stable")
        codes = effects.terms[0].codes[order]
        starts = np.flatnonzero(np.diff(codes, prepend=-1))
        turned = turn_groups(D[order], scaled[0][0][order], starts)
        structure = Structure(((1, scaled[0][0].shape[1]),))
        return turned.sum_all(), structure, groups, turned.rest
    return *_sum_crossed(D, effects, [Z for Z, _ in scaled], groups), None


def _sum_crossed(
    D: F64, effects: RandomEffects, scaled: list[F64], groups: tuple[Group, ...]
) -> tuple[CrossedSums, Structure, tuple[Group, ...]]:
    """Return the sums of several terms: by the groups of the one that has the most of them."""
    codes = [np.unique(term.codes, return_inverse=True)[1].ravel() for term in effects.terms]
    levels = [int(code.max()) + 1 for code in codes]
    order = sorted(range(len(codes)), key=lambda at: -levels[at])
    columns = [D]
    for at in order[1:]:
        wide = np.zeros((D.shape[0], levels[at], scaled[at].shape[1]))
        wide[np.arange(D.shape[0]), codes[at]] = scaled[at]
        columns.append(wide.reshape(D.shape[0], -1))
    first = order[0]
    rows = np.argsort(codes[first], kind="stable")
    starts = np.flatnonzero(np.diff(codes[first][rows], prepend=-1))
    whole = np.column_stack(columns)
    sums = turn_groups(whole[rows], scaled[first][rows], starts).sum_all()
    structure = Structure(
        tuple((1 if at == first else levels[at], scaled[at].shape[1]) for at in order)
    )
    crossed = CrossedSums(sums, whole.shape[1] - D.shape[1])
    return crossed, structure, tuple(groups[at] for at in order)


def _explain_within(rest: F64, term: RandomTerm, *, rounding: float) -> bool:
    """Whether groups and fixed effects leave nothing of the response but rounding.

    Parameters
    ----------
    rest : ``(n, K)``, what the random effects leave of the columns, the response the last.
    rounding : size of the response before the covariates were taken from it, over that after.
    """
    sizes = np.unique(term.codes, return_counts=True)[1]
    spare = int(rest.shape[0] - np.minimum(sizes, term.effects.shape[1]).sum())
    # what varies within groups by rounding alone explains nothing within them
    size = np.sqrt(np.mean(rest**2, axis=0))
    vary = np.flatnonzero(size[:-1] > _ALIASED_WITHIN)
    fit = solve_least_squares(rest[:, vary] / size[vary], rest[:, -1], tolerance=ALIASED)
    limit = _PERFECT * max(1.0, _ROUNDING * rounding)
    return spare > fit.kept.size and float(np.sqrt(fit.rss / rest.shape[0])) < limit


def scale_effects(term: RandomTerm) -> tuple[F64, F64]:
    """Return the effects in units of their root mean square, and these ``(q,)``."""
    units = np.sqrt(np.mean(term.effects**2, axis=0))
    units = np.where(units > 0.0, units, 1.0)
    return term.effects / units, units
