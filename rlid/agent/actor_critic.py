"""What off-policy agents with an actor and two critics have in common: settings, checks, notes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from rlid.agent.protocol import CHECKPOINT
from rlid.agent.settings import LATER, check_positive, check_shares

if TYPE_CHECKING:
    from rlid.problem import Notes, Problem


@dataclass(frozen=True)
class OffPolicyActorCritic:
    """Settings of an agent whose actor is theta0 + P z, beside two critics outside the subspace.

    The critics are Q-networks of stable-baselines3's own shape. They are training machinery: no
    policy needs them, and d does not count them. The learning rate of z is lr * sqrt(D/d)
    (`scale="none"` takes lr as it is); the critics train at lr.

    Attributes:
        n_envs: environments side by side.
        buffer: steps that the replay buffer holds.
        learning_starts: steps of random actions before the first update.
        tau: share by which target networks follow, in each update.
        train_freq: steps (of each environment) between two phases of learning.
        gradient_steps: updates in one phase.
        critic: "full" alone: the critics' weights lie outside the subspace.
        checkpoint: steps between two moments at which the trial can be saved; the environments
            begin anew there.
        anneal_lr: whether lr falls linearly to zero over the budget.
    """

    n_envs: int = 1
    lr: float = 3e-4
    buffer: int = 100_000
    learning_starts: int = 10_000
    batch_size: int = 256
    gamma: float = 0.99
    tau: float = 0.005
    train_freq: int = 1
    gradient_steps: int = 1
    critic: Literal["full"] = "full"
    scale: Literal["sqrt", "none"] = "sqrt"
    checkpoint: int = field(default=CHECKPOINT, metadata=LATER)
    anneal_lr: bool = field(default=False, metadata=LATER)

    kinds: ClassVar[tuple[str, ...]] = ("rl",)
    shares_batch: ClassVar[bool] = False
    actions: ClassVar[tuple[str, ...]] = ("squashed", "clipped")
    critic_widths: ClassVar[tuple[int, ...]]
    """Hidden widths of each critic."""

    def __post_init__(self) -> None:
        """Refuse settings with which SB3 cannot run.

        Raises:
            InputError: a size or a share is out of range.
        """
        name = type(self).__name__.lower()
        check_positive(
            name,
            n_envs=self.n_envs,
            lr=self.lr,
            checkpoint=self.checkpoint,
            buffer=self.buffer,
            batch_size=self.batch_size,
            tau=self.tau,
            train_freq=self.train_freq,
            gradient_steps=self.gradient_steps,
        )
        check_shares(name, gamma=self.gamma, tau=self.tau)

    def notes(self, problem: Problem) -> Notes:
        """Return the learning rate of z, and how many numbers are trained outside z."""
        inputs = problem.network.inputs + problem.network.outputs
        outside = 2 * numbers_of_layers(inputs, *self.critic_widths, 1)
        return {"lr_z": self.lr * problem.scale(self.scale), "trained_outside_z": outside}

    def algorithm_settings(self) -> dict[str, Any]:
        """Return the settings by the names that SB3's algorithms have for them."""
        from stable_baselines3.common.utils import LinearSchedule

        return {
            "learning_rate": LinearSchedule(self.lr, 0.0, 1.0) if self.anneal_lr else self.lr,
            "buffer_size": self.buffer,
            "learning_starts": self.learning_starts,
            "batch_size": self.batch_size,
            "gamma": self.gamma,
            "tau": self.tau,
            "train_freq": self.train_freq,
            "gradient_steps": self.gradient_steps,
        }


def numbers_of_layers(*sizes: int) -> int:
    """Return the weights and biases of fully connected layers from sizes[0] to sizes[-1]."""
    return sum(
        inputs * outputs + outputs for inputs, outputs in zip(sizes[:-1], sizes[1:], strict=True)
    )
