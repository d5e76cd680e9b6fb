"""The state of a search in mid-course: plain data and arrays, as one safetensors file with JSON."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlid.errors import DamagedRecord, first_line
from rlid.records.strict_json import canonical, parse_json

_PLAIN, _DIGEST = "plain", "sha256"
_LENGTH_BYTES = 8
_MOST_AXES = 32
_DTYPES = {
    name: np.dtype(code)
    for name, code in {
        "BOOL": "?", "U8": "<u1", "I8": "<i1", "U16": "<u2", "I16": "<i2", "U32": "<u4",
        "I32": "<i4", "U64": "<u8", "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8",
        "C64": "<c8",
    }.items()
}  # fmt: skip
"""The types of arrays, by their names in a header."""


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

    The header is read here and not by a library, so that a type which numpy lacks (BF16, F8) and
    every other header that is not of a state is refused alike.

    Raises:
        DamagedRecord: it holds none, or not the one that was written.
    """
    start = _LENGTH_BYTES + int.from_bytes(data[:_LENGTH_BYTES], "little")
    if len(data) < _LENGTH_BYTES or start > len(data):
        raise DamagedRecord("not a checkpoint: its header is cut short")
    try:
        header = parse_json(data[_LENGTH_BYTES:start].decode())
    except (DamagedRecord, UnicodeDecodeError) as error:
        raise DamagedRecord(f"not a checkpoint: {first_line(error)}") from None
    words = header.pop("__metadata__", None) if isinstance(header, dict) else None
    if not isinstance(words, dict) or not isinstance(words.get(_PLAIN), str):
        raise DamagedRecord("not a checkpoint: its header has no state")
    arrays = _arrays(header, memoryview(data)[start:])
    text: str = words[_PLAIN]
    if words.get(_DIGEST) != _digest(text, arrays):
        raise DamagedRecord("not the checkpoint that was written: its SHA-256 is another")
    plain = parse_json(text)
    if not isinstance(plain, dict):
        raise DamagedRecord("not a checkpoint: its state is no object")
    return State(plain, arrays)


def _arrays(header: Mapping[str, Any], body: memoryview) -> dict[str, NDArray[Any]]:
    """Return copies of the arrays that a header describes; each lies inside the body.

    Raises:
        DamagedRecord: an entry describes no array of a type that a state has, or another size.
    """
    entries: list[tuple[int, int, str, tuple[int, ...], np.dtype[Any]]] = []
    for name, entry in header.items():
        try:
            dtype, shape = _DTYPES.get(entry["dtype"]), tuple(entry["shape"])
            first, end = entry["data_offsets"]
        except (KeyError, TypeError, ValueError):
            raise DamagedRecord(f"not a checkpoint: {name[:60]!a} is no array") from None
        if dtype is None:
            raise DamagedRecord(f"not a checkpoint: {name[:60]!a} is of a type that no state has")
        is_whole = all(type(size) is int and size >= 0 for size in (first, end, *shape))
        if not is_whole or math.prod(shape) * dtype.itemsize != end - first:
            raise DamagedRecord(f"not a checkpoint: {name[:60]!a} is of another size")
        entries.append((first, end, name, shape, dtype))
    arrays, at = {}, 0
    for first, end, name, shape, dtype in sorted(entries, key=lambda entry: entry[:2]):
        if first != at or end > len(body) or len(shape) > _MOST_AXES:
            raise DamagedRecord(f"not a checkpoint: {name[:60]!a} does not follow the array before")
        arrays[name] = np.frombuffer(bytes(body[first:end]), dtype).reshape(shape).copy()
        at = end
    if at != len(body):
        raise DamagedRecord("not a checkpoint: bytes that belong to no array")
    return arrays


def generator_state(rng: np.random.Generator) -> dict[str, Any]:
    """Return the state of a generator as plain data."""
    state: dict[str, Any] = dict(rng.bit_generator.state)
    return state


def restore_generator(rng: np.random.Generator, state: dict[str, Any]) -> None:
    """Put a generator into a state that `generator_state` gave."""
    rng.bit_generator.state = state


def _digest(plain: str, arrays: Mapping[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256(plain.encode(errors="surrogatepass"))
    for name in sorted(arrays):
        title = f"{name} {arrays[name].dtype} {arrays[name].shape}"
        digest.update(title.encode(errors="surrogatepass"))
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()
