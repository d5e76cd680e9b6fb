"""The base of agents that train by an algorithm of stable-baselines3 or sb3-contrib.

A subclass names the algorithm and lists its settings; ten lines are an agent:

    @AGENTS.add("policy-gradient", "gradient", name="my_ddpg")
    @dataclass(frozen=True)
    class MyDDPG(OffPolicyAgent):
        '''DDPG by stable-baselines3 in a subspace.'''

        batch_size: int = 100
        learning_starts: int = 1000
        algorithm: ClassVar[str] = "stable_baselines3:DDPG"
        actions: ClassVar[tuple[str, ...]] = ("squashed",)
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from rlid.agent import CHECKPOINT, SearchSteps, check_positive, check_shares
from rlid.errors import InputError

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm

    from rlid.networks import Network
    from rlid.problem import Notes, Problem


@dataclass(frozen=True)
class SB3Agent:
    """What agents by SB3's algorithms have in common; see `OnPolicyAgent` and `OffPolicyAgent`.

    Every field that a subclass adds is passed on by its name: to the algorithm's constructor where
    that takes it, else to the policy's. `lr` is SB3's `learning_rate`. The learning rate of z is
    lr * sqrt(D/d) (`scale="none"` takes lr as it is); what is trained outside z, such as a critic,
    trains at lr.

    Attributes:
        n_envs: environments side by side.
        lr: learning rate in units of theta.
        gamma: discount of a step.
        anneal_lr: whether lr falls linearly to zero over the budget.
        log_std: logarithm of the fixed standard deviation of continuous actions; before tanh, where
            the algorithm squashes them. Trained, it would be numbers that d does not count.
        scale: "sqrt" for steps in z of lr * sqrt(D/d), "none" for lr.
        checkpoint: steps between two moments at which the trial can be saved; the environments
            begin anew there.
        algorithm: the class, or "module:Class", which is imported when it is needed.
    """

    n_envs: int = 1
    lr: float = 3e-4
    gamma: float = 0.99
    anneal_lr: bool = False
    log_std: float = -1.0
    scale: Literal["sqrt", "none"] = "sqrt"
    checkpoint: int = CHECKPOINT

    kinds: ClassVar[tuple[str, ...]] = ("rl",)
    shares_batch: ClassVar[bool] = False
    actions: ClassVar[tuple[str, ...]] = ()
    algorithm: ClassVar[Any]
    own: ClassVar[tuple[str, ...]] = ("n_envs", "lr", "anneal_lr", "log_std", "scale", "checkpoint")
    """Fields that the bridge uses itself."""

    def __post_init__(self) -> None:
        """Refuse settings with which no algorithm can run.

        Raises:
            InputError: a size or a share is out of range.
        """
        name = type(self).__name__.lower()
        check_positive(name, n_envs=self.n_envs, lr=self.lr, checkpoint=self.checkpoint)
        check_shares(name, gamma=self.gamma)

    def check_network(self, network: Network, d: int) -> None:
        """Refuse an algorithm that is not installed, or that cannot train in a subspace.

        Raises:
            InputError: in one line, why.
        """
        self._resolved()

    def _resolved(self) -> tuple[type[BaseAlgorithm], dict[str, Any], dict[str, Any]]:
        """Return the algorithm, its settings, and those of its policy.

        Raises:
            InputError: the algorithm cannot be used, or does not take a setting.
        """
        from rlid.sb3_bridge.algorithms import algorithm_of, sorted_settings

        algorithm = algorithm_of(self.algorithm)
        fields = dataclasses.fields(self)
        plain = {
            each.name: getattr(self, each.name) for each in fields if each.name not in self.own
        }
        return algorithm, *sorted_settings(algorithm, plain)

    def _rate(self) -> Any:
        """Return the learning rate, or its schedule, as SB3 takes it."""
        from stable_baselines3.common.utils import LinearSchedule

        return LinearSchedule(self.lr, 0.0, 1.0) if self.anneal_lr else self.lr


@dataclass(frozen=True)
class OnPolicyAgent(SB3Agent):
    """An agent by an on-policy algorithm: actor theta0 + P z, and a critic as `critic` says.

    Attributes:
        critic: "full" (a network outside the subspace), "shared" (a head on the actor's features,
            outside it), or "subspace" (the critic's weights follow the same z). d counts z alone;
            the record notes how many trained numbers stand outside it.
    """

    n_envs: int = 8
    log_std: float = -0.5
    critic: Literal["full", "shared", "subspace"] = "full"

    own: ClassVar[tuple[str, ...]] = (*SB3Agent.own, "critic")

    def check_network(self, network: Network, d: int) -> None:
        """Refuse an algorithm that cannot be used, or a network without what the critic needs.

        Raises:
            InputError: in one line, why.
        """
        from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

        from rlid.sb3_bridge.critics import check_critic

        algorithm, _, policy_settings = self._resolved()
        _check_base(algorithm, OnPolicyAlgorithm, "OffPolicyAgent")
        if policy_settings:
            raise InputError(
                f"{algorithm.__name__}: {', '.join(policy_settings)} would change the actor or the "
                "critic, which rlid makes itself"
            )
        check_critic(network, self.critic, d)

    def notes(self, problem: Problem) -> Notes:
        """Return the learning rate of z, and how many numbers are trained outside z."""
        from rlid.sb3_bridge.critics import numbers_outside

        outside = numbers_outside(problem.network, self.critic)
        return {"lr_z": self.lr * problem.scale(self.scale), "trained_outside_z": outside}

    def search(self, problem: Problem, rng: np.random.Generator) -> SearchSteps:
        """Train until closed."""
        from rlid.sb3_bridge.on_policy import search_on_policy

        algorithm, settings, _ = self._resolved()
        yield from search_on_policy(
            algorithm,  # type: ignore[arg-type]
            problem,
            rng,
            n_envs=self.n_envs,
            budget=problem.budget,
            scale=problem.scale(self.scale),
            log_std=self.log_std,
            critic=self.critic,
            memory="content",
            checkpoint=self.checkpoint,
            learning_rate=self._rate(),
            **settings,
        )


@dataclass(frozen=True)
class OffPolicyAgent(SB3Agent):
    """An agent by an off-policy algorithm: what acts is theta0 + P z, critics are its own.

    The defaults for the settings that all these algorithms have are those of rlid's `sac`.

    Attributes:
        buffer_size: steps that the replay buffer holds.
        learning_starts: steps of random actions before the first update.
        train_freq: steps (of each environment) between two phases of learning.
        gradient_steps: updates in one phase.
    """

    buffer_size: int = 100_000
    learning_starts: int = 10_000
    batch_size: int = 256
    train_freq: int = 1
    gradient_steps: int = 1

    def __post_init__(self) -> None:
        """Refuse settings with which no algorithm can run.

        Raises:
            InputError: a size or a share is out of range.
        """
        super().__post_init__()
        check_positive(
            type(self).__name__.lower(),
            buffer_size=self.buffer_size,
            batch_size=self.batch_size,
            train_freq=self.train_freq,
            gradient_steps=self.gradient_steps,
        )

    def check_network(self, network: Network, d: int) -> None:
        """Refuse an algorithm that is not installed, or that cannot train in a subspace.

        Raises:
            InputError: in one line, why.
        """
        from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

        from rlid.sb3_bridge.policies import subspace_policy

        algorithm = self._resolved()[0]
        _check_base(algorithm, OffPolicyAlgorithm, "OnPolicyAgent")
        subspace_policy(algorithm)

    def notes(self, problem: Problem) -> Notes:
        """Return the learning rate of z, and how many numbers are trained outside z."""
        from rlid.sb3_bridge.off_policy import trained_outside

        algorithm, _, policy_settings = self._resolved()
        outside = trained_outside(algorithm, problem, policy_settings)
        return {"lr_z": self.lr * problem.scale(self.scale), "trained_outside_z": outside}

    def search(self, problem: Problem, rng: np.random.Generator) -> SearchSteps:
        """Train until closed."""
        from rlid.sb3_bridge.off_policy import search_off_policy
        from rlid.sb3_bridge.policies import subspace_policy

        algorithm, settings, policy_settings = self._resolved()
        policy_settings |= {"scale": problem.scale(self.scale), "log_std": self.log_std}
        yield from search_off_policy(
            algorithm,  # type: ignore[arg-type]
            subspace_policy(algorithm),
            problem,
            rng,
            n_envs=self.n_envs,
            budget=problem.budget,
            policy_settings=policy_settings,
            checkpoint=self.checkpoint,
            learning_rate=self._rate(),
            **settings,
        )


def _check_base(algorithm: type, kind: type, other: str) -> None:
    """Refuse an algorithm whose agent has the base class of the other kind.

    Raises:
        InputError: the message names the right base class.
    """
    if not issubclass(algorithm, kind):
        raise InputError(
            f"{algorithm.__name__} is no {kind.__name__}: derive its agent from {other}"
        )
