"""A killed trial goes on where it was, and gives the record of an unbroken one."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rlid.measurement.plan import plan
from rlid.problem import Request, Returns
from rlid.records.judgement import Judgement
from rlid.store.store import Store
from rlid.training import journal as journals_module
from rlid.training.cell import run_trials
from rlid.training.journal import Journals

BUDGET = 800
JUDGEMENT = Judgement(4.5, 2.5, 5.0)
SCRIPT = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parent)!r})
import test_journal
test_journal.journals_module.FLUSH_SECONDS = 0.0
test_journal.run_all(sys.argv[1])
"""


def specs_of(agent="cmaes", task="gym:Counted-v0", seeds=(0,), d=4, budget=BUDGET):
    wanted = plan(
        task,
        agent=agent,
        dmax=d,
        network="mlp:4",
        budget=budget,
        imports=("hostile", "counted") if task.startswith("gym:") else (),
    )
    return wanted.task, [wanted.spec(d, seed, None) for seed in seeds]


def run_all(folder, agent="cmaes", **options):
    """Run trials into a store, with journals; return the records without their seconds."""
    task, specs = specs_of(agent, **options)
    store = Store(folder)
    store.check_writable()
    run_trials(specs, JUDGEMENT, task, store.add, journals=Journals(store))
    return timeless(store)


def timeless(store):
    return [record.model_copy(update={"seconds": 0.0}) for record in store.records()]


def run_apart(folder, **environment):
    where = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parent / "fixtures")])
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder)],
        env={**os.environ, "PYTHONPATH": where, **environment},
    ).returncode


@pytest.fixture
def at_once(monkeypatch):
    """Every answer is written as soon as it is there."""
    monkeypatch.setattr(journals_module, "FLUSH_SECONDS", 0.0)


@pytest.fixture
def steps_file(tmp_path, monkeypatch):
    path = tmp_path / "steps"
    path.touch()
    monkeypatch.setenv("STEPS_FILE", str(path))
    return path


@pytest.fixture
def spec():
    return specs_of(task="cartpole")[1][0]


def request_of(number=0, n=3, episodes=2):
    Z = np.full((n, 4), number, np.float32)
    return Request(None, Z, tuple(range(episodes)))


def returns_of(number=0, n=3, episodes=2):
    return Returns(np.full((n, episodes), number + 0.5), 10 + number)


def kept(folder, spec):
    """Return how many answers the journal of a trial holds."""
    journal = Journals(Store(folder)).open(spec)
    journal.close()
    return journal.kept


def keep(folder, spec, count):
    journal = Journals(Store(folder)).open(spec)
    for number in range(count):
        journal.add(request_of(number), returns_of(number))
    journal.close()
    return Journals(Store(folder)).path(spec)


