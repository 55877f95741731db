"""Type I error and coverage of `survive` and `mediate` where the truth is known.

``python -m benchmarks.follow_up_truth`` draws people again and again (four minutes of one
processor) and writes the tables of docs/follow-up-truth.md; ``--draws N`` draws fewer, ``--print``
shows the tables alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64, I64
from proteomr.models import (
    Adjustment,
    Block,
    FitOptions,
    Model,
    Problem,
    SurvivalOptions,
    find_family,
    make_times,
)
from proteomr.stats.mediation import Trio
from proteomr.stats.mediation_draws import draw_by_influence, find_limits
from proteomr.stats.mediation_effects import Contrast
from proteomr.stats.mediation_product import ProductOptions, analyse_product
from proteomr.stats.mediation_weighting import analyse_counterfactual
from proteomr.stats.resampling import Resamples

__all__ = ["FOLLOW_UPS", "PAGE", "PATHS", "FollowUpDesign", "fill_page", "main"]

PAGE = Path(__file__).parents[1] / "docs" / "follow-up-truth.md"
EFFECT = 0.3  # log hazard ratio of a SD of the protein, or what stands for it
NULLS = 10  # proteins of each cohort that do nothing
DRAWS, Z95 = 300, 1.959963984540054
_BOOTSTRAPS = 400
_STABLE = 0.6  # index of the frailty: Kendall's tau within families is 1 less it


@dataclass(frozen=True, slots=True)
class Drawn:
    """People that were drawn: entry, exit, event, and clusters of them where there are any."""

    entry: F64
    exit: F64
    event: F64
    clusters: I64 | None = None


@dataclass(frozen=True, slots=True)
class FollowUpDesign:
    """A family in a situation.

    Attributes
    ----------
    what : in words.
    family, options : what is fitted.
    n : people.
    draw : outcome of people with a linear predictor ``(n,)``.
    effect : of a SD of the protein, as the family estimates it.
    clusters : people of one protein value each; 1 for none.
    """

    what: str
    family: str
    n: int
    draw: Callable[[Generator, F64], Drawn]
    options: FitOptions = field(default_factory=FitOptions)
    effect: float = EFFECT
    clusters: int = 1


def _censor(g: Generator, time: F64, longest: float) -> Drawn:
    end = g.uniform(0.5 * longest, longest, time.size)
    seen = np.asarray(np.minimum(time, end), dtype=np.float64)
    return Drawn(np.full(time.size, -np.inf), seen, (time <= end).astype(np.float64))


def _common(g: Generator, eta: F64) -> Drawn:
    return _censor(g, g.exponential(1.0 / np.exp(eta)), 1.5)


def _tied(g: Generator, eta: F64) -> Drawn:
    # A discrete hazard whose odds are proportional, as the exact likelihood has them.
    odds = 0.15 * np.exp(eta)
    time = g.geometric(odds / (1.0 + odds)).astype(np.float64)
    return Drawn(
        np.full(eta.size, -np.inf), np.minimum(time, 8.0), (time <= 8.0).astype(np.float64)
    )


def _rare(g: Generator, eta: F64) -> Drawn:
    return _censor(g, g.exponential(1.0 / (0.013 * np.exp(eta))), 1.5)


def _late(g: Generator, eta: F64) -> Drawn:
    time, entry = g.exponential(1.0 / np.exp(eta)), g.uniform(0.0, 0.6, eta.size)
    seen = time > entry  # who is not seen leaves the cohort: here moves in at once
    drawn = _censor(g, np.where(seen, time, entry + g.exponential(1.0 / np.exp(eta))), 2.0)
    return Drawn(entry, np.maximum(drawn.exit, entry + 1e-6), drawn.event)


def _families(g: Generator, eta: F64) -> Drawn:
    """Families of four with a frailty of the positive stable law.

    Hazards stay proportional over people (Hougaard 1986, doi:10.1093/biomet/73.2.387), which they
    do not with others: what is 1 / _STABLE of the effect within a family is the effect.
    """
    u = g.uniform(0.0, np.pi, eta.size // 4)
    rest = np.sin((1.0 - _STABLE) * u) / g.exponential(1.0, u.size)
    frailty = np.sin(_STABLE * u) / np.sin(u) ** (1.0 / _STABLE)
    frailty *= rest ** ((1.0 - _STABLE) / _STABLE)
    rate = np.repeat(frailty, 4) * np.exp(eta / _STABLE)
    drawn = _censor(g, g.exponential(1.0, eta.size) / rate, 1.5)
    return Drawn(drawn.entry, drawn.exit, drawn.event, np.repeat(np.arange(eta.size // 4), 4))


def _competing(g: Generator, eta: F64) -> Drawn:
    """Fine and Gray's own simulation: the subdistribution hazard of event 1 is proportional."""
    share = 0.4
    all_of_one = 1.0 - (1.0 - share) ** np.exp(eta)
    u = g.random(eta.size)
    one = u < all_of_one
    inside = np.where(one, 1.0 - (1.0 - u) ** np.exp(-eta), 0.0) / share
    time = np.where(one, -np.log1p(-np.minimum(inside, 1.0 - 1e-12)), g.exponential(1.0, eta.size))
    end = g.uniform(0.5, 3.0, eta.size)
    event = np.where(time <= end, np.where(one, 1.0, 2.0), 0.0)
    return Drawn(np.full(eta.size, -np.inf), np.minimum(time, end), event)


