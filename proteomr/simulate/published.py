"""What the follow-up, the phenome and the causes of a published study are like, for its people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

__all__ = [
    "SHEN2025_CAUSES",
    "SHEN2025_OUTCOMES",
    "SHEN2025_PHENOME",
    "Causes",
    "Outcome",
    "Phenome",
]


@dataclass(frozen=True, slots=True)
class Outcome:
    """An outcome of the follow-up; the mediator's own part is solved from what is known of it.

    Parameters
    ----------
    name : of its columns, ``NAME`` and ``NAME_years``.
    events : people who had it, of the study's.
    linked : share of the planted proteins whose test is expected to pass Bonferroni's limit.
    loneliness : hazard ratio of loneliness, all covariates given and no protein.
    isolation : what isolation multiplies the hazard with beyond its proteins.
    mediated : share of the excess hazard of loneliness that goes with adjustment for the mediator,
        ``(HR0 - HR1) / (HR0 - 1)``; or
    mediator_ratio : hazard ratio per SD of the mediator, covariates and exposures given.
    per_year, sex, smoking : log hazard ratio of a year of age, and hazard ratios.
    """

    name: str
    events: int
    linked: float
    loneliness: float
    isolation: float = 1.15
    mediated: float | None = None
    mediator_ratio: float | None = None
    per_year: float = 0.08
    sex: float = 1.3
    smoking: float = 1.5


@dataclass(frozen=True, slots=True)
class Phenome:
    """Blood markers and brain volumes that some proteins go with.

    Parameters
    ----------
    proteins : that act.
    markers, volumes : how many, the marker of known statistics among them.
    people : with a value of that marker, of the study's; ``others`` of the other markers and
        ``imaged`` of the volumes.
    marker : its name.
    statistics : least and largest t of the proteins on it.
    """

    proteins: tuple[str, ...]
    markers: int
    volumes: int
    people: int
    others: int
    imaged: int
    marker: str
    statistics: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Causes:
    """What summary statistics of a yes or no exposure and of proteins are drawn from.

    Parameters
    ----------
    effects : SD of a protein per unit of log odds of the exposure.
    instruments, strength : variants of the exposure, and their mean F.
    people, outcome_people : sizes of the studies of the exposure and of the proteins.
    case_share : of people with the exposure.
    """

    effects: Mapping[str, float]
    instruments: int
    strength: float
    people: int
    outcome_people: int
    case_share: float


# Published: events; the shares of tests with mortality and dementia; "more than half" for type 2
# diabetes, cardiovascular disease and stroke; the hazard ratio of ADM and mortality; the mediated
# shares of ADM; that loneliness does not go with type 2 diabetes. The hazard ratios of loneliness
# are chosen so that ADM's indirect effects are those published as differences of hazards (events
# per year times log ratio); with the 0.7 % of depression, itself a difference of rounded means,
# none does, so that its share is 1.2 %. All others are chosen.
SHEN2025_OUTCOMES: Final = (
    Outcome(
        "mortality", 4_255, 0.902, 1.28, mediated=0.163, mediator_ratio=1.58, per_year=0.09,
        smoking=1.9,
    ),
    Outcome("cvd", 2_695, 0.58, 1.30, mediated=0.083, smoking=1.6, sex=1.8),
    Outcome("dementia", 892, 0.066, 1.61, mediated=0.044, per_year=0.15, smoking=1.1, sex=1.1),
    Outcome("t2d", 1_703, 0.60, 1.0, isolation=1.0, mediator_ratio=1.40, per_year=0.03),
    Outcome("depression", 1_521, 0.25, 2.2, mediated=0.012, per_year=0.0, sex=0.6),
    Outcome("stroke", 983, 0.53, 1.335, mediated=0.078, per_year=0.09),
)  # fmt: skip

# Published: the counts of markers and volumes, the people, the range of t of C-reactive protein.
SHEN2025_PHENOME: Final = Phenome(
    proteins=("GFRA1", "ADM", "FABP4", "TNFRSF10A", "ASGR1"),
    markers=229,
    volumes=84,
    people=40_818,
    others=28_501,
    imaged=5_027,
    marker="crp",
    statistics=(13.2, 32.8),
)

# Published: effects and sizes; the strength is chosen so that eight variants or so have p < 1e-6,
# and that their inverse-variance weighted error is near the published 0.046.
SHEN2025_CAUSES: Final = Causes(
    effects={
        "GFRA1": 0.17,
        "ADM": 0.17,
        "FABP4": 0.15,
        "TNFRSF10A": 0.14,
        "ASGR1": 0.14,
        "IL6": 0.0,
        "ICAM1": 0.0,
        "CD4": 0.0,
        "PLAUR": 0.0,
        "HAO1": 0.0,
    },
    instruments=15,
    strength=28.0,
    people=288_696,
    outcome_people=35_000,
    case_share=0.064,
)
