"""Any torch module inside a subspace: theta = theta0 + P z, where z is all that is trained.

The idea is that of Li et al. (2018, equation 2), for users who bring a module and a training loop
of their own. theta0 is what the module's parameters are when it is wrapped.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.func import functional_call
from torch.nn.utils.parametrizations import _SpectralNorm

from rlid import projections
from rlid.errors import InputError
from rlid.networks import check_parameters
from rlid.wrapping.copying import check_hooks, copied
from rlid.wrapping.digests import constant_digests, differing, digest_of, sha256_of
from rlid.wrapping.exported import z_of
from rlid.wrapping.freezing import freeze, thaw
from rlid.wrapping.groups import Groups, groups_of, seed_of, whole_number

NORMALISING = (nn.modules.batchnorm._NormBase, _SpectralNorm)
"""Layers whose statistics would change with every call, and are not part of z."""
DIGEST = "_extra_state"
"""Name in state dicts of the digest of the subspace: torch's own for what is no parameter."""


class SubspaceModule(nn.Module):
    """A module whose parameters are theta0 + P z; its only parameter is z (d,).

    Each layer keeps the mode, training or evaluation, in which it is wrapped, until `train()` or
    `eval()` is called. Batch normalisation and spectral normalisation stay in evaluation mode, also
    in `train()`: their statistics are numbers that z does not describe, so they keep the values
    they had. z is float32, whatever the type of the weights.

    Attributes:
        z: the coordinates in the subspace, at first all zero.
        module: a copy of the wrapped module; its parameters are buffers, frozen at theta0.
        hidden_state: how many numbers besides theta the module holds, in buffers of its own and in
            parameters that require no gradient.
    """

    def __init__(
        self,
        module: nn.Module,
        d: int | None,
        *,
        projection: str = "onehot",
        seed: int = 0,
        groups: Groups = "all",
    ) -> None:
        """Copy the module, freeze its parameters, and draw P. See `wrap`."""
        super().__init__()
        if not isinstance(module, nn.Module):
            raise InputError(f"wrap takes a torch.nn.Module, not {module!r:.80}")
        check_parameters(module)
        check_hooks(module)
        self.module = copied(module)
        constants = list(self.module.buffers())
        self._names, self._frozen = list[str](), list[str]()
        for name, parameter in self.module.named_parameters():
            (self._names if parameter.requires_grad else self._frozen).append(name)
            if not parameter.requires_grad:
                constants.append(parameter)
        if not self._names:
            raise InputError("no parameter requires a gradient, so there is nothing to train")
        self.hidden_state = sum(constant.numel() for constant in constants)
        seed, d = whole_number("seed", seed), None if d is None else whole_number("d", d)
        freeze(self.module)
        sizes = {name: self._start(name).numel() for name in self._names}
        self._groups = groups_of(sizes, d, groups)
        self.projection, self.seed = projection, seed
        self._maps = [
            projections.make(projection, D=group.D, d=group.d, seed=seed_of(seed, index))
            if group.d
            else None
            for index, group in enumerate(self._groups)
        ]
        first = self._start(self._names[0])
        self.z = nn.Parameter(
            torch.zeros(sum(group.d for group in self._groups), device=first.device)
        )
        self.training = module.training
        self._normalising = {
            name: layer.training
            for name, layer in self.module.named_modules()
            if isinstance(layer, NORMALISING)
        }
        self._hold_statistics()
        self._constants = self._constant_digests()

    @property
    def d(self) -> int:
        """The number of trained numbers."""
        return self.z.numel()

    @property
    def D(self) -> int:  # noqa: N802 (the field's word)
        """The number of weights of the module; parameters without a gradient are no part of it."""
        return sum(group.D for group in self._groups)

    @property
    def scale(self) -> float:
        """sqrt(D/d): times Adam's lr, so that theta moves as it would without a subspace."""
        return float(np.sqrt(self.D / self.d))

    @property
    def dims(self) -> dict[str, int]:
        """The d of each group of parameters, by the group's name."""
        return {group.name: group.d for group in self._groups}

    def theta(self) -> torch.Tensor:
        """Return the weights (D,) at z, in the order in which the module defines them."""
        values = self._values()
        return torch.cat([values[name].reshape(-1).float() for name in self._names])

    def forward(self, *arguments: Any, **keywords: Any) -> Any:
        """Call the module with the weights theta0 + P z."""
        return functional_call(self.module, self._values(), arguments, keywords)

    def train(self, mode: bool = True) -> SubspaceModule:
        """Set training mode, in all layers but batch normalisation."""
        super().train(mode)
        self._normalising = dict.fromkeys(self._normalising, mode)
        self._hold_statistics()
        return self

    def _hold_statistics(self) -> None:
        """Keep NORMALISING layers in evaluation mode; `unwrap` gives the mode they would have."""
        for name in self._normalising:
            self.module.get_submodule(name).eval()

    def unwrap(self) -> nn.Module:
        """Return a copy of the module as it was wrapped, with the weights theta0 + P z.

        Each layer is in the mode that it had when it was wrapped, or was given since.
        """
        with torch.no_grad():
            values = {name: value.detach().clone() for name, value in self._values().items()}
        plain = copied(self.module)
        thaw(plain, values)
        thaw(plain, {name: plain.get_buffer(name) for name in self._frozen}, is_trained=False)
        for name, mode in self._normalising.items():
            plain.get_submodule(name).train(mode)
        return plain

    def export(self) -> dict[str, Any]:
        """Return what rebuilds theta beside theta0: plain data, with z as a numpy array (d,).

        `theta_sha256` is that of the float32 bytes of theta, and `constants_sha256` has that of
        each buffer and of each parameter without a gradient; `restore` checks both. A warning names
        buffers that have changed since the module was wrapped: a state dict has their values.
        """
        constants = self._constant_digests()
        if changed := differing(self._constants, constants):
            warnings.warn(
                f"{', '.join(changed)} changed since the module was wrapped, and an export has the "
                "values of z alone: save state_dict() as well",
                stacklevel=2,
            )
        return {**self._identity(), "constants_sha256": constants}

    def restore(self, exported: Mapping[str, Any]) -> None:
        """Take z from what `export` gave.

        Raises:
            InputError: it is of another module, projection or seed, or is no export.
        """
        z = z_of(exported, self._identity())
        # Exports of earlier versions have no digests of constants.
        constants = exported.get("constants_sha256")
        if constants and (changed := differing(constants, self._constant_digests())):
            raise InputError(
                f"exported with other values of {', '.join(changed)}, which z does not describe: "
                "load the state dict of then before you wrap"
            )
        before = self.z.detach().clone()
        with torch.no_grad():
            self.z.copy_(z)
        if sha256_of(self.theta()) != exported["theta_sha256"]:
            with torch.no_grad():
                self.z.copy_(before)
            raise InputError(
                "exported from another start: wrap a module with the same weights as then"
            )

    def get_extra_state(self) -> torch.Tensor:
        """Return the digest of the subspace, so that no z is loaded into another one."""
        return digest_of(
            self.projection, projections.version(self.projection), self.seed, self.dims
        )

    def set_extra_state(self, state: torch.Tensor) -> None:
        """Do nothing: `_load_from_state_dict` has compared the digest before it loads z."""

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *arguments: Any
    ) -> None:
        digest = state_dict.setdefault(prefix + DIGEST, self.get_extra_state())
        if not torch.equal(digest.cpu(), self.get_extra_state()):
            raise InputError(
                "the state dict is of another subspace: wrap with the same projection, seed, d and "
                "groups as then"
            )
        super()._load_from_state_dict(state_dict, prefix, *arguments)

    def _identity(self) -> dict[str, Any]:
        return {
            "projection": self.projection,
            "projection_version": projections.version(self.projection),
            "seed": self.seed,
            "dims": self.dims,
            "z": self.z.detach().float().cpu().numpy().copy(),
            "theta_sha256": sha256_of(self.theta()),
        }

    def _constant_digests(self) -> dict[str, str]:
        return constant_digests(self.module, {id(self._start(name)) for name in self._names})

    def _start(self, name: str) -> torch.Tensor:
        return self.module.get_buffer(name)

    def _values(self) -> dict[str, torch.Tensor]:
        """Return the weights by name, each in its own shape and dtype; differentiable in z."""
        values: dict[str, torch.Tensor] = {}
        # Projections are made in float32; `module.half()` and `double()` reach z as well.
        coordinates = torch.split(self.z.float(), [group.d for group in self._groups])
        for group, projection, z in zip(self._groups, self._maps, coordinates, strict=True):
            starts = {name: self._start(name) for name in group.names}
            if projection is None:
                values |= starts
                continue
            sizes = [start.numel() for start in starts.values()]
            offsets = torch.split(projection(z), sizes)
            for (name, start), offset in zip(starts.items(), offsets, strict=True):
                values[name] = start + offset.view(start.shape).to(start.dtype)
        return values


def wrap(
    module: nn.Module,
    d: int | None = None,
    *,
    projection: str = "onehot",
    seed: int = 0,
    groups: Groups = "all",
) -> SubspaceModule:
    """Return the module inside a random subspace: its only parameter is z (d,).

    Args:
        module: any torch module in the memory of the CPU; it is copied, and stays as it is.
            Parameters that require no gradient keep their values.
        d: how many numbers are trained; not needed where `groups` gives them.
        projection: a kind of `rlid.PROJECTIONS`.
        seed: of P; the same seed, d and module give the same P for ever.
        groups: "all" for one subspace of all weights, "layer" for one for the weights of each
            layer (d is shared out by size, at least 1 each), or a mapping from the first part of
            the parameters' names to the d of their group (0 freezes it).

    Raises:
        InputError: the module has no parameters to train, or such as cannot be wrapped (of
            integers, complex numbers, without a shape yet, on another device, compiled by
            TorchScript, computed by an old-style weight_norm or spectral_norm, kept in a list as
            well), or an argument is of the wrong type or out of range.
    """
    return SubspaceModule(module, d, projection=projection, seed=seed, groups=groups)
