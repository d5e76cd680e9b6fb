"""Files of strangers ask for no more time and memory than there is for their kind."""

import json
import os
import random
import time
from pathlib import Path

import numpy as np
import pytest
from command import rlid
from policies import a_file

from rlid.errors import DamagedRecord, PolicyFileError
from rlid.leaderboard import publish as publisher
from rlid.leaderboard.published import MAX_BYTES
from rlid.leaderboard.verify import verify
from rlid.policies import Policy, bounds
from rlid.records.strict_json import parse_json
from rlid.store import read_limited

PUBLISHED = Path(__file__).parent / "fixtures" / "published"
EXPORTED = PUBLISHED / "cartpole" / "cmaes-mlp_20x20-onehot-b4cb0ebd.json"


# Processor seconds. What is guarded against would take many times as long, or never end; what is
# right takes a small part of a second, so that a slow machine fails no test.
AT_MOST = 30.0


def refused(function, *arguments):
    """Whether a call refuses its file, within the time that is allowed."""
    started = time.process_time()
    with pytest.raises(DamagedRecord):
        function(*arguments)
    return time.process_time() - started < AT_MOST


@pytest.fixture
def bytes_read(monkeypatch):
    """The sizes of all that is read from files by the operating system's own call."""
    sizes, read = [], os.read

    def counted(descriptor, size):
        chunk = read(descriptor, size)
        sizes.append(len(chunk))
        return chunk

    monkeypatch.setattr(os, "read", counted)
    return sizes


def test_a_file_beyond_its_cap_is_read_no_further(tmp_path, bytes_read):
    path = tmp_path / "large.json"
    path.write_bytes(b"[" + b"1," * (30 * 2**20) + b"1]")
    with pytest.raises(DamagedRecord, match="larger than"):
        publisher.read(path)
    assert MAX_BYTES < sum(bytes_read) <= MAX_BYTES + max(bytes_read)


def test_a_file_is_read_once_and_whole(tmp_path, bytes_read):
    path, content = tmp_path / "file", random.Random(0).randbytes(2**20 + 1)
    path.write_bytes(content)
    assert read_limited(path, 2**21) == content
    assert sum(bytes_read) == len(content)


TEXTS = {
    "names": "{" + ",".join(f'"{number}":1' for number in range(20_000)) + "}",
    "lists": "[" + ",".join(["[]"] * 600_000) + "]",
    "depth": "[" * 100_000,
    "levels": "[" * 500 + "]" * 500,
    "digits": "1" * 100_000,
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_json_of_many_parts_is_refused(text):
    assert refused(parse_json, text)


def changed(tmp_path, **fields):
    value = json.loads(EXPORTED.read_text())
    for name, change in fields.items():
        value[name] = change(value[name])
    path = tmp_path / "file.json"
    path.write_text(json.dumps(value))
    assert path.stat().st_size < MAX_BYTES
    return path


@pytest.mark.parametrize(
    "fields",
    [
        {"rows": lambda rows: rows[:1] * 10_001},
        {"curve": lambda points: points[:1] * 10_001},
        {"common": lambda common: common | {f"x{number}": 1 for number in range(200)}},
        {"versions": lambda listed: [{f"x{number}": "1" for number in range(60)}]},
        {"hidden_state": lambda sizes: {f"x{number}": 1 for number in range(200)}},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_a_published_file_with_more_than_fits_any_measurement_is_damaged(tmp_path, fields):
    assert refused(publisher.read, changed(tmp_path, **fields))


def test_a_grid_of_any_size_is_counted_and_not_drawn_up(tmp_path):
    def huge(question):
        return question | {"search": "grid", "dmax": 10**9, "seeds": 10_000}

    started = time.process_time()
    problems = verify(changed(tmp_path, question=huge))[1].problems
    assert any("a grid of 10000000000000 trials" in line for line in problems)
    assert time.process_time() - started < AT_MOST


BOMBS = {
    "weights": ({"network": "mlp:9000x9000"}, "weights; at most"),
    "dense": ({"network": "mlp:2000x2000", "projection": "dense", "d": 200}, "draws"),
    "orthogonal": ({"network": "mlp:300x300", "projection": "orthogonal", "d": 2000}, "draws"),
    "sparse": ({"network": "mlp:2000x2000", "projection": "sparse", "d": 100_000}, "draws"),
}


@pytest.mark.parametrize(("changes", "words"), BOMBS.values(), ids=BOMBS)
def test_a_policy_that_asks_for_too_much_is_refused_before_it_is_drawn(tmp_path, changes, words):
    d = changes.get("d", 3)
    codes = np.zeros(d, np.uint32)
    path = tmp_path / "bomb.rlid"
    fields = {name: value for name, value in changes.items() if name != "d"}
    path.write_bytes(a_file(**fields, codes=codes).dump())
    started = time.process_time()
    with pytest.raises(PolicyFileError, match=words):
        Policy.load(path)
    assert time.process_time() - started < AT_MOST


def test_measurements_of_papers_are_within_the_bounds():
    bounds.check("onehot", 1_005_974, 6000)
    bounds.check("dense", 199_210, 750)
    bounds.check("fastfood", 1_248_424, 500_000)
    with pytest.raises(PolicyFileError):
        bounds.check("dense", 1_005_974, 6000)
    bounds.check("dense", 1_005_974, 6000, float("inf"))


def test_repeated_trials_end_with_the_time_that_they_were_given(tmp_path):
    started = time.monotonic()
    done = rlid(
        "verify", EXPORTED, "--rerun", "60", "--jobs", "1", "--max-hours", "0.0005", cwd=tmp_path
    )
    assert time.monotonic() - started < 60
    assert done.returncode == 1
    assert done.stderr == ""
    words = "consistent, and trials were not repeated: not within --max-hours 0.0005"
    assert done.stdout.splitlines()[0] == f"{EXPORTED}: {words}"