def _additive(g: Generator, eta: F64) -> Drawn:
    return _censor(g, g.exponential(1.0 / np.clip(1.0 + eta, 0.02, None)), 1.5)


def _weibull(g: Generator, eta: F64) -> Drawn:
    return _censor(g, np.exp(eta) * g.weibull(1.5, eta.size), 1.5)


ROBUST = FitOptions(errors="robust")
FOLLOW_UPS = (
    FollowUpDesign("half have the event", "cox", 300, _common),
    FollowUpDesign("1 % have the event (20 of 2,000)", "cox", 2000, _rare),
    FollowUpDesign("enter late", "cox", 300, _late),
    FollowUpDesign(
        "8 times, exact ties", "cox", 200, _tied, FitOptions(survival=SurvivalOptions(ties="exact"))
    ),
    FollowUpDesign(
        "families of four with a protein value and a frailty", "cox", 400, _families, clusters=4
    ),
    FollowUpDesign("the same, `--cluster`", "cox", 400, _families, ROBUST, clusters=4),
    FollowUpDesign("two events compete", "finegray", 300, _competing),
    FollowUpDesign("two events compete, `--se robust`", "finegray", 300, _competing, ROBUST),
    FollowUpDesign("additive hazards", "aalen", 300, _additive, ROBUST),
    FollowUpDesign("a Weibull time", "aft", 300, _weibull),
    FollowUpDesign("half have the event", "royston-parmar", 300, _common),
)


