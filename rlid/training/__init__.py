"""One trial, from its spec to its record.

`loop` is the main loop: the agent asks, its candidates are looked at and confirmed (`validation`,
by the rule in `stopping`), and the best policy is scored (`scoring`). `cell` runs trials side by
side, and journals and checkpoints let a killed trial resume.
"""

from rlid.training.cell import run_trials as run_trials
from rlid.training.checkpoint import Checkpoints as Checkpoints
from rlid.training.journal import Journals as Journals
from rlid.training.seeds import draw_seeds as draw_seeds
from rlid.training.seeds import role_generator as role_generator
from rlid.training.stopping import CONFIRMATION as CONFIRMATION
from rlid.training.stopping import FIRST_EDITION_LOOK as FIRST_EDITION_LOOK
from rlid.training.stopping import LOOK as LOOK
from rlid.training.stopping import standard_error as standard_error
from rlid.training.tensorboard import check_tensorboard as check_tensorboard
from rlid.training.timing import Timing as Timing
from rlid.training.timing import time_trials as time_trials

__all__ = [
    "CONFIRMATION",
    "FIRST_EDITION_LOOK",
    "LOOK",
    "Checkpoints",
    "Journals",
    "Timing",
    "check_tensorboard",
    "draw_seeds",
    "role_generator",
    "run_trials",
    "standard_error",
    "time_trials",
]
