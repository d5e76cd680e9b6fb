"""The checks that a plug-in's author runs find what is wrong, and pass what is right."""

import dataclasses

import gymnasium
import numpy as np
import pytest
import unfaithful

from rlid.agent import AGENTS, Ask, Progress
from rlid.networks import Network
from rlid.task import TASKS, resolve
from rlid.testing import (
    CheckFailed,
    check_agent,
    check_env,
    check_network,
    check_task,
    compare,
    examine_env,
)

SLOW = ("a2c", "crossq", "dqn", "qrdqn", "sac", "td3", "tqc")
"""Agents whose searches take more than a few seconds."""


@pytest.mark.parametrize(
    "env", ["CartPole-v1", "gym:Seeded-v0", "cartpole", unfaithful.KeepsAction]
)
def test_a_faithful_environment_passes(env):
    check_env(env)


def test_a_class_leaves_no_registration_behind():
    before = dict(gymnasium.registry)
    check_env(unfaithful.Seeded)
    assert dict(gymnasium.registry) == before


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ("NoSuchEnv-v0", "unknown gymnasium environment 'NoSuchEnv-v0'"),
        ("Extreme-v0?trait=reward", "episodes: the rewards of an episode add up"),
        ("Extreme-v0", "making it: environment 'Extreme-v0' cannot be made"),
        ("Dependent-v0?way=own generator", r"plain loop: seed 11: rlid scores .* a plain loop"),
    ],
)
def test_an_environment_that_cannot_be_measured_faithfully_fails(env, message):
    with pytest.raises(CheckFailed, match=message):
        check_env(env)


def test_findings_tell_what_was_seen_and_what_to_change():
    findings = {each.check: each for each in examine_env("Endless-v0")}
    assert findings["plain loop"].verdict == "ok"
    assert findings["protocol"].verdict == "note"
    assert "--episode-cap N" in findings["protocol"].line
    (refused,) = examine_env("Seeded-v0", imports=["no_such_package"])
    assert (refused.verdict, refused.check) == ("refused", "registration")
    noted = [each.detail for each in examine_env("FloatsInBytes-v0") if each.verdict == "note"]
    assert any("not in its space Box(0, 255" in detail for detail in noted)


def test_a_score_that_differs_from_a_plain_loop_is_shown(monkeypatch):
    task = resolve("gym:Seeded-v0")
    assert compare(task).is_equal
    monkeypatch.setattr("rlid.simulators.gymnasium_envs._number", lambda reward: reward + 1)
    comparison = compare(task)
    assert not comparison.is_equal
    assert "seed 11: rlid scores" in comparison.detail


@pytest.mark.parametrize("name", ["cartpole", "gym:Seeded-v0", "sum_constraints:4"])
def test_a_good_task_passes(name):
    check_task(name)


def test_a_bad_task_fails_in_every_check_at_once():
    @TASKS.add()
    def bad_task():
        """Say nothing of where its floor comes from."""
        return dataclasses.replace(
            resolve("gym:Seeded-v0"), floor=1.0, ceiling=-1e9, recipes={"cmaes": {"no": 1}}
        )

    try:
        with pytest.raises(CheckFailed) as caught:
            check_task("bad_task")
    finally:
        del TASKS._entries["bad_task"]
    assert {each.check for each in caught.value.findings} == {"floor", "ceiling", "recipes"}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in AGENTS],
)
def test_every_registered_agent_passes(name):
    agent = AGENTS[name]
    task = "cartpole" if not agent.actions or "discrete" in agent.actions else "pendulum"
    starts = agent.__dataclass_fields__.get("learning_starts")
    is_late = starts is not None and starts.default > 1900
    check_agent(
        name,
        task=task if "rl" in agent.kinds else "sum_constraints:4",
        settings=["learning_starts=1900"] if is_late else [],
    )


def test_an_agent_that_stands_still_is_not_said_to_ignore_its_seed():
    @AGENTS.add(name="late")
    @dataclasses.dataclass(frozen=True)
    class Late:
        """Draws from its generator, and begins after so many steps."""

        kinds = ("rl",)
        begins: int = 5000

        def search(self, problem, rng):
            z = np.zeros(problem.dim)
            while True:
                problem.search_steps += 500
                step = rng.normal(size=problem.dim)
                z = z + step if problem.search_steps > self.begins else z
                yield Progress(z, None)

    try:
        check_agent("late", settings=["begins=1000"])
        with pytest.raises(CheckFailed, match="search: z stands still for 2,000 steps") as caught:
            check_agent("late")
    finally:
        del AGENTS._entries["late"]
    assert len(caught.value.findings) == 1


def test_a_bad_agent_fails_by_name():
    @AGENTS.add("careless")
    @dataclasses.dataclass
    class Careless:
        """Draws from the global generator, and can be changed."""

        kinds = ("rl",)
        shares_batch = True
        size: int = 3

        def search(self, problem, rng):
            while True:
                yield Ask(np.random.normal(size=(self.size, problem.dim)))  # noqa: NPY002

        def notes(self, problem):
            return {}

    name = next(name for name in AGENTS if AGENTS[name] is Careless)
    try:
        with pytest.raises(CheckFailed) as caught:
            check_agent(name)
    finally:
        del AGENTS._entries[name]
    assert {each.check for each in caught.value.findings} == {"settings", "generators", "seeds"}


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("linear", {}),
        ("mlp:64x64+orthogonal", {"inputs": 17, "outputs": 6}),
        ("conv:4-8", {"shape": (3, 9, 7)}),
        ("lenet", {"shape": (1, 28, 28), "outputs": 10}),
    ],
)
def test_a_good_network_passes(name, options):
    check_network(name, **options)


def test_a_network_whose_ways_differ_fails(monkeypatch):
    outputs_of = Network.outputs_of
    monkeypatch.setattr(Network, "outputs_of", lambda *args: outputs_of(*args) + 1)
    with pytest.raises(CheckFailed, match="outputs_of: it gives other outputs than bind"):
        check_network("mlp:8")
    with pytest.raises(CheckFailed, match="unknown network 'mlq'"):
        check_network("mlq")
