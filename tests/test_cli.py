"""The command line as a user meets it: real processes, their output and their exit codes."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command import RLID, main_here, rlid

pytestmark = pytest.mark.usefixtures("workers_find_fixtures")
QUICK = ["gym:Quick-v0", "--import", "hostile", "--network", "mlp:4", "--budget", "3000"]


@pytest.fixture
def refused(tmp_path, monkeypatch, capsys):
    """Run a command in this process; return its exit code and the one line it printed."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["rlid", *map(str, arguments)])
        before = signal.getsignal(signal.SIGTERM)
        try:
            with pytest.raises(SystemExit) as caught:
                main_here()
        finally:
            signal.signal(signal.SIGTERM, before)
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1, err
        assert "Traceback" not in err
        assert not list(tmp_path.glob("rlid-store/trials/*/*"))
        return caught.value.code, err.strip()

    return run


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "cartpol", "--dmax", "5"], "did you mean 'cartpole'?"),
        (["run", "cartpole", "--dmax", "5", "--agent", "cmae"], "did you mean 'cmaes'?"),
        (["run", "cartpole", "--dmax", "5", "--agent", "nothing"], "known: a2c, adam"),
        (["run", "cartpole", "--dmax", "5", "--projection", "onehat"], "did you mean 'onehot'?"),
        (["run", "cartpole", "--dmax", "5", "--network", "mlp"], "unknown network 'mlp'"),
        (["run", "cartpole", "--dmax", "5", "--agent", "cmaes,"], "a name is missing"),
        (["run", "cartpole", "--dmax", "5", "--network", ",linear"], "a name is missing"),
        (["run", "gym:CartPole-v1"], "--dmax is needed"),
        (["run", "cartpole", "--dmax", "0"], "--dmax 0: must be at least 1"),
        (["run", "cartpole", "--dmax", "-3"], "--dmax -3: must be at least 1"),
        (["run", "cartpole", "--dmax", "1.5"], "must be a whole number"),
        (["run", "cartpole", "--dmax", "abc"], "must be a whole number"),
        (["run", "cartpole", "--dmax", "563"], "--dmax 563: must be from 1 to D = 562"),
        (["run", "cartpole", "--dmax", "5", "--seeds", "0"], "--seeds 0"),
        (["run", "cartpole", "--dmax", "5", "--seed", "-1"], "--seed -1"),
        (["run", "cartpole", "--dmax", "5", "--fraction", "0"], "--fraction 0"),
        (["run", "cartpole", "--dmax", "5", "--fraction", "2"], "--fraction 2"),
        (["run", "cartpole", "--dmax", "5", "--fraction", "nan"], "--fraction nan"),
        (["run", "cartpole", "--dmax", "5", "--jobs", "0"], "--jobs 0"),
        (["run", "cartpole", "--dmax", "5", "--timeout", "-1"], "--timeout -1"),
        (["run", "cartpole", "--dmax", "5", "--budget", "0"], "--budget 0"),
        (["run", "cartpole", "--dmax", "5", "--rule", "row"], "normalised, raw"),
        (["run", "cartpole", "--dmax", "5", "--search", "bisekt"], "bisect"),
        (["run", "cartpole", "--dims", "1,x"], "--dims '1,x'"),
        (["run", "cartpole", "--dims", "9-3"], "the range 9-3 runs backwards"),
        (["run", "cartpole", "--dims", "1-99999999999"], "more than 10,000 different d"),
        (["run", "cartpole", "--dims", "log:1-9"], "log:1-1000:12"),
        (["run", "cartpole", "--dims", "1-3,"], "--dims '1-3,'"),
        (["run", "cartpole", "--dry-run", "--max-hours", "0"], "--max-hours 0"),
        (["suite", "clasic"], "did you mean 'classic'?"),
        (["suite", "no_such.toml"], "cannot be read"),
        (["suite", "classic", "--agent", "cmae"], "did you mean 'cmaes'?"),
        (["suite", "classic", "--only", "kart*"], "fits no row"),
        (["suite", "classic", "--set", "sigma0=1"], "--set: name the one agent"),
        (["run", "cartpole", "--dims", "0,2"], "--dims 0,2: must be at least 1"),
        (["run", "cartpole", "--dmax", "5", "--set", "sigma=1"], "did you mean 'sigma0'?"),
        (["run", "cartpole", "--dmax", "5", "--set", "sigma0=x"], "not a number"),
        (["run", "cartpole", "--dmax", "5", "--set", "sigma0=-1"], "must be positive"),
        (["run", "cartpole", "--dmax", "5", "--set", "sigma0"], "NAME=VALUE"),
        (["run", "cartpole", "--dmax", "5", "--import", "no_such"], "--import no_such"),
        (["run", "cartpole:3", "--dmax", "5"], "takes no parameter"),
        (["run", "gym", "--dmax", "5"], "needs a parameter"),
        (["run", "gym:CartPol-v1", "--dmax", "5"], "did you mean 'gym:CartPole-v1'?"),
        (
            ["run", "gym:CannotBeMade-v0", "--dmax", "5", "--import", "hostile"],
            "no licence for this simulator",
        ),
        (
            # 967 GB, refused before direct training is measured.
            ["run", "cartpole", "--network=mlp:20000x20000", "--projection=dense", "--dmax=600"],
            "these fit: fastfood, kronecker, onehot, sparse",
        ),
        (["run", "cartpole", "--dmax", "5", "--dmux", "3"], "--dmux"),
        (["walk"], "walk"),
        (["show"], "no store at"),
        (["list", "taks"], "did you mean 'tasks'?"),
        (["reference", "cartpole", "--seeds", "0"], "--seeds 0"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(refused, arguments, words):
    code, line = refused(*arguments)
    assert code == 2
    assert words in line


def test_an_agent_that_cannot_take_the_task_is_refused(refused, monkeypatch):
    from rlid.agent import AGENTS

    monkeypatch.setattr(AGENTS["ppo"], "kinds", ("supervised",))
    code, line = refused("run", "cartpole", "--dmax", "5", "--agent", "ppo")
    assert code == 2
    assert line == "rlid: agent 'ppo' takes supervised tasks, but 'cartpole' is of kind 'rl'"


def test_a_store_that_cannot_be_written_is_exit_code_74(refused, tmp_path):
    (tmp_path / "file").write_text("")
    code, line = refused("run", "cartpole", "--dmax", "5", "--store", tmp_path / "file" / "store")
    assert code == 74
    assert "cannot be written" in line


def test_a_figure_that_cannot_be_written_is_exit_code_74(refused, tmp_path, quick_store):
    (tmp_path / "file").write_text("")
    code, line = refused("plot", "--store", quick_store.folder, "--out", tmp_path / "file")
    assert code == 74
    assert line.startswith(f"rlid: {tmp_path}/file: ")


def test_run_prints_a_table_the_answer_and_where_the_plot_lies(tmp_path, quick_reference):
    quick_reference(tmp_path / "rlid-store")
    arguments = ["run", *QUICK, "--dmax", "5", "--seeds", "5", "--jobs", "1"]
    done = rlid(*arguments, cwd=tmp_path, COLUMNS="70")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "solved" in lines[0]
    assert lines[-2].startswith("gym:Quick-v0 · cmaes · mlp:4 (D = 22) · onehot: d_int90 = ")
    assert lines[-2].endswith("5 seeds")
    assert len(lines) == len([line for line in lines if line.strip()])
    paths = [Path(tmp_path, path) for path in lines[-1].removeprefix("plot: ").split()]
    assert [path.suffix for path in paths] == [".svg", ".png"]
    assert all(path.stat().st_size > 1000 for path in paths)
    assert re.search(r"reference .* \(cmaes, median of 5 seeds, 3,000 steps each", done.stderr)
    assert "trials" in done.stderr

    again = rlid(*arguments, cwd=tmp_path)
    assert again.returncode == 0
    assert ": 0 run now, " in again.stdout

    shown = rlid("show", cwd=tmp_path)
    assert "gym:Quick-v0" in shown.stdout
    d_int90 = re.search(r"d_int90 = (\d+) ", lines[-2]).group(1)
    assert shown.stdout.splitlines()[1].split()[1] == d_int90

    before = [path.read_bytes() for path in paths]
    drawn = rlid("plot", "--kind", "dimension", cwd=tmp_path)
    assert [Path(tmp_path, path) for path in drawn.stdout.split()] == paths
    assert [path.read_bytes() for path in paths] == before


def test_json_is_the_only_thing_on_standard_output(tmp_path, quick_reference):
    quick_reference(tmp_path / "rlid-store")
    done = rlid(
        "run", *QUICK, "--dmax", "3", "--seeds", "2", "--agent", "cmaes,random", "--json",
        "--quiet", "--jobs", "1", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0
    assert done.stderr == ""
    found = json.loads(done.stdout)
    assert [answer["agent"] for answer in found] == ["cmaes", "random"]
    expected = (
        "task task_version agent network D projection dmax seeds fraction rule random reference "
        "threshold d_int90 ci_low ci_high censored first_crossing trials trials_run "
        "failed_trials env_steps seconds hidden_state curve d_reliable reliable_low bracket "
        "further_trials flat_low reference_record"
    )
    for answer in found:
        assert set(expected.split()) <= set(answer)
        assert answer["ci_low"] is None  # no interval below five seeds
        assert answer["reference_record"]["seeds"] == 5


def test_failed_trials_are_exit_code_1_and_named(tmp_path, give_reference):
    give_reference("gym:RaisesOften-v0", 5.0, 2.5, network="mlp:4")
    done = rlid(
        "run", "gym:RaisesOften-v0", *QUICK[1:], "--dims", "4", "--search", "grid", "--jobs", "1",
        "--agent", "random", "--seeds", "2", "--full", "--store", "store", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1
    assert r"failed: error: step raised RuntimeError: the pole fell off\x1b[8m" in done.stderr
    assert r": error: step raised RuntimeError: the pole fell off\x1b[8m" in done.stdout
    assert "Traceback" not in done.stderr


def test_an_interrupt_keeps_what_was_done_and_prints_how_to_resume(tmp_path, give_reference):
    give_reference("gym:Quick-v0", 5.0, 2.5, network="mlp:4")
    arguments = ["run", *QUICK, "--dims", "4", "--search", "grid", "--seeds", "10", "--jobs", "1"]
    arguments += ["--quiet", "--full", "--agent", "random", "--store", "store"]
    process = subprocess.Popen(
        [str(RLID), *arguments],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        # A shell starts what it runs in the background with interrupts ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("store/trials/*/*.json")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=10)
    assert process.returncode == 130
    assert said.startswith("rlid: interrupted; finished trials are kept")
    assert said.strip().endswith("To resume: rlid " + " ".join(arguments))
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("store/trials/*/*.json")}
    assert 1 <= len(kept) < 10
    done = rlid(*arguments, cwd=tmp_path)
    assert done.returncode == 0
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in kept.items())


def test_list_needs_neither_torch_nor_a_simulator(tmp_path):
    script = (
        "import sys; sys.argv = ['rlid', 'list', '--json']\n"
        "from rlid.cli.app import run\n"
        "assert run() == 0\n"
        "heavy = {'torch', 'gymnasium', 'stable_baselines3', 'cma', 'matplotlib'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
        # Nor does a plan need torch, which takes longer to import than all else.
        "from rlid.measurement.plan import plan\n"
        "wanted = plan('cartpole', dmax=4); wanted.spec(4, 0, None)\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.stderr.strip() == "[]"
    found = json.loads(done.stdout)
    assert {"tasks", "agents", "projections", "networks"} == set(found)
    assert all(entry["summary"] for entries in found.values() for entry in entries)


@pytest.mark.skipif(
    (os.cpu_count() or 1) < 2 or sys.platform != "linux", reason="needs /proc and two cores"
)
def test_numpy_takes_one_of_many_cores(tmp_path):
    script = (
        "import os, sys; sys.argv = ['rlid', 'list', '--json']\n"
        "from rlid.cli.app import run\n"
        "assert run() == 0\n"
        "import numpy; print(len(os.listdir('/proc/self/task')), file=sys.stderr)\n"
    )
    environment = {name: value for name, value in os.environ.items() if "THREADS" not in name}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, timeout=60)
    assert int(done.stderr) == 1


@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_failure(tmp_path, closed):
    script = f'exec "$@" {closed}'
    command = ["bash", "-c", script, "bash", str(RLID), "list", "agents"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_help_is_there_for_every_command(tmp_path):
    top = rlid("--help", cwd=tmp_path)
    assert top.returncode == 0
    for command in ("run", "list", "show", "plot", "reference", "doctor"):
        assert command in top.stdout
        assert rlid(command, "--help", cwd=tmp_path).returncode == 0


def test_a_reference_says_how_to_measure_it_and_not_where_it_lay(tmp_path):
    store = tmp_path / "a-folder-of-mine"
    words = ["reference", *QUICK, "--agent", "cmaes", "--seeds", "2", "--store", store, "--json"]
    done = rlid(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["command"] == (
        "rlid reference gym:Quick-v0 --agent cmaes --network mlp:4 --budget 3000 --seeds 2 "
        "--import hostile"
    )
    assert "it needs 5 seeds, not 2" in done.stderr
    (file,) = store.glob("references/*/*.json")
    assert "of-mine" not in file.read_text()
