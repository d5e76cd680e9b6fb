"""Trust region policy optimisation (Schulman et al. 2015) in a subspace, by sb3-contrib."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from rlid.agent import AGENTS, check_positive
from rlid.errors import InputError
from rlid.sb3_bridge import OnPolicyAgent


@AGENTS.add("policy-gradient", "gradient", "contrib", name="trpo")
@dataclass(frozen=True)
class TRPO(OnPolicyAgent):
    """TRPO by sb3-contrib: the trust region's step is taken in z, the critic is full.

    lr is that of the critic: the length of a step in z follows from target_kl. The conjugate
    gradients and the line search see z / sqrt(D/d).

    Attributes:
        n_steps: steps of each environment in a rollout.
        batch_size: steps in a minibatch of the critic's updates.
        n_critic_updates: passes of the critic through a rollout.
        target_kl: the largest mean KL divergence of a step.
        cg_max_steps: steps of conjugate gradients.
        cg_damping: added to the diagonal of the Fisher matrix.
        line_search_max_iter: steps that the line search tries.
        sub_sampling_factor: only one of so many steps of a rollout enters the update of z.
        critic: "full", or "shared": a critic in the subspace would move z outside the trust region.
    """

    lr: float = 1e-3
    n_steps: int = 256
    batch_size: int = 128
    gae_lambda: float = 0.95
    n_critic_updates: int = 10
    target_kl: float = 0.01
    cg_max_steps: int = 15
    cg_damping: float = 0.1
    line_search_max_iter: int = 10
    sub_sampling_factor: int = 1
    critic: Literal["full", "shared"] = "full"

    algorithm: ClassVar[str] = "sb3_contrib:TRPO"

    def __post_init__(self) -> None:
        """Refuse settings with which TRPO cannot run.

        Raises:
            InputError: a size or a share is out of range, or a critic in the subspace.
        """
        super().__post_init__()
        check_positive("trpo", n_steps=self.n_steps, batch_size=self.batch_size)
        check_positive("trpo", target_kl=self.target_kl, cg_max_steps=self.cg_max_steps)
        check_positive("trpo", sub_sampling_factor=self.sub_sampling_factor)
        if self.critic not in ("full", "shared"):
            raise InputError("trpo: critic must be full or shared: z moves in the trust region")
