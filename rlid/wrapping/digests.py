"""Digests that tell whether a saved z fits a module: of its subspace, and of what z leaves out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn


def digest_of(*parts: Any) -> torch.Tensor:
    """Return the SHA-256 of plain data as bytes (32,), in a tensor as state dicts have."""
    digest = hashlib.sha256(json.dumps(parts).encode()).digest()
    return torch.from_numpy(np.frombuffer(digest, np.uint8).copy())


def sha256_of(tensor: torch.Tensor) -> str:
    """Return the SHA-256 of a tensor's bytes, of real numbers as float32 (little endian)."""
    plain = tensor.detach().cpu()
    if plain.is_floating_point():
        numbers = plain.float().numpy().astype("<f4")
    else:
        numbers = torch.view_as_real(plain).numpy() if plain.is_complex() else plain.numpy()
    return hashlib.sha256(numbers.tobytes()).hexdigest()


def constant_digests(module: nn.Module, trained: set[int]) -> dict[str, str]:
    """Return the SHA-256 of each buffer that state dicts hold, by its name.

    Args:
        module: with all its parameters frozen to buffers.
        trained: the `id` of the buffers that are part of theta.
    """
    digests = {}
    for prefix, layer in module.named_modules():
        for name, buffer in layer._buffers.items():
            is_kept = name not in layer._non_persistent_buffers_set
            if buffer is not None and is_kept and id(buffer) not in trained:
                digests[f"{prefix}.{name}" if prefix else name] = sha256_of(buffer)
    return digests


def differing(first: Mapping[str, str], second: Mapping[str, str]) -> list[str]:
    """Return the names with another digest in one of the two, sorted."""
    return sorted(
        name for name in first.keys() | second.keys() if first.get(name) != second.get(name)
    )
