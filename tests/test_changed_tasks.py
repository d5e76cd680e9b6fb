"""A task whose code or data is edited while its trials run: none is kept under the old key."""

import pytest
from in_process import InProcess
from own_data import flowers, write_flowers

from rlid.engine.agenda import Agenda, Cell
from rlid.engine.local import LocalEngine
from rlid.errors import TaskChanged
from rlid.measurement.plan import plan
from rlid.records.judgement import Judgement
from rlid.store.leases import Leases
from rlid.store.store import Store

TASK = """
from rlid.task import TASKS, Task


@TASKS.add("control", name="{name}")
def edited() -> Task:
    \"\"\"CartPole, with a cap that is edited.\"\"\"
    return Task(version={version}, env="CartPole-v1", episode_cap={cap}, budget=300)
"""


def run(engine, folder, wanted, seeds=range(2)):
    """Run the trials of a plan, each in a cell of its own; return the records in the store."""
    store, leases = Store(folder), Leases(folder)
    store.check_writable()
    specs = [wanted.spec(wanted.dmax, seed, None) for seed in seeds]
    cells = [
        Cell(wanted.task.name, wanted.imports, (spec,), Judgement(), str(folder)) for spec in specs
    ]
    try:
        engine.run(Agenda(cells, store, leases, lambda _: 10, lambda record: None))
    finally:
        leases.close()
        records = list(store.records())
    return records


@pytest.fixture
def table(tmp_path):
    """Return a table of one's own, and the plan of a measurement on it."""
    path = write_flowers(tmp_path / "flowers.csv")
    name = f"table:{path},target=kind"
    return path, plan(name, agent="adam", dmax=2, network="linear", budget=20)


def test_data_that_is_edited_while_a_run_waits_gives_no_trial_under_the_old_key(tmp_path, table):
    path, wanted = table
    write_flowers(path, flowers(90))
    with pytest.raises(TaskChanged, match=r"not what it was .* \(env.data\): its code or data"):
        run(InProcess(), tmp_path / "store", wanted)
    assert list(Store(tmp_path / "store").records()) == []


def test_data_that_are_gone_fail_no_trial_and_the_run_goes_on_when_they_are_back(tmp_path, table):
    path, wanted = table
    path.rename(tmp_path / "elsewhere.csv")
    with pytest.raises(TaskChanged, match="can no longer be made: .*there is no such file"):
        run(InProcess(), tmp_path / "store", wanted)
    assert list(Store(tmp_path / "store").records()) == []
    (tmp_path / "elsewhere.csv").rename(path)
    records = run(InProcess(), tmp_path / "store", wanted)
    assert [record.is_missing for record in records] == [False, False]


@pytest.mark.parametrize(("version", "cap"), [(1, 30), (2, 20)])
def test_a_worker_that_imports_edited_code_ends_the_run(tmp_path, monkeypatch, version, cap):
    name = f"edited_{version}_{cap}"
    package = tmp_path / f"package_{name}.py"
    package.write_text(TASK.format(name=name, version=1, cap=20))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    wanted = plan(name, dmax=2, network="linear", imports=(package.stem,))
    package.write_text(TASK.format(name=name, version=version, cap=cap))
    what = "version" if version > 1 else "episode_cap"
    with (
        LocalEngine(1, 60.0) as engine,
        pytest.raises(TaskChanged, match=rf"not what it was .*\({what}\)"),
    ):
        run(engine, tmp_path / "store", wanted)
    assert list(Store(tmp_path / "store").records()) == []
