"""A solved policy in a few bytes: names, one seed, and z rounded to a few bits an entry.

The format is our own, because the length of the file is itself a result: an upper bound on the
description length of a solution (Li et al. 2018, section 3.2). Safetensors has no types below a
byte, and its JSON header alone is longer than most policies. A policy file is one fixed header,
three short names and the packed bits of z. Every length is known before a byte of z is read, and
nothing in the file is ever run or imported.

    offset  bytes  what (numbers are little endian)
         0      4  "RLID"
         4      1  version of this format
         5      1  bits of an entry of z
         6      2  version of the task
         8      1  version of the projection's stream
         9      4  d
        13      4  seed of the trial: those of theta0 and P follow from it
        17      4  scale of z (float32)
        21      8  start of the SHA-256 of the task's protocol
        29     32  SHA-256 of theta's float32 bytes
        61      -  task, network, projection: one byte of length, then UTF-8
         -      -  z: d * bits, packed from the highest bit on, the last byte filled with zeros
"""

from __future__ import annotations

import hashlib
import re
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlid.errors import PolicyFileError
from rlid.records import canonical
from rlid.task import Task

MAGIC = b"RLID"
FORMAT = 1
WIDTHS = (32, 16, 8, 6, 4, 3, 2)
"""Bits of an entry of z. An entry of 32 bits is not rounded: it is a float32."""
MAX_FILE_D = 10**7
MAX_BYTES = 64 + 3 * 256 + 4 * MAX_FILE_D
_HEADER = struct.Struct("<4sBBHBIIf8s32s")
_RAW = 32
# A parameter may be a file of the user's with the name of a column, so it holds what these hold. A
# second colon would name a module that gymnasium imports.
_TASK = re.compile(r"\w[\w.+-]*(?::[^:?\ufffd]+)?(?:\?[A-Za-z0-9_.,:/%&=~-]+)?")
_NAME = re.compile(r"[a-z0-9_.:x+=-]+")
_SHRINKAGES = np.linspace(0.2, 1.0, 81)
"""Scales that are tried for z, relative to its largest entry; below 1 they clip the largest."""

Z = NDArray[np.float32]


@dataclass(frozen=True)
class PolicyFile:
    """The content of a policy file.

    Attributes:
        codes: (d,) the entries of z as whole numbers of `bits` bits.
        scale: the largest absolute value that an entry of z can have.
    """

    task: str
    task_version: int
    protocol: bytes
    network: str
    projection: str
    projection_version: int
    seed: int
    theta_sha256: bytes
    bits: int
    scale: float
    codes: NDArray[np.uint32]

    @property
    def d(self) -> int:
        """The number of entries of z."""
        return len(self.codes)

    @property
    def z_bits(self) -> int:
        """Length of z in bits."""
        return self.d * self.bits

    @property
    def z(self) -> Z:
        """The rounded z (d,)."""
        return decode_z(self.codes, self.bits, self.scale)

    def dump(self) -> bytes:
        """Return the bytes of the file."""
        header = _HEADER.pack(
            MAGIC, FORMAT, self.bits, self.task_version, self.projection_version, self.d,
            self.seed, self.scale, self.protocol, self.theta_sha256,
        )  # fmt: skip
        names = b"".join(
            bytes([len(name.encode())]) + name.encode()
            for name in (self.task, self.network, self.projection)
        )
        return header + names + _pack(self.codes, self.bits)


