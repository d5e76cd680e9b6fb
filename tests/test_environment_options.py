"""`--envs`, `--env-arg` and `--episode-cap`: how many environments, which, and how long."""

import json
import signal
from dataclasses import replace

import numpy as np
import pytest
from command import rlid_here, rlid_module

from rlid.batched.rollout import Pool
from rlid.engine import LocalEngine, random_scores
from rlid.errors import InputError
from rlid.evaluation import random_returns
from rlid.measurement import Runner, Watcher, plan
from rlid.networks import Network, parse
from rlid.problem import make_problem
from rlid.records import REFERENCE_SEED, Judgement
from rlid.sb3_bridge import SimulatorVecEnv
from rlid.simulators import dependence, make_network, make_world, within
from rlid.simulators.gymnasium_envs import GymnasiumSimulator
from rlid.store.references import shipped
from rlid.task import Task, adapt, resolve
from rlid.training import run_trials

pytestmark = pytest.mark.usefixtures("workers_find_fixtures")
GRID = (
    "--network", "mlp:4", "--budget", "300", "--agent", "random", "--seeds", "1", "--dims", "2",
    "--search", "grid", "--jobs", "1",
)  # fmt: skip


def scores_of(task, most, monkeypatch):
    monkeypatch.setenv("RLID_ENVS", str(most))
    world = make_world(task)
    assert world.max_slots == most
    problem = make_problem(task, make_network(task, "mlp:4", world), "onehot", 3, 0, world)
    policies = np.random.default_rng(0).standard_normal((3, 3))
    values = problem.evaluate(policies, list(range(10, 20))).values
    world.close()
    return values


def test_scores_do_not_depend_on_how_many_environments_there_are(monkeypatch):
    import hostile  # noqa: F401

    task = resolve("gym:Quick-v0")
    many = scores_of(task, 64, monkeypatch)
    for most in (1, 3, 10):
        np.testing.assert_array_equal(scores_of(task, most, monkeypatch), many)


