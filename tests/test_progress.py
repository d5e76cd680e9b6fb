"""What progress says on standard error, as lines and as numbers."""

import re
import time

import pytest
from records import a_record

from rlid.cli.counter import Counter, Forecast, expectation
from rlid.cli.progress import PlainWatcher
from rlid.measurement import plan
from rlid.records import Standing


@pytest.fixture
def watcher():
    made = PlainWatcher(silence=60)
    yield made
    made.close()


def fractions(text):
    return [tuple(map(int, pair)) for pair in re.findall(r"(\d+)/(\d+) trial", text)]


def test_finished_and_expected_trials_never_fall(watcher, capsys):
    # A reference by two agents, then two rounds of a measurement, some of it in the store.
    for asked, new in ((5, 5), (5, 4), (5, 3), (10, 5)):
        watcher.round(asked, new)
        for _ in range(new):
            watcher.trial(a_record(), None)
    seen = fractions(capsys.readouterr().err)
    assert seen[-1] == (17, 17)
    assert seen == sorted(seen)
    assert all(done <= asked for done, asked in seen)


def test_trials_that_were_begun_and_never_ended_do_not_lower_the_count():
    counter = Counter()
    counter.ask(5)
    counter.end()
    counter.ask(2)
    assert (counter.done, counter.asked) == (1, 5)


def test_a_line_comes_though_no_trial_ends(capsys):
    watcher = PlainWatcher(silence=0.05)
    watcher.round(3, 3)
    deadline = time.monotonic() + 60
    said = ""
    while not fractions(said) and time.monotonic() < deadline:
        time.sleep(0.05)
        said += capsys.readouterr().err
    watcher.close()
    assert fractions(said)[0] == (0, 3)


def test_the_last_line_has_the_time_that_it_took_once(watcher, capsys):
    watcher.round(1, 1)
    watcher.trial(a_record(), None)
    assert "1/1 trial" in capsys.readouterr().err
    watcher.close()
    watcher.close()
    assert re.fullmatch(r" *\d\.\d s · 1 trial run\n", capsys.readouterr().err)


def test_no_time_is_given_where_no_trial_ran(watcher, capsys):
    watcher.round(5, 0)
    watcher.close()
    assert capsys.readouterr().err == ""


def test_the_time_left_follows_from_the_trials_so_far():
    counter = Counter()
    counter.ask(10)
    assert counter.left == ""
    counter.started -= 100
    for _ in range(5):
        counter.end()
    assert "1 min 40 s left or more" in counter.left
    for _ in range(5):
        counter.end()
    assert counter.left == ""


def standing(share, key="a", **changes):
    fields = {"d": 8, "seed": 3, "best": 312.5, **changes}
    return Standing(key, fields["d"], fields["seed"], share, fields["best"])


class TestInsideATrial:
    def test_a_line_says_what_share_of_the_budget_is_used_and_the_best_so_far(self, capsys):
        watcher = PlainWatcher(silence=0.05)
        watcher.round(3, 3)
        watcher.stand([standing(0.45), standing(0.1, "b", seed=4, best=None)])
        deadline = time.monotonic() + 60
        said = ""
        while "of its budget" not in said and time.monotonic() < deadline:
            time.sleep(0.05)
            said += capsys.readouterr().err
        watcher.close()
        assert "d = 8, seed 3: 45% of its budget, best 312.5; d = 8, seed 4: 10% of its" in said

    def test_of_many_trials_under_way_those_that_are_farthest_are_named(self):
        counter = Counter()
        counter.stand([standing(number / 10, str(number), seed=number) for number in range(8)])
        assert counter.running.startswith("d = 8, seed 7: 70%")
        assert counter.running.endswith("; 5 more")

    def test_a_trial_that_has_ended_is_no_longer_under_way(self):
        counter = Counter()
        counter.ask(2)
        counter.stand([standing(0.9, "a"), standing(0.2, "b")])
        assert counter.progress == pytest.approx(1.1)
        counter.end("a")
        assert counter.progress == pytest.approx(1.2)
        assert "90%" not in counter.running

    def test_time_left_counts_shares_of_trials_before_any_has_ended(self):
        counter = Counter()
        counter.ask(4)
        counter.started -= 60
        counter.stand([standing(0.5, "a"), standing(0.5, "b")])
        assert "3 min left or more" in counter.left


class TestForecast:
    def test_the_time_left_counts_the_trials_that_a_search_is_expected_to_ask_for(self):
        counter = Counter()
        counter.ask(5)
        counter.started -= 100
        for _ in range(5):
            counter.end()
        counter.ask(5)
        counter.expected = (25, 40)
        assert "about 6 min 40 s left" in counter.left
        line = expectation(counter)
        assert line.startswith("expected: 25 trials (90 %: 40), 8 min 20 s in all (90 %: 13 min 20")

    def test_a_forecast_is_made_once_and_told_in_one_line(self, tmp_path):
        counter, lines = Counter(), []
        counter.ask(5)
        counter.started -= 100
        counter.end()
        forecast = Forecast(plan("cartpole", dmax=4, seeds=3), tmp_path / "none")
        for _ in range(3):
            forecast.begin(counter, lines.append)
        deadline = time.monotonic() + 60
        while not lines and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(lines) == 1
        assert counter.expected[0] > 3

    def test_a_short_run_is_told_nothing(self, watcher, capsys):
        watcher.round(1, 1)
        watcher.trial(a_record(), None)
        assert "expected" not in capsys.readouterr().err
