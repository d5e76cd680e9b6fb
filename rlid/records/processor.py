"""Which instructions of the processor the libraries use: the rounding of sums depends on them."""

from __future__ import annotations

import os
from functools import cache

OVERRIDES = (
    "ATEN_CPU_CAPABILITY",
    "NPY_DISABLE_CPU_FEATURES",
    "NPY_ENABLE_CPU_FEATURES",
    "ONEDNN_MAX_CPU_ISA",
    "DNNL_MAX_CPU_ISA",
    "MKL_ENABLE_INSTRUCTIONS",
    "MKL_CBWR",
    "OPENBLAS_CORETYPE",
)
"""Environment variables by which a user limits these instructions."""
GPU = "gpu"
"""The name of the entry for the GPU among the versions of a record."""
PREFIX = "cpu "
"""How the names of these entries begin among the versions of a record."""


def overrides() -> dict[str, str]:
    """Return the variables of OVERRIDES that are set, with their values."""
    return {name: os.environ[name] for name in OVERRIDES if os.environ.get(name)}


def card(device: str) -> dict[str, str]:
    """Return the name of the GPU that a trial on `device` trains on; nothing for the processor."""
    if device == "cpu":
        return {}
    import torch

    return {GPU: ascii(torch.cuda.get_device_name(device))[1:-1][:200]}


@cache
def capability() -> dict[str, str]:
    """Return the instructions that torch, numpy and oneDNN use here, by names with PREFIX.

    oneDNN and MKL do not say what they chose: what the user set for them is recorded, and it is
    their own choice for this processor where nothing is set.
    """
    import numpy as np
    import torch

    simd = np.show_config(mode="dicts")["SIMD Extensions"]
    chosen = {
        f"{PREFIX}torch": torch.backends.cpu.get_cpu_capability(),
        f"{PREFIX}numpy": " ".join(simd.get("found") or ["baseline"])[:200],
    }
    limits = overrides()
    for library, names in (("onednn", ("ONEDNN", "DNNL")), ("mkl", ("MKL",))):
        values = [value for name, value in limits.items() if name.startswith(names)]
        chosen[f"{PREFIX}{library}"] = (
            ascii(" ".join(values))[1:-1][:200] if values else "own choice"
        )
    return chosen
