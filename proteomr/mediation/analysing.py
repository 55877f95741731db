"""Which analysis a method is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from proteomr.mediation.specification import MediationSpec
from proteomr.stats.mediation import Analysis, Trio
from proteomr.stats.mediation_effects import Contrast
from proteomr.stats.mediation_hazards import analyse_percentage
from proteomr.stats.mediation_product import ProductOptions, analyse_product
from proteomr.stats.mediation_regressions import Unfit
from proteomr.stats.mediation_weighting import HazardModel, analyse_counterfactual
from proteomr.status import Status

__all__ = ["Setting", "analyse_trio"]


@dataclass(frozen=True, slots=True)
class Setting:
    """What is asked of a pair: the specification, and the exposures that are compared."""

    spec: MediationSpec
    contrast: Contrast


def analyse_trio(trio: Trio, setting: Setting) -> Analysis:
    """Return what the method makes of an exposure, a protein and an outcome.

    Raises
    ------
    Unfit
        A model has no estimate.
    """
    spec, clusters = setting.spec, trio.clusters
    if clusters is not None and np.all(clusters == clusters[:1]):
        raise Unfit(Status.too_few, "all people are of one cluster")
    if spec.family in {"linear", "logit", "probit"}:
        options = ProductOptions(
            spec.family, interaction=spec.interaction, four_way=spec.method == "four-way"
        )
        return analyse_product(trio, _hold_mediator(trio, setting), options)
    if spec.method == "perm":
        return analyse_percentage(trio, setting.contrast)
    hazard: HazardModel = "cox" if spec.family == "cox" else "aalen"
    # samples of people weigh them anew: errors and p values beside them must as well
    known = spec.bootstrap is None
    return analyse_counterfactual(trio, setting.contrast, hazard=hazard, as_published=known)


def _hold_mediator(trio: Trio, setting: Setting) -> Contrast:
    """Return the contrast with the value at which the mediator is held, by default its mean."""
    at = setting.spec.mediator_at
    held = float(trio.average(trio.mediator[:, None])[0]) if at is None else at
    return replace(setting.contrast, mediator=held)
