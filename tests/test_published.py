"""Published measurements: complete, deterministic, and refused when damaged."""

import json
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from command import rlid_here

from rlid.errors import DamagedRecord, StoreError
from rlid.leaderboard import publish as publisher
from rlid.leaderboard.assessment import assess
from rlid.leaderboard.from_records import signed
from rlid.leaderboard.published import parse
from rlid.records.measurement_spec import MeasurementSpec
from rlid.records.strict_json import canonical
from rlid.store import measurements as measured
from rlid.store.store import Store, parse_z

pytestmark = pytest.mark.usefixtures("workers_find_fixtures")
QUICK = ["gym:Quick-v0", "--import", "hostile", "--network", "mlp:4", "--budget", "3000"]


@pytest.fixture
def store(quick_store):
    return quick_store


def test_the_command_of_a_question_asks_the_same_question():
    from rlid.measurement.plan import plan

    asked = plan(
        "cartpole", dims=[4, 2, 1], seeds=3, seed=7, search="grid", full=True, fraction=0.8,
        rule="raw", budget=5000, settings=["sigma0=0.3"], projection="dense", network="mlp:08x4",
        imports=["hostile"],
    ).question  # fmt: skip
    assert asked.command == (
        "rlid run cartpole --agent cmaes --network mlp:8x4 --dims 1,2,4 --seeds 3 "
        "--projection dense --seed 7 --search grid --budget 5000 --full --fraction 0.8 "
        "--rule raw --set sigma0=0.3 --import hostile"
    )
    plain = plan("cartpole", dmax=20, budget=200_000).question
    assert (
        plain.command == "rlid run cartpole --agent cmaes --network mlp:20x20 --dmax 20 --seeds 10"
    )


def test_every_part_of_a_question_enters_its_digest():
    base = {"task": "cartpole", "agent": "cmaes", "network": "linear", "dmax": 5}
    changes = [
        {}, {"task": "acrobot"}, {"agent": "ppo"}, {"network": "mlp:2"}, {"dmax": 6},
        {"projection": "dense"}, {"dims": (1, 5)}, {"seeds": 9}, {"seed": 1}, {"search": "grid"},
        {"precision": 0.1}, {"max_trials": 7}, {"budget": 8}, {"full": True}, {"fraction": 0.8},
        {"rule": "raw"}, {"settings": ("a=1",)}, {"imports": ("x",)},
        {"observation": "frozen"}, {"backend": "mujoco"}, {"baseline": "global"},
    ]  # fmt: skip
    assert len({MeasurementSpec(**{**base, **change}).digest for change in changes}) == len(changes)
    assert set().union(*changes) <= set(MeasurementSpec.model_fields)


def test_a_published_measurement_says_what_the_run_said(store):
    (one,) = publisher.harvest(store).published
    (kept,) = measured.of_store(store)
    records = {record.key: record for record in store.records()}
    assert [row.key for row in one.rows] == list(kept.trials)
    for row in one.rows:
        record = records[row.key]
        assert one.spec(row.d, row.seed) == record.spec
        assert (row.status, row.score, row.theta_sha256) == (
            record.status,
            record.score,
            record.theta_sha256,
        )
        assert one.versions[row.versions] == record.versions
    assert one.threshold == pytest.approx(one.random + 0.9 * (one.reference - one.random))
    assert assess(one).estimate.d_int90 == one.answer.d_int90
    assert one.sha256 == one.digest()
    assert one.command.startswith("rlid run gym:Quick-v0 --agent cmaes --network mlp:4 --dmax 5")
    assert one.command.endswith("--seeds 5 --budget 3000 --import hostile")


def test_publishing_twice_writes_the_same_bytes_and_z_beside(store, tmp_path):
    (one,) = publisher.harvest(store).published
    written = [publisher.write(one, store, tmp_path / name) for name in ("a", "b")]
    assert [path.read_bytes() for path in written[0]] == [path.read_bytes() for path in written[1]]
    assert publisher.read_all(tmp_path / "a") == [one]
    z = parse_z(written[0][3].read_bytes(), one.smallest_solved)
    assert z.shape == (one.smallest_solved,)


