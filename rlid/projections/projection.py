"""The base class of all projections: a linear map, its transpose, and checks on its columns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import scipy.sparse.linalg
import torch
from torch import Tensor

from rlid.random_stream import Stream

# Entries up to which the singular values come from the matrix itself (32 MB in float64).
_EXACT_ENTRIES = 4_000_000
# Above that, the largest d for which the singular values come from the matrix P^T P.
_GRAM_SIZE = 64
# Norms are computed for batches of columns of about this many numbers.
_BATCH_ENTRIES = 4_000_000

Array = npt.NDArray[Any]


def numpy_dtype(dtype: torch.dtype) -> type[np.floating]:
    """Return numpy's name for torch.float32 or torch.float64."""
    return np.float64 if dtype == torch.float64 else np.float32


class Projection(ABC):
    """A linear map P from z (d,) to the offset of theta (D,), drawn from a frozen stream.

    A subclass defines `_expand` and `_reduce`, the products of batches with P and with its
    transpose. A row of a result never depends on the other rows of the batch, and no result depends
    on the number of threads.

    Attributes:
        D: the number of weights.
        d: the dimension of the subspace.
        seed: the seed of the projection role.
        dtype: the type of all arguments and results, torch.float32 or torch.float64.
    """

    kind: ClassVar[str]
    nesting: ClassVar[Literal["columns", "subspaces", "none"]] = "columns"
    """What the map for d shares with a larger d of the same seed: its columns, or its span."""
    is_generic: ClassVar[bool] = True
    """Whether the subspace meets any set of its codimension, as a random Gaussian subspace does."""
    is_square: ClassVar[bool] = False
    """Whether the kind exists for d = D only."""
    has_exact_norms: ClassVar[bool] = True
    """Whether every column has norm 1; otherwise the mean square over seeds is 1."""

    def __init__(self, *, D: int, d: int, seed: int, dtype: torch.dtype) -> None:
        """Store the sizes; use `rlid.projections.make`, which checks the arguments."""
        self.D = D
        self.d = d
        self.seed = seed
        self.dtype = dtype

    def __repr__(self) -> str:
        return f"{type(self).__name__}(D={self.D}, d={self.d}, seed={self.seed}, {self.dtype})"

    @classmethod
    @abstractmethod
    def peak_bytes(cls, D: int, d: int, itemsize: int) -> int:
        """Return the bytes of memory that drawing a map needs, with `itemsize` bytes per number."""

    @property
    @abstractmethod
    def nbytes(self) -> int:
        """Bytes of all arrays that are held."""

    @abstractmethod
    def integers(self) -> tuple[npt.NDArray[np.integer], ...]:
        """Return the integers that were drawn; with D, d and the version they determine P."""

    @abstractmethod
    def _expand(self, z: Tensor) -> Tensor:
        """Return P z for each row: (n, d) -> (n, D)."""

    @abstractmethod
    def _reduce(self, g: Tensor) -> Tensor:
        """Return P^T g for each row: (n, D) -> (n, d)."""

    def _expand_one(self, z: Tensor) -> Tensor:
        """Return P z with the bits that a batch would give: (d,) -> (D,)."""
        return self._expand(z[None])[0]

    def _expand_onto(self, start: Tensor, z: Tensor) -> Tensor:
        """Return start + P z with the bits of a separate sum: (D,), (d,) -> (D,)."""
        return self._expand_one(z).add_(start)

    def _reduce_one(self, g: Tensor) -> Tensor:
        """Return P^T g with the bits that a batch would give: (D,) -> (d,)."""
        return self._reduce(g[None])[0]

    def __call__(self, z: Tensor, start: Tensor | None = None) -> Tensor:
        """Return P z, or start + P z, differentiable in z: (d,) -> (D,) or (n, d) -> (n, D).

        `start` (D,) is a constant. It is added while P z is computed, because a separate sum would
        take as long again.

        Raises:
            ValueError: z or start has another shape, dtype or device.
        """
        self._check(z, "z", self.d)
        if start is not None:
            self._check(start, "start", self.D)
        if _is_recorded(z):
            y: Tensor = _Expand.apply(z, self, start)  # type: ignore[no-untyped-call]
            return y
        return _expand(self, z, start)

    def T(self, g: Tensor) -> Tensor:
        """Return P^T g, differentiable: (D,) -> (d,) or (n, D) -> (n, d).

        Raises:
            ValueError: g has another shape, dtype or device.
        """
        self._check(g, "g", self.D)
        if _is_recorded(g):
            z: Tensor = _Reduce.apply(g, self)  # type: ignore[no-untyped-call]
            return z
        return _reduce(self, g)

    def column(self, i: int) -> Tensor:
        """Return column i of P, (D,), 0 <= i < d."""
        if not 0 <= i < self.d:
            raise ValueError(f"column must be in [0, {self.d}), not {i}")
        return self._columns(i, i + 1)[0]

    def norms(self) -> npt.NDArray[np.float64]:
        """Return the norms of the columns, (d,)."""
        step = max(1, _BATCH_ENTRIES // self.D)
        norms = [
            torch.linalg.vector_norm(self._columns(i, min(i + step, self.d)), dim=1, dtype=_DOUBLE)
            for i in range(0, self.d, step)
        ]
        return np.asarray(torch.cat(norms).numpy(), dtype=np.float64)

    def condition_number(self) -> float:
        """Return the largest over the smallest singular value of P.

        Up to 4 million entries or d = 64 the result is exact up to rounding. Above, Lanczos
        iteration on P^T P gives it with a relative error of 1e-3.
        """
        if self.D * self.d <= _EXACT_ENTRIES:
            values = np.linalg.svd(
                self._columns(0, self.d).numpy().astype(np.float64), compute_uv=False
            )
            return float(values[0] / values[-1])
        if self.d <= _GRAM_SIZE:
            gram = [self._gram(unit) for unit in np.eye(self.d)]
            values = np.linalg.eigvalsh(np.stack(gram))
            return float(np.sqrt(values[-1] / values[0]))
        operator = scipy.sparse.linalg.LinearOperator(
            (self.d, self.d), matvec=self._gram, dtype=np.float64
        )
        first = Stream(0, "condition_number").normal(self.d)
        ends = scipy.sparse.linalg.eigsh(
            operator, k=2, which="BE", v0=first, tol=1e-3, return_eigenvectors=False
        )
        return float(np.sqrt(ends.max() / ends.min()))

    def _gram(self, v: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return P^T P v, (d,)."""
        z = torch.from_numpy(v.reshape(1, -1)).to(self.dtype)
        return np.asarray(self._reduce(self._expand(z))[0].numpy(), dtype=np.float64)

    def _columns(self, first: int, last: int) -> Tensor:
        """Return columns `first` to `last - 1` as rows, (last - first, D)."""
        units = torch.zeros(last - first, self.d, dtype=self.dtype)
        units[torch.arange(last - first), torch.arange(first, last)] = 1
        return self._expand(units)

    def _check(self, x: Tensor, name: str, width: int) -> None:
        if x.dim() not in (1, 2) or x.shape[-1] != width:
            raise ValueError(
                f"{name} must have shape ({width},) or (n, {width}), not {tuple(x.shape)}"
            )
        if x.dtype != self.dtype:
            raise ValueError(f"{name} must be {self.dtype} like the projection, not {x.dtype}")
        if not x.is_cpu:
            raise ValueError(
                f"{name} must be on the cpu, where projections are made, not {x.device}"
            )


_DOUBLE = torch.float64


def _is_recorded(x: Tensor) -> bool:
    """Return whether autograd records x; where it does not, its function would only cost time."""
    return x.requires_grad and torch.is_grad_enabled()


# A diverged z gives nan without a warning, as torch's own operations do. The decorator costs half
# as much time as a `with` block.
@np.errstate(over="ignore", invalid="ignore")
def _expand(projection: Projection, z: Tensor, start: Tensor | None = None) -> Tensor:
    """Return start + P z without a graph: (d,) -> (D,) or (n, d) -> (n, D)."""
    z = z.detach().contiguous()
    if z.dim() == 1:
        return projection._expand_one(z) if start is None else projection._expand_onto(start, z)
    y = projection._expand(z) if len(z) else z.new_zeros(0, projection.D)
    return y if start is None else y.add_(start)


@np.errstate(over="ignore", invalid="ignore")
def _reduce(projection: Projection, g: Tensor) -> Tensor:
    """Return P^T g without a graph: (D,) -> (d,) or (n, D) -> (n, d)."""
    g = g.detach().contiguous()
    if g.dim() == 1:
        return projection._reduce_one(g)
    return projection._reduce(g) if len(g) else g.new_zeros(0, projection.d)


class _Expand(torch.autograd.Function):
    """start + P z with derivative P^T, written by hand: autograd would keep every intermediate."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, projection: Projection, start: Tensor | None) -> Tensor:
        ctx.projection = projection
        return _expand(projection, z, start)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return ctx.projection.T(gradients[0]), None, None


class _Reduce(torch.autograd.Function):
    """P^T g with derivative P."""

    @staticmethod
    def forward(ctx: Any, g: Tensor, projection: Projection) -> Tensor:
        ctx.projection = projection
        return _reduce(projection, g)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return ctx.projection(gradients[0]), None
