"""Scores of many policies at once: episodes in slots, and a batch of networks that acts in them.

A policy's score depends on its own weights and seeds, never on what shares the batch.
Policies that choose between two actions have a fast path in C.
"""

from rlid.evaluation.finite import check_finite as check_finite
from rlid.evaluation.finite import check_returns as check_returns
from rlid.evaluation.rollout import Rollouts as Rollouts
from rlid.evaluation.rollout import random_returns as random_returns

__all__ = ["Rollouts", "check_finite", "check_returns", "random_returns"]
