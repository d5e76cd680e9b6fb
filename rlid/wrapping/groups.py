"""Which parameters share a subspace, and how d is shared out among them."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from typing import Literal

from rlid.errors import InputError
from rlid.random_stream import Stream

SEED_BOUND = 2**63
Groups = Literal["all", "layer"] | Mapping[str, int]


def whole_number(name: str, value: object) -> int:
    """Return an argument as an int; numpy's integers are taken too.

    Raises:
        InputError: it is no whole number.
    """
    if isinstance(value, bool) or not hasattr(type(value), "__index__"):
        raise InputError(f"{name} must be a whole number, not {value!r:.80}")
    return operator.index(value)  # type: ignore[arg-type]


class ParameterGroup:
    """Parameters that share a subspace: their names, how many numbers they are, and their d."""

    def __init__(self, name: str, sizes: Mapping[str, int], d: int) -> None:
        """`sizes` are the numbers of weights by the parameters' names."""
        self.name, self.names, self.d = name, list(sizes), d
        self.D = sum(sizes.values())


def groups_of(sizes: Mapping[str, int], d: int | None, groups: Groups) -> list[ParameterGroup]:
    """Return the groups of parameters with these sizes, in the order of their z.

    Raises:
        InputError: d is out of range, or `groups` leaves a parameter out or names none.
    """
    total = sum(sizes.values())
    if isinstance(groups, Mapping):
        return list(_given_groups(sizes, d, groups))
    if groups not in ("all", "layer"):
        raise InputError(f"groups={groups!r}: use 'all', 'layer', or a mapping from names to d")
    if d is None or not 1 <= d <= total:
        raise InputError(f"d must be from 1 to {total} (the number of weights), not {d}")
    if groups == "all":
        return [ParameterGroup("all", sizes, d)]
    layers: dict[str, dict[str, int]] = {}
    for name, size in sizes.items():
        layers.setdefault(name.rpartition(".")[0], {})[name] = size
    if d < len(layers):
        raise InputError(f"d = {d} is below the number of layers, {len(layers)}")
    shares = _shares({layer: sum(part.values()) for layer, part in layers.items()}, d)
    return [ParameterGroup(layer, part, shares[layer]) for layer, part in layers.items()]


def _given_groups(
    sizes: Mapping[str, int], d: int | None, groups: Mapping[str, int]
) -> Iterator[ParameterGroup]:
    left = {name for name in sizes if _group_of(name, groups) is None}
    for prefix, given in groups.items():
        own = whole_number(f"groups: d of {prefix!r}", given)
        part = {name: size for name, size in sizes.items() if _group_of(name, groups) == prefix}
        if not part:
            raise InputError(f"groups: no parameter left whose name begins with {prefix!r}")
        if not 0 <= own <= sum(part.values()):
            raise InputError(
                f"groups: d of {prefix!r} must be from 0 to {sum(part.values())}, not {own}"
            )
        yield ParameterGroup(prefix, part, own)
    if left:
        names = ", ".join(name for name in sizes if name in left)
        raise InputError(f"groups: no group for {names}; add '' for all others")
    if not any(groups.values()):
        raise InputError("groups: at least one d must be above 0")
    if d is not None and d != sum(groups.values()):
        raise InputError(f"d = {d}, but the groups have {sum(groups.values())} in all")


def _group_of(name: str, groups: Mapping[str, int]) -> str | None:
    """Return the longest beginning among the groups that a parameter's name has, or None."""
    beginnings = [
        prefix for prefix in groups if prefix in ("", name) or name.startswith(f"{prefix}.")
    ]
    return max(beginnings, key=lambda prefix: len(str(prefix)), default=None)


def _shares(sizes: Mapping[str, int], d: int) -> dict[str, int]:
    """Share d out by size, at least 1 each and at most the size: largest remainders first."""
    total, spare = sum(sizes.values()), d - len(sizes)
    exact = {name: min(size - 1, spare * size / total) for name, size in sizes.items()}
    shares = {name: 1 + int(share) for name, share in exact.items()}
    by_remainder = sorted(exact, key=lambda name: (int(exact[name]) - exact[name], -sizes[name]))
    while (missing := d - sum(shares.values())) > 0:
        for name in by_remainder:
            if missing and shares[name] < sizes[name]:
                shares[name] += 1
                missing -= 1
    return shares


def seed_of(seed: int, group: int) -> int:
    """Return the seed of a group's P; a module in one group has the seed itself."""
    if group == 0:
        return seed
    words = Stream(seed, f"group/{group}").bits(1)
    return int(words[0]) % SEED_BOUND
