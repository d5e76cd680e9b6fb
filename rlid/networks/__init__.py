"""Policy networks and classifiers as functions of one flat weight vector theta."""

from rlid.networks.blocks import Blocks as Blocks
from rlid.networks.grammar import GRAMMAR as GRAMMAR
from rlid.networks.grammar import Architecture as Architecture
from rlid.networks.grammar import parse as parse
from rlid.networks.network import Network as Network

__all__ = ["GRAMMAR", "Architecture", "Blocks", "Network", "parse"]
