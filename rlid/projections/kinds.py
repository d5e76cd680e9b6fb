"""The registry of projection kinds: name, class, tags, and a summary with time and memory."""

from __future__ import annotations

from rlid.registry import Registry

PROJECTIONS = Registry("projection")
_VERSIONS: dict[str, int] = {}
"""The versions of kinds whose frozen stream has changed; all others have version 1."""

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
    """Return the version of a kind's frozen stream, without loading the kind (which imports torch).

    Raises:
        UnknownName: the kind is not registered.
    """
    return _VERSIONS.get(PROJECTIONS.entry(kind).name, 1)
