"""What the cost of a run leaves out: the trials that its store holds already."""

import math

from command import rlid_here
from records import a_record

from rlid.dimension import TrialOutcome, make_search
from rlid.engine import Place
from rlid.measurement import cost_of, plan
from rlid.measurement.expectation import simulate
from rlid.measurement.held import held_trials
from rlid.records import Judgement, judged
from rlid.store import Store
from rlid.training import Timing

TIMING = Timing(1000, 1.0, 100, 0.1, 10, 300_000_000)
SEARCH = make_search("adaptive", dmax=20, seeds=range(5))


def simulated(held):
    return simulate(SEARCH, tuple(range(1, 21)), tuple(range(5)), full=False, seconds=60, held=held)


def outcome(d, seed):
    return TrialOutcome(d, seed, d >= 6, None, is_full=False, cost=1000)


def test_trials_that_are_held_are_not_counted():
    alone = simulated(lambda d, seed: None)
    low = simulated(lambda d, seed: outcome(d, seed) if d < 6 else None)
    assert max(low.solved) <= max(alone.solved)
    assert max(low.unsolved) < max(alone.unsolved)


def test_a_search_that_is_held_to_its_end_asks_for_nothing():
    whole = simulated(outcome)
    assert set(whole.solved) | set(whole.unsolved) == {0}
    assert whole.held >= 10
    assert whole.quantiles(1, 1) == (0, 0)


def test_no_trial_costs_nothing_whatever_one_would_cost():
    assert simulated(outcome).quantiles(math.inf, math.inf) == (0, 0)


def test_the_simulated_answers_lie_where_the_trials_held_leave_it_open():
    first = SEARCH.next_round([])
    known = simulated(lambda d, seed: outcome(d, seed) if (d, seed) in first else None)
    assert known.held == len(first)


def test_the_cost_of_an_interrupted_run_is_that_of_the_rest(tmp_path):
    made = plan("cartpole", dmax=8, seeds=5)
    store = Store(tmp_path / "store")
    stop = held_threshold(made, store)
    before = cost_of(made, store.folder, Place(jobs=2), timed=lambda *_: TIMING)
    for d, seed in made.search.next_round([]):
        spec = made.spec(d, seed, stop)
        store.add(a_record(spec=spec, status="unsolved", score=100.0, dmax=8))
    after = cost_of(made, store.folder, Place(jobs=2), timed=lambda *_: TIMING)
    assert (before.held, after.held) == (0, len(made.search.next_round([])))
    assert after.steps[1] < before.steps[1]


def held_threshold(made, store):
    from rlid.measurement.reference import judge, stored_reference

    reference, _ = stored_reference(made, store.folder)
    return judge(made, reference, "own").threshold


def test_a_held_trial_is_judged_by_the_rule_of_the_run(tmp_path):
    made, store = plan("cartpole", dmax=8, seeds=5), Store(tmp_path / "store")
    spec = made.spec(3, 0, held_threshold(made, store))
    record = a_record(spec=spec, status="unsolved", score=100.0, dmax=8)
    store.add(judged(record, Judgement.of_record(record)))
    held = held_trials(made, store.folder)
    assert held(3, 0).success is False
    assert held(3, 1) is None


def test_a_failed_trial_is_held_unless_the_run_is_to_repeat_it(tmp_path):
    made, store = plan("cartpole", dmax=8, seeds=5), Store(tmp_path / "store")
    spec = made.spec(3, 0, held_threshold(made, store))
    store.add(a_record(spec=spec, status="error", score=None, reason="broken", dmax=8))
    assert held_trials(made, store.folder)(3, 0).success is None
    assert held_trials(made, store.folder, retry=True)(3, 0) is None


def test_without_a_store_nothing_is_held(tmp_path):
    held = held_trials(plan("cartpole", dmax=8, seeds=5), tmp_path / "none")
    assert held(3, 0) is None
    assert not list(tmp_path.iterdir())


def test_a_suite_whose_store_holds_everything_costs_nothing(tmp_path):
    (tmp_path / "two.toml").write_text(
        'title = "Two"\n[defaults]\nseeds = 2\nbudget = 2000\nmax_trials = 2\nreference = 400\n'
        'reference_source = "mine"\n'
        '[[row]]\ntask = "cartpole"\ndmax = 3\n'
        '[[row]]\ntask = "cartpole"\nnetwork = "linear"\ndmax = 3\n'
    )
    measured = rlid_here("suite", "two.toml", "--jobs", "1", "--quiet", cwd=tmp_path)
    assert measured.returncode == 0, measured.stderr
    said = rlid_here("suite", "two.toml", "--dry-run", "--max-hours", "0.001", cwd=tmp_path)
    assert said.returncode == 0, said.stderr
    assert said.stdout.count("nothing to run") == 2
    assert "all 2 measurements: 0.0 s of core time" in said.stdout
