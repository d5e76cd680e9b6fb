"""What is to be measured, checked as a whole before anything is trained."""

from __future__ import annotations

import contextlib
import math
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

from rlid import agent as agents
from rlid import projections
from rlid.agent import Agent
from rlid.dimension import Search, make_search
from rlid.errors import InputError
from rlid.networks import Network, parse
from rlid.records import MAX_SEED, PROTOCOL, MeasurementSpec, TrialSpec
from rlid.registry import import_packages
from rlid.simulators import kind_of, make_network, make_world, within
from rlid.task import Task, adapt, resolve
from rlid.world import Simulator

RULES = ("normalised", "raw", "paper")
BASELINES = ("own", "global")
MAX_SEEDS = 10_000


@dataclass(frozen=True)
class Plan:
    """One measurement: the task, what searches it, and where in d and seeds it looks."""

    task: Task
    agent_name: str
    agent: Agent
    network: Network
    projection: str
    dims: tuple[int, ...]
    seeds: tuple[int, ...]
    search: Search
    fraction: float
    rule: str
    baseline: str
    is_full: bool
    world_merges: bool
    imports: tuple[str, ...]
    question: MeasurementSpec

    @property
    def dmax(self) -> int:
        """The largest d that the search may try."""
        return max(self.dims)

    @property
    def is_merged(self) -> bool:
        """Whether trials gain from running side by side in one process, and may."""
        return self.world_merges and self.agent.shares_batch

    @property
    def title(self) -> str:
        """The measurement in one line."""
        return (
            f"{self.task.name} · {self.agent_name} · {self.network.architecture.name} "
            f"(D = {self.network.D}) · {self.projection}"
        )

    def spec(self, d: int, seed: int, stop_score: float | None) -> TrialSpec:
        """Return the spec of one trial.

        Trials of environments stop early when fresh episodes confirm a look. The paper's rule has
        no early stop, and tasks with fixed validation and test data have no fresh episodes.
        """
        is_confirmed = self.task.kind == "rl" and self.rule != "paper"
        return TrialSpec(
            task=self.task.name,
            task_version=self.task.version,
            protocol=self.task.protocol(),
            backend=self.task.backend,
            agent=self.agent_name,
            settings=agents.settings(self.agent),
            network=self.network.architecture.name,
            projection=self.projection,
            projection_version=projections.version(self.projection),
            d=d,
            seed=seed,
            stop_score=stop_score,
            budget=self.task.budget,
            candidate="last" if self.rule == "paper" else "best",
            stopping="confirmed" if is_confirmed else "look",
            agent_version=self.agent.version,
        )

    def threshold(self, random: float, reference: float) -> float:
        """Return the score that counts as solved, by this plan's rule.

        Raises:
            InputError: a rule that takes a share of a reference that is not positive.
        """
        if self.rule == "normalised":
            return random + self.fraction * (reference - random)
        if reference <= 0:
            raise InputError(
                f"--rule {self.rule}: {self.fraction:g} times a reference of {reference:g} "
                "means nothing; use --rule normalised"
            )
        return self.fraction * reference

    def reference_command(self, agent_names: Sequence[str], seeds: int) -> str:
        """Return the command that measures this plan's reference by itself, in one fixed wording.

        Where it was run and kept is no part of it: references are published.
        """
        words = ["rlid", "reference", self.task.name, "--agent", ",".join(agent_names)]
        words += ["--network", self.network.architecture.name, "--budget", str(self.task.budget)]
        words += ["--seeds", str(seeds)]
        for option in PROTOCOL:
            if value := getattr(self.question, option):
                words += [f"--{option}", value]
        for package in self.imports:
            words += ["--import", package]
        return shlex.join(words)

    def direct(self, agent: str, seeds: Sequence[int]) -> Plan:
        """Return the plan of direct training by an agent, as the task's protocol has it.

        Settings of this plan's own agent do not enter: the reference is the task's, not theirs.
        """
        return replace(
            self,
            agent_name=agent,
            agent=agents.configure(agent, recipe(self.task, agent)),
            rule="normalised",
            projection="identity",
            dims=(self.network.D,),
            seeds=tuple(seeds),
        )


