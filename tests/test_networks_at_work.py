"""Registered networks at work: in the trials of agents, in files, on images, in measurements."""

import json
import re
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import own_networks
import pytest
import torch
from command import rlid
from torch.nn import functional

from rlid.agent import configure
from rlid.errors import InputError
from rlid.evaluation.policies import _Reordered, make_policies
from rlid.measurement.plan import plan
from rlid.networks import NETWORKS, make
from rlid.networks.families import NetworkRegistry
from rlid.problem import make_problem
from rlid.records.judgement import Judgement
from rlid.simulators import make_network, make_world
from rlid.subspace import make_subspace
from rlid.task import resolve
from rlid.testing import check_network
from rlid.training.cell import run_trials

pytestmark = pytest.mark.usefixtures("workers_find_fixtures")


def run(name, agent, task="cartpole", settings=(), d=3, budget=300):
    planned = plan(task, agent=agent, network=name, dmax=d, budget=budget, settings=settings)
    short = replace(planned.task, validation_episodes=2, scoring_episodes=2, episode_cap=30)
    outcomes = []
    spec = planned.spec(d, 0, None)
    run_trials([spec], Judgement(), short, lambda *outcome: outcomes.append(outcome))
    return outcomes[0][0]


@pytest.mark.parametrize(
    ("agent", "settings"),
    [
        ("cmaes", ()),
        ("openai_es", ("population=8",)),
        ("ppo", ()),
        ("ppo", ("critic=subspace", "precision=bfloat16")),
        ("batched_ppo", ()),
        ("batched_ppo", ("critic=subspace",)),
        ("dqn", ("learning_starts=50",)),
    ],
)
def test_every_kind_of_agent_trains_a_registered_network(agent, settings):
    record = run("small:width=4", agent, settings=settings)
    assert record.reason == ""
    assert record.spec.network == "small:width=4+rate=0.5+bias=true"
    assert record.hidden_state["network_constants"] == 13
    assert len(record.notes["theta0_sha256"]) == 64
    if "critic=subspace" in settings:
        assert record.notes["trained_outside_z"] == 0
    elif "ppo" in agent:
        assert record.notes["trained_outside_z"] == make("small:width=4", 4, 1).D


def test_a_chain_of_layers_earns_what_its_module_earns():
    task = resolve("cartpole")
    world = make_world(task)
    network = make_network(task, "plain_mlp", world)
    problem = make_problem(task, network, "onehot", 3, 1, world)
    assert isinstance(make_policies(network, world.action_space, task.action), _Reordered)
    Z = 20 * np.random.default_rng(0).standard_normal((6, 3))
    fast = problem.evaluate(Z, (1, 2, 3)).values
    plain = make_network(task, "plain_mlp", world)
    vars(plain)["chain"] = None
    problem = make_problem(task, plain, "onehot", 3, 1, world)
    assert np.array_equal(problem.evaluate(Z, (1, 2, 3)).values, fast)
    assert len(np.unique(fast)) > 3


@pytest.mark.parametrize("agent", ["ppo", "batched_ppo"])
def test_a_critic_cannot_share_the_layers_of_a_module(agent):
    with pytest.raises(InputError, match="use critic=full"):
        plan("cartpole", agent=agent, network="small", dmax=3, settings=["critic=shared"])


def losses_of(problem, steps):
    """Return the losses of Adam's first steps in a problem."""
    losses = []
    loss_of = problem.loss

    def recorded(*arguments):
        loss = loss_of(*arguments)
        losses.append(float(loss.detach()))
        return loss

    problem.loss = recorded
    search = configure("adam", ["lr=0.01"]).search(problem, np.random.default_rng(5))
    while len(losses) < steps:
        next(search)
    return losses


