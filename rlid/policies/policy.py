"""A policy rebuilt from its file: theta from two seeds and z, ready to act, anywhere."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rlid.errors import DamagedRecord, DataError, InputError, PolicyFileError
from rlid.policies import bounds, policy_file
from rlid.policies.policy_file import PolicyFile
from rlid.policies.prediction import predict
from rlid.records import TrialSpec
from rlid.registry import import_packages
from rlid.store import read_limited
from rlid.task import BACKENDS, OBSERVATIONS, Task, adapt, resolve
from rlid.world import Part, no_beat

if TYPE_CHECKING:
    import torch
    from torch import nn

    from rlid.problem import Problem

FULL_BITS = 32
"""Bits of an entry of z that is not rounded."""


@dataclass(frozen=True)
class Policy:
    """A policy as its file describes it, and the problem it solves."""

    file: PolicyFile
    problem: Problem

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        imports: Sequence[str] = (),
        most_drawn: float = bounds.MOST_DRAWN,
    ) -> Policy:
        """Read a policy file and rebuild its weights.

        Args:
            path: the file.
            imports: packages that register the task, where rlid does not know it by itself; a
                file cannot ask for an import.
            most_drawn: the most random numbers that its projection may draw. The default bounds
                time and memory for a file of a stranger; `math.inf` is for your own.

        Raises:
            PolicyFileError: it is no policy file, it asks for too much, or theta is not what the
                file says.
            ValueError: a package cannot be imported.
        """
        try:
            data = read_limited(Path(path), policy_file.MAX_BYTES)
        except (OSError, DamagedRecord) as error:
            what = getattr(error, "strerror", None) or error
            raise PolicyFileError(f"{os.path.relpath(path)!r} cannot be read: {what}") from None
        import_packages(imports)
        try:
            return cls.build(policy_file.parse(data), most_drawn)
        except PolicyFileError as error:
            raise PolicyFileError(f"{os.fspath(path)}: {error}") from None

    @classmethod
    def build(cls, file: PolicyFile, most_drawn: float = bounds.MOST_DRAWN) -> Policy:
        """Rebuild the weights of a parsed file.

        Args:
            file: the content of the file.
            most_drawn: the most random numbers that its projection may draw.

        Raises:
            PolicyFileError: the task is unknown or another one here, it asks for too much, or
                theta differs.
        """
        from rlid import projections
        from rlid.simulators import within

        task = _task(file)
        try:
            with within(task.patience, f"making the world of task {task.name!r}") as beat:
                problem = make(
                    task, file.network, file.projection, file.d, file.seed, most_drawn, beat
                )
            version = projections.version(file.projection)
        except ValueError as error:
            raise PolicyFileError(f"cannot be rebuilt: {error}") from None
        if version != file.projection_version:
            raise PolicyFileError(
                f"made with version {file.projection_version} of projection {file.projection!r}, "
                f"this rlid draws version {version}"
            )
        if problem.subspace.theta_sha256(file.z) != file.theta_sha256.hex():
            raise PolicyFileError("theta, rebuilt from the seeds and z, is not what was exported")
        return cls(file, problem)

    @classmethod
    def of(
        cls, task: Task, network: str, projection: str, seed: int, z: NDArray[np.float32]
    ) -> Policy:
        """Return the policy at z (d,), by way of the file that would hold it.

        Raises:
            InputError: it cannot be made, or no file can hold it.
        """
        from rlid import projections

        problem = make(task, network, projection, len(z), seed)
        codes, scale = policy_file.encode_z(z, FULL_BITS)
        file = PolicyFile(
            task=task.name,
            task_version=task.version,
            protocol=policy_file.protocol_digest(task),
            network=network,
            projection=projection,
            projection_version=projections.version(projection),
            seed=seed,
            theta_sha256=bytes.fromhex(problem.subspace.theta_sha256(z)),
            bits=FULL_BITS,
            scale=scale,
            codes=codes,
        )
        return cls.build(policy_file.parse(file.dump()))

    @property
    def theta(self) -> NDArray[np.float32]:
        """The weights (D,)."""
        import torch

        with torch.inference_mode():
            return self.problem.subspace.theta(torch.from_numpy(self.file.z)).numpy()

    def predict(self, observation: Any) -> Any:
        """Return the action for one observation, as the environment gives and takes them.

        For a task without an environment, the number of the class of one input (inputs,), or of
        each of several, (n, inputs). Those of a table are its own numbers, in the order of the
        columns' names without the target; where the target is a number, that number is returned.

        Raises:
            ValueError: the observation has another size.
        """
        return predict(self.problem, self._outputs, observation)

    @cached_property
    def _outputs(self) -> Callable[[torch.Tensor], torch.Tensor]:
        """The function from observations (1, n, inputs) to outputs, as populations are scored."""
        import torch

        with torch.inference_mode():
            return self.problem.network.bind(torch.from_numpy(self.theta)[None])

    def to_torch(self) -> nn.Sequential:
        """Return the plain network: a torch module from its inputs to its outputs."""
        import torch

        from rlid.networks import to_torch

        return to_torch(self.problem.network, torch.from_numpy(self.theta))

    def evaluate(self, episodes: int, seed: int = 0) -> NDArray[np.float64]:
        """Return the scores of fresh episodes, or of one scoring where nothing is drawn.

        Raises:
            InputError: fewer than 1 episode is asked for.
            EnvironmentFault: the environment failed.
        """
        if episodes < 1:
            raise InputError(f"a policy is evaluated on 1 episode or more, not {episodes}")
        return score(self.problem, self.file.z, self.episode_seeds(episodes, seed))

    def episode_seeds(self, episodes: int, seed: int = 0) -> tuple[int, ...]:
        """Return the seeds of the episodes that `evaluate` plays, in the order of its scores."""
        return draw(seed, "play", episodes)


def make(
    task: Task,
    network: str,
    projection: str,
    d: int,
    seed: int,
    most_drawn: float = math.inf,
    beat: Callable[[], None] = no_beat,
) -> Problem:
    """Return the problem of a policy, unless its subspace is out of all proportion.

    Args:
        task: the task.
        network: the network's name.
        projection: the kind of projection.
        d: the dimension of the subspace.
        seed: of the trial.
        most_drawn: the most random numbers that the projection may draw.
        beat: is called at signs of life while the world is made.

    Raises:
        InputError: it cannot be made, or asks for too much.
    """
    from rlid.problem import make_problem
    from rlid.simulators import make_network, make_world

    world = make_world(task, beat)
    shape = make_network(task, network, world)
    bounds.check(projection, shape.D, d, most_drawn)
    return make_problem(task, shape, projection, d, seed, world)


def draw(seed: int, role: str, episodes: int) -> tuple[int, ...]:
    """Return the seeds of fresh episodes, which no trial and no other role draws."""
    from rlid.training import draw_seeds, role_generator

    return draw_seeds(role_generator(seed, role), episodes)


def score(
    problem: Problem, z: NDArray[np.float32], seeds: tuple[int, ...], part: Part = "scoring"
) -> NDArray[np.float64]:
    """Return the scores (E,) of z (d,) in the episodes of `seeds`."""
    values: NDArray[np.float64] = problem.evaluate(z[None], seeds, part).values[0]
    return values


def _task(file: PolicyFile) -> Task:
    """Return the task that a file is for, as it is here.

    Raises:
        PolicyFileError: it is unknown, no task with a policy, or another version of it.
    """
    try:
        task = resolve(file.task)
    except ValueError as error:
        hint = "; --import names the package that registers it"
        raise PolicyFileError(f"{error}{'' if isinstance(error, DataError) else hint}") from None
    if task.kind == "synthetic":
        raise PolicyFileError(f"{file.task!r} is a synthetic task: it has no policy")
    for variant in variants(task):
        identity = variant.version, policy_file.protocol_digest(variant)
        if identity == (file.task_version, file.protocol):
            return variant
    raise PolicyFileError(
        f"made for version {file.task_version} of {file.task!r} and its protocol; "
        f"here it is version {task.version}, or has other settings"
    )


def task_of(spec: TrialSpec) -> Task:
    """Return the task of a trial as it was then: with its observation rule and back end.

    Raises:
        InputError: it is unknown, has no policy, or is another version here.
    """
    task = resolve(spec.task)
    if task.kind == "synthetic":
        raise InputError(f"{task.name!r} is a synthetic task: it has no policy")
    for variant in variants(task):
        identity = variant.version, variant.protocol(), variant.backend
        if identity == (spec.task_version, spec.protocol, spec.backend):
            return variant
    raise InputError(
        f"a trial of {spec.task} was run with version {spec.task_version} of the task, and its "
        f"protocol; here it is version {task.version}, or has other settings"
    )


def variants(task: Task) -> Iterator[Task]:
    """Yield a task as it is, and with every other observation rule and back end that it takes."""
    yield task
    for observation in OBSERVATIONS:
        for backend in (task.backend, *BACKENDS):
            try:
                yield adapt(task, observation=observation, backend=backend)
            except ValueError:
                continue
