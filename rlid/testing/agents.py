"""What must hold for every agent, whatever its name."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlid.agent import (
    AGENTS,
    Ask,
    Progress,
    SearchSteps,
    TrainingBatch,
    TrainingRound,
    configure,
)
from rlid.agent import settings as settings_of
from rlid.errors import EnvironmentFault, InputError
from rlid.problem import make_problem
from rlid.registry import import_packages
from rlid.simulators import make_network, make_world
from rlid.task import resolve
from rlid.testing.findings import Finding, raise_failed, wrong
from rlid.world import World

BUDGET = 2000
"""Steps that a search takes here."""
EPISODES = (1, 2)
"""Seeds of the episodes that score what an agent asks about."""
MOST_STEPS = 20
"""Questions or reports of an agent that are compared, at most."""

Proposals = list[NDArray[np.float64]]


def check_agent(
    name: str,
    *,
    task: str = "cartpole",
    imports: Sequence[str] = (),
    network: str | None = None,
    settings: Sequence[str] = (),
) -> None:
    """Check that a registered agent can search in a trial.

    Args:
        name: the name of the agent.
        task: a quick task that it takes.
        imports: packages that register it.
        network: a small one for the task; the task's own by default.
        settings: assignments to the agent's hyper-parameters, such as "learning_starts=500" for one
            that would not begin to train within 2,000 steps.

    Raises:
        CheckFailed: a check failed; the message has a line for each.
    """
    try:
        import_packages(imports)
        agent: Any = configure(name, settings)
        world = make_world(resolve(task))
        network = network or resolve(task).network
    except InputError as error:
        raise_failed(name, [Finding("registration", "refused", str(error))])
        return
    try:
        findings = [*_of_the_settings(name, agent), *_of_the_search(agent, task, network, world)]
    except (EnvironmentFault, InputError) as error:
        findings = [Finding("search", "refused", str(error), "give it a task that it takes")]
    finally:
        world.close()
    raise_failed(name, findings)


def _of_the_settings(name: str, agent: Any) -> Iterator[Finding]:
    if not AGENTS.entry(name).summary:
        yield wrong("summary", "it has none", "begin its docstring with one line")
    if not agent.__dataclass_params__.frozen:
        yield wrong("settings", "they can be changed", "use @dataclass(frozen=True)")
    try:
        is_plain = json.loads(json.dumps(settings_of(agent), allow_nan=False)) == settings_of(agent)
    except (TypeError, ValueError):
        is_plain = False
    if not is_plain:
        yield wrong("settings", "they are not plain JSON", "use strings, numbers, true and false")


def _of_the_search(agent: Any, task: str, network: str, world: World) -> Iterator[Finding]:
    def searched(seed: int, d: int = 2) -> Proposals:
        return _search(agent, task, network, world, d, seed)

    before = _global_states()
    first = searched(0)
    if before != _global_states():
        yield wrong("generators", "it draws from a global one", "draw from `rng` alone")
    if not first:
        yield wrong("search", "it yields nothing", "yield Ask or Progress")
        return
    for Z in first:  # noqa: N806
        if Z.ndim != 2 or Z.shape[1] != 2:
            yield wrong("search", f"it proposes {Z.shape} for d = 2", "propose z of d numbers")
            return
    if not all(np.isfinite(Z).all() for Z in first):
        yield wrong("search", "a z is not finite", "keep every number finite")
    if not _are_equal(first, searched(0)):
        yield wrong("seeds", "two searches with one seed differ", "draw from `rng` alone")
    if _are_equal(first, searched(1)):
        if len(first) > 1 and all(np.array_equal(Z, first[0]) for Z in first):
            advice = "pass `settings` with which it trains earlier"
            yield wrong("search", f"z stands still for {BUDGET:,} steps", advice)
        else:
            yield wrong("seeds", "two seeds give one search", "draw from `rng`")
    if not searched(0, d=1):
        yield wrong("dimension", "it yields nothing at d = 1", "every d from 1 on must work")


def _global_states() -> tuple[Any, ...]:
    legacy: Any = np.random.get_state()  # noqa: NPY002
    return random.getstate(), legacy[1].tobytes(), legacy[2]


def _search(agent: Any, task: str, network: str, world: World, d: int, seed: int) -> Proposals:
    """Return what an agent proposes within the budget, driven as by a trial: arrays (n, d)."""
    resolved = resolve(task)
    shape = make_network(resolved, network, world)
    problem = make_problem(resolved, shape, "onehot", d, seed, world, BUDGET)
    search, reply = agent.search(problem, np.random.default_rng(seed)), None
    proposed: Proposals = []
    batches: list[TrainingBatch] = []
    try:
        while problem.search_steps < BUDGET and len(proposed) < MOST_STEPS:
            step = _next_step(search, reply, batches)
            if step is None:
                break
            reply = None
            if isinstance(step, Ask):
                proposed.append(np.array(step.Z, np.float64))
                score = problem.evaluate(step.Z, EPISODES)
                problem.search_steps += score.steps
                reply = score.values.mean(1)
            else:
                proposed.append(np.array(step.z, np.float64)[None])
    finally:
        search.close()
        for batch in batches:
            batch.close()
    return proposed


def _next_step(
    search: SearchSteps, reply: NDArray[np.float64] | None, batches: list[TrainingBatch]
) -> Ask | Progress | None:
    """Return the next question or report, after the rounds of training that come before it.

    Batches that begin meanwhile are added to `batches`. Returns None where the search is over.
    """
    try:
        step = search.send(reply)
        while isinstance(step, TrainingRound):
            learner = step.learner
            if learner.batch is None:
                learner.begin_batches([learner])
            batch = learner.batch
            assert batch is not None, "begin_batches gave the learner no batch"
            if batch not in batches:
                batches.append(batch)
            batch.round()
            step = search.send(None)
    except StopIteration:
        return None
    return step


def _are_equal(these: Proposals, others: Proposals) -> bool:
    return len(these) == len(others) and all(map(np.array_equal, these, others))
