"""The kinds of projection by name, and the function that makes one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rlid.errors import InputError
from rlid.registry import Registry

if TYPE_CHECKING:
    import torch

    from rlid.projections.projection import Projection as Projection

PROJECTIONS = Registry("projection")
_VERSIONS: dict[str, int] = {}
"""The kinds whose frozen stream has changed: one that draws differently gets a new number."""

PROJECTIONS.add_lazy(
    "onehot",
    "rlid.projections.onehot:OneHot",
    "default",
    "generic",
    summary="each weight reads one entry of z with a random sign; O(D) time at every d, "
    "at most 16 bytes per weight, P^T P = I, subspaces nest; the default",
)
PROJECTIONS.add_lazy(
    "dense",
    "rlid.projections.dense:Dense",
    "generic",
    summary="Gaussian columns scaled to norm 1; O(D d) time, 4 D d bytes; the plain standard "
    "to compare with, for small D d",
)
PROJECTIONS.add_lazy(
    "orthogonal",
    "rlid.projections.orthogonal:Orthogonal",
    "generic",
    summary="orthonormal columns (QR of dense); O(D d) time, 4 D d bytes, O(D d^2) to draw; "
    "for d up to a few thousand where P^T P = I matters",
)
PROJECTIONS.add_lazy(
    "sparse",
    "rlid.projections.sparse:Sparse",
    "generic",
    summary="density 1/sqrt(D) (Li, Hastie & Church 2006); O(sqrt(D) d) time, about "
    "8 sqrt(D) d bytes; the paper's choice for middle sizes",
)
PROJECTIONS.add_lazy(
    "fastfood",
    "rlid.projections.fastfood:Fastfood",
    "generic",
    summary="Hadamard products (Le, Sarlos & Smola 2013); O(D log D) time at every d, at most "
    "16 bytes per padded weight; close to dense where dense does not fit",
)
PROJECTIONS.add_lazy(
    "kronecker",
    "rlid.projections.kronecker:Kronecker",
    summary="Kronecker product of two small orthonormal maps (Lotfi et al. 2022); O(D sqrt(d)) "
    "time, about 8 sqrt(D d) bytes; does not nest and is not generic: for comparison",
)
PROJECTIONS.add_lazy(
    "identity",
    "rlid.projections.identity:Identity",
    summary="theta0 + z, direct training; d = D, no cost and no memory; for the reference score",
)


def version(kind: str) -> int:
    """Return the version of a kind's stream, without loading the kind: that takes torch."""
    return _VERSIONS.get(PROJECTIONS.entry(kind).name, 1)


def make(kind: str, *, D: int, d: int, seed: int, dtype: torch.dtype | None = None) -> Projection:
    """Draw a projection.

    Args:
        kind: a name of `PROJECTIONS`.
        D: the number of weights.
        d: the dimension of the subspace, 1 <= d <= D.
        seed: the seed of the projection role, 0 <= seed < 2**64.
        dtype: torch.float32 (the default) or torch.float64.

    Raises:
        UnknownName: no such kind.
        DoesNotFit: it would not fit into memory.
        InputError: D, d, seed or dtype is out of its range.
    """
    projection = PROJECTIONS[kind]

    import torch

    from rlid.projections.memory import check_fits

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
    made: Projection = projection(D=D, d=d, seed=seed, dtype=dtype)
    return made
