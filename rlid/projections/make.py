"""Draws a projection of any kind, after a check of its sizes and of the memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rlid.errors import InputError
from rlid.projections.kinds import PROJECTIONS
from rlid.projections.memory import check_fits

if TYPE_CHECKING:
    import torch

    from rlid.projections.projection import Projection


def make(kind: str, *, D: int, d: int, seed: int, dtype: torch.dtype | None = None) -> Projection:
    """Return the projection that kind, D, d and seed determine.

    Args:
        kind: a name of `PROJECTIONS`.
        D: the number of weights.
        d: the dimension of the subspace, 1 <= d <= D.
        seed: the seed of the projection role, 0 <= seed < 2**64.
        dtype: torch.float32 (the default) or torch.float64.

    Raises:
        UnknownName: no such kind.
        DoesNotFit: the projection would not fit into memory.
        InputError: D, d, seed or dtype is out of range.
    """
    projection = PROJECTIONS[kind]

    import torch

    dtype = torch.float32 if dtype is None else dtype
    if dtype not in (torch.float32, torch.float64):
        raise InputError(f"dtype must be torch.float32 or torch.float64, not {dtype}")
    if D < 1:
        raise InputError(f"D, the number of weights, must be at least 1, not {D}")
    if not 1 <= d <= D:
        raise InputError(f"d must be in [1, {D}] (at most the number of weights), not {d}")
    if projection.is_square and d != D:
        raise InputError(f"projection {kind!r} has d = D = {D}, not {d}; choose another kind")
    if not 0 <= seed < 2**64:
        raise InputError(f"seed must be in [0, 2**64), not {seed}")
    check_fits(kind, D, d, dtype.itemsize)
    drawn: Projection = projection(D=D, d=d, seed=seed, dtype=dtype)
    return drawn
