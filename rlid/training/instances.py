"""How the trials of a cell share the instances of an environment that one process may hold.

Trials of gradient agents step environments of their own beside the one world that scores. How many
they step is part of their recipe; how many episodes are scored at once changes no result.
"""

from __future__ import annotations

from collections.abc import Sequence

from rlid.records import TrialSpec
from rlid.simulators import most_envs
from rlid.task import Task


def training_envs(spec: TrialSpec) -> int:
    """Return how many environments a trial's agent steps for itself; 0 for gradient-free agents."""
    number = spec.settings.get("n_envs")
    return number if isinstance(number, int) else 0


def slices(task: Task, specs: Sequence[TrialSpec]) -> list[Sequence[TrialSpec]]:
    """Return the trials of a cell in groups of as many as may train at once, in their order.

    They are one group where there is no limit, or where the limit has room for all.
    """
    most, each = most_envs(task), training_envs(specs[0])
    if most is None or each == 0:
        return [specs]
    size = max(1, (most - 1) // each)
    return [specs[first : first + size] for first in range(0, len(specs), size)]


def scoring_envs(task: Task, specs: Sequence[TrialSpec]) -> int | None:
    """Return how many instances are left to score with while these trials train.

    None where there is no limit.
    """
    most = most_envs(task)
    return None if most is None else max(1, most - len(specs) * training_envs(specs[0]))
