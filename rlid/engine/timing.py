"""Times a cell of trials in a worker, for the cost of a measurement before it is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rlid.engine.agenda import Cell
from rlid.engine.messages import Report, beats

if TYPE_CHECKING:
    from rlid.training import Timing


def time_cell(cell: Cell, seconds: float, report: Report) -> Timing:
    """Return how far the trials of a cell come in some seconds; nothing is stored.

    Args:
        cell: the trials; their specs have no `stop_score`.
        seconds: see `rlid.training.time_trials`.
        report: hears signs of life.

    Raises:
        EnvironmentFault: the environment failed.
        AgentFault: the agent raised.
    """
    import torch

    from rlid.registry import import_packages
    from rlid.task import adapt, resolve
    from rlid.training import time_trials

    # As in a worker that trains.
    torch.set_num_threads(1)
    import_packages(cell.imports)
    spec = cell.specs[0]
    observation = str(spec.protocol["observation"])
    task = adapt(resolve(cell.task), observation=observation, backend=spec.backend)
    return time_trials(cell.specs, task, seconds, beats(report))
