"""What rlid finds out about an environment: from its spaces to the comparison with a plain loop."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np

from rlid.errors import EnvironmentFault, InputError
from rlid.evaluation import random_returns
from rlid.registry import import_packages
from rlid.simulators import check_independence, kind_of, make_network, make_world, show_images
from rlid.task import TASKS, Task, resolve
from rlid.testing.findings import Finding, raise_failed
from rlid.testing.plain_loop import SEEDS, D, compare
from rlid.world import Simulator

RANDOM_EPISODES = 3
SLOW = 0.5
"""Seconds to make one instance above which a note says so: a measurement makes many."""
TEMPORARY = "rlid-testing/Env-v0"
"""The id under which `check_env` registers a class or function."""


def check_env(
    env: str | Callable[..., Any], *, imports: Sequence[str] = (), network: str | None = None
) -> None:
    """Check that rlid measures an environment faithfully.

    Args:
        env: an id in gymnasium's registry, a task's name, or what makes an environment: a class or
            function without arguments.
        imports: packages that register it.
        network: the policy's network; the task's own by default.

    Raises:
        CheckFailed: it is refused, or scores by rlid are not those of a plain loop.
    """
    if isinstance(env, str):
        raise_failed(env, examine_env(env, imports, network=network))
        return
    import gymnasium

    gymnasium.register(TEMPORARY, entry_point=env)
    try:
        name = getattr(env, "__name__", type(env).__name__)
        raise_failed(name, examine_env(TEMPORARY, network=network))
    finally:
        del gymnasium.registry[TEMPORARY]


def examine_env(
    name: str, imports: Sequence[str] = (), *, network: str | None = None
) -> list[Finding]:
    """Return what rlid finds out about an environment, check by check, down to the first refusal.

    Args:
        name: an id in gymnasium's registry such as "MyEnv-v0", or a task's name such as
            "gym:MyEnv-v0" or "cartpole".
        imports: packages that register it.
        network: the policy's network; the task's own by default.
    """
    try:
        import_packages(imports)
        task = _task(name)
    except InputError as error:
        return [Finding("registration", "refused", str(error), "see --import")]
    findings = [Finding("registration", "ok", f"task {task.name}")]
    if task.kind != "rl":
        return [Finding("registration", "refused", f"{task.name} has no environment")]
    findings += [Finding("protocol", "note", note) for note in task.notes]
    try:
        task = show_images(task, network or task.network)
        began = time.perf_counter()
        simulator = cast(Simulator, make_world(task))
        seconds = time.perf_counter() - began
    except InputError as error:
        return [*findings, Finding("making it", "refused", str(error))]
    try:
        findings.append(_making(seconds))
        findings += _examine(task, network or task.network, simulator)
    except InputError as error:
        findings.append(Finding("spaces", "refused", str(error)))
    except EnvironmentFault as error:
        findings.append(
            Finding(
                "episodes", "wrong", str(error), "every episode must run through, and be finite"
            )
        )
    finally:
        simulator.close()
    return findings


def _task(name: str) -> Task:
    """Return the task of a name, or of an id of gymnasium's registry."""
    address = name.partition("?")[0]
    is_task = address.partition(":")[0] in TASKS
    return resolve(name if is_task else f"gym:{name}")


def _making(seconds: float) -> Finding:
    if seconds <= SLOW:
        return Finding("making it", "ok", f"{seconds:.2f} seconds")
    return Finding(
        "making it", "note", f"{seconds:.1f} seconds for one instance", "--envs N makes fewer"
    )


def _examine(task: Task, network: str, simulator: Simulator) -> list[Finding]:
    """Return the findings on an environment that could be made.

    Raises:
        InputError: rlid refuses it.
        EnvironmentFault: it failed.
    """
    policy_network = make_network(task, network, simulator)
    kind = kind_of(simulator.action_space, task.action)
    shape = simulator.observation_shape or (simulator.observation_size,)
    findings = [
        Finding("actions", "ok", f"{kind}, {policy_network.outputs} outputs of the network"),
        Finding("observations", "ok", f"{' x '.join(map(str, shape))} numbers"),
    ]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check_independence(task, simulator)
    dependence = [str(warning.message) for warning in caught]
    findings += [_warned(text) for text in dependence]
    if not dependence:
        findings.append(Finding("independence", "ok", "episodes depend on seed and actions alone"))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        rng = np.random.default_rng(0)
        scores = random_returns(task, simulator, SEEDS[:RANDOM_EPISODES], rng)
        comparison = compare(task, network, d=min(D, policy_network.D))
    findings += [_warned(text) for text in dict.fromkeys(str(each.message) for each in caught)]
    listed = ", ".join(f"{score:g}" for score in scores)
    findings.append(Finding("random episodes", "ok", f"returns {listed}"))
    if comparison.is_equal:
        findings.append(Finding("plain loop", "ok", comparison.detail))
    else:
        advice = "see independence" if dependence else "report it to rlid, with the environment"
        findings.append(Finding("plain loop", "wrong", comparison.detail, advice))
    return findings


def _warned(text: str) -> Finding:
    return Finding("warning", "note", text)
