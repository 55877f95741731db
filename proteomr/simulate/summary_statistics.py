"""Summary statistics of an exposure and of outcomes of known causal truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import polars as pl
from numpy.random import Generator

from proteomr._typing import F64, I64
from proteomr.errors import UsageError
from proteomr.simulate.published import Causes
from proteomr.simulate.study import random_stream
from proteomr.simulate.summary_effects import (
    REVERSE_EFFECT,
    Pleiotropy,
    SummaryTruth,
    draw_direct_effects,
    draw_exposure_effects,
    standard_errors,
)
from proteomr.stats.distributions import neg_log10_p_normal
from proteomr.tables import load_schema
from proteomr.tables.sumstats import CHROMOSOME_LENGTHS, GenomeBuild

__all__ = ["OUTCOMES", "OutcomeTruth", "SummarySimulation", "simulate_causes", "simulate_summary"]

_BUILD: GenomeBuild = "GRCh38"
_APART_BP = 11_000_000
_AUTOSOMES = tuple(str(number) for number in range(1, 23))
_OWN_VARIANTS = 6
_PALINDROMIC_SHARE = 0.1
_PALINDROMES = (("A", "T"), ("T", "A"), ("C", "G"), ("G", "C"))
_PAIRS = tuple(
    (first, second)
    for first in "ACGT"
    for second in "ACGT"
    if first != second and (first, second) not in _PALINDROMES
)


@dataclass(frozen=True, slots=True)
class OutcomeTruth:
    """An outcome to simulate.

    Parameters
    ----------
    name : of the trait.
    effect : causal effect of the exposure, SD per SD.
    pleiotropy : see `SummaryTruth`; ``reverse``: the outcome acts on the exposure, by 0.4 SD per
        SD, and six variants of the outcome are thereby variants of the exposure.
    """

    name: str
    effect: float = 0.0
    pleiotropy: Pleiotropy = "none"


OUTCOMES = (
    OutcomeTruth("ADM", 0.2, "none"),
    OutcomeTruth("ASGR1", 0.2, "balanced"),
    OutcomeTruth("GFRA1", 0.2, "directional"),
    OutcomeTruth("FABP4", 0.2, "correlated"),
    OutcomeTruth("TNFRSF10A", -0.15, "none"),
    OutcomeTruth("IL6", 0.0, "none"),
    OutcomeTruth("ICAM1", 0.0, "balanced"),
    OutcomeTruth("CD4", 0.0, "directional"),
    OutcomeTruth("PLAUR", 0.0, "correlated"),
    OutcomeTruth("HAO1", 0.0, "reverse"),
)
"""Proteins with and without an effect of the exposure, under every kind of pleiotropy."""


@dataclass(frozen=True, slots=True, eq=False)
class SummarySimulation:
    """Simulated summary statistics, and the truth behind them.

    Parameters
    ----------
    exposure : one row per variant, the columns of the schema ``sumstats``.
    outcomes : the same of all outcomes, one after another.
    truth : a row per outcome: exposure, outcome, causal_effect, pleiotropy, invalid (instruments
        with a direct effect), reverse_effect.
    facts : what they were drawn from, as JSON values.
    """

    exposure: pl.DataFrame
    outcomes: pl.DataFrame
    truth: pl.DataFrame
    facts: Mapping[str, object]

    @property
    def tables(self) -> dict[str, pl.DataFrame]:
        """The tables by name."""
        return {"exposure": self.exposure, "outcomes": self.outcomes, "truth": self.truth}


def simulate_summary(
    *,
    seed: int,
    exposure: str = "loneliness",
    outcomes: Sequence[OutcomeTruth] = OUTCOMES,
    instruments: int = 40,
    strength: float = 60.0,
    variants: int = 2000,
    people: int = 100_000,
    outcome_people: int | None = None,
    case_share: float | None = None,
) -> SummarySimulation:
    """Return summary statistics of one exposure and several outcomes, and the truth behind them.

    Effects follow `proteomr.simulate.summary_effects.draw_summary_effects`. Every outcome has six
    variants of its own beside, so that the reverse direction can be analysed. Variants that act
    on any trait stand more than 10 Mb apart and are independent; the rest act on nothing. A
    random half of the rows of an outcome counts the other allele, and a tenth of the variants is
    palindromic. P is normal.

    Parameters
    ----------
    seed : not negative.
    exposure : name of the trait.
    outcomes : one or more, of different names.
    instruments : variants that act on the exposure.
    strength : their mean F.
    variants : rows of each trait, those without effect included.
    people : size of each study; no person is in two.
    outcome_people : size of each study of an outcome, where it is another.
    case_share : of a yes or no exposure, whose effects are then of its log odds; the error of a log
        odds ratio is that of a trait of variance one over ``sqrt(share (1 - share))``.

    Raises
    ------
    UsageError
        For a size, seed or truth that cannot be simulated.

    Examples
    --------
    >>> simulated = simulate_summary(seed=1, variants=200)
    >>> simulated.exposure.height, simulated.truth.height
    (200, 10)
    """
    base = SummaryTruth(
        instruments=instruments,
        strength=strength,
        people_exposure=people,
        people_outcome=outcome_people or people,
    )
    names = [outcome.name for outcome in outcomes]
    _check_request(names, exposure=exposure, seed=seed)
    _check_sizes(instruments + _OWN_VARIANTS * len(names), variants=variants)
    if case_share is not None and not 0 < case_share < 1:
        raise UsageError(f"a share of {case_share:g} cases is not between 0 and 1")
    effects = _draw_truth(outcomes, base, variants=variants, seed=seed, case_share=case_share)
    parts = [_tabulate(effects, 1 + k, trait=name, seed=seed) for k, name in enumerate(names)]
    sizes: dict[str, object] = {
        "instruments": instruments, "variants": variants, "people": people,
        "outcome_people": base.people_outcome, "case_share": case_share,
    }  # fmt: skip
    return SummarySimulation(
        exposure=_tabulate(effects, 0, trait=exposure, seed=seed),
        outcomes=pl.concat(parts),
        truth=_tabulate_truth(outcomes, exposure=exposure, instruments=instruments),
        facts={
            "exposure": exposure,
            "outcomes": [asdict(outcome) for outcome in outcomes],
            "strength": strength,
            "build": _BUILD,
            **sizes,
        },
    )


def simulate_causes(causes: Causes, /, *, seed: int) -> SummarySimulation:
    """Return the summary statistics of a yes or no exposure and of proteins that a study describes.

    Examples
    --------
    >>> from proteomr.simulate.published import SHEN2025_CAUSES
    >>> simulate_causes(SHEN2025_CAUSES, seed=1).truth["causal_effect"][:2].to_list()
    [0.17, 0.17]
    """
    return simulate_summary(
        seed=seed,
        outcomes=[OutcomeTruth(name, effect) for name, effect in causes.effects.items()],
        instruments=causes.instruments,
        strength=causes.strength,
        people=causes.people,
        outcome_people=causes.outcome_people,
        case_share=causes.case_share,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Genome:
    """Places and alleles of v variants, and true effects (v, 1 + outcomes), exposure first.

    Parameters
    ----------
    se : (v, 1 + outcomes) standard errors.
    people : of the exposure and of an outcome; ``cases`` of the exposure, None for a number.
    """

    variant_id: list[str]
    chromosome: list[str]
    position: I64
    alleles: list[tuple[str, str]]
    eaf: F64
    effects: F64
    se: F64
    people: tuple[int, int]
    cases: int | None


def _check_request(names: Sequence[str], *, exposure: str, seed: int) -> None:
    if seed < 0:
        raise UsageError(f"seed {seed} is negative: choose 0 or more")
    if not names:
        raise UsageError("no outcome to simulate: name one or more")
    if len({exposure, *names}) < 1 + len(names):
        raise UsageError("a trait is named twice; exposure and outcomes need different names")


def _check_sizes(acting: int, *, variants: int) -> None:
    places = len(_list_places())
    if acting > places:
        raise UsageError(
            f"{acting} variants with effects do not fit 10 Mb apart: {places} do; ask for fewer"
            " instruments or outcomes"
        )
    if variants < acting:
        raise UsageError(f"{variants} variants are fewer than the {acting} that have effects")


def _list_places() -> list[tuple[str, int]]:
    lengths = CHROMOSOME_LENGTHS[_BUILD]
    return [
        (name, start)
        for name in _AUTOSOMES
        for start in range(1_000_000, lengths[name] - 500_000, _APART_BP)
    ]


def _draw_truth(
    outcomes: Sequence[OutcomeTruth],
    base: SummaryTruth,
    *,
    variants: int,
    seed: int,
    case_share: float | None,
) -> _Genome:
    random = random_stream(seed, 0)
    eaf = random.uniform(0.1, 0.9, variants)
    acting = base.instruments + _OWN_VARIANTS * len(outcomes)
    chromosome, position = _draw_positions(acting, variants, random=random)
    alleles = _draw_alleles(variants, random=random)
    se = np.empty((variants, 1 + len(outcomes)))
    se[:, 0] = standard_errors(eaf, people=base.people_exposure)
    if case_share is not None:
        se[:, 0] /= np.sqrt(case_share * (1 - case_share))
    se[:, 1:] = standard_errors(eaf, people=base.people_outcome)[:, None]
    effects = np.zeros((variants, 1 + len(outcomes)))
    m = base.instruments
    effects[:m, 0] = draw_exposure_effects(se[:m, 0], strength=base.strength, random=random)
    _add_own_variants(effects, outcomes, se, base=base, random=random)
    for column, outcome in enumerate(outcomes, start=1):
        effects[:, column] += outcome.effect * effects[:, 0]
        if outcome.pleiotropy != "reverse":
            truth = SummaryTruth(pleiotropy=outcome.pleiotropy, instruments=m)
            effects[:m, column] += draw_direct_effects(effects[:m, 0], truth, random=random)
    ids = [
        f"{name}:{place}:{other}:{effect}"
        for name, place, (effect, other) in zip(chromosome, position, alleles, strict=True)
    ]
    cases = None if case_share is None else round(case_share * base.people_exposure)
    people = (base.people_exposure, base.people_outcome)
    return _Genome(ids, chromosome, position, alleles, eaf, effects, se, people, cases)


def _add_own_variants(
    effects: F64,
    outcomes: Sequence[OutcomeTruth],
    se: F64,
    *,
    base: SummaryTruth,
    random: Generator,
) -> None:
    """Add variants that act on an outcome first, and on the exposure where that follows it."""
    for column, outcome in enumerate(outcomes, start=1):
        first = base.instruments + _OWN_VARIANTS * (column - 1)
        rows = slice(first, first + _OWN_VARIANTS)
        of = 0 if outcome.pleiotropy == "reverse" else column  # whose test they pass
        drawn = draw_exposure_effects(se[rows, of], strength=base.strength, random=random)
        if outcome.pleiotropy == "reverse":
            effects[rows, 0] = drawn
            effects[rows, column] = drawn * (1 / REVERSE_EFFECT - outcome.effect)
        else:
            effects[rows, column] = drawn


def _draw_positions(acting: int, variants: int, *, random: Generator) -> tuple[list[str], I64]:
    """Return places: those of the acting variants apart, the others anywhere, none twice."""
    places = _list_places()
    chosen = [places[place] for place in random.permutation(len(places))[:acting]]
    positions = [(name, start + int(random.integers(0, 500_000))) for name, start in chosen]
    lengths = CHROMOSOME_LENGTHS[_BUILD]
    taken = set(positions)
    while len(positions) < variants:
        name = _AUTOSOMES[int(random.integers(len(_AUTOSOMES)))]
        place = (name, int(random.integers(1, lengths[name])))
        if place not in taken:
            taken.add(place)
            positions.append(place)
    return [name for name, _ in positions], np.array(
        [place for _, place in positions], dtype=np.int64
    )


def _draw_alleles(variants: int, *, random: Generator) -> list[tuple[str, str]]:
    palindromic = random.random(variants) < _PALINDROMIC_SHARE
    pairs = random.integers(len(_PAIRS), size=variants)
    mirrors = random.integers(len(_PALINDROMES), size=variants)
    return [
        _PALINDROMES[mirror] if same else _PAIRS[pair]
        for same, pair, mirror in zip(palindromic, pairs, mirrors, strict=True)
    ]


def _tabulate(genome: _Genome, column: int, *, trait: str, seed: int) -> pl.DataFrame:
    """Return what a study of one trait reports; an outcome's counts either allele."""
    random = random_stream(seed, 1, column)
    v = len(genome.eaf)
    se, people = genome.se[:, column], genome.people[min(column, 1)]
    cases = None if column or genome.cases is None else float(genome.cases)
    beta = genome.effects[:, column] + se * random.standard_normal(v)
    eaf = random.binomial(2 * people, genome.eaf) / (2 * people)
    other = (random.random(v) < 0.5) & (column > 0)
    pairs = [
        pair[::-1] if swapped else pair for pair, swapped in zip(genome.alleles, other, strict=True)
    ]
    frame = pl.DataFrame(
        {
            "variant_id": genome.variant_id,
            "rsid": pl.Series([None] * v, dtype=pl.String),
            "chromosome": genome.chromosome,
            "position_bp": genome.position,
            "build": [_BUILD] * v,
            "effect_allele": [pair[0] for pair in pairs],
            "other_allele": [pair[1] for pair in pairs],
            "eaf": np.where(other, 1 - eaf, eaf),
            "beta": np.where(other, -beta, beta),
            "se": se,
            "neg_log10_p": neg_log10_p_normal(beta / se),
            "n": np.full(v, float(people)),
            "n_case": pl.Series([cases] * v, dtype=pl.Float64),
            "info": pl.Series([None] * v, dtype=pl.Float64),
            "trait": [trait] * v,
            "p_origin": ["computed"] * v,
        }
    )
    order = frame["chromosome"].cast(pl.Int64)
    return load_schema("sumstats").validate(
        frame.with_columns(order.alias("order")).sort("order", "position_bp").drop("order")
    )


def _tabulate_truth(
    outcomes: Sequence[OutcomeTruth], *, exposure: str, instruments: int
) -> pl.DataFrame:
    reverse = [outcome.pleiotropy == "reverse" for outcome in outcomes]
    invalid = [
        SummaryTruth(pleiotropy=outcome.pleiotropy, instruments=instruments).invalid
        for outcome in outcomes
    ]
    return pl.DataFrame(
        {
            "exposure": [exposure] * len(outcomes),
            "outcome": [outcome.name for outcome in outcomes],
            "causal_effect": [float(outcome.effect) for outcome in outcomes],
            "pleiotropy": [outcome.pleiotropy for outcome in outcomes],
            "invalid": [
                _OWN_VARIANTS if back else count
                for back, count in zip(reverse, invalid, strict=True)
            ],
            "reverse_effect": [REVERSE_EFFECT if back else 0.0 for back in reverse],
        }
    )
