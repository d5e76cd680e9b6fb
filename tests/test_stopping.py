"""The stopping rule: a trial ends early when a look, a confirmation and a scoring agree."""

import sys
from pathlib import Path

import numpy as np
import pytest
from scripted import MadeUp, timeless

from rlid.agent import Ask, Progress
from rlid.records import Judgement
from rlid.task import BEST_LOOKS
from rlid.training.course import Course, Look
from rlid.training.stopping import (
    CONFIRMATION,
    FIRST_EDITION_LOOK,
    GATE,
    LOOK,
    SequentialTest,
    still_racing,
)

sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))
STOP = 400.0
TESTS = [FIRST_EDITION_LOOK, LOOK, CONFIRMATION, GATE]


@pytest.mark.parametrize("test", TESTS)
def test_the_parts_of_a_test_are_all_of_its_episodes(test):
    for episodes in range(1, 201):
        parts = test.parts(episodes)
        assert sum(parts) == episodes
        assert min(parts) >= 1
        assert parts[0] >= min(test.least, episodes)


def test_looks_of_the_first_edition_are_cut_as_they_were_then():
    for episodes in range(1, 201):
        thirds = np.array_split(np.arange(episodes), min(3, episodes))
        assert FIRST_EDITION_LOOK.parts(episodes) == [len(part) for part in thirds]


def test_a_test_is_decided_at_its_end_and_earlier_where_it_is_clear():
    test = SequentialTest((1 / 2, 1), least=2, passes_by=2, fails_by=1, is_sure_by=4)
    spread = np.array([-1.0, 1.0])  # mean 0, standard error 1
    for stop, verdict in ((1.1, False), (0.9, None), (-3.9, None), (-4.0, True)):
        assert test.verdict(spread, 4, stop) is verdict
    for stop, verdict in ((-1.9, False), (-2.0, True), (1.1, False)):
        assert test.verdict(spread, 2, stop) is verdict
    assert test.verdict(spread, 4, None) is None
    assert test.verdict(spread, 2, None) is False


def test_policies_race_until_they_are_clearly_behind():
    low, high = np.array([0.0, 2.0]), np.array([8.0, 12.0])
    assert still_racing([low, high, high + 1], None) == [1, 2]
    assert still_racing([low, low, low + 1], None) == [0, 1, 2]
    assert still_racing([low, low], 100.0) == []
    assert still_racing([np.array([500.0] * 3)] * 2, None) == [0, 1]


def reports(count=12):
    """A search that reports `count` times, with another z each time."""

    def script(problem, rng):
        for number in range(count):
            problem.search_steps += 100
            yield Progress(np.full(problem.dim, number), None)

    return script


def asks(replies):
    """A search that asks about two policies at a time, and keeps what comes back."""

    def script(problem, rng):
        while True:
            replies.append((yield Ask(rng.standard_normal((2, problem.dim)))))

    return script


def high_unless(*parts):
    """Returns above the stop score, but below it in the given (part, number of episodes)."""

    def returns(request, number):
        return 300.0 if (request.part, len(request.seeds)) in parts else 500.0

    return returns


FIRST_CONFIRMATION = ("validation", 10)
SCORING = ("scoring", 100)


@pytest.mark.parametrize("in_vain", [FIRST_CONFIRMATION, SCORING])
def test_the_search_goes_on_where_fresh_episodes_do_not_confirm_a_look(scripted, in_vain):
    made_up = MadeUp(scripted(reports()))
    record, _ = made_up.run(high_unless(in_vain))
    assert record.search_steps == 1000
    assert not record.stopped_early
    assert record.status == ("solved" if in_vain == FIRST_CONFIRMATION else "unsolved")


