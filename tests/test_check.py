"""rlid check: the limit, its exit codes, and what a CI system is told."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from command import RLID, rlid_here
from command import rlid as run_rlid
from documents import blocks
from measurements import a_reference
from records import a_record, a_spec

from rlid.cli import ci
from rlid.measurement.check import ROUND, SURE, Check, _probability
from rlid.measurement.reference import Standard
from rlid.records.judgement import Judgement

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.usefixtures("workers_find_fixtures")
QUICK = ["gym:Quick-v0", "--import", "hostile", "--network", "mlp:4", "--budget", "3000"]


def records(solved, unsolved, missing=0):
    statuses = ["solved"] * solved + ["unsolved"] * unsolved + ["error"] * missing
    return tuple(
        a_record(
            spec=a_spec(d=8, seed=seed),
            status=status,
            score=None if status == "error" else 480.0,
            reason="<broken> & \x00 torn" if status == "error" else "",
        )
        for seed, status in enumerate(statuses)
    )


def verdict(*counts):
    found = records(*counts)
    standard = Standard(a_reference("a", "b", 562), Judgement(452.0))
    return Check("a · <b>", 8, standard, found, _probability(found))


@pytest.mark.parametrize(
    ("counts", "passes", "decided"),
    [
        ((5, 0), True, True),
        ((0, 5), False, True),
        ((4, 1), True, False),
        ((15, 15), True, False),
        ((14, 16), False, False),
        ((9, 1, 1), False, True),
        ((0, 0, 5), False, False),
    ],
)
def test_the_verdict(counts, passes, decided):
    found = verdict(*counts)
    assert (found.passes, found.is_decided) == (passes, decided)
    assert str(found.limit) in found.sentence
    assert found.sentence.startswith("PASS a" if passes else "FAIL a")


def test_false_alarms_are_rare_where_two_thirds_of_the_seeds_solve_it():
    import numpy as np

    rng = np.random.default_rng(0)
    known = {(s, f): _probability(records(s, f)) for s in range(31) for f in range(31 - s)}
    alarms = 0
    for _ in range(1000):
        outcomes = rng.random(30) < 2 / 3
        for n in range(ROUND, 31, ROUND):
            solved = int(outcomes[:n].sum())
            probability = known[solved, n - solved]
            if not 1 - SURE < probability < SURE:
                alarms += probability < 0.5
                break
        else:
            alarms += 2 * solved < n
    assert alarms <= 40


def test_junit_and_summary_hold_any_text():
    for counts, kind in (((5, 0), None), ((0, 5), "failure"), ((3, 0, 2), "error")):
        found = verdict(*counts)
        suite = ElementTree.fromstring(ci.junit(found, 1.5))
        (case,) = suite
        assert case.get("name") == "a · <b>: d_int90 <= 8"
        assert [child.tag for child in case if child.tag != "system-out"] == [kind] * bool(kind)
        assert "<b>" not in ci.summary(found, 1.5).replace(r"\<b\>", "")


def test_a_limit_that_is_kept_passes_and_says_so_to_the_ci(tmp_path, quick_store):
    summary = tmp_path / "summary.md"
    store = shutil.copytree(quick_store.folder, tmp_path / "store")
    arguments = ["check", *QUICK, "--store", store, "--jobs", "1", "--quiet"]
    done = rlid_here(
        *arguments, "--max-dint", "5", "--junit", "a/j.xml", cwd=tmp_path,
        GITHUB_STEP_SUMMARY=str(summary),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "d_int90 is at most 5" in done.stdout
    assert "rlid check: passed" in summary.read_text()
    assert ElementTree.parse(tmp_path / "a" / "j.xml").getroot().get("failures") == "0"


@pytest.mark.parametrize("limit", ["0", "-3", "x", "99999"])
def test_bad_input_is_exit_code_2(tmp_path, limit):
    done = rlid_here("check", "cartpole", "--max-dint", limit, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


def steps_of(path):
    yaml = pytest.importorskip("yaml")
    return [step["run"] for step in yaml.safe_load(path.read_text())["runs"]["steps"]]


def test_an_agent_that_ignores_its_observation_fails_in_the_step_of_the_action(
    tmp_path, give_reference
):
    *_, step = steps_of(ROOT / "action.yml")
    give_reference("blind", 500.0, 22.0, imports=("blind",))
    inputs = {
        "PYTHON": str(RLID.parent / "python"), "TASK": "blind", "MAX_DINT": "8",
        "AGENT": "cmaes", "IMPORT": "blind", "JUNIT": "j.xml", "STORE": str(tmp_path / "store"),
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", step],
        cwd=tmp_path, env={**os.environ, **inputs}, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "d_int90 is above 8 (0 of 5 seeds" in done.stdout
    assert ElementTree.parse(tmp_path / "j.xml").getroot().get("failures") == "1"


def test_a_project_brings_its_own_task_and_agent_by_entry_points(tmp_path, monkeypatch):
    (tmp_path / "project").mkdir()
    for page in ("environment", "optimizer"):
        for block in blocks(f"docs/tutorials/{page}.md"):
            if block.file:
                (tmp_path / "project" / block.file).write_text(block.text)
    installed = tmp_path / "installed"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation",
         "--target", str(installed), str(tmp_path / "project")],
        check=True, capture_output=True,
    )  # fmt: skip
    monkeypatch.setenv("PYTHONPATH", str(installed))
    listed = run_rlid("list", cwd=tmp_path).stdout
    assert re.search(r"^hill ", listed, re.M)
    assert re.search(r"^hill_climbing ", listed, re.M)
    done = run_rlid(
        "check", "cartpole", "--agent", "hill_climbing", "--max-dint", "8", "--budget", "2000",
        "--jobs", "1", "--quiet", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    assert re.match("(PASS|FAIL) cartpole · hill_climbing · mlp:20x20", done.stdout)
