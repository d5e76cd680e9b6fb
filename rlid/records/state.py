"""The state of a search in mid-course: plain data and arrays, as one safetensors file with JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlid.errors import DamagedRecord, first_line
from rlid.records.strict_json import canonical, parse_json

_PLAIN, _DIGEST = "plain", "sha256"


@dataclass(frozen=True)
class State:
    """What a search goes on from.

    Attributes:
        plain: what JSON holds exactly: counters, settings, states of generators.
        arrays: the rest, by name.
    """

    plain: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays."""
        return sum(array.nbytes for array in self.arrays.values())

    def part(self, name: str) -> State:
        """Return the part that was put in under `name` by `joined`."""
        prefix = f"{name}/"
        arrays = {
            key.removeprefix(prefix): array
            for key, array in self.arrays.items()
            if key.startswith(prefix)
        }
        return State(self.plain[name], arrays)


def joined(parts: Mapping[str, State]) -> State:
    """Return one state that holds several, each under its name."""
    arrays = {
        f"{name}/{key}": array for name, part in parts.items() for key, array in part.arrays.items()
    }
    return State({name: part.plain for name, part in parts.items()}, arrays)


def encode(state: State) -> bytes:
    """Return a state as a safetensors file: JSON in its header, and a hash of everything."""
    from safetensors.numpy import save

    plain = canonical(state.plain)
    arrays = {name: np.ascontiguousarray(array) for name, array in state.arrays.items()}
    return save(arrays, metadata={_PLAIN: plain, _DIGEST: _digest(plain, arrays)})


def decode(data: bytes) -> State:
    """Return the state in a safetensors file.

    Raises:
        DamagedRecord: it holds none, or not the one that was written.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(data)
        length = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + length]).get("__metadata__", {})
    except (SafetensorError, ValueError, TypeError) as error:
        raise DamagedRecord(f"not a checkpoint: {first_line(error)}") from None
    plain = header.get(_PLAIN, "")
    if header.get(_DIGEST) != _digest(plain, arrays):
        raise DamagedRecord("not the checkpoint that was written: its SHA-256 is another")
    return State(parse_json(plain), arrays)


def generator_state(rng: np.random.Generator) -> dict[str, Any]:
    """Return the state of a generator as plain data."""
    state: dict[str, Any] = dict(rng.bit_generator.state)
    return state


def restore_generator(rng: np.random.Generator, state: dict[str, Any]) -> None:
    """Put a generator into a state that `generator_state` gave."""
    rng.bit_generator.state = state


def _digest(plain: str, arrays: Mapping[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256(plain.encode())
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()