def parse(data: bytes) -> PolicyFile:
    """Read a policy file, without looking up or building anything that it names.

    Raises:
        PolicyFileError: the bytes are no policy file.
    """
    if data[:4] != MAGIC:
        raise PolicyFileError("not a policy file: it does not begin with RLID")
    if len(data) < _HEADER.size:
        raise PolicyFileError(f"cut short: {len(data)} bytes, the header alone has {_HEADER.size}")
    fields = _HEADER.unpack_from(data)
    _, version, bits, task_version, projection_version, d, seed, scale, protocol, theta = fields
    if version != FORMAT:
        raise PolicyFileError(f"format {version}: this version of rlid reads format {FORMAT}")
    if bits not in WIDTHS:
        raise PolicyFileError(f"{bits} bits an entry: must be one of {', '.join(map(str, WIDTHS))}")
    if not 1 <= d <= MAX_FILE_D:
        raise PolicyFileError(f"d = {d}: must be from 1 to {MAX_FILE_D}")
    if not (np.isfinite(scale) and scale >= 0):
        raise PolicyFileError(f"the scale of z is {scale}: must be a finite number from 0 on")
    if not (task_version and projection_version):
        raise PolicyFileError("a version is 0: they count from 1")
    names, at = [], _HEADER.size
    for what, pattern in (("task", _TASK), ("network", _NAME), ("projection", _NAME)):
        length = data[at] if at < len(data) else 0
        encoded = data[at + 1 : at + 1 + length]
        name = encoded.decode(errors="replace")
        is_name = name.isprintable() and pattern.fullmatch(name)
        if len(encoded) < length or not is_name:
            raise PolicyFileError(f"its {what} is no name: {name[:60]!r}")
        names.append(name)
        at += 1 + length
    expected = at + -(-d * bits // 8)
    if len(data) != expected:
        raise PolicyFileError(f"{len(data)} bytes long, but its header says {expected}")
    codes = _unpack(data[at:], d, bits)
    file = PolicyFile(
        names[0], task_version, protocol, names[1], names[2], projection_version, seed, theta,
        bits, scale, codes,
    )  # fmt: skip
    if not np.isfinite(file.z).all():
        raise PolicyFileError("an entry of z is not finite")
    if file.dump() != data:
        raise PolicyFileError("the bits after the last entry of z are not zero")
    return file


def protocol_digest(task: Task) -> bytes:
    """Return eight bytes that identify a task's protocol: the start of its SHA-256."""
    text = canonical({**task.protocol(), "backend": task.backend})
    return hashlib.sha256(text.encode()).digest()[:8]


def encode_z(z: Z, bits: int) -> tuple[NDArray[np.uint32], float]:
    """Round z (d,) to `bits` bits an entry; return the codes (d,) and the scale.

    The levels lie evenly from -scale to scale, and the scale is that of the least squared error.
    """
    if bits == _RAW:
        return z.astype("<f4").view("<u4").astype(np.uint32), 1.0
    largest = float(np.abs(z).max())
    scales = [float(np.float32(largest * part)) for part in _SHRINKAGES]
    errors = [float(np.square(decode_z(_round(z, bits, s), bits, s) - z).sum()) for s in scales]
    scale = scales[int(np.argmin(errors))]
    return _round(z, bits, scale), scale


def decode_z(codes: NDArray[np.uint32], bits: int, scale: float) -> Z:
    """Return z (d,) from its codes (d,)."""
    if bits == _RAW:
        raw: Z = codes.astype("<u4").view("<f4").astype(np.float32)
        return raw
    top = 2**bits - 1
    z: Z = (np.float64(scale) * (2.0 * codes - top) / top).astype(np.float32)
    return z


def _round(z: Z, bits: int, scale: float) -> NDArray[np.uint32]:
    top = 2**bits - 1
    if scale == 0.0:
        return np.zeros(len(z), np.uint32)
    levels = np.rint((z.astype(np.float64) / scale + 1.0) / 2.0 * top).clip(0, top)
    codes: NDArray[np.uint32] = levels.astype(np.uint32)
    return codes


def _pack(codes: NDArray[np.uint32], bits: int) -> bytes:
    """Return codes (d,) as a string of `bits` bits each, the last byte filled with zeros."""
    rows = np.unpackbits(codes.astype(">u4").view(np.uint8).reshape(-1, 4), axis=1)
    return np.packbits(rows[:, _RAW - bits :].ravel()).tobytes()


def _unpack(data: bytes, d: int, bits: int) -> NDArray[np.uint32]:
    """Return the codes (d,) that `_pack` packed."""
    rows = np.zeros((d, _RAW), np.uint8)
    packed = np.unpackbits(np.frombuffer(data, np.uint8))[: d * bits]
    rows[:, _RAW - bits :] = packed.reshape(d, bits)
    return np.packbits(rows, axis=1).view(">u4").ravel().astype(np.uint32)
