"""Trials of batched_ppo in a cell: each is what it is alone, and a fault costs no other."""

import numpy as np
import pytest
import unfaithful  # noqa: F401 (registers environments)

from rlid.agent import Progress, TrainingRound
from rlid.errors import EnvironmentFault, SharedFault
from rlid.measurement import plan
from rlid.records import Judgement
from rlid.store import Store
from rlid.training import Checkpoints, run_trials
from rlid.training.rounds import Rounds

THRESHOLD = 150.0


def records(task, pairs, budget=6000, threshold=THRESHOLD, checkpoints=None, settings=()):
    """The records of trials (d, seed) that ran in one cell, without their seconds, by (d, seed)."""
    wanted = plan(task, agent="batched_ppo", dmax=40, budget=budget, settings=settings)
    specs = [wanted.spec(d, seed, threshold) for d, seed in pairs]
    delivered = {}

    def deliver(record, z):
        z_bytes = None if z is None else z.tobytes()
        pair = record.spec.d, record.spec.seed
        delivered[pair] = record.model_copy(update={"seconds": 0.0}), z_bytes

    run_trials(specs, Judgement(threshold), wanted.task, deliver, checkpoints=checkpoints)
    return delivered


@pytest.mark.parametrize(
    ("task", "threshold"),
    [
        ("cartpole", 150.0),
        ("pendulum", -900.0),
        pytest.param("acrobot", -300.0, marks=pytest.mark.slow),
    ],
)
def test_trials_of_a_cell_equal_each_trial_alone(task, threshold):
    pairs = [(30, 0), (4, 1), (12, 2), (40, 3), (1, 4)]
    together = records(task, pairs, threshold=threshold)
    assert sorted(together) == sorted(pairs)
    for pair in pairs[:3]:
        assert records(task, [pair], threshold=threshold)[pair] == together[pair]


def test_trials_leave_the_batch_at_different_times():
    together = records("cartpole", [(40, 0), (2, 1), (30, 2)], budget=20_000)
    steps = {record.search_steps for record, _ in together.values()}
    assert len(steps) > 1
    assert any(record.stopped_early for record, _ in together.values())


def test_an_interrupted_trial_resumes_and_gives_the_same_record(tmp_path, monkeypatch):
    settings = ["checkpoint=2048"]
    pairs = [(20, 0), (8, 1)]
    unbroken = records("cartpole", pairs, settings=settings, threshold=400.0)
    checkpoints = Checkpoints(Store(tmp_path / "store"))
    rounds = Rounds.round
    calls = []

    def dying(self):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return rounds(self)

    monkeypatch.setattr(Rounds, "round", dying)
    with pytest.raises(KeyboardInterrupt):
        records("cartpole", pairs, settings=settings, threshold=400.0, checkpoints=checkpoints)
    assert list((tmp_path / "store").glob("checkpoints/*"))
    resumed = records(
        "cartpole", pairs, settings=settings, threshold=400.0, checkpoints=checkpoints
    )
    # Four of six rounds were left, and one more call finds that nobody waits.
    assert len(calls) - 4 == 5
    assert resumed == unbroken


class Batch:
    """A batch that fails in its second round."""

    def __init__(self, error):
        self.error, self.rounds = error, 0

    def round(self):
        self.rounds += 1
        if self.rounds == 2:
            raise self.error

    def close(self):
        self.rounds = -1


class Learner:
    """A learner that joins a failing batch."""

    def __init__(self, error):
        self.batch, self.error = None, error

    def begin_batches(self, learners):
        batch = Batch(self.error)
        for learner in learners:
            learner.batch = batch


def test_a_fault_among_several_says_that_each_is_to_run_alone():
    rounds = Rounds()
    learners = [Learner(EnvironmentFault("step raised")) for _ in range(2)]
    for _ in range(2):
        for index, learner in enumerate(learners):
            rounds.add(learner, index)
        if learners[0].batch is None:
            assert [trained.trial for trained in rounds.round()] == [0, 1]
    with pytest.raises(SharedFault, match="step raised"):
        rounds.round()


@pytest.mark.parametrize("error", [EnvironmentFault("step raised"), MemoryError("no room")])
def test_a_fault_of_one_alone_is_its_own(error):
    rounds, learner = Rounds(), Learner(error)
    rounds.add(learner, "trial")
    assert rounds.round()[0].fault is None
    rounds.add(learner, "trial")
    (trained,) = rounds.round()
    assert str(error) in str(trained.fault)
    rounds.close()
    assert learner.batch.rounds == -1


def test_an_agent_that_asks_for_training_gets_it_before_it_reports():
    from rlid.training.loop import trained

    class Search:
        steps = iter([TrainingRound(Learner(None)), Progress(np.zeros(2), None)])

        def send(self, reply):
            return next(self.steps)

    search = Search()
    driving = trained(search, search.send(None))
    assert isinstance(next(driving), TrainingRound)
    with pytest.raises(StopIteration) as end:
        driving.send([])
    assert isinstance(end.value.value, Progress)


@pytest.mark.parametrize(
    ("trait", "settings", "words"),
    [
        ("reward", [], "a reward of 1e+308, and batched_ppo trains in float32"),
        ("return", ["reward_scale=1e-190"], "the rewards of an episode add up to"),
    ],
)
def test_a_reward_that_training_cannot_hold_is_the_environments_fault(trait, settings, words):
    task = f"gym:Extreme-v0?trait={trait}"
    ((record, _),) = records(task, [(2, 0)], budget=2048, settings=settings).values()
    assert record.status == "nonfinite"
    assert words in record.reason
