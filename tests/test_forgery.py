"""Forged results: refused by what rlid knows; invented trials are met at the stated rate."""

import hashlib
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from command import rlid_here

sys.path.append(str(Path(__file__).parent / "faults"))

import forgery

from rlid.leaderboard import collection, compared, known_reference, sample
from rlid.leaderboard import publish as publisher
from rlid.leaderboard.from_records import signed
from rlid.leaderboard.known import known_of
from rlid.leaderboard.published import parse
from rlid.leaderboard.verify import verify

RESULTS = Path(__file__).parents[1] / "results"
PUBLISHED = Path(__file__).parent / "fixtures" / "published"
EXPORTED = PUBLISHED / "cartpole" / "cmaes-mlp_20x20-onehot-b4cb0ebd.json"
WITH_ORIGIN = RESULTS / "cartpole" / "cmaes-mlp_20x20-onehot-870e2998.json"
DIGITS = RESULTS / "digits" / "adam-mlp_50x50-onehot-f8d0f17a.json"
CIFAR10 = RESULTS / "cifar10" / "adam-mlp_200x200-onehot-4e61be88.json"
PONG = RESULTS / "pong" / "ppo-conv_16-32-256-onehot-8b211452.json"


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    """The published file of a real measurement of CartPole."""
    return forgery.an_honest_result(tmp_path_factory.mktemp("honest"))


def test_an_honest_result_is_held_against_task_search_and_reference(honest):
    verdict = verify(honest)[1]
    assert (verdict.problems, verdict.notes) == ((), ())
    assert {"task", "search", "reference", "z"} <= set(verdict.checked)


@pytest.mark.parametrize("name", forgery.FORGERIES)
def test_a_forged_result_is_refused(honest, tmp_path, name):
    assert verify(forgery.forged(name, honest, tmp_path))[1].problems


def test_the_forger_changes_nothing_where_nothing_is_forged(honest, tmp_path, monkeypatch):
    monkeypatch.setitem(forgery.FORGERIES, "nothing", lambda value: None)
    assert verify(forgery.forged("nothing", honest, tmp_path))[1].problems == ()


def copy_of(source, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for path in source.parent.glob(f"{source.stem}.*"):
        shutil.copy(path, folder)
    return folder / source.name


@pytest.mark.parametrize(
    ("suffix", "problem"),
    [(".safetensors", "names a z"), (".rlid", "names a policy")],
)
def test_files_that_a_measurement_names_must_lie_beside_it(tmp_path, suffix, problem):
    source = copy_of(EXPORTED, tmp_path)
    source.with_suffix(suffix).unlink()
    (line,) = verify(source)[1].problems
    assert problem in line


def test_an_edited_policy_whose_hash_is_edited_as_well_is_refused(tmp_path):
    source = copy_of(EXPORTED, tmp_path)
    policy = source.with_suffix(".rlid")
    data = bytearray(policy.read_bytes())
    data[-1] ^= 128
    policy.write_bytes(bytes(data))
    value = json.loads(source.read_text())
    value["policy"]["file_sha256"] = hashlib.sha256(bytes(data)).hexdigest()
    source.write_text(signed(parse(json.dumps(value))).dump())
    (line,) = verify(source)[1].problems
    assert "the weights that follow from it are not those that it names" in line


def of_a_report_without_d(policy):
    for attempt in policy["attempts"]:
        attempt["d"] = 0


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (of_a_report_without_d, "do not say their d"),
        (lambda policy: policy.update(attempts=[]), "do not say their d"),
        (lambda policy: policy.update(confirmations=0), "not played again on fresh episodes"),
        (lambda policy: policy.update(score=1e9), "above the task's ceiling"),
        (lambda policy: policy.update(deciding_score=501.0), "above the task's ceiling"),
        (lambda policy: policy["attempts"][0].update(mean=501.0), "above the task's ceiling"),
    ],
)
def test_a_forged_report_of_a_policy_is_refused(tmp_path, change, problem):
    source = copy_of(WITH_ORIGIN, tmp_path)
    value = json.loads(source.read_text())
    change(value["policy"])
    source.write_text(signed(parse(json.dumps(value))).dump())
    assert any(problem in line for line in verify(source)[1].problems)


def changed(source, *changes):
    """Return a published file with numbers of its reference, or of its trials, changed."""
    value = json.loads(source.read_text())
    for change in changes:
        change(value)
    return signed(parse(json.dumps(value)))


@pytest.mark.parametrize(
    ("source", "random"), [(DIGITS, -5.0), (DIGITS, 1.2), (CIFAR10, 0.09), (CIFAR10, 0.2)]
)
def test_the_random_score_of_a_supervised_task_is_chance(source, random):
    published = changed(source, lambda value: value["reference_record"].update(random=random))
    problems = [*known_reference.problems(published, known_of(published.question))]
    assert any("chance is 0.1" in line for line in problems)


