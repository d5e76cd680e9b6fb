"""A trial: when it stops, what it scores, and whose fault a failure is."""

import contextlib
import dataclasses

import hostile  # noqa: F401 (registers environments)
import numpy as np
import pytest
from scripted import MadeUp, run, timeless

from rlid.agent import AGENTS, Ask, Progress
from rlid.errors import EnvironmentFault
from rlid.measurement.plan import plan
from rlid.problem import Returns, evaluate, make_problem
from rlid.records.judgement import Judgement
from rlid.simulators.make import make_world
from rlid.training.stopping import LOOK
from rlid.training.trial import trial


def test_an_easy_task_is_solved_and_scored_on_fresh_episodes():
    ((record, z),) = run("gym:Quick-v0", "cmaes", d=8)
    assert record.status == "solved"
    assert record.stopped_early
    assert record.episodes == 100
    assert record.deciding_score >= 4.5
    assert record.score > 4
    assert record.search_steps < 4000
    assert z.shape == (8,)
    # The scoring that decided, and the one that is reported: 100 episodes of 5 steps each.
    assert record.scoring_steps == 1000


@pytest.mark.parametrize(
    ("task", "threshold", "budget"),
    [("cartpole", 100.0, 9000), ("inverted_pendulum", 20.0, 4000), ("reacher", -12.0, 6000)],
)
def test_a_cell_gives_the_records_of_its_trials_alone(task, threshold, budget):
    seeds = range(6)
    settings = {"threshold": threshold, "stop": threshold, "budget": budget}
    together = run(task, "cmaes", seeds=seeds, **settings)
    for seed, (record, z) in zip(seeds, together, strict=True):
        ((alone, z_alone),) = run(task, "cmaes", seeds=[seed], **settings)
        assert timeless(record) == timeless(alone)
        assert np.array_equal(z, z_alone)
    assert {record.status for record, _ in together} == {"solved", "unsolved"}


def test_without_early_stop_the_whole_budget_is_spent():
    ((record, _),) = run("gym:Quick-v0", "cmaes", d=8, stop=None)
    assert record.status == "solved"
    assert not record.stopped_early
    assert record.search_steps >= 4000


@pytest.mark.parametrize("beside", ["returns", "fault"])
def test_a_question_beside_the_validation_that_ends_a_search_counts_for_nothing(beside):
    wanted = plan("cartpole", dmax=2, network="mlp:4")
    world, spec = make_world(wanted.task), wanted.spec(2, 0, 475.0)
    problem = make_problem(wanted.task, wanted.network, "onehot", 2, 0, world)
    steps, asked = trial(spec, Judgement(475.0, 20.0, 500.0), problem), []

    def answer(request):
        if len(asked) == 2 and request.part == "search" and beside == "fault":
            return EnvironmentFault("out of order")
        values = np.full((len(request.Z), len(request.seeds)), 500.0)
        return Returns(values, int(values.sum()))

    questions = next(steps)
    try:
        while True:
            asked.append([question.part for question in questions])
            questions = steps.send([answer(question) for question in questions])
    except StopIteration as end:
        record, z = end.value
    # A look that is sure after its first part, a confirmation, the scoring that decides, another.
    assert asked == [
        ["search"], ["validation", "search"], ["validation"], ["scoring"], ["scoring"]
    ]  # fmt: skip
    assert (record.status, record.stopped_early) == ("solved", True)
    first = record.search_steps
    assert first == len(record.curve) * record.curve[0][0]
    assert record.env_steps == first + record.validation_steps + record.scoring_steps
    assert z is not None


def test_luck_in_search_does_not_make_a_candidate_final(scripted):
    """The searching episodes say 'solved' of a policy that validation finds to be random."""

    def lucky(problem, rng):
        while True:
            problem.search_steps += 100
            yield Progress(np.zeros(problem.dim, np.float32), 5.0)

    ((record, _),) = run("gym:Quick-v0", scripted(lucky))
    assert record.status == "unsolved"
    assert not record.stopped_early
    assert record.score < 4.5


