"""A trial broken off among confirmations resumes, and gives the record of an unbroken one."""

import dataclasses

import numpy as np
import pytest
from interrupted import interrupt, run
from scripted import MadeUp, timeless

from rlid.agent import Ask, Progress
from rlid.measurement.plan import plan
from rlid.records.judgement import Judgement
from rlid.records.state import State, decode, encode
from rlid.store.store import Store
from rlid.training import journal as journals_module
from rlid.training.cell import run_trials
from rlid.training.checkpoint import Checkpoints
from rlid.training.journal import Journals

PPO = ["n_envs=4", "checkpoint=300", "n_steps=32", "batch_size=64", "n_epochs=2"]


@pytest.fixture(scope="module")
def specs():
    """Trials of CartPole at a score that looks reach by luck."""
    wanted = plan("cartpole", dmax=3, network="mlp:4", budget=8000)
    return wanted.task, [wanted.spec(3, seed, 90.0) for seed in range(4)]


def run_all(folder, specs, beat=lambda: None):
    task, trials = specs
    store = Store(folder)
    run_trials(trials, Judgement(90.0), task, store.add, beat, Journals(store))
    return {record.spec.seed: timeless(record) for record in store.records()}


@pytest.mark.parametrize("at", [150, 600, 1500, 4000])
def test_a_cell_that_is_broken_off_gives_the_records_of_an_unbroken_one(
    tmp_path, specs, monkeypatch, at
):
    monkeypatch.setattr(journals_module, "FLUSH_SECONDS", 0.0)
    unbroken = run_all(tmp_path / "unbroken", specs)
    confirmed = [record for record in unbroken.values() if record.stopped_early]
    assert 0 < len(confirmed) < 4
    beats = iter(range(10**9))

    def beat():
        if next(beats) == at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_all(tmp_path / "broken", specs, beat)
    assert run_all(tmp_path / "broken", specs) == unbroken


def test_a_gradient_agent_resumes_with_its_best_looks_and_its_doubt(tmp_path):
    wanted = plan("cartpole", agent="ppo", dmax=5, network="mlp:6", budget=2500, settings=PPO)
    task = dataclasses.replace(wanted.task, validation_episodes=10, scoring_episodes=12)
    spec, checkpoints = wanted.spec(5, 0, 24.0), Checkpoints(Store(tmp_path))
    expected, z = run(task, spec)
    assert expected.search_steps >= 2500
    interrupt(task, spec, checkpoints)
    saved = checkpoints.load(spec).part("course")
    assert saved.plain["validation_steps"] > 0
    assert len(saved.plain["best"]) > 1
    resumed, z_again = run(task, spec, checkpoints)
    assert resumed == expected
    assert np.array_equal(z, z_again)


def break_off(checkpoints, made_up, returns):
    """Run a made-up trial until it is saved, and drop it."""

    def until_saved(request, number):
        if checkpoints.path(made_up.spec).exists():
            raise KeyboardInterrupt
        return returns(request, number)

    with pytest.raises(KeyboardInterrupt):
        made_up.run(until_saved, checkpoints)


def counting(problem, rng):
    """A search that can be saved after each of ten reports: it counts."""
    start = 0 if problem.saved is None else problem.saved.plain["count"]
    for number in range(start, 10):
        problem.search_steps += 100
        z = np.full(problem.dim, number)
        yield Progress(z, None, lambda number=number: State({"count": number + 1}))


def by_seed(request, number):
    return [np.random.default_rng(seed).normal(390, 30) for seed in request.seeds]


def test_a_trial_resumes_from_a_checkpoint_of_its_own(tmp_path, scripted):
    name, checkpoints = scripted(counting), Checkpoints(Store(tmp_path))
    unbroken, _ = MadeUp(name).run(by_seed)
    break_off(checkpoints, MadeUp(name), by_seed)
    resumed, _ = MadeUp(name).run(by_seed, checkpoints)
    assert timeless(resumed) == timeless(unbroken)


def asking(problem, rng):
    """A search that asks for scores between its reports, and moves by what it hears."""
    saved = {"count": 0, "z": 0.0} if problem.saved is None else problem.saved.plain
    z = saved["z"]
    for number in range(saved["count"], 10):
        scores = yield Ask(np.array([[z, 0.0], [z, 1.0]]))
        z = float(scores.mean())
        state = State({"count": number + 1, "z": z})
        yield Progress(np.full(problem.dim, z), None, lambda state=state: state)


def test_an_agent_that_asks_as_well_resumes_with_the_episodes_that_it_would_have_had(
    tmp_path, scripted
):
    name, checkpoints = scripted(asking), Checkpoints(Store(tmp_path))
    unbroken, z = MadeUp(name).run(by_seed)
    break_off(checkpoints, MadeUp(name), by_seed)
    resumed, z_again = MadeUp(name).run(by_seed, checkpoints)
    assert timeless(resumed) == timeless(unbroken)
    assert np.array_equal(z, z_again)


def without(part, key):
    def damage(plain):
        del plain["state"][part][key]

    return damage


def of_another_d(plain):
    plain["state"]["course"]["best"] = [1.0] * 7


DAMAGES = {
    "no curve": without("course", "curve"),
    "no count": without("search", "count"),
    "another number of policies": of_another_d,
    "an earlier format": lambda plain: plain.pop("format"),
    "a generator of another kind": lambda plain: plain["state"]["course"].update(episodes={}),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_checkpoint_from_which_nothing_resumes_is_set_aside(tmp_path, scripted, damage):
    """Its checksums are right: what it holds is not what the trial or the agent needs."""
    said = []
    name, checkpoints = scripted(counting), Checkpoints(Store(tmp_path, said.append))
    unbroken, _ = MadeUp(name).run(by_seed)
    made_up = MadeUp(name)
    break_off(checkpoints, made_up, by_seed)
    path = checkpoints.path(made_up.spec)
    state = decode(path.read_bytes())
    damage(state.plain)
    path.write_bytes(encode(state))
    record, _ = MadeUp(name).run(by_seed, checkpoints)
    assert timeless(record) == timeless(unbroken)
    (line,) = said
    assert "the trial starts again" in line
    assert "\n" not in line
