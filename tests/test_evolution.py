"""Evolution strategies: known answers, what their settings mean, and which are refused."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rlid.agent import AGENTS, configure
from rlid.agent import settings as settings_of
from rlid.measurement.plan import plan
from rlid.problem import make_problem
from rlid.records.judgement import Judgement
from rlid.simulators.make import make_network, make_world
from rlid.task import resolve
from rlid.training.cell import run_trials

FOLLOWERS = ["openai_es", "ars"]
"""They follow an estimate of the gradient, so that settings in units of theta mean the same."""


def run(task, agent, d, *, seeds=(0,), settings=(), projection="onehot", budget=None, **options):
    wanted = plan(
        task, agent=agent, dmax=d, projection=projection, budget=budget, settings=settings
    )
    stop = options.get("stop", wanted.task.floor or 0.9 * (wanted.task.ceiling or 0))
    found = []
    specs = [wanted.spec(d, seed, stop) for seed in seeds]
    run_trials(specs, Judgement(stop), wanted.task, lambda *out: found.append(out))
    assert not [record.reason for record, _ in found if record.reason]
    return [record for record, _ in found]


def problem_of(task="hyperplanes:4", d=4):
    found = resolve(task)
    world = make_world(found)
    network = make_network(found, found.network, world)
    return make_problem(found, network, "onehot", d, 0, world)


@pytest.mark.parametrize("agent", FOLLOWERS)
def test_two_conditions_are_met_in_two_dimensions_and_not_in_one(agent):
    met = run("hyperplanes:2", agent, 2, seeds=range(2))
    assert [record.status for record in met] == ["solved", "solved"]
    (missed,) = run("hyperplanes:2", agent, 1, budget=2000)
    assert missed.status == "unsolved"


@pytest.mark.parametrize("agent", FOLLOWERS)
def test_cartpole_is_solved_in_twenty_dimensions(agent):
    found = run("cartpole", agent, 20, seeds=range(2))
    assert any(record.status == "solved" for record in found)


@pytest.mark.parametrize("agent", FOLLOWERS)
def test_samples_are_mirrored_around_a_mean_that_is_a_candidate_too(agent):
    problem = problem_of()
    search = configure(agent, ["scale=none"]).search(problem, np.random.default_rng(0))
    reply = None
    for _ in range(3):
        Z = search.send(reply).Z
        up, down = np.split(Z[:-1], 2)
        assert np.allclose(up + down, 2 * Z[-1])
        assert not np.allclose(up, down)
        reply = -(Z**2).sum(1) + Z[:, 0]


@pytest.mark.parametrize("agent", FOLLOWERS)
def test_the_mean_climbs_a_slope_and_stays_where_there_is_none(agent):
    for slope, moves in ((1.0, True), (0.0, False)):
        search = configure(agent).search(problem_of(), np.random.default_rng(0))
        reply = None
        for _ in range(20):
            Z = search.send(reply).Z
            reply = slope * Z[:, 0]
        assert (Z[-1, 0] > 0.1) == moves


@pytest.mark.parametrize("agent", FOLLOWERS)
def test_steps_are_in_units_of_theta_unless_told_otherwise(agent):
    problem = problem_of()
    asked = {}
    for scale in ("sqrt", "none"):
        chosen = configure(agent, [f"scale={scale}", "sigma=0.5"])
        search = chosen.search(problem, np.random.default_rng(0))
        first = next(search).Z
        asked[scale] = first, search.send(first[:, 0]).Z, chosen.notes(problem)["sigma_z"]
    factor = problem.subspace.scale
    assert np.allclose(asked["sqrt"][0], factor * asked["none"][0])
    assert np.allclose(asked["sqrt"][1], factor * asked["none"][1])
    assert asked["sqrt"][2] == pytest.approx(0.5 * factor)
    assert asked["none"][2] == 0.5


@pytest.mark.parametrize("restricted", ["separable", "vd", "vkd"])
@pytest.mark.parametrize("d", [20, 300])
def test_a_restricted_covariance_descends_and_leaves_the_global_generator_alone(restricted, d):
    agent = configure("cmaes", [f"restricted={restricted}", "full_up_to=10", "scale=none"])
    problem = problem_of("hyperplanes:4", d)
    assert agent.notes(problem)["covariance"] == restricted
    asked = []
    for _ in range(2):
        before = np.random.get_state()  # noqa: NPY002
        search = agent.search(problem, np.random.default_rng(0))
        reply, best = None, []
        for _ in range(60):
            Z = search.send(reply).Z
            reply = -((Z - 1) ** 2).sum(1)
            best.append(reply.max())
        after = np.random.get_state()  # noqa: NPY002
        assert np.array_equal(before[1], after[1])
        assert before[2:] == after[2:]
        asked.append(Z)
    assert best[-1] > best[0] + 1
    assert np.array_equal(*asked)


def test_pycma_comes_without_what_nothing_here_uses_and_leaves_it_to_others(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\n"
        "import numpy as np\n"
        "from test_evolution import configure, problem_of\n"
        "next(configure('cmaes').search(problem_of(), np.random.default_rng(0)))\n"
        "print('cma' in sys.modules, 'matplotlib' in sys.modules, 'scipy.stats' in sys.modules)\n"
        "import matplotlib.pyplot, scipy.stats\n"
        "print(scipy.stats.norm.cdf(0.0))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", script],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["True", "False", "False", "0.5"], done.stderr


def test_the_covariance_follows_d_and_the_setting_leaves_old_keys_alone():
    notes = [configure("cmaes").notes(problem_of(d=d))["covariance"] for d in (2, 200, 201)]
    assert notes == ["full", "full", "separable"]
    small = configure("cmaes", ["restricted=vkd", "full_up_to=1"])
    assert small.notes(problem_of(d=9))["covariance"] == "full"
    assert "restricted" not in settings_of(configure("cmaes"))
    assert settings_of(small)["restricted"] == "vkd"


def test_openai_es_uses_only_the_order_of_the_scores():
    asked = []
    for change in (lambda scores: scores, lambda scores: scores**3 - 7):
        search = configure("openai_es").search(problem_of(), np.random.default_rng(0))
        Z = next(search).Z
        asked.append(search.send(change(Z[:, 0] - Z[:, 1] ** 2)).Z)
    assert np.array_equal(*asked)


def test_weight_decay_draws_the_mean_to_the_start():
    ends = []
    for decay in (0.0, 1.0):
        search = configure("openai_es", [f"decay={decay}"]).search(
            problem_of(), np.random.default_rng(0)
        )
        reply = None
        for _ in range(200):
            Z = search.send(reply).Z
            reply = Z[:, 0]
        ends.append(np.abs(Z[-1]).max())
    assert ends[1] < ends[0] / 2


def test_openai_es_ends_after_its_iterations_and_is_scored_then():
    settings = ["lr=0.3", "sigma=0.02", "scale=none", "population=10", "iterations=7"]
    (record,) = run("hyperplanes:4", "openai_es", 3, settings=settings)
    episodes = resolve("hyperplanes:4").search_episodes
    assert record.search_steps == 7 * 11 * episodes < record.spec.budget
    assert record.score is not None
    assert record.status == "unsolved"


@pytest.mark.parametrize(
    ("agent", "setting", "wrong"),
    [
        *itertools.product(FOLLOWERS, ["sigma=0", "lr=-1"], ["must be positive"]),
        ("openai_es", "population=3", "even number"),
        ("openai_es", "population=0", "even number"),
        ("openai_es", "iterations=0", "at least 1"),
        ("openai_es", "decay=-1", "at least 0"),
        ("ars", "directions=0", "at least 1"),
        ("ars", "top=17", "from 1 to the 16 directions"),
        ("cmaes", "sigma0=-1", "must be positive"),
        ("cmaes", "population=1", "at least 2"),
    ],
)
def test_settings_that_lead_nowhere_are_refused_in_one_line(agent, setting, wrong):
    with pytest.raises(ValueError, match=wrong) as refusal:
        configure(agent, [setting])
    assert "\n" not in str(refusal.value)
    assert str(refusal.value).startswith(agent)
    assert agent in AGENTS