def test_a_run_that_reuses_everything_leaves_the_file_as_it_is(store, tmp_path):
    (path,) = (store.folder / "measurements").glob("*/*.json")
    before = path.read_bytes(), path.stat().st_mtime_ns
    done = rlid_here(
        "run", *QUICK, "--dmax", "5", "--seeds", "5", "--store", store.folder, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_the_command_writes_the_files_and_names_what_it_cannot(store, tmp_path):
    done = rlid_here("publish", "--store", store.folder, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    names = [line.rpartition("/")[2] for line in done.stdout.splitlines()]
    assert [name.rpartition(".")[2] for name in names] == [
        "json", "csv", "svg", "safetensors",
    ]  # fmt: skip
    assert (tmp_path / done.stdout.splitlines()[0]).is_file()


def test_a_measurement_is_published_by_its_name_or_the_first_parts_of_it(store, tmp_path):
    (published,) = publisher.harvest(store).published
    asked = published.question
    whole = "/".join((asked.task, asked.agent, asked.network, asked.projection, asked.digest))
    for name in (
        whole,
        f"{asked.task}/{asked.agent}",
        f"{asked.task}/{asked.agent}/{asked.digest}",
    ):
        assert publisher.harvest(store, name).published == (published,)
    for name in (f"{asked.task}/ars", f"{whole}/more", "acrobot", f"{asked.task}/"):
        assert publisher.harvest(store, name).published == ()
    done = rlid_here("publish", f"{asked.task}/ars", "--store", store.folder, cwd=tmp_path)
    assert done.returncode == 2
    assert f"no finished measurement of {asked.task}/ars to publish" in done.stderr


def test_answers_are_derived_again_for_a_task_or_a_name_alone(store, tmp_path):
    (published,) = publisher.harvest(store).published
    publisher.write(published, store, tmp_path)
    asked = published.question
    for name in (asked.task, f"{asked.task}/{asked.agent}/{asked.digest}"):
        done = rlid_here("publish", name, "--again", "--out", tmp_path, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    done = rlid_here("publish", f"{asked.task}/ars", "--again", "--out", tmp_path, cwd=tmp_path)
    assert done.returncode == 2
    assert f"no published results of {asked.task}/ars" in done.stderr


def test_the_learning_curves_name_their_d_in_plain_numbers(store, tmp_path):
    (one,) = publisher.harvest(store).published
    (svg,) = (path for path in publisher.write(one, store, tmp_path) if path.suffix == ".svg")
    words = {text.strip() for text in ET.parse(svg).getroot().itertext()}
    titles = {word.partition(":")[0] for word in words}
    assert {f"d = {row.d}" for row in one.rows} <= titles
    assert not [text for text in words if "$" in text]


@pytest.fixture
def copy(store, tmp_path):
    shutil.copytree(store.folder, tmp_path / "copy")
    return Store(tmp_path / "copy")


def test_a_measurement_that_lost_a_trial_is_not_published(copy, tmp_path):
    (kept,) = measured.of_store(copy)
    next(copy.folder.glob(f"trials/*/{kept.trials[0]}.json")).unlink()
    assert publisher.harvest(copy).published == ()
    assert "1 of" in publisher.harvest(copy).refused[0]
    done = rlid_here("publish", "--store", copy.folder, cwd=tmp_path)
    assert done.returncode == 2
    assert "trials have gone: rlid run gym:Quick-v0" in done.stderr


def test_an_exported_policy_is_published_and_counts_unless_it_failed_on_fresh_episodes(
    copy, tmp_path
):
    done = rlid_here(
        "export", "gym:Quick-v0", "--import", "hostile", "--store", copy.folder, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    (one,) = publisher.harvest(copy).published
    assert one.policy.solved
    names = [path.suffix for path in publisher.write(one, copy, tmp_path / "results")]
    assert ".rlid" in names
    (path,) = (copy.folder / "policies").glob("*/*.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "score": 0.0, "solved": False}))
    (one,) = publisher.harvest(copy).published
    assert one.policy is not None
    assert one.solved_policy is None


def test_trials_of_an_unfinished_run_are_named(copy):
    for path in (copy.folder / "measurements").glob("*/*.json"):
        path.unlink()
    (line,) = publisher.harvest(copy).unclaimed
    assert line.startswith("gym:Quick-v0 · cmaes · mlp:4 · onehot: ")


def test_a_measurement_is_refused_where_half_of_its_trials_are_errors(copy, tmp_path):
    (kept,) = measured.of_store(copy)
    paths = [next(copy.folder.glob(f"trials/*/{key}.json")) for key in kept.trials]

    def fail(count):
        for path in paths[:count]:
            record = json.loads(path.read_text())
            record.pop("sha256", None)
            record |= {
                "status": "error", "reason": "NameError: no such name", "score": None,
                "deciding_score": None, "theta_sha256": None, "z_sha256": None,
            }  # fmt: skip
            path.write_text(json.dumps(record))

    half = (len(paths) + 1) // 2
    fail(half - 1)
    assert len(publisher.harvest(copy).published) == 1
    fail(half)
    harvest = publisher.harvest(copy)
    assert harvest.published == ()
    assert "NameError: no such name" in harvest.refused[0]
    done = rlid_here("publish", "--store", copy.folder, cwd=tmp_path)
    assert done.returncode == 2
    assert "NameError: no such name" in done.stderr
    assert not (tmp_path / "results").exists()


def test_answers_are_derived_again_from_their_rows_and_nothing_else_changes(store, tmp_path):
    (published,) = publisher.harvest(store).published
    path = publisher.write(published, store, tmp_path)[0]
    assert publisher.derive_again(path) == []
    # As an earlier estimator would have left it: another answer, and fewer fields.
    value = json.loads(path.read_text())
    old = {**value["answer"], "d_int90": value["answer"]["d_int90"] + 1}
    for name in ("d_reliable", "reliable_low", "reliable_high", "bracket"):
        del old[name]
    earlier = parse(json.dumps({**value, "answer": old}))
    path.write_text(signed(earlier).dump())
    assert "d_reliable" not in json.loads(path.read_text())["answer"]
    done = rlid_here("publish", "--again", "--out", tmp_path, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    d = value["answer"]["d_int90"]
    assert f"d_int90: {d + 1} -> {d}" in done.stdout
    assert json.loads(path.read_text()) == value


def test_an_altered_file_is_not_derived_again(store, tmp_path):
    (published,) = publisher.harvest(store).published
    path = publisher.write(published, store, tmp_path)[0]
    value = json.loads(path.read_text())
    value["rows"][0]["seconds"] += 1
    path.write_text(json.dumps(value))
    with pytest.raises(DamagedRecord, match="not that of its SHA-256"):
        publisher.derive_again(path)


def test_a_file_without_later_fields_keeps_its_digest_and_its_text():
    source = next((Path(__file__).parent / "fixtures" / "published").glob("cartpole/*.json"))
    published = publisher.read(source)
    assert published.rows[0].deciding_score is None
    assert '"deciding_score"' not in source.read_text()
    assert published.digest() == published.sha256
    assert published.dump() == source.read_text()


def test_a_damaged_question_is_refused_in_one_line(copy):
    (path,) = (copy.folder / "measurements").glob("*/*.json")
    path.write_text(path.read_text().replace('"grid"', "NaN").replace('"adaptive"', "NaN"))
    with pytest.raises(StoreError, match="NaN is not allowed"):
        list(measured.of_store(copy))


def test_a_published_file_is_strict_json(store, tmp_path):
    (one,) = publisher.harvest(store).published
    path = publisher.write(one, store, tmp_path)[0]
    value = json.loads(path.read_text())
    for damage in (
        lambda v: v.update(extra=1),
        lambda v: v["rows"][0].update(score="high"),
        lambda v: v["rows"][0].update(key="short"),
        lambda v: v.pop("threshold"),
    ):
        changed = json.loads(canonical(value))
        damage(changed)
        path.write_text(json.dumps(changed))
        with pytest.raises(DamagedRecord):
            publisher.read(path)
