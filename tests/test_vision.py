"""Classifiers of images: what is scored on which images, and the agents that train them."""

import math
import sys

import numpy as np
import pytest
import torch
from command import main_here

from rlid.agent import AGENTS, settings
from rlid.datasets import images_of
from rlid.measurement.plan import plan
from rlid.problem import make_problem
from rlid.records.judgement import Judgement
from rlid.simulators.make import make_network, make_world
from rlid.task import resolve
from rlid.training.cell import run_trials

pytestmark = pytest.mark.usefixtures("small_images")
FOLDS = 10


def problem_of(name="mnist", network="mlp:8", projection="onehot", d=20, seed=1):
    task = resolve(name)
    world = make_world(task)
    return make_problem(task, make_network(task, network, world), projection, d, seed, world)


def train(agent, d=60, steps=300, task="mnist", network="mlp:16", stop=None, **options):
    """Run one trial on small images in this process; return its record."""
    records = []
    measured = plan(task, agent=agent, network=network, dmax=d, budget=steps, **options)
    spec = measured.spec(measured.dmax, 0, stop)
    run_trials([spec], Judgement(stop), measured.task, lambda record, _z: records.append(record))
    return records[0]


def accuracy_by_hand(problem, z, pixels, labels):
    """The accuracy of z, from one plain forward pass over all images."""
    theta = problem.subspace.theta(torch.tensor(z, dtype=torch.float32))
    outputs = problem.network.outputs_of(theta, torch.from_numpy(pixels.astype(np.float32) / 255))
    return float((outputs.argmax(1).numpy() == labels).mean())


def test_scores_are_accuracies_on_the_images_of_their_part():
    problem, images = problem_of(), images_of("mnist")
    Z = np.random.default_rng(0).standard_normal((2, 20)) * 5
    for part, (pixels, labels) in {"search": images.train, "scoring": images.test}.items():
        values = problem.evaluate(Z, (3, 4), part).values
        expected = [accuracy_by_hand(problem, z, pixels, labels) for z in Z]
        assert values == pytest.approx(np.array([expected, expected]).T, abs=0.02)
        assert np.array_equal(values[:, 0], values[:, 1])


def test_a_validation_covers_the_held_out_images_fold_by_fold():
    problem, images = problem_of(), images_of("mnist")
    z = np.random.default_rng(0).standard_normal((1, 20)) * 5
    values = problem.evaluate(z, range(FOLDS), "validation").values[0]
    pixels, labels = images.held_out
    size = len(labels) // FOLDS
    for fold, value in enumerate(values):
        part = slice(fold * size, (fold + 1) * size)
        expected = accuracy_by_hand(problem, z[0], pixels[part], labels[part])
        assert value == pytest.approx(expected, abs=1.01 / size)
    assert np.unique(values).size > 1


def test_shuffled_labels_are_scored_by_what_is_remembered():
    world = make_world(resolve("mnist_shuffled_labels:1.0"))
    shuffled = images_of("mnist", shuffled_labels=1.0)
    pixels, labels = world._parts["scoring"]
    assert np.array_equal(labels.numpy(), shuffled.train[1])
    assert np.array_equal(pixels.numpy(), shuffled.train[0])


def test_the_loss_is_the_cross_entropy_of_a_minibatch_of_training_images():
    problem, images = problem_of(), images_of("mnist")
    theta = problem.subspace.theta(torch.zeros(20))
    chosen = np.random.default_rng(5).integers(0, len(images.train[1]), 128)
    x = torch.from_numpy(images.train[0][chosen].astype(np.float32) / 255)
    labels = torch.from_numpy(images.train[1][chosen].astype(np.int64))
    by_hand = torch.nn.functional.cross_entropy(problem.network.outputs_of(theta, x), labels)
    loss = problem.loss(torch.zeros(20), np.random.default_rng(5))
    assert float(loss) == pytest.approx(float(by_hand), rel=1e-5)
    decayed = problem.loss(torch.zeros(20), np.random.default_rng(5), weight_decay=0.1)
    assert float(decayed - loss) == pytest.approx(0.05 * float(theta.square().sum()), rel=1e-4)


@pytest.mark.parametrize("agent", ["adam", "sgd"])
def test_a_gradient_agent_learns_inside_a_subspace_and_stops_early(agent):
    record = train(agent, stop=0.7)
    assert record.reason == ""
    assert record.status == "solved"
    assert record.stopped_early
    assert record.search_steps < 300
    assert record.score >= 0.7


@pytest.mark.parametrize(
    "agent", [name for name in AGENTS if hasattr(AGENTS[name], "kinds")], ids=str
)
def test_every_agent_for_supervised_tasks_runs_on_images(agent):
    if "supervised" not in AGENTS[agent].kinds:
        pytest.skip("takes other kinds of tasks")
    record = train(agent, d=5, steps=60)
    assert record.reason == ""
    assert record.status == "unsolved"
    assert 0.0 <= record.score <= 1.0
    assert record.search_steps >= 60


