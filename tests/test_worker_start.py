"""Workers that the machine has no room for: one line, and no trial is lost."""

import errno
import os

import pytest
from records import a_spec

from rlid.engine import local
from rlid.engine.agenda import Agenda, Cell
from rlid.engine.local import LocalEngine
from rlid.errors import EngineError
from rlid.records.judgement import Judgement
from rlid.store.leases import Leases
from rlid.store.store import Store


def test_a_worker_that_cannot_start_ends_the_run_with_one_line_and_records_nothing(
    tmp_path, monkeypatch
):
    def fail(*_):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(local, "Pipe", fail)
    store, leases = Store(tmp_path), Leases(tmp_path)
    cell = Cell("cartpole", (), (a_spec(),), Judgement(), str(tmp_path))
    with (
        LocalEngine(1, 60.0) as engine,
        pytest.raises(EngineError, match="no worker can start: Too many open files"),
    ):
        engine.run(Agenda([cell], store, leases, lambda _: 10, lambda record: None))
    leases.close()
    assert list(store.records()) == []
    assert list((tmp_path / "leases").iterdir()) == []
