"""The global generators that SB3 draws from, as one trial's own."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.utils import set_random_seed


class GlobalGenerators:
    """The states of Python's, numpy's and torch's global generators for one trial.

    Inside `installed` they are the trial's own; outside, those of whoever runs it, untouched.
    """

    def __init__(self, seed: int) -> None:
        """Seed the trial's own states."""
        with self._restored():
            set_random_seed(seed)
            self._own = self._states()

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Run a block with the trial's own generators."""
        with self._restored():
            self._install(self._own)
            yield
            self._own = self._states()

    def state(self) -> tuple[dict[str, Any], torch.Tensor]:
        """Return the states: Python's and numpy's as plain data, torch's (bytes,)."""
        version, words, gauss = self._own[0]
        kind, key, position, has_gauss, cached = self._own[1]
        plain = {
            "python": [version, list(words), gauss],
            "numpy": [kind, key.tolist(), int(position), int(has_gauss), float(cached)],
        }
        return plain, self._own[2].clone()

    def restore(self, plain: dict[str, Any], torch_state: torch.Tensor) -> None:
        """Take over states that `state` gave."""
        version, words, gauss = plain["python"]
        kind, key, *rest = plain["numpy"]
        python = (version, tuple(words), gauss)
        self._own = python, (kind, np.array(key, np.uint32), *rest), torch_state.clone()
        with self._restored():
            self._install(self._own)

    @contextmanager
    def _restored(self) -> Iterator[None]:
        outer = self._states()
        try:
            yield
        finally:
            self._install(outer)

    @staticmethod
    def _states() -> tuple[Any, Any, torch.Tensor]:
        return random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002

    @staticmethod
    def _install(states: tuple[Any, Any, torch.Tensor]) -> None:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        torch.set_rng_state(states[2])
