"""`rlid doctor` says what is missing, and what mends it."""

import importlib.metadata

from command import rlid

from rlid.cli import installation as doctor


def test_doctor_finds_this_installation_sound(tmp_path):
    done = rlid("doctor", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "torch" in done.stdout
    assert "everything that rlid needs is there" in done.stdout


def test_doctor_names_the_command_that_mends(monkeypatch):
    real = importlib.metadata.version

    def version(name):
        if name == "cma":
            raise importlib.metadata.PackageNotFoundError(name)
        return "0.1" if name == "safetensors" else real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    findings = doctor.examine()
    assert [one.name for one in findings if not one.is_fine] == ["cma", "safetensors"]
    assert doctor.mend(findings) == "pip install 'cma>=4.0' 'safetensors>=0.4'"
