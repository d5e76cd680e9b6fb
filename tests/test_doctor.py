"""`rlid doctor` says what is missing and what installs it, or what is wrong with an environment."""

import importlib.metadata
import json

import pytest
from command import rlid, rlid_here

from rlid import training
from rlid.cli import installation

pytestmark = pytest.mark.usefixtures("workers_find_fixtures")


def test_doctor_finds_this_installation_sound(tmp_path):
    done = rlid("doctor", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "everything that rlid needs is there" in done.stdout
    for part in ("rlid", "torch", "extra ray", "devices", "cpu", "data set mnist", "_kernels"):
        assert part in done.stdout


def test_doctor_names_the_command_that_installs_what_is_missing(monkeypatch):
    real = importlib.metadata.version

    def version(name):
        if name in ("cma", "envpool"):
            raise importlib.metadata.PackageNotFoundError(name)
        return "0.1" if name == "safetensors" else real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    components = {part.name: part for part in installation.examine()}
    assert [name for name, part in components.items() if not part.is_fine] == ["cma", "safetensors"]
    command = installation.install_command(list(components.values()))
    assert command == "pip install 'cma>=4.0' 'safetensors>=0.4'"
    # An extra is not required.
    assert components["extra fast"].is_fine
    assert "pip install 'rlid[fast]'" in components["extra fast"].state


def test_doctor_shows_where_the_data_sets_are(monkeypatch, small_images):
    states = {part.name: part.state for part in installation.examine()}
    assert states["data set mnist"] == str(small_images / "mnist")
    monkeypatch.setenv("RLID_DATA", str(small_images / "elsewhere"))
    monkeypatch.setattr("rlid.datasets.places.cache_folder", lambda: small_images / "nowhere")
    states = {part.name: part.state for part in installation.examine()}
    assert states["data set mnist"].startswith("not here: downloaded from http")


def test_doctor_examines_a_sound_environment(tmp_path):
    done = rlid_here("doctor", "gym:Quick-v0", "--import", "hostile", "--json", cwd=tmp_path)
    found = json.loads(done.stdout)
    assert (done.returncode, found["ok"]) == (0, True), found
    assert {finding["verdict"] for finding in found["findings"]} <= {"ok", "note"}


@pytest.mark.parametrize(
    ("env", "package", "words"),
    [
        ("gym:NanReward-v0", "hostile", "not finite"),
        ("gym:CannotBeMade-v0", "hostile", "no licence for this simulator"),
        ("gym:Exits-step-os-v0", "exits", "exit code 0"),
        ("gym:Exits-make-C-v0", "exits", "exit code 0"),
        ("gym:Exits-reset-sys-v0", "exits", "SystemExit: 0"),
    ],
)
def test_doctor_says_what_is_wrong_with_an_environment(tmp_path, env, package, words):
    done = rlid_here("doctor", env, "--import", package, "--json", cwd=tmp_path)
    found = json.loads(done.stdout)
    assert (done.returncode, found["ok"]) == (1, False), found
    (failed,) = [each for each in found["findings"] if each["verdict"] in ("refused", "wrong")]
    assert words in failed["detail"]


def test_doctor_prints_a_table(tmp_path):
    done = rlid_here("doctor", "gym:Exits-step-os-v0", "--import", "exits", cwd=tmp_path)
    assert done.returncode == 1
    assert "what to change" in done.stdout
    assert done.stdout.endswith("gym:Exits-step-os-v0: rlid cannot measure it as it is\n")


def test_the_self_test_fails_where_a_trial_depends_on_its_batch(monkeypatch):
    assert installation._self_test().is_fine
    ran = training.run_trials

    def depending(specs, judgement, task, deliver):
        def other(record, z):
            deliver(record.model_copy(update={"score": float(len(specs))}), z)

        ran(specs, judgement, task, other)

    monkeypatch.setattr(training, "run_trials", depending)
    broken = installation._self_test()
    assert not broken.is_fine
    assert "ANOTHER" in broken.state


def test_a_self_test_that_raises_is_named(monkeypatch):
    monkeypatch.setattr(training, "run_trials", lambda *_: 1 / 0)
    broken = installation._self_test()
    assert (broken.is_fine, "ZeroDivisionError" in broken.state) == (False, True)
