"""TensorBoard on request: what it is told, and that a watched trial takes the same course."""

import dataclasses
import json

import numpy as np
import pytest
from command import rlid_here
from records import a_spec

import rlid
from rlid.measurement.plan import plan
from rlid.measurement.runner import Runner
from rlid.records.judgement import Judgement
from rlid.training.cell import run_trials
from rlid.training.tensorboard import Scalars, check_tensorboard


def run(agent, projection, folder=None, task="cartpole"):
    settings = ["n_envs=4", "n_steps=32", "batch_size=64"] if "ppo" in agent else []
    dmax = 5 if projection != "identity" else None
    wanted = plan(
        task, agent=agent, dmax=dmax, network="mlp:6", projection=projection, budget=1000,
        settings=settings,
    )  # fmt: skip
    short = dataclasses.replace(wanted.task, validation_episodes=3, scoring_episodes=4)
    found = []
    run_trials(
        [wanted.spec(wanted.dmax, 0, 400.0)],
        Judgement(400.0),
        short,
        lambda *out: found.append(out),
        tensorboard=folder,
    )
    ((record, z),) = found
    return record.model_copy(update={"seconds": 0.0}), z


def events(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (file,) = folder.rglob("events.*")
    found = EventAccumulator(str(file.parent)).Reload()
    return {
        name: [(event.step, event.value) for event in found.Scalars(name)]
        for name in found.Tags()["scalars"]
    }


def test_a_watched_trial_is_the_same_trial(tmp_path):
    record, z = run("ppo", "onehot")
    watched, z_again = run("ppo", "onehot", str(tmp_path))
    assert watched == record
    assert np.array_equal(z, z_again)
    seen = events(tmp_path)
    assert set(seen) >= {"return", "validation", "success", "z_norm", "gradient_share"}
    assert set(seen) >= {"train/value_loss", "train/approx_kl", "train/entropy_loss"}
    assert seen["z_norm"][-1][1] > 0
    assert all(0 < share < 1 for _, share in seen["gradient_share"])
    assert {value for _, value in seen["success"]} <= {0.0, 1.0}
    known = {(steps, round(mean, 3)) for steps, mean in record.curve}
    assert {(steps, round(mean, 3)) for steps, mean in seen["validation"]} <= known


def test_a_watched_batch_tells_its_losses_and_takes_the_same_course(tmp_path):
    record, z = run("batched_ppo", "onehot")
    watched, z_again = run("batched_ppo", "onehot", str(tmp_path))
    assert watched == record
    assert np.array_equal(z, z_again)
    seen = events(tmp_path)
    names = ("policy_loss", "value_loss", "approx_kl", "clip_fraction", "entropy")
    assert {f"train/{name}" for name in names} <= set(seen)
    assert all(value >= 0 for _, value in seen["train/value_loss"])
    assert all(0 <= value <= 1 for _, value in seen["train/clip_fraction"])
    # Two actions: the entropy lies below log 2, but for the error of its estimate.
    assert all(0 < value < 0.8 for _, value in seen["train/entropy"])
    # Before the first update of a rollout the policy is that of the rollout.
    assert all(abs(value) < 0.2 for _, value in seen["train/approx_kl"])


def test_in_direct_training_all_of_the_gradient_is_inside(tmp_path):
    run("ppo", "identity", str(tmp_path))
    assert all(abs(share - 1) < 1e-5 for _, share in events(tmp_path)["gradient_share"])


def test_a_gradient_free_agent_has_no_gradient_to_share(tmp_path):
    run("cmaes", "onehot", str(tmp_path))
    assert set(events(tmp_path)) >= {"return", "z_norm"}
    assert "gradient_share" not in events(tmp_path)


@pytest.mark.parametrize("task", ["table:../../../etc/x.csv,target=y", "..", "gym:a/../../b-v0"])
def test_a_task_whose_name_is_a_path_stays_inside_the_folder(tmp_path, task):
    Scalars(str(tmp_path / "runs"), a_spec(task=task)).close()
    (file,) = tmp_path.rglob("events.*")
    assert len(file.relative_to(tmp_path / "runs").parts) == 3


@pytest.mark.parametrize("way", ["python", "suite"])
def test_a_measurement_and_a_suite_write_the_curves_of_their_trials(tmp_path, monkeypatch, way):
    monkeypatch.chdir(tmp_path)
    row = {"task": "sum_constraints:4", "dims": [4], "seeds": 1, "search": "grid"}
    if way == "python":
        rlid.measure(**row, jobs=1, store="store", tensorboard="curves")
    else:
        lines = [f"{name} = {json.dumps(value)}" for name, value in row.items()]
        (tmp_path / "mine.toml").write_text("\n".join(["[[row]]", *lines]))
        done = rlid_here(
            "suite", "mine.toml", "--store", "store", "--jobs", "1", "--quiet", "--tensorboard",
            "curves", cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert list((tmp_path / "curves").rglob("events.*"))


def test_a_missing_package_is_one_clear_line(monkeypatch, tmp_path):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'rlid\[tensorboard\]'"):
        Runner(plan("cartpole", dmax=2), tmp_path, tensorboard="logs")
    check_tensorboard(None)
