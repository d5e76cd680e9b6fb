"""Leases: one process at a time has a trial, and that of a dead one is taken over, once."""

import errno
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from rlid.store import leases as module
from rlid.store.leases import Leases, Process, machine, start_of

KEY = "0" * 64


def pretend(tmp_path, *, key=KEY, generation=0, name="f" * 16, **changes):
    """Write the lease and owner file of some other process."""
    folder = tmp_path / "leases"
    folder.mkdir(exist_ok=True)
    owner = {"machine": machine(), "pid": os.getpid(), "started": start_of(os.getpid())}
    (folder / f"{name}.owner").write_text(json.dumps({**owner, **changes}))
    (folder / f"{key}.{generation}.lease").write_text(name)
    return folder


def test_a_lease_has_one_holder_until_it_is_given_back(tmp_path):
    first, second = Leases(tmp_path), Leases(tmp_path)
    assert first.take(KEY)
    assert first.take(KEY)
    assert not second.take(KEY)
    assert second.others() == first.others() == 1
    first.release(KEY, done=True)
    assert second.take(KEY)
    first.close()
    assert second.others() == 0
    second.close()
    assert list((tmp_path / "leases").iterdir()) == []


def test_of_many_at_once_one_has_it(tmp_path):
    pretend(tmp_path, pid=dead_pid())
    taken, start = [], threading.Barrier(16)

    def take():
        mine = Leases(tmp_path)
        start.wait()
        taken.append(mine.take(KEY))

    threads = [threading.Thread(target=take) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [False] * 15 + [True]


def dead_pid():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize(
    "owner", [{"pid": "dead"}, {"started": 12}, {"pid": 1, "started": 2**40}], ids=str
)
def test_the_lease_of_a_process_that_is_gone_is_taken_over_at_once(tmp_path, owner):
    if owner.get("pid") == "dead":
        owner = {"pid": dead_pid()}
    folder = pretend(tmp_path, **owner)
    mine = Leases(tmp_path)
    assert mine.take(KEY)
    assert not Leases(tmp_path).take(KEY)
    mine.release(KEY, done=True)
    assert not list(folder.glob("*.lease"))


def test_a_zombie_is_gone(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = Process(machine(), process.pid, start_of(process.pid))
    assert owner.lives()
    process.kill()
    time.sleep(0.3)
    assert not owner.lives()
    process.communicate()


def test_a_stopped_process_is_neither_alive_nor_dead():
    process = subprocess.Popen(["sleep", "60"])
    owner = Process(machine(), process.pid, start_of(process.pid))
    os.kill(process.pid, signal.SIGSTOP)
    os.waitpid(process.pid, os.WUNTRACED)
    assert owner.lives() is None
    process.kill()
    process.wait()


def test_a_full_disk_leaves_no_torn_lease(tmp_path, monkeypatch):
    mine = Leases(tmp_path)
    mine.take("1" * 64)

    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", fail)
        with pytest.raises(OSError, match="No space left"):
            mine.take(KEY)
    assert Leases(tmp_path).take(KEY)


def test_the_files_of_owners_that_were_killed_are_swept_up(tmp_path):
    folder = pretend(tmp_path, pid=dead_pid())
    pretend(tmp_path, key="2" * 64, name="e" * 16, machine="elsewhere")
    mine = Leases(tmp_path)
    assert mine.take(KEY)
    owners = {path.stem for path in folder.glob("*.owner")}
    assert owners == {mine.name, "e" * 16}
    mine.close()


def test_an_owner_elsewhere_is_dead_when_it_is_silent_by_the_clock_of_who_waits(tmp_path):
    folder = pretend(tmp_path, machine="elsewhere")
    os.utime(folder / f"{'f' * 16}.owner", (0, 0))  # its own clock says nothing
    mine = Leases(tmp_path, stale=0.5)
    assert not mine.take(KEY)
    time.sleep(0.3)
    os.utime(folder / f"{'f' * 16}.owner")
    assert not mine.take(KEY)
    time.sleep(0.3)
    assert not mine.take(KEY)
    time.sleep(0.3)
    assert mine.take(KEY)


@pytest.mark.parametrize("text", ["", "half", "x" * 10_000, "../../etc/pass"])
def test_a_torn_lease_is_void_after_a_while(tmp_path, text):
    folder = pretend(tmp_path)
    (folder / f"{KEY}.0.lease").write_text(text)
    mine = Leases(tmp_path, stale=0.2)
    assert not mine.take(KEY)
    time.sleep(0.3)
    assert mine.take(KEY)


def test_an_owner_that_lives_keeps_its_file_fresh(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "HEARTBEAT", 0.05)
    mine = Leases(tmp_path)
    mine.take(KEY)
    (owner,) = (tmp_path / "leases").glob("*.owner")
    before = owner.stat().st_mtime_ns
    time.sleep(0.5)
    assert owner.stat().st_mtime_ns > before
    mine.close()


def test_leases_given_back_unfinished_leave_dead_leases_in_place(tmp_path):
    folder = pretend(tmp_path, pid=dead_pid())
    mine = Leases(tmp_path)
    assert mine.take(KEY)
    mine.close()
    assert [path.name for path in folder.glob("*.lease")] == [f"{KEY}.0.lease"]
    assert Leases(tmp_path).take(KEY)


def _hold(folder, ready):
    Leases(folder).take(KEY)
    ready.set()
    time.sleep(60)


def test_a_killed_process_holds_nothing(tmp_path):
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    process = context.Process(target=_hold, args=(tmp_path, ready), daemon=True)
    process.start()
    assert ready.wait(20)
    mine = Leases(tmp_path)
    assert not mine.take(KEY)
    process.kill()
    process.join()
    assert mine.take(KEY)
