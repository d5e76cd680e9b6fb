"""How long a search step took in published trials: a guide to which rows of a suite are long."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Iterator

from rlid.measurement import Plan, Summary

Key = tuple[str, ...]


def published_step_time(summaries: Iterable[Summary]) -> Callable[[Plan], float]:
    """Return what gives the core seconds per search step of a plan's trials, without any timing.

    The seconds of a trial include its looks and scorings. The median is taken over the published
    measurements that are nearest to the plan: of the same task, agent and network, else of the
    same task and agent, the same task, the same simulator and agent, the same simulator, or all.

    Args:
        summaries: published measurements; with none, every step counts one second.
    """
    times: dict[Key, list[float]] = {}
    for summary in summaries:
        steps = sum(record.search_steps for record in summary.records)
        if not steps:
            continue
        seconds = sum(record.seconds for record in summary.records) / steps
        spec = summary.spec
        for key in _nearest(spec.task, spec.agent, spec.network, spec.backend):
            times.setdefault(key, []).append(seconds)

    def step_time(plan: Plan) -> float:
        network = plan.network.architecture.name
        for key in _nearest(plan.task.name, plan.agent_name, network, plan.task.backend):
            if key in times:
                return statistics.median(times[key])
        return 1.0

    return step_time


def _nearest(task: str, agent: str, network: str, backend: str) -> Iterator[Key]:
    """Yield the keys of a measurement, those that say most of it first."""
    yield "task", task, agent, network
    yield "task", task, agent
    yield "task", task
    yield "backend", backend, agent
    yield "backend", backend
    yield ()
