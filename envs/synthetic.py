"""Tasks whose intrinsic dimension is known by construction (the first: Li et al. 2018, section 2).

K generic conditions on the weights are met inside a random subspace of dimension d exactly when
d >= K, with probability one: a measurement has to answer K.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlid.errors import InputError
from rlid.task import TASKS, Task
from rlid.world import Objective, Part, Simulator, Steps

WEIGHTS = 1000
DECADES = 2.0
"""The score is -log10 of the mean squared violation, at most DECADES.

One condition too many for the subspace leaves a violation of order 1, which reads 0; a search that
has not quite converged still passes.
"""
BY_CONSTRUCTION = "by construction: every condition can be met exactly"
FEATURES = 150
TOLERANCE = 0.05
"""How near to its target each dial must be set; from the start they are off by about 2."""
MOST_NOISE = 10.0
"""Label noise above it leaves nothing to be learned."""
REACH = 4.0
"""Distance from the target at which a dial earns nothing."""
MAX_ACTION = 10.0


@TASKS.add("synthetic", "known", "fast", example="4")
def sum_constraints(count: str = "10") -> Task:
    """K groups of 1000 weights must have the sums 1, 2, ... K: sum_constraints:10 (d_int = K).

    sum_constraints:10:0.1 adds noise of that standard deviation to the labels of every evaluation.
    """
    return _conditions("sum_constraints", "sums", SumConstraints, count, WEIGHTS)


@TASKS.add("synthetic", "known", "fast", example="4")
def hyperplanes(count: str = "10") -> Task:
    """1000 weights must lie on K random hyperplanes: hyperplanes:10 (d_int = K).

    hyperplanes:10:0.1 adds noise of that standard deviation to the labels of every evaluation.
    """
    return _conditions("hyperplanes", "hyperplanes", Hyperplanes, count, WEIGHTS // 2)


@TASKS.add("synthetic", "known", "episodic", example="4")
def dials(count: str = "4") -> Task:
    """Set K dials, each shown by 150 random features, in episodes: dials:4 (d_int = K)."""
    number = _whole("dials", count, FEATURES // 2)
    return Task(
        version=1,
        env="dials",
        options={"count": number},
        episode_cap=number,
        action="clip",
        network="linear",
        budget=100_000 * number,
        dmax=min(FEATURES, 5 * number),
        search_episodes=1,
        validation_episodes=3,
        scoring_episodes=10,
        ceiling=1.0,
        floor=0.9,
        floor_source=BY_CONSTRUCTION,
        backend="numpy",
        world=partial(Dials, number),
        # Narrower noise never meets a dial that starts out of REACH, wider noise never settles.
        recipes={"batched_ppo": {"n_envs": 64, "n_steps": 16, "log_std": -1.5, "gamma": 1.0}},
    )


def _conditions(name: str, env: str, world: Any, parameter: str, most: int) -> Task:
    """Return the task of "K" or of "K:NOISE", the standard deviation of the labels' noise."""
    count, colon, text = parameter.partition(":")
    number = _whole(name, count, most)
    noise = _noise(name, parameter, text) if colon else 0.0
    return Task(
        version=1,
        kind="synthetic",
        env=env,
        options={"count": number} | ({"noise": noise} if colon else {}),
        episode_cap=1,
        network=f"vector:{WEIGHTS}",
        agent="adam",
        budget=20_000 + 3_000 * number,
        dmax=min(WEIGHTS, 5 * number),
        search_episodes=1,
        validation_episodes=1,
        scoring_episodes=1,
        ceiling=DECADES,
        floor=1.5,
        floor_source=BY_CONSTRUCTION,
        backend="torch",
        world=partial(world, number, noise),
    )


def _noise(name: str, parameter: str, text: str) -> float:
    try:
        noise = float(text)
    except ValueError:
        noise = math.nan
    if not 0.0 < noise <= MOST_NOISE:
        raise InputError(
            f"task {name}:{parameter}: use a standard deviation above 0 and at most "
            f"{MOST_NOISE:g} for the noise of the labels"
        )
    return noise


def _whole(name: str, text: str, most: int) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise InputError(f"task {name}:{text}: use a whole number from 1 to {most}")
    return int(text)


def _fixed(name: str, *shape: int) -> NDArray[np.float64]:
    """Return standard normal numbers that are the same wherever the task is made."""
    digest = hashlib.sha256(f"rlid/{name}/{shape}".encode()).digest()
    return np.random.Generator(np.random.PCG64(list(digest))).standard_normal(shape)


