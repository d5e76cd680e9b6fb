"""The cost of a measurement before it is run."""

import contextlib
import math
import os
import pty
import signal
import subprocess
import time

import numpy as np
import pytest
from command import RLID, rlid_here

from rlid.dimension import make_search
from rlid.engine import Place
from rlid.errors import InputError
from rlid.measurement import check_hours, cost_of, duration, plan, read_dims, size, steps_noun
from rlid.measurement.expectation import Expectation, simulate
from rlid.records import Judgement
from rlid.training import Timing, time_trials

FAST = Timing(1000, 1.0, 100, 0.1, 10, 300_000_000)


def cost(task="cartpole", timing=FAST, jobs=2, store="nowhere", **options):
    options = {"dmax": 20, "seeds": 5, **options}
    return cost_of(plan(task, **options), store, Place(jobs=jobs), timed=lambda *_: timing)


def simulated(kind, **options):
    seeds = tuple(range(options.pop("seeds", 5)))
    dims = tuple(range(1, options.pop("dmax", 20) + 1))
    search = make_search(kind, dmax=dims[-1], seeds=seeds, **options)
    return simulate(search, dims, seeds, full=False, seconds=60)


def test_a_grid_is_expected_to_run_every_pair():
    expected = simulated("grid", dmax=6)
    assert all(a + b == 30 for a, b in zip(expected.unsolved, expected.solved, strict=True))


def test_the_expected_trials_are_those_of_the_search_itself():
    alone = simulated("adaptive")
    assert max(map(sum, zip(alone.unsolved, alone.solved, strict=True))) <= 60
    capped = simulated("adaptive", max_trials=10)
    assert capped.quantiles(1, 1)[1] <= 10


def test_simulations_are_the_same_each_time():
    assert simulated("bisect") == simulated("bisect")


def test_simulations_end_with_their_time_but_three_are_made():
    search = make_search("grid", dmax=2, seeds=(0,))
    assert simulate(search, (1, 2), (0,), full=False, seconds=0).simulations == 3


def test_the_quantiles_are_of_the_cost_of_each_simulation():
    expected = Expectation(unsolved=(1, 2, 3), solved=(10, 0, 10))
    assert expected.quantiles(100, 1)[0] == 200


def test_steps_and_time_grow_with_the_budget():
    small, large = cost(budget=100_000), cost(budget=10_000_000)
    assert large.trials == small.trials
    assert large.steps[0] > 20 * small.steps[0]
    assert large.core_seconds[0] > 20 * small.core_seconds[0]


def test_a_full_trial_costs_its_whole_budget():
    assert cost(full=True).steps[0] > cost().steps[0]


def test_more_jobs_take_less_time_and_as_much_of_the_cores():
    one, two = cost(jobs=1), cost(jobs=2)
    assert two.core_seconds == one.core_seconds
    assert two.wall_seconds[0] == pytest.approx(one.wall_seconds[0] / 2)
    assert two.memory == 2 * one.memory


def test_a_reference_that_is_missing_is_counted_and_one_that_ships_is_named():
    assert "shipped with rlid" in cost().reference
    assert cost().reference_trials == 0
    missing = cost("gym:CartPole-v1", agent="cmaes")
    assert missing.reference_trials >= 5
    assert "no reference" in missing.reference
    assert missing.steps[0] > 5 * plan("gym:CartPole-v1", dmax=3).task.budget
    assert cost(reference=450.0).reference.startswith("given: 450")


def test_where_nothing_can_be_timed_the_reason_is_given_and_no_hours():
    for timing in ("the worker died", Timing(0, 5.0, 100, 0.1, 10, 1)):
        unknown = cost(timing=timing)
        assert unknown.untimed
        assert math.isfinite(unknown.steps[0])
        assert unknown.to_json()["core_seconds"] is None
        with pytest.raises(InputError, match="no time can be given"):
            check_hours([unknown], 1.0)


def test_a_run_that_would_take_longer_than_the_hours_allowed_is_refused():
    check_hours([cost()], 1000.0)
    with pytest.raises(InputError, match="hours are expected"):
        check_hours([cost(), cost()], 1e-4)


def test_a_timing_takes_its_seconds_and_counts_steps():
    checked = plan("cartpole", dmax=5, agent="random")
    specs = [checked.spec(3, seed, None) for seed in (0, 1)]
    started = time.monotonic()
    timing = time_trials(specs, checked.task, 0.3)
    assert time.monotonic() - started < 60
    assert timing.search_steps > 100
    assert 0 < timing.seconds_per_search_step < 0.1
    assert timing.episodes == 10
    assert 5 < timing.episode_steps < 500
    assert timing.peak_bytes > 10_000_000


