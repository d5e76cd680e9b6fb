"""Whatever words an error has, the record of the trial that it ended can be read again."""

import pytest
from records import a_record, a_spec
from scripted import run

from rlid.records import Judgement, missing_record, parse_record, written
from rlid.store import maintenance
from rlid.store.store import Store

WORDS = {
    "colours": "\x1b[31mred\x1b[0m" * 300,
    "a file name that is no text": "no such file: 'caf\udce9.csv'",
    "characters of long escapes": "\U000e0001" * 500,
    "lines": "the worker died\n" + "x" * 5000,
}


@pytest.mark.parametrize("words", WORDS.values(), ids=WORDS)
def test_the_record_of_a_lost_trial_is_read_again_whatever_its_worker_printed(tmp_path, words):
    record = missing_record(a_spec(), Judgement(), 5, "error", words, 1.0)
    assert len(record.reason) <= 4000
    assert parse_record(written(record)) == record
    store = Store(tmp_path)
    store.add(record)
    assert store.get(a_spec()) == record
    assert list(maintenance.examine(store)) == []


@pytest.mark.parametrize("words", WORDS.values(), ids=WORDS)
def test_an_agent_that_raises_any_words_has_a_record_that_is_read_again(scripted, words):
    def fail(problem, rng):
        raise ValueError(words)
        yield

    ((record, _),) = run("gym:Quick-v0", scripted(fail), imports=("hostile",))
    assert record.status == "error"
    assert record.reason.startswith("agent scripted raised ValueError: ")
    assert parse_record(written(record)) == record


def test_a_record_with_long_escapes_from_before_is_read():
    record = a_record(status="error", score=None, reason="\x1b" * 1000 + "x" * 4000)
    assert len(record.reason) == 8000
    assert parse_record(written(record)) == record
