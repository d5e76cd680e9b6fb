"""The reference of a run: what is used, and when it is measured, by which agents.

The rule does not depend on which commands ran before. A reference is measured by the task's own
agent and by every agent for which the task's protocol has a recipe. It is measured again when it
was measured under another protocol or version, with fewer steps than the run, or on fewer than
REFERENCE_SEEDS seeds. `rlid reference` measures one with other agents or settings, and
`rlid run --reference` takes a user's own.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from rlid import agent as agents
from rlid.errors import InputError, ReferenceRefused
from rlid.measurement.answer import count
from rlid.measurement.direct_training import (
    REFERENCE_SEEDS,
    RandomScore,
    measure_random,
    measure_reference,
    reference_of,
)
from rlid.measurement.plan import Plan
from rlid.measurement.runner import Runner
from rlid.records import MISSING, REFERENCE_SEED, Judgement
from rlid.store import Reference, references


@dataclass(frozen=True)
class Standard:
    """What the trials of a run are judged by, and the reference that it rests on."""

    reference: Reference
    judgement: Judgement


def establish(runner: Runner) -> Standard:
    """Return what a run's trials are judged by; its reference is measured where it has to be.

    The watcher hears what is used: agent, seeds, budget, version, date and origin. Where trials of
    its direct training are missing, a runner that is to `retry` runs them again.

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
        stored, is_shipped = stored_reference(plan, runner.store.folder)
        why = why_again(stored, plan)
        if stored is None or why:
            reference = _measure(runner, default_agents(plan), why)
        elif is_shipped:
            reference, origin = stored, "shipped with rlid"
        else:
            reference = _without_failures(runner, stored)
            origin = "from the store" if reference is stored else ""
        references.check(plan.task, reference.reference, reference.random)
    runner.watcher.note(describe(reference, plan, origin))
    return Standard(reference, judge(plan, reference, plan.question.baseline))


def _measure(
    runner: Runner, names: Sequence[str], why: str, seeds: int = REFERENCE_SEEDS
) -> Reference:
    """Measure a reference by these agents; the watcher hears why."""
    runner.watcher.note(
        f"{why}: measuring random actions and direct training ({', '.join(names)}) first"
    )
    return measure_reference(runner, names, seeds)


def _without_failures(runner: Runner, stored: Reference) -> Reference:
    """Return the store's reference; a runner that is to retry runs its failed trials again."""
    failed = sum(trial.status in MISSING for direct in stored.direct for trial in direct.trials)
    if not failed:
        return stored
    why = f"the reference in the store has {count(failed, 'failed trial')}"
    if not _is_as_here(runner.plan, stored):
        runner.watcher.note(f"{why}: `{stored.command} --retry` repeats failed trials")
    elif not runner.retry:
        runner.watcher.note(f"{why}: --retry repeats failed trials")
    else:
        names = [direct.agent for direct in stored.direct]
        return _measure(runner, names, why, stored.seeds)
    return stored


def _is_as_here(plan: Plan, reference: Reference) -> bool:
    """Whether direct training by this plan has the same trials as that of a reference.

    It has others where `rlid reference` measured it, by other settings or with a larger budget.
    """
    if reference.budget != plan.task.budget:
        return False
    try:
        return all(
            agents.settings(plan.direct(direct.agent, [REFERENCE_SEED]).agent) == direct.settings
            for direct in reference.direct
        )
    except InputError:
        # An agent of a package that this run does not import.
        return False


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


def needs_reference(plan: Plan, store: str | os.PathLike[str]) -> bool:
    """Whether a run of the plan measures its reference first.

    Raises:
        StoreError: a file that should hold it does not.
    """
    if plan.question.reference is not None:
        return False
    return bool(why_again(stored_reference(plan, store)[0], plan))


def default_agents(plan: Plan) -> list[str]:
    """Return the agents that measure the reference of a task, by the rule of this module.

    Raises:
        ReferenceRefused: none of them can take the task with this network.
    """
    task = plan.task
    fitting, why = [], ""
    for name in dict.fromkeys([task.agent, *task.recipes]):
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


def stored_reference(plan: Plan, store: str | os.PathLike[str]) -> tuple[Reference | None, bool]:
    """Return the reference of a plan's protocol, and whether it is the one shipped with rlid.

    Raises:
        StoreError: a file that should hold it does not.
    """
    task = plan.task
    return references.locate(
        Path(store),
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
    earlier = references.load_given(plan.task, name, folder) or stored_reference(plan, folder)[0]
    if earlier is not None:
        random = RandomScore(earlier.random, earlier.random_error, earlier.random_episodes)
    else:
        random = measure_random(runner)
    if score <= random.mean:
        raise InputError(
            f"--reference {score:g}: must be above the score of random actions, {random.mean:.6g}"
        )
    reference = reference_of(
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
