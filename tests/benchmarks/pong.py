"""Times direct PPO and one round of openai_es on Pong, and extrapolates to trials.

python tests/benchmarks/pong.py [--only ppo,openai_es] [--task pong]

Times are CPU seconds of one thread. A step is one decision of the policy: four frames.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

from rlid.agent import Ask
from rlid.measurement.plan import plan
from rlid.problem import Problem, Request, evaluate, make_problem
from rlid.simulators.make import make_world

REPORTS = 3
"""Timed rollouts of PPO, after one that is not timed."""
EPISODES = 4
"""Episodes of the untrained policy, which give their length and the cost of evaluation."""
VALIDATIONS = 50
"""A lower bound of the validations in a trial."""
ES_ITERATIONS = 500
"""Iterations of ES on Pong in Li et al. (2018)."""


def problem_of(task: str, agent: str, d: int | None) -> tuple[Problem, object]:
    """Return the problem in d dimensions, or of direct training (None), and the task's agent."""
    planned = plan(task, agent=agent, projection="onehot" if d else "identity", dmax=d)
    problem = make_problem(
        planned.task, planned.network, planned.projection, planned.dmax, 0, make_world(planned.task)
    )
    return problem, planned.agent


def evaluation(problem: Problem) -> tuple[float, float]:
    """Return (steps per episode, steps per second) of the untrained policy."""
    z = np.zeros((1, problem.dim), np.float32)
    started = time.process_time()
    (returns,) = evaluate([Request(problem, z, tuple(range(EPISODES)), "validation")])
    return returns.steps / EPISODES, returns.steps / (time.process_time() - started)


def ppo(task: str) -> None:
    """Time direct training by PPO."""
    problem, agent = problem_of(task, "ppo", None)
    search = agent.search(problem, np.random.default_rng(0))  # type: ignore[attr-defined]
    next(search)
    before, started = problem.search_steps, time.process_time()
    for _ in range(REPORTS):
        next(search)
    rate = (problem.search_steps - before) / (time.process_time() - started)
    length, evaluated = evaluation(problem)
    looks = VALIDATIONS * problem.task.validation_episodes + problem.task.scoring_episodes
    hours = (problem.budget / rate + looks * length / evaluated) / 3600
    print(
        f"{task}, ppo, direct training: {rate:.0f} steps a second ({4 * rate:.0f} frames); "
        f"evaluation {evaluated:.0f} steps a second, {length:.0f} steps an episode of the "
        f"untrained policy; a trial of {problem.budget:,} steps with {looks} episodes of "
        f"validation and scoring: {hours:.1f} hours of one core",
        flush=True,
    )


def openai_es(task: str) -> None:
    """Time one round of OpenAI-ES at d = 6000."""
    problem, agent = problem_of(task, "openai_es", 6000)
    search = agent.search(problem, np.random.default_rng(0))  # type: ignore[attr-defined]
    asked = next(search)
    assert isinstance(asked, Ask)
    seeds = tuple(range(problem.task.search_episodes))
    started = time.process_time()
    (returns,) = evaluate([Request(problem, asked.Z, seeds, "search")])
    seconds = time.process_time() - started
    print(
        f"{task}, openai_es, d = {problem.dim}: a round of {len(asked.Z)} candidates took "
        f"{returns.steps:,} steps and {seconds:.0f} seconds, {returns.steps / seconds:.0f} steps a "
        f"second; {ES_ITERATIONS} rounds: {ES_ITERATIONS * seconds / 3600:.1f} hours of one core",
        flush=True,
    )


def main() -> None:
    """Time the agents that --only names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="ppo,openai_es")
    parser.add_argument("--task", default="pong")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for name in arguments.only.split(","):
        {"ppo": ppo, "openai_es": openai_es}[name](arguments.task)


if __name__ == "__main__":
    main()
