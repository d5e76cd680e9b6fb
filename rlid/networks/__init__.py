"""Policy networks and classifiers as functions of one flat weight vector theta.

A name of the grammar stands for an architecture; a network is an architecture with its inputs and
outputs. One call evaluates many weight vectors, each on its own observations.
"""

from rlid.networks.blocks import Blocks as Blocks
from rlid.networks.grammar import GRAMMAR as GRAMMAR
from rlid.networks.grammar import Architecture as Architecture
from rlid.networks.grammar import parse as parse
from rlid.networks.network import Network as Network
from rlid.networks.network import Parts as Parts
from rlid.networks.plain import to_torch as to_torch

__all__ = ["GRAMMAR", "Architecture", "Blocks", "Network", "Parts", "parse", "to_torch"]
