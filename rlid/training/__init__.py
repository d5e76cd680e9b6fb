"""One trial, from its spec to its record.

`loop` is the training loop: the agent asks, candidates are validated, and the trial decides when
to stop. `trial` runs one spec, and journals and checkpoints let a killed trial resume.
"""

from rlid.training.checkpoint import Checkpoints as Checkpoints
from rlid.training.course import draw_seeds as draw_seeds
from rlid.training.course import role_generator as role_generator
from rlid.training.course import standard_error as standard_error
from rlid.training.journal import Journals as Journals
from rlid.training.tensorboard import check_tensorboard as check_tensorboard
from rlid.training.trial import run_trials as run_trials

__all__ = [
    "Checkpoints",
    "Journals",
    "check_tensorboard",
    "draw_seeds",
    "role_generator",
    "run_trials",
    "standard_error",
]