def plan(
    task: str,
    *,
    agent: str | None = None,
    network: str | None = None,
    projection: str = "onehot",
    dmax: int | None = None,
    dims: Sequence[int] | None = None,
    seeds: int = 10,
    seed: int = 0,
    search: str = "adaptive",
    budget: int | None = None,
    full: bool = False,
    fraction: float = 0.9,
    rule: str = "normalised",
    baseline: str = "own",
    settings: Sequence[str] = (),
    imports: Sequence[str] = (),
    precision: float = 0.25,
    max_trials: int | None = None,
    observation: str | None = None,
    backend: str | None = None,
) -> Plan:
    """Return a checked plan. Arguments are those of `rlid run`; see `rlid.measure`.

    Raises:
        InputError: something in it is unknown or out of range; the message is one line.
    """
    import_packages(imports)
    own = resolve(task)
    found = adapt(own, observation=observation, backend=backend)
    if budget is not None:
        found = replace(found, budget=_at_least_one("--budget", budget))
    name = agent or found.agent
    configured = agents.configure(name, [*recipe(found, name), *settings])
    if found.kind not in configured.kinds:
        raise InputError(
            f"agent {name!r} takes {' and '.join(configured.kinds)} tasks, "
            f"but {found.name!r} is of kind {found.kind!r}"
        )
    if projection not in projections.PROJECTIONS:
        projections.PROJECTIONS.entry(projection)
    if rule not in RULES:
        raise InputError(f"--rule {rule}: use one of {', '.join(RULES)}")
    if baseline not in BASELINES:
        raise InputError(f"--baseline {baseline}: use one of {', '.join(BASELINES)}")
    if baseline == "global" and found.baseline is None:
        raise InputError(f"--baseline global: task {found.name!r} has none; use --baseline own")
    if not (math.isfinite(fraction) and 0 < fraction <= 1):
        raise InputError(f"--fraction {fraction:g}: must be above 0 and at most 1")
    if not (math.isfinite(precision) and precision > 0):
        raise InputError(f"--precision {precision:g}: must be above 0")
    if not 1 <= seeds <= MAX_SEEDS:
        raise InputError(f"--seeds {seeds}: must be from 1 to {MAX_SEEDS}")
    if not 0 <= seed <= MAX_SEED - seeds:
        raise InputError(f"--seed {seed}: must be from 0 to {MAX_SEED - seeds}")
    if max_trials is not None:
        _at_least_one("--max-trials", max_trials)
    parse(network or found.network)
    # What an environment prints is no result, and where it goes is its own affair.
    with (
        contextlib.redirect_stdout(sys.stderr),
        contextlib.chdir(os.curdir),
        within(found.patience),
    ):
        world = make_world(found)
    try:
        shape = make_network(found, network or found.network, world)
        if found.kind == "rl":
            kind = kind_of(cast(Simulator, world).action_space, found.action)
            agents.check_actions(name, configured, found.name, kind)
    finally:
        world.close()
    allowed = _dims(projection, dmax, dims, shape.D)
    configured.check_network(shape, allowed[-1])
    numbers = tuple(range(seed, seed + seeds))
    return Plan(
        task=found,
        agent_name=name,
        agent=configured,
        network=shape,
        projection=projection,
        dims=allowed,
        seeds=numbers,
        search=make_search(
            search,
            dmax=allowed[-1],
            dims=None if allowed == tuple(range(1, allowed[-1] + 1)) else allowed,
            seeds=numbers,
            precision=precision,
            max_trials=max_trials,
        ),
        fraction=fraction,
        rule=rule,
        baseline=baseline,
        is_full=full or rule == "paper",
        world_merges=world.merges,
        imports=tuple(imports),
        question=MeasurementSpec(
            task=found.name,
            agent=name,
            network=shape.architecture.name,
            projection=projection,
            dmax=dmax if dims is None else None,
            dims=None if dims is None else allowed,
            seeds=seeds,
            seed=seed,
            search=search,  # type: ignore[arg-type]
            precision=precision,
            max_trials=max_trials,
            budget=None if found.budget == own.budget else found.budget,
            observation=None if found.observation == own.observation else found.observation,
            backend=None if found.backend == own.backend else found.backend,
            full=full,
            fraction=fraction,
            rule=rule,  # type: ignore[arg-type]
            baseline=baseline,  # type: ignore[arg-type]
            settings=tuple(settings),
            imports=tuple(imports),
        ),
    )


def recipe(task: Task, agent: str) -> list[str]:
    """Return the settings that a task's protocol asks of an agent, as assignments."""
    return [f"{name}={value}" for name, value in task.recipes.get(agent, {}).items()]


def _dims(
    projection: str, dmax: int | None, dims: Sequence[int] | None, weights: int
) -> tuple[int, ...]:
    if projection == "identity":
        if dims is not None or (dmax is not None and dmax != weights):
            raise InputError(f"projection 'identity' has d = D = {weights} and no other")
        return (weights,)
    if dims is not None:
        listed = sorted(set(dims))
        if not listed or listed[0] < 1 or listed[-1] > weights:
            raise InputError(f"--dims: every d must be from 1 to D = {weights}")
        if dmax is not None and dmax < listed[-1]:
            raise InputError(f"--dims: {listed[-1]} is above --dmax {dmax}")
        return tuple(listed)
    if dmax is None:
        raise InputError(f"--dmax is needed: the largest d to try, from 1 to D = {weights}")
    if not 1 <= dmax <= weights:
        raise InputError(f"--dmax {dmax}: must be from 1 to D = {weights}")
    return tuple(range(1, dmax + 1))


def _at_least_one(option: str, value: int) -> int:
    if value < 1:
        raise InputError(f"{option} {value}: must be at least 1")
    return value