@pytest.mark.parametrize("merges", [True, False])
def test_a_false_confirmation_reaches_neither_the_agent_nor_a_draw(scripted, monkeypatch, merges):
    courses = []
    for in_vain in (None, FIRST_CONFIRMATION, SCORING):
        replies = []
        made_up = MadeUp(scripted(asks(replies)), budget=3000)
        monkeypatch.setattr(type(made_up.world), "merges", merges)

        def returns(request, number, in_vain=in_vain):
            if request.part == "search":
                return np.random.default_rng(request.seeds[0]).uniform(0, 380, (2, 1))
            # A look that passes in every case, and a confirmation that does in none of two.
            is_look = request.part == "validation" and len(request.seeds) == 5
            if in_vain is None:
                return 300.0
            return 500.0 if is_look or in_vain == SCORING and request.part != "scoring" else 300.0

        record, _ = made_up.run(returns)
        searched = [(request.Z.tobytes(), request.seeds) for request in made_up.of("search")]
        looks = [
            (request.Z.tobytes(), request.seeds)
            for request in made_up.of("validation")
            if len(request.seeds) == 5
        ]
        courses.append((searched, looks, np.array(replies[:-1]).tolist(), record.search_steps))
        assert record.status == "unsolved"
    assert courses[0] == courses[1] == courses[2]


def test_episodes_of_a_trial_are_never_used_twice(scripted):
    made_up = MadeUp(scripted(asks([])), budget=3000)
    made_up.run(high_unless(SCORING))
    seeds = [seed for together in made_up.asked for request in together for seed in request.seeds]
    assert len(seeds) == len(set(seeds)) > 500


def test_the_score_of_a_solved_trial_is_of_episodes_that_decided_nothing(scripted):
    def returns(request, number):
        # The first scoring decides; the second is reported.
        return 380.0 if request.part == "scoring" and number == 1 else 420.0

    record, z = MadeUp(scripted(reports())).run(returns)
    assert (record.status, record.stopped_early) == ("solved", True)
    assert (record.deciding_score, record.score) == (420.0, 380.0)
    assert record.score < record.threshold
    assert z is not None


def test_an_unsolved_trial_reports_the_scoring_that_decided(scripted):
    record, _ = MadeUp(scripted(reports())).run(lambda request, number: 390.0)
    assert record.status == "unsolved"
    assert record.deciding_score == record.score == 390.0
    assert record.episodes == 100
    assert record.scoring_steps == 1000


def test_the_steps_of_a_trial_without_a_stop_score_do_not_depend_on_the_threshold(scripted):
    def run(mean):
        return MadeUp(scripted(reports()), stop=None).run(lambda request, number: mean)[0]

    low, high = run(390.0), run(410.0)
    assert [low.status, high.status] == ["unsolved", "solved"]
    assert low.env_steps == high.env_steps


def test_steps_are_counted_by_what_they_were_for(scripted):
    made_up = MadeUp(scripted(reports()))
    record, _ = made_up.run(lambda request, number: 420.0)
    assert record.validation_steps == 10 * sum(len(r.seeds) for r in made_up.of("validation"))
    assert record.scoring_steps == 10 * sum(len(r.seeds) for r in made_up.of("scoring")) == 2000
    assert record.env_steps == 100 + record.validation_steps + record.scoring_steps


def test_the_five_best_looks_are_looked_at_again_and_the_best_is_scored(scripted):
    """Lucky looks come first; the second looks show which policy is the best."""
    true = {number: 300.0 + number for number in range(10)}

    def returns(request, number):
        is_look = request.part == "validation" and len(request.Z) == 1
        luck = 40.0 - 10 * request.Z[:, :1] if is_look and len(request.seeds) <= 15 else 0.0
        noise = np.random.default_rng(request.seeds[0]).normal(0, 3, (1, len(request.seeds)))
        means = np.array([[true[int(z[0])]] for z in request.Z])
        return means + noise + luck

    for stop in (STOP, None):
        made_up = MadeUp(scripted(reports(10)), stop=stop)
        made_up.run(returns)
        again = [request for request in made_up.of("validation") if len(request.Z) > 1]
        assert len(again[0].Z) == BEST_LOOKS
        looked = sorted(int(z[0]) for z in again[0].Z)
        assert looked == [0, 1, 2, 3, 4]
        (scoring, *_) = made_up.of("scoring")
        assert int(scoring.Z[0, 0]) == 4


