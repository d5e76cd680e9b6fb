"""From a measured store to a file of a few bytes, and back to a policy that still succeeds."""

import json
import os
import shutil
from dataclasses import replace
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
from command import rlid as run_rlid
from command import rlid_here
from policies import a_file
from records import a_record, a_spec

from rlid.measurement.summary import measurements, summarise
from rlid.policies import export, saving, video
from rlid.policies import report as policy_report
from rlid.policies.policy import Policy
from rlid.policies.policy_file import WIDTHS
from rlid.policies.report import Attempt
from rlid.store.store import Store

pytestmark = pytest.mark.usefixtures("workers_find_fixtures")


@pytest.fixture(scope="module")
def exported(quick_store, tmp_path_factory):
    (summary,) = measurements(quick_store)
    target = tmp_path_factory.mktemp("exported") / "quick.rlid"
    file, report = export.export(summary, quick_store, ["hostile"])
    saving.save(file, report, target)
    return target, report


def test_the_smallest_solved_policy_is_exported_and_still_succeeds(quick_store, exported):
    target, report = exported
    (summary,) = measurements(quick_store)
    solved = [record for record in summary.records if record.status == "solved"]
    assert report.trial in {record.key for record in solved}
    assert report.solved
    assert report.score >= report.threshold
    assert report.file_bytes == target.stat().st_size
    assert report.z_bytes == -(-report.d * report.bits // 8)
    assert policy_report.load(target.with_suffix(".json")) == report
    assert report.confirmations >= 1
    assert report.deciding_score >= report.threshold
    holding = [
        (attempt.d, attempt.bits)
        for attempt in report.attempts
        if attempt.mean - attempt.error >= report.threshold
    ]
    assert (report.d, report.bits) in holding
    if report.confirmations == 1:
        assert report.d * report.bits == min(d * bits for d, bits in holding)


@pytest.mark.parametrize(
    ("fewest_bits", "chosen"),
    [
        ({3: 2, 5: 2, 9: 2}, (3, 2)),
        ({3: 16, 5: 8, 9: 2}, (9, 2)),  # more numbers of fewer bits take less
        ({3: 8, 5: 4, 9: 3}, (5, 4)),
        ({3: 64, 5: 64, 9: 6}, (9, 6)),
        ({3: 64, 5: 64, 9: 64}, (9, 32)),  # none holds: the best validated
    ],
)
def test_the_smallest_file_of_all_solved_trials_is_chosen(monkeypatch, fewest_bits, chosen):
    tried = []

    def validated(record, bits):
        tried.append((record.spec.d, bits))
        holds = bits >= fewest_bits[record.spec.d]
        mean = 460.0 if holds else 300.0 + record.spec.d + bits
        return Attempt(d=record.spec.d, seed=0, bits=bits, mean=mean, error=1.0)

    with_stubs(monkeypatch, validated, lambda record, bits, threshold: 455.0)
    summary = summarise([a_record(spec=a_spec(d=d)) for d in (9, 3, 5)])
    assert export.export(summary, None)[:2] == chosen
    assert len(tried) <= len(WIDTHS) + 2 * (len(fewest_bits) - 1) + 1


def with_stubs(monkeypatch, validate, confirm, kind="rl"):
    """Let trials stand for their own candidates, and an export be (d, bits, how it was decided)."""
    monkeypatch.setattr(export, "_task_of", lambda summary: SimpleNamespace(kind=kind))
    monkeypatch.setattr(export, "_candidate", lambda task, record, store, number=0: record)
    monkeypatch.setattr(export, "_validate", validate)
    monkeypatch.setattr(export, "_confirm", confirm)
    monkeypatch.setattr(
        export,
        "_finish",
        lambda task, record, bits, attempts, threshold, *decided: (record.spec.d, bits, *decided),
    )


def passing(record, bits):
    return Attempt(d=record.spec.d, seed=0, bits=bits, mean=460.0, error=1.0)


def test_a_candidate_that_is_not_confirmed_gives_way_to_the_next_larger_file(monkeypatch):
    sizes = []

    def confirm(record, bits, threshold):
        sizes.append(record.spec.d * bits)
        return 455.0 if len(sizes) == 3 else None

    with_stubs(monkeypatch, passing, confirm)
    summary = summarise([a_record(spec=a_spec(d=d)) for d in (3, 5)])
    assert export.export(summary, None) == (3, 4, 3, 455.0)
    assert sizes == [6, 9, 12]  # 3 numbers of 2, 3 and 4 bits


def test_where_no_candidate_is_confirmed_the_best_validated_is_exported_as_not_solved(monkeypatch):
    with_stubs(monkeypatch, passing, lambda *_: None)
    _, _, confirmations, *deciding = export.export(summarise([a_record()]), None)
    assert confirmations == len(WIDTHS)
    assert deciding == []


def test_a_task_without_episodes_needs_no_confirmation(monkeypatch):
    with_stubs(monkeypatch, passing, lambda *_: pytest.fail("nothing fresh to play"), "supervised")
    assert export.export(summarise([a_record()]), None) == (3, 2)


def test_every_scoring_of_a_candidate_has_episodes_of_its_own(quick_store):
    (summary,) = measurements(quick_store)
    task = export._task_of(summary)
    record = next(record for record in summary.records if record.status == "solved")
    groups = []
    for number in range(3):
        candidate = export._candidate(task, record, quick_store, number)
        groups += [candidate.confirmation, candidate.gate]
    groups += [candidate.validation, candidate.reporting]
    seeds = [seed for group in groups for seed in group]
    assert [len(group) for group in groups] == [100] * 6 + [task.validation_episodes, 100]
    assert len(set(seeds)) == len(seeds)


@pytest.mark.parametrize(("distance", "most"), [(-0.3, 0.02), (-0.1, 0.3), (0.5, 1.0)])
def test_a_policy_below_the_threshold_is_rarely_exported_as_solved(monkeypatch, distance, most):
    rng = np.random.default_rng(5)
    candidate = SimpleNamespace(
        z=np.ones(3, np.float32), problem=None, confirmation=range(100), gate=range(100)
    )
    monkeypatch.setattr(
        export.policy, "score", lambda problem, z, seeds: rng.normal(distance, 1.0, len(seeds))
    )
    passed = [export._confirm(candidate, 8, 0.0) is not None for _ in range(400)]
    share = sum(passed) / len(passed)
    assert share <= most
    assert distance < 0 or share > 0.95


def test_a_report_of_the_first_edition_keeps_its_bytes():
    old = {"seed": 1, "bits": 4, "mean": 470.0, "error": 2.0}
    assert Attempt(**old).model_dump() == old
    assert Attempt(**old, d=3).model_dump() == {**old, "d": 3}


def test_exporting_twice_writes_the_same_bytes(quick_store, exported, tmp_path):
    (summary,) = measurements(quick_store)
    saving.save(*export.export(summary, quick_store, ["hostile"]), tmp_path / "again.rlid")
    target, _ = exported
    assert (tmp_path / "again.rlid").read_bytes() == target.read_bytes()
    assert (tmp_path / "again.json").read_bytes() == target.with_suffix(".json").read_bytes()


def test_a_new_process_plays_the_file(exported, tmp_path):
    target, report = exported
    done = run_rlid("play", target, "--import", "hostile", "--json", "--seed", "3", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["score"] >= report.threshold
    assert (said["d"], said["bits"], said["episodes"]) == (report.d, report.bits, 100)
    policy = Policy.load(target)
    assert policy.evaluate(100, seed=3).mean() == said["score"]
    assert int(policy.predict(np.zeros(2))) in (0, 1)


def test_a_file_cannot_ask_for_an_import(exported, tmp_path):
    target, _ = exported
    done = run_rlid("play", target, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "--import" in done.stderr


def test_a_measurement_without_a_solution_has_nothing_to_export(quick_store):
    (summary,) = measurements(quick_store)
    records = tuple(r.model_copy(update={"status": "unsolved"}) for r in summary.records)
    with pytest.raises(ValueError, match="no trial is solved"):
        export.export(replace(summary, records=records), quick_store)


def test_export_all_exports_every_measurement_and_names_those_without_a_policy(
    quick_store, tmp_path
):
    store = Store(tmp_path / "store")
    shutil.copytree(quick_store.folder, store.folder, dirs_exist_ok=True)
    records = [
        a_record(spec=a_spec(task="sum_constraints:4", d=4)),
        a_record(spec=a_spec(task="acrobot"), status="unsolved", score=30.0, stopped_early=False),
    ]
    for record in records:
        store.add(record, np.zeros(record.spec.d, np.float32))
    done = rlid_here(
        "export", "--all", "--import", "hostile", "--store", store.folder, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("written: ") == 1
    assert len(list(store.folder.glob("policies/*/*.rlid"))) == 1
    named = [line for line in done.stderr.splitlines() if line.startswith("not exported: ")]
    assert len(named) == len(records)
    for record in records:
        path = f"{record.spec.task}/cmaes/{record.spec.network}/{record.spec.projection}/"
        assert sum(line.startswith(f"not exported: {path}") for line in named) == 1


def test_the_command_writes_into_the_store_and_says_what_it_weighs(quick_store, tmp_path):
    shutil.copytree(quick_store.folder, tmp_path / "rlid-store")
    done = rlid_here("export", "gym:Quick-v0/cmaes", "--import", "hostile", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    first, second, third = done.stdout.splitlines()
    assert first.startswith("gym:Quick-v0 · cmaes · mlp:4 (D = 22) · onehot: d = ")
    assert " over 100 fresh episodes, at least the " in second
    assert (tmp_path / third.removeprefix("written: ")).is_file()


def test_an_episode_is_recorded_as_a_video(tmp_path):
    pytest.importorskip("imageio_ffmpeg", reason="needs the extra 'video'")
    (tmp_path / "p.rlid").write_bytes(a_file().dump())
    done = rlid_here(
        "play", "p.rlid", "--episodes", "2", "--video", "out.mp4", cwd=tmp_path,
        SDL_VIDEODRIVER="dummy",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert b"ftyp" in (tmp_path / "out.mp4").read_bytes()[:32]
    assert "a typical episode, nearest the median of 2: return " in done.stdout


def test_the_episode_of_the_video_is_one_that_was_played_with_its_return(tmp_path):
    pytest.importorskip("imageio_ffmpeg", reason="needs the extra 'video'")
    (tmp_path / "p.rlid").write_bytes(a_file().dump())
    policy = Policy.load(tmp_path / "p.rlid")
    scores = policy.evaluate(3, 7)
    chosen = video.typical(list(scores))
    assert scores[chosen] == np.median(scores)
    with mock.patch.dict(os.environ, SDL_VIDEODRIVER="dummy"):
        total = video.record(policy, tmp_path / "out.mp4", policy.episode_seeds(3, 7)[chosen])
    assert total == pytest.approx(scores[chosen])


def test_the_typical_score_is_nearest_the_median_and_the_first_of_equals():
    assert video.typical([1.0, 9.0, 5.0, 100.0]) == 1
    assert video.typical([7.0]) == 0
    assert video.typical([2.0, 2.0]) == 0


@pytest.mark.parametrize("name", ["out.gif", "out", "out.xyz"])
def test_a_format_of_video_that_is_not_possible_is_one_line_before_anything_is_played(
    tmp_path, name
):
    (tmp_path / "p.rlid").write_bytes(a_file().dump())
    done = rlid_here("play", "p.rlid", "--episodes", "2", "--video", name, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "must end with one of .mp4" in done.stderr
    assert not (tmp_path / name).exists()
