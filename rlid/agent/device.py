"""Where gradient agents train: on the processor or on a GPU."""

from __future__ import annotations

import os
import re
from typing import Any

from rlid.errors import InputError

DEVICES = "cpu, cuda, cuda:N or auto"
_NUMBERED = re.compile(r"cuda:(\d{1,3})", re.ASCII)


def choose_device(text: str, name: str, agent: Any, *, is_large: bool) -> str:
    """Return "cpu" or "cuda" for what the user asked; "auto" goes by what there is here.

    Args:
        text: "cpu", "cuda", "cuda:N" or "auto". For "cuda:N" this process, and those that it
            starts, see the GPU number N alone.
        name: the agent's name.
        agent: the agent; its `devices` say where it can train.
        is_large: whether "auto" takes a GPU where there is one.

    Raises:
        InputError: a device is never called so, or the agent cannot use it.
    """
    numbered = _NUMBERED.fullmatch(text)
    if text not in ("cpu", "cuda", "auto") and not numbered:
        raise InputError(f"--device {text}: use one of {DEVICES}")
    takes_gpu = "cuda" in agent.devices
    if text == "cpu" or (text == "auto" and not (takes_gpu and is_large)):
        return "cpu"
    if not takes_gpu:
        raise InputError(f"--device {text}: agent {name!r} trains on the cpu: use --device cpu")
    if numbered:
        os.environ["CUDA_VISIBLE_DEVICES"] = numbered[1]
    return "cuda" if text != "auto" or has_gpu() else "cpu"


def has_gpu() -> bool:
    """Return whether torch finds a GPU on this machine."""
    import torch

    return torch.cuda.is_available()
