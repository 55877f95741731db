"""The effects planted in each protein, and what follows from them for an analysis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64, I64, Bool
from proteomr.simulate.covariates import Covariates, Moments
from proteomr.simulate.study import EXPOSURES, NamedProtein, Planting, Study, random_stream

__all__ = ["Effects", "name_proteins", "plant_effects"]

_STREAM = 1
_NUISANCE_SD = {
    "age": 0.20,
    "sex": 0.30,
    "site": 0.06,
    "batch": 0.10,
    "gap": 0.05,
    "ethnicity": 0.10,
}
_COMPONENT_SD = 0.02


@dataclass(frozen=True, slots=True)
class Effects:
    """Effects of covariates and exposures on p proteins, in SD of the protein.

    Parameters
    ----------
    names : p protein names.
    panel : (p,) index of the panel.
    odds_ratio : (p, 2) odds ratio of isolation and loneliness per SD, one exposure in the model.
    planted : (p, 2) whether that effect is one that tests are to find, neither weak nor absent.
    shift : (p, 2) SD by which the protein's mean moves with an exposure, given all covariates.
    joint_shift : (p, 2) the same given the other exposure too.
    simple_shift : (p, 2) what a regression on the exposure and the simple set estimates.
    information : (2,) variance of each exposure that all covariates leave.
    simple_z : (p, 2) mean of the test statistic with the simple set, per root of a person.
    confounded : (p,) whether life style acts strongly on the protein.
    weights : (p, k) coefficient of each covariate column; the intercept makes the mean 0.
    explained : (p,) share of the variance that covariates and exposures explain.
    """

    names: tuple[str, ...]
    panel: I64
    odds_ratio: F64
    planted: Bool
    shift: F64
    joint_shift: F64
    simple_shift: F64
    information: F64
    simple_z: F64
    confounded: Bool
    weights: F64
    explained: F64

    @property
    def hits(self) -> Bool:
        """Return (p,) whether an effect of either exposure is planted."""
        return self.planted[:, 0] | self.planted[:, 1]


@dataclass(frozen=True, slots=True)
class _Roles:
    odds_ratio: F64
    planted: Bool
    confounded: Bool
    strength: F64
    sign: F64


def name_proteins(study: Study, proteins: int, /) -> tuple[str, ...]:
    """Return the names of the first proteins: the study's named ones, then P0005, P0006, ...

    Examples
    --------
    >>> from proteomr.simulate.study import SHEN2025
    >>> name_proteins(SHEN2025, 2920)[0], name_proteins(SHEN2025, 2920)[-1]
    ('GDF15', 'P2897')
    """
    named = tuple(protein.name for protein in study.named)
    n_targets = sum(not protein.control for protein in study.named)
    others = (f"P{place - n_targets + 1:04d}" for place in range(len(named), proteins))
    return (*named, *others)[:proteins]


def plant_effects(covariates: Covariates, proteins: int, /, *, seed: int) -> Effects:
    """Plant the effects of covariates and exposures in at least as many proteins as are named.

    A log odds ratio b per SD of the protein, all covariates C in the logistic model, is the shift
    ``d = b v`` of the protein's mean with the exposure, where v is the share of the variance that C
    and the exposure leave: for a protein that is normal given C and the exposure, Bayes' theorem
    gives ``logit P(exposure | protein, C) = h(C) + (d / v) protein``. The effects of the two
    exposures together are solved from those of each alone, by the regression of either on the other
    and C in these very people, so that each is the exact expectation of the model with one
    exposure.

    Parameters
    ----------
    covariates : of the cohort.
    proteins : how many; named ones are added where there are fewer.
    seed : of the cohort.

    Examples
    --------
    >>> from proteomr.simulate.people import draw_people
    >>> from proteomr.simulate.study import SHEN2025
    >>> covariates = Covariates(SHEN2025, draw_people(SHEN2025, 1000, seed=1))
    >>> effects = plant_effects(covariates, 50, seed=1)
    >>> float(effects.odds_ratio[0, 0]), round(float(effects.shift[0, 0]), 3)
    (1.22, 0.131)
    """
    study, moments = covariates.study, covariates.moments()
    p = max(proteins, len(study.named))
    rng = random_stream(seed, _STREAM)
    roles = _draw_roles(study, p, rng, weak=random_stream(seed, _STREAM, 0))
    panel = np.arange(p) % len(study.panels)
    weights = _draw_life_style_weights(covariates.names, roles, rng)
    nuisance = _draw_nuisance_weights(covariates, panel, rng)
    explained = 0.08 + 0.30 * rng.beta(2.0, 3.0, p)
    _apply_named(study.named, covariates.names, nuisance, explained)

    full = ("intercept", *covariates.simple, *covariates.further)
    leak = _leak_between_exposures(moments, full)
    covariance = moments.covariance()
    fixed_variance = np.einsum("pi,ij,pj->p", weights, covariance, weights, optimize=True)
    explained = np.maximum(explained, fixed_variance + 0.05)
    shift = np.log(roles.odds_ratio) * (1 - explained)[:, None]
    joint = shift @ np.linalg.inv(leak)
    weights[:, moments.places(EXPOSURES)] = joint
    weights += _stretch(weights, nuisance, covariance, explained) * nuisance
    weights[:, 0] = -weights @ moments.products[0]
    simple_shift = _expect_simple(covariates, moments, weights, joint)
    return Effects(
        names=name_proteins(study, p),
        panel=panel,
        odds_ratio=roles.odds_ratio,
        planted=roles.planted,
        shift=shift,
        joint_shift=joint,
        simple_shift=simple_shift,
        simple_z=simple_shift * _inform_simple(covariates, moments, weights, explained),
        information=np.array([moments.residual_variance(name, on=full) for name in EXPOSURES]),
        confounded=roles.confounded,
        weights=weights,
        explained=explained,
    )


def _draw_roles(study: Study, p: int, rng: Generator, *, weak: Generator) -> _Roles:
    shares = study.planting
    u, v = rng.random(p), rng.random(p)
    u = _spread(u) if shares.even else u
    planted = u < shares.planted
    if shares.even:
        v[planted], v[~planted] = _spread(v[planted]), _spread(v[~planted])
    confounded = ~planted & (u < shares.planted + shares.confounded)
    lonely = v < np.where(planted, shares.lonely_among_planted, shares.lonely_only)
    rising = np.clip((u - shares.planted) / shares.confounded, 0.0, 1.0) ** shares.weak_power
    strength = shares.weakest + (1 - shares.weakest) * rising
    sign = np.where(rng.random(p) < shares.positive, 1.0, -1.0)
    log_odds = np.column_stack(
        [rng.uniform(*shares.isolation_effects, p), rng.uniform(*shares.lonely_effects, p)]
    )
    found = np.column_stack([planted, lonely])
    log_odds *= sign[:, None] * found
    _add_weak(log_odds, found, shares, weak)
    odds_ratio = np.exp(log_odds)
    for place, protein in enumerate(study.named):
        odds_ratio[place] = (protein.isolation, protein.loneliness)
        found[place] = odds_ratio[place] != 1.0
        confounded[place] = protein.confounded
        strength[place] = 1.0
        sign[place] = -1.0 if min(odds_ratio[place]) < 1 else 1.0
    return _Roles(odds_ratio, found, confounded, strength, sign)


def _add_weak(log_odds: F64, found: Bool, shares: Planting, rng: Generator) -> None:
    """Give the effects that are not planted their weak ones, in place.

    Those of loneliness follow all of isolation's, so that the two go together as in the study.
    """
    drawn = rng.standard_normal(log_odds.shape) * shares.weak_effects
    drawn[:, 0] += shares.weak_mean
    log_odds[:, 0] += np.where(found[:, 0], 0.0, drawn[:, 0])
    followed = shares.lonely_follows * log_odds[:, 0] + drawn[:, 1]
    log_odds[:, 1] += np.where(found[:, 1], 0.0, followed)


def _spread(uniform: F64) -> F64:
    """Return numbers in the same order, evenly spread, so that shares are met for every seed."""
    ranks = np.empty(uniform.size)
    ranks[np.argsort(uniform, kind="stable")] = np.arange(uniform.size)
    return (ranks + 0.5) / max(uniform.size, 1)


def _draw_life_style_weights(names: Sequence[str], roles: _Roles, rng: Generator) -> F64:
    """Give confounded proteins strong effects of life style, planted ones a part of them.

    They point in the direction in which the exposures do, so that leaving them out adds to the
    effect.
    """
    p = roles.sign.size
    planted = roles.planted.any(axis=1)
    partly = np.where(planted, rng.uniform(0.2, 0.5, p), 0.0)
    strength = np.where(roles.confounded, roles.strength, partly)
    draws = {
        "smoking": rng.uniform(0.55, 0.90, p),
        "bmi": rng.uniform(0.20, 0.35, p),
        "income": -rng.uniform(0.15, 0.30, p),
        "alcohol": -rng.uniform(0.00, 0.12, p),
        "education=age18": rng.uniform(0.00, 0.08, p),
        "education=age16": rng.uniform(0.05, 0.15, p),
        "education=none": rng.uniform(0.10, 0.30, p),
    }
    weights = np.zeros((p, len(names)))
    for name, draw in draws.items():
        weights[:, names.index(name)] = draw * strength * roles.sign
    weights[:, names.index("bmi")] += np.where(strength == 0.0, rng.normal(0.0, 0.03, p), 0.0)
    return weights


def _draw_nuisance_weights(covariates: Covariates, panel: I64, rng: Generator) -> F64:
    """Draw the effects that confound little: demography, ancestry, site, batch, time gap."""
    names = covariates.names
    sd = np.array([_nuisance_sd(name) for name in names])
    weights: F64 = rng.standard_normal((panel.size, len(names))) * sd
    for index, name in enumerate(covariates.study.panels):
        weights[panel != index, names.index(f"gap={name}")] = 0.0
    return weights


def _nuisance_sd(name: str) -> float:
    source = name.partition("=")[0]
    if source.startswith("PC"):
        return _COMPONENT_SD
    return _NUISANCE_SD.get(source, 0.0)


def _apply_named(
    named: Sequence[NamedProtein], names: Sequence[str], nuisance: F64, explained: F64
) -> None:
    for place, protein in enumerate(named):
        if protein.age is not None:
            nuisance[place, names.index("age")] = protein.age
        if protein.covariate_share is not None:
            explained[place] = protein.covariate_share


def _leak_between_exposures(moments: Moments, full: tuple[str, ...]) -> F64:
    """Return (2, 2): element i, j is what a unit effect of exposure i adds to j's estimate."""
    leak = np.eye(2)
    for j, (present, absent) in enumerate((EXPOSURES, EXPOSURES[::-1])):
        leak[1 - j, j] = moments.regress((absent,), on=(*full, present))[-1, 0]
    return leak