def test_an_environment_of_one_instance_is_measured(tmp_path):
    done = rlid_module(
        "run", "gym:Single-v0", "--import", "single", *GRID, "--envs", "1", "--json", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["failed_trials"] == 0


def test_more_instances_than_may_exist_are_refused_before_training(tmp_path):
    refused = rlid_here(
        "run", "gym:Single-v0", "--import", "single", "--dmax", "4", "--agent", "ppo",
        "--envs", "3", cwd=tmp_path,
    )  # fmt: skip
    assert refused.returncode == 2
    assert "agent 'ppo' steps 8 environments beside the one that scores" in refused.stderr
    assert "use --envs 9" in refused.stderr


@pytest.mark.parametrize("observation", ["raw", "frozen"])
@pytest.mark.parametrize(("agent", "trials"), [("batched_ppo", 5), ("ppo", 1)])
def test_training_and_scoring_share_the_instances_that_may_exist(
    agent, trials, observation, monkeypatch
):
    alive, peak = [], []

    def plain(simulator, make=GymnasiumSimulator.plain):
        env = make(simulator)
        alive.append(env)
        peak.append(len(alive))
        return env

    def close(simulator, close=GymnasiumSimulator.close):
        for env in simulator._pool:
            alive.remove(env)
        close(simulator)

    monkeypatch.setattr(GymnasiumSimulator, "plain", plain)
    monkeypatch.setattr(GymnasiumSimulator, "close", close)

    def records(most):
        if most is not None:
            monkeypatch.setenv("RLID_ENVS", str(most))
        wanted = plan(
            "gym:CartPole-v1", agent=agent, network="mlp:4", dmax=9, budget=256,
            observation=observation,
            settings=["n_envs=4", "n_steps=16", "batch_size=32", "n_epochs=1"],
        )  # fmt: skip
        short = replace(wanted.task, validation_episodes=8, scoring_episodes=9)
        specs = [wanted.spec(2 + seed, seed, None) for seed in range(trials)]
        peak.clear()
        delivered = {}
        run_trials(
            specs, Judgement(), short,
            lambda record, z: delivered.update({record.spec.seed: (record.score, z.tobytes())}),
        )  # fmt: skip
        assert not alive
        return delivered, max(peak)

    free, _ = records(None)
    assert len(free) == trials
    for most in (9, 5):
        limited, held = records(most)
        assert limited == free
        assert held <= most


def test_a_task_can_say_how_many_environments_may_exist(monkeypatch):
    import single  # noqa: F401

    from rlid.simulators import most_envs

    task = Task(version=1, env="Single-v0", episode_cap=20, budget=100, max_envs=2)
    assert most_envs(task) == 2
    monkeypatch.setenv("RLID_ENVS", "5")
    assert most_envs(task) == 2
    monkeypatch.setenv("RLID_ENVS", "1")
    assert most_envs(task) == 1
    assert "max_envs" not in task.protocol()


@pytest.mark.parametrize("most", [None, 1, 3, 64, 127])
def test_the_score_of_random_actions_does_not_depend_on_how_many_environments_there_are(
    most, monkeypatch
):
    # The shipped reference was measured without a limit.
    task = resolve("cartpole_v0")
    reference = shipped(task.name, task.version, task.protocol(), "linear")
    if most is not None:
        monkeypatch.setenv("RLID_ENVS", str(most))
    episodes = range(reference.random_episodes)
    arguments = ("cartpole_v0", (), REFERENCE_SEED, len(episodes), episodes, lambda _: None)
    assert np.mean(random_scores(*arguments)) == pytest.approx(reference.random, abs=1e-9)


@pytest.mark.parametrize("most", [1, 7, 100])
def test_random_actions_of_frozen_and_continuous_tasks_do_not_depend_on_it_either(
    most, monkeypatch
):
    task = replace(adapt(resolve("gym:Pendulum-v1"), observation="frozen"), episode_cap=5)

    def returns():
        return random_returns(task, make_world(task), range(150), np.random.default_rng(0))

    expected = returns()
    monkeypatch.setenv("RLID_ENVS", str(most))
    assert returns().tolist() == expected.tolist()


def test_an_environment_that_is_slow_to_make_gives_signs_of_life():
    with LocalEngine(1, 4.0) as engine:
        # Twelve of them take more than 8 seconds to make.
        scores = engine.call(random_scores, "gym:SlowToMake-v0", ("single",), 0, 12, range(12))
    assert len(scores) == 12


def batched(problem, rngs):
    return Pool(problem, rngs, 4).begin()


def by_stable_baselines3(problem, rngs):
    return SimulatorVecEnv(problem, 12, rngs[0]).reset()


@pytest.mark.parametrize("train", [batched, by_stable_baselines3])
@pytest.mark.parametrize("observation", ["raw", "frozen"])
def test_training_gives_a_sign_of_life_after_every_environment_that_it_makes(
    train, observation, monkeypatch
):
    events = []

    def plain(simulator, make=GymnasiumSimulator.plain):
        events.append("made")
        return make(simulator)

    monkeypatch.setattr(GymnasiumSimulator, "plain", plain)
    task = adapt(resolve("gym:CartPole-v1"), observation=observation)
    network = Network(parse("mlp:4"), 4, 2)
    world = make_world(task)
    problem = make_problem(task, network, "onehot", 3, 0, world, beat=lambda: events.append("beat"))
    events.clear()
    train(problem, [np.random.default_rng(seed) for seed in range(3)])
    assert events.count("made") == 12
    following = zip(events, [*events[1:], "end"], strict=True)
    assert {after for event, after in following if event == "made"} == {"beat"}
    # The steps of the statistics are signs of life of their own.
    assert (events.count("beat") > 30) == (observation == "frozen")


def test_the_probe_of_frozen_statistics_gives_signs_of_life_as_well():
    task = adapt(resolve("gym:CartPole-v1"), observation="frozen")
    beats = []
    assert dependence(task, make_world(task), lambda: beats.append(1)) == ""
    assert len(beats) >= 2


def test_a_sign_of_life_after_the_time_limit_starts_no_clock():
    with within(5.0) as beat:
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
    beat()
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_arguments_of_the_environment_are_part_of_the_task(tmp_path):
    arguments = ["--env-arg", "size=3", "--env-arg", "render_mode=rgb_array", "--episode-cap", "7"]
    done = rlid_module("run", "gym:Sized-v0", "--import", "single", *GRID, *arguments, "--json",
                       "--store", "store", cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["task"] == "gym:Sized-v0?episode-cap=7&render_mode=rgb_array&size=3"
    assert found["D"] == 4 * (3 + 1) + 2 * (4 + 1)
    assert "cut after" not in done.stderr
    records = [json.loads(path.read_text()) for path in tmp_path.glob("store/trials/*/*.json")]
    protocols = [record["spec"]["protocol"] for record in records]
    assert {(each["env.size"], each["episode_cap"]) for each in protocols} == {(3, 7)}
    assert all(record["status"] in ("solved", "unsolved") for record in records)


def test_episodes_that_are_cut_are_noted(tmp_path):
    class Notes(Watcher):
        def __init__(self):
            self.notes = []

        def note(self, text):
            self.notes.append(text)

    named = "gym:Sized-v0?render_mode=rgb_array&size=3"
    for name, cut in ((named, 1), (f"{named}&episode-cap=9", 0)):
        watcher = Notes()
        wanted = plan(name, dmax=2, network="mlp:4", imports=["single"])
        with Runner(wanted, tmp_path, watcher=watcher):
            pass
        assert sum("its episodes are cut after 1,000" in note for note in watcher.notes) == cut


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--env-arg", "size"], "--env-arg 'size': use NAME=VALUE"),
        (["--env-arg", "size=3", "--env-arg", "size=4"], "--env-arg size: is given twice"),
        (["--env-arg", "sice=3"], "sice"),
        (["--episode-cap", "0"], "--episode-cap 0: must be a whole number from 1 on"),
        (["--envs", "0"], "--envs 0: must be at least 1"),
    ],
)
def test_arguments_that_cannot_be_had_are_refused(tmp_path, arguments, words):
    refused = rlid_here("run", "gym:Sized-v0", "--import", "single", *GRID, *arguments,
                        cwd=tmp_path)  # fmt: skip
    assert refused.returncode == 2
    assert words in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_a_task_without_an_environment_takes_no_arguments():
    with pytest.raises(InputError, match="has no environment"):
        adapt(resolve("sum_constraints:3"), options={"size": 3})


def test_the_plan_of_a_task_with_arguments_names_them():
    named = "gym:Sized-v0?render_mode=rgb_array&size=3"
    assert plan(named, dmax=2, network="mlp:4", imports=["single"]).question.task == named
