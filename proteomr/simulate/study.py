"""The published numbers of a study that a simulated cohort resembles, and its named proteins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from numpy.random import Generator, SeedSequence, default_rng

from proteomr.errors import UsageError, nearest
from proteomr.simulate.published import (
    SHEN2025_CAUSES,
    SHEN2025_OUTCOMES,
    SHEN2025_PHENOME,
    Causes,
    Outcome,
    Phenome,
)

__all__ = [
    "EXPOSURES",
    "SHEN2025",
    "SHEN2025_COUNTS",
    "STUDIES",
    "Basis",
    "Modules",
    "NamedProtein",
    "Planting",
    "Study",
    "apportion",
    "find_study",
    "random_stream",
]

Basis = Literal["published", "chosen", "positive control"]

EXPOSURES = ("isolation", "loneliness")
_PANEL_STEMS = ("Cardiometabolic", "Inflammation", "Neurology", "Oncology")


@dataclass(frozen=True, slots=True)
class NamedProtein:
    """A protein whose part in the simulation is fixed by name.

    Parameters
    ----------
    name : gene symbol.
    isolation, loneliness : odds ratio of the exposure per SD of the protein, all covariates in the
        model; 1 plants nothing.
    covariate_share : share of the protein's variance that covariates and exposures explain; drawn
        when None.
    confounded : whether the life-style covariates act on it strongly.
    age : SD of the protein per SD of age before scaling to `covariate_share`; drawn when None.
    mortality : hazard ratio of death per SD of the protein.
    disease, early_disease : hazard ratio of the disease among the living per SD of the protein,
        and what it is multiplied with in the first five years.
    published : exposures whose odds ratio is the study's own.
    control : whether the effect is a positive control, larger than any in the study.
    """

    name: str
    isolation: float = 1.0
    loneliness: float = 1.0
    covariate_share: float | None = None
    confounded: bool = False
    age: float | None = None
    mortality: float = 1.0
    disease: float = 1.0
    early_disease: float = 1.0
    published: tuple[str, ...] = ()
    control: bool = False

    def basis(self, exposure: str, /) -> Basis:
        """Say where the odds ratio for an exposure comes from.

        Examples
        --------
        >>> SHEN2025.named[0].basis("isolation"), SHEN2025.named[0].basis("loneliness")
        ('published', 'chosen')
        """
        if exposure in self.published:
            return "published"
        planted = self.isolation if exposure == "isolation" else self.loneliness
        return "positive control" if self.control and planted != 1.0 else "chosen"


@dataclass(frozen=True, slots=True)
class Planting:
    """How many of the proteins without a name move with the exposures, and how much.

    Parameters
    ----------
    planted : share that moves with isolation, all covariates in the model.
    confounded : share that life style alone moves.
    lonely_among_planted, lonely_only : shares of those, and of the others, that move with
        loneliness.
    isolation_effects, lonely_effects : least and largest log odds ratio per SD.
    positive : share of the effects that are positive.
    weakest : strength of the weakest confounding, of the strongest.
    weak_power : power of the ranks of confounded proteins that gives their strength between: the
        larger, the more are weak.
    weak_effects : SD of the log odds ratios per SD of isolation and loneliness that the other
        proteins have: too weak to be found one by one, and seen where all are held against each
        other; 0 for none.
    weak_mean : mean of those of isolation.
    lonely_follows : what a log odds ratio of isolation adds to the weak one of loneliness.
    even : whether the shares are met for every seed, or on average.
    """

    planted: float = 0.055
    confounded: float = 0.255
    lonely_among_planted: float = 0.14
    lonely_only: float = 0.001
    isolation_effects: tuple[float, float] = (0.085, 0.15)
    lonely_effects: tuple[float, float] = (0.10, 0.15)
    positive: float = 0.97
    weakest: float = 1.0
    weak_power: float = 1.0
    weak_effects: tuple[float, float] = (0.0, 0.0)
    weak_mean: float = 0.0
    lonely_follows: float = 0.0
    even: bool = False


@dataclass(frozen=True, slots=True)
class Modules:
    """Modules that all proteins belong to, and how effects of the exposures gather in them.

    Parameters
    ----------
    shares : of the proteins, module by module; their sum is 1.
    both : how many modules, the first ones, have the proteins that move most with both exposures.
    isolation : how many modules after those have the ones that move with isolation alone.
    strays : SD of an error of log odds ratios by which proteins stray from these modules.
    fewest : proteins of a module where a cohort has enough of them: no share gives fewer.
    loading : mean and SD of the loadings on the factor of a module.
    everywhere, panel : what loadings on the factors of all proteins, and of panels, are multiplied
        with beside it.
    largest_share : of the variance that covariates leave, which factors may have.
    """

    shares: tuple[float, ...]
    both: int
    isolation: int
    strays: float = 0.02
    fewest: int = 6
    loading: tuple[float, float] = (0.66, 0.06)
    everywhere: float = 0.55
    panel: float = 0.3
    largest_share: float = 0.8


@dataclass(frozen=True, slots=True)
class Study:
    """Size, cells and shares of a study; counts refer to `people`.

    Parameters
    ----------
    name, reference : the key and the citation.
    people, proteins : size of the study.
    cells : people with neither exposure, isolation only, loneliness only, both.
    deaths : people who died within the follow-up.
    women : count of women.
    ethnicity, education : counts of each level.
    smokers, drinkers, low_income : counts.
    sites, batches : number of levels.
    follow_up_years : shortest and longest administrative follow-up.
    panels : names of the panels.
    named : the proteins known by name, first in every simulated file.
    planting : how many of the others move with the exposures.
    modules : of the proteins; None for weak ones without a part in the effects.
    outcomes : of the follow-up, with the part that proteins have in each; the first is death.
    phenome : markers and volumes that some proteins act on; None for none.
    causes : what summary statistics are drawn from; None for the default.
    """

    name: str
    reference: str
    people: int
    proteins: int
    cells: tuple[int, int, int, int]
    deaths: int
    women: int
    ethnicity: Mapping[str, int]
    education: Mapping[str, int]
    smokers: int
    drinkers: int
    low_income: int
    sites: int
    batches: int
    follow_up_years: tuple[float, float]
    panels: tuple[str, ...]
    named: tuple[NamedProtein, ...] = field(repr=False)
    planting: Planting = Planting()
    modules: Modules | None = None
    outcomes: tuple[Outcome, ...] = ()
    phenome: Phenome | None = None
    causes: Causes | None = None

    def scale(self, count: int, *, people: int) -> int:
        """Return a count of the study scaled to another number of people, rounded to the nearest.

        Examples
        --------
        >>> SHEN2025.scale(4255, people=1000)
        101
        """
        return (2 * count * people + self.people) // (2 * self.people)


def _positive_controls() -> tuple[NamedProtein, ...]:
    return (
        NamedProtein("P0001", isolation=1.60, covariate_share=0.2, control=True),
        NamedProtein("P0002", isolation=0.62, covariate_share=0.2, control=True),
        NamedProtein("P0003", loneliness=1.75, covariate_share=0.2, control=True),
        NamedProtein("P0004", isolation=1.50, loneliness=1.70, covariate_share=0.2, control=True),
    )


def _named_proteins() -> tuple[NamedProtein, ...]:
    """List the named proteins; the intervals of the published three give their `covariate_share`.

    The standard error of a log odds ratio per SD is near 1 / sqrt(n p (1 - p) v), v the variance of
    the protein left by the covariates: the published interval, n and p give v.
    """
    both = EXPOSURES
    planted = (
        NamedProtein("GDF15", 1.22, 1.14, 0.34, age=0.55, mortality=1.35, published=both[:1]),
        NamedProtein("CXCL14", 0.84, 0.91, 0.335, disease=0.85, published=both[:1]),
        NamedProtein("PCSK9", 1.00, 1.15, 0.18, published=both[1:]),
        NamedProtein("ADM", 1.14, 1.13, 0.36, age=0.35, mortality=1.30, disease=1.25),
        NamedProtein("ASGR1", 1.13, 1.13, 0.20),
        NamedProtein("GFRA1", 1.13, 1.14, 0.22),
        NamedProtein("FABP4", 1.13, 1.14, 0.40, mortality=1.05, disease=1.30),
        NamedProtein("TNFRSF10A", 1.15, 1.13, 0.25, mortality=1.10),
        NamedProtein("IL6", 1.13, 1.08, 0.20, mortality=1.12, early_disease=1.60),
        NamedProtein("ICAM1", 1.11, 1.00, 0.22),
        NamedProtein("CD4", 1.12, 1.00, 0.18),
        NamedProtein("TNFRSF10B", 1.14, 1.09, 0.28, age=0.40, mortality=1.10),
        NamedProtein("TNFRSF11A", 1.12, 1.00, 0.24),
        NamedProtein("HAO1", 1.12, 1.00, 0.18),
        NamedProtein("PLAUR", 1.15, 1.10, 0.28, mortality=1.15),
    )
    confounded = ("MMP12", "VSIG2", "HAVCR1", "PRSS8", "REN", "ACVRL1")
    decoys = (NamedProtein("NEFL", age=0.60, mortality=1.12), NamedProtein("FGFR2"))
    return (
        *planted,
        *(NamedProtein(name, confounded=True) for name in confounded),
        *decoys,
        *_positive_controls(),
    )


SHEN2025 = Study(
    name="shen2025",
    reference="Shen et al. 2025, Nature Human Behaviour 9:569, doi:10.1038/s41562-024-02078-1",
    people=42_062,
    proteins=2_920,
    cells=(36_100, 3_273, 2_057, 632),
    deaths=4_255,
    women=21_986,
    ethnicity={"white": 38_274, "asian": 1_718, "black": 1_503, "other": 379, "mixed": 188},
    education={"college": 14_816, "age18": 14_083, "age16": 6_863, "none": 6_300},
    smokers=4_450,
    drinkers=18_868,
    low_income=20_728,
    sites=22,
    batches=8,
    follow_up_years=(12.17, 16.20),
    panels=tuple(f"{stem}{suffix}" for stem in _PANEL_STEMS for suffix in ("", "_II")),
    named=_named_proteins(),
)

# The same people, with effects so that tests at 42,062 x 2,920 are expected to find what the paper
# found. With seed 2025 these are 772 and 521 proteins of isolation and loneliness with the simple
# set (the paper 776 and 519; other seeds up to 824 and 528), 173 and 27 with the full one (175 and
# 26), 179 of either (179), 21 of both (22), 5 and 1 that are lower (4 and 1); correlations of
# effects of 0.56 of one exposure with the other (0.54), 0.62 and 0.34 of halves of the people (0.56
# and 0.35). Positive controls, larger than any effect of the paper, would be hits and outliers:
# there are none. Of the 13 modules 4.0 are expected to go with isolation and 2.9 with loneliness
# (4 and 3); the paper does not say how large its modules are, so that sizes and loadings are chosen
# for netboost to find them.
SHEN2025_COUNTS = replace(
    SHEN2025,
    name="shen2025-counts",
    named=tuple(
        replace(protein, mortality=1.0)  # see outcomes
        for protein in SHEN2025.named
        if not protein.control
    ),
    planting=Planting(
        planted=0.060,
        confounded=0.323,
        lonely_among_planted=0.074,
        isolation_effects=(0.10, 0.14),
        lonely_effects=(0.10, 0.18),
        positive=0.98,
        weakest=0.20,
        weak_power=5.15,
        weak_effects=(0.020, 0.009),
        weak_mean=0.005,
        lonely_follows=0.51,
        even=True,
    ),
    modules=Modules(
        shares=(
            0.013,
            0.013,
            0.013,
            0.023,
            0.156,
            0.13,
            0.12,
            0.11,
            0.10,
            0.096,
            0.086,
            0.075,
            0.065,
        ),
        both=3,
        isolation=1,
    ),
    outcomes=SHEN2025_OUTCOMES,
    phenome=SHEN2025_PHENOME,
    causes=SHEN2025_CAUSES,
)

STUDIES = (SHEN2025, SHEN2025_COUNTS)


def find_study(name: str, /) -> Study:
    """Return the study of a given key.

    Raises
    ------
    UsageError
        When there is none of that name.

    Examples
    --------
    >>> find_study("shen2025").people
    42062
    """
    studies = {study.name: study for study in STUDIES}
    if name not in studies:
        hint = nearest(name, studies)
        raise UsageError(f"no study called {name!r} to simulate{hint}; known: {', '.join(studies)}")
    return studies[name]


def apportion(counts: Sequence[int], total: int, /) -> tuple[int, ...]:
    """Divide a total in the proportions of some counts, by the largest remainder.

    Ties of the remainder go to the earlier share. Where the counts add up to the total they come
    back as they are.

    Parameters
    ----------
    counts : proportions; not negative, not all zero.
    total : what is divided; not negative.

    Raises
    ------
    UsageError
        For counts or a total out of range.

    Examples
    --------
    >>> apportion((36100, 3273, 2057, 632), 100)
    (86, 8, 5, 1)
    """
    whole = sum(counts)
    if whole <= 0 or min(counts) < 0 or total < 0:
        raise UsageError(f"cannot divide {total} in the proportions {tuple(counts)}")
    shares = [divmod(count * total, whole) for count in counts]
    short = total - sum(floor for floor, _ in shares)
    order = sorted(range(len(shares)), key=lambda place: -shares[place][1])
    rounded_up = set(order[:short])
    return tuple(floor + (place in rounded_up) for place, (floor, _) in enumerate(shares))


def random_stream(seed: int, /, *key: int) -> Generator:
    """Return the generator of one unit of work: a child of the seed, reached by its index alone.

    Examples
    --------
    >>> random_stream(1, 4, 0).integers(100) == random_stream(1, 4, 0).integers(100)
    np.True_
    """
    return default_rng(SeedSequence(seed, spawn_key=key))