def test_the_evaluation_of_a_step_is_never_dearer_than_its_search():
    assert Timing(1000, 1.0, 1, 5.0, 1, 1).seconds_per_evaluation_step == pytest.approx(0.001)
    assert Timing(0, 1.0, 1, 5.0, 0, 1).seconds_per_search_step == np.inf


@pytest.mark.parametrize("agent", ["batched_ppo", "dqn"])
def test_validations_are_timed_apart_from_a_search_that_trains_by_itself(agent):
    checked = plan("cartpole", dmax=20, agent=agent, budget=20_000)
    timing = time_trials([checked.spec(10, 0, None)], checked.task, 4.0)
    # No more than the budget and a round: the steps of validations are many times more.
    assert 0 < timing.search_steps <= 21_024
    assert timing.validation_steps > 0
    assert timing.validation_seconds > 0
    assert timing.search_seconds > 0


def test_a_validation_costs_what_validations_took_where_they_were_timed():
    timing = Timing(1000, 1.0, 100, 0.1, 10, 1, validation_steps=10_000, validation_seconds=0.5)
    assert timing.seconds_per_search_step == pytest.approx(1e-3)
    assert timing.seconds_per_evaluation_step == pytest.approx(5e-5)


def test_validations_cost_what_the_search_does_where_an_agent_asks_for_scores():
    checked = plan("cartpole", dmax=20, agent="cmaes")
    timing = time_trials([checked.spec(10, 0, None)], checked.task, 0.5)
    assert timing.search_steps > 0
    assert timing.validation_steps == 0


def test_a_timing_trains_nothing_that_a_trial_would_see(tmp_path):
    before = Judgement()
    checked = plan("cartpole", dmax=5, agent="random")
    time_trials([checked.spec(3, 0, None)], checked.task, 0.1)
    assert Judgement() == before
    assert not list(tmp_path.iterdir())


def test_a_dry_run_writes_nothing_and_says_what_is_needed(tmp_path, monkeypatch):
    monkeypatch.setattr("rlid.measurement.cost.time_plan", lambda *_: FAST)
    said = rlid_here("run", "cartpole", "--dry-run", "--jobs", "2", cwd=tmp_path)
    assert said.returncode == 0
    for words in (
        "d from 1 to 64",
        "shipped with rlid",
        "trials to run: ",
        "core time",
        "memory: 600 MB",
        "  reference: random ",
    ):
        assert words in said.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", [["run", "acrobot"], ["suite", "quick"]])
def test_a_dry_run_that_is_interrupted_says_so_in_one_line_and_writes_nothing(tmp_path, command):
    terminal, its_end = pty.openpty()
    with subprocess.Popen(
        [RLID, *command, "--dry-run", "--jobs", "1"], cwd=tmp_path, stdout=its_end, stderr=its_end,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:  # fmt: skip
        os.close(its_end)
        printed = b""
        while b"timing 1/" not in printed:
            printed += os.read(terminal, 1000)
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(OSError):
            while more := os.read(terminal, 1000):
                printed += more
    os.close(terminal)
    assert process.returncode == 130
    lines = [line for line in printed.decode().splitlines() if line.startswith("rlid:")]
    assert lines == ["rlid: interrupted; nothing was trained or written"]
    assert b"Traceback" not in printed
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.44, "0.4 s"), (59.4, "59 s"), (59.6, "1 min"), (3599.7, "1 h"), (4320, "1 h 12 min"),
     (86_399, "1 d"), (270_000, "3 d 3 h")],
)  # fmt: skip
def test_times_are_said_in_two_units(seconds, words):
    assert duration(seconds) == words


def test_amounts_have_their_singular():
    assert [size(n) for n in (0, 1, 2, 999.6, 1500)] == [
        "0 bytes", "1 byte", "2 bytes", "1 kB", "1.5 kB",
    ]  # fmt: skip
    assert steps_noun("supervised") == "training step"


@pytest.mark.parametrize(
    ("text", "dims"),
    [("4,2,4", (4, 2)), ("1-3,7", (1, 2, 3, 7)), ("5-5", (5,)),
     ("log:1-1000:4", (1, 10, 100, 1000)), ("log:2-3:9", (2, 3)), ("1, 2", (1, 2))],
)  # fmt: skip
def test_lists_of_d_hold_ranges(text, dims):
    assert read_dims(text) == dims


@pytest.mark.parametrize(
    "text", ["", "a", "1-", "-", "3-1", "log:1-9", "log:0-9:3", "log:1-9:1", "1.5", "1-20000"]
)
def test_lists_that_are_none_are_refused_in_one_line(text):
    with pytest.raises(InputError, match="--dims") as caught:
        read_dims(text)
    assert "\n" not in str(caught.value)
