"""A long trial that is interrupted goes on, to the very record of an unbroken one."""

import dataclasses
import functools
import importlib.util
import os
import signal
import subprocess
import sys
import tempfile

import interrupted
import numpy as np
import pytest
from interrupted import interrupt, run

from rlid.errors import DamagedRecord, StoreError
from rlid.measurement.plan import plan
from rlid.records.state import State, decode, encode
from rlid.sb3_bridge import off_policy
from rlid.store.store import Store
from rlid.training.checkpoint import Checkpoints

SMALL = ["n_envs=4", "checkpoint=600"]
PPO = ["n_steps=32", "batch_size=64", "n_epochs=2", "anneal_lr=true", "advantages=rollout"]
AGENTS = {
    "ppo": ("cartpole", [*SMALL, *PPO]),
    "a2c": ("cartpole", SMALL),
    "dqn": (
        "cartpole",
        ["checkpoint=600", "learning_starts=100", "train_freq=32", "gradient_steps=4"],
    ),
    "sac": ("pendulum", [*SMALL, "learning_starts=100", "batch_size=8", "train_freq=8"]),
    "td3": ("pendulum", [*SMALL, "learning_starts=100", "batch_size=8", "train_freq=8"]),
}
CONTRIB = {
    "tqc": ("pendulum", [*SMALL, "learning_starts=100", "batch_size=8", "train_freq=32"]),
    "crossq": ("pendulum", [*SMALL, "learning_starts=100", "batch_size=8", "train_freq=32"]),
    "qrdqn": (
        "cartpole",
        ["checkpoint=600", "learning_starts=100", "train_freq=32", "gradient_steps=4"],
    ),
    "trpo": ("pendulum", [*SMALL, "n_steps=32", "batch_size=64"]),
}
if importlib.util.find_spec("sb3_contrib"):
    AGENTS |= CONTRIB
BUDGET = 1300
REPORT_STEPS = 200
"""Of off-policy agents here: a checkpoint falls between two of their reports."""


def wanted_of(agent, *more):
    task, settings = AGENTS[agent]
    wanted = plan(
        task, agent=agent, dmax=5, network="mlp:6", budget=BUDGET, settings=[*settings, *more]
    )
    short = dataclasses.replace(wanted.task, validation_episodes=3, scoring_episodes=4)
    return short, wanted.spec(5, 0, None)


@functools.cache
def unbroken(agent):
    """The record and z of an agent's trial that nothing interrupts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(off_policy, "REPORT_STEPS", REPORT_STEPS)
        return run(*wanted_of(agent))


@functools.cache
def saved(seed):
    """The bytes that an interrupted trial of PPO with this seed leaves."""
    task, spec = wanted_of("ppo")
    with tempfile.TemporaryDirectory() as folder:
        checkpoints, spec = Checkpoints(Store(folder)), spec.model_copy(update={"seed": seed})
        interrupt(task, spec, checkpoints)
        return checkpoints.path(spec).read_bytes()


@pytest.fixture
def checkpoints(tmp_path):
    return Checkpoints(Store(tmp_path))


@pytest.mark.parametrize("agent", list(AGENTS))
def test_an_interrupted_trial_gives_the_record_of_an_unbroken_one(agent, checkpoints, monkeypatch):
    monkeypatch.setattr(off_policy, "REPORT_STEPS", REPORT_STEPS)
    task, spec = wanted_of(agent)
    expected, z = unbroken(agent)
    assert expected.reason == ""
    interrupt(task, spec, checkpoints)
    assert checkpoints.load(spec).part("course").plain["search_steps"] >= 600
    resumed, z_again = run(task, spec, checkpoints)
    assert resumed == expected
    assert np.array_equal(z, z_again)
    assert z.any()
    assert not checkpoints.path(spec).exists(), "what has ended needs no checkpoint"


def test_a_killed_process_leaves_a_checkpoint_to_resume_from(checkpoints, tmp_path):
    script = f"""
import os, signal, sys
sys.path[:0] = {[os.path.dirname(__file__), os.path.dirname(interrupted.__file__)]!r}
import torch
torch.set_num_threads(1)
from rlid.training.checkpoint import Checkpoints
from rlid.records.judgement import Judgement
from rlid.store.store import Store
from rlid.training.cell import run_trials
from test_checkpoint import wanted_of
checkpoints = Checkpoints(Store({str(tmp_path)!r}))
task, spec = wanted_of("ppo")
def beat():
    if checkpoints.path(spec).exists():
        os.kill(os.getpid(), signal.SIGKILL)
run_trials([spec], Judgement(None), task, print, beat, checkpoints=checkpoints)
"""
    ended = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    task, spec = wanted_of("ppo")
    assert checkpoints.path(spec).exists()
    assert run(task, spec, checkpoints)[0] == unbroken("ppo")[0]


DAMAGES = {
    "cut": lambda data: data[:-100],
    "one bit": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    "text": lambda data: b"{}",
    "another spec": lambda data: saved(1),
}


@pytest.mark.parametrize("how", list(DAMAGES))
def test_a_damaged_checkpoint_is_set_aside_and_the_trial_starts_again(how, tmp_path):
    said = []
    checkpoints = Checkpoints(Store(tmp_path, said.append))
    task, spec = wanted_of("ppo")
    path = checkpoints.path(spec)
    path.parent.mkdir()
    path.write_bytes(DAMAGES[how](saved(0)))
    assert run(task, spec, checkpoints)[0] == unbroken("ppo")[0]
    (line,) = said
    assert "\n" not in line
    assert "starts again" in line
    assert len(list((tmp_path / "quarantine").glob("*.reason"))) == 1


def test_a_decoded_state_equals_the_encoded_one():
    rng = np.random.default_rng(3)
    arrays = {"a": rng.standard_normal((3, 2)), "b": np.arange(4, dtype=np.uint8)}
    state = State({"state": rng.bit_generator.state, "x": [0.1, None, True]}, arrays)
    again = decode(encode(state))
    assert again.plain == state.plain
    assert all(np.array_equal(again.arrays[name], arrays[name]) for name in arrays)


def test_bytes_that_are_no_checkpoint_are_refused_in_one_line():
    for data in (b"", b"x" * 100, encode(State())[:-3]):
        with pytest.raises(DamagedRecord) as caught:
            decode(data)
        assert "\n" not in str(caught.value)


def test_a_state_that_is_too_large_is_not_saved_and_the_record_says_so(checkpoints, monkeypatch):
    monkeypatch.setattr("rlid.training.checkpoint.MAX_BYTES", 10_000)
    task, spec = wanted_of("ppo")
    record, _ = run(task, spec, checkpoints)
    assert record.notes["checkpoint"].startswith("none: its state takes")
    assert not checkpoints.path(spec).exists()


def test_a_checkpoint_that_cannot_be_written_stops_the_run_and_is_no_result(checkpoints):
    task, spec = wanted_of("ppo")
    checkpoints.path(spec).parent.parent.joinpath("checkpoints").write_text("a file")
    with pytest.raises(StoreError, match="cannot be"):
        run(task, spec, checkpoints)


def test_the_interval_is_part_of_the_key_only_where_it_is_set():
    settings = plan("cartpole", agent="ppo", dmax=2).spec(2, 0, None).settings
    assert "checkpoint" not in settings
    spec = plan("cartpole", agent="ppo", dmax=2, settings=["checkpoint=5000"]).spec(2, 0, None)
    assert spec.settings["checkpoint"] == 5000
