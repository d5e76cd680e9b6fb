"""One stranger's file among honest ones: refused by name in one line, and it stops no other."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from command import rlid_here
from measurements import RANDOM, REFERENCE, THRESHOLD, a_published, a_reference
from records import a_record

from rlid.errors import DamagedRecord
from rlid.leaderboard import publish as publisher
from rlid.leaderboard.from_records import signed
from rlid.leaderboard.published import parse
from rlid.records import Judgement, MeasurementSpec
from rlid.store import measurements
from rlid.store.store import Store

PUBLISHED = Path(__file__).parent / "fixtures" / "published"
EXPORTED = PUBLISHED / "cartpole" / "cmaes-mlp_20x20-onehot-b4cb0ebd.json"


def in_protocol(value):
    def change(fields):
        fields["common"]["protocol"] = value

    return change


def in_rows(name, value):
    def change(fields):
        for row in fields["rows"]:
            row[name] = value

    return change


def in_file(name, value):
    def change(fields):
        fields[name] = value

    return change


CHANGES = {
    "a word for the protocol": in_protocol("x"),
    "no protocol": in_protocol(None),
    "a list for the protocol": in_protocol([1]),
    "no common fields": in_file("common", {}),
    "endless trials": in_rows("seconds", 1.7e308),
    "a score that no trial has": in_rows("score", 1.7e308),
    "a deciding score that no trial has": in_rows("deciding_score", -1.7e308),
    "a random score that no trial has": in_file("random", -1.7e308),
    "a reference that no trial has": in_file("reference", 1.7e308),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_strange_file_is_refused_by_name_and_the_others_are_shown(tmp_path, name):
    folder = tmp_path / "results"
    honest = folder / "cartpole" / EXPORTED.name
    honest.parent.mkdir(parents=True)
    for path in EXPORTED.parent.glob(f"{EXPORTED.stem}.*"):
        shutil.copy(path, honest.parent)
    fields = json.loads(a_published("acrobot", D=642).dump())
    CHANGES[name](fields)
    try:
        text = signed(parse(json.dumps(fields))).dump()
    except DamagedRecord:
        text = json.dumps(fields)
    strange = folder / "acrobot" / publisher.path(a_published("acrobot"), folder).name
    strange.parent.mkdir()
    strange.write_text(text)
    verified = rlid_here("verify", strange, cwd=tmp_path)
    assert verified.returncode == 1
    assert verified.stdout.startswith(f"{strange}: ")
    done = rlid_here("leaderboard", "--out", folder, cwd=tmp_path)
    assert done.returncode == 1
    assert [str(strange) in line for line in done.stderr.splitlines()] == [True]
    assert '"task": "cartpole"' in (folder / "leaderboard.json").read_text()
    assert (folder / "index.html").is_file()


def test_a_measurement_with_a_score_that_no_file_may_hold_is_not_published(tmp_path):
    store, record = Store(tmp_path), a_record(score=-1e150, status="unsolved")
    store.add(record)
    question = MeasurementSpec(
        task="cartpole", agent="cmaes", network="mlp:20x20", dmax=20, search="grid"
    )
    judgement = Judgement.of(question, random=RANDOM, full=REFERENCE)
    judgement = replace(judgement, threshold=THRESHOLD)
    reference = a_reference("cartpole", "mlp:20x20", record.D)
    measurements.save(store, question, "rl", judgement, reference, [record])
    (line,) = publisher.harvest(store).refused
    assert line == f"a score beyond 1e+100: {question.command}"
