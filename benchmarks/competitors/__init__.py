"""The competitors, one file each; the order is that of the tables."""

from benchmarks.competitors.numpy_loop import NumpyLoop
from benchmarks.competitors.proteomr_scan import ProteomrScan
from benchmarks.competitors.pyfixest_ols import PyfixestOls
from benchmarks.competitors.r_glm import RGlm
from benchmarks.competitors.r_glm_fit import RGlmFit
from benchmarks.competitors.r_limma import RLimma
from benchmarks.competitors.r_lm import RLm
from benchmarks.competitors.statsmodels_logit import StatsmodelsLogit
from benchmarks.competitors.statsmodels_ols import StatsmodelsOls
from benchmarks.interfaces import Competitor

COMPETITORS: tuple[Competitor, ...] = (
    ProteomrScan("logistic"),
    NumpyLoop("logistic"),
    StatsmodelsLogit(),
    RGlmFit(),
    RGlm(),
    ProteomrScan("linear"),
    NumpyLoop("linear"),
    StatsmodelsOls(),
    PyfixestOls(),
    RLimma(),
    RLm(),
)

__all__ = ["COMPETITORS"]
