"""A network made of any torch module: a function of theta and inputs, by `functional_call`."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rlid.networks.chain import Chain, chain_of
from rlid.networks.grammar import parse
from rlid.networks.layers import Layer
from rlid.networks.module_checks import check_module
from rlid.networks.module_start import constants, draw, flat, trained
from rlid.networks.network import Network, Prepared
from rlid.networks.settings import Builder, builder
from rlid.random_stream import Stream

if TYPE_CHECKING:
    import torch
    from torch import nn

    from rlid.networks.together import Together

PROBED_ROWS, PROBED_SLOTS = 5, (1, 19)
"""Weight vectors, and observations of each, for which a batch must give the bits of one alone."""


@dataclass(frozen=True)
class ModuleNetwork(Network):
    """A registered torch module as a network; see `Network` for its attributes.

    theta holds the parameters that require a gradient, in the order of their definition. Buffers
    and other parameters are constants: the same for every seed, and counted as hidden state. The
    module is always in evaluation mode, in training too.
    """

    def __post_init__(self) -> None:
        """Make the module and check it.

        Raises:
            InputError: it cannot be made for these inputs, or cannot be a network.
        """
        check_module(self, self.module)

    @property
    def name(self) -> str:
        """The canonical name."""
        return self.architecture.registered

    @cached_property
    def layers(self) -> list[Layer]:
        """Nothing: what a module is made of is its own business."""
        return []

    @cached_property
    def builder(self) -> Builder:
        """The registered function with its settings."""
        return builder(self.name)

    @property
    def observation_shape(self) -> tuple[int, ...]:
        """The shape of one observation, as the module sees it."""
        return self.shape or (self.inputs,)

    def draw(self, seed: int) -> nn.Module:
        """Return the module that its own initialisation draws for a seed, in evaluation mode."""
        return draw(self.builder, self.observation_shape, self.outputs, seed)

    @cached_property
    def module(self) -> nn.Module:
        """The module whose parameters are replaced by those of theta in each call."""
        return self.draw(0)

    @cached_property
    def shapes(self) -> dict[str, torch.Size]:
        """The shape of each parameter in theta, by name."""
        return {name: weight.shape for name, weight in trained(self.module).items()}

    @property
    def D(self) -> int:
        """The number of weights."""
        return sum(shape.numel() for shape in self.shapes.values())

    @property
    def is_dense(self) -> bool:
        """Always False: only the module itself can compute its outputs."""
        return False

    @cached_property
    def hidden_state(self) -> dict[str, int]:
        """How many numbers there are in buffers and in parameters that require no gradient."""
        size = sum(constant.numel() for constant in constants(self.module).values())
        return {"network_constants": size} if size else {}

    def initial(self, seed: int) -> NDArray[np.float32]:
        """Draw theta0 (D,) by the module's own initialisation.

        The global generators are seeded from the frozen stream of `seed`, and put back afterwards:
        theta0 stays the same on one version of torch.
        """
        return flat(self.draw(seed))

    def call(self, module: nn.Module, x: torch.Tensor) -> torch.Tensor:
        """Map observations (m, inputs) to the outputs of a module with its own weights."""
        outputs: torch.Tensor = module(self._floats(x).reshape(-1, *self.observation_shape))
        return outputs

    def prepared(self, theta: torch.Tensor, *, is_half: bool = False) -> Prepared:
        """Return the parameters of theta (D,) by name, as views of it."""
        import torch

        # One split instead of slices: the gradient of each slice would be as long as theta.
        pieces = torch.split(theta, [shape.numel() for shape in self.shapes.values()])
        named = zip(self.shapes.items(), pieces, strict=True)
        return {name: piece.view(shape) for (name, shape), piece in named}

    def apply(self, parts: Prepared, x: torch.Tensor, *, is_half: bool = False) -> torch.Tensor:
        """Map observations (m, inputs) to outputs (m, outputs) by the result of `prepared`.

        Where `is_half`, the module runs under torch's autocast to bfloat16.
        """
        import torch
        from torch.func import functional_call

        images = self._floats(x).reshape(-1, *self.observation_shape)
        with torch.autocast("cpu", torch.bfloat16, enabled=is_half):
            outputs: torch.Tensor = functional_call(self.module, parts, (images,))
        return outputs.float()

    def in_blocks(self) -> Network:
        """Return itself: a module sees observations as they are."""
        return self

    def bind(self, Theta: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
        """Return the function from observations (n, m, inputs) to outputs (n, m, outputs).

        Row i of Theta (n, D) acts on row i of the observations, and row i of the outputs depends on
        these two rows alone, to the last bit. A `chain` is bound as the built-in network that it
        equals; where `is_batched`, all rows go through one call; otherwise through one each.
        """
        if self.chain is not None:
            return self.chain.network.bind(self.chain.weights(Theta))
        return self._bind_together(Theta) if self.is_batched else self._bind_rows(Theta)

    @cached_property
    def chain(self) -> Chain | None:
        """The built-in network that computes the same, where the module is a chain of layers."""
        import torch

        chain = chain_of(self.draw(0), trained(self.module), self.inputs, self.byte_scale)
        if chain is None:
            return None
        Theta, x = self._probe(PROBED_SLOTS[-1])
        with torch.no_grad():
            computed = chain.network.bind(chain.weights(Theta))(x)
            is_equal = torch.allclose(computed, self._bind_rows(Theta)(x), rtol=1e-4, atol=1e-5)
        return chain if is_equal else None

    @cached_property
    def is_batched(self) -> bool:
        """Whether `torch.func.vmap` evaluates several rows at once, with the bits of each alone.

        It is tried on a few rows. Modules of images always run one after the other, as the built-in
        convolutions do: on a CPU this is as fast.
        """
        import torch

        if self.shape is not None:
            return False
        try:
            with torch.inference_mode(), warnings.catch_warnings():
                # vmap warns where it falls back to a loop of its own, which is no faster.
                warnings.simplefilter("error")
                self.together.check([self._probe(slots) for slots in PROBED_SLOTS])
                return all(self._is_exact(slots) for slots in PROBED_SLOTS)
        except Exception:
            return False

    def _probe(self, slots: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return weights (PROBED_ROWS, D) and observations (PROBED_ROWS, slots, inputs)."""
        import torch

        stream = Stream(slots, "networks/probe")
        draws = stream.normal(PROBED_ROWS * self.D).reshape(PROBED_ROWS, -1).astype(np.float32)
        numbers = stream.uniform(PROBED_ROWS * slots * self.inputs)
        x = torch.from_numpy(numbers).float().view(PROBED_ROWS, slots, self.inputs)
        return torch.from_numpy(self.initial(0) + 0.1 * draws), x

    def _is_exact(self, slots: int) -> bool:
        """Return whether each row of a batch has the bits that it has alone."""
        import torch

        Theta, x = self._probe(slots)
        together = self._bind_together(Theta)(x)
        plain = self._bind_rows(Theta)(x)
        if not torch.allclose(together, plain, rtol=1e-3, atol=1e-4):
            return False
        rows = [self._bind_together(Theta[i : i + 1])(x[i : i + 1]) for i in range(PROBED_ROWS)]
        pair = self._bind_together(Theta[1:4])(x[1:4])
        return torch.equal(together, torch.cat(rows)) and torch.equal(together[1:4], pair)

    @cached_property
    def together(self) -> Together:
        """The module for several weight vectors at once."""
        from rlid.networks.together import Together

        return Together(self.apply, self.shapes)

    def _bind_together(self, Theta: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
        bound = self.together.bind(Theta)
        return lambda x: bound(self._floats(x))

    def _bind_rows(self, Theta: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
        import torch

        # A clone of a row is aligned in memory as a lone row is; bits may depend on it.
        rows = [self.prepared(theta.clone()) for theta in Theta]

        def forward(x: torch.Tensor) -> torch.Tensor:
            pairs = zip(rows, x, strict=True)
            return torch.stack([self.apply(weights, row.clone()) for weights, row in pairs])

        return forward

    def filled(self, theta: torch.Tensor) -> nn.Module:
        """Return a copy of the module with the weights theta (D,), independent of rlid."""
        import torch

        module, named = self.draw(0), self.prepared(theta)
        with torch.no_grad():
            for name, parameter in module.named_parameters():
                if name in named:
                    parameter.copy_(named[name])
        return module


def make(
    name: str,
    inputs: int,
    outputs: int,
    activation: str = "tanh",
    shape: tuple[int, int, int] | None = None,
    byte_scale: float = 1.0,
) -> Network:
    """Return the network of this name, of the grammar or registered; see `Network`.

    Raises:
        InputError: no such name, or the network does not fit the inputs.
    """
    architecture = parse(name)
    cls = ModuleNetwork if architecture.registered else Network
    return cls(architecture, inputs, outputs, activation, shape, byte_scale)
