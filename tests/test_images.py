"""Environments of gymnasium that show images are seen by convolutions, whatever their form."""

import gymnasium
import numpy as np
import pytest
import unfaithful  # noqa: F401 (registers environments)
from gymnasium import spaces

from rlid.errors import EnvironmentFault, InputError
from rlid.measurement import plan
from rlid.records import Judgement
from rlid.simulators import make_network, make_world, show_images
from rlid.simulators.images import channels_first
from rlid.task import adapt, resolve
from rlid.testing import compare
from rlid.training import run_trials

FORMS = [
    ([9, 7, 3], (3, 9, 7)),
    ([3, 9, 7], (3, 9, 7)),
    ([11, 5], (1, 11, 5)),
    ([4, 9, 7, 3], (12, 9, 7)),
    ([4, 3, 9, 7], (12, 9, 7)),
    ([1, 13, 1], (1, 1, 13)),
]


def task_of(shape, dtype="uint8", **options):
    return adapt(resolve("gym:Images-v0"), options={"shape": shape, "dtype": dtype, **options})


@pytest.mark.parametrize(("form", "shape"), FORMS)
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_convolution_sees_the_image_that_the_environment_shows(form, shape, dtype):
    task = show_images(task_of(form, dtype), "conv:4-8")
    world = make_world(task)
    network = make_network(task, "conv:4-8", world)
    assert network.shape == world.observation_shape == shape
    assert network.byte_scale == (1 / 255 if dtype == "uint8" else 1.0)
    inputs, shown = world.start([5]), world.plain().reset(seed=5)[0]
    assert inputs.dtype == dtype
    assert np.array_equal(inputs[0].reshape(shape), channels_first(shown))
    comparison = compare(task, "conv:4-8")
    assert comparison.is_equal, comparison.detail


def test_channels_come_first_and_stacked_frames_are_channels():
    image = np.arange(24).reshape(4, 3, 2)
    assert np.array_equal(channels_first(image)[1], image[:, :, 1])
    stacked = channels_first(np.stack([image, image + 100]))
    assert stacked.shape == (4, 4, 3)
    assert np.array_equal(stacked[3], image[:, :, 1] + 100)


def test_a_network_of_numbers_sees_them_flat_as_before():
    task = task_of([9, 7, 3])
    assert show_images(task, "mlp:4") is task
    world = make_world(task)
    assert world.observation_shape is None
    assert np.array_equal(world.start([5])[0], world.plain().reset(seed=5)[0].ravel())


def test_gymnasiums_wrappers_are_named_by_the_task():
    task = task_of([9, 7, 3], **{"wrap.gray": True, "wrap.resize": [20, 18], "wrap.stack": 3})
    task = show_images(task, "conv:4-8")
    assert task.protocol()["env.wrap.resize"] == "[20,18]"
    world = make_world(task)
    assert world.observation_shape == (3, 20, 18)
    plain = gymnasium.wrappers.FrameStackObservation(
        gymnasium.wrappers.ResizeObservation(
            gymnasium.wrappers.GrayscaleObservation(gymnasium.make("Images-v0", shape=[9, 7, 3])),
            (20, 18),
        ),
        3,
    )
    assert np.array_equal(world.start([5])[0], plain.reset(seed=5)[0].ravel())
    assert compare(task, "conv:4-8").is_equal


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"wrap.blur": 3}, "use one of wrap.gray, wrap.resize, wrap.stack"),
        ({"wrap.resize": "large"}, "its wrapper refuses"),
        ({"wrap.stack": 0}, "its wrapper refuses"),
    ],
)
def test_a_wrapper_that_cannot_be_had_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        make_world(task_of([9, 7, 3], **options))


def test_numbers_without_a_shape_are_refused_to_a_convolution():
    with pytest.raises(InputError, match="are no images: use a network that takes numbers"):
        plan("gym:Seeded-v0", network="conv:4-8", dmax=2)


def test_a_fraction_in_an_image_of_bytes_is_a_fault(monkeypatch):
    shown = np.full((9, 7, 3), 0.3)
    monkeypatch.setattr(unfaithful.Images, "shown", lambda *_: shown)
    task = show_images(task_of([9, 7, 3]), "conv:4-8")
    with pytest.raises(EnvironmentFault, match="a pixel of 0.3, and its space has bytes"):
        make_world(task).start([1])


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_trial_of_ppo_runs_on_images(dtype):
    settings = ["n_envs=2", "n_steps=16", "batch_size=16", "n_epochs=1"]
    name = task_of([9, 7, 3], dtype).name
    wanted = plan(name, agent="ppo", network="conv:4-8", dmax=5, budget=64, settings=settings)
    assert wanted.task.observation == "pixels"
    records = []
    spec = wanted.spec(5, 0, None)
    run_trials([spec], Judgement(), wanted.task, lambda *result: records.append(result[0]))
    assert records[0].reason == ""
    assert records[0].score is not None
    assert isinstance(make_world(wanted.task).action_space, spaces.Discrete)