def _stretch(fixed: F64, nuisance: F64, covariance: F64, explained: F64) -> F64:
    """Return (p, 1) the factor c >= 0 with which fixed + c nuisance explains its share."""
    within = nuisance @ covariance
    a = np.einsum("pk,pk->p", within, nuisance)
    b = np.einsum("pk,pk->p", within, fixed)
    rest = np.maximum(explained - np.einsum("pk,pk->p", fixed @ covariance, fixed), 0.0)
    c: F64 = (np.sqrt(b**2 + a * rest) - b) / a
    return c[:, None]


def _expect_simple(covariates: Covariates, moments: Moments, weights: F64, joint: F64) -> F64:
    """Return (p, 2) the expected estimate with the simple set and one exposure alone."""
    expected = joint.copy()
    for j, (present, absent) in enumerate((EXPOSURES, EXPOSURES[::-1])):
        omitted = (*covariates.further, absent)
        carried = moments.regress(omitted, on=("intercept", *covariates.simple, present))[-1]
        expected[:, j] += weights[:, moments.places(omitted)] @ carried
    return expected


def _inform_simple(covariates: Covariates, moments: Moments, weights: F64, explained: F64) -> F64:
    """Return (p, 2) one over the standard error with the simple set, per root of a person.

    What the exposure and the simple set leave of a protein is what all leave, and what the other
    covariates add beyond them.
    """
    simple = ("intercept", *covariates.simple)
    covariance = moments.covariance()
    informed = np.empty((len(weights), 2))
    for j, exposure in enumerate(EXPOSURES):
        held = moments.places((*simple[1:], exposure))
        others = [i for i in range(1, len(moments.names)) if i not in set(held)]
        across = covariance[np.ix_(others, held)]
        within = np.linalg.pinv(covariance[np.ix_(held, held)], hermitian=True)
        beyond = covariance[np.ix_(others, others)] - across @ within @ across.T
        added = np.einsum("pi,ij,pj->p", weights[:, others], beyond, weights[:, others])
        left = 1 - explained + added
        informed[:, j] = np.sqrt(moments.residual_variance(exposure, on=simple) / left)
    return informed