class _Conditions(Objective):
    """Linear conditions on theta itself: A theta = b + noise, with K rows.

    The noise is drawn anew for every evaluation, from the evaluation's seed. What a policy scores
    in the end is one such evaluation, so that success is random where noise is about as large as
    the violation that is allowed.
    """

    inputs = 0
    outputs = 0
    merges = False

    def __init__(self, number: int, noise: float) -> None:
        """`number` is K, `noise` the standard deviation of the labels' noise."""
        self._number, self._noise = number, noise

    def check(self, network: Any) -> None:
        """Take 1000 bare weights and nothing else."""
        if network.architecture.weights != WEIGHTS:
            raise InputError(f"this task takes the network vector:{WEIGHTS} and no other")

    def violations(self, theta: Any) -> Any:
        """Return A theta - b (K,) for theta (D,)."""
        raise NotImplementedError

    def scores(
        self,
        network: Any,
        Theta: Any,  # noqa: N803
        seeds: NDArray[np.int64],
        part: Part,
    ) -> NDArray[np.float64]:
        """Score each row by itself, so that no row depends on another."""
        off = [self.violations(theta) for theta in Theta]
        if not self._noise:
            scores = [[_score(violations)] for violations in off]
            return np.repeat(scores, seeds.shape[1], axis=1)
        return np.array(
            [
                [_score(violations + self._drawn(np.random.default_rng(seed))) for seed in row]
                for violations, row in zip(off, seeds.tolist(), strict=True)
            ]
        )

    def loss(self, network: Any, theta: Any, rng: np.random.Generator) -> Any:
        """Return the mean squared violation."""
        off = self.violations(theta)
        return (off + self._drawn(rng) if self._noise else off).square().mean()

    def chance(self, seeds: Sequence[int]) -> NDArray[np.float64]:
        """Return the scores of standard normal weights."""
        import torch

        draws = [np.random.default_rng(seed).standard_normal(WEIGHTS) for seed in seeds]
        rows = torch.tensor(np.array(draws), dtype=torch.float32)
        return np.array([_score(self.violations(row)) for row in rows])

    def _drawn(self, rng: np.random.Generator) -> Any:
        """Return the noise of one evaluation's labels, a torch tensor (K,)."""
        import torch

        return torch.tensor(self._noise * rng.standard_normal(self._number), dtype=torch.float32)

    def close(self) -> None:
        """Nothing is held."""


def _score(violations: Any) -> float:
    error = float(violations.square().mean())
    return min(DECADES, -math.log10(max(error, 1e-30)))


class SumConstraints(_Conditions):
    """The weights fall into K runs of nearly equal length; the k-th must sum to k."""

    def __init__(self, number: int, noise: float = 0.0) -> None:
        """`number` is K, `noise` the standard deviation of the labels' noise."""
        import torch

        super().__init__(number, noise)
        sizes = [len(part) for part in np.array_split(range(WEIGHTS), number)]
        self._groups = torch.repeat_interleave(torch.arange(number), torch.tensor(sizes))
        self._targets = torch.arange(1.0, number + 1)

    def violations(self, theta: Any) -> Any:
        """Return the sums minus their targets."""
        return (-self._targets).index_add(0, self._groups, theta)


class Hyperplanes(_Conditions):
    """K random hyperplanes, each at a distance of about sqrt(K) from where the weights start."""

    def __init__(self, number: int, noise: float = 0.0) -> None:
        """`number` is K, `noise` the standard deviation of the labels' noise."""
        import torch

        super().__init__(number, noise)
        self._normals = torch.tensor(_fixed("normals", number, WEIGHTS), dtype=torch.float32)
        self._offsets = torch.tensor(10 * _fixed("offsets", number), dtype=torch.float32)

    def violations(self, theta: Any) -> Any:
        """Return the values of the K linear forms minus their offsets."""
        return self._normals @ theta - self._offsets


class Dials(Simulator):
    """Episodes of K steps; each shows the features of one dial, and takes its setting.

    A step earns up to 0.5 / K by nearness to the target, and the last one 0.5 more if all K dials
    were set within TOLERANCE. With a linear policy that is K conditions on its 151 weights.
    """

    merges = True
    max_slots = 4096
    observation_size = FEATURES

    def __init__(self, number: int) -> None:
        """`number` is K."""
        from gymnasium.spaces import Box

        self._number = number
        self._features = _fixed("features", number, FEATURES).astype(np.float32)
        self._targets = 2.0 * _fixed("targets", number)
        self.action_space = Box(-MAX_ACTION, MAX_ACTION, (1,), np.float32)

    def start(self, seeds: Sequence[int]) -> NDArray[np.float32]:
        """Begin one episode per seed; return observations (n, FEATURES)."""
        n = len(seeds)
        self._order = np.zeros((n, self._number), np.int64)
        self._time = np.zeros(n, np.int64)
        self._all_set = np.ones(n, bool)
        return self.restart(np.arange(n), seeds)

    def restart(self, slots: NDArray[np.intp], seeds: Sequence[int]) -> NDArray[np.float32]:
        """Begin new episodes in slots (k,): the seed gives the order of the dials."""
        for slot, seed in zip(slots, seeds, strict=True):
            generator = np.random.Generator(np.random.PCG64(seed))
            self._order[slot] = generator.permutation(self._number)
        self._time[slots] = 0
        self._all_set[slots] = True
        observations: NDArray[np.float32] = self._features[self._order[slots, 0]]
        return observations

    def step(self, actions: NDArray[Any], active: NDArray[np.bool_]) -> Steps:
        """Set one dial in every slot."""
        rows = np.arange(len(self._time))
        shown = np.minimum(self._time, self._number - 1)
        distance = np.abs(actions[:, 0] - self._targets[self._order[rows, shown]])
        self._all_set &= distance <= TOLERANCE
        self._time += 1
        is_over = self._time >= self._number
        nearness = np.maximum(0.0, 1.0 - distance / REACH) * 0.5 / self._number
        following = np.minimum(self._time, self._number - 1)
        return (
            self._features[self._order[rows, following]],
            nearness + 0.5 * (is_over & self._all_set),
            is_over,
            np.zeros(len(rows), bool),
        )

    def close(self) -> None:
        """Nothing is held outside Python."""
