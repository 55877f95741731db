"""Estimators of a causal effect, one file each."""

from __future__ import annotations

from typing import Final

from proteomr.mr.methods.base import Convention, Estimate, conclude, refuse
from proteomr.mr.methods.block_method import BlockMethod
from proteomr.mr.methods.cause import Cause
from proteomr.mr.methods.component_gmm import ComponentGmm
from proteomr.mr.methods.conditional_tests import ConditionalTests
from proteomr.mr.methods.constrained_ml import ConstrainedMaximumLikelihood
from proteomr.mr.methods.contamination_mixture import ContaminationMixture
from proteomr.mr.methods.correlated_egger import CorrelatedEgger
from proteomr.mr.methods.correlated_ivw import CorrelatedIvw
from proteomr.mr.methods.correlated_maximum_likelihood import CorrelatedMaximumLikelihood
from proteomr.mr.methods.debiased_ivw import DebiasedIvw
from proteomr.mr.methods.egger import EggerBootstrap, EggerRegression
from proteomr.mr.methods.grip import Grip
from proteomr.mr.methods.gsmr import Gsmr
from proteomr.mr.methods.heterogeneity_penalised import HeterogeneityPenalised
from proteomr.mr.methods.ivw import (
    InverseVarianceWeighted,
    InverseVarianceWeightedFixed,
    InverseVarianceWeightedRandom,
)
from proteomr.mr.methods.lasso import Lasso
from proteomr.mr.methods.maximum_likelihood import MaximumLikelihood
from proteomr.mr.methods.median import PenalisedWeightedMedian, SimpleMedian, WeightedMedian
from proteomr.mr.methods.method import Method
from proteomr.mr.methods.mixture_spike import MixtureSpike
from proteomr.mr.methods.mode import (
    PenalisedMode,
    SimpleMode,
    SimpleModeNome,
    WeightedMode,
    WeightedModeNome,
)
from proteomr.mr.methods.overlap_ivw import OverlapIvw
from proteomr.mr.methods.penalised_ivw import PenalisedIvw
from proteomr.mr.methods.presso import Presso
from proteomr.mr.methods.radial import RadialEgger, RadialIvw
from proteomr.mr.methods.raps import RobustAdjustedProfileScore
from proteomr.mr.methods.rerandomised_ivw import RerandomisedIvw
from proteomr.mr.methods.sign import SignConcordance
from proteomr.mr.methods.unweighted import UnweightedRegression
from proteomr.mr.methods.wald import WaldRatio
from proteomr.status import Status

__all__ = [
    "METHOD_CLASSES",
    "BlockMethod",
    "Convention",
    "Estimate",
    "Method",
    "Status",
    "conclude",
    "refuse",
]

METHOD_CLASSES: Final[tuple[type[Method], ...]] = (
    WaldRatio,
    InverseVarianceWeighted,
    InverseVarianceWeightedFixed,
    InverseVarianceWeightedRandom,
    EggerRegression,
    EggerBootstrap,
    SimpleMedian,
    WeightedMedian,
    PenalisedWeightedMedian,
    SimpleMode,
    WeightedMode,
    PenalisedMode,
    SimpleModeNome,
    WeightedModeNome,
    SignConcordance,
    UnweightedRegression,
    MaximumLikelihood,
    RobustAdjustedProfileScore,
    Grip,
    RadialIvw,
    RadialEgger,
    DebiasedIvw,
    PenalisedIvw,
    ContaminationMixture,
    Lasso,
    ConstrainedMaximumLikelihood,
    Presso,
    HeterogeneityPenalised,
    MixtureSpike,
    RerandomisedIvw,
    OverlapIvw,
    CorrelatedIvw,
    CorrelatedEgger,
    CorrelatedMaximumLikelihood,
    ComponentGmm,
    ConditionalTests,
    Gsmr,
    Cause,
)
