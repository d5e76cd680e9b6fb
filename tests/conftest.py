# ruff: noqa: E402
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

# As in a worker: trials run in one thread each. Read when numpy is loaded.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import pytest
import torch

import rlid
from rlid.datasets import DATASETS, places
from rlid.measurement.direct_training import REFERENCE_SEEDS
from rlid.measurement.plan import plan
from rlid.store import references
from rlid.store.references import DirectTraining, DirectTrial, Reference
from rlid.store.store import Store

FIXTURES = Path(__file__).parent / "fixtures"
sys.path.insert(0, str(FIXTURES))
torch.set_num_threads(1)


@pytest.fixture
def workers_find_fixtures(monkeypatch):
    """Let spawned processes and the command line import what lies in fixtures."""
    monkeypatch.setenv("PYTHONPATH", str(FIXTURES))


@pytest.fixture
def scripted(monkeypatch):
    """Register an agent whose search is the given generator function, for one test."""
    from scripted import AGENTS, register

    others = {name: AGENTS.entry(name) for name in AGENTS}

    def anew(script, **attributes):
        monkeypatch.setattr(AGENTS, "_entries", dict(others))
        return register(script, **attributes)

    return anew


@pytest.fixture(scope="session")
def quick_store(tmp_path_factory):
    """A store with one finished measurement; tests that change it take a copy."""
    folder = tmp_path_factory.mktemp("quick") / "store"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(FIXTURES))
        quick = {"imports": ("hostile",), "network": "mlp:4", "budget": 3000}
        rlid.measure("gym:Quick-v0", dmax=5, seeds=5, jobs=1, store=folder, **quick)
    return Store(folder)


@pytest.fixture
def quick_reference(quick_store):
    """Put the reference of gym:Quick-v0 with mlp:4 and 3,000 steps into a store."""

    def put(folder):
        shutil.copytree(quick_store.folder / "references", Path(folder) / "references")

    return put


@pytest.fixture
def give_reference(tmp_path):
    """Write a reference into the test's store, for tests of what comes after it."""

    def give(task, reference, random, *, network=None, imports=("hostile",), budget=10**9):
        wanted = plan(task, dmax=1, network=network, imports=imports)
        name = wanted.network.architecture.name
        trials = [
            DirectTrial(seed=seed, status="solved", score=reference, env_steps=1, theta_sha256=None)
            for seed in range(REFERENCE_SEEDS)
        ]
        direct = DirectTraining(
            agent="cmaes", settings={}, budget=budget, median=reference, trials=trials
        )
        return references.save(
            Reference(
                task=task,
                task_version=wanted.task.version,
                protocol=wanted.task.protocol(),
                backend=wanted.task.backend,
                network=name,
                D=wanted.network.D,
                random=random,
                random_error=0.0,
                random_episodes=1,
                reference=reference,
                agent="cmaes",
                direct=[direct],
                command="given by a test",
                versions={},
            ),
            tmp_path / "store",
        )

    return give


@pytest.fixture(scope="module")
def small_images(tmp_path_factory):
    """A folder with a small version of every data set, which stand for the real ones."""
    import image_files
    import own_data

    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RLID_DATA", str(folder))
        for name, dataset in list(DATASETS.items()):
            patch.setitem(DATASETS, name, image_files.write(folder, dataset))
        # The examples of tasks of one's own data: images:photos and table:flowers.csv.
        own_data.write_photos(folder / "photos")
        own_data.write_flowers(folder / "flowers.csv")
        yield folder


@pytest.fixture
def data_cache(tmp_path, monkeypatch):
    """An empty cache of data sets, and nowhere to download from."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(places, "cache_folder", lambda: folder)
    for name, dataset in list(DATASETS.items()):
        monkeypatch.setitem(DATASETS, name, replace(dataset, url="http://127.0.0.1:9/"))
    return folder


@pytest.fixture
def data_folder(tmp_path, monkeypatch, data_cache):
    """A user's folder with small data sets of the official formats."""
    import image_files

    folder = tmp_path / "data"
    for name, dataset in list(DATASETS.items()):
        monkeypatch.setitem(DATASETS, name, image_files.write(folder, dataset))
    monkeypatch.setenv("RLID_DATA", str(folder))
    return folder
