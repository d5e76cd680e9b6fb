"""`rlid doctor` says what is missing and what installs it, or what is wrong with an environment."""

import importlib.metadata
import json

import pytest
from command import rlid, rlid_here

from rlid.batched import differing_batches
from rlid.batched.dense import Stack
from rlid.cli import installation

pytestmark = pytest.mark.usefixtures("workers_find_fixtures")


def test_doctor_finds_this_installation_sound(tmp_path):
    done = rlid("doctor", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "everything that rlid needs is there" in done.stdout
    parts = ("rlid", "torch", "extra ray", "devices", "cpu", "data set mnist", "_kernels")
    for part in (*parts, "_two_actions", "gets the bits that it gets alone"):
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


def test_the_rows_of_every_batch_have_the_bits_that_they_have_alone():
    assert differing_batches() == []


def test_doctor_says_where_a_batch_changes_the_bits_of_a_trial(monkeypatch):
    plain = Stack.forward

    def by_size(stack, x):
        outputs = plain(stack, x)
        return outputs * (1 + 1e-6) if stack.n == 3 else outputs

    monkeypatch.setattr(Stack, "forward", by_size)
    differing = differing_batches()
    assert "training outputs of mlp:20x20, 1 observations, 3 of 16 trials" in differing
    assert all("3 of 16" in text for text in differing)
    component = {part.name: part for part in installation.examine()}["bits of batches"]
    assert not component.is_fine
    assert differing[0] in component.state


@pytest.mark.parametrize(("has_bfloat16", "words"), [(True, "train in it"), (False, "in float32")])
def test_doctor_says_whether_training_can_be_in_bfloat16(monkeypatch, has_bfloat16, words):
    monkeypatch.setattr("rlid.sb3_bridge.half.computes_bfloat16", lambda: has_bfloat16)
    component = {part.name: part for part in installation.examine()}["bfloat16"]
    assert component.is_fine
    assert component.state.endswith(words)


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