def measure_follow_up(design: FollowUpDesign, *, draws: int, seed: int = 1) -> dict[str, float]:
    """Return rejections at 0.05 where there is nothing, coverage with an effect, and bias."""
    family = find_family(design.family)(options=design.options)
    rejected = tested = covered = told = 0
    estimates = []
    for draw in range(draws):
        g = np.random.default_rng([seed, draw, design.n])
        values = g.standard_normal((1 + NULLS, design.n // design.clusters))
        values = np.repeat(values, design.clusters, axis=1)
        people = design.draw(g, design.effect * values[0])
        target = make_times("event", exit=people.exit, event=people.event, entry=people.entry)
        problem = Problem(
            covariates=np.ones((design.n, 1)),
            names=("(Intercept)",),
            factors=(),
            targets=(target,),
            adjustments=(Adjustment("none", np.arange(1)),),
            models=(Model(0, 0),),
            clusters=people.clusters if design.options.errors == "robust" else None,
        )
        block = Block(
            values, np.empty((1 + NULLS, 0, design.n)), np.ones(values.shape, dtype=np.bool_)
        )
        fits = family.fit(family.prepare(problem), block)
        estimate, se = fits.estimate[:, 0], fits.se[:, 0]
        sound = np.isfinite(estimate) & (se > 0.0)
        rejected += int(np.sum(np.abs(estimate[1:]) > Z95 * se[1:], where=sound[1:]))
        tested += int(sound[1:].sum())
        if sound[0]:
            told += 1
            covered += int(abs(estimate[0] - design.effect) <= Z95 * se[0])
            estimates.append(estimate[0])
    return {
        "tests": tested,
        "type I": rejected / tested,
        "draws": told,
        "coverage": covered / told,
        "mean": float(np.mean(estimates)),
        "truth": design.effect,
    }


@dataclass(frozen=True, slots=True)
class PathDesign:
    """A mediated effect: of the exposure on the protein, of this on the outcome, and beside it."""

    what: str
    method: str
    a: float
    b: float
    direct: float = 0.3
    n: int = 400


PATHS = (
    PathDesign("neither path", "product", 0.0, 0.0),
    PathDesign("path a alone", "product", 0.5, 0.0),
    PathDesign("both paths", "product", 0.5, 0.4),
    PathDesign("neither path", "counterfactual", 0.0, 0.0),
    PathDesign("path a alone", "counterfactual", 0.5, 0.0),
    PathDesign("both paths", "counterfactual", 0.5, 0.15),
    PathDesign("both paths, 2,000 people", "counterfactual", 0.5, 0.15, n=2_000),
)


def measure_paths(design: PathDesign, *, draws: int, seed: int = 1) -> dict[str, float]:
    """Return how often the intervals of the indirect effect hold it, by error and by draws."""
    truth = design.a * design.b
    held = {"by its error": 0, "by influence": 0}
    samples = Resamples(design.n, _BOOTSTRAPS, seed=seed)
    one = np.ones((design.n, 1))
    for draw in range(draws):
        g = np.random.default_rng([seed, draw, 7])
        exposure = (g.random(design.n) < 0.4).astype(np.float64)
        protein = design.a * exposure + g.standard_normal(design.n)
        eta = design.direct * exposure + design.b * protein
        if design.method == "product":
            trio = Trio.of(
                exposure,
                protein,
                eta + g.standard_normal(design.n),
                for_mediator=one,
                for_outcome=one,
            )
            found = analyse_product(trio, Contrast(0.0, 1.0, 0.0), ProductOptions("linear"))
        else:
            people = _censor(g, g.exponential(1.0 / np.clip(0.8 + eta, 0.02, None)), 2.0)
            outcome = np.column_stack([people.entry, people.exit, people.event])
            trio = Trio.of(exposure, protein, outcome, for_mediator=one, for_outcome=one)
            found = analyse_counterfactual(trio, Contrast(0.0, 1.0), hazard="aalen")
        at = found.effects.names.index("indirect")
        estimate, se = found.estimates[at], found.standard_errors()[at]
        held["by its error"] += int(abs(estimate - truth) <= Z95 * se)
        everybody = np.ones(design.n, dtype=np.bool_)
        limits = find_limits(draw_by_influence([found], [everybody], samples)[0], level=0.95)
        held["by influence"] += int(limits.low[at] <= truth <= limits.high[at])
    return {name: count / draws for name, count in held.items()}


def _tell_follow_ups(draws: int) -> list[str]:
    lines = [
        (
            "| family | situation | n | rejected at 0.05 without an effect (tests) "
            "| 95 % interval holds the effect (cohorts) | mean estimate, truth |"
        ),
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for design in FOLLOW_UPS:
        found = measure_follow_up(design, draws=draws)
        lines.append(
            f"| {design.family} | {design.what} | {design.n:,} | {found['type I']:.3f} "
            f"({found['tests']:,.0f}) | {found['coverage']:.3f} ({found['draws']:,.0f}) | "
            f"{found['mean']:.3f}, {found['truth']:g} |"
        )
    return lines


def _tell_paths(draws: int) -> list[str]:
    lines = [
        "| method | situation | interval of estimate and error | `--bootstrap influence` |",
        "| --- | --- | --- | --- |",
    ]
    for design in PATHS:
        found = measure_paths(design, draws=draws)
        shares = " | ".join(f"{share:.3f}" for share in found.values())
        lines.append(f"| {design.method} | {design.what} | {shares} |")
    return lines


def fill_page(text: str, tables: dict[str, list[str]]) -> str:
    """Return a page whose tables stand between the comments that name them.

    Raises
    ------
    ValueError
        The page has no place for a table.
    """
    for name, lines in tables.items():
        start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        if start not in text or end not in text:
            raise ValueError(f"the page has no place for {name}")
        before, rest = text.split(start, 1)
        text = before + start + "\n".join(lines) + "\n" + end + rest.split(end, 1)[1]
    return text


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw, and write the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.follow_up_truth")
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--print", action="store_true", dest="shows")
    given = parser.parse_args(arguments)
    tables = {
        "follow-ups": _tell_follow_ups(given.draws),
        "paths": _tell_paths(given.draws),
    }
    if given.shows:
        print("\n\n".join("\n".join(lines) for lines in tables.values()))
    else:
        PAGE.write_text(fill_page(PAGE.read_text(encoding="utf-8"), tables), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
