"""Quality control of measurements: policies, assessment, corrections, imputation."""

from proteomr.qc.assess import Assessment, apply, assess
from proteomr.qc.bridging import Bridged, bridge, judge_assay
from proteomr.qc.components import ProteinComponents, find_protein_components
from proteomr.qc.corrections import Correction, CorrectionMethod, centre_groups, correct
from proteomr.qc.detection import find_limits_of_controls, read_limits, set_limits
from proteomr.qc.exclusions import count_exclusions, list_idle_rules, list_rules
from proteomr.qc.imputation import R_SPLITS_ABOVE, Imputation, impute
from proteomr.qc.job import QcJob, describe_rules, qc, read_assessment
from proteomr.qc.masking import Masking, mask
from proteomr.qc.placement import Factor, Placement, place_samples
from proteomr.qc.policy import DEFAULT_POLICY, Policy, load_policy, policy_names
from proteomr.qc.request import QcRequest
from proteomr.qc.run import Cleaned, clean

__all__ = [
    "DEFAULT_POLICY",
    "R_SPLITS_ABOVE",
    "Assessment",
    "Bridged",
    "Cleaned",
    "Correction",
    "CorrectionMethod",
    "Factor",
    "Imputation",
    "Masking",
    "Placement",
    "Policy",
    "ProteinComponents",
    "QcJob",
    "QcRequest",
    "apply",
    "assess",
    "bridge",
    "centre_groups",
    "clean",
    "correct",
    "count_exclusions",
    "describe_rules",
    "find_limits_of_controls",
    "find_protein_components",
    "impute",
    "judge_assay",
    "list_idle_rules",
    "list_rules",
    "load_policy",
    "mask",
    "place_samples",
    "policy_names",
    "qc",
    "read_assessment",
    "read_limits",
    "set_limits",
]
