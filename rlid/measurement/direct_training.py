"""Measures a reference: the score of random actions, and direct training in all weights."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from rlid import agent as agents
from rlid.engine import random_scores
from rlid.errors import EngineError, ReferenceRefused
from rlid.measurement.plan import Plan
from rlid.measurement.runner import Runner
from rlid.records import MISSING, REFERENCE_SEED, Judgement, versions
from rlid.store import DirectTraining, Reference, references

REFERENCE_SEEDS = 5
"""Trials of direct training, on seeds of their own, that a reference needs."""
RANDOM_EPISODES = 500
RANDOM_PARTS = 10
"""Parts in which random episodes run where some of them hang or fail."""


@dataclass(frozen=True)
class RandomScore:
    """The mean return of uniformly random actions, its standard error, and over how many episodes.

    For supervised and synthetic tasks it is the chance level.
    """

    mean: float
    error: float
    episodes: int


def measure_reference(
    runner: Runner,
    agent_names: Sequence[str],
    seeds: int = REFERENCE_SEEDS,
    settings: Sequence[str] = (),
) -> Reference:
    """Measure random actions and direct training by each agent, and keep them in the store.

    Args:
        runner: gives the task, the network and the budget.
        agent_names: each is trained, and the best median counts.
        seeds: trials of each agent.
        settings: assignments to the agents' hyper-parameters, after the task's recipes.

    Raises:
        ReferenceRefused: no direct training gave a score, or random actions failed.
        InputError: an agent cannot take this task or has no such setting.
        StoreError: the store cannot be written.
    """
    plan = runner.plan
    plans = [
        plan.direct(name, range(REFERENCE_SEED, REFERENCE_SEED + seeds), settings)
        for name in agent_names
    ]
    random = measure_random(runner)
    runner.watcher.note(f"random actions: {random.mean:.6g} over {random.episodes} episodes")
    outcomes = [_train(runner, directly, random.mean) for directly in plans]
    direct = [trained for trained, _ in outcomes]
    best = max(
        (trained for trained in direct if trained.median is not None),
        key=lambda trained: cast(float, trained.median),
        default=None,
    )
    if best is None:
        why = next((reason for _, reason in outcomes if reason), "no reason was recorded")
        has_failed = any(trial.status in MISSING for each in direct for trial in each.trials)
        advice = "; put it right, then repeat the command with --retry" if has_failed else ""
        raise ReferenceRefused(f"direct training on {plan.task.name} gave no score: {why}{advice}")
    reference = reference_of(
        plan,
        random,
        reference=best.median,
        agent=best.agent,
        direct=direct,
        command=plan.reference_command(agent_names, seeds, settings),
        stopping=plans[0].spec(plan.network.D, REFERENCE_SEED, None).stopping,
    )
    references.save(reference, runner.store.folder)
    return reference


def measure_random(runner: Runner) -> RandomScore:
    """Return the score of random actions; episodes that hang or fail are left out.

    Raises:
        ReferenceRefused: too few episodes are left to tell their mean.
    """
    plan = runner.plan
    runner.examine()
    arguments = (plan.task.name, plan.imports, REFERENCE_SEED, RANDOM_EPISODES)
    scores: list[float] = []
    why = ""
    # All at once is quickest; in parts, an episode that hangs costs its part alone.
    for size in (RANDOM_EPISODES, RANDOM_EPISODES // RANDOM_PARTS):
        for first in range(0, RANDOM_EPISODES, size):
            part = range(first, first + size)
            try:
                scores += runner.engine.call(random_scores, *arguments, part)
            except EngineError as error:
                why = str(error)
                if not scores and first >= size:
                    break
        if scores:
            break
    if len(scores) < RANDOM_EPISODES // RANDOM_PARTS:
        # One trial, so that a record tells what the environment does.
        direct = plan.direct(plan.task.agent, [REFERENCE_SEED])
        runner.run(direct, [direct.spec(plan.network.D, REFERENCE_SEED, None)], Judgement())
        raise ReferenceRefused(f"random actions on {plan.task.name} failed: {why}")
    mean = sum(scores) / len(scores)
    variance = sum((score - mean) ** 2 for score in scores) / (len(scores) - 1)
    return RandomScore(mean, (variance / len(scores)) ** 0.5, len(scores))


def _train(runner: Runner, direct: Plan, random: float) -> tuple[DirectTraining, str]:
    """Return direct training by one agent, and why the first trial without a score has none."""
    task, D = direct.task, direct.network.D  # noqa: N806 (the field's word)
    floor = random if task.floor is None else task.floor
    judgement = Judgement(floor, random, dmin=D, dmax=D)
    specs = [direct.spec(D, seed, task.ceiling) for seed in direct.seeds]
    records = runner.run(direct, specs, judgement)
    settings = agents.settings(direct.agent)
    trained = references.summarise(direct.agent_name, settings, records)
    lost = [record for record in records if record.score is None]
    reason = (lost[0].reason.splitlines() or [""])[0] if lost else ""
    score = "no score" if trained.median is None else f"{trained.median:.6g}"
    failed = f" ({len(lost)} of {len(records)} trials without a score: {reason})" if lost else ""
    runner.watcher.note(f"direct training by {trained.agent}: {score}{failed}")
    return trained, reason


def reference_of(plan: Plan, random: RandomScore, **result: Any) -> Reference:
    """Return a reference of the plan's task and network; `result` are the other fields."""
    return Reference(
        task=plan.task.name,
        task_version=plan.task.version,
        protocol=plan.task.protocol(),
        backend=plan.task.backend,
        network=plan.network.architecture.name,
        D=plan.network.D,
        random=random.mean,
        random_error=random.error,
        random_episodes=random.episodes,
        versions=versions(),
        measured_at=datetime.datetime.now(datetime.UTC).date().isoformat(),
        **result,
    )
