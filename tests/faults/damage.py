"""Hostile bytes for records, z and policies: python tests/faults/damage.py [FLIPS [INPUTS]].

Only our own refusals may come out (or what the store takes for one: no UTF-8), and a canary that
any unpickling would run must stay silent.
"""

import json
import pickle
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "fixtures"))

import numpy as np
from records import a_record
from safetensors.numpy import save

from rlid.errors import DamagedRecord, PolicyFileError
from rlid.policies.policy_file import PolicyFile
from rlid.policies.policy_file import parse as load_policy
from rlid.records.record import parse_record, written
from rlid.store.store import parse_z

STORES = Path(__file__).parents[1] / "fixtures/stores/v1"
FIRED = []
WORDS = [b"NaN", b"1e999", b"-Infinity", b"null", b'"', b"{", b"}", b"[", b"]", b",", b":", b"0",
         b"-1", b"true", b"\\ud800", b"\xff\xfe", b"\x00", b"9" * 5000, b"[" * 3000, b'"d": ',
         b'"spec": {', b'"../../etc/passwd"', b"cos\nsystem\n"]  # fmt: skip


class Canary:
    """Fires when it is unpickled."""

    def __reduce__(self):
        return (FIRED.append, ("fired",))


def load_record(data):
    return parse_record(data.decode())


def load_z(data):
    return parse_z(data, 3)


def seeds():
    """Return (loader, valid bytes) pairs: what is damaged."""
    record = written(a_record()).encode()
    z = save({"z": np.array([0.5, -1.0, 2.0], np.float32)})
    real = next(STORES.glob("trials/*/*.json")).read_bytes()
    policy = PolicyFile(
        "cartpole", 1, bytes(8), "mlp:20x20", "onehot", 1, 0, bytes(32), 8, 0.01,
        np.arange(3, dtype=np.uint32),
    ).dump()  # fmt: skip
    return [(load_record, record), (load_record, real), (load_z, z), (load_policy, policy)]


def survive(loader, data):
    """Load; return whether it was accepted. Anything but our own refusal is raised."""
    try:
        loader(data)
    except (DamagedRecord, PolicyFileError, UnicodeDecodeError):
        return False
    return True


def prefixes():
    n = 0
    for loader, data in seeds():
        whole = data.rstrip()
        for length in range(len(whole)):
            assert not survive(loader, whole[:length])
            n += 1
    return n


def flips(count, rng):
    """Flip one bit; what is still accepted must differ in a value alone, never in its form."""
    accepted = 0
    for loader, data in seeds():
        for _ in range(count):
            bit = rng.randrange(8 * len(data))
            damaged = bytearray(data)
            damaged[bit // 8] ^= 1 << bit % 8
            accepted += survive(loader, bytes(damaged))
    return accepted


def mutate(data, rng):
    made = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(made) + 1)
        kind = rng.randrange(4)
        if kind == 0:
            made[at:at] = rng.choice(WORDS)
        elif kind == 1:
            del made[at : at + rng.randint(1, 40)]
        elif kind == 2:
            made[at : at + 1] = bytes([rng.randrange(256)])
        else:
            start = rng.randrange(len(made) + 1)
            made[at:at] = made[start : start + rng.randint(1, 60)]
    return bytes(made)


def structural(data, rng):
    """Swap a value for one of another type somewhere in the JSON."""
    value = json.loads(data)
    node, odd = value, [None, True, -1, 1e308, "", [], {}, [[]], 10**30, "x" * 300, 0.5, "1"]
    while True:
        name = rng.choice(list(node))
        if isinstance(node[name], dict) and node[name] and rng.random() < 0.7:
            node = node[name]
            continue
        if rng.random() < 0.2:
            del node[name]
        else:
            node[name] = rng.choice(odd)
        return json.dumps(value).encode()


def fuzz(count, rng):
    accepted, canary = 0, pickle.dumps(Canary())
    for number in range(count):
        loader, data = rng.choice(seeds_)
        if number % 100 == 0:
            made = canary if number % 200 else data[: len(data) // 2] + canary
        elif number % 3 == 0 and loader is load_record:
            made = structural(data, rng)
        else:
            made = mutate(data, rng)
        accepted += survive(loader, made)
    assert not FIRED
    return accepted


seeds_ = seeds()

if __name__ == "__main__":
    flipped, fuzzed = (int(word) for word in (*sys.argv[1:], "10000", "100000")[:2])
    rng = random.Random(0)
    print(f"{prefixes()} prefixes: all refused")
    print(f"{len(seeds_) * flipped} bit flips: {flips(flipped, rng)} still valid, no other error")
    print(f"{fuzzed} fuzzed inputs: {fuzz(fuzzed, rng)} valid, no other error, a silent canary")
