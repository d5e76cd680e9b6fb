"""What a policy answers: the action for an observation, or the class or number of a row."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from rlid.datasets import Supervised
from rlid.errors import EnvironmentFault, InputError

if TYPE_CHECKING:
    import torch

    from rlid.problem import Problem

Outputs = Callable[["torch.Tensor"], "torch.Tensor"]


def predict(problem: Problem, outputs_of: Outputs, observation: Any) -> Any:
    """Return the answer to an observation of an environment, or to rows of data.

    Args:
        problem: the task and the network.
        outputs_of: the network with its weights: from inputs (1, n, inputs) to (1, n, outputs).
        observation: of the environment; or without one, a row (inputs,) or rows (n, inputs).

    Raises:
        ValueError: the observation has another size.
    """
    inputs, is_rl = problem.network.inputs, problem.task.kind == "rl"
    try:
        x = problem.simulator.prepare(observation) if is_rl else np.asarray(observation)
    except EnvironmentFault as wrong:
        raise InputError(f"this is no observation of {problem.task.env}: {wrong}") from None
    is_single = is_rl or x.size == inputs
    if x.size % inputs or (is_rl and x.size != inputs):
        raise ValueError(f"an observation of {x.size} numbers, not {inputs}")
    rows = np.ascontiguousarray(x).reshape(-1, inputs)
    world = problem.world
    if isinstance(world, Supervised):
        answers = world.decode(_applied(outputs_of, world.prepare(rows)))
    else:
        outputs = _applied(outputs_of, rows)
        answers = problem.decode(outputs) if is_rl else outputs.argmax(1)
    return answers[0] if is_single else answers


def _applied(outputs_of: Outputs, rows: Any) -> Any:
    """Return the outputs (n, outputs) for rows (n, inputs)."""
    import torch

    x = rows if rows.dtype == np.uint8 else rows.astype(np.float32)
    with torch.inference_mode():
        return outputs_of(torch.from_numpy(x[None].copy()))[0].numpy()