def test_a_killed_trial_resumes(tmp_path, steps_file):
    unbroken = run_all(tmp_path / "unbroken")
    in_all = steps_file.stat().st_size
    assert in_all == unbroken[0].env_steps > BUDGET

    steps_file.write_bytes(b"")
    died = run_apart(tmp_path / "broken", DIES_AT=str(in_all // 2))
    assert died == -signal.SIGKILL
    store = Store(tmp_path / "broken")
    assert not list(store.records())
    journal = Journals(store).path(unbroken[0].spec)
    assert journal.exists()

    assert run_all(tmp_path / "broken") == unbroken
    # Only the question during which it was killed is put a second time.
    assert in_all <= steps_file.stat().st_size < in_all + 500
    assert not journal.exists()
    z = [Store(tmp_path / name).z(unbroken[0]) for name in ("unbroken", "broken")]
    assert np.array_equal(*z)


@pytest.mark.parametrize("agent", ["cmaes", "openai_es", "ars", "random"])
def test_an_interrupted_cell_resumes(tmp_path, agent):
    options = {"agent": agent, "task": "cartpole", "seeds": (0, 1, 2), "budget": 8000}
    unbroken = run_all(tmp_path / "unbroken", **options)
    task, specs = specs_of(**options)
    store, beats = Store(tmp_path / "broken"), iter(range(10**9))
    store.check_writable()

    def beat():
        if next(beats) == 700:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_trials(specs, JUDGEMENT, task, store.add, beat, Journals(store))
    assert max(kept(store.folder, spec) for spec in specs if not store.has(spec)) >= 1
    assert run_all(tmp_path / "broken", **options) == unbroken


def test_a_short_trial_writes_no_journal(tmp_path):
    run_all(tmp_path, task="cartpole")
    assert not (tmp_path / "journals").exists()


def test_answers_come_back_in_order_and_new_ones_follow(tmp_path, spec, at_once):
    keep(tmp_path, spec, 3)
    journal = Journals(Store(tmp_path)).open(spec)
    assert journal.kept == 3
    for number in range(3):
        found = journal.answer(request_of(number))
        assert np.array_equal(found.values, returns_of(number).values)
        assert found.steps == 10 + number
    assert journal.answer(request_of(3)) is None
    journal.add(request_of(3), returns_of(3))
    journal.close()
    assert kept(tmp_path, spec) == 4


def test_an_answer_to_another_question_is_not_taken(tmp_path, spec, at_once):
    keep(tmp_path, spec, 4)
    journal = Journals(Store(tmp_path)).open(spec)
    assert journal.answer(request_of(0)) is not None
    assert journal.answer(request_of(7)) is None
    assert journal.answer(request_of(2)) is None
    journal.add(request_of(7), returns_of(7))
    journal.close()
    again = Journals(Store(tmp_path)).open(spec)
    assert again.kept == 2
    again.answer(request_of(0))
    assert np.array_equal(again.answer(request_of(7)).values, returns_of(7).values)


@pytest.mark.parametrize("cut", [1, 30, 60, 100, 150])
def test_a_torn_end_costs_the_answers_in_it_only(tmp_path, spec, at_once, cut):
    path = keep(tmp_path, spec, 3)
    os.truncate(path, path.stat().st_size - cut)
    journal = Journals(Store(tmp_path)).open(spec)
    assert journal.kept == 2 - cut // 85
    for number in range(journal.kept):
        assert journal.answer(request_of(number)) is not None
    journal.add(request_of(9), returns_of(9))
    journal.close()
    assert kept(tmp_path, spec) == 3 - cut // 85


@pytest.mark.parametrize("at", [-1, -40, -70])
def test_a_flipped_bit_is_found(tmp_path, spec, at_once, at):
    path = keep(tmp_path, spec, 3)
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    assert kept(tmp_path, spec) == 2


def test_a_header_that_was_cut_off_is_written_again(tmp_path, spec, at_once):
    path = keep(tmp_path, spec, 1)
    os.truncate(path, 20)
    assert kept(tmp_path, spec) == 0
    keep(tmp_path, spec, 2)
    assert kept(tmp_path, spec) == 2


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda data: b"\x80\x04junk" + data, "does not begin as a journal does"),
        (lambda data: data.replace(b'"numpy":"', b'"numpy":"0.'), "its journal has versions"),
        (lambda data: data.replace(b'"key":"', b'"key":"f'), "its journal has key f"),
    ],
)
def test_a_foreign_journal_is_set_aside_with_the_reason(tmp_path, spec, at_once, damage, reason):
    path = keep(tmp_path, spec, 2)
    path.write_bytes(damage(path.read_bytes()))
    notes = []
    journal = Journals(Store(tmp_path, notes.append)).open(spec)
    assert journal.kept == 0
    assert reason in notes[0]
    assert not path.exists()
    assert len(Store(tmp_path).quarantined()) == 1
    journal.add(request_of(0), returns_of(0))
    journal.close()
    assert kept(tmp_path, spec) == 1


def test_a_journal_that_cannot_be_written_does_not_stop_the_trial(tmp_path, at_once):
    unbroken = run_all(tmp_path / "unbroken", task="cartpole")
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "journals").write_text("a file where a folder should be")
    assert run_all(folder, task="cartpole") == unbroken


def test_a_link_is_not_followed_and_a_pipe_not_waited_for(tmp_path, spec, at_once):
    path = keep(tmp_path, spec, 1)
    target = tmp_path / "target"
    path.rename(target)
    before = target.read_bytes()
    for make in (lambda: path.symlink_to(target), lambda: os.mkfifo(path)):
        make()
        keep(tmp_path, spec, 3)
        assert target.read_bytes() == before
        path.unlink()


def test_a_journal_that_another_process_writes_is_left_alone(tmp_path, spec, at_once):
    path = keep(tmp_path, spec, 2)
    first = Journals(Store(tmp_path)).open(spec)
    size = path.stat().st_size
    second = Journals(Store(tmp_path)).open(spec)
    assert second.kept == 0
    second.add(request_of(0), returns_of(0))
    second.remove()
    assert path.stat().st_size == size
    first.close()


def test_a_full_journal_keeps_what_fitted(tmp_path, spec, at_once, monkeypatch):
    monkeypatch.setattr(journals_module, "MAX_BYTES", 1000)
    path = keep(tmp_path, spec, 100)
    assert path.stat().st_size <= 1000
    assert 3 < kept(tmp_path, spec) < 10


def test_a_journal_that_cannot_be_cut_off_costs_its_answers_and_not_the_trial(
    tmp_path, spec, at_once, monkeypatch
):
    keep(tmp_path, spec, 3)

    def fail(*_):
        raise OSError("the disk is failing")

    journal = Journals(Store(tmp_path)).open(spec)
    monkeypatch.setattr(os, "ftruncate", fail)
    for broken in (journal, Journals(Store(tmp_path)).open(spec)):
        assert broken.answer(request_of(7)) is None
        broken.add(request_of(7), returns_of(7))
        broken.close()
    monkeypatch.undo()
    assert kept(tmp_path, spec) == 3
