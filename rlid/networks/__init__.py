"""Policy networks and classifiers as functions of one flat weight vector theta.

A name stands for an architecture, of the grammar or a registered torch module; a network is an
architecture with its inputs and outputs. One call evaluates many weight vectors, each on its own
observations.
"""

from rlid.networks.alignment import ceiling as ceiling
from rlid.networks.blocks import Blocks as Blocks
from rlid.networks.chain import Chain as Chain
from rlid.networks.families import BUILT_IN as BUILT_IN
from rlid.networks.families import NETWORKS as NETWORKS
from rlid.networks.families import OPTIONS as OPTIONS
from rlid.networks.grammar import Architecture as Architecture
from rlid.networks.grammar import parse as parse
from rlid.networks.module_checks import check_parameters as check_parameters
from rlid.networks.module_network import ModuleNetwork as ModuleNetwork
from rlid.networks.module_network import make as make
from rlid.networks.network import Network as Network
from rlid.networks.network import Parts as Parts
from rlid.networks.network import Prepared as Prepared
from rlid.networks.plain import to_torch as to_torch
from rlid.networks.references import kept_tensors as kept_tensors

__all__ = [
    "BUILT_IN",
    "NETWORKS",
    "OPTIONS",
    "Architecture",
    "Blocks",
    "Chain",
    "ModuleNetwork",
    "Network",
    "Parts",
    "Prepared",
    "ceiling",
    "check_parameters",
    "kept_tensors",
    "make",
    "parse",
    "to_torch",
]
