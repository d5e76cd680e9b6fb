"""Where trials run: local processes or a Ray cluster, behind one protocol.

An agenda hands out cells and retries them after a crash, and a worker runs one cell in a process of
its own. The loss of any worker at any instant costs no other trial.
"""

from rlid.engine.agenda import Agenda as Agenda
from rlid.engine.agenda import Cell as Cell
from rlid.engine.engines import ENGINES as ENGINES
from rlid.engine.engines import Engine as Engine
from rlid.engine.engines import Place as Place
from rlid.engine.engines import make_engine as make_engine
from rlid.engine.local import LocalEngine as LocalEngine
from rlid.engine.timing import time_cell as time_cell
from rlid.engine.worker import probe as probe
from rlid.engine.worker import random_scores as random_scores
from rlid.engine.worker import split as split

__all__ = [
    "Agenda",
    "Cell",
    "ENGINES",
    "Engine",
    "LocalEngine",
    "Place",
    "make_engine",
    "probe",
    "random_scores",
    "split",
    "time_cell",
]
