"""Algorithms of SB3 and sb3-contrib by name: imported when used, and refused where they cannot."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.policies import ActorCriticPolicy

from rlid.errors import InputError
from rlid.registry import import_target
from rlid.sb3_bridge.policies import own_policy

INSTALL = {"sb3_contrib": "pip install 'rlid[contrib]'"}
"""How to install packages that rlid does not need by itself."""
REASONS = {
    "lstm_states": (
        "its policy is recurrent: it remembers earlier observations, and an rlid policy is a "
        "function of one observation"
    ),
    "action_masks": (
        "its policy needs masks of the allowed actions, which gymnasium's interface does not give"
    ),
}
"""Arguments of a policy's forward pass that rlid cannot give, and why."""


def algorithm_of(target: str | type[BaseAlgorithm]) -> type[BaseAlgorithm]:
    """Return the algorithm's class.

    Args:
        target: the class, or "module:Class", such as "sb3_contrib:TQC".

    Raises:
        InputError: its package is not installed, it is no algorithm of SB3, or rlid cannot train
            it; the message says why.
    """
    algorithm = _imported(target) if isinstance(target, str) else target
    if not (isinstance(algorithm, type) and issubclass(algorithm, BaseAlgorithm)):
        raise InputError(f"{target} is no algorithm of stable-baselines3: name a BaseAlgorithm")
    if not issubclass(algorithm, (OnPolicyAlgorithm, OffPolicyAlgorithm)):
        raise InputError(
            f"{algorithm.__name__} is neither on-policy nor off-policy, and has no gradient to "
            "follow in z: use an agent of rlid, such as ars or cmaes"
        )
    policy = own_policy(algorithm)
    for argument in inspect.signature(policy.forward).parameters:
        if argument in REASONS:
            raise InputError(f"{algorithm.__name__} cannot be used: {REASONS[argument]}")
    if issubclass(algorithm, OnPolicyAlgorithm) and not issubclass(policy, ActorCriticPolicy):
        raise InputError(
            f"{algorithm.__name__} cannot be used: its policy {policy.__name__} is no "
            "ActorCriticPolicy, whose actor rlid could replace"
        )
    return algorithm


def sorted_settings(
    algorithm: type[BaseAlgorithm], settings: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the settings that the algorithm takes, and those that its policy takes.

    Raises:
        InputError: a setting that neither of them takes.
    """
    own = inspect.signature(algorithm.__init__).parameters
    of_policy = inspect.signature(own_policy(algorithm).__init__).parameters
    for name in settings:
        if name not in own and name not in of_policy:
            raise InputError(
                f"{algorithm.__name__} has no setting {name!r}: name the fields of its agent as "
                "its constructor names them"
            )
    return (
        {name: value for name, value in settings.items() if name in own},
        {name: value for name, value in settings.items() if name not in own},
    )


def _imported(target: str) -> Any:
    module, _, name = target.partition(":")
    try:
        return import_target(target)
    except ImportError as error:
        package = module.partition(".")[0]
        how = INSTALL.get(package, f"install {package}")
        raise InputError(f"{target} needs a package that is not here ({error}): {how}") from error
    except AttributeError:
        raise InputError(f"{module} has no algorithm {name!r}: use MODULE:CLASS") from None
