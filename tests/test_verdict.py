"""`rlid` answers for itself: no exit of anybody else's code looks like a verdict."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from command import rlid_module

from rlid.cli import app, streams
from rlid.simulators import make_world
from rlid.task import resolve

pytestmark = pytest.mark.usefixtures("workers_find_fixtures")
CHECK = (
    "check", "--import", "exits", "--max-dint", "3", "--network", "mlp:4", "--budget", "500",
    "--agent", "random", "--jobs", "1", "--junit", "junit.xml",
)  # fmt: skip
NO_ANSWER = r"rlid: no answer: the process ended \({}\) inside code that rlid had called.*\n"


ENDINGS = {"os": "exit code 0", "C": "exit code 0", "signal": "killed by SIGSEGV"}
QUICK_CASES = (("make", "C"), ("spaces", "signal"), ("close", "os"))


@pytest.mark.parametrize(
    ("call", "way"),
    [
        pytest.param(call, way, marks=() if (call, way) in QUICK_CASES else pytest.mark.slow)
        for call in ("make", "spaces", "close")
        for way in ENDINGS
    ],
)
def test_an_exit_while_an_environment_is_examined_is_a_failure(tmp_path, call, way):
    done = rlid_module(*CHECK, f"gym:Exits-{call}-{way}-v0", cwd=tmp_path)
    assert done.returncode == 1
    assert re.fullmatch(NO_ANSWER.format(ENDINGS[way]), done.stderr.splitlines(keepends=True)[-1])
    assert done.stdout == ""


@pytest.mark.parametrize("way", ["os", pytest.param("C", marks=pytest.mark.slow)])
def test_an_exit_while_a_package_is_imported_is_a_failure(tmp_path, way):
    done = rlid_module("list", "tasks", "--import", "exits", cwd=tmp_path, EXIT_ON_IMPORT=way)
    assert done.returncode == 1
    assert re.search(NO_ANSWER.format(".*"), done.stderr)


def test_a_package_that_calls_sys_exit_is_refused_in_one_line(tmp_path):
    done = rlid_module("list", "tasks", "--import", "exits", cwd=tmp_path, EXIT_ON_IMPORT="sys")
    assert (done.returncode, done.stderr) == (2, "rlid: --import exits raised SystemExit: 0\n")


def test_an_exit_that_nobody_guards_against_names_its_place(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["rlid", "list", "tasks"])
    monkeypatch.setattr("rlid.registry.import_packages", lambda _: sys.exit(0))
    assert app.run() == 1
    line = capsys.readouterr().err
    assert re.fullmatch(r"rlid: no answer: .*test_verdict.py:\d+ raised SystemExit: 0\n", line)


def test_the_verdict_counts_whatever_happens_when_python_ends(tmp_path):
    (tmp_path / "ends_badly.py").write_text("import atexit, os\natexit.register(os._exit, 0)\n")
    done = rlid_module("list", "nothing", "--import", "ends_badly", cwd=tmp_path)
    assert done.returncode == 2


def test_a_bug_shows_its_traceback(monkeypatch, capsys):
    def raise_error(_):
        raise ValueError("a bug")

    monkeypatch.setattr(sys, "argv", ["rlid", "list", "tasks"])
    monkeypatch.setattr("rlid.registry.import_packages", raise_error)
    said = []
    with pytest.raises(ValueError, match="a bug"):
        app.run(said.append)
    assert said == [1]


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_full_disk_under_standard_output_is_one_line(tmp_path, options):
    command = [sys.executable, "-m", "rlid", "list", "agents", *options]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (74, "rlid: a file: No space left on device\n")


def test_a_deleted_working_folder_is_one_line(tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    script = 'cd "$1" && rmdir "$1" && exec "$2" -P -m rlid list agents'
    done = subprocess.run(
        ["bash", "-c", script, "bash", str(folder), sys.executable], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "rlid: the working folder has been deleted: change to another one\n"


def test_characters_that_the_terminal_lacks_are_escaped(tmp_path):
    done = rlid_module(
        "run", "gym:Quick-v0", "--import", "hostile", "--network", "mlp:4", "--budget", "500",
        "--agent", "random", "--seeds", "1", "--dims", "2", "--search", "grid", "--jobs", "1",
        cwd=tmp_path, PYTHONIOENCODING="ascii",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert r"gym:Quick-v0 \xb7 random" in done.stdout
    assert "d_int90" in done.stdout


def test_paths_are_those_of_the_folder_in_which_the_command_was_given(tmp_path):
    away = tmp_path / "away"
    away.mkdir()
    (tmp_path / "moves.py").write_text(f"import os\nimport hostile\nos.chdir({str(away)!r})\n")
    done = rlid_module(
        "run", "gym:Quick-v0", "--import", "moves", "--network", "mlp:4", "--budget", "500",
        "--agent", "random", "--seeds", "1", "--dims", "2", "--search", "grid", "--jobs", "1",
        "--store", "mine", "--tensorboard", "curves", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.glob("mine/trials/*/*.json"))
    assert list(tmp_path.glob("curves/**/*tfevents*"))
    assert re.search(r"^plot: mine/plots/", done.stdout, re.MULTILINE)
    checked = rlid_module(*CHECK[:1], "gym:Quick-v0", *CHECK[3:], "--import", "moves",
                          "--store", "mine", cwd=tmp_path)  # fmt: skip
    assert checked.returncode in (0, 1), checked.stderr
    assert (tmp_path / "junit.xml").is_file()
    assert list(away.iterdir()) == []


@pytest.mark.parametrize(
    "option",
    ["run", *(pytest.param(name, marks=pytest.mark.slow) for name in ("check", "reference"))],
)
def test_standard_output_holds_the_object_alone(tmp_path, option):
    arguments = {
        "run": ["--dims", "2", "--search", "grid", "--seeds", "1", "--agent", "random"],
        "check": ["--max-dint", "2", "--agent", "random"],
        "reference": ["--seeds", "2", "--agent", "random"],
    }[option]
    done = rlid_module(
        option, "gym:Loud-v0", "--import", "loud", "--network", "mlp:4", "--budget", "500",
        "--jobs", "1", "--json", *arguments, cwd=tmp_path,
    )  # fmt: skip
    assert isinstance(json.loads(done.stdout), dict), done.stderr
    for source in ("python", "descriptor", "C", "child"):
        assert f"{source} at import" in done.stderr
        assert f"{source} at make" in done.stderr
    assert "at exit" in done.stderr


def test_print_json_reaches_a_stream_that_was_set_aside(capfd, monkeypatch):
    monkeypatch.setattr(sys, "stdout", os.fdopen(1, "w", closefd=False))
    streams.set_aside()
    try:
        print("not the answer")
        os.write(1, b"nor this\n")
        streams.print_json({"a": 1})
    finally:
        streams.restore()
    print("after it", flush=True)
    out, err = capfd.readouterr()
    assert json.loads(out.removesuffix("after it\n")) == {"a": 1}
    assert set(err.splitlines()) == {"not the answer", "nor this"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_command_interrupts_it(tmp_path, number):
    with sleeping_command(tmp_path) as process:
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "rlid: interrupted; finished trials are kept" in said


def test_a_command_that_is_killed_leaves_no_child(tmp_path):
    with sleeping_command(tmp_path) as process:
        (child,) = children_of(process.pid)
        process.kill()
        process.communicate(timeout=30)
    deadline = time.monotonic() + 5
    while os.path.exists(f"/proc/{child}") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not os.path.exists(f"/proc/{child}")


def sleeping_command(tmp_path):
    """Return a command that sleeps while it imports a package, once it does so."""
    (tmp_path / "sleeps.py").write_text(
        "import pathlib, time\npathlib.Path('asleep').touch()\ntime.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "rlid", "list", "tasks", "--import", "sleeps"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: [
            signal.signal(number, signal.SIG_DFL) for number in (signal.SIGINT, signal.SIGHUP)
        ],
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "asleep").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process


def children_of(parent):
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True)
    return [int(pid) for pid in listed.stdout.split()]


def test_no_library_leaves_its_log_in_the_working_folder(tmp_path, monkeypatch, caplog):
    import unstable  # noqa: F401

    monkeypatch.chdir(tmp_path)
    world = make_world(resolve("gym:Unstable-v0"))
    world.start([0])
    world.step(np.zeros((1, 8), np.float32), np.ones(1, bool))
    world.close()
    # Without a configuration of its own, logging writes it to standard error.
    assert "The simulation is unstable" in caplog.text
    assert list(tmp_path.iterdir()) == []
