"""The reference of a run: what is used, and when it is measured, by which agents.

The rule does not depend on which commands ran before. A reference is measured by the task's own
agent and by every agent for which the task's protocol has a recipe; where the task comes with no
floor that says what working training reaches, PPO is tried as well. It is measured again when it
was measured under another protocol or version, with fewer steps than the run, or on fewer than
REFERENCE_SEEDS seeds. `rlid reference` measures one with other agents or settings, and
`rlid run --reference` takes a user's own.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from rlid import agent as agents
from rlid.engine import random_scores
from rlid.errors import EngineError, InputError, ReferenceRefused
from rlid.measurement.plan import Plan
from rlid.measurement.runner import Runner
from rlid.records import REFERENCE_SEED, Judgement, versions
from rlid.store import DirectTraining, Reference, references

REFERENCE_SEEDS = 5
"""Trials of direct training, on seeds of their own, that a reference needs."""
RANDOM_EPISODES = 500
RANDOM_PARTS = 10
"""Parts in which random episodes run where some of them hang or fail."""
WHERE_NO_FLOOR = "ppo"
"""Tried besides the task's agent where nothing says what working training reaches."""


@dataclass(frozen=True)
class Standard:
    """What the trials of a run are judged by, and the reference that it rests on."""

    reference: Reference
    judgement: Judgement


@dataclass(frozen=True)
class RandomScore:
    """The mean return of uniformly random actions, its standard error, and over how many episodes.

    For supervised and synthetic tasks it is the chance level.
    """

    mean: float
    error: float
    episodes: int


def establish(runner: Runner) -> Standard:
    """Return what a run's trials are judged by; its reference is measured where it has to be.

    The watcher hears what is used: agent, seeds, budget, version, date and origin.

    Raises:
        ReferenceRefused: direct training does not work on this task.
        InputError: the rule takes a share of a reference that is not positive, or the user's own
            reference is not above random actions.
        StoreError: the store cannot be read or written.
    """
    plan = runner.plan
    origin = ""
    if plan.question.reference is not None:
        reference = _given(runner)
    else:
        stored, is_shipped = _stored(runner)
        why = why_again(stored, plan)
        if stored is None or why:
            names = default_agents(plan)
            runner.watcher.note(
                f"{why}: measuring random actions and direct training ({', '.join(names)}) first"
            )
            reference = measure_reference(runner, names)
        else:
            reference, origin = stored, "shipped with rlid" if is_shipped else "from the store"
        references.check(plan.task, reference.reference, reference.random)
    runner.watcher.note(describe(reference, plan, origin))
    return Standard(reference, judge(plan, reference, plan.question.baseline))


def judge(plan: Plan, reference: Reference, baseline: str) -> Judgement:
    """Return how the plan's rule judges by one of the baselines "own" and "global".

    Raises:
        InputError: the rule takes a share of a reference that is not positive.
    """
    is_global = baseline == "global"
    return Judgement.of(
        plan.question.model_copy(update={"baseline": baseline}),
        random=reference.random,
        full=cast(float, plan.task.baseline) if is_global else reference.reference,
        dmin=min(plan.dims),
        dmax=plan.dmax,
    )


def why_again(reference: Reference | None, plan: Plan) -> str:
    """Return why the reference of a plan has to be measured, or measured again; "" if not."""
    title = f"{plan.task.name} with {plan.network.architecture.name}"
    if reference is None:
        return f"no reference for {title}"
    if reference.budget < plan.task.budget:
        return (
            f"the reference for {title} was measured with {reference.budget:,} steps, "
            f"fewer than this run's {plan.task.budget:,}"
        )
    if reference.seeds < REFERENCE_SEEDS:
        return (
            f"the reference for {title} rests on {reference.seeds} seeds, "
            f"fewer than {REFERENCE_SEEDS}"
        )
    return ""


def default_agents(plan: Plan) -> list[str]:
    """Return the agents that measure the reference of a task, by the rule of this module.

    Raises:
        ReferenceRefused: none of them can take the task with this network.
    """
    task = plan.task
    names = dict.fromkeys([task.agent, *task.recipes])
    if task.kind == "rl" and task.floor is None:
        names[WHERE_NO_FLOOR] = None
    fitting, why = [], ""
    for name in names:
        try:
            plan.direct(name, [REFERENCE_SEED])
            fitting.append(name)
        except InputError as error:
            why = str(error)
    if not fitting:
        raise ReferenceRefused(
            f"no default agent can measure the reference of {task.name} ({why}): use "
            "`rlid reference --agent`"
        )
    return fitting


