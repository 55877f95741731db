"""A whole study from one file: stages that are commands, in the order of what they read."""

from __future__ import annotations

from proteomr.study.account import StudyResults
from proteomr.study.beginning import write_beginning
from proteomr.study.calls import (
    Opened,
    Progress,
    Runner,
    StageCall,
    StageCost,
    StageEnd,
    StageReport,
)
from proteomr.study.choosing import Chosen, choose
from proteomr.study.colocalised_hits import ColocalisedMrJob, colocalise_hits
from proteomr.study.execution import Execution
from proteomr.study.kept_figures import draw_kept_figure, read_kept_figures
from proteomr.study.locking import InputLock, name_lock, open_lock
from proteomr.study.order import list_after, order_stages
from proteomr.study.running import plan_study, run_study
from proteomr.study.shipped import list_studies, read_shipped_study
from proteomr.study.study import From, Stage, Study, parse_study, read_study_file, read_study_text

__all__ = [
    "Chosen",
    "ColocalisedMrJob",
    "Execution",
    "From",
    "InputLock",
    "Opened",
    "Progress",
    "Runner",
    "Stage",
    "StageCall",
    "StageCost",
    "StageEnd",
    "StageReport",
    "Study",
    "StudyResults",
    "choose",
    "colocalise_hits",
    "draw_kept_figure",
    "list_after",
    "list_studies",
    "name_lock",
    "open_lock",
    "order_stages",
    "parse_study",
    "plan_study",
    "read_kept_figures",
    "read_shipped_study",
    "read_study_file",
    "read_study_text",
    "run_study",
    "write_beginning",
]
