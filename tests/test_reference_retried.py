"""Failed trials of direct training: a run says that there are some, and --retry runs them again."""

import pytest
from here import EngineHere

from rlid.measurement import Watcher, run_plan
from rlid.measurement.plan import plan
from rlid.measurement.runner import Runner
from rlid.records import REFERENCE_SEED, Judgement, missing_record
from rlid.store import references
from rlid.store.store import Store

QUICK = {"network": "mlp:4", "imports": ("hostile",), "agent": "cmaes", "seeds": 1, "dims": (4,)}


class Listener(Watcher):
    def __init__(self):
        self.heard = []

    def note(self, text):
        self.heard.append(text)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that runs a plan in this process: its reference, and the notes."""
    monkeypatch.setattr("rlid.measurement.runner.make_engine", lambda *_: EngineHere())

    def run(*, retry=False, budget=600):
        listener = Listener()
        wanted = plan("gym:Quick-v0", budget=budget, **QUICK)
        with Runner(wanted, tmp_path / "store", watcher=listener, retry=retry) as runner:
            return run_plan(runner).reference, listener.heard

    return run


@pytest.fixture
def sound(run, tmp_path):
    """Measure a reference, then put the store into the state after one of its workers died."""
    reference, _ = run()
    store = Store(tmp_path / "store")
    record = next(
        record
        for record in store.records()
        if (record.spec.agent, record.spec.seed) == ("cmaes", REFERENCE_SEED)
    )
    for path in store.path(record.spec).parent.glob(f"{record.key}.*"):
        path.unlink()
    store.add(missing_record(record.spec, Judgement(), record.D, "error", "the worker died", 1.0))
    first, *others = reference.direct
    row = first.trials[0].model_copy(update={"status": "error", "score": None})
    damaged = first.model_copy(update={"trials": [row, *first.trials[1:]]})
    references.save(reference.model_copy(update={"direct": [damaged, *others]}), store.folder)
    return reference


def test_a_run_tells_of_failed_trials_of_its_reference_and_retry_runs_them_again(run, sound):
    kept, heard = run()
    assert kept.direct[0].trials[0].status == "error"
    assert (
        heard[0] == "the reference in the store has 1 failed trial: --retry repeats failed trials"
    )

    mended, heard = run(retry=True)
    assert heard[0].startswith("the reference in the store has 1 failed trial: measuring random")
    assert "from the store" not in heard[-1]
    today = {"measured_at": sound.measured_at}
    assert mended.model_copy(update=today) == sound
    _, heard = run(retry=True)
    assert "from the store" in heard[0]


def test_failed_trials_of_a_reference_of_a_larger_budget_are_left_to_its_own_command(run, sound):
    kept, heard = run(retry=True, budget=500)
    assert kept.direct[0].trials[0].status == "error"
    assert kept.budget == 600
    assert heard[0].endswith(f": `{sound.command} --retry` repeats failed trials")