def test_a_copy_of_the_paper_network_has_its_loss_curve_on_mnist(small_images):
    task = resolve("mnist")
    world = make_world(task)
    own = make_network(task, "mlp_copy:widths=200x200+activation=relu", world)
    built_in = make_network(task, "mlp:200x200", world)
    assert own.D == built_in.D == 199_210
    first, second = (
        make_problem(task, each, "onehot", 100, 1, world, budget=100) for each in (built_in, own)
    )
    # One start: a module's own initialisation draws other numbers than the built-in network's.
    second.subspace = first.subspace
    expected, curve = losses_of(first, 60), losses_of(second, 60)
    assert expected[-1] < 0.8 * expected[0]
    assert np.allclose(curve, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", ["resnet:width=8+stages=2", "attention:width=8+depth=1"])
def test_the_networks_of_images_that_ship_learn_inside_a_subspace(name):
    network = make(name, 144, 5, "relu", (1, 12, 12), 1 / 255)
    assert network.hidden_state == {}
    subspace = make_subspace(network, "onehot", 300, 1)
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (40, 144), generator=generator, dtype=torch.uint8)
    labels = torch.arange(40) % 5
    w = torch.zeros(300, requires_grad=True)
    optimizer = torch.optim.Adam([w], lr=0.01)
    losses = []
    for _ in range(60):
        outputs = network.outputs_of(subspace.theta(w * subspace.scale), x)
        loss = functional.cross_entropy(outputs, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize(
    ("name", "shape", "says"),
    [
        ("resnet", None, "takes images"),
        ("attention", None, "takes images"),
        ("resnet", (1, 3, 12), "at least 4x4"),
        ("resnet:width=6", (1, 12, 12), "multiple of 4"),
        ("resnet:blocks=0", (1, 12, 12), "blocks is from 1 to 18"),
        ("resnet:stages=6", (1, 12, 12), "stages is from 1 to 5"),
        ("attention:width=30", (1, 12, 12), "multiple of heads = 4"),
        ("attention:heads=0", (1, 12, 12), "multiple of heads = 0"),
        ("attention:depth=99", (1, 12, 12), "depth is from 1 to 24"),
        ("attention:patch=13", (1, 12, 12), "patch is from 1 to 12"),
    ],
)
def test_settings_that_make_no_network_of_images_are_refused_in_one_line(name, shape, says):
    inputs = 8 if shape is None else int(np.prod(shape))
    with pytest.raises(InputError, match=says) as error:
        make(name, inputs, 5, "relu", shape)
    assert "\n" not in str(error.value)


def test_the_attention_network_sees_pixels_at_the_edge_that_fill_no_patch():
    network = make("attention:width=8+depth=1+patch=5", 144, 5, "relu", (1, 12, 12))
    theta = torch.from_numpy(network.initial(0))
    dark, light = torch.zeros(1, 144), torch.zeros(1, 144)
    light[0, -1] = 1.0
    assert not torch.equal(network.outputs_of(theta, dark), network.outputs_of(theta, light))


def test_a_measurement_finds_a_network_by_its_import_and_workers_find_it_too(tmp_path):
    command = (
        "run cartpole --agent random --dmax 2 --seeds 1 --budget 200 --max-trials 1 --json "
        "--network small:width=4 --import own_networks --jobs 1 --store store"
    )
    done = rlid(*command.split(), cwd=tmp_path)
    assert done.returncode in (0, 1), done.stderr
    (path, *_) = tmp_path.glob("store/trials/*/*.json")
    record = json.loads(path.read_text())
    assert record["spec"]["network"] == "small:width=4+rate=0.5+bias=true"
    assert record["hidden_state"] == {"network_constants": 13}
    assert len(record["notes"]["theta0_sha256"]) == 64


def test_an_entry_point_adds_a_network(monkeypatch):
    point = EntryPoint("offered", "own_networks:branching", "rlid.networks")
    monkeypatch.setattr(
        "rlid.registry.entry_points", lambda group: [point] if group == point.group else []
    )
    registry = NetworkRegistry("network", group="rlid.networks")
    assert registry["offered"] is own_networks.branching


def test_the_example_of_the_documentation_is_a_network(monkeypatch):
    list(NETWORKS)
    monkeypatch.setattr(NETWORKS, "_entries", dict(NETWORKS._entries))
    page = (Path(__file__).parents[1] / "docs/how-to-networks.md").read_text()
    exec(re.search(r"```python\n(.+?)```", page, re.DOTALL)[1], {})
    assert make("gated:width=16", 4, 2).architecture.name == "gated:width=16+depth=2"


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("small", None),
        ("mlp_copy", None),
        ("backwards", None),
        ("branching", None),
        ("resnet:width=8+stages=2", (1, 12, 12)),
        ("attention:width=8+depth=1", (3, 9, 12)),
    ],
)
def test_a_registered_network_passes_the_public_checks(name, shape):
    check_network(name, shape=shape)
