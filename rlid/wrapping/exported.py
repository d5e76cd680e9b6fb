"""What `SubspaceModule.export` gave, when it comes back: checked before z is taken from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from rlid.errors import InputError, brief, named_line

COMPARED = ("projection", "projection_version", "seed", "dims")
"""Fields that must be those of the module that takes the export."""


def z_of(exported: Any, own: Mapping[str, Any]) -> torch.Tensor:
    """Return z (d,) of an export.

    Args:
        exported: what a user hands in.
        own: what the module that takes it would export.

    Raises:
        InputError: it is no export, or of another subspace.
    """
    if not isinstance(exported, Mapping):
        raise InputError(f"restore takes what export gave, a dictionary, not {brief(exported)}")
    if missing := [name for name in own if name not in exported]:
        raise InputError(f"restore takes what export gave, but this lacks {', '.join(missing)}")
    for name in COMPARED:
        if exported[name] != own[name]:
            raise InputError(
                f"exported with {name} {exported[name]!r}, but this module has {own[name]!r}"
            )
    try:
        z = torch.as_tensor(exported["z"], dtype=torch.float32)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"z of the export is no list of numbers: {named_line(error)}") from error
    if z.shape != own["z"].shape:
        raise InputError(f"z of the export has shape {tuple(z.shape)}, not {own['z'].shape}")
    return z
