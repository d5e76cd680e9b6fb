"""Random linear maps P: R^d -> R^D with unit-norm columns, registered by the name of their kind.

A map is drawn from a frozen stream, so that kind, D, d and seed determine it for ever.
Importing this room does not import torch: a kind is loaded when a map of it is drawn.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from rlid.projections.kinds import PROJECTIONS as PROJECTIONS
from rlid.projections.kinds import version as version
from rlid.projections.make import make as make
from rlid.projections.memory import check_fits as check_fits

if TYPE_CHECKING:
    from rlid.projections.projection import Projection as Projection

__all__ = ["PROJECTIONS", "Projection", "check_fits", "make", "version"]


def __getattr__(name: str) -> Any:
    """Import the base class on first use, since its module imports torch."""
    if name != "Projection":
        raise AttributeError(f"module 'rlid.projections' has no attribute {name!r}")
    return importlib.import_module("rlid.projections.projection").Projection
