"""What progress says on standard error, as lines and as numbers."""

import re
import time

import pytest
from records import a_record

from rlid.cli.progress import Counter, PlainWatcher


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
    deadline = time.monotonic() + 10
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
