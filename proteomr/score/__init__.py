"""Scores of many proteins that predict an outcome or age, and how well they do in others."""

from proteomr.score.applying import ApplyScoreJob
from proteomr.score.calling import apply_score, make_apply_request, make_score_request, score
from proteomr.score.job import ScoreJob
from proteomr.score.options import ScoreOptions
from proteomr.score.outputs import merge_shards
from proteomr.score.request import ApplyScoreRequest, ScoreRequest

__all__ = [
    "ApplyScoreJob",
    "ApplyScoreRequest",
    "ScoreJob",
    "ScoreOptions",
    "ScoreRequest",
    "apply_score",
    "make_apply_request",
    "make_score_request",
    "merge_shards",
    "score",
]
