"""How much work a policy file of a stranger may ask for: told before any of it is done.

A file of a few hundred bytes can name a network and a subspace of any size. What follows from its
names is bounded here: the number of weights, and the numbers that are drawn for the projection.
"""

from __future__ import annotations

import math

from rlid.errors import PolicyFileError

MOST_WEIGHTS = 2 * 10**7
"""Weights of a network: about three seconds and 700 MB on one core."""
MOST_DRAWN = 2 * 10**8
"""Numbers that are drawn for a projection: about ten seconds and 2 GB on one core."""
QR_COLUMNS = 50
"""Columns of a projection whose orthogonalisation takes as long as drawing them."""
SPARSE_FACTOR = 20
"""Times by which an entry of a sparse projection takes longer than one of a dense projection."""


def check(kind: str, D: int, d: int, most_drawn: float = MOST_DRAWN) -> None:
    """Refuse a subspace that would take too much time or memory.

    Args:
        kind: of the projection.
        D: the number of weights.
        d: the dimension of the subspace.
        most_drawn: the largest value of `drawn` that is accepted.

    Raises:
        PolicyFileError: it is too large.
    """
    if D > MOST_WEIGHTS and most_drawn <= MOST_DRAWN:
        raise PolicyFileError(f"a network of {D} weights; at most {MOST_WEIGHTS} are built")
    needed = drawn(kind, D, d)
    if needed > most_drawn:
        raise PolicyFileError(
            f"projection {kind!r} with D = {D} and d = {d} draws {needed:.2g} numbers; at most "
            f"{most_drawn:.2g} are drawn for a file (`Policy.load(..., most_drawn=...)`)"
        )


def drawn(kind: str, D: int, d: int) -> float:
    """Return how many normal numbers take as long as drawing a projection of this kind."""
    if kind in ("onehot", "fastfood", "kronecker", "identity"):
        return float(D)
    if kind == "sparse":
        return SPARSE_FACTOR * math.sqrt(D) * d
    if kind == "orthogonal":
        return D * d * (1 + d / QR_COLUMNS)
    return float(D) * d