def of_an_earlier_task(value):
    for holder in (value["common"], value["reference_record"]):
        holder["task_version"] = 1


@pytest.mark.parametrize(
    ("source", "change", "reason"),
    [
        (CIFAR10, of_an_earlier_task, "version 1 of the task, not 2"),
        (
            DIGITS,
            lambda value: value["reference_record"]["direct"][0]["settings"].update(lr=1e-5),
            "reference by adam with settings that are not the task's own",
        ),
    ],
    ids=["task", "settings"],
)
def test_a_measurement_by_another_protocol_than_the_present_one_is_provisional(
    source, change, reason
):
    assert [*compared.reasons(publisher.read(source))] == []
    assert [*compared.reasons(changed(source, change))] == [reason]


def test_the_draw_does_not_depend_on_the_order_of_the_rows(honest):
    published = publisher.read(honest)
    turned = published.model_copy(update={"rows": published.rows[::-1]})
    assert sample.draw(published, 5, 7) == sample.draw(turned, 5, 7)
    seeds = {tuple(row.key for row in sample.draw(published, 5, seed).rows) for seed in range(20)}
    assert len(seeds) > 5


@pytest.mark.parametrize("source", [EXPORTED, CIFAR10], ids=lambda path: path.stem)
def test_invented_trials_are_met_at_least_at_the_stated_rate(source):
    published = publisher.read(source)
    rows = sorted(published.rows, key=lambda row: (row.d, row.seed))
    half = max(1, round(0.5 * len(rows)))
    stated = sample.chances(published, 5)[0.5]
    for invented in (rows[:half], rows[-half:], rows[::2]):
        keys = {row.key for row in invented}
        met = np.mean(
            [
                bool(keys & {row.key for row in sample.draw(published, 5, seed).rows})
                for seed in range(400)
            ]
        )
        assert met >= stated - 0.08


def test_direct_training_and_policy_are_drawn_where_they_are_not_known(tmp_path):
    drawn = sample.draw(publisher.read(CIFAR10), 1000, 0)
    assert drawn.direct == tuple(("adam", 2**32 + number) for number in range(5))
    assert drawn.has_policy
    of_cartpole = map(publisher.read, sorted(RESULTS.glob("cartpole/*.json")))
    known = next(each for each in of_cartpole if known_reference.is_shipped(each))
    assert sample.draw(known, 1000, 0).direct == ()


@pytest.mark.parametrize(
    ("shipped", "own", "is_enough"),
    [("ppo", "ppo", True), ("ppo", "batched_ppo", True), ("batched_ppo", "ppo", True),
     ("ppo", "a2c", False)],
)  # fmt: skip
def test_direct_training_by_either_ppo_covers_that_by_the_other(
    monkeypatch, shipped, own, is_enough
):
    published = publisher.read(PONG)
    (direct,) = published.reference_record.direct

    def by(agent, reference):
        trials = [direct.trials[0].model_copy(update={"seed": 2**32 + n}) for n in range(5)]
        trained = direct.model_copy(update={"agent": agent, "trials": trials})
        changes = {"agent": agent, "reference": reference, "direct": [trained]}
        return published.reference_record.model_copy(update=changes)

    monkeypatch.setattr(known_reference, "_shipped", lambda record: by(shipped, 20.0))
    changed = published.model_copy(update={"reference_record": by(own, 21.0)})
    problems = [*known_reference.problems(changed, known_of(published.question))]
    assert any("lacks direct training" in line for line in problems) is not is_enough


def test_a_bad_file_keeps_no_other_from_the_leaderboard(honest, tmp_path):
    results = tmp_path / "results"
    for source in (honest, EXPORTED):
        copy_of(source, results / "cartpole")
    edited = results / "cartpole" / EXPORTED.name
    edited.write_text(edited.read_text().replace('"d_int90": ', '"d_int90": 1', 1))
    second = results / "cartpole" / "another.json"
    shutil.copy(honest, second)
    (results / "cartpole" / "broken.json").write_text("{")
    loaded = collection.load(results)
    assert loaded.published == (publisher.read(honest),)
    assert len(loaded.refused) == 3
    for name in (EXPORTED.name, "another.json", "broken.json"):
        assert any(name in line for line in loaded.refused)
    done = rlid_here("leaderboard", "--out", results, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.count("refused: ") == 3
    assert "cartpole" in (results / "leaderboard.csv").read_text()


def test_a_second_file_of_one_measurement_is_named(honest, tmp_path):
    other = copy_of(honest, tmp_path / "other")
    done = rlid_here("verify", honest, other, cwd=tmp_path)
    assert done.returncode == 1
    assert f"the same measurement as {honest}" in done.stdout