def describe(reference: Reference, plan: Plan, origin: str = "") -> str:
    """Return the line that says what a run is judged by, and where that comes from."""
    start = f"judged by: random {reference.random:.6g}, reference "
    if reference.is_given:
        return f"{start}{reference.reference:.6g} (given: {reference.source})"
    if plan.question.baseline == "global":
        start += f"{plan.task.baseline:.6g} (the task's own figure); direct training "
    words = [
        reference.agent,
        f"median of {reference.seeds} seeds",
        f"{reference.budget:,} steps each",
        f"task version {reference.task_version}",
        f"rlid {reference.versions.get('rlid', 'unknown')}",
        reference.measured_at or "no date recorded",
        *([origin] if origin else []),
    ]
    missing = reference.seeds - len(reference.scores)
    if missing:
        words.insert(2, f"{missing} of them missing")
    if plan.task.kind == "rl" and reference.stopping == "look":
        words.append("stopping rule of the first edition")
    return f"{start}{reference.reference:.6g} ({', '.join(words)})"


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
    direct, why = [], ""
    for directly in plans:
        trained, reason = _train(runner, directly, random.mean)
        direct.append(trained)
        why = why or reason
        score = "no score" if trained.median is None else f"{trained.median:.6g}"
        failed = f" ({reason})" if reason else ""
        runner.watcher.note(f"direct training by {trained.agent}: {score}{failed}")
    medians = {trained.agent: trained.median for trained in direct if trained.median is not None}
    if not medians:
        raise ReferenceRefused(f"direct training on {plan.task.name} gave no score: {why}")
    best = max(medians, key=lambda name: medians[name])
    spec = plans[0].spec(plan.network.D, REFERENCE_SEED, None)
    reference = _reference(
        plan,
        random,
        reference=medians[best],
        agent=best,
        direct=direct,
        command=plan.reference_command(agent_names, seeds, settings),
        stopping=spec.stopping,
    )
    references.save(reference, runner.store.folder)
    return reference


def measure_random(runner: Runner) -> RandomScore:
    """Return the score of random actions; episodes that hang or fail are left out.

    Raises:
        ReferenceRefused: too few episodes are left to tell their mean.
    """
    plan = runner.plan
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
    """Return direct training by one agent, and why a trial of it is missing, or ""."""
    task, D = direct.task, direct.network.D  # noqa: N806 (the field's word)
    floor = random if task.floor is None else task.floor
    judgement = Judgement(floor, random, dmin=D, dmax=D)
    specs = [direct.spec(D, seed, task.ceiling) for seed in direct.seeds]
    records = runner.run(direct, specs, judgement)
    reason = next((record.reason for record in records if record.reason), "")
    settings = agents.settings(direct.agent)
    trained = references.summarise(direct.agent_name, settings, records)
    return trained, (reason.splitlines() or [""])[0]


def _reference(plan: Plan, random: RandomScore, **result: Any) -> Reference:
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


def _stored(runner: Runner) -> tuple[Reference | None, bool]:
    plan, task = runner.plan, runner.plan.task
    return references.locate(
        runner.store.folder,
        task.name,
        task.version,
        task.protocol(),
        plan.network.architecture.name,
    )


def _given(runner: Runner) -> Reference:
    """Return the user's own reference; random actions are measured where they have not been."""
    plan, question = runner.plan, runner.plan.question
    name, folder = plan.network.architecture.name, runner.store.folder
    score = cast(float, question.reference)
    earlier = references.load_given(plan.task, name, folder) or _stored(runner)[0]
    if earlier is not None:
        random = RandomScore(earlier.random, earlier.random_error, earlier.random_episodes)
    else:
        random = measure_random(runner)
    if score <= random.mean:
        raise InputError(
            f"--reference {score:g}: must be above the score of random actions, {random.mean:.6g}"
        )
    reference = _reference(
        plan,
        random,
        reference=score,
        agent="given",
        direct=[],
        command=question.command,
        source=question.reference_source,
    )
    references.save(reference, folder)
    return reference
