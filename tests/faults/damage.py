"""Hostile bytes for every loader: python tests/faults/damage.py [FLIPS [INPUTS]].

Whole files are damaged, headers too: records, z, policies and their reports, published files,
measurements, references, checkpoints and journals; FLIPS and INPUTS count for each loader. Only our
own refusals may come out (or what the store takes for one: no UTF-8), and a canary that any
unpickling would run must stay silent.
"""

import json
import pickle
import random
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "fixtures"))

import numpy as np
from records import a_record
from safetensors.numpy import save

from rlid.errors import InputError, StoreError
from rlid.leaderboard.published import parse as parse_published
from rlid.policies import report
from rlid.policies.policy_file import PolicyFile
from rlid.policies.policy_file import parse as load_policy
from rlid.problem import Request, Returns
from rlid.records.record import parse_record, written
from rlid.records.state import State, decode, encode
from rlid.store import measurements, references
from rlid.store.leases import _lives as lease_lives
from rlid.store.store import parse_z
from rlid.training.journal import Journal

STORES = Path(__file__).parents[1] / "fixtures/stores/v1"
ROOT = Path(__file__).parents[2]
EXPORTED = ROOT / "tests/fixtures/published/cartpole/cmaes-mlp_20x20-onehot-b4cb0ebd.json"
REFERENCES = ROOT / "rlid/references"
MOST_PREFIXES = 1000
MEMORY = Path("/dev/shm")
FOLDER = tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
PLACE = Path(FOLDER.name) / "file"
HEADER = b'{"journal":1,"key":"k","versions":{}}\n'
REQUEST = Request(None, np.ones((2, 2), np.float32), (1, 2, 3))
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


def load_published(data):
    published = parse_published(data.decode())
    published.records()


def from_file(load):
    """Return the loader of bytes that reads them as a file."""

    def loader(data):
        PLACE.write_bytes(data)
        return load(PLACE)

    return loader


load_measurement = from_file(measurements.load)
load_reference = from_file(references.read)
load_report = from_file(report.load)
load_lease = from_file(lease_lives)


def load_journal(data):
    """Recover a journal, which is refused or yields answers of the shape that is asked for."""
    PLACE.write_bytes(data)
    journal = Journal(PLACE, HEADER)
    try:
        journal.recover()
        answer = journal.answer(REQUEST)
        assert answer is None or answer.values.shape == (2, 3)
    finally:
        journal.close()


def a_journal():
    """Return the bytes of a journal with one answer."""
    PLACE.unlink(missing_ok=True)
    journal = Journal(PLACE, HEADER)
    journal.add(REQUEST, Returns(np.ones((2, 3)), 7))
    journal.flush()
    journal.close()
    return PLACE.read_bytes()


def seeds():
    """Return (loader, valid bytes) pairs: what is damaged."""
    record = written(a_record()).encode()
    z = save({"z": np.array([0.5, -1.0, 2.0], np.float32)})
    real = next(STORES.glob("trials/*/*.json")).read_bytes()
    policy = PolicyFile(
        "cartpole", 1, bytes(8), "mlp:20x20", "onehot", 1, 0, bytes(32), 8, 0.01,
        np.arange(3, dtype=np.uint32),
    ).dump()  # fmt: skip
    published = EXPORTED.read_bytes()
    reference = next(REFERENCES.glob("cartpole/*.json")).read_bytes()
    policy_report = json.dumps(json.loads(published)["policy"]).encode()
    arrays = {"a": np.ones(3, np.float32), "b": np.arange(4, dtype=np.uint8)}
    checkpoint = encode(State({"spec": "x", "format": 2, "state": {"n": [1, 2.5, None]}}, arrays))
    owner = json.dumps({"machine": "here", "pid": 1, "started": 3}).encode()
    value = json.loads(published)
    names = ("question", "kind", "threshold", "machine")
    kept = {name: value[name] for name in names} | {"schema_version": 1}
    kept |= {
        "reference": value["reference_record"],
        "trials": [row["key"] for row in value["rows"]],
    }
    measurement = json.dumps(kept).encode()
    return [
        (load_record, record), (load_record, real), (load_z, z), (load_policy, policy),
        (load_published, published), (load_reference, reference), (load_report, policy_report),
        (load_measurement, measurement), (decode, checkpoint), (load_journal, a_journal()),
        (load_lease, owner),
    ]  # fmt: skip


def survive(loader, data):
    """Load; return whether it was accepted. Anything but our own refusal is raised."""
    try:
        loader(data)
    except (InputError, StoreError, UnicodeDecodeError):
        return False
    return True


def prefixes():
    n = 0
    for loader, data in seeds_:
        if loader in (load_journal, load_lease):
            # Of a journal a part may be kept, and a torn lease is no refusal.
            continue
        whole = data.rstrip()
        for length in range(0, len(whole), 1 + len(whole) // MOST_PREFIXES):
            assert not survive(loader, whole[:length])
            n += 1
    return n


def flips(count, rng):
    """Flip one bit; what is still accepted must differ in a value alone, never in its form."""
    accepted = 0
    for loader, data in seeds_:
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
        if isinstance(node[name], list) and rng.random() < 0.3:
            node[name] = node[name][:1] * rng.choice([0, 2, 300])
        elif rng.random() < 0.2:
            del node[name]
        else:
            node[name] = rng.choice(odd)
        return json.dumps(value).encode()


def fuzz(count, rng):
    accepted, canary = 0, pickle.dumps(Canary())
    for number in range(count):
        loader, data = seeds_[number % len(seeds_)]
        if number % 100 == 0:
            made = canary if number % 200 else data[: len(data) // 2] + canary
        elif number % 3 == 0 and data[:1] == b"{" and loader is not load_journal:
            made = structural(data, rng)
        else:
            made = mutate(data, rng)
        accepted += survive(loader, made)
    assert not FIRED
    return accepted


seeds_ = seeds()

if __name__ == "__main__":
    flipped, fuzzed = (int(word) for word in (*sys.argv[1:], "2000", "20000")[:2])
    rng = random.Random(0)
    print(f"{prefixes()} prefixes: all refused")
    print(f"{len(seeds_) * flipped} bit flips: {flips(flipped, rng)} still valid, no other error")
    total = fuzzed * len(seeds_)
    print(f"{total} fuzzed inputs: {fuzz(total, rng)} valid, no other error, a silent canary")
