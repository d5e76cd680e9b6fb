"""rlid check where trials failed: no verdict, and --retry runs them again."""

import pytest
from command import rlid_here
from here import EngineHere

from rlid.engine.agenda import End
from rlid.records import missing_record

QUICK = ["gym:Quick-v0", "--import", "hostile", "--network", "mlp:4", "--agent", "random"]


class LosesTheFirst(EngineHere):
    """Loses the worker of the first trial that it is given."""

    has_lost = False

    def run(self, agenda):
        if self.has_lost:
            super().run(agenda)
            return
        self.has_lost = True
        cell = agenda.next()
        (spec, *_) = cell.specs
        agenda.add(missing_record(spec, cell.judgement, 10, "error", "the worker died", 1.0))
        agenda.end(cell, End("lost"))
        super().run(agenda)


@pytest.fixture
def check(tmp_path, monkeypatch, give_reference):
    """Return a function that checks with an engine in this process."""
    give_reference("gym:Quick-v0", 5.0, 2.5, network="mlp:4")

    def check(engine, *options):
        monkeypatch.setattr("rlid.measurement.runner.make_engine", lambda *_: engine)
        words = ["check", *QUICK, "--max-dint", "5", "--budget", "600", "--store", "store"]
        return rlid_here(*words, "--quiet", *options, cwd=tmp_path)

    return check


def test_a_check_with_a_failed_trial_has_a_verdict_once_retry_has_run_it(check):
    done = check(LosesTheFirst())
    assert done.returncode == 1
    assert "no verdict: 1 trial failed" in done.stdout
    assert done.stderr == "rlid: --retry runs failed trials again\n"
    assert "no verdict: 1 trial failed" in check(EngineHere()).stdout
    done = check(EngineHere(), "--retry")
    assert "no verdict" not in done.stdout
    assert "d_int90 is" in done.stdout
    assert done.stderr == ""
