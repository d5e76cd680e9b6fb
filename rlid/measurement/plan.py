"""What is to be measured, checked as a whole before anything is trained."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from rlid import agent as agents
from rlid import projections
from rlid.agent import Agent
from rlid.dimension import BATCH_ROUND_SIZE, Search, make_search
from rlid.errors import InputError, first_line
from rlid.measurement.dims import dims_of
from rlid.measurement.question import ask
from rlid.measurement.recipes import agent_of
from rlid.networks import Network
from rlid.records import PROTOCOL, MeasurementSpec, TrialSpec, option_name
from rlid.registry import import_packages
from rlid.simulators import (
    closing,
    kind_of,
    make_network,
    make_world,
    most_envs,
    show_images,
    within,
)
from rlid.task import Task, adapt, resolve
from rlid.world import Simulator


@dataclass(frozen=True)
class Plan:
    """One measurement: the question, and everything that its names stand for.

    Attributes:
        question: what was asked.
        task: the task with the budget and the protocol that were asked for.
        agent: the agent with its settings.
        network: the network with the task's inputs and outputs.
        dims: every d that is open to the search, rising.
        seeds: every seed that is open to it.
        search: chooses the trials.
        world_merges: whether the simulator gains from trials side by side.
        actions: the kind of the task's actions as in `rlid.simulators`; "" for other kinds of task.
    """

    question: MeasurementSpec
    task: Task
    agent: Agent
    network: Network
    dims: tuple[int, ...]
    seeds: tuple[int, ...]
    search: Search
    world_merges: bool
    actions: str = ""

    @property
    def agent_name(self) -> str:
        """The registered name of the agent."""
        return self.question.agent

    @property
    def projection(self) -> str:
        """The kind of projection."""
        return self.question.projection

    @property
    def rule(self) -> str:
        """The rule of success."""
        return self.question.rule

    @property
    def imports(self) -> tuple[str, ...]:
        """Packages that every worker imports first."""
        return self.question.imports

    @property
    def is_full(self) -> bool:
        """Whether every trial runs its whole budget."""
        return self.question.full or self.rule == "paper"

    @property
    def dmax(self) -> int:
        """The largest d that the search may try."""
        return max(self.dims)

    @property
    def is_merged(self) -> bool:
        """Whether trials gain from running side by side in one process, and may."""
        return shares_batch(self.agent, self.world_merges)

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
            device=self.question.device,
        )

    def reference_command(
        self, agent_names: Sequence[str], seeds: int, settings: Sequence[str] = ()
    ) -> str:
        """Return the command that measures this plan's reference by itself, in one fixed wording.

        References are published: where it was run and kept is no part of the command.
        """
        words = ["rlid", "reference", self.task.name, "--agent", ",".join(agent_names)]
        words += ["--network", self.network.architecture.name, "--budget", str(self.task.budget)]
        words += ["--seeds", str(seeds)]
        for option in PROTOCOL:
            if value := getattr(self.question, option):
                words += [f"--{option}", value]
        for field, values in (("settings", settings), ("imports", self.imports)):
            words += [word for value in values for word in (option_name(field), value)]
        return shlex.join(words)

    def direct(self, agent: str, seeds: Sequence[int], settings: Sequence[str] = ()) -> Plan:
        """Return the plan of direct training by an agent, as the task's protocol has it.

        Settings of this plan's own agent do not enter: the reference is the task's, not theirs.

        Args:
            agent: the agent's name.
            seeds: the trials' seeds.
            settings: assignments after the task's recipe, where the user gave some.

        Raises:
            InputError: the agent cannot take this task or this network, or has no such setting.
        """
        configured = agent_of(agent, self.task, settings)
        _check(agent, configured, self.task, self.network, self.actions, self.network.D)
        changes = {"agent": agent, "projection": "identity", "rule": "normalised", "full": False}
        if self.question.device not in configured.devices:
            changes["device"] = "cpu"
        return replace(
            self,
            question=self.question.model_copy(update=changes),
            agent=configured,
            dims=(self.network.D,),
            seeds=tuple(seeds),
        )


def plan(task: str, **options: Any) -> Plan:
    """Return the checked plan of a measurement; options are those of `rlid.measure`.

    Raises:
        InputError: something in it is unknown or out of range; the message is one line.
    """
    return plan_of(ask(task, **options))


def plan_of(question: MeasurementSpec) -> Plan:
    """Return the checked plan of a question.

    Raises:
        InputError: something in it is unknown or does not go together; the message is one line.
    """
    import_packages(question.imports)
    task = task_of(question)
    agent = agent_of(question.agent, task, question.settings)
    projections.PROJECTIONS.entry(question.projection)
    network, actions, merges = _look_at_world(task, question.network)
    if question.dmax is None and question.dims is None and question.projection != "identity":
        default = None if task.dmax is None else min(task.dmax, network.D)
        question = question.model_copy(update={"dmax": default})
    dims = dims_of(question, network.D)
    _check(question.agent, agent, task, network, actions, dims[-1])
    seeds = tuple(range(question.seed, question.seed + question.seeds))
    if question.search == "adaptive" and shares_batch(agent, merges):
        question = question.model_copy(update={"round_size": BATCH_ROUND_SIZE})
    is_large = not network.is_dense or agent.trains_together
    device = agents.choose_device(question.device, question.agent, agent, is_large=is_large)
    question = question.model_copy(update={"device": device})
    search = _search(question, dims, seeds)
    return Plan(question, task, agent, network, dims, seeds, search, merges, actions)


def shares_batch(agent: Agent, world_merges: bool) -> bool:
    """Return whether an agent's trials gain from running side by side in one process, and may.

    `world_merges` says whether the simulator gains from it.
    """
    return agent.trains_together or (world_merges and agent.shares_batch)


def task_of(question: MeasurementSpec) -> Task:
    """Return the task of a question, with the budget and the protocol that were asked for.

    Raises:
        InputError: the task is unknown, or does not take these options.
    """
    own = resolve(question.task)
    adapted = adapt(own, observation=question.observation, backend=question.backend)
    task = show_images(adapted, question.network)
    if question.baseline == "global" and task.baseline is None:
        raise InputError(f"--baseline global: task {task.name!r} has none; use --baseline own")
    return task if question.budget is None else replace(task, budget=question.budget)


def _look_at_world(task: Task, network_name: str) -> tuple[Network, str, bool]:
    """Make the task's world once.

    Returns:
        The network that fits it, the kind of its actions, and whether it merges trials.
    """
    # An environment may print, which is no result, and change its working folder.
    with (
        contextlib.redirect_stdout(sys.stderr),
        contextlib.chdir(os.curdir),
        within(task.patience, f"making the world of task {task.name!r}") as beat,
    ):
        world = make_world(task, beat)
    with closing(world, task):
        network = make_network(task, network_name, world)
        if task.kind != "rl":
            return network, "", world.merges
        simulator = cast(Simulator, world)
        return network, kind_of(simulator.action_space, task.action), world.merges


def _check(name: str, agent: Agent, task: Task, network: Network, actions: str, d: int) -> None:
    """Refuse what the agent cannot train: the task's actions, the network, or d."""
    if actions:
        agents.check_actions(name, agent, task.name, actions)
    agent.check_network(network, d)
    # Gradient agents step environments of their own beside the one that scores.
    number, most = agents.settings(agent).get("n_envs"), most_envs(task)
    if isinstance(number, int) and most is not None and number >= most:
        raise InputError(
            f"agent {name!r} steps {number} environments beside the one that scores, but only "
            f"{most} may exist at once: use --envs {number + 1} or another agent"
        )


def _search(question: MeasurementSpec, dims: tuple[int, ...], seeds: tuple[int, ...]) -> Search:
    """Return the search that was asked for; InputError where it does not take its options."""
    limits = question.model_dump(include={"precision", "max_trials", "round_size"})
    listed = None if dims == tuple(range(1, dims[-1] + 1)) else dims
    try:
        return make_search(question.search, dmax=dims[-1], dims=listed, seeds=seeds, **limits)
    except ValueError as error:
        # `rlid.dimension` knows nothing of rlid's errors.
        raise InputError(first_line(error)) from None
