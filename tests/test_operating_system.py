"""rlid works where the system says less than Linux does, as on macOS."""

import ast
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command import rlid

from rlid import operating_system

ROOT = Path(__file__).parents[1]
LINUX_ONLY = {
    "sched_getaffinity", "sched_setaffinity", "O_TMPFILE", "memfd_create", "posix_fadvise",
    "copy_file_range", "sendfile", "pidfd_open", "setns", "unshare", "eventfd", "splice",
    "sched_setscheduler", "F_OFD_SETLK", "pipe2",
}  # fmt: skip
"""Attributes of os and fcntl that macOS lacks or that behave in another way there."""


def test_cores_are_counted_where_the_system_does_not_say_which_may_be_used(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert operating_system.cores() == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert operating_system.cores() == 1


def test_cores_are_those_that_this_process_may_use(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 3, 5}, raising=False)
    assert operating_system.cores() == 3


def test_no_module_uses_what_only_linux_has():
    for folder in ("rlid", "envs", "agents"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Attribute):
                    assert node.attr not in LINUX_ONLY, f"{path}:{node.lineno} {node.attr}"


@pytest.mark.slow
def test_a_measurement_runs_without_what_only_linux_has(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import os\n"
        f"for name in {sorted(LINUX_ONLY)}:\n"
        "    if hasattr(os, name):\n"
        "        delattr(os, name)\n"
    )
    done = rlid(
        "run", "cartpole", "--network", "mlp:4", "--dims", 2, "--search", "grid", "--seeds", 1,
        "--budget", 500, "--reference", 500, "--reference-source", "the most there is",
        "--jobs", 2, "--json", "--quiet", cwd=tmp_path, PYTHONPATH=str(tmp_path),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["trials"], answer["trials_run"]) == (1, 1)


@pytest.mark.parametrize("system", ["linux", "darwin"])
def test_a_process_ends_with_its_parent(system):
    child = (
        "import os, sys, time; from rlid import operating_system as system; "
        f"sys.platform = {system!r}; system.PARENT_INTERVAL = 0.05; "
        "system.die_with(os.getppid()); print('ready', flush=True); time.sleep(60)"
    )
    parent = (
        "import subprocess, sys; "
        f"child = subprocess.Popen([sys.executable, '-c', {child!r}]); print(child.pid, flush=True)"
        "; child.wait()"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE) as process:
        # The end of the output comes when both processes are gone.
        assert process.stdout is not None
        pid, ready = int(process.stdout.readline()), process.stdout.readline()
        assert ready == b"ready\n"
        os.kill(pid, 0)
        killed = time.monotonic()
        process.kill()
        assert process.stdout.read() == b""
    assert time.monotonic() - killed < 20  # the child by itself would sleep for a minute


def test_the_end_of_a_process_is_told_in_words():
    assert operating_system.cause_of_end(3) == "exit code 3"
    assert operating_system.cause_of_end(None) == "exit code None"
    assert operating_system.cause_of_end(-signal.SIGKILL) == "killed by SIGKILL"
    assert operating_system.cause_of_end(-200) == "killed by signal 200"
