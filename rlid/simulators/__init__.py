"""Many episodes of one environment at once, behind one protocol.

The protocol is `rlid.world.Simulator`; each module steps the environments of one library.
What an environment cannot do faithfully is refused here, before any training.
"""

from rlid.simulators.actions import Decode as Decode
from rlid.simulators.actions import decoder as decoder
from rlid.simulators.actions import is_bounded as is_bounded
from rlid.simulators.actions import kind_of as kind_of
from rlid.simulators.actions import sample as sample
from rlid.simulators.frozen_statistics import hidden_state as hidden_state
from rlid.simulators.gymnasium_envs import make_env as make_env
from rlid.simulators.images import show_images as show_images
from rlid.simulators.independence import check_independence as check_independence
from rlid.simulators.independence import dependence as dependence
from rlid.simulators.independence import tell_of_dependence as tell_of_dependence
from rlid.simulators.make import closing as closing
from rlid.simulators.make import make_network as make_network
from rlid.simulators.make import make_training_world as make_training_world
from rlid.simulators.make import make_world as make_world
from rlid.simulators.make import most_envs as most_envs
from rlid.simulators.time_limit import within as within

__all__ = [
    "Decode",
    "check_independence",
    "closing",
    "decoder",
    "dependence",
    "hidden_state",
    "is_bounded",
    "kind_of",
    "make_env",
    "make_network",
    "make_training_world",
    "make_world",
    "most_envs",
    "sample",
    "show_images",
    "tell_of_dependence",
    "within",
]
