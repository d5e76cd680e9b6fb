"""Faults of the machine are missing trials with their reason, never unsolved ones.

Each fault strikes in training, in an evaluation, or while a checkpoint is read; afterwards `retry`
runs the trial again, to the record of a trial that nothing disturbed.
"""

import contextlib
import shutil

import numpy as np
import pytest
from in_process import InProcess
from interrupted import interrupt
from safetensors.numpy import save

from rlid import measure
from rlid.errors import EnvironmentFault, TrialsFailed, is_of_machine
from rlid.measurement import runner
from rlid.measurement.plan import plan
from rlid.store import Store
from rlid.training.checkpoint import Checkpoints

AGENTS = {
    "cmaes": ((), "cma.CMAEvolutionStrategy.tell"),
    "ppo": (
        ("n_envs=2", "n_steps=32", "batch_size=32", "n_epochs=1", "checkpoint=100"),
        "rlid.sb3_bridge.on_policy.OnPolicyTraining.round",
    ),
    "batched_ppo": (
        ("n_envs=2", "n_steps=32", "batch_size=32", "n_epochs=1", "checkpoint=100"),
        "rlid.batched.ppo.PPOBatch.round",
    ),
}
NO_MEMORY = (
    "[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory: you tried "
    "to allocate 4294967296 bytes. Error code 12 (Cannot allocate memory)"
)
FAULTS = {
    "MemoryError": MemoryError("Unable to allocate 4.00 GiB"),
    "torch": RuntimeError(NO_MEMORY),
    "disk": OSError(28, "No space left on device"),
    "package": ModuleNotFoundError("No module named 'box2d'"),
}
REFERENCES = []
"""The folder of a store's references, once it was measured: the score of random actions."""
EVALUATION = "rlid.problem.Evaluation.run"


def question(agent, **options):
    return {
        "task": "cartpole", "agent": agent, "network": "mlp:4", "dims": (3,), "search": "grid",
        "seeds": 1, "budget": 400, "reference": 400.0, "reference_source": "a test", "full": True,
        "settings": AGENTS[agent][0],
    } | options  # fmt: skip


def measured(store, agent, **options):
    """Measure; return the records by seed, without their seconds."""
    if REFERENCES:
        shutil.copytree(REFERENCES[0], store / "references", dirs_exist_ok=True)
    with contextlib.suppress(TrialsFailed):
        measure(**question(agent), store=store, **options)
    records = Store(store).records()
    return {record.spec.seed: record.model_copy(update={"seconds": 0.0}) for record in records}


@pytest.fixture(autouse=True)
def _in_process(monkeypatch):
    monkeypatch.setattr(runner, "make_engine", lambda *_: InProcess())


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """Records by agent and seed of trials that nothing disturbed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "make_engine", lambda *_: InProcess())
        records = {}
        for agent in AGENTS:
            folder = tmp_path_factory.mktemp(agent)
            records[agent] = measured(folder, agent)
            REFERENCES[:] = [folder / "references"]
        return records


PLACES = [("training", name) for name in FAULTS] + [("evaluation", "torch")]


@pytest.mark.parametrize(("place", "name"), PLACES)
@pytest.mark.parametrize("agent", AGENTS)
def test_a_fault_of_the_machine_is_a_missing_trial_that_is_run_again(
    agent, place, name, tmp_path, unbroken
):
    fault = FAULTS[name]

    def strike(*args, **kwargs):
        raise fault

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AGENTS[agent][1] if place == "training" else EVALUATION, strike)
        broken = measured(tmp_path, agent)
    assert list(broken) == [0]
    for record in broken.values():
        assert record.status == "error"
        assert f"{type(fault).__name__}: " in record.reason
        assert str(fault)[:40] in record.reason
        assert record.score is None
    assert measured(tmp_path, agent, retry=True) == unbroken[agent]


FOREIGN = {
    "BF16": b'{"z":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}',
    "F8": b'{"z":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}',
    "one array of all bytes twice": b'{"y":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},'
    b'"z":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"__metadata__":{"plain":"{}"}}',
    "no header": b"[1,2]",
    "bytes that are not UTF-8": b"\xff",
}


@pytest.mark.parametrize("header", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_checkpoint_is_set_aside_and_the_trial_begins_anew(header, tmp_path, unbroken):
    agent = "batched_ppo" if header == FOREIGN["BF16"] else "ppo"
    wanted = plan(**{name: value for name, value in question(agent).items() if name != "search"})
    path = Checkpoints(Store(tmp_path)).path(wanted.spec(3, 0, None))
    path.parent.mkdir()
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    assert measured(tmp_path, agent) == unbroken[agent]
    (reason,) = (tmp_path / "quarantine").glob("*.reason")
    assert "not a checkpoint" in reason.read_text()


def test_a_plain_safetensors_file_is_no_checkpoint(tmp_path, unbroken):
    wanted = plan(**{name: value for name, value in question("ppo").items() if name != "search"})
    path = Checkpoints(Store(tmp_path)).path(wanted.spec(3, 0, None))
    path.parent.mkdir()
    path.write_bytes(save({"z": np.zeros(3, np.float32)}))
    assert measured(tmp_path, "ppo") == unbroken["ppo"]


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_checkpoint_is_not_blamed_for_what_the_machine_lacks(fault, tmp_path, unbroken):
    wanted = plan(**{name: value for name, value in question("ppo").items() if name != "search"})
    spec, checkpoints = wanted.spec(3, 0, None), Checkpoints(Store(tmp_path))
    interrupt(wanted.task, spec, checkpoints)
    saved = checkpoints.path(spec).read_bytes()

    def strike(*args, **kwargs):
        raise fault

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rlid.training.course.Course.restore", strike)
        assert measured(tmp_path, "ppo")[0].status == "error"
    assert not (tmp_path / "quarantine").exists()
    checkpoints.path(spec).parent.mkdir(exist_ok=True)
    checkpoints.path(spec).write_bytes(saved)
    assert measured(tmp_path, "ppo", retry=True) == unbroken["ppo"]


def test_the_causes_of_an_error_say_whether_the_machine_failed():
    assert all(is_of_machine(fault) for fault in FAULTS.values())
    wrapped = ValueError("wrapped")
    wrapped.__cause__ = MemoryError()
    assert is_of_machine(wrapped)
    assert not is_of_machine(ValueError("no such d"))
    ring = ValueError("raised again from what it caused")
    ring.__cause__ = EnvironmentFault("a step failed")
    ring.__cause__.__cause__ = ring
    assert not is_of_machine(ring)
    assert not is_of_machine(RuntimeError("shapes differ"))


@pytest.mark.parametrize(
    ("error", "status"), [(MemoryError("no room"), "error"), (ValueError("NaN"), "unsolved")]
)
def test_an_error_is_divergence_only_where_the_machine_did_not_fail(
    error, status, tmp_path, monkeypatch
):
    def strike(training):
        raise error

    monkeypatch.setattr(AGENTS["ppo"][1], strike)
    monkeypatch.setattr("rlid.sb3_bridge.training.Training.has_diverged", lambda _: True)
    assert measured(tmp_path, "ppo")[0].status == status