def test_second_looks_of_policies_that_keep_up_take_as_many_episodes_as_a_scoring(scripted):
    made_up = MadeUp(scripted(reports()), stop=None)
    made_up.run(lambda request, number: 380.0)
    again = [request for request in made_up.of("validation") if len(request.Z) > 1]
    assert sum(len(request.seeds) for request in again) == 100
    assert all(len(request.Z) == BEST_LOOKS for request in again)


def test_a_course_holds_the_best_looks_and_no_others(scripted):
    made_up = MadeUp(scripted(reports()))
    course = Course(made_up.problem, made_up.spec)
    means = np.random.default_rng(0).permutation(1000).astype(float)
    for number, mean in enumerate(means):
        course.note(Look(np.full(2, number, np.float32), float(mean)), number)
    assert [look.mean for look in course.best] == [999.0, 998.0, 997.0, 996.0, 995.0]
    assert len(course.state().arrays) == BEST_LOOKS


def test_after_a_false_look_the_next_one_is_that_of_the_schedule(scripted):
    """A search whose own episodes look like success would be looked at after every question."""
    made_up = MadeUp(scripted(asks([])), budget=50 * 80 * 5)
    record, _ = made_up.run(high_unless(FIRST_CONFIRMATION))
    # A question takes 80 steps, and a look is due every 400; one more ends the search.
    steps = [steps for steps, _ in record.curve[:-1]]
    assert set(np.diff(steps)) == {400}


def test_trials_of_the_first_edition_end_by_one_look(scripted):
    made_up = MadeUp(scripted(reports()), stopping="look")
    record, _ = made_up.run(high_unless(SCORING))
    assert (record.status, record.stopped_early) == ("unsolved", True)
    assert record.deciding_score is None
    assert [len(request.seeds) for request in made_up.of("scoring")] == [100]


def only(*numbers):
    """Returns above the stop score for the candidates of `reports` with these numbers alone."""
    return lambda request, _: np.where(np.isin(request.Z[:, :1], numbers), 500.0, 300.0)


@pytest.mark.parametrize("stopping", ["look", "confirmed"])
@pytest.mark.parametrize("budget", [1000, 10_100])
def test_a_trial_that_spent_its_budget_has_not_stopped_early(scripted, stopping, budget):
    # Of 1,000 steps the last candidate is looked at as all are, of 10,100 after the search alone.
    made_up = MadeUp(scripted(reports(200)), stopping=stopping, budget=budget)
    record, _ = made_up.run(only(budget // 100 - 1))
    assert (record.status, record.search_steps) == ("solved", budget)
    assert not record.stopped_early
    assert (record.score, record.curve[-1]) == (500.0, (budget, 500.0))
    harder = Judgement(600.0, 20.0, 700.0)
    assert harder.outcome(record) is False


@pytest.mark.parametrize("stopping", ["look", "confirmed"])
def test_a_trial_whose_agent_asks_no_more_has_not_stopped_early(scripted, stopping):
    record, _ = MadeUp(scripted(reports(1)), stopping=stopping, budget=10_100).run(only(0))
    assert (record.status, record.search_steps) == ("solved", 100)
    assert not record.stopped_early


def test_the_same_trial_twice_is_one_record(scripted):
    def returns(request, number):
        return [np.random.default_rng(seed).normal(395, 30) for seed in request.seeds]

    first, again = (MadeUp(scripted(reports())).run(returns)[0] for _ in range(2))
    assert timeless(first) == timeless(again)


@pytest.mark.parametrize("shape", ["exponential", "ramp"])
def test_a_noisy_search_that_ends_above_the_threshold_succeeds(shape):
    from stopping import Case, simulate

    case = Case(0.3, shape, 10, 0.5)
    solved = {
        rule: np.mean([simulate(case, rule, seed).is_solved for seed in range(60)])
        for rule in ("look", "confirmed")
    }
    assert solved["confirmed"] >= 0.95
    assert solved["look"] <= 0.8


def test_a_noisy_search_that_ends_below_the_threshold_rarely_succeeds():
    from stopping import Case, simulate

    case = Case(-0.2, "step", 10, 0.5)
    assert np.mean([simulate(case, "confirmed", seed).is_solved for seed in range(100)]) <= 0.12
