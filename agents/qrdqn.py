"""Quantile regression DQN (Dabney et al. 2018) in a subspace, by sb3-contrib."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rlid.agent import AGENTS
from rlid.sb3_bridge import OffPolicyAgent


@AGENTS.add("value-based", "gradient", "contrib", name="qrdqn")
@dataclass(frozen=True)
class QRDQN(OffPolicyAgent):
    """QR-DQN by sb3-contrib: the mean over the quantiles of each action is theta0 + P z.

    How far the quantiles lie from that mean is a network outside the subspace, as a critic is: the
    policy takes the action with the largest mean and does not need it. The defaults are those that
    rl-zoo lists for CartPole.

    Attributes:
        target_update_interval: steps between two copies to the target network.
        exploration_fraction: share of the budget over which epsilon falls to its last value.
        exploration_initial_eps: epsilon of the first step.
        exploration_final_eps: the last epsilon.
        n_quantiles: of the returns of each action.
    """

    lr: float = 2.3e-3
    learning_starts: int = 1000
    batch_size: int = 64
    train_freq: int = 256
    gradient_steps: int = 128
    target_update_interval: int = 10
    exploration_fraction: float = 0.16
    exploration_initial_eps: float = 1.0
    exploration_final_eps: float = 0.04
    n_quantiles: int = 10

    algorithm: ClassVar[str] = "sb3_contrib:QRDQN"
    actions: ClassVar[tuple[str, ...]] = ("discrete",)
