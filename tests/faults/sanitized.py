"""Runs the C parts under sanitizers: python tests/faults/sanitized.py [INPUTS].

Both modules are compiled with AddressSanitizer and UndefinedBehaviorSanitizer into a temporary
folder. A process with the sanitizer's runtime then calls them on seeded inputs: sizes that are odd,
buffers at odd addresses, buffers that share memory, an extreme number of the first action, runs and
slots that lead outside, and buffers that another thread changes meanwhile. A report of a sanitizer
ends the process; refusals are ValueErrors.
"""

import os
import subprocess
import sys
import sysconfig
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = {
    "_kernels": ROOT / "rlid/projections/kernels.c",
    "_two_actions": ROOT / "rlid/evaluation/two_actions.c",
}
FLAGS = [
    *("-O1", "-g", "-shared", "-fPIC", "-std=c11", "-ffp-contract=off", "-Wno-psabi"),
    "-fno-sanitize-recover=all",
    "-fsanitize=address,undefined,float-cast-overflow",
]
LANES = (4, 8, 16)
"""Widths of vectors that two_actions.c is compiled for; each is tried."""
EXTREMES = (-(2**63), -1, 0, 1, 2**63 - 1)


def build(folder, lanes):
    """Compile both modules into a folder."""
    include = sysconfig.get_paths()["include"]
    for name, source in SOURCES.items():
        command = ["gcc", *FLAGS, f"-DMOST_LANES={lanes}", f"-I{include}", str(source)]
        subprocess.run([*command, "-o", str(folder / f"{name}.abi3.so")], check=True)


