"""The table of goals: each row measured against its yardstick in the same run.

The rows of the whole scan and of its growth are read from what ``benchmarks.run`` and
``benchmarks.growth`` keep, see :mod:`benchmarks.rows.kept`; all others are measured here.
"""

from benchmarks.rows.commands import Munging, QualityControl
from benchmarks.rows.floors import Floors
from benchmarks.rows.groups import Groups
from benchmarks.rows.hazards import Hazards
from benchmarks.rows.instruments import Instruments
from benchmarks.rows.levels import Levels
from benchmarks.rows.mendelian import ManyOutcomes, RobustMethods
from benchmarks.rows.mixed import MixedModels
from benchmarks.rows.phenome import Phenome
from benchmarks.rows.pooled import PooledEffects
from benchmarks.rows.ranks import Ranks
from benchmarks.rows.regions import Regions
from benchmarks.rows.regressions import Regressions
from benchmarks.rows.replication import Halves
from benchmarks.rows.row import Matter, Row

__all__ = ["MATTERS", "ROWS"]

MATTERS: tuple[Matter, ...] = (
    Floors(),
    Ranks(),
    Regressions("linear"),
    Regressions("logistic"),
    Groups(),
    Phenome(),
    Instruments(),
    MixedModels(),
    Hazards(),
    PooledEffects(),
    Halves(),
    Levels(),
    ManyOutcomes(),
    RobustMethods(),
    Regions(),
    QualityControl(),
    Munging(),
)
ROWS: tuple[Row, ...] = tuple(row for matter in MATTERS for row in matter.rows)
