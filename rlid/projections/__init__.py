"""Random linear maps P: R^d -> R^D with unit-norm columns, found by name.

A map is drawn from a frozen stream, so that its kind, D, d and seed name it for ever.
Importing this room is quick: a kind is loaded when a map of it is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rlid.projections.kinds import PROJECTIONS as PROJECTIONS
from rlid.projections.kinds import make as make
from rlid.projections.kinds import version as version
from rlid.projections.memory import check_fits as check_fits

if TYPE_CHECKING:
    from rlid.projections.projection import Projection as Projection

__all__ = ["PROJECTIONS", "Projection", "check_fits", "make", "version"]