def test_the_best_validated_candidate_is_scored_when_the_budget_ends(scripted):
    tried = {}

    def one_good_one(problem, rng):
        good = None
        while True:
            Z = rng.standard_normal((16, problem.dim)) * 8
            scores = yield Ask(Z)
            if good is None and scores.max() == 5.0:
                good = tried["good"] = Z[scores.argmax()].astype(np.float32)

    ((record, z),) = run("gym:Quick-v0", scripted(one_good_one), stop=None, d=6)
    assert record.score > 4
    assert max(mean for _, mean in record.curve) >= record.score - 0.5


@pytest.mark.parametrize("agent", ["cmaes", "ppo"])
@pytest.mark.parametrize(
    ("fault", "status"), [("Raises", "error"), ("NanReward", "nonfinite"), ("WrongShape", "error")]
)
def test_a_fault_of_the_environment_makes_a_trial_missing(agent, fault, status):
    ((record, z),) = run(f"gym:{fault}-v0", agent)
    assert record.status == status
    assert record.is_missing
    assert record.reason
    assert record.score is None
    assert z is None


def test_a_fault_ends_its_own_trial_only():
    outcomes = run("gym:RaisesRarely-v0", "cmaes", d=8, seeds=range(12), stop=None, budget=20_000)
    statuses = [record.status for record, _ in outcomes]
    assert statuses.count("error") >= 1
    assert statuses.count("solved") >= 1


def test_pycma_is_not_told_what_is_not_finite():
    from rlid.problem import make_problem
    from rlid.simulators.make import make_network, make_world
    from rlid.task import resolve

    task = resolve("gym:Quick-v0")
    simulator = make_world(task)
    problem = make_problem(task, make_network(task, "mlp:4", simulator), "onehot", 3, 0, simulator)
    search = AGENTS["cmaes"]().search(problem, np.random.default_rng(0))
    ask = next(search)
    with pytest.raises(ValueError, match="finite"):
        search.send(np.full(len(ask.Z), np.nan))


def test_a_task_may_ask_for_fewer_validation_episodes_than_a_validation_has_parts():
    wanted = plan("gym:Quick-v0", agent="cmaes", dmax=8, network="mlp:4", budget=500)
    task = dataclasses.replace(wanted.task, validation_episodes=1, scoring_episodes=1)
    asked = []
    world = make_world(task)
    problem = make_problem(task, wanted.network, "onehot", 8, 0, world)
    steps = trial(wanted.spec(8, 0, 4.5), Judgement(4.5), problem)
    with contextlib.suppress(StopIteration):
        requests = next(steps)
        while True:
            asked += requests
            requests = steps.send(evaluate(requests))
    assert any(request.part == "validation" for request in asked)
    assert all(len(request.seeds) >= 1 for request in asked)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_part_of_a_validation_that_was_asked_for_in_vain_leaves_no_trace(monkeypatch, seed):
    records, vain = [], 0
    for merges in (False, True):
        made_up = MadeUp("cmaes", stop=475.0, seed=seed, budget=100_000)
        monkeypatch.setattr(type(made_up.world), "merges", merges)
        steps = trial(made_up.spec, made_up.judgement, made_up.problem)
        requests, look = next(steps), np.empty(0)
        try:
            while True:
                answers = [answer_by_seed(request) for request in requests]
                parts = [request.part for request in requests]
                if parts.count("validation") > 0:
                    values = answers[0].values[0]
                    look = values if len(values) == 5 else np.concatenate([look, values])
                if parts == ["validation"] * 2 and LOOK.verdict(look, 30, 475.0) is not None:
                    answers[1], vain = EnvironmentFault("out of order"), vain + 1
                requests = steps.send(answers)
        except StopIteration as end:
            records.append(end.value[0])
    assert vain > 0
    assert timeless(records[0]) == timeless(records[1])


def answer_by_seed(request):
    """Returns that depend on an episode's seed alone: 500 in seven of ten, else 100."""
    is_good = [np.random.default_rng(seed).random() < 0.7 for seed in request.seeds]
    values = np.tile(np.where(is_good, 500.0, 100.0), (len(request.Z), 1))
    return Returns(values, int(values.sum()))
