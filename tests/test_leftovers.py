"""An environment may start processes of its own, and these end with its worker."""

import os
import signal
import subprocess
import sys
import time

import pytest

from rlid.engine import random_scores
from rlid.engine.leftovers import MARK, end_marked
from rlid.engine.local import LocalEngine

pytestmark = [
    pytest.mark.usefixtures("workers_find_fixtures"),
    pytest.mark.skipif(sys.platform != "linux", reason="needs /proc"),
]
WAYS = ("subprocess", "detached", "fork", "spawn")
CALL = (("spawning",), 0, 3, range(3))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SPAWN_FOLDER", str(tmp_path))
    return tmp_path


def numbers_in(folder):
    return [int(path.name) for path in folder.iterdir() if path.name.isdigit()]


def is_alive(number):
    try:
        with open(f"/proc/{number}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def wait_until_ended(numbers):
    deadline = time.monotonic() + 30
    while any(map(is_alive, numbers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return [number for number in numbers if is_alive(number)]


def test_processes_of_an_environment_end_when_the_engine_is_closed(folder):
    with LocalEngine(1, 60.0) as engine:
        for way in WAYS:
            assert len(engine.call(random_scores, f"gym:Spawns-{way}-v0", *CALL)) == 3
        numbers = numbers_in(folder)
        assert len(numbers) >= len(WAYS)
        assert all(map(is_alive, numbers))
    assert wait_until_ended(numbers) == []


def test_processes_of_an_environment_end_when_its_worker_dies(folder):
    with LocalEngine(1, 60.0) as engine:
        engine.call(random_scores, "gym:Spawns-detached-v0", *CALL)
        (worker,) = engine._workers
        os.kill(worker.process.pid, signal.SIGKILL)
        worker.process.join()
        engine.call(random_scores, "gym:Quick-v0", ("hostile",), 0, 3, range(3))
        assert wait_until_ended(numbers_in(folder)) == []


@pytest.mark.parametrize("ending", ["killed", "ends"])
def test_processes_end_with_a_program_that_does_not_close_its_engine(folder, ending):
    script = (
        "import sys, time\n"
        "from rlid.engine import LocalEngine, random_scores\n"
        "engine = LocalEngine(1, 60.0)\n"
        "engine.call(random_scores, 'gym:Spawns-detached-v0', ('spawning',), 0, 3, range(3))\n"
        "print('ready', flush=True)\n"
        "sys.stdin.read()\n"
    )
    program = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert program.stdout.readline() == "ready\n"
    numbers = numbers_in(folder)
    assert numbers
    assert all(map(is_alive, numbers))
    if ending == "killed":
        program.kill()
    program.communicate(timeout=20)
    assert wait_until_ended(numbers) == []


def test_a_mark_ends_the_processes_that_bear_it_and_no_others():
    ours, other = (
        subprocess.Popen(["sleep", "600"], env={**os.environ, MARK: mark})
        for mark in ("abc-1.", "abc-11.")
    )
    try:
        end_marked("abc-1.")
        assert ours.wait(10) == -signal.SIGKILL
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
