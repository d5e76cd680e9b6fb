"""Known answers: K conditions on the weights need K dimensions, whatever the projection."""

import numpy as np
import pytest
import torch

from rlid.dimension.estimate import estimate
from rlid.measurement.plan import plan
from rlid.measurement.summary import as_trial
from rlid.problem import make_problem
from rlid.projections import PROJECTIONS
from rlid.records.judgement import Judgement
from rlid.simulators.make import make_network, make_world
from rlid.task import resolve
from rlid.training.cell import run_trials

GENERIC = [kind for kind in PROJECTIONS if PROJECTIONS[kind].is_generic]
GENERIC = [kind for kind in GENERIC if not PROJECTIONS[kind].is_square]


def solved(*question, **options):
    return sum(record.status == "solved" for record in trials(*question, **options))


def trials(task, agent, d, *, projection="onehot", seeds=6, budget=None, threshold=None, lr=None):
    """The records of the first seeds, none of which may have failed."""
    found = []
    settings = () if lr is None else (f"lr={lr}",)
    options = {"projection": projection, "budget": budget, "settings": settings}
    wanted = plan(task, agent=agent, dmax=d, **options)
    threshold = threshold or 0.9 * wanted.task.ceiling
    specs = [wanted.spec(d, seed, threshold) for seed in range(seeds)]
    run_trials(specs, Judgement(threshold), wanted.task, lambda record, _: found.append(record))
    assert not [record.reason for record in found if record.reason]
    return found


@pytest.mark.parametrize("projection", GENERIC)
@pytest.mark.parametrize("agent", ["cmaes", "adam"])
@pytest.mark.parametrize("family", ["sum_constraints", "hyperplanes"])
def test_four_conditions_are_met_in_four_dimensions(family, agent, projection):
    assert solved(f"{family}:4", agent, 4, projection=projection, seeds=3) >= 2


@pytest.mark.parametrize("projection", GENERIC)
@pytest.mark.parametrize("family", ["sum_constraints", "hyperplanes"])
def test_four_conditions_are_not_met_in_three_dimensions(family, projection):
    assert solved(f"{family}:4", "adam", 3, projection=projection, seeds=3, budget=2000) <= 1


def test_four_dials_are_set_in_four_dimensions_and_not_in_three():
    assert solved("dials:4", "cmaes", 4) >= 5
    assert solved("dials:4", "cmaes", 3, seeds=3, budget=30_000) == 0


@pytest.mark.parametrize("agent", ["cmaes", pytest.param("adam", marks=pytest.mark.slow)])
@pytest.mark.parametrize("family", ["sum_constraints", "hyperplanes"])
def test_the_interval_holds_the_truth_where_noisy_labels_leave_success_to_chance(family, agent):
    rows = [
        as_trial(record)
        for d in (3, 4, 5)
        for record in trials(f"{family}:4:0.3", agent, d, seeds=5, budget=800, threshold=0.5)
    ]
    reached = [row.success for row in rows if row.d >= 4]
    assert 0 < sum(reached) < len(reached)
    found = estimate(rows, dmax=5)
    assert found.ci_low <= 4
    assert found.ci_high is None or found.ci_high >= 4


@pytest.mark.slow
def test_a_policy_gradient_sets_four_dials_in_a_few_more_dimensions_and_not_in_three():
    assert solved("dials:4", "ppo", 6, seeds=3) >= 1
    assert solved("dials:4", "ppo", 3, seeds=3, budget=100_000) == 0


@pytest.mark.slow
@pytest.mark.parametrize("projection", GENERIC)
@pytest.mark.parametrize("agent", ["cmaes", "adam"])
@pytest.mark.parametrize("family", ["sum_constraints", "hyperplanes"])
@pytest.mark.parametrize("count", [1, 10, 40])
def test_the_dimension_is_the_number_of_conditions(count, family, agent, projection):
    """In the steps that two of three seeds need with K dimensions, K - 1 solve at most one."""
    task, options = f"{family}:{count}", {"projection": projection, "seeds": 3}
    if agent == "adam" and count == 40:
        # The weights have so far to go that the default rate takes three times the steps.
        options["lr"] = 0.05
    found = trials(task, agent, count, **options)
    steps = sorted(record.search_steps for record in found if record.status == "solved")
    assert len(steps) >= 2
    if count > 1:
        assert solved(task, agent, count - 1, budget=steps[1], **options) <= 1


@pytest.mark.parametrize("projection", GENERIC)
@pytest.mark.parametrize("family", ["sum_constraints", "hyperplanes"])
def test_two_hundred_conditions_by_exact_least_squares(family, projection):
    """What no iterative agent converges to shows whether P, not the search, is the limit."""
    task = resolve(f"{family}:200")
    world = make_world(task)
    network = make_network(task, task.network, world)
    violation = {}
    for d in (190, 199, 200):
        problem = make_problem(task, network, projection, d, 3, world)
        start = problem.subspace.theta(torch.zeros(d)).double().numpy()
        P = np.stack([problem.subspace.P.column(i).double().numpy() for i in range(d)], axis=1)
        A, b = _linear(world, network.D)
        z, *_ = np.linalg.lstsq(A @ P, b - A @ start, rcond=None)
        violation[d] = float(np.mean((A @ (start + P @ z) - b) ** 2))
    assert violation[200] < 1e-12
    assert violation[199] > 1e-8
    assert violation[190] > 1e-2


def _linear(world, D):
    """The matrix (K, D) and offsets (K,) of a world of linear conditions."""
    zero = world.violations(torch.zeros(D)).double().numpy()
    unit = [world.violations(row).double().numpy() - zero for row in torch.eye(D)]
    return np.stack(unit, axis=1), -zero


def test_a_bad_number_of_conditions_is_refused():
    for text in ("0", "-1", "x", "1001", "2.5"):
        with pytest.raises(ValueError, match="use a whole number from 1 to 1000"):
            resolve(f"sum_constraints:{text}")


def test_a_bad_noise_of_the_labels_is_refused():
    for text in ("4:", "4:0", "4:-1", "4:x", "4:nan", "4:11"):
        with pytest.raises(ValueError, match="use a standard deviation above 0"):
            resolve(f"hyperplanes:{text}")


def test_a_network_in_place_of_bare_weights_is_refused():
    with pytest.raises(ValueError, match="vector:1000"):
        plan("sum_constraints:4", dmax=3, network="mlp:4")
