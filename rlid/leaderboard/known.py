"""What rlid itself knows of a published measurement, to hold the file against.

The task, the agent and the network are made from the question alone; a file is never asked for
them. Nothing is imported that the caller has not imported before, and no data set is read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from rlid import agent as agents
from rlid import projections
from rlid.agent import Agent
from rlid.datasets import DATASETS
from rlid.dimension import BATCH_ROUND_SIZE
from rlid.errors import InputError
from rlid.leaderboard.compared import refuse_import, unknown_names
from rlid.leaderboard.published import Published
from rlid.measurement import agent_of, task_of
from rlid.networks import Network, make, parse
from rlid.records import MeasurementSpec
from rlid.simulators import make_network, make_world, within
from rlid.task import CAP_ARGUMENT, Task, resolve

DEVICE = re.compile(r"cpu|cuda(:\d{1,3})?", re.ASCII)
VECTOR = "vector:"
"""How the names of networks begin that are nothing but their weights."""


class NotKnown(InputError):
    """The task is not registered here, or may not be looked up."""


@dataclass(frozen=True)
class Known:
    """The task, agent and network that a question names, as this version of rlid has them.

    Attributes:
        task: the task with the budget and the protocol that were asked for.
        agent: the agent with the task's recipe and the settings that were asked for; None where it
            is not registered here.
        network: the network with the task's inputs and outputs; None where only the environment
            or the data of the task tell them, and these were not opened.
        merges: whether the task's world gains from trials side by side; None where it was not made.
        unknown: why the network is not known; "" where it is.
        unregistered: the agent, the projection or both, in words, where they are not registered.
    """

    task: Task
    agent: Agent | None
    network: Network | None
    merges: bool | None = None
    unknown: str = ""
    unregistered: tuple[str, ...] = ()


class _Made(NamedTuple):
    """The network of a task, whether its world merges trials, and why either is not known."""

    network: Network | None
    merges: bool | None
    unknown: str = ""


def known_of(question: MeasurementSpec) -> Known:
    """Return what this version of rlid knows of a question.

    Raises:
        NotKnown: the task is not registered here.
        InputError: `rlid run` refuses these options together.
    """
    try:
        refuse_import(question.task)
        resolve(question.task)
    except InputError as error:
        raise NotKnown(str(error)) from None
    unknown = dict(unknown_names(question))
    task = task_of(question)
    agent = None if "agent" in unknown else agent_of(question.agent, task, question.settings)
    made = _make(
        question.model_copy(
            update={"agent": "", "dims": None, "dmax": None, "imports": (), "settings": ()}
        )
    )
    unregistered = tuple(f"{noun} {name!r}" for noun, name in unknown.items())
    return Known(task, agent, made.network, made.merges, made.unknown, unregistered)


def problems(published: Published, known: Known) -> Iterator[str]:
    """Yield where a file contradicts what rlid knows of its question, one line each."""
    question, common, task = published.question, published.common, known.task
    if published.kind != task.kind:
        yield f"kind {published.kind!r}: the task is of kind {task.kind!r}"
    yield from _newer(published, known)
    if published.spec(1, 0).budget != task.budget:
        yield f"a budget of {common['budget']}: the question asks for {task.budget}"
    is_paper = question.rule == "paper"
    expected: dict[str, object] = {
        "dtype": "float32",
        "device": question.device,
        "projection": question.projection,
        "candidate": "last" if is_paper else "best",
        "stop_score": None if question.full or is_paper else published.threshold,
    }
    if is_paper or task.kind != "rl":
        expected["stopping"] = "look"
    spec = published.spec(1, 0)
    if is_of_this_version(published, known):
        expected |= {"protocol": task.protocol(), "backend": task.backend}
    if known.agent is not None and spec.agent_version == known.agent.version:
        expected["settings"] = agents.settings(known.agent)
    for name, value in expected.items():
        if getattr(spec, name) != value:
            yield f"{name} is {getattr(spec, name)!r}: the question asks for {value!r}"
    yield from _derived(published, known)
    if known.network is not None and known.network.D != published.D:
        yield f"D = {published.D}: {question.network} has {known.network.D} weights on this task"
    if question.baseline == "global" and task.baseline != published.reference:
        yield f"reference {published.reference!r}: the task's own figure is {task.baseline!r}"


def _derived(published: Published, known: Known) -> Iterator[str]:
    """Check the options that `rlid run` derives from the others."""
    question = published.question
    if not DEVICE.fullmatch(question.device):
        yield f"device {question.device!r}: trials run on cpu, cuda or cuda:N"
    agent = known.agent
    if agent is None:
        return
    if question.device != "cpu" and "cuda" not in agent.devices:
        yield f"device {question.device!r}: agent {question.agent!r} trains on the cpu"
    is_shared = agent.trains_together or (known.merges is not False and agent.shares_batch)
    sizes = {MeasurementSpec.model_fields["round_size"].default}
    if question.search == "adaptive" and is_shared:
        # Files from before they had an origin may have the smaller rounds all the same.
        is_sure = published.origin is not None and (agent.trains_together or known.merges)
        sizes = {BATCH_ROUND_SIZE} if is_sure else sizes | {BATCH_ROUND_SIZE}
    if question.round_size not in sizes:
        yield (
            f"rounds of {question.round_size} trials: this search asks for "
            f"{' or '.join(map(str, sorted(sizes)))} at once"
        )


def notes(published: Published, known: Known) -> Iterator[str]:
    """Yield what could not be compared with what rlid knows, one line each."""
    if known.unknown:
        yield f"D was not compared: {known.unknown}"
    for name in known.unregistered:
        yield f"not compared with what rlid knows of it: unknown {name}"
    for what, measured, here in versions_of(published, known):
        if measured < here:
            yield f"measured with version {measured} of the {what}, here it is version {here}"


def is_of_this_version(published: Published, known: Known) -> bool:
    """Whether the trials are of the version of the task that is registered here."""
    return bool(published.common.get("task_version") == known.task.version)


def versions_of(published: Published, known: Known) -> list[tuple[str, int, int]]:
    """Return the version of task, agent and projection: (what, as measured, as it is here)."""
    spec, kind = published.spec(1, 0), published.question.projection
    versions = [("task", spec.task_version, known.task.version)]
    if known.agent is not None:
        versions.append(("agent", spec.agent_version, known.agent.version))
    if kind in projections.PROJECTIONS:
        versions.append(("projection", spec.projection_version, projections.version(kind)))
    return versions


def _newer(published: Published, known: Known) -> Iterator[str]:
    for what, measured, here in versions_of(published, known):
        if measured > here:
            yield f"version {measured} of the {what}: this rlid knows version {here} at most"


@lru_cache(maxsize=256)
def _make(question: MeasurementSpec) -> _Made:
    """Make the network of a task.

    Only the fields of the question that name the task, its protocol and the network are read.
    """
    task = task_of(question)
    if question.network.startswith(VECTOR):
        architecture = parse(question.network)
        return _Made(Network(architecture, architecture.weights or 1, 1), None)
    if task.kind == "supervised" and task.env in DATASETS:
        shape, classes = DATASETS[task.env].shape, DATASETS[task.env].classes
        inputs = math.prod(shape)
        network = make(question.network, inputs, classes, task.activation, shape, 1 / 255)
        return _Made(network, merges=False)
    arguments = [text.partition("=")[0] for text in task.name.partition("?")[2].split("&") if text]
    if any(name != CAP_ARGUMENT for name in arguments):
        why = "the environment takes arguments from the file, and was not made"
        return _Made(None, None, why)
    try:
        with within(task.patience, f"making the world of task {task.name!r}") as beat:
            world = make_world(task, beat)
        try:
            return _Made(make_network(task, question.network, world), world.merges)
        finally:
            world.close()
    except InputError as error:
        return _Made(None, None, str(error))
