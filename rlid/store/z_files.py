"""The z of a trial as a safetensors file beside its record."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rlid.errors import DamagedRecord
from rlid.records import parse_json
from rlid.store.files import add_whole, read_limited

Z_SUFFIX = ".safetensors"
HEADER_BYTES = 1024
"""The longest header of a z; ours have about 70 bytes."""
_LENGTH_BYTES = 8
_ENTRY_BYTES = 4


def named_by_hash(record: Path, sha256: str) -> Path:
    """Return the path of a z where the plain name beside its record holds another z."""
    return record.with_name(f"{record.stem}.{sha256[:16]}{Z_SUFFIX}")


def add_z(record: Path, data: bytes) -> None:
    """Write a z beside the record that it will belong to; the z of another process stays.

    Args:
        record: the path of the record.
        data: the safetensors file.

    Raises:
        OSError: it cannot be written.
    """
    plain = record.with_suffix(Z_SUFFIX)
    if add_whole(plain, data):
        return
    with contextlib.suppress(OSError, DamagedRecord):
        if read_limited(plain, len(data)) == data:
            return
    add_whole(named_by_hash(record, hashlib.sha256(data).hexdigest()), data)


def has_z(record: Path, sha256: str | None) -> bool:
    """Whether a z lies beside a record under either name; it is not read."""
    return record.with_suffix(Z_SUFFIX).exists() or named_by_hash(record, sha256 or "").exists()


def read_z(record: Path, d: int, sha256: str | None) -> bytes:
    """Return the bytes of the z (d,) that belongs to a record.

    Args:
        record: the path of the record.
        d: how many entries z has.
        sha256: the hash of the file, as the record has it.

    Raises:
        DamagedRecord: no file beside the record has that hash.
    """
    problem = ""
    for path in (record.with_suffix(Z_SUFFIX), named_by_hash(record, sha256 or "")):
        try:
            data = read_limited(path, d * _ENTRY_BYTES + HEADER_BYTES)
        except OSError as error:
            problem = problem or f"{path.name}: {error.strerror or error}"
            continue
        if hashlib.sha256(data).hexdigest() == sha256:
            return data
        problem = f"{path.name}: not the z of its record"
    raise DamagedRecord(problem)


def parse_z(data: bytes, d: int) -> NDArray[np.float32]:
    """Return the z (d,) in the bytes of a safetensors file.

    The header is read here and not by a library, so that every other type and every header that is
    not exactly that of a z is refused alike.

    Raises:
        DamagedRecord: they hold no z of that shape.
    """
    length = int.from_bytes(data[:_LENGTH_BYTES], "little")
    start = _LENGTH_BYTES + length
    if len(data) < _LENGTH_BYTES or length > HEADER_BYTES or start > len(data):
        raise DamagedRecord("not a file of z: its header is cut short or too long")
    try:
        header = parse_json(data[_LENGTH_BYTES:start].decode())
    except (DamagedRecord, UnicodeDecodeError) as error:
        raise DamagedRecord(f"not a file of z: {error}") from None
    size = d * _ENTRY_BYTES
    expected = {"dtype": "F32", "shape": [d], "data_offsets": [0, size]}
    if not isinstance(header, dict) or header.get("z") != expected or len(data) != start + size:
        raise DamagedRecord(f"holds no z of shape ({d},)")
    return np.frombuffer(data, "<f4", d, start).astype(np.float32)