def runtime():
    """Return the path of the sanitizer's runtime, which must be loaded first."""
    done = subprocess.run(
        ["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def try_all(folder, inputs):
    """Call both modules on seeded inputs; return how many were accepted and refused."""
    sys.path.insert(0, folder)
    import _kernels
    import _two_actions
    import numpy as np

    rng = np.random.default_rng(0)
    counts = {"accepted": 0, "refused": 0}

    def attempt(function, *arguments):
        try:
            function(*arguments)
            counts["accepted"] += 1
        except (ValueError, TypeError, OverflowError, MemoryError):
            counts["refused"] += 1

    def buffer(n, kind):
        """Return n numbers, now and then at an odd address, or with bytes to spare."""
        size = np.dtype(kind).itemsize
        at, spare = (int(rng.integers(0, 3)) if rng.random() < 0.1 else 0 for _ in range(2))
        data = bytearray(at + n * size + spare)
        data[:] = rng.bytes(len(data)) if rng.random() < 0.5 else bytes(len(data))
        return memoryview(data)[at:]

    def numbers(values, kind):
        return np.array(values, kind)

    def kernels():
        n, d = int(rng.integers(0, 70)), int(rng.integers(0, 40))
        far = [-1, 0, 1, 3, n, d, 2**31, 2**62, 2**63 - 1, -(2**63)]
        runs = numbers(rng.choice(far, (int(rng.integers(0, 4)), 3)), np.int64)
        if rng.random() < 0.5:
            runs = numbers([[0, 0, min(n, d)]], np.int64)
        out = buffer(n, np.float32)
        start = [None, buffer(n, np.float32), out][int(rng.integers(0, 3))]
        entries, signs = buffer(d, np.float32), buffer(n, np.int8)
        attempt(_kernels.expand, entries, signs, out, runs, start)
        attempt(_kernels.reduce, entries, signs, out, runs)
        attempt(_kernels.reduce, out, signs, out, runs)
        width = int(rng.choice([-(2**63), -1, 0, 1, 2, 3, 8, 64, 512, 2**62]))
        attempt(
            _kernels.transform, buffer(int(rng.choice([0, 7, 64, 512, 4096])), np.float32), width
        )
        x, indices = buffer(int(rng.choice([0, 1, 3, 8, 16])), np.float32), buffer(n, np.int32)
        attempt(_kernels.read, x, indices, buffer(n, np.float32), out)
        attempt(_kernels.add_up, x, indices, buffer(n, np.float32), out)

    def two_actions():
        widths = [int(w) for w in rng.choice([1, 2, 4, 5, 16, 17, 33], int(rng.integers(1, 4)))]
        if rng.random() < 0.1:
            widths[0] = int(rng.choice([-1, 0, 2**20, 2**20 + 1, 2**62]))
        padded = [-(-w // 16) * 16 for w in widths]
        length = sum((a + 1) * b for a, b in zip(widths[:-1], padded[1:], strict=True))
        length += padded[-1] + 3
        weights = sum((a + 1) * b for a, b in zip(widths, [*widths[1:], 2], strict=True))
        if not 0 < length < 10**6:
            length = weights = 8
        rows, slots = int(rng.integers(1, 4)), int(rng.integers(0, 7))
        cells = int(rng.integers(0, 9)) if slots else 0
        where = rng.integers(0, max(1, slots), cells)
        ends = np.sort(rng.integers(0, cells + 1, rows))
        if rng.random() < 0.2:
            where, ends = rng.choice([-1, 0, 2**62, -(2**63)], cells), rng.choice([-1, 2**62], rows)
        room, widths = buffer(rows * length, np.float32), numbers(widths, np.int64)
        attempt(_two_actions.put, widths, room, buffer(weights, np.float32),
                int(rng.choice([0, 1, rows, *EXTREMES])), 1e-12, 1e-12)  # fmt: skip
        observed = max(0, int(widths[0])) if 0 < widths[0] < 100 else 1
        attempt(
            _two_actions.choose, widths, room, buffer(slots * observed, np.float32),
            numbers(where, np.int64), numbers(ends, np.int64), buffer(slots, np.uint8),
            buffer(cells, np.float32), buffer(cells, np.uint8), buffer(slots, np.int64),
            int(rng.choice(EXTREMES)),
        )  # fmt: skip

    for _ in range(inputs):
        kernels()
        two_actions()
    changing(_kernels, _two_actions, attempt, max(20, inputs // 20))
    return counts


def changing(kernels, two_actions, attempt, times):
    """Call loops whose runs, slots and ends another thread changes all the time."""
    import numpy as np

    n = 2000
    runs = np.tile(np.array([[0, 0, 50]], np.int64), (n, 1))
    slots, ends = np.zeros(n, np.int64), np.array([n], np.int64)
    is_over = threading.Event()

    def change():
        while not is_over.is_set():
            for far in (2**62, -(2**62), 0):
                runs[:, 1] = far
                slots[:] = far
            ends[0] = 2**62 if ends[0] == n else n

    thread = threading.Thread(target=change)
    thread.start()
    room, theta = np.zeros(19, np.float32), np.zeros(4, np.float32)
    widths = np.array([1], np.int64)
    two_actions.put(widths, room, theta, 0, 1e-12, 1e-12)
    for _ in range(times):
        attempt(kernels.expand, np.zeros(60, np.float32), np.ones(60, np.int8),
                np.zeros(60, np.float32), runs, None)  # fmt: skip
        attempt(kernels.reduce, np.zeros(60, np.float32), np.ones(60, np.int8),
                np.zeros(60, np.float32), runs)  # fmt: skip
        attempt(two_actions.choose, widths, room, np.zeros(1, np.float32), slots, ends,
                np.ones(1, np.uint8), np.zeros(n, np.float32), np.zeros(n, np.uint8),
                np.zeros(1, np.int64), 0)  # fmt: skip
    is_over.set()
    thread.join()


def main(inputs=20_000, *lanes_to_try):
    """Build and try each width of vectors; say what was refused."""
    for lanes in lanes_to_try or LANES:
        with tempfile.TemporaryDirectory() as folder:
            build(Path(folder), lanes)
            environment = {
                **os.environ, "LD_PRELOAD": runtime(), "ASAN_OPTIONS": "detect_leaks=0",
                "PYTHONMALLOC": "malloc",
            }  # fmt: skip
            command = [sys.executable, __file__, folder, str(inputs)]
            done = subprocess.run(command, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr[-4000:]
            print(f"vectors of {lanes} floats: {done.stdout.strip()}")


if __name__ == "__main__":
    if len(sys.argv) == 3 and not sys.argv[1].isdigit():
        print(try_all(sys.argv[1], int(sys.argv[2])))
    else:
        main(*map(int, sys.argv[1:]))
