"""Training in bfloat16: where the processor computes in it, and for which networks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

import torch

from rlid.networks import Network

Precision = Literal["float32", "bfloat16"]
INSTRUCTIONS = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")
"""What torch calls the instructions for products in bfloat16: two of Intel and AMD, two of ARM."""


@cache
def computes_bfloat16() -> bool:
    """Return whether this processor multiplies in bfloat16.

    Without such instructions bfloat16 is slower than float32, for every product is converted first.
    False also where torch is too old to tell.
    """
    capabilities: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(name, False) for name in INSTRUCTIONS)


def used_precision(network: Network, precision: Precision) -> Precision:
    """Return the precision in which a network's hidden layers, or all of a module, are trained.

    It is bfloat16 where that is asked for, the processor has it and the network is not dense.
    """
    is_half = precision == "bfloat16" and not network.is_dense and computes_bfloat16()
    return "bfloat16" if is_half else "float32"
