"""A suite that is killed twice and resumed ends with the table of one that was left alone."""

import json
import os
import signal
import subprocess
import time

from command import RLID, rlid_here

SUITE = """
title = "Two small measurements"

[defaults]
network = "linear"
agent = "cmaes"
seeds = 5
dmax = 4
reference_source = "by construction"
reference = 1.0

[[row]]
task = "dials:2"
budget = 4000

[[row]]
task = "dials:3"
budget = 4000
"""
TIMES = {"seconds", "trials_run", "reference_record"}
"""Fields that say how a run went and not what was measured."""
PATIENCE = 120.0


def arguments(store):
    return ["suite", "mine.toml", "--store", store, "--jobs", "1", "--quiet"]


def kill_after(trials, folder):
    """Start the suite; kill it, without warning, once its store has so many more trials."""
    records = folder / "killed" / "trials"
    before = len(list(records.glob("**/*.json")))
    process = subprocess.Popen(
        [RLID, *arguments("killed")], cwd=folder, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + PATIENCE
    while len(list(records.glob("**/*.json"))) < before + trials and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    return process.wait()


def rows_of(folder, store):
    report = json.loads((folder / store / "suites" / "mine.json").read_text())
    return [
        {name: value for name, value in row.items() if name not in TIMES} for row in report["rows"]
    ]


def test_a_suite_that_is_killed_twice_and_resumed_has_the_same_rows(tmp_path):
    (tmp_path / "mine.toml").write_text(SUITE)
    left_alone = rlid_here(*arguments("alone"), cwd=tmp_path)
    assert left_alone.returncode == 0, left_alone.stderr
    assert [kill_after(trials, tmp_path) for trials in (2, 5)] == [-signal.SIGKILL] * 2
    resumed = rlid_here(*arguments("killed"), cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    assert rows_of(tmp_path, "killed") == rows_of(tmp_path, "alone")
    page = (tmp_path / "killed" / "suites" / "mine.html").read_text()
    assert "dials:2" in page
    assert "Two small measurements" in page
