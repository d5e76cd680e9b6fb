"""Fails or kills the store at its n-th system call, for every n: python tests/faults/storage.py.

The writer takes a lease, keeps answers in a journal, saves a checkpoint and adds the record, as a
worker does. It runs in a child that counts its calls of open, write, fsync, link and the like, and
at the n-th raises ENOSPC or kills the process.
"""

import errno
import os
import signal
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).parents[1] / "fixtures"))

import numpy as np
from records import a_record, a_spec

from rlid.errors import StoreError
from rlid.problem import Request, Returns
from rlid.records.state import State
from rlid.store import maintenance as upkeep
from rlid.store.leases import Leases
from rlid.store.store import Store
from rlid.training import journal
from rlid.training.checkpoint import Checkpoints
from rlid.training.journal import Journals

CALLS = (
    "open", "write", "pwrite", "ftruncate", "fsync", "link", "rename", "replace", "unlink", "mkdir",
)  # fmt: skip
STALE = 0.05
"""Seconds after which a lease that was torn by a kill is void."""
Z = np.array([0.5, -1.0, 2.0], np.float32)
TRIALS = 2
ANSWERS = [
    (Request(None, np.full((3, 3), number, np.float32), (1, 2)), Returns(np.ones((3, 2)), number))
    for number in range(2)
]


class Countdown:
    """Strikes at the n-th call of any function that it wraps."""

    def __init__(self, n, kills):
        self.n, self.kills = n, kills

    def wrap(self, function):
        def wrapped(*args, **kwargs):
            self.strike()
            return function(*args, **kwargs)

        return wrapped

    def strike(self):
        self.n -= 1
        if self.n == 0:
            if self.kills:
                os.kill(os.getpid(), signal.SIGKILL)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Halfway:
    """A file whose every write may strike after half of its bytes."""

    def __init__(self, file, countdown):
        self.file, self.countdown = file, countdown

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def __getattr__(self, name):
        return getattr(self.file, name)

    def write(self, data):
        self.file.write(data[: len(data) // 2])
        self.file.flush()
        self.countdown.strike()
        return self.file.write(data[len(data) // 2 :])


@contextmanager
def struck(countdown):
    """Let the countdown count and strike the calls that write, inside the block."""
    patches = [mock.patch.object(os, name, countdown.wrap(getattr(os, name))) for name in CALLS]
    opened = open

    def open_(path, mode="r", *args, **kwargs):
        if not set(mode) & set("wxa"):
            return opened(path, mode, *args, **kwargs)
        countdown.strike()
        file = opened(path, mode, *args, **kwargs)
        return Halfway(file, countdown) if "x" in mode else file

    patches.append(mock.patch("builtins.open", open_))
    for patch in patches:
        patch.start()
    try:
        yield
    finally:
        for patch in patches:
            patch.stop()


def write(folder, countdown):
    """Run two trials, as it were, under the countdown."""
    with mock.patch.object(journal, "FLUSH_SECONDS", 0.0), struck(countdown):
        store, leases = Store(folder), Leases(folder, STALE)
        for seed in range(TRIALS):
            run(store, leases, a_record(spec=a_spec(seed=seed)))
        leases.close()


def run(store, leases, record):
    spec, checkpoints = record.spec, Checkpoints(store)
    while not leases.take(spec.key):
        time.sleep(STALE / 2)
    kept = Journals(store).open(spec)
    checkpoints.load(spec)
    for question, answer in ANSWERS:
        if kept.answer(question) is None:
            kept.add(question, answer)
    checkpoints.save(spec, State({"it": "stands here"}, {}))
    store.add(record, Z)
    checkpoints.drop(spec)
    kept.remove()
    leases.release(spec.key, done=True)


def in_child(folder, n, kills):
    """Return whether the n-th call was reached, and whether the writer was told of it."""
    child = os.fork()
    if child == 0:
        countdown = Countdown(n, kills)
        try:
            write(folder, countdown)
            os._exit(0 if countdown.n > 0 else 3)
        except (StoreError, OSError):  # the agenda makes the one of the other
            os._exit(1)
        except BaseException:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def examine(folder):
    """Each trial is there whole or not at all; what is left over can be removed; it resumes."""
    heard = []
    store = Store(folder, heard.append)
    found = list(store.records())
    assert not heard, heard
    for record in found:
        assert np.array_equal(store.z(record), Z)
    assert all("left from a crash" in one.what for one in upkeep.examine(store))
    write(folder, Countdown(0, False))
    assert len(list(store.records())) == TRIALS
    for path in Path(folder).rglob("*"):
        if path.is_file():
            os.utime(path, (0, 0))  # as if the crash was long ago
    findings = list(upkeep.examine(store))
    for finding in findings:
        upkeep.repair(store, finding)
    assert not list(upkeep.examine(store))
    assert len(store.quarantined()) == len(findings)
    for room in ("journals/cartpole", "checkpoints", "leases"):
        left = list(Path(folder, room).iterdir())
        assert not left, left
    return len(found)


def strike_everywhere(kills):
    """Return how many calls there are, each of which was struck once."""
    n = 0
    while True:
        n += 1
        with tempfile.TemporaryDirectory() as folder:
            code = in_child(folder, n, kills)
            if code == 0:
                return n - 1
            assert code == (-signal.SIGKILL if kills else 1) or code == 3, (n, code)
            examine(folder)


if __name__ == "__main__":
    print(f"{strike_everywhere(False)} calls failed with ENOSPC, one after another: all sound")
    print(f"{strike_everywhere(True)} calls at which the process was killed: all sound")
