"""The parameters of an SB3 algorithm and its optimizers, and a replay buffer, as arrays."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.buffers import ReplayBuffer

from rlid.records import State

BUFFERS = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")


def parameters_of(model: BaseAlgorithm) -> State:
    """Return what `restore_parameters` takes: policy, optimizers and replay buffer."""
    plain: dict[str, Any] = {}
    arrays: dict[str, NDArray[Any]] = {}
    for name, content in model.get_parameters().items():
        if "param_groups" in content:
            plain[name] = content["param_groups"]
            slots = content["state"].items()
            tensors = {
                f"{slot}/{key}": value for slot, kept in slots for key, value in kept.items()
            }
        else:
            tensors = content
        arrays |= {f"{name}/{key}": value.numpy().copy() for key, value in tensors.items()}
    buffer = getattr(model, "replay_buffer", None)
    if isinstance(buffer, ReplayBuffer):
        plain["buffer"] = {"pos": buffer.pos, "full": buffer.full}
        end = buffer.buffer_size if buffer.full else buffer.pos
        arrays |= {f"buffer/{key}": getattr(buffer, key)[:end].copy() for key in BUFFERS}
    return State(plain, arrays)


def restore_parameters(model: BaseAlgorithm, state: State) -> None:
    """Put parameters, optimizers and replay buffer into a state that `parameters_of` gave."""
    content: dict[str, Any] = {}
    for name in model.get_parameters():
        prefix = f"{name}/"
        tensors = {
            key.removeprefix(prefix): torch.from_numpy(array.copy())
            for key, array in state.arrays.items()
            if key.startswith(prefix)
        }
        groups = state.plain.get(name)
        content[name] = tensors if groups is None else _optimizer(groups, tensors)
    model.set_parameters(content, exact_match=True, device="cpu")
    buffer = getattr(model, "replay_buffer", None)
    if isinstance(buffer, ReplayBuffer):
        buffer.pos, buffer.full = state.plain["buffer"]["pos"], state.plain["buffer"]["full"]
        for key in BUFFERS:
            array = state.arrays[f"buffer/{key}"]
            getattr(buffer, key)[: len(array)] = array


def _optimizer(groups: list[dict[str, Any]], tensors: dict[str, torch.Tensor]) -> dict[str, Any]:
    """Return an optimizer's state_dict from its groups and "slot/key" tensors."""
    slots: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in tensors.items():
        slot, _, key = name.partition("/")
        slots.setdefault(int(slot), {})[key] = value
    return {"state": slots, "param_groups": groups}
