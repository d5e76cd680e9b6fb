"""Generators of one trial, each named by its role, and the seeds of episodes that they draw."""

from __future__ import annotations

import numpy as np

from rlid.random_stream import role_seed

SEED_BOUND = 2**31
"""Episode seeds lie below: some environments take no larger ones."""


def draw_seeds(rng: np.random.Generator, n: int) -> tuple[int, ...]:
    """Draw the seeds of n episodes."""
    return tuple(rng.integers(0, SEED_BOUND, n).tolist())


def role_generator(seed: int, role: str) -> np.random.Generator:
    """Return the generator of one role in the trial with this seed."""
    return np.random.default_rng(role_seed(seed, role))


def numbered_generator(seed: int, role: str, number: int) -> np.random.Generator:
    """Return the generator of the event `number` of a role in the trial with this seed.

    What one event draws does not depend on which other events there were, or how many.
    """
    return np.random.default_rng([role_seed(seed, role), number])
