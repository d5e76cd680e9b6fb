"""Runs that share their trials: each is exported, drawn and published with its own."""

import json
import xml.etree.ElementTree as ET

import pytest
from command import rlid_here

from rlid.leaderboard import publish as publisher
from rlid.measurement import answered, measurements
from rlid.store import Store

pytestmark = pytest.mark.usefixtures("workers_find_fixtures")
WIDE = ("--dims", "1,2,3,5", "--reference", "5")
NARROW = ("--dims", "2,4", "--reference", "3")
"""Two questions with thresholds of their own; they share the trials at d = 2."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory, quick_store):
    """A store with two finished runs of full trials."""
    folder = tmp_path_factory.mktemp("shared")
    for question in (WIDE, NARROW):
        done = rlid_here(
            "run", "gym:Quick-v0", "--import", "hostile", "--network", "mlp:4", "--budget", "2000",
            "--seeds", "2", "--search", "grid", "--full", "--jobs", "1", *question, cwd=folder,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    return Store(folder / "rlid-store")


def dims(summary):
    return sorted({record.spec.d for record in summary.records})


def test_a_finished_run_has_the_trials_that_it_asked_for(shared):
    assert [dims(summary) for summary in measurements(shared)] == [[1, 2, 3, 4, 5]] * 2
    assert sorted(dims(summary) for summary in answered(shared)) == [[1, 2, 3, 5], [2, 4]]


def test_the_digest_of_a_run_names_its_trials_and_that_of_the_group_all(shared):
    narrow = next(summary for summary in answered(shared) if dims(summary) == [2, 4])
    assert dims(answered(shared, narrow.path)[0]) == [2, 4]
    group = "/".join(narrow.names[-1])
    assert dims(answered(shared, group)[0]) == [1, 2, 3, 4, 5]


def test_every_run_is_published_with_a_policy_of_its_own_trials(shared, tmp_path):
    done = rlid_here("export", "--all", "--import", "hostile", cwd=shared.folder.parent)
    assert "written: " in done.stdout, done.stderr
    published = publisher.harvest(shared).published
    assert len(published) == 2
    for measurement in published:
        rows = {(row.d, row.seed) for row in measurement.rows if row.status == "solved"}
        assert rows, "a question without a solved trial shows nothing here"
        assert (measurement.policy.d, measurement.policy.seed) in rows
        written = publisher.write(measurement, shared, tmp_path)
        (report,) = [path for path in written if path.suffix == ".json"]
        (file,) = [path for path in written if path.suffix == ".rlid"]
        assert json.loads(report.read_text())["policy"]["file_bytes"] == len(file.read_bytes())


def test_learning_curves_are_drawn_as_their_own_run_judges_them(shared, tmp_path):
    counted = {}
    for measurement in publisher.harvest(shared).published:
        written = publisher.write(measurement, shared, tmp_path)
        (drawn,) = [path for path in written if path.suffix == ".svg"]
        words = {text.strip() for text in ET.parse(drawn).getroot().itertext()}
        for d in {row.d for row in measurement.rows}:
            rows = [row for row in measurement.rows if row.d == d]
            solved = sum(row.status == "solved" for row in rows)
            assert f"d = {d}: {solved} of {len(rows)} solved" in words
            counted.setdefault(d, set()).add(solved)
    assert len(counted[2]) == 2, "the two questions judge their common trials alike: no test"