def test_weight_decay_pulls_theta_to_zero():
    def norm(*assignments):
        agent = plan("mnist", network="mlp:8", dmax=200, settings=assignments).agent
        problem = problem_of(d=200)
        search = agent.search(problem, np.random.default_rng(0))
        while problem.search_steps < 200:
            z = next(search).z
        return float(problem.subspace.theta(torch.from_numpy(z)).norm())

    assert norm("weight_decay=0.1") < 0.9 * norm()


def test_settings_that_came_later_are_left_out_at_their_default():
    assert "weight_decay" not in settings(AGENTS["adam"]())
    assert settings(AGENTS["adam"](weight_decay=0.1))["weight_decay"] == 0.1


def test_a_learning_rate_that_explodes_is_lowered_and_recorded():
    calm, wild = (train("sgd", settings=[f"lr={lr}"]) for lr in ("0.01", "300"))
    assert calm.notes["divergences"] == 0
    assert wild.notes["divergences"] > 0
    assert wild.notes["lr_z"] == pytest.approx(300 * wild.D / 60 * 0.3 ** wild.notes["divergences"])
    assert calm.notes["lr_z"] == pytest.approx(0.01 * calm.D / 60)
    assert wild.score > 0.3


def test_the_step_of_sgd_in_z_is_that_of_theta_projected():
    problem = problem_of(d=30)
    z = torch.zeros(30, requires_grad=True)
    problem.loss(z, np.random.default_rng(0)).backward()
    problem.search_steps, problem.budget = 0, 100
    agent = AGENTS["sgd"](lr=0.01, momentum=0.0, decay="none")
    first = next(agent.search(problem, np.random.default_rng(0)))
    expected = -0.01 * problem.subspace.D / 30 * z.grad.numpy()
    assert first.z == pytest.approx(expected, rel=1e-4)
    assert math.isclose(problem.notes["lr_z"], 0.01 * problem.subspace.D / 30)


def test_the_protocol_names_the_content_of_the_data():
    assert resolve("mnist").protocol()["env.data"] != resolve("cifar10").protocol()["env.data"]
    assert len(resolve("mnist").protocol()["env.data"]) == 16


@pytest.mark.parametrize("share", ["0", "1.5", "half", "nan"])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(ValueError, match="use the share of labels to shuffle"):
        resolve(f"mnist_shuffled_labels:{share}")


def test_bare_weights_are_refused():
    with pytest.raises(ValueError, match="no function of images"):
        plan("mnist", network="vector:10", dmax=3)


def command(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["rlid", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        main_here()
    return caught.value.code, capsys.readouterr().err


def test_the_command_line_says_where_data_is_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RLID_DATA", "set back after the test")
    monkeypatch.setattr("rlid.datasets.places._download", refuse)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    options = ("run", "mnist", "--dmax", 5, "--store", tmp_path / "store")
    code, error = command(monkeypatch, capsys, *options, "--data", tmp_path)
    assert code == 2
    assert error.count("\n") == 1
    assert "train-images-idx3-ubyte.gz is missing" in error
    assert str(tmp_path / "mnist") in error
    code, error = command(monkeypatch, capsys, *options, "--data", tmp_path / "nowhere")
    assert code == 2
    assert "there is no such folder" in error
    assert not (tmp_path / "store" / "trials").exists()


def refuse(url, target, check):
    raise OSError(f"no route to {url}")


def test_cifar_has_a_recipe_of_its_own_and_mnist_keeps_the_published_one():
    assert resolve("mnist").recipes["adam"] == resolve("fashion_mnist").recipes["adam"]
    assert resolve("mnist").recipes["adam"] == {"lr": 1e-2}
    assert resolve("mnist").budget == resolve("fashion_mnist").budget == 4300
    spec = plan("cifar10", network="mlp:8", dmax=5).spec(5, 0, None)
    assert spec.settings["lr"] == 1e-3
    assert spec.settings["weight_decay"] == 1e-4
    assert spec.budget == 14_080


def test_a_world_is_made_without_torch_whose_import_takes_long(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert make_world(resolve("cifar10")).outputs == 10


def test_scoring_many_images_gives_signs_of_life(monkeypatch):
    monkeypatch.setattr("rlid.datasets.objectives.CHUNK", 10)
    beats = []
    task = resolve("mnist")
    world = make_world(task, lambda: beats.append(1))
    problem = make_problem(task, make_network(task, "mlp:8", world), "onehot", 20, 1, world)
    beats.clear()
    problem.evaluate(np.zeros((1, 20)), [0], "scoring")
    assert len(beats) == len(images_of("mnist").test[1]) / 10
